package decode

import "time"

// Kind is the type of a column's values.
type Kind uint8

// The kinds. In JSON the unsigned numbers are numbers and all others strings.
const (
	KindTimestamp Kind = iota // RFC 3339 §5.6 in UTC with nine digits of the second
	KindText                  // a word of ours, or the name of a device or interface
	KindMAC                   // six bytes as 00:53:00:ab:cd:ef
	KindAddress               // IPv4 as dotted decimal, IPv6 as in RFC 5952
	KindString                // printable ASCII in the form of Name
	KindAddresses             // in JSON an array of addresses, in CSV with spaces between
	KindUint8
	KindUint16
	KindUint32
)

var kindNames = [...]string{KindTimestamp: "timestamp", KindText: "word", KindMAC: "MAC address", KindAddress: "IP address",
	KindString: "text", KindAddresses: "IP addresses", KindUint8: "8 bits", KindUint16: "16 bits", KindUint32: "32 bits"}

// String returns the kind in a word or two.
func (k Kind) String() string { return kindNames[k] }

// IsNumber reports whether values of the kind are numbers.
func (k Kind) IsNumber() bool { return k >= KindUint8 }

// Column describes one field of the record in its outward forms.
type Column struct {
	Name    string // the field's one name in SQL, JSON and CSV
	Kind    Kind
	Group   Fields // absent unless the whole group is valid; 0: no group decides
	Unit    string // "" where the value has none
	Meaning string // without the unit
	When    string // which packets have it
	Source  string // where the meaning is laid down
}

// Columns is every field in the one order that CSV and JSON have. Besides what Group says, ip_version,
// wire_segments and decode_error are absent when they are 0.
var Columns = [...]Column{
	columnTime: {"ts", KindTimestamp, 0, "",
		"time of receipt",
		"every frame", "kernel or savefile"},
	columnDevice: {"device", KindText, 0, "",
		"the device that recorded it",
		"every frame", "configuration"},
	columnInterface: {"interface", KindText, 0, "",
		"name of the interface, or of the file",
		"every frame", "kernel or savefile"},
	columnDirection: {"direction", KindText, 0, "",
		"in, out, broadcast, multicast, other (to another host) or unknown",
		"every frame", "packet(7) sll_pkttype"},
	columnWireLength: {"wire_length", KindUint32, 0, "bytes",
		"length on the wire, link header and VLAN tags included",
		"every frame", "kernel or savefile"},
	columnCapturedLength: {"captured_length", KindUint32, 0, "bytes",
		"length of what was captured of it",
		"every frame", "kernel or savefile"},
	columnSrcMAC: {"src_mac", KindMAC, HasMAC, "",
		"source MAC address",
		"Ethernet, cooked", "IEEE 802.3 §3.2"},
	columnDstMAC: {"dst_mac", KindMAC, HasDstMAC, "",
		"destination MAC address",
		"Ethernet", "IEEE 802.3 §3.2"},
	columnEtherType: {"ether_type", KindUint16, HasEtherType, "",
		"EtherType of the innermost header that names one, after VLAN tags",
		"Ethernet, cooked", "IEEE 802.3 §3.2.6"},
	columnVLANID: {"vlan_id", KindUint16, HasVLAN, "",
		"VID of the outermost tag, the one that the kernel took out included; 0 in a priority tag",
		"VLAN", "IEEE 802.1Q §9.6"},
	columnInnerVLANID: {"inner_vlan_id", KindUint16, HasInnerVLAN, "",
		"VID of the second tag",
		"QinQ", "IEEE 802.1Q §9.6"},
	columnPPPoESession: {"pppoe_session", KindUint16, HasPPPoE, "",
		"SESSION_ID",
		"PPPoE", "RFC 2516 §4"},
	columnIPVersion: {"ip_version", KindUint8, HasIP, "",
		"4 or 6",
		"IP", "RFC 791 §3.1, RFC 8200 §3"},
	columnSrcIP: {"src_ip", KindAddress, HasAddresses, "",
		"source address of the outermost IP header, or ARP's sender",
		"IP, ARP", "RFC 791 §3.1, RFC 8200 §3, RFC 826"},
	columnDstIP: {"dst_ip", KindAddress, HasAddresses, "",
		"destination address of the outermost IP header, or ARP's target",
		"IP, ARP", "RFC 791 §3.1, RFC 8200 §3, RFC 826"},
	columnProtocol: {"protocol", KindUint8, HasProtocol, "",
		"IP protocol number behind IPv6 extension headers and AH",
		"IP", "RFC 791 §3.1, RFC 8200 §4"},
	columnTTL: {"ttl", KindUint8, HasIP, "hops",
		"time to live or hop limit",
		"IP", "RFC 791 §3.1, RFC 8200 §3"},
	columnTrafficClass: {"traffic_class", KindUint8, HasIP, "",
		"the whole byte: DSCP and ECN",
		"IP", "RFC 2474 §3, RFC 3168 §5"},
	columnIPID: {"ip_id", KindUint32, HasIPID, "",
		"identification: 16 bits, in IPv6 32",
		"IPv4, IPv6 fragments", "RFC 6864, RFC 8200 §4.5"},
	columnFragmentOffset: {"fragment_offset", KindUint16, HasFragment, "bytes",
		"offset of this fragment, 0 in the first",
		"fragments", "RFC 791 §3.1, RFC 8200 §4.5"},
	columnSrcPort: {"src_port", KindUint16, HasPorts, "",
		"source port; not in later fragments",
		"TCP, UDP, UDP-Lite, SCTP, DCCP", "RFC 9293 §3.1, RFC 768"},
	columnDstPort: {"dst_port", KindUint16, HasPorts, "",
		"destination port; not in later fragments",
		"TCP, UDP, UDP-Lite, SCTP, DCCP", "RFC 9293 §3.1, RFC 768"},
	columnSeqNumber: {"seq_number", KindUint32, HasTCP, "",
		"sequence number, raw",
		"TCP", "RFC 9293 §3.1"},
	columnAckNumber: {"ack_number", KindUint32, HasTCP, "",
		"acknowledgment number, raw, also when ACK is not set",
		"TCP", "RFC 9293 §3.1"},
	columnFlags: {"flags", KindUint8, HasTCP, "",
		"1 FIN, 2 SYN, 4 RST, 8 PSH, 16 ACK, 32 URG, 64 ECE, 128 CWR",
		"TCP", "RFC 9293 §3.1"},
	columnWindowSize: {"window_size", KindUint16, HasTCP, "unscaled",
		"window, raw",
		"TCP", "RFC 9293 §3.1"},
	columnMSS: {"mss", KindUint16, HasMSS, "bytes",
		"maximum segment size",
		"TCP option", "RFC 9293 §3.7.1"},
	columnWindowScale: {"window_scale", KindUint8, HasWindowScale, "bits",
		"shift count",
		"TCP option", "RFC 7323 §2.2"},
	columnTSValue: {"ts_value", KindUint32, HasTimestamps, "",
		"timestamp value",
		"TCP option", "RFC 7323 §3.2"},
	columnTSEcho: {"ts_echo", KindUint32, HasTimestamps, "",
		"timestamp echo reply",
		"TCP option", "RFC 7323 §3.2"},
	columnTCPOptions: {"tcp_options", KindUint8, HasTCPOptions, "",
		"1 SACK permitted, 2 fast open, 4 MD5 signature, 8 TCP-AO, 16 MPTCP; absent without any of them",
		"TCP options", "RFC 2018 §2, RFC 7413 §4.1.1, RFC 2385 §3, RFC 5925 §2.2, RFC 8684 §3"},
	columnSACKBlocks: {"sack_blocks", KindUint8, HasSACK, "blocks",
		"blocks in the SACK option",
		"TCP option", "RFC 2018 §3"},
	columnPayloadLength: {"payload_length", KindUint32, HasPayload, "bytes",
		"bytes behind the transport header, by the headers' own account; of other protocols, behind the IP headers",
		"IP", "the IP and transport headers' own account"},
	columnICMPType: {"icmp_type", KindUint8, HasICMP, "",
		"type",
		"ICMP, ICMPv6, MLD", "RFC 792, RFC 4443 §2.1"},
	columnICMPCode: {"icmp_code", KindUint8, HasICMP, "",
		"code",
		"ICMP, ICMPv6, MLD", "RFC 792, RFC 4443 §2.1"},
	columnIGMPType: {"igmp_type", KindUint8, HasIGMP, "",
		"type",
		"IGMP", "RFC 9776 §4"},
	columnVRRPID: {"vrrp_id", KindUint8, HasVRRP, "",
		"virtual router identifier; CARP, of the same protocol number, has its own there",
		"VRRP", "RFC 9568 §5.2.3"},
	columnVRRPPriority: {"vrrp_priority", KindUint8, HasVRRP, "",
		"priority",
		"VRRP", "RFC 9568 §5.2.4"},
	columnSPI: {"spi", KindUint32, HasSPI, "",
		"security parameters index, the first",
		"ESP, also in UDP port 4500, AH", "RFC 4303 §2.1, RFC 4302 §2.4, RFC 3948 §2.1"},
	columnARPOperation: {"arp_operation", KindUint16, HasARP, "",
		"1 request, 2 reply, 3 reverse request, 4 reverse reply",
		"ARP, RARP", "RFC 826"},
	columnTunnel: {"tunnel", KindText, HasTunnel, "",
		"ipip, 6in4, 4in6, 6in6, gre, vxlan, geneve, gtp-u, l2tp, wireguard or teredo",
		"tunnels", "RFC 2003, RFC 4213, RFC 2473, RFC 2784, RFC 7348, RFC 8926, 3GPP TS 29.281, RFC 2661, RFC 3931, RFC 4380"},
	columnTunnelKey: {"tunnel_key", KindUint32, HasTunnelKey, "",
		"GRE key (PPTP: call id), VXLAN or GENEVE network identifier, GTP-U TEID, L2TP session id",
		"tunnels", "RFC 2890 §2.1, RFC 7348 §5, RFC 8926 §3.4, 3GPP TS 29.281 §5.1, RFC 2661 §3.1"},
	columnInnerSrcIP: {"inner_src_ip", KindAddress, HasInner, "",
		"source address of the packet inside, or of the one quoted",
		"tunnels, ICMP errors", "RFC 2003, RFC 4213, RFC 792, RFC 4443 §3"},
	columnInnerDstIP: {"inner_dst_ip", KindAddress, HasInner, "",
		"destination address of the packet inside, or of the one quoted",
		"tunnels, ICMP errors", "RFC 2003, RFC 4213, RFC 792, RFC 4443 §3"},
	columnInnerProtocol: {"inner_protocol", KindUint8, HasInnerProtocol, "",
		"IP protocol number of the packet inside, behind IPv6 extension headers and AH",
		"tunnels, ICMP errors", "RFC 791 §3.1, RFC 8200 §4"},
	columnInnerSrcPort: {"inner_src_port", KindUint16, HasInnerPorts, "",
		"source port of the packet inside",
		"tunnels, ICMP errors", "RFC 9293 §3.1, RFC 768"},
	columnInnerDstPort: {"inner_dst_port", KindUint16, HasInnerPorts, "",
		"destination port of the packet inside",
		"tunnels, ICMP errors", "RFC 9293 §3.1, RFC 768"},
	columnName: {"name", KindString, HasName, "",
		"the name as sent, printable ASCII; another byte is a backslash and three digits; of more than 255 bytes the beginning",
		"see name_kind", "RFC 1035 §3.1, RFC 6066 §3, RFC 9110 §7.2, RFC 2132 §3.14, RFC 4704, IEEE 802.1AB §8.5.6"},
	columnNameKind: {"name_kind", KindText, HasName, "",
		"dns, mdns, llmnr (question, or else the first answer's owner), tls, quic (server name), http (Host), dhcp, dhcpv6 (client), ssdp (ST or NT), lldp (system) or cdp (device)",
		"names", "RFC 1035, RFC 6762, RFC 4795, RFC 6066, RFC 9001, RFC 9110, RFC 2132, RFC 4704, UPnP Device Architecture 2.0, IEEE 802.1AB"},
	columnDNSType: {"dns_type", KindUint16, HasDNS, "",
		"type of the question, or of the first answer when there is no question",
		"DNS, mDNS, LLMNR", "RFC 1035 §3.2.2"},
	columnDNSRCode: {"dns_rcode", KindUint8, HasDNSResponse, "",
		"response code",
		"DNS, mDNS, LLMNR responses", "RFC 1035 §4.1.1"},
	columnDNSAnswers: {"dns_answers", KindUint16, HasDNSResponse, "records",
		"records in the answer section, by the header",
		"DNS, mDNS, LLMNR responses", "RFC 1035 §4.1.1"},
	columnDNSAddresses: {"dns_addresses", KindAddresses, HasAnswers, "",
		"addresses of A and AAAA records, at most 8, from the first 16 answers or fewer when their names are long",
		"DNS, mDNS, LLMNR responses", "RFC 1035 §3.4.1, RFC 3596 §2.2"},
	columnTLSVersion: {"tls_version", KindUint16, HasTLS, "",
		"highest of the first 16 versions offered: 769 TLS 1.0, 770 TLS 1.1, 771 TLS 1.2, 772 TLS 1.3",
		"ClientHello, in QUIC too", "RFC 8446 §4.2.1"},
	columnALPN: {"alpn", KindString, HasALPN, "",
		"protocols offered, with commas between; those behind the 8th or beyond 63 bytes are left out",
		"ClientHello, in QUIC too", "RFC 7301 §3.1"},
	columnHTTPMethod: {"http_method", KindText, HasHTTP, "",
		"method of the request",
		"HTTP/1, SSDP", "RFC 9110 §9"},
	columnDHCPType: {"dhcp_type", KindUint8, HasDHCP, "",
		"message type; of a relayed DHCPv6 message that of the relay's",
		"DHCPv4, DHCPv6", "RFC 2132 §9.6, RFC 8415 §7.3"},
	columnAssignedIP: {"assigned_ip", KindAddress, HasAssigned, "",
		"address that the server gives; of a DHCPv6 answer the first address or delegated prefix",
		"DHCPv4, DHCPv6", "RFC 2131 §2, RFC 8415 §21.6, §21.22"},
	columnNTPMode: {"ntp_mode", KindUint8, HasNTP, "",
		"association mode: 1, 2 symmetric, 3 client, 4 server, 5 broadcast, 6 control, 7 private",
		"NTP", "RFC 5905 §7.3"},
	columnWireSegments: {"wire_segments", KindUint16, 0, "frames",
		"about how many segments on the wire the host merged into this frame (GRO, GSO)",
		"merged frames", "an estimate of this package"},
	columnDecodeError: {"decode_error", KindText, 0, "",
		"why decoding stopped; the fields before that point are there",
		"frames that lie or are cut", "sniffer fields --reasons"},
}

// The positions in Columns.
const (
	columnTime = iota
	columnDevice
	columnInterface
	columnDirection
	columnWireLength
	columnCapturedLength
	columnSrcMAC
	columnDstMAC
	columnEtherType
	columnVLANID
	columnInnerVLANID
	columnPPPoESession
	columnIPVersion
	columnSrcIP
	columnDstIP
	columnProtocol
	columnTTL
	columnTrafficClass
	columnIPID
	columnFragmentOffset
	columnSrcPort
	columnDstPort
	columnSeqNumber
	columnAckNumber
	columnFlags
	columnWindowSize
	columnMSS
	columnWindowScale
	columnTSValue
	columnTSEcho
	columnTCPOptions
	columnSACKBlocks
	columnPayloadLength
	columnICMPType
	columnICMPCode
	columnIGMPType
	columnVRRPID
	columnVRRPPriority
	columnSPI
	columnARPOperation
	columnTunnel
	columnTunnelKey
	columnInnerSrcIP
	columnInnerDstIP
	columnInnerProtocol
	columnInnerSrcPort
	columnInnerDstPort
	columnName
	columnNameKind
	columnDNSType
	columnDNSRCode
	columnDNSAnswers
	columnDNSAddresses
	columnTLSVersion
	columnALPN
	columnHTTPMethod
	columnDHCPType
	columnAssignedIP
	columnNTPMode
	columnWireSegments
	columnDecodeError
)

// appendColumn appends the value of column i as text without quotes, nothing when it is absent.
func (p *Packet) appendColumn(dst []byte, i int) []byte {
	if !p.Valid.Has(Columns[i].Group) {
		return dst
	}
	switch i {
	case columnTime:
		return time.Unix(0, p.Time).UTC().AppendFormat(dst, "2006-01-02T15:04:05.000000000Z07:00")
	case columnDirection:
		return append(dst, p.Direction.String()...)
	case columnWireLength:
		return appendUint(dst, p.WireLength)
	case columnCapturedLength:
		return appendUint(dst, p.CapturedLength)
	case columnSrcMAC:
		return appendMAC(dst, &p.SrcMAC)
	case columnDstMAC:
		return appendMAC(dst, &p.DstMAC)
	case columnEtherType:
		return appendUint(dst, p.EtherType)
	case columnVLANID:
		return appendUint(dst, p.VLANID)
	case columnInnerVLANID:
		return appendUint(dst, p.InnerVLANID)
	case columnPPPoESession:
		return appendUint(dst, p.PPPoESession)
	case columnIPVersion:
		if p.IPVersion == 0 {
			return dst
		}
		return appendUint(dst, p.IPVersion)
	case columnSrcIP:
		return p.Source().AppendTo(dst)
	case columnDstIP:
		return p.Destination().AppendTo(dst)
	case columnProtocol:
		return appendUint(dst, p.Protocol)
	case columnTTL:
		return appendUint(dst, p.TTL)
	case columnTrafficClass:
		return appendUint(dst, p.TrafficClass)
	case columnIPID:
		return appendUint(dst, p.IPID)
	case columnFragmentOffset:
		return appendUint(dst, p.FragmentOffset)
	case columnSrcPort:
		return appendUint(dst, p.SrcPort)
	case columnDstPort:
		return appendUint(dst, p.DstPort)
	case columnSeqNumber:
		return appendUint(dst, p.SeqNumber)
	case columnAckNumber:
		return appendUint(dst, p.AckNumber)
	case columnFlags:
		return appendUint(dst, p.Flags)
	case columnWindowSize:
		return appendUint(dst, p.WindowSize)
	case columnMSS:
		return appendUint(dst, p.MSS)
	case columnWindowScale:
		return appendUint(dst, p.WindowScale)
	case columnTSValue:
		return appendUint(dst, p.TSValue)
	case columnTSEcho:
		return appendUint(dst, p.TSEcho)
	case columnPayloadLength:
		return appendUint(dst, p.PayloadLength)
	case columnICMPType:
		return appendUint(dst, p.ICMPType)
	case columnICMPCode:
		return appendUint(dst, p.ICMPCode)
	case columnARPOperation:
		return appendUint(dst, p.ARPOperation)
	case columnTCPOptions:
		return appendUint(dst, uint8(p.TCPOptions))
	case columnSACKBlocks:
		return appendUint(dst, p.SACKBlocks)
	case columnIGMPType:
		return appendUint(dst, p.IGMPType)
	case columnVRRPID:
		return appendUint(dst, p.VRRPID)
	case columnVRRPPriority:
		return appendUint(dst, p.VRRPPriority)
	case columnSPI:
		return appendUint(dst, p.SPI)
	case columnTunnel:
		return append(dst, p.Tunnel.String()...)
	case columnTunnelKey:
		return appendUint(dst, p.TunnelKey)
	case columnInnerSrcIP:
		return p.Inner.Source().AppendTo(dst)
	case columnInnerDstIP:
		return p.Inner.Destination().AppendTo(dst)
	case columnInnerProtocol:
		return appendUint(dst, p.Inner.Protocol)
	case columnInnerSrcPort:
		return appendUint(dst, p.Inner.SrcPort)
	case columnInnerDstPort:
		return appendUint(dst, p.Inner.DstPort)
	case columnName:
		return append(dst, p.Name.Text()...)
	case columnNameKind:
		return append(dst, p.NameKind.String()...)
	case columnDNSType:
		return appendUint(dst, p.DNSType)
	case columnDNSRCode:
		return appendUint(dst, p.DNSRCode)
	case columnDNSAnswers:
		return appendUint(dst, p.DNSAnswers)
	case columnDNSAddresses:
		return p.Answers.appendTo(dst, ' ')
	case columnTLSVersion:
		return appendUint(dst, p.TLSVersion)
	case columnALPN:
		return append(dst, p.ALPN.Text()...)
	case columnHTTPMethod:
		return append(dst, p.HTTPMethod.String()...)
	case columnDHCPType:
		return appendUint(dst, p.DHCPType)
	case columnAssignedIP:
		return p.Assigned.Addr().AppendTo(dst)
	case columnNTPMode:
		return appendUint(dst, p.NTPMode)
	case columnWireSegments:
		if p.WireSegments == 0 {
			return dst
		}
		return appendUint(dst, p.WireSegments)
	case columnDecodeError:
		if p.DecodeError == NoReason {
			return dst
		}
		return append(dst, p.DecodeError.String()...)
	}
	return dst
}
