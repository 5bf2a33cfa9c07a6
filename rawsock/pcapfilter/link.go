package pcapfilter

import "golang.org/x/net/bpf"

// linkLayer knows where the headers stand. Offsets count bytes from the start of the frame.
type linkLayer struct {
	kind LinkType
	live bool

	typeOffset uint32 // of the EtherType in force
	network    uint32 // of the header behind the link layer
	tags       int    // VLAN tags passed so far

	// shifted is set once a live program has looked for a tag: it then stands 0 bytes further when
	// the kernel has the tag and 4 when the frame has, as scratch[shiftSlot] says at run time.
	shifted bool
}

// loadShifted loads size bytes at an offset that moves with VLAN tags.
func (l *linkLayer) loadShifted(offset uint32, size int) []bpf.Instruction {
	if l.shifted {
		return []bpf.Instruction{bpf.LoadScratch{Dst: bpf.RegX, N: shiftSlot}, bpf.LoadIndirect{Off: offset, Size: size}}
	}
	return []bpf.Instruction{bpf.LoadAbsolute{Off: offset, Size: size}}
}

// field compares a field of the network header, or of what follows it at a fixed place.
func (l *linkLayer) field(offset uint32, size int, jump bpf.JumpTest, val uint32) cond {
	return &test{code: l.loadShifted(l.network+offset, size), jump: jump, val: val}
}

// masked compares some bits of a 32-bit field of the network header.
func (l *linkLayer) masked(offset, mask, val uint32) cond {
	code := l.loadShifted(l.network+offset, 4)
	if mask != 0xffffffff {
		code = append(code, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: mask})
	}
	return &test{code: code, jump: bpf.JumpEqual, val: val}
}

// etherType tests what the link layer says about the header behind it.
func (l *linkLayer) etherType(val uint32) cond {
	switch l.kind {
	case Raw:
		version := map[uint32]uint32{etherIP: 0x40, etherIPv6: 0x60}[val]
		if version == 0 {
			return constant(false)
		}
		return &test{
			code: []bpf.Instruction{bpf.LoadAbsolute{Off: 0, Size: 1}, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xf0}},
			jump: bpf.JumpEqual, val: version,
		}
	case IPv4:
		return constant(val == etherIP)
	case IPv6:
		return constant(val == etherIPv6)
	}
	return &test{code: l.loadShifted(l.typeOffset, 2), jump: bpf.JumpEqual, val: val}
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

// vlan tests for a tag, and for its identifier when one is given, and moves the headers for what
// follows in the text.
func (low *lowering) vlan(n *vlanNode) (cond, error) {
	l := &low.link
	switch {
	case l.kind != Ethernet:
		return nil, low.errorf(n.at(), nil, "", "frames of link type %d have no VLAN tag", l.kind)
	case n.id > 0xfff:
		return nil, low.errorf(n.at(), nil, "0 to 4095", "%d is no VLAN identifier", n.id)
	}
	if l.live && l.tags == 0 {
		return l.liveVLAN(n), nil
	}
	tagged := or(l.etherType(etherVLAN), l.etherType(etherQinQ), l.etherType(etherQinQ9))
	if n.id >= 0 {
		tagged = and(tagged, l.tagBytes(uint32(n.id)))
	}
	l.pass()
	return tagged, nil
}

// liveVLAN looks for the outer tag in the kernel's metadata and then in the bytes: Linux strips it
// from received frames and leaves it in those the host itself sends.
func (l *linkLayer) liveVLAN(n *vlanNode) cond {
	present := &test{code: []bpf.Instruction{bpf.LoadExtension{Num: bpf.ExtVLANTagPresent}}, jump: bpf.JumpEqual, val: 1}
	inBytes := &test{
		code: []bpf.Instruction{
			bpf.LoadConstant{Dst: bpf.RegA, Val: 4},
			bpf.StoreScratch{Src: bpf.RegA, N: shiftSlot},
			bpf.LoadAbsolute{Off: l.typeOffset, Size: 2},
		},
		jump: bpf.JumpEqual, val: etherVLAN,
	}
	tagged := or(present, inBytes, l.etherType(etherQinQ), l.etherType(etherQinQ9))
	if n.id >= 0 {
		id := &test{
			code: []bpf.Instruction{
				bpf.LoadExtension{Num: bpf.ExtVLANTag},
				bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0x0fff},
			},
			jump: bpf.JumpEqual, val: uint32(n.id),
		}
		tagged = and(tagged, or(and(present, id), and(not(present), l.tagBytes(uint32(n.id)))))
	}
	l.shifted = true
	l.tags++
	return tagged
}

// tagBytes compares the identifier in a tag that stands where the network header would (IEEE 802.1Q,
// low 12 bits of the TCI).
func (l *linkLayer) tagBytes(id uint32) cond {
	code := append(l.loadShifted(l.network, 2), bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0x0fff})
	return &test{code: code, jump: bpf.JumpEqual, val: id}
}

// pass moves the headers behind a tag of 4 bytes.
func (l *linkLayer) pass() {
	l.typeOffset += 4
	l.network += 4
	l.tags++
}

// packetOutgoing is PACKET_OUTGOING of packet(7).
const packetOutgoing = 4

func (low *lowering) direction(n *directionNode) (cond, error) {
	if !low.link.live {
		return nil, low.errorf(n.at(), ErrUnsupported, "", "the direction is known while capturing alone, not from the bytes of a frame")
	}
	out := &test{code: []bpf.Instruction{bpf.LoadExtension{Num: bpf.ExtType}}, jump: bpf.JumpEqual, val: packetOutgoing}
	if n.outbound {
		return out, nil
	}
	return not(out), nil
}
