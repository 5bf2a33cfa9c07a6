package decode

import "math/rand/v2"

var hostileTunnels = []pattern{
	{name: "icmpv6 quote of extension headers", whole: func(r *rand.Rand, size int) []byte {
		b := ipv6Header(append(octets(eth), 0x86, 0xdd), protoICMPv6, 0, 8+innermostLength)
		return within(size, append(append(b, octets("0100 0000 00000000")...), innermost()...))
	}},
	{name: "ipv6 with extension headers in ipv4", whole: carried(protoIPv6, func(int) []byte { return innermost() })},
	{name: "gre with everything", whole: carried(protoGRE, func(size int) []byte {
		return append(octets("b000 6558 00000000 00000001 00000001"), taggedInner(min(8, max(0, (size-250)/4)))...)
	})},
	{name: "vxlan with tags", port: 4789, data: func(r *rand.Rand, size int) []byte {
		return append(octets("08000000 00000100"), taggedInner(max(0, (size-230)/4))...)
	}},
	{name: "geneve with options and extension headers", port: 6081, data: func(r *rand.Rand, size int) []byte {
		words := max(0, min(63, (size-200)/4))
		b := append([]byte{byte(words), 0, 0x86, 0xdd, 0, 1, 0, 0}, make([]byte, 4*words)...)
		return append(b, innermost()...)
	}},
	{name: "gtp-u extension headers", port: 2152, data: func(r *rand.Rand, size int) []byte {
		const n = 8
		b := append16(nil, 0x34ff, uint16(4+4*n+len(innermost())))
		b = append(b, octets("00000001 0000 00 85")...)
		for i := range n {
			next := byte(0x85)
			if i == n-1 {
				next = 0
			}
			b = append(b, 1, 0, 0, next)
		}
		return append(b, innermost()...)
	}},
	{name: "l2tp with ppp and extension headers", port: 1701, data: func(r *rand.Rand, size int) []byte {
		b := append16(nil, 0x4a02, uint16(16+innermostLength), 1, 1, 1, 1, 0, 0xff03, pppIPv6)
		return append(b, innermost()...)
	}},
	{name: "teredo with authentication and origin", port: 3544, data: func(r *rand.Rand, size int) []byte {
		b := append(octets("0001 00 00 0000000000000000 00"), octets("0000 0000 00000000")...)
		return append(b, innermost()...)
	}},
}

// innermost is an IPv6 packet with every extension header in front of its ports.
func innermost() []byte {
	return append(ipv6Header(nil, protoTCP, maxExtensions, 20), octets("c938 1b58 00000001 00000002 50 10 1000 0000 0000")...)
}

// taggedInner is an Ethernet frame with n tags in front of innermost.
func taggedInner(n int) []byte {
	b := octets(eth)
	for range n {
		b = append(b, 0x81, 0, 0, 1)
	}
	return append(append(b, 0x86, 0xdd), innermost()...)
}

// innermostLength is that of innermost.
const innermostLength = 40 + 8*maxExtensions + 20

// carried makes whole frames of IPv4 with a payload of this protocol.
func carried(protocol byte, data func(size int) []byte) func(*rand.Rand, int) []byte {
	return func(_ *rand.Rand, size int) []byte {
		b := data(size - 34)
		return within(size, append(plainHead(protocol, len(b)), b...))
	}
}
