package decode

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
)

// pattern makes frames of one kind, as many bytes long as asked for at most. It makes either whole frames or the
// payload of a port, which is then also put behind every other header that there is.
type pattern struct {
	name  string
	whole func(r *rand.Rand, size int) []byte
	port  uint16
	tcp   bool
	data  func(r *rand.Rand, size int) []byte
}

// wrapper is the headers in front of a payload.
type wrapper struct {
	name string
	head func(next byte, payload int) []byte
}

var wrappers = []wrapper{{"", plainHead}, {" behind every header", longHead}}

// frame is one frame of at most size bytes, nil when the headers alone are longer.
func (g *pattern) frame(r *rand.Rand, w wrapper, size int) []byte {
	if g.whole != nil {
		return g.whole(r, size)
	}
	next, header := byte(protoUDP), 8
	if g.tcp {
		next, header = protoTCP, 20
	}
	room := size - len(w.head(next, 0)) - header
	if room < 12 {
		return nil
	}
	data := g.data(r, room)
	data = data[:min(len(data), room)]
	b := w.head(next, header+len(data))
	if g.tcp {
		b = append16(b, 51512, g.port)
		b = append(b, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 0x10, 0, 0, 0, 0, 0)
	} else {
		b = append16(b, 51512, g.port, uint16(header+len(data)), 0)
	}
	return append(b, data...)
}

// plainHead is Ethernet and IPv4.
func plainHead(next byte, payload int) []byte {
	return ipv4Header(append(octets(eth), 8, 0), next, payload)
}

// longHead is every tag, label and extension header that the bounds allow.
func longHead(next byte, payload int) []byte {
	b := octets(eth)
	for range maxTags {
		b = append(b, 0x81, 0, 0, 1)
	}
	b = append16(b, etherPPPoESession, 0x1100, 1, uint16(2+4*maxLabels+40+8*maxExtensions+payload), pppMPLS)
	return ipv6Header(labels(b, maxLabels), next, maxExtensions, payload)
}

// labels appends a stack of n MPLS labels with its bottom.
func labels(b []byte, n int) []byte {
	for i := range n {
		var bottom byte
		if i == n-1 {
			bottom = 1
		}
		b = append(b, 0, 1, bottom, 64)
	}
	return b
}

func ipv4Header(b []byte, next byte, payload int) []byte {
	b = append16(b, 0x4500, uint16(20+payload), 0x1234, 0x4000)
	return append(b, 64, next, 0, 0, 192, 168, 1, 20, 142, 250, 74, 36)
}

// ipv6Header appends an IPv6 header with n destination options headers behind it.
func ipv6Header(b []byte, next byte, n, payload int) []byte {
	b = append(b, 0x60, 0, 0, 0)
	b = append16(b, uint16(8*n+payload))
	first := next
	if n > 0 {
		first = extDestination
	}
	b = append(b, first, 64)
	b = append(append(b, ip6From[:]...), ip6To[:]...)
	for i := range n {
		after := byte(extDestination)
		if i == n-1 {
			after = next
		}
		b = append(b, after, 0, 1, 4, 0, 0, 0, 0)
	}
	return b
}

func append16(b []byte, values ...uint16) []byte {
	for _, v := range values {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	return b
}

// sized appends a length of two bytes and what it counts.
func sized(b, body []byte) []byte { return append(append16(b, uint16(len(body))), body...) }

// fill repeats what next appends up to size bytes.
func fill(size int, next func(b []byte) []byte) []byte {
	var b []byte
	for {
		n := len(b)
		if b = next(b); len(b) > size {
			return b[:n]
		}
	}
}

// printable and unprintable are n random bytes; mixed is of both.
func printable(r *rand.Rand, n int) []byte { return random(r, n, 'a', 'z') }

func unprintable(r *rand.Rand, n int) []byte { return random(r, n, 0x80, 0xff) }

func mixed(r *rand.Rand, n int) []byte {
	b := printable(r, n)
	for i := range b {
		if r.IntN(2) == 0 {
			b[i] = "\x00.\\,\x80"[r.IntN(5)]
		}
	}
	return b
}

func random(r *rand.Rand, n int, from, to byte) []byte {
	b := make([]byte, max(n, 0))
	for i := range b {
		b[i] = from + byte(r.IntN(int(to-from)+1))
	}
	return b
}

// within is b when it is no longer than size.
func within(size int, b []byte) []byte {
	if len(b) > size {
		return nil
	}
	return b
}

// hostilePatterns are what a sender writes who wants to be dear.
var hostilePatterns = slices.Concat(hostileHeaders, hostileDNS, hostileTLS, hostileText, hostileOptions, hostileTunnels)
