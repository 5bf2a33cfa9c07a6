package decode

// spi keeps the first security parameters index of the packet.
func (p *Packet) spi(index uint32) {
	if p.Valid&HasSPI == 0 {
		p.SPI = index
		p.Valid |= HasSPI
	}
}

// esp reads an ESP header (RFC 4303 §2); what follows it is encrypted.
func (p *Packet) esp(b []byte) {
	if len(b) >= 4 {
		p.spi(be32(b))
	}
	if len(b) < 8 {
		p.DecodeError = TruncatedESP
	}
}

// espUDP reads a datagram of the port that IPsec crosses address translators on (RFC 3948 §2): ESP, unless what
// would be its SPI is 0, which stands in front of IKE, or a single byte, which keeps the translation alive.
func (p *Packet) espUDP(b []byte) {
	if p.PayloadLength > 1 && (len(b) < 4 || be32(b) != 0) {
		p.esp(b)
	}
}

// ah reads an AH header in IPv4 (RFC 4302 §2), and more of them when they follow each other. As in IPv6, the
// packet's protocol is the one behind it, and is not known when that is not there.
func (p *Packet) ah(b []byte, length int) {
	p.Protocol = 0
	p.Valid &^= HasProtocol
	for range maxExtensions {
		if len(b) >= 8 {
			p.spi(be32(b[4:]))
		}
		size := 12
		if len(b) >= 2 {
			size = (int(b[1]) + 2) * 4 // in words of 4 bytes, less 2
		}
		if len(b) < max(size, 12) {
			p.DecodeError = TruncatedAH
			return
		}
		next := b[0]
		b, length = b[size:], length-size
		if next != protoAH {
			p.Protocol = next
			p.Valid |= HasProtocol
			p.transport(next, b, length)
			return
		}
	}
	p.DecodeError = TooManyExtensions
}
