package decode

import (
	"bytes"
	"strings"
	"testing"
)

// padded is a hello of about 517 bytes, as browsers send it.
var padded = record(helloWith(extension("0017"), serverName("www.example.com"), protocols("h2", "http/1.1"),
	extension("000a", make([]byte, 10)),
	extension("000d", make([]byte, 18)), extension("0005", make([]byte, 5)), extension("0033", make([]byte, 43)),
	extension("002d", make([]byte, 2)),
	versions("0a0a 0304 0303"), extension("001b", make([]byte, 3)), extension("ff01", make([]byte, 1)),
	extension("0015", make([]byte, 250))))

func BenchmarkHello(b *testing.B) {
	reversed := packet1()
	for i := maxQUICFrames - 1; i >= 0; i-- {
		reversed.frames = append(reversed.frames, cryptoFrame(i*27, make([]byte, 27))...)
	}
	reversed.frames[len(reversed.frames)-27] = tlsClientHello
	several := packet1(helloPart(60, 80), make([]byte, 300), helloPart(0, 5), helloPart(80, 999), make([]byte, 300),
		helloPart(5, 60), make([]byte, 450))
	another := several
	another.key = []byte{0}
	wide := strings.Repeat("0303", 126) + "0304"
	for _, c := range []struct {
		name string
		link LinkType
		data []byte
		want Reason
	}{
		{"tls13_517", LinkIPv4, tlsSegment(padded), NoReason},
		{"tls_other", LinkIPv4, tlsSegment(octets("17 0303 0004 01 000000")), NoReason},
		{"tls_32_extensions", LinkIPv4, tlsSegment(record(helloWith(bytes.Repeat(extension("0017"), 32)))), NoReason},
		{"tls_127_versions", LinkIPv4, tlsSegment(record(helloWith(versions(wide)))), NoReason},
		{"tls_name_255", LinkIPv4, tlsSegment(record(helloWith(serverName(strings.Repeat("n", 255))))), NoReason},
		{"tls_protocols", LinkIPv4, tlsSegment(record(helloWith(protocols(strings.Split(strings.Repeat(", ", 40),
			" ")[:40]...)))), NoReason},
		{"tls_all", LinkIPv4, tlsSegment(record(helloWith(serverName(strings.Repeat("\\", 63)), versions(wide),
			protocols(strings.Split(strings.Repeat(", ", 40), " ")[:40]...), bytes.Repeat(extension("0017"), 29)))), NoReason},
		{"quic_1200", LinkIPv4, quicDatagram(51512, 443, rfc9001Initial), NoReason},
		{"quic_1200_several", LinkIPv4, quicDatagram(51512, 443, several.seal()), NoReason},
		{"quic_1200_another_key", LinkIPv4, quicDatagram(51512, 443, another.seal()), BadQUIC},
		{"quic_64_frames_reversed", LinkIPv4, quicDatagram(51512, 443, reversed.seal()), BadTLS},
		{"quic_ack_ranges", LinkIPv4, quicDatagram(51512, 443, packet1(octets("02 00 00 7fff 00"), make([]byte,
			2042)).seal()), BadQUIC},
		{"quic_short_header", LinkIPv4, quicDatagram(51512, 443, append(octets("40 00000001"), rfc9001Initial[5:]...)),
			NoReason},
	} {
		b.Run(c.name, func(b *testing.B) {
			m := Meta{Time: 1, WireLength: uint32(len(c.data)), LinkType: c.link}
			var p Packet
			b.ReportAllocs()
			for b.Loop() {
				Decode(&p, &m, c.data)
			}
			if p.DecodeError != c.want {
				b.Fatal(p.DecodeError)
			}
		})
	}
}

func BenchmarkQUICParts(b *testing.B) {
	var k quicKeys
	b.Run("keys", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			k.derive(quicID, quicVersion1)
		}
	})
	b.Run("open_1200", func(b *testing.B) {
		var plain [1200]byte
		b.ReportAllocs()
		for b.Loop() {
			k.open(plain[:], rfc9001Initial, 1)
		}
	})
}
