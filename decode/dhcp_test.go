package decode

import "strings"

// dhcpHead is the part of a DHCP message in front of its options.
func dhcpHead(op byte) []byte {
	b := append([]byte{op, 1, 6, 0, 0x12, 0x34, 0x56, 0x78}, make([]byte, 232)...)
	copy(b[236:], octets("63825363"))
	return b
}

// dhcpFrame is an IPv4 packet from UDP port 68 to 67 with this payload.
func dhcpFrame(payload []byte) []byte {
	b := octets("45 00 0000 1234 4000 40 11 0000", fourFrom, fourTo, "0044 0043 0000 0000")
	b[2], b[3] = byte((len(b)+len(payload))>>8), byte(len(b)+len(payload))
	b[24], b[25] = byte((8+len(payload))>>8), byte(8+len(payload))
	return append(b, payload...)
}

// dhcpv6Frame is an IPv6 packet from UDP port 546 to 547 with this payload.
func dhcpv6Frame(payload []byte) []byte {
	b := octets("60000000 0000 11 40", sixFrom, sixTo, "0222 0223 0000 0000")
	size := 8 + len(payload)
	b[4], b[5] = byte(size>>8), byte(size)
	b[44], b[45] = b[4], b[5]
	return append(b, payload...)
}

// dhcpUsual is a request as a client sends it.
var dhcpUsual = dhcpFrame(append(dhcpHead(1), octets("35 01 03  3d 07 01 020000000001  32 04 c0a80114  0c 06 6c6170746f70",
	"3c 0c 4d53465420352e3000000000  37 0e 0103060f1f212b2c2e2f7779f9fc  ff", strings.Repeat("00", 20))...))

var dhcpSamples = append(dhcpTable(), dhcpv6Table()...)

// named sets the groups of what is in s besides its headers.
func named(s *sample, typed bool, kind NameKind) {
	if typed {
		s.want.Valid |= HasDHCP
	}
	if s.title != "" {
		s.want.Valid |= HasName
		s.want.NameKind = kind
	}
	if s.assigned != "" {
		s.want.Valid |= HasAssigned
	}
}

// dhcpTable makes samples of DHCP messages.
func dhcpTable() []sample {
	const fixed = 28 + 240 // IPv4 and UDP headers, then what is in front of the options
	var samples []sample
	for _, r := range []struct {
		name     string
		op       byte
		yiaddr   string
		cookie   string
		options  string
		need     int   // bytes of the options without which it is truncated
		kind     uint8 // 0: none
		title    string
		assigned string
		reason   Reason
	}{
		{name: "dhcp discover with a host name", op: 1, options: "350101 0c046e6f7465 3d0701020000000001 ff 0000", need: 19,
			kind: 1, title: "note"},
		{name: "dhcp ack", op: 2, yiaddr: "c0a80117", options: "350105 3604c0a80101 ff", need: 10, kind: 5,
			assigned: "192.168.1.23"},
		{name: "dhcp ack of an inform", op: 2, options: "350105 ff", need: 4, kind: 5},
		{name: "dhcp request that fills in a server's field", op: 1, yiaddr: "c0a80117", options: "350103 ff", need: 4, kind: 3},
		{name: "dhcp fqdn in wire form", op: 1, options: "350101 5111 050000 046e6f7465 076578616d706c65 00 ff", need: 23,
			kind: 1, title: "note.example"},
		{name: "dhcp fqdn without its end, a dot and a control byte in it", op: 1,
			options: "510c 040000 036e2e6f 0474655c01 ff", need: 15, title: `n\.o.te\092\001`},
		{name: "dhcp fqdn in ascii", op: 1, options: "5109 010000 6e6f74652e61 ff", need: 12, title: "note.a"},
		{name: "dhcp fqdn without a name", op: 1, options: "5103 040000 ff", need: 6},
		{name: "dhcp fqdn of the root", op: 1, options: "5104 040000 00 ff", need: 7},
		{name: "dhcp host name behind an fqdn", op: 1, options: "5107 010000 66716466 0c0468 6f7374 ff", need: 16, title: "host"},
		{name: "dhcp host name with zeros, behind pads", op: 1, options: "000000 0c06 686f73740000 00 ff 0c0161", need: 13,
			title: "host"},
		{name: "dhcp options twice", op: 1, options: "350101 0c0161 5104 010000 63 5104 010000 64 0c0162 350102 ff", need: 25,
			kind: 1, title: "a"},
		{name: "dhcp fqdn twice", op: 1, options: "5104 010000 63 5104 010000 64 ff", need: 13, title: "c"},
		{name: "dhcp host name of zeros in front of an fqdn", op: 1, options: "0c020000 5104 010000 63 0c0162 ff", need: 14},
		{name: "dhcp without an end", op: 1, options: "350101", kind: 1, reason: TruncatedDHCP},
		{name: "dhcp option behind the message", op: 1, options: "350101 0c05 686f7374", kind: 1, reason: TruncatedDHCP},
		{name: "bootp without a vendor's fields", op: 2, yiaddr: "c0a80117", cookie: "00000000", assigned: "192.168.1.23", options: "0000"},
		{name: "dhcp with another cookie", op: 2, yiaddr: "c0a80117", cookie: "63825364", reason: BadDHCP},
		{name: "dhcp message type of two bytes", op: 1, options: "0c0161 35020101 ff", need: 7, title: "a", reason: BadDHCP},
		{name: "dhcp fqdn without its flags", op: 1, options: "350101 51020000 ff", need: 7, kind: 1, reason: BadDHCP},
		{name: "dhcp fqdn with a pointer", op: 1, options: "350101 5107 040000 0161 c000 ff", need: 13, kind: 1, reason: BadDHCP},
		{name: "dhcp fqdn with a label behind its end", op: 1, options: "350101 5107 040000 0161 0362 ff 0000", need: 13, kind: 1,
			reason: BadDHCP},
		{name: "dhcp host name longer than a name", op: 1, options: "0c41 " + strings.Repeat("ff", 65) + "350101 ff", need: 67,
			title: strings.Repeat(`\255`, 63), reason: NameTooLong},
		{name: "dhcp fqdn longer than a name", op: 1,
			options: "5184 040000 3f" + strings.Repeat("01", 63) + "3f" + strings.Repeat("2e", 63) + "00 ff", need: 135,
			title: strings.Repeat(`\001`, 63) + `.\.`, reason: NameTooLong},
		{name: "dhcp with as many options as are read", op: 1, options: strings.Repeat("00", maxDHCPOptions-2) + "0c0161 ff",
			need: maxDHCPOptions + 2, title: "a"},
		{name: "dhcp with more", op: 1, options: strings.Repeat("00", maxDHCPOptions-1) + "0c0161 ff", need: maxDHCPOptions + 2,
			title: "a", reason: TooManyDHCPOptions},
	} {
		message := dhcpHead(r.op)
		copy(message[16:], octets(r.yiaddr))
		copy(message[236:], octets(r.cookie))
		message = append(message, octets(r.options)...)
		s := sample{name: r.name, link: LinkIPv4, data: dhcpFrame(message), title: r.title, assigned: r.assigned,
			want: Head{Valid: onIPv4 | HasPorts | HasPayload, IPVersion: 4, IPID: 0x1234, TTL: 64, Protocol: protoUDP,
				SrcIP: ip4From, DstIP: ip4To, SrcPort: 68, DstPort: 67, PayloadLength: uint32(len(message)), DHCPType: r.kind,
				DecodeError: r.reason},
			cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {fixed + r.need, TruncatedDHCP}}}
		named(&s, r.kind != 0, NameDHCP)
		samples = append(samples, s)
	}
	return samples
}

// dhcpv6Table makes samples of DHCPv6 messages.
func dhcpv6Table() []sample {
	const (
		head    = 48                                                              // IPv6 and UDP headers
		times   = "00000001 00000708 00000b40 "                                   // an IA's identifier and times
		address = "0005 0018 20010db8000000000000000000000009 00000e10 00001c20 " // 28 bytes
		prefix  = "001a 0019 00000e10 00001c20 38 20010db8000a00000000000000000000 "
		relay   = "0c 00 20010db8000000000000000000000001 fe800000000000000000000000000002 "
	)
	three := strings.Repeat("3f"+strings.Repeat("61", 63), 3) // labels
	var samples []sample
	for _, r := range []struct {
		name     string
		message  string
		need     int // bytes without which it is truncated
		title    string
		assigned string
		reason   Reason
	}{
		{name: "dhcpv6 solicit with a name", message: "01 000001 0001 0002 0001 0027 000e 00 046e6f7465 076578616d706c65", need: 28, title: "note.example"},
		{name: "dhcpv6 name with its end", message: "03 000001 0027 0004 00 0161 00", need: 12, title: "a"},
		{name: "dhcpv6 name that is empty", message: "03 000001 0027 0001 00", need: 9},
		{name: "dhcpv6 two names", message: "03 000001 0027 0003 00 0161 0027 0003 00 0162", need: 18,
			title: "a"},
		{name: "dhcpv6 reply with an address, then a name", message: "07 000001 0003 0028" + times + address + "0027 0003 00 0161", need: 55, assigned: "2001:db8::9", title: "a"},
		{name: "dhcpv6 advertisement with a temporary address behind a status",
			message: "02 000001 0004 0026 00000001 000d 0002 0000" + address, need: 46, assigned: "2001:db8::9"},
		{name: "dhcpv6 reply that takes an address back and gives another", message: "07 000001 0003 0044" + times +
			"0005 0018 20010db8000000000000000000000001 00000000 00000000" + address, need: 76, assigned: "2001:db8::9"},
		{name: "dhcpv6 reply that takes a prefix back", message: "07 000001 0019 0029" + times +
			"001a 0019 00000000 00000000 38 20010db8000a00000000000000000000", need: 49},
		{name: "dhcpv6 reply with a prefix", message: "07 000001 0019 0029" + times + prefix, need: 49,
			assigned: "2001:db8:a::"},
		{name: "dhcpv6 reply with a prefix and an address",
			message: "07 000001 0019 0029" + times + prefix + "0003 0028" + times + address, need: 93,
			assigned: "2001:db8:a::"},
		{name: "dhcpv6 reply with an empty ia and an address outside of one", message: "07 000001 0003 000c" + times + address, need: 48},
		{name: "dhcpv6 request for an address", message: "03 000001 0003 0028" + times + address, need: 48},
		{name: "dhcpv6 address in a prefix's ia", message: "07 000001 0019 0028" + times + address, need: 48},
		{name: "dhcpv6 relayed", message: relay + "0012 0001 61 0009 000b 01 000001 0027 0003 00 0161", need: 54, title: "a"},
		{name: "dhcpv6 relayed twice, options behind", message: relay + "0009 0031" + strings.Replace(relay, "0c", "0d", 1) +
			"0009 000b 01 000001 0027 0003 00 0161 0012 0001 61", need: 87, title: "a"},
		{name: "dhcpv6 relay message without a message", message: relay + "0012 0001 61", need: 39},
		{name: "dhcpv6 relayed nothing", message: relay + "0009 0000", reason: TruncatedDHCPv6},
		{name: "dhcpv6 relayed message that ends early", message: relay + "0009 0009 01 000001 0027 0003 00 0161", reason: TruncatedDHCPv6},
		{name: "dhcpv6 relayed message whose end is missing", message: relay + "0009 0020 01 000001 0027 0003 00 0161", title: "a", reason: TruncatedDHCPv6},
		{name: "dhcpv6 relayed nine times", message: strings.Repeat(relay+"0009 ffff ", maxRelays) + relay, need: maxRelays*38 + 1, reason: BadDHCPv6},
		{name: "dhcpv6 name without its flags", message: "03 000001 0027 0000", need: 8, reason: BadDHCPv6},
		{name: "dhcpv6 name with a pointer", message: "03 000001 0027 0003 00 c000", need: 11, reason: BadDHCPv6},
		{name: "dhcpv6 name of 255 bytes", message: "03 000001 0027 0100 00" + three + "3d" + strings.Repeat("62", 61) + "00", need: 264,
			title: strings.Repeat(strings.Repeat("a", 63)+".", 3) + strings.Repeat("b", 61)},
		{name: "dhcpv6 name of 256 bytes", message: "03 000001 0027 0101 00" + three + "3e" + strings.Repeat("62", 62) + "00", need: 265, reason: BadDHCPv6},
		{name: "dhcpv6 ia shorter than its fixed part", message: "07 000001 0003 000b 00000001 00000708 00000b", need: 8, reason: BadDHCPv6},
		{name: "dhcpv6 address shorter than one", message: "07 000001 0004 000b 00000001 0005 0003 616263", need: 16, reason: BadDHCPv6},
		{name: "dhcpv6 prefix shorter than one", message: "07 000001 0019 0028" + times + strings.Replace(address, "0005", "001a", 1), need: 24, reason: BadDHCPv6},
		{name: "dhcpv6 address behind its ia", message: "07 000001 0004 001f 00000001" + address, need: 16,
			reason: BadDHCPv6},
		{name: "dhcpv6 bytes behind the options of an ia", message: "07 000001 0004 0007 00000001 000000", need: 13, reason: BadDHCPv6},
		{name: "dhcpv6 options without end", message: "0b 000001" + strings.Repeat("0006 0000", maxDHCPOptions+1), need: 4 + 4*maxDHCPOptions + 1, reason: TooManyDHCPOptions},
		{name: "dhcpv6 options of a relay without end", message: relay + strings.Repeat("0006 0000", maxDHCPOptions+1), need: 34 + 4*maxDHCPOptions + 1, reason: TooManyDHCPOptions},
	} {
		message := octets(r.message)
		s := sample{name: r.name, link: LinkIPv6, data: dhcpv6Frame(message), title: r.title, assigned: r.assigned,
			want: Head{Valid: onIPv6 | HasPorts | HasPayload, IPVersion: 6, TTL: 64, Protocol: protoUDP, SrcIP: ip6From,
				DstIP: ip6To, SrcPort: 546, DstPort: 547, PayloadLength: uint32(len(message)), DHCPType: message[0],
				DecodeError: r.reason},
			cuts: []cut{{40, TruncatedIPv6}, {48, TruncatedUDP}, {49, NoReason}}}
		s.cuts = append(s.cuts, cut{head + r.need, TruncatedDHCPv6})
		named(&s, true, NameDHCPv6)
		samples = append(samples, s)
	}
	return samples
}
