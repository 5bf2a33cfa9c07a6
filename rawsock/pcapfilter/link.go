package pcapfilter

import (
	"slices"

	"golang.org/x/net/bpf"
)

// location is where a header begins: a number of bytes known at compile time, plus one that the program
// finds at run time and keeps in a scratch slot. Slot 0 means that there is none: it never holds a place.
type location struct {
	offset uint32
	slot   int
}

// load loads size bytes at a distance from the place.
func (p location) load(distance uint32, size int) []bpf.Instruction {
	if p.slot != 0 {
		return []bpf.Instruction{
			bpf.LoadScratch{Dst: bpf.RegX, N: p.slot},
			bpf.LoadIndirect{Off: p.offset + distance, Size: size},
		}
	}
	return []bpf.Instruction{bpf.LoadAbsolute{Off: p.offset + distance, Size: size}}
}

// linkLayer knows where the headers in force stand. "vlan", "mpls", "pppoes", "geneve" and "vxlan" move
// them for everything behind them in the text.
type linkLayer struct {
	outer LinkType // what the frame begins with
	kind  LinkType // what header stands in front of the network header in force
	live  bool

	header location // addresses of the link layer, and byte 0 of "ether[]"
	typeAt location // number of the protocol behind it
	// typeInMetadata is set while the kernel alone knows that number: on a live cooked link, but for what stands
	// behind a second VLAN tag.
	typeInMetadata bool

	network uint32 // of the header behind the link layer and the MPLS labels
	// shifted is set once the network header stands a number of bytes further that is known at run
	// time alone: scratch[shiftSlot].
	shifted bool

	tags   int  // VLAN tags passed so far
	labels int  // MPLS labels passed since the link layer
	inner  bool // behind PPPoE, GENEVE or VXLAN
	// headless is set where the Ethernet header may be missing, which is so inside GENEVE: then it and
	// the network header stand at the same place.
	headless bool

	// slots are the words of scratch memory that the layout has asked for so far. A program may come to a load of one
	// on a path where nothing has written it.
	slots []int

	// misfit says why the word in hand makes no sense at this place, empty when it does.
	misfit string
}

// newLinkLayer returns the layout of a frame of a link type; ok is false when it is unknown.
func newLinkLayer(kind LinkType, live bool) (l linkLayer, ok bool) {
	l = linkLayer{outer: kind, kind: kind, live: live}
	switch kind {
	case Ethernet: // IEEE 802.3 clause 3.1.1
		l.typeAt.offset, l.network = 12, 14
	case PPP: // RFC 1662 section 3.1
		l.typeAt.offset, l.network = 2, 4
	case Null, Loop:
		l.network = 4
	case Raw, IPv4, IPv6:
	case LinuxSLL, LinuxSLL2:
		switch {
		case live:
			l.typeInMetadata = true
		case kind == LinuxSLL:
			l.typeAt.offset, l.network = 14, 16
		default:
			l.network = 20
		}
	default:
		return linkLayer{}, false
	}
	return l, true
}

// cooked tells whether the program runs on a socket that has taken the link-layer header in force away.
func (l *linkLayer) cooked() bool { return l.live && (l.kind == LinuxSLL || l.kind == LinuxSLL2) }

// use notes that the layout asks for scratch slots.
func (l *linkLayer) use(slots ...int) {
	for _, slot := range slots {
		if !slices.Contains(l.slots, slot) {
			l.slots = append(l.slots, slot)
		}
	}
}

// loadShifted loads size bytes at an offset that moves with the network header.
func (l *linkLayer) loadShifted(offset uint32, size int) []bpf.Instruction {
	p := location{offset: offset}
	if l.shifted {
		p.slot = shiftSlot
	}
	return p.load(0, size)
}

// field compares a field of the network header, or of what follows it at a fixed place.
func (l *linkLayer) field(offset uint32, size int, jump bpf.JumpTest, val uint32) cond {
	return &test{code: l.loadShifted(l.network+offset, size), jump: jump, val: val}
}

// masked compares some bits of a 32-bit field of the network header.
func (l *linkLayer) masked(offset, mask, val uint32) cond {
	return bitsAre(l.loadShifted(l.network+offset, 4), mask, val)
}

// bitsAre compares the bits of mask in what code loads.
func bitsAre(code []bpf.Instruction, mask, val uint32) cond {
	if mask != 0xffffffff {
		code = append(code, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: mask})
	}
	return &test{code: code, jump: bpf.JumpEqual, val: val}
}

// headerLength4 leaves in X the length of the IPv4 header plus the run-time shift: a load at
// network+n relative to X reads byte n behind the header (RFC 791 section 3.1, IHL).
// It destroys A when the program is shifted.
func (l *linkLayer) headerLength4() []bpf.Instruction {
	if !l.shifted {
		return []bpf.Instruction{bpf.LoadMemShift{Off: l.network}}
	}
	return append(l.loadShifted(l.network, 1),
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0x0f},
		bpf.ALUOpConstant{Op: bpf.ALUOpShiftLeft, Val: 2},
		bpf.ALUOpX{Op: bpf.ALUOpAdd},
		bpf.TAX{},
	)
}
