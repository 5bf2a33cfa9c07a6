package decode

import (
	"encoding/hex"
	"slices"
	"strings"
)

// octets reads hexadecimal with spaces in it.
func octets(parts ...string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(strings.Join(parts, ""), " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// Pieces of frames that are shorter to name than to write.
const (
	eth       = "020000000002 020000000001 " // destination, source; a type follows
	arp4      = "0001 0800 06 04 "           // Ethernet, IPv4; an operation follows
	sixFrom   = "20010db8000000000000000000000001 "
	sixTo     = "20010db8000000000000000000000002 "
	fourFrom  = "c0a80114 "
	fourTo    = "8efa4a24 "
	tcpPlain  = "c938 01bb 00000001 00000002 50 18 1000 0000 0000 "
	ipv4Plain = "45 b8 0031 1234 4000 40 06 0000 " + fourFrom + fourTo // TCP, 9 bytes of payload
)

var (
	macTo   = [6]byte{2, 0, 0, 0, 0, 2}
	macFrom = [6]byte{2, 0, 0, 0, 0, 1}
	ip4From = [16]byte{192, 168, 1, 20}
	ip4To   = [16]byte{142, 250, 74, 36}
	ip6From = [16]byte{0x20, 1, 0x0d, 0xb8, 15: 1}
	ip6To   = [16]byte{0x20, 1, 0x0d, 0xb8, 15: 2}
)

const (
	onEthernet = HasMAC | HasDstMAC | HasEtherType
	onCooked   = HasMAC | HasEtherType
	onIPv4     = HasIP | HasAddresses | HasProtocol | HasIPID
	onIPv6     = HasIP | HasAddresses | HasProtocol
	onTCP      = HasPorts | HasTCP | HasPayload
)

// cut says that the frame decodes with this reason when fewer than below of its bytes are there.
type cut struct {
	below  int
	reason Reason
}

// sample is one frame and what it decodes to; Meta's values are filled in by the test.
type sample struct {
	name string
	link LinkType
	tpid uint16
	tci  uint16
	data []byte
	want Head

	// What is not in Head.
	inner    Inner
	title    string // Name
	alpn     string
	answers  string // addresses with spaces between
	assigned string

	lone bool  // a shorter frame means something else: left out of the truncation tests
	cuts []cut // ascending; from the last one on the reason is that of want
}

var (
	tcp4Plain      = octets(eth, "0800", ipv4Plain, tcpPlain, "616263646566676869 00")
	tcp4Timestamps = octets(eth, "0800 45 00 0034 1234 4000 40 06 0000", fourFrom, fourTo,
		"c938 01bb 00000001 00000002 80 10 1000 0000 0000 0101080a 00000064 000000c8")
	tcp4SYN = octets(eth, "0800 45 00 003c 1234 4000 40 06 0000", fourFrom, fourTo,
		"c938 01bb 00000001 00000000 a0 02 ffff 0000 0000 020405b4 0402 080a 00000064 00000000 01 030307")
	udp6 = octets(eth, "86dd 6ab00000 000c 11 40", sixFrom, sixTo, "d903 0009 000c 0000 61626364")

	vlanPPPoE = octets(eth, "8100 6007 8864 11 00 1234 0022 0021 45 00 0020 0007 0000 3f 11 0000", fourFrom, fourTo,
		"d903 0009 000c 0000 61626364")
	arpWhoHas = octets(eth, "0806", arp4, "0001 020000000001 0a000002 000000000000 0a000001",
		strings.Repeat("00", 18))
)

// samples is every table.
var samples = slices.Concat(headerSamples, tunnelSamples, dnsSamples, tlsSamples, quicSamples, httpSamples, dhcpSamples,
	ntpSamples, linkNameSamples)

var headerSamples = []sample{
	{name: "tcp over ipv4 with a byte of padding", link: LinkEthernet, data: tcp4Plain,
		want: Head{Valid: onEthernet | onIPv4 | onTCP, SrcMAC: macFrom, DstMAC: macTo, EtherType: 0x0800, IPVersion: 4,
			TrafficClass: 0xb8, IPID: 0x1234, TTL: 64, Protocol: 6, SrcIP: ip4From, DstIP: ip4To, SrcPort: 51512, DstPort: 443,
			SeqNumber: 1, AckNumber: 2, Flags: 0x18, WindowSize: 4096, PayloadLength: 9},
		cuts: []cut{{14, TruncatedLink}, {34, TruncatedIPv4}, {54, TruncatedTCP}}},
	{name: "tcp timestamps after two no-ops", link: LinkEthernet, data: tcp4Timestamps,
		want: Head{Valid: onEthernet | onIPv4 | onTCP | HasTimestamps, SrcMAC: macFrom, DstMAC: macTo, EtherType: 0x0800,
			IPVersion: 4, IPID: 0x1234, TTL: 64, Protocol: 6, SrcIP: ip4From, DstIP: ip4To, SrcPort: 51512, DstPort: 443,
			SeqNumber: 1, AckNumber: 2, Flags: 0x10, WindowSize: 4096, TSValue: 100, TSEcho: 200},
		cuts: []cut{{14, TruncatedLink}, {34, TruncatedIPv4}, {54, TruncatedTCP}, {66, TruncatedTCPOption}}},
	{name: "tcp syn with the usual options", link: LinkEthernet, data: tcp4SYN,
		want: Head{Valid: onEthernet | onIPv4 | onTCP | HasMSS | HasTimestamps | HasWindowScale | HasTCPOptions, TCPOptions: SACKPermitted, SrcMAC: macFrom, DstMAC: macTo,
			EtherType: 0x0800, IPVersion: 4, IPID: 0x1234, TTL: 64, Protocol: 6, SrcIP: ip4From, DstIP: ip4To, SrcPort: 51512,
			DstPort: 443, SeqNumber: 1, Flags: 2, WindowSize: 65535, MSS: 1460, TSValue: 100, WindowScale: 7},
		cuts: []cut{{14, TruncatedLink}, {34, TruncatedIPv4}, {54, TruncatedTCP}, {74, TruncatedTCPOption}}},
	{name: "tcp options end before the header does", link: LinkIPv4,
		data: octets("45 00 0030 1234 4000 40 06 0000", fourFrom, fourTo,
			"c938 01bb 00000001 00000002 70 10 1000 0000 0000 020405b4 00 ffffff"),
		want: Head{Valid: onIPv4 | onTCP | HasMSS, IPVersion: 4, IPID: 0x1234, TTL: 64, Protocol: 6, SrcIP: ip4From,
			DstIP: ip4To, SrcPort: 51512, DstPort: 443, SeqNumber: 1, AckNumber: 2, Flags: 0x10, WindowSize: 4096, MSS: 1460},
		cuts: []cut{{20, TruncatedIPv4}, {40, TruncatedTCP}, {48, TruncatedTCPOption}}},
	{name: "ipv4 options are skipped", link: LinkIPv4,
		data: octets("46 00 0020 0001 0000 01 11 0000", fourFrom, fourTo, "94040000 d903 0009 0008 0000"),
		want: Head{Valid: onIPv4 | HasPorts | HasPayload, IPVersion: 4, IPID: 1, TTL: 1, Protocol: 17, SrcIP: ip4From,
			DstIP: ip4To, SrcPort: 55555, DstPort: 9},
		cuts: []cut{{20, TruncatedIPv4}, {24, TruncatedIPv4Option}, {32, TruncatedUDP}}},
	{name: "udp over ipv6", link: LinkEthernet, data: udp6,
		want: Head{Valid: onEthernet | onIPv6 | HasPorts | HasPayload, SrcMAC: macFrom, DstMAC: macTo, EtherType: 0x86dd,
			IPVersion: 6, TrafficClass: 0xab, TTL: 64, Protocol: 17, SrcIP: ip6From, DstIP: ip6To, SrcPort: 55555, DstPort: 9,
			PayloadLength: 4},
		cuts: []cut{{14, TruncatedLink}, {54, TruncatedIPv6}, {62, TruncatedUDP}}},
	{name: "udp with bytes behind its length", link: LinkIPv4,
		data: octets("45 00 0024 0001 0000 40 11 0000", fourFrom, fourTo, "d903 0009 000a 0000 6162 ffffffffffff"),
		want: Head{Valid: onIPv4 | HasPorts | HasPayload, IPVersion: 4, IPID: 1, TTL: 64, Protocol: 17, SrcIP: ip4From,
			DstIP: ip4To, SrcPort: 55555, DstPort: 9, PayloadLength: 2},
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}}},
	{name: "pppoe in a vlan", link: LinkEthernet, data: vlanPPPoE,
		want: Head{Valid: onEthernet | HasVLAN | HasPPPoE | onIPv4 | HasPorts | HasPayload, SrcMAC: macFrom, DstMAC: macTo,
			EtherType: 0x8864, VLANID: 7, PPPoESession: 0x1234, IPVersion: 4, IPID: 7, TTL: 63, Protocol: 17, SrcIP: ip4From,
			DstIP: ip4To, SrcPort: 55555, DstPort: 9, PayloadLength: 4},
		cuts: []cut{{14, TruncatedLink}, {18, TruncatedVLAN}, {24, TruncatedPPPoE}, {26, TruncatedPPP}, {46, TruncatedIPv4},
			{54, TruncatedUDP}}},
	{name: "pppoe link control", link: LinkEthernet, data: octets(eth, "8864 11 00 0001 000a c021 09010008 01020304"),
		want: Head{Valid: onEthernet | HasPPPoE, SrcMAC: macFrom, DstMAC: macTo, EtherType: 0x8864, PPPoESession: 1},
		cuts: []cut{{14, TruncatedLink}, {20, TruncatedPPPoE}, {22, TruncatedPPP}}},
	{name: "pppoe discovery", link: LinkEthernet, data: octets(eth, "8863 11 a7 0102 0000"),
		want: Head{Valid: onEthernet | HasPPPoE, SrcMAC: macFrom, DstMAC: macTo, EtherType: 0x8863, PPPoESession: 0x0102},
		cuts: []cut{{14, TruncatedLink}, {20, TruncatedPPPoE}}},
	{name: "pppoe of another version", link: LinkEthernet, data: octets(eth, "8864 21 00 0001 0002 0021"),
		want: Head{Valid: onEthernet, SrcMAC: macFrom, DstMAC: macTo, EtherType: 0x8864, DecodeError: BadPPPoE},
		cuts: []cut{{14, TruncatedLink}, {20, TruncatedPPPoE}}},
	{name: "pppoe session with a code", link: LinkEthernet, data: octets(eth, "8864 11 09 0001 0002 0021"),
		want: Head{Valid: onEthernet | HasPPPoE, SrcMAC: macFrom, DstMAC: macTo, EtherType: 0x8864, PPPoESession: 1,
			DecodeError: BadPPPoE},
		cuts: []cut{{14, TruncatedLink}, {20, TruncatedPPPoE}}},
	{name: "two tags and an arp", link: LinkEthernet,
		data: octets(eth, "88a8 0064 8100 e0c8 0806", arp4, "0002 020000000001 0a000001 020000000002 0a000002"),
		want: Head{Valid: onEthernet | HasVLAN | HasInnerVLAN | HasARP | HasAddresses, SrcMAC: macFrom, DstMAC: macTo,
			EtherType: 0x0806, VLANID: 100, InnerVLANID: 200, ARPOperation: 2, SrcIP: [16]byte{10, 0, 0, 1},
			DstIP: [16]byte{10, 0, 0, 2}},
		cuts: []cut{{14, TruncatedLink}, {22, TruncatedVLAN}, {50, TruncatedARP}}},
	{name: "three tags", link: LinkEthernet, data: octets(eth, "9100 0001 88a8 0002 8100 0003 88e5"),
		want: Head{Valid: onEthernet | HasVLAN | HasInnerVLAN, SrcMAC: macFrom, DstMAC: macTo, EtherType: 0x88e5, VLANID: 1,
			InnerVLANID: 2},
		cuts: []cut{{14, TruncatedLink}, {26, TruncatedVLAN}}},
	{name: "nine tags", link: LinkEthernet, data: octets(eth, strings.Repeat("8100 0001 ", 9), "0800"),
		want: Head{Valid: HasMAC | HasDstMAC | HasVLAN | HasInnerVLAN, SrcMAC: macFrom, DstMAC: macTo, VLANID: 1, InnerVLANID: 1,
			DecodeError: TooManyTags},
		cuts: []cut{{14, TruncatedLink}, {46, TruncatedVLAN}}},
	{name: "the kernel's tag is the outer one", link: LinkEthernet, tpid: 0x88a8, tci: 0x2064,
		data: octets(eth, "8100 00c8 88e5"),
		want: Head{Valid: onEthernet | HasVLAN | HasInnerVLAN, SrcMAC: macFrom, DstMAC: macTo, EtherType: 0x88e5, VLANID: 100,
			InnerVLANID: 200},
		cuts: []cut{{14, TruncatedLink}, {18, TruncatedVLAN}}},
	{name: "the kernel's priority tag alone", link: LinkEthernet, tpid: 0x8100, tci: 0xe000, data: octets(eth, "88e5"),
		want: Head{Valid: onEthernet | HasVLAN, SrcMAC: macFrom, DstMAC: macTo, EtherType: 0x88e5},
		cuts: []cut{{14, TruncatedLink}}},
	{name: "spanning tree in llc", link: LinkEthernet, data: octets(eth, "0007 42 42 03 00000000 ffff"),
		want: Head{Valid: HasMAC | HasDstMAC, SrcMAC: macFrom, DstMAC: macTo},
		cuts: []cut{{14, TruncatedLink}, {17, TruncatedLLC}}},
	{name: "llc without a byte", link: LinkEthernet, data: octets(eth, "0000 aaaa03000000 0800"),
		want: Head{Valid: HasMAC | HasDstMAC, SrcMAC: macFrom, DstMAC: macTo, DecodeError: TruncatedLLC},
		cuts: []cut{{14, TruncatedLink}}},
	{name: "neither a length nor a type", link: LinkEthernet, data: octets(eth, "05dd aaaa03000000 0800"),
		want: Head{Valid: HasMAC | HasDstMAC, SrcMAC: macFrom, DstMAC: macTo},
		cuts: []cut{{14, TruncatedLink}}},
	{name: "snap of another organization", link: LinkEthernet, data: octets(eth, "0008 aaaa03 0080c2 2000"),
		want: Head{Valid: HasMAC | HasDstMAC, SrcMAC: macFrom, DstMAC: macTo},
		cuts: []cut{{14, TruncatedLink}, {22, TruncatedLLC}}},
	{name: "ipv4 in snap, total length behind the 802.3 length", link: LinkEthernet,
		data: octets(eth, "0020 aaaa03 000000 0800 45 00 0020 0001 0000 40 11 0000", fourFrom, fourTo, "d903 0009 000c 0000 61626364"),
		want: Head{Valid: onEthernet | onIPv4 | HasPorts, SrcMAC: macFrom, DstMAC: macTo, EtherType: 0x0800, IPVersion: 4,
			IPID: 1, TTL: 64, Protocol: 17, SrcIP: ip4From, DstIP: ip4To, SrcPort: 55555, DstPort: 9, DecodeError: TruncatedUDP},
		cuts: []cut{{14, TruncatedLink}, {22, TruncatedLLC}, {42, TruncatedIPv4}}},
	{name: "mpls with two labels", link: LinkEthernet,
		data: octets(eth, "8847 00010040 00011140 45 00 0018 0001 0000 40 2f 0000", fourFrom, fourTo, "00000000"),
		want: Head{Valid: onEthernet | onIPv4 | HasPayload | HasTunnel, SrcMAC: macFrom, DstMAC: macTo, EtherType: 0x8847,
			IPVersion: 4, IPID: 1, TTL: 64, Protocol: 47, SrcIP: ip4From, DstIP: ip4To, PayloadLength: 4, Tunnel: TunnelGRE},
		cuts: []cut{{14, TruncatedLink}, {23, TruncatedMPLS}, {42, TruncatedIPv4}, {46, TruncatedTunnel}}},
	{name: "mpls with ipv6", link: LinkEthernet, data: octets(eth, "8848 00010140 60000000 0000 3b 40", sixFrom, sixTo, "ffff"),
		want: Head{Valid: onEthernet | onIPv6 | HasPayload, SrcMAC: macFrom, DstMAC: macTo, EtherType: 0x8848, IPVersion: 6,
			TTL: 64, Protocol: 59, SrcIP: ip6From, DstIP: ip6To},
		cuts: []cut{{14, TruncatedLink}, {19, TruncatedMPLS}, {58, TruncatedIPv6}}},
	{name: "mpls pseudowire", link: LinkEthernet, data: octets(eth, "8847 00010140 00000000 020000000002"),
		want: Head{Valid: onEthernet, SrcMAC: macFrom, DstMAC: macTo, EtherType: 0x8847},
		cuts: []cut{{14, TruncatedLink}, {19, TruncatedMPLS}}},
	{name: "mpls without a bottom", link: LinkEthernet, data: octets(eth, "8847", strings.Repeat("00010040", 17)),
		want: Head{Valid: onEthernet, SrcMAC: macFrom, DstMAC: macTo, EtherType: 0x8847, DecodeError: TooManyLabels},
		cuts: []cut{{14, TruncatedLink}, {78, TruncatedMPLS}}},
	{name: "arp request with padding", link: LinkEthernet, data: arpWhoHas,
		want: Head{Valid: onEthernet | HasARP | HasAddresses, SrcMAC: macFrom, DstMAC: macTo, EtherType: 0x0806,
			ARPOperation: 1, SrcIP: [16]byte{10, 0, 0, 2}, DstIP: [16]byte{10, 0, 0, 1}},
		cuts: []cut{{14, TruncatedLink}, {42, TruncatedARP}}},
	{name: "rarp request", link: LinkEthernet,
		data: octets(eth, "8035", arp4, "0003 020000000001 00000000 020000000001 00000000"),
		want: Head{Valid: onEthernet | HasARP | HasAddresses, SrcMAC: macFrom, DstMAC: macTo, EtherType: 0x8035, ARPOperation: 3},
		cuts: []cut{{14, TruncatedLink}, {42, TruncatedARP}}},
	{name: "arp of another protocol", link: LinkEthernet, data: octets(eth, "0806 0001 809b 06 04 0001"),
		want: Head{Valid: onEthernet | HasARP, SrcMAC: macFrom, DstMAC: macTo, EtherType: 0x0806, ARPOperation: 1},
		cuts: []cut{{14, TruncatedLink}, {22, TruncatedARP}}},
	{name: "arp with long addresses", link: LinkEthernet, data: octets(eth, "0806 0001 0800 06 10 0001"),
		want: Head{Valid: onEthernet | HasARP, SrcMAC: macFrom, DstMAC: macTo, EtherType: 0x0806, ARPOperation: 1,
			DecodeError: BadARP},
		cuts: []cut{{14, TruncatedLink}, {22, TruncatedARP}}},
	{name: "unknown ethertype", link: LinkEthernet, data: octets(eth, "1234 00"),
		want: Head{Valid: onEthernet, SrcMAC: macFrom, DstMAC: macTo, EtherType: 0x1234},
		cuts: []cut{{14, TruncatedLink}}},

	{name: "first fragment of udp", link: LinkIPv4,
		data: octets("45 00 0024 0007 2000 40 11 0000", fourFrom, fourTo, "d903 0009 0400 0000 6162636465666768"),
		want: Head{Valid: onIPv4 | HasFragment | HasPorts | HasPayload, IPVersion: 4, IPID: 7, TTL: 64, Protocol: 17,
			SrcIP: ip4From, DstIP: ip4To, SrcPort: 55555, DstPort: 9, PayloadLength: 8},
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}}},
	{name: "last fragment", link: LinkIPv4,
		data: octets("45 00 0018 0007 00b9 40 11 0000", fourFrom, fourTo, "61626364"),
		want: Head{Valid: onIPv4 | HasFragment | HasPayload, IPVersion: 4, IPID: 7, TTL: 64, Protocol: 17, SrcIP: ip4From,
			DstIP: ip4To, FragmentOffset: 1480, PayloadLength: 4},
		cuts: []cut{{20, TruncatedIPv4}}},
	{name: "tcp header continues in the next fragment", link: LinkIPv4,
		data: octets("45 00 0028 0007 2000 40 06 0000", fourFrom, fourTo, "c938 01bb 00000001 00000002 60 18 1000 0000 0000"),
		want: Head{Valid: onIPv4 | HasFragment | HasPorts | HasTCP, IPVersion: 4, IPID: 7, TTL: 64, Protocol: 6, SrcIP: ip4From,
			DstIP: ip4To, SrcPort: 51512, DstPort: 443, SeqNumber: 1, AckNumber: 2, Flags: 0x18, WindowSize: 4096,
			DecodeError: TruncatedTCPOption},
		cuts: []cut{{20, TruncatedIPv4}, {40, TruncatedTCP}}},
	{name: "total length ends inside the tcp header", link: LinkEthernet,
		data: octets(eth, "0800 45 00 001c 0007 0000 40 06 0000", fourFrom, fourTo, tcpPlain),
		want: Head{Valid: onEthernet | onIPv4 | HasPorts, SrcMAC: macFrom, DstMAC: macTo, EtherType: 0x0800, IPVersion: 4,
			IPID: 7, TTL: 64, Protocol: 6, SrcIP: ip4From, DstIP: ip4To, SrcPort: 51512, DstPort: 443, DecodeError: TruncatedTCP},
		cuts: []cut{{14, TruncatedLink}, {34, TruncatedIPv4}}},
	{name: "total length below the header", link: LinkIPv4,
		data: octets("45 00 0013 0007 0000 40 11 0000", fourFrom, fourTo, "d903 0009 0008 0000"),
		want: Head{Valid: onIPv4, IPVersion: 4, IPID: 7, TTL: 64, Protocol: 17, SrcIP: ip4From, DstIP: ip4To,
			DecodeError: BadTotalLength},
		cuts: []cut{{20, TruncatedIPv4}}},
	{name: "ihl of 4", link: LinkIPv4, data: octets("44 00 001c 0007 0000 40 11 0000", fourFrom, fourTo, "d903 0009 0008 0000"),
		want: Head{Valid: onIPv4, IPVersion: 4, IPID: 7, TTL: 64, Protocol: 17, SrcIP: ip4From, DstIP: ip4To,
			DecodeError: BadIHL},
		cuts: []cut{{20, TruncatedIPv4}}},
	{name: "total length 0", link: LinkIPv4, lone: true,
		data: octets("45 00 0000 0007 0000 40 11 0000", fourFrom, fourTo, "d903 0009 000c 0000 61626364"),
		want: Head{Valid: onIPv4 | HasPorts | HasPayload, IPVersion: 4, IPID: 7, TTL: 64, Protocol: 17, SrcIP: ip4From,
			DstIP: ip4To, SrcPort: 55555, DstPort: 9, PayloadLength: 4}},
	{name: "version 5 as ipv4", link: LinkIPv4, data: octets("55 00 001c"), want: Head{DecodeError: BadIPVersion},
		cuts: []cut{{1, TruncatedIPv4}}},
	{name: "version 4 as ipv6", link: LinkIPv6, data: octets("45 00 001c"), want: Head{DecodeError: BadIPVersion},
		cuts: []cut{{1, TruncatedIPv6}}},
	{name: "version 5 as raw", link: LinkRaw, data: octets("55 00 001c"), want: Head{DecodeError: BadIPVersion},
		cuts: []cut{{1, TruncatedLink}}},
	{name: "tcp data offset of 4", link: LinkIPv4,
		data: octets("45 00 0028 0007 0000 40 06 0000", fourFrom, fourTo, "c938 01bb 00000001 00000002 40 18 1000 0000 0000"),
		want: Head{Valid: onIPv4 | HasPorts | HasTCP, IPVersion: 4, IPID: 7, TTL: 64, Protocol: 6, SrcIP: ip4From, DstIP: ip4To,
			SrcPort: 51512, DstPort: 443, SeqNumber: 1, AckNumber: 2, Flags: 0x18, WindowSize: 4096, DecodeError: BadDataOffset},
		cuts: []cut{{20, TruncatedIPv4}, {40, TruncatedTCP}}},
	{name: "tcp data offset behind the packet", link: LinkIPv4,
		data: octets("45 00 0028 0007 0000 40 06 0000", fourFrom, fourTo, "c938 01bb 00000001 00000002 60 18 1000 0000 0000 01010101"),
		want: Head{Valid: onIPv4 | HasPorts | HasTCP, IPVersion: 4, IPID: 7, TTL: 64, Protocol: 6, SrcIP: ip4From, DstIP: ip4To,
			SrcPort: 51512, DstPort: 443, SeqNumber: 1, AckNumber: 2, Flags: 0x18, WindowSize: 4096, DecodeError: BadDataOffset},
		cuts: []cut{{20, TruncatedIPv4}, {40, TruncatedTCP}}},
	{name: "tcp option of no length", link: LinkIPv4,
		data: octets("45 00 0030 0007 0000 40 06 0000", fourFrom, fourTo, "c938 01bb 00000001 00000002 70 18 1000 0000 0000 030302 fe00 020405"),
		want: Head{Valid: onIPv4 | onTCP | HasWindowScale, IPVersion: 4, IPID: 7, TTL: 64, Protocol: 6, SrcIP: ip4From,
			DstIP: ip4To, SrcPort: 51512, DstPort: 443, SeqNumber: 1, AckNumber: 2, Flags: 0x18, WindowSize: 4096, WindowScale: 2,
			DecodeError: BadTCPOption},
		cuts: []cut{{20, TruncatedIPv4}, {40, TruncatedTCP}, {45, TruncatedTCPOption}}},
	{name: "tcp option behind the header", link: LinkIPv4,
		data: octets("45 00 002c 0007 0000 40 06 0000", fourFrom, fourTo, "c938 01bb 00000001 00000002 60 18 1000 0000 0000 01 080a00"),
		want: Head{Valid: onIPv4 | onTCP, IPVersion: 4, IPID: 7, TTL: 64, Protocol: 6, SrcIP: ip4From, DstIP: ip4To,
			SrcPort: 51512, DstPort: 443, SeqNumber: 1, AckNumber: 2, Flags: 0x18, WindowSize: 4096, DecodeError: BadTCPOption},
		cuts: []cut{{20, TruncatedIPv4}, {40, TruncatedTCP}, {44, TruncatedTCPOption}}},
	{name: "mss of three bytes", link: LinkIPv4,
		data: octets("45 00 002c 0007 0000 40 06 0000", fourFrom, fourTo, "c938 01bb 00000001 00000002 60 18 1000 0000 0000 020305 00"),
		want: Head{Valid: onIPv4 | onTCP, IPVersion: 4, IPID: 7, TTL: 64, Protocol: 6, SrcIP: ip4From, DstIP: ip4To,
			SrcPort: 51512, DstPort: 443, SeqNumber: 1, AckNumber: 2, Flags: 0x18, WindowSize: 4096, DecodeError: BadTCPOption},
		cuts: []cut{{20, TruncatedIPv4}, {40, TruncatedTCP}, {43, TruncatedTCPOption}}},
	{name: "udp length of 7", link: LinkIPv4,
		data: octets("45 00 001c 0007 0000 40 11 0000", fourFrom, fourTo, "d903 0009 0007 0000"),
		want: Head{Valid: onIPv4 | HasPorts, IPVersion: 4, IPID: 7, TTL: 64, Protocol: 17, SrcIP: ip4From, DstIP: ip4To,
			SrcPort: 55555, DstPort: 9, DecodeError: BadUDPLength},
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}}},
	{name: "udp length behind the packet", link: LinkIPv4,
		data: octets("45 00 001c 0007 0000 40 11 0000", fourFrom, fourTo, "d903 0009 0009 0000"),
		want: Head{Valid: onIPv4 | HasPorts, IPVersion: 4, IPID: 7, TTL: 64, Protocol: 17, SrcIP: ip4From, DstIP: ip4To,
			SrcPort: 55555, DstPort: 9, DecodeError: BadUDPLength},
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}}},
	{name: "icmp echo request", link: LinkIPv4,
		data: octets("45 00 0020 0007 0000 40 01 0000", fourFrom, fourTo, "08 00 0000 00010002 61626364"),
		want: Head{Valid: onIPv4 | HasICMP | HasPayload, IPVersion: 4, IPID: 7, TTL: 64, Protocol: 1, SrcIP: ip4From,
			DstIP: ip4To, ICMPType: 8, PayloadLength: 4},
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedICMP}}},
	{name: "icmpv6 port unreachable", link: LinkIPv6,
		data: octets("60000000 0008 3a ff", sixFrom, sixTo, "01 04 0000 00000000"),
		want: Head{Valid: onIPv6 | HasICMP | HasPayload, IPVersion: 6, TTL: 255, Protocol: 58, SrcIP: ip6From, DstIP: ip6To,
			ICMPType: 1, ICMPCode: 4, DecodeError: TruncatedInner},
		cuts: []cut{{40, TruncatedIPv6}, {48, TruncatedICMPv6}}},
	{name: "udp-lite", link: LinkIPv4,
		data: octets("45 00 001e 0007 0000 40 88 0000", fourFrom, fourTo, "d903 0009 0008 0000 6162"),
		want: Head{Valid: onIPv4 | HasPorts | HasPayload, IPVersion: 4, IPID: 7, TTL: 64, Protocol: 136, SrcIP: ip4From,
			DstIP: ip4To, SrcPort: 55555, DstPort: 9, PayloadLength: 2},
		cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDPLite}}},
	{name: "sctp", link: LinkIPv4,
		data: octets("45 00 0024 0007 0000 40 84 0000", fourFrom, fourTo, "d903 0009 00000001 00000000 03000004"),
		want: Head{Valid: onIPv4 | HasPorts | HasPayload, IPVersion: 4, IPID: 7, TTL: 64, Protocol: 132, SrcIP: ip4From,
			DstIP: ip4To, SrcPort: 55555, DstPort: 9, PayloadLength: 4},
		cuts: []cut{{20, TruncatedIPv4}, {32, TruncatedSCTP}}},
	{name: "dccp with long sequence numbers", link: LinkIPv4,
		data: octets("45 00 002a 0007 0000 40 21 0000", fourFrom, fourTo, "d903 0009 05 00 0000 01 00 000000000001 00000000 6162"),
		want: Head{Valid: onIPv4 | HasPorts | HasPayload, IPVersion: 4, IPID: 7, TTL: 64, Protocol: 33, SrcIP: ip4From,
			DstIP: ip4To, SrcPort: 55555, DstPort: 9, PayloadLength: 2},
		cuts: []cut{{20, TruncatedIPv4}, {36, TruncatedDCCP}}},
	{name: "dccp data offset inside the header", link: LinkIPv4,
		data: octets("45 00 0020 0007 0000 40 21 0000", fourFrom, fourTo, "d903 0009 02 00 0000 00 000001"),
		want: Head{Valid: onIPv4 | HasPorts, IPVersion: 4, IPID: 7, TTL: 64, Protocol: 33, SrcIP: ip4From, DstIP: ip4To,
			SrcPort: 55555, DstPort: 9, DecodeError: BadDataOffset},
		cuts: []cut{{20, TruncatedIPv4}, {32, TruncatedDCCP}}},
	{name: "dccp header continues in the next fragment", link: LinkIPv4,
		data: octets("45 00 0024 0007 2000 40 21 0000", fourFrom, fourTo, "d903 0009 08 00 0000 00 000001 00000000"),
		want: Head{Valid: onIPv4 | HasPorts | HasFragment, IPVersion: 4, IPID: 7, TTL: 64, Protocol: 33, SrcIP: ip4From,
			DstIP: ip4To, SrcPort: 55555, DstPort: 9, DecodeError: TruncatedDCCP},
		cuts: []cut{{20, TruncatedIPv4}}},

	{name: "every ipv6 extension header", link: LinkIPv6,
		data: octets("60000000 0052 00 40", sixFrom, sixTo, "2b00 0502 0000 0100", "3c00 0400 00000000", "3300 010400000000",
			"8702 0000 00000001 00000002 00000003", "8b00 0000 00000000", "8c00 0000 00000000", "2c00 0000 00000000",
			"1100 0000 0000002a", "d903 0009 000a 0000 6162"),
		want: Head{Valid: onIPv6 | HasFragment | HasIPID | HasSPI | HasPorts | HasPayload, IPVersion: 6, TTL: 64, Protocol: 17,
			SrcIP: ip6From, DstIP: ip6To, IPID: 42, SPI: 1, SrcPort: 55555, DstPort: 9, PayloadLength: 2},
		cuts: []cut{{40, TruncatedIPv6}, {112, TruncatedExtension}, {120, TruncatedUDP}}},
	{name: "ipv6 fragment behind the first", link: LinkIPv6,
		data: octets("60000000 000c 2c 40", sixFrom, sixTo, "3c00 05a9 deadbeef 61626364"),
		want: Head{Valid: onIPv6 | HasFragment | HasIPID | HasPayload, IPVersion: 6, TTL: 64, Protocol: 60, SrcIP: ip6From,
			DstIP: ip6To, IPID: 0xdeadbeef, FragmentOffset: 1448, PayloadLength: 4},
		cuts: []cut{{40, TruncatedIPv6}, {48, TruncatedExtension}}},
	{name: "extension header behind the payload length", link: LinkIPv6,
		data: octets("60000000 0008 3c 40", sixFrom, sixTo, "1101 0000 00000000 0000000000000000"),
		want: Head{Valid: HasIP | HasAddresses, IPVersion: 6, TTL: 64, SrcIP: ip6From, DstIP: ip6To,
			DecodeError: TruncatedExtension},
		cuts: []cut{{40, TruncatedIPv6}}},
	{name: "seventeen extension headers", link: LinkIPv6,
		data: octets("60000000 0088 3c 40", sixFrom, sixTo, strings.Repeat("3c00 0104 00000000", 17)),
		want: Head{Valid: HasIP | HasAddresses, IPVersion: 6, TTL: 64, SrcIP: ip6From, DstIP: ip6To,
			DecodeError: TooManyExtensions},
		cuts: []cut{{40, TruncatedIPv6}, {168, TruncatedExtension}}},
	{name: "ipv6 without payload in front of padding", link: LinkIPv6,
		data: octets("60000000 0000 06 40", sixFrom, sixTo, tcpPlain),
		want: Head{Valid: onIPv6, IPVersion: 6, TTL: 64, Protocol: 6, SrcIP: ip6From, DstIP: ip6To, DecodeError: TruncatedTCP},
		cuts: []cut{{40, TruncatedIPv6}}},
	{name: "jumbo payload option", link: LinkIPv6,
		data: octets("60000000 0000 00 40", sixFrom, sixTo, "1101 00 010100 c204 00020010 01020000", "d903 0009 0000 0000"),
		want: Head{Valid: onIPv6 | HasPorts | HasPayload, IPVersion: 6, TTL: 64, Protocol: 17, SrcIP: ip6From, DstIP: ip6To,
			SrcPort: 55555, DstPort: 9, PayloadLength: 0x20010 - 16 - 8},
		cuts: []cut{{40, TruncatedIPv6}, {56, TruncatedExtension}, {64, TruncatedUDP}}},

	{name: "cooked arp", link: LinkLinuxSLL,
		data: octets("0004 0001 0006 020000000001 0000 0806", arp4, "0001 020000000001 0a000002 000000000000 0a000001"),
		want: Head{Valid: onCooked | HasARP | HasAddresses, Direction: Out, SrcMAC: macFrom, EtherType: 0x0806,
			ARPOperation: 1, SrcIP: [16]byte{10, 0, 0, 2}, DstIP: [16]byte{10, 0, 0, 1}},
		cuts: []cut{{16, TruncatedLink}, {44, TruncatedARP}}},
	{name: "cooked without an address", link: LinkLinuxSLL,
		data: octets("0000 0200 0000 0000000000000000 0800 45 00 0014 0001 0000 40 3b 0000", fourFrom, fourTo),
		want: Head{Valid: HasEtherType | onIPv4 | HasPayload, EtherType: 0x0800, IPVersion: 4, IPID: 1, TTL: 64, Protocol: 59,
			SrcIP: ip4From, DstIP: ip4To},
		cuts: []cut{{16, TruncatedLink}, {36, TruncatedIPv4}}},
	{name: "cooked llc", link: LinkLinuxSLL, data: octets("0002 0001 0006 020000000001 0000 0004 aaaa03 000000 88e5"),
		want: Head{Valid: onCooked, Direction: Multicast, SrcMAC: macFrom, EtherType: 0x88e5},
		cuts: []cut{{16, TruncatedLink}, {24, TruncatedLLC}}},
	{name: "cooked netlink", link: LinkLinuxSLL, data: octets("0004 0338 0000 0000000000000000 0800 45"),
		want: Head{Direction: Out},
		cuts: []cut{{16, TruncatedLink}}},
	{name: "cooked v2 with a tag", link: LinkLinuxSLL2,
		data: octets("8100 0000 00000002 0001 03 06 020000000001 0000 000a 88e5"),
		want: Head{Valid: onCooked | HasVLAN, Direction: Other, SrcMAC: macFrom, EtherType: 0x88e5, VLANID: 10},
		cuts: []cut{{20, TruncatedLink}, {24, TruncatedVLAN}}},
	{name: "loopback of a big-endian writer", link: LinkNull, data: octets("0000001e 60000000 0000 3b 40", sixFrom, sixTo),
		want: Head{Valid: onIPv6 | HasPayload, IPVersion: 6, TTL: 64, Protocol: 59, SrcIP: ip6From, DstIP: ip6To},
		cuts: []cut{{4, TruncatedLink}, {44, TruncatedIPv6}}},
	{name: "loopback of a little-endian writer", link: LinkNull,
		data: octets("02000000 45 00 0014 0001 0000 40 3b 0000", fourFrom, fourTo),
		want: Head{Valid: onIPv4 | HasPayload, IPVersion: 4, IPID: 1, TTL: 64, Protocol: 59, SrcIP: ip4From, DstIP: ip4To},
		cuts: []cut{{4, TruncatedLink}, {24, TruncatedIPv4}}},
	{name: "loopback of no family", link: LinkNull, data: octets("02000002 45"), cuts: []cut{{4, TruncatedLink}}},
	{name: "loopback of another family", link: LinkNull, data: octets("07000000 45"), cuts: []cut{{4, TruncatedLink}}},
	{name: "ppp with address and control", link: LinkPPP, lone: true, data: octets("ff03 0057 60000000 0000 3b 40", sixFrom, sixTo),
		want: Head{Valid: onIPv6 | HasPayload, IPVersion: 6, TTL: 64, Protocol: 59, SrcIP: ip6From, DstIP: ip6To}},
	{name: "ppp with a one-byte protocol", link: LinkPPP, data: octets("21 45 00 0014 0001 0000 40 3b 0000", fourFrom, fourTo),
		want: Head{Valid: onIPv4 | HasPayload, IPVersion: 4, IPID: 1, TTL: 64, Protocol: 59, SrcIP: ip4From, DstIP: ip4To},
		cuts: []cut{{1, TruncatedPPP}, {21, TruncatedIPv4}}},
	{name: "ppp with mpls", link: LinkPPP, data: octets("0281 00010140 00000000"), cuts: []cut{{2, TruncatedPPP}, {7, TruncatedMPLS}}},
	{name: "raw ipv6", link: LinkRaw, data: octets("60000000 0000 3b 40", sixFrom, sixTo),
		want: Head{Valid: onIPv6 | HasPayload, IPVersion: 6, TTL: 64, Protocol: 59, SrcIP: ip6From, DstIP: ip6To},
		cuts: []cut{{1, TruncatedLink}, {40, TruncatedIPv6}}},
	{name: "raw ipv4", link: LinkRaw, data: octets("45 00 0014 0001 0000 40 3b 0000", fourFrom, fourTo),
		want: Head{Valid: onIPv4 | HasPayload, IPVersion: 4, IPID: 1, TTL: 64, Protocol: 59, SrcIP: ip4From, DstIP: ip4To},
		cuts: []cut{{1, TruncatedLink}, {20, TruncatedIPv4}}},
	{name: "unknown link type", link: 147, data: octets("45 00"), want: Head{DecodeError: UnknownLinkType}},
}
