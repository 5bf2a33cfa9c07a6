package pcapfilter

import "golang.org/x/net/bpf"

// Values of the type field of cooked frames that stand for no EtherType (linux/if_ether.h).
const (
	cooked8023 = 0x0001 // a Novell frame: IPX without an 802.2 header
	cooked8022 = 0x0004 // an 802.2 header follows
)

// Address families in the word that Null and Loop frames begin with. AF_INET is 2 everywhere, AF_INET6 has
// a number of its own on every system.
const (
	familyIP            = 2
	familyIP6Linux      = 10
	familyIP6BSD        = 24 // NetBSD, OpenBSD
	familyIP6FreeBSD    = 28
	familyIP6Darwin     = 30
	protocolMPLSOverPPP = 0x0281 // RFC 3032 section 4.3
)

// etherType tests what the link layer says about the header behind it. A number up to maxLength is a
// service access point of IEEE 802.2.
func (l *linkLayer) etherType(val uint32) cond {
	if l.labels > 0 {
		return l.typeBehindMPLS(val)
	}
	switch l.kind {
	case PPP:
		return l.typeIs(pppProtocol(val))
	case LinuxSLL, LinuxSLL2:
		return l.cookedType(val)
	case Null, Loop:
		return l.family(val)
	case Raw:
		switch val {
		case etherIP:
			return l.version(4)
		case etherIPv6:
			return l.version(6)
		}
		return constant(false)
	case IPv4:
		return constant(val == etherIP)
	case IPv6:
		return constant(val == etherIPv6)
	}
	return l.ethernetType(val)
}

// loadType loads the 16 bits that number the protocol behind the link layer.
func (l *linkLayer) loadType() []bpf.Instruction {
	if l.typeInMetadata {
		return []bpf.Instruction{bpf.LoadExtension{Num: bpf.ExtProto}}
	}
	return l.typeAt.load(0, 2)
}

func (l *linkLayer) typeIs(val uint32) cond {
	return &test{code: l.loadType(), jump: bpf.JumpEqual, val: val}
}

// version tests the version of an IP header.
func (l *linkLayer) version(n uint32) cond {
	return bitsAre(l.loadShifted(l.network, 1), 0xf0, n<<4)
}

// typeBehindMPLS tests the version behind the last label, which no field tells (RFC 3032 section 2.2).
func (l *linkLayer) typeBehindMPLS(val uint32) cond {
	version := map[uint32]uint32{etherIP: 4, etherIPv6: 6}[val]
	if version == 0 {
		l.misfit = "behind an MPLS label there is IPv4 or IPv6, nothing else is told apart"
		return constant(false)
	}
	return and(l.bottomOfStack(1), l.version(version))
}

// bottomOfStack compares the S bit of the label passed last (RFC 3032 section 2.1).
func (l *linkLayer) bottomOfStack(val uint32) cond {
	return bitsAre(l.loadShifted(l.network-2, 1), 0x01, val)
}

// family tests the address family of Null and Loop frames. That of Loop is in network byte order and that of
// Null in the order of the machine that wrote it, which a family number itself betrays: it fits in one byte.
func (l *linkLayer) family(val uint32) cond {
	var families []uint32
	switch val {
	case etherIP:
		families = []uint32{familyIP}
	case etherIPv6:
		families = []uint32{familyIP6Darwin, familyIP6BSD, familyIP6FreeBSD, familyIP6Linux}
	default:
		return constant(false)
	}
	var alternatives []cond
	for _, f := range families {
		if l.kind == Null {
			alternatives = append(alternatives, &test{code: l.header.load(0, 4), jump: bpf.JumpEqual, val: f << 24})
		}
		alternatives = append(alternatives, &test{code: l.header.load(0, 4), jump: bpf.JumpEqual, val: f})
	}
	return or(alternatives...)
}

// pppProtocol maps an EtherType or a service access point to the number that PPP gives the protocol (IANA
// PPP DLL protocol numbers); any other number is one of PPP already.
func pppProtocol(val uint32) uint32 {
	switch val {
	case etherIP:
		return 0x0021
	case etherIPv6:
		return 0x0057
	case etherDECnet:
		return 0x0027
	case etherAppleTalk:
		return 0x0029
	case etherNS:
		return 0x0025
	case sapISO:
		return 0x0023
	case sapSTP:
		return 0x0031
	case sapIPX:
		return 0x002b
	}
	return val
}
