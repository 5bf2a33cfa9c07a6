package decode

import "strings"

// quoteOf is an ICMP destination unreachable about the packet that parts begin.
func quoteOf(parts ...string) []byte {
	return ipv4Of("01", append([]string{"03 03 0000 00000000"}, parts...)...)
}

// onQuote is the head of quoteOf.
func onQuote(payload uint32, h Head) Head {
	h.Valid |= HasICMP
	h.ICMPType, h.ICMPCode = 3, 3
	return inIPv4(1, payload, h)
}

var quoteSamples = []sample{
	{name: "icmp port unreachable", link: LinkIPv4, data: quoteOf(inside4),
		want:  onQuote(32, Head{Valid: onInner}),
		inner: insideIPv4, cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedICMP}, {48, TruncatedInner}}},
	{name: "icmp source quench", link: LinkIPv4, data: ipv4Of("01", "04 00 0000 00000000", inside4),
		want:  inIPv4(1, 32, Head{Valid: HasICMP | onInner, ICMPType: 4}),
		inner: insideIPv4, cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedICMP}, {48, TruncatedInner}}},
	{name: "icmp redirect", link: LinkIPv4, data: ipv4Of("01", "05 01 0000 c0a80101", inside4),
		want:  inIPv4(1, 32, Head{Valid: HasICMP | onInner, ICMPType: 5, ICMPCode: 1}),
		inner: insideIPv4, cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedICMP}, {48, TruncatedInner}}},
	{name: "icmp time exceeded", link: LinkIPv4, data: ipv4Of("01", "0b 00 0000 00000000", inside4),
		want:  inIPv4(1, 32, Head{Valid: HasICMP | onInner, ICMPType: 11}),
		inner: insideIPv4, cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedICMP}, {48, TruncatedInner}}},
	{name: "icmp parameter problem", link: LinkIPv4, data: ipv4Of("01", "0c 00 0000 14000000", inside4),
		want:  inIPv4(1, 32, Head{Valid: HasICMP | onInner, ICMPType: 12}),
		inner: insideIPv4, cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedICMP}, {48, TruncatedInner}}},
	{name: "icmp timestamp quotes nothing", link: LinkIPv4, data: ipv4Of("01", "0d 00 0000 00000000", inside4),
		want: inIPv4(1, 32, Head{Valid: HasICMP, ICMPType: 13}),
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedICMP}}},
	{name: "icmp quotes a long packet's first 8 bytes", link: LinkIPv4,
		data:  quoteOf("45 00 05dc 0001 4000 01 06 0000 0a000001 0a000002 1388 1389 00000001"),
		want:  onQuote(28, Head{Valid: onInner}),
		inner: withProtocol(insideIPv4, 6), cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedICMP}, {48, TruncatedInner}}},
	{name: "icmp quotes no more than the header", link: LinkIPv4,
		data:  quoteOf("45 00 05dc 0001 4000 01 06 0000 0a000001 0a000002"),
		want:  onQuote(20, Head{Valid: noTransport}),
		inner: withProtocol(insideIP4, 6), cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedICMP}, {48, TruncatedInner}}},
	{name: "icmp quotes half of an ah", link: LinkIPv4,
		data:  quoteOf("45 00 05dc 0001 4000 01 33 0000 0a000001 0a000002 11040000 00000001"),
		want:  onQuote(28, Head{Valid: HasInner}),
		inner: insideIP4, cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedICMP}, {48, TruncatedInner}}},
	{name: "icmp quotes half of the options", link: LinkIPv4,
		data:  quoteOf("47 00 05dc 0001 4000 01 11 0000 0a000001 0a000002 01010101"),
		want:  onQuote(24, Head{Valid: noTransport, DecodeError: TruncatedInner}),
		inner: withProtocol(insideIP4, 17), cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedICMP}}},
	{name: "icmp quotes a later fragment", link: LinkIPv4,
		data:  quoteOf("45 00 0020 0001 0001 40 11 0000 0a000001 0a000002", insideUDP),
		want:  onQuote(32, Head{Valid: noTransport}),
		inner: withProtocol(insideIP4, 17), cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedICMP}, {48, TruncatedInner}}},
	{name: "icmp quotes ipv6", link: LinkIPv4, data: quoteOf(inside6),
		want: onQuote(52, Head{DecodeError: BadInner}),
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedICMP}, {29, TruncatedInner}}},
	{name: "icmpv6 packet too big", link: LinkIPv6, data: ipv6Of("3a", "02 00 0000 00000500", inside6),
		want:  inIPv6(58, 52, Head{Valid: HasICMP | onInner, ICMPType: 2}),
		inner: insideIPv6, cuts: []cut{{40, TruncatedIPv6}, {48, TruncatedICMPv6}, {88, TruncatedInner}}},
	{name: "icmpv6 time exceeded, quotes half of an extension header", link: LinkIPv6,
		data:  ipv6Of("3a", "03 00 0000 00000000 60000000 0018 2b 01", insideFrom6, insideTo6, "1101 0004 00000000"),
		want:  inIPv6(58, 48, Head{Valid: HasICMP | HasInner, ICMPType: 3}),
		inner: insideIP6, cuts: []cut{{40, TruncatedIPv6}, {48, TruncatedICMPv6}, {88, TruncatedInner}}},
	{name: "icmpv6 parameter problem, quotes seventeen extension headers", link: LinkIPv6,
		data: ipv6Of("3a", "04 01 0000 00000006 60000000 0500 3c 40", insideFrom6, insideTo6,
			strings.Repeat("3c00 0104 00000000", 17)),
		want:  inIPv6(58, 176, Head{Valid: HasICMP | HasInner, ICMPType: 4, ICMPCode: 1, DecodeError: TooManyExtensions}),
		inner: insideIP6, cuts: []cut{{40, TruncatedIPv6}, {48, TruncatedICMPv6}, {88, TruncatedInner}, {216, NoReason}}},
	{name: "icmpv6 neighbor solicitation quotes nothing", link: LinkIPv6,
		data: ipv6Of("3a", "87 00 0000 00000000", sixTo),
		want: inIPv6(58, 16, Head{Valid: HasICMP, ICMPType: 135}),
		cuts: []cut{{40, TruncatedIPv6}, {48, TruncatedICMPv6}}},
}
