package pcapfilter

import (
	"math"
	"math/bits"
	"slices"

	"golang.org/x/net/bpf"
)

// value names a 32-bit value that a program computes: two places that hold the same value hold the
// same bits for every frame. 0 names nothing.
type value int32

// expression says how a value comes about.
type expression struct {
	op   operation
	k    uint32 // a constant, an offset, the number of an extension or an operator
	size int    // of a load, in bytes
	a, b value
}

type operation uint8

const (
	opUnknown   operation = iota // differs between the ways to a block (k, a: which), or was never set
	opConstant                   // k
	opLoad                       // size bytes at k
	opIndirect                   // size bytes at a + k
	opHeader                     // 4 * (byte at k & 0xf)
	opExtension                  // extension k
	opALU                        // a operator k b
	opCompare                    // 1 when "a comparison k b", else 0
)

// values numbers expressions, so that equal ones are found by comparing numbers.
type values struct {
	number map[expression]value
	list   []expression
	most   []uint32 // upper bound of each value
	fresh  value
}

func newValues() *values {
	return &values{number: map[expression]value{}, list: make([]expression, 1), most: make([]uint32, 1)}
}

func (t *values) of(e expression) value {
	if v, ok := t.number[e]; ok {
		return v
	}
	v := value(len(t.list))
	t.number[e] = v
	t.list = append(t.list, e)
	t.most = append(t.most, t.bound(e))
	return v
}

func (t *values) constant(k uint32) value { return t.of(expression{op: opConstant, k: k}) }

// another is a value that nothing else is equal to.
func (t *values) another() value {
	t.fresh--
	return t.of(expression{op: opUnknown, a: t.fresh})
}

// isConstant returns the constant a value is.
func (t *values) isConstant(v value) (uint32, bool) {
	e := &t.list[v]
	return e.k, e.op == opConstant
}

func (t *values) bound(e expression) uint32 {
	switch e.op {
	case opConstant:
		return e.k
	case opLoad, opIndirect:
		return uint32(uint64(1)<<(8*e.size) - 1)
	case opHeader:
		return 60
	case opCompare:
		return 1
	case opALU:
		switch a, b := t.most[e.a], t.most[e.b]; bpf.ALUOp(e.k) {
		case bpf.ALUOpAnd:
			return min(a, b)
		case bpf.ALUOpOr, bpf.ALUOpXor:
			return uint32(uint64(1)<<bits.Len32(a|b) - 1)
		case bpf.ALUOpShiftRight:
			if k, ok := t.isConstant(e.b); ok {
				return a >> k
			}
			return a
		case bpf.ALUOpShiftLeft:
			if k, ok := t.isConstant(e.b); ok && bits.Len32(a)+int(k) <= 32 {
				return a << k
			}
		case bpf.ALUOpAdd:
			if sum := uint64(a) + uint64(b); sum <= math.MaxUint32 {
				return uint32(sum)
			}
		case bpf.ALUOpDiv:
			return a
		}
	}
	return math.MaxUint32
}

// alu is the value of an arithmetic operation.
func (t *values) alu(op bpf.ALUOp, a, b value) value {
	x, leftKnown := t.isConstant(a)
	y, rightKnown := t.isConstant(b)
	switch {
	case rightKnown && neutral(op, y):
		return a
	case rightKnown && y == 0 && (op == bpf.ALUOpAnd || op == bpf.ALUOpMul):
		return b
	case rightKnown && op == bpf.ALUOpAnd && uint32(uint64(1)<<bits.Len32(t.most[a])-1)&^y == 0:
		return a
	case a == b && (op == bpf.ALUOpSub || op == bpf.ALUOpXor):
		return t.constant(0)
	case a == b && (op == bpf.ALUOpAnd || op == bpf.ALUOpOr):
		return a
	case !rightKnown && commutes(op) && (leftKnown || a > b):
		return t.alu(op, b, a)
	case leftKnown && rightKnown && !(y == 0 && divides(op)) && !(y > 31 && shifts(op)):
		return t.constant(calculate(op, x, y))
	}
	return t.of(expression{op: opALU, k: uint32(op), a: a, b: b})
}

// neutral tells the operations with a constant that leave A as it is.
func neutral(op bpf.ALUOp, k uint32) bool {
	switch op {
	case bpf.ALUOpAnd:
		return k == allBits
	case bpf.ALUOpMul, bpf.ALUOpDiv:
		return k == 1
	case bpf.ALUOpMod:
		return false
	}
	return k == 0
}

func commutes(op bpf.ALUOp) bool {
	switch op {
	case bpf.ALUOpAdd, bpf.ALUOpMul, bpf.ALUOpAnd, bpf.ALUOpOr, bpf.ALUOpXor:
		return true
	}
	return false
}

func divides(op bpf.ALUOp) bool { return op == bpf.ALUOpDiv || op == bpf.ALUOpMod }

func shifts(op bpf.ALUOp) bool { return op == bpf.ALUOpShiftLeft || op == bpf.ALUOpShiftRight }

// calculate is what the machine computes. The divisor is not 0, and a shift is less than 32.
func calculate(op bpf.ALUOp, a, b uint32) uint32 {
	switch op {
	case bpf.ALUOpAdd:
		return a + b
	case bpf.ALUOpSub:
		return a - b
	case bpf.ALUOpMul:
		return a * b
	case bpf.ALUOpDiv:
		return a / b
	case bpf.ALUOpMod:
		return a % b
	case bpf.ALUOpAnd:
		return a & b
	case bpf.ALUOpOr:
		return a | b
	case bpf.ALUOpXor:
		return a ^ b
	case bpf.ALUOpShiftLeft:
		return a << b
	case bpf.ALUOpShiftRight:
		return a >> b
	}
	panic("pcapfilter: an operator the optimizer does not know")
}

// The places of a machine that hold values: the scratch words by their numbers, and the registers.
const (
	placeA = 16 + iota
	placeX
	places
)

// machine is what the places hold.
type machine [places]value

// step is what one instruction does.
type step struct {
	place   int   // that it writes
	val     value // that it writes there
	rejects bool  // it ends the program when the frame is too short or the divisor is 0
}

// step runs an instruction on m.
func (t *values) step(m *machine, ins bpf.Instruction) step {
	s := t.effect(m, ins)
	m[s.place] = s.val
	return s
}

func (t *values) effect(m *machine, ins bpf.Instruction) step {
	switch ins := ins.(type) {
	case bpf.LoadConstant:
		return step{place: register(ins.Dst), val: t.constant(ins.Val)}
	case bpf.LoadScratch:
		return step{place: register(ins.Dst), val: m[ins.N]}
	case bpf.LoadAbsolute:
		return step{placeA, t.of(expression{op: opLoad, k: ins.Off, size: ins.Size}), true}
	case bpf.LoadIndirect:
		if x, ok := t.isConstant(m[placeX]); ok && uint64(x)+uint64(ins.Off) <= maxOffset {
			return step{placeA, t.of(expression{op: opLoad, k: x + ins.Off, size: ins.Size}), true}
		}
		return step{placeA, t.of(expression{op: opIndirect, k: ins.Off, size: ins.Size, a: m[placeX]}), true}
	case bpf.LoadMemShift:
		return step{placeX, t.of(expression{op: opHeader, k: ins.Off}), true}
	case bpf.LoadExtension:
		if !slices.Contains(steady, ins.Num) {
			return step{place: placeA, val: t.another()}
		}
		return step{place: placeA, val: t.of(expression{op: opExtension, k: uint32(ins.Num)})}
	case bpf.StoreScratch:
		if ins.Src == bpf.RegX {
			return step{place: ins.N, val: m[placeX]}
		}
		return step{place: ins.N, val: m[placeA]}
	case bpf.TAX:
		return step{place: placeX, val: m[placeA]}
	case bpf.TXA:
		return step{place: placeA, val: m[placeX]}
	case bpf.NegateA:
		return step{place: placeA, val: t.alu(bpf.ALUOpSub, t.constant(0), m[placeA])}
	case bpf.ALUOpConstant:
		return step{place: placeA, val: t.alu(ins.Op, m[placeA], t.constant(ins.Val))}
	case bpf.ALUOpX:
		divisor, ok := t.isConstant(m[placeX])
		return step{placeA, t.alu(ins.Op, m[placeA], m[placeX]), divides(ins.Op) && (!ok || divisor == 0)}
	}
	panic("pcapfilter: an instruction the optimizer does not know")
}

// steady are the extensions that give the same answer throughout one run of a program.
var steady = []bpf.Extension{
	bpf.ExtLen, bpf.ExtProto, bpf.ExtType, bpf.ExtInterfaceIndex, bpf.ExtVLANTag, bpf.ExtVLANTagPresent, bpf.ExtVLANProto,
}

func register(r bpf.Register) int {
	if r == bpf.RegX {
		return placeX
	}
	return placeA
}

// writes returns the place an instruction writes.
func writes(ins bpf.Instruction) int {
	switch ins := ins.(type) {
	case bpf.LoadConstant:
		return register(ins.Dst)
	case bpf.LoadScratch:
		return register(ins.Dst)
	case bpf.StoreScratch:
		return ins.N
	case bpf.LoadMemShift, bpf.TAX:
		return placeX
	}
	return placeA
}

func stores(ins bpf.Instruction) bool { return writes(ins) < placeA }

// reads returns the places an instruction reads, as bits.
func reads(ins bpf.Instruction) uint32 {
	switch ins := ins.(type) {
	case bpf.LoadScratch:
		return 1 << ins.N
	case bpf.LoadIndirect, bpf.TXA:
		return 1 << placeX
	case bpf.StoreScratch:
		return 1 << register(ins.Src)
	case bpf.TAX, bpf.NegateA, bpf.ALUOpConstant:
		return 1 << placeA
	case bpf.ALUOpX:
		return 1<<placeA | 1<<placeX
	case bpf.LoadExtension:
		if !slices.Contains(steady, ins.Num) {
			return 1<<placeA | 1<<placeX // some take their operands there
		}
	}
	return 0
}

// reads returns the places the branch reads, as bits.
func (b *block) reads() uint32 {
	switch {
	case b.straight():
		return 0
	case b.useX:
		return 1<<placeA | 1<<placeX
	}
	return 1 << placeA
}
