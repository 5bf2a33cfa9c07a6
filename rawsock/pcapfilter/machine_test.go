package pcapfilter

import (
	"encoding/binary"
	"testing"

	"golang.org/x/net/bpf"
)

// metadata is what the kernel knows of a frame beside its bytes.
type metadata struct {
	tagged   bool
	tci      uint16
	outgoing bool
	protocol uint16
	index    uint32
}

// interpret runs a program the slow and obvious way. Unlike bpf.VM it negates and knows the
// extensions of live programs.
func interpret(t testing.TB, prog []bpf.RawInstruction, frame []byte, meta metadata) uint32 {
	t.Helper()
	var a, x uint32
	var mem [16]uint32
	load := func(at uint64, size uint16) (uint32, bool) {
		n := map[uint16]uint64{0x00: 4, 0x08: 2, 0x10: 1}[size]
		if at+n > uint64(len(frame)) {
			return 0, false
		}
		var word [4]byte
		copy(word[4-n:], frame[at:at+n])
		return binary.BigEndian.Uint32(word[:]), true
	}
	for pc := 0; pc < len(prog); pc++ {
		ins := prog[pc]
		operand := ins.K
		if ins.Op&0x08 != 0 {
			operand = x
		}
		ok := true
		switch ins.Op {
		case 0x00:
			a = ins.K
		case 0x01:
			x = ins.K
		case 0x20, 0x28, 0x30:
			switch ins.K {
			case 0xfffff000:
				a = uint32(meta.protocol)
			case 0xfffff000 + 8:
				a = meta.index
			case 0xfffff000 + 4:
				a = 0
				if meta.outgoing {
					a = packetOutgoing
				}
			case 0xfffff000 + 44:
				a = uint32(meta.tci)
			case 0xfffff000 + 48:
				a = 0
				if meta.tagged {
					a = 1
				}
			default:
				a, ok = load(uint64(ins.K), ins.Op&0x18)
			}
		case 0x40, 0x48, 0x50:
			a, ok = load(uint64(ins.K)+uint64(x), ins.Op&0x18)
		case 0x80:
			a = uint32(len(frame))
		case 0xb1:
			if x, ok = load(uint64(ins.K), 0x10); ok {
				x = x & 0xf * 4
			}
		case 0x60:
			a = mem[ins.K]
		case 0x61:
			x = mem[ins.K]
		case 0x02:
			mem[ins.K] = a
		case 0x03:
			mem[ins.K] = x
		case 0x07:
			x = a
		case 0x87:
			a = x
		case 0x84:
			a = -a
		case 0x04, 0x0c:
			a += operand
		case 0x14, 0x1c:
			a -= operand
		case 0x24, 0x2c:
			a *= operand
		case 0x34, 0x3c:
			if ok = operand != 0; ok {
				a /= operand
			}
		case 0x94, 0x9c:
			if ok = operand != 0; ok {
				a %= operand
			}
		case 0x44, 0x4c:
			a |= operand
		case 0x54, 0x5c:
			a &= operand
		case 0xa4, 0xac:
			a ^= operand
		case 0x64, 0x6c:
			a <<= operand
		case 0x74, 0x7c:
			a >>= operand
		case 0x05:
			pc += int(int32(ins.K)) // libpcap jumps back for protochain
		case 0x15, 0x1d, 0x25, 0x2d, 0x35, 0x3d, 0x45, 0x4d:
			taken := map[uint16]bool{0x15: a == operand, 0x25: a > operand, 0x35: a >= operand, 0x45: a&operand != 0}[ins.Op&^0x08]
			if taken {
				pc += int(ins.Jt)
			} else {
				pc += int(ins.Jf)
			}
		case 0x06:
			return ins.K
		default:
			t.Fatalf("instruction %d: operation %#x is unknown to the test's machine", pc, ins.Op)
		}
		if !ok {
			return 0
		}
	}
	t.Fatal("the program ran past its end")
	return 0
}

// raw assembles a program or fails the test.
func raw(t testing.TB, prog []bpf.Instruction) []bpf.RawInstruction {
	t.Helper()
	r, err := bpf.Assemble(prog)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
