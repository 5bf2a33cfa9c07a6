package decode

import "time"

// Kind is the type of a column's values.
type Kind uint8

// The kinds. In JSON the unsigned numbers are numbers and all others strings.
const (
	KindTimestamp Kind = iota // RFC 3339 §5.6 in UTC with nine digits of the second
	KindText                  // a name
	KindMAC                   // six bytes as 00:53:00:ab:cd:ef
	KindAddress               // IPv4 as dotted decimal, IPv6 as in RFC 5952
	KindUint8
	KindUint16
	KindUint32
)

// IsNumber reports whether values of the kind are numbers.
func (k Kind) IsNumber() bool { return k >= KindUint8 }

// Column describes one field of the record in its outward forms.
type Column struct {
	Name   string // the field's one name in SQL, JSON and CSV
	Kind   Kind
	Group  Fields // absent unless the whole group is valid; 0: no group decides
	Unit   string // "" where the value has none
	Source string // where the meaning is laid down
}

// Columns is every field in the one order that CSV and JSON have. Besides what Group says, ip_version,
// wire_segments and decode_error are absent when they are 0, and dst_mac in a cooked capture.
var Columns = [...]Column{
	columnTime:           {"ts", KindTimestamp, 0, "", "kernel or savefile"},
	columnDevice:         {"device", KindText, 0, "", "configuration"},
	columnInterface:      {"interface", KindText, 0, "", "kernel or savefile"},
	columnDirection:      {"direction", KindText, 0, "", "packet(7) sll_pkttype"},
	columnWireLength:     {"wire_length", KindUint32, 0, "bytes", "kernel or savefile"},
	columnCapturedLength: {"captured_length", KindUint32, 0, "bytes", "kernel or savefile"},
	columnSrcMAC:         {"src_mac", KindMAC, HasMAC, "", "IEEE 802.3 §3.2"},
	columnDstMAC:         {"dst_mac", KindMAC, HasMAC, "", "IEEE 802.3 §3.2"},
	columnEtherType:      {"ether_type", KindUint16, HasEtherType, "", "IEEE 802.3 §3.2.6"},
	columnVLANID:         {"vlan_id", KindUint16, HasVLAN, "", "IEEE 802.1Q §9.6"},
	columnInnerVLANID:    {"inner_vlan_id", KindUint16, HasInnerVLAN, "", "IEEE 802.1Q §9.6"},
	columnPPPoESession:   {"pppoe_session", KindUint16, HasPPPoE, "", "RFC 2516 §4"},
	columnIPVersion:      {"ip_version", KindUint8, HasIP, "", "RFC 791 §3.1, RFC 8200 §3"},
	columnSrcIP:          {"src_ip", KindAddress, HasAddresses, "", "RFC 791 §3.1, RFC 8200 §3, RFC 826"},
	columnDstIP:          {"dst_ip", KindAddress, HasAddresses, "", "RFC 791 §3.1, RFC 8200 §3, RFC 826"},
	columnProtocol:       {"protocol", KindUint8, HasProtocol, "", "RFC 791 §3.1, RFC 8200 §4"},
	columnTTL:            {"ttl", KindUint8, HasIP, "hops", "RFC 791 §3.1, RFC 8200 §3"},
	columnTrafficClass:   {"traffic_class", KindUint8, HasIP, "", "RFC 2474 §3, RFC 3168 §5"},
	columnIPID:           {"ip_id", KindUint32, HasIPID, "", "RFC 6864, RFC 8200 §4.5"},
	columnFragmentOffset: {"fragment_offset", KindUint16, HasFragment, "bytes", "RFC 791 §3.1, RFC 8200 §4.5"},
	columnSrcPort:        {"src_port", KindUint16, HasPorts, "", "RFC 9293 §3.1, RFC 768"},
	columnDstPort:        {"dst_port", KindUint16, HasPorts, "", "RFC 9293 §3.1, RFC 768"},
	columnSeqNumber:      {"seq_number", KindUint32, HasTCP, "", "RFC 9293 §3.1"},
	columnAckNumber:      {"ack_number", KindUint32, HasTCP, "", "RFC 9293 §3.1"},
	columnFlags:          {"flags", KindUint8, HasTCP, "", "RFC 9293 §3.1"},
	columnWindowSize:     {"window_size", KindUint16, HasTCP, "unscaled", "RFC 9293 §3.1"},
	columnMSS:            {"mss", KindUint16, HasMSS, "bytes", "RFC 9293 §3.7.1"},
	columnWindowScale:    {"window_scale", KindUint8, HasWindowScale, "bits", "RFC 7323 §2.2"},
	columnTSValue:        {"ts_value", KindUint32, HasTimestamps, "", "RFC 7323 §3.2"},
	columnTSEcho:         {"ts_echo", KindUint32, HasTimestamps, "", "RFC 7323 §3.2"},
	columnPayloadLength:  {"payload_length", KindUint32, HasPayload, "bytes", "the IP and transport headers' own account"},
	columnICMPType:       {"icmp_type", KindUint8, HasICMP, "", "RFC 792, RFC 4443 §2.1"},
	columnICMPCode:       {"icmp_code", KindUint8, HasICMP, "", "RFC 792, RFC 4443 §2.1"},
	columnARPOperation:   {"arp_operation", KindUint16, HasARP, "", "RFC 826"},
	columnWireSegments:   {"wire_segments", KindUint16, 0, "frames", "an estimate of this package"},
	columnDecodeError:    {"decode_error", KindText, 0, "", "Reason"},
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
	columnPayloadLength
	columnICMPType
	columnICMPCode
	columnARPOperation
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
		if !p.HasDstMAC() {
			return dst
		}
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
