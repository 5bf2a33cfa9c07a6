package rawsock

import "golang.org/x/net/bpf"

// Names says which frames carry more than headers that is worth capturing: those of these ports, DNS over TCP, and
// LLDP. Of a later fragment, and behind IPv6 extension headers, nothing is known.
type Names struct {
	UDP  []uint16 // either port
	QUIC []uint16 // destination port; only packets with a long header (RFC 9000 §17.2)
	HTTP []uint16 // TCP, destination port; only segments that begin with a capital letter, as a method does
	TLS  []uint16 // TCP, destination port; only segments that begin with a handshake record (RFC 8446 §5.1)
}

// names returns long for a frame that carries names, and goes to "short" with any other.
func (b *builder) names(n Names, long uint32) {
	const dns = 53
	b.load(slotFragment)
	b.jumpBits(0x1fff, "short")
	b.loadX(slotTransport)
	b.load(slotProtocol)
	b.jumpEqual(protocolUDP, "udp")
	b.jumpEqual(protocolLLDP, "long")
	b.jumpNotEqual(protocolTCP, "short")

	b.need(20, "short")
	b.at(0, 2)
	b.jumpEqual(dns, "long")
	b.at(2, 2)
	b.jumpEqual(dns, "long")
	b.jumpAny(n.HTTP, "http")
	b.jumpAny(n.TLS, "tls")
	b.jump("short")
	const handshake = 22
	b.label("tls")
	b.firstByte()
	b.jumpEqual(handshake, "long")
	b.jump("short")
	b.label("http")
	b.firstByte()
	b.jumpLess('A', "short")
	b.jumpLess('Z'+1, "long")
	b.jump("short")

	b.label("udp")
	b.need(9, "short")
	b.at(0, 2)
	b.jumpAny(n.UDP, "long")
	b.at(2, 2)
	b.jumpAny(n.UDP, "long")
	b.jumpAny(n.QUIC, "quic")
	b.jump("short")
	b.label("quic")
	b.at(8, 1)
	b.compute(bpf.ALUOpAnd, 0xc0)
	b.jumpNotEqual(0xc0, "short")
	b.label("long")
	b.emit(bpf.RetConstant{Val: long})
}

// firstByte loads the first byte behind the TCP header at X, or goes to "short" when there is none.
func (b *builder) firstByte() {
	b.at(12, 1)
	b.compute(bpf.ALUOpShiftRight, 4)
	b.compute(bpf.ALUOpShiftLeft, 2)
	b.computeX(bpf.ALUOpAdd)
	b.emit(bpf.TAX{})
	b.need(1, "short")
	b.at(0, 1)
}

// jumpAny goes to the label when A is one of the values.
func (a *assembler) jumpAny(values []uint16, to string) {
	for _, v := range values {
		a.jumpEqual(uint32(v), to)
	}
}
