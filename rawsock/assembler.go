package rawsock

import (
	"math"

	"golang.org/x/net/bpf"
)

// assembler links jumps to labels, all of which lead forward.
type assembler struct {
	program []step
	labels  map[string]int // index into program
	names   int
}

// step is an instruction, or a jump to a label.
type step struct {
	bpf.Instruction        // bpf.JumpIf and bpf.JumpIfX get their distance when they are linked
	to              string // empty for what is no jump
	far             bool   // the distance does not fit into the eight bits of a conditional jump
}

func newAssembler() *assembler { return &assembler{labels: map[string]int{}} }

func (a *assembler) emit(all ...bpf.Instruction) {
	for _, i := range all {
		a.program = append(a.program, step{Instruction: i})
	}
}

func (a *assembler) label(name string) { a.labels[name] = len(a.program) }

func (a *assembler) jump(to string) { a.program = append(a.program, step{bpf.Jump{}, to, false}) }

// jumpIf goes to the label when the condition holds for A, and on when it does not.
func (a *assembler) jumpIf(c bpf.JumpTest, v uint32, to string) {
	a.program = append(a.program, step{bpf.JumpIf{Cond: c, Val: v}, to, false})
}

// jumpIfX compares A with X.
func (a *assembler) jumpIfX(c bpf.JumpTest, to string) {
	a.program = append(a.program, step{bpf.JumpIfX{Cond: c}, to, false})
}

func (a *assembler) jumpEqual(v uint32, to string)    { a.jumpIf(bpf.JumpEqual, v, to) }
func (a *assembler) jumpNotEqual(v uint32, to string) { a.jumpIf(bpf.JumpNotEqual, v, to) }
func (a *assembler) jumpLess(v uint32, to string)     { a.jumpIf(bpf.JumpLessThan, v, to) }
func (a *assembler) jumpBits(v uint32, to string)     { a.jumpIf(bpf.JumpBitsSet, v, to) }

func (a *assembler) load(slot int)  { a.emit(bpf.LoadScratch{Dst: bpf.RegA, N: slot}) }
func (a *assembler) loadX(slot int) { a.emit(bpf.LoadScratch{Dst: bpf.RegX, N: slot}) }
func (a *assembler) store(slot int) { a.emit(bpf.StoreScratch{Src: bpf.RegA, N: slot}) }

// at loads size bytes at X plus an offset.
func (a *assembler) at(offset uint32, size int) { a.emit(bpf.LoadIndirect{Off: offset, Size: size}) }

func (a *assembler) compute(op bpf.ALUOp, v uint32) { a.emit(bpf.ALUOpConstant{Op: op, Val: v}) }

func (a *assembler) computeX(op bpf.ALUOp) { a.emit(bpf.ALUOpX{Op: op}) }

// fresh makes a label that nothing else has.
func (a *assembler) fresh() string {
	a.names++
	return string(rune('a'+a.names%26)) + string(rune('0'+a.names/26))
}

// need goes to the label when less than n bytes of the frame are at X: a load behind the end would reject it.
func (a *assembler) need(n uint32, to string) {
	a.emit(bpf.LoadExtension{Num: bpf.ExtLen})
	a.jumpIfX(bpf.JumpLessThan, to)
	a.computeX(bpf.ALUOpSub)
	a.jumpLess(n, to)
}

// link resolves the jumps. A conditional one that leads too far skips over an unconditional one.
func (a *assembler) link() []bpf.Instruction {
	at := make([]int, len(a.program)+1)
	for moved := true; moved; {
		moved = false
		for i := range a.program {
			at[i+1] = at[i] + 1
			if a.program[i].far {
				at[i+1]++
			}
		}
		for i := range a.program {
			s := &a.program[i]
			_, always := s.Instruction.(bpf.Jump)
			if s.to != "" && !always && !s.far && at[a.labels[s.to]]-at[i]-1 > math.MaxUint8 {
				s.far, moved = true, true
			}
		}
	}
	var linked []bpf.Instruction
	for i, s := range a.program {
		if s.to == "" {
			linked = append(linked, s.Instruction)
			continue
		}
		skip := at[a.labels[s.to]] - at[i] - 1
		yes, no := uint8(skip), uint8(0)
		if s.far {
			yes, no = 0, 1
		}
		switch j := s.Instruction.(type) {
		case bpf.Jump:
			linked = append(linked, bpf.Jump{Skip: uint32(skip)})
		case bpf.JumpIf:
			linked = append(linked, bpf.JumpIf{Cond: j.Cond, Val: j.Val, SkipTrue: yes, SkipFalse: no})
		case bpf.JumpIfX:
			linked = append(linked, bpf.JumpIfX{Cond: j.Cond, SkipTrue: yes, SkipFalse: no})
		}
		if s.far {
			linked = append(linked, bpf.Jump{Skip: uint32(skip - 1)})
		}
	}
	return linked
}
