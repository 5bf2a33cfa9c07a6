package tsharktest

import "strings"

// named is a segment whose payload carries a name, or at least what is told from the port.
func (g generator) named(version int) (int, []byte) {
	client := g.clientPort()
	switch g.IntN(18) {
	case 0, 1:
		if g.one(2) {
			return udp, g.udpOf(client, 53, g.dns(false, false))
		}
		return udp, g.udpOf(53, client, g.dns(true, false))
	case 2:
		message := length16(g.dns(g.one(2), false))
		if g.one(2) {
			return tcp, g.tcpOf(client, 53, 0x18, nil, message)
		}
		return tcp, g.tcpOf(53, client, 0x18, nil, message)
	case 3:
		return udp, g.udpOf(5353, 5353, g.dns(g.one(2), true))
	case 4:
		if g.one(2) {
			return udp, g.udpOf(client, 5355, g.dns(false, false))
		}
		return udp, g.udpOf(5355, client, g.dns(true, false))
	case 5, 6, 7:
		port := pick[uint16](g, 443, 443, 443, 8443, 465, 636, 993, 995, 5061)
		return tcp, g.tcpOf(client, port, 0x18, nil, record(g.clientHello()))
	case 8, 9:
		return udp, g.udpOf(client, 443, g.initial())
	case 10, 11:
		port := pick[uint16](g, 80, 80, 3128, 8000, 8008, 8080)
		return tcp, g.tcpOf(client, port, 0x18, nil, g.http())
	case 12, 13:
		if g.one(2) {
			return udp, g.udpOf(client, 1900, g.ssdp())
		}
		return udp, g.udpOf(1900, client, g.ssdp())
	case 14:
		if g.one(2) {
			return udp, g.udpOf(68, 67, g.dhcp(1))
		}
		return udp, g.udpOf(67, 68, g.dhcp(2))
	case 15:
		if g.one(2) {
			return udp, g.udpOf(546, 547, g.dhcp6(true))
		}
		return udp, g.udpOf(547, 546, g.dhcp6(false))
	case 16: // a second of the client's port, for what servers say to each other
		return udp, g.udpOf(pick[uint16](g, client, 123), 123, g.ntp())
	}
	return udp, g.udpOf(123, client, g.ntp())
}

const hostBytes = "abcdefghijklmnopqrstuvwxyz0123456789-ABCDEF_"

// label is 1 to 12 bytes of a host's name.
func (g generator) label() string { return g.letters(1 + g.IntN(12)) }

func (g generator) letters(n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte(hostBytes[g.IntN(len(hostBytes))])
	}
	return b.String()
}

// odd is a name of bytes that names do not have, but for a zero at its end, which would be padding in DHCP.
func (g generator) odd() string { return string(g.bytes(1+g.IntN(19))) + "$" }

// labelOrOdd is mostly a label.
func (g generator) labelOrOdd() string {
	if g.one(10) {
		return g.odd()
	}
	return g.label()
}

// host is a name of one to four labels, without a dot at its end.
func (g generator) host() string {
	labels := make([]string, 1+g.IntN(4))
	for i := range labels {
		labels[i] = g.label()
	}
	if g.one(10) {
		labels[0] = g.letters(63) // the longest there is, RFC 1035 §3.1
	}
	return strings.Join(labels, ".")
}

// wire is a name as DNS writes it, RFC 1035 §3.1.
func wire(name string) []byte {
	var b []byte
	for label := range strings.SplitSeq(name, ".") {
		if label != "" {
			b = octets(b, length8(label))
		}
	}
	return octets(b, 0)
}

// dns is a message with a question, and when it is a response with answers whose owner is a pointer to the
// question's name, or to a part of it. A response of multicast DNS has no question (RFC 6762 §6).
func (g generator) dns(response, multicast bool) []byte {
	name := g.host()
	if g.one(12) {
		name = g.label() + " (2)." + g.label() // DNS-SD instances have spaces, RFC 6763 §4.1.1
	}
	if g.one(40) {
		name = "" // the root
	}
	encoded := wire(name)
	if g.one(12) {
		encoded = octets(length8(g.odd()), encoded)
	}
	kind := pick[uint16](g, 1, 1, 28, 12, 16, 33, 65, 255)
	flags := uint16(0x0100)
	answers, questions := 0, 1
	if response {
		flags = 0x8180 | uint16(pick(g, 0, 0, 0, 2, 3, 5))
		answers = g.IntN(12)
		if multicast {
			flags = 0x8400
			answers = 1 + g.IntN(6)
			questions = 0
		}
	}
	b := octets(g.u16(), flags, uint16(questions), uint16(answers), uint16(0), uint16(0))
	class := uint16(1)
	owner := octets(uint16(0xc00c)) // the name right behind the header
	if questions == 1 {
		b = octets(b, encoded, kind, class)
	}
	for i := range answers {
		at := owner
		if i == 0 && questions == 0 {
			at = encoded
			class |= 0x8000 // the cache is to be flushed, RFC 6762 §10.2
		}
		if name == "" {
			at = []byte{0}
		}
		switch g.IntN(5) {
		case 0, 1:
			b = octets(b, at, uint16(1), class, g.Uint32N(1<<31), length16(g.bytes(4)))
		case 2:
			b = octets(b, at, uint16(28), class, g.Uint32N(1<<31), length16(g.address6()))
		case 3: // an alias under the same suffix
			b = octets(b, at, uint16(5), class, g.Uint32N(1<<31), length16(length8("www"), owner))
		default:
			b = octets(b, at, uint16(16), class, g.Uint32N(1<<31), length16(length8("v=1")))
		}
	}
	return b
}

// http is a request of HTTP/1, with or without Host among its lines.
func (g generator) http() []byte {
	method := pick(g, "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "PROPFIND", "MKCOL", "LOCK", "REPORT")
	b := octets(method, " /", g.label(), pick(g, "?a=b", "", ".html"), pick(g, " HTTP/1.1\r\n", " HTTP/1.0\r\n"))
	host := pick(g, "Host: ", "host: ", "HOST:")
	for range g.IntN(4) {
		b = octets(b, "X-", g.label(), ": ", g.label(), "\r\n")
	}
	if !g.one(6) {
		b = octets(b, host, g.host(), pick(g, "", "", ":8080"), "\r\n")
	}
	return octets(b, "Accept: */*\r\n\r\n")
}

// ssdp is each message of the UPnP Device Architecture 2.0 §1.2 and §1.3.
func (g generator) ssdp() []byte {
	target := pick(g, "ssdp:all", "upnp:rootdevice", "urn:schemas-upnp-org:device:"+g.label()+":1")
	switch g.IntN(3) {
	case 0:
		return octets("M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: ", target, "\r\n\r\n")
	case 1:
		return octets("NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nNT: ", target, "\r\nNTS: ssdp:alive\r\nUSN: uuid:", g.label(), "\r\n\r\n")
	}
	return octets("HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1800\r\nEXT:\r\nST: ", target, "\r\nUSN: uuid:", g.label(), "\r\n\r\n")
}

// dhcp is a message of a client (1) or of a server (2), RFC 2131 §2.
func (g generator) dhcp(op int) []byte {
	assigned := uint32(0)
	kind := pick(g, 1, 3, 4, 7, 8)
	if op == 2 {
		kind = pick(g, 2, 5, 6)
		if kind != 6 {
			assigned = g.Uint32()
		}
	}
	b := octets(op, 1, 6, 0, g.Uint32(), uint16(0), uint16(0), uint32(0), assigned, uint32(0), uint32(0), g.mac(),
		make([]byte, 10+64+128), uint32(0x63825363), 53, 1, kind)
	if g.one(2) {
		b = octets(b, 61, 7, 1, g.mac())
	}
	if g.one(2) {
		b = octets(b, 12, length8(g.labelOrOdd()))
	}
	switch g.IntN(4) {
	case 0: // in ASCII, RFC 4702 §2.3
		b = octets(b, 81, length8(1, 0, 0, g.host()))
	case 1: // as DNS writes it
		b = octets(b, 81, length8(5, 0, 0, wire(g.host())))
	}
	if g.one(2) {
		b = octets(b, 55, 3, 1, 3, 6)
	}
	return octets(b, 255, make([]byte, g.IntN(20)))
}

// dhcp6 is a message of a client or of a server, RFC 8415 §8, in a relay message at times.
func (g generator) dhcp6(client bool) []byte {
	kind := pick(g, 1, 3, 5, 6, 8, 11) // SOLICIT, REQUEST, RENEW, REBIND; RELEASE, INFORMATION-REQUEST
	if !client {
		kind = pick(g, 2, 7)
	}
	option := func(code uint16, parts ...any) []byte { return octets(code, length16(parts...)) }
	b := octets(kind, g.bytes(3), option(1, uint16(3), uint16(1), g.mac()))
	if !client {
		b = octets(b, option(2, uint16(3), uint16(1), g.mac()))
		address := option(5, g.address6(), uint32(3600), uint32(7200))
		switch g.IntN(4) {
		case 0: // prefix
			b = octets(b, option(25, g.Uint32(), uint32(1000), uint32(2000), option(26, uint32(3600), uint32(7200), 56, g.address6())))
		case 1: // temporary address
			b = octets(b, option(4, g.Uint32(), address))
		case 2: // address
			b = octets(b, option(3, g.Uint32(), uint32(1000), uint32(2000), address))
		}
	}
	if kind < 8 && g.one(2) { // RFC 4704 §5 names the messages that may have it
		b = octets(b, option(39, 1, wire(g.host())))
	}
	b = octets(b, option(8, uint16(0)))
	for n := g.IntN(6); n > 3; n-- {
		b = octets(12, n, g.address6(), g.address6(), option(18, "eth0"), option(9, b))
	}
	return b
}

// ntp is a message of any mode but those for private use.
func (g generator) ntp() []byte {
	mode := 1 + g.IntN(6)
	if mode == 6 { // control message: read status, no data
		return octets(0x16, 2, uint16(1), uint16(0), uint16(0), uint16(0), uint16(0))
	}
	return octets(4<<3|mode, 2, 6, 0xec, g.bytes(44))
}

// lldp has the three mandatory parts (IEEE 802.1AB §8.2) and mostly a system name.
func (g generator) lldp() []byte {
	part := func(kind int, parts ...any) []byte {
		value := octets(parts...)
		return octets(uint16(kind<<9|len(value)), value)
	}
	b := octets(part(1, 4, g.mac()), part(2, 5, "eth0"), part(3, uint16(120)))
	if !g.one(4) {
		b = octets(b, part(5, pick(g, g.host(), g.labelOrOdd())))
	}
	if g.one(2) {
		b = octets(b, part(6, "a switch"), part(7, uint16(4), uint16(4)))
	}
	return octets(b, part(0))
}

// cdp is version 2.
func (g generator) cdp() []byte {
	part := func(kind uint16, value string) []byte { return octets(kind, uint16(4+len(value)), value) }
	b := octets(2, 180, g.u16())
	if g.one(4) {
		b = octets(b, part(3, "FastEthernet0/1"))
	}
	if !g.one(4) {
		b = octets(b, part(1, pick(g, g.host(), g.labelOrOdd())))
	}
	return octets(b, part(6, "platform"))
}
