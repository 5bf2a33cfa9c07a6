package decode

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// tunnelSamples is what IP carries besides transport headers, and TCP options.
var tunnelSamples = slices.Concat(ipInIPSamples, innerSamples, greSamples, vxlanSamples, geneveSamples, gtpuSamples,
	l2tpSamples, wireguardSamples, teredoSamples, quoteSamples, ipsecSamples, groupSamples, tcpOptionSamples)

// Packets to put inside.
const (
	inside4 = "45 00 0020 0001 0000 40 11 0000 0a000001 0a000002 " + insideUDP // 32 bytes
	inside6 = "60000000 000c 11 40" + insideFrom6 + insideTo6 + insideUDP      // 52 bytes

	insideUDP   = "1388 1389 000c 0000 61626364 "
	insideFrom6 = "fd000000000000000000000000000001"
	insideTo6   = "fd000000000000000000000000000002"
	insideMAC   = "0e0000000002 0e0000000001 "
)

var (
	insideIP4   = Inner{IPVersion: 4, SrcIP: [16]byte{10, 0, 0, 1}, DstIP: [16]byte{10, 0, 0, 2}}
	insideIP6   = Inner{IPVersion: 6, SrcIP: [16]byte{0xfd, 15: 1}, DstIP: [16]byte{0xfd, 15: 2}}
	insideIPv4  = withPorts(insideIP4)
	insideIPv6  = withPorts(insideIP6)
	onInner     = HasInner | HasInnerProtocol | HasInnerPorts
	noTransport = HasInner | HasInnerProtocol
)

// withPorts is i with the UDP header of insideUDP.
func withPorts(i Inner) Inner {
	i = withProtocol(i, 17)
	i.SrcPort, i.DstPort = 5000, 5001
	return i
}

func withProtocol(i Inner, protocol uint8) Inner {
	i.Protocol = protocol
	return i
}

// ipv4Of is an IPv4 packet of a protocol; udpOf one of UDP to a port. The lengths are those of what they hold.
func ipv4Of(protocol string, parts ...string) []byte {
	b := append(octets("45 00 0000 0007 0000 40", protocol, "0000", fourFrom, fourTo), octets(parts...)...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	return b
}

func udpOf(port int, parts ...string) []byte {
	size := 8 + len(octets(parts...))
	return ipv4Of("11", append([]string{fmt.Sprintf("d903 %04x %04x 0000", port, size)}, parts...)...)
}

// ipv6Of is an IPv6 packet.
func ipv6Of(next string, parts ...string) []byte {
	b := append(octets("60000000 0000", next, "40", sixFrom, sixTo), octets(parts...)...)
	binary.BigEndian.PutUint16(b[4:], uint16(len(b)-40))
	return b
}

// inIPv4 is h with what ipv4Of says, inUDP with what udpOf says, inIPv6 with what ipv6Of says.
func inIPv4(protocol uint8, payload uint32, h Head) Head {
	h.Valid |= onIPv4 | HasPayload
	h.IPVersion, h.IPID, h.TTL, h.Protocol, h.SrcIP, h.DstIP, h.PayloadLength = 4, 7, 64, protocol, ip4From, ip4To, payload
	return h
}

func inUDP(port uint16, payload uint32, h Head) Head {
	h = inIPv4(17, payload, h)
	h.Valid |= HasPorts
	h.SrcPort, h.DstPort = 55555, port
	return h
}

func inIPv6(protocol uint8, payload uint32, h Head) Head {
	h.Valid |= onIPv6 | HasPayload
	h.IPVersion, h.TTL, h.Protocol, h.SrcIP, h.DstIP, h.PayloadLength = 6, 64, protocol, ip6From, ip6To, payload
	return h
}

var ipInIPSamples = []sample{
	{name: "ipip", link: LinkIPv4, data: ipv4Of("04", inside4),
		want:  inIPv4(4, 32, Head{Valid: HasTunnel | onInner, Tunnel: TunnelIPIP}),
		inner: insideIPv4, cuts: []cut{{20, TruncatedIPv4}, {44, TruncatedInner}}},
	{name: "6in4", link: LinkIPv4, data: ipv4Of("29", inside6),
		want:  inIPv4(41, 52, Head{Valid: HasTunnel | onInner, Tunnel: Tunnel6in4}),
		inner: insideIPv6, cuts: []cut{{20, TruncatedIPv4}, {64, TruncatedInner}}},
	{name: "4in6", link: LinkIPv6, data: ipv6Of("04", inside4),
		want:  inIPv6(4, 32, Head{Valid: HasTunnel | onInner, Tunnel: Tunnel4in6}),
		inner: insideIPv4, cuts: []cut{{40, TruncatedIPv6}, {64, TruncatedInner}}},
	{name: "6in6", link: LinkIPv6, data: ipv6Of("29", inside6),
		want:  inIPv6(41, 52, Head{Valid: HasTunnel | onInner, Tunnel: Tunnel6in6}),
		inner: insideIPv6, cuts: []cut{{40, TruncatedIPv6}, {84, TruncatedInner}}},
	{name: "6in6 behind an extension header", link: LinkIPv6, data: ipv6Of("3c", "2900 0401 01 0104 00", inside6),
		want:  inIPv6(41, 52, Head{Valid: HasTunnel | onInner, Tunnel: Tunnel6in6}),
		inner: insideIPv6, cuts: []cut{{40, TruncatedIPv6}, {48, TruncatedExtension}, {92, TruncatedInner}}},
	{name: "ipip with ipv6 inside", link: LinkIPv4, data: ipv4Of("04", inside6),
		want: inIPv4(4, 52, Head{Valid: HasTunnel, Tunnel: TunnelIPIP, DecodeError: BadInner}),
		cuts: []cut{{20, TruncatedIPv4}, {21, TruncatedInner}}},
	{name: "6in4 with ipv4 inside", link: LinkIPv4, data: ipv4Of("29", inside4),
		want: inIPv4(41, 32, Head{Valid: HasTunnel, Tunnel: Tunnel6in4, DecodeError: BadInner}),
		cuts: []cut{{20, TruncatedIPv4}, {21, TruncatedInner}}},
	{name: "ipip in ipip: only the first packet inside", link: LinkIPv4,
		data: ipv4Of("04", "45 00 0034 0001 0000 40 04 0000 0a000001 0a000002", inside4),
		want: inIPv4(4, 52, Head{Valid: HasTunnel | noTransport, Tunnel: TunnelIPIP}), inner: withProtocol(insideIP4, 4),
		cuts: []cut{{20, TruncatedIPv4}, {40, TruncatedInner}}},
	{name: "ipip, a later fragment of the tunnel", link: LinkIPv4,
		data: octets("45 00 0034 0007 0001 40 04 0000", fourFrom, fourTo, inside4),
		want: inIPv4(4, 32, Head{Valid: HasFragment, FragmentOffset: 8}),
		cuts: []cut{{20, TruncatedIPv4}}},
	{name: "ipip goes on in the next fragment", link: LinkIPv4,
		data: octets("45 00 002a 0007 2000 40 04 0000", fourFrom, fourTo,
			"45 00 0020 0001 0000 40 11 0000 0a000001 0a000002 1388"),
		want: inIPv4(4, 22, Head{Valid: HasFragment | HasTunnel | noTransport, Tunnel: TunnelIPIP,
			DecodeError: TruncatedInner}),
		inner: withProtocol(insideIP4, 17), cuts: []cut{{20, TruncatedIPv4}}},
}

// ipip is an IPv4 packet with parts inside.
func ipip(parts ...string) []byte { return ipv4Of("04", parts...) }

// onIPIP is the head of ipip.
func onIPIP(payload uint32, h Head) Head {
	h.Valid |= HasTunnel
	h.Tunnel = TunnelIPIP
	return inIPv4(4, payload, h)
}

var innerSamples = []sample{
	{name: "inside: ipv4 options are skipped", link: LinkIPv4,
		data: ipip("46 00 0024 0001 0000 40 11 0000 0a000001 0a000002 01010101", insideUDP),
		want: onIPIP(36, Head{Valid: onInner}), inner: insideIPv4,
		cuts: []cut{{20, TruncatedIPv4}, {48, TruncatedInner}}},
	{name: "inside: total length 0", link: LinkIPv4,
		data: ipip("45 00 0000 0001 0000 40 11 0000 0a000001 0a000002", insideUDP),
		want: onIPIP(32, Head{Valid: onInner}), inner: insideIPv4,
		cuts: []cut{{20, TruncatedIPv4}, {44, TruncatedInner}}},
	{name: "inside: total length ends in front of the ports", link: LinkIPv4,
		data:  ipip("45 00 0016 0001 0000 40 11 0000 0a000001 0a000002", insideUDP),
		want:  onIPIP(32, Head{Valid: noTransport, DecodeError: TruncatedInner}),
		inner: withProtocol(insideIP4, 17), cuts: []cut{{20, TruncatedIPv4}}},
	{name: "inside: total length below the header", link: LinkIPv4,
		data:  ipip("45 00 0013 0001 0000 40 11 0000 0a000001 0a000002", insideUDP),
		want:  onIPIP(32, Head{Valid: noTransport, DecodeError: BadInner}),
		inner: withProtocol(insideIP4, 17), cuts: []cut{{20, TruncatedIPv4}, {40, TruncatedInner}}},
	{name: "inside: ihl of 4", link: LinkIPv4,
		data:  ipip("44 00 0020 0001 0000 40 11 0000 0a000001 0a000002", insideUDP),
		want:  onIPIP(32, Head{Valid: noTransport, DecodeError: BadInner}),
		inner: withProtocol(insideIP4, 17), cuts: []cut{{20, TruncatedIPv4}, {40, TruncatedInner}}},
	{name: "inside: first fragment", link: LinkIPv4,
		data: ipip("45 00 0020 0001 2000 40 11 0000 0a000001 0a000002", insideUDP),
		want: onIPIP(32, Head{Valid: onInner}), inner: insideIPv4,
		cuts: []cut{{20, TruncatedIPv4}, {44, TruncatedInner}}},
	{name: "inside: later fragment", link: LinkIPv4,
		data:  ipip("45 00 0020 0001 0001 40 11 0000 0a000001 0a000002", insideUDP),
		want:  onIPIP(32, Head{Valid: noTransport}),
		inner: withProtocol(insideIP4, 17), cuts: []cut{{20, TruncatedIPv4}, {40, TruncatedInner}}},
	{name: "inside: later fragment of ah", link: LinkIPv4,
		data:  ipip("45 00 001c 0001 0001 40 33 0000 0a000001 0a000002 1104000000000001"),
		want:  onIPIP(28, Head{Valid: noTransport}),
		inner: withProtocol(insideIP4, 51), cuts: []cut{{20, TruncatedIPv4}, {40, TruncatedInner}}},
	{name: "inside: two ah in ipv4", link: LinkIPv4,
		data: ipip("45 00 0038 0001 0000 40 33 0000 0a000001 0a000002",
			"3301 0000 00000001 00000001", "1101 0000 00000002 00000001", insideUDP),
		want: onIPIP(56, Head{Valid: onInner}), inner: insideIPv4,
		cuts: []cut{{20, TruncatedIPv4}, {68, TruncatedInner}}},
	{name: "inside: ipv4 has no other extension headers", link: LinkIPv4,
		data:  ipip("45 00 0020 0001 0000 40 3c 0000 0a000001 0a000002", insideUDP),
		want:  onIPIP(32, Head{Valid: noTransport}),
		inner: withProtocol(insideIP4, 60), cuts: []cut{{20, TruncatedIPv4}, {40, TruncatedInner}}},
	{name: "inside: icmp has no ports", link: LinkIPv4,
		data:  ipip("45 00 001c 0001 0000 40 01 0000 0a000001 0a000002 0800 0000 00010001"),
		want:  onIPIP(28, Head{Valid: noTransport}),
		inner: withProtocol(insideIP4, 1), cuts: []cut{{20, TruncatedIPv4}, {40, TruncatedInner}}},
	{name: "inside: every ipv6 extension header", link: LinkIPv4,
		data: ipv4Of("29", "60000000 0054 00 40", insideFrom6, insideTo6, "2b00 0502 0000 0100", "3c00 0400 00000000",
			"3300 010400000000", "8702 0000 00000001 00000002 00000003", "8b00 0000 00000000", "8c00 0000 00000000",
			"2c00 0000 00000000", "11ff 0001 0000002a", insideUDP),
		want:  inIPv4(41, 132-8, Head{Valid: HasTunnel | onInner, Tunnel: Tunnel6in4}),
		inner: insideIPv6, cuts: []cut{{20, TruncatedIPv4}, {136, TruncatedInner}}},
	{name: "inside: ipv6 fragment behind the first", link: LinkIPv4,
		data:  ipv4Of("29", "60000000 0014 2c 40", insideFrom6, insideTo6, "1100 0008 0000002a", insideUDP),
		want:  inIPv4(41, 60, Head{Valid: HasTunnel | noTransport, Tunnel: Tunnel6in4}),
		inner: withProtocol(insideIP6, 17), cuts: []cut{{20, TruncatedIPv4}, {68, TruncatedInner}}},
	{name: "inside: ipv6 payload length 0", link: LinkIPv4,
		data:  ipv4Of("29", "60000000 0000 11 40", insideFrom6, insideTo6, insideUDP),
		want:  inIPv4(41, 52, Head{Valid: HasTunnel | noTransport, Tunnel: Tunnel6in4, DecodeError: TruncatedInner}),
		inner: withProtocol(insideIP6, 17), cuts: []cut{{20, TruncatedIPv4}}},
	{name: "inside: ipv6 jumbogram", link: LinkIPv4,
		data:  ipv4Of("29", "60000000 0000 00 40", insideFrom6, insideTo6, "1100 c204 00020000", insideUDP),
		want:  inIPv4(41, 60, Head{Valid: HasTunnel | onInner, Tunnel: Tunnel6in4}),
		inner: insideIPv6, cuts: []cut{{20, TruncatedIPv4}, {72, TruncatedInner}}},
	{name: "inside: ipv6 without anything", link: LinkIPv4,
		data:  ipv4Of("29", "60000000 0000 3b 40", insideFrom6, insideTo6),
		want:  inIPv4(41, 40, Head{Valid: HasTunnel | noTransport, Tunnel: Tunnel6in4}),
		inner: withProtocol(insideIP6, 59), cuts: []cut{{20, TruncatedIPv4}, {60, TruncatedInner}}},
	{name: "inside: extension header behind the payload length", link: LinkIPv4,
		data:  ipv4Of("29", "60000000 0008 3c 40", insideFrom6, insideTo6, "1101 0104 00000000 0000000000000000", insideUDP),
		want:  inIPv4(41, 68, Head{Valid: HasTunnel | HasInner, Tunnel: Tunnel6in4, DecodeError: TruncatedInner}),
		inner: insideIP6, cuts: []cut{{20, TruncatedIPv4}}},
	{name: "inside: seventeen extension headers", link: LinkIPv4,
		data:  ipv4Of("29", "60000000 0088 3c 40", insideFrom6, insideTo6, strings.Repeat("3c00 0104 00000000", 17)),
		want:  inIPv4(41, 176, Head{Valid: HasTunnel | HasInner, Tunnel: Tunnel6in4, DecodeError: TooManyExtensions}),
		inner: insideIP6, cuts: []cut{{20, TruncatedIPv4}, {188, TruncatedInner}}},
	{name: "inside: udp-lite", link: LinkIPv4,
		data:  ipip("45 00 001c 0001 0000 40 88 0000 0a000001 0a000002 1388138900080000"),
		want:  onIPIP(28, Head{Valid: onInner}),
		inner: withProtocol(insideIPv4, 136), cuts: []cut{{20, TruncatedIPv4}, {44, TruncatedInner}}},
	{name: "inside: tcp", link: LinkIPv4, data: ipip("45 00 0018 0001 0000 40 06 0000 0a000001 0a000002 13881389"),
		want:  onIPIP(24, Head{Valid: onInner}),
		inner: withProtocol(insideIPv4, 6), cuts: []cut{{20, TruncatedIPv4}, {44, TruncatedInner}}},
	{name: "inside: sctp", link: LinkIPv4, data: ipip("45 00 0018 0001 0000 40 84 0000 0a000001 0a000002 13881389"),
		want:  onIPIP(24, Head{Valid: onInner}),
		inner: withProtocol(insideIPv4, 132), cuts: []cut{{20, TruncatedIPv4}, {44, TruncatedInner}}},
	{name: "inside: dccp", link: LinkIPv4, data: ipip("45 00 0018 0001 0000 40 21 0000 0a000001 0a000002 13881389"),
		want:  onIPIP(24, Head{Valid: onInner}),
		inner: withProtocol(insideIPv4, 33), cuts: []cut{{20, TruncatedIPv4}, {44, TruncatedInner}}},
}

var greSamples = []sample{
	{name: "gre with ipv4", link: LinkIPv4, data: ipv4Of("2f", "0000 0800", inside4),
		want:  inIPv4(47, 36, Head{Valid: HasTunnel | onInner, Tunnel: TunnelGRE}),
		inner: insideIPv4, cuts: []cut{{20, TruncatedIPv4}, {24, TruncatedTunnel}, {48, TruncatedInner}}},
	{name: "gre over ipv6 with a key", link: LinkIPv6, data: ipv6Of("2f", "2000 86dd 12345678", inside6),
		want:  inIPv6(47, 60, Head{Valid: HasTunnel | HasTunnelKey | onInner, Tunnel: TunnelGRE, TunnelKey: 0x12345678}),
		inner: insideIPv6, cuts: []cut{{40, TruncatedIPv6}, {48, TruncatedTunnel}, {92, TruncatedInner}}},
	{name: "gre with checksum, key and sequence number, and an ethernet frame with two tags", link: LinkIPv4,
		data:  ipv4Of("2f", "b000 6558 ffff0000 00000007 00000001", insideMAC, "88a8 0001 8100 0002 0800", inside4),
		want:  inIPv4(47, 70, Head{Valid: HasTunnel | HasTunnelKey | onInner, Tunnel: TunnelGRE, TunnelKey: 7}),
		inner: insideIPv4, cuts: []cut{{20, TruncatedIPv4}, {36, TruncatedTunnel}, {82, TruncatedInner}}},
	{name: "gre with nine tags inside", link: LinkIPv4,
		data: ipv4Of("2f", "0000 6558", insideMAC, strings.Repeat("8100 0001 ", 9), "0800", inside4),
		want: inIPv4(47, 86, Head{Valid: HasTunnel, Tunnel: TunnelGRE, DecodeError: TooManyTags}),
		cuts: []cut{{20, TruncatedIPv4}, {24, TruncatedTunnel}, {70, TruncatedInner}}},
	{name: "gre with an ethernet frame of arp", link: LinkIPv4,
		data: ipv4Of("2f", "0000 6558", insideMAC, "0806", arp4, "0001"),
		want: inIPv4(47, 26, Head{Valid: HasTunnel, Tunnel: TunnelGRE}),
		cuts: []cut{{20, TruncatedIPv4}, {24, TruncatedTunnel}, {38, TruncatedInner}}},
	{name: "gre with a frame inside a frame", link: LinkIPv4,
		data: ipv4Of("2f", "0000 6558", insideMAC, "6558", insideMAC, "0800", inside4),
		want: inIPv4(47, 64, Head{Valid: HasTunnel, Tunnel: TunnelGRE}),
		cuts: []cut{{20, TruncatedIPv4}, {24, TruncatedTunnel}, {38, TruncatedInner}}},
	{name: "gre keepalive", link: LinkIPv4, data: ipv4Of("2f", "0000 0000"),
		want: inIPv4(47, 4, Head{Valid: HasTunnel, Tunnel: TunnelGRE}),
		cuts: []cut{{20, TruncatedIPv4}, {24, TruncatedTunnel}}},
	{name: "gre with source routes", link: LinkIPv4, data: ipv4Of("2f", "4000 0800 00000000", inside4),
		want: inIPv4(47, 40, Head{Valid: HasTunnel, Tunnel: TunnelGRE, DecodeError: BadTunnel}),
		cuts: []cut{{20, TruncatedIPv4}, {24, TruncatedTunnel}}},
	{name: "gre version 2", link: LinkIPv4, data: ipv4Of("2f", "0002 0800", inside4),
		want: inIPv4(47, 36, Head{Valid: HasTunnel, Tunnel: TunnelGRE, DecodeError: BadTunnel}),
		cuts: []cut{{20, TruncatedIPv4}, {24, TruncatedTunnel}}},
	{name: "pptp with sequence and acknowledgment", link: LinkIPv4,
		data:  ipv4Of("2f", "3081 880b 0024 0102 00000001 00000002 ff03 0021", inside4),
		want:  inIPv4(47, 52, Head{Valid: HasTunnel | HasTunnelKey | onInner, Tunnel: TunnelGRE, TunnelKey: 0x0102}),
		inner: insideIPv4, cuts: []cut{{20, TruncatedIPv4}, {36, TruncatedTunnel}, {64, TruncatedInner}}},
	{name: "pptp, ppp in its shortest form, padding", link: LinkIPv4,
		data:  ipv4Of("2f", "3001 880b 0035 0102 00000001 57", inside6, "0000"),
		want:  inIPv4(47, 67, Head{Valid: HasTunnel | HasTunnelKey | onInner, Tunnel: TunnelGRE, TunnelKey: 0x0102}),
		inner: insideIPv6, cuts: []cut{{20, TruncatedIPv4}, {32, TruncatedTunnel}, {77, TruncatedInner}}},
	{name: "pptp, the payload length ends inside", link: LinkIPv4,
		data: ipv4Of("2f", "3001 880b 0016 0102 00000001 21", inside4),
		want: inIPv4(47, 45, Head{Valid: HasTunnel | HasTunnelKey | noTransport, Tunnel: TunnelGRE, TunnelKey: 0x0102,
			DecodeError: TruncatedInner}),
		inner: withProtocol(insideIP4, 17), cuts: []cut{{20, TruncatedIPv4}, {32, TruncatedTunnel}}},
	{name: "pptp acknowledgment", link: LinkIPv4, data: ipv4Of("2f", "2081 880b 0000 0102 00000002"),
		want: inIPv4(47, 12, Head{Valid: HasTunnel | HasTunnelKey, Tunnel: TunnelGRE, TunnelKey: 0x0102}),
		cuts: []cut{{20, TruncatedIPv4}, {32, TruncatedTunnel}}},
	{name: "pptp link control", link: LinkIPv4, data: ipv4Of("2f", "3001 880b 0008 0102 00000001 ff03 c021 09000004"),
		want: inIPv4(47, 20, Head{Valid: HasTunnel | HasTunnelKey, Tunnel: TunnelGRE, TunnelKey: 0x0102}),
		cuts: []cut{{20, TruncatedIPv4}, {32, TruncatedTunnel}, {36, TruncatedInner}}},
	{name: "pptp with a protocol of one byte", link: LinkIPv4, data: ipv4Of("2f", "3001 880b 0003 0102 00000001 ff03 f5"),
		want: inIPv4(47, 15, Head{Valid: HasTunnel | HasTunnelKey, Tunnel: TunnelGRE, TunnelKey: 0x0102}),
		cuts: []cut{{20, TruncatedIPv4}, {32, TruncatedTunnel}, {35, TruncatedInner}}},
	{name: "pptp without a key", link: LinkIPv4, data: ipv4Of("2f", "1001 880b 00000001 0021", inside4),
		want: inIPv4(47, 42, Head{Valid: HasTunnel, Tunnel: TunnelGRE, DecodeError: BadTunnel}),
		cuts: []cut{{20, TruncatedIPv4}, {24, TruncatedTunnel}}},
	{name: "pptp with a checksum", link: LinkIPv4, data: ipv4Of("2f", "b001 880b 00000000 00000001 00000001 0021"),
		want: inIPv4(47, 18, Head{Valid: HasTunnel, Tunnel: TunnelGRE, DecodeError: BadTunnel}),
		cuts: []cut{{20, TruncatedIPv4}, {24, TruncatedTunnel}}},
	{name: "eoip", link: LinkIPv4, data: ipv4Of("2f", "2001 6400 0000 d204"),
		want: inIPv4(47, 8, Head{Valid: HasTunnel, Tunnel: TunnelGRE}),
		cuts: []cut{{20, TruncatedIPv4}, {24, TruncatedTunnel}}},
	{name: "pptp of another protocol", link: LinkIPv4, data: ipv4Of("2f", "2001 0800 00200001", inside4),
		want: inIPv4(47, 40, Head{Valid: HasTunnel, Tunnel: TunnelGRE, DecodeError: BadTunnel}),
		cuts: []cut{{20, TruncatedIPv4}, {24, TruncatedTunnel}}},
}

var vxlanSamples = []sample{
	{name: "vxlan", link: LinkIPv4, data: udpOf(4789, "08 000000 123456 00", insideMAC, "0800", inside4),
		want:  inUDP(4789, 54, Head{Valid: HasTunnel | HasTunnelKey | onInner, Tunnel: TunnelVXLAN, TunnelKey: 0x123456}),
		inner: insideIPv4,
		cuts:  []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {36, TruncatedTunnel}, {74, TruncatedInner}}},
	{name: "vxlan with a group and a tag", link: LinkIPv4,
		data:  udpOf(4789, "88 000001 000001 ff", insideMAC, "8100 0005 86dd", inside6),
		want:  inUDP(4789, 78, Head{Valid: HasTunnel | HasTunnelKey | onInner, Tunnel: TunnelVXLAN, TunnelKey: 1}),
		inner: insideIPv6,
		cuts:  []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {36, TruncatedTunnel}, {98, TruncatedInner}}},
	{name: "vxlan without a network", link: LinkIPv4,
		data: udpOf(4789, "00 000000 123456 00", insideMAC, "0800", inside4),
		want: inUDP(4789, 54, Head{DecodeError: BadTunnel}),
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}}},
	{name: "vxlan's port as the source's", link: LinkIPv4,
		data: ipv4Of("11", "12b5 d903 003e 0000", "08 000000 123456 00", insideMAC, "0800", inside4),
		want: inIPv4(17, 54, Head{Valid: HasPorts, SrcPort: 4789, DstPort: 55555}),
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}}},
	{name: "vxlan goes on in the next fragment", link: LinkIPv4,
		data: octets("45 00 0024 0007 2000 40 11 0000", fourFrom, fourTo, "d903 12b5 0100 0000 08 000000 123456 00"),
		want: inUDP(4789, 8, Head{Valid: HasFragment | HasTunnel | HasTunnelKey, Tunnel: TunnelVXLAN, TunnelKey: 0x123456,
			DecodeError: TruncatedInner}),
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {36, TruncatedTunnel}}},
}

var geneveSamples = []sample{
	{name: "geneve with ethernet", link: LinkIPv4, data: udpOf(6081, "00 00 6558 123456 00", insideMAC, "0800", inside4),
		want:  inUDP(6081, 54, Head{Valid: HasTunnel | HasTunnelKey | onInner, Tunnel: TunnelGENEVE, TunnelKey: 0x123456}),
		inner: insideIPv4,
		cuts:  []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {36, TruncatedTunnel}, {74, TruncatedInner}}},
	{name: "geneve with options and ipv6", link: LinkIPv4,
		data:  udpOf(6081, "02 40 86dd 000001 00", "0102 80 01 00000001", inside6),
		want:  inUDP(6081, 68, Head{Valid: HasTunnel | HasTunnelKey | onInner, Tunnel: TunnelGENEVE, TunnelKey: 1}),
		inner: insideIPv6,
		cuts:  []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {44, TruncatedTunnel}, {88, TruncatedInner}}},
	{name: "geneve, options behind the packet", link: LinkIPv4, data: udpOf(6081, "3f 00 0800 000001 00", inside4),
		want: inUDP(6081, 40, Head{Valid: HasTunnel | HasTunnelKey, Tunnel: TunnelGENEVE, TunnelKey: 1,
			DecodeError: TruncatedTunnel}),
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}}},
	{name: "geneve with mpls", link: LinkIPv4, data: udpOf(6081, "00 00 8847 000001 00 00010140"),
		want: inUDP(6081, 12, Head{Valid: HasTunnel | HasTunnelKey, Tunnel: TunnelGENEVE, TunnelKey: 1}),
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {36, TruncatedTunnel}}},
	{name: "geneve version 1", link: LinkIPv4, data: udpOf(6081, "40 00 0800 000001 00", inside4),
		want: inUDP(6081, 40, Head{DecodeError: BadTunnel}),
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}}},
	{name: "geneve's port as the source's", link: LinkIPv4,
		data: ipv4Of("11", "17c1 d903 0030 0000", "00 00 0800 000001 00", inside4),
		want: inIPv4(17, 40, Head{Valid: HasPorts, SrcPort: 6081, DstPort: 55555}),
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}}},
}

var gtpuSamples = []sample{
	{name: "gtp-u", link: LinkIPv4, data: udpOf(2152, "30 ff 0020 01020304", inside4),
		want:  inUDP(2152, 40, Head{Valid: HasTunnel | HasTunnelKey | onInner, Tunnel: TunnelGTPU, TunnelKey: 0x01020304}),
		inner: insideIPv4,
		cuts:  []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {36, TruncatedTunnel}, {60, TruncatedInner}}},
	{name: "gtp-u with a sequence number and ipv6", link: LinkIPv4,
		data:  udpOf(2152, "32 ff 0038 00000001 0007 00 85", inside6),
		want:  inUDP(2152, 64, Head{Valid: HasTunnel | HasTunnelKey | onInner, Tunnel: TunnelGTPU, TunnelKey: 1}),
		inner: insideIPv6,
		cuts:  []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {40, TruncatedTunnel}, {84, TruncatedInner}}},
	{name: "gtp-u with two extension headers", link: LinkIPv4,
		data:  udpOf(2152, "34 ff 0030 00000001 0000 00 85", "01 0009 03", "02 000000000000 00", inside4),
		want:  inUDP(2152, 56, Head{Valid: HasTunnel | HasTunnelKey | onInner, Tunnel: TunnelGTPU, TunnelKey: 1}),
		inner: insideIPv4,
		cuts:  []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {52, TruncatedTunnel}, {76, TruncatedInner}}},
	{name: "gtp-u, bytes behind its length", link: LinkIPv4, data: udpOf(2152, "30 ff 0016 00000001", inside4),
		want: inUDP(2152, 40, Head{Valid: HasTunnel | HasTunnelKey | noTransport, Tunnel: TunnelGTPU, TunnelKey: 1,
			DecodeError: TruncatedInner}),
		inner: withProtocol(insideIP4, 17),
		cuts:  []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {36, TruncatedTunnel}}},
	{name: "gtp-u, its length ends in front of its own fields", link: LinkIPv4,
		data: udpOf(2152, "31 ff 0003 00000001 0000 00 00", inside4),
		want: inUDP(2152, 44, Head{Valid: HasTunnel | HasTunnelKey, Tunnel: TunnelGTPU, TunnelKey: 1,
			DecodeError: TruncatedTunnel}),
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}}},
	{name: "gtp-u, extension header of no length", link: LinkIPv4,
		data: udpOf(2152, "34 ff 0028 00000001 0000 00 85 00000000", inside4),
		want: inUDP(2152, 48, Head{Valid: HasTunnel | HasTunnelKey, Tunnel: TunnelGTPU, TunnelKey: 1,
			DecodeError: BadTunnel}),
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {41, TruncatedTunnel}}},
	{name: "gtp-u with nine extension headers", link: LinkIPv4,
		data: udpOf(2152, "34 ff 0048 00000001 0000 00 85", strings.Repeat("01 0000 85", 8), "01 0000 00", inside4),
		want: inUDP(2152, 80, Head{Valid: HasTunnel | HasTunnelKey, Tunnel: TunnelGTPU, TunnelKey: 1,
			DecodeError: BadTunnel}),
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {72, TruncatedTunnel}}},
	{name: "gtp-u echo request", link: LinkIPv4, data: udpOf(2152, "32 01 0004 00000000 0007 00 00"),
		want: inUDP(2152, 12, Head{Valid: HasTunnel | HasTunnelKey, Tunnel: TunnelGTPU}),
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {40, TruncatedTunnel}}},
	{name: "gtp-u with an unstructured packet", link: LinkIPv4, data: udpOf(2152, "30 ff 0002 00000001 0102"),
		want: inUDP(2152, 10, Head{Valid: HasTunnel | HasTunnelKey, Tunnel: TunnelGTPU, TunnelKey: 1}),
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {36, TruncatedTunnel}, {37, TruncatedInner}}},
	{name: "gtp-u version 2", link: LinkIPv4, data: udpOf(2152, "48 20 0004 00000001"),
		want: inUDP(2152, 8, Head{DecodeError: BadTunnel}),
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}}},
	{name: "gtp prime", link: LinkIPv4, data: udpOf(2152, "20 ff 0020 00000001", inside4),
		want: inUDP(2152, 40, Head{DecodeError: BadTunnel}),
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}}},
}

var l2tpSamples = []sample{
	{name: "l2tp data", link: LinkIPv4, data: udpOf(1701, "0002 0005 0102 ff03 0021", inside4),
		want:  inUDP(1701, 42, Head{Valid: HasTunnel | HasTunnelKey | onInner, Tunnel: TunnelL2TP, TunnelKey: 0x0102}),
		inner: insideIPv4,
		cuts:  []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {34, TruncatedTunnel}, {62, TruncatedInner}}},
	{name: "l2tp data with every field and a gap", link: LinkIPv4,
		data:  udpOf(1701, "4a02 0046 0005 0102 0000 0001 0002 ffff 0057", inside6, "ffff"),
		want:  inUDP(1701, 72, Head{Valid: HasTunnel | HasTunnelKey | onInner, Tunnel: TunnelL2TP, TunnelKey: 0x0102}),
		inner: insideIPv6,
		cuts:  []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {44, TruncatedTunnel}, {90, TruncatedInner}}},
	{name: "l2tp, a gap behind the message", link: LinkIPv4, data: udpOf(1701, "0202 0005 0102 0100 0021", inside4),
		want: inUDP(1701, 42, Head{Valid: HasTunnel | HasTunnelKey, Tunnel: TunnelL2TP, TunnelKey: 0x0102,
			DecodeError: TruncatedTunnel}),
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}}},
	{name: "l2tp, a length below the header", link: LinkIPv4, data: udpOf(1701, "4002 0007 0005 0102 0021", inside4),
		want: inUDP(1701, 42, Head{Valid: HasTunnel, Tunnel: TunnelL2TP, DecodeError: BadTunnel}),
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {32, TruncatedTunnel}}},
	{name: "l2tp control", link: LinkIPv4, data: udpOf(1701, "c802 000c 0005 0000 0001 0002"),
		want: inUDP(1701, 12, Head{Valid: HasTunnel | HasTunnelKey, Tunnel: TunnelL2TP}),
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {40, TruncatedTunnel}}},
	{name: "l2tp control without a length", link: LinkIPv4, data: udpOf(1701, "8802 0005 0000 0001 0002"),
		want: inUDP(1701, 10, Head{DecodeError: BadTunnel}),
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {30, TruncatedTunnel}}},
	{name: "l2tp link control", link: LinkIPv4, data: udpOf(1701, "0002 0005 0102 c021 01010004"),
		want: inUDP(1701, 12, Head{Valid: HasTunnel | HasTunnelKey, Tunnel: TunnelL2TP, TunnelKey: 0x0102}),
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {34, TruncatedTunnel}, {36, TruncatedInner}}},
	{name: "l2f", link: LinkIPv4, data: udpOf(1701, "0001 0005 0102"),
		want: inUDP(1701, 6, Head{DecodeError: BadTunnel}),
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {30, TruncatedTunnel}}},
	{name: "l2tp version 3 data", link: LinkIPv4, data: udpOf(1701, "0003 0000 01020304", inside4),
		want: inUDP(1701, 40, Head{Valid: HasTunnel | HasTunnelKey, Tunnel: TunnelL2TP, TunnelKey: 0x01020304}),
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {36, TruncatedTunnel}}},
	{name: "l2tp version 3 control", link: LinkIPv4, data: udpOf(1701, "c803 000c 00000005 0001 0002"),
		want: inUDP(1701, 12, Head{Valid: HasTunnel, Tunnel: TunnelL2TP}),
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {40, TruncatedTunnel}}},
	{name: "l2tp version 3 control, a length below the header", link: LinkIPv4,
		data: udpOf(1701, "c803 000b 00000005 0001 0002"),
		want: inUDP(1701, 12, Head{Valid: HasTunnel, Tunnel: TunnelL2TP, DecodeError: BadTunnel}),
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {32, TruncatedTunnel}}},
	{name: "l2tp version 3 in ip", link: LinkIPv4, data: ipv4Of("73", "01020304 0000"),
		want: inIPv4(115, 6, Head{Valid: HasTunnel | HasTunnelKey, Tunnel: TunnelL2TP, TunnelKey: 0x01020304}),
		cuts: []cut{{20, TruncatedIPv4}, {24, TruncatedTunnel}}},
	{name: "l2tp version 3 control in ip", link: LinkIPv6, data: ipv6Of("73", "00000000 c803 000c 00000005 0001 0002"),
		want: inIPv6(115, 16, Head{Valid: HasTunnel, Tunnel: TunnelL2TP}),
		cuts: []cut{{40, TruncatedIPv6}, {44, TruncatedTunnel}}},
}

var wireguardSamples = []sample{
	wireguardSample("wireguard handshake initiation", "01000000", 148, TunnelWireGuard),
	wireguardSample("wireguard handshake response", "02000000", 92, TunnelWireGuard),
	wireguardSample("wireguard cookie reply", "03000000", 64, TunnelWireGuard),
	wireguardSample("wireguard data", "04000000", 96, TunnelWireGuard),
	wireguardSample("wireguard keepalive", "04000000", 32, TunnelWireGuard),
	wireguardSample("wireguard initiation of another length", "01000000", 149, NoTunnel),
	wireguardSample("wireguard data without a tag", "04000000", 16, NoTunnel),
	wireguardSample("wireguard data that fills a tunnel's MTU of 1420 bytes", "04000000", 1452, TunnelWireGuard),
	wireguardSample("wireguard of type 5", "05000000", 96, NoTunnel),
	wireguardSample("wireguard with a reserved bit", "04000001", 96, NoTunnel),
}

// wireguardSample is a datagram of this size that begins so.
func wireguardSample(name, first string, size int, tunnel Tunnel) sample {
	h := inUDP(51820, uint32(size), Head{Tunnel: tunnel})
	if tunnel != NoTunnel {
		h.Valid |= HasTunnel
	}
	return sample{name: name, link: LinkIPv4, data: udpOf(51820, first, strings.Repeat("5a", size-4)), want: h,
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}}}
}

var teredoSamples = []sample{
	{name: "teredo", link: LinkIPv4, data: udpOf(3544, inside6),
		want:  inUDP(3544, 52, Head{Valid: HasTunnel | onInner, Tunnel: TunnelTeredo}),
		inner: insideIPv6, cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {72, TruncatedInner}}},
	{name: "teredo with an origin, from a server", link: LinkIPv4,
		data:  ipv4Of("11", "0dd8 d903 0044 0000", "0000 efcd f5fffffe", inside6),
		want:  inIPv4(17, 60, Head{Valid: HasPorts | HasTunnel | onInner, SrcPort: 3544, DstPort: 55555, Tunnel: TunnelTeredo}),
		inner: insideIPv6,
		cuts:  []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {36, TruncatedTunnel}, {80, TruncatedInner}}},
	{name: "teredo with authentication and origin", link: LinkIPv4,
		data:  udpOf(3544, "0001 02 03 4142 010203 0102030405060708 00", "0000 efcd f5fffffe", inside6),
		want:  inUDP(3544, 78, Head{Valid: HasTunnel | onInner, Tunnel: TunnelTeredo}),
		inner: insideIPv6,
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {46, TruncatedTunnel},
			{47, TruncatedInner}, {54, TruncatedTunnel}, {98, TruncatedInner}}},
	{name: "teredo bubble behind authentication", link: LinkIPv4,
		data:  udpOf(3544, "0001 00 00 0102030405060708 00", "60000000 0000 3b 40", insideFrom6, insideTo6),
		want:  inUDP(3544, 53, Head{Valid: HasTunnel | noTransport, Tunnel: TunnelTeredo}),
		inner: withProtocol(insideIP6, 59),
		cuts:  []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {41, TruncatedTunnel}, {81, TruncatedInner}}},
	{name: "teredo with authentication twice", link: LinkIPv4,
		data: udpOf(3544, strings.Repeat("0001 00 00 0102030405060708 00", 2), inside6),
		want: inUDP(3544, 78, Head{Valid: HasTunnel, Tunnel: TunnelTeredo, DecodeError: BadTunnel}),
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {41, TruncatedTunnel},
			{42, TruncatedInner}, {43, TruncatedTunnel}}},
	{name: "teredo with an origin twice", link: LinkIPv4,
		data: udpOf(3544, strings.Repeat("0000 efcd f5fffffe", 2), inside6),
		want: inUDP(3544, 68, Head{Valid: HasTunnel, Tunnel: TunnelTeredo, DecodeError: BadInner}),
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {36, TruncatedTunnel}, {37, TruncatedInner}}},
	{name: "not teredo", link: LinkIPv4, data: udpOf(3544, "45 00"), want: inUDP(3544, 2, Head{}),
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}}},
	{name: "no indication of teredo", link: LinkIPv4, data: udpOf(3544, "0002 0000"), want: inUDP(3544, 4, Head{}),
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {30, TruncatedTunnel}}},
}

// A datagram or an IP payload of raw bytes for each tunnel: what holds for all is checked, at every cut.
func FuzzTunnels(f *testing.F) {
	for i := range tunnelSamples {
		s := &tunnelSamples[i]
		switch {
		case s.link == LinkIPv4 && s.want.Protocol == protoUDP:
			f.Add(s.data[28:])
		case s.link == LinkIPv4:
			f.Add(s.data[20:])
		case s.link == LinkIPv6:
			f.Add(s.data[40:])
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 512 {
			return
		}
		for _, protocol := range []uint8{protoIGMP, protoIPv4, protoIPv6, protoGRE, protoESP, protoAH,
			protoVRRP, protoL2TP, protoTCP} {
			four, six := ipv4Of(fmt.Sprintf("%02x", protocol)), ipv6Of(fmt.Sprintf("%02x", protocol))
			binary.BigEndian.PutUint16(four[2:], uint16(20+len(data)))
			binary.BigEndian.PutUint16(six[4:], uint16(len(data)))
			checkTunnel(t, LinkIPv4, append(four, data...), 20)
			checkTunnel(t, LinkIPv6, append(six, data...), 40)
		}
		for _, port := range []int{1701, 2152, 3544, 4500, 4789, 6081, 51820} {
			frame := udpOf(port)
			binary.BigEndian.PutUint16(frame[2:], uint16(28+len(data)))
			binary.BigEndian.PutUint16(frame[24:], uint16(8+len(data)))
			checkTunnel(t, LinkIPv4, append(frame, data...), 28)
		}
		four, six := ipv4Of("01", "0300 0000 00000000"), ipv6Of("3a", "0100 0000 00000000")
		binary.BigEndian.PutUint16(four[2:], uint16(28+len(data)))
		binary.BigEndian.PutUint16(six[4:], uint16(8+len(data)))
		checkTunnel(t, LinkIPv4, append(four, data...), 28)
		checkTunnel(t, LinkIPv6, append(six, data...), 48)
	})
}

// checkTunnel checks a frame and all its beginnings that hold the outer header: nothing inside without a tunnel
// or an ICMP message around it, and nothing that more bytes would take back.
func checkTunnel(t *testing.T, link LinkType, frame []byte, header int) {
	t.Helper()
	m := Meta{LinkType: link, WireLength: uint32(len(frame)), Direction: Unknown}
	checkDecode(t, &m, frame)
	var whole Packet
	Decode(&whole, &m, frame)
	v := whole.Valid
	if v.Has(HasInner) && v&(HasTunnel|HasICMP) == 0 || v.Has(HasTunnel) && v&(HasICMP|HasTCP) != 0 ||
		v.Has(HasTunnelKey) && !v.Has(HasTunnel) || v.Has(HasInnerProtocol) && !v.Has(HasInner) ||
		v.Has(HasInnerPorts) && !v.Has(HasInnerProtocol) || v.Has(HasTunnel) == (whole.Tunnel == NoTunnel) ||
		v.Has(HasInner) != (whole.Inner.IPVersion != 0) {
		t.Fatalf("groups contradict each other: %s", show(whole))
	}
	if whole.DecodeError == BadInner && v.Has(HasInnerPorts) {
		t.Fatalf("ports behind a header that lies: %s", show(whole))
	}
	for n := header; n < len(frame); n++ {
		var cut Packet
		Decode(&cut, &m, frame[:n:n])
		want := firstOf(only(whole, cut.Valid), cut.Answers.Count)
		want.CapturedLength, want.DecodeError = cut.CapturedLength, cut.DecodeError
		if cut.Valid&^whole.Valid != 0 || cut != want {
			t.Fatalf("cut at %d of %d:\n%s\n%s", n, len(frame), show(cut), show(whole))
		}
	}
}
