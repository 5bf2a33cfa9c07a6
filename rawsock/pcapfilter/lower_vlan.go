package pcapfilter

import "golang.org/x/net/bpf"

const vlanTag = 4 // bytes (IEEE 802.1Q clause 9.3)

// vlan tests for a tag, and for its identifier when one is given, and moves the headers for what
// follows in the text.
func (low *lowering) vlan(n *vlanNode) (cond, error) {
	l := &low.link
	switch {
	case l.labels > 0:
		return nil, low.errorf(n.at(), nil, `"vlan" in front of "mpls"`, "an MPLS label is followed by no VLAN tag")
	case l.kind != Ethernet && !l.cooked():
		return nil, low.errorf(n.at(), nil, "", "vlan asks for an Ethernet header, and here is one of link type %s", nameOf(l.kind))
	case n.id > 0xfff:
		return nil, low.errorf(n.idAt, nil, "0 to 4095", "%d is no VLAN identifier", n.id)
	}
	l.tags++
	if l.live && l.tags == 1 && !l.inner {
		if l.cooked() {
			return l.metadataVLAN(n), nil
		}
		return l.liveVLAN(n), nil
	}
	tagged := l.isTagged()
	if n.id >= 0 {
		tagged = and(tagged, l.tagBytes(uint32(n.id)))
	}
	if l.typeInMetadata {
		// The kernel knows the type in front of the tag, the tag holds the one behind it.
		l.typeInMetadata = false
		l.typeAt = location{offset: l.network + 2}
	} else {
		l.typeAt.offset += vlanTag
	}
	l.network += vlanTag
	return tagged, nil
}

// isTagged tests whether the type is that of a tag.
func (l *linkLayer) isTagged() cond {
	return or(l.typeIs(etherVLAN), l.typeIs(etherQinQ), l.typeIs(etherQinQ9))
}

// tagBytes compares the identifier in a tag that stands where the network header would (IEEE 802.1Q,
// low 12 bits of the TCI).
func (l *linkLayer) tagBytes(id uint32) cond {
	code := append(l.loadShifted(l.network, 2), bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0x0fff})
	return &test{code: code, jump: bpf.JumpEqual, val: id}
}

// hasMetadataTag tests whether the kernel has taken a tag out of the frame.
func hasMetadataTag() cond {
	return &test{code: []bpf.Instruction{bpf.LoadExtension{Num: bpf.ExtVLANTagPresent}}, jump: bpf.JumpEqual, val: 1}
}

// metadataTag compares the identifier of the tag that the kernel has taken out.
func metadataTag(id uint32) cond {
	return &test{
		code: []bpf.Instruction{
			bpf.LoadExtension{Num: bpf.ExtVLANTag},
			bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0x0fff},
		},
		jump: bpf.JumpEqual, val: id,
	}
}

// metadataVLAN looks for the outer tag in the kernel's metadata alone: behind a cooked header there is
// no byte of it. Nothing moves.
func (l *linkLayer) metadataVLAN(n *vlanNode) cond {
	if n.id >= 0 {
		return and(hasMetadataTag(), metadataTag(uint32(n.id)))
	}
	return hasMetadataTag()
}

// liveVLAN looks for the outer tag in the kernel's metadata and then in the bytes: Linux strips it
// from received frames and leaves it in those the host itself sends.
func (l *linkLayer) liveVLAN(n *vlanNode) cond {
	present := hasMetadataTag()
	inBytes := &test{
		code: []bpf.Instruction{
			bpf.LoadConstant{Dst: bpf.RegA, Val: vlanTag},
			bpf.StoreScratch{Src: bpf.RegA, N: shiftSlot},
			bpf.LoadAbsolute{Off: l.typeAt.offset, Size: 2},
		},
		jump: bpf.JumpEqual, val: etherVLAN,
	}
	tagged := or(present, inBytes, l.typeIs(etherQinQ), l.typeIs(etherQinQ9))
	if n.id >= 0 {
		id := uint32(n.id)
		tagged = and(tagged, or(and(present, metadataTag(id)), and(not(present), l.tagBytes(id))))
	}
	l.use(shiftSlot)
	l.shifted = true
	l.typeAt.slot = shiftSlot
	return tagged
}
