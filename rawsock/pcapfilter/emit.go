package pcapfilter

import (
	"slices"

	"golang.org/x/net/bpf"
)

// longestSkip is how many instructions a conditional jump can skip; an unconditional one has 32 bits.
const longestSkip = 255

// place is where a jump can lead: the first instruction of a block or of a part of its branch.
type place struct {
	at   int // instructions from here to the end of the program, this one included
	near int // the same for the instruction that was put in front last to lead there
}

// emitter builds a program from its end, so that the distance of every jump is known when it is written.
type emitter struct {
	reversed []bpf.Instruction
	places   []place // by number of the block
	split    bool    // search long sets
}

// emit lays the blocks out so that all jumps lead forward. With split the members of long sets are
// searched by halves, which costs a twelfth more instructions and saves the kernel most comparisons.
func emit(g *graph, split bool) []bpf.Instruction {
	e := &emitter{places: make([]place, len(g.blocks)), split: split}
	for _, b := range g.order() {
		e.block(b)
	}
	slices.Reverse(e.reversed)
	return e.reversed
}

// order returns the blocks that can be reached, targets first, so that the target of a match stands
// directly behind its test wherever that is possible.
//
// The ends of the program come before all others. Linux proves of a program that it reads no scratch memory before
// writing it, and does not see that nothing goes on behind a "ret": to it the instruction behind one comes after all that
// leads to the "ret" (check_load_and_stores, net/core/filter.c). So a program ends at its end alone.
func (g *graph) order() []*block {
	var ends, order []*block
	done := make([]bool, len(g.blocks))
	var visit func(b *block)
	visit = func(b *block) {
		switch {
		case done[b.number]:
			return
		case b.ends():
			ends = append(ends, b)
		default:
			visit(b.no)
			visit(b.yes)
			order = append(order, b)
		}
		done[b.number] = true
	}
	visit(g.entry)
	return append(ends, order...)
}

func (e *emitter) put(ins bpf.Instruction) { e.reversed = append(e.reversed, ins) }

// here makes the instruction written last a place.
func (e *emitter) here() *place { return &place{at: len(e.reversed), near: len(e.reversed)} }

func (e *emitter) block(b *block) {
	switch {
	case b.ends():
		e.put(bpf.RetConstant{Val: b.result})
	case b.straight():
		e.proceed(&e.places[b.yes.number])
	default:
		e.branch(b)
	}
	for i := len(b.code) - 1; i >= 0; i-- {
		e.put(b.code[i])
	}
	e.places[b.number] = *e.here()
}

// proceed makes the code in front go on at p.
func (e *emitter) proceed(p *place) {
	if p.near != len(e.reversed) {
		e.put(bpf.Jump{Skip: uint32(len(e.reversed) - p.at)})
	}
}

// jump puts a conditional jump in front. Where a target is out of reach it first puts an instruction
// behind the jump that leads there; later jumps to the target can use that too.
func (e *emitter) jump(yes, no *place, build func(skipYes, skipNo uint8) bpf.Instruction) {
	for far := true; far; {
		far = false
		for _, p := range []*place{yes, no} {
			if len(e.reversed)-p.near <= longestSkip {
				continue
			}
			e.put(bpf.Jump{Skip: uint32(len(e.reversed) - p.at)})
			p.near, far = len(e.reversed), true
		}
	}
	e.put(build(uint8(len(e.reversed)-yes.near), uint8(len(e.reversed)-no.near)))
}

// compare puts a comparison of A with a constant in front.
func (e *emitter) compare(cond bpf.JumpTest, val uint32, yes, no *place) {
	e.jump(yes, no, func(skipYes, skipNo uint8) bpf.Instruction {
		return bpf.JumpIf{Cond: cond, Val: val, SkipTrue: skipYes, SkipFalse: skipNo}
	})
}

func (e *emitter) branch(b *block) {
	yes, no := &e.places[b.yes.number], &e.places[b.no.number]
	if b.useX {
		e.jump(yes, no, func(skipYes, skipNo uint8) bpf.Instruction {
			return bpf.JumpIfX{Cond: b.jump, SkipTrue: skipYes, SkipFalse: skipNo}
		})
		return
	}
	if inverted, ok := b.bitTest(); ok {
		if inverted {
			yes, no = no, yes
		}
		e.compare(bpf.JumpBitsSet, b.mask, yes, no)
		return
	}
	in := b.in
	if others := in.complement(); others.cost() < in.cost() {
		in, yes, no = others, no, yes
	}
	if len(in) == 0 {
		e.proceed(no)
		return
	}
	e.search(in, yes, no)
}

// leaf is how many ranges are compared one after the other where long sets are searched.
const leaf = 16

// search puts comparisons in front that lead to yes when A is in the set.
func (e *emitter) search(in intervals, yes, no *place) {
	if !e.split || len(in) <= leaf {
		e.compareAll(in, yes, no)
		return
	}
	half := len(in) / 2
	e.search(in[half:], yes, no)
	upper := e.here()
	e.search(in[:half], yes, no)
	e.compare(bpf.JumpGreaterOrEqual, in[half].first, upper, e.here())
}

func (e *emitter) compareAll(in intervals, yes, no *place) {
	next := no
	for i := len(in) - 1; i >= 0; i-- {
		switch r := in[i]; {
		case r.first == r.last:
			e.compare(bpf.JumpEqual, r.first, yes, next)
		case r.last == allBits:
			e.compare(bpf.JumpGreaterOrEqual, r.first, yes, next)
		case r.first == 0:
			e.compare(bpf.JumpGreaterThan, r.last, next, yes)
		default:
			e.compare(bpf.JumpGreaterThan, r.last, next, yes)
			// The ranges are sorted: what is below this one is in none that follows.
			e.compare(bpf.JumpGreaterOrEqual, r.first, e.here(), no)
		}
		next = e.here()
	}
}
