package tsharktest

import "net/netip"

// Protocol numbers (https://www.iana.org/assignments/protocol-numbers).
const (
	icmp    = 1
	igmp    = 2
	ipip    = 4
	tcp     = 6
	udp     = 17
	dccp    = 33
	ip6     = 41
	gre     = 47
	esp     = 50
	ah      = 51
	icmp6   = 58
	vrrp    = 112
	l2tp    = 115
	sctp    = 132
	udpLite = 136
)

// packet is an IP packet of either version.
func (g generator) packet() (int, []byte) {
	if g.one(2) {
		return 4, g.packet4()
	}
	return 6, g.packet6()
}

func (g generator) packet4() []byte { return g.ip4(g.carried(4)) }
func (g generator) packet6() []byte { return g.ip6(g.carried(6)) }

// inside is a packet as it stands in a tunnel: one that carries no further one.
func (g generator) inside() (int, []byte) {
	if g.one(2) {
		return 4, g.inside4()
	}
	return 6, g.inside6()
}

func (g generator) inside4() []byte { return g.ip4(g.segment(4)) }
func (g generator) inside6() []byte { return g.ip6(g.segment(6)) }

// fragment says which part of a packet this one is: mostly all of it.
func (g generator) fragment(body []byte) (offset uint16, more bool, _ []byte) {
	if !g.one(12) {
		return 0, false, body
	}
	offset, more = uint16(8*g.IntN(1000)*g.IntN(2)), g.one(2)
	if more {
		body = append(body, make([]byte, -len(body)&7)...) // all but the last fragment are multiples of 8
	}
	return offset, more, body
}

// ip4 puts an IPv4 header in front of what the protocol names, and AH between them at times.
func (g generator) ip4(protocol int, body []byte) []byte {
	if g.one(30) {
		body, protocol = octets(protocol, 4, 0, 0, g.bytes(20), body), ah
	}
	offset, more, body := g.fragment(body)
	var options []byte
	switch g.IntN(8) {
	case 0:
		options = []byte{0x94, 4, 0, 0} // router alert, RFC 2113
	case 1:
		options = []byte{1, 1, 1, 0} // no-operation and end
	}
	word := offset / 8
	if more {
		word |= 0x2000
	}
	return octets(0x45+len(options)/4, byte(g.Uint32()), uint16(20+len(options)+len(body)), g.u16(), word,
		1+g.IntN(255), protocol, uint16(0), g.bytes(8), options, body)
}

// ip6 puts an IPv6 header in front, and extension headers in the order of RFC 8200 §4.1, built from the last one on.
func (g generator) ip6(protocol int, body []byte) []byte {
	next := protocol
	prepend := func(kind int, header ...any) {
		body = octets(next, octets(header...), body)
		next = kind
	}
	if g.one(8) {
		prepend(60, 0, 1, 4, uint32(0)) // destination options: PadN
	}
	if g.one(16) {
		prepend(ah, 4, 0, 0, g.bytes(20))
	}
	offset, more, cut := g.fragment(body)
	body = cut
	if offset != 0 || more || g.one(16) {
		if more {
			offset |= 1
		}
		prepend(44, 0, offset, g.bytes(4))
	}
	if g.one(16) {
		prepend(43, 2, 2, 0, uint32(0), g.address6()) // routing of type 2, no segment left
	}
	if g.one(16) {
		prepend(60, 0, 1, 4, uint32(0))
	}
	if g.one(8) {
		prepend(0, 0, 5, 2, uint16(0), 1, 0) // hop-by-hop: router alert
	}
	class := byte(g.Uint32())
	return octets(0x60|class>>4, class<<4, uint16(0), uint16(len(body)), next, 1+g.IntN(255), g.address6(), g.address6(), body)
}

func (g generator) address6() []byte {
	a := netip.MustParseAddr("2001:db8::").As16()
	copy(a[8+g.IntN(8):], g.bytes(8))
	return a[:]
}

// carried is what an IP packet carries: a segment, a tunnel, a name, or one of the rarer protocols.
func (g generator) carried(version int) (int, []byte) {
	switch n := g.IntN(100); {
	case n < 30:
		return g.segment(version)
	case n < 60:
		return g.named(version)
	case n < 85:
		return g.tunnel(version)
	case n < 91:
		return g.icmpError(version)
	case n < 93: // IGMP query and report of version 2, report of version 3 with one group
		return igmp, pick(g, octets(0x11, 100, uint16(0), g.bytes(4)), octets(0x16, 0, uint16(0), g.bytes(4)),
			octets(0x22, 0, uint16(0), uint16(0), uint16(1), 4, 0, uint16(0), g.bytes(4)))
	case n < 95: // VRRP of version 3, and for IPv4 of version 2, whose authentication data is 8 bytes more
		if version == 6 {
			return vrrp, octets(0x31, g.bytes(2), 1, uint16(100), uint16(0), g.address6())
		}
		return vrrp, pick(g, octets(0x31, g.bytes(2), 1, uint16(100), uint16(0), g.bytes(4)),
			octets(0x21, g.bytes(2), 1, 0, 1, uint16(0), g.bytes(4), g.bytes(8)))
	case n < 98:
		return esp, octets(g.bytes(8), g.bytes(40+g.IntN(40)))
	}
	return 253, g.some(80) // experiments, RFC 3692
}

// icmpError quotes the packet that it is about, or as much of it as is useful.
func (g generator) icmpError(version int) (int, []byte) {
	if version == 4 {
		quote := g.inside4()
		quote = quote[:28+g.IntN(max(1, len(quote)-27))]
		kind := pick(g, []int{3, 3}, []int{3, 1}, []int{3, 4}, []int{4, 0}, []int{5, 1}, []int{11, 0}, []int{12, 0})
		return icmp, octets(kind[0], kind[1], uint16(0), uint32(0), quote)
	}
	quote := g.inside6()
	quote = quote[:min(len(quote), 48+g.IntN(200))]
	kind := pick(g, []int{1, 4}, []int{1, 0}, []int{2, 0}, []int{3, 0}, []int{4, 1})
	return icmp6, octets(kind[0], kind[1], uint16(0), uint32(1280), quote)
}

// segment is a transport header and a payload that nobody looks into.
func (g generator) segment(version int) (int, []byte) {
	payload := g.some(80)
	from, to := g.clientPort(), g.clientPort()
	switch g.IntN(16) {
	case 0:
		if version == 6 {
			return icmp6, octets(pick(g, 128, 129), 0, uint16(0), g.bytes(4), payload)
		}
		if g.one(2) { // time stamps have three of them
			return icmp, octets(pick(g, 13, 14), 0, uint16(0), g.bytes(16))
		}
		return icmp, octets(pick(g, 0, 8), 0, uint16(0), g.bytes(4), payload)
	case 1: // UDP-Lite with all of it covered
		return udpLite, octets(from, to, uint16(0), uint16(0), payload)
	case 2: // SCTP with COOKIE ACK
		return sctp, octets(from, to, g.bytes(4), uint32(0), 11, 0, uint16(4))
	case 3: // DCCP-Data with short sequence numbers, or with long ones
		if g.one(2) {
			return dccp, octets(from, to, 3, 0, uint16(0), 2<<1, 0, uint16(1), payload)
		}
		return dccp, octets(from, to, 4, 0, uint16(0), 2<<1|1, 0, uint16(0), uint32(1), payload)
	case 4, 5, 6:
		return udp, g.udpOf(from, to, payload)
	}
	if g.one(40) { // more than a wire carries at once, as a host has it before its card cuts it up
		payload = g.some(12000)
	}
	return tcp, g.tcpOf(from, to, g.Uint32(), g.options(), payload)
}

func (g generator) udpOf(from, to uint16, payload []byte) []byte {
	return octets(from, to, uint16(8+len(payload)), uint16(0), payload)
}

func (g generator) tcpOf(from, to uint16, bits uint32, options, payload []byte) []byte {
	return octets(from, to, g.bytes(8), byte(5+len(options)/4)<<4, byte(bits), g.u16(), uint16(0), uint16(0), options, payload)
}

// options are TCP options of every kind that is kept, as many as the header has room for.
func (g generator) options() []byte {
	if g.one(4) {
		return octets(1, 1, 8, 10, g.bytes(8)) // what nearly every segment has
	}
	var b []byte
	add := func(chance int, option []byte) {
		if g.one(chance) && len(b)+len(option) <= 40 {
			b = append(b, option...)
		}
	}
	add(3, octets(2, 4, g.u16()))                         // maximum segment size
	add(3, octets(3, 3, g.IntN(15)))                      // window scale
	add(3, octets(8, 10, g.bytes(8)))                     // time stamps
	add(4, octets(4, 2))                                  // selective acknowledgments are permitted
	add(3, octets(1))                                     // no-operation
	add(10, octets(34, 2))                                // fast open: a request for a cookie
	add(10, octets(34, 10, g.bytes(8)))                   // with a cookie
	add(16, octets(254, 4, uint16(0xf989)))               // as an experiment
	add(16, octets(19, 18, g.bytes(16)))                  // MD5 signature
	add(16, octets(29, 16, g.bytes(14)))                  // TCP-AO with a MAC of 12 bytes
	add(16, octets(30, 12, 0, 0x81, g.bytes(8)))          // MPTCP: MP_CAPABLE of version 0 with the sender's key
	if blocks := g.IntN(12); blocks >= 1 && blocks <= 4 { // selective acknowledgments
		add(1, octets(5, 2+8*blocks, g.bytes(8*blocks)))
	}
	for len(b)%4 != 0 {
		b = append(b, 1)
	}
	return b
}
