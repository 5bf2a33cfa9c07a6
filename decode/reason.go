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

// The reasons.
const (
	NoReason            Reason = 0
	UnknownLinkType     Reason = 1  // Meta.LinkType is none that Decode knows
	TruncatedLink       Reason = 2  // link header: Ethernet, cooked or loopback
	TruncatedVLAN       Reason = 3  // IEEE 802.1Q tag
	TooManyTags         Reason = 4  // more than maxTags VLAN tags
	TruncatedLLC        Reason = 5  // IEEE 802.2 LLC header and its SNAP extension
	TruncatedPPPoE      Reason = 6  // RFC 2516 §4 header
	BadPPPoE            Reason = 7  // version, type or code is not what RFC 2516 §4 asks for
	TruncatedPPP        Reason = 8  // RFC 1661 §2 protocol field
	TruncatedMPLS       Reason = 9  // RFC 3032 §2.1 label stack, or nothing behind its bottom
	TooManyLabels       Reason = 10 // more than maxLabels MPLS labels
	TruncatedARP        Reason = 11 // RFC 826 packet
	BadARP              Reason = 12 // an IPv4 ARP whose protocol addresses are not 4 bytes
	BadIPVersion        Reason = 13 // the version nibble is not that of the header announced
	TruncatedIPv4       Reason = 14 // RFC 791 §3.1 header, its fixed 20 bytes
	TruncatedIPv4Option Reason = 15 // the options that the IHL announces
	BadIHL              Reason = 16 // IHL below 5
	BadTotalLength      Reason = 17 // IPv4 total length below the header's own
	TruncatedIPv6       Reason = 18 // RFC 8200 §3 header
	TruncatedExtension  Reason = 19 // an IPv6 extension header
	TooManyExtensions   Reason = 20 // more than maxExtensions extension headers
	TruncatedTCP        Reason = 21 // RFC 9293 §3.1 header, its fixed 20 bytes
	TruncatedTCPOption  Reason = 22 // the options that the data offset announces
	BadDataOffset       Reason = 23 // TCP or DCCP data offset inside the fixed header or behind the packet
	BadTCPOption        Reason = 24 // an option's length runs out of the header or is not the one its kind has
	TruncatedUDP        Reason = 25 // RFC 768 header
	BadUDPLength        Reason = 26 // UDP length below 8 or behind the packet
	TruncatedUDPLite    Reason = 27 // RFC 3828 §3.1 header
	TruncatedSCTP       Reason = 28 // RFC 9260 §3.1 common header
	TruncatedDCCP       Reason = 29 // RFC 4340 §5.1 generic header
	TruncatedICMP       Reason = 30 // RFC 792 header, 8 bytes
	TruncatedICMPv6     Reason = 31 // RFC 4443 §2.1 header, 8 bytes
)

// Reasons is one more than the highest Reason.
const Reasons = 32

var reasonNames = [Reasons]string{
	NoReason:            "none",
	UnknownLinkType:     "unknown_link_type",
	TruncatedLink:       "truncated_link",
	TruncatedVLAN:       "truncated_vlan",
	TooManyTags:         "too_many_tags",
	TruncatedLLC:        "truncated_llc",
	TruncatedPPPoE:      "truncated_pppoe",
	BadPPPoE:            "bad_pppoe",
	TruncatedPPP:        "truncated_ppp",
	TruncatedMPLS:       "truncated_mpls",
	TooManyLabels:       "too_many_labels",
	TruncatedARP:        "truncated_arp",
	BadARP:              "bad_arp",
	BadIPVersion:        "bad_ip_version",
	TruncatedIPv4:       "truncated_ipv4",
	TruncatedIPv4Option: "truncated_ipv4_option",
	BadIHL:              "bad_ihl",
	BadTotalLength:      "bad_total_length",
	TruncatedIPv6:       "truncated_ipv6",
	TruncatedExtension:  "truncated_extension",
	TooManyExtensions:   "too_many_extensions",
	TruncatedTCP:        "truncated_tcp",
	TruncatedTCPOption:  "truncated_tcp_option",
	BadDataOffset:       "bad_data_offset",
	BadTCPOption:        "bad_tcp_option",
	TruncatedUDP:        "truncated_udp",
	BadUDPLength:        "bad_udp_length",
	TruncatedUDPLite:    "truncated_udp_lite",
	TruncatedSCTP:       "truncated_sctp",
	TruncatedDCCP:       "truncated_dccp",
	TruncatedICMP:       "truncated_icmp",
	TruncatedICMPv6:     "truncated_icmpv6",
}

// String returns the stable name of r in snake_case; "none" for zero, "unknown_reason" for a number that
// this version does not know.
func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return "unknown_reason"
}

// ReasonByName returns the reason that String names so, and whether there is one.
func ReasonByName(name string) (Reason, bool) {
	for r, n := range reasonNames {
		if n == name {
			return Reason(r), true
		}
	}
	return NoReason, false
}
