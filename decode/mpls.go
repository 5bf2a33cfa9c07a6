package decode

// mpls reads a label stack (RFC 3032 §2.1). Nothing in it names what follows: the first nibble behind the
// bottom does (RFC 4928 §3), and what is neither IPv4 nor IPv6 is left alone.
func (p *Packet) mpls(b []byte, more int) {
	for range maxLabels {
		if len(b) < 4 {
			p.DecodeError = TruncatedMPLS
			return
		}
		bottom := b[2]&1 == 1
		b = b[4:]
		if !bottom {
			continue
		}
		switch {
		case len(b) == 0:
			p.DecodeError = TruncatedMPLS
		case b[0]>>4 == 4:
			p.ipv4(b, more)
		case b[0]>>4 == 6:
			p.ipv6(b, more)
		}
		return
	}
	p.DecodeError = TooManyLabels
}
