package rawsock

import (
	"fmt"

	"golang.org/x/net/bpf"
)

// Names says which frames carry more than headers that is worth capturing: those of these ports, DNS over TCP, and
// LLDP.
type Names struct {
	UDP  []uint16 // either port
	QUIC []uint16 // destination port; only packets with a long header (RFC 9000 §17.2)
	HTTP []uint16 // TCP, destination port; only segments that begin with a capital letter, as a method does
	TLS  []uint16 // TCP, destination port; only segments that begin with a handshake record (RFC 8446 §5.1)
}

const (
	etherLLDP   = 0x88cc
	protocolUDP = 17
	portDNS     = 53
)

// Widen lets a program for this link type accept long bytes of a frame that carries names and short bytes of
// any other that it accepts.
//
// It looks behind one VLAN tag and a PPPoE session header. Of a later fragment, and behind IPv6 extension headers,
// short bytes are accepted. The part that it adds is small, for the room that a kernel has is.
func Widen(link LinkType, n Names, short, long uint32, program []bpf.Instruction) ([]bpf.Instruction, error) {
	a := newAssembler()
	switch link {
	case LinkEthernet:
		a.namesInEthernet()
	case LinkRaw:
		a.needBytes(1)
		a.emit(bpf.LoadConstant{Dst: bpf.RegX, Val: 0})
		a.emit(bpf.LoadAbsolute{Off: 0, Size: 1})
		a.emit(bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 4})
		a.nearEqual(4, "4")
		a.nearEqual(6, "6")
		a.emit(bpf.RetConstant{Val: short})
	default:
		return nil, fmt.Errorf("rawsock: names on link type %d cannot be told from other frames", link)
	}
	a.label("4")
	a.needHeader(20)
	a.emit(bpf.LoadIndirect{Off: 6, Size: 2})
	a.nearBits(0x1fff, "short")
	a.emit(bpf.LoadIndirect{Off: 9, Size: 1})
	a.emit(bpf.StoreScratch{Src: bpf.RegA, N: 0})
	a.emit(bpf.LoadIndirect{Off: 0, Size: 1})
	a.emit(bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 15})
	a.emit(bpf.ALUOpConstant{Op: bpf.ALUOpShiftLeft, Val: 2})
	a.jump("transport")
	a.label("6")
	a.needHeader(40)
	a.emit(bpf.LoadIndirect{Off: 6, Size: 1})
	a.emit(bpf.StoreScratch{Src: bpf.RegA, N: 0})
	a.emit(bpf.LoadConstant{Dst: bpf.RegA, Val: 40})
	a.label("transport") // the IP header's length in A
	a.emit(bpf.ALUOpX{Op: bpf.ALUOpAdd})
	a.emit(bpf.TAX{})
	a.emit(bpf.LoadScratch{Dst: bpf.RegA, N: 0})
	a.nearEqual(protocolUDP, "udp")
	a.nearNotEqual(protocolTCP, "short")

	a.needHeader(20)
	a.emit(bpf.LoadIndirect{Off: 0, Size: 2})
	a.nearEqual(portDNS, "long")
	a.emit(bpf.LoadIndirect{Off: 2, Size: 2})
	a.nearEqual(portDNS, "long")
	a.nearAny(n.HTTP, "http")
	a.nearAny(n.TLS, "tls")
	a.emit(bpf.RetConstant{Val: short})
	const handshake = 22
	a.label("tls")
	a.firstByte()
	a.nearEqual(handshake, "long")
	a.emit(bpf.RetConstant{Val: short})
	a.label("http")
	a.firstByte()
	a.nearLess('A', "short")
	a.nearLess('Z'+1, "long")
	a.emit(bpf.RetConstant{Val: short})

	a.label("udp")
	a.needHeader(9)
	a.emit(bpf.LoadIndirect{Off: 0, Size: 2})
	a.nearAny(n.UDP, "long")
	a.emit(bpf.LoadIndirect{Off: 2, Size: 2})
	a.nearAny(n.UDP, "long")
	a.nearAny(n.QUIC, "quic")
	a.label("short")
	a.emit(bpf.RetConstant{Val: short})
	a.label("quic")
	a.emit(bpf.LoadIndirect{Off: 8, Size: 1})
	a.emit(bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xc0})
	a.nearNotEqual(0xc0, "end")
	a.label("long")
	a.emit(bpf.RetConstant{Val: long})
	a.label("end")
	a.emit(bpf.RetConstant{Val: short})

	whole := make([]bpf.Instruction, len(program), len(program)+len(a.program))
	for i, instruction := range program {
		if r, ok := instruction.(bpf.RetConstant); ok && r.Val != 0 {
			instruction = bpf.Jump{Skip: uint32(len(program) - i - 1)}
		}
		whole[i] = instruction
	}
	return append(whole, a.link()...), nil
}

// namesInEthernet leads to "4" or "6" with the offset of the IP header in X, to "long", or to "short".
func (a *assembler) namesInEthernet() {
	const header, tag, session = 14, 4, 8 // bytes; RFC 2516 §4 and the PPP protocol behind it
	at := func(offset uint32, next string) {
		a.emit(bpf.LoadConstant{Dst: bpf.RegX, Val: offset})
		a.jump(next)
	}
	a.needBytes(header)
	a.emit(bpf.LoadAbsolute{Off: header - 2, Size: 2})
	a.nearEqual(etherLLDP, "long")
	a.nearEqual(etherPPPoE, "session")
	a.nearEqual(etherVLAN, "tag")
	a.nearEqual(etherQinQ, "tag")
	a.emit(bpf.LoadConstant{Dst: bpf.RegX, Val: header})
	a.nearEqual(etherIPv4, "4")
	a.nearEqual(etherIPv6, "6")
	a.jump("short")
	a.label("tag")
	a.needBytes(header + tag)
	a.emit(bpf.LoadAbsolute{Off: header + tag - 2, Size: 2})
	a.nearEqual(etherPPPoE, "tagged session")
	a.emit(bpf.LoadConstant{Dst: bpf.RegX, Val: header + tag})
	a.nearEqual(etherIPv4, "4")
	a.nearEqual(etherIPv6, "6")
	a.jump("short")
	a.label("tagged session")
	a.needBytes(header + tag + session)
	a.emit(bpf.LoadAbsolute{Off: header + tag + session - 2, Size: 2})
	at(header+tag+session, "ppp")
	a.label("session")
	a.needBytes(header + session)
	a.emit(bpf.LoadAbsolute{Off: header + session - 2, Size: 2})
	at(header+session, "ppp")
	a.label("ppp")
	a.nearEqual(pppIPv6, "6")
	a.nearNotEqual(pppIPv4, "short")
}

// needBytes goes to "short" when the frame is shorter than n bytes: a load behind the end would reject it.
func (a *assembler) needBytes(n uint32) {
	a.emit(bpf.LoadExtension{Num: bpf.ExtLen})
	a.nearLess(n, "short")
}

// needHeader goes to "short" when less than n bytes are at X.
func (a *assembler) needHeader(n uint32) {
	a.emit(bpf.LoadExtension{Num: bpf.ExtLen})
	a.emit(bpf.JumpIfX{Cond: bpf.JumpGreaterOrEqual, SkipTrue: 1})
	a.jump("short")
	a.emit(bpf.ALUOpX{Op: bpf.ALUOpSub})
	a.nearLess(n, "short")
}

// firstByte loads the first byte behind the TCP header at X, or goes to "short" when there is none.
func (a *assembler) firstByte() {
	a.emit(bpf.LoadIndirect{Off: 12, Size: 1})
	a.emit(bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 4})
	a.emit(bpf.ALUOpConstant{Op: bpf.ALUOpShiftLeft, Val: 2})
	a.emit(bpf.ALUOpX{Op: bpf.ALUOpAdd})
	a.emit(bpf.TAX{})
	a.needHeader(1)
	a.emit(bpf.LoadIndirect{Off: 0, Size: 1})
}

// nearAny goes to the label when A is one of the values.
func (a *assembler) nearAny(values []uint16, to string) {
	for _, v := range values {
		a.nearEqual(uint32(v), to)
	}
}
