package decode

// vrrp reads a VRRP advertisement (RFC 9568 §5.2; version 2: RFC 3768 §5.3). CARP has the same protocol number
// and looks like version 2.
func (p *Packet) vrrp(b []byte) {
	const advertisement = 1
	switch {
	case len(b) == 0:
		p.DecodeError = TruncatedVRRP
		return
	case b[0] != 2<<4|advertisement && b[0] != 3<<4|advertisement:
		p.DecodeError = BadVRRP
		return
	}
	if len(b) >= 3 {
		p.VRRPID = b[1]
		p.VRRPPriority = b[2]
		p.Valid |= HasVRRP
	}
	if len(b) < 8 {
		p.DecodeError = TruncatedVRRP
	}
}
