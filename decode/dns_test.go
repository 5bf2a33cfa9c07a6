package decode

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// dnsSample is a row of a message in UDP; the cuts count from the message's first byte.
func dnsSample(name string, from, to uint16, message []byte, want Head, title, answers string, cuts ...cut) sample {
	size := uint16(len(message))
	data := octets("45 00 0000 0007 0000 40 11 0000", fourFrom, fourTo, "0000 0000 0000 0000")
	for at, v := range map[int]uint16{2: 28 + size, 20: from, 22: to, 24: 8 + size} {
		data[at], data[at+1] = byte(v>>8), byte(v)
	}
	want.Valid |= onIPv4 | HasPorts | HasPayload
	want.IPVersion, want.IPID, want.TTL, want.Protocol, want.SrcIP, want.DstIP = 4, 7, 64, 17, ip4From, ip4To
	want.SrcPort, want.DstPort, want.PayloadLength = from, to, uint32(size)
	// A datagram of nothing is no message.
	all := []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {28 + 12, TruncatedDNS}}
	for _, c := range cuts {
		all = append(all, cut{28 + c.below, c.reason})
	}
	return sample{name: name, link: LinkIPv4, data: append(data, message...), want: want, title: title, answers: answers, cuts: all}
}

// dnsStreamSample is a row of what a TCP segment holds; the cuts count from the segment's first byte.
func dnsStreamSample(name string, from, to uint16, segment []byte, want Head, title, answers string, cuts ...cut) sample {
	size := uint16(len(segment))
	data := octets("45 00 0000 0007 0000 40 06 0000", fourFrom, fourTo, "0000 0000 00000001 00000002 50 18 1000 0000 0000")
	for at, v := range map[int]uint16{2: 40 + size, 20: from, 22: to} {
		data[at], data[at+1] = byte(v>>8), byte(v)
	}
	want.Valid |= onIPv4 | onTCP
	want.IPVersion, want.IPID, want.TTL, want.Protocol, want.SrcIP, want.DstIP = 4, 7, 64, 6, ip4From, ip4To
	want.SeqNumber, want.AckNumber, want.Flags, want.WindowSize = 1, 2, 0x18, 4096
	want.SrcPort, want.DstPort, want.PayloadLength = from, to, uint32(size)
	all := []cut{{20, TruncatedIPv4}, {40, TruncatedTCP}}
	for _, c := range cuts {
		all = append(all, cut{40 + c.below, c.reason})
	}
	return sample{name: name, link: LinkIPv4, data: append(data, segment...), want: want, title: title, answers: answers, cuts: all}
}

// Pieces of messages.
const (
	dnsWWW   = "03 777777 07 6578616d706c65 03 636f6d 00 " // www.example.com, 17 bytes, most often from 12 on
	dnsAsksA = "1234 0100 0001 0000 0000 0000 " + dnsWWW + "0001 0001 "
	aRecord  = "c00c 0001 0001 0000012c 0004 c00002" // its last byte follows
)

func dnsLetters(n int) string { return strings.Repeat("61", n) }

var dnsSamples = []sample{
	dnsSample("dns query with edns", 55555, 53, octets("1234 0120 0001 0000 0000 0001", dnsWWW, "0001 0001", "00 0029 1000 00000000 0000"),
		Head{Valid: HasName | HasDNS, NameKind: NameDNS, DNSType: 1}, "www.example.com", "",
		cut{33, TruncatedDNS}),
	dnsSample("dns response with an alias and addresses", 53, 55555,
		octets("1234 8180 0001 0003 0000 0000", dnsWWW, "00ff 0001", // any type, from 12 to 33
			"c00c 0005 0001 0000012c 0006 03 63646e c010", // cdn.example.com, up to 51
			"c02d 0001 0001 0000012c 0004 c0000201",
			"c02d 001c 0001 0000012c 0010", sixTo),
		Head{Valid: HasName | HasDNS | HasDNSResponse | HasAnswers, NameKind: NameDNS, DNSType: 255, DNSAnswers: 3}, "www.example.com",
		"192.0.2.1 2001:db8::2",
		cut{95, TruncatedDNS}),
	dnsSample("dns response without such a name", 53, 55555,
		octets("1234 8183 0001 0000 0001 0000", dnsWWW, "001c 0001", "c014 0006 0001 0000012c 0000"),
		Head{Valid: HasName | HasDNS | HasDNSResponse, NameKind: NameDNS, DNSType: 28, DNSRCode: 3}, "www.example.com", "",
		cut{33, TruncatedDNS}),
	dnsSample("dns response that answers less than it claims", 53, 55555, octets("1234 8180 0001 0002 0000 0000", dnsWWW, "0001 0001", aRecord, "01"),
		Head{Valid: HasName | HasDNS | HasDNSResponse | HasAnswers, NameKind: NameDNS, DNSType: 1, DNSAnswers: 2, DecodeError: TruncatedDNS},
		"www.example.com", "192.0.2.1"),
	dnsSample("dns refuses without a question", 53, 55555, octets("1234 8185 0000 0000 0000 0000"),
		Head{Valid: HasDNSResponse, DNSRCode: 5}, "", ""),
	dnsSample("dns name without its type", 55555, 53, octets("1234 0100 0001 0000 0000 0000", dnsWWW, "0001"),
		Head{Valid: HasName, NameKind: NameDNS, DecodeError: TruncatedDNS}, "www.example.com", ""),
	dnsSample("dns root", 55555, 53, octets("1234 0100 0001 0000 0000 0000 00 0002 0001"),
		Head{Valid: HasName | HasDNS, NameKind: NameDNS, DNSType: 2}, ".", "",
		cut{17, TruncatedDNS}),
	dnsSample("dns name with bytes to escape", 55555, 53,
		octets("1234 0100 0001 0000 0000 0000 08 412e5c20007e7fff 02 5f64 01 2e 00 000c 0001"),
		Head{Valid: HasName | HasDNS, NameKind: NameDNS, DNSType: 12}, `A\.\092 \000~\127\255._d.\.`, "",
		cut{31, TruncatedDNS}),
	dnsSample("dns name of 255 bytes", 55555, 53,
		octets("1234 0100 0001 0000 0000 0000", strings.Repeat("3f"+dnsLetters(63), 3), "3d"+dnsLetters(61), "00 0001 0001"),
		Head{Valid: HasName | HasDNS, NameKind: NameDNS, DNSType: 1},
		strings.Repeat(strings.Repeat("a", 63)+".", 3)+strings.Repeat("a", 61), "",
		cut{271, TruncatedDNS}),
	dnsSample("dns name of 256 bytes", 55555, 53,
		octets("1234 0100 0001 0000 0000 0000", strings.Repeat("3f"+dnsLetters(63), 3), "3e"+dnsLetters(62), "00 0001 0001"),
		Head{DecodeError: BadDNSName}, "", "",
		cut{205, TruncatedDNS}),
	dnsSample("dns name of 127 labels", 55555, 53,
		octets("1234 0100 0001 0000 0000 0000", strings.Repeat("0161", 127), "00 0001 0001"),
		Head{Valid: HasName | HasDNS, NameKind: NameDNS, DNSType: 1}, strings.Repeat("a.", 126)+"a", "",
		cut{271, TruncatedDNS}),
	dnsSample("dns name of 255 bytes with escapes", 55555, 53, // 3 letters and 63 escapes
		octets("1234 0100 0001 0000 0000 0000 02 6161 3f", strings.Repeat("00", 63), "00 0001 0001"),
		Head{Valid: HasName | HasDNS, NameKind: NameDNS, DNSType: 1}, "aa."+strings.Repeat(`\000`, 63), "",
		cut{84, TruncatedDNS}),
	dnsSample("dns name of 256 bytes with escapes", 55555, 53,
		octets("1234 0100 0001 0000 0000 0000 03 616161 3f", strings.Repeat("00", 63), "00 0001 0001"),
		Head{Valid: HasName, NameKind: NameDNS, DecodeError: NameTooLong}, "aaa."+strings.Repeat(`\000`, 62), "",
		cut{80, TruncatedDNS}),
	dnsSample("dns pointer in the question", 55555, 53, octets("1234 0100 0001 0000 0000 0000 03 777777 c00c 0001 0001"),
		Head{DecodeError: BadDNSName}, "", "",
		cut{18, TruncatedDNS}),
	dnsSample("dns reserved label", 55555, 53, octets("1234 0100 0001 0000 0000 0000 03 777777 41 00 0001 0001"),
		Head{DecodeError: BadDNSName}, "", "",
		cut{17, TruncatedDNS}),
	dnsSample("dns answer of a pointer to itself", 53, 55555,
		octets("1234 8180 0001 0002 0000 0000", dnsWWW, "0001 0001", aRecord, "01 c031 0001 0001 0000012c 0004 c0000202"),
		Head{Valid: HasName | HasDNS | HasDNSResponse | HasAnswers, NameKind: NameDNS, DNSType: 1, DNSAnswers: 2, DecodeError: BadDNSName},
		"www.example.com", "192.0.2.1",
		cut{51, TruncatedDNS}),
	dnsSample("dns answer to a client's port that vxlan has too", 53, 4789,
		octets("0834 8180 0001 0001 0000 0000", dnsWWW, "0001 0001", aRecord, "01"),
		Head{Valid: HasName | HasDNS | HasDNSResponse | HasAnswers, NameKind: NameDNS, DNSType: 1, DNSAnswers: 1},
		"www.example.com", "192.0.2.1",
		cut{29, TruncatedDNS}, cut{33, TruncatedDNS}, cut{33 + 16, TruncatedDNS}),
	dnsSample("dns answer of a pointer into the header", 53, 55555,
		octets("1234 8180 0001 0001 0000 0000", dnsWWW, "0001 0001 c00b 0001 0001 0000012c 0004 c0000202"),
		Head{Valid: HasName | HasDNS | HasDNSResponse, NameKind: NameDNS, DNSType: 1, DNSAnswers: 1, DecodeError: BadDNSName},
		"www.example.com", "",
		cut{35, TruncatedDNS}),
	dnsSample("dns answer of a reserved label", 53, 55555,
		octets("1234 8180 0001 0001 0000 0000", dnsWWW, "0001 0001 80 0001 0001 0000012c 0004 c0000202"),
		Head{Valid: HasName | HasDNS | HasDNSResponse, NameKind: NameDNS, DNSType: 1, DNSAnswers: 1, DecodeError: BadDNSName},
		"www.example.com", "",
		cut{34, TruncatedDNS}),
	dnsSample("dns answer of a name of 256 bytes", 53, 55555,
		octets("1234 8180 0001 0001 0000 0000", dnsWWW, "0001 0001", strings.Repeat("3f"+dnsLetters(63), 3), "3e"+dnsLetters(62), "00 0001 0001"),
		Head{Valid: HasName | HasDNS | HasDNSResponse, NameKind: NameDNS, DNSType: 1, DNSAnswers: 1, DecodeError: BadDNSName},
		"www.example.com", "",
		cut{226, TruncatedDNS}),
	dnsSample("dns answers of 129 labels", 53, 55555, // 3, 1, 124 and one
		octets("1234 8180 0001 0003 0000 0000", dnsWWW, "0001 0001", aRecord, "01",
			strings.Repeat("0161", 124), "00 0010 0001 0000012c 0000", aRecord, "02"),
		Head{Valid: HasName | HasDNS | HasDNSResponse | HasAnswers, NameKind: NameDNS, DNSType: 1, DNSAnswers: 3},
		"www.example.com", "192.0.2.1",
		cut{309, TruncatedDNS}),
	dnsSample("dns asks 129 times for the root", 53, 55555,
		octets("1234 8180 0081 0001 0000 0000", strings.Repeat("00 0001 0001", 129), aRecord, "01"),
		Head{Valid: HasName | HasDNS | HasDNSResponse, NameKind: NameDNS, DNSType: 1, DNSAnswers: 1, DecodeError: TooManyDNSLabels}, ".", "",
		cut{653, TruncatedDNS}),
	dnsSample("dns address of 5 bytes", 53, 55555,
		octets("1234 8180 0001 0001 0000 0000", dnsWWW, "0001 0001 c00c 0001 0001 0000012c 0005 c000020202"),
		Head{Valid: HasName | HasDNS | HasDNSResponse, NameKind: NameDNS, DNSType: 1, DNSAnswers: 1, DecodeError: BadDNS},
		"www.example.com", "",
		cut{45, TruncatedDNS}),
	dnsSample("dns ipv6 address of 4 bytes", 53, 55555,
		octets("1234 8180 0001 0002 0000 0000", dnsWWW, "001c 0001", aRecord, "01 c00c 001c 0001 0000012c 0004 c0000202"),
		Head{Valid: HasName | HasDNS | HasDNSResponse | HasAnswers, NameKind: NameDNS, DNSType: 28, DNSAnswers: 2, DecodeError: BadDNS},
		"www.example.com", "192.0.2.1",
		cut{61, TruncatedDNS}),
	dnsSample("dns address of another class", 53, 55555, // Chaosnet
		octets("1234 8180 0001 0001 0000 0000", dnsWWW, "0001 0003 c00c 0001 0003 0000012c 0003 00 0102"),
		Head{Valid: HasName | HasDNS | HasDNSResponse, NameKind: NameDNS, DNSType: 1, DNSAnswers: 1}, "www.example.com", "",
		cut{48, TruncatedDNS}),
	dnsSample("dns response with nine addresses", 53, 55555,
		octets("1234 8180 0001 0009 0000 0000", dnsWWW, "0001 0001", aRecord, "01", aRecord, "02", aRecord, "03", aRecord, "04",
			aRecord, "05", aRecord, "06", aRecord, "07", aRecord, "08", aRecord, "09"),
		Head{Valid: HasName | HasDNS | HasDNSResponse | HasAnswers, NameKind: NameDNS, DNSType: 1, DNSAnswers: 9}, "www.example.com",
		"192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6 192.0.2.7 192.0.2.8",
		cut{33 + 8*16, TruncatedDNS}),
	dnsSample("dns response whose 17th answer is an address", 53, 55555,
		octets("1234 8180 0001 0011 0000 0000", dnsWWW, "0001 0001", strings.Repeat("c00c 0010 0001 0000012c 0002 0161", 16), aRecord, "01"),
		Head{Valid: HasName | HasDNS | HasDNSResponse, NameKind: NameDNS, DNSType: 1, DNSAnswers: 17}, "www.example.com", "",
		cut{33 + 16*14, TruncatedDNS}),
	dnsSample("dns response to two questions", 53, 55555,
		octets("1234 8180 0002 0001 0000 0000", dnsWWW, "0001 0001 02 6e73 c010 001c 0001", aRecord, "01"),
		Head{Valid: HasName | HasDNS | HasDNSResponse | HasAnswers, NameKind: NameDNS, DNSType: 1, DNSAnswers: 1}, "www.example.com", "192.0.2.1",
		cut{58, TruncatedDNS}),
	dnsSample("mdns query with two questions and a known answer", 5353, 5353,
		octets("0000 0000 0002 0001 0000 0000 05 5f68747470 04 5f746370 05 6c6f63616c 00 000c 8001", "03 666f6f c01d 001c 8001",
			"c00c 000c 0001 00001194 0002 c00c"),
		Head{Valid: HasName | HasDNS, NameKind: NameMDNS, DNSType: 12}, "_http._tcp.local", "",
		cut{34, TruncatedDNS}),
	dnsSample("mdns known answers without a question", 5353, 5353,
		octets("0000 0000 0000 0001 0000 0000 05 5f68747470 04 5f746370 05 6c6f63616c 00 000c 0001 00001194 0002 c00c"),
		Head{Valid: HasName | HasDNS, NameKind: NameMDNS, DNSType: 12}, "_http._tcp.local", "",
		cut{34, TruncatedDNS}),
	dnsSample("mdns announcement", 5353, 5353,
		octets("0000 8400 0000 0002 0000 0001 03 666f6f 05 6c6f63616c 00 0001 8001 00000078 0004 c0000207", // from 12 to 37
			"c00c 001c 8001 00000078 0010", sixTo, "c00c 002f 8001 00000078 0000"),
		Head{Valid: HasName | HasDNS | HasDNSResponse | HasAnswers, NameKind: NameMDNS, DNSType: 1, DNSAnswers: 2}, "foo.local",
		"192.0.2.7 2001:db8::2",
		cut{65, TruncatedDNS}),
	dnsSample("llmnr query", 55555, 5355, octets("1234 0000 0001 0000 0000 0000 07 5052494e544552 00 0001 0001"),
		Head{Valid: HasName | HasDNS, NameKind: NameLLMNR, DNSType: 1}, "PRINTER", "",
		cut{25, TruncatedDNS}),

	dnsStreamSample("dns query in tcp with the next one", 51512, 53, octets("0021", dnsAsksA, "0021", dnsAsksA),
		Head{Valid: HasName | HasDNS, NameKind: NameDNS, DNSType: 1}, "www.example.com", "",
		cut{14, NoReason}, cut{35, TruncatedDNS}),
	dnsStreamSample("dns response in tcp that goes on", 53, 51512, octets("0041 1234 8180 0001 0002 0000 0000", dnsWWW, "0001 0001", aRecord, "01"),
		Head{Valid: HasName | HasDNS | HasDNSResponse | HasAnswers, NameKind: NameDNS, DNSType: 1, DNSAnswers: 2, DecodeError: TruncatedDNS},
		"www.example.com", "192.0.2.1", cut{14, NoReason}),
	dnsStreamSample("dns message in tcp longer than its length", 51512, 53, octets("0020", dnsAsksA),
		Head{Valid: HasName, NameKind: NameDNS, DecodeError: TruncatedDNS}, "www.example.com", "", cut{14, NoReason}),
	dnsStreamSample("inside of a dns message in tcp", 53, 51512, octets("000b", dnsAsksA), Head{}, "", ""),
	dnsStreamSample("dns in tcp with two questions", 51512, 53, octets("0021 1234 0100 0002 0000 0000 0000", dnsWWW, "0001 0001"), Head{}, "", ""),
}

// What a name in wire form comes to where it is not a message's: without a last zero byte, too.
func TestReadWire(t *testing.T) {
	for _, c := range []struct {
		name         string
		wire         []byte
		text         string
		size, labels int
		end          nameEnd
	}{
		{"nothing", nil, "", 0, 0, nameOpen},
		{"root", octets("00"), "", 1, 0, nameWhole},
		{"root and more", octets("00 01 61"), "", 1, 0, nameWhole},
		{"whole", octets("01 61 02 6263 00 ff"), "a.bc", 6, 2, nameWhole},
		{"open", octets("01 61 02 6263"), "a.bc", 5, 2, nameOpen},
		{"open behind a word", octets("07 61616161616161"), "aaaaaaa", 8, 1, nameOpen},
		{"zero behind a word", octets("07 61616161616161 00"), "aaaaaaa", 9, 1, nameWhole},
		{"cut", octets("01 61 03 6263"), "", 2, 1, nameCut},
		{"half a pointer", octets("01 61 c0"), "", 2, 1, nameCut},
		{"pointer", octets("01 61 c00c"), "", 2, 1, nameBad},
		{"reserved", octets("01 61 40"), "", 2, 1, nameBad},
		{"255 bytes and open", bytes.Repeat([]byte("\x01a"), 127), strings.Repeat("a.", 126) + "a", 254, 127, nameOpen},
		{"257 bytes", append(bytes.Repeat([]byte("\x01a"), 128), 0), "", 254, 127, nameBad},
		{"too long, but for its end", append(octets("3f"), make([]byte, 64)...), strings.Repeat(`\000`, 63), 65, 1, nameWhole},
		{"too long before it is cut", octets("3f", strings.Repeat("00", 63), "03 616161 01 00 3f"),
			strings.Repeat(`\000`, 62) + `\000.aa`, 64, 2, nameLong},
	} {
		t.Run(c.name, func(t *testing.T) {
			var n, want Name
			size, labels, end := n.readWire(c.wire[:len(c.wire):len(c.wire)])
			want.Length = uint8(copy(want.Bytes[:], c.text))
			if n != want || end != c.end {
				t.Errorf("got %q, %d; want %q, %d", n.Text(), end, c.text, c.end)
			}
			if end != nameLong && (size != c.size || labels != c.labels) {
				t.Errorf("got %d bytes, %d labels; want %d, %d", size, labels, c.size, c.labels)
			}
		})
	}
}

// Every byte at every place of a name, with labels of each length in front, so that it falls on each place of a word.
func TestEscapes(t *testing.T) {
	for before := 1; before <= 9; before++ {
		for size := 1; size <= 17; size++ {
			for at := range size {
				for c := range 256 {
					label := bytes.Repeat([]byte{'x'}, size)
					label[at] = byte(c)
					labels := []string{strings.Repeat("y", before), string(label)}
					var n Name
					n.readWire(dnsWire(labels...))
					if want := strings.Join(plainText(labels), ""); string(n.Text()) != want {
						t.Fatalf("got %q, want %q", n.Text(), want)
					}
				}
			}
		}
	}
}

// The oracle is another implementation: messages of all shapes are built by it, and read by both.
func TestAgainstDNSMessage(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 5))
	reached := map[string]int{}
	for range 20_000 {
		message := randomMessage(t, random)
		var got Packet
		got.dns(message[:len(message):len(message)], NameDNS)
		want := fromDNSMessage(t, message)
		if plain := plainDNS(message, NameDNS); got != plain {
			t.Fatalf("got  %s\nslow %s\n%x", show(got), show(plain), message)
		}
		// It counts no labels.
		if got.DecodeError == TooManyDNSLabels || got.Answers.Count > 0 && got.Answers.Count < want.Answers.Count {
			reached["too many"]++
			want = firstOf(want, got.Answers.Count)
			if got.Answers.Count == 0 {
				want.Valid &^= HasAnswers
			}
			want.DecodeError = got.DecodeError
		}
		if got != want {
			t.Fatalf("got  %s\nwant %s\n%x", show(got), show(want), message)
		}
		for name, yes := range map[string]bool{"name": got.Valid.Has(HasName), "answers": got.Valid.Has(HasAnswers),
			"all answers": got.Answers.Count == maxAnswers, "long": got.DecodeError == NameTooLong, "root": got.Name.Length == 1,
			"wide": got.Answers.Wide != 0, "none": got.Valid == 0} {
			if yes {
				reached[name]++
			}
		}
	}
	for _, name := range []string{"name", "answers", "all answers", "long", "root", "wide", "none", "too many"} {
		if reached[name] == 0 {
			t.Errorf("no message with: %s", name)
		}
	}
}

// randomMessage is one of all kinds of records, many of which share their names.
func randomMessage(t *testing.T, random *rand.Rand) []byte {
	names := randomNames(random)
	name := func() dnsmessage.Name { return names[random.IntN(len(names))] }
	classes := []dnsmessage.Class{dnsmessage.ClassINET, dnsmessage.ClassINET, dnsmessage.ClassINET, dnsmessage.ClassINET | 1<<15,
		dnsmessage.ClassCHAOS}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: uint16(random.Uint32()), Response: random.IntN(4) > 0,
		RCode: dnsmessage.RCode(random.IntN(16)), Authoritative: random.IntN(2) == 0, RecursionDesired: random.IntN(2) == 0})
	if random.IntN(4) > 0 {
		b.EnableCompression()
	}
	record := func() {
		h := dnsmessage.ResourceHeader{Name: name(), Class: classes[random.IntN(len(classes))], TTL: random.Uint32()}
		switch random.IntN(17) {
		case 0:
			must(b.NSResource(h, dnsmessage.NSResource{NS: name()}))
		case 1:
			must(b.CNAMEResource(h, dnsmessage.CNAMEResource{CNAME: name()}))
		case 2:
			must(b.SOAResource(h, dnsmessage.SOAResource{NS: name(), MBox: name()}))
		case 3:
			must(b.PTRResource(h, dnsmessage.PTRResource{PTR: name()}))
		case 4:
			must(b.MXResource(h, dnsmessage.MXResource{Pref: 10, MX: name()}))
		case 5:
			must(b.TXTResource(h, dnsmessage.TXTResource{TXT: []string{strings.Repeat("\x00", random.IntN(200))}}))
		case 6:
			must(b.SRVResource(h, dnsmessage.SRVResource{Port: 80, Target: name()}))
		case 7:
			must(b.OPTResource(h, dnsmessage.OPTResource{}))
		case 8:
			must(b.UnknownResource(h, dnsmessage.UnknownResource{Type: dnsmessage.Type(256 + random.IntN(1000)), Data: make([]byte, random.IntN(20))}))
		case 9:
			must(b.SVCBResource(h, dnsmessage.SVCBResource{Priority: 1, Target: name()}))
		case 10:
			must(b.HTTPSResource(h, dnsmessage.HTTPSResource{SVCBResource: dnsmessage.SVCBResource{Priority: 1, Target: name()}}))
		case 11, 12, 13:
			must(b.AAAAResource(h, dnsmessage.AAAAResource{AAAA: [16]byte{0x20, 1, 15: byte(random.IntN(256))}}))
		default:
			must(b.AResource(h, dnsmessage.AResource{A: [4]byte{192, 0, 2, byte(random.IntN(256))}}))
		}
	}
	must(b.StartQuestions())
	for range random.IntN(3) {
		must(b.Question(dnsmessage.Question{Name: name(), Type: dnsmessage.Type(random.IntN(300)), Class: dnsmessage.ClassINET}))
	}
	must(b.StartAnswers())
	for range random.IntN(4) * random.IntN(7) {
		record()
	}
	must(b.StartAdditionals())
	for range random.IntN(2) {
		record()
	}
	message, err := b.Finish()
	must(err)
	return message
}

// randomNames are the names of a message: some of them end as the first one does. No label has a dot, which that
// package takes for the end of one.
func randomNames(random *rand.Rand) []dnsmessage.Name {
	names := make([]dnsmessage.Name, 1+random.IntN(4))
	for i := range names {
		var labels []string
		count := random.IntN(5)
		if random.IntN(10) == 0 {
			count = random.IntN(30)
		}
		for range count {
			label := make([]byte, 1+random.IntN(12))
			if random.IntN(20) == 0 {
				label = make([]byte, 1+random.IntN(63))
			}
			anything := random.IntN(6) == 0
			for i := range label {
				if label[i] = 'a' + byte(random.IntN(26)); anything {
					label[i] = byte(random.IntN(256))
				}
				if label[i] == '.' {
					label[i] = '-'
				}
			}
			labels = append(labels, string(label))
		}
		if first := strings.TrimSuffix(names[0].String(), "."); i > 0 && first != "" && random.IntN(3) > 0 {
			labels = append(labels, first)
		}
		names[i] = dnsmessage.MustNewName(".")
		if text := strings.Join(labels, ".") + "."; len(text) <= 254 {
			names[i] = dnsmessage.MustNewName(text)
		}
	}
	return names
}

// fromDNSMessage is what the other implementation reads in a message.
func fromDNSMessage(t *testing.T, message []byte) (want Packet) {
	var p dnsmessage.Parser
	must := func(err error) {
		if err != nil {
			t.Fatalf("%v\n%x", err, message)
		}
	}
	header, err := p.Start(message)
	must(err)
	questions, err := p.AllQuestions()
	must(err)
	answers, err := p.AllAnswers()
	must(err)
	if header.Response {
		want.DNSRCode, want.DNSAnswers = uint8(header.RCode), uint16(len(answers))
		want.Valid = HasDNSResponse
	}
	var name dnsmessage.Name
	switch {
	case len(questions) > 0:
		name, want.DNSType = questions[0].Name, uint16(questions[0].Type)
	case len(answers) > 0:
		name, want.DNSType = answers[0].Header.Name, uint16(answers[0].Header.Type)
	default:
		return want
	}
	want.Valid |= HasName | HasDNS
	want.NameKind = NameDNS
	text := "."
	if name.String() != "." {
		pieces := plainText(strings.Split(strings.TrimSuffix(name.String(), "."), "."))
		for text = strings.Join(pieces, ""); len(text) > 255; text = strings.Join(pieces, "") {
			pieces = pieces[:len(pieces)-1]
			want.DecodeError = NameTooLong
		}
	}
	want.Name.Length = uint8(copy(want.Name.Bytes[:], text))
	if want.DecodeError == NameTooLong {
		want.DNSType = 0
		want.Valid &^= HasDNS
		return want
	}
	if !header.Response {
		return want
	}
	for i, answer := range answers {
		if answer.Header.Class&0x7fff != dnsmessage.ClassINET || i >= maxDNSRecords || want.Answers.Count == maxAnswers {
			continue
		}
		at := &want.Answers.List[want.Answers.Count]
		switch r := answer.Body.(type) {
		case *dnsmessage.AResource:
			copy(at[:], r.A[:])
		case *dnsmessage.AAAAResource:
			*at = r.AAAA
			want.Answers.Wide |= 1 << want.Answers.Count
		default:
			continue
		}
		want.Answers.Count++
		want.Valid |= HasAnswers
	}
	return want
}

// hostileMessage is one that other implementations would not build: names of any length and of any bytes, ended by
// any pointer, then a byte or two changed.
func hostileMessage(random *rand.Rand) []byte {
	questions, answers := random.IntN(4), random.IntN(20)
	b := []byte{0, 0, byte(random.IntN(4)) << 6, byte(random.IntN(256)), 0, byte(questions), 0, byte(answers), 0, 0, 0, 0}
	longest, most, odd := 1+random.IntN(maxLabel), 1+random.IntN(8), 1+random.IntN(40)
	if random.IntN(2) == 0 {
		longest = 1 + random.IntN(4)
	}
	if random.IntN(4) == 0 {
		most = 140
	}
	name := func() {
		start := len(b)
		for range random.IntN(most) {
			if len(b) > start+maxWireName {
				break
			}
			n := 1 + random.IntN(longest)
			b = append(b, byte(n))
			for range n {
				c := byte('x')
				if random.IntN(odd) == 0 {
					c = []byte{0, '.', '\\', 0xff, '~', 0x7f, ' ', 0x1f}[random.IntN(8)]
				}
				b = append(b, c)
			}
		}
		switch random.IntN(40) {
		case 0:
			b = append(b, 0xc0, byte(random.IntN(256)))
		case 1, 2, 3, 4, 5, 6:
			b = append(b, 0xc0, dnsHeader)
		default:
			b = append(b, 0)
		}
	}
	for range questions {
		name()
		b = append(b, 0, dnsA, 0, dnsInternet)
	}
	records := [][]byte{octets("0010 0001 00000000 0000"), octets("0001 0001 00000000 0004 c0000201"),
		octets("001c 8001 00000000 0010", sixTo), octets("0001 0003 00000000 0002 0102"), octets("001c 0001 00000000 0004 c0000201")}
	for range answers {
		name()
		b = append(b, records[min(random.IntN(20)/4, random.IntN(20))]...)
	}
	for range random.IntN(3) {
		b[random.IntN(len(b))] = byte(random.Uint32())
	}
	return b
}

// The fast reading against the slow one, of hostile messages whole and cut.
func TestHostileDNS(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 13))
	reasons := map[Reason]int{}
	for range 20_000 {
		b := hostileMessage(random)
		var whole, part Packet
		whole.dns(b[:len(b):len(b)], NameDNS)
		if want := plainDNS(b, NameDNS); whole != want {
			t.Fatalf("%x\ngot  %s\nwant %s", b, show(whole), show(want))
		}
		reasons[whole.DecodeError]++
		n := random.IntN(len(b))
		part.dns(b[:n:n], NameDNS)
		if want := plainDNS(b[:n], NameDNS); part != want {
			t.Fatalf("%x\ngot  %s\nwant %s", b[:n], show(part), show(want))
		}
		law := firstOf(only(whole, part.Valid), part.Answers.Count)
		law.DecodeError = part.DecodeError
		if part != law || part.Valid&^whole.Valid != 0 {
			t.Fatalf("%x cut at %d\ngot  %s\nwant %s", b, n, show(part), show(law))
		}
	}
	for _, r := range []Reason{NoReason, TruncatedDNS, BadDNS, BadDNSName, TooManyDNSLabels, NameTooLong} {
		if reasons[r] < 10 {
			t.Errorf("%d messages stopped with %v", reasons[r], r)
		}
	}
}

// FuzzDNS holds the parsers against the slow and obvious reading, over UDP, over TCP, and of every message's first half.
func FuzzDNS(f *testing.F) {
	for i := range dnsSamples {
		f.Add(dnsSamples[i].data[28:])
		f.Add(dnsSamples[i].data[40:])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, b := range [][]byte{b, b[: len(b)/2 : len(b)/2]} {
			var datagram, stream Packet
			datagram.dns(b, NameLLMNR)
			if want := plainDNS(b, NameLLMNR); datagram != want {
				t.Errorf("dns\ngot  %s\nwant %s", show(datagram), show(want))
			}
			stream.dnsStream(b)
			if want := plainDNSStream(b); stream != want {
				t.Errorf("stream\ngot  %s\nwant %s", show(stream), show(want))
			}
		}
	})
}
