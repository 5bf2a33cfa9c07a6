package decode

import (
	"bytes"
	"slices"
	"testing"
)

// loops has a row for each loop that a constant in decode.go bounds: frame makes one that goes n times around, and
// the reason says that it was stopped.
var loops = []struct {
	name   string
	bound  int
	reason Reason
	frame  func(n int) []byte
}{
	{"vlan tags", maxTags, TooManyTags, func(n int) []byte {
		return slices.Concat(octets(eth), bytes.Repeat(octets("8100 0001"), n), octets("88b5"))
	}},
	{"vlan tags and snap headers", maxTags, TooManyTags, func(n int) []byte {
		return slices.Concat(octets(eth), bytes.Repeat(octets("8100 0001 05dc aaaa03 000000"), n), octets("88b5"))
	}},
	{"mpls labels", maxLabels, TooManyLabels, func(n int) []byte {
		return append(labels(octets(eth, "8847"), n), 0)
	}},
	{"ipv6 extension headers", maxExtensions, TooManyExtensions, func(n int) []byte {
		return ipv6Header(octets(eth, "86dd"), protoNoNext, n, 0)
	}},
	{"ah in ipv4", maxExtensions, TooManyExtensions, func(n int) []byte {
		b := ipv4Header(octets(eth, "0800"), protoAH, 12*n)
		return append(append(b, bytes.Repeat([]byte{protoAH, 1, 11: 0}, n-1)...), []byte{protoNoNext, 1, 11: 0}...)
	}},
	{"dns labels", maxDNSLabels, TooManyDNSLabels, func(n int) []byte {
		b := dnsHead(0x8180, uint16((n+63)/64), 1) // behind the first, only a response is read
		for ; n > 0; n -= 64 {
			b = append(append(b, bytes.Repeat([]byte{1, 'a'}, min(n, 64))...), 0, 0, 1, 0, 1)
		}
		return datagram(53, append(b, octets("c00c 0001 0001 0000003c 0004 c6336401")...))
	}},
	{"tls extensions", maxTLSExtensions, TooManyTLSExtensions, func(n int) []byte {
		b := helloOf(bytes.Repeat(octets("1234 0000"), n))
		b = append(tcpHeader(443), b...)
		return append(plainHead(protoTCP, len(b)), b...)
	}},
	{"http lines", maxHTTPLines, TooManyHTTPLines, func(n int) []byte {
		b := slices.Concat(tcpHeader(80), []byte("GET / HTTP/1.1\n"), bytes.Repeat([]byte("a:\n"), n), []byte("\n"))
		return append(plainHead(protoTCP, len(b)), b...)
	}},
	{"ssdp lines", maxHTTPLines, TooManyHTTPLines, func(n int) []byte {
		return datagram(1900, slices.Concat([]byte("NOTIFY * HTTP/1.1\n"), bytes.Repeat([]byte("a:\n"), n), []byte("\n")))
	}},
	{"dhcp options", maxDHCPOptions, TooManyDHCPOptions, func(n int) []byte {
		b := append(make([]byte, 236), 0x63, 0x82, 0x53, 0x63)
		return datagram(67, append(append(b, bytes.Repeat([]byte{100, 0}, n)...), 255))
	}},
	{"dhcp pads", maxDHCPOptions, TooManyDHCPOptions, func(n int) []byte {
		b := append(make([]byte, 236), 0x63, 0x82, 0x53, 0x63)
		return datagram(67, append(append(b, make([]byte, n)...), 255))
	}},
	{"dhcpv6 options", maxDHCPOptions, TooManyDHCPOptions, func(n int) []byte {
		return datagram(547, append([]byte{1, 1, 2, 3}, bytes.Repeat([]byte{0, 100, 0, 0}, n)...))
	}},
	{"dhcpv6 options of an association", maxDHCPOptions, TooManyDHCPOptions, func(n int) []byte {
		return datagram(547, append([]byte{7, 1, 2, 3}, option6(3, append(make([]byte, 12), bytes.Repeat([]byte{0, 13, 0, 0}, n)...))...))
	}},
	{"dhcpv6 relays", maxRelays, BadDHCPv6, func(n int) []byte {
		b := []byte{1, 1, 2, 3}
		for range n {
			b = slices.Concat([]byte{12}, make([]byte, 33), option6(9, b))
		}
		return datagram(547, b)
	}},
	{"lldp", maxTLVs, TooManyTLVs, func(n int) []byte {
		return slices.Concat(octets(eth, "88cc"), tlv(1, []byte{7, 'a'}), bytes.Repeat(tlv(4, nil), n), tlv(0, nil))
	}},
	{"cdp", maxTLVs, TooManyTLVs, func(n int) []byte {
		return sized(octets(eth), append(octets("aaaa03 00000c 2000 02b4 0000"), bytes.Repeat([]byte{0, 2, 0, 4}, n)...))
	}},
}

// datagram is a frame with a UDP packet to this port.
func datagram(port uint16, data []byte) []byte {
	b := append16(plainHead(protoUDP, 8+len(data)), 51512, port, uint16(8+len(data)), 0)
	return append(b, data...)
}

// tcpHeader is one without options.
func tcpHeader(port uint16) []byte {
	return append(append16(nil, 51512, port), octets("00000001 00000002 50 18 1000 0000 0000")...)
}

// TestLoopsAreBounded has each loop go around nearly as often as it may, a little more, and as often as the longest
// packet has room for: the last two stop alike, at what was read by then.
func TestLoopsAreBounded(t *testing.T) {
	decode := func(b []byte) Packet {
		m := Meta{Time: 1, WireLength: uint32(len(b)), LinkType: LinkEthernet}
		var p Packet
		Decode(&p, &m, b)
		return p
	}
	for _, l := range loops {
		t.Run(l.name, func(t *testing.T) {
			if p := decode(l.frame(l.bound - 2)); p.DecodeError != NoReason {
				t.Errorf("%d times: %v", l.bound-2, p.DecodeError)
			}
			over := decode(l.frame(l.bound + 2))
			if over.DecodeError != l.reason {
				t.Errorf("%d times: %v, not %v", l.bound+2, over.DecodeError, l.reason)
			}
			long := len(l.frame(3)) - len(l.frame(2)) // one time around
			times := (1400 - len(l.frame(2))) / long
			far := decode(l.frame(times))
			far.WireLength, far.CapturedLength, far.PayloadLength = over.WireLength, over.CapturedLength, over.PayloadLength
			if far != over {
				t.Errorf("%d times is not %d times:\n%s\n%s", times, l.bound+2, show(far), show(over))
			}
		})
	}
}

// TestAnswersAreBounded: there is no reason for more records than are looked at, but their addresses are not kept.
func TestAnswersAreBounded(t *testing.T) {
	for _, n := range []int{maxDNSRecords - 1, maxDNSRecords, 1000} {
		b := append(dnsHead(0x8180, 1, uint16(n+1)), dnsQuestion("a")...)
		b = append(b, bytes.Repeat(octets("c00c 0010 0001 0000003c 0000"), n)...)
		b = datagram(53, append(b, octets("c00c 0001 0001 0000003c 0004 c6336401")...))
		m := Meta{Time: 1, WireLength: uint32(len(b)), LinkType: LinkEthernet}
		var p Packet
		Decode(&p, &m, b)
		if kept := p.Valid.Has(HasAnswers); p.DecodeError != NoReason || kept != (n < maxDNSRecords) {
			t.Errorf("an address behind %d records: %v, kept %v", n, p.DecodeError, kept)
		}
	}
}
