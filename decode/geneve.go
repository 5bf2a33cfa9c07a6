package decode

const genevePort = 6081 // RFC 8926 §3.3: the destination's; the source's is a hash of the packet inside

// geneve reads a GENEVE header (RFC 8926 §3.4) and skips its options.
func (p *Packet) geneve(b []byte) {
	switch {
	case p.DstPort != genevePort:
		return
	case b[0]>>6 != 0:
		p.DecodeError = BadTunnel
		return
	}
	p.tunnel(TunnelGENEVE)
	if len(b) < 8 {
		p.DecodeError = TruncatedTunnel
		return
	}
	p.tunnelKey(be32(b[4:]) >> 8)
	size := 8 + int(b[0]&0x3f)*4
	if len(b) < size {
		p.DecodeError = TruncatedTunnel
		return
	}
	p.innerNetwork(be16(b[2:]), b[size:])
}
