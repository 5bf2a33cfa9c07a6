package uplink

import (
	"math"
	"net/netip"
	"strconv"
	"time"

	"network-sniffer/decode"
)

// appendTextRow writes one row of a class in PostgreSQL's COPY text format (PostgreSQL documentation, COPY, "Text
// Format") with nothing for an absent value, its newline included. origin is the row's first two columns with
// their tabs: device and interface. It allocates nothing when dst has room.
func appendTextRow(dst []byte, class rowClass, p *decode.Packet, origin string) []byte {
	dst = appendCommonText(dst, p, origin)
	if class == rareRow {
		dst = appendRareText(dst, p)
	}
	return append(dst, '\n')
}

// appendCommonText writes commonColumns.
func appendCommonText(dst []byte, p *decode.Packet, origin string) []byte {
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
	dst = number(dst, v.Has(decode.HasPPPoE), uint64(p.PPPoESession))
	dst = address(dst, v.Has(decode.HasAddresses), p.Source())
	dst = address(dst, v.Has(decode.HasAddresses), p.Destination())
	dst = number(dst, v.Has(decode.HasIP), uint64(p.IPVersion))
	dst = number(dst, v.Has(decode.HasIP), uint64(p.TTL))
	dst = number(dst, v.Has(decode.HasIP), uint64(p.TrafficClass))
	dst = number(dst, v.Has(decode.HasProtocol), uint64(p.Protocol))
	dst = number(dst, v.Has(decode.HasIPID), uint64(p.IPID))
	dst = number(dst, v.Has(decode.HasPorts), uint64(p.SrcPort))
	dst = number(dst, v.Has(decode.HasPorts), uint64(p.DstPort))
	tcp := v.Has(decode.HasTCP)
	dst = number(dst, tcp, uint64(p.SeqNumber))
	dst = number(dst, tcp, uint64(p.AckNumber))
	dst = number(dst, tcp, uint64(p.Flags))
	dst = number(dst, tcp, uint64(p.WindowSize))
	dst = number(dst, v.Has(decode.HasTimestamps), uint64(p.TSValue))
	dst = number(dst, v.Has(decode.HasTimestamps), uint64(p.TSEcho))
	dst = length(dst, v.Has(decode.HasPayload), p.PayloadLength)
	return number(dst, p.WireSegments > 1, uint64(p.WireSegments))
}

// appendRareText writes rareColumns.
func appendRareText(dst []byte, p *decode.Packet) []byte {
	v := p.Valid
	dst = number(dst, v.Has(decode.HasInnerVLAN), uint64(p.InnerVLANID))
	dst = number(dst, v.Has(decode.HasFragment), uint64(p.FragmentOffset))
	dst = number(dst, v.Has(decode.HasMSS), uint64(p.MSS))
	dst = number(dst, v.Has(decode.HasWindowScale), uint64(p.WindowScale))
	dst = number(dst, v.Has(decode.HasICMP), uint64(p.ICMPType))
	dst = number(dst, v.Has(decode.HasICMP), uint64(p.ICMPCode))
	dst = number(dst, v.Has(decode.HasARP), uint64(p.ARPOperation))
	dst = number(dst, v.Has(decode.HasTCPOptions), uint64(p.TCPOptions))
	dst = number(dst, v.Has(decode.HasSACK), uint64(p.SACKBlocks))
	dst = number(dst, v.Has(decode.HasName), uint64(p.NameKind))
	dst = name(dst, v.Has(decode.HasName), p.Name.Text())
	dst = number(dst, v.Has(decode.HasTunnel), uint64(p.Tunnel))
	dst = address(dst, v.Has(decode.HasInner), p.Inner.Source())
	dst = address(dst, v.Has(decode.HasInner), p.Inner.Destination())
	dst = number(dst, v.Has(decode.HasInnerPorts), uint64(p.Inner.SrcPort))
	dst = number(dst, v.Has(decode.HasInnerPorts), uint64(p.Inner.DstPort))
	dst = number(dst, v.Has(decode.HasInnerProtocol), uint64(p.Inner.Protocol))
	dst = number(dst, v.Has(decode.HasTunnelKey), uint64(p.TunnelKey))
	dst = number(dst, v.Has(decode.HasSPI), uint64(p.SPI))
	dst = number(dst, v.Has(decode.HasIGMP), uint64(p.IGMPType))
	dst = number(dst, v.Has(decode.HasVRRP), uint64(p.VRRPID))
	dst = number(dst, v.Has(decode.HasVRRP), uint64(p.VRRPPriority))
	dst = number(dst, v.Has(decode.HasDNS), uint64(p.DNSType))
	dst = number(dst, v.Has(decode.HasDNSResponse), uint64(p.DNSRCode))
	dst = number(dst, v.Has(decode.HasDNSResponse), uint64(p.DNSAnswers))
	dst = addresses(dst, v.Has(decode.HasAnswers), &p.Answers)
	dst = number(dst, v.Has(decode.HasTLS), uint64(p.TLSVersion))
	dst = name(dst, v.Has(decode.HasALPN), p.ALPN.Text())
	dst = number(dst, v.Has(decode.HasHTTP), uint64(p.HTTPMethod))
	dst = number(dst, v.Has(decode.HasDHCP), uint64(p.DHCPType))
	dst = address(dst, v.Has(decode.HasAssigned), p.Assigned.Addr())
	dst = number(dst, v.Has(decode.HasNTP), uint64(p.NTPMode))
	dst = append(dst, '\t')
	if p.DecodeError != 0 {
		dst = append(dst, p.DecodeError.String()...)
	}
	return dst
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
	us := t.Nanosecond() / 1000
	// An int64 of nanoseconds begins in 1677 and ends in 2262, so the year has four digits.
	dst = twoDigits(twoDigits(dst, year/100), year%100)
	dst = twoDigits(append(dst, '-'), int(month))
	dst = twoDigits(append(dst, '-'), day)
	dst = twoDigits(append(dst, ' '), hour)
	dst = twoDigits(append(dst, ':'), minute)
	dst = twoDigits(append(dst, ':'), second)
	dst = twoDigits(twoDigits(twoDigits(append(dst, '.'), us/10_000), us/100%100), us%100)
	return append(dst, "+00"...)
}

func twoDigits(dst []byte, v int) []byte { return append(dst, byte('0'+v/10), byte('0'+v%10)) }

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
