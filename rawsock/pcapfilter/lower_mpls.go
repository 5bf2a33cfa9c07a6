package pcapfilter

const mplsLabel = 4 // bytes (RFC 3032 section 2.1)

// mpls tests for a label, and for its value when one is given, and moves the network header behind it.
func (low *lowering) mpls(n *encapsulationNode) (cond, error) {
	l := &low.link
	if n.id > 0xfffff {
		return nil, low.errorf(n.idAt, nil, "0 to 1048575", "%d is no MPLS label", n.id)
	}
	var labelled cond
	switch {
	case l.labels > 0:
		labelled = l.bottomOfStack(0)
	case l.kind == Ethernet:
		labelled = l.typeIs(etherMPLS)
	case l.kind == PPP:
		labelled = l.typeIs(protocolMPLSOverPPP)
	default:
		return nil, low.errorf(n.at(), nil, "", "frames of link type %s have no MPLS label", nameOf(l.kind))
	}
	if n.id >= 0 {
		labelled = and(labelled, l.masked(0, 0xfffff000, uint32(n.id)<<12))
	}
	l.network += mplsLabel
	l.labels++
	return labelled, nil
}
