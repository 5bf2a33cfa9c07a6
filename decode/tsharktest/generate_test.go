package tsharktest

import (
	"encoding/binary"
	"math/rand/v2"

	"network-sniffer/decode"
)

// generator makes frames that are right, of as many kinds as decode knows. The same seed makes the same frames.
type generator struct {
	*rand.Rand
	hellos *hellos
}

func newGenerator(seed uint64, h *hellos) generator {
	return generator{rand.New(rand.NewPCG(7, seed)), h}
}

// frame is the captured part of a frame and its length on the wire.
type frame struct {
	data []byte
	wire int
}

// octets puts parts behind each other: an int is one byte, numbers of other types have their size, in network order.
func octets(parts ...any) []byte {
	var b []byte
	for _, part := range parts {
		switch v := part.(type) {
		case int:
			if v>>8 != 0 {
				panic("an int of more than a byte")
			}
			b = append(b, byte(v))
		case byte:
			b = append(b, v)
		case uint16:
			b = binary.BigEndian.AppendUint16(b, v)
		case uint32:
			b = binary.BigEndian.AppendUint32(b, v)
		case string:
			b = append(b, v...)
		case []byte:
			b = append(b, v...)
		default:
			panic("octets of an unknown type")
		}
	}
	return b
}

// length8, length16 and length24 put the length of the parts in front of them.
func length8(parts ...any) []byte {
	b := octets(parts...)
	return octets(len(b), b)
}

func length16(parts ...any) []byte {
	b := octets(parts...)
	return octets(uint16(len(b)), b)
}

func length24(parts ...any) []byte {
	b := octets(parts...)
	return octets(byte(len(b)>>16), uint16(len(b)), b)
}

func (g generator) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(g.Uint32())
	}
	return b
}

// one says yes once in n times.
func (g generator) one(n int) bool { return g.IntN(n) == 0 }

// some is between nothing and n bytes.
func (g generator) some(n int) []byte { return g.bytes(g.IntN(n + 1)) }

func (g generator) u16() uint16 { return uint16(g.Uint32()) }

func pick[T any](g generator, list ...T) T { return list[g.IntN(len(list))] }

// clientPort keeps away from well-known ports, behind which tshark or decode would look for more.
func (g generator) clientPort() uint16 { return uint16(20000 + g.IntN(400)) }

// frame makes a frame of this link type; one in eight is snapped behind its link header.
func (g generator) frame(link decode.LinkType) frame {
	var b []byte
	header := 1
	switch link {
	case decode.LinkEthernet:
		b = g.ethernet()
		for g.one(2) && len(b) < 60 {
			b = append(b, g.bytes(60-len(b))...) // padding, which is no payload
		}
		header = 14
	case decode.LinkRaw:
		_, b = g.packet()
	case decode.LinkIPv4:
		b = g.packet4()
	case decode.LinkIPv6:
		b = g.packet6()
	case decode.LinkPPP:
		b = g.pppFrame()
		header = 2
	case decode.LinkNull:
		version, ip := g.packet()
		family := 2
		if version == 6 {
			family = pick(g, 10, 24, 28, 30) // Linux; NetBSD and OpenBSD; FreeBSD; Darwin
		}
		b = octets(family, 0, 0, 0, ip)
		header = 4
	case decode.LinkLinuxSLL: // direction, device type Ethernet, address
		b = octets(uint16(g.IntN(5)), uint16(1), uint16(6), g.mac(), uint16(0), g.behindType())
		header = 16
	case decode.LinkLinuxSLL2: // protocol, reserved, interface, device type Ethernet, direction, address
		behind := g.behindType()
		b = octets(behind[:2], uint16(0), uint32(1+g.IntN(9)), uint16(1), g.IntN(5), 6, g.mac(), uint16(0), behind[2:])
		header = 20
	}
	f := frame{data: b, wire: len(b)}
	if g.one(8) && len(b) > header {
		f.data = b[:header+g.IntN(len(b)-header)]
	}
	return f
}

// mac is an address of one station.
func (g generator) mac() []byte {
	b := g.bytes(6)
	b[0] &^= 1
	return b
}

func (g generator) ethernet() []byte {
	switch g.IntN(40) {
	case 0:
		return octets([]byte{1, 0x80, 0xc2, 0, 0, 0x0e}, g.mac(), uint16(0x88cc), g.lldp())
	case 1: // LLC and SNAP with Cisco's identifier of CDP
		body := octets(0xaa, 0xaa, 3, 0, 0, 0x0c, uint16(0x2000), g.cdp())
		return octets([]byte{1, 0, 0x0c, 0xcc, 0xcc, 0xcc}, g.mac(), length16(body))
	case 2, 3: // an EtherType in LLC and SNAP, as far as that is long enough
		if behind := g.behindType(); len(behind) <= 1500-6 {
			return octets(g.mac(), g.mac(), length16(0xaa, 0xaa, 3, 0, 0, 0, behind))
		}
	case 4: // LLC of the spanning tree protocol, which has no EtherType
		return octets([]byte{1, 0x80, 0xc2, 0, 0, 0}, g.mac(), length16(0x42, 0x42, 3, 0, 0, 0, 0x80, g.bytes(4)))
	}
	return octets(g.mac(), g.mac(), g.behindType())
}

// behindType is an EtherType, with tags in front of it at times, and what it announces.
func (g generator) behindType() []byte {
	var b []byte
	for n := g.IntN(6); n > 3; n-- {
		tpid := uint16(0x8100)
		if n == 5 && g.one(2) {
			tpid = 0x88a8
		}
		b = octets(b, tpid, g.u16())
	}
	switch g.IntN(24) {
	case 0: // ARP and RARP
		operation := pick[uint16](g, 1, 2, 8, 9)
		return octets(b, uint16(0x0806), uint16(1), uint16(0x0800), 6, 4, operation, g.bytes(20))
	case 1: // PPPoE session
		return octets(b, uint16(0x8864), 0x11, 0, g.u16(), length16(g.pppProtocol()))
	case 2: // PPPoE discovery: PADT, whose session ends, without tags
		return octets(b, uint16(0x8863), 0x11, 0xa7, g.u16(), uint16(0))
	case 3: // an experimental type (IEEE 802 §9.2.3)
		return octets(b, uint16(0x88b5), g.some(60))
	case 4, 5: // label, class and bottom, TTL
		_, ip := g.packet()
		b = octets(b, uint16(0x8847))
		for range g.IntN(3) {
			b = octets(b, 0x10, byte(g.Uint32()), 0x10, 64)
		}
		return octets(b, 0x10, byte(g.Uint32()), 0x11, 64, ip)
	}
	version, ip := g.packet()
	if version == 6 {
		return octets(b, uint16(0x86dd), ip)
	}
	return octets(b, uint16(0x0800), ip)
}

// pppFrame has address and control of RFC 1662 §3.1, or leaves them out.
func (g generator) pppFrame() []byte {
	if g.one(2) {
		return octets(0xff, 3, g.pppProtocol())
	}
	return g.pppProtocol()
}

// pppProtocol is a PPP protocol number and what it announces.
func (g generator) pppProtocol() []byte {
	if g.one(12) { // LCP echo request
		return octets(uint16(0xc021), 9, byte(g.Uint32()), uint16(8), g.bytes(4))
	}
	version, ip := g.packet()
	return pppOf(version, ip)
}

func pppOf(version int, ip []byte) []byte {
	if version == 6 {
		return octets(uint16(0x0057), ip)
	}
	return octets(uint16(0x0021), ip)
}
