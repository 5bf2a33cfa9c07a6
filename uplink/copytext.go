package uplink

import (
	"math"
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
	"mss", "window_scale", "ts_value", "ts_echo", "payload_length",
	"icmp_type", "icmp_code", "arp_operation", "wire_segments", "decode_error",
}

// appendCopyText writes one row in PostgreSQL's COPY text format (PostgreSQL documentation, COPY, "Text
// Format"), its newline included. origin is the row's first two columns with their tabs: device and
// interface. It allocates nothing when dst has room.
func appendCopyText(dst []byte, p *decode.Packet, origin string) []byte {
	v := p.Valid
	dst = append(dst, origin...)
	dst = appendTimestamp(dst, p.Time)
	dst = number(dst, true, uint64(p.Direction))
	dst = length(dst, true, p.WireLength)
	dst = length(dst, true, p.CapturedLength)
	dst = mac(dst, v.Has(decode.HasMAC), &p.SrcMAC)
	dst = mac(dst, p.HasDstMAC(), &p.DstMAC)
	dst = number(dst, v.Has(decode.HasEtherType), uint64(p.EtherType))
	dst = number(dst, v.Has(decode.HasVLAN), uint64(p.VLANID))
	dst = number(dst, v.Has(decode.HasInnerVLAN), uint64(p.InnerVLANID))
	dst = number(dst, v.Has(decode.HasPPPoE), uint64(p.PPPoESession))
	dst = number(dst, v.Has(decode.HasIP), uint64(p.IPVersion))
	if v.Has(decode.HasAddresses) {
		dst = p.Source().AppendTo(append(dst, '\t'))
		dst = p.Destination().AppendTo(append(dst, '\t'))
	} else {
		dst = append(dst, "\t\\N\t\\N"...)
	}
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
	dst = length(dst, v.Has(decode.HasPayload), p.PayloadLength)
	dst = number(dst, v.Has(decode.HasICMP), uint64(p.ICMPType))
	dst = number(dst, v.Has(decode.HasICMP), uint64(p.ICMPCode))
	dst = number(dst, v.Has(decode.HasARP), uint64(p.ARPOperation))
	dst = number(dst, p.WireSegments > 1, uint64(p.WireSegments))
	if p.DecodeError != 0 {
		dst = append(append(dst, '\t'), p.DecodeError.String()...)
	} else {
		dst = append(dst, "\t\\N"...)
	}
	return append(dst, '\n')
}

func number(dst []byte, valid bool, v uint64) []byte {
	if !valid {
		return append(dst, "\t\\N"...)
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
		return append(dst, "\t\\N"...)
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
