package spool

import (
	"bytes"
	"errors"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// headers are examples for round trips: row by row another part of the format.
var headers = []struct {
	name string
	h    Header
	body []byte
}{
	{"nothing but names", Header{Device: [16]byte{1}, Run: [16]byte{2}, Sequence: 1, Last: 1}, nil},
	{"the last of a run", Header{Sequence: 9, Last: 9, Final: true, SealedAt: 1 << 60}, nil},
	{"a tombstone of many", Header{Sequence: 3, Last: 1 << 40, Tombstone: true, FirstTime: -5, LastTime: 7,
		Coverage: []Coverage{{Interface: "wan", Received: 10, Losses: []Loss{{LossFull, 10}}}}}, nil},
	{"rows of two interfaces", Header{Sequence: 4, Last: 4, Format: 255, Rows: 3, FirstTime: 1, LastTime: 2, SealedAt: 3,
		Coverage: []Coverage{
			{Interface: "br-lan", Index: 1, From: 1, To: 2, Received: 5, Rows: 2, PendingChange: 4, Filter: "not port 22", SnapLength: 1<<32 - 1,
				Losses: []Loss{{"kernel_dropped", 2}, {"ring_full", 1}}},
			{Interface: "", Index: 255, From: -1, To: 1<<63 - 1, Received: 1, Rows: 1},
		}}, []byte("three rows")},
	{"everything that coverage tells", Header{Sequence: 7, Last: 7, Coverage: []Coverage{
		{Interface: "any", From: 1, To: 2, Received: 9, Rows: 12, PendingChange: -3, Freezes: 1, Merged: 1<<64 - 1, Partial: 3,
			Link:       LinkCounts{Received: 1<<64 - 1, Sent: 5, Dropped: 6, Known: true},
			SampleRate: 1<<32 - 1, SampleBy: "flow", Mode: "read", UserFilter: true},
		{Interface: "wan", Link: LinkCounts{Known: true}, SampleRate: 1, Mode: "ring"},
		{Interface: "old", Received: 5, Rows: 1, Old: true, Pending: 1<<64 - 1, SampleRate: 1},
	}}, nil},
	{"a clock that nobody set", Header{Sequence: 8, Last: 8, SealedAt: 5, Clock: Clock{Boot: [16]byte{15: 1}, Offset: -7, State: ClockUnset}}, nil},
	{"a disciplined clock and rows", Header{Sequence: 8, Last: 8, Rows: 1, FirstTime: 1, LastTime: 1,
		Clock:    Clock{Boot: [16]byte{1, 2, 3}, Offset: 1<<63 - 1, State: ClockSynced},
		Coverage: []Coverage{{Interface: "wan", Received: 1, Rows: 1, SampleRate: 1}}}, []byte("row")},
	{"marks and nothing else", Header{Sequence: 8, Last: 8, Marks: []Mark{{At: -1, By: "console 192.168.1.5", Text: "new switch in the cellar"}, {At: 1<<63 - 1}}}, nil},
	{"a tombstone that had no room for marks", Header{Sequence: 8, Last: 9, Tombstone: true, LostMarks: 1<<64 - 1,
		Clock:    Clock{Boot: [16]byte{1}, State: ClockFree},
		Coverage: []Coverage{{Interface: "wan", Received: 1, SampleRate: 1, Losses: []Loss{{LossFull, 1}}}}}, nil},
	{"the longest strings", Header{Sequence: 5, Last: 5, Coverage: []Coverage{{
		Interface: strings.Repeat("i", maxString), Filter: strings.Repeat("f", maxString),
		SampleBy: strings.Repeat("s", maxString), Mode: strings.Repeat("m", maxString),
		Losses: []Loss{{strings.Repeat("r", maxString), 1<<64 - 1}}}}}, []byte{0}},
	{"the longest marks", Header{Sequence: 5, Last: 5, LostMarks: 1, Marks: slices.Repeat([]Mark{{By: strings.Repeat("b", MaxMarkBy),
		Text: strings.Repeat("t", MaxMarkText)}}, MaxMarks)}, []byte{0}},
	{"all interfaces with all reasons", Header{Sequence: 6, Last: 6, Coverage: crowd(maxCoverage, maxLosses)}, make([]byte, 5000)},
}

func crowd(interfaces, reasons int) []Coverage {
	cs := make([]Coverage, interfaces)
	for i := range cs {
		cs[i] = Coverage{Interface: "if", Index: uint8(i), Received: uint64(reasons)}
		for r := range reasons {
			cs[i].Losses = append(cs[i].Losses, Loss{string(rune('a'+r/8)) + string(rune('a'+r%8)), 1})
		}
	}
	return cs
}

func TestRoundTrip(t *testing.T) {
	for _, tt := range headers {
		t.Run(tt.name, func(t *testing.T) {
			half := len(tt.body) / 2
			b := appendFile([]byte("before"), &tt.h, tt.body[:half], tt.body[half:])
			b = append(b, tt.body...)[len("before"):]
			if got := fileSize(&tt.h, tt.body); got != int64(len(b)) {
				t.Errorf("fileSize says %d, the file has %d bytes", got, len(b))
			}
			h, body, err := parseFile(b)
			if err != nil || !reflect.DeepEqual(h, tt.h) || !bytes.Equal(body, tt.body) {
				t.Fatalf("%+v, body %q, %v", h, body, err)
			}
		})
	}
}

// TestDamage: of a file with a wrong byte, or cut off anywhere, or too long, nothing is believed but the
// header when only the body is wrong.
func TestDamage(t *testing.T) {
	h := headers[3].h
	h.Clock = Clock{Boot: [16]byte{9}, Offset: 1 << 60, State: ClockFree}
	h.Marks = []Mark{{At: 7, By: "console", Text: "a mark"}}
	body := headers[3].body
	whole := append(appendFile(nil, &h, body), body...)
	judge := func(t *testing.T, what string, at int, b []byte) {
		t.Helper()
		got, rows, err := parseFile(b)
		switch {
		case !errors.Is(err, ErrBroken):
			t.Errorf("%s %d: %v", what, at, err)
		case rows != nil:
			t.Errorf("%s %d: rows of a broken segment", what, at)
		case errors.Is(err, errBody) && !reflect.DeepEqual(got, h):
			t.Errorf("%s %d: header %+v", what, at, got)
		case !errors.Is(err, errBody) && !reflect.DeepEqual(got, Header{}):
			t.Errorf("%s %d: a header that does not hold", what, at)
		}
	}
	for n := range whole {
		judge(t, "cut off at byte", n, whole[:n:n])
	}
	judge(t, "longer by", 1, append(bytes.Clone(whole), 0))
	for n := range whole {
		for bit := range 8 {
			b := bytes.Clone(whole)
			b[n] ^= 1 << bit
			judge(t, "wrong byte", n, b)
		}
		b := bytes.Clone(whole)
		b[n] ^= 0xff
		judge(t, "inverted byte", n, b)
	}
}

// TestHostileHeader: a header with the right checksum that lies about its counts.
func TestHostileHeader(t *testing.T) {
	fixed := appendHeader(nil, &Header{Sequence: 1, Last: 1})
	fixed = fixed[:len(fixed)-1]
	tests := []struct {
		name string
		tail []byte
	}{
		{"no count", nil},
		{"more interfaces than allowed", []byte{0x81, 0x02}},
		{"an interface that is not there", []byte{1}},
		{"a name longer than the header", []byte{1, 200, 'a'}},
		{"a name over the limit", []byte{1, 0xff, 0xff, 0x7f}},
		{"a number that never ends", bytes.Repeat([]byte{0xff}, 12)},
		{"more after the end", []byte{0, 0}},
		{"more reasons than allowed", append(append([]byte{1, 0, 0}, make([]byte, 40)...), 0, 0, 65)},
		{"an interface of the former version", append([]byte{1, 0, 0}, make([]byte, 43)...)},
		{"an unknown flag of an interface", append(append([]byte{1, 0, 0}, make([]byte, 43)...), 8, 1, 0, 0, 0, 0, 0)},
		{"a link without its counters", append(append([]byte{1, 0, 0}, make([]byte, 43)...), flagLink, 1, 0, 0, 0, 0, 0)},
	}
	// The lies about flags differ from this one in nothing else.
	honest := append(append([]byte{1, 0, 0}, make([]byte, 43)...), 0, 1, 0, 0, 0, 0, 0)
	if h, err := parseHeader(append(bytes.Clone(fixed), honest...)); err != nil || len(h.Coverage) != 1 {
		t.Errorf("%+v, %v", h, err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, err := parseHeader(append(bytes.Clone(fixed), tt.tail...))
			if !errors.Is(err, ErrBroken) || !reflect.DeepEqual(h, Header{}) {
				t.Errorf("%+v, %v", h, err)
			}
		})
	}
}

// TestHostileClock: a header whose clock is cut off, or in a state that is not known here, is refused.
func TestHostileClock(t *testing.T) {
	whole := appendHeader(nil, &Header{Sequence: 1, Last: 1, Clock: Clock{State: ClockSynced}})
	if h, err := parseHeader(whole); err != nil || h.Clock.State != ClockSynced {
		t.Fatalf("%+v, %v", h, err)
	}
	last := len(whole) - 1
	for n := range 16 + 8 + 1 {
		if _, err := parseHeader(whole[:len(whole)-1-n]); !errors.Is(err, ErrBroken) {
			t.Errorf("%d bytes of the clock are missing: %v", n+1, err)
		}
	}
	for _, state := range []ClockState{ClockUnknown, ClockSynced + 1, 255} {
		b := bytes.Clone(whole)
		b[last] = byte(state)
		if _, err := parseHeader(b); !errors.Is(err, ErrBroken) {
			t.Errorf("state %d: %v", state, err)
		}
	}
	if _, err := parseHeader(append(whole, 0)); !errors.Is(err, ErrBroken) {
		t.Errorf("a byte behind the clock: %v", err)
	}
}

// TestUnknownFlag: a header of a later version is not guessed at.
func TestUnknownFlag(t *testing.T) {
	const flags = 33 // behind the two UUIDs and the format
	b := appendHeader(nil, &Header{Sequence: 1, Last: 1})
	if _, err := parseHeader(b); err != nil {
		t.Fatal(err)
	}
	b[flags] |= knownFlags + 1
	if _, err := parseHeader(b); !errors.Is(err, ErrBroken) {
		t.Errorf("an unknown flag: %v", err)
	}
}

func TestTooLarge(t *testing.T) {
	long := crowd(maxCoverage, 1)
	for i := range long {
		long[i].Filter = strings.Repeat("f", maxString-8)
	}
	tests := []struct {
		name     string
		body     int
		coverage []Coverage
		want     error
	}{
		{"the largest body", MaxBody, nil, nil},
		{"a larger body", MaxBody + 1, nil, ErrTooLarge},
		{"as many interfaces and reasons as there may be", 0, crowd(maxCoverage, maxLosses-ownLosses), nil},
		{"one interface more", 0, crowd(maxCoverage+1, 1), ErrTooLarge},
		{"no room for the spool's own reasons", 0, crowd(1, maxLosses-ownLosses+1), ErrTooLarge},
		{"long filters on all interfaces", 0, long, ErrTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := tempDir(t)
			s, err := Open(Disk{}, dir, 2*MinLimit)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			h := Header{Sequence: 1, Coverage: tt.coverage}
			if err := s.Seal(&h, make([]byte, tt.body)); !errors.Is(err, tt.want) {
				t.Fatalf("Seal: %v, want %v", err, tt.want)
			}
			if tt.want != nil {
				if st := s.Stats(); st.Segments != 0 || st.Sealed != 0 {
					t.Errorf("%+v after a refusal", st)
				}
				return
			}
			// What was taken can be read, and buried, and read again.
			for i := range h.Coverage {
				h.Coverage[i].Rows = 1
			}
			s.Close()
			h.Bury(LossFull)
			h.Bury(LossBroken)
			if !h.fits(int(fileSize(&h))-prefixSize, 0) {
				t.Error("buried, it could not be read again")
			}
			if infos, err := Inspect(Disk{}, dir); err != nil || len(infos) != 1 || infos[0].Err != nil || infos[0].Header.Last != 1 {
				t.Errorf("%+v, %v", infos, err)
			}
		})
	}
}

func TestLongStringsAreCut(t *testing.T) {
	h := Header{Sequence: 1, Last: 1, Coverage: []Coverage{{Filter: strings.Repeat("f", maxString+1)}}}
	got, _, err := parseFile(appendFile(nil, &h))
	if err != nil || len(got.Coverage[0].Filter) != maxString {
		t.Errorf("%d bytes, %v", len(got.Coverage[0].Filter), err)
	}
}

// FuzzParse: whatever a file holds, what is accepted has right checksums and is written again the same, and a
// spool opens beside it.
func FuzzParse(f *testing.F) {
	for _, tt := range headers[:11] {
		b := append(appendFile(nil, &tt.h, tt.body), tt.body...)
		f.Add(b)
		f.Add(b[:len(b)-1])
		f.Add(appendHeader(nil, &tt.h))
	}
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := parseHeader(b); err == nil {
			again, err := parseHeader(appendHeader(nil, &h))
			if err != nil || !reflect.DeepEqual(h, again) {
				t.Fatalf("%+v, written and read again: %+v, %v", h, again, err)
			}
		}
		h, body, err := parseFile(b)
		if err != nil && !errors.Is(err, ErrBroken) {
			t.Fatal(err)
		}
		if err == nil {
			again, rows, err := parseFile(append(appendFile(nil, &h, body), body...))
			if err != nil || !reflect.DeepEqual(h, again) || !bytes.Equal(body, rows) {
				t.Fatalf("written and read again: %v", err)
			}
		}
		fs := newMemory()
		path := filepath.Join("d", "0000000000000007.segment")
		fs.files[path] = b
		got, _, headErr := readHeader(fs, path)
		if (headErr == nil || errors.Is(headErr, errBody)) && err == nil && !reflect.DeepEqual(got, h) {
			t.Fatalf("readHeader %+v, parseFile %+v", got, h)
		}
		if err == nil && headErr != nil {
			t.Fatalf("the whole file holds, its header does not: %v", headErr)
		}
	})
}
