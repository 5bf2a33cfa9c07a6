package pcapfilter

// block is straight code with a branch at its end, or the end of the program.
type block struct {
	test
	yes, no *block // nil at the end of the program
	result  uint32 // what the end of the program returns
	used    bool
}

// graph holds the blocks of a program, every one before the blocks that lead to it.
type graph struct {
	blocks []*block
	entry  *block
}

// newGraph builds the blocks of a condition backwards: where a test leads is known before the test
// is built, so every jump goes forward.
func newGraph(c cond, accept uint32) *graph {
	g := &graph{}
	reject, match := g.add(&block{}), g.add(&block{result: accept})
	g.entry = g.build(c, match, reject)
	g.markUsed()
	return g
}

func (g *graph) add(b *block) *block {
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
		return g.add(&block{test: *c, yes: yes, no: no})
	}
	panic("pcapfilter: a condition the graph does not know")
}

func (b *block) ends() bool { return b.yes == nil }

// markUsed marks what can be reached; constants leave blocks behind that cannot.
func (g *graph) markUsed() {
	g.entry.used = true
	for i := len(g.blocks) - 1; i >= 0; i-- {
		if b := g.blocks[i]; b.used && !b.ends() {
			b.yes.used, b.no.used = true, true
		}
	}
}
