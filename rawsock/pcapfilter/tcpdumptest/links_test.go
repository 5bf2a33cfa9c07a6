package tcpdumptest

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"network-sniffer/rawsock/pcapfilter"
	"network-sniffer/rawsock/savefile"
)

// link is a link type under both its names, and how it frames a packet.
type link struct {
	name   string // as tcpdump -y takes it
	number pcapfilter.LinkType
	frame  func(g generator, p packet) []byte
}

// links are the link types that the sniffer opens.
var links = []link{
	{"EN10MB", 1, ethernet},
	{"RAW", 101, func(_ generator, p packet) []byte { return p.data }},
	{"IPV4", 228, func(_ generator, p packet) []byte { return p.data }},
	{"IPV6", 229, func(_ generator, p packet) []byte { return p.data }},
	{"PPP", 9, pppFrame},
	{"LINUX_SLL", 113, cooked},
	{"LINUX_SLL2", 276, cooked2},
	{"NULL", 0, loopback},
	{"LOOP", 108, func(g generator, p packet) []byte { return octets(family(g, p), p.data) }},
}

func linkNamed(name string) *link {
	for i := range links {
		if links[i].name == name {
			return &links[i]
		}
	}
	return nil
}

// ethernet has up to three tags, and an 802.3 length instead of the type at times.
func ethernet(g generator, p packet) []byte {
	return octets(g.mac(), g.mac(), tagged(g, p))
}

// tagged is a type with tags in front (IEEE 802.1Q §9) and the packet behind; or a length and LLC.
func tagged(g generator, p packet) []byte {
	var b []byte
	for g.one(4) && len(b) < 12 {
		b = octets(b, pick[uint16](g, 0x8100, 0x8100, 0x88a8, 0x9100), uint16(g.IntN(16))<<12|pick(g, tags...))
	}
	if g.one(8) {
		body := g.llc()
		return octets(b, uint16(min(len(body), 1500)), body)
	}
	return octets(b, p.etherType, p.data)
}

// pppNumbers are the PPP protocols of EtherTypes (IANA, PPP numbers).
var pppNumbers = map[uint16]uint16{0x0800: 0x21, 0x86dd: 0x57, 0x8847: 0x281, 0x8848: 0x283,
	0x6003: 0x27, 0x809b: 0x29, 0x8137: 0x2b}

// pppFrame has address and control of RFC 1662 §3.1 at times; the protocol is that of the packet.
func pppFrame(g generator, p packet) []byte {
	protocol, data := pppNumbers[p.etherType], p.data
	if protocol == 0 || g.one(8) {
		protocol, data = g.ppp()
	}
	return octets(pick(g, nil, nil, []byte{0xff, 3}), protocol, data)
}

// cooked is LINKTYPE_LINUX_SLL: packet type, device type, address, protocol. Protocols below 1536 are Linux's own:
// 1 is 802.3 without LLC, 4 is LLC.
func cooked(g generator, p packet) []byte {
	head := octets(uint16(g.IntN(5)), pick[uint16](g, 1, 1, 1, 512, 65534), uint16(6), g.mac(), uint16(0))
	switch g.IntN(12) {
	case 0:
		return octets(head, uint16(4), g.llc())
	case 1:
		return octets(head, uint16(1), uint16(0xffff), g.some(40))
	}
	return octets(head, tagged(g, p))
}

// cooked2 is LINKTYPE_LINUX_SLL2: the protocol first, and the interface's index.
func cooked2(g generator, p packet) []byte {
	body := cooked(g, p)
	return octets(body[14:16], uint16(0), uint32(g.IntN(4)), body[2:4], body[1], 6, body[6:14], body[16:])
}

// loopback is LINKTYPE_NULL: the address family in the byte order of the machine that wrote the file.
func loopback(g generator, p packet) []byte {
	number := family(g, p)
	b := binary.NativeEndian.AppendUint32(nil, number)
	if g.one(8) {
		b = octets(number)
	}
	return octets(b, p.data)
}

// family is the number of a packet's address family, of which IPv6 has one on each system, or of another.
func family(g generator, p packet) uint32 {
	number := map[uint16]uint32{0x0800: 2, 0x86dd: pick[uint32](g, 10, 24, 28, 30)}[p.etherType]
	if number == 0 || g.one(20) {
		return pick[uint32](g, 0, 7, 23, 26)
	}
	return number
}

// corpusPattern finds the captures of real traffic that the decoder is tested with.
const corpusPattern = "../../../decode/tsharktest/testdata/*.pcapng"

// maxCorpus bounds the captured frames for one link type.
const maxCorpus = 400

// corpus reads the captures: to each link type its own frames, and those of Ethernet in its framing.
func corpus(t testing.TB) map[pcapfilter.LinkType][][]byte {
	t.Helper()
	paths, err := filepath.Glob(corpusPattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no captures in %s: %v", corpusPattern, err)
	}
	frames := map[pcapfilter.LinkType][][]byte{}
	g := newGenerator(1)
	for _, path := range paths {
		readFile(t, path, func(f *savefile.Frame) {
			number := pcapfilter.LinkType(f.LinkType)
			data := append([]byte(nil), f.Data...)
			frames[number] = append(frames[number], data)
			if number != 1 || len(data) < 14 {
				return
			}
			p := packet{binary.BigEndian.Uint16(data[12:]), data[14:]}
			for _, l := range links[1:] {
				frames[l.number] = append(frames[l.number], l.frame(g, p))
			}
		})
	}
	for number, all := range frames {
		frames[number] = thinned(all, maxCorpus)
	}
	return frames
}

// thinned keeps n items that stand equally far from each other.
func thinned[T any](all []T, n int) []T {
	if len(all) <= n {
		return all
	}
	some := make([]T, n)
	for i := range some {
		some[i] = all[i*len(all)/n]
	}
	return some
}

func readFile(t testing.TB, path string, each func(*savefile.Frame)) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	in, err := savefile.NewReader(file)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	var f savefile.Frame
	for {
		switch err := in.Next(&f); {
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			t.Fatalf("%s: %v", path, err)
		}
		each(&f)
	}
}

// generated makes n frames of a link type, the shortest and emptiest ones first.
func generated(l *link, n int, seed uint64) [][]byte {
	g := newGenerator(seed)
	frames := [][]byte{{0}, make([]byte, 14), make([]byte, 64), {0x45}, {0x60}}
	for len(frames) < n {
		if frame := l.frame(g, g.packet()); len(frame) > 0 {
			frames = append(frames, g.spoil(frame))
		}
	}
	return frames
}
