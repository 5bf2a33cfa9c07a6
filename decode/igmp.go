package decode

// igmp reads an IGMP message of any version (RFC 9776 §4, RFC 2236 §2): its type, and its 8 bytes at least. A search
// for multicast routers and a router's goodbye (RFC 4286 §4), types 0x31 and 0x32, have 4.
func (p *Packet) igmp(b []byte) {
	if len(b) > 0 {
		p.IGMPType = b[0]
		p.Valid |= HasIGMP
	}
	if len(b) < 8 && (len(b) < 4 || b[0] != 0x31 && b[0] != 0x32) {
		p.DecodeError = TruncatedIGMP
	}
}
