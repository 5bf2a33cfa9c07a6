package pcapfilter

import "golang.org/x/net/bpf"

// placed is a block with its place in the program.
type placed struct {
	*block
	start       int  // index of the first instruction
	farYes      bool // the branch reaches its target through a jump of its own
	farNo       bool
	endOfBranch int // index of the instruction behind the conditional jump
}

// longestSkip is how many instructions a conditional jump can skip; an unconditional one has 32 bits.
const longestSkip = 255

// emit lays the blocks of g out behind the prologue.
func emit(prologue []bpf.Instruction, g *graph) []bpf.Instruction {
	order := make([]placed, 0, len(g.blocks))
	index := make(map[*block]int, len(g.blocks))
	for i := len(g.blocks) - 1; i >= 0; i-- {
		if b := g.blocks[i]; b.used {
			index[b] = len(order)
			order = append(order, placed{block: b})
		}
	}
	// A far jump makes its block longer, which may put another target out of reach: repeat
	// until nothing moves. Jumps only ever become far, so this ends.
	for moved := true; moved; {
		moved = false
		place(order, len(prologue))
		for i := range order {
			p := &order[i]
			if p.ends() {
				continue
			}
			if !p.farYes && order[index[p.yes]].start-p.endOfBranch > longestSkip {
				p.farYes, moved = true, true
			}
			if !p.farNo && order[index[p.no]].start-p.endOfBranch > longestSkip {
				p.farNo, moved = true, true
			}
		}
	}
	prog := append([]bpf.Instruction(nil), prologue...)
	for i := range order {
		p := &order[i]
		if p.ends() {
			prog = append(prog, bpf.RetConstant{Val: p.result})
			continue
		}
		prog = append(prog, p.code...)
		yes, no := order[index[p.yes]].start-p.endOfBranch, order[index[p.no]].start-p.endOfBranch
		var far []bpf.Instruction
		if p.farYes {
			far = append(far, bpf.Jump{Skip: uint32(yes - 1)})
			yes = 0
		}
		if p.farNo {
			far = append(far, bpf.Jump{Skip: uint32(no - len(far) - 1)})
			no = len(far) - 1
		}
		if p.useX {
			prog = append(prog, bpf.JumpIfX{Cond: p.jump, SkipTrue: uint8(yes), SkipFalse: uint8(no)})
		} else {
			prog = append(prog, bpf.JumpIf{Cond: p.jump, Val: p.val, SkipTrue: uint8(yes), SkipFalse: uint8(no)})
		}
		prog = append(prog, far...)
	}
	return prog
}

// place computes where every block starts.
func place(order []placed, at int) {
	for i := range order {
		p := &order[i]
		p.start = at
		if p.ends() {
			at++
			continue
		}
		p.endOfBranch = at + len(p.code) + 1
		at = p.endOfBranch
		if p.farYes {
			at++
		}
		if p.farNo {
			at++
		}
	}
}
