package pcapfilter

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
)

// The values that frames carry and that expressions ask for.
var (
	pool4 = []string{"10.1.2.3", "10.1.9.9", "10.200.0.1", "192.0.2.1", "192.0.2.255", "198.51.100.7", "224.0.0.5", "255.255.255.255", "0.0.0.0"}
	pool6 = []string{"2001:db8::1", "2001:db8:0:1::7", "fe80::1", "ff02::1", "::1", "fd00:1:2:3:4:5:6:7"}

	poolPort  = []uint16{20, 21, 22, 53, 67, 68, 80, 123, 443, 514, 5060, 6000, 6005, 8080, 65535, 0}
	poolProto = []byte{protoTCP, protoTCP, protoTCP, protoUDP, protoUDP, protoSCTP, protoICMP, protoICMPv6, protoIGMP, protoESP, protoAH, protoPIM, protoVRRP, 47}
	poolMAC   = [][]byte{
		{0x02, 0, 0, 0, 0, 1}, {0x02, 0, 0, 0, 0, 2}, {0x02, 1, 0, 0, 0, 1}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0x01, 0, 0x5e, 0, 0, 5},
	}
)

func pick[T any](r *rand.Rand, pool []T) T { return pool[r.IntN(len(pool))] }

func random(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// makeFrame makes an Ethernet frame: mostly well formed, one in five cut short, one in twenty with
// bytes changed.
func makeFrame(r *rand.Rand) []byte {
	b := append(append([]byte(nil), pick(r, poolMAC)...), pick(r, poolMAC)...)
	if r.IntN(40) == 0 {
		return append(b, random(r, r.IntN(80))...)
	}
	for r.IntN(4) == 0 {
		b = binary.BigEndian.AppendUint16(b, pick(r, []uint16{0x8100, 0x8100, 0x88a8, 0x9100}))
		b = binary.BigEndian.AppendUint16(b, uint16(r.IntN(16))<<12|pick(r, []uint16{0, 1, 5, 100, 4095}))
	}
	switch r.IntN(10) {
	case 0:
		b = binary.BigEndian.AppendUint16(b, pick(r, []uint16{etherARP, etherARP, etherRARP}))
		b = append(b, arp(r)...)
	case 1:
		b = binary.BigEndian.AppendUint16(b, pick(r, []uint16{0x9000, 0x88cc, 100, 1500, 0x0600}))
		b = append(b, random(r, r.IntN(60))...)
	case 2, 3, 4:
		b = binary.BigEndian.AppendUint16(b, etherIPv6)
		b = append(b, ipv6(r)...)
	default:
		b = binary.BigEndian.AppendUint16(b, etherIP)
		b = append(b, ipv4Packet(r)...)
	}
	if r.IntN(20) == 0 {
		for range 1 + r.IntN(4) {
			b[r.IntN(len(b))] = byte(r.Uint32())
		}
	}
	if r.IntN(5) == 0 {
		b = b[:1+r.IntN(len(b))]
	}
	return b
}

func arp(r *rand.Rand) []byte {
	b := []byte{0, 1, 8, 0, 6, 4, 0, byte(1 + r.IntN(2))}
	for range 2 {
		b = append(b, pick(r, poolMAC)...)
		b = append(b, address(pick(r, pool4))...)
	}
	return b
}

func address(text string) []byte { return netip.MustParseAddr(text).AsSlice() }

func ipv4Packet(r *rand.Rand) []byte {
	proto := pick(r, poolProto)
	options := 0
	if r.IntN(4) == 0 {
		options = r.IntN(11)
	}
	body := transport(r, proto)
	b := []byte{0x40 | byte(5+options), byte(r.Uint32())}
	b = binary.BigEndian.AppendUint16(b, uint16(20+4*options+len(body)))
	b = append(b, random(r, 2)...)
	fragment := uint16(0)
	switch r.IntN(6) {
	case 0:
		fragment = 0x2000 // first of several
	case 1:
		fragment = pick(r, []uint16{1, 0x1000, 0x1fff, uint16(r.IntN(0x2000))}) | uint16(r.IntN(2))<<13
	case 2:
		fragment = 0x4000
	}
	b = binary.BigEndian.AppendUint16(b, fragment)
	b = append(b, pick(r, []byte{1, 64, 255}), proto, 0, 0)
	b = append(b, address(pick(r, pool4))...)
	b = append(b, address(pick(r, pool4))...)
	b = append(b, random(r, 4*options)...)
	return append(b, body...)
}

func ipv6(r *rand.Rand) []byte {
	proto := pick(r, poolProto)
	body := transport(r, proto)
	next := proto
	switch r.IntN(6) {
	case 0:
		next = protoFrag6
		body = append([]byte{proto, 0, byte(r.Uint32()), byte(r.Uint32()), 1, 2, 3, 4}, body...)
	case 1:
		next = 0 // hop-by-hop options
		body = append([]byte{proto, 0, 1, 4, 0, 0, 0, 0}, body...)
	}
	b := []byte{0x60, byte(r.Uint32()), 0, 0}
	b = binary.BigEndian.AppendUint16(b, uint16(len(body)))
	b = append(b, next, 64)
	b = append(b, address(pick(r, pool6))...)
	b = append(b, address(pick(r, pool6))...)
	return append(b, body...)
}

func transport(r *rand.Rand, proto byte) []byte {
	switch proto {
	case protoTCP, protoUDP, protoSCTP:
		b := binary.BigEndian.AppendUint16(nil, pick(r, poolPort))
		b = binary.BigEndian.AppendUint16(b, pick(r, poolPort))
		if proto == protoTCP {
			b = append(b, random(r, 8)...)
			b = append(b, 0x50, pick(r, []byte{0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0xc2}))
			b = append(b, random(r, 6)...)
		}
		return append(b, random(r, r.IntN(40))...)
	case protoICMP, protoICMPv6:
		return append([]byte{pick(r, []byte{0, 3, 8, 11, 128, 129, 135}), byte(r.IntN(4))}, random(r, r.IntN(40))...)
	}
	return random(r, r.IntN(40))
}

// makeFrames makes n frames that are the same in every run, among them the empty frame's neighbours.
func makeFrames(n int) [][]byte {
	r := rand.New(rand.NewPCG(1, 2026))
	frames := [][]byte{{0}, make([]byte, 14), make([]byte, 60)}
	for len(frames) < n {
		frames = append(frames, makeFrame(r))
	}
	return frames
}
