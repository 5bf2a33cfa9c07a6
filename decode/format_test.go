package decode

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// at is 2026-11-22 15:04:05.123456789 UTC.
var at = time.Date(2026, 11, 22, 15, 4, 5, 123456789, time.UTC).UnixNano()

// decoded is the sample of this name as the text tests want it.
func decoded(t *testing.T, name string, d Direction) Packet {
	t.Helper()
	for i := range samples {
		if s := &samples[i]; s.name == name {
			m := s.meta(len(s.data))
			m.Time, m.Direction = at, d
			var p Packet
			Decode(&p, &m, s.data)
			return p
		}
	}
	t.Fatalf("no sample %q", name)
	panic("unreachable")
}

func TestAppendText(t *testing.T) {
	for _, c := range []struct {
		sample string
		d      Direction
		want   string
	}{
		{"tcp over ipv4 with a byte of padding", Out,
			"out 192.168.1.20:51512 → 142.250.74.36:443 TCP [PSH,ACK] seq 1 ack 2 win 4096 len 9"},
		{"tcp syn with the usual options", In,
			"in  192.168.1.20:51512 → 142.250.74.36:443 TCP [SYN] seq 1 win 65535 mss 1460 wscale 7 sackOK len 0"},
		{"udp over ipv6", Other, "oth [2001:db8::1]:55555 → [2001:db8::2]:9 UDP len 4"},
		{"pppoe in a vlan", Out, "out vlan 7 pppoe 4660 192.168.1.20:55555 → 142.250.74.36:9 UDP len 4"},
		{"pppoe discovery", Broadcast, "bc  pppoe 258 02:00:00:00:00:01 → 02:00:00:00:00:02 PPPoE-discovery wire 20"},
		{"two tags and an arp", In, "in  vlan 100.200 ARP 10.0.0.1 is-at 02:00:00:00:00:01"},
		{"arp request with padding", Broadcast, "bc  ARP who-has 10.0.0.1 tell 10.0.0.2"},
		{"rarp request", Broadcast, "bc  RARP who-am-i from 02:00:00:00:00:01"},
		{"arp of another protocol", Multicast, "mc  ARP operation 1 from 02:00:00:00:00:01"},
		{"unknown ethertype", Unknown, "-   02:00:00:00:00:01 → 02:00:00:00:00:02 ether-type 0x1234 wire 15"},
		{"spanning tree in llc", Multicast, "mc  02:00:00:00:00:01 → 02:00:00:00:00:02 no-ether-type wire 23"},
		{"icmp echo request", In, "in  192.168.1.20 → 142.250.74.36 ICMP echo-request len 4"},
		{"icmpv6 port unreachable", In, "in  2001:db8::1 → 2001:db8::2 ICMPv6 unreachable port len 0 !truncated_inner"},
		{"last fragment", In, "in  192.168.1.20 → 142.250.74.36 UDP fragment 1480 id 7 len 4"},
		{"mpls with two labels", In, "in  192.168.1.20 → 142.250.74.36 GRE len 4"},
		{"seventeen extension headers", In, "in  2001:db8::1 → 2001:db8::2 IPv6 !too_many_extensions"},
		{"ihl of 4", In, "in  192.168.1.20 → 142.250.74.36 UDP !bad_ihl"},
		{"cooked llc", Multicast, "mc  02:00:00:00:00:01 MACsec wire 24"},
		{"unknown link type", Unknown, "-   no-ether-type wire 2 !unknown_link_type"},
	} {
		t.Run(c.sample, func(t *testing.T) {
			p := decoded(t, c.sample, c.d)
			got := string(p.AppendText([]byte("> "), "eth0"))
			if want := "> 15:04:05.123456 eth0 " + c.want; got != want {
				t.Errorf("\ngot  %s\nwant %s", got, want)
			}
		})
	}
}

func TestAppendTextDetails(t *testing.T) {
	ip := Packet{Head: Head{Valid: onIPv4, IPVersion: 4, Protocol: 253, SrcIP: ip4From, DstIP: ip4To}}
	with := func(change func(*Packet)) Packet { p := ip; change(&p); return p }
	for _, c := range []struct {
		name string
		p    Packet
		want string
	}{
		{"protocol without a name", ip, "192.168.1.20 → 142.250.74.36 protocol 253"},
		{"icmp without a name", with(func(p *Packet) { p.Protocol, p.ICMPType, p.ICMPCode = 1, 40, 2; p.Valid |= HasICMP }),
			"192.168.1.20 → 142.250.74.36 ICMP type 40 code 2"},
		{"code without a name", with(func(p *Packet) { p.Protocol, p.ICMPType, p.ICMPCode = 1, 3, 77; p.Valid |= HasICMP }),
			"192.168.1.20 → 142.250.74.36 ICMP unreachable code 77"},
		{"no flags", with(func(p *Packet) { p.Protocol = 6; p.Valid |= HasTCP | HasPorts }),
			"192.168.1.20:0 → 142.250.74.36:0 TCP [none] seq 0 win 0"},
		{"every flag", with(func(p *Packet) { p.Protocol, p.Flags = 6, 255; p.Valid |= HasTCP | HasPorts }),
			"192.168.1.20:0 → 142.250.74.36:0 TCP [FIN,SYN,RST,PSH,ACK,URG,ECE,CWR] seq 0 ack 0 win 0"},
		{"merged", with(func(p *Packet) { p.WireSegments = 12 }), "192.168.1.20 → 142.250.74.36 protocol 253 segments 12"},
		{"rarp reply", Packet{Head: Head{Valid: HasARP | HasAddresses | HasEtherType, EtherType: etherRARP, ARPOperation: 4, DstIP: ip4To}},
			"RARP you-are 142.250.74.36"},
		{"arp reply without a link address", Packet{Head: Head{Valid: HasARP | HasAddresses, ARPOperation: 2}}, "ARP operation 2"},
		{"reason of the future", Packet{Head: Head{DecodeError: 200}}, "no-ether-type wire 0 !unknown_reason"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := string(c.p.AppendText(nil, "lan\x1b[2J\n1é"))
			if want := "00:00:00.000000 lan?[2J?1?? in  " + c.want; got != want {
				t.Errorf("\ngot  %s\nwant %s", got, want)
			}
		})
	}
}

// withName is a packet with this name; the head says of what.
func withName(h Head, name string) Packet {
	p := Packet{Head: h}
	p.Name.Length = uint8(copy(p.Name.Bytes[:], name))
	return p
}

func TestAppendTextOfDetails(t *testing.T) {
	head := func(h Head) Head {
		h.Valid |= onIPv4
		h.IPVersion, h.SrcIP, h.DstIP = 4, ip4From, ip4To
		if h.Protocol == 0 {
			h.Protocol, h.SrcPort, h.DstPort = 17, 40000, 9
			h.Valid |= HasPorts
		}
		return h
	}
	response := withName(head(Head{Valid: HasName | HasDNS | HasDNSResponse | HasAnswers, NameKind: NameDNS, DNSType: 28, DNSAnswers: 3}), "www.example")
	response.Answers = Addresses{List: [8][16]byte{ip4To, ip6To}, Count: 2, Wide: 2}
	hello := withName(head(Head{Valid: HasName | HasTLS | HasALPN, NameKind: NameQUIC, TLSVersion: 0x0304}), "www.example")
	hello.ALPN.Length = uint8(copy(hello.ALPN.Bytes[:], "h3,h2"))
	tunnel := Packet{Head: head(Head{Valid: HasTunnel | HasTunnelKey | HasInner | HasInnerPorts | HasInnerProtocol, Protocol: 47, Tunnel: TunnelGRE, TunnelKey: 7})}
	tunnel.Inner = Inner{SrcIP: ip6From, DstIP: ip6To, SrcPort: 1, DstPort: 2, IPVersion: 6, Protocol: 6}
	quote := Packet{Head: head(Head{Valid: HasICMP | HasInner, Protocol: 1, ICMPType: 3, ICMPCode: 1})}
	quote.Inner = Inner{SrcIP: ip4To, DstIP: ip4From, IPVersion: 4}
	ack := withName(head(Head{Valid: HasName | HasDHCP | HasAssigned, NameKind: NameDHCP, DHCPType: 5}), "laptop")
	ack.Assigned = Address{IP: ip4To, Version: 4}
	six := withName(Head{Valid: HasDHCP | HasIP, IPVersion: 6, DHCPType: 7}, "")

	for _, c := range []struct {
		name string
		p    Packet
		want string
	}{
		{"query", withName(head(Head{Valid: HasName | HasDNS, NameKind: NameMDNS, DNSType: 12}), "_ipp._tcp.local"), "mdns PTR _ipp._tcp.local"},
		{"query of an unknown type", withName(head(Head{Valid: HasName | HasDNS, NameKind: NameDNS, DNSType: 4711}), `a\.b\000.example`),
			`dns TYPE4711 a\.b\000.example`},
		{"response", response, "dns AAAA www.example NOERROR answers 3 142.250.74.36 2001:db8::2"},
		{"response without a question", Packet{Head: head(Head{Valid: HasDNSResponse, DNSRCode: 15})}, "dns RCODE15 answers 0"},
		{"hello", hello, "quic TLS1.3 www.example alpn h3,h2"},
		{"hello of long ago", Packet{Head: head(Head{Valid: HasTLS, Protocol: 6, TLSVersion: 0x0300})}, "tls SSL3.0"},
		{"hello of nonsense", Packet{Head: head(Head{Valid: HasTLS, Protocol: 6, TLSVersion: 0xfefd})}, "tls version 65277"},
		{"http", withName(head(Head{Valid: HasHTTP | HasName, NameKind: NameHTTP, Protocol: 6, HTTPMethod: 3}), "www.example:8080"), "POST www.example:8080"},
		{"ssdp", withName(head(Head{Valid: HasHTTP | HasName, NameKind: NameSSDP, HTTPMethod: 10}), "ssdp:all"), "M-SEARCH ssdp:all"},
		{"ssdp response", withName(head(Head{Valid: HasName, NameKind: NameSSDP}), "upnp:rootdevice"), "ssdp upnp:rootdevice"},
		{"dhcp", ack, "dhcp ACK laptop 142.250.74.36"},
		{"dhcp of the future", Packet{Head: head(Head{Valid: HasDHCP, DHCPType: 99})}, "dhcp type 99"},
		{"dhcpv6", six, "dhcpv6 REPLY"},
		{"ntp", Packet{Head: head(Head{Valid: HasNTP, NTPMode: 3})}, "ntp client"},
		{"tunnel", tunnel, "GRE key 7 [[2001:db8::1]:1 → [2001:db8::2]:2 TCP]"},
		{"quote", quote, "[142.250.74.36 → 192.168.1.20]"},
		{"igmp", Packet{Head: head(Head{Valid: HasIGMP, Protocol: 2, IGMPType: 0x22})}, "v3-report"},
		{"igmp of another type", Packet{Head: head(Head{Valid: HasIGMP, Protocol: 2, IGMPType: 1})}, "type 1"},
		{"vrrp", Packet{Head: head(Head{Valid: HasVRRP, Protocol: 112, VRRPID: 51, VRRPPriority: 100})}, "router 51 priority 100"},
		{"esp", Packet{Head: head(Head{Valid: HasSPI, Protocol: 50, SPI: 0xc0ffee})}, "spi 0x00c0ffee"},
		{"tcp options", Packet{Head: head(Head{Valid: HasTCP | HasTCPOptions | HasSACK, Protocol: 6, TCPOptions: 31, SACKBlocks: 2})},
			"sackOK fast-open md5 tcp-ao mptcp sack 2"},
		{"lldp", withName(Head{Valid: HasName | HasEtherType, EtherType: etherLLDP, NameKind: NameLLDP}, "switch 1"), "lldp switch 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(c.p.AppendText(nil, "eth0")); !strings.HasSuffix(got, " "+c.want) {
				t.Errorf("\ngot  %s\nwant %s", got, c.want)
			}
			checkFormats(t, &c.p, "router", "eth0")
		})
	}
}

func TestClock(t *testing.T) {
	for _, n := range []int64{0, -1, at, math.MaxInt64, math.MinInt64, 86400e9 - 1, 86399999999999} {
		want := time.Unix(0, n).UTC().Format("15:04:05.000000")
		if got := string(appendClock(nil, n)); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}

func TestAppendJSON(t *testing.T) {
	for _, c := range []struct {
		sample string
		want   string
	}{
		{"tcp syn with the usual options", `"wire_length":74,"captured_length":74,"src_mac":"02:00:00:00:00:01",` +
			`"dst_mac":"02:00:00:00:00:02","ether_type":2048,"ip_version":4,"src_ip":"192.168.1.20","dst_ip":"142.250.74.36",` +
			`"protocol":6,"ttl":64,"traffic_class":0,"ip_id":4660,"src_port":51512,"dst_port":443,"seq_number":1,"ack_number":0,` +
			`"flags":2,"window_size":65535,"mss":1460,"window_scale":7,"ts_value":100,"ts_echo":0,"tcp_options":1,"payload_length":0}`},
		{"two tags and an arp", `"wire_length":50,"captured_length":50,"src_mac":"02:00:00:00:00:01",` +
			`"dst_mac":"02:00:00:00:00:02","ether_type":2054,"vlan_id":100,"inner_vlan_id":200,"src_ip":"10.0.0.1",` +
			`"dst_ip":"10.0.0.2","arp_operation":2}`},
		{"cooked llc", `"wire_length":24,"captured_length":24,"src_mac":"02:00:00:00:00:01","ether_type":35045}`},
		{"version 5 as raw", `"wire_length":4,"captured_length":4,"decode_error":"bad_ip_version"}`},
	} {
		t.Run(c.sample, func(t *testing.T) {
			p := decoded(t, c.sample, Out)
			got := string(p.AppendJSON([]byte("> "), "Küche \"1\"\\", "eth0\n\x7f"))
			want := `> {"ts":"2026-11-22T15:04:05.123456789Z","device":"Küche \"1\"\\","interface":"eth0\u000a\u007f",` +
				`"direction":"out",` + c.want
			if got != want {
				t.Errorf("\ngot  %s\nwant %s", got, want)
			}
		})
	}
}

func TestAppendCSV(t *testing.T) {
	for _, c := range []struct {
		sample, device, iface, want string
	}{
		{"last fragment", "router", "eth0",
			`router,eth0,out,24,24,,,,,,,4,192.168.1.20,142.250.74.36,17,64,0,7,1480,,,,,,,,,,,,,4,,,,,,,,,,,,,,,,,,,,,,,,,,,,`},
		{"rarp request", `a "b", c`, "wan,\r\n",
			`"a ""b"", c","wan,??",out,42,42,02:00:00:00:00:01,02:00:00:00:00:02,32821,,,,,0.0.0.0,0.0.0.0,,,,,,,,,,,,,,,,,,,,,,,,,3,,,,,,,,,,,,,,,,,,,,,`},
		{"version 5 as raw", "", "", `,,out,4,4,` + strings.Repeat(",", len(Columns)-8) + `,bad_ip_version`},
	} {
		t.Run(c.sample, func(t *testing.T) {
			p := decoded(t, c.sample, Out)
			got := string(p.AppendCSV([]byte("> "), c.device, c.iface))
			if want := "> 2026-11-22T15:04:05.123456789Z," + c.want; got != want {
				t.Errorf("\ngot  %s\nwant %s", got, want)
			}
		})
	}
}

func TestCSVHeader(t *testing.T) {
	want := "ts,device,interface,direction,wire_length,captured_length,src_mac,dst_mac,ether_type,vlan_id,inner_vlan_id," +
		"pppoe_session,ip_version,src_ip,dst_ip,protocol,ttl,traffic_class,ip_id,fragment_offset,src_port,dst_port,seq_number," +
		"ack_number,flags,window_size,mss,window_scale,ts_value,ts_echo,tcp_options,sack_blocks,payload_length,icmp_type," +
		"icmp_code,igmp_type,vrrp_id,vrrp_priority,spi,arp_operation,tunnel,tunnel_key,inner_src_ip,inner_dst_ip," +
		"inner_protocol,inner_src_port,inner_dst_port,name,name_kind,dns_type,dns_rcode,dns_answers,dns_addresses," +
		"tls_version,alpn,http_method,dhcp_type,assigned_ip,ntp_mode,wire_segments,decode_error"
	if got := CSVHeader(); got != want {
		t.Errorf("\ngot  %s\nwant %s", got, want)
	}
}

// full has every field, each with the highest value its column may have.
func full() Packet {
	p := Packet{Head: Head{Time: at, Valid: AllFields, WireLength: math.MaxUint32, CapturedLength: math.MaxUint32,
		PayloadLength: math.MaxUint32, SeqNumber: math.MaxUint32, AckNumber: math.MaxUint32, TSValue: math.MaxUint32,
		TSEcho: math.MaxUint32, IPID: math.MaxUint32, EtherType: math.MaxUint16, VLANID: 4095, InnerVLANID: 4095,
		PPPoESession: math.MaxUint16, FragmentOffset: 65528, SrcPort: math.MaxUint16, DstPort: math.MaxUint16,
		WindowSize: math.MaxUint16, MSS: math.MaxUint16, ARPOperation: math.MaxUint16, WireSegments: math.MaxUint16,
		Interface: 255, Direction: Multicast, IPVersion: 6, Protocol: 255, TTL: 255, TrafficClass: 255, Flags: 255,
		WindowScale: 255, ICMPType: 255, ICMPCode: 255, SPI: math.MaxUint32, TunnelKey: math.MaxUint32, DNSType: math.MaxUint16,
		DNSAnswers: math.MaxUint16, TLSVersion: math.MaxUint16, TCPOptions: 255, SACKBlocks: 255, IGMPType: 255, VRRPID: 255,
		VRRPPriority: 255, Tunnel: Tunnels - 1, NameKind: NameKinds - 1, DNSRCode: 255, HTTPMethod: Methods - 1, DHCPType: 255,
		NTPMode: 255, DecodeError: TruncatedIPv4Option}}
	p.Inner = Inner{IPVersion: 6, Protocol: 255, SrcPort: math.MaxUint16, DstPort: math.MaxUint16}
	p.Name.Length = uint8(copy(p.Name.Bytes[:], strings.Repeat(`\",`, 85)))
	p.ALPN.Length = uint8(copy(p.ALPN.Bytes[:], strings.Repeat(`a,"`, 21)))
	p.Answers = Addresses{Count: maxAnswers, Wide: 0x55}
	p.Assigned = Address{Version: 6}
	for i := range p.SrcIP {
		p.SrcIP[i], p.DstIP[i] = 0xee, 0xff
	}
	for i := range p.SrcMAC {
		p.SrcMAC[i], p.DstMAC[i] = 0xee, 0xff
	}
	return p
}

func TestEveryColumnAppears(t *testing.T) {
	p := full()
	checkFormats(t, &p, "router", "eth0")
	var object map[string]any
	if err := json.Unmarshal(p.AppendJSON(nil, "router", "eth0"), &object); err != nil {
		t.Fatal(err)
	}
	for _, c := range Columns {
		if _, ok := object[c.Name]; !ok {
			t.Errorf("%s is missing", c.Name)
		}
	}
}

// checkFormats holds of every packet: JSON and CSV are valid, say the same and have the types that Columns
// promises, and nothing in any form can drive a terminal.
func checkFormats(t *testing.T, p *Packet, device, iface string) {
	t.Helper()
	text := p.AppendText(nil, iface)
	for _, b := range bytes.ReplaceAll(text, []byte(arrow), nil) {
		if b < ' ' || b > '~' {
			t.Fatalf("byte %#x in %q", b, text)
		}
	}

	object := p.AppendJSON(nil, device, iface)
	line := p.AppendCSV(nil, device, iface)
	for _, form := range [][]byte{object, line} {
		if !utf8.Valid(form) {
			t.Fatalf("%q is not UTF-8", form)
		}
		for _, r := range string(form) {
			if r < ' ' || r >= 0x7f && r < 0xa0 {
				t.Fatalf("control character %U in %q", r, form)
			}
		}
	}
	rows, err := csv.NewReader(bytes.NewReader(line)).ReadAll()
	if err != nil || len(rows) != 1 || len(rows[0]) != len(Columns) {
		t.Fatalf("%q is not one line of %d fields: %v, %v", line, len(Columns), rows, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(object))
	decoder.UseNumber()
	var fields map[string]any
	if err := decoder.Decode(&fields); err != nil {
		t.Fatalf("%q: %v", object, err)
	}
	if decoder.More() {
		t.Fatalf("%q is more than an object", object)
	}
	for i, c := range Columns {
		value, present := fields[c.Name]
		delete(fields, c.Name)
		if i == columnDevice || i == columnInterface {
			raw := device
			if i == columnInterface {
				raw = iface
			}
			if got, _ := value.(string); got != string([]rune(raw)) {
				t.Fatalf("%s is %q, was %q", c.Name, got, raw)
			}
			continue
		}
		if list, ok := value.([]any); ok && c.Kind == KindAddresses {
			value = strings.Trim(fmt.Sprint(list), "[]")
		}
		if present != (rows[0][i] != "") || present && fmt.Sprint(value) != rows[0][i] {
			t.Fatalf("%s: %v in JSON and %q in CSV", c.Name, value, rows[0][i])
		}
		if _, number := value.(json.Number); present && number != c.Kind.IsNumber() {
			t.Fatalf("%s: %T", c.Name, value)
		}
		if present && !p.Valid.Has(c.Group) {
			t.Fatalf("%s is there without its group", c.Name)
		}
		if c.Kind == KindAddress && present {
			if _, err := netip.ParseAddr(rows[0][i]); err != nil {
				t.Fatal(err)
			}
		}
		if c.Kind == KindTimestamp {
			if ts, err := time.Parse(time.RFC3339Nano, rows[0][i]); err != nil || ts.UnixNano() != p.Time {
				t.Fatalf("%s: %v, %v; want %d", rows[0][i], ts.UnixNano(), err, p.Time)
			}
		}
	}
	if len(fields) != 0 {
		t.Fatalf("not in Columns: %v", fields)
	}
}

func TestFormatsOfSamples(t *testing.T) {
	for i := range samples {
		s := &samples[i]
		m := s.meta(len(s.data))
		var p Packet
		Decode(&p, &m, s.data)
		checkFormats(t, &p, "router", "eth0")
	}
}

func TestFormatsDoNotAllocate(t *testing.T) {
	p := full()
	dst := make([]byte, 0, 4096)
	for name, run := range map[string]func(){
		"text": func() { p.AppendText(dst, "eth0") },
		"json": func() { p.AppendJSON(dst, "Küche", "eth0\x00") },
		"csv":  func() { p.AppendCSV(dst, "a,\"b\"", "eth0\x00") },
		"addr": func() { _, _ = p.Source(), p.Destination() },
	} {
		if n := testing.AllocsPerRun(100, run); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		sample, from, to string
	}{
		{"udp over ipv6", "2001:db8::1", "2001:db8::2"},
		{"last fragment", "192.168.1.20", "142.250.74.36"},
		{"arp request with padding", "10.0.0.2", "10.0.0.1"},
		{"unknown ethertype", "invalid IP", "invalid IP"},
	} {
		p := decoded(t, c.sample, In)
		if from, to := p.Source().String(), p.Destination().String(); from != c.from || to != c.to {
			t.Errorf("%s: %s and %s, want %s and %s", c.sample, from, to, c.from, c.to)
		}
	}
}

func TestDirectionNames(t *testing.T) {
	for d, want := range []string{"in", "broadcast", "multicast", "other", "out", "unknown", "unknown"} {
		if got := Direction(d).String(); got != want {
			t.Errorf("%d is %s, want %s", d, got, want)
		}
	}
}

func TestICMPNames(t *testing.T) {
	for _, c := range []struct {
		protocol, kind, code uint8
		want                 string
	}{
		{1, 0, 0, "ICMP echo-reply"},
		{1, 3, 0, "ICMP unreachable net"},
		{1, 3, 1, "ICMP unreachable host"},
		{1, 3, 2, "ICMP unreachable protocol"},
		{1, 3, 3, "ICMP unreachable port"},
		{1, 3, 4, "ICMP unreachable too-big"},
		{1, 3, 13, "ICMP unreachable prohibited"},
		{1, 4, 0, "ICMP source-quench"},
		{1, 5, 1, "ICMP redirect code 1"},
		{1, 9, 0, "ICMP router-advertisement"},
		{1, 10, 0, "ICMP router-solicitation"},
		{1, 11, 0, "ICMP time-exceeded in-transit"},
		{1, 11, 1, "ICMP time-exceeded reassembly"},
		{1, 11, 2, "ICMP time-exceeded code 2"},
		{1, 12, 0, "ICMP parameter-problem"},
		{1, 13, 0, "ICMP timestamp-request"},
		{1, 14, 0, "ICMP timestamp-reply"},
		{58, 1, 0, "ICMPv6 unreachable no-route"},
		{58, 1, 1, "ICMPv6 unreachable prohibited"},
		{58, 1, 3, "ICMPv6 unreachable address"},
		{58, 1, 6, "ICMPv6 unreachable code 6"},
		{58, 2, 0, "ICMPv6 too-big"},
		{58, 3, 0, "ICMPv6 time-exceeded in-transit"},
		{58, 3, 1, "ICMPv6 time-exceeded reassembly"},
		{58, 3, 9, "ICMPv6 time-exceeded code 9"},
		{58, 4, 1, "ICMPv6 parameter-problem code 1"},
		{58, 128, 0, "ICMPv6 echo-request"},
		{58, 129, 0, "ICMPv6 echo-reply"},
		{58, 130, 0, "ICMPv6 listener-query"},
		{58, 131, 0, "ICMPv6 listener-report"},
		{58, 132, 0, "ICMPv6 listener-done"},
		{58, 133, 0, "ICMPv6 router-solicitation"},
		{58, 134, 0, "ICMPv6 router-advertisement"},
		{58, 135, 0, "ICMPv6 neighbor-solicitation"},
		{58, 136, 0, "ICMPv6 neighbor-advertisement"},
		{58, 137, 0, "ICMPv6 redirect"},
		{58, 143, 0, "ICMPv6 listener-report"},
		{58, 200, 1, "ICMPv6 type 200 code 1"},
	} {
		p := Packet{Head: Head{Valid: onIPv4 | HasICMP, IPVersion: 4, Protocol: c.protocol, ICMPType: c.kind, ICMPCode: c.code}}
		want := "00:00:00.000000 eth0 in  0.0.0.0 → 0.0.0.0 " + c.want
		if got := string(p.AppendText(nil, "eth0")); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
