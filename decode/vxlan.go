package decode

const (
	vxlanPort = 4789 // RFC 7348 §5: the destination's; the source's is a hash of the frame inside
	vxlanVNI  = 0x08 // RFC 7348 §5: the I flag, always set; the other flags are ignored
)

// vxlan reads a VXLAN header (RFC 7348 §5); an Ethernet frame follows.
func (p *Packet) vxlan(b []byte) {
	switch {
	case p.DstPort != vxlanPort:
		return
	case b[0]&vxlanVNI == 0:
		p.DecodeError = BadTunnel
		return
	}
	p.tunnel(TunnelVXLAN)
	if len(b) < 8 {
		p.DecodeError = TruncatedTunnel
		return
	}
	p.tunnelKey(be32(b[4:]) >> 8)
	p.innerEthernet(b[8:])
}
