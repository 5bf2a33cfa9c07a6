package rawsock

import "golang.org/x/net/bpf"

// assembler links jumps to labels. A far jump is a conditional skip over an unconditional one, so that no
// distance is too long for the eight bits of a conditional jump; a near one stays within a block.
type assembler struct {
	program []bpf.Instruction
	labels  map[string]int
	jumps   map[int]string
	tails   []func() // code that stands behind the code that jumps to it
	blocks  int
}

func newAssembler() *assembler {
	return &assembler{labels: map[string]int{}, jumps: map[int]string{}}
}

func (a *assembler) emit(i bpf.Instruction) { a.program = append(a.program, i) }

func (a *assembler) label(name string) { a.labels[name] = len(a.program) }

func (a *assembler) jump(to string) {
	a.jumps[len(a.program)] = to
	a.emit(bpf.Jump{})
}

func (a *assembler) jumpEqual(v uint32, to string) {
	a.emit(bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: v, SkipTrue: 1})
	a.jump(to)
}

func (a *assembler) jumpNotEqual(v uint32, to string) {
	a.emit(bpf.JumpIf{Cond: bpf.JumpEqual, Val: v, SkipTrue: 1})
	a.jump(to)
}

// near is a jump to a label at most 255 instructions ahead.
func (a *assembler) near(c bpf.JumpTest, v uint32, to string) {
	a.jumps[len(a.program)] = to
	a.emit(bpf.JumpIf{Cond: c, Val: v})
}

func (a *assembler) nearEqual(v uint32, to string)    { a.near(bpf.JumpEqual, v, to) }
func (a *assembler) nearNotEqual(v uint32, to string) { a.near(bpf.JumpNotEqual, v, to) }
func (a *assembler) nearLess(v uint32, to string)     { a.near(bpf.JumpLessThan, v, to) }
func (a *assembler) nearBits(v uint32, to string)     { a.near(bpf.JumpBitsSet, v, to) }

func (a *assembler) jumpLess(v uint32, to string) {
	a.emit(bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: v, SkipTrue: 1})
	a.jump(to)
}

func (a *assembler) jumpIfBits(v uint32, to string) {
	a.emit(bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: v, SkipTrue: 1})
	a.jump(to)
}

// link resolves the jumps. All of them lead forward; the test runs every path through the kernel's checker.
func (a *assembler) link() []bpf.Instruction {
	for at, to := range a.jumps {
		skip := a.labels[to] - at - 1
		if near, ok := a.program[at].(bpf.JumpIf); ok {
			near.SkipTrue = uint8(skip)
			a.program[at] = near
			continue
		}
		a.program[at] = bpf.Jump{Skip: uint32(skip)}
	}
	return a.program
}
