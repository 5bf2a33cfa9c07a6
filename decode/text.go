package decode

import "net/netip"

const arrow = " → "

// AppendText appends one line without its end, as in
//
//	15:04:05.123456 eth0 in  192.168.1.20:51544 → 142.250.74.36:443 TCP [SYN,ACK] seq 1 ack 2 win 4096 mss 1460 len 0
//
// The time is UTC; in, out, bc (broadcast), mc (multicast), oth and - are the directions; len is the payload
// length and wire the frame's, both in bytes; a decode error is its name behind an exclamation mark. Apart
// from the arrow everything is printable ASCII: a byte of iface that is not becomes a question mark, and
// names have the form of Name. It allocates only when dst has no room.
func (p *Packet) AppendText(dst []byte, iface string) []byte {
	dst = appendClock(dst, p.Time)
	dst = append(dst, ' ')
	for i := range len(iface) {
		c := iface[i]
		if c <= ' ' || c > '~' {
			c = '?'
		}
		dst = append(dst, c)
	}
	dst = append(dst, p.Direction.short()...)
	return p.AppendContent(dst)
}

// AppendContent appends what AppendText has behind the direction, the packet without when and where it was seen; a
// space comes first.
func (p *Packet) AppendContent(dst []byte) []byte {
	if p.Valid&HasVLAN != 0 {
		dst = appendUint(append(dst, " vlan "...), p.VLANID)
	}
	if p.Valid&HasInnerVLAN != 0 {
		dst = appendUint(append(dst, '.'), p.InnerVLANID)
	}
	if p.Valid&HasPPPoE != 0 {
		dst = appendUint(append(dst, " pppoe "...), p.PPPoESession)
	}
	switch {
	case p.IPVersion != 0:
		dst = p.appendIPText(dst)
	case p.Valid&HasARP != 0:
		dst = p.appendARPText(dst)
	default:
		dst = p.appendLinkText(dst)
	}
	dst = p.appendDetailText(dst)
	if p.WireSegments > 1 {
		dst = appendUint(append(dst, " segments "...), p.WireSegments)
	}
	if p.DecodeError != NoReason {
		dst = append(append(dst, " !"...), p.DecodeError.String()...)
	}
	return dst
}

// short is the direction in a column of its own, the spaces around it included but the last.
func (d Direction) short() string {
	switch d {
	case In:
		return " in "
	case Out:
		return " out"
	case Broadcast:
		return " bc "
	case Multicast:
		return " mc "
	case Other:
		return " oth"
	}
	return " -  "
}

// appendClock appends the time of day in UTC to the microsecond.
func appendClock(dst []byte, nanoseconds int64) []byte {
	const day = 24 * 3600 * 1_000_000_000
	n := nanoseconds % day
	if n < 0 {
		n += day
	}
	second := int(n / 1_000_000_000)
	micro := int(n / 1000 % 1_000_000)
	dst = append(dst, '0'+byte(second/36000), '0'+byte(second/3600%10), ':',
		'0'+byte(second/600%6), '0'+byte(second/60%10), ':',
		'0'+byte(second/10%6), '0'+byte(second%10), '.')
	for unit := 100_000; unit > 0; unit /= 10 {
		dst = append(dst, '0'+byte(micro/unit%10))
	}
	return dst
}

// appendEndpoint appends an address, and its port when it has one.
func appendEndpoint(dst []byte, ip netip.Addr, ports bool, port uint16) []byte {
	if !ports {
		return ip.AppendTo(dst)
	}
	if ip.Is6() {
		dst = append(ip.AppendTo(append(dst, '[')), ']')
	} else {
		dst = ip.AppendTo(dst)
	}
	return appendUint(append(dst, ':'), port)
}

func appendProtocol(dst []byte, protocol uint8) []byte {
	if name := ProtocolName(protocol); name != "" {
		return append(dst, name...)
	}
	return appendUint(append(dst, "protocol "...), protocol)
}

func (p *Packet) appendIPText(dst []byte) []byte {
	ports := p.Valid&HasPorts != 0
	dst = appendEndpoint(append(dst, ' '), p.Source(), ports, p.SrcPort)
	dst = appendEndpoint(append(dst, arrow...), p.Destination(), ports, p.DstPort)
	dst = append(dst, ' ')
	if p.Valid&HasProtocol == 0 {
		return appendUint(append(dst, "IPv"...), p.IPVersion)
	}
	dst = appendProtocol(dst, p.Protocol)
	if p.Valid&HasTCP != 0 {
		dst = p.appendTCPText(dst)
	}
	if p.Valid&HasICMP != 0 {
		dst = p.appendICMPText(dst)
	}
	if p.Valid&HasFragment != 0 {
		dst = appendUint(append(dst, " fragment "...), p.FragmentOffset)
		dst = appendUint(append(dst, " id "...), p.IPID)
	}
	if p.Valid&HasPayload != 0 {
		dst = appendUint(append(dst, " len "...), p.PayloadLength)
	}
	return dst
}

func (p *Packet) appendTCPText(dst []byte) []byte {
	dst = append(dst, " ["...)
	if p.Flags == 0 {
		dst = append(dst, "none"...)
	}
	dst = append(FlagNames(dst, p.Flags), "] seq "...)
	dst = appendUint(dst, p.SeqNumber)
	const ack = 0x10
	if p.Flags&ack != 0 {
		dst = appendUint(append(dst, " ack "...), p.AckNumber)
	}
	dst = appendUint(append(dst, " win "...), p.WindowSize)
	if p.Valid&HasMSS != 0 {
		dst = appendUint(append(dst, " mss "...), p.MSS)
	}
	if p.Valid&HasWindowScale != 0 {
		dst = appendUint(append(dst, " wscale "...), p.WindowScale)
	}
	if p.Valid&HasTCPOptions != 0 {
		dst = p.TCPOptions.appendText(dst)
	}
	if p.Valid&HasSACK != 0 {
		dst = appendUint(append(dst, " sack "...), p.SACKBlocks)
	}
	return dst
}

func (p *Packet) appendICMPText(dst []byte) []byte {
	name := icmpName
	if p.Protocol == protoICMPv6 {
		name = icmpv6Name
	}
	kind, code := name(p.ICMPType, p.ICMPCode)
	if kind != "" {
		dst = append(append(dst, ' '), kind...)
	} else {
		dst = appendUint(append(dst, " type "...), p.ICMPType)
	}
	switch {
	case code != "":
		dst = append(append(dst, ' '), code...)
	case p.ICMPCode != 0:
		dst = appendUint(append(dst, " code "...), p.ICMPCode)
	}
	return dst
}

// appendARPText takes the sender's MAC from the frame: the one in the packet is not kept.
func (p *Packet) appendARPText(dst []byte) []byte {
	if p.EtherType == etherRARP {
		dst = append(dst, " RARP "...)
	} else {
		dst = append(dst, " ARP "...)
	}
	addresses := p.Valid&HasAddresses != 0
	switch {
	case p.ARPOperation == arpRequest && addresses:
		dst = p.Destination().AppendTo(append(dst, "who-has "...))
		return p.Source().AppendTo(append(dst, " tell "...))
	case p.ARPOperation == arpReply && addresses && p.Valid&HasMAC != 0:
		dst = append(p.Source().AppendTo(dst), " is-at "...)
		return appendMAC(dst, &p.SrcMAC)
	case p.ARPOperation == rarpRequest:
		dst = append(dst, "who-am-i"...)
	case p.ARPOperation == rarpReply && addresses:
		return p.Destination().AppendTo(append(dst, "you-are "...))
	default:
		dst = appendUint(append(dst, "operation "...), p.ARPOperation)
	}
	if p.Valid&HasMAC != 0 {
		dst = appendMAC(append(dst, " from "...), &p.SrcMAC)
	}
	return dst
}

func (p *Packet) appendLinkText(dst []byte) []byte {
	if p.Valid&HasMAC != 0 {
		dst = appendMAC(append(dst, ' '), &p.SrcMAC)
		if p.Valid&HasDstMAC != 0 {
			dst = appendMAC(append(dst, arrow...), &p.DstMAC)
		}
	}
	switch name := EtherTypeName(p.EtherType); {
	case p.Valid&HasEtherType == 0:
		dst = append(dst, " no-ether-type"...)
	case name != "":
		dst = append(append(dst, ' '), name...)
	default:
		t := p.EtherType
		dst = append(dst, " ether-type 0x"...)
		dst = append(dst, hexDigits[t>>12], hexDigits[t>>8&15], hexDigits[t>>4&15], hexDigits[t&15])
	}
	return appendUint(append(dst, " wire "...), p.WireLength)
}
