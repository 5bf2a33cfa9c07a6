package pcapfilter

import "golang.org/x/net/bpf"

// mostRounds bounds how often the passes are repeated. Most programs are finished after three rounds.
const mostRounds = 16

// optimize shortens the program without changing its verdict for any frame, a frame cut short included: a
// load beyond the end of the frame rejects it, so a load that may do so stays where it is even if nobody wants
// its value, and no test moves in front of one.
//
// The first passes work on branches; every block still computes all it tests:
//
//	thread   an edge on which a later test is decided goes past that test
//	fuse     tests of one value one after the other become one test for a set
//	regroup  a list of alternatives is sorted by the value they test
//	merge    equal blocks with equal targets become one
//
// The last ones work on instructions:
//
//	clean    what a register or word holds already is not computed again, and what nobody reads not at all
//	share    a list of comparisons that stands behind several loads stands there once
func (g *graph) optimize() {
	for range mostRounds {
		o := &optimizer{graph: g}
		changed := o.thread()
		g.compact()
		changed = o.fuse() || changed
		changed = o.regroup() || changed
		changed = o.fuse() || changed
		changed = g.merge() || changed
		g.compact()
		if !changed {
			break
		}
	}
	g.unmask()
	for range mostRounds {
		o := &optimizer{graph: g}
		changed := o.clean()
		changed = g.merge() || changed
		g.compact()
		if !changed {
			break
		}
	}
	if g.share() {
		g.merge() // with blocks that hold no more than such a list
		g.compact()
	}
}

// optimizer is one round of passes: the values and what is known of them are those of the pass that
// came last.
type optimizer struct {
	*graph
	values *values
	live   []uint32 // by block: the places that are read before they are written, from its start on
	demand []uint32 // by block: the program rejects every frame that is shorter, whichever way it takes
	budget int      // steps that walk may still take
}

// compact drops the blocks that nothing leads to.
func (g *graph) compact() {
	g.markUsed()
	kept := g.blocks[:0]
	for _, b := range g.blocks {
		if b.used {
			b.number = len(kept)
			kept = append(kept, b)
		}
	}
	clear(g.blocks[len(kept):])
	g.blocks = kept
}

// unmask turns the masks that no jset tests into instructions.
func (g *graph) unmask() {
	for _, b := range g.blocks {
		if _, ok := b.bitTest(); ok || b.ends() || b.straight() || b.useX || b.mask == allBits {
			continue
		}
		b.code = append(b.code[:len(b.code):len(b.code)], bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: b.mask})
		b.mask = allBits
	}
}

// demands finds for every block the length below which frames are rejected from there on.
func (g *graph) demands() []uint32 {
	demand := make([]uint32, len(g.blocks))
	for i, b := range g.blocks {
		switch {
		case !b.ends():
			demand[i] = min(demand[b.yes.number], demand[b.no.number])
			for _, ins := range b.code {
				demand[i] = max(demand[i], demands(ins))
			}
		case b.result == 0:
			demand[i] = endless
		}
	}
	return demand
}

// demands returns the length below which an instruction rejects every frame.
func demands(ins bpf.Instruction) uint32 {
	switch ins := ins.(type) {
	case bpf.LoadAbsolute:
		return ins.Off + uint32(ins.Size)
	case bpf.LoadMemShift:
		return ins.Off + 1
	}
	return 0
}

// liveness finds for every block the places it needs from the blocks before it.
func (g *graph) liveness() []uint32 {
	live := make([]uint32, len(g.blocks))
	for i, b := range g.blocks {
		if b.ends() {
			continue
		}
		need := live[b.yes.number] | live[b.no.number] | b.reads()
		for n := len(b.code) - 1; n >= 0; n-- {
			need = need&^(1<<writes(b.code[n])) | reads(b.code[n])
		}
		live[i] = need
	}
	return live
}
