package rawsock

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// machine runs a classic BPF program as the kernel would (bpf_check_classic and the conversion in net/core/filter.c).
// The VM of x/net/bpf has none of the extensions that programs for live sockets load.
//
// A machine was checked when it was made: every jump leads forward and inside, every scratch cell exists, and a
// return comes last. So it always ends, and no frame can make it fail. It does not change: any number of sockets and
// goroutines may run it.
type machine []bpf.RawInstruction

// metadata is what the kernel tells of a frame beside its bytes: the operands of the extensions. It is the same that a
// filter in the kernel sees, but for one kind of frame on cooked links, sent with a VLAN tag among its bytes: since
// Linux 6.11 the kernel tells the tag and the protocol behind it here, and the tag's own type as protocol to its filter.
type metadata struct {
	protocol uint16 // sll_protocol, host byte order
	hardware uint16 // ARPHRD_ number
	kind     uint8  // sll_pkttype
	index    uint32 // of the interface
	tpid     uint16 // of the VLAN tag that was taken out; 0: none was
	tci      uint16
}

// extensions are loads of something that is not in the frame: an absolute load at one of the offsets from SKF_AD_OFF
// on becomes one of these operations, which no instruction of the kernel's has.
const (
	loadProtocol uint16 = 0x100 + iota
	loadKind
	loadIndex
	loadHardware
	loadTag
	loadTagPresent
	loadTagType
	loadRandom
	exclusiveOrX
)

const (
	extensionBase = 0xfffff000 // SKF_AD_OFF of linux/filter.h, -0x1000
	firstNegative = 1 << 31    // offsets from here on do not count from the start of the frame
	scratchCells  = 16         // BPF_MEMWORDS
	registerBits  = 32
	extXorX       = 40 // SKF_AD_ALU_XOR_X
)

var extensions = map[bpf.Extension]uint16{
	bpf.ExtProto:          loadProtocol,
	bpf.ExtType:           loadKind,
	bpf.ExtInterfaceIndex: loadIndex,
	bpf.ExtLinkLayerType:  loadHardware,
	bpf.ExtVLANTag:        loadTag,
	bpf.ExtVLANTagPresent: loadTagPresent,
	bpf.ExtVLANProto:      loadTagType,
	bpf.ExtRand:           loadRandom,
	extXorX:               exclusiveOrX,
}

// newMachine checks a program. An extension or an offset that has no meaning outside the kernel is refused.
func newMachine(program []bpf.RawInstruction) (machine, error) {
	if len(program) == 0 || len(program) > MaxUserInstructions {
		return nil, fmt.Errorf("%w: %d instructions, from 1 to %d run in user space",
			ErrTooLarge, len(program), MaxUserInstructions)
	}
	m := make(machine, len(program))
	for at, in := range program {
		var err error
		if m[at], err = checked(in, uint32(len(program)-at-1)); err != nil {
			return nil, fmt.Errorf("instruction %d (code %#x, k %#x): %w", at, in.Op, in.K, err)
		}
	}
	if last := m[len(m)-1].Op; last != unix.BPF_RET|unix.BPF_K && last != unix.BPF_RET|unix.BPF_A {
		return nil, fmt.Errorf("instruction %d: the last one is no return", len(m)-1)
	}
	return m, nil
}

// checked returns an instruction that run can take without looking, when so many follow it.
func checked(in bpf.RawInstruction, behind uint32) (bpf.RawInstruction, error) {
	switch in.Op {
	case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS,
		unix.BPF_LD | unix.BPF_H | unix.BPF_ABS,
		unix.BPF_LD | unix.BPF_B | unix.BPF_ABS:
		if in.K >= firstNegative {
			extension, known := extensions[bpf.Extension(int32(in.K-extensionBase))]
			if !known {
				return in, fmt.Errorf("%w: it loads what only the kernel knows", ErrFilterRefused)
			}
			in.Op = extension
		}
		return in, nil
	case unix.BPF_LDX | unix.BPF_B | unix.BPF_MSH,
		unix.BPF_LD | unix.BPF_W | unix.BPF_IND, unix.BPF_LD | unix.BPF_H | unix.BPF_IND, unix.BPF_LD | unix.BPF_B | unix.BPF_IND,
		unix.BPF_LD | unix.BPF_IMM, unix.BPF_LDX | unix.BPF_IMM,
		unix.BPF_LD | unix.BPF_W | unix.BPF_LEN, unix.BPF_LDX | unix.BPF_W | unix.BPF_LEN,
		unix.BPF_MISC | unix.BPF_TAX, unix.BPF_MISC | unix.BPF_TXA,
		unix.BPF_RET | unix.BPF_K, unix.BPF_RET | unix.BPF_A,
		unix.BPF_ALU | unix.BPF_NEG:
		return in, nil
	case unix.BPF_LD | unix.BPF_MEM, unix.BPF_LDX | unix.BPF_MEM, unix.BPF_ST, unix.BPF_STX:
		if in.K >= scratchCells {
			return in, fmt.Errorf("there are %d scratch cells", scratchCells)
		}
		return in, nil
	case unix.BPF_JMP | unix.BPF_JA:
		if in.K >= behind {
			return in, errJump
		}
		return in, nil
	}
	switch in.Op &^ unix.BPF_X {
	case unix.BPF_ALU | unix.BPF_DIV, unix.BPF_ALU | unix.BPF_MOD:
		if in.Op&unix.BPF_X == 0 && in.K == 0 {
			return in, errors.New("it divides by zero")
		}
		return in, nil
	case unix.BPF_ALU | unix.BPF_LSH, unix.BPF_ALU | unix.BPF_RSH:
		if in.Op&unix.BPF_X == 0 && in.K >= registerBits {
			return in, fmt.Errorf("it shifts by more than %d bits", registerBits-1)
		}
		return in, nil
	case unix.BPF_ALU | unix.BPF_ADD, unix.BPF_ALU | unix.BPF_SUB, unix.BPF_ALU | unix.BPF_MUL,
		unix.BPF_ALU | unix.BPF_AND, unix.BPF_ALU | unix.BPF_OR, unix.BPF_ALU | unix.BPF_XOR:
		return in, nil
	case unix.BPF_JMP | unix.BPF_JEQ, unix.BPF_JMP | unix.BPF_JGT, unix.BPF_JMP | unix.BPF_JGE, unix.BPF_JMP | unix.BPF_JSET:
		if uint32(in.Jt) >= behind || uint32(in.Jf) >= behind {
			return in, errJump
		}
		return in, nil
	}
	return in, errors.New("no such instruction")
}

var errJump = errors.New("it jumps out of the program")

// run returns how many bytes of a frame the program accepts, 0 for a frame that it refuses. data is what was captured
// of a frame of length bytes: a load behind its end refuses the frame.
func (m machine) run(data []byte, length uint32, t *metadata) uint32 {
	var (
		a, x    uint32
		scratch [scratchCells]uint32
	)
	for at := 0; at < len(m); at++ {
		in := &m[at]
		k := in.K
		switch in.Op {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_IND:
			k += x
			fallthrough
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			if uint64(k)+4 > uint64(len(data)) {
				return 0
			}
			a = binary.BigEndian.Uint32(data[k:])
		case unix.BPF_LD | unix.BPF_H | unix.BPF_IND:
			k += x
			fallthrough
		case unix.BPF_LD | unix.BPF_H | unix.BPF_ABS:
			if uint64(k)+2 > uint64(len(data)) {
				return 0
			}
			a = uint32(binary.BigEndian.Uint16(data[k:]))
		case unix.BPF_LD | unix.BPF_B | unix.BPF_IND:
			k += x
			fallthrough
		case unix.BPF_LD | unix.BPF_B | unix.BPF_ABS:
			if uint64(k) >= uint64(len(data)) {
				return 0
			}
			a = uint32(data[k])
		case unix.BPF_LDX | unix.BPF_B | unix.BPF_MSH:
			if uint64(k) >= uint64(len(data)) {
				return 0
			}
			x = uint32(data[k]&0x0f) * 4
		case unix.BPF_LD | unix.BPF_IMM:
			a = k
		case unix.BPF_LDX | unix.BPF_IMM:
			x = k
		case unix.BPF_LD | unix.BPF_W | unix.BPF_LEN:
			a = length
		case unix.BPF_LDX | unix.BPF_W | unix.BPF_LEN:
			x = length
		case unix.BPF_LD | unix.BPF_MEM:
			a = scratch[k%scratchCells]
		case unix.BPF_LDX | unix.BPF_MEM:
			x = scratch[k%scratchCells]
		case unix.BPF_ST:
			scratch[k%scratchCells] = a
		case unix.BPF_STX:
			scratch[k%scratchCells] = x

		case loadProtocol:
			a = uint32(t.protocol)
		case loadKind:
			a = uint32(t.kind)
		case loadIndex:
			a = t.index
		case loadHardware:
			a = uint32(t.hardware)
		case loadTag:
			a = uint32(t.tci)
		case loadTagPresent:
			a = 0
			if t.tpid != 0 {
				a = 1
			}
		case loadTagType:
			a = uint32(t.tpid)
		case loadRandom:
			a = rand.Uint32()
		case exclusiveOrX:
			a ^= x

		case unix.BPF_ALU | unix.BPF_ADD | unix.BPF_X:
			a += x
		case unix.BPF_ALU | unix.BPF_ADD:
			a += k
		case unix.BPF_ALU | unix.BPF_SUB | unix.BPF_X:
			a -= x
		case unix.BPF_ALU | unix.BPF_SUB:
			a -= k
		case unix.BPF_ALU | unix.BPF_MUL | unix.BPF_X:
			a *= x
		case unix.BPF_ALU | unix.BPF_MUL:
			a *= k
		case unix.BPF_ALU | unix.BPF_DIV | unix.BPF_X:
			if x == 0 {
				return 0
			}
			a /= x
		case unix.BPF_ALU | unix.BPF_DIV:
			a /= k
		case unix.BPF_ALU | unix.BPF_MOD | unix.BPF_X:
			if x == 0 {
				return 0
			}
			a %= x
		case unix.BPF_ALU | unix.BPF_MOD:
			a %= k
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_X:
			a &= x
		case unix.BPF_ALU | unix.BPF_AND:
			a &= k
		case unix.BPF_ALU | unix.BPF_OR | unix.BPF_X:
			a |= x
		case unix.BPF_ALU | unix.BPF_OR:
			a |= k
		case unix.BPF_ALU | unix.BPF_XOR | unix.BPF_X:
			a ^= x
		case unix.BPF_ALU | unix.BPF_XOR:
			a ^= k
		case unix.BPF_ALU | unix.BPF_LSH | unix.BPF_X:
			a <<= x % registerBits
		case unix.BPF_ALU | unix.BPF_LSH:
			a <<= k
		case unix.BPF_ALU | unix.BPF_RSH | unix.BPF_X:
			a >>= x % registerBits
		case unix.BPF_ALU | unix.BPF_RSH:
			a >>= k
		case unix.BPF_ALU | unix.BPF_NEG:
			a = -a

		case unix.BPF_JMP | unix.BPF_JA:
			at += int(k)
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_X:
			at += skip(in, a == x)
		case unix.BPF_JMP | unix.BPF_JEQ:
			at += skip(in, a == k)
		case unix.BPF_JMP | unix.BPF_JGT | unix.BPF_X:
			at += skip(in, a > x)
		case unix.BPF_JMP | unix.BPF_JGT:
			at += skip(in, a > k)
		case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_X:
			at += skip(in, a >= x)
		case unix.BPF_JMP | unix.BPF_JGE:
			at += skip(in, a >= k)
		case unix.BPF_JMP | unix.BPF_JSET | unix.BPF_X:
			at += skip(in, a&x != 0)
		case unix.BPF_JMP | unix.BPF_JSET:
			at += skip(in, a&k != 0)
		case unix.BPF_MISC | unix.BPF_TAX:
			x = a
		case unix.BPF_MISC | unix.BPF_TXA:
			a = x
		case unix.BPF_RET | unix.BPF_K:
			return k
		case unix.BPF_RET | unix.BPF_A:
			return a
		}
	}
	return 0
}

// skip is how many instructions a conditional jump leaves out.
func skip(in *bpf.RawInstruction, taken bool) int {
	if taken {
		return int(in.Jt)
	}
	return int(in.Jf)
}
