package pcapfilter

import "golang.org/x/net/bpf"

// What tunnels over UDP look like from outside (RFC 8926 section 3.3 and 3.4, RFC 7348 section 5). Both headers
// have eight bytes without options, and the identifier of the network in bytes 4 to 6.
const (
	udpHeader        = 8
	genevePort       = 6081
	vxlanPort        = 4789
	tunnelHeader     = 8
	tunnelIdentifier = 4
	etherBridged     = 0x6558 // the protocol field of GENEVE for an Ethernet frame
)

// geneve tests for a GENEVE packet of version 0, and for its network when one is given, and moves the headers to the
// packet inside. That is an Ethernet frame or a network header without one, as its protocol field says at run time.
func (low *lowering) geneve(n *encapsulationNode) (cond, error) {
	if n.id > 0xffffff {
		return nil, low.errorf(n.idAt, nil, "0 to 16777215", "%d is no GENEVE network identifier", n.id)
	}
	l := &low.link
	isGeneve := l.tunnel(genevePort, n.id, func(load loader) cond {
		return bitsAre(load(0, 1), 0xc0, 0)
	}, typeSlot, 0)
	// Behind a header with options: A = 8 + 4 * their length in words.
	isBridged := &test{
		code: []bpf.Instruction{
			bpf.LoadScratch{Dst: bpf.RegX, N: typeSlot},
			bpf.LoadIndirect{Off: 0, Size: 1},
			bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0x3f},
			bpf.ALUOpConstant{Op: bpf.ALUOpShiftLeft, Val: 2},
			bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: tunnelHeader},
			bpf.ALUOpX{Op: bpf.ALUOpAdd},
			bpf.StoreScratch{Src: bpf.RegA, N: headerSlot},
			bpf.StoreScratch{Src: bpf.RegA, N: shiftSlot},
			bpf.TXA{},
			bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: 2},
			bpf.StoreScratch{Src: bpf.RegA, N: typeSlot},
			bpf.LoadIndirect{Off: 2, Size: 2},
		},
		jump: bpf.JumpEqual, val: etherBridged,
	}
	passEthernet := always(
		bpf.LoadScratch{Dst: bpf.RegA, N: headerSlot},
		bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: 12},
		bpf.StoreScratch{Src: bpf.RegA, N: typeSlot},
		bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: 2},
		bpf.StoreScratch{Src: bpf.RegA, N: shiftSlot},
	)
	l.use(shiftSlot, typeSlot, headerSlot)
	l.enter(Ethernet, location{slot: headerSlot})
	l.headless = true
	l.typeAt = location{slot: typeSlot}
	l.network, l.shifted = 0, true
	return and(isGeneve, or(not(isBridged), passEthernet)), nil
}

// vxlan tests for a VXLAN packet, and for its network when one is given, and moves the headers to the Ethernet frame
// inside.
func (low *lowering) vxlan(n *encapsulationNode) (cond, error) {
	if n.id > 0xffffff {
		return nil, low.errorf(n.idAt, nil, "0 to 16777215", "%d is no VXLAN network identifier", n.id)
	}
	l := &low.link
	isVXLAN := l.tunnel(vxlanPort, n.id, func(load loader) cond {
		// The flag that says there is an identifier. The others are reserved, and extensions use them.
		return &test{code: load(0, 1), jump: bpf.JumpBitsSet, val: 0x08}
	}, shiftSlot, tunnelHeader)
	l.use(shiftSlot)
	l.enter(Ethernet, location{slot: shiftSlot})
	l.typeAt = location{offset: 12, slot: shiftSlot}
	l.network, l.shifted = 14, true
	return isVXLAN, nil
}

// loader makes the code that loads size bytes at an offset into some header.
type loader func(offset uint32, size int) []bpf.Instruction

// tunnel tests for UDP to a port over either version of IP, for a tunnel's header that valid accepts, and for the
// identifier of the network unless it is negative. Where all that holds, the program keeps in a scratch slot the place
// that is a distance behind where that header begins.
func (l *linkLayer) tunnel(port uint32, id int64, valid func(loader) cond, slot int, distance uint32) cond {
	over := func(load loader) cond {
		inside := func(offset uint32, size int) []bpf.Instruction { return load(udpHeader+offset, size) }
		is := and(&test{code: load(2, 2), jump: bpf.JumpEqual, val: port}, valid(inside))
		if id >= 0 {
			is = and(is, bitsAre(inside(tunnelIdentifier, 4), 0xffffff00, uint32(id)<<8))
		}
		return is
	}
	keep := func(code []bpf.Instruction, constant uint32) cond {
		return always(append(code,
			bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: l.network + constant + udpHeader + distance},
			bpf.StoreScratch{Src: bpf.RegA, N: slot})...)
	}
	four := and(
		l.etherType(etherIP), l.field(protocol4, 1, bpf.JumpEqual, protoUDP), not(l.field(fragment4, 2, bpf.JumpBitsSet, 0x1fff)),
		over(func(offset uint32, size int) []bpf.Instruction {
			return append(l.headerLength4(), bpf.LoadIndirect{Off: l.network + offset, Size: size})
		}),
		keep(append(l.headerLength4(), bpf.TXA{}), 0))
	shift := bpf.Instruction(bpf.LoadConstant{Dst: bpf.RegA})
	if l.shifted {
		shift = bpf.LoadScratch{Dst: bpf.RegA, N: shiftSlot}
	}
	six := and(
		l.etherType(etherIPv6), l.field(nextHeader6, 1, bpf.JumpEqual, protoUDP),
		over(func(offset uint32, size int) []bpf.Instruction { return l.loadShifted(l.network+header6+offset, size) }),
		keep([]bpf.Instruction{shift}, header6))
	return or(four, six)
}

// always is a condition that holds, for the sake of the code that it runs.
func always(code ...bpf.Instruction) cond {
	return &test{code: code, jump: bpf.JumpGreaterOrEqual, val: 0}
}
