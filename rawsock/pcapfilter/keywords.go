package pcapfilter

import "strings"

// keywords maps the words the parser knows to their canonical spelling.
var keywords = map[string]string{
	"and": "and", "or": "or", "not": "not",
	"src": "src", "dst": "dst",
	"host": "host", "net": "net", "mask": "mask", "port": "port", "portrange": "portrange", "gateway": "gateway",
	"proto": "proto", "protochain": "protochain",
	"ether": "ether", "link": "ether", "ppp": "ether", "slip": "ether", "fddi": "ether", "tr": "ether", "wlan": "ether",
	"ip": "ip", "ip6": "ip6", "arp": "arp", "rarp": "rarp",
	"tcp": "tcp", "udp": "udp", "sctp": "sctp", "icmp": "icmp", "icmp6": "icmp6", "igmp": "igmp",
	"igrp": "igrp", "esp": "esp", "ah": "ah", "pim": "pim", "vrrp": "vrrp", "carp": "carp",
	"broadcast": "broadcast", "multicast": "multicast",
	"less": "less", "greater": "greater", "byte": "byte", "len": "len", "length": "len",
	"inbound": "inbound", "outbound": "outbound", "ifindex": "ifindex",
	"vlan": "vlan", "mpls": "mpls", "pppoed": "pppoed", "pppoes": "pppoes", "geneve": "geneve", "vxlan": "vxlan",
	"llc": "llc", "rnr": "rnr",
	"atalk": "atalk", "aarp": "aarp", "decnet": "decnet", "lat": "lat", "sca": "sca", "moprc": "moprc", "mopdl": "mopdl",
	"iso": "iso", "clnp": "clnp", "esis": "esis", "es-is": "esis", "isis": "isis", "is-is": "isis",
	"l1": "l1", "l2": "l2", "iih": "iih", "lsp": "lsp", "snp": "snp", "csnp": "csnp", "psnp": "psnp",
	"stp": "stp", "ipx": "ipx", "netbeui": "netbeui",
}

// foreign maps the words of pcap-filter(7) for links that this package does not know to the kind of those links. They
// are keywords: none of them may pass as a name.
var foreign = map[string]string{}

func init() {
	for _, links := range [...]struct{ kind, words string }{
		{"IEEE 802.11", "radio type subtype dir direction addr1 addr2 addr3 addr4 address1 address2 address3 address4 ra ta"},
		{"ATM", "lane metac bcc oam oamf4 oamf4ec oamf4sc sc ilmic vpi vci connectmsg metaconnect"},
		{"PF", "on ifname rset ruleset rulenum srnr subrulenum reason action"},
		{"SS7", "fisu lssu lsu msu hfisu hlssu hmsu sio opc dpc sls hsio hopc hdpc hsls"},
	} {
		for word := range strings.FieldsSeq(links.words) {
			foreign[word] = links.kind
			keywords[word] = word
		}
	}
}

// protocolWords are the keywords that may stand before an address, a direction or an index.
var protocolWords = map[string]bool{
	"ether": true, "ip": true, "ip6": true, "arp": true, "rarp": true, "tcp": true, "udp": true, "sctp": true,
	"icmp": true, "icmp6": true, "igmp": true, "igrp": true, "carp": true, "esp": true, "ah": true, "pim": true, "vrrp": true,
	"atalk": true, "aarp": true, "decnet": true, "lat": true, "sca": true, "moprc": true, "mopdl": true,
	"iso": true, "clnp": true, "esis": true, "isis": true, "l1": true, "l2": true,
	"iih": true, "lsp": true, "snp": true, "csnp": true, "psnp": true,
	"stp": true, "ipx": true, "netbeui": true,
}

// constants are the named numbers of arithmetic: offsets of header fields and their values
// (RFC 792, RFC 4443, RFC 9293, IANA ICMPv6 parameters).
var constants = map[string]uint32{
	"icmptype": 0, "icmpcode": 1,
	"icmp-echoreply": 0, "icmp-unreach": 3, "icmp-sourcequench": 4, "icmp-redirect": 5, "icmp-echo": 8,
	"icmp-routeradvert": 9, "icmp-routersolicit": 10, "icmp-timxceed": 11, "icmp-paramprob": 12, "icmp-tstamp": 13,
	"icmp-tstampreply": 14, "icmp-ireq": 15, "icmp-ireqreply": 16, "icmp-maskreq": 17, "icmp-maskreply": 18,

	"icmp6type": 0, "icmp6code": 1,
	"icmp6-destinationunreach": 1, "icmp6-packettoobig": 2, "icmp6-timeexceeded": 3, "icmp6-parameterproblem": 4,
	"icmp6-echo": 128, "icmp6-echoreply": 129, "icmp6-multicastlistenerquery": 130, "icmp6-multicastlistenerreportv1": 131,
	"icmp6-multicastlistenerdone": 132, "icmp6-routersolicit": 133, "icmp6-routeradvert": 134, "icmp6-neighborsolicit": 135,
	"icmp6-neighboradvert": 136, "icmp6-redirect": 137, "icmp6-routerrenum": 138, "icmp6-nodeinformationquery": 139,
	"icmp6-nodeinformationresponse": 140, "icmp6-ineighbordiscoverysolicit": 141, "icmp6-ineighbordiscoveryadvert": 142,
	"icmp6-multicastlistenerreportv2": 143, "icmp6-homeagentdiscoveryrequest": 144, "icmp6-homeagentdiscoveryreply": 145,
	"icmp6-mobileprefixsolicit": 146, "icmp6-mobileprefixadvert": 147, "icmp6-certpathsolicit": 148,
	"icmp6-certpathadvert": 149, "icmp6-multicastrouteradvert": 151, "icmp6-multicastroutersolicit": 152,
	"icmp6-multicastrouterterm": 153,

	"tcpflags": 13, "tcp-fin": 0x01, "tcp-syn": 0x02, "tcp-rst": 0x04, "tcp-push": 0x08, "tcp-ack": 0x10, "tcp-urg": 0x20,
	"tcp-ece": 0x40, "tcp-cwr": 0x80,
}
