package frame

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"network-sniffer/board/testbed"
	"network-sniffer/decode"
	"network-sniffer/rawsock/pcapfilter"
)

// built is a frame of the testbed as a socket of an Ethernet link delivers it: one that comes in has no tag in its bytes.
func built(n uint32, kind testbed.Kind, direction decode.Direction) *Frame {
	data := testbed.BuildFrame(nil, n, kind, testbed.FrameConfig{})
	fr := &Frame{
		Meta:  decode.Meta{Time: int64(n) * 1e9, LinkType: decode.LinkEthernet, Direction: direction},
		Index: 7, Data: data,
	}
	if direction != decode.Out {
		takeTag(fr)
	}
	fr.Meta.WireLength = uint32(len(fr.Data))
	return fr
}

// takeTag does to an Ethernet frame what the kernel does to one that is received.
func takeTag(fr *Frame) {
	d := fr.Data
	if len(d) < 18 {
		return
	}
	switch tpid := uint16(d[12])<<8 | uint16(d[13]); tpid {
	case 0x8100, 0x88a8:
		fr.Meta.VLANTPID, fr.Meta.VLANTCI = tpid, uint16(d[14])<<8|uint16(d[15])
		fr.Data = append(append([]byte(nil), d[:12]...), d[16:]...)
	}
}

// withoutLink is the frame on a link of the other types: raw IP, or behind a cooked header.
func withoutLink(fr *Frame, link decode.LinkType) *Frame {
	c := *fr
	c.Meta.LinkType = link
	etherType, packet := c.Data[12:14], c.Data[14:]
	if link == decode.LinkLinuxSLL2 {
		header := append([]byte(nil), etherType...)
		header = append(header, 0, 0, 0, 0, 0, byte(c.Index), 0, 1, byte(c.Meta.Direction), 6)
		packet = append(append(append(header, c.Data[6:12]...), 0, 0), packet...)
	}
	c.Data, c.Meta.WireLength = packet, uint32(len(packet))
	return &c
}

// TestMatch: one row for each kind of thing that a program may ask a frame, on each link type.
func TestMatch(t *testing.T) {
	in, out := built(1, testbed.TCPSYN, decode.In), built(2, testbed.UDPv6, decode.Out)
	tagged, taggedOut := built(3, testbed.VLANUDP, decode.In), built(4, testbed.VLANUDP, decode.Out)
	arp := built(5, testbed.ARPRequest, decode.Broadcast)
	links := []decode.LinkType{decode.LinkEthernet, decode.LinkRaw, decode.LinkLinuxSLL2}
	on := func(fr *Frame, link decode.LinkType) *Frame {
		if link == decode.LinkEthernet {
			return fr
		}
		return withoutLink(fr, link)
	}
	for _, row := range []struct {
		expr                  string
		fr                    *Frame
		ethernet, raw, cooked bool
	}{
		{"", in, true, true, true},
		{" \t", arp, true, true, true},
		{"tcp port 443", in, true, true, true},
		{"tcp port 80", in, false, false, false},
		{"not tcp port 443", in, false, false, false},
		{"not tcp port 443", out, true, true, true},
		{"host 192.0.2.1", in, true, true, true},
		{"host 2001:db8:0:1::1", out, true, true, true},
		{"ip6", out, true, true, true},
		{"ip6", in, false, false, false},
		{"tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn", in, true, true, true},
		{"tcp[tcpflags] & tcp-ack != 0", in, false, false, false},
		{"inbound", in, true, true, true},
		{"inbound", out, false, false, false},
		{"outbound", out, true, true, true},
		{"ifindex 7", in, true, true, true},
		{"ifindex 8", in, false, false, false},
		{"greater 74", in, true, false, false}, // 74 bytes with the Ethernet header, 60 without
		{"less 60", in, false, true, true},
		{"ether host 06:5e:00:00:00:01", in, true, false, false},
		{"not ether host 06:5e:00:00:00:02", in, true, false, false}, // what has no such address does not match
		{"arp", arp, true, false, true},
		{"arp or tcp", in, true, true, true},
		{"broadcast", arp, true, false, false},
		{"vlan", tagged, true, false, true},
		{"vlan", taggedOut, true, false, false}, // a cooked socket of Linux has the tag among the bytes: see machine.Metadata
		{"vlan 42", tagged, true, false, true},
		{"vlan 5", tagged, false, false, false},
		{"vlan 42 and udp port 9", tagged, true, false, true},
		{"vlan 42 and udp port 9", taggedOut, true, false, false},
		{"not vlan", tagged, false, false, false},
		{"udp", tagged, true, true, true}, // as for a socket: the bytes have no tag
		{"udp", taggedOut, false, true, false},
	} {
		f, err := Compile(row.expr)
		if err != nil {
			t.Errorf("%s: %v", row.expr, err)
			continue
		}
		for i, want := range []bool{row.ethernet, row.raw, row.cooked} {
			fr := on(row.fr, links[i])
			if links[i] == decode.LinkRaw && row.fr == taggedOut {
				fr.Data = fr.Data[4:] // on a link without header there is no tag
			}
			if got := f.Match(fr); got != want {
				t.Errorf("%q, frame %d on link type %d: %v, want %v", row.expr, row.fr.Meta.Time/1e9, links[i], got, want)
			}
			if n := testing.AllocsPerRun(10, func() { f.Match(fr) }); n != 0 {
				t.Errorf("%q on link type %d: %v allocations", row.expr, links[i], n)
			}
		}
		if f.String() != strings.TrimSpace(row.expr) {
			t.Errorf("%q is called %q", row.expr, f)
		}
	}
}

// TestMatchOfShortFrames: what a program asks and the frame has not refuses it, whatever the link header lacks.
func TestMatchOfShortFrames(t *testing.T) {
	f, err := Compile("not tcp port 80")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range []decode.LinkType{decode.LinkEthernet, decode.LinkRaw, decode.LinkLinuxSLL2} {
		whole := built(1, testbed.TCPSYN, decode.In)
		if link != decode.LinkEthernet {
			whole = withoutLink(whole, link)
		}
		for n := range whole.Data {
			fr := *whole
			fr.Data = whole.Data[:n]
			ports := map[decode.LinkType]int{decode.LinkEthernet: 38, decode.LinkRaw: 24, decode.LinkLinuxSLL2: 44}[link]
			if want := n >= ports; f.Match(&fr) != want {
				t.Errorf("link type %d, %d bytes: %v, want %v", link, n, !want, want)
			}
		}
	}
	if unknown := (&Frame{Meta: decode.Meta{LinkType: decode.LinkPPP}, Data: make([]byte, 60)}); f.Match(unknown) {
		t.Error("a link type that no socket delivers matches")
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, row := range []struct {
		name, expr string
		column     int   // 0: no place in the expression is to blame
		is         error // nil: any
	}{
		{"a mistake", "tcp prot 80", 5, nil},
		{"behind white space, which is no part of it", "  tcp prot 80 ", 5, nil},
		{"a name", "host router.example", 6, nil},
		{"what matches nothing", "ip and ip6", 1, pcapfilter.ErrMatchesNothing},
		{"the network of no interface", "ip broadcast", 1, nil},
		{"too long a text", strings.Repeat("ip or ", MaxExpression/6) + "tcp or udp", 0, pcapfilter.ErrTooLong},
		{"too long a program", strings.Repeat("vxlan and ", 100) + "tcp", 0, pcapfilter.ErrTooLong},
		{"too long for the kernel", strings.Repeat("protochain 6 or ", 60) + "tcp", 1, pcapfilter.ErrTooLong},
		{"too deep", strings.Repeat("(", 500), 101, pcapfilter.ErrTooLong},
		{"bytes that are no text", "tcp \xff\x00", 5, nil},
	} {
		f, err := Compile(row.expr)
		if err == nil || f != nil {
			t.Errorf("%s: %v, %v", row.name, f, err)
			continue
		}
		if row.is != nil && !errors.Is(err, row.is) {
			t.Errorf("%s: %v is not %v", row.name, err, row.is)
		}
		var e *pcapfilter.Error
		switch errors.As(err, &e) {
		case true:
			if e.Column != row.column {
				t.Errorf("%s: column %d, want %d: %v", row.name, e.Column, row.column, err)
			}
		case false:
			if row.column != 0 {
				t.Errorf("%s: %v names no column", row.name, err)
			}
		}
	}
}

// TestConversation: both directions of the one, and nothing of its neighbours.
func TestConversation(t *testing.T) {
	at := netip.MustParseAddrPort
	// The ports of built frames follow from their numbers.
	port := func(n uint32) uint16 { return uint16(testbed.SrcPortFirst + n%testbed.SrcPortCount) }
	for _, row := range []struct {
		name string
		a, b netip.AddrPort
		kind testbed.Kind
	}{
		{"TCP", netip.AddrPortFrom(at("192.0.2.1:0").Addr(), port(1)), at("198.51.100.1:443"), testbed.TCPSYN},
		{"the other way around", at("198.51.100.1:443"), netip.AddrPortFrom(at("192.0.2.1:0").Addr(), port(1)), testbed.TCPData},
		{"UDP", netip.AddrPortFrom(at("192.0.2.1:0").Addr(), port(1)), at("198.51.100.1:9"), testbed.UDPv4},
		{"IPv6", netip.AddrPortFrom(at("[2001:db8:0:1::1]:0").Addr(), port(1)), at("[2001:db8:0:2::1]:443"), testbed.TCPv6},
		{"mapped", netip.AddrPortFrom(at("[::ffff:192.0.2.1]:0").Addr(), port(1)), at("198.51.100.1:443"), testbed.TCPSYN},
		{"a zone", netip.AddrPortFrom(at("[2001:db8:0:1::1%eth0]:0").Addr(), port(1)), at("[2001:db8:0:2::1]:443"), testbed.TCPv6},
	} {
		f, err := Compile(Conversation(row.a, row.b))
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		for n := uint32(0); n < 4; n++ {
			fr := built(n, row.kind, decode.In)
			if got, want := f.Match(fr), n == 1; got != want {
				t.Errorf("%s: frame %d: %v, want %v", row.name, n, got, want)
			}
		}
		back := built(1, row.kind, decode.Out)
		turnAround(back.Data[14:])
		if !f.Match(back) {
			t.Errorf("%s: the answer does not match", row.name)
		}
		if f.Match(built(1, testbed.ICMPEcho, decode.In)) {
			t.Errorf("%s: an echo request matches", row.name)
		}
	}
	if f, err := Compile(Conversation(at("192.0.2.1:1"), at("[2001:db8::1]:2"))); !errors.Is(err, pcapfilter.ErrMatchesNothing) {
		t.Errorf("addresses of two versions: %v, %v", f, err)
	}
}

// turnAround exchanges the addresses and ports of a packet without options. Nothing here reads a checksum.
func turnAround(packet []byte) {
	from, size, header := 12, 4, 20
	if packet[0]>>4 == 6 {
		from, size, header = 8, 16, 40
	}
	swap := func(at, size int) {
		for i := range size {
			packet[at+i], packet[at+size+i] = packet[at+size+i], packet[at+i]
		}
	}
	swap(from, size)
	swap(header, 2)
}

func BenchmarkMatch(b *testing.B) {
	for _, expr := range []string{"tcp port 443", "host 192.0.2.7", Conversation(
		netip.MustParseAddrPort("192.0.2.1:10001"), netip.MustParseAddrPort("198.51.100.1:443"))} {
		f, err := Compile(expr)
		if err != nil {
			b.Fatal(err)
		}
		fr := built(1, testbed.TCPData, decode.In)
		b.Run(fmt.Sprintf("%.20s", expr), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f.Match(fr)
			}
		})
	}
}
