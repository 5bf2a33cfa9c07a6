package decode

// icmp reads an ICMP or ICMPv6 header: type, code and checksum (RFC 792, RFC 4443 §2.1), then the 4 bytes
// that every message of either has before its data. The payload is what follows these 8 bytes.
func (p *Packet) icmp(b []byte, length int, truncated Reason) {
	if len(b) >= 2 {
		p.ICMPType = b[0]
		p.ICMPCode = b[1]
		p.Valid |= HasICMP
	}
	if len(b) < 8 {
		p.DecodeError = truncated
		return
	}
	p.payload(length - 8)
}
