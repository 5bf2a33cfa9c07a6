package decode

// The first packet inside a tunnel and the packet that an ICMP error quotes are kept in the same fields, and
// read in the same way: the first IP header, what stands between it and the transport header, and the ports.
// What that packet carries in turn is not looked at.
//
// A quote is cut by design: RFC 792 asks for 8 bytes behind the IP header, RFC 4443 §2.4 (c) for as many as fit.
// That is why missing, the reason for ports or extension headers that are not there, is TruncatedInner in a
// tunnel and NoReason in a quote.

// EtherTypes that are found inside tunnels alone (https://www.iana.org/assignments/ieee-802-numbers).
const (
	etherBridging = 0x6558 // Transparent Ethernet Bridging: an Ethernet frame follows, RFC 1701, RFC 8926 §3.4
	etherPPP      = 0x880b // RFC 2637 §4.1
)

// tunnel says what carries the packet inside.
func (p *Packet) tunnel(t Tunnel) {
	p.Tunnel = t
	p.Valid |= HasTunnel
}

// tunnelKey keeps the number that the tunnel's ends tell their packets apart by.
func (p *Packet) tunnelKey(key uint32) {
	p.TunnelKey = key
	p.Valid |= HasTunnelKey
}

// quoted reads the beginning b of an IP packet that an ICMP error quotes: an ICMP message is about IPv4, an
// ICMPv6 message about IPv6.
func (p *Packet) quoted(b []byte) {
	if p.Protocol == protoICMPv6 {
		p.inner6(b, NoReason)
	} else {
		p.inner4(b, NoReason)
	}
}

// inner reads the packet b inside a tunnel that does not say which protocol it carries. What is no IP packet
// by its first 4 bits is left alone.
func (p *Packet) inner(b []byte) {
	switch {
	case len(b) == 0:
		p.DecodeError = TruncatedInner
	case b[0]>>4 == 4:
		p.inner4(b, TruncatedInner)
	case b[0]>>4 == 6:
		p.inner6(b, TruncatedInner)
	}
}

// innerNetwork reads the packet b inside a tunnel that names its EtherType. What is not IP is left alone.
func (p *Packet) innerNetwork(etherType uint16, b []byte) {
	switch etherType {
	case etherIPv4:
		p.inner4(b, TruncatedInner)
	case etherIPv6:
		p.inner6(b, TruncatedInner)
	case etherBridging:
		p.innerEthernet(b)
	case etherPPP:
		p.innerPPP(b)
	}
}

// innerEthernet skips the addresses and the VLAN tags of an Ethernet frame inside a tunnel.
func (p *Packet) innerEthernet(b []byte) {
	if len(b) < 14 {
		p.DecodeError = TruncatedInner
		return
	}
	t, b := be16(b[12:]), b[14:]
	for tags := 0; t == etherVLAN || t == etherServiceVLAN || t == etherOldQinQ; tags++ {
		if tags == maxTags {
			p.DecodeError = TooManyTags
			return
		}
		if len(b) < 4 {
			p.DecodeError = TruncatedInner
			return
		}
		t, b = be16(b[2:]), b[4:]
	}
	if t == etherIPv4 || t == etherIPv6 { // a frame does not carry a frame
		p.innerNetwork(t, b)
	}
}

// innerPPP reads the protocol field of a PPP frame inside a tunnel, in the forms that ppp and pppLink know. No
// protocol number begins with 0xff (RFC 1661 §2), which therefore is an address, with its control byte.
func (p *Packet) innerPPP(b []byte) {
	if len(b) > 0 && b[0] == 0xff {
		if len(b) < 2 {
			p.DecodeError = TruncatedInner
			return
		}
		b = b[2:]
	}
	protocol, b, ok := pppProtocol(b)
	if !ok {
		p.DecodeError = TruncatedInner
		return
	}
	switch protocol {
	case pppIPv4:
		p.inner4(b, TruncatedInner)
	case pppIPv6:
		p.inner6(b, TruncatedInner)
	}
}

// innerHeader reports whether b begins with the fixed part of an IP header of this version.
func (p *Packet) innerHeader(b []byte, version uint8, size int) bool {
	switch {
	case len(b) > 0 && b[0]>>4 != version:
		p.DecodeError = BadInner
	case len(b) < size:
		p.DecodeError = TruncatedInner
	default:
		p.Inner.IPVersion = version
		p.Valid |= HasInner
		return true
	}
	return false
}

// inner4 reads an IPv4 header (RFC 791 §3.1). As in ipv4, a total length of 0 stands for all that there is.
func (p *Packet) inner4(b []byte, missing Reason) {
	if !p.innerHeader(b, 4, 20) {
		return
	}
	h := (*[20]byte)(b)
	*(*[4]byte)(p.Inner.SrcIP[:4]) = [4]byte(h[12:16])
	*(*[4]byte)(p.Inner.DstIP[:4]) = [4]byte(h[16:20])
	protocol := h[9]
	later := be16(h[6:8])&0x1fff != 0
	if later || protocol != protoAH {
		p.innerProtocol(protocol)
	}
	header := int(h[0]&15) * 4
	total := int(be16(h[2:4]))
	if header < 20 || total < header && total != 0 && missing != NoReason { // some hosts quote a total length of their own
		p.DecodeError = BadInner
		return
	}
	if total >= header && total < len(b) {
		b = b[:total]
	}
	switch {
	case len(b) < header:
		p.DecodeError = TruncatedInner
	case !later:
		p.innerTransport(protocol, b[header:], missing)
	}
}

// inner6 reads an IPv6 header (RFC 8200 §3). A payload length of 0 in front of a hop-by-hop header is that of a
// jumbogram (RFC 2675 §2), which stands for all that there is.
func (p *Packet) inner6(b []byte, missing Reason) {
	if !p.innerHeader(b, 6, 40) {
		return
	}
	h := (*[40]byte)(b)
	p.Inner.SrcIP = [16]byte(h[8:24])
	p.Inner.DstIP = [16]byte(h[24:40])
	next := h[6]
	length := int(be16(h[4:6]))
	b = b[40:]
	if length < len(b) && (length != 0 || next != extHopByHop) {
		b = b[:length]
	}
	p.innerTransport(next, b, missing)
}

// innerProtocol keeps the protocol, which is known only once no extension header follows.
func (p *Packet) innerProtocol(protocol uint8) {
	p.Inner.Protocol = protocol
	p.Valid |= HasInnerProtocol
}

// innerTransport skips extension headers (RFC 8200 §4, RFC 4302 §2.2) and reads the ports behind them.
func (p *Packet) innerTransport(next uint8, b []byte, missing Reason) {
	for n := 0; ; n++ {
		scale := p.innerExtension(next)
		if scale < 0 {
			break
		}
		if n == maxExtensions {
			p.DecodeError = TooManyExtensions
			return
		}
		if len(b) < 8 || len(b) < 8+scale*int(b[1]) {
			p.DecodeError = missing
			return
		}
		later := next == extFragment && be16(b[2:])&^7 != 0
		size := 8 + scale*int(b[1])
		next, b = b[0], b[size:]
		if later {
			p.innerProtocol(next)
			return
		}
	}
	p.innerProtocol(next)
	switch next {
	case protoTCP, protoUDP, protoDCCP, protoSCTP, protoUDPLite:
		if len(b) < 4 {
			p.DecodeError = missing
			return
		}
		p.Inner.SrcPort = be16(b)
		p.Inner.DstPort = be16(b[2:])
		p.Valid |= HasInnerPorts
	}
}

// innerExtension returns what a header's length byte counts in, its first 8 bytes being left out of the count,
// or -1 when protocol is no extension header. In IPv4 AH is the only one.
func (p *Packet) innerExtension(protocol uint8) int {
	switch protocol {
	case extAH:
		return 4
	case extHopByHop, extRouting, extDestination, extMobility, extHIP, extShim6:
		if p.Inner.IPVersion == 6 {
			return 8
		}
	case extFragment: // that byte is reserved
		if p.Inner.IPVersion == 6 {
			return 0
		}
	}
	return -1
}
