package decode

// DHCP options that are kept (RFC 2132 §3.1, §3.2, §3.14, §9.6, RFC 4702 §2).
const (
	dhcpPad         = 0
	dhcpHostName    = 12
	dhcpMessageType = 53
	dhcpFQDN        = 81
	dhcpEnd         = 255
)

const (
	dhcpFixed    = 236        // bytes before the magic cookie (RFC 2131 §2, figure 1)
	dhcpCookie   = 0x63825363 // RFC 2131 §3
	dhcpReply    = 2          // op of what a server sends: BOOTREPLY (RFC 2131 §2)
	dhcpWireName = 4          // bit E of the FQDN option's flags: the name is in wire form, else in ASCII (RFC 4702 §2.1)
)

// dhcp reads a DHCP message (RFC 2131 §2). Of an option that is there twice the first counts. Options in the
// fields sname and file (RFC 2132 §9.3) are not read: clients have no reason to put their name there.
func (p *Packet) dhcp(b []byte) {
	if len(b) < dhcpFixed+4 {
		p.DecodeError = TruncatedDHCP
		return
	}
	cookie := be32(b[dhcpFixed:])
	if cookie != dhcpCookie && cookie != 0 {
		p.DecodeError = BadDHCP
		return
	}
	if b[0] == dhcpReply && be32(b[16:]) != 0 { // yiaddr
		copy(p.Assigned.IP[:], b[16:20])
		p.Assigned.Version = 4
		p.Valid |= HasAssigned
	}
	if cookie == 0 { // BOOTP without a vendor's fields (RFC 951 §3)
		return
	}
	b = b[dhcpFixed+4:]
	var fqdn []byte
	hostName := false
	for range maxDHCPOptions {
		if len(b) == 0 {
			p.DecodeError = TruncatedDHCP
			return
		}
		code := b[0]
		if code == dhcpPad {
			b = b[1:]
			continue
		}
		if code == dhcpEnd {
			if fqdn != nil && !hostName {
				p.dhcpFQDN(fqdn)
			}
			return
		}
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			p.DecodeError = TruncatedDHCP
			return
		}
		size := int(b[1])
		body := b[2 : 2+size]
		b = b[2+size:]
		switch code {
		case dhcpMessageType:
			if size != 1 {
				p.DecodeError = BadDHCP
				return
			}
			if p.Valid&HasDHCP == 0 {
				p.DHCPType = body[0]
				p.Valid |= HasDHCP
			}
		case dhcpHostName:
			if hostName {
				continue
			}
			hostName = true
			if p.setName(NameDHCP, trimZeros(body)); p.DecodeError != NoReason {
				return
			}
		case dhcpFQDN:
			if size < 3 { // flags and two result codes (RFC 4702 §2)
				p.DecodeError = BadDHCP
				return
			}
			if fqdn == nil {
				fqdn = body
			}
		}
	}
	p.DecodeError = TooManyDHCPOptions
}

// dhcpFQDN keeps the name in the body b of the FQDN option (RFC 4702 §2), which counts when there is no host name.
// That is known at the message's end only: when a message is cut before, the FQDN might not be its name.
func (p *Packet) dhcpFQDN(b []byte) {
	if name := b[3:]; b[0]&dhcpWireName == 0 {
		p.setName(NameDHCP, trimZeros(name))
	} else {
		p.fqdn(NameDHCP, name, BadDHCP)
	}
}

// trimZeros returns b without the zeros at its end, which some clients send.
func trimZeros(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	return b
}
