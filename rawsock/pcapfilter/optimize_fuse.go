package pcapfilter

import (
	"slices"

	"golang.org/x/net/bpf"
)

// arrows counts the edges that lead to each block.
func (g *graph) arrows() []int {
	n := make([]int, len(g.blocks))
	n[g.entry.number]++
	for _, b := range g.blocks {
		if !b.ends() {
			n[b.yes.number]++
			n[b.no.number]++
		}
	}
	return n
}

// inner tells whether the code of b does nothing but prepare its branch: it cannot reject a frame and
// leaves nothing behind that is read later.
func (o *optimizer) inner(b *block) bool {
	needed := o.live[b.yes.number] | o.live[b.no.number]
	return b.asks == 0 && !slices.ContainsFunc(b.code, func(ins bpf.Instruction) bool {
		return needed&(1<<writes(ins)) != 0
	})
}

// repeats tells whether b only runs again what the block in front ran.
func (b *block) repeats(front *block) bool {
	return slices.Equal(b.code, front.code) && !slices.ContainsFunc(b.code, stores)
}

// fuse makes one test of two that look at the same value, one after the other, and have two targets
// between them: both ends of a range, and the alternatives of a list.
//
// A sweep makes pairs, so that a long list is halved by each and its set is not copied for every member.
func (o *optimizer) fuse() (changed bool) {
	o.live = o.liveness()
	arrows := o.arrows()
	for again := true; again; changed = changed || again {
		again = false
		for i := len(o.blocks) - 1; i >= 0; i-- {
			b := o.blocks[i]
			if arrows[i] == 0 || b.ends() || b.straight() || b.useX {
				continue
			}
			again = o.fuseWith(b, b.yes, true, arrows) || o.fuseWith(b, b.no, false, arrows) || again
		}
	}
	return changed
}

// fuseWith takes the block c that b leads to into b.
func (o *optimizer) fuseWith(b, c *block, onYes bool, arrows []int) bool {
	if arrows[c.number] != 1 || c.ends() || c.straight() || c.useX || c.tests != b.tests {
		return false
	}
	if !o.inner(c) && !c.repeats(b) {
		return false
	}
	reaching, other := b.in, b.no
	if !onYes {
		reaching, other = b.in.complement(), b.yes
	}
	in := reaching.intersect(c.in)
	yes, no := c.yes, c.no
	switch other {
	case c.yes:
		in = in.union(reaching.complement())
	case c.no:
	default:
		return false
	}
	arrows[c.number]--
	arrows[other.number]--
	b.in, b.yes, b.no = in.rounded(min(o.values.most[b.tests], b.mask)), yes, no
	return true
}

// alternative is a block of a list without its place in it.
type alternative struct {
	*block
	was block
	hit bool // the way of those that are found: yes or no
}

// target is where the list leads when the test hits.
func (a *alternative) target() *block {
	if a.hit {
		return a.was.yes
	}
	return a.was.no
}

// regroup sorts lists. A list is a row of tests that lead to the same block when they hit and to the
// next test when they miss, so their order is free as soon as none of them rejects a frame that the
// block would not reject too. Tests of one value then share its load, and fuse makes one of them.
func (o *optimizer) regroup() (changed bool) {
	o.demand = o.demands()
	arrows := o.arrows()
	seen := make([]bool, len(o.blocks))
	for i := len(o.blocks) - 1; i >= 0; i-- {
		b := o.blocks[i]
		if seen[i] || arrows[i] == 0 || b.ends() || b.straight() {
			continue
		}
		list, end := o.row(b, b.yes, arrows)
		if other, otherEnd := o.row(b, b.no, arrows); len(other) > len(list) {
			list, end = other, otherEnd
		}
		if len(list) < 2 {
			continue
		}
		for _, a := range list {
			seen[a.number] = true
		}
		changed = o.sort(list, end) || changed
	}
	return changed
}

// row returns the list that begins with b and hits at target, and the block behind it.
func (o *optimizer) row(b, target *block, arrows []int) (list []alternative, end *block) {
	for {
		fits := !b.ends() && !b.straight() && (b.yes == target || b.no == target) && !slices.ContainsFunc(b.code, stores)
		if !fits || len(list) > 0 && arrows[b.number] != 1 {
			return list, b
		}
		a := alternative{block: b, was: *b, hit: b.yes == target}
		list = append(list, a)
		if a.hit {
			b = b.no
		} else {
			b = b.yes
		}
	}
}

// sort groups the tests that are free to move by the value they test. The value that is in the register
// goes first.
func (o *optimizer) sort(list []alternative, end *block) bool {
	fixed, held := 0, list[0].facts.machine[placeA]
	for i, a := range list {
		if a.asks > o.demand[a.target().number] {
			fixed, held = i, a.tests
		}
	}
	free := list[fixed:]
	groups := map[value]int{held: 0}
	for _, a := range free {
		if _, ok := groups[a.tests]; !ok {
			groups[a.tests] = len(groups)
		}
	}
	sorted := slices.Clone(free)
	slices.SortStableFunc(sorted, func(a, b alternative) int { return groups[a.tests] - groups[b.tests] })
	if slices.EqualFunc(sorted, free, func(a, b alternative) bool { return a.block == b.block }) {
		return false
	}
	loud := slices.ContainsFunc(free, func(a alternative) bool { return a.asks != 0 })
	for i, a := range sorted {
		b, target, next := free[i].block, a.target(), end
		if i+1 < len(free) {
			next = free[i+1].block
		}
		b.code, b.branch, b.tests, b.asks = a.was.code, a.was.branch, a.was.tests, a.was.asks
		if loud {
			b.asks = endless // what it relied on may stand behind it now
		}
		b.yes, b.no = next, target
		if a.hit {
			b.yes, b.no = target, next
		}
	}
	return true
}
