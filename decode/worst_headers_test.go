package decode

import "math/rand/v2"

var hostileHeaders = []pattern{
	{name: "vlan tags and snap headers in turn", whole: func(r *rand.Rand, size int) []byte {
		b := octets(eth)
		for range maxTags {
			b = append(b, octets("8100 0001 0400 aaaa03 000000")...)
		}
		b = ipv4Header(append(b, 8, 0), protoTCP, 60)
		return within(size, tcpHeaders(b, nops(r)))
	}},
	{name: "every tag, label and extension header", whole: func(r *rand.Rand, size int) []byte {
		return within(size, tcpHeaders(longHead(protoTCP, 60), nops(r)))
	}},
	{name: "ipv6 extension headers", whole: func(r *rand.Rand, size int) []byte {
		b := ipv6Header(append(octets(eth), 0x86, 0xdd), protoTCP, max(0, min(maxExtensions, (size-114)/8)), 60)
		return within(size, tcpHeaders(b, nops(r)))
	}},
	{name: "ah behind ah", whole: func(r *rand.Rand, size int) []byte {
		n := max(1, min(maxExtensions, (size-34-60)/12))
		b := ipv4Header(append(octets(eth), 8, 0), protoAH, 12*n+60)
		for i := range n {
			next := byte(protoAH)
			if i == n-1 {
				next = protoTCP
			}
			b = append(b, next, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0)
		}
		return within(size, tcpHeaders(b, nops(r)))
	}},
	{name: "jumbo option behind pads", whole: func(r *rand.Rand, size int) []byte { return jumboPads(r, size, 0) }},
	{name: "jumbo option behind empty options", whole: func(r *rand.Rand, size int) []byte { return jumboPads(r, size, 1) }},
	{name: "mpls labels", whole: func(r *rand.Rand, size int) []byte {
		b := labels(append(octets(eth), 0x88, 0x47), max(1, min(maxLabels, (size-94)/4)))
		return within(size, tcpHeaders(ipv4Header(b, protoTCP, 60), nops(r)))
	}},
	{name: "tcp options, no-ops", whole: tcpOf(nops)},
	{name: "tcp options of two bytes", whole: tcpOf(func(r *rand.Rand) []byte {
		return fill(40, func(b []byte) []byte { return append(b, []byte{4, 34, 34, 200, 254}[r.IntN(5)], 2) })
	})},
	{name: "tcp options in any order", whole: tcpOf(func(r *rand.Rand) []byte {
		all := [...][]byte{{1}, {4, 2}, {2, 4, 5, 180}, {3, 3, 7}, {30, 3, 0}, {34, 2}, {8, 10, 9: 1}, {29, 4, 1, 1}}
		return fill(40, func(b []byte) []byte { return append(b, all[r.IntN(len(all))]...) })
	})},
}

// nops are the 40 bytes of options that take most steps.
func nops(*rand.Rand) []byte {
	b := make([]byte, 40)
	for i := range b {
		b[i] = optionNop
	}
	return b
}

// tcpOf makes TCP headers with these options.
func tcpOf(options func(r *rand.Rand) []byte) func(*rand.Rand, int) []byte {
	return func(r *rand.Rand, size int) []byte {
		return within(size, tcpHeaders(plainHead(protoTCP, 60), options(r)))
	}
}

// tcpHeaders appends a TCP header with all the room for options, filled up with no-ops.
func tcpHeaders(b, options []byte) []byte {
	b = append(b, octets("c938 1b58 00000001 00000002 f0 10 1000 0000 0000")...)
	b = append(b, options...)
	return append(b, nops(nil)[len(options):]...)
}

// jumboPads is an IPv6 packet of length 0 whose hop-by-hop options are Pad1 or options of no length.
func jumboPads(r *rand.Rand, size int, what byte) []byte {
	words := min((size-54)/8, 256)
	if words < 1 {
		return nil
	}
	b := ipv6Header(append(octets(eth), 0x86, 0xdd), extHopByHop, 0, 0)
	b = append(b, protoNoNext, byte(words-1))
	for range words*4 - 1 {
		b = append(b, what*byte(5+r.IntN(100)), 0)
	}
	return b
}
