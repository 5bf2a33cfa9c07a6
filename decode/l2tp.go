package decode

// The first 16 bits of an L2TP header (RFC 2661 §3.1, RFC 3931 §3.2.1).
const (
	l2tpControl  = 0x8000 // T: a control message, which must have a length and sequence numbers
	l2tpLength   = 0x4000 // L
	l2tpSequence = 0x0800 // S
	l2tpOffset   = 0x0200 // O: never in a control message; version 3 has no such bit
	l2tpVersion  = 0x000f
)

// l2tp reads an L2TP header in UDP. Version 1 would be L2F.
func (p *Packet) l2tp(b []byte) {
	if len(b) < 2 {
		p.DecodeError = TruncatedTunnel
		return
	}
	flags := be16(b)
	version := flags & l2tpVersion
	switch {
	case version != 2 && version != 3,
		flags&l2tpControl != 0 && flags&(l2tpLength|l2tpSequence) != l2tpLength|l2tpSequence,
		flags&l2tpControl != 0 && version == 2 && flags&l2tpOffset != 0:
		p.DecodeError = BadTunnel
		return
	}
	p.tunnel(TunnelL2TP)
	if version == 2 {
		p.l2tp2(flags, b)
	} else {
		p.l2tp3(flags, b)
	}
}

// l2tp2 reads a header of version 2 (RFC 2661 §3.1): flags, length, tunnel, session, two sequence numbers and
// the size of a gap; flags say which of them are there. The length is that of the whole message.
func (p *Packet) l2tp2(flags uint16, b []byte) {
	session := 4
	if flags&l2tpLength != 0 {
		session = 6
	}
	size := session + 2
	if flags&l2tpSequence != 0 {
		size += 4
	}
	if flags&l2tpOffset != 0 {
		size += 2
	}
	if flags&l2tpLength != 0 && len(b) >= 4 {
		length := int(be16(b[2:]))
		if length < size {
			p.DecodeError = BadTunnel
			return
		}
		b = b[:min(length, len(b))]
	}
	if len(b) >= session+2 {
		p.tunnelKey(uint32(be16(b[session:])))
	}
	if flags&l2tpOffset != 0 && len(b) >= size {
		size += int(be16(b[size-2:]))
	}
	if len(b) < size {
		p.DecodeError = TruncatedTunnel
		return
	}
	if flags&l2tpControl == 0 {
		p.innerPPP(b[size:])
	}
}

// l2tp3 reads a header of version 3 in UDP (RFC 3931 §4.1.2.1, §3.2.1). Only the two ends know how long the
// cookie behind the session is and what follows it.
func (p *Packet) l2tp3(flags uint16, b []byte) {
	size := 8
	if flags&l2tpControl != 0 {
		size = 12
		if len(b) >= 4 && int(be16(b[2:])) < size {
			p.DecodeError = BadTunnel
			return
		}
	}
	if len(b) < size {
		p.DecodeError = TruncatedTunnel
		return
	}
	if flags&l2tpControl == 0 {
		p.tunnelKey(be32(b[4:]))
	}
}

// l2tpIP reads an L2TP header of version 3 in IP (RFC 3931 §4.1.1). Session 0 is a control message.
func (p *Packet) l2tpIP(b []byte) {
	p.tunnel(TunnelL2TP)
	if len(b) < 4 {
		p.DecodeError = TruncatedTunnel
		return
	}
	if session := be32(b); session != 0 {
		p.tunnelKey(session)
	}
}
