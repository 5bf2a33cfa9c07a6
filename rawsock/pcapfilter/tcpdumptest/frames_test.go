package tcpdumptest

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
)

// The values that frames carry and that expressions ask for.
var (
	addresses4 = []string{"10.1.2.3", "10.1.9.9", "10.200.0.1", "192.0.2.1", "192.0.2.255", "192.168.1.7", "198.51.100.7",
		"127.0.0.1", "224.0.0.5", "255.255.255.255", "0.0.0.0"}
	addresses6 = []string{"2001:db8::1", "2001:db8:0:1::7", "fe80::1", "ff02::1", "::1", "fd00:1:2:3:4:5:6:7"}
	ports      = []uint16{20, 21, 22, 53, 67, 68, 80, 123, 443, 514, 1701, 4789, 5060, 6000, 6005, 6081, 8080, 65535, 0}
	tags       = []uint16{0, 1, 5, 100, 4095}
	labels     = []uint32{0, 16, 100, 1024, 0xfffff}
)

// generator makes frames. The same seed makes the same frames.
type generator struct{ *rand.Rand }

func newGenerator(seed uint64) generator { return generator{rand.New(rand.NewPCG(4, seed))} }

func pick[T any](g generator, list ...T) T { return list[g.IntN(len(list))] }

// one says yes once in n times.
func (g generator) one(n int) bool { return g.IntN(n) == 0 }

func (g generator) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(g.Uint32())
	}
	return b
}

// some is between nothing and n bytes.
func (g generator) some(n int) []byte { return g.bytes(g.IntN(n + 1)) }

// octets puts parts behind each other: an int is one byte, other numbers have their size, in network order.
func octets(parts ...any) []byte {
	var b []byte
	for _, part := range parts {
		switch v := part.(type) {
		case int:
			b = append(b, byte(v))
		case byte:
			b = append(b, v)
		case uint16:
			b = binary.BigEndian.AppendUint16(b, v)
		case uint32:
			b = binary.BigEndian.AppendUint32(b, v)
		case []byte:
			b = append(b, v...)
		default:
			panic("octets of an unknown type")
		}
	}
	return b
}

// packet is what a link layer carries: its EtherType and its bytes.
type packet struct {
	etherType uint16
	data      []byte
}

// packet makes one of the kinds that have an EtherType.
func (g generator) packet() packet {
	switch g.IntN(20) {
	case 0, 1:
		return packet{pick[uint16](g, 0x0806, 0x0806, 0x8035), g.arp()}
	case 2:
		return packet{pick[uint16](g, 0x8847, 0x8848), g.mpls()}
	case 3:
		return packet{0x8863, octets(0x11, pick(g, 9, 7, 0x19, 0x65, 0xa7), pick[uint16](g, 0, 1, 7), uint16(0), g.some(20))}
	case 4:
		protocol, data := g.ppp()
		return packet{0x8864, octets(0x11, 0, pick[uint16](g, 0, 1, 7, 0xffff), uint16(len(data)+2), protocol, data)}
	case 5:
		return packet{0x6003, g.decnet()}
	case 6: // IPX, AppleTalk and its ARP, LAT, LAVC, MOP, loopback, LLDP, one of nobody
		return packet{pick[uint16](g, 0x8137, 0x809b, 0x80f3, 0x6004, 0x6007, 0x6001, 0x6002, 0x9000, 0x88cc, 0x88b5), g.some(60)}
	case 7, 8, 9, 10, 11:
		return packet{0x86dd, g.ip6(2)}
	}
	return packet{0x0800, g.ip4(2)}
}

// arp is a request or a reply (RFC 826).
func (g generator) arp() []byte {
	return octets(uint16(1), uint16(0x0800), 6, 4, uint16(1+g.IntN(4)), g.mac(), g.address4(), g.mac(), g.address4())
}

func (g generator) address4() []byte { return netip.MustParseAddr(pick(g, addresses4...)).AsSlice() }
func (g generator) address6() []byte { return netip.MustParseAddr(pick(g, addresses6...)).AsSlice() }

// mac is a station, a group or everybody.
func (g generator) mac() []byte {
	return pick(g, []byte{2, 0, 0, 0, 0, 1}, []byte{2, 0, 0, 0, 0, 2}, []byte{2, 1, 0, 0, 0, 1},
		[]byte{255, 255, 255, 255, 255, 255}, []byte{1, 0, 0x5e, 0, 0, 5}, []byte{0x33, 0x33, 0, 0, 0, 1})
}

// mpls is a stack of labels (RFC 3032 §2.1) over IP.
func (g generator) mpls() []byte {
	var b []byte
	for range g.IntN(3) {
		b = octets(b, pick(g, labels...)<<12|64)
	}
	return octets(b, pick(g, labels...)<<12|0x100|64, pick(g, g.ip4(1), g.ip6(1)))
}

// ppp is a protocol number (RFC 1661 §2) and what it announces.
func (g generator) ppp() (protocol uint16, data []byte) {
	switch g.IntN(8) {
	case 0: // control protocols, and the network protocols that are not IP
		return pick[uint16](g, 0xc021, 0x8021, 0x0023, 0x0025, 0x0027, 0x0029, 0x002b, 0x0031, 0x003d, 0x004f), g.some(60)
	case 1:
		return pick[uint16](g, 0x0281, 0x0283), g.mpls()
	case 2, 3, 4:
		return 0x0057, g.ip6(1)
	}
	return 0x0021, g.ip4(1)
}

// decnet is a routing header with a length in front, with the padding byte and without, long or short.
func (g generator) decnet() []byte {
	addresses := octets(3, 4, 10, 8)
	b := octets(uint16(g.Uint32()))
	if g.one(2) {
		b = octets(b, 0x81)
	}
	if g.one(2) {
		return octets(b, pick(g, 2, 0x0a), addresses, g.some(20))
	}
	return octets(b, pick(g, 6, 0x26), g.bytes(6), addresses[:2], g.bytes(6), addresses[2:], g.some(20))
}

// ip4 is an IPv4 packet that may carry packets in packets to a depth.
func (g generator) ip4(depth int) []byte {
	protocol := g.protocol()
	body := g.transport(protocol, depth)
	options := g.bytes(4 * pick(g, 0, 0, 0, 1, 2, 10))
	fragment := pick[uint16](g, 0, 0, 0, 0x4000, 0x2000, 0x2001, 1, 0x1fff)
	return octets(0x45+len(options)/4, byte(g.Uint32()), uint16(20+len(options)+len(body)), g.bytes(2), fragment,
		pick(g, 1, 64, 255), protocol, uint16(0), g.address4(), g.address4(), options, body)
}

// ip6 is an IPv6 packet with extension headers (RFC 8200 §4).
func (g generator) ip6(depth int) []byte {
	next := g.protocol()
	body := g.transport(next, depth)
	for range pick(g, 0, 0, 0, 1, 1, 2, 3, 6, 10) {
		header := pick[byte](g, 0, 43, 44, 51, 60)
		switch header {
		case 44:
			body = octets(next, 0, pick[uint16](g, 0, 1, 8, 0xfff8), uint32(7), body)
		case 51: // AH counts words of 4 bytes, less 2 (RFC 4302 §2.2)
			body = octets(next, 4, uint16(0), uint32(1), uint32(2), g.bytes(12), body)
		default:
			extra := g.IntN(3)
			body = octets(next, extra, g.bytes(6+8*extra), body)
		}
		next = header
	}
	return octets(0x60, g.bytes(3), uint16(len(body)), next, pick(g, 1, 64, 255), g.address6(), g.address6(), body)
}

// protocol is an IP protocol number: ICMP, IGMP, IP, TCP, IGRP, UDP, IPv6, GRE, ESP, AH, ICMPv6, nothing, PIM, VRRP, SCTP.
func (g generator) protocol() byte {
	return pick[byte](g, 6, 6, 6, 6, 17, 17, 17, 17, 132, 132, 1, 1, 58, 58, 2, 4, 9, 41, 47, 50, 51, 59, 103, 112)
}

// transport is what follows an IP header that announces the protocol.
func (g generator) transport(protocol byte, depth int) []byte {
	switch protocol {
	case 6:
		flags := pick(g, 2, 0x12, 0x10, 0x18, 0x11, 4, 0xc2)
		return octets(g.ports(), g.bytes(8), pick(g, 0x50, 0x60, 0x80), flags, g.bytes(6), g.payload(40))
	case 17:
		return g.udp(depth)
	case 132:
		return octets(g.ports(), g.bytes(8), g.some(30))
	case 1, 58:
		return octets(pick(g, 0, 3, 5, 8, 9, 10, 11, 13, 128, 129, 133, 135, 143), g.IntN(4), g.some(40))
	case 51:
		next := g.protocol()
		for next == 51 {
			next = g.protocol()
		}
		return octets(next, 4, uint16(0), g.bytes(20), g.transport(next, depth))
	case 4, 41:
		if depth > 0 {
			if protocol == 4 {
				return g.ip4(depth - 1)
			}
			return g.ip6(depth - 1)
		}
	}
	return g.some(60)
}

// payload begins with what people filter for, or not.
func (g generator) payload(n int) []byte {
	begin := pick(g, "", "GET / HTTP/1.1\r\n", "HTTP/1.1 200", "SSH-2.0-x", "\x16\x03\x01\x00\x5a\x01")
	return octets([]byte(begin), g.some(n))
}

func (g generator) ports() []byte { return octets(pick(g, ports...), pick(g, ports...)) }

// udp may be a tunnel: GENEVE (RFC 8926 §3.4) or VXLAN (RFC 7348 §5).
func (g generator) udp(depth int) []byte {
	if depth == 0 || !g.one(4) {
		body := g.payload(40)
		return octets(g.ports(), uint16(8+len(body)), uint16(0), body)
	}
	port := uint16(4789)
	body := octets(8, 0, uint16(0), pick(g, labels...)<<8)
	inner := packet{0x6558, nil}
	if g.one(2) {
		port = 6081
		options := g.bytes(4 * g.IntN(4))
		if g.one(2) {
			inner = packet{pick[uint16](g, 0x0800, 0x86dd), nil}
		}
		body = octets(len(options)/4, pick(g, 0, 0x40, 0x80), inner.etherType, pick(g, labels...)<<8, options)
	}
	switch inner.etherType {
	case 0x0800:
		inner.data = g.ip4(depth - 1)
	case 0x86dd:
		inner.data = g.ip6(depth - 1)
	default:
		inner.data = ethernet(g, g.packet())
	}
	body = octets(body, inner.data)
	return octets(pick(g, ports...), port, uint16(8+len(body)), uint16(0), body)
}

// llc is an IEEE 802.2 header and what it announces: STP, IPX, NetBEUI, OSI with IS-IS, SNAP, or any, and all kinds of
// control fields.
func (g generator) llc() []byte {
	control := func() []byte {
		if g.one(3) { // supervisory and information frames have two bytes
			return pick(g, []byte{1, 0}, []byte{5, 2}, []byte{9, 4}, []byte{0, 0}, []byte{4, 6})
		}
		return []byte{pick[byte](g, 3, 0x13, 0x43, 0x0f, 0x6f, 0x7f, 0xaf, 0xbf, 0xe3, 0xf3, 0x87, 0x63)}
	}
	switch g.IntN(8) {
	case 0:
		return octets(0x42, 0x42, 3, uint16(0), 0, 0x80, g.some(35))
	case 1:
		return octets(0xe0, 0xe0, 3, uint16(0xffff), g.some(40))
	case 2:
		return octets(0xf0, pick(g, 0xf0, 0xf1), control(), g.some(40))
	case 3:
		return octets(0xfe, 0xfe, 3, pick(g, 0x81, 0x82), g.some(40))
	case 4:
		return octets(0xfe, 0xfe, 3, 0x83, 27, 1, 0, pick(g, 15, 16, 17, 18, 20, 24, 25, 26, 27, 2), 1, g.some(40))
	case 5:
		p := g.packet()
		return octets(0xaa, 0xaa, 3, pick(g, []byte{0, 0, 0}, []byte{0, 0, 0xf8}, []byte{8, 0, 7}), p.etherType, p.data)
	case 6:
		return octets(pick(g, 0, 6, 0xaa, 0xfe, 0x98), pick(g, 0, 6, 7, 0xaa, 0xff), control(), g.some(40))
	}
	return octets(0xff, 0xff, g.some(40)) // Novell's IPX without 802.2
}

// spoil cuts one frame in six and changes bytes in one of ten.
func (g generator) spoil(b []byte) []byte {
	b = slices.Clone(b)
	if g.one(10) {
		for range 1 + g.IntN(4) {
			b[g.IntN(len(b))] = byte(g.Uint32())
		}
	}
	if g.one(6) {
		b = b[:1+g.IntN(len(b))]
	}
	return b
}
