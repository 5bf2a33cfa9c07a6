package pcapfilter

// transport numbers (IANA protocol numbers).
const (
	protoICMP   = 1
	protoIGMP   = 2
	protoTCP    = 6
	protoIGRP   = 9 // Cisco, of no RFC
	protoUDP    = 17
	protoFrag6  = 44
	protoESP    = 50
	protoAH     = 51
	protoICMPv6 = 58
	protoPIM    = 103
	protoVRRP   = 112
	protoSCTP   = 132
)

// protocolNames are the names behind "proto" and "protochain": the names and aliases of protocols(5) in
// Debian 12 (package netbase 6.4) whose number a packet can carry.
var protocolNames = map[string]uint32{
	"ip": 0, "IP": 0, "hopopt": 0, "HOPOPT": 0, "icmp": 1, "ICMP": 1, "igmp": 2, "IGMP": 2, "ggp": 3, "GGP": 3, "ipencap": 4,
	"IP-ENCAP": 4, "st": 5, "ST": 5, "tcp": 6, "TCP": 6, "egp": 8, "EGP": 8, "igp": 9, "IGP": 9, "pup": 12, "PUP": 12,
	"udp": 17, "UDP": 17, "hmp": 20, "HMP": 20, "xns-idp": 22, "XNS-IDP": 22, "rdp": 27, "RDP": 27, "iso-tp4": 29,
	"ISO-TP4": 29, "dccp": 33, "DCCP": 33, "xtp": 36, "XTP": 36, "ddp": 37, "DDP": 37, "idpr-cmtp": 38, "IDPR-CMTP": 38,
	"ipv6": 41, "IPv6": 41, "ipv6-route": 43, "IPv6-Route": 43, "ipv6-frag": 44, "IPv6-Frag": 44, "idrp": 45, "IDRP": 45,
	"rsvp": 46, "RSVP": 46, "gre": 47, "GRE": 47, "esp": 50, "IPSEC-ESP": 50, "ah": 51, "IPSEC-AH": 51, "skip": 57, "SKIP": 57,
	"ipv6-icmp": 58, "IPv6-ICMP": 58, "ipv6-nonxt": 59, "IPv6-NoNxt": 59, "ipv6-opts": 60, "IPv6-Opts": 60, "rspf": 73,
	"RSPF": 73, "CPHB": 73, "vmtp": 81, "VMTP": 81, "eigrp": 88, "EIGRP": 88, "ospf": 89, "OSPFIGP": 89, "ax.25": 93,
	"AX.25": 93, "ipip": 94, "IPIP": 94, "etherip": 97, "ETHERIP": 97, "encap": 98, "ENCAP": 98, "pim": 103, "PIM": 103,
	"ipcomp": 108, "IPCOMP": 108, "vrrp": 112, "VRRP": 112, "l2tp": 115, "L2TP": 115, "isis": 124, "ISIS": 124, "sctp": 132,
	"SCTP": 132, "fc": 133, "FC": 133, "mobility-header": 135, "Mobility-Header": 135, "udplite": 136, "UDPLite": 136,
	"mpls-in-ip": 137, "MPLS-in-IP": 137, "manet": 138, "hip": 139, "HIP": 139, "shim6": 140, "Shim6": 140, "wesp": 141,
	"WESP": 141, "rohc": 142, "ROHC": 142, "ethernet": 143, "Ethernet": 143,
}

// EtherType numbers (IEEE 802).
const (
	etherIP     = 0x0800
	etherARP    = 0x0806
	etherRARP   = 0x8035
	etherVLAN   = 0x8100
	etherIPv6   = 0x86dd
	etherMPLS   = 0x8847
	etherPPPoED = 0x8863
	etherPPPoES = 0x8864
	etherQinQ   = 0x88a8
	etherQinQ9  = 0x9100 // before 802.1ad
)

// etherTypeNames are the names behind "ether proto", those of libpcap.
var etherTypeNames = map[string]uint32{
	"ip": etherIP, "arp": etherARP, "rarp": etherRARP, "ip6": etherIPv6, "loopback": 0x9000,
	"mopdl": etherMOPDL, "moprc": etherMOPRC, "decnet": etherDECnet, "lat": etherLAT, "sca": etherSCA,
	"atalk": etherAppleTalk, "aarp": etherAARP,

	// Service access points of IEEE 802.2.
	"stp": sapSTP, "ipx": sapIPX, "netbeui": sapNetBEUI, "iso": sapISO,
}
