package decode

// IP protocol numbers that Decode looks into (https://www.iana.org/assignments/protocol-numbers).
const (
	protoICMP    = 1
	protoIGMP    = 2
	protoIPv4    = 4 // IP in IP
	protoTCP     = 6
	protoUDP     = 17
	protoDCCP    = 33
	protoIPv6    = 41
	protoGRE     = 47
	protoESP     = 50
	protoAH      = 51
	protoICMPv6  = 58
	protoNoNext  = 59
	protoVRRP    = 112
	protoL2TP    = 115
	protoSCTP    = 132
	protoUDPLite = 136
)

// ipv4 reads an IPv4 header (RFC 791 §3.1). A total length of 0 is what a host writes into a packet that
// its network card is still to cut up, or that is too long for the field: the frame's length then counts.
func (p *Packet) ipv4(b []byte, more int) {
	if len(b) < 20 {
		if len(b) > 0 && b[0]>>4 != 4 {
			p.DecodeError = BadIPVersion
		} else {
			p.DecodeError = TruncatedIPv4
		}
		return
	}
	h := (*[20]byte)(b)
	if h[0]>>4 != 4 {
		p.DecodeError = BadIPVersion
		return
	}
	p.IPVersion = 4
	p.TrafficClass = h[1]
	p.IPID = uint32(be16(h[4:6]))
	p.TTL = h[8]
	protocol := h[9]
	p.Protocol = protocol
	*(*[4]byte)(p.SrcIP[:4]) = [4]byte(h[12:16])
	*(*[4]byte)(p.DstIP[:4]) = [4]byte(h[16:20])
	p.Valid |= HasIP | HasAddresses | HasProtocol | HasIPID
	fragment := be16(h[6:8])
	if fragment&0x3fff != 0 {
		p.FragmentOffset = fragment << 3
		p.Valid |= HasFragment
	}
	header := int(h[0]&15) * 4
	if header < 20 {
		p.stopIPv4(BadIHL)
		return
	}
	total := int(be16(h[2:4]))
	if total == 0 {
		total = len(b) + more
	} else if total < header {
		p.stopIPv4(BadTotalLength)
		return
	}
	if total < len(b) {
		b = b[:total]
	}
	if len(b) < header {
		p.stopIPv4(TruncatedIPv4Option)
		return
	}
	b = b[header:]
	if p.FragmentOffset != 0 {
		p.payload(total - header)
		return
	}
	if protocol == protoTCP {
		p.tcp(b, total-header)
	} else {
		p.transport(protocol, b, total-header)
	}
	if total > mergedTotal && p.WireLength > mergedWire {
		p.merged()
	}
}

// stopIPv4 stops inside the header. Its protocol is not the packet's when it is AH, which is behind it.
func (p *Packet) stopIPv4(r Reason) {
	p.DecodeError = r
	if p.Protocol == protoAH {
		p.Protocol = 0
		p.Valid &^= HasProtocol
	}
}

// transport reads the header of an IP protocol. From here on length is the number of bytes that the IP
// headers claim; b may be shorter, where the frame was snapped, but never longer.
func (p *Packet) transport(protocol uint8, b []byte, length int) {
	switch protocol {
	case protoTCP:
		p.tcp(b, length)
	case protoUDP:
		p.udp(b, length)
	case protoICMP:
		p.icmp(b, length, TruncatedICMP)
	case protoICMPv6:
		p.icmp(b, length, TruncatedICMPv6)
	case protoUDPLite:
		p.udpLite(b, length)
	case protoSCTP:
		p.sctp(b, length)
	case protoDCCP:
		p.dccp(b, length)
	case protoAH:
		p.ah(b, length)
	default:
		p.payload(length)
		p.carrier(protocol, b)
	}
}

// carrier reads the header of an IP protocol whose payload is all that the IP headers claim.
func (p *Packet) carrier(protocol uint8, b []byte) {
	switch protocol {
	case protoIGMP:
		p.igmp(b)
	case protoIPv4, protoIPv6:
		p.ipInIP(protocol, b)
	case protoGRE:
		p.gre(b)
	case protoESP:
		p.esp(b)
	case protoVRRP:
		p.vrrp(b)
	case protoL2TP:
		p.l2tpIP(b)
	}
}

// What a host merged (GRO) or has yet to cut up (GSO, TSO) is longer than a wire carries: more than an
// IP packet of 1500 bytes with its Ethernet header and two tags.
const (
	mergedTotal   = 1514 // bytes, by the IP header's account
	mergedWire    = 1526 // bytes, link header included
	mergedSegment = 1448 // bytes of payload in a full segment: 1500 less IPv4, TCP and timestamps
)

// merged estimates WireSegments from the payload's length. It is an estimate: the true segment size is not
// in the frame, and on a link with jumbo frames a single large segment looks the same.
func (p *Packet) merged() {
	if p.Valid&HasFragment != 0 || p.Valid&HasPayload == 0 ||
		p.Protocol != protoTCP && p.Protocol != protoUDP {
		return
	}
	n := (uint64(p.PayloadLength) + mergedSegment - 1) / mergedSegment
	if n > 1 {
		p.WireSegments = uint16(min(n, 1<<16-1))
	}
}
