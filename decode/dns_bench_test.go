package decode

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// dnsFrame is a UDP packet over IPv4 in Ethernet.
func dnsFrame(from, to uint16, payload []byte) []byte {
	b := octets(eth, "0800 45 00 0000 0007 0000 40 11 0000", fourFrom, fourTo, "0000 0000 0000 0000")
	binary.BigEndian.PutUint16(b[16:], uint16(28+len(payload)))
	binary.BigEndian.PutUint16(b[34:], from)
	binary.BigEndian.PutUint16(b[36:], to)
	binary.BigEndian.PutUint16(b[38:], uint16(8+len(payload)))
	return append(b, payload...)
}

// dnsWire is a name in wire form.
func dnsWire(labels ...string) (b []byte) {
	for _, l := range labels {
		b = append(append(b, byte(len(l))), l...)
	}
	return append(b, 0)
}

// dnsLabels are labels of these lengths, as many as a name of size bytes in wire form has room for; letter makes
// each byte.
func dnsLabels(size int, length func() int, letter func() byte) (labels []string) {
	for size -= 1; size > 1; {
		n := min(length(), size-1)
		b := make([]byte, n)
		for i := range b {
			b[i] = letter()
		}
		labels = append(labels, string(b))
		size -= 1 + n
	}
	return labels
}

// dnsQuery asks for the address of a name.
func dnsQuery(name []byte) []byte {
	return slices.Concat(octets("1234 0100 0001 0000 0000 0000"), name, octets("0001 0001"))
}

// dnsResponse answers dnsQuery with n times record, in front of which is its own name.
func dnsResponse(name []byte, n int, record []byte) []byte {
	b := slices.Concat(octets("1234 8180 0001 0000 0000 0000"), name, octets("0001 0001"))
	b[7] = byte(n)
	for range n {
		b = append(b, record...)
	}
	return b
}

// BenchmarkDNS decodes whole frames. The names of the rows that end in "mixed" are of many shapes in turn, so that no
// branch is foreseen because the same frame was there before.
func BenchmarkDNS(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	plain := func() byte { return 'a' + byte(random.IntN(26)) }
	always := func(n int) func() int { return func() int { return n } }
	between := func(least, most int) func() int { return func() int { return least + random.IntN(most-least+1) } }
	one := func(c byte) func() byte { return func() byte { return c } }
	some := func(of int, c byte) func() byte { // one in of letters is c
		return func() byte {
			if random.IntN(of) == 0 {
				return c
			}
			return plain()
		}
	}
	queries := func(length func() int, letter func() byte) (frames [][]byte) {
		for range 500 {
			frames = append(frames, dnsFrame(55555, 53, dnsQuery(dnsWire(dnsLabels(maxWireName, length, letter)...))))
		}
		return frames
	}
	www := dnsWire("www", "example", "com")
	a := octets("c00c 0001 0001 0000012c 0004 c0000201")
	txt := func(name []byte) []byte { return slices.Concat(name, octets("0010 0001 0000012c 0000")) }
	// 16 answers of other types share the 128 labels.
	shared := func(length, labels func() int) (frames [][]byte) {
		for range 500 {
			message := dnsResponse(dnsWire("a"), maxDNSRecords, nil)
			for left := maxDNSLabels - 1; left > 0; {
				n := min(labels(), left)
				left -= n
				var name []string
				for range n {
					name = append(name, strings.Repeat("x", length()))
				}
				message = append(message, txt(dnsWire(name...))...)
			}
			frames = append(frames, dnsFrame(53, 55555, message))
		}
		return frames
	}
	// What costs most in the name, and what costs most in the answers.
	both := func() (frames [][]byte) {
		for range 500 {
			labels := dnsLabels(190, always(16), some(4, '.'))
			message := dnsResponse(dnsWire(labels...), maxDNSRecords, nil)
			for range maxDNSRecords {
				message = append(message, txt(dnsWire(dnsLabels(40, between(3, 7), plain)...))...)
			}
			frames = append(frames, dnsFrame(53, 55555, message))
		}
		return frames
	}
	for _, c := range []struct {
		name   string
		frames [][]byte
	}{
		{"query", [][]byte{dnsFrame(55555, 53, dnsQuery(www))}},
		{"query_of_60_bytes", [][]byte{dnsFrame(55555, 53, dnsQuery(dnsWire("d111111abcdef8-0123456789", "eu-central-1", "cloudfront", "example", "net")))}},
		{"response_of_1", [][]byte{dnsFrame(53, 55555, dnsResponse(www, 1, a))}},
		{"response_of_4", [][]byte{dnsFrame(53, 55555, dnsResponse(www, 4, a))}},
		{"response_of_8_ipv6", [][]byte{dnsFrame(53, 55555, dnsResponse(www, 8, octets("c00c 001c 0001 0000012c 0010", sixTo)))}},
		{"labels_of_1", queries(always(1), plain)},
		{"labels_of_63", queries(always(63), plain)},
		{"labels_of_1_to_3_mixed", queries(between(1, 3), plain)},
		{"labels_of_1_to_12_mixed", queries(between(1, 12), plain)},
		{"all_escaped", queries(always(63), one(0))},
		{"dots_in_labels", queries(always(63), one('.'))},
		{"a_dot_in_8_labels_of_1_to_3_mixed", queries(between(1, 3), some(8, '.'))},
		{"a_dot_in_8_mixed", queries(always(63), some(8, '.'))},
		{"an_escape_in_32_labels_of_1_to_3_mixed", queries(between(1, 3), some(32, 0))},
		{"half_dots_in_labels_of_1_to_3_mixed", queries(between(1, 3), some(2, '.'))},
		{"a_dot_in_4_in_labels_of_1_to_4_mixed", queries(between(1, 4), some(4, '.'))},
		{"half_dots_mixed", queries(always(63), some(2, '.'))},
		{"a_dot_in_4_mixed", queries(always(63), some(4, '.'))},
		{"labels_of_a_dot", queries(always(1), one('.'))},
		{"labels_of_an_escape", queries(always(1), one(0))},
		{"16_answers_of_8_labels", shared(always(1), always(8))},
		{"16_answers_mixed", shared(between(1, 20), between(4, 12))},
		{"128_labels_in_an_answer", shared(always(1), always(127))},
		{"a_dot_in_4_and_16_answers_mixed", both()},
		{"16_pointers", [][]byte{dnsFrame(53, 55555, dnsResponse(www, 16, octets("c00c 0010 0001 0000012c 0000")))}},
		{"100_questions", [][]byte{dnsFrame(53, 55555, slices.Concat(octets("1234 8180 0064 0001 0000 0000"), make([]byte, 600)))}},
	} {
		b.Run(c.name, func(b *testing.B) {
			m := Meta{Time: 1, LinkType: LinkEthernet}
			var p Packet
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i == len(c.frames) {
					i = 0
				}
				Decode(&p, &m, c.frames[i])
			}
			if p.Valid&HasName == 0 {
				b.Fatal(p.DecodeError)
			}
		})
	}
}
