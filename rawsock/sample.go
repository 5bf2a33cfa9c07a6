package rawsock

import "golang.org/x/net/bpf"

// Sampling keeps one frame in Rate, 0 and 1 all of them.
type Sampling struct {
	Rate uint32
	By   SampleBy
}

// SampleBy says what shares its fate.
type SampleBy uint8

const (
	// SampleFlow keeps whole conversations: a hash of addresses, IP protocol and ports decides, the same for both
	// directions, on every interface and every device (trajectory sampling, RFC 5475 §6.2.2). Fragments, ICMP and whatever
	// has no ports go by addresses and protocol, frames without an IP header by their two MAC addresses. Where there are none
	// (LinkRaw, LinkCooked) chance decides.
	SampleFlow SampleBy = iota
	// SamplePacket lets chance decide on each frame (SKF_AD_RANDOM).
	SamplePacket
)

func (s Sampling) some() bool { return s.Rate > 1 }

func (b *builder) byFlow() bool { return b.Sampling.some() && b.Sampling.By == SampleFlow }

// Of two endpoints the product of their shifted values is hashed: it is the same in both directions and, unlike their
// sum or difference, another one for neighbours.
const (
	shiftAddress = 0x9e3779b9
	shiftPort    = 0x7f4a7c14
)

// weights fold an IPv6 address into a word; odd, so that every bit of it counts.
var weights = [4]uint32{0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f, 0x165667b1}

// sampleAddresses4 hashes the addresses of the IPv4 header at X.
func (b *builder) sampleAddresses4() {
	if !b.byFlow() {
		return
	}
	b.at(12, 4)
	b.compute(bpf.ALUOpAdd, shiftAddress)
	b.store(slotFree)
	b.at(16, 4)
	b.compute(bpf.ALUOpAdd, shiftAddress)
	b.times(slotFree)
	b.store(slotHash)
}

// sampleAddresses6 hashes the addresses of the IPv6 header at X.
func (b *builder) sampleAddresses6() {
	if !b.byFlow() {
		return
	}
	const source, destination = 8, 24
	b.fold(source)
	b.store(slotFree)
	b.loadX(slotNetwork)
	b.fold(destination)
	b.times(slotFree)
	b.store(slotHash)
}

// fold leaves a word for the IPv6 address at X plus an offset in A, and destroys X.
func (b *builder) fold(offset uint32) {
	const last = len(weights) - 1
	for i, w := range weights {
		b.at(offset+4*uint32(i), 4)
		b.compute(bpf.ALUOpMul, w)
		if i < last {
			b.store(slotFree + 1 + i)
		}
	}
	for i := range last {
		b.loadX(slotFree + 1 + i)
		b.computeX(bpf.ALUOpAdd)
	}
	b.compute(bpf.ALUOpAdd, shiftAddress)
}

// times multiplies A by a word of scratch memory.
func (b *builder) times(slot int) {
	b.loadX(slot)
	b.computeX(bpf.ALUOpMul)
}

// sampleLinkAddresses decides on a frame without an IP header; it goes to "mix" with 0 in A, or to "kept".
func (b *builder) sampleLinkAddresses() {
	switch {
	case !b.Sampling.some():
		b.jump("kept")
	case b.Sampling.By == SamplePacket || b.linkType != LinkEthernet:
		b.random()
		b.jump("kept")
	default:
		b.emit(bpf.LoadExtension{Num: bpf.ExtLen})
		b.jumpLess(12, "chance")
		b.emit(bpf.LoadAbsolute{Off: 2, Size: 4}) // the half of each that tells hosts apart
		b.compute(bpf.ALUOpAdd, shiftAddress)
		b.emit(bpf.TAX{}, bpf.LoadAbsolute{Off: 8, Size: 4})
		b.compute(bpf.ALUOpAdd, shiftAddress)
		b.computeX(bpf.ALUOpMul)
		b.store(slotHash)
		b.emit(bpf.LoadConstant{Dst: bpf.RegA})
		b.jump("mix")
		b.label("chance")
		b.random()
		b.jump("kept")
	}
}

func (b *builder) random() {
	b.emit(bpf.LoadExtension{Num: bpf.ExtRand})
	b.oneIn()
}

// oneIn goes to "reject" unless A is a multiple of the rate.
func (b *builder) oneIn() {
	b.compute(bpf.ALUOpMod, b.Sampling.Rate)
	b.jumpNotEqual(0, "reject")
}

// sampleTransport decides on a packet by its ports and what the addresses gave.
func (b *builder) sampleTransport() {
	switch {
	case !b.Sampling.some():
		return
	case b.Sampling.By == SamplePacket:
		b.random()
		return
	}
	b.load(slotFragment) // all fragments of a packet, the first one too, have only addresses in common
	b.jumpNotEqual(0, "no ports")
	b.load(slotProtocol)
	const dccp, sctp, udplite = 33, 132, 136
	for _, p := range [...]uint32{protocolTCP, protocolUDP, dccp, sctp} {
		b.jumpEqual(p, "ports")
	}
	b.jumpNotEqual(udplite, "no ports")
	b.label("ports")
	b.loadX(slotTransport)
	b.need(4, "no ports")
	b.at(0, 2)
	b.compute(bpf.ALUOpAdd, shiftPort)
	b.store(slotFree)
	b.at(2, 2)
	b.compute(bpf.ALUOpAdd, shiftPort)
	b.times(slotFree)
	b.compute(bpf.ALUOpMul, weights[3])
	b.jump("mix")
	b.label("no ports")
	b.emit(bpf.LoadConstant{Dst: bpf.RegA})
	b.label("mix")
	for _, slot := range [...]int{slotHash, slotProtocol} {
		b.loadX(slot)
		b.computeX(bpf.ALUOpAdd)
	}
	b.spread(16, weights[0])
	b.spread(13, weights[1])
	b.spread(16, 1)
	b.oneIn()
}

// spread lets every bit of A change those below it, and by an odd factor those above: two of them make neighbours
// independent.
func (b *builder) spread(shift, factor uint32) {
	b.emit(bpf.TAX{})
	b.compute(bpf.ALUOpShiftRight, shift)
	b.computeX(bpf.ALUOpXor)
	if factor != 1 {
		b.compute(bpf.ALUOpMul, factor)
	}
}
