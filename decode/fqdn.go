package decode

// fqdn keeps as the name the domain name in b. It is in wire form, but may not be compressed, and may end without
// the zero of a full name (RFC 4702 §2.3, RFC 4704 §4.2). What follows the zero is not looked at. Decoding stops
// with bad when b holds no such name; an empty one is none.
func (p *Packet) fqdn(kind NameKind, b []byte, bad Reason) {
	_, labels, end := p.Name.readWire(b)
	switch end {
	case nameCut, nameBad:
		p.DecodeError = bad
		return
	case nameLong:
		p.DecodeError = NameTooLong
	}
	if labels > 0 {
		p.NameKind = kind
		p.Valid |= HasName
	}
}
