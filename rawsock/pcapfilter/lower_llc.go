package pcapfilter

import (
	"strings"

	"golang.org/x/net/bpf"
)

// maxLength is the largest value of an Ethernet type field that is a length; an 802.2 header follows it.
const maxLength = 1500

// Service access points of IEEE 802.2.
const (
	sapIP      = 0x06
	sapSTP     = 0x42
	sapIPX     = 0xe0
	sapNetBEUI = 0xf0
	sapISO     = 0xfe
)

// EtherTypes of protocols that have a short name in the language.
const (
	etherNS        = 0x0600 // Xerox Network Systems
	etherMOPDL     = 0x6001
	etherMOPRC     = 0x6002
	etherDECnet    = 0x6003
	etherLAT       = 0x6004
	etherSCA       = 0x6007
	etherAppleTalk = 0x809b
	etherAARP      = 0x80f3
	etherIPX       = 0x8137
)

// Organization codes in SNAP headers (RFC 1042, Inside AppleTalk chapter 3).
const (
	snapEthernet = 0x000000
	snapApple    = 0x080007
)

// linkProtocols are the short names that stand for an EtherType or a service access point.
var linkProtocols = map[string]uint32{
	"atalk": etherAppleTalk, "aarp": etherAARP, "decnet": etherDECnet, "lat": etherLAT, "sca": etherSCA,
	"moprc": etherMOPRC, "mopdl": etherMOPDL,
	"pppoed": etherPPPoED, "iso": sapISO, "stp": sapSTP, "ipx": sapIPX, "netbeui": sapNetBEUI,
}

// ethernetType tests the type field, and the 802.2 header behind it for the protocols that use one.
func (l *linkLayer) ethernetType(val uint32) cond {
	isLength := not(&test{code: l.loadType(), jump: bpf.JumpGreaterThan, val: maxLength})
	switch val {
	case sapISO, sapIP, sapNetBEUI:
		return and(isLength, l.bothSAPs(val))
	case sapIPX:
		return or(l.typeIs(etherIPX),
			and(isLength, or(l.snap(snapEthernet, etherIPX), l.destinationSAP(sapIPX), l.novell())))
	case etherAppleTalk:
		return or(l.typeIs(val), and(isLength, l.snap(snapApple, val)))
	case etherAARP:
		return or(l.typeIs(val), and(isLength, l.snap(snapEthernet, val)))
	}
	if val <= maxLength {
		return and(isLength, &test{code: l.typeAt.load(2, 1), jump: bpf.JumpEqual, val: val})
	}
	return l.typeIs(val)
}

// cookedType is ethernetType for frames whose type field the Linux kernel has filled in.
func (l *linkLayer) cookedType(val uint32) cond {
	has8022 := l.typeIs(cooked8022)
	switch val {
	case sapISO, sapIP, sapNetBEUI:
		return and(has8022, l.bothSAPs(val))
	case sapIPX:
		return or(l.typeIs(etherIPX), l.typeIs(cooked8023),
			and(has8022, or(l.destinationSAP(sapIPX), l.snap(snapEthernet, etherIPX))))
	case etherAppleTalk:
		return or(l.typeIs(val), and(has8022, l.snap(snapApple, val)))
	case etherAARP:
		return or(l.typeIs(val), and(has8022, l.snap(snapEthernet, val)))
	}
	if val <= maxLength {
		return and(has8022, l.destinationSAP(val))
	}
	return l.typeIs(val)
}

// loadLLC loads from the 802.2 header, which follows the link layer without labels between.
func (l *linkLayer) loadLLC(offset uint32, size int) []bpf.Instruction {
	return l.loadShifted(l.network-mplsLabel*uint32(l.labels)+offset, size)
}

func (l *linkLayer) destinationSAP(val uint32) cond {
	return &test{code: l.loadLLC(0, 1), jump: bpf.JumpEqual, val: val}
}

func (l *linkLayer) bothSAPs(val uint32) cond {
	return &test{code: l.loadLLC(0, 2), jump: bpf.JumpEqual, val: val<<8 | val}
}

// novell tests for IPX without an 802.2 header, which begins with a checksum that is not used.
func (l *linkLayer) novell() cond {
	return &test{code: l.loadLLC(0, 2), jump: bpf.JumpEqual, val: 0xffff}
}

// snap tests for an unnumbered frame of an organization's protocol (IEEE 802 clause 9.3).
func (l *linkLayer) snap(organization, protocol uint32) cond {
	return and(
		&test{code: l.loadLLC(4, 4), jump: bpf.JumpEqual, val: organization<<16 | protocol},
		&test{code: l.loadLLC(0, 4), jump: bpf.JumpEqual, val: 0xaaaa0300 | organization>>16})
}

// controls are the types of 802.2 frames: the bits of the control field that tell one, and their values
// (IEEE 802.2 clause 5.4). "i" is not among them: it is told by a bit that is clear.
var controls = map[string]struct{ mask, val uint32 }{
	"s": {0x03, 0x01}, "rr": {0x0f, 0x01}, "rnr": {0x0f, 0x05}, "rej": {0x0f, 0x09},
	"u": {0x03, 0x03}, "ui": {0xef, 0x03}, "ua": {0xef, 0x63}, "disc": {0xef, 0x43}, "dm": {0xef, 0x0f}, "sabme": {0xef, 0x6f},
	"test": {0xef, 0xe3}, "xid": {0xef, 0xaf}, "frmr": {0xef, 0x87},
}

// llc lowers "llc" and its types.
func (low *lowering) llc(n *llcNode) (cond, error) {
	l := &low.link
	if l.kind != Ethernet {
		return nil, low.errorf(n.at(), nil, "",
			"llc asks for an Ethernet header, and here is one of link type %s", nameOf(l.kind))
	}
	is := and(not(&test{code: l.loadType(), jump: bpf.JumpGreaterThan, val: maxLength}), not(l.novell()))
	if n.kind.kind == tokEnd {
		return is, nil
	}
	kind := strings.ToLower(n.kind.text)
	if kind == "i" {
		return and(is, not(&test{code: l.loadLLC(2, 1), jump: bpf.JumpBitsSet, val: 0x01})), nil
	}
	control, ok := controls[kind]
	if !ok {
		return nil, low.errorf(n.kind.pos, nil, "i, s, u, rr, rnr, rej, ui, ua, disc, dm, sabme, test, xid or frmr",
			"%s is no type of 802.2 frame", n.kind.shown())
	}
	return and(is, bitsAre(l.loadLLC(2, 1), control.mask, control.val)), nil
}
