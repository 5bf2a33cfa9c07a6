package uplink

import (
	"math"
	"net/netip"
	"strconv"
	"time"

	"network-sniffer/decode"
)

// copyColumns are the columns of sniffer.packets in the order of appendCopyText.
var copyColumns = [...]string{
	"device_id", "interface", "ts", "direction", "wire_length", "captured_length",
	"src_mac", "dst_mac", "ether_type", "vlan_id", "inner_vlan_id", "pppoe_session",
	"ip_version", "src_ip", "dst_ip", "protocol", "ttl", "traffic_class", "ip_id", "fragment_offset",
	"src_port", "dst_port", "seq_number", "ack_number", "flags", "window_size",
	"mss", "window_scale", "ts_value", "ts_echo", "tcp_options", "sack_blocks", "payload_length",
	"icmp_type", "icmp_code", "igmp_type", "vrrp_id", "vrrp_priority", "spi", "arp_operation",
	"tunnel", "tunnel_key", "inner_src_ip", "inner_dst_ip", "inner_protocol", "inner_src_port", "inner_dst_port",
	"name", "name_kind", "dns_type", "dns_rcode", "dns_answers", "dns_addresses", "tls_version", "alpn", "http_method",
	"dhcp_type", "assigned_ip", "ntp_mode", "wire_segments", "decode_error",
}

// appendCopyText writes one row in PostgreSQL's COPY text format (PostgreSQL documentation, COPY, "Text
// Format") with nothing for an absent value, its newline included. origin is the row's first two columns with
// their tabs: device and interface. It allocates nothing when dst has room.
func appendCopyText(dst []byte, p *decode.Packet, origin string) []byte {
	v := p.Valid
	dst = append(dst, origin...)
	dst = appendTimestamp(dst, p.Time)
	dst = number(dst, true, uint64(p.Direction))
	dst = length(dst, true, p.WireLength)
	dst = length(dst, true, p.CapturedLength)
	dst = mac(dst, v.Has(decode.HasMAC), &p.SrcMAC)
	dst = mac(dst, v.Has(decode.HasDstMAC), &p.DstMAC)
	dst = number(dst, v.Has(decode.HasEtherType), uint64(p.EtherType))
	dst = number(dst, v.Has(decode.HasVLAN), uint64(p.VLANID))
	dst = number(dst, v.Has(decode.HasInnerVLAN), uint64(p.InnerVLANID))
	dst = number(dst, v.Has(decode.HasPPPoE), uint64(p.PPPoESession))
	dst = number(dst, v.Has(decode.HasIP), uint64(p.IPVersion))
	dst = address(dst, v.Has(decode.HasAddresses), p.Source())
	dst = address(dst, v.Has(decode.HasAddresses), p.Destination())
	dst = number(dst, v.Has(decode.HasProtocol), uint64(p.Protocol))
	dst = number(dst, v.Has(decode.HasIP), uint64(p.TTL))
	dst = number(dst, v.Has(decode.HasIP), uint64(p.TrafficClass))
	dst = number(dst, v.Has(decode.HasIPID), uint64(p.IPID))
	dst = number(dst, v.Has(decode.HasFragment), uint64(p.FragmentOffset))
	dst = number(dst, v.Has(decode.HasPorts), uint64(p.SrcPort))
	dst = number(dst, v.Has(decode.HasPorts), uint64(p.DstPort))
	tcp := v.Has(decode.HasTCP)
	dst = number(dst, tcp, uint64(p.SeqNumber))
	dst = number(dst, tcp, uint64(p.AckNumber))
	dst = number(dst, tcp, uint64(p.Flags))
	dst = number(dst, tcp, uint64(p.WindowSize))
	dst = number(dst, v.Has(decode.HasMSS), uint64(p.MSS))
	dst = number(dst, v.Has(decode.HasWindowScale), uint64(p.WindowScale))
	dst = number(dst, v.Has(decode.HasTimestamps), uint64(p.TSValue))
	dst = number(dst, v.Has(decode.HasTimestamps), uint64(p.TSEcho))
	dst = number(dst, v.Has(decode.HasTCPOptions), uint64(p.TCPOptions))
	dst = number(dst, v.Has(decode.HasSACK), uint64(p.SACKBlocks))
	dst = length(dst, v.Has(decode.HasPayload), p.PayloadLength)
	dst = number(dst, v.Has(decode.HasICMP), uint64(p.ICMPType))
	dst = number(dst, v.Has(decode.HasICMP), uint64(p.ICMPCode))
	dst = number(dst, v.Has(decode.HasIGMP), uint64(p.IGMPType))
	dst = number(dst, v.Has(decode.HasVRRP), uint64(p.VRRPID))
	dst = number(dst, v.Has(decode.HasVRRP), uint64(p.VRRPPriority))
	dst = number(dst, v.Has(decode.HasSPI), uint64(p.SPI))
	dst = number(dst, v.Has(decode.HasARP), uint64(p.ARPOperation))
	if v&^common == 0 {
		dst = append(dst, withoutDetail...)
	} else {
		dst = appendDetail(dst, p)
	}
	dst = number(dst, p.WireSegments > 1, uint64(p.WireSegments))
	if p.DecodeError != 0 {
		dst = append(append(dst, '\t'), p.DecodeError.String()...)
	} else {
		dst = append(dst, '\t')
	}
	return append(dst, '\n')
}

// withoutDetail is what appendDetail writes of a packet that has none of it, as most have not.
var withoutDetail = string(appendDetail(nil, new(decode.Packet)))

// common is the groups that appendDetail does not write.
const common = decode.HasMAC | decode.HasDstMAC | decode.HasEtherType | decode.HasVLAN | decode.HasInnerVLAN | decode.HasPPPoE | decode.HasAddresses |
	decode.HasIP | decode.HasProtocol | decode.HasIPID | decode.HasFragment | decode.HasPorts | decode.HasTCP | decode.HasMSS |
	decode.HasWindowScale | decode.HasTimestamps | decode.HasTCPOptions | decode.HasSACK | decode.HasPayload | decode.HasICMP |
	decode.HasIGMP | decode.HasVRRP | decode.HasSPI | decode.HasARP

// appendDetail writes the columns from tunnel to ntp_mode.
func appendDetail(dst []byte, p *decode.Packet) []byte {
	v := p.Valid
	dst = number(dst, v.Has(decode.HasTunnel), uint64(p.Tunnel))
	dst = number(dst, v.Has(decode.HasTunnelKey), uint64(p.TunnelKey))
	dst = address(dst, v.Has(decode.HasInner), p.Inner.Source())
	dst = address(dst, v.Has(decode.HasInner), p.Inner.Destination())
	dst = number(dst, v.Has(decode.HasInnerProtocol), uint64(p.Inner.Protocol))
	dst = number(dst, v.Has(decode.HasInnerPorts), uint64(p.Inner.SrcPort))
	dst = number(dst, v.Has(decode.HasInnerPorts), uint64(p.Inner.DstPort))
	dst = name(dst, v.Has(decode.HasName), p.Name.Text())
	dst = number(dst, v.Has(decode.HasName), uint64(p.NameKind))
	dst = number(dst, v.Has(decode.HasDNS), uint64(p.DNSType))
	dst = number(dst, v.Has(decode.HasDNSResponse), uint64(p.DNSRCode))
	dst = number(dst, v.Has(decode.HasDNSResponse), uint64(p.DNSAnswers))
	dst = addresses(dst, v.Has(decode.HasAnswers), &p.Answers)
	dst = number(dst, v.Has(decode.HasTLS), uint64(p.TLSVersion))
	dst = name(dst, v.Has(decode.HasALPN), p.ALPN.Text())
	dst = number(dst, v.Has(decode.HasHTTP), uint64(p.HTTPMethod))
	dst = number(dst, v.Has(decode.HasDHCP), uint64(p.DHCPType))
	dst = address(dst, v.Has(decode.HasAssigned), p.Assigned.Addr())
	return number(dst, v.Has(decode.HasNTP), uint64(p.NTPMode))
}

func address(dst []byte, valid bool, a netip.Addr) []byte {
	if !valid {
		return append(dst, '\t')
	}
	return a.AppendTo(append(dst, '\t'))
}

// addresses writes an array (PostgreSQL documentation, "Array Value Input"); an address needs no quotes in it.
func addresses(dst []byte, valid bool, a *decode.Addresses) []byte {
	if !valid {
		return append(dst, '\t')
	}
	dst = append(dst, "\t{"...)
	for i := range int(a.Count) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = a.At(i).AppendTo(dst)
	}
	return append(dst, '}')
}

// name writes printable ASCII, of which COPY text gives a meaning to the backslash alone.
func name(dst []byte, valid bool, text []byte) []byte {
	if !valid {
		return append(dst, '\t')
	}
	dst = append(dst, '\t')
	for _, c := range text {
		if c == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	return dst
}

func number(dst []byte, valid bool, v uint64) []byte {
	if !valid {
		return append(dst, '\t')
	}
	return strconv.AppendUint(append(dst, '\t'), v, 10)
}

// length fits a length into the column's 31 bits. Only a savefile can claim more; a row that the database
// refuses would hold up all the rows behind it.
func length(dst []byte, valid bool, v uint32) []byte {
	return number(dst, valid, uint64(min(v, math.MaxInt32)))
}

func mac(dst []byte, valid bool, m *[6]byte) []byte {
	if !valid {
		return append(dst, '\t')
	}
	const hex = "0123456789abcdef"
	dst = append(dst, '\t')
	for _, b := range m {
		dst = append(dst, hex[b>>4], hex[b&15])
	}
	return dst
}

// appendTimestamp writes the time in UTC with PostgreSQL's microseconds, cut, not rounded: a row never
// moves into the next day's partition.
func appendTimestamp(dst []byte, ns int64) []byte {
	t := time.Unix(0, ns).UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	dst = digits(dst, year, 4)
	dst = digits(append(dst, '-'), int(month), 2)
	dst = digits(append(dst, '-'), day, 2)
	dst = digits(append(dst, ' '), hour, 2)
	dst = digits(append(dst, ':'), minute, 2)
	dst = digits(append(dst, ':'), second, 2)
	dst = digits(append(dst, '.'), t.Nanosecond()/1000, 6)
	return append(dst, "+00"...)
}

// digits writes v with leading zeros. An int64 of nanoseconds ends in 2262, so the year has four digits.
func digits(dst []byte, v, width int) []byte {
	var b [6]byte
	for i := width - 1; i >= 0; i-- {
		b[i] = byte('0' + v%10)
		v /= 10
	}
	return append(dst, b[:width]...)
}

// appendCopyString writes a text value with the characters escaped that COPY text gives a meaning.
func appendCopyString(dst []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; c {
		case '\\':
			dst = append(dst, `\\`...)
		case '\t':
			dst = append(dst, `\t`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
