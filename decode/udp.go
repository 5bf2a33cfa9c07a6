package decode

import "math"

// udp reads a UDP header (RFC 768). Its length is believed, so that bytes between it and the end of the IP
// packet are not payload, except in a first fragment, whose payload is what this packet holds. A length of 0
// stands for a packet too long for the field (RFC 2675 §4).
func (p *Packet) udp(b []byte, length int) {
	p.ports(b)
	if len(b) < 8 {
		p.DecodeError = TruncatedUDP
		return
	}
	size := int(be16(b[4:]))
	if size == 0 && length > math.MaxUint16 {
		size = length
	}
	fragment := p.Valid&HasFragment != 0
	if size < 8 || size > length && !fragment {
		p.DecodeError = BadUDPLength
		return
	}
	size = min(size, length)
	p.payload(size - 8)
	if b = b[8:min(size, len(b))]; len(b) > 0 && datagramPorts.mayHave(p.SrcPort, p.DstPort) {
		p.datagram(b)
	}
}

// udpLite reads a UDP-Lite header (RFC 3828 §3.1), where the checksum's coverage stands in the length's place.
func (p *Packet) udpLite(b []byte, length int) {
	p.ports(b)
	if len(b) < 8 {
		p.DecodeError = TruncatedUDPLite
		return
	}
	p.payload(length - 8)
}

// sctp reads an SCTP common header (RFC 9260 §3.1); the chunks are payload.
func (p *Packet) sctp(b []byte, length int) {
	p.ports(b)
	if len(b) < 12 {
		p.DecodeError = TruncatedSCTP
		return
	}
	p.payload(length - 12)
}

// dccp reads a DCCP generic header (RFC 4340 §5.1): 16 bytes when its X bit announces long sequence
// numbers, else 12. The data offset also skips what the packet's type and its options add.
func (p *Packet) dccp(b []byte, length int) {
	p.ports(b)
	least := 12
	if len(b) > 8 && b[8]&1 == 1 {
		least = 16
	}
	if len(b) < least {
		p.DecodeError = TruncatedDCCP
		return
	}
	header := int(b[4]) * 4
	switch {
	case header < least, header > length && p.Valid&HasFragment == 0:
		p.DecodeError = BadDataOffset
	case header > length:
		p.DecodeError = TruncatedDCCP
	default:
		p.payload(length - header)
	}
}
