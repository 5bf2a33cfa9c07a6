package pcapfilter

import (
	"math/rand/v2"
	"testing"

	"golang.org/x/net/bpf"
)

// programmer makes conditions whose code no stage in front of the optimizer makes: it stores, divides and loads at
// computed places wherever it likes. It keeps to what the type test promises.
type programmer struct{ *rand.Rand }

// program makes one without the optimizer and the same one with it.
func (p programmer) program(depth int) (plain, optimized []bpf.Instruction) {
	prologue := []bpf.Instruction{bpf.LoadConstant{Dst: bpf.RegA}}
	for slot := range 3 {
		prologue = append(prologue, bpf.StoreScratch{Src: bpf.RegA, N: slot})
	}
	known := []cond{p.test(), p.test(), p.test()}
	c := p.condition(1+p.IntN(depth), known)
	unchanged, g := newGraph(prologue, c, 1), newGraph(prologue, c, 1)
	unchanged.unmask()
	g.optimize()
	return emit(unchanged, false), emit(g, true)
}

// condition joins tests to a depth. It draws some of them from a few, so that what one test finds decides others.
func (p programmer) condition(depth int, known []cond) cond {
	switch {
	case depth == 0 && p.IntN(2) == 0:
		return pick(p.Rand, known)
	case depth == 0:
		return p.test()
	case p.IntN(5) == 0:
		return not(p.condition(depth-1, known))
	case p.IntN(2) == 0:
		return and(p.condition(depth-1, known), p.condition(depth-1, known))
	}
	return or(p.condition(depth-1, known), p.condition(depth-1, known))
}

func (p programmer) test() cond {
	code := []bpf.Instruction{p.load()}
	for range p.IntN(4) {
		code = append(code, p.instruction()...)
	}
	t := &test{code: code, jump: pick(p.Rand, []bpf.JumpTest{
		bpf.JumpEqual, bpf.JumpEqual, bpf.JumpGreaterThan, bpf.JumpGreaterOrEqual, bpf.JumpBitsSet,
	}), val: uint32(p.IntN(5))}
	if p.IntN(4) == 0 {
		t.useX = true
		t.code = append(t.code, pick(p.Rand, []bpf.Instruction{
			bpf.TAX{}, bpf.LoadScratch{Dst: bpf.RegX, N: p.slot()}, bpf.LoadMemShift{Off: uint32(p.IntN(6))},
			bpf.LoadConstant{Dst: bpf.RegX, Val: 2},
		}))
	}
	return t
}

func (p programmer) slot() int { return p.IntN(3) }

// load leaves something in A and needs nothing.
func (p programmer) load() bpf.Instruction {
	switch p.IntN(6) {
	case 0:
		return bpf.LoadScratch{Dst: bpf.RegA, N: p.slot()}
	case 1:
		return bpf.LoadExtension{Num: bpf.ExtLen}
	case 2:
		return bpf.LoadConstant{Dst: bpf.RegA, Val: uint32(p.IntN(4))}
	}
	return bpf.LoadAbsolute{Off: uint32(p.IntN(6)), Size: pick(p.Rand, []int{1, 1, 1, 2, 4})}
}

var allOperators = []bpf.ALUOp{
	bpf.ALUOpAdd, bpf.ALUOpSub, bpf.ALUOpMul, bpf.ALUOpDiv, bpf.ALUOpMod, bpf.ALUOpAnd, bpf.ALUOpAnd, bpf.ALUOpAnd, bpf.ALUOpOr,
	bpf.ALUOpXor, bpf.ALUOpShiftLeft, bpf.ALUOpShiftRight,
}

// instruction goes on where something is in A, and leaves something there.
func (p programmer) instruction() []bpf.Instruction {
	switch p.IntN(8) {
	case 0, 1:
		return []bpf.Instruction{bpf.ALUOpConstant{Op: pick(p.Rand, allOperators), Val: 1 + uint32(p.IntN(4))}}
	case 2:
		return []bpf.Instruction{bpf.LoadScratch{Dst: bpf.RegX, N: p.slot()}, bpf.ALUOpX{Op: pick(p.Rand, allOperators[:10])}}
	case 3:
		return []bpf.Instruction{bpf.TAX{}, bpf.LoadIndirect{Off: uint32(p.IntN(4)), Size: pick(p.Rand, []int{1, 1, 2})}}
	case 4:
		return []bpf.Instruction{bpf.LoadMemShift{Off: uint32(p.IntN(6))}, bpf.ALUOpX{Op: pick(p.Rand, allOperators[:10])}}
	case 5, 6:
		return []bpf.Instruction{bpf.StoreScratch{Src: bpf.RegA, N: p.slot()}}
	}
	return []bpf.Instruction{bpf.TAX{}, p.load(), bpf.ALUOpX{Op: pick(p.Rand, allOperators[:10])}}
}

// The optimizer changes no verdict of programs that the language cannot ask for: what it relies on is what the type test
// promises, not what the lower stage happens to make.
func TestOptimizerKeepsVerdictsOfAnyProgram(t *testing.T) {
	p := programmer{rand.New(rand.NewPCG(11, 2026))}
	frames := make([][]byte, 120)
	for i := range frames {
		frames[i] = make([]byte, 1+p.IntN(12))
		for j := range frames[i] {
			frames[i][j] = byte(p.IntN(4))
		}
	}
	before, after, both := 0, 0, 0
	for range 2000 {
		plain, program := p.program(6)
		before, after = before+len(plain), after+len(program)
		runPlain, run := runner(t, raw(t, plain)), runner(t, raw(t, program))
		matched := 0
		for _, frame := range frames {
			got, want := run(frame), runPlain(frame)
			if got != want {
				t.Fatalf("% x: got %d, without the optimizer %d\n%swithout:\n%s",
					frame, got, want, FormatD(program), FormatD(plain))
			}
			matched += int(got)
		}
		if 0 < matched && matched < len(frames) {
			both++
		}
	}
	t.Logf("%d instructions became %d; %d programs tell frames apart", before, after, both)
	if both < 500 {
		t.Errorf("only %d programs tell frames apart: the comparison proves little", both)
	}
}
