package spool

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func manyMarks(n int, text string) (marks []Mark) {
	for i := range n {
		marks = append(marks, Mark{At: int64(i), By: "console", Text: fmt.Sprintf("%s %d", text, i)})
	}
	return marks
}

// TestAbsorbMarks: of the marks of two tombstones the first ones stay, the others are counted, and no other header changes.
func TestAbsorbMarks(t *testing.T) {
	tests := []struct {
		name               string
		first, next        int
		lostFirst, lostNow uint64 // before
		lost               uint64 // after
	}{
		{"none", 0, 0, 0, 0, 0},
		{"of the first", 2, 0, 0, 0, 0},
		{"of the second", 0, 2, 0, 0, 0},
		{"as many as there may be", MaxMarks - 1, 1, 0, 0, 0},
		{"one more", MaxMarks - 1, 2, 0, 0, 1},
		{"both full", MaxMarks, MaxMarks, 5, 7, 12 + MaxMarks},
		{"lost ones alone", 0, 0, 1, 2, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			first, next := manyMarks(tt.first, "first"), manyMarks(tt.next, "next")
			h := Header{Sequence: 1, Last: 1, Marks: first, LostMarks: tt.lostFirst}
			n := Header{Sequence: 2, Last: 2, Marks: next, LostMarks: tt.lostNow}
			before := slices.Clone(next)
			if !h.absorb(&n) {
				t.Fatal("not absorbed")
			}
			all := slices.Concat(first, before)
			if !slices.Equal(h.Marks, all[:min(len(all), MaxMarks)]) || h.LostMarks != tt.lost {
				t.Errorf("%d marks, %d lost, want %d: %v", len(h.Marks), h.LostMarks, tt.lost, h.Marks)
			}
			if !slices.Equal(n.Marks, before) || n.LostMarks != tt.lostNow {
				t.Errorf("what was absorbed has changed: %+v", n)
			}
		})
	}
}

// TestShiftMarks: marks move with the clock, and stay when the rows go.
func TestShiftMarks(t *testing.T) {
	h := Header{Marks: []Mark{{At: 100}, {At: 200}}, Coverage: []Coverage{{Interface: "wan", Received: 1, Rows: 1}}, Rows: 1}
	h.Shift(-1000)
	h.Bury(LossFull)
	if want := []Mark{{At: -900}, {At: -800}}; !slices.Equal(h.Marks, want) || !h.Tombstone {
		t.Errorf("%+v, want the marks %+v", h, want)
	}
}

// TestHostileMarks: a header whose marks lie, or are cut off, is refused.
func TestHostileMarks(t *testing.T) {
	whole := appendHeader(nil, &Header{Sequence: 1, Last: 1, Marks: []Mark{{At: 7, By: "b", Text: "t"}}})
	start := len(whole) - (1 + 8 + 2 + 2 + 1)
	if h, err := parseHeader(whole); err != nil || len(h.Marks) != 1 {
		t.Fatalf("%+v, %v", h, err)
	}
	for n := start; n < len(whole); n++ {
		if _, err := parseHeader(whole[:n]); !errors.Is(err, ErrBroken) {
			t.Errorf("cut off at byte %d: %v", n, err)
		}
	}
	number := make([]byte, 8)
	for _, tt := range []struct {
		name string
		tail []byte
	}{
		{"none, and none lost", []byte{0, 0}},
		{"more than there may be", append([]byte{MaxMarks + 1}, make([]byte, (MaxMarks+1)*10+1)...)},
		{"an author over the limit", slices.Concat([]byte{1}, number, []byte{MaxMarkBy + 1}, make([]byte, MaxMarkBy+3))},
		{"a text over the limit", slices.Concat([]byte{1}, number, []byte{0, 0x81, 0x02}, make([]byte, MaxMarkText+2))},
		{"a text longer than the header", slices.Concat([]byte{1}, number, []byte{0, 5, 'a'})},
		{"more after the end", slices.Concat([]byte{1}, number, []byte{0, 0, 0, 0})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, err := parseHeader(append(bytes.Clone(whole[:start]), tt.tail...))
			if !errors.Is(err, ErrBroken) || !reflect.DeepEqual(h, Header{}) {
				t.Errorf("%+v, %v", h, err)
			}
		})
	}
}

// TestMarksLimits: what is too long is cut, what is too much is refused.
func TestMarksLimits(t *testing.T) {
	long := Mark{By: strings.Repeat("b", MaxMarkBy+1), Text: strings.Repeat("t", MaxMarkText+1)}
	h := Header{Sequence: 1, Last: 1, Marks: []Mark{long}}
	got, _, err := parseFile(appendFile(nil, &h))
	if err != nil || len(got.Marks[0].By) != MaxMarkBy || len(got.Marks[0].Text) != MaxMarkText {
		t.Errorf("%+v, %v", got.Marks, err)
	}
	w := newWorld(t, newMemory(), smallLimit)
	w.mustOpen()
	defer w.close()
	for n, want := range map[int]error{MaxMarks: nil, MaxMarks + 1: ErrTooLarge} {
		if err := w.spool.Seal(&Header{Sequence: 1, Marks: manyMarks(n, "x")}); !errors.Is(err, want) {
			t.Errorf("%d marks: %v, want %v", n, err, want)
		}
	}
}

// TestMarksOfAFullSpool: when rows and marks give way all the time, the first marks stay, and each of the others is counted: in a
// tombstone of segments, and in one of a bundle.
func TestMarksOfAFullSpool(t *testing.T) {
	for _, bundled := range []bool{false, true} {
		t.Run(fmt.Sprintf("bundled %t", bundled), func(t *testing.T) {
			w := newWorld(t, newMemory(), 4*smallLimit)
			w.mustOpen()
			defer w.close()
			w.spool.Uplink(false)
			for range 400 {
				w.mustSeal(rowsFor(2))
				if bundled {
					w.spool.tend()
				}
			}
			w.balance()
			lost, told := w.spool.Stats().LostMarks, uint64(0)
			for _, i := range w.infos() {
				told += i.Header.LostMarks
			}
			if lost == 0 || lost != told {
				t.Errorf("the counter says that %d marks are lost, the headers %d", lost, told)
			}
			w.drain()
			w.balance()
		})
	}
}
