package rawsock

import (
	"errors"
	"fmt"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Parts are what a filter does, in this order, with a frame that the expression accepts.
type Parts struct {
	Own      Own      // own traffic is rejected
	Sampling Sampling // of the rest one in so many is kept
	Names    *Names   // what is kept is cut to the length that the expression returns, unless it carries names; nil: all of it is
	Long     uint32   // bytes that are kept of a frame that carries names
}

// errManyLengths: an expression accepts with one length, as those of pcapfilter do.
var errManyLengths = errors.New("the program accepts with several lengths")

// Program puts parts behind the program of an expression, for frames of this link type. They look behind up to two
// VLAN tags and a PPPoE session header, because the same packets cross the interface below a VLAN or PPPoE interface again.
// A frame that is too short for a header is not own traffic, carries no name, and takes its chance at random.
//
// All parts read the headers once. The whole is kept small, because the room that a kernel has for programs is.
func Program(link LinkType, p Parts, expression []bpf.Instruction) ([]bpf.Instruction, error) {
	if n := len(p.Own.Connections) + len(p.Own.Listeners); n > maxOwn {
		return nil, fmt.Errorf("rawsock: %d own endpoints, at most %d fit into a filter", n, maxOwn)
	} else if n == 0 && !p.Sampling.some() && p.Names == nil {
		return expression, nil
	}
	short, err := accepted(expression)
	if err != nil {
		return nil, fmt.Errorf("rawsock: link type %d: %w", link, err)
	}
	a := &builder{newAssembler(), p, link}
	if err := a.headers(); err != nil {
		return nil, err
	}
	a.label("ip")
	a.sampleTransport()
	a.label("kept")
	if p.Names != nil {
		a.names(*p.Names, p.Long)
	}
	a.label("short")
	a.emit(bpf.RetConstant{Val: short})
	a.label("reject")
	a.emit(bpf.RetConstant{Val: 0})

	whole := make([]bpf.Instruction, len(expression))
	for i, instruction := range expression {
		if r, ok := instruction.(bpf.RetConstant); ok && r.Val != 0 {
			instruction = bpf.Jump{Skip: uint32(len(expression) - i - 1)}
		}
		whole[i] = instruction
	}
	return append(whole, a.link()...), nil
}

// accepted is what a program returns for every frame that it accepts.
func accepted(program []bpf.Instruction) (uint32, error) {
	var length uint32
	for _, instruction := range program {
		switch r := instruction.(type) {
		case bpf.RetA:
			return 0, errManyLengths
		case bpf.RetConstant:
			if r.Val != 0 && length != 0 && r.Val != length {
				return 0, errManyLengths
			}
			length = max(length, r.Val)
		}
	}
	return length, nil
}

// builder assembles the parts.
type builder struct {
	*assembler
	Parts
	linkType LinkType
}

// Words of scratch memory. All of them are written before "ip" on every way there: the kernel demands it.
const (
	slotNetwork   = iota // offset of the IP header
	slotProtocol         // IP protocol number behind the IP header, or one of those below
	slotTransport        // offset of what is behind the IP header
	slotFragment         // IPv4: the bit More Fragments and the fragment offset, else 0
	slotHash             // of the addresses
	slotFree             // and all above
)

// In slotProtocol.
const (
	protocolNone = 0x100 // no IP
	protocolLLDP = 0x101
)

const (
	etherIPv4   = 0x0800
	etherIPv6   = 0x86dd
	etherVLAN   = 0x8100
	etherQinQ   = 0x88a8
	etherOldQ   = 0x9100
	etherPPPoE  = 0x8864
	etherLLDP   = 0x88cc
	pppIPv4     = 0x0021
	pppIPv6     = 0x0057
	protocolTCP = 6
	protocolUDP = 17
)

// headers finds the IP header and reads it into scratch memory. It leaves to "ip", to "mix" or "kept" when there is none,
// and to "reject" with own traffic.
func (b *builder) headers() error {
	switch b.linkType {
	case LinkEthernet:
		b.findBehindEtherType(14)
	case LinkCooked:
		b.findBehindEtherType(0)
	case LinkRaw:
		b.findByVersion()
	default:
		return fmt.Errorf("rawsock: link type %d is none that this package opens", b.linkType)
	}
	b.label("4") // RFC 791 §3.1
	b.need(20, "other")
	b.emit(bpf.StoreScratch{Src: bpf.RegX, N: slotNetwork})
	b.at(6, 2)
	b.compute(bpf.ALUOpAnd, 0x3fff)
	b.store(slotFragment)
	b.at(9, 1)
	b.store(slotProtocol)
	b.at(0, 1)
	b.compute(bpf.ALUOpAnd, 15)
	b.compute(bpf.ALUOpShiftLeft, 2)
	b.computeX(bpf.ALUOpAdd)
	b.store(slotTransport)
	b.exclude(false)
	b.sampleAddresses4()
	b.jump("ip")
	b.label("6") // RFC 8200 §3
	b.need(40, "other")
	b.emit(bpf.StoreScratch{Src: bpf.RegX, N: slotNetwork}, bpf.LoadConstant{Dst: bpf.RegA})
	b.store(slotFragment)
	b.at(6, 1)
	b.store(slotProtocol)
	b.emit(bpf.TXA{})
	b.compute(bpf.ALUOpAdd, 40)
	b.store(slotTransport)
	b.exclude(true)
	b.sampleAddresses6()
	b.jump("ip")

	const lldp = "lldp"
	b.label(lldp)
	b.emit(bpf.LoadConstant{Dst: bpf.RegA, Val: protocolLLDP})
	b.jump("not ip")
	b.label("other")
	b.emit(bpf.LoadConstant{Dst: bpf.RegA, Val: protocolNone})
	b.label("not ip")
	b.store(slotProtocol)
	b.emit(bpf.LoadConstant{Dst: bpf.RegA})
	b.store(slotFragment)
	b.store(slotTransport)
	b.sampleLinkAddresses()
	return nil
}

// findBehindEtherType leads to "4" or "6" with the offset of the IP header in X, to "lldp" or to "other". The first header behind
// an EtherType is at offset; at 0 that type is known to the kernel alone.
func (b *builder) findBehindEtherType(offset uint32) {
	for tags := 0; ; tags++ {
		if offset == 0 {
			b.emit(bpf.LoadExtension{Num: bpf.ExtProto})
		} else {
			b.emit(bpf.LoadExtension{Num: bpf.ExtLen})
			b.jumpLess(offset, "other")
			b.emit(bpf.LoadAbsolute{Off: offset - 2, Size: 2})
		}
		b.emit(bpf.LoadConstant{Dst: bpf.RegX, Val: offset})
		b.jumpEqual(etherIPv4, "4")
		b.jumpEqual(etherIPv6, "6")
		b.jumpEqual(etherPPPoE, "pppoe")
		if tags == 0 {
			b.jumpEqual(etherLLDP, "lldp")
		}
		if tags == 2 {
			b.jump("other")
			break
		}
		tagged := b.fresh()
		b.jumpEqual(etherVLAN, tagged)
		b.jumpEqual(etherQinQ, tagged)
		b.jumpNotEqual(etherOldQ, "other")
		b.label(tagged)
		if offset == 0 {
			// Of a frame on its way out the kernel may have put the tag in front of what it shows here.
			b.emit(bpf.LoadExtension{Num: bpf.ExtType})
			b.jumpEqual(unix.PACKET_OUTGOING, "version")
		}
		offset += 4
	}
	b.label("pppoe") // RFC 2516 §4: six bytes, and the PPP protocol
	b.need(8, "other")
	b.at(6, 2)
	b.store(slotFree)
	b.emit(bpf.TXA{})
	b.compute(bpf.ALUOpAdd, 8)
	b.emit(bpf.TAX{})
	b.load(slotFree)
	b.jumpEqual(pppIPv6, "6")
	if b.linkType != LinkCooked {
		b.jumpNotEqual(pppIPv4, "other")
		return
	}
	b.jumpEqual(pppIPv4, "4")
	b.jump("other")
	b.label("version")
	b.findByVersion()
}

func (b *builder) findByVersion() {
	b.emit(bpf.LoadExtension{Num: bpf.ExtLen})
	b.jumpLess(1, "other")
	b.emit(bpf.LoadConstant{Dst: bpf.RegX}, bpf.LoadAbsolute{Off: 0, Size: 1})
	b.compute(bpf.ALUOpShiftRight, 4)
	b.jumpEqual(6, "6")
	b.jumpNotEqual(4, "other")
}
