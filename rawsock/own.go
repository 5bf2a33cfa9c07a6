package rawsock

import (
	"encoding/binary"
	"net/netip"
)

// Own is the sniffer's own TCP traffic. Own packets carry no IP options and are not fragmented.
type Own struct {
	Connections []Connection
	// Listeners are local addresses and ports: whatever is sent to or from them is our own.
	Listeners []netip.AddrPort
}

// Connection is a TCP connection of ours.
type Connection struct{ Local, Remote netip.AddrPort }

// exclude goes to "reject" with own traffic of one IP version. The IP header is at X, and stays there.
func (b *builder) exclude(v6 bool) {
	type side struct {
		source bool
		netip.AddrPort
	}
	var patterns [][]side
	for _, l := range b.Own.Listeners {
		if l.Addr().Unmap().Is6() == v6 {
			patterns = append(patterns, []side{{true, l}}, []side{{false, l}})
		}
	}
	for _, c := range b.Own.Connections {
		if c.Local.Addr().Unmap().Is6() == v6 && c.Remote.Addr().Unmap().Is6() == v6 {
			patterns = append(patterns, []side{{true, c.Local}, {false, c.Remote}}, []side{{true, c.Remote}, {false, c.Local}})
		}
	}
	if len(patterns) == 0 {
		return
	}
	strangers := b.fresh()
	b.load(slotProtocol)
	b.jumpNotEqual(protocolTCP, strangers)
	ports, addresses := uint32(20), uint32(12)
	if v6 {
		ports, addresses = 40, 8
	} else {
		b.load(slotFragment)
		b.jumpBits(0x1fff, strangers)
		b.at(0, 1)
		b.jumpNotEqual(0x45, strangers)
	}
	b.need(ports+4, strangers)
	for _, pattern := range patterns {
		next := b.fresh()
		for i, s := range pattern {
			addr := s.Addr().Unmap().AsSlice()
			port, address := ports, addresses
			if !s.source {
				port += 2
				address += uint32(len(addr))
			}
			b.at(port, 2)
			b.jumpNotEqual(uint32(s.Port()), next)
			for o := 0; o < len(addr); o += 4 {
				b.at(address+uint32(o), 4)
				word := binary.BigEndian.Uint32(addr[o:])
				if o+4 == len(addr) && i == len(pattern)-1 {
					b.jumpEqual(word, "reject")
				} else {
					b.jumpNotEqual(word, next)
				}
			}
		}
		b.label(next)
	}
	b.label(strangers)
}
