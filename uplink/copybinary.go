package uplink

import (
	"encoding/binary"
	"math"
	"net/netip"

	"network-sniffer/decode"
)

// A row in PostgreSQL's binary COPY format (PostgreSQL documentation, COPY, "Binary Format") is the number of its
// columns as 16 bits, and for each the length of its value as 32 bits and the value as the type's send function
// writes it; a length of -1 is an absent value. All numbers are big endian. The writers below put the length and
// the value of a column behind dst in one go.

// appendBinaryRow writes one row of a class. origin is the row's first two columns: device and interface. It
// allocates nothing when dst has room.
func appendBinaryRow(dst []byte, class rowClass, p *decode.Packet, origin string) []byte {
	if class == commonRow {
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(commonColumns)))
		return appendCommonBinary(dst, p, origin)
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(commonColumns)+len(rareColumns)))
	return appendRareBinary(appendCommonBinary(dst, p, origin), p)
}

// appendCommonBinary writes commonColumns.
func appendCommonBinary(dst []byte, p *decode.Packet, origin string) []byte {
	v := p.Valid
	dst = append(dst, origin...)
	dst = int8Column(dst, true, uint64(sinceY2K(p.Time)))
	dst = int2Column(dst, true, uint16(p.Direction))
	dst = lengthColumn(dst, true, p.WireLength)
	dst = lengthColumn(dst, true, p.CapturedLength)
	dst = macColumn(dst, v.Has(decode.HasMAC), &p.SrcMAC)
	dst = macColumn(dst, v.Has(decode.HasDstMAC), &p.DstMAC)
	dst = int4Column(dst, v.Has(decode.HasEtherType), uint32(p.EtherType))
	dst = int2Column(dst, v.Has(decode.HasVLAN), p.VLANID)
	dst = int4Column(dst, v.Has(decode.HasPPPoE), uint32(p.PPPoESession))
	dst = inetColumn(dst, v.Has(decode.HasAddresses), p.Source())
	dst = inetColumn(dst, v.Has(decode.HasAddresses), p.Destination())
	ip := v.Has(decode.HasIP)
	dst = int2Column(dst, ip, uint16(p.IPVersion))
	dst = int2Column(dst, ip, uint16(p.TTL))
	dst = int2Column(dst, ip, uint16(p.TrafficClass))
	dst = int2Column(dst, v.Has(decode.HasProtocol), uint16(p.Protocol))
	dst = int8Column(dst, v.Has(decode.HasIPID), uint64(p.IPID))
	dst = int4Column(dst, v.Has(decode.HasPorts), uint32(p.SrcPort))
	dst = int4Column(dst, v.Has(decode.HasPorts), uint32(p.DstPort))
	tcp := v.Has(decode.HasTCP)
	dst = int8Column(dst, tcp, uint64(p.SeqNumber))
	dst = int8Column(dst, tcp, uint64(p.AckNumber))
	dst = int2Column(dst, tcp, uint16(p.Flags))
	dst = int4Column(dst, tcp, uint32(p.WindowSize))
	dst = int8Column(dst, v.Has(decode.HasTimestamps), uint64(p.TSValue))
	dst = int8Column(dst, v.Has(decode.HasTimestamps), uint64(p.TSEcho))
	dst = lengthColumn(dst, v.Has(decode.HasPayload), p.PayloadLength)
	return int4Column(dst, p.WireSegments > 1, uint32(p.WireSegments))
}

// appendRareBinary writes rareColumns.
func appendRareBinary(dst []byte, p *decode.Packet) []byte {
	v := p.Valid
	dst = int2Column(dst, v.Has(decode.HasInnerVLAN), p.InnerVLANID)
	dst = int4Column(dst, v.Has(decode.HasFragment), uint32(p.FragmentOffset))
	dst = int4Column(dst, v.Has(decode.HasMSS), uint32(p.MSS))
	dst = int2Column(dst, v.Has(decode.HasWindowScale), uint16(p.WindowScale))
	dst = int2Column(dst, v.Has(decode.HasICMP), uint16(p.ICMPType))
	dst = int2Column(dst, v.Has(decode.HasICMP), uint16(p.ICMPCode))
	dst = int4Column(dst, v.Has(decode.HasARP), uint32(p.ARPOperation))
	dst = int2Column(dst, v.Has(decode.HasTCPOptions), uint16(p.TCPOptions))
	dst = int2Column(dst, v.Has(decode.HasSACK), uint16(p.SACKBlocks))
	dst = int2Column(dst, v.Has(decode.HasName), uint16(p.NameKind))
	dst = textColumn(dst, v.Has(decode.HasName), p.Name.Text())
	dst = int2Column(dst, v.Has(decode.HasTunnel), uint16(p.Tunnel))
	dst = inetColumn(dst, v.Has(decode.HasInner), p.Inner.Source())
	dst = inetColumn(dst, v.Has(decode.HasInner), p.Inner.Destination())
	dst = int4Column(dst, v.Has(decode.HasInnerPorts), uint32(p.Inner.SrcPort))
	dst = int4Column(dst, v.Has(decode.HasInnerPorts), uint32(p.Inner.DstPort))
	dst = int2Column(dst, v.Has(decode.HasInnerProtocol), uint16(p.Inner.Protocol))
	dst = int8Column(dst, v.Has(decode.HasTunnelKey), uint64(p.TunnelKey))
	dst = int8Column(dst, v.Has(decode.HasSPI), uint64(p.SPI))
	dst = int2Column(dst, v.Has(decode.HasIGMP), uint16(p.IGMPType))
	dst = int2Column(dst, v.Has(decode.HasVRRP), uint16(p.VRRPID))
	dst = int2Column(dst, v.Has(decode.HasVRRP), uint16(p.VRRPPriority))
	dst = int4Column(dst, v.Has(decode.HasDNS), uint32(p.DNSType))
	dst = int2Column(dst, v.Has(decode.HasDNSResponse), uint16(p.DNSRCode))
	dst = int4Column(dst, v.Has(decode.HasDNSResponse), uint32(p.DNSAnswers))
	dst = inetsColumn(dst, v.Has(decode.HasAnswers), &p.Answers)
	dst = int4Column(dst, v.Has(decode.HasTLS), uint32(p.TLSVersion))
	dst = textColumn(dst, v.Has(decode.HasALPN), p.ALPN.Text())
	dst = int2Column(dst, v.Has(decode.HasHTTP), uint16(p.HTTPMethod))
	dst = int2Column(dst, v.Has(decode.HasDHCP), uint16(p.DHCPType))
	dst = inetColumn(dst, v.Has(decode.HasAssigned), p.Assigned.Addr())
	dst = int2Column(dst, v.Has(decode.HasNTP), uint16(p.NTPMode))
	reason := ""
	if p.DecodeError != 0 {
		reason = p.DecodeError.String()
	}
	return textColumn(dst, p.DecodeError != 0, reason)
}

// y2k is 2000-01-01 00:00 UTC in microseconds since the Unix epoch: where PostgreSQL's timestamps begin.
const y2k = 946_684_800 * 1_000_000

// sinceY2K makes a timestamptz of nanoseconds since the Unix epoch: microseconds, cut and not rounded, as
// appendTimestamp does it.
func sinceY2K(ns int64) int64 {
	us := ns / 1000
	if ns%1000 < 0 {
		us--
	}
	return us - y2k
}

func noColumn(dst []byte) []byte { return append(dst, 0xff, 0xff, 0xff, 0xff) }

func int2Column(dst []byte, valid bool, v uint16) []byte {
	if !valid {
		return noColumn(dst)
	}
	return append(dst, 0, 0, 0, 2, byte(v>>8), byte(v))
}

func int4Column(dst []byte, valid bool, v uint32) []byte {
	if !valid {
		return noColumn(dst)
	}
	return binary.BigEndian.AppendUint64(dst, 4<<32|uint64(v))
}

// lengthColumn fits a length into 31 bits, as length does.
func lengthColumn(dst []byte, valid bool, v uint32) []byte {
	return int4Column(dst, valid, min(v, math.MaxInt32))
}

func int8Column(dst []byte, valid bool, v uint64) []byte {
	if !valid {
		return noColumn(dst)
	}
	return binary.BigEndian.AppendUint64(append(dst, 0, 0, 0, 8), v)
}

func macColumn(dst []byte, valid bool, m *[6]byte) []byte {
	if !valid {
		return noColumn(dst)
	}
	return append(append(dst, 0, 0, 0, 6), m[:]...)
}

// textColumn writes an empty text as an absent value: COPY text cannot tell one from the other.
func textColumn[T string | []byte](dst []byte, valid bool, text T) []byte {
	if !valid || len(text) == 0 {
		return noColumn(dst)
	}
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(text))), text...)
}

// What network_send of PostgreSQL's src/backend/utils/adt/network.c writes before the bytes of an address: the
// family (2 for IPv4 and 3 for IPv6 on every system), the bits of the mask, 0 for not being a cidr, the length.
const (
	inet4Head = 2<<24 | 32<<16 | 0<<8 | 4
	inet6Head = 3<<24 | 128<<16 | 0<<8 | 16
)

func inetColumn(dst []byte, valid bool, a netip.Addr) []byte {
	if !valid {
		return noColumn(dst)
	}
	if a.Is4() {
		ip := a.As4()
		return append(binary.BigEndian.AppendUint64(dst, 8<<32|inet4Head), ip[:]...)
	}
	ip := a.As16()
	return append(binary.BigEndian.AppendUint64(dst, 20<<32|inet6Head), ip[:]...)
}

// inetsColumn writes an array as array_send of src/backend/utils/adt/arrayfuncs.c does: the number of its dimensions,
// whether it has NULLs, the type of its elements, for each dimension length and first index, and the elements.
func inetsColumn(dst []byte, valid bool, a *decode.Addresses) []byte {
	if !valid {
		return noColumn(dst)
	}
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0) // the length, when it is known
	dimensions := uint32(min(a.Count, 1))
	dst = binary.BigEndian.AppendUint32(dst, dimensions)
	dst = binary.BigEndian.AppendUint32(dst, 0)
	dst = binary.BigEndian.AppendUint32(dst, inetOID)
	if dimensions > 0 {
		dst = binary.BigEndian.AppendUint32(dst, uint32(a.Count))
		dst = binary.BigEndian.AppendUint32(dst, 1)
	}
	for i := range int(a.Count) {
		dst = inetColumn(dst, true, a.At(i))
	}
	binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}
