package tcpdumptest

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/net/bpf"
)

// A machine runs one program the slow and obvious way. The virtual machine of golang.org/x/net/bpf lacks three things that
// it has: negation, the backward jumps of libpcap's protochain, and the kernel's metadata. It can also tell what
// a run looked at, from which the frames are made that decide a program (steer_test.go).
type machine struct {
	program []bpf.RawInstruction
	meta    metadata
	watch   *watch // nil: nobody wants to know
}

// metadata is what the kernel knows of a frame beside its bytes.
type metadata struct {
	packetType uint32 // of packet(7): 0 to us, 4 from us
	protocol   uint32 // the EtherType
	ifindex    uint32
	tagged     bool // a VLAN tag was taken out of the bytes
	tci        uint16
}

// watch is what one run looked at.
type watch struct {
	loads     []load
	branches  []branch
	backwards int  // jumps
	unwritten bool // a word of scratch memory was read before anything was written to it
}

// load is a read of the frame, whether it had the bytes or not.
type load struct{ at, size int }

// branch is a conditional jump that was reached.
type branch struct {
	pc    int
	taken bool
	test  uint16  // the operation without its operand
	value *origin // of the register; nil when it does not come from the frame
	with  uint32  // what it was compared with
}

// origin says where a register's value is from: bytes of the frame (from is nil and size is not 0), the frame's length
// (both are nothing), or another value through an operation with a constant.
type origin struct {
	load
	from *origin
	op   uint16
	k    uint32
	n    uint32 // the value in this run
}

// register is A, X or a word of scratch memory.
type register struct {
	n      uint32
	origin *origin
}

// maxSteps bounds a run. A chain of headers ends with the frame, some hundred headers of some twenty steps at the most;
// endless is what run says of a program that goes round in circles, as libpcap's protochain can.
const (
	maxSteps = 1 << 14
	endless  = 0xffffffff
)

// The parts of an operation (linux/bpf_common.h).
const (
	classLD, classLDX, classST, classSTX   = 0, 1, 2, 3
	classALU, classJMP, classRET, classMSC = 4, 5, 6, 7

	modeIMM, modeABS, modeIND, modeMEM, modeLEN, modeMSH = 0x00, 0x20, 0x40, 0x60, 0x80, 0xa0

	opADD, opSUB, opMUL, opDIV, opOR, opAND    = 0x00, 0x10, 0x20, 0x30, 0x40, 0x50
	opLSH, opRSH, opNEG, opMOD, opXOR          = 0x60, 0x70, 0x80, 0x90, 0xa0
	jumpAlways, jumpEQ, jumpGT, jumpGE, jumpOf = 0x00, 0x10, 0x20, 0x30, 0x40

	withX = 0x08
)

// metadataBase is where Linux shows metadata as if it were bytes (SKF_AD_OFF, linux/filter.h).
const metadataBase = 0xfffff000

// run returns what the program says of a frame, or endless. It panics over a program that no machine would run.
func (m *machine) run(frame []byte) uint32 {
	var a, x register
	var scratch [16]register
	var written uint32 // a bit for each word of it
	pc := 0
	for range maxSteps {
		ins := m.program[pc]
		pc++
		operand := register{n: ins.K}
		if ins.Op&withX != 0 {
			operand = x
		}
		ok := true
		switch ins.Op & 7 {
		case classLD:
			switch ins.Op & 0xe0 {
			case modeIMM:
				a = operandOf(ins.K)
			case modeABS:
				if ins.K >= metadataBase {
					a = operandOf(m.meta.word(ins.K - metadataBase))
				} else {
					a, ok = m.load(frame, uint64(ins.K), ins.Op)
				}
			case modeIND:
				a, ok = m.load(frame, uint64(ins.K)+uint64(x.n), ins.Op)
			case modeMEM:
				a = scratch[ins.K]
				m.checkWritten(written, ins.K)
			case modeLEN:
				a = register{n: uint32(len(frame))}
				if m.watch != nil {
					a.origin = &origin{n: a.n}
				}
			default:
				panic(fmt.Sprintf("no load is called %#x", ins.Op))
			}
		case classLDX:
			switch ins.Op & 0xe0 {
			case modeIMM:
				x = operandOf(ins.K)
			case modeMEM:
				x = scratch[ins.K]
				m.checkWritten(written, ins.K)
			case modeLEN:
				x = operandOf(uint32(len(frame)))
			case modeMSH:
				if x, ok = m.load(frame, uint64(ins.K), 0x10); ok {
					x = m.derive(m.derive(x, opAND, 0xf), opLSH, 2)
				}
			default:
				panic(fmt.Sprintf("no load is called %#x", ins.Op))
			}
		case classST:
			scratch[ins.K] = a
			written |= 1 << ins.K
		case classSTX:
			scratch[ins.K] = x
			written |= 1 << ins.K
		case classALU:
			op := ins.Op & 0xf0
			if op == opDIV || op == opMOD { // which branches over a divisor of zero
				ok = operand.n != 0
				if m.watch != nil {
					m.watch.branches = append(m.watch.branches, branch{pc: pc - 1, taken: !ok, test: jumpEQ, value: operand.origin})
				}
			}
			if ok {
				a = m.derive(a, op, operand.n)
			}
		case classJMP:
			test := ins.Op & 0xf0
			if test == jumpAlways {
				if int32(ins.K) < 0 && m.watch != nil {
					m.watch.backwards++
				}
				pc += int(int32(ins.K))
				break
			}
			taken := holds(test, a.n, operand.n)
			if m.watch != nil {
				b := branch{pc: pc - 1, taken: taken, test: test, value: a.origin, with: operand.n}
				if a.origin == nil && ins.Op&withX != 0 {
					b = mirrored(b, x, a.n)
				}
				m.watch.branches = append(m.watch.branches, b)
			}
			if taken {
				pc += int(ins.Jt)
			} else {
				pc += int(ins.Jf)
			}
		case classRET:
			if ins.Op&0x18 == 0x10 {
				return a.n
			}
			return ins.K
		case classMSC:
			if ins.Op == 0x87 {
				a = x
			} else {
				x = a
			}
		}
		if !ok {
			return 0
		}
	}
	return endless
}

func (m *machine) checkWritten(written, word uint32) {
	if m.watch != nil && written>>word&1 == 0 {
		m.watch.unwritten = true
	}
}

func operandOf(n uint32) register { return register{n: n} }

// load reads 4, 2 or 1 bytes of the frame.
func (m *machine) load(frame []byte, at uint64, op uint16) (register, bool) {
	size := map[uint16]int{0x00: 4, 0x08: 2, 0x10: 1}[op&0x18]
	if m.watch != nil && at < 1<<16 {
		m.watch.loads = append(m.watch.loads, load{int(at), size})
	}
	if at+uint64(size) > uint64(len(frame)) {
		return register{}, false
	}
	r := register{n: read(frame[at:], size)}
	if m.watch != nil {
		r.origin = &origin{load: load{int(at), size}, n: r.n}
	}
	return r, true
}

func read(b []byte, size int) uint32 {
	switch size {
	case 1:
		return uint32(b[0])
	case 2:
		return uint32(binary.BigEndian.Uint16(b))
	}
	return binary.BigEndian.Uint32(b)
}

// derive is r through an operation with k.
func (m *machine) derive(r register, op uint16, k uint32) register {
	d := register{n: compute(op, r.n, k)}
	if r.origin != nil {
		d.origin = &origin{from: r.origin, op: op, k: k, n: d.n}
	}
	return d
}

// compute is one operation of the arithmetic unit; shifts by 32 or more give 0, as in libpcap.
func compute(op uint16, a, k uint32) uint32 {
	switch op {
	case opADD:
		return a + k
	case opSUB:
		return a - k
	case opMUL:
		return a * k
	case opDIV:
		return a / k
	case opMOD:
		return a % k
	case opOR:
		return a | k
	case opAND:
		return a & k
	case opXOR:
		return a ^ k
	case opLSH:
		return a << k
	case opRSH:
		return a >> k
	case opNEG:
		return -a
	}
	panic(fmt.Sprintf("no operation is called %#x", op))
}

func holds(test uint16, a, k uint32) bool {
	switch test {
	case jumpEQ:
		return a == k
	case jumpGT:
		return a > k
	case jumpGE:
		return a >= k
	case jumpOf:
		return a&k != 0
	}
	panic(fmt.Sprintf("no jump is called %#x", test))
}

// mirrored is a comparison of a constant in A with a value of the frame in X, seen from X.
func mirrored(b branch, x register, a uint32) branch {
	b.value, b.with = x.origin, a
	switch b.test {
	case jumpGT: // a > x is not x >= a
		b.test, b.taken = jumpGE, !b.taken
	case jumpGE:
		b.test, b.taken = jumpGT, !b.taken
	}
	return b
}

// word is the metadata at an offset (SKF_AD_* of linux/filter.h).
func (m metadata) word(offset uint32) uint32 {
	switch offset {
	case 0:
		return m.protocol
	case 4:
		return m.packetType
	case 8:
		return m.ifindex
	case 44:
		return uint32(m.tci)
	case 48:
		if m.tagged {
			return 1
		}
		return 0
	}
	panic(fmt.Sprintf("no compiler asks for the metadata at %d", offset))
}
