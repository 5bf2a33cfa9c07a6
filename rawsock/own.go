package rawsock

import (
	"fmt"
	"net/netip"

	"golang.org/x/net/bpf"
)

// Own is the sniffer's own TCP traffic.
type Own struct {
	Connections []Connection
	// Listeners are local addresses and ports: whatever is sent to or from them is our own.
	Listeners []netip.AddrPort
}

// Connection is a TCP connection of ours.
type Connection struct{ Local, Remote netip.AddrPort }

// Exclude puts a program that rejects the sniffer's own traffic in front of another program for the same
// link type. Everything else, short frames included, goes on into that program.
//
// It looks behind up to two VLAN tags and a PPPoE session header, because the same packets cross the
// interface below a VLAN or PPPoE interface again. Own packets carry no IP options and are not fragmented.
func Exclude(link LinkType, own Own, then []bpf.Instruction) ([]bpf.Instruction, error) {
	n := len(own.Connections) + len(own.Listeners)
	if n == 0 {
		return then, nil
	}
	if n > maxOwn {
		return nil, fmt.Errorf("rawsock: %d own endpoints, at most %d fit in front of a filter", n, maxOwn)
	}
	a := newAssembler()
	switch link {
	case LinkEthernet:
		a.findEthernetNetworkHeader()
	case LinkRaw:
		a.findRawNetworkHeader()
	default:
		return nil, fmt.Errorf("rawsock: own traffic on link type %d cannot be excluded", link)
	}
	a.exclude(own, false)
	a.exclude(own, true)
	a.label("user")
	return append(a.link(), then...), nil
}

const (
	etherIPv4   = 0x0800
	etherIPv6   = 0x86dd
	etherVLAN   = 0x8100
	etherQinQ   = 0x88a8
	etherOldQ   = 0x9100
	etherPPPoE  = 0x8864
	pppIPv4     = 0x0021
	pppIPv6     = 0x0057
	protocolTCP = 6
)

// findEthernetNetworkHeader leads to "4" or "6" with the offset of the IP header in X, or to "user".
func (a *assembler) findEthernetNetworkHeader() {
	offset := uint32(14)
	for tags := 0; ; tags++ {
		a.needLength(offset)
		a.emit(bpf.LoadAbsolute{Off: offset - 2, Size: 2})
		a.jumpEqual(etherIPv4, a.setOffset(offset, "4"))
		a.jumpEqual(etherIPv6, a.setOffset(offset, "6"))
		a.jumpEqual(etherPPPoE, a.pppoe(offset))
		if tags == 2 {
			a.jump("user")
			break
		}
		tagged := fmt.Sprintf("tag %d", tags)
		a.jumpEqual(etherVLAN, tagged)
		a.jumpEqual(etherQinQ, tagged)
		a.jumpEqual(etherOldQ, tagged)
		a.jump("user")
		a.label(tagged)
		offset += 4
	}
	for _, tail := range a.tails {
		tail()
	}
}

// setOffset returns a label at which X becomes offset before the program goes on at next.
func (a *assembler) setOffset(offset uint32, next string) string {
	name := fmt.Sprintf("%s at %d", next, offset)
	a.tails = append(a.tails, func() {
		a.label(name)
		a.emit(bpf.LoadConstant{Dst: bpf.RegX, Val: offset})
		a.jump(next)
	})
	return name
}

// pppoe returns a label that reads the PPP protocol behind a PPPoE header at offset (RFC 2516 §4: 6 bytes).
func (a *assembler) pppoe(offset uint32) string {
	name := fmt.Sprintf("pppoe at %d", offset)
	a.tails = append(a.tails, func() {
		a.label(name)
		a.needLength(offset + 8)
		a.emit(bpf.LoadAbsolute{Off: offset + 6, Size: 2})
		a.emit(bpf.LoadConstant{Dst: bpf.RegX, Val: offset + 8})
		a.jumpEqual(pppIPv4, "4")
		a.jumpEqual(pppIPv6, "6")
		a.jump("user")
	})
	return name
}

func (a *assembler) findRawNetworkHeader() {
	a.needLength(1)
	a.emit(bpf.LoadConstant{Dst: bpf.RegX, Val: 0})
	a.emit(bpf.LoadAbsolute{Off: 0, Size: 1})
	a.emit(bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 4})
	a.jumpEqual(4, "4")
	a.jumpEqual(6, "6")
	a.jump("user")
}

// exclude emits the comparisons for one IP version, with the IP header at X.
func (a *assembler) exclude(own Own, v6 bool) {
	version, header, protocol := "4", uint32(20), uint32(9) // RFC 791 §3.1
	if v6 {
		version, header, protocol = "6", 40, 6 // RFC 8200 §3
	}
	a.label(version)
	// A load behind the end would reject the frame, so the length comes first.
	a.emit(bpf.LoadExtension{Num: bpf.ExtLen})
	a.emit(bpf.ALUOpX{Op: bpf.ALUOpSub})
	a.jumpLess(header+4, "user")
	a.emit(bpf.LoadIndirect{Off: protocol, Size: 1})
	a.jumpNotEqual(protocolTCP, "user")
	if !v6 {
		a.emit(bpf.LoadIndirect{Off: 0, Size: 1})
		a.jumpNotEqual(0x45, "user")
		a.emit(bpf.LoadIndirect{Off: 6, Size: 2})
		a.jumpIfBits(0x1fff, "user")
	}
	for _, l := range own.Listeners {
		if l.Addr().Unmap().Is6() == v6 {
			a.endpoint(v6, true, l)
			a.reject()
			a.endpoint(v6, false, l)
			a.reject()
		}
	}
	for _, c := range own.Connections {
		if c.Local.Addr().Unmap().Is6() == v6 && c.Remote.Addr().Unmap().Is6() == v6 {
			a.endpoint(v6, true, c.Local)
			a.endpoint(v6, false, c.Remote)
			a.reject()
			a.endpoint(v6, true, c.Remote)
			a.endpoint(v6, false, c.Local)
			a.reject()
		}
	}
	a.jump("user")
}

// endpoint goes on only when the source (or destination) of the segment is e; else to the next block.
func (a *assembler) endpoint(v6, source bool, e netip.AddrPort) {
	header, address := uint32(20), uint32(12)
	if v6 {
		header, address = 40, 8
	}
	addr := e.Addr().Unmap().AsSlice()
	if !source {
		header += 2
		address += uint32(len(addr))
	}
	a.emit(bpf.LoadIndirect{Off: header, Size: 2})
	a.nearNotEqual(uint32(e.Port()), a.nextBlock())
	for i := 0; i < len(addr); i += 4 {
		word := uint32(addr[i])<<24 | uint32(addr[i+1])<<16 | uint32(addr[i+2])<<8 | uint32(addr[i+3])
		a.emit(bpf.LoadIndirect{Off: address + uint32(i), Size: 4})
		a.nearNotEqual(word, a.nextBlock())
	}
}

// nextBlock is the label behind the next reject.
func (a *assembler) nextBlock() string { return fmt.Sprintf("block %d", a.blocks) }

func (a *assembler) reject() {
	a.emit(bpf.RetConstant{Val: 0})
	a.label(a.nextBlock())
	a.blocks++
}

// needLength goes to "user" when the frame is shorter than n bytes.
func (a *assembler) needLength(n uint32) {
	a.emit(bpf.LoadExtension{Num: bpf.ExtLen})
	a.jumpLess(n, "user")
}
