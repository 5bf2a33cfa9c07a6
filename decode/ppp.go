package decode

// PPP protocol numbers that Decode looks into (https://www.iana.org/assignments/ppp-numbers).
const (
	pppIPv4          = 0x0021
	pppIPv6          = 0x0057
	pppMPLS          = 0x0281
	pppMPLSMulticast = 0x0283
)

// pppoe reads a PPPoE header (RFC 2516 §4). Of a discovery packet only the session is kept.
func (p *Packet) pppoe(b []byte, more int, session bool) {
	if len(b) < 6 {
		p.DecodeError = TruncatedPPPoE
		return
	}
	if b[0] != 0x11 {
		p.DecodeError = BadPPPoE
		return
	}
	p.PPPoESession = be16(b[2:])
	p.Valid |= HasPPPoE
	if !session {
		return
	}
	if b[1] != 0 {
		p.DecodeError = BadPPPoE
		return
	}
	b, more = clip(b[6:], more, int(be16(b[4:])))
	p.ppp(b, more)
}

// pppLink reads a frame of a PPP link, where the address and control bytes of RFC 1662 §3.1 may be left out.
func (p *Packet) pppLink(b []byte, more int) {
	if len(b) >= 2 && b[0] == 0xff && b[1] == 3 {
		b = b[2:]
	}
	p.ppp(b, more)
}

// pppProtocol returns the protocol field (RFC 1661 §2), which is one byte when its first byte is odd (§6.5), and what
// follows it; false when it is not all there.
func pppProtocol(b []byte) (protocol uint16, rest []byte, ok bool) {
	switch {
	case len(b) >= 1 && b[0]&1 == 1:
		return uint16(b[0]), b[1:], true
	case len(b) >= 2:
		return be16(b), b[2:], true
	}
	return 0, nil, false
}

// ppp reads a PPP frame from its protocol field on.
func (p *Packet) ppp(b []byte, more int) {
	protocol, b, ok := pppProtocol(b)
	if !ok {
		p.DecodeError = TruncatedPPP
		return
	}
	switch protocol {
	case pppIPv4:
		p.ipv4(b, more)
	case pppIPv6:
		p.ipv6(b, more)
	case pppMPLS, pppMPLSMulticast:
		p.mpls(b, more)
	}
}
