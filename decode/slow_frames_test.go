package decode

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
)

// slowMaker makes frames that carry names and tunnels, most of them right.
type slowMaker struct{ *rand.Rand }

// one returns one of its arguments.
func slowOne[T any](g slowMaker, of ...T) T { return of[g.IntN(len(of))] }

// length is n, or rarely something else.
func (g slowMaker) length(n int) int {
	switch g.IntN(150) {
	case 0:
		return n + 1
	case 1:
		return max(n-1, 0)
	case 2:
		return g.IntN(300)
	}
	return n
}

func (g slowMaker) n8(n int) []byte  { return []byte{byte(g.length(n))} }
func (g slowMaker) n16(n int) []byte { return slow16Bytes(g.length(n)) }

func slow16Bytes(n int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(n)) }

// with8 and with16 put the length of a body in front of it, in one byte or two.
func (g slowMaker) with8(parts ...[]byte) []byte {
	body := slices.Concat(parts...)
	return append(g.n8(len(body)), body...)
}

func (g slowMaker) with16(parts ...[]byte) []byte {
	body := slices.Concat(parts...)
	return append(g.n16(len(body)), body...)
}

func (g slowMaker) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(g.Uint32())
	}
	return b
}

// some joins up to n things that make makes.
func (g slowMaker) some(n int, make func() []byte) []byte {
	var b []byte
	for range g.IntN(n + 1) {
		b = append(b, make()...)
	}
	return b
}

// text is a name of up to n bytes, most of them letters.
func (g slowMaker) text(n int) []byte {
	b := make([]byte, g.IntN(n+1))
	for i := range b {
		if b[i] = byte('a' + g.IntN(26)); g.IntN(20) == 0 {
			b[i] = slowOne[byte](g, '.', ',', '\\', ' ', 0, 0xff, '"', 'Z', '-')
		}
	}
	return b
}

// domain is a name in wire form without compression.
func (g slowMaker) domain() []byte {
	size := slowOne(g, 8, 8, 8, 8, 63, 1)
	return append(g.some(slowOne(g, 4, 4, 4, 8, 130), func() []byte { return g.with8(g.text(size-1), []byte("x")) }), 0)
}

// pointed is a name in a message of at bytes, most often a pointer into it.
func (g slowMaker) pointed(at int) []byte {
	switch g.IntN(6) {
	case 0:
		return g.domain()
	case 1:
		return append(g.with8(g.text(20), []byte("y")), 0xc0, 12)
	case 2:
		return []byte{0xc0 | byte(g.IntN(at+4)>>8), byte(g.IntN(at + 4))}
	}
	return []byte{0xc0, 12}
}

func (g slowMaker) dns() []byte {
	questions, answers := slowOne(g, 1, 1, 1, 1, 0, 2, 3), slowOne(g, 0, 1, 2, 5, 12, 20)
	flags := slowOne(g, 0x0100, 0x8180, 0x8183, 0x8400, 0x0000)
	if flags < 0x8000 && g.IntN(4) != 0 {
		answers = 0
	}
	b := slices.Concat(g.bytes(2), slow16Bytes(flags), g.n16(questions), g.n16(answers), make([]byte, 4))
	for q := range questions {
		if q == 0 {
			b = append(b, g.domain()...)
		} else {
			b = append(b, g.pointed(len(b))...)
		}
		b = slices.Concat(b, slow16Bytes(slowOne(g, 1, 28, 12, 65, 255)), slow16Bytes(slowOne(g, 1, 0x8001)))
	}
	for range answers {
		t := slowOne(g, 1, 1, 28, 28, 5, 16, 41)
		body := g.bytes(map[int]int{1: 4, 28: 16, 5: 2, 16: 9, 41: 0}[t])
		b = slices.Concat(b, g.pointed(len(b)), slow16Bytes(t), slow16Bytes(slowOne(g, 1, 1, 1, 0x8001, 3)),
			g.bytes(4), g.with16(body))
	}
	return b
}

// hello is a ClientHello.
func (g slowMaker) hello() []byte {
	extension := func() []byte {
		t := slowOne(g, 0, 0, 16, 16, 43, 43, 10, 51, 0x0a0a)
		var body []byte
		switch t {
		case 0:
			entry := func() []byte {
				return append([]byte{slowOne[byte](g, 0, 0, 0, 0, 1)}, g.with16(g.text(slowOne(g, 30, 30, 300)))...)
			}
			body = g.with16(entry(), g.some(slowOne(g, 0, 0, 2), entry))
		case 16:
			body = g.with16(g.some(slowOne(g, 3, 3, 12), func() []byte {
				return g.with8(g.text(8), []byte(slowOne(g, "h2", "http/1.1", ",")))
			}))
		case 43:
			body = g.with8(g.some(4, func() []byte { return slow16Bytes(slowOne(g, 0x0303, 0x0304, 0x0302, 0x7f1c, 0x0a0a)) }))
		default:
			body = g.bytes(g.IntN(40))
		}
		return slices.Concat(slow16Bytes(t), g.with16(body))
	}
	b := slices.Concat(slow16Bytes(slowOne(g, 0x0303, 0x0301)), g.bytes(32), g.with8(g.bytes(slowOne(g, 0, 32))),
		g.with16(g.bytes(2*g.IntN(20))), g.with8([]byte{0}))
	if g.IntN(10) != 0 {
		b = append(b, g.with16(g.some(slowOne(g, 6, 6, 6, 45), extension))...)
	}
	if g.IntN(20) == 0 {
		b = append(b, g.bytes(g.IntN(3))...)
	}
	return slices.Concat([]byte{1, 0}, g.with16(b))
}

func (g slowMaker) tls() []byte { return slices.Concat([]byte{22, 3, 1}, g.with16(g.hello())) }

// varint is n in one of its forms (RFC 9000 §16).
func (g slowMaker) varint(n int) []byte {
	switch {
	case n < 64 && g.IntN(20) != 0:
		return []byte{byte(n)}
	case n < 1<<14:
		return slow16Bytes(0x4000 | n)
	}
	return binary.BigEndian.AppendUint64(nil, 3<<62|uint64(n))
}

// quic is an Initial packet of a client.
func (g slowMaker) quic() []byte {
	hello := g.hello()
	var frames [][]byte
	for at := 0; at < len(hello); {
		n := min(len(hello)-at, 1+g.IntN(slowOne(g, 40, 1000, 1000)))
		from := max(0, at-slowOne(g, 0, 0, 0, 0, 5))
		frames = append(frames, slices.Concat([]byte{6}, g.varint(from), g.varint(g.length(at+n-from)), hello[from:at+n]))
		if g.IntN(5) == 0 {
			frames = append(frames, slowOne(g, make([]byte, g.IntN(50)), []byte{1}, []byte{2, 1, 1, 0, 1},
				[]byte{3, 1, 1, 1, 1, 0, 0, 1, 2, 3}))
		}
		at += n
	}
	if g.IntN(3) == 0 {
		g.Shuffle(len(frames), func(i, j int) { frames[i], frames[j] = frames[j], frames[i] })
	}
	switch g.IntN(30) {
	case 0:
		frames = append(frames, []byte{0x1c, 0, 6, 0}, g.bytes(5))
	case 1:
		frames = append(frames, g.bytes(5))
	}
	plain := slices.Concat(slices.Concat(frames...), make([]byte, g.IntN(400)))
	version := slowOne[uint32](g, 1, 1, 0x6b3343cf)
	q := slowQUICs[version]
	connection := g.bytes(slowOne(g, 8, 8, 0, 20))
	numberSize := 1 + g.IntN(4)
	head := slices.Concat([]byte{0xc0 | q.packetType<<4 | byte(numberSize-1)}, binary.BigEndian.AppendUint32(nil, version),
		append([]byte{byte(len(connection))}, connection...), g.with8(g.bytes(g.IntN(9))), g.varint(0))
	if g.IntN(5) == 0 {
		head = slices.Concat(head[:len(head)-1], g.varint(9), g.bytes(9))
	}
	head = append(head, g.varint(g.length(len(plain)+numberSize+16))...)
	number := g.bytes(numberSize)
	key, iv, protection := q.keys(connection)
	for i, x := range number {
		iv[12-numberSize+i] ^= x
	}
	block, _ := aes.NewCipher(key)
	gcm, _ := cipher.NewGCM(block)
	at := len(head)
	head = append(head, number...)
	packet := gcm.Seal(slices.Clone(head), iv, plain, head)
	if len(packet) < at+20 {
		return packet
	}
	block, _ = aes.NewCipher(protection)
	mask := make([]byte, 16)
	block.Encrypt(mask, packet[at+4:at+20])
	packet[0] ^= mask[0] & 15
	for i := range numberSize {
		packet[at+i] ^= mask[1+i]
	}
	return append(packet, g.bytes(slowOne(g, 0, 0, 9))...)
}

func (g slowMaker) line(s ...string) []byte {
	return []byte(strings.Join(s, "") + slowOne(g, "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n"))
}

// fields is header lines with the fields of these names among them.
func (g slowMaker) fields(names ...string) []byte {
	line := func() []byte {
		return g.line("X-", string(g.text(5)), slowOne(g, ": ", ": ", ": ", ""), string(g.text(20)))
	}
	var b []byte
	for _, name := range names {
		b = append(b, g.some(slowOne(g, 3, 3, 3, 3, 3, 40), line)...)
		if g.IntN(10) != 0 {
			b = append(b, g.line(slowOne(g, name, strings.ToUpper(name)),
				slowOne(g, "", "", "", "", "", "", "", "", "", " ", "\t"), ":", slowOne(g, " ", "", "\t "),
				string(g.text(slowOne(g, 20, 20, 20, 20, 300))), slowOne(g, "", "", " "))...)
		}
	}
	return slices.Concat(b, g.some(3, line), g.line())
}

func (g slowMaker) http() []byte {
	method := slowOne(g, "GET", "POST", "PATCH", "HEAD", "REPORT", "NOTIFY", "get", "BREW")
	version := slowOne(g, " HTTP/1.1", " HTTP/1.1", " HTTP/1.1", " HTTP/1.1", " HTTP/1.1", " HTTP/1.0", " HTTP/2", "")
	return slices.Concat(g.line(method, " /", string(g.text(30)), version),
		g.fields("Host", "Host"))
}

func (g slowMaker) ssdp() []byte {
	first := slowOne(g, "M-SEARCH * HTTP/1.1", "NOTIFY * HTTP/1.1", "HTTP/1.1 200 OK",
		"HTTP/1.1 404 x", "GET / HTTP/1.1", "NOTIFY *")
	return slices.Concat(g.line(first), g.fields("Host", "ST", "NT"))
}

func (g slowMaker) dhcp() []byte {
	b := make([]byte, 240)
	b[0] = slowOne[byte](g, 1, 2, 2)
	if g.IntN(2) == 0 {
		copy(b[16:], g.bytes(4))
	}
	copy(b[236:], "\x63\x82\x53\x63")
	if g.IntN(30) == 0 {
		b[236]++
	}
	options := g.some(slowOne(g, 8, 8, 8, 8, 80), func() []byte {
		code := slowOne[byte](g, 0, 53, 12, 81, 55, 61)
		switch code {
		case 0:
			return []byte{0}
		case 53:
			return append([]byte{53}, g.with8([]byte{byte(g.IntN(9))})...)
		case 12:
			return append([]byte{12}, g.with8(g.text(20), make([]byte, g.IntN(2)))...)
		case 81:
			if g.IntN(2) == 0 {
				return append([]byte{81}, g.with8([]byte{4, 0, 0}, g.domain()[:min(3, g.IntN(9))], g.domain())...)
			}
			return append([]byte{81}, g.with8([]byte{slowOne[byte](g, 0, 4, 4), 0, 0}, slowOne(g, g.text(20), g.domain()))...)
		}
		return append([]byte{code}, g.with8(g.bytes(g.IntN(8)))...)
	})
	return slices.Concat(b, options, slowOne(g, []byte{255}, []byte{255}, []byte{255, 0, 0, 0}, nil))
}

func (g slowMaker) dhcpv6() []byte {
	option := func(code int, parts ...[]byte) []byte { return slices.Concat(slow16Bytes(code), g.with16(parts...)) }
	address := func() []byte {
		return option(5, g.bytes(24), g.some(1, func() []byte { return option(13, g.bytes(2)) }))
	}
	prefix := func() []byte { return option(26, g.bytes(25)) }
	other := func() []byte { return option(slowOne(g, 1, 13, 8, 39), g.bytes(g.IntN(9))) }
	b := slices.Concat([]byte{slowOne[byte](g, 1, 2, 7, 7, 3)}, g.bytes(3), g.some(slowOne(g, 5, 5, 5, 60), func() []byte {
		switch g.IntN(6) {
		case 0:
			return option(39, []byte{1}, g.domain())
		case 1:
			return option(3, g.bytes(12), g.some(2, address), g.some(1, other))
		case 2:
			return option(4, g.bytes(4), g.some(2, address))
		case 3:
			return option(25, g.bytes(12), g.some(2, prefix))
		case 4:
			return option(39, []byte{0}, []byte("\x04host"))
		}
		return other()
	}))
	for range slowOne(g, 0, 0, 0, 1, 2, 10) {
		b = slices.Concat([]byte{slowOne[byte](g, 12, 13)}, g.bytes(33), g.some(2, other), option(9, b), g.some(1, other))
	}
	return b
}

func (g slowMaker) ntp() []byte { return g.bytes(slowOne(g, 48, 48, 68, 12, 8, 47)) }

func (g slowMaker) lldp() []byte {
	tlv := func(kind int, body []byte) []byte { return append(slow16Bytes(kind<<9|g.length(len(body))), body...) }
	return slices.Concat(tlv(slowOne(g, 1, 1, 1, 1, 1, 2), g.bytes(7)), g.some(slowOne(g, 5, 5, 5, 40), func() []byte {
		return tlv(slowOne(g, 2, 3, 4, 5, 5, 127), g.text(slowOne(g, 20, 20, 20, 300)))
	}), slowOne(g, []byte{0, 0}, []byte{0, 0}, []byte{0, 0, 9}, nil))
}

func (g slowMaker) cdp() []byte {
	tlv := func() []byte {
		body := g.text(slowOne(g, 20, 20, 20, 300))
		return slices.Concat(slow16Bytes(slowOne(g, 1, 1, 2, 3, 4)), g.n16(len(body)+4), body)
	}
	return slices.Concat([]byte{2, 180}, g.bytes(2), g.some(slowOne(g, 5, 5, 5, 40), tlv))
}

// ip is an IP packet of either version, with options and extension headers.
func (g slowMaker) ip(protocol byte, payload []byte) []byte {
	if g.IntN(12) == 0 { // AH in front of it
		payload = slices.Concat([]byte{protocol, 4}, g.bytes(22), payload)
		protocol = 51
	}
	if g.IntN(2) == 0 {
		options := g.some(slowOne(g, 0, 0, 0, 3), func() []byte { return g.bytes(4) })
		fragment := slowOne(g, 0x4000, 0, 0, 0, 0, 0x2000, 0x2003, 0x0007)
		return slices.Concat([]byte{0x45 + byte(len(options)/4), byte(g.Uint32())}, g.n16(20+len(options)+len(payload)),
			g.bytes(2), slow16Bytes(fragment), []byte{64, protocol, 0, 0}, g.bytes(8), options, payload)
	}
	for range slowOne(g, 0, 0, 0, 0, 1, 3, 17) {
		next := protocol
		protocol = slowOne[byte](g, 0, 43, 60, 135, 44)
		if protocol == 44 {
			payload = slices.Concat([]byte{next, 0}, slow16Bytes(slowOne(g, 0, 1, 1, 9)), g.bytes(4), payload)
		} else {
			payload = slices.Concat([]byte{next, byte(g.length(0))}, g.bytes(6), payload)
		}
	}
	return slices.Concat([]byte{0x60, byte(g.Uint32()), 0, 0}, g.n16(len(payload)), []byte{protocol, 64}, g.bytes(32),
		payload)
}

func (g slowMaker) udp(from, to int, payload []byte) []byte {
	if g.IntN(3) == 0 {
		from, to = to, from
	}
	return slices.Concat(slow16Bytes(from), slow16Bytes(to), g.n16(8+len(payload)), make([]byte, 2), payload)
}

func (g slowMaker) tcp(to int, payload []byte) []byte {
	options := slowOne(g, nil, nil, octets("0101080a 00000001 00000002"), octets("020405b4 0402 030307 00 0000"),
		octets("0101050a 00000001 00000002"),
		octets("2202 0101"), octets("1e04 0000"), octets("fe04 f989"))
	return slices.Concat(slow16Bytes(slowOne(g, 40000, 40000, 53)), slow16Bytes(to), g.bytes(8),
		[]byte{byte(5+len(options)/4) << 4, 0x18}, g.bytes(6), options, payload)
}

// inside is an IP packet in a tunnel and the protocol number that announces it.
func (g slowMaker) inside() ([]byte, byte) {
	b := g.ip(slowOne[byte](g, 6, 17, 17, 132, 33, 136, 1, 59), g.bytes(slowOne(g, 20, 8, 2)))
	if b[0]>>4 == 4 {
		return b, 4
	}
	return b, 41
}

// bridged is an Ethernet frame in a tunnel.
func (g slowMaker) bridged() []byte {
	b, protocol := g.inside()
	t := 0x0800
	if protocol == 41 {
		t = 0x86dd
	}
	tag := func() []byte { return append(slow16Bytes(slowOne(g, 0x8100, 0x88a8, 0x9100)), g.bytes(2)...) }
	return slices.Concat(g.bytes(12), g.some(slowOne(g, 0, 0, 2, 10), tag),
		slow16Bytes(slowOne(g, t, t, t, t, t, 0x0806)), b)
}

// dialled is a PPP frame in a tunnel.
func (g slowMaker) dialled() []byte {
	b, protocol := g.inside()
	number := byte(0x21)
	if protocol == 41 {
		number = 0x57
	}
	return slices.Concat(slowOne(g, nil, []byte{0xff, 3}), slowOne(g, []byte{number}, []byte{0, number}, []byte{0xc0, 0x21}),
		b)
}

func (g slowMaker) gre() []byte {
	inside, protocol := g.inside()
	t := map[byte]int{4: 0x0800, 41: 0x86dd}[protocol]
	flags := slowOne(g, 0, 0x2000, 0x3000, 0xb000, 0x8000, 0x3001, 0x2001, 0x3081, 0x2081, 0x4000, 2, g.IntN(65536))
	if flags&7 == 1 {
		t = 0x880b
	} else {
		t = slowOne(g, t, t, 0x6558, 0x880b, 0x88be)
	}
	switch t {
	case 0x880b:
		inside = g.dialled()
	case 0x6558:
		inside = g.bridged()
	}
	var words []byte
	for _, bit := range []int{0x8000, 0x2000, 0x1000, 0x0080} {
		if flags&bit != 0 && (bit != 0x80 || flags&7 == 1) {
			word := g.bytes(4)
			if bit == 0x2000 && flags&7 == 1 {
				word = slices.Concat(g.n16(len(inside)), g.bytes(2))
			}
			words = append(words, word...)
		}
	}
	return slices.Concat(slow16Bytes(flags), slow16Bytes(t), words, inside)
}

func (g slowMaker) vxlan() []byte {
	return slices.Concat([]byte{slowOne[byte](g, 8, 8, 8, 8, 8, 0, 0x88)}, g.bytes(7), g.bridged())
}

func (g slowMaker) geneve() []byte {
	inside, protocol := g.inside()
	t := map[byte]int{4: 0x0800, 41: 0x86dd}[protocol]
	if g.IntN(2) == 0 {
		t, inside = 0x6558, g.bridged()
	}
	options := g.bytes(4 * g.IntN(5))
	return slices.Concat([]byte{byte(len(options)/4) | slowOne[byte](g, 0, 0, 0, 0, 0, 0, 0x40), slowOne[byte](g, 0, 0, 0x80)},
		slow16Bytes(t), g.bytes(4), options, inside)
}

func (g slowMaker) gtpu() []byte {
	inside, _ := g.inside()
	flags := slowOne[byte](g, 0x30, 0x30, 0x32, 0x34, 0x34, 0x36, 0x20, 0x50)
	var more []byte
	if flags&7 != 0 {
		more = append(g.bytes(3), slowOne[byte](g, 0, 0x85))
		if flags&4 != 0 && more[3] != 0 {
			for n := slowOne(g, 1, 1, 2, 8, 9); n > 0; n-- {
				size := 1 + g.IntN(2)
				extension := g.bytes(4 * size)
				extension[0], extension[4*size-1] = byte(g.length(size)), 0x85
				if n == 1 {
					extension[4*size-1] = 0
				}
				more = append(more, extension...)
			}
		}
	}
	return slices.Concat([]byte{flags, slowOne[byte](g, 255, 255, 255, 1, 26)}, g.n16(len(more)+len(inside)), g.bytes(4),
		more, inside)
}

func (g slowMaker) l2tp() []byte {
	flags := slowOne(g, 0x0002, 0x4002, 0x4802, 0x0202, 0x4a02, 0xc802, 0x0003, 0xc803, 0x0004)
	inside := g.dialled()
	if flags&15 == 3 {
		return slices.Concat(slow16Bytes(flags), g.bytes(6), inside)
	}
	rest := g.bytes(4)
	if flags&0x0800 != 0 {
		rest = append(rest, g.bytes(4)...)
	}
	if flags&0x0200 != 0 {
		rest = append(rest, g.with16(g.bytes(g.IntN(5)))...)
	}
	rest = append(rest, inside...)
	if flags&0x4000 != 0 {
		rest = append(g.n16(len(rest)+4), rest...)
	}
	return append(slow16Bytes(flags), rest...)
}

func (g slowMaker) wireguard() []byte {
	kind := 1 + g.IntN(4)
	b := g.bytes(g.length([]int{148, 92, 64, 16 * g.IntN(9)}[kind-1]))
	copy(b, []byte{byte(kind), 0, 0, 0})
	return b
}

func (g slowMaker) teredo() []byte {
	inside, _ := g.inside()
	authentication := func() []byte {
		id, value := g.IntN(4), g.IntN(4)
		return slices.Concat([]byte{0, 1, byte(id), byte(value)}, g.bytes(id+value+9))
	}
	origin := func() []byte { return append([]byte{0, 0}, g.bytes(6)...) }
	return slices.Concat(g.some(1, authentication), g.some(1, origin), inside)
}

// icmpError is an ICMP or ICMPv6 message that quotes a packet.
func (g slowMaker) icmpError(types ...byte) []byte {
	inside, _ := g.inside()
	return slices.Concat([]byte{slowOne(g, types...), 0, 0, 0}, g.bytes(4),
		inside[:min(len(inside), slowOne(g, 28, 48, 100, 100))])
}

// frame is an Ethernet frame.
func (g slowMaker) frame() []byte {
	t, packet := 0x88cc, []byte(nil)
	high := func() int { return 20000 + g.IntN(20000) }
	switch g.IntN(26) {
	case 0, 1, 2:
		packet = g.ip(17, g.udp(high(), slowOne(g, 53, 53, 5353, 5355), g.dns()))
	case 3:
		packet = g.ip(6, g.tcp(53, g.with16(g.dns())))
	case 4, 5:
		packet = g.ip(6, g.tcp(slowOne(g, 443, 853, 8443), g.tls()))
	case 6, 7:
		packet = g.ip(17, g.udp(high(), 443, g.quic()))
	case 8, 9:
		packet = g.ip(6, g.tcp(slowOne(g, 80, 8080), g.http()))
	case 10:
		packet = g.ip(17, g.udp(high(), 1900, g.ssdp()))
	case 11:
		packet = g.ip(17, g.udp(67, 68, g.dhcp()))
	case 12:
		packet = g.ip(17, g.udp(546, 547, g.dhcpv6()))
	case 13:
		packet = g.ip(17, g.udp(high(), 123, g.ntp()))
	case 14:
		packet = g.lldp()
	case 15:
		packet = slices.Concat(octets("aaaa03 00000c 2000"), g.cdp())
		t = g.length(len(packet))
	case 16:
		inside, protocol := g.inside()
		packet = g.ip(protocol, inside)
	case 17:
		packet = g.ip(47, g.gre())
	case 18:
		packet = g.ip(17, g.udp(high(), 4789, g.vxlan()))
	case 19:
		packet = g.ip(17, g.udp(high(), 6081, g.geneve()))
	case 20:
		packet = g.ip(17, g.udp(high(), 2152, g.gtpu()))
	case 21:
		packet = g.ip(17, g.udp(high(), 1701, g.l2tp()))
	case 22:
		packet = g.ip(17, slowOne(g, g.udp(high(), 51820, g.wireguard()), g.udp(4500, 4500, g.bytes(g.IntN(20))),
			g.udp(4500, 4500, append(make([]byte, 4), g.bytes(g.IntN(20))...))))
	case 23:
		packet = g.ip(17, g.udp(high(), 3544, g.teredo()))
	case 24:
		packet = g.ip(slowOne[byte](g, 1, 58), g.icmpError(3, 4, 5, 11, 12, 1, 2))
	case 25:
		packet = g.ip(slowOne[byte](g, 2, 50, 112, 115), g.bytes(g.IntN(20)))
	}
	if t == 0x88cc && len(packet) > 0 {
		switch packet[0] >> 4 {
		case 4:
			t = 0x0800
		case 6:
			t = 0x86dd
		}
	}
	return slices.Concat(g.bytes(12), slow16Bytes(t), packet)
}
