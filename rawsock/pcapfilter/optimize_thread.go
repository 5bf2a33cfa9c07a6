package pcapfilter

import (
	"math/bits"
	"slices"

	"golang.org/x/net/bpf"
)

// stepsPerBlock bounds what a pass spends on looking ahead, in blocks passed per block of the program.
const stepsPerBlock = 64

// nearby is how many tests of one value agree looks at for a common target.
const nearby = 8

// begin prepares a pass from the entry down.
func (o *optimizer) begin() {
	o.values = newValues()
	o.live, o.demand = o.liveness(), o.demands()
	for _, b := range o.blocks {
		b.used = false
	}
}

// start is what is known before the first instruction.
func (o *optimizer) start() *known {
	k := &known{}
	for place := range k.machine {
		k.machine[place] = o.values.another()
	}
	return k
}

// arrive adds a way to what is known at the start of b.
func (o *optimizer) arrive(b *block, k *known) {
	if !b.used {
		b.used, b.facts = true, *k
		return
	}
	b.facts.meet(o.values, k, b)
}

// thread goes through the blocks from the entry down with what is known at each, simplifies its
// branch, and moves its edges past the tests that are decided.
func (o *optimizer) thread() (changed bool) {
	o.begin()
	o.budget = stepsPerBlock * len(o.blocks)
	start := o.start()
	if to := o.walk(start, o.entry); to != o.entry {
		o.entry, changed = to, true
	}
	o.arrive(o.entry, start)
	for i := len(o.blocks) - 1; i >= 0; i-- {
		b := o.blocks[i]
		if !b.used || b.ends() {
			continue
		}
		k := b.facts
		b.asks = k.run(o.values, b)
		useX, mask := b.useX, b.mask
		o.simplify(b, &k)
		// Another value is tested now, and edges further up have yet to see that it is one they know.
		changed = changed || b.useX != useX || b.mask != mask
		var in intervals
		b.tests, in = k.tested(o.values, b)
		possible := k.possible(o.values, b.tests)
		yes, no := k, k
		switch onYes, onNo := possible.intersect(in), possible.intersect(in.complement()); {
		case b.straight():
		case len(onYes) == 0:
			b.yes, changed = b.no, true
		case len(onNo) == 0:
			b.no, changed = b.yes, true
		default:
			yes.learn(b.tests, onYes)
			no.learn(b.tests, onNo)
		}
		if b.straight() {
			to := o.walk(&k, b.yes)
			changed = changed || to != b.yes
			b.yes, b.no = to, to
			o.arrive(to, &k)
			continue
		}
		toYes, toNo := o.walk(&yes, b.yes), o.walk(&no, b.no)
		changed = changed || toYes != b.yes || toNo != b.no
		b.yes, b.no = toYes, toNo
		o.arrive(toYes, &yes)
		o.arrive(toNo, &no)
	}
	return changed
}

// walk returns the block that an edge to b can lead to at once: it passes blocks that have nothing to
// decide, nothing to compute that is read later, and nothing to reject that is not rejected later.
func (o *optimizer) walk(k *known, b *block) *block {
	reached := b
	way := *k
	for asked := uint32(0); !b.ends() && o.budget > 0; {
		asked = max(asked, way.run(o.values, b))
		if b = o.next(&way, b); b == nil {
			break
		}
		if asked <= o.demand[b.number] && o.unchanged(&k.machine, &way.machine, b) {
			reached = b
		}
	}
	return reached
}

// next returns the block that follows b on a way when its code has run, or nil if that depends on the
// frame.
func (o *optimizer) next(way *known, b *block) *block {
	o.budget--
	if b.straight() {
		return b.yes
	}
	v, in := way.tested(o.values, b)
	possible, others := way.possible(o.values, v), in.complement()
	switch {
	case !possible.meets(in):
		return b.no
	case !possible.meets(others):
		return b.yes
	}
	depth := nearby
	to := o.agree(way, b.yes, v, possible.intersect(in), &depth)
	if to == nil || to != o.agree(way, b.no, v, possible.intersect(others), &depth) {
		return nil
	}
	// The ways in between leave different values in the registers.
	way.machine[placeA], way.machine[placeX] = o.values.another(), o.values.another()
	return to
}

// agree returns the block that all members of a set lead to from b on through tests of v alone, or nil if
// there are several.
func (o *optimizer) agree(k *known, b *block, v value, possible intervals, depth *int) *block {
	if b.ends() || b.straight() || slices.ContainsFunc(b.code, stores) {
		return b
	}
	if *depth--; *depth < 0 {
		return nil
	}
	o.budget--
	way := *k
	if way.run(o.values, b) != 0 {
		return b
	}
	tested, in := way.tested(o.values, b)
	if tested != v {
		return b
	}
	yes, no := possible.intersect(in), possible.intersect(in.complement())
	switch {
	case len(yes) == 0:
		return o.agree(k, b.no, v, no, depth)
	case len(no) == 0:
		return o.agree(k, b.yes, v, yes, depth)
	}
	to := o.agree(k, b.yes, v, yes, depth)
	if to == nil || to != o.agree(k, b.no, v, no, depth) {
		return nil
	}
	return to
}

// unchanged tells whether everything that b and what follows reads is the same in both machines.
func (o *optimizer) unchanged(before, after *machine, b *block) bool {
	for live := o.live[b.number]; live != 0; live &= live - 1 {
		if place := bits.TrailingZeros32(live); before[place] != after[place] {
			return false
		}
	}
	return true
}

// simplify brings the branch of b into its plainest form: no comparison with a constant X, no mask where a
// range says the same, no range that leaves out what cannot occur.
func (o *optimizer) simplify(b *block, k *known) {
	if b.straight() {
		return
	}
	if b.useX {
		o.compareConstant(b, k)
		if b.useX {
			return
		}
	}
	most := o.values.most[k.machine[placeA]]
	if b.mask != allBits && prefix(b.mask, most) {
		b.in, b.mask = unmasked(b.in, b.mask), allBits
	}
	if b.mask&(b.mask-1) == 0 {
		// A single bit is set or not: nothing lies between.
		set := intervals{{1, b.mask}}
		if len(b.in.intersect(intervals{{b.mask, b.mask}})) > 0 {
			b.in = b.in.union(set)
		} else {
			b.in = b.in.intersect(set.complement())
		}
	}
	b.in = b.in.rounded(min(most, b.mask))
}

// compareConstant makes a comparison of A with X one with a constant, if one of them is.
func (o *optimizer) compareConstant(b *block, k *known) {
	if x, ok := o.values.isConstant(k.machine[placeX]); ok {
		b.branch = (&test{jump: b.jump, val: x}).branch()
		return
	}
	a, ok := o.values.isConstant(k.machine[placeA])
	mirrored, possible := mirror[b.jump]
	if !ok || !possible {
		return
	}
	b.branch = (&test{jump: mirrored, val: a}).branch()
	b.code = append(b.code[:len(b.code):len(b.code)], bpf.TXA{})
	k.machine[placeA] = k.machine[placeX]
}

// mirror holds the comparisons that say the same with their operands exchanged.
var mirror = map[bpf.JumpTest]bpf.JumpTest{
	bpf.JumpEqual: bpf.JumpEqual, bpf.JumpBitsSet: bpf.JumpBitsSet,
	bpf.JumpGreaterThan: bpf.JumpLessThan, bpf.JumpGreaterOrEqual: bpf.JumpLessOrEqual,
}

// unmasked returns the values whose high bits, those of the mask, are in the set.
func unmasked(in intervals, mask uint32) intervals {
	low := uint64(1)<<bits.TrailingZeros32(mask) - 1
	out := make(intervals, 0, len(in))
	for _, r := range in {
		first, last := (uint64(r.first)+low)&^low, uint64(r.last)|low
		switch n := len(out); {
		case first > last: // no multiple of the lowest bit of the mask
		case n > 0 && first == uint64(out[n-1].last)+1:
			out[n-1].last = uint32(last)
		default:
			out = append(out, interval{uint32(first), uint32(last)})
		}
	}
	return out
}
