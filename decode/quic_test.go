package decode

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"testing"
)

// quicDatagram is an IPv4 packet of a datagram from port from to port to that holds payload.
func quicDatagram(from, to uint16, payload []byte) []byte {
	size := uint16(len(payload))
	b := binary.BigEndian.AppendUint16(octets("45 00"), 28+size)
	b = append(b, octets("0007 4000 40 11 0000", fourFrom, fourTo)...)
	for _, v := range []uint16{from, to, 8 + size, 0} {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	return append(b, payload...)
}

// quicRow is a sample of a datagram to port 443 that holds payload. It is TruncatedQUIC with fewer than whole bytes of
// it, when there are the 5 that tell what it is.
func quicRow(name string, payload []byte, whole int, valid Fields, version uint16, title, alpn string,
	reason Reason) sample {
	s := sample{name: name, link: LinkIPv4, data: quicDatagram(51512, 443, payload), title: title, alpn: alpn,
		want: Head{Valid: onIPv4 | HasPorts | HasPayload | valid, IPVersion: 4, IPID: 7, TTL: 64, Protocol: 17,
			SrcIP: ip4From,
			DstIP: ip4To, SrcPort: 51512, DstPort: 443, PayloadLength: uint32(len(payload)), TLSVersion: version,
			DecodeError: reason},
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {33, NoReason}}}
	if whole > 0 {
		s.cuts = append(s.cuts, cut{28 + whole, TruncatedQUIC})
	}
	if title != "" {
		s.want.NameKind = NameQUIC
	}
	return s
}

// quicHello is a row of a packet that holds helloInQUIC, whole.
func quicHello(name string, i initial) sample {
	b := i.seal()
	return quicRow(name, b, len(b), HasName|HasTLS|HasALPN, 0x0304, "example.org", "h3", NoReason)
}

// quicNothing is a row of a datagram that says nothing and is not expected to.
func quicNothing(name string, payload []byte) sample {
	return quicRow(name, payload, 0, 0, 0, "", "", NoReason)
}

// quicLie is a row of a packet that stops with BadQUIC, once whole bytes of it are there, and says nothing before.
func quicLie(name string, payload []byte, whole int) sample {
	return quicRow(name, payload, whole, 0, 0, "", "", BadQUIC)
}

var (
	quicID      = octets("8394c8f03e515708")
	helloInQUIC = helloWith(serverName("example.org"), protocols("h3"), versions("0304"))
	padding     = make([]byte, 20)
)

// packet1 is a packet of version 1 with these frames.
func packet1(frames ...[]byte) initial {
	return initial{version: quicVersion1, to: quicID, size: 1, frames: slices.Concat(frames...)}
}

// helloPart is a CRYPTO frame of helloInQUIC from byte i to byte j.
func helloPart(i, j int) []byte { return cryptoFrame(i, helloInQUIC[i:min(j, len(helloInQUIC))]) }

// quicFramesRow is a row of a version 1 packet with these frames. It is TruncatedQUIC when anything of it is missing; a lie
// shows itself with less.
func quicFramesRow(name string, valid Fields, version uint16, title, alpn string, reason Reason,
	frames ...[]byte) sample {
	b := packet1(frames...).seal()
	return quicRow(name, b, len(b), valid, version, title, alpn, reason)
}

// quicFramesLie is a row of a version 1 packet with these frames, the last unseen bytes of which do not matter to
// the lie in them.
func quicFramesLie(name string, unseen int, valid Fields, version uint16, title, alpn string, reason Reason,
	frames ...[]byte) sample {
	b := packet1(frames...).seal()
	return quicRow(name, b, len(b)-quicTag-unseen, valid, version, title, alpn, reason)
}

var quicSamples = []sample{
	quicRow("quic version 1, rfc 9001", rfc9001Initial, 1200, HasName|HasTLS|HasALPN, 0x0304, "example.com", "alpn",
		NoReason),
	quicRow("quic version 2, rfc 9369", rfc9369Initial, 1200, HasName|HasTLS|HasALPN, 0x0304, "example.com", "alpn",
		NoReason),
	quicHello("quic with all that a header may have", initial{version: quicVersion1,
		to:   octets("00112233445566778899aabbccddeeff00112233"),
		from: octets("00112233445566778899aabbccddeeff00112233"), token: make([]byte, 70), number: 0x00010203, size: 4,
		frames: helloPart(0, 999)}),
	quicHello("quic without connection ids", initial{version: quicVersion2, number: 0x0102, size: 2,
		frames: helloPart(0, 999)}),
	quicHello("quic packet number of three bytes", initial{version: quicVersion2, to: quicID, number: 0x010203, size: 3,
		frames: helloPart(0, 999)}),
	quicHello("quic hello in three frames", packet1(helloPart(0, 10), helloPart(10, 80), helloPart(80, 999))),
	quicHello("quic hello in frames of any order", packet1(padding, helloPart(80, 999), []byte{quicPing}, helloPart(5,
		60), padding,
		helloPart(0, 5), helloPart(60, 80), []byte{quicPing})),
	quicHello("quic hello in frames that overlap", packet1(helloPart(50, 999), helloPart(0, 60), helloPart(3, 9),
		helloPart(0, 99))),
	quicHello("quic hello of which the frame in front counts", packet1(helloPart(10, 60), cryptoFrame(0, make([]byte,
		10)[:0]),
		cryptoFrame(20, bytes.Repeat([]byte{0xff}, 40)), helloPart(60, 999), helloPart(0, 10), cryptoFrame(0, make([]byte,
			100)))),
	quicHello("quic hello behind acknowledgements", packet1(octets("02 05 4001 00 05"),
		octets("02 09 00 02 00 01 00 40ff 01"),
		octets("03 05 00 01 01 00 00 01 02 80000003"), helloPart(0, 999))),
	quicHello("quic hello in front of a close", packet1(helloPart(0, 999), octets("1c 0a 06 00 ff ff"))),
	quicHello("quic bytes of the hello that no buffer holds", packet1(helloPart(0, 999), cryptoFrame(5000, padding),
		cryptoFrame(2040, padding))),
	quicFramesRow("quic close in front of a hello", 0, 0, "", "", NoReason, octets("1c 0a 06 00"), helloPart(0, 999)),
	quicFramesRow("quic ping", 0, 0, "", "", NoReason, []byte{quicPing}, padding),
	quicFramesRow("quic with no frame", 0, 0, "", "", NoReason, padding[:3]),
	quicFramesRow("quic hello without its beginning", 0, 0, "", "", NoReason, helloPart(1, 999)),
	quicFramesRow("quic crypto that is no hello", 0, 0, "", "", NoReason, cryptoFrame(0, octets("02 000002 0303")),
		padding),
	quicFramesRow("quic hello goes on in the next packet", HasName|HasALPN, 0, "example.org", "h3", TruncatedTLS,
		helloPart(0, len(helloInQUIC)-7)),
	quicFramesRow("quic hello with a gap", HasName|HasALPN, 0, "example.org", "h3", TruncatedTLS,
		helloPart(len(helloInQUIC)-6, 999),
		helloPart(0, len(helloInQUIC)-7)),
	quicFramesLie("quic hello that lies", 0, HasName, 0, "a", "", BadTLS, cryptoFrame(0, helloWith(serverName("a"),
		protocols("")))),
	quicFramesLie("quic frame of another type behind the hello", 1, HasName|HasTLS|HasALPN, 0x0304, "example.org", "h3",
		BadQUIC,
		helloPart(0, 999), octets("07 00")),
	quicFramesLie("quic crypto frame runs out of its packet", 7, HasName|HasALPN, 0, "example.org", "h3", BadQUIC,
		helloPart(0, len(helloInQUIC)-7),
		octets("06", hex.EncodeToString(appendVarint(nil, len(helloInQUIC)-7)), "08"), helloInQUIC[len(helloInQUIC)-7:]),
	quicFramesLie("quic crypto frame runs out of its packet by far", 12, 0, 0, "", "", NoReason,
		octets("06 00 ffffffffffffffff 01"), padding),
	quicFramesLie("quic crypto frame ends inside a number", 0, 0, 0, "", "", NoReason, padding, octets("06 00 40")),
	quicFramesLie("quic acknowledgement runs out of its packet", 0, 0, 0, "", "", NoReason, padding,
		octets("02 05 00 02 00 01 00 01")),
	quicFramesLie("quic acknowledgement of too many", 0, 0, 0, "", "", NoReason, padding,
		octets("02 05 00 ffffffffffffffff 00 01 00")),
	quicFramesRow("quic with 64 frames", HasName|HasTLS|HasALPN, 0x0304, "example.org", "h3", NoReason,
		bytes.Repeat([]byte{quicPing}, 62), helloPart(0, 999), padding),
	quicFramesLie("quic with 65 frames", len(helloPart(0, 999))-1, 0, 0, "", "", NoReason, bytes.Repeat([]byte{quicPing},
		64), helloPart(0, 999)),
	func() sample {
		s := quicFramesRow("quic hello behind what is decrypted", 0, 0, "", "", NoReason, make([]byte, maxQUICBytes),
			helloPart(0, 999))
		s.want.WireSegments = 2 // since no Ethernet frame is as long
		s.lone = true           // and it has no segments before it is
		return s
	}(),

	quicRow("quic in front of another packet", append(packet1(helloPart(0, 999)).seal(), rfc9001Initial...),
		len(packet1(helloPart(0, 999)).seal()), HasName|HasTLS|HasALPN, 0x0304, "example.org", "h3", NoReason),
	quicRow("quic datagram without its end", rfc9001Initial[:700], 0, HasName|HasTLS|HasALPN, 0x0304, "example.com",
		"alpn", TruncatedQUIC),
	quicRow("quic datagram without the hello's end", rfc9001Initial[:100], 0, HasName, 0, "example.com", "",
		TruncatedQUIC),
	quicRow("quic token runs out of the datagram", octets("c0 00000001 08 8394c8f03e515708 00 4020 0102030405"), 0, 0,
		0, "", "",
		TruncatedQUIC),
	quicRow("quic token of the greatest length", octets("c0 00000001 00 00 ffffffffffffffff 0102030405"), 0, 0, 0, "",
		"", TruncatedQUIC),
	quicRow("quic packet of the greatest length", append(octets("c0 00000001 00 00 00 ffffffffffffffff"), make([]byte,
		19)...), 0, 0, 0,
		"", "", TruncatedQUIC),
	quicLie("quic destination connection id of 21 bytes", append(octets("c0 00000001 15"), make([]byte, 60)...), 6),
	quicLie("quic source connection id of 21 bytes", append(octets("c0 00000001 01 aa 15"), make([]byte, 60)...), 8),
	quicLie("quic packet too short for a sample", append(octets("c0 00000001 01 aa 00 00 13"), make([]byte, 60)...), 10),

	quicNothing("quic version negotiation", octets("c0 00000000 08 8394c8f03e515708 00 00000001")),
	quicNothing("quic of another version", append(octets("c0 ff00001d"), rfc9001Initial[5:]...)),
	quicNothing("quic 0-rtt packet", append(octets("d0 00000001"), rfc9001Initial[5:]...)),
	quicNothing("quic handshake packet of version 2", append(octets("f0 6b3343cf"), rfc9369Initial[5:]...)),
	quicNothing("quic retry of version 2", append(octets("c0 6b3343cf"), rfc9369Initial[5:]...)),
	quicNothing("quic short header", append(octets("40 00000001"), rfc9001Initial[5:]...)),
	quicNothing("quic without the fixed bit", append(octets("80 00000001"), rfc9001Initial[5:]...)),
	func() sample {
		s := quicNothing("quic from port 443", rfc9001Initial)
		s.data = quicDatagram(443, 51512, rfc9001Initial)
		s.want.SrcPort, s.want.DstPort = 443, 51512
		return s
	}(),
	quicOther("quic packet with another key", initial{key: octets("00"), frames: bytes.Repeat(padding, 60)}),
	quicOther("quic reserved bits", initial{flags: 0x04, frames: helloPart(0, 999)}),
}

// quicOther is a row of a packet that does not open as it should.
func quicOther(name string, i initial) sample {
	i.version, i.to, i.size = quicVersion1, quicID, 1
	b := i.seal()
	n := len(b) - 16 - len(i.frames) - 1 // where the packet number is: the sample tells all
	return quicRow(name, b, n+20, 0, 0, "", "", NoReason)
}

// The keys of RFC 9001 §A.1 and RFC 9369 §A.1.
func TestQUICKeys(t *testing.T) {
	for _, c := range []struct {
		name        string
		version     uint32
		key, iv, hp string
	}{
		{"version 1", quicVersion1, "1f369613dd76d5467730efcbe3b1a22d", "fa044b2f42a3fd3b46fb255c",
			"9f50449e04a0e810283a1e9933adedd2"},
		{"version 2", quicVersion2, "8b1a0bc121284290a29e0971b5cd045d", "91f73e2351d8fa91660e909f",
			"45b95e15235d6f45a6b19cbcb0294ba9"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got quicKeys
			got.derive(quicID, c.version)
			var want quicKeys
			want.payload.expand(octets(c.key))
			want.header.expand(octets(c.hp))
			want.iv = [12]byte(octets(c.iv))
			if got != want {
				t.Errorf("got %x, want %x", got, want)
			}
		})
	}
}

// The sealer of these tests makes the packets of RFC 9001 §A.2 and RFC 9369 §A.2.
func TestSealer(t *testing.T) {
	frames := append(slices.Clone(rfc9001Crypto), make([]byte, 1162-len(rfc9001Crypto))...)
	for _, c := range []struct {
		version uint32
		want    []byte
	}{{quicVersion1, rfc9001Initial}, {quicVersion2, rfc9369Initial}} {
		if got := (initial{version: c.version, to: quicID, number: 2, size: 4, frames: frames}).seal(); !bytes.Equal(got,
			c.want) {
			t.Errorf("version %x: got %x", c.version, got)
		}
	}
}

// A hello in frames of any order, some of them twice, in packets of any header reads as it does in one piece.
func TestQUICFramesOfAnyOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	some := func(n int) []byte {
		b := make([]byte, random.IntN(n))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return b
	}
	between := [][]byte{{quicPing}, padding, octets("02 05 00 01 00 01 00"), octets("03 4005 00 00 00 01 02 03"), nil}
	for round := range 3000 {
		hello := helloWith(extension("0015", make([]byte, random.IntN(1000))), serverName("example.org"), protocols("h3",
			"h2"),
			versions("0304"))
		var frames [][]byte
		for at := 0; at < len(hello); {
			n := min(1+random.IntN(len(hello)), len(hello)-at)
			frames = append(frames, cryptoFrame(at, hello[at:at+n]))
			if random.IntN(4) == 0 { // a part of it again, or more
				from := random.IntN(at + n)
				frames = append(frames, cryptoFrame(from, hello[from:from+random.IntN(len(hello)-from+1)]))
			}
			at += n
		}
		random.Shuffle(len(frames), func(i, j int) { frames[i], frames[j] = frames[j], frames[i] })
		i := initial{version: []uint32{quicVersion1, quicVersion2}[round&1], to: some(21), from: some(21), token: some(100),
			number: random.Uint32(), size: 4}
		count := 0
		for _, f := range frames {
			b := between[random.IntN(len(between))]
			i.frames = append(append(i.frames, b...), f...)
			count += 2
		}
		if len(i.frames) > maxQUICBytes || count > maxQUICFrames {
			continue
		}
		data := quicDatagram(51512, 443, i.seal())
		m := Meta{LinkType: LinkIPv4, WireLength: uint32(len(data))}
		var p Packet
		Decode(&p, &m, data)
		if string(p.Name.Text()) != "example.org" || string(p.ALPN.Text()) != "h3,h2" || p.TLSVersion != 0x0304 || p.NameKind != NameQUIC ||
			p.DecodeError != NoReason {
			t.Fatalf("round %d: %s\n%x", round, show(p), i.frames)
		}
	}
}

// slowFrames reads frames the slow way: it returns the hello's bytes up to the first gap, and whether a frame lies.
func slowFrames(b []byte, total int) (hello []byte, lies bool) {
	stream := map[uint64]byte{}
	defer func() {
		for i := uint64(0); ; i++ {
			c, ok := stream[i]
			if !ok {
				return
			}
			hello = append(hello, c)
		}
	}()
	type gone struct{}
	at := 0
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(gone); !ok {
				panic(r)
			}
			lies = at > total
		}
	}()
	octet := func() byte {
		if at++; at > len(b) {
			panic(gone{})
		}
		return b[at-1]
	}
	number := func() uint64 {
		first := octet()
		v := uint64(first & 0x3f)
		more := 1<<(first>>6) - 1
		if at+more > len(b) {
			at += more
			panic(gone{})
		}
		for range more {
			v = v<<8 | uint64(octet())
		}
		return v
	}
	for range maxQUICFrames {
		if at == len(b) {
			return nil, false
		}
		switch kind := octet(); kind {
		case 0:
			for at < len(b) && b[at] == 0 {
				at++
			}
		case 1:
		case 2, 3:
			number()
			number()
			pairs := number()
			number()
			for range pairs {
				number()
				number()
			}
			if kind == 3 {
				number()
				number()
				number()
			}
		case 6:
			offset, size := number(), number()
			if size > uint64(total-at) {
				return nil, true
			}
			for i := range size {
				if uint64(at)+i >= uint64(len(b)) {
					return nil, false
				}
				if _, ok := stream[offset+i]; !ok && offset+i < maxQUICBytes {
					stream[offset+i] = b[uint64(at)+i]
				}
			}
			at += int(size)
		case 0x1c:
			return nil, false
		default:
			return nil, true
		}
	}
	return nil, at < len(b)
}

// FuzzQUIC seals frames, reads the packet and its beginning, and compares with slowFrames.
func FuzzQUIC(f *testing.F) {
	f.Add(rfc9001Crypto, []byte{1}, uint16(100), false)
	f.Add(slices.Concat(helloPart(80, 999), padding, helloPart(0, 60), helloPart(3, 99)), quicID, uint16(80), true)
	f.Add(slices.Concat(octets("02 05 4001 01 05 00 01"), octets("03 05 00 00 00 01 02 80000003"), helloPart(0, 999),
		octets("1c")), quicID,
		uint16(9), false)
	f.Fuzz(func(t *testing.T, frames, id []byte, size uint16, two bool) {
		if len(frames) > 4000 {
			return
		}
		i := initial{version: quicVersion1, to: id[:min(len(id), 20)], number: 1, size: 3, frames: frames}
		if two {
			i.version = quicVersion2
		}
		packet := i.seal()
		read := func(b []byte) (p Packet) {
			p.DstPort = 443
			p.quic(b[:len(b):len(b)])
			p.DstPort = 0
			return p
		}
		whole := read(packet)
		body := len(packet) - len(frames) - 16
		if i.size+len(frames)+16 < 20 {
			if whole.DecodeError != BadQUIC {
				t.Fatalf("too short: %v", whole.DecodeError)
			}
			return
		}
		n := int(size) % len(packet)
		part := read(packet[:n])
		want := only(whole, part.Valid)
		if want.DecodeError = part.DecodeError; part.Valid&^whole.Valid != 0 || part != want {
			t.Fatalf("the part says otherwise:\n%s\n%s", show(part), show(whole))
		}
		for _, c := range []struct {
			got       *Packet
			available int
		}{{&whole, len(frames)}, {&part, n - body}} {
			if c.got == &part && n-(body-i.size) < 20 {
				continue // no sample
			}
			hello, lies := slowFrames(frames[:min(max(c.available, 0), len(frames), maxQUICBytes)], len(frames))
			var slow Packet
			opened := len(hello) > 0 && hello[0] == 1
			if opened {
				slow.clientHello(hello, NameQUIC)
			}
			if (opened || !lies) && (slow.DecodeError == NoReason || slow.DecodeError == TruncatedTLS) {
				if lies {
					slow.DecodeError = BadQUIC
				} else if c.got == &part {
					slow.DecodeError = TruncatedQUIC
				}
			}
			if *c.got != slow {
				t.Fatalf("%d of %d:\ngot  %s\nslow %s", c.available, len(frames), show(*c.got), show(slow))
			}
			got := *c.got
			if got.DecodeError == BadQUIC || got.DecodeError == TruncatedQUIC || got.Valid == 0 {
				continue
			}
			checkHello(t, &got)
		}
	})
}
