package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"network-sniffer/board/testbed"
)

// sight is what a program was told of a packet.
type sight struct {
	at    int64 // nanoseconds since 1970
	iface string
	what  string // the fields of sightFields that it has
}

// sightFields are what all the console's streams tell, by the names of JSON and CSV, and tshark's fields for the same: of several
// a packet has one.
var sightFields = []struct{ name, tshark string }{
	{"direction", "frame.packet_flags"},
	{"src_mac", "eth.src"},
	{"vlan_id", "vlan.id"},
	{"wire_length", "frame.len"},
	{"src_ip", "ip.src ipv6.src arp.src.proto_ipv4"},
	{"dst_ip", "ip.dst ipv6.dst arp.dst.proto_ipv4"},
	{"src_port", "tcp.srcport udp.srcport"},
	{"dst_port", "tcp.dstport udp.dstport"},
	{"seq_number", "tcp.seq_raw"},
	{"ack_number", "tcp.ack_raw"},
	{"flags", "tcp.flags"},
	{"window_size", "tcp.window_size_value"},
	{"name", "dns.qry.name"},
}

// see makes a sight of fields; one that is missing is empty.
func see(at int64, field func(name string) string) sight {
	s := sight{at: at, iface: field("interface")}
	for _, f := range sightFields {
		if value := field(f.name); value != "" {
			s.what += f.name + "=" + value + " "
		}
	}
	return s
}

// seeTime is see for packets whose time is a field, too.
func seeTime(field func(name string) string) (sight, error) {
	at, err := time.Parse(time.RFC3339Nano, field("ts"))
	return see(at.UnixNano(), field), err
}

func seeJSON(line string) (sight, error) {
	decoder := json.NewDecoder(strings.NewReader(line))
	decoder.UseNumber()
	var fields map[string]any
	if err := decoder.Decode(&fields); err != nil {
		return sight{}, err
	}
	return seeTime(func(name string) string {
		if value, ok := fields[name]; ok {
			return fmt.Sprint(value)
		}
		return ""
	})
}

// seeCSV returns what reads the lines below a header.
func seeCSV(header string) func(line string) (sight, error) {
	columns := map[string]int{}
	for i, name := range strings.Split(header, ",") {
		columns[name] = i
	}
	return func(line string) (sight, error) {
		record, err := csv.NewReader(strings.NewReader(line)).Read()
		if err != nil || len(record) != len(columns) {
			return sight{}, fmt.Errorf("%d values for %d columns: %w", len(record), len(columns), err)
		}
		return seeTime(func(name string) string {
			if i, ok := columns[name]; ok {
				return record[i]
			}
			return ""
		})
	}
}

// tsharkOptions have tshark print what seeTshark reads, as soon as it has it.
func tsharkOptions() string {
	options := "-n -l -Q -T fields -E occurrence=f -e frame.time_epoch -e frame.interface_name"
	for _, f := range sightFields {
		for _, name := range strings.Fields(f.tshark) {
			options += " -e " + name
		}
	}
	return options
}

func seeTshark(line string) (sight, error) {
	values := strings.Split(line, "\t")
	at, err := strconv.ParseInt(strings.Replace(values[0], ".", "", 1), 10, 64)
	if err != nil || len(values) < 2 {
		return sight{}, fmt.Errorf("%d values: %w", len(values), err)
	}
	fields := map[string]string{"interface": values[1]}
	values = values[2:]
	for _, f := range sightFields {
		for range strings.Fields(f.tshark) {
			if len(values) == 0 {
				return sight{}, fmt.Errorf("there is no %s", f.name)
			}
			fields[f.name] += values[0]
			values = values[1:]
		}
	}
	for name, say := range map[string]func(uint64) string{"direction": directionOf, "flags": func(n uint64) string { return fmt.Sprint(n) }} {
		if value := fields[name]; value != "" {
			number, err := strconv.ParseUint(value, 0, 32)
			if err != nil {
				return sight{}, err
			}
			fields[name] = say(number)
		}
	}
	return see(at, func(name string) string { return fields[name] }), nil
}

// directionOf reads the flags of a packet in pcapng, draft-ietf-opsawg-pcapng §4.3.1.
func directionOf(flags uint64) string {
	const outbound = 2
	if flags&3 == outbound {
		return "out"
	}
	reception := flags >> 2 & 7
	return [8]string{1: "in", 2: "multicast", 3: "broadcast", 4: "other"}[reception]
}

// seeNumbered is what there is to see of frame n of a sender that has the defaults.
func seeNumbered(iface string, n uint32) sight {
	kind := testbed.SendConfig{}.KindOf(n)
	fields := map[string]string{
		"interface":   iface,
		"direction":   "other", // to nobody's hardware address
		"src_mac":     fmt.Sprintf("06:5e:00:%02x:%02x:%02x", byte(n>>16), byte(n>>8), byte(n)),
		"wire_length": fmt.Sprint(len(testbed.BuildFrame(nil, n, kind, testbed.FrameConfig{}))),
	}
	if kind == testbed.ARPRequest {
		fields["direction"] = "broadcast"
	}
	switch kind {
	case testbed.UnknownType, testbed.LLC:
	case testbed.UDPv6, testbed.TCPv6, testbed.ICMPv6Echo:
		fields["src_ip"], fields["dst_ip"] = "2001:db8:0:1::1", "2001:db8:0:2::1"
	default:
		fields["src_ip"], fields["dst_ip"] = "192.0.2.1", "198.51.100.1"
	}
	flags, ack := "", ^n
	switch kind {
	case testbed.TCPSYN:
		flags, ack = "2", 0
	case testbed.TCPData:
		flags = "24"
	case testbed.TCPv6, testbed.TCPLarge:
		flags = "16"
	case testbed.VLANUDP:
		fields["vlan_id"] = fmt.Sprint(testbed.VLANID)
		fallthrough
	case testbed.UDPv4, testbed.UDPv6:
		fields["src_port"], fields["dst_port"] = fmt.Sprint(testbed.SrcPortFirst+n), fmt.Sprint(testbed.UDPDstPort)
	}
	if flags != "" {
		fields["src_port"], fields["dst_port"] = fmt.Sprint(testbed.SrcPortFirst+n), fmt.Sprint(testbed.TCPDstPort)
		fields["seq_number"], fields["ack_number"], fields["flags"] = fmt.Sprint(n), fmt.Sprint(ack), flags
		fields["window_size"] = "64240"
	}
	return see(0, func(name string) string { return fields[name] })
}

// ofInterface are the sights of one interface: between two there is no order.
func ofInterface(all []sight, iface string) (some []sight) {
	for _, s := range all {
		if s.iface == iface {
			some = append(some, s)
		}
	}
	return some
}

// checkSights: got is what was sent, each packet once and in order, within the time that it took.
func checkSights(t *testing.T, who string, got, want []sight, begin, end int64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s saw %d packets, want %d", who, len(got), len(want))
	}
	for _, iface := range []string{"lan0", "wan0"} {
		got, want := ofInterface(got, iface), ofInterface(want, iface)
		for i := range min(len(got), len(want)) {
			if got[i].what != want[i].what {
				t.Errorf("%s saw packet %d of %s as\n%s, want\n%s", who, i, iface, got[i].what, want[i].what)
			}
			if at := got[i].at; at < begin || at > end {
				t.Errorf("%s saw packet %d of %s at %d, it was sent between %d and %d", who, i, iface, at, begin, end)
			}
		}
	}
}

// checkTimes: two programs were told the same times.
func checkTimes(t *testing.T, who string, a, b []sight) {
	t.Helper()
	for _, iface := range []string{"lan0", "wan0"} {
		a, b := ofInterface(a, iface), ofInterface(b, iface)
		for i := range min(len(a), len(b)) {
			if a[i].at != b[i].at {
				t.Errorf("%s: packet %d of %s came at %d and at %d", who, i, iface, a[i].at, b[i].at)
			}
		}
	}
}

// isNumbered says whether data are the bytes of frame n of a sender that has the defaults, as many as are captured.
func isNumbered(data []byte, n uint32, snapLength int) bool {
	frame := testbed.BuildFrame(nil, n, testbed.SendConfig{}.KindOf(n), testbed.FrameConfig{})
	return bytes.Equal(data, frame[:min(len(frame), snapLength)])
}
