package decode

// wireguard recognizes a WireGuard message (https://www.wireguard.com/protocol): its type in the first byte,
// three zero bytes, and the length that the type has. The length is the one that the UDP header claims, for a
// frame may have been snapped. Nobody registered the port: what does not look like WireGuard is not a lie.
func (p *Packet) wireguard(b []byte) {
	if len(b) < 4 || b[1]|b[2]|b[3] != 0 {
		return
	}
	var ok bool
	switch n := p.PayloadLength; b[0] {
	case 1: // handshake initiation
		ok = n == 148
	case 2: // handshake response
		ok = n == 92
	case 3: // cookie reply
		ok = n == 64
	case 4: // transport data: a header and a tag of 16 bytes each, between them what is padded to a multiple of 16,
		// but not beyond the tunnel's MTU, which need not be one: the usual 1420 is not
		ok = n >= 32
	}
	if ok {
		p.tunnel(TunnelWireGuard)
	}
}
