package decode

// ntpModes are the association modes by number (RFC 5905 §3, figure 1 and §7.3).
var ntpModes = [8]string{"reserved", "symmetric-active", "symmetric-passive", "client", "server", "broadcast", "control", "private"}

// dnsRCodes are the response codes of the header by number (https://www.iana.org/assignments/dns-parameters).
var dnsRCodes = [...]string{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET",
	"NOTAUTH", "NOTZONE", "DSOTYPENI"}

// dhcpTypes are the DHCPv4 message types by number (https://www.iana.org/assignments/bootp-dhcp-parameters).
var dhcpTypes = [...]string{1: "DISCOVER", 2: "OFFER", 3: "REQUEST", 4: "DECLINE", 5: "ACK", 6: "NAK", 7: "RELEASE", 8: "INFORM",
	9: "FORCERENEW"}

// dhcpv6Types are the DHCPv6 message types by number (RFC 8415 §7.3).
var dhcpv6Types = [...]string{1: "SOLICIT", 2: "ADVERTISE", 3: "REQUEST", 4: "CONFIRM", 5: "RENEW", 6: "REBIND", 7: "REPLY",
	8: "RELEASE", 9: "DECLINE", 10: "RECONFIGURE", 11: "INFORMATION-REQUEST", 12: "RELAY-FORW", 13: "RELAY-REPL"}

// dnsTypeName is the text form's name of a DNS type (https://www.iana.org/assignments/dns-parameters), "" when
// it has none here.
func dnsTypeName(t uint16) string {
	switch t {
	case 1:
		return "A"
	case 2:
		return "NS"
	case 5:
		return "CNAME"
	case 6:
		return "SOA"
	case 12:
		return "PTR"
	case 15:
		return "MX"
	case 16:
		return "TXT"
	case 28:
		return "AAAA"
	case 33:
		return "SRV"
	case 35:
		return "NAPTR"
	case 43:
		return "DS"
	case 46:
		return "RRSIG"
	case 47:
		return "NSEC"
	case 48:
		return "DNSKEY"
	case 52:
		return "TLSA"
	case 64:
		return "SVCB"
	case 65:
		return "HTTPS"
	case 251:
		return "IXFR"
	case 252:
		return "AXFR"
	case 255:
		return "ANY"
	case 257:
		return "CAA"
	}
	return ""
}

// igmpName is the text form's name of an IGMP type (RFC 9776 §4, RFC 2236 §2.1, RFC 1112), "" when it has
// none here.
func igmpName(kind uint8) string {
	switch kind {
	case 0x11:
		return "query"
	case 0x12:
		return "v1-report"
	case 0x16:
		return "v2-report"
	case 0x17:
		return "leave"
	case 0x22:
		return "v3-report"
	}
	return ""
}
