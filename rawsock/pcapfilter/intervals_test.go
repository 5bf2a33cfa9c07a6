package pcapfilter

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/net/bpf"
)

// randomSet makes a set of values and ranges, some of them next to each other or at the ends.
func randomSet(r *rand.Rand, n int) intervals {
	var s intervals
	for range n {
		first := pick(r, []uint32{r.Uint32(), r.Uint32N(300), math.MaxUint32 - r.Uint32N(300)})
		last := first + pick(r, []uint32{0, 0, 1, r.Uint32N(1000)})
		s = s.union(intervals{{first, max(first, last)}})
	}
	return s
}

// edges are the values around the ends of the ranges.
func (s intervals) edges() []uint32 {
	values := []uint32{0, 1, 1 << 31, math.MaxUint32}
	for _, r := range s {
		values = append(values, r.first-1, r.first, r.first+1, r.last-1, r.last, r.last+1)
	}
	return values
}

func (s intervals) has(v uint32) bool {
	for _, r := range s {
		if r.first <= v && v <= r.last {
			return true
		}
	}
	return false
}

func TestIntervals(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		s, u := randomSet(r, r.IntN(6)), randomSet(r, r.IntN(6))
		most := pick(r, []uint32{0, 60, 255, 65535, math.MaxUint32, r.Uint32()})
		mask := pick(r, []uint32{0, 0xf0, 0xff00, 0xffffff00, 0x80000000, math.MaxUint32})
		union, both, rest, rounded, whole := s.union(u), s.intersect(u), s.complement(), s.rounded(most), unmasked(s, mask)
		for _, set := range []intervals{s, union, both, rest, rounded, whole} {
			for i := range set {
				if set[i].first > set[i].last || i > 0 && uint64(set[i].first) <= uint64(set[i-1].last)+1 {
					t.Fatalf("%v is not sorted or has no gaps", set)
				}
			}
		}
		if s.meets(u) != (len(both) > 0) {
			t.Fatalf("%v and %v have %v in common", s, u, both)
		}
		if again := rest.complement(); !again.equal(s) {
			t.Fatalf("%v is not %v", again, s)
		}
		for _, v := range append(s.edges(), u.edges()...) {
			switch {
			case union.has(v) != (s.has(v) || u.has(v)),
				both.has(v) != (s.has(v) && u.has(v)),
				rest.has(v) == s.has(v),
				v <= most && rounded.has(v) != s.has(v),
				prefix(mask, math.MaxUint32) && whole.has(v) != s.has(v&mask):
				t.Fatalf("%d in %v and %v; union %v, intersection %v, complement %v, up to %d %v, masked by %#x %v",
					v, s, u, union, both, rest, most, rounded, mask, whole)
			}
		}
	}
}

// A branch finds the members of its set and no others, compared one after the other or by halves, with
// targets near and far.
func TestEmittedSets(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for n := range 120 {
		s := randomSet(r, n)
		for _, split := range []bool{false, true} {
			g := &graph{}
			reject, accept := g.add(&block{}), g.add(&block{result: 1})
			far := g.add(&block{code: slices.Repeat([]bpf.Instruction{bpf.TAX{}}, 300), yes: accept, no: accept})
			load := []bpf.Instruction{bpf.LoadAbsolute{Size: 4}}
			g.entry = g.add(&block{code: load, branch: branch{mask: allBits, in: s}, yes: far, no: reject})
			prog := emit(g, split)
			machine := raw(t, prog)
			for _, v := range s.edges() {
				if got := interpret(t, machine, binary.BigEndian.AppendUint32(nil, v), metadata{}); (got == 1) != s.has(v) {
					t.Fatalf("%d in %v: got %d\n%s", v, s, got, FormatD(prog))
				}
			}
		}
	}
}
