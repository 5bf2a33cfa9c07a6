package uplinkbench

import (
	"time"

	"network-sniffer/decode"
)

// device is whose rows these are, iface the name of the interface that all of them are of.
var device = [16]byte{0x5e, 0xed, 0x0f, 0xbe, 0x4c, 0x11, 0x4a, 0x2b, 0x8c, 0x3d, 1, 2, 3, 4, 5, 6}

const (
	iface      = "br-lan"
	snapLength = 256
)

// day is that of every row's time stamp.
var day = time.Date(2026, time.November, 24, 0, 0, 0, 0, time.UTC)

// slots is how many packets pass until the pattern of kinds repeats.
const slots = 128

// traffic is an endless sequence of packets, the same one each time. What it hands out is one of a few packets that it
// changes: the recorder's packet is in the processor's cache, too, and a copy would cost more than the rest of this.
type traffic struct {
	packets []decode.Packet
	pattern [slots]uint8 // which of them is next
	number  uint64
	clock   int64 // Unix nanoseconds
}

func newTraffic(packets ...decode.Packet) *traffic {
	return &traffic{packets: packets, clock: day.Add(12 * time.Hour).UnixNano()}
}

// mixed is a household's traffic. 109 of 128 packets are TCP segments with time stamps and nothing else, an eighth of
// these IPv6 and a quarter tagged. The others are 3 SYNs, a ClientHello, 8 UDP datagrams, 4 DNS messages, 2 pings and a
// neighbour solicitation.
func mixed() *traffic {
	var established []decode.Packet
	for n := range 8 {
		established = append(established, segment(n, n == 7))
		if n%4 == 3 {
			tag(&established[n], 10)
		}
	}
	others := []decode.Packet{
		opening(0, false), opening(1, false), opening(2, true), hello(3),
		question(0), question(1), answer(0), answer(1), ping(0), ping(1), solicitation(),
	}
	for n := range 8 {
		others = append(others, datagram(n, n%3 == 2))
	}
	t := newTraffic(append(established, others...)...)
	for n := range slots {
		kind := n % len(established)
		if n < len(others) {
			kind = len(established) + n
		}
		t.pattern[n*77%slots] = uint8(kind) // strews them: 77 and 128 have no common divisor
	}
	return t
}

// plain is TCP segments with time stamps over IPv4 alone.
func plain() *traffic { return newTraffic(segment(0, false)) }

// next returns the next packet, which is valid until the next call.
func (t *traffic) next() *decode.Packet {
	p := &t.packets[t.pattern[t.number%slots]]
	t.number++
	x := t.number * 0x9e3779b97f4a7c15 // as in Vigna's splitmix64
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	t.clock += int64(x >> 50) // 8 µs on average
	p.Time = t.clock
	v := p.Valid
	if v.Has(decode.HasIPID) {
		p.IPID = (p.IPID + 1) & 0xffff
	}
	if v.Has(decode.HasTCP) {
		p.SeqNumber += p.PayloadLength
		p.AckNumber += uint32(x) & 0x7ff
		p.WindowSize = uint16(x >> 8)
		p.TSValue = uint32(t.clock >> 20)
	}
	if v.Has(decode.HasPayload) && !v.Has(decode.HasName) && !v.Has(decode.HasMSS) {
		setPayload(p, payload(x))
	}
	return p
}

// payload is 0, a full segment or something in between, each in a third of the cases.
func payload(x uint64) uint32 {
	switch x >> 24 % 3 {
	case 0:
		return 0
	case 1:
		return 1428
	}
	return uint32(x>>32) % 1428
}

// setPayload changes the lengths that follow from that of the payload.
func setPayload(p *decode.Packet, length uint32) {
	p.WireLength += length - p.PayloadLength
	p.CapturedLength = min(p.WireLength, snapLength)
	p.PayloadLength = length
}

// frame begins a packet: Ethernet and IP headers of so many bytes in all.
func frame(n int, ipv6 bool, protocol uint8, headers uint32) decode.Packet {
	p := decode.Packet{Head: decode.Head{
		Valid: decode.HasMAC | decode.HasDstMAC | decode.HasEtherType | decode.HasAddresses | decode.HasIP | decode.HasProtocol |
			decode.HasPayload,
		WireLength: headers, CapturedLength: headers,
		SrcMAC: [6]byte{0x02, 0x1a, 0x11, 0x30, 0x40, byte(n)}, DstMAC: [6]byte{0x02, 0x9c, 0x02, 0x11, 0x22, 0x33},
		EtherType: 0x0800, IPVersion: 4, Protocol: protocol, TTL: 64,
		SrcIP: [16]byte{192, 168, 17, byte(20 + n)}, DstIP: [16]byte{203, 0, 113, byte(7 * n)},
	}}
	if n%2 == 1 {
		p.Direction = decode.Out
		p.SrcIP, p.DstIP, p.SrcMAC, p.DstMAC = p.DstIP, p.SrcIP, p.DstMAC, p.SrcMAC
	}
	if ipv6 {
		p.EtherType, p.IPVersion, p.WireLength = 0x86dd, 6, headers+20
		p.SrcIP = [16]byte{0x20, 0x01, 0x0d, 0xb8, 0x17, 0x2a, 0, 1, 0x5c, 0x21, 0x9e, 0xff, 0xfe, 0x44, 0x10, byte(n)}
		p.DstIP = [16]byte{0x20, 0x01, 0x0d, 0xb8, 0xff, 0xf0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, byte(n)}
	} else {
		p.Valid |= decode.HasIPID
		p.IPID = uint32(7919 * n & 0xffff)
	}
	return p
}

// tag puts the packet into a VLAN.
func tag(p *decode.Packet, id uint16) {
	p.Valid |= decode.HasVLAN
	p.VLANID = id
	p.WireLength += 4
}

func segment(n int, ipv6 bool) decode.Packet {
	p := frame(n, ipv6, 6, 14+20+32)
	p.Valid |= decode.HasPorts | decode.HasTCP | decode.HasTimestamps
	p.SrcPort, p.DstPort, p.Flags = 443, uint16(40000+n), 0x10
	p.SeqNumber, p.AckNumber, p.TSEcho = uint32(n)*1_000_003_000, uint32(n)*2_000_003_000, uint32(n)*9_000_011
	return p
}

// opening is a SYN, or of an odd number the answer to one.
func opening(n int, ipv6 bool) decode.Packet {
	p := segment(n, ipv6)
	p.WireLength += 8
	p.Valid |= decode.HasMSS | decode.HasWindowScale | decode.HasTCPOptions
	p.Flags = 0x02 | uint8(n%2)<<4
	p.MSS, p.WindowScale, p.TCPOptions = 1460, 7, decode.SACKPermitted
	return p
}

func hello(n int) decode.Packet {
	p := segment(n, false)
	setPayload(&p, 517)
	p.Valid |= decode.HasName | decode.HasTLS | decode.HasALPN
	p.NameKind, p.TLSVersion = decode.NameTLS, 0x0304
	p.Name.Length = uint8(copy(p.Name.Bytes[:], "static.shop.example.net"))
	p.ALPN.Length = uint8(copy(p.ALPN.Bytes[:], "h2,http/1.1"))
	return p
}

func datagram(n int, ipv6 bool) decode.Packet {
	p := frame(n, ipv6, 17, 14+20+8)
	p.Valid |= decode.HasPorts
	p.SrcPort, p.DstPort = uint16(50000+n), 443
	return p
}

func question(n int) decode.Packet {
	p := datagram(n, false)
	setPayload(&p, 45)
	p.DstPort = 53
	p.Valid |= decode.HasName | decode.HasDNS
	p.NameKind, p.DNSType = decode.NameDNS, 1+27*uint16(n%2) // A, AAAA
	p.Name.Length = uint8(copy(p.Name.Bytes[:], "images.cdn.example.org"))
	return p
}

// answer has two addresses of the kind that was asked for.
func answer(n int) decode.Packet {
	p := question(n)
	setPayload(&p, 101)
	p.SrcPort, p.DstPort = p.DstPort, p.SrcPort
	p.Valid |= decode.HasDNSResponse | decode.HasAnswers
	p.DNSAnswers, p.Answers.Count = 2, 2
	p.Answers.List[0] = [16]byte{198, 51, 100, 7}
	p.Answers.List[1] = [16]byte{198, 51, 100, 8}
	if n%2 == 1 {
		p.Answers.Wide = 3
		p.Answers.List[0] = [16]byte{0x20, 0x01, 0x0d, 0xb8, 15: 7}
		p.Answers.List[1] = [16]byte{0x20, 0x01, 0x0d, 0xb8, 15: 8}
	}
	return p
}

func ping(n int) decode.Packet {
	p := frame(n, false, 1, 14+20+8)
	p.Valid |= decode.HasICMP
	p.ICMPType = 8 * uint8(1-n%2)
	return p
}

func solicitation() decode.Packet {
	p := frame(0, true, 58, 14+20+8)
	p.Valid |= decode.HasICMP
	p.ICMPType, p.TTL, p.Direction = 135, 255, decode.Multicast
	return p
}
