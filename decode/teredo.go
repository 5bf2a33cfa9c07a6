package decode

// teredo reads a Teredo packet: an IPv6 packet, with an authentication, an origin, or both in front of it, in
// this order (RFC 4380 §5.1.1). An indication's first byte is 0, which that of an IPv6 packet is not. What is
// neither is not Teredo.
func (p *Packet) teredo(b []byte) {
	switch {
	case b[0]>>4 == 6:
	case b[0] != 0:
		return
	case len(b) < 2:
		p.DecodeError = TruncatedTunnel
		return
	case b[1] > 1:
		return
	}
	p.tunnel(TunnelTeredo)
	if b[0] == 0 && b[1] == 1 { // authentication: two lengths, what they count, a nonce of 8 bytes, a confirmation
		size := 13
		if len(b) >= 4 {
			size += int(b[2]) + int(b[3])
		}
		if len(b) < size {
			p.DecodeError = TruncatedTunnel
			return
		}
		b = b[size:]
	}
	if len(b) > 0 && b[0] == 0 { // origin: port and address, as the relay saw them
		switch {
		case len(b) >= 2 && b[1] != 0:
			p.DecodeError = BadTunnel
			return
		case len(b) < 8:
			p.DecodeError = TruncatedTunnel
			return
		}
		b = b[8:]
	}
	p.inner6(b, TruncatedInner)
}
