package decode

// ipInIP reads a packet of protocol 4 or 41: the packet inside follows the IP header at once (RFC 2003 §3, RFC
// 4213 §3, RFC 2473 §3).
func (p *Packet) ipInIP(protocol uint8, b []byte) {
	if protocol == protoIPv4 {
		if p.IPVersion == 4 {
			p.tunnel(TunnelIPIP)
		} else {
			p.tunnel(Tunnel4in6)
		}
		p.inner4(b, TruncatedInner)
		return
	}
	if p.IPVersion == 4 {
		p.tunnel(Tunnel6in4)
	} else {
		p.tunnel(Tunnel6in6)
	}
	p.inner6(b, TruncatedInner)
}
