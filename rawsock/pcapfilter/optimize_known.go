package pcapfilter

import (
	"math"
	"slices"

	"golang.org/x/net/bpf"
)

// Bounds on what is remembered at one place, so that the cost of a pass grows with the length of the program
// alone. What is forgotten costs an instruction, never a verdict.
const (
	mostFacts     = 16 // values with a set
	mostDone      = 32 // loads at computed places, and divisions
	mostIntervals = 64 // of one set
)

// known is what holds at a place of the program on every way that leads there.
type known struct {
	machine
	length uint32  // the frame has at least so many bytes
	done   []value // loads at computed places and divisions that have not rejected the frame
	facts  []fact  // the newest first
}

// fact restricts a value to a set.
type fact struct {
	value
	in intervals
}

// safe tells whether the instruction that computes v cannot reject the frame, because it, or
// one that asks for more, has been run before.
func (k *known) safe(t *values, v value) bool {
	if length := t.asks(v); length != endless {
		return length <= k.length
	}
	return slices.Contains(k.done, v)
}

// passed notes that the instruction that computes v did not reject the frame.
func (k *known) passed(t *values, v value) {
	if length := t.asks(v); length != endless {
		k.length = max(k.length, length)
	} else if !slices.Contains(k.done, v) {
		k.done = append([]value{v}, k.done[:min(len(k.done), mostDone-1)]...)
	}
}

// endless is a length that no frame has.
const endless = math.MaxUint32

// asks returns the length a frame must have so that the instruction that computes v does not reject it, or
// endless when that depends on more than the length.
func (t *values) asks(v value) uint32 {
	switch e := &t.list[v]; e.op {
	case opLoad:
		return e.k + uint32(e.size) // no overflow, see maxOffset
	case opHeader:
		return e.k + 1
	}
	return endless
}

// possible returns the set a value is in.
func (k *known) possible(t *values, v value) intervals {
	if c, ok := t.isConstant(v); ok {
		return intervals{{c, c}}
	}
	for i := range k.facts {
		if k.facts[i].value == v {
			return k.facts[i].in
		}
	}
	if most := t.most[v]; most != math.MaxUint32 {
		return intervals{{0, most}}
	}
	return everything
}

// learn notes that v is in a set.
func (k *known) learn(v value, in intervals) {
	if len(in) > mostIntervals {
		return // what was known of v before is still true
	}
	facts := make([]fact, 1, min(len(k.facts)+1, mostFacts))
	facts[0] = fact{v, in}
	for _, f := range k.facts {
		if f.value != v && len(facts) < mostFacts {
			facts = append(facts, f)
		}
	}
	k.facts = facts
}

// meet keeps of k what other knows too. A place that holds different values gets one that belongs to
// the block where the ways meet.
func (k *known) meet(t *values, other *known, b *block) {
	for place := range k.machine {
		if k.machine[place] != other.machine[place] {
			k.machine[place] = t.of(expression{op: opUnknown, k: uint32(place), a: value(b.number + 1)})
		}
	}
	k.length = min(k.length, other.length)
	var done []value
	for _, v := range k.done {
		if slices.Contains(other.done, v) {
			done = append(done, v)
		}
	}
	k.done = done
	var facts []fact
	for _, f := range k.facts {
		for _, g := range other.facts {
			if f.value != g.value {
				continue
			}
			if both := f.in.union(g.in); len(both) <= mostIntervals {
				facts = append(facts, fact{f.value, both})
			}
		}
	}
	k.facts = facts
}

// run runs the code of a block. It returns how long a frame must be that no instruction of it rejects, as far
// as that is not known: 0 when none can, endless when it is no matter of length alone.
func (k *known) run(t *values, b *block) (asks uint32) {
	for _, ins := range b.code {
		if s := t.step(&k.machine, ins); s.rejects && !k.safe(t, s.val) {
			asks = max(asks, t.asks(s.val))
			k.passed(t, s.val)
		}
	}
	return asks
}

// tested returns the value that decides the branch of b, once its code has run, and the set for which
// it goes to yes.
func (k *known) tested(t *values, b *block) (value, intervals) {
	a := k.machine[placeA]
	if b.useX {
		return t.comparison(b.jump, a, k.machine[placeX]), intervals{{1, allBits}}
	}
	return t.alu(bpf.ALUOpAnd, a, t.constant(b.mask)), b.in
}

// comparison is the value 1 where A compares with X as asked, and 0 elsewhere.
func (t *values) comparison(jump bpf.JumpTest, a, x value) value {
	if a == x {
		switch jump {
		case bpf.JumpEqual, bpf.JumpGreaterOrEqual:
			return t.constant(1)
		case bpf.JumpGreaterThan:
			return t.constant(0)
		}
	}
	return t.of(expression{op: opCompare, k: uint32(jump), a: a, b: x})
}
