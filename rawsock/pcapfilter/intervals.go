package pcapfilter

import (
	"math"
	"slices"

	"golang.org/x/net/bpf"
)

// interval is a range of 32-bit values, both ends included.
type interval struct{ first, last uint32 }

// intervals is a set of 32-bit values: sorted ranges with a gap between any two. A set is never
// changed once it is made, so blocks and facts share it.
type intervals []interval

var everything = intervals{{0, math.MaxUint32}}

// satisfying is the set of values for which the comparison with val holds. The comparison of bits is no
// set of values worth having, see branch.mask.
func satisfying(jump bpf.JumpTest, val uint32) intervals {
	switch jump {
	case bpf.JumpEqual:
		return intervals{{val, val}}
	case bpf.JumpNotEqual:
		return intervals{{val, val}}.complement()
	case bpf.JumpGreaterOrEqual:
		return intervals{{val, math.MaxUint32}}
	case bpf.JumpLessThan:
		return intervals{{val, math.MaxUint32}}.complement()
	case bpf.JumpLessOrEqual:
		return intervals{{0, val}}
	case bpf.JumpGreaterThan:
		return intervals{{0, val}}.complement()
	}
	panic("pcapfilter: a comparison that is no set of values")
}

func (s intervals) complement() intervals {
	out := make(intervals, 0, len(s)+1)
	next := uint64(0)
	for _, r := range s {
		if uint64(r.first) > next {
			out = append(out, interval{uint32(next), r.first - 1})
		}
		next = uint64(r.last) + 1
	}
	if next <= math.MaxUint32 {
		out = append(out, interval{uint32(next), math.MaxUint32})
	}
	return out
}

func (s intervals) intersect(t intervals) intervals {
	if len(s) == 1 && s[0] == everything[0] {
		return t
	}
	if len(t) == 1 && t[0] == everything[0] {
		return s
	}
	if len(s) == 0 || len(t) == 0 {
		return nil
	}
	out := make(intervals, 0, len(s)+len(t)-1)
	for i, j := 0, 0; i < len(s) && j < len(t); {
		if first, last := max(s[i].first, t[j].first), min(s[i].last, t[j].last); first <= last {
			out = append(out, interval{first, last})
		}
		if s[i].last < t[j].last {
			i++
		} else {
			j++
		}
	}
	return out
}

// meets tells whether the sets have a member in common.
func (s intervals) meets(t intervals) bool {
	for i, j := 0, 0; i < len(s) && j < len(t); {
		switch {
		case s[i].last < t[j].first:
			i++
		case t[j].last < s[i].first:
			j++
		default:
			return true
		}
	}
	return false
}

func (s intervals) union(t intervals) intervals {
	out := make(intervals, 0, len(s)+len(t))
	for len(s) > 0 || len(t) > 0 {
		if len(s) == 0 || len(t) > 0 && t[0].first < s[0].first {
			s, t = t, s
		}
		r := s[0]
		s = s[1:]
		if n := len(out); n > 0 && uint64(r.first) <= uint64(out[n-1].last)+1 {
			out[n-1].last = max(out[n-1].last, r.last)
			continue
		}
		out = append(out, r)
	}
	return out
}

func (s intervals) equal(t intervals) bool { return slices.Equal(s, t) }

// cost is how many comparisons tell the members from the rest: one for a single value and for a
// range that reaches an end of the 32 bits, two for any other range.
func (s intervals) cost() int {
	n := 0
	for _, r := range s {
		if r.first == r.last || r.first == 0 || r.last == math.MaxUint32 {
			n++
		} else {
			n += 2
		}
	}
	return n
}

// cheapest is the cost of the set or of its complement.
func (s intervals) cheapest() int { return min(s.cost(), s.complement().cost()) }

// rounded is the cheapest set with the same members up to most, the largest value that can occur:
// what lies beyond is free to choose.
func (s intervals) rounded(most uint32) intervals {
	if most == math.MaxUint32 {
		return s
	}
	out := slices.Clone(s.intersect(intervals{{0, most}}))
	if n := len(out); n > 0 && out[n-1].last == most {
		out[n-1].last = math.MaxUint32
	}
	if out.equal(s) {
		return s
	}
	return out
}
