package decode

// EtherTypes that Decode looks into (https://www.iana.org/assignments/ieee-802-numbers).
const (
	etherIPv4           = 0x0800
	etherARP            = 0x0806
	etherRARP           = 0x8035
	etherVLAN           = 0x8100 // IEEE 802.1Q customer tag
	etherIPv6           = 0x86dd
	etherMPLS           = 0x8847
	etherMPLSMulticast  = 0x8848
	etherPPPoEDiscovery = 0x8863
	etherPPPoESession   = 0x8864
	etherLLDP           = 0x88cc
	etherServiceVLAN    = 0x88a8 // IEEE 802.1ad service tag
	etherOldQinQ        = 0x9100 // service tag before 802.1ad

	etherTypeMin = 0x0600 // the lowest EtherType; IEEE 802.3 §3.2.6
	lengthMax    = 1500   // up to here the field is a length; what lies between is undefined
)

// vlanID is the VID's mask in a tag's control information; the rest is priority and drop eligibility.
const vlanID = 0x0fff

// ethernet reads an Ethernet II or IEEE 802.3 header (IEEE 802.3 §3.2).
func (p *Packet) ethernet(b []byte, more int) {
	if len(b) < 14 {
		p.DecodeError = TruncatedLink
		return
	}
	h := (*[14]byte)(b)
	p.DstMAC = [6]byte(h[0:6])
	p.SrcMAC = [6]byte(h[6:12])
	t := be16(h[12:14])
	switch t {
	case etherIPv4: // most frames: a call less
		p.EtherType = t
		p.Valid |= HasMAC | HasDstMAC | HasEtherType
		p.ipv4(b[14:], more)
	case etherIPv6:
		p.EtherType = t
		p.Valid |= HasMAC | HasDstMAC | HasEtherType
		p.ipv6(b[14:], more)
	default:
		p.Valid |= HasMAC | HasDstMAC
		p.network(t, b[14:], more)
	}
}

// network reads what follows the type or length field t: tags, then LLC or the payload that t names.
func (p *Packet) network(t uint16, b []byte, more int) {
	tags := 0
	if p.Valid&HasVLAN != 0 {
		tags = 1
	}
	for {
		if t == etherVLAN || t == etherServiceVLAN || t == etherOldQinQ {
			if tags == maxTags {
				p.DecodeError = TooManyTags
				return
			}
			if len(b) < 4 {
				p.DecodeError = TruncatedVLAN
				return
			}
			p.tag(be16(b) & vlanID)
			t, b = be16(b[2:]), b[4:]
			tags++
			continue
		}
		if t >= etherTypeMin {
			break
		}
		if t > lengthMax {
			return
		}
		// Behind the length there is padding.
		cut := len(b) < int(t)
		b, more = clip(b, more, int(t))
		if t, b = p.llc(b, cut); t < etherTypeMin {
			return
		}
	}
	p.EtherType = t
	p.Valid |= HasEtherType
	switch t {
	case etherIPv4:
		p.ipv4(b, more)
	case etherIPv6:
		p.ipv6(b, more)
	case etherARP, etherRARP:
		p.arp(b)
	case etherPPPoESession, etherPPPoEDiscovery:
		p.pppoe(b, more, t == etherPPPoESession)
	case etherMPLS, etherMPLSMulticast:
		p.mpls(b, more)
	case etherLLDP:
		p.lldp(b)
	}
}

// tag keeps the VIDs of the two outermost tags.
func (p *Packet) tag(id uint16) {
	switch {
	case p.Valid&HasVLAN == 0:
		p.VLANID = id
		p.Valid |= HasVLAN
	case p.Valid&HasInnerVLAN == 0:
		p.InnerVLANID = id
		p.Valid |= HasInnerVLAN
	}
}

// llc reads an IEEE 802.2 LLC header and returns the EtherType that its SNAP extension gives and what
// follows it, or 0 when there is none: another OUI than zero has its own numbering (RFC 1042). cut says that there
// was more behind b.
func (p *Packet) llc(b []byte, cut bool) (uint16, []byte) {
	if len(b) < 3 {
		p.DecodeError = TruncatedLLC
		return 0, nil
	}
	if b[0] != 0xaa || b[1] != 0xaa || b[2] != 3 {
		return 0, nil
	}
	if len(b) < 8 {
		p.DecodeError = TruncatedLLC
		return 0, nil
	}
	if b[3]|b[4]|b[5] != 0 {
		if b[3] == 0 && b[4] == 0 && b[5] == 0x0c && be16(b[6:]) == ciscoCDP {
			p.cdp(b[8:], cut)
		}
		return 0, nil
	}
	return be16(b[6:]), b[8:]
}
