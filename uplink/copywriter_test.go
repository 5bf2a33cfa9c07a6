package uplink

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"network-sniffer/decode"
	"network-sniffer/uplink/spool"
)

// keepingSink keeps what it is given, a COPY after the other.
type keepingSink struct {
	queries []string
	copies  []string
	writes  int
	count   func(rows string) uint64
	fail    error // of the next call
	over    int   // calls of abandon
}

func (s *keepingSink) begin(query string) error {
	s.queries, s.copies = append(s.queries, query), append(s.copies, "")
	return s.fail
}

func (s *keepingSink) write(message []byte) error {
	s.writes++
	s.copies[len(s.copies)-1] += string(message[copyHead:])
	return s.fail
}

func (s *keepingSink) finish(message []byte) (uint64, error) {
	err := s.write(message)
	return s.count(s.copies[len(s.copies)-1]), err
}

func (s *keepingSink) abandon() { s.over++ }

// lines counts rows of COPY text.
func lines(rows string) uint64 { return uint64(strings.Count(rows, "\n")) }

// TestCopies: rows of one class go into one COPY and keep their order; in between stand as many COPYs of rare rows as
// the bound of the side buffer asks for.
func TestCopies(t *testing.T) {
	plain, rare := plainTCP()[0], fullPacket()
	plain.Interface, rare.Interface = 0, 0
	rare.Valid &^= decode.HasName // shorter than the longest
	size := len(appendRecord(make([]byte, 0, maxRecord), &rare))
	fits := (copySide-maxRecord)/size + 1
	for _, row := range []struct {
		name          string
		packets       []decode.Packet
		common, rares int // COPYs
	}{
		{"none", nil, 0, 0},
		{"common", []decode.Packet{plain, plain}, 1, 0},
		{"rare", []decode.Packet{rare}, 0, 1},
		{"both", []decode.Packet{rare, plain, rare, plain}, 1, 1},
		{"as many as fit", repeat(rare, fits), 0, 1},
		{"more than fit", append(append(repeat(rare, fits), plain), rare, plain), 2, 2},
		{"more than fit, after one and before one", append(append([]decode.Packet{plain}, repeat(rare, fits)...), rare, plain), 2, 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			sink := &keepingSink{count: lines}
			var w copyWriter
			w.reset(sink, FormatText)
			for i := range row.packets {
				row.packets[i].Time = int64(i) * 1000
			}
			// Two segments: where one ends is nothing that COPY sees.
			half := len(row.packets) / 2
			for _, part := range [][]decode.Packet{row.packets[:half], row.packets[half:]} {
				if err := w.segment(segmentOf(len(part)), bodyOf(part), 5_000_000_000); err != nil {
					t.Fatal(err)
				}
			}
			n, err := w.finish()
			if err != nil || n != uint64(len(row.packets)) {
				t.Fatalf("%d rows, %v", n, err)
			}
			common, rares := 0, 0
			for _, q := range sink.queries {
				switch q {
				case copyQueries[FormatText][commonRow]:
					common++
				case copyQueries[FormatText][rareRow]:
					rares++
				default:
					t.Errorf("%s", q)
				}
			}
			if common != row.common || rares != row.rares {
				t.Errorf("%d COPYs of common rows and %d of rare ones; want %d and %d", common, rares, row.common, row.rares)
			}
			var all [rowClasses][]string
			for i, rows := range sink.copies {
				class := commonRow
				if sink.queries[i] == copyQueries[FormatText][rareRow] {
					class = rareRow
				}
				all[class] = append(all[class], strings.SplitAfter(strings.TrimSuffix(rows, "\n"), "\n")...)
			}
			for i := range row.packets {
				p := row.packets[i]
				p.Time += 5_000_000_000
				class := classOf(&p)
				want := string(appendTextRow(nil, class, &p, originColumns(FormatText, DeviceID([16]byte{0x8e, 1, 2}), "eth0")))
				if len(all[class]) == 0 || strings.TrimSuffix(all[class][0], "\n")+"\n" != want {
					t.Fatalf("row %d: got %q, want %q", i, all[class], want)
				}
				all[class] = all[class][1:]
			}
		})
	}
}

func repeat(p decode.Packet, n int) []decode.Packet {
	packets := make([]decode.Packet, n)
	for i := range packets {
		packets[i] = p
	}
	return packets
}

// TestMessages: a COPY of any length goes out in messages of a bounded size, framed as its format asks for.
func TestMessages(t *testing.T) {
	packets := repeat(plainTCP()[0], 5000)
	sink := &keepingSink{}
	sink.count = func(rows string) uint64 {
		const header = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"
		if !strings.HasPrefix(rows, header+"\x00\x1c") || !strings.HasSuffix(rows, "\xff\xff") {
			t.Errorf("%d bytes from %q to %q", len(rows), rows[:19], rows[len(rows)-2:])
		}
		return uint64(len(packets))
	}
	var w copyWriter
	w.reset(sink, FormatBinary)
	if err := w.segment(segmentOf(len(packets)), bodyOf(packets), 0); err != nil {
		t.Fatal(err)
	}
	if n, err := w.finish(); err != nil || n != uint64(len(packets)) {
		t.Fatalf("%d rows, %v", n, err)
	}
	bytes := len(sink.copies[0])
	if least := bytes/copyChunk + 1; sink.writes < least || sink.writes > least+bytes/copyChunk/10+1 {
		t.Errorf("%d bytes in %d messages", bytes, sink.writes)
	}
	if cap(w.message) > copyHead+copyChunk+copyHead {
		t.Errorf("the buffer has grown to %d bytes", cap(w.message))
	}
}

// TestManyOrigins: more interfaces than a byte can tell apart, of segments of two devices, keep their names.
func TestManyOrigins(t *testing.T) {
	sink := &keepingSink{count: lines}
	var w copyWriter
	w.reset(sink, FormatText)
	var want []string
	for sequence := range 5 {
		var h spool.Header
		var packets []decode.Packet
		for i := range 100 {
			name := fmt.Sprintf("vlan%d.%d", sequence, i)
			h.Coverage = append(h.Coverage, spool.Coverage{Interface: name, Index: uint8(255 - i), From: 1, To: 2, Received: 1, Rows: 1})
			p := fullPacket()
			p.Interface = uint8(255 - i)
			packets = append(packets, p)
			want = append(want, fmt.Sprintf("%d\t%s\t", DeviceID([16]byte{byte(sequence % 2), 1}), name))
		}
		h.Device, h.Sequence, h.Format, h.Rows = [16]byte{byte(sequence % 2), 1}, uint64(sequence), recordFormat, 100
		if err := w.segment(&h, bodyOf(packets), 0); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := w.finish(); err != nil || n != 500 {
		t.Fatalf("%d rows, %v", n, err)
	}
	rows := strings.SplitAfter(strings.Join(sink.copies, ""), "\n")
	for i, begin := range want {
		if !strings.HasPrefix(rows[i], begin) {
			t.Fatalf("row %d is %.40q, want %q", i, rows[i], begin)
		}
	}
	if len(w.origins.all) > maxOrigins {
		t.Errorf("%d origins", len(w.origins.all))
	}
}

// TestWrongCount: a server that took another number of rows than it was sent is believed in nothing.
func TestWrongCount(t *testing.T) {
	for _, packets := range [][]decode.Packet{repeat(plainTCP()[0], 3), repeat(fullPacket(), 3)} {
		packets[0].Interface, packets[1].Interface, packets[2].Interface = 0, 0, 0
		sink := &keepingSink{count: func(rows string) uint64 { return lines(rows) - 1 }}
		var w copyWriter
		w.reset(sink, FormatText)
		if err := w.segment(segmentOf(3), bodyOf(packets), 0); err != nil {
			t.Fatal(err)
		}
		if n, err := w.finish(); err == nil || !strings.Contains(err.Error(), "2 of 3 rows") {
			t.Errorf("%d rows, %v", n, err)
		}
	}
}

// TestBrokenBodies: what is no segment's body is broken, not the database's fault.
func TestBrokenBodies(t *testing.T) {
	whole := bodyOf(plainTCP()[:3])
	unnamed := bytes.Clone(whole)
	unnamed[4] = 9
	for _, row := range []struct {
		name string
		rows int
		body []byte
	}{
		{"a byte too few", 3, whole[:len(whole)-1]},
		{"a row too few", 4, whole},
		{"a row too many", 2, whole},
		{"zeros behind", 3, append(bytes.Clone(whole), 0)},
		{"an interface without a name", 3, unnamed},
		{"nothing", 1, nil},
	} {
		for _, format := range []Format{FormatBinary, FormatText} {
			sink := &keepingSink{count: lines}
			var w copyWriter
			w.reset(sink, format)
			if err := w.segment(segmentOf(row.rows), row.body, 0); !errors.Is(err, spool.ErrBroken) {
				t.Errorf("%s, %v: %v", row.name, format, err)
			}
		}
	}
}

// TestSinkErrors: an error of the sink ends the writing wherever it comes, and is returned.
func TestSinkErrors(t *testing.T) {
	errSink := errors.New("sink")
	for name, packets := range map[string][]decode.Packet{"common": repeat(plainTCP()[0], 2000), "rare": repeat(mixRare(), 2000)} {
		sink := &keepingSink{count: lines, fail: errSink}
		var w copyWriter
		w.reset(sink, FormatText)
		err := w.segment(segmentOf(len(packets)), bodyOf(packets), 0)
		if err == nil {
			_, err = w.finish()
		}
		if !errors.Is(err, errSink) || len(sink.queries) != 1 {
			t.Errorf("%s: %v after %d COPYs", name, err, len(sink.queries))
		}
	}
}

// mixRare is a packet that needs the rare columns.
func mixRare() decode.Packet {
	for _, p := range mix() {
		if classOf(&p) == rareRow {
			return p
		}
	}
	panic("there is no rare row in the mix")
}

// TestRows: the rows of a segment come back one by one, of both formats, with their interfaces' names.
func TestRows(t *testing.T) {
	packets := append(mix()[:40], fullPacket())
	packets[40].Interface = 0
	h := segmentOf(len(packets))
	var got []decode.Packet
	collect := func(p *decode.Packet, iface string) error {
		if iface != "eth0" {
			t.Errorf("row %d is of interface %q", len(got), iface)
		}
		got = append(got, *p)
		return nil
	}
	if err := Rows(h, bodyOf(packets), collect); err != nil {
		t.Fatal(err)
	}
	for i := range packets {
		if len(got) != len(packets) || got[i] != packets[i] {
			t.Fatalf("%d rows; row %d: %+v, want %+v", len(got), i, got[i].Head, packets[i].Head)
		}
	}
	got = nil
	old := decode.Packet{Head: decode.Head{Valid: decode.HasMAC | decode.HasDstMAC | decode.HasPorts, SrcPort: 53}}
	h1 := segmentOf(1)
	h1.Format = recordFormat1
	err := Rows(h1, inFormat1(bodyOf([]decode.Packet{old})), collect)
	if err != nil || len(got) != 1 || got[0].SrcPort != 53 {
		t.Errorf("format 1: %+v, %v", got, err)
	}
	errEnough := errors.New("enough")
	if err := Rows(h, bodyOf(packets), func(*decode.Packet, string) error { return errEnough }); err != errEnough {
		t.Errorf("an error of yield: %v", err)
	}
	h.Rows++
	if err := Rows(h, bodyOf(packets), func(*decode.Packet, string) error { return nil }); !errors.Is(err, spool.ErrBroken) {
		t.Errorf("a row too few: %v", err)
	}
	h.Format = 99
	if err := Rows(h, nil, func(*decode.Packet, string) error { return nil }); !errors.Is(err, spool.ErrBroken) {
		t.Errorf("a future format: %v", err)
	}
}
