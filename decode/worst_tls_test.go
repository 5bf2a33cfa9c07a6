package decode

import "math/rand/v2"

var hostileTLS = []pattern{
	{name: "tls: empty extensions", port: 443, tcp: true, data: aHello(func(r *rand.Rand, size int) []byte {
		return fill(size, func(b []byte) []byte { return append16(b, 100+uint16(r.IntN(1000)), 0) })
	})},
	{name: "tls: protocols of a byte", port: 443, tcp: true, data: aHello(func(r *rand.Rand, size int) []byte {
		return listed(16, fill(size-6, func(b []byte) []byte { return append(b, 1, 'a') }))
	})},
	{name: "tls: protocols of commas and unprintable bytes", port: 443, tcp: true, data: aHello(func(r *rand.Rand, size int) []byte {
		return listed(16, fill(size-6, func(b []byte) []byte { return append(b, 1, ",\x00a"[r.IntN(3)]) }))
	})},
	{name: "tls: protocols that do not fit", port: 443, tcp: true, data: aHello(func(r *rand.Rand, size int) []byte {
		return listed(16, fill(size-6, func(b []byte) []byte { return append(append(b, 60), unprintable(r, 60)...) }))
	})},
	{name: "tls: long protocols", port: 443, tcp: true, data: aHello(func(r *rand.Rand, size int) []byte {
		return listed(16, fill(size-6, func(b []byte) []byte { return append(append(b, 255), printable(r, 255)...) }))
	})},
	{name: "tls: names that are no host's", port: 443, tcp: true, data: aHello(func(r *rand.Rand, size int) []byte {
		return listed(0, fill(size-6, func(b []byte) []byte { return append(b, 1, 0, 0) }))
	})},
	{name: "tls: a name to escape", port: 443, tcp: true, data: aHello(func(r *rand.Rand, size int) []byte {
		return listed(0, sized([]byte{0}, unprintable(r, min(size-9, 255))))
	})},
	{name: "tls: a name of bytes that some are to escape", port: 443, tcp: true, data: aHello(func(r *rand.Rand, size int) []byte {
		return listed(0, sized([]byte{0}, mixed(r, size-9)))
	})},
	{name: "tls: a long name", port: 443, tcp: true, data: aHello(func(r *rand.Rand, size int) []byte {
		return listed(0, sized([]byte{0}, printable(r, min(size-9, 255))))
	})},
	{name: "tls: versions", port: 443, tcp: true, data: aHello(func(r *rand.Rand, size int) []byte {
		n := max(0, min(127, (size-5)/2))
		b := append16(nil, 43, uint16(2*n+1))
		b = append(b, byte(2*n))
		for range n {
			b = append(b, byte(r.IntN(6)), byte(r.IntN(6)))
		}
		return b
	})},
	{name: "tls: everything", port: 443, tcp: true, data: aHello(func(r *rand.Rand, size int) []byte {
		const empty = maxTLSExtensions - 3
		name := listed(0, sized([]byte{0}, mixed(r, 110)))
		b := sized(append16(nil, 43), append([]byte{254}, random(r, 254, 0, 6)...))
		room := min(size-len(b)-len(name)-6-4*empty, 1<<15)
		b = append(b, listed(16, fill(max(2, room), func(b []byte) []byte { return append(b, 1, ",\x00a"[r.IntN(3)]) }))...)
		for range empty {
			b = append16(b, 100+uint16(r.IntN(1000)), 0)
		}
		return append(b, name...)
	})},
}

// aHello makes a ClientHello of an extension list.
func aHello(list func(r *rand.Rand, size int) []byte) func(*rand.Rand, int) []byte {
	return func(r *rand.Rand, size int) []byte { return helloOf(list(r, helloRoom(size))) }
}

// listed is an extension of type t, with a list of two bytes' length in it.
func listed(t uint16, body []byte) []byte { return sized(append16(nil, t), sized(nil, body)) }

// helloRoom is what a ClientHello of size bytes has for extensions.
func helloRoom(size int) int { return max(0, min(size, 1<<16-1)-len(helloOf(nil))) }
