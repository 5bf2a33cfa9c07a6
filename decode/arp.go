package decode

// ARP operations that have a name in text (RFC 826, RFC 903).
const (
	arpRequest  = 1
	arpReply    = 2
	rarpRequest = 3
	rarpReply   = 4
)

// arp reads an ARP or RARP packet (RFC 826, RFC 903). The addresses are kept when they are IPv4.
func (p *Packet) arp(b []byte) {
	if len(b) < 8 {
		p.DecodeError = TruncatedARP
		return
	}
	p.ARPOperation = be16(b[6:])
	p.Valid |= HasARP
	if be16(b[2:]) != etherIPv4 {
		return
	}
	hardware, protocol := int(b[4]), int(b[5])
	if protocol != 4 {
		p.DecodeError = BadARP
		return
	}
	b = b[8:]
	if len(b) < 2*hardware+8 {
		p.DecodeError = TruncatedARP
		return
	}
	copy(p.SrcIP[:4], b[hardware:])
	copy(p.DstIP[:4], b[2*hardware+4:])
	p.Valid |= HasAddresses
}
