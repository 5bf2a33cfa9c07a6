package pcapfilter

const pppoeHeader = 6 // bytes (RFC 2516 section 4)

// pppoes tests for the session stage of PPPoE, and for the session when its number is given, and moves
// the headers to the PPP packet inside.
func (low *lowering) pppoes(n *encapsulationNode) (cond, error) {
	l := &low.link
	if n.id > 0xffff {
		return nil, low.errorf(n.idAt, nil, "0 to 65535", "%d is no PPPoE session", n.id)
	}
	session := l.etherType(etherPPPoES)
	if n.id >= 0 {
		session = and(session, l.masked(0, 0x0000ffff, uint32(n.id)))
	}
	inside := location{offset: l.network + pppoeHeader}
	if l.shifted {
		inside.slot = shiftSlot
	}
	l.enter(PPP, inside)
	l.typeAt = inside // PPPoE leaves the address and control fields out (RFC 2516 section 7)
	l.network = inside.offset + 2
	return session, nil
}

// enter puts another link-layer header in force, which begins at a place.
func (l *linkLayer) enter(kind LinkType, header location) {
	l.kind, l.header = kind, header
	l.typeInMetadata, l.headless = false, false
	l.labels = 0
	l.inner = true
}
