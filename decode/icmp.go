package decode

// icmp reads an ICMP or ICMPv6 header: type, code and checksum (RFC 792, RFC 4443 §2.1), then the 4 bytes that
// nearly every message of either has before its data. The payload is what follows these 8 bytes.
func (p *Packet) icmp(b []byte, length int, truncated Reason) {
	if len(b) >= 2 {
		p.ICMPType = b[0]
		p.ICMPCode = b[1]
		p.Valid |= HasICMP
	}
	if len(b) < 8 {
		if len(b) < 4 || truncated != TruncatedICMPv6 || !shortICMPv6(b[0]) {
			p.DecodeError = truncated
			return
		}
	}
	p.payload(max(length-8, 0))
	if icmpError(p.Protocol, b[0]) {
		p.quoted(b[8:])
	}
}

// icmpError reports whether a message quotes the packet that it is about, behind its first 8 bytes.
func icmpError(protocol, kind uint8) bool {
	if protocol == protoICMPv6 {
		return kind >= 1 && kind <= 4 // RFC 4443 §3
	}
	return kind == 3 || kind == 4 || kind == 5 || kind == 11 || kind == 12 // RFC 792
}

// shortICMPv6 reports whether a message may end behind its first 4 bytes: those in which a multicast router is
// searched for and says goodbye (RFC 4286 §4), and RPL's solicitation of 2 bytes more (RFC 6550 §6.2).
func shortICMPv6(kind uint8) bool { return kind == 152 || kind == 153 || kind == 155 }
