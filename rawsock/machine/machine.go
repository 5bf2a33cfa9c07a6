// Package machine runs classic BPF programs as Linux would (bpf_check_classic and the conversion in net/core/filter.c),
// with the extensions that programs for live sockets load and the virtual machine of golang.org/x/net/bpf does not have.
// It runs on any system.
package machine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"

	"golang.org/x/net/bpf"
)

// MaxInstructions is the longest program that New takes: sixteen times what the kernel does.
const MaxInstructions = 1 << 16

// ErrTooLarge: a program is longer than MaxInstructions.
var ErrTooLarge = errors.New("the program is too large")

// Program is a program that was checked: every jump leads forward and inside, every scratch cell exists, and a return
// comes last. So it always ends, and no frame can make it fail. It does not change: any number of goroutines may run it.
// The zero Program accepts nothing.
type Program struct {
	code []bpf.RawInstruction
}

// Metadata is what the kernel tells of a frame beside its bytes: the operands of the extensions. It is the same that a
// filter in the kernel sees, but for frames on cooked links that have a VLAN tag among their bytes, because they are sent or
// have two tags: since Linux 6.11 the kernel tells the protocol behind all tags here, and the type of the tag as protocol to
// its filter. Of a frame that is sent, it takes the tag out of the bytes here.
type Metadata struct {
	Protocol uint16 // sll_protocol, host byte order
	Hardware uint16 // ARPHRD_ number
	Kind     uint8  // sll_pkttype
	Index    uint32 // of the interface
	TPID     uint16 // of the VLAN tag that was taken out; 0: none was
	TCI      uint16
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

// ExtensionBase is the offset from which on an absolute load asks for an extension: SKF_AD_OFF of linux/filter.h, -0x1000.
const ExtensionBase = 0xfffff000

const (
	firstNegative = 1 << 31 // offsets from here on do not count from the start of the frame
	scratchCells  = 16      // BPF_MEMWORDS
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

// New checks a program and keeps a copy of it. An extension or an offset that has no meaning outside the kernel is refused.
func New(program []bpf.RawInstruction) (*Program, error) {
	switch {
	case len(program) == 0:
		return nil, errors.New("the program is empty: what accepts all has one instruction")
	case len(program) > MaxInstructions:
		return nil, fmt.Errorf("%w: %d instructions, at most %d run in user space", ErrTooLarge, len(program), MaxInstructions)
	}
	code := make([]bpf.RawInstruction, len(program))
	for at, in := range program {
		var err error
		if code[at], err = checked(in, uint32(len(program)-at-1)); err != nil {
			return nil, fmt.Errorf("instruction %d (code %#x, k %#x): %w", at, in.Op, in.K, err)
		}
	}
	if last := code[len(code)-1].Op; last != classRET|withK && last != classRET|withA {
		return nil, fmt.Errorf("instruction %d: the last one is no return", len(code)-1)
	}
	return &Program{code}, nil
}

// checked returns an instruction that Run can take without looking, when so many follow it.
func checked(in bpf.RawInstruction, behind uint32) (bpf.RawInstruction, error) {
	switch in.Op {
	case classLD | sizeW | modeABS,
		classLD | sizeH | modeABS,
		classLD | sizeB | modeABS:
		if in.K >= firstNegative {
			extension, known := extensions[bpf.Extension(int32(in.K-ExtensionBase))]
			if !known {
				return in, errors.New("it loads what only the kernel knows")
			}
			in.Op = extension
		}
		return in, nil
	case classLDX | sizeB | modeMSH,
		classLD | sizeW | modeIND, classLD | sizeH | modeIND, classLD | sizeB | modeIND,
		classLD | modeIMM, classLDX | modeIMM,
		classLD | sizeW | modeLEN, classLDX | sizeW | modeLEN,
		classMISC | moveTAX, classMISC | moveTXA,
		classRET | withK, classRET | withA,
		classALU | opNEG:
		return in, nil
	case classLD | modeMEM, classLDX | modeMEM, classST, classSTX:
		if in.K >= scratchCells {
			return in, fmt.Errorf("there are %d scratch cells", scratchCells)
		}
		return in, nil
	case classJMP | jumpJA:
		if in.K >= behind {
			return in, errJump
		}
		return in, nil
	}
	switch in.Op &^ withX {
	case classALU | opDIV, classALU | opMOD:
		if in.Op&withX == 0 && in.K == 0 {
			return in, errors.New("it divides by zero")
		}
		return in, nil
	case classALU | opLSH, classALU | opRSH:
		if in.Op&withX == 0 && in.K >= registerBits {
			return in, fmt.Errorf("it shifts by more than %d bits", registerBits-1)
		}
		return in, nil
	case classALU | opADD, classALU | opSUB, classALU | opMUL,
		classALU | opAND, classALU | opOR, classALU | opXOR:
		return in, nil
	case classJMP | jumpJEQ, classJMP | jumpJGT, classJMP | jumpJGE, classJMP | jumpJSET:
		if uint32(in.Jt) >= behind || uint32(in.Jf) >= behind {
			return in, errJump
		}
		return in, nil
	}
	return in, errors.New("no such instruction")
}

var errJump = errors.New("it jumps out of the program")

// Run returns how many bytes of a frame the program accepts, 0 for a frame that it refuses. data is what was captured
// of a frame of length bytes: a load behind its end refuses the frame. It allocates nothing.
func (p *Program) Run(data []byte, length uint32, t *Metadata) uint32 {
	var (
		a, x    uint32
		scratch [scratchCells]uint32
	)
	code := p.code
	for at := 0; at < len(code); at++ {
		in := &code[at]
		k := in.K
		switch in.Op {
		case classLD | sizeW | modeIND:
			k += x
			fallthrough
		case classLD | sizeW | modeABS:
			if uint64(k)+4 > uint64(len(data)) {
				return 0
			}
			a = binary.BigEndian.Uint32(data[k:])
		case classLD | sizeH | modeIND:
			k += x
			fallthrough
		case classLD | sizeH | modeABS:
			if uint64(k)+2 > uint64(len(data)) {
				return 0
			}
			a = uint32(binary.BigEndian.Uint16(data[k:]))
		case classLD | sizeB | modeIND:
			k += x
			fallthrough
		case classLD | sizeB | modeABS:
			if uint64(k) >= uint64(len(data)) {
				return 0
			}
			a = uint32(data[k])
		case classLDX | sizeB | modeMSH:
			if uint64(k) >= uint64(len(data)) {
				return 0
			}
			x = uint32(data[k]&0x0f) * 4
		case classLD | modeIMM:
			a = k
		case classLDX | modeIMM:
			x = k
		case classLD | sizeW | modeLEN:
			a = length
		case classLDX | sizeW | modeLEN:
			x = length
		case classLD | modeMEM:
			a = scratch[k%scratchCells]
		case classLDX | modeMEM:
			x = scratch[k%scratchCells]
		case classST:
			scratch[k%scratchCells] = a
		case classSTX:
			scratch[k%scratchCells] = x

		case loadProtocol:
			a = uint32(t.Protocol)
		case loadKind:
			a = uint32(t.Kind)
		case loadIndex:
			a = t.Index
		case loadHardware:
			a = uint32(t.Hardware)
		case loadTag:
			a = uint32(t.TCI)
		case loadTagPresent:
			a = 0
			if t.TPID != 0 {
				a = 1
			}
		case loadTagType:
			a = uint32(t.TPID)
		case loadRandom:
			a = rand.Uint32()
		case exclusiveOrX:
			a ^= x

		case classALU | opADD | withX:
			a += x
		case classALU | opADD:
			a += k
		case classALU | opSUB | withX:
			a -= x
		case classALU | opSUB:
			a -= k
		case classALU | opMUL | withX:
			a *= x
		case classALU | opMUL:
			a *= k
		case classALU | opDIV | withX:
			if x == 0 {
				return 0
			}
			a /= x
		case classALU | opDIV:
			a /= k
		case classALU | opMOD | withX:
			if x == 0 {
				return 0
			}
			a %= x
		case classALU | opMOD:
			a %= k
		case classALU | opAND | withX:
			a &= x
		case classALU | opAND:
			a &= k
		case classALU | opOR | withX:
			a |= x
		case classALU | opOR:
			a |= k
		case classALU | opXOR | withX:
			a ^= x
		case classALU | opXOR:
			a ^= k
		case classALU | opLSH | withX:
			a <<= x % registerBits
		case classALU | opLSH:
			a <<= k
		case classALU | opRSH | withX:
			a >>= x % registerBits
		case classALU | opRSH:
			a >>= k
		case classALU | opNEG:
			a = -a

		case classJMP | jumpJA:
			at += int(k)
		case classJMP | jumpJEQ | withX:
			at += skip(in, a == x)
		case classJMP | jumpJEQ:
			at += skip(in, a == k)
		case classJMP | jumpJGT | withX:
			at += skip(in, a > x)
		case classJMP | jumpJGT:
			at += skip(in, a > k)
		case classJMP | jumpJGE | withX:
			at += skip(in, a >= x)
		case classJMP | jumpJGE:
			at += skip(in, a >= k)
		case classJMP | jumpJSET | withX:
			at += skip(in, a&x != 0)
		case classJMP | jumpJSET:
			at += skip(in, a&k != 0)
		case classMISC | moveTAX:
			x = a
		case classMISC | moveTXA:
			a = x
		case classRET | withK:
			return k
		case classRET | withA:
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
