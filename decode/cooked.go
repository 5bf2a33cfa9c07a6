package decode

// Device types (ARPHRD_, linux/if_arp.h) whose cooked protocol field is not an EtherType.
const (
	arphrd80211         = 801
	arphrd80211Prism    = 802
	arphrd80211Radiotap = 803
	arphrdNetlink       = 824
)

// cookedLLC is the protocol field of a cooked header that an LLC header follows (ETH_P_802_2).
const cookedLLC = 4

// cooked1 reads a LINKTYPE_LINUX_SLL header (https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html).
func (p *Packet) cooked1(b []byte, more int) {
	if len(b) < 16 {
		p.DecodeError = TruncatedLink
		return
	}
	p.sender(be16(b), be16(b[4:]), b[6:14])
	p.cooked(be16(b[14:]), be16(b[2:]), b[16:], more)
}

// cooked2 reads a LINKTYPE_LINUX_SLL2 header (https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html).
func (p *Packet) cooked2(b []byte, more int) {
	if len(b) < 20 {
		p.DecodeError = TruncatedLink
		return
	}
	p.sender(uint16(b[10]), uint16(b[11]), b[12:20])
	p.cooked(be16(b), be16(b[8:]), b[20:], more)
}

// sender takes what a cooked header says of direction and of the sender's address of size bytes.
func (p *Packet) sender(direction, size uint16, address []byte) {
	if p.Direction == Unknown && direction < uint16(Unknown) {
		p.Direction = Direction(direction)
	}
	if size == 6 {
		p.SrcMAC = [6]byte(address[:6])
		p.Valid |= HasMAC
	}
}

// cooked reads what follows a cooked header with this protocol field and device type.
func (p *Packet) cooked(protocol, device uint16, b []byte, more int) {
	switch device {
	case arphrd80211, arphrd80211Prism, arphrd80211Radiotap, arphrdNetlink:
		return
	}
	if protocol == cookedLLC {
		protocol, b = p.llc(b, more > 0)
	}
	if protocol >= etherTypeMin {
		p.network(protocol, b, more)
	}
}

// loopback reads a LINKTYPE_NULL header: 4 bytes of address family in the byte order of the writer, whose
// systems disagree on the number of AF_INET6 (https://www.tcpdump.org/linktypes.html).
func (p *Packet) loopback(b []byte, more int) {
	if len(b) < 4 {
		p.DecodeError = TruncatedLink
		return
	}
	// Families are small numbers, so one half of the word is zero and tells the byte order.
	family := be16(b[2:])
	switch {
	case b[0]|b[1] == 0:
	case b[2]|b[3] == 0:
		family = uint16(b[1])<<8 | uint16(b[0])
	default:
		return
	}
	switch family {
	case 2:
		p.ipv4(b[4:], more)
	case 10, 24, 28, 30: // Linux; NetBSD and OpenBSD; FreeBSD; Darwin
		p.ipv6(b[4:], more)
	}
}

// raw reads a packet that begins with an IP header of either version.
func (p *Packet) raw(b []byte, more int) {
	switch {
	case len(b) == 0:
		p.DecodeError = TruncatedLink
	case b[0]>>4 == 4:
		p.ipv4(b, more)
	case b[0]>>4 == 6:
		p.ipv6(b, more)
	default:
		p.DecodeError = BadIPVersion
	}
}
