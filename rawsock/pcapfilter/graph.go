package pcapfilter

import (
	"math/bits"

	"golang.org/x/net/bpf"
)

// branch is how a block chooses between its two targets.
type branch struct {
	// The block goes to yes when the value of A & mask is in the set.
	mask uint32
	in   intervals

	// With useX the block compares A with X instead.
	useX bool
	jump bpf.JumpTest
}

// block is straight code with a branch at its end, or the end of the program. A block whose two
// targets are the same one runs its code and goes on there.
type block struct {
	code []bpf.Instruction
	branch
	yes, no *block // nil at the end of the program
	result  uint32 // what the end of the program returns

	number int  // position in graph.blocks
	used   bool // can be reached

	// What the last pass of the optimizer found.
	facts known  // at the start of the block
	tests value  // that decides the branch
	asks  uint32 // what known.run says of the code
}

// graph holds the blocks of a program, every one before the blocks that lead to it. No pass breaks
// this order: an edge is only ever moved to a block that could be reached through its old target.
type graph struct {
	blocks []*block
	entry  *block
}

// newGraph builds the blocks of a condition backwards: where a test leads is known before the test
// is built, so every jump goes forward. The prologue runs before the first test.
func newGraph(prologue []bpf.Instruction, c cond, accept uint32) *graph {
	g := &graph{}
	reject, match := g.add(&block{}), g.add(&block{result: accept})
	g.entry = g.build(c, match, reject)
	if len(prologue) > 0 {
		first := g.entry
		g.entry = g.add(&block{code: prologue, yes: first, no: first})
	}
	g.markUsed()
	return g
}

func (g *graph) add(b *block) *block {
	b.number = len(g.blocks)
	g.blocks = append(g.blocks, b)
	return b
}

// build returns the block where the evaluation of c begins.
func (g *graph) build(c cond, yes, no *block) *block {
	switch c := c.(type) {
	case constant:
		if c {
			return yes
		}
		return no
	case *inversion:
		return g.build(c.operand, no, yes)
	case *junction:
		right := g.build(c.right, yes, no)
		if c.or {
			return g.build(c.left, yes, right)
		}
		return g.build(c.left, right, no)
	case *test:
		b := &block{code: c.code, branch: c.branch(), yes: yes, no: no}
		b.maskCode()
		return g.add(b)
	}
	panic("pcapfilter: a condition the graph does not know")
}

func (t *test) branch() branch {
	switch {
	case t.useX:
		return branch{useX: true, jump: t.jump}
	case t.jump == bpf.JumpBitsSet:
		return branch{mask: t.val, in: intervals{{0, 0}}.complement()}
	}
	return branch{mask: allBits, in: satisfying(t.jump, t.val)}
}

const allBits = 0xffffffff

// maskCode moves a mask from the end of the code into the branch.
func (b *block) maskCode() {
	for n := len(b.code) - 1; n >= 0 && !b.useX; n-- {
		and, ok := b.code[n].(bpf.ALUOpConstant)
		if !ok || and.Op != bpf.ALUOpAnd {
			return
		}
		b.code, b.mask = b.code[:n], b.mask&and.Val
	}
}

// bitTest tells whether the branch is a single jset: whether any bit of the mask is set. inverted is
// whether yes means that none is.
func (b *branch) bitTest() (inverted, ok bool) {
	if b.useX || len(b.in) != 1 {
		return false, false
	}
	zero, rest := b.in[0] == interval{0, 0}, b.in[0] == interval{1, allBits}
	return zero, (zero || rest) && b.mask != allBits
}

// prefix tells whether the mask keeps the high bits of a value of up to most and nothing else: then
// what the masked value is says in which range the whole value is.
func prefix(mask, most uint32) bool {
	width := uint32(uint64(1)<<bits.Len32(most) - 1)
	low := ^mask & width
	return low&(low+1) == 0
}

func (b *block) ends() bool { return b.yes == nil }

// straight tells a block that goes to the same target whatever it finds.
func (b *block) straight() bool { return b.yes == b.no }

// markUsed marks what can be reached.
func (g *graph) markUsed() {
	for _, b := range g.blocks {
		b.used = false
	}
	g.entry.used = true
	for i := len(g.blocks) - 1; i >= 0; i-- {
		if b := g.blocks[i]; b.used && !b.ends() {
			b.yes.used, b.no.used = true, true
		}
	}
}
