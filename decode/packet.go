// Package decode turns one frame into one flat Packet value.
//
// Decode never fails: a short, wrong or unknown frame is still a packet, with every field that could be
// read before the frame stopped making sense, and a Reason that says why decoding stopped. It allocates
// nothing, keeps no reference to the frame and never reads a byte that the headers in front of it do not
// claim (Ethernet padding is not payload).
package decode

// Packet is the metadata of one frame: a flat value without pointers, owned and reused by the caller.
//
// A field that belongs to a group is meaningful only when the group's bit is set in Valid; otherwise it
// is zero. The name in brackets is the field's one name in SQL, JSON and CSV.
type Packet struct {
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
	SrcIP          [16]byte // [src_ip] HasAddresses: source, or the ARP sender; an IPv4 address in the first 4 bytes, the rest zero
	DstIP          [16]byte // [dst_ip] HasAddresses: destination, or the ARP target
	SrcMAC         [6]byte  // [src_mac] HasMAC
	DstMAC         [6]byte  // [dst_mac] HasMAC; zero in a cooked capture, whose header names the sender alone
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
	WireSegments   uint16   // [wire_segments] more than 1: the host merged about this many wire segments into the frame (GRO, GSO); else 0
	Interface      uint8    // [interface] index into the recorder's table of interface names
	Direction      Direction
	IPVersion      uint8  // [ip_version] 4 or 6; 0 when there is no IP header (ARP included)
	Protocol       uint8  // [protocol] HasProtocol: IP protocol number after extension headers
	TTL            uint8  // [ttl] HasIP: TTL or hop limit
	TrafficClass   uint8  // [traffic_class] HasIP: the whole byte, DSCP and ECN
	Flags          uint8  // [flags] HasTCP: CWR ECE URG ACK PSH RST SYN FIN, as in the header
	WindowScale    uint8  // [window_scale] HasWindowScale: RFC 7323 §2.2 shift count, raw
	ICMPType       uint8  // [icmp_type] HasICMP: ICMP or ICMPv6
	ICMPCode       uint8  // [icmp_code] HasICMP
	DecodeError    Reason // [decode_error] why decoding stopped early; 0 when it did not
}

// Fields is a set of field groups.
type Fields uint32

// The groups of fields that are valid together.
const (
	HasMAC         Fields = 1 << iota // SrcMAC, DstMAC
	HasEtherType                      // EtherType
	HasVLAN                           // VLANID
	HasInnerVLAN                      // InnerVLANID
	HasPPPoE                          // PPPoESession
	HasAddresses                      // SrcIP, DstIP
	HasIP                             // IPVersion, TTL, TrafficClass
	HasProtocol                       // Protocol
	HasIPID                           // IPID
	HasFragment                       // FragmentOffset
	HasPorts                          // SrcPort, DstPort
	HasTCP                            // SeqNumber, AckNumber, Flags, WindowSize
	HasMSS                            // MSS
	HasWindowScale                    // WindowScale
	HasTimestamps                     // TSValue, TSEcho
	HasICMP                           // ICMPType, ICMPCode
	HasARP                            // ARPOperation
	HasPayload                        // PayloadLength
)

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
