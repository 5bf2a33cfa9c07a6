// Package decode turns one frame into one flat Packet value.
//
// Decode never fails: a short, wrong or unknown frame is still a packet, with every field that could be
// read before the frame stopped making sense, and a Reason that says why decoding stopped. It allocates
// nothing, keeps no reference to the frame and never reads a byte that the headers in front of it do not
// claim (Ethernet padding is not payload).
package decode

// Packet is the metadata of one frame: a flat value without pointers, owned and reused by the caller. The
// zero Packet is one of no frame.
//
// A field that belongs to a group is meaningful only when the group's bit is set in Valid; otherwise it
// is zero. The name in brackets is the field's one name in SQL, JSON and CSV.
//
// Head is what Decode clears for each frame; the other parts are rare and long, and are cleared only when the
// frame before had them. A caller that changes Valid must therefore clear what it takes away.
type Packet struct {
	Head
	Inner    Inner     // [inner_…] HasInner: the packet inside a tunnel, or quoted by an ICMP error
	Name     Name      // [name] HasName: the name that the packet carries in clear, Head.NameKind says of what
	ALPN     ALPN      // [alpn] HasALPN: RFC 7301 §3.1, the protocols offered, in their order with commas between
	Answers  Addresses // [dns_addresses] HasAnswers: addresses of A and AAAA records in the answer section, RFC 1035 §4.1.3, RFC 3596
	Assigned Address   // [assigned_ip] HasAssigned: RFC 2131 §2 yiaddr when not zero; RFC 8415 §21.6, §21.22 first address or delegated prefix
}

// Head is the fields of a Packet that have a fixed and small size.
type Head struct {
	Time           int64    // [ts] time of receipt, nanoseconds since the Unix epoch
	Valid          Fields   // which groups of fields hold something
	WireLength     uint32   // [wire_length] bytes of the frame on the wire, link header included
	CapturedLength uint32   // [captured_length] bytes of it that were captured
	PayloadLength  uint32   // [payload_length] HasPayload: bytes after the transport header (ICMP: 8 bytes) by the headers' own account
	SeqNumber      uint32   // [seq_number] HasTCP: RFC 9293 §3.1, raw
	AckNumber      uint32   // [ack_number] HasTCP: raw, also when the ACK bit is clear
	TSValue        uint32   // [ts_value] HasTimestamps: RFC 7323 §3.2 TSval
	TSEcho         uint32   // [ts_echo] HasTimestamps: TSecr
	IPID           uint32   // [ip_id] HasIPID: IPv4 identification (16 bits) or that of the IPv6 fragment header (32 bits)
	SPI            uint32   // [spi] HasSPI: security parameters index of ESP (RFC 4303 §2.1) or of the first AH (RFC 4302 §2.4)
	TunnelKey      uint32   // [tunnel_key] HasTunnelKey: GRE key (RFC 2890 §2.1), VNI (RFC 7348 §5, RFC 8926 §3.4), GTP-U TEID, L2TP session ID
	SrcIP          [16]byte // [src_ip] HasAddresses: source, or the ARP sender; an IPv4 address in the first 4 bytes, the rest zero
	DstIP          [16]byte // [dst_ip] HasAddresses: destination, or the ARP target
	SrcMAC         [6]byte  // [src_mac] HasMAC
	DstMAC         [6]byte  // [dst_mac] HasDstMAC: not in a cooked capture, whose header names the sender alone
	EtherType      uint16   // [ether_type] HasEtherType: of the innermost header that names one, after VLAN tags
	VLANID         uint16   // [vlan_id] HasVLAN: 12-bit VID of the outermost tag (IEEE 802.1Q), 0 for a priority tag
	InnerVLANID    uint16   // [inner_vlan_id] HasInnerVLAN: VID of the second tag
	PPPoESession   uint16   // [pppoe_session] HasPPPoE: RFC 2516 §4 SESSION_ID
	FragmentOffset uint16   // [fragment_offset] HasFragment: bytes; the group is set on every fragment, the first one too
	SrcPort        uint16   // [src_port] HasPorts
	DstPort        uint16   // [dst_port] HasPorts
	WindowSize     uint16   // [window_size] HasTCP: raw, unscaled
	MSS            uint16   // [mss] HasMSS: RFC 9293 §3.7.1
	ARPOperation   uint16   // [arp_operation] HasARP: RFC 826 ar$op
	DNSType        uint16   // [dns_type] HasDNS: RFC 1035 §3.2.2 type that Name is asked for, or that the first answer has
	DNSAnswers     uint16   // [dns_answers] HasDNSResponse: ANCOUNT, RFC 1035 §4.1.1, the records that the message claims
	TLSVersion     uint16   // [tls_version] HasTLS: highest version that the ClientHello offers (RFC 8446 §4.2.1), 0x0304 is TLS 1.3
	WireSegments   uint16   // [wire_segments] more than 1: the host merged about this many wire segments into the frame (GRO, GSO); else 0
	Interface      uint8    // [interface] index into the recorder's table of interface names
	Direction      Direction
	IPVersion      uint8    // [ip_version] 4 or 6, without HasIP the form of the addresses alone; 0 when there is no IP header (ARP included)
	Protocol       uint8    // [protocol] HasProtocol: IP protocol number after IPv6 extension headers, and after AH
	TTL            uint8    // [ttl] HasIP: TTL or hop limit
	TrafficClass   uint8    // [traffic_class] HasIP: the whole byte, DSCP and ECN
	Flags          uint8    // [flags] HasTCP: CWR ECE URG ACK PSH RST SYN FIN, as in the header
	WindowScale    uint8    // [window_scale] HasWindowScale: RFC 7323 §2.2 shift count, raw
	TCPOptions     Options  // [tcp_options] HasTCPOptions: options that have no field of their own; never 0 when valid
	SACKBlocks     uint8    // [sack_blocks] HasSACK: RFC 2018 §3, blocks in the SACK option
	ICMPType       uint8    // [icmp_type] HasICMP: ICMP or ICMPv6 (MLD included)
	ICMPCode       uint8    // [icmp_code] HasICMP
	IGMPType       uint8    // [igmp_type] HasIGMP: RFC 9776 §4, the first byte
	VRRPID         uint8    // [vrrp_id] HasVRRP: RFC 9568 §5.2.3 virtual router identifier
	VRRPPriority   uint8    // [vrrp_priority] HasVRRP: RFC 9568 §5.2.4
	Tunnel         Tunnel   // [tunnel] HasTunnel: what the outermost IP packet carries another packet in
	NameKind       NameKind // [name_kind] HasName: what Name was read from
	DNSRCode       uint8    // [dns_rcode] HasDNSResponse: RFC 1035 §4.1.1, the header's 4 bits
	HTTPMethod     Method   // [http_method] HasHTTP: RFC 9110 §9; SSDP's too
	DHCPType       uint8    // [dhcp_type] HasDHCP: RFC 2132 §9.6 or, on ports 546 and 547, RFC 8415 §7.3
	NTPMode        uint8    // [ntp_mode] HasNTP: RFC 5905 §7.3, 3 bits
	DecodeError    Reason   // [decode_error] why decoding stopped early; 0 when it did not
}

// Inner is what a row keeps of the packet inside a tunnel or quoted by an ICMP error (RFC 792, RFC 4443 §3).
type Inner struct {
	SrcIP     [16]byte // [inner_src_ip] HasInner: in the form of Head.SrcIP
	DstIP     [16]byte // [inner_dst_ip] HasInner
	SrcPort   uint16   // [inner_src_port] HasInnerPorts
	DstPort   uint16   // [inner_dst_port] HasInnerPorts
	IPVersion uint8    // HasInner: 4 or 6, the form of the addresses
	Protocol  uint8    // [inner_protocol] HasInnerProtocol: after IPv6 extension headers, and after AH
}

// Name is a name of at most 255 bytes of printable ASCII, the space included. A byte that is not, and a
// backslash, stand as a backslash and three decimal digits, a dot inside a DNS label as a backslash and a dot
// (the master file form, RFC 1035 §5.1). The bytes behind Length are zero.
type Name struct {
	Length uint8
	Bytes  [255]byte
}

// ALPN is a list of protocol names in the form of Name.
type ALPN struct {
	Length uint8
	Bytes  [63]byte
}

// Addresses is up to 8 IP addresses.
type Addresses struct {
	List  [maxAnswers][16]byte // in the form of Head.SrcIP
	Count uint8
	Wide  uint8 // bit i: List[i] is an IPv6 address
}

// Address is one IP address.
type Address struct {
	IP      [16]byte // in the form of Head.SrcIP
	Version uint8    // 4 or 6
}

// Fields is a set of field groups.
type Fields uint64

// The groups of fields that are valid together.
const (
	HasMAC           Fields = 1 << iota // SrcMAC
	HasDstMAC                           // DstMAC
	HasEtherType                        // EtherType
	HasVLAN                             // VLANID
	HasInnerVLAN                        // InnerVLANID
	HasPPPoE                            // PPPoESession
	HasAddresses                        // SrcIP, DstIP
	HasIP                               // IPVersion, TTL, TrafficClass
	HasProtocol                         // Protocol
	HasIPID                             // IPID
	HasFragment                         // FragmentOffset
	HasPorts                            // SrcPort, DstPort
	HasTCP                              // SeqNumber, AckNumber, Flags, WindowSize
	HasMSS                              // MSS
	HasWindowScale                      // WindowScale
	HasTimestamps                       // TSValue, TSEcho
	HasICMP                             // ICMPType, ICMPCode
	HasARP                              // ARPOperation
	HasPayload                          // PayloadLength
	HasTCPOptions                       // TCPOptions
	HasSACK                             // SACKBlocks
	HasName                             // Name, NameKind
	HasTunnel                           // Tunnel
	HasInner                            // Inner: addresses and IP version
	HasInnerPorts                       // Inner: ports
	HasInnerProtocol                    // Inner: Protocol
	HasTunnelKey                        // TunnelKey
	HasSPI                              // SPI
	HasIGMP                             // IGMPType
	HasVRRP                             // VRRPID, VRRPPriority
	HasDNS                              // DNSType
	HasDNSResponse                      // DNSRCode, DNSAnswers
	HasAnswers                          // Answers, one at least
	HasTLS                              // TLSVersion
	HasALPN                             // ALPN
	HasHTTP                             // HTTPMethod
	HasDHCP                             // DHCPType
	HasAssigned                         // Assigned
	HasNTP                              // NTPMode

	AllFields = 1<<iota - 1 // every group
)

// long is the groups whose fields are not in Head.
const long = HasInner | HasInnerPorts | HasInnerProtocol | HasName | HasALPN | HasAnswers | HasAssigned

// Has reports whether every group of g is valid.
func (f Fields) Has(g Fields) bool { return f&g == g }

// Direction is the way a frame went, seen from the host; the values are those of sll_pkttype in packet(7).
type Direction uint8

// The directions.
const (
	In        Direction = 0 // PACKET_HOST: to us
	Broadcast Direction = 1 // PACKET_BROADCAST
	Multicast Direction = 2 // PACKET_MULTICAST
	Other     Direction = 3 // PACKET_OTHERHOST: to another host, seen in promiscuous mode
	Out       Direction = 4 // PACKET_OUTGOING: sent by us
	Unknown   Direction = 5 // a savefile that does not say
)

// LinkType is the kind of link header a frame begins with; the values are the LINKTYPE_ numbers of the
// pcap format (https://www.tcpdump.org/linktypes.html).
type LinkType uint16

// The link types that Decode knows.
const (
	LinkNull      LinkType = 0   // BSD loopback: 4 bytes of address family, the writer's byte order
	LinkEthernet  LinkType = 1   // Ethernet II and IEEE 802.3
	LinkPPP       LinkType = 9   // PPP, with or without the HDLC-like address and control bytes
	LinkRaw       LinkType = 101 // an IPv4 or IPv6 header, told apart by its version
	LinkLinuxSLL  LinkType = 113 // Linux cooked capture v1
	LinkIPv4      LinkType = 228 // an IPv4 header
	LinkIPv6      LinkType = 229 // an IPv6 header
	LinkLinuxSLL2 LinkType = 276 // Linux cooked capture v2
)

// Meta is what the kernel or the savefile says of a frame besides its bytes.
type Meta struct {
	Time       int64  // nanoseconds since the Unix epoch
	WireLength uint32 // bytes on the wire without a tag that the kernel took out (VLANTPID), as tp_len counts: Decode adds its 4 bytes
	LinkType   LinkType
	VLANTPID   uint16 // TPID of a tag that the kernel took out of the frame (0x8100, 0x88a8); 0: none
	VLANTCI    uint16 // its tag control information
	Interface  uint8
	Direction  Direction // Unknown: a cooked link header decides
}
