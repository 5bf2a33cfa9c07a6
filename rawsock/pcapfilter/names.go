package pcapfilter

// transport numbers (IANA protocol numbers).
const (
	protoICMP   = 1
	protoIGMP   = 2
	protoTCP    = 6
	protoUDP    = 17
	protoFrag6  = 44
	protoESP    = 50
	protoAH     = 51
	protoICMPv6 = 58
	protoPIM    = 103
	protoVRRP   = 112
	protoSCTP   = 132
)

// protocolNames are the names behind "proto" (IANA protocol numbers, with the spellings of
// protocols(5)).
var protocolNames = map[string]uint32{
	"hopopt": 0, "icmp": protoICMP, "igmp": protoIGMP, "ipencap": 4, "tcp": protoTCP, "egp": 8, "igp": 9, "udp": protoUDP,
	"dccp": 33, "ipv6": 41, "ipv6-route": 43, "ipv6-frag": protoFrag6, "rsvp": 46, "gre": 47, "esp": protoESP, "ah": protoAH,
	"ipv6-icmp": protoICMPv6, "ipv6-nonxt": 59, "ipv6-opts": 60, "eigrp": 88, "ospf": 89, "pim": protoPIM, "ipcomp": 108,
	"vrrp": protoVRRP, "l2tp": 115, "sctp": protoSCTP, "udplite": 136,
}

// EtherType numbers (IEEE 802).
const (
	etherIP    = 0x0800
	etherARP   = 0x0806
	etherRARP  = 0x8035
	etherVLAN  = 0x8100
	etherIPv6  = 0x86dd
	etherQinQ  = 0x88a8
	etherQinQ9 = 0x9100 // before 802.1ad
)

// etherTypeNames are the names behind "ether proto".
var etherTypeNames = map[string]uint32{
	"ip": etherIP, "arp": etherARP, "rarp": etherRARP, "ip6": etherIPv6, "loopback": 0x9000,
}

// service is a number in the IANA service name registry. transport is 0 for every transport, or
// the one that owns the name where IANA gave the number to another service elsewhere.
type service struct {
	port      uint32
	transport uint32
}

// services are the port names, with the spellings of services(5) beside those of IANA.
var services = map[string]service{
	"echo": {7, 0}, "discard": {9, 0}, "daytime": {13, 0}, "chargen": {19, 0}, "ftp-data": {20, 0}, "ftp": {21, 0}, "ssh": {22, 0},
	"telnet": {23, 0}, "smtp": {25, 0}, "time": {37, 0}, "whois": {43, 0}, "tacacs": {49, 0}, "domain": {53, 0}, "bootps": {67, 0},
	"bootpc": {68, 0}, "tftp": {69, 0}, "gopher": {70, 0}, "finger": {79, 0}, "http": {80, 0}, "kerberos": {88, 0}, "pop3": {110, 0},
	"sunrpc": {111, 0}, "nntp": {119, 0}, "ntp": {123, 0}, "epmap": {135, 0}, "netbios-ns": {137, 0}, "netbios-dgm": {138, 0},
	"netbios-ssn": {139, 0}, "imap": {143, 0}, "imap2": {143, 0}, "snmp": {161, 0}, "snmptrap": {162, 0}, "snmp-trap": {162, 0},
	"bgp": {179, 0}, "irc": {194, 0}, "ptp-event": {319, 0}, "ptp-general": {320, 0}, "ldap": {389, 0}, "svrloc": {427, 0},
	"https": {443, 0}, "microsoft-ds": {445, 0}, "kpasswd": {464, 0}, "submissions": {465, 0}, "isakmp": {500, 0},
	"exec": {512, protoTCP}, "biff": {512, protoUDP}, "login": {513, protoTCP}, "who": {513, protoUDP},
	"shell": {514, protoTCP}, "syslog": {514, protoUDP}, "printer": {515, 0}, "dhcpv6-client": {546, 0}, "dhcpv6-server": {547, 0},
	"rtsp": {554, 0}, "submission": {587, 0}, "ipp": {631, 0}, "ldaps": {636, 0}, "domain-s": {853, 0}, "rsync": {873, 0},
	"imaps": {993, 0}, "pop3s": {995, 0}, "socks": {1080, 0}, "openvpn": {1194, 0}, "ms-sql-s": {1433, 0}, "ms-sql-m": {1434, 0},
	"pptp": {1723, 0}, "radius": {1812, 0}, "radius-acct": {1813, 0}, "mqtt": {1883, 0}, "ssdp": {1900, 0}, "nfs": {2049, 0},
	"iscsi-target": {3260, 0}, "mysql": {3306, 0}, "ms-wbt-server": {3389, 0}, "stun": {3478, 0}, "ntske": {4460, 0},
	"ipsec-nat-t": {4500, 0}, "sip": {5060, 0}, "sips": {5061, 0}, "xmpp-client": {5222, 0}, "xmpp-server": {5269, 0}, "mdns": {5353, 0},
	"postgresql": {5432, 0}, "amqps": {5671, 0}, "amqp": {5672, 0}, "coap": {5683, 0}, "redis": {6379, 0}, "syslog-tls": {6514, 0},
	"babel": {6696, 0}, "http-alt": {8080, 0}, "secure-mqtt": {8883, 0}, "git": {9418, 0},
}
