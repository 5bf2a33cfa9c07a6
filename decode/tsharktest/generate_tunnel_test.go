package tsharktest

// tunnel is what carries another packet, of every kind that decode knows.
func (g generator) tunnel(version int) (int, []byte) {
	kind, ip := g.inside()
	etherType := uint16(0x0800)
	if kind == 6 {
		etherType = 0x86dd
	}
	client := 20000 + uint16(g.IntN(400))
	switch g.IntN(16) {
	case 0, 1:
		if kind == 6 {
			return ip6, ip
		}
		return ipip, ip
	case 2, 3:
		return gre, g.gre(etherType, ip)
	case 4: // PPTP: K and S, version 1, PPP behind call id, sequence and acknowledgment numbers
		payload := octets(0xff, 3, pppOf(kind, ip))
		if g.one(2) {
			return gre, octets(0x30, 0x81, uint16(0x880b), uint16(len(payload)), g.u16(), g.Uint32(), g.Uint32(), payload)
		}
		return gre, octets(0x30, 0x01, uint16(0x880b), uint16(len(payload)), g.u16(), g.Uint32(), payload)
	case 5, 6: // VXLAN: I flag, network identifier
		return udp, g.udpOf(client, 4789, octets(8, 0, uint16(0), g.bytes(3), 0, g.innerEthernet(etherType, ip)))
	case 7, 8: // GENEVE: options of 4 bytes each, protocol, network identifier
		var options []byte
		for range g.IntN(3) {
			options = octets(options, uint16(0x0101), 0x80, 1, g.bytes(4))
		}
		head := octets(len(options)/4, 0)
		if g.one(2) {
			return udp, g.udpOf(client, 6081, octets(head, etherType, g.bytes(3), 0, options, ip))
		}
		return udp, g.udpOf(client, 6081, octets(head, uint16(0x6558), g.bytes(3), 0, options, g.innerEthernet(etherType, ip)))
	case 9, 10:
		return udp, g.udpOf(client, 2152, g.gtpu(ip))
	case 11, 12:
		return udp, g.udpOf(1701, 1701, g.l2tp(kind, ip))
	case 13:
		if g.one(2) && version == 4 { // L2TPv3: session, and a frame that nobody can read without knowing the cookie
			return l2tp, octets(1+g.Uint32N(1<<30), g.bytes(30))
		}
		return udp, g.udpOf(client, 51820, g.wireguard())
	case 14:
		var head []byte
		if g.one(2) { // authentication: client identifier and value, nonce, confirmation
			head = octets(0, 1, 0, 0, g.bytes(8), 0)
		}
		if g.one(2) { // origin: port and address, obfuscated
			head = octets(head, 0, 0, g.bytes(6))
		}
		return udp, g.udpOf(client, 3544, octets(head, g.inside6()))
	}
	if kind == 6 {
		return ip6, ip
	}
	return ipip, ip
}

func (g generator) innerEthernet(etherType uint16, ip []byte) []byte {
	if g.one(4) {
		return octets(g.mac(), g.mac(), uint16(0x8100), g.u16(), etherType, ip)
	}
	return octets(g.mac(), g.mac(), etherType, ip)
}

// gre is version 0 with each of its optional fields.
func (g generator) gre(etherType uint16, ip []byte) []byte {
	var flags byte
	var fields []byte
	if g.one(3) {
		flags |= 0x80
		fields = octets(fields, uint32(0)) // checksum and reserved
	}
	if g.one(2) {
		flags |= 0x20
		fields = octets(fields, g.Uint32())
	}
	if g.one(3) {
		flags |= 0x10
		fields = octets(fields, g.Uint32())
	}
	if g.one(3) {
		return octets(flags, 0, uint16(0x6558), fields, g.innerEthernet(etherType, ip))
	}
	return octets(flags, 0, etherType, fields, ip)
}

// gtpu is a G-PDU with each of its optional parts, or an echo request.
func (g generator) gtpu(ip []byte) []byte {
	if g.one(8) {
		return octets(0x32, 1, uint16(4), uint32(0), g.u16(), 0, 0)
	}
	switch g.IntN(3) {
	case 0:
		return octets(0x30, 255, uint16(len(ip)), g.Uint32(), ip)
	case 1: // sequence number
		return octets(0x32, 255, uint16(len(ip)+4), g.Uint32(), g.u16(), 0, 0, ip)
	}
	// PDU session container (3GPP TS 38.415): downlink, no more extension headers
	return octets(0x34, 255, uint16(len(ip)+8), g.Uint32(), uint16(0), 0, 0x85, 1, 0x00, 9, 0, ip)
}

// l2tp is version 2: data with each optional field, or the control message Hello.
func (g generator) l2tp(version int, ip []byte) []byte {
	payload := octets(0xff, 3, pppOf(version, ip))
	switch g.IntN(5) {
	case 0: // T, L and S; message type Hello
		return octets(0xc8, 2, uint16(20), g.u16(), uint16(0), g.u16(), g.u16(), uint16(0x8008), uint16(0), uint16(0), uint16(6))
	case 1: // L
		return octets(0x40, 2, uint16(8+len(payload)), g.u16(), g.u16(), payload)
	case 2: // S
		return octets(0x08, 2, g.u16(), g.u16(), g.u16(), g.u16(), payload)
	case 3: // O: offset size 4
		return octets(0x02, 2, g.u16(), g.u16(), uint16(4), uint32(0), payload)
	}
	return octets(0, 2, g.u16(), g.u16(), payload)
}

func (g generator) wireguard() []byte {
	switch g.IntN(4) {
	case 0:
		return octets(1, 0, 0, 0, g.bytes(144))
	case 1:
		return octets(2, 0, 0, 0, g.bytes(88))
	case 2:
		return octets(3, 0, 0, 0, g.bytes(60))
	}
	return octets(4, 0, 0, 0, g.bytes(12+16*(1+g.IntN(5))))
}
