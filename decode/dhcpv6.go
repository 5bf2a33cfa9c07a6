package decode

// DHCPv6 message types with a meaning here (RFC 8415 §7.3).
const (
	dhcpv6Advertise    = 2
	dhcpv6Answer       = 7 // REPLY
	dhcpv6RelayForward = 12
	dhcpv6RelayReply   = 13
)

// DHCPv6 options that are kept, or hold such (RFC 8415 §21, RFC 4704 §4).
const (
	dhcpv6IANA         = 3  // non-temporary addresses
	dhcpv6IATA         = 4  // temporary addresses
	dhcpv6Address      = 5  // in one of these
	dhcpv6RelayMessage = 9  // the message that a relay message carries
	dhcpv6IAPD         = 25 // prefixes
	dhcpv6Prefix       = 26 // in this
	dhcpv6FQDN         = 39
)

const (
	dhcpv6Fixed      = 4  // type and transaction (RFC 8415 §8)
	dhcpv6FixedRelay = 34 // type, hop count and two addresses (RFC 8415 §9)
	dhcpv6Option     = 4  // code and length in front of an option's body (RFC 8415 §21.1)
)

// dhcpv6 reads a DHCPv6 message (RFC 8415 §8, §9). The type is that of the outermost message, the rest is that of
// the one that client and server exchange, which relays put into relay messages.
func (p *Packet) dhcpv6(b []byte) {
	if len(b) > 0 {
		p.DHCPType = b[0]
		p.Valid |= HasDHCP
	}
	left := maxDHCPOptions
	cut := len(b) < int(p.PayloadLength) // between two options nothing else tells
	for relays := 0; len(b) > 0 && (b[0] == dhcpv6RelayForward || b[0] == dhcpv6RelayReply); relays++ {
		if relays == maxRelays {
			p.DecodeError = BadDHCPv6
			return
		}
		var size int
		if b, size, left = p.relayed(b, left); size < 0 {
			break
		}
		cut = len(b) < size || cut && relays > 0 // what follows the relayed message does not matter
	}
	if left >= 0 {
		p.dhcpv6Options(b, left)
	}
	if cut && p.DecodeError == NoReason {
		p.DecodeError = TruncatedDHCPv6
	}
}

// relayed returns what is there of the message inside the relay message b, the size that it claims, and how many
// of the left options may still be read; -1 for both when there is no message, or decoding stopped.
func (p *Packet) relayed(b []byte, left int) ([]byte, int, int) {
	if len(b) < dhcpv6FixedRelay {
		p.DecodeError = TruncatedDHCPv6
		return nil, -1, -1
	}
	for b = b[dhcpv6FixedRelay:]; len(b) > 0; left-- {
		if left == 0 {
			p.DecodeError = TooManyDHCPOptions
			return nil, -1, -1
		}
		if len(b) < dhcpv6Option {
			p.DecodeError = TruncatedDHCPv6
			return nil, -1, -1
		}
		code, size := be16(b), int(be16(b[2:]))
		b = b[dhcpv6Option:]
		if code == dhcpv6RelayMessage {
			return b[:min(size, len(b))], size, left - 1
		}
		if len(b) < size {
			p.DecodeError = TruncatedDHCPv6
			return nil, -1, -1
		}
		b = b[size:]
	}
	return nil, -1, -1
}

// dhcpv6Options reads the options of a message that is no relay's, at most left of them. Those inside an IA follow
// its fixed part, so that one loop reads them all. Of two names and of two addresses the first counts.
func (p *Packet) dhcpv6Options(b []byte, left int) {
	if len(b) < dhcpv6Fixed {
		p.DecodeError = TruncatedDHCPv6
		return
	}
	assigns := b[0] == dhcpv6Advertise || b[0] == dhcpv6Answer
	at := dhcpv6Fixed
	var ia uint16 // the IA option that holds the next one, or 0
	end := 0      // where it ends
	for ; at < len(b); left-- {
		if left == 0 {
			p.DecodeError = TooManyDHCPOptions
			return
		}
		if at == end {
			ia = 0
		}
		if ia != 0 && end-at < dhcpv6Option {
			p.DecodeError = BadDHCPv6
			return
		}
		if len(b)-at < dhcpv6Option {
			p.DecodeError = TruncatedDHCPv6
			return
		}
		code, size := be16(b[at:]), int(be16(b[at+2:]))
		at += dhcpv6Option
		next := at + size
		bad := ia != 0 && next > end
		switch {
		case bad:
		case ia == 0 && code == dhcpv6FQDN: // a byte of flags, then the name (RFC 4704 §4)
			if bad = size == 0; !bad && next <= len(b) && p.Valid&HasName == 0 {
				if p.fqdn(NameDHCPv6, b[at+1:next], BadDHCPv6); p.DecodeError != NoReason {
					return
				}
			}
		case ia == 0 && assigns && (code == dhcpv6IANA || code == dhcpv6IATA || code == dhcpv6IAPD):
			fixed := 12 // identifier and two times (RFC 8415 §21.4, §21.21)
			if code == dhcpv6IATA {
				fixed = 4 // identifier (RFC 8415 §21.5)
			}
			bad = size < fixed
			ia, end, next = code, next, at+fixed
		case (ia == dhcpv6IANA || ia == dhcpv6IATA) && code == dhcpv6Address: // address and two times (RFC 8415 §21.6)
			if bad = size < 24; !bad && next <= len(b) && be32(b[at+20:]) != 0 { // 0 takes it back, RFC 8415 §18.2.10.1
				p.assign6(b[at:])
			}
		case ia == dhcpv6IAPD && code == dhcpv6Prefix: // two times, a length, prefix (RFC 8415 §21.22)
			if bad = size < 25; !bad && next <= len(b) && be32(b[at+4:]) != 0 {
				p.assign6(b[at+9:])
			}
		}
		if bad {
			p.DecodeError = BadDHCPv6
			return
		}
		at = next
	}
	if at > len(b) || at < end {
		p.DecodeError = TruncatedDHCPv6
	}
}

// assign6 keeps the address that b begins with, when it is the first one.
func (p *Packet) assign6(b []byte) {
	if p.Valid&HasAssigned == 0 {
		p.Assigned.IP = [16]byte(b[:16])
		p.Assigned.Version = 6
		p.Valid |= HasAssigned
	}
}
