package decode

// Reason says why decoding of a frame stopped early; zero means that it did not.
//
// A truncated_ reason means that a header needs bytes that are not there, either because they were not
// captured or because a header in front says that the packet ends sooner. A frame that was snapped in its
// payload has no reason. A bad_ reason means that the bytes are there and contradict themselves. The
// too_many_ reasons are this package's own bounds.
//
// The numbers are stored in segments and the names in the database: neither ever changes its meaning, and
// new reasons are added at the end.
type Reason uint8

// The reasons; Meaning says what each stands for.
const (
	NoReason             Reason = 0
	UnknownLinkType      Reason = 1
	TruncatedLink        Reason = 2
	TruncatedVLAN        Reason = 3
	TooManyTags          Reason = 4
	TruncatedLLC         Reason = 5
	TruncatedPPPoE       Reason = 6
	BadPPPoE             Reason = 7
	TruncatedPPP         Reason = 8
	TruncatedMPLS        Reason = 9
	TooManyLabels        Reason = 10
	TruncatedARP         Reason = 11
	BadARP               Reason = 12
	BadIPVersion         Reason = 13
	TruncatedIPv4        Reason = 14
	TruncatedIPv4Option  Reason = 15
	BadIHL               Reason = 16
	BadTotalLength       Reason = 17
	TruncatedIPv6        Reason = 18
	TruncatedExtension   Reason = 19
	TooManyExtensions    Reason = 20
	TruncatedTCP         Reason = 21
	TruncatedTCPOption   Reason = 22
	BadDataOffset        Reason = 23
	BadTCPOption         Reason = 24
	TruncatedUDP         Reason = 25
	BadUDPLength         Reason = 26
	TruncatedUDPLite     Reason = 27
	TruncatedSCTP        Reason = 28
	TruncatedDCCP        Reason = 29
	TruncatedICMP        Reason = 30
	TruncatedICMPv6      Reason = 31
	TruncatedIGMP        Reason = 32
	TruncatedVRRP        Reason = 33
	BadVRRP              Reason = 34
	TruncatedESP         Reason = 35
	TruncatedAH          Reason = 36
	TruncatedTunnel      Reason = 37
	BadTunnel            Reason = 38
	TruncatedInner       Reason = 39
	BadInner             Reason = 40
	TruncatedDNS         Reason = 41
	BadDNS               Reason = 42
	BadDNSName           Reason = 43
	TooManyDNSLabels     Reason = 44
	NameTooLong          Reason = 45
	TruncatedTLS         Reason = 46
	BadTLS               Reason = 47
	TooManyTLSExtensions Reason = 48
	TruncatedQUIC        Reason = 49
	BadQUIC              Reason = 50
	TruncatedHTTP        Reason = 51
	BadHTTP              Reason = 52
	TooManyHTTPLines     Reason = 53
	TruncatedDHCP        Reason = 54
	BadDHCP              Reason = 55
	TruncatedDHCPv6      Reason = 56
	BadDHCPv6            Reason = 57
	TooManyDHCPOptions   Reason = 58
	TruncatedNTP         Reason = 59
	TruncatedLLDP        Reason = 60
	BadLLDP              Reason = 61
	TruncatedCDP         Reason = 62
	BadCDP               Reason = 63
	TooManyTLVs          Reason = 64
)

// Reasons is one more than the highest Reason.
const Reasons = 65

var reasonTable = [Reasons]struct{ name, meaning string }{
	NoReason:             {"none", "decoding did not stop"},
	UnknownLinkType:      {"unknown_link_type", "the link type of interface or file is none that is known"},
	TruncatedLink:        {"truncated_link", "not all there: link header: Ethernet, cooked or loopback"},
	TruncatedVLAN:        {"truncated_vlan", "not all there: IEEE 802.1Q tag"},
	TooManyTags:          {"too_many_tags", "more VLAN tags than are looked at"},
	TruncatedLLC:         {"truncated_llc", "not all there: IEEE 802.2 LLC header and its SNAP extension"},
	TruncatedPPPoE:       {"truncated_pppoe", "not all there: RFC 2516 §4 header"},
	BadPPPoE:             {"bad_pppoe", "version, type or code is not what RFC 2516 §4 asks for"},
	TruncatedPPP:         {"truncated_ppp", "not all there: RFC 1661 §2 protocol field"},
	TruncatedMPLS:        {"truncated_mpls", "not all there: RFC 3032 §2.1 label stack, or nothing behind its bottom"},
	TooManyLabels:        {"too_many_labels", "more MPLS labels than are looked at"},
	TruncatedARP:         {"truncated_arp", "not all there: RFC 826 packet"},
	BadARP:               {"bad_arp", "an IPv4 ARP whose protocol addresses are not 4 bytes"},
	BadIPVersion:         {"bad_ip_version", "the version nibble is not that of the header announced"},
	TruncatedIPv4:        {"truncated_ipv4", "not all there: RFC 791 §3.1 header, its fixed 20 bytes"},
	TruncatedIPv4Option:  {"truncated_ipv4_option", "not all there: the options that the IHL announces"},
	BadIHL:               {"bad_ihl", "IHL below 5"},
	BadTotalLength:       {"bad_total_length", "IPv4 total length below the header's own"},
	TruncatedIPv6:        {"truncated_ipv6", "not all there: RFC 8200 §3 header"},
	TruncatedExtension:   {"truncated_extension", "not all there: an IPv6 extension header"},
	TooManyExtensions:    {"too_many_extensions", "more IPv6 extension headers, or AH, than are looked at"},
	TruncatedTCP:         {"truncated_tcp", "not all there: RFC 9293 §3.1 header, its fixed 20 bytes"},
	TruncatedTCPOption:   {"truncated_tcp_option", "not all there: the options that the data offset announces"},
	BadDataOffset:        {"bad_data_offset", "TCP or DCCP data offset inside the fixed header or behind the packet"},
	BadTCPOption:         {"bad_tcp_option", "an option's length runs out of the header or is not the one its kind has"},
	TruncatedUDP:         {"truncated_udp", "not all there: RFC 768 header"},
	BadUDPLength:         {"bad_udp_length", "UDP length below 8 or behind the packet"},
	TruncatedUDPLite:     {"truncated_udp_lite", "not all there: RFC 3828 §3.1 header"},
	TruncatedSCTP:        {"truncated_sctp", "not all there: RFC 9260 §3.1 common header"},
	TruncatedDCCP:        {"truncated_dccp", "not all there: RFC 4340 §5.1 generic header"},
	TruncatedICMP:        {"truncated_icmp", "not all there: RFC 792 header, 8 bytes"},
	TruncatedICMPv6:      {"truncated_icmpv6", "not all there: ICMPv6 message, 8 bytes but for a few types (RFC 4443 §2.1)"},
	TruncatedIGMP:        {"truncated_igmp", "not all there: RFC 9776 §4 header, 8 bytes"},
	TruncatedVRRP:        {"truncated_vrrp", "not all there: RFC 9568 §5.2 header, 8 bytes"},
	BadVRRP:              {"bad_vrrp", "a version that is neither 2 nor 3, or a type other than advertisement"},
	TruncatedESP:         {"truncated_esp", "not all there: RFC 4303 §2.1 and §2.2: SPI and sequence number, 8 bytes"},
	TruncatedAH:          {"truncated_ah", "not all there: RFC 4302 §2 header in IPv4; in IPv6 it is truncated_extension"},
	TruncatedTunnel:      {"truncated_tunnel", "not all there: header of GRE, VXLAN, GENEVE, GTP-U, L2TP or Teredo"},
	BadTunnel:            {"bad_tunnel", "the version, flags or lengths of a tunnel header are not those of its specification"},
	TruncatedInner:       {"truncated_inner", "not all there: link or IP header inside a tunnel or an ICMP error, or the ports behind it in a tunnel"},
	BadInner:             {"bad_inner", "that IP header contradicts itself: version, IHL, total length"},
	TruncatedDNS:         {"truncated_dns", "not all there: RFC 1035 §4.1 message: header, question, answer"},
	BadDNS:               {"bad_dns", "a record that contradicts itself: an address whose length is not that of its type"},
	BadDNSName:           {"bad_dns_name", "a name with a pointer that does not point backward, a reserved label type, or of more than 255 bytes (RFC 1035 §3.1, §4.1.4)"},
	TooManyDNSLabels:     {"too_many_dns_labels", "more labels and pointers in one DNS message than are looked at"},
	NameTooLong:          {"name_too_long", "the name needs more than 255 bytes; its beginning is kept"},
	TruncatedTLS:         {"truncated_tls", "not all there: RFC 8446 §4.1.2 ClientHello, which may go on in a later segment"},
	BadTLS:               {"bad_tls", "lengths inside the ClientHello contradict each other"},
	TooManyTLSExtensions: {"too_many_tls_extensions", "more extensions in the ClientHello than are looked at"},
	TruncatedQUIC:        {"truncated_quic", "not all there: RFC 9000 §17.2.2 Initial packet"},
	BadQUIC:              {"bad_quic", "an Initial packet whose lengths contradict each other, or a frame that is none beside a ClientHello"},
	TruncatedHTTP:        {"truncated_http", "not all there: RFC 9112 §2.1 header section, which may go on in a later segment; SSDP's too"},
	BadHTTP:              {"bad_http", "a request line that is not one (RFC 9112 §3), or a Host line that is none"},
	TooManyHTTPLines:     {"too_many_http_lines", "more header lines in front of Host than are looked at"},
	TruncatedDHCP:        {"truncated_dhcp", "not all there: RFC 2131 §2 message: fixed part or an option"},
	BadDHCP:              {"bad_dhcp", "magic cookie, or an option whose length is not that of its kind"},
	TruncatedDHCPv6:      {"truncated_dhcpv6", "not all there: RFC 8415 §8 message or an option"},
	BadDHCPv6:            {"bad_dhcpv6", "an option that contradicts itself, or more relays inside relays than are looked at"},
	TooManyDHCPOptions:   {"too_many_dhcp_options", "more DHCP or DHCPv6 options, pads included, than are looked at"},
	TruncatedNTP:         {"truncated_ntp", "not all there: RFC 5905 §7.3 header, 48 bytes; a control message (RFC 9327) 12"},
	TruncatedLLDP:        {"truncated_lldp", "not all there: IEEE 802.1AB §8 TLV"},
	BadLLDP:              {"bad_lldp", "a first TLV that is no chassis ID, or a system name of more than 255 bytes"},
	TruncatedCDP:         {"truncated_cdp", "not all there: CDP header or TLV"},
	BadCDP:               {"bad_cdp", "a TLV length below its own header's 4 bytes"},
	TooManyTLVs:          {"too_many_tlvs", "more TLVs of LLDP or CDP than are looked at"},
}

// String returns the stable name of r in snake_case; "none" for zero, "unknown_reason" for a number that
// this version does not know.
func (r Reason) String() string {
	if int(r) < len(reasonTable) {
		return reasonTable[r].name
	}
	return "unknown_reason"
}

// Meaning returns what has to be wrong for r, in a line.
func (r Reason) Meaning() string {
	if int(r) < len(reasonTable) {
		return reasonTable[r].meaning
	}
	return "a reason that this version does not know"
}

// ReasonByName returns the reason that String names so, and whether there is one.
func ReasonByName(name string) (Reason, bool) {
	for r := range reasonTable {
		if reasonTable[r].name == name {
			return Reason(r), true
		}
	}
	return NoReason, false
}
