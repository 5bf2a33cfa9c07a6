package decode

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
)

// vector is what parts hold, behind their length in n bytes (RFC 8446 §3.4).
func vector(n int, parts ...[]byte) []byte {
	b := slices.Concat(parts...)
	size := []byte{byte(len(b) >> 16), byte(len(b) >> 8), byte(len(b))}
	return append(size[3-n:], b...)
}

// extension is an extension of type kind.
func extension(kind string, parts ...[]byte) []byte {
	return append(octets(kind), vector(2, parts...)...)
}

// serverName is a server_name extension for one host.
func serverName(host string) []byte {
	return extension("0000", vector(2, octets("00"), vector(2, []byte(host))))
}

// protocols is an ALPN extension.
func protocols(names ...string) []byte {
	var list []byte
	for _, n := range names {
		list = append(list, vector(1, []byte(n))...)
	}
	return extension("0010", vector(2, list))
}

// versions is a supported_versions extension.
func versions(list string) []byte { return extension("002b", vector(1, octets(list))) }

// Pieces of a ClientHello.
var (
	helloFixed    = octets("0303", strings.Repeat("5a", 32)) // legacy_version, random
	helloSession  = octets("04 01020304")                    // legacy_session_id
	helloSuites   = octets("0004 1301 1302")                 // cipher_suites
	helloMethods  = octets("01 00")                          // legacy_compression_methods
	helloUpToExts = slices.Concat(helloFixed, helloSession, helloSuites, helloMethods)
)

// handshake is a ClientHello of these parts with its handshake header.
func handshake(parts ...[]byte) []byte { return append([]byte{tlsClientHello}, vector(3, parts...)...) }

// helloWith is a ClientHello with these extensions.
func helloWith(extensions ...[]byte) []byte {
	return handshake(helloUpToExts, vector(2, extensions...))
}

// record is a handshake record of these parts.
func record(parts ...[]byte) []byte { return append(octets("16 0301"), vector(2, parts...)...) }

// helloOfTLS13 is the hello of the first sample, written by hand.
var helloOfTLS13 = octets("16 0301 0070", "01 00006c",
	"0303", strings.Repeat("5a", 32), "04 01020304", "0004 1301 1302", "01 00", // as helloUpToExts
	"003b",
	"0a0a 0000",                                                         // reserved to be ignored, RFC 8701 §3.1
	"0000 0010 000e 00 000b", hex.EncodeToString([]byte("example.org")), // server_name
	"0010 000e 000c 02 6832 08", hex.EncodeToString([]byte("http/1.1")), // ALPN
	"002b 0007 06 fafa 0304 0303", // supported_versions, a reserved one in front
	"002d 0002 01 01",             // psk_key_exchange_modes
)

// tlsSegment is an IPv4 packet of a TCP segment to port 443 that holds payload.
func tlsSegment(payload []byte) []byte {
	total := []byte{byte((40 + len(payload)) >> 8), byte(40 + len(payload))}
	return slices.Concat(octets("45 00"), total, octets("0007 4000 40 06 0000", fourFrom, fourTo, tcpPlain), payload)
}

// tlsRow is a sample of a segment that holds payload. It is TruncatedTLS with fewer than whole bytes of it.
func tlsRow(name string, payload []byte, whole int, valid Fields, version uint16, title, alpn string,
	reason Reason) sample {
	s := sample{name: name, link: LinkIPv4, data: tlsSegment(payload), title: title, alpn: alpn,
		want: Head{Valid: onIPv4 | onTCP | valid, IPVersion: 4, IPID: 7, TTL: 64, Protocol: 6, SrcIP: ip4From, DstIP: ip4To,
			SrcPort: 51512, DstPort: 443, SeqNumber: 1, AckNumber: 2, Flags: 0x18, WindowSize: 4096,
			PayloadLength: uint32(len(payload)), TLSVersion: version, DecodeError: reason},
		cuts: []cut{{20, TruncatedIPv4}, {40, TruncatedTCP}, {46, NoReason}}}
	if whole > 0 {
		s.cuts = append(s.cuts, cut{40 + whole, TruncatedTLS})
	}
	if title != "" {
		s.want.NameKind = NameTLS
	}
	return s
}

// exts is where the extensions begin in a record that holds helloWith.
const exts = 5 + 4 + 34 + 5 + 6 + 2 + 2

// lie is a row of a hello that stops with BadTLS, once whole bytes of it are there, and says nothing before.
func lie(name string, payload []byte, whole int) sample {
	return tlsRow(name, payload, whole, 0, 0, "", "", BadTLS)
}

var tlsSamples = []sample{
	tlsRow("tls 1.3 hello", helloOfTLS13, len(helloOfTLS13), HasName|HasTLS|HasALPN, 0x0304, "example.org",
		"h2,http/1.1", NoReason),
	tlsRow("tls 1.0 hello without extensions", octets("16 0301 002d 01 000029 0301", strings.Repeat("5a", 32),
		"00 0002 002f 01 00"),
		50, HasTLS, 0x0301, "", "", NoReason),
	tlsRow("tls hello with no extension", record(helloWith()), exts, HasTLS, 0x0303, "", "", NoReason),
	tlsRow("tls 1.2 hello is one when it is whole", record(helloWith(serverName("a.example"), extension("0017"))),
		exts+18+4,
		HasName|HasTLS, 0x0303, "a.example", "", NoReason),
	tlsRow("tls versions that are none", record(helloWith(versions("7f1c 0a0a fefd 0204"))), exts+13, HasTLS, 0x0303,
		"", "", NoReason),
	tlsRow("tls versions in another order", record(helloWith(versions("0301 0304 0303"))), exts+11, HasTLS, 0x0304, "",
		"", NoReason),
	tlsRow("tls extensions that are there twice", record(helloWith(serverName("one"), protocols("h2"), versions("0303"),
		serverName("two"), protocols("h3"), versions("0304"))), exts+2*(12+9+7), HasName|HasTLS|HasALPN, 0x0303, "one",
		"h2", NoReason),
	tlsRow("tls name behind one of another type", record(helloWith(extension("0000", vector(2,
		octets("01 0002 6162 00 0001 63"))))),
		exts+15, HasName|HasTLS, 0x0303, "c", "", NoReason),
	tlsRow("tls name of another type alone counts as the first", record(helloWith(extension("0000", vector(2,
		octets("01 0002 6162"))),
		serverName("two"))), exts+11+12, HasTLS, 0x0303, "", "", NoReason),
	tlsRow("tls name that is none", record(helloWith(serverName("a\x00\\\xff b"))), exts+15, HasName|HasTLS, 0x0303,
		`a\000\092\255 b`, "", NoReason),
	tlsRow("tls name of 255 bytes", record(helloWith(serverName(strings.Repeat("n", 255)))), exts+9+255, HasName|HasTLS,
		0x0303,
		strings.Repeat("n", 255), "", NoReason),
	tlsRow("tls name of 256 bytes", record(helloWith(serverName(strings.Repeat("n", 256)), versions("0304"))),
		exts+9+256, HasName, 0,
		strings.Repeat("n", 255), "", NameTooLong),
	tlsRow("tls protocols with a comma and more", record(helloWith(protocols("a,b", "c\x01", "d\\"))), exts+18,
		HasTLS|HasALPN, 0x0303,
		"", `a\,b,c\001,d\092`, NoReason),
	tlsRow("tls protocols that just fit", record(helloWith(protocols(strings.Repeat("p", 30), strings.Repeat("q",
		32)))), exts+4+2+64,
		HasTLS|HasALPN, 0x0303, "", strings.Repeat("p", 30)+","+strings.Repeat("q", 32), NoReason),
	tlsRow("tls protocols of which one does not fit", record(helloWith(protocols("h2", strings.Repeat("p", 58)+",,",
		"h3"))),
		exts+4+2+3+61+3, HasTLS|HasALPN, 0x0303, "", "h2", NoReason),
	tlsRow("tls protocols with no room for a comma", record(helloWith(protocols(strings.Repeat("p", 63), "h2"))),
		exts+4+2+64+3,
		HasTLS|HasALPN, 0x0303, "", strings.Repeat("p", 63), NoReason),
	tlsRow("tls protocol that does not fit", record(helloWith(protocols(strings.Repeat("p", 64)))), exts+4+2+65, HasTLS,
		0x0303,
		"", "", NoReason),
	tlsRow("tls hello in front of other records", append(record(helloWith(serverName("a"))),
		octets("14 0303 0001 01")...), exts+10,
		HasName|HasTLS, 0x0303, "a", "", NoReason),
	tlsRow("tls hello in front of another message", record(helloWith(serverName("a")), octets("0b 000000")), exts+10,
		HasName|HasTLS, 0x0303, "a", "", NoReason),
	tlsRow("tls hello goes on in the next record", append(append(octets("16 0301"), vector(2, helloWith(serverName("a"),
		versions("0304"))[:exts-5+10])...),
		octets("16 0301 0007 002b 0003 02 0304")...), exts+10, HasName, 0, "a", "", TruncatedTLS),
	tlsRow("tls hello goes on in the next segment", record(helloWith(serverName("a"), protocols("h2"),
		versions("0304")))[:exts+10+8],
		0, HasName, 0, "a", "", TruncatedTLS),
	tlsRow("tls record of nothing", octets("16 0301 0000 01"), 0, 0, 0, "", "", TruncatedTLS),
	tlsRow("tls record of less than a header", octets("16 0301 0003 01 0000 aabbcc"), 0, 0, 0, "", "", TruncatedTLS),
	tlsRow("tls server hello", octets("16 0303 0004 02 000000"), 0, 0, 0, "", "", NoReason),
	tlsRow("tls application data", octets("17 0303 0004 01 000000"), 0, 0, 0, "", "", NoReason),
	tlsRow("tls of another kind", octets("16 fefd 0004 01 000000"), 0, 0, 0, "", "", NoReason),

	lie("tls hello shorter than its fixed part", record(handshake(helloFixed)), 5+4),
	lie("tls session id runs out of the hello", record(handshake(helloFixed, octets("05 01020304 00"))), 5+4+35),
	lie("tls cipher suites run out of the hello", record(handshake(helloFixed, helloSession,
		octets("0006 1301 1302 01"))), 5+4+34+5+2),
	lie("tls compression methods run out of the hello", record(handshake(helloFixed, helloSession, helloSuites,
		octets("02 00"))),
		5+4+34+5+6+1),
	lie("tls hello ends inside the length of its extensions", record(handshake(helloUpToExts, octets("00"))), exts-2),
	lie("tls extensions run out of the hello", record(handshake(helloUpToExts, octets("0005 0017 0000"))), exts),
	lie("tls bytes behind the extensions", record(handshake(helloUpToExts, octets("0004 0017 0000 00"))), exts),
	lie("tls extensions end inside a header", record(helloWith(octets("0017 0000 0017 00"))), exts+4),
	lie("tls extension runs out of the extensions", record(helloWith(octets("0017 0000 0023 0002 00"))), exts+8),
	lie("tls server name without a list", record(helloWith(extension("0000"))), exts+4),
	lie("tls server name list of nothing", record(helloWith(extension("0000", octets("0000")))), exts+6),
	lie("tls server name list too short", record(helloWith(extension("0000", octets("0004 00 0002 6162")))), exts+11),
	lie("tls server name list too long", record(helloWith(extension("0000", octets("0006 00 0002 6162")))), exts+11),
	lie("tls server name of nothing", record(helloWith(extension("0000", octets("0003 00 0000")))), exts+9),
	lie("tls server name runs out of its list", record(helloWith(extension("0000", octets("0004 00 0002 61")))), exts+10),
	lie("tls server name list ends inside a header", record(helloWith(extension("0000",
		octets("0006 01 0001 61 0000")))), exts+12),
	lie("tls server names of nine types", record(helloWith(extension("0000", vector(2,
		octets(strings.Repeat("01 0001 61", 8), "00 0001 62"))))),
		exts+6+9*4),
	lie("tls protocols without a list", record(helloWith(extension("0010", octets("00")))), exts+5),
	lie("tls protocol list of nothing", record(helloWith(extension("0010", octets("0000")))), exts+6),
	lie("tls protocol list too short", record(helloWith(extension("0010", octets("0002 02 6832")))), exts+9),
	tlsRow("tls protocol of nothing", record(helloWith(protocols("h2", "", "h3"))), exts+13, HasALPN, 0, "", "h2", BadTLS),
	tlsRow("tls protocol runs out of its list", record(helloWith(extension("0010", octets("0006 02 6832 03 6833")))),
		exts+12, HasALPN, 0,
		"", "h2", BadTLS),
	lie("tls versions without a list", record(helloWith(extension("002b"))), exts+4),
	lie("tls versions of nothing", record(helloWith(versions(""))), exts+5),
	lie("tls versions of an odd length", record(helloWith(versions("0304 03"))), exts+8),
	lie("tls versions too short", record(helloWith(extension("002b", octets("02 0304 0303")))), exts+9),
	lie("tls versions too long", record(helloWith(extension("002b", octets("04 0304")))), exts+7),
	tlsRow("tls lie behind the name", record(helloWith(serverName("a"), versions("0304"), protocols(""))), exts+10+7+7,
		HasName|HasTLS,
		0x0304, "a", "", BadTLS),
	tlsRow("tls with as many extensions as are read", record(helloWith(bytes.Repeat(extension("0017"), maxTLSExtensions-1),
		versions("0304"))), exts+(maxTLSExtensions-1)*4+7, HasTLS, 0x0304, "", "", NoReason),
	tlsRow("tls with one more", record(helloWith(bytes.Repeat(extension("0017"), maxTLSExtensions), versions("0304"))),
		exts+maxTLSExtensions*4, 0, 0, "", "", TooManyTLSExtensions),
	tlsRow("tls with more versions than are looked at", record(helloWith(versions(strings.Repeat("0301 ", maxTLSVersions)+"0304"))),
		exts+5+2*maxTLSVersions+2, HasTLS, 0x0301, "", "", NoReason),
	tlsRow("tls with more protocols than are kept", record(helloWith(protocols("a", "b", "c", "d", "e", "f", "g", "h", "i"))),
		exts+6+2*9, HasTLS|HasALPN, 0x0303, "", "a,b,c,d,e,f,g,h", NoReason),
}

// FuzzTLS reads a handshake message that begins with a ClientHello, and its beginning.
func FuzzTLS(f *testing.F) {
	for i := range tlsSamples {
		if b := tlsSamples[i].data[40:]; len(b) > 5 {
			f.Add(b[5:], uint16(len(b)/2))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, size uint16) {
		var whole, part Packet
		whole.clientHello(b[:len(b):len(b)], NameTLS)
		n := min(int(size), len(b))
		part.clientHello(b[:n:n], NameTLS)
		checkHello(t, &whole)
		checkHello(t, &part)
		if want := only(whole, part.Valid); part.Valid&^whole.Valid != 0 {
			t.Fatalf("only the part is valid:\n%s\n%s", show(whole), show(part))
		} else if want.DecodeError = part.DecodeError; part != want {
			t.Fatalf("the part says otherwise:\n%s\n%s", show(part), show(want))
		}
	})
}

// checkHello holds of whatever a ClientHello is read from.
func checkHello(t *testing.T, p *Packet) {
	t.Helper()
	if *p != only(*p, p.Valid) {
		t.Fatalf("a field outside every group: %s", show(*p))
	}
	if p.Valid&^(HasName|HasTLS|HasALPN) != 0 {
		t.Fatalf("fields that no hello has: %s", show(*p))
	}
	for _, c := range slices.Concat(p.Name.Text(), p.ALPN.Text()) {
		if c < ' ' || c > '~' {
			t.Fatalf("unprintable: %q %q", p.Name.Text(), p.ALPN.Text())
		}
	}
	if p.Valid.Has(HasName) && p.Name.Length == 0 || p.Valid.Has(HasALPN) && p.ALPN.Length == 0 {
		t.Fatalf("an empty name: %s", show(*p))
	}
	switch p.DecodeError {
	case NoReason, TruncatedTLS, BadTLS, TooManyTLSExtensions, NameTooLong:
	default:
		t.Fatalf("reason %v", p.DecodeError)
	}
	if p.DecodeError == NoReason && !p.Valid.Has(HasTLS) {
		t.Fatal("a whole hello without a version")
	}
}
