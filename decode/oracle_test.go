package decode

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The oracle is tshark: thousands of generated frames are written to a savefile, read by both, and compared
// field by field. Of frames that were snapped only what this package knows is compared, and in a header that
// is not all there only what both know: each shows other parts of it.

const oracleFrames = 4000 // on Ethernet; a quarter as many on each other link type

// oracleFields are the tshark fields that are asked for, all their occurrences.
var oracleFields = []string{
	"frame.len", "frame.cap_len", "eth.src", "eth.dst", "sll.src.eth", "eth.type", "vlan.etype", "llc.type", "sll.etype", "ieee8021ad.id", "vlan.id",
	"pppoe.session_id", "ip.src", "ip.dst", "ip.proto", "ip.ttl", "ip.dsfield", "ip.id", "ip.frag_offset", "ip.flags.mf", "ip.len",
	"ip.hdr_len", "ipv6.src", "ipv6.dst", "ipv6.nxt", "ipv6.hlim", "ipv6.tclass", "ipv6.hopopts.nxt", "ipv6.routing.nxt",
	"ipv6.fraghdr.nxt", "ipv6.fraghdr.offset", "ipv6.fraghdr.ident", "ah.next_header", "ipv6.dstopts.nxt", "tcp.srcport",
	"tcp.dstport", "udp.srcport", "udp.dstport", "sctp.srcport", "sctp.dstport", "dccp.srcport", "dccp.dstport", "tcp.seq_raw",
	"tcp.ack_raw", "tcp.flags", "tcp.window_size_value", "tcp.len", "tcp.options.mss_val", "tcp.options.wscale.shift",
	"tcp.options.timestamp.tsval", "tcp.options.timestamp.tsecr", "udp.length", "icmp.type", "icmp.code", "icmpv6.type",
	"icmpv6.code", "arp.opcode", "arp.src.proto_ipv4", "arp.dst.proto_ipv4",
}

func TestAgainstTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		if os.Getenv("SNIFFER_TEST_REQUIRE") == "1" {
			t.Fatal("tshark is not installed, and SNIFFER_TEST_REQUIRE=1 asks for it")
		}
		t.Skip("tshark is not installed: nothing was compared; install it to run this test")
	}
	for _, c := range []struct {
		name   string
		link   LinkType
		frames int
	}{
		{"ethernet", LinkEthernet, oracleFrames},
		{"cooked", LinkLinuxSLL, oracleFrames / 4},
		{"raw", LinkRaw, oracleFrames / 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := generator{rand.New(rand.NewPCG(7, uint64(c.link)))}
			frames := make([]oracleFrame, c.frames)
			for i := range frames {
				frames[i] = g.frame(c.link)
			}
			path := filepath.Join(t.TempDir(), "frames.pcap")
			writePcap(t, path, c.link, frames)
			rows := runTshark(t, tshark, path)
			if len(rows) != len(frames) {
				t.Fatalf("tshark read %d frames of %d", len(rows), len(frames))
			}
			compared, wrong := map[string]int{}, 0
			for i, f := range frames {
				m := Meta{WireLength: uint32(f.wire), LinkType: c.link}
				var p Packet
				Decode(&p, &m, f.data)
				if f.wire == len(f.data) && p.DecodeError != NoReason {
					t.Errorf("frame %d: %v\n%x", i+1, p.DecodeError, f.data)
				}
				for _, d := range compare(&p, rows[i], f.wire == len(f.data), compared) {
					t.Errorf("frame %d: %s\n%x\n%s", i+1, d, f.data, p.AppendText(nil, "-"))
					wrong++
				}
				if wrong > 10 {
					t.Fatal("and so on")
				}
			}
			for _, name := range oracleCompared(c.link) {
				if compared[name] == 0 {
					t.Errorf("%s was in no frame: nothing was compared", name)
				}
			}
		})
	}
}

// oracleCompared is what must have been compared at least once, so that a field that tshark renames cannot
// pass unseen.
func oracleCompared(link LinkType) []string {
	names := []string{"src_ip", "dst_ip", "protocol", "ttl", "traffic_class", "ip_id", "fragment_offset", "src_port", "dst_port",
		"seq_number", "ack_number", "flags", "window_size", "mss", "window_scale", "ts_value", "ts_echo", "payload_length",
		"icmp_type", "icmp_code"}
	if link != LinkRaw {
		names = append(names, "src_mac", "ether_type", "vlan_id", "arp_operation")
	}
	if link == LinkEthernet {
		names = append(names, "dst_mac", "inner_vlan_id", "pppoe_session")
	}
	return names
}

// runTshark returns what tshark says of each frame: field name to its occurrences.
func runTshark(t *testing.T, tshark, path string) []map[string][]string {
	t.Helper()
	args := []string{"-n", "-r", path, "-T", "fields", "-E", "occurrence=a", "-E", "separator=|", "-E", "aggregator=;",
		"-o", "tcp.relative_sequence_numbers:false", "-o", "tcp.analyze_sequence_numbers:false",
		"-o", "tcp.desegment_tcp_streams:false", "-o", "ip.defragment:false", "-o", "ipv6.defragment:false"}
	for _, f := range oracleFields {
		args = append(args, "-e", f)
	}
	command := exec.Command(tshark, args...)
	command.Env = append(os.Environ(), "HOME="+t.TempDir()) // nobody's preferences
	var complaint strings.Builder
	command.Stderr = &complaint
	out, err := command.Output()
	if err != nil {
		t.Fatalf("tshark: %v: %s", err, complaint.String())
	}
	var rows []map[string][]string
	for line := range strings.Lines(string(out)) {
		values := strings.Split(strings.TrimSuffix(line, "\n"), "|")
		if len(values) != len(oracleFields) {
			t.Fatalf("%d fields of %d in %q", len(values), len(oracleFields), line)
		}
		row := map[string][]string{}
		for i, v := range values {
			if v != "" {
				row[oracleFields[i]] = strings.Split(v, ";")
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// compare returns the differences between p and what tshark says. When the frame is whole, what tshark
// knows and p does not is one too.
func compare(p *Packet, row map[string][]string, whole bool, compared map[string]int) []string {
	var differences []string
	check := func(name string, ours bool, value any, theirs string) {
		known := theirs != ""
		if !ours && (!known || !whole) || !known && p.DecodeError != NoReason {
			return
		}
		compared[name]++
		if got := fmt.Sprint(value); ours != known || got != theirs {
			differences = append(differences, fmt.Sprintf("%s is %q (valid %v), tshark says %q", name, got, ours, theirs))
		}
	}
	first := func(names ...string) string {
		for _, n := range names {
			if len(row[n]) > 0 {
				return row[n][0]
			}
		}
		return ""
	}
	// tshark has a field of its own for the service tag, which stands in front.
	tags := append(row["ieee8021ad.id"], row["vlan.id"]...)
	tag := func(i int) string {
		if len(tags) > i {
			return number(tags[i])
		}
		return ""
	}
	has := func(g Fields) bool { return p.Valid.Has(g) }

	check("wire_length", true, p.WireLength, first("frame.len"))
	check("captured_length", true, p.CapturedLength, first("frame.cap_len"))
	check("src_mac", has(HasMAC), string(appendMAC(nil, &p.SrcMAC)), first("eth.src", "sll.src.eth"))
	check("dst_mac", p.HasDstMAC(), string(appendMAC(nil, &p.DstMAC)), first("eth.dst"))
	etherType := number(first("eth.type", "llc.type", "sll.etype"))
	if types := row["vlan.etype"]; len(types) > 0 {
		etherType = number(types[len(types)-1])
	}
	check("ether_type", has(HasEtherType), p.EtherType, etherType)
	check("vlan_id", has(HasVLAN), p.VLANID, tag(0))
	check("inner_vlan_id", has(HasInnerVLAN), p.InnerVLANID, tag(1))
	check("pppoe_session", has(HasPPPoE), p.PPPoESession, number(first("pppoe.session_id")))

	check("src_ip", has(HasAddresses), p.Source(), first("ip.src", "ipv6.src", "arp.src.proto_ipv4"))
	check("dst_ip", has(HasAddresses), p.Destination(), first("ip.dst", "ipv6.dst", "arp.dst.proto_ipv4"))
	check("ttl", has(HasIP), p.TTL, first("ip.ttl", "ipv6.hlim"))
	check("traffic_class", has(HasIP), p.TrafficClass, number(first("ip.dsfield", "ipv6.tclass")))
	check("protocol", has(HasProtocol), p.Protocol, first("ip.proto", "ipv6.dstopts.nxt", "ah.next_header", "ipv6.fraghdr.nxt",
		"ipv6.routing.nxt", "ipv6.hopopts.nxt", "ipv6.nxt"))
	check("ip_id", has(HasIPID), p.IPID, number(first("ip.id", "ipv6.fraghdr.ident")))
	offset := first("ipv6.fraghdr.offset")
	if o := first("ip.frag_offset"); p.IPVersion == 4 && (o != "0" || first("ip.flags.mf") == "1" || first("ip.flags.mf") == "True") {
		offset = o
	}
	if n, err := strconv.Atoi(offset); err == nil {
		offset = strconv.Itoa(n * 8)
	}
	check("fragment_offset", has(HasFragment), p.FragmentOffset, offset)

	// An ICMP error quotes a packet, whose fields tshark shows as well.
	if !has(HasICMP) {
		check("src_port", has(HasPorts), p.SrcPort, first("tcp.srcport", "udp.srcport", "sctp.srcport", "dccp.srcport"))
		check("dst_port", has(HasPorts), p.DstPort, first("tcp.dstport", "udp.dstport", "sctp.dstport", "dccp.dstport"))
		check("seq_number", has(HasTCP), p.SeqNumber, first("tcp.seq_raw"))
		check("ack_number", has(HasTCP), p.AckNumber, first("tcp.ack_raw"))
		if f := first("tcp.flags"); has(HasTCP) || f != "" {
			// tshark adds the four reserved bits in front of the eight flags.
			n, _ := strconv.ParseUint(f, 0, 16)
			check("flags", has(HasTCP), p.Flags, strconv.Itoa(int(n&0xff)))
		}
		check("window_size", has(HasTCP), p.WindowSize, first("tcp.window_size_value"))
		check("mss", has(HasMSS), p.MSS, first("tcp.options.mss_val"))
		check("window_scale", has(HasWindowScale), p.WindowScale, first("tcp.options.wscale.shift"))
		check("ts_value", has(HasTimestamps), p.TSValue, first("tcp.options.timestamp.tsval"))
		check("ts_echo", has(HasTimestamps), p.TSEcho, first("tcp.options.timestamp.tsecr"))
	}
	check("icmp_type", has(HasICMP), p.ICMPType, first("icmp.type", "icmpv6.type"))
	check("icmp_code", has(HasICMP), p.ICMPCode, first("icmp.code", "icmpv6.code"))
	check("arp_operation", has(HasARP), p.ARPOperation, number(first("arp.opcode")))

	// tshark has the payload's length for TCP; for UDP it is a subtraction, for others over IPv4 two.
	atoi := func(name string) int { n, _ := strconv.Atoi(first(name)); return n }
	switch {
	case !has(HasPayload):
	case has(HasFragment):
	case p.Protocol == protoTCP:
		check("payload_length", true, p.PayloadLength, first("tcp.len"))
	case p.Protocol == protoUDP:
		check("payload_length", true, p.PayloadLength, strconv.Itoa(atoi("udp.length")-8))
	case p.IPVersion == 4 && has(HasICMP):
		check("payload_length", true, p.PayloadLength, strconv.Itoa(atoi("ip.len")-atoi("ip.hdr_len")-8))
	case p.IPVersion == 4 && !has(HasPorts):
		check("payload_length", true, p.PayloadLength, strconv.Itoa(atoi("ip.len")-atoi("ip.hdr_len")))
	}
	return differences
}

// number turns tshark's hexadecimal into decimal.
func number(s string) string {
	if n, err := strconv.ParseUint(s, 0, 64); err == nil {
		return strconv.FormatUint(n, 10)
	}
	return s
}

type oracleFrame struct {
	data []byte
	wire int
}

// writePcap writes a pcap file of version 2.4 with microseconds (draft-ietf-opsawg-pcap §4, §5).
func writePcap(t *testing.T, path string, link LinkType, frames []oracleFrame) {
	t.Helper()
	le := binary.LittleEndian
	b := le.AppendUint32(nil, 0xa1b2c3d4)
	b = le.AppendUint16(le.AppendUint16(b, 2), 4)
	b = append(b, make([]byte, 8)...)
	b = le.AppendUint32(le.AppendUint32(b, 1<<18), uint32(link))
	for i, f := range frames {
		b = le.AppendUint32(le.AppendUint32(b, uint32(1_700_000_000+i)), 0)
		b = le.AppendUint32(le.AppendUint32(b, uint32(len(f.data))), uint32(f.wire))
		b = append(b, f.data...)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// generator makes frames that are right, of as many kinds as it can.
type generator struct{ *rand.Rand }

func (g generator) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(g.Uint32())
	}
	return b
}

// port keeps away from well-known ones, behind which tshark would look for tunnels.
func (g generator) port() uint16 { return uint16(20000 + g.IntN(400)) }

// frame makes a frame of this link type; one in eight is snapped.
func (g generator) frame(link LinkType) oracleFrame {
	var b []byte
	switch link {
	case LinkRaw:
		_, b = g.packet()
	case LinkLinuxSLL:
		b = append(b, 0, byte(g.IntN(5)), 0, 1, 0, 6)
		b = append(append(b, g.bytes(6)...), 0, 0)
		b = append(b, g.behindType()...)
	default:
		b = append(b, g.bytes(12)...)
		b[0] &^= 1
		b[6] &^= 1
		if behind := g.behindType(); g.IntN(16) == 0 { // SNAP in IEEE 802.3
			b = binary.BigEndian.AppendUint16(b, uint16(6+len(behind)))
			b = append(append(b, 0xaa, 0xaa, 3, 0, 0, 0), behind...)
		} else {
			b = append(b, behind...)
		}
		for g.IntN(2) == 0 && len(b) < 60 {
			b = append(b, g.bytes(60-len(b))...)
		}
	}
	f := oracleFrame{data: b, wire: len(b)}
	if g.IntN(8) == 0 {
		f.data = b[:1+g.IntN(len(b)-1)]
		if link == LinkLinuxSLL && len(f.data) < 16 || link == LinkEthernet && len(f.data) < 14 {
			f.data = b
		}
	}
	return f
}

// behindType is an EtherType, with tags in front of it at times, and what it announces.
func (g generator) behindType() []byte {
	var b []byte
	be := binary.BigEndian
	for n := g.IntN(6); n > 3; n-- {
		tpid := uint16(etherVLAN)
		if n == 5 && g.IntN(2) == 0 {
			tpid = etherServiceVLAN
		}
		b = be.AppendUint16(be.AppendUint16(b, tpid), uint16(g.Uint32()))
	}
	switch g.IntN(12) {
	case 0:
		operation := []uint16{1, 2, 8, 9}[g.IntN(4)]
		b = append(b, 8, 6, 0, 1, 8, 0, 6, 4)
		b = be.AppendUint16(b, operation)
		return append(b, g.bytes(20)...)
	case 1:
		version, ip := g.packet()
		protocol := uint16(pppIPv4)
		if version == 6 {
			protocol = pppIPv6
		}
		b = append(b, 0x88, 0x64, 0x11, 0)
		b = be.AppendUint16(b, uint16(g.Uint32()))
		b = be.AppendUint16(b, uint16(len(ip)+2))
		return append(be.AppendUint16(b, protocol), ip...)
	case 2: // an experimental type (IEEE 802 §9.2.3)
		return append(be.AppendUint16(b, 0x88b5), g.bytes(g.IntN(60))...)
	case 3:
		_, ip := g.packet()
		b = be.AppendUint16(b, etherMPLS)
		for n := g.IntN(3); n > 0; n-- {
			b = append(b, 0x10, byte(g.Uint32()), 0x10, 64)
		}
		return append(append(b, 0x10, byte(g.Uint32()), 0x11, 64), ip...)
	default:
		version, ip := g.packet()
		t := uint16(etherIPv4)
		if version == 6 {
			t = etherIPv6
		}
		return append(be.AppendUint16(b, t), ip...)
	}
}

// packet is an IP packet of either version.
func (g generator) packet() (int, []byte) {
	be := binary.BigEndian
	protocol, body := g.segment()
	offset, moreFragments := 0, false
	if g.IntN(10) == 0 {
		offset, moreFragments = 8*g.IntN(1000)*g.IntN(2), g.IntN(2) == 0
		if moreFragments {
			body = append(body, make([]byte, -len(body)&7)...) // all but the last fragment are multiples of 8
		}
	}
	if g.IntN(2) == 0 {
		options := []byte(nil)
		for range g.IntN(3) * g.IntN(3) {
			options = append(options, []byte{1, 1, 1, 1}...)
		}
		if protocol == protoICMPv6 {
			protocol = protoICMP
			body[0] = []byte{0, 8, 13, 14}[g.IntN(4)]
		}
		b := []byte{0x45 + byte(len(options)/4), byte(g.Uint32())}
		b = be.AppendUint16(b, uint16(20+len(options)+len(body)))
		b = be.AppendUint16(b, uint16(g.Uint32()))
		fragment := uint16(offset / 8)
		if moreFragments {
			fragment |= 0x2000
		}
		b = be.AppendUint16(b, fragment)
		b = append(b, 1+byte(g.IntN(255)), protocol, 0, 0)
		b = append(b, g.bytes(8)...)
		return 4, append(append(b, options...), body...)
	}
	if protocol == protoICMP {
		protocol = protoICMPv6
		body[0] = []byte{128, 129, 2, 1}[g.IntN(4)]
	}
	// Extension headers in the order of RFC 8200 §4.1, built from the last one on.
	next := protocol
	prepend := func(kind byte, header ...byte) {
		body = append(append([]byte{next}, header...), body...)
		next = kind
	}
	if g.IntN(6) == 0 {
		prepend(extDestination, 0, 1, 4, 0, 0, 0, 0)
	}
	if g.IntN(12) == 0 {
		prepend(extAH, append([]byte{4, 0, 0}, g.bytes(20)...)...)
	}
	if offset != 0 || moreFragments || g.IntN(12) == 0 {
		last := byte(0)
		if moreFragments {
			last = 1
		}
		prepend(extFragment, append([]byte{0, byte(offset >> 8), byte(offset) | last}, g.bytes(4)...)...)
	}
	if g.IntN(12) == 0 {
		prepend(extRouting, append([]byte{2, 2, 0, 0, 0, 0, 0}, g.address6()...)...)
	}
	if g.IntN(8) == 0 {
		prepend(extHopByHop, 0, 5, 2, 0, 0, 1, 0)
	}
	class := byte(g.Uint32())
	b := []byte{0x60 | class>>4, class << 4, 0, 0}
	b = be.AppendUint16(b, uint16(len(body)))
	b = append(b, next, 1+byte(g.IntN(255)))
	b = append(append(b, g.address6()...), g.address6()...)
	return 6, append(b, body...)
}

func (g generator) address6() []byte {
	a := netip.MustParseAddr("2001:db8::").As16()
	copy(a[8+g.IntN(8):], g.bytes(8))
	return a[:]
}

// segment is a transport header and its payload.
func (g generator) segment() (uint8, []byte) {
	be := binary.BigEndian
	payload := g.bytes(g.IntN(80))
	ports := be.AppendUint16(be.AppendUint16(nil, g.port()), g.port())
	switch g.IntN(16) {
	case 0:
		b := append([]byte{8, 0, 0, 0}, g.bytes(4)...)
		return protoICMP, append(b, payload...)
	case 1: // UDP-Lite with all of it covered
		return protoUDPLite, append(append(be.AppendUint16(ports, 0), 0, 0), payload...)
	case 2:
		b := append(append(ports, g.bytes(4)...), 0, 0, 0, 0)
		return protoSCTP, append(b, 11, 0, 0, 4) // COOKIE ACK
	case 3: // DCCP-Data with short sequence numbers, or with long ones
		if g.IntN(2) == 0 {
			return protoDCCP, append(append(ports, 3, 0, 0, 0, 2<<1, 0, 0, 1), payload...)
		}
		return protoDCCP, append(append(ports, 4, 0, 0, 0, 2<<1|1, 0, 0, 0, 0, 0, 0, 1), payload...)
	case 4: // an experimental protocol (RFC 3692)
		return 253, payload
	case 5, 6, 7, 8:
		b := be.AppendUint16(ports, uint16(8+len(payload)))
		return protoUDP, append(append(b, 0, 0), payload...)
	default:
		var options []byte
		for _, o := range [][]byte{
			{optionMSS, 4, byte(g.Uint32()), byte(g.Uint32())},
			{optionWindowScale, 3, byte(g.IntN(15))},
			append([]byte{optionTimestamps, 10}, g.bytes(8)...),
			{4, 2}, // selective acknowledgments are permitted
			{optionNop},
		} {
			if g.IntN(3) == 0 {
				options = append(options, o...)
			}
		}
		if g.IntN(8) == 0 {
			options = append([]byte{1, 1}, append([]byte{optionTimestamps, 10}, g.bytes(8)...)...)
		}
		for len(options)%4 != 0 {
			options = append(options, optionNop)
		}
		b := append(ports, g.bytes(8)...)
		b = append(b, byte(5+len(options)/4)<<4, byte(g.Uint32()))
		b = append(b, g.bytes(2)...)
		b = append(append(b, 0, 0, 0, 0), options...)
		return protoTCP, append(b, payload...)
	}
}
