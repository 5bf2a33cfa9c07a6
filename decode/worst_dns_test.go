package decode

import "math/rand/v2"

var hostileDNS = []pattern{
	{name: "dns: one-byte labels", port: 53, data: nameOf(1, 1, printable)},
	{name: "dns: one-byte labels to escape", port: 53, data: nameOf(1, 1, unprintable)},
	{name: "dns: labels to three bytes, some to escape", port: 53, data: nameOf(1, 3, mixed)},
	{name: "dns: labels to nine bytes", port: 53, data: nameOf(1, 9, printable)},
	{name: "dns: long labels", port: 53, data: nameOf(60, maxTextLabel, printable)},
	{name: "dns: long labels, some bytes to escape", port: 53, data: nameOf(60, maxTextLabel, mixed)},
	{name: "dns: long labels of dots", port: 53, data: nameOf(60, maxTextLabel, periods)},
	{name: "dns: questions of the root", port: 53, data: func(r *rand.Rand, size int) []byte {
		return append(dnsHead(0x8180, 0xffff, 1), fill(size-12, func(b []byte) []byte { return append(b, 0, 0, 1, 0, 1) })...)
	}},
	{name: "dns: questions of the root, then answers", port: 53, data: func(r *rand.Rand, size int) []byte {
		n := max(1, (size-12-16*15)/5)
		b := dnsHead(0x8180, uint16(n), 16)
		for range n {
			b = append(b, 0, 0, 1, 0, 1)
		}
		for range 16 {
			b = append(b, octets("00 0001 0001 0000003c 0004 c6336401")...)
		}
		return b
	}},
	{name: "dns: questions that point", port: 53, data: func(r *rand.Rand, size int) []byte {
		b := append(dnsHead(0x8180, 0xffff, 1), dnsQuestion("www", "example", "com")...)
		return append(b, fill(size-len(b), func(b []byte) []byte { return append(b, 0xc0, 12, 0, 1, 0, 1) })...)
	}},
	{name: "dns: questions of short names", port: 53, data: func(r *rand.Rand, size int) []byte {
		return append(dnsHead(0x8180, 0xffff, 1), fill(size-12, func(b []byte) []byte { return append(b, dnsQuestion("a", "b")...) })...)
	}},
	{name: "dns: answers with names of many labels", port: 53, data: func(r *rand.Rand, size int) []byte {
		b := append(dnsHead(0x8180, 1, 16), dnsQuestion("a")...)
		return append(b, fill(size-len(b), func(b []byte) []byte {
			b = append(b, wireLabels(r, 7, 1, 30, printable)...)
			return append(b, octets("0005 0001 0000003c 0002 c00c")...)
		})...)
	}},
	{name: "dns: answers of no length", port: 53, data: func(r *rand.Rand, size int) []byte {
		b := append(dnsHead(0x8180, 1, 0xffff), dnsQuestion("a")...)
		return append(b, fill(size-len(b), func(b []byte) []byte { return append(b, octets("00 0010 0001 0000003c 0000")...) })...)
	}},
	{name: "dns: pointers to pointers", port: 53, data: func(r *rand.Rand, size int) []byte {
		b := append(dnsHead(0x8180, 1, 16), dnsQuestion("a")...)
		n := max(0, min(100, (size-len(b)-30)/2))
		b = append16(append(b, octets("c00c 0010 0001 0000003c")...), uint16(2*n))
		at := uint16(12)
		for range n {
			b = append16(b, 0xc000|at)
			at = uint16(len(b) - 2)
		}
		b = append16(b, 0xc000|at)
		return append(b, octets("0001 0001 0000003c 0004 c6336401")...)
	}},
	{name: "dns: a long name in tcp", port: 53, tcp: true, data: func(r *rand.Rand, size int) []byte {
		return sized(nil, nameOf(1, 1, printable)(r, size-2))
	}},
}

// dnsHead is the header of a message.
func dnsHead(flags, questions, answers uint16) []byte {
	return append16(nil, 0x1234, flags, questions, answers, 0, 0)
}

// maxTextLabel is the length of the longest label (RFC 1035 §2.3.4).
const maxTextLabel = 63

// wireLabels is a name of n labels at most, of 255 bytes at most, each label of a length from shortest to longest.
func wireLabels(r *rand.Rand, n, shortest, longest int, letters func(r *rand.Rand, n int) []byte) []byte {
	var b []byte
	for range n {
		l := shortest + r.IntN(longest-shortest+1)
		if len(b)+1+l > 254 {
			break
		}
		b = append(append(b, byte(l)), letters(r, l)...)
	}
	return append(b, 0)
}

// periods are bytes that have to be escaped in a label and nowhere else.
func periods(r *rand.Rand, n int) []byte { return random(r, n, '.', '.') }

// nameOf makes responses about a name of such labels, with answers in the room that is left.
func nameOf(shortest, longest int, letters func(r *rand.Rand, n int) []byte) func(*rand.Rand, int) []byte {
	return func(r *rand.Rand, size int) []byte {
		name := wireLabels(r, max(1, min(127, (size-20)/(1+longest))), shortest, longest, letters)
		b := append(append(dnsHead(0x8180, 1, 0xffff), name...), 0, 28, 0, 1)
		return append(b, fill(size-len(b), func(b []byte) []byte {
			if r.IntN(2) == 0 {
				return append(b, octets("c00c 0001 0001 0000003c 0004 c6336401")...)
			}
			return append(append(b, octets("c00c 001c 0001 0000003c 0010")...), ip6To[:]...)
		})...)
	}
}
