package uplink

import (
	"encoding/binary"
	"errors"

	"network-sniffer/decode"
)

// A segment's body is a sequence of records, one a packet. A record holds the groups of fields that are
// valid and nothing else, because a router's memory and processor count for more than the server's: a TCP
// segment takes about 70 bytes here, 240 as a binary row and 200 as COPY text. Rows are made when the segment is
// sent. All numbers are little endian:
//
//	groups u32, interface u8, time i64, wire length u32, captured length u32,
//	with recordMore the groups behind the first 24 as u32,
//	then for each group, in the order of the constants of decode, the group's fields.
//
// recordFormat goes into the segment's header; a body of another format is never guessed at. What a program of
// before the upgrade left in the spool has recordFormat1.
const (
	recordFormat  = 2
	recordFormat1 = 1
)

// Bits of groups beside the lowest 24 of decode.Fields.
const (
	recordFields       = 1<<24 - 1
	recordMoreShift    = 24
	recordWideAddress  = 1 << 24 // addresses of 16 bytes, not 4
	recordWireSegments = 1 << 25
	recordDecodeError  = 1 << 26
	recordIPv6         = 1 << 27 // IPVersion is 6, not 4; with HasIP
	recordDirection    = 28      // shift of the 3 bits of decode.Direction
	recordMore         = 1 << 31
)

const (
	recordBase = 4 + 1 + 8 + 4 + 4
	recordTime = 4 + 1 // where the time stands
)

// maxRecord bounds the longest record: every group with wide addresses and the longest texts.
const maxRecord = 704

// appendRecord writes p behind b, which must have room for maxRecord bytes.
func appendRecord(b []byte, p *decode.Packet) []byte {
	le := binary.LittleEndian
	groups := uint32(p.Valid)&recordFields | uint32(p.Direction&7)<<recordDirection
	if p.Valid&decode.HasIP != 0 && p.IPVersion == 6 {
		groups |= recordIPv6
	}
	if p.WireSegments > 1 {
		groups |= recordWireSegments
	}
	if p.DecodeError != 0 {
		groups |= recordDecodeError
	}
	b = b[:len(b)+recordBase]
	h := b[len(b)-recordBase:]
	more := uint32(p.Valid >> recordMoreShift)
	if more != 0 {
		groups |= recordMore
		b = le.AppendUint32(b, more)
	}
	h[4] = p.Interface
	le.PutUint64(h[5:], uint64(p.Time))
	le.PutUint32(h[13:], p.WireLength)
	le.PutUint32(h[17:], p.CapturedLength)

	v := p.Valid
	if v&decode.HasMAC != 0 {
		b = append(b, p.SrcMAC[:]...)
	}
	if v&decode.HasDstMAC != 0 {
		b = append(b, p.DstMAC[:]...)
	}
	if v&decode.HasEtherType != 0 {
		b = le.AppendUint16(b, p.EtherType)
	}
	if v&decode.HasVLAN != 0 {
		b = le.AppendUint16(b, p.VLANID)
	}
	if v&decode.HasInnerVLAN != 0 {
		b = le.AppendUint16(b, p.InnerVLANID)
	}
	if v&decode.HasPPPoE != 0 {
		b = le.AppendUint16(b, p.PPPoESession)
	}
	if v&decode.HasAddresses != 0 {
		if wide(p) {
			groups |= recordWideAddress
			b = append(b, p.SrcIP[:]...)
			b = append(b, p.DstIP[:]...)
		} else {
			b = append(b, p.SrcIP[:4]...)
			b = append(b, p.DstIP[:4]...)
		}
	}
	if v&decode.HasIP != 0 {
		b = append(b, p.TTL, p.TrafficClass)
	}
	if v&decode.HasProtocol != 0 {
		b = append(b, p.Protocol)
	}
	if v&decode.HasIPID != 0 {
		b = le.AppendUint32(b, p.IPID)
	}
	if v&decode.HasFragment != 0 {
		b = le.AppendUint16(b, p.FragmentOffset)
	}
	if v&decode.HasPorts != 0 {
		b = le.AppendUint16(b, p.SrcPort)
		b = le.AppendUint16(b, p.DstPort)
	}
	if v&decode.HasTCP != 0 {
		b = le.AppendUint32(b, p.SeqNumber)
		b = le.AppendUint32(b, p.AckNumber)
		b = append(b, p.Flags)
		b = le.AppendUint16(b, p.WindowSize)
	}
	if v&decode.HasMSS != 0 {
		b = le.AppendUint16(b, p.MSS)
	}
	if v&decode.HasWindowScale != 0 {
		b = append(b, p.WindowScale)
	}
	if v&decode.HasTimestamps != 0 {
		b = le.AppendUint32(b, p.TSValue)
		b = le.AppendUint32(b, p.TSEcho)
	}
	if v&decode.HasICMP != 0 {
		b = append(b, p.ICMPType, p.ICMPCode)
	}
	if v&decode.HasARP != 0 {
		b = le.AppendUint16(b, p.ARPOperation)
	}
	if v&decode.HasPayload != 0 {
		b = le.AppendUint32(b, p.PayloadLength)
	}
	if v&decode.HasTCPOptions != 0 {
		b = append(b, byte(p.TCPOptions))
	}
	if v&decode.HasSACK != 0 {
		b = append(b, p.SACKBlocks)
	}
	if v&decode.HasName != 0 {
		b = append(b, byte(p.NameKind), p.Name.Length)
		b = append(b, p.Name.Text()...)
	}
	if v&decode.HasTunnel != 0 {
		b = append(b, byte(p.Tunnel))
	}
	if v&decode.HasInner != 0 {
		i := &p.Inner
		b = append(b, i.IPVersion)
		size := addressSize(i.IPVersion)
		b = append(b, i.SrcIP[:size]...)
		b = append(b, i.DstIP[:size]...)
	}
	if more != 0 {
		b = appendMore(b, p)
	}
	if groups&recordWireSegments != 0 {
		b = le.AppendUint16(b, p.WireSegments)
	}
	if groups&recordDecodeError != 0 {
		b = append(b, byte(p.DecodeError))
	}
	le.PutUint32(h, groups)
	return b
}

// appendMore writes the groups behind the first 24.
func appendMore(b []byte, p *decode.Packet) []byte {
	le := binary.LittleEndian
	v := p.Valid
	if v&decode.HasInnerPorts != 0 {
		b = le.AppendUint16(b, p.Inner.SrcPort)
		b = le.AppendUint16(b, p.Inner.DstPort)
	}
	if v&decode.HasInnerProtocol != 0 {
		b = append(b, p.Inner.Protocol)
	}
	if v&decode.HasTunnelKey != 0 {
		b = le.AppendUint32(b, p.TunnelKey)
	}
	if v&decode.HasSPI != 0 {
		b = le.AppendUint32(b, p.SPI)
	}
	if v&decode.HasIGMP != 0 {
		b = append(b, p.IGMPType)
	}
	if v&decode.HasVRRP != 0 {
		b = append(b, p.VRRPID, p.VRRPPriority)
	}
	if v&decode.HasDNS != 0 {
		b = le.AppendUint16(b, p.DNSType)
	}
	if v&decode.HasDNSResponse != 0 {
		b = append(b, p.DNSRCode)
		b = le.AppendUint16(b, p.DNSAnswers)
	}
	if v&decode.HasAnswers != 0 {
		a := &p.Answers
		b = append(b, a.Count, a.Wide)
		for i := range a.List[:a.Count] {
			b = append(b, a.List[i][:a.At(i).BitLen()/8]...)
		}
	}
	if v&decode.HasTLS != 0 {
		b = le.AppendUint16(b, p.TLSVersion)
	}
	if v&decode.HasALPN != 0 {
		b = append(b, p.ALPN.Length)
		b = append(b, p.ALPN.Text()...)
	}
	if v&decode.HasHTTP != 0 {
		b = append(b, byte(p.HTTPMethod))
	}
	if v&decode.HasDHCP != 0 {
		b = append(b, p.DHCPType)
	}
	if v&decode.HasAssigned != 0 {
		b = append(b, p.Assigned.Version)
		b = append(b, p.Assigned.IP[:addressSize(p.Assigned.Version)]...)
	}
	if v&decode.HasNTP != 0 {
		b = append(b, p.NTPMode)
	}
	return b
}

// addressSize is the bytes of an address of this IP version.
func addressSize(version uint8) int {
	if version == 6 {
		return 16
	}
	return 4
}

// wide reports whether the addresses need 16 bytes. ARP has IPv4 addresses without an IP version.
func wide(p *decode.Packet) bool { return p.IPVersion == 6 }

var errRecord = errors.New("record does not parse")

// parseRecord reads the first record of b into p and returns what follows it.
func parseRecord(b []byte, p *decode.Packet) ([]byte, error) {
	if len(b) < recordBase {
		return nil, errRecord
	}
	return parsePadded(binary.LittleEndian.Uint32(b), b, p)
}

// groups1 is how many groups format 1 had.
const groups1 = 18

// parseRecord1 is parseRecord for format 1, in which the first group was both MAC addresses and the others stood
// where they stand now but for that; there were none behind HasPayload.
func parseRecord1(b []byte, p *decode.Packet) ([]byte, error) {
	if len(b) < recordBase {
		return nil, errRecord
	}
	groups := binary.LittleEndian.Uint32(b)
	fields := groups & recordFields
	if groups&recordMore != 0 || fields>>groups1 != 0 {
		return nil, errRecord
	}
	fields = fields<<1 | fields&1
	b, err := parsePadded(groups&^recordFields|fields, b, p)
	if p.DstMAC == [6]byte{} && p.SrcMAC != [6]byte{} { // a cooked header has none
		p.Valid &^= decode.HasDstMAC
	}
	return b, err
}

// parsePadded reads a record that has these groups. With the longest record's bytes ahead every read of parseGroups
// is safe. At the body's end they are made of zeros; how much there really was shows afterwards.
func parsePadded(groups uint32, b []byte, p *decode.Packet) ([]byte, error) {
	if len(b) >= maxRecord {
		return parseGroups(groups, b, p)
	}
	var padded [maxRecord]byte
	copy(padded[:], b)
	rest, err := parseGroups(groups, padded[:], p)
	if err != nil {
		return nil, err
	}
	used := maxRecord - len(rest)
	if used > len(b) {
		return nil, errRecord
	}
	return b[used:], nil
}

// parseGroups reads a record that has these groups from b, in which maxRecord bytes can be read.
func parseGroups(groups uint32, b []byte, p *decode.Packet) ([]byte, error) {
	le := binary.LittleEndian
	p.Reset()
	p.Valid = decode.Fields(groups & recordFields)
	p.Direction = decode.Direction(groups >> recordDirection & 7)
	p.Interface = b[4]
	p.Time = int64(le.Uint64(b[5:]))
	p.WireLength = le.Uint32(b[13:])
	p.CapturedLength = le.Uint32(b[17:])
	r := b[recordBase:]
	if groups&recordMore != 0 {
		p.Valid |= decode.Fields(le.Uint32(r)) << recordMoreShift
		r = r[4:]
	}
	v := p.Valid
	if v&decode.HasMAC != 0 {
		r = r[copy(p.SrcMAC[:], r):]
	}
	if v&decode.HasDstMAC != 0 {
		r = r[copy(p.DstMAC[:], r):]
	}
	u8 := func() (x uint8) { x, r = r[0], r[1:]; return }
	u16 := func() (x uint16) { x, r = le.Uint16(r), r[2:]; return }
	u32 := func() (x uint32) { x, r = le.Uint32(r), r[4:]; return }
	if v&decode.HasEtherType != 0 {
		p.EtherType = u16()
	}
	if v&decode.HasVLAN != 0 {
		p.VLANID = u16()
	}
	if v&decode.HasInnerVLAN != 0 {
		p.InnerVLANID = u16()
	}
	if v&decode.HasPPPoE != 0 {
		p.PPPoESession = u16()
	}
	if v&decode.HasAddresses != 0 {
		size := 4
		if groups&recordWideAddress != 0 {
			size = 16
		}
		copy(p.SrcIP[:size], r)
		copy(p.DstIP[:size], r[size:])
		r = r[2*size:]
		if v&(decode.HasIP|decode.HasARP) == 0 { // pushed: the form of the addresses is all that is known of the IP header
			p.IPVersion = 4
			if size == 16 {
				p.IPVersion = 6
			}
		}
	}
	if v&decode.HasIP != 0 {
		p.IPVersion = 4
		if groups&recordIPv6 != 0 {
			p.IPVersion = 6
		}
		p.TTL, p.TrafficClass = u8(), u8()
	}
	if v&decode.HasProtocol != 0 {
		p.Protocol = u8()
	}
	if v&decode.HasIPID != 0 {
		p.IPID = u32()
	}
	if v&decode.HasFragment != 0 {
		p.FragmentOffset = u16()
	}
	if v&decode.HasPorts != 0 {
		p.SrcPort, p.DstPort = u16(), u16()
	}
	if v&decode.HasTCP != 0 {
		p.SeqNumber, p.AckNumber = u32(), u32()
		p.Flags, p.WindowSize = u8(), u16()
	}
	if v&decode.HasMSS != 0 {
		p.MSS = u16()
	}
	if v&decode.HasWindowScale != 0 {
		p.WindowScale = u8()
	}
	if v&decode.HasTimestamps != 0 {
		p.TSValue, p.TSEcho = u32(), u32()
	}
	if v&decode.HasICMP != 0 {
		p.ICMPType, p.ICMPCode = u8(), u8()
	}
	if v&decode.HasARP != 0 {
		p.ARPOperation = u16()
	}
	if v&decode.HasPayload != 0 {
		p.PayloadLength = u32()
	}
	if v&decode.HasTCPOptions != 0 {
		p.TCPOptions = decode.Options(u8())
	}
	if v&decode.HasSACK != 0 {
		p.SACKBlocks = u8()
	}
	if v&decode.HasName != 0 {
		p.NameKind, p.Name.Length = decode.NameKind(u8()), u8()
		r = r[copy(p.Name.Text(), r):]
		if !printable(p.Name.Text()) {
			return nil, errRecord
		}
	}
	if v&decode.HasTunnel != 0 {
		p.Tunnel = decode.Tunnel(u8())
	}
	if v&decode.HasInner != 0 {
		i := &p.Inner
		i.IPVersion = u8()
		size := addressSize(i.IPVersion)
		copy(i.SrcIP[:size], r)
		copy(i.DstIP[:size], r[size:])
		r = r[2*size:]
	}
	if groups&recordMore != 0 {
		var ok bool
		if r, ok = parseMore(r, p); !ok {
			return nil, errRecord
		}
	}
	if groups&recordWireSegments != 0 {
		p.WireSegments = u16()
	}
	if groups&recordDecodeError != 0 {
		p.DecodeError = decode.Reason(u8())
	}
	return r, nil
}

// parseMore reads the groups behind the first 24 from r, which has room for the longest record, and returns
// what follows them; false when they cannot be what appendMore wrote.
func parseMore(r []byte, p *decode.Packet) ([]byte, bool) {
	le := binary.LittleEndian
	u8 := func() (x uint8) { x, r = r[0], r[1:]; return }
	u16 := func() (x uint16) { x, r = le.Uint16(r), r[2:]; return }
	u32 := func() (x uint32) { x, r = le.Uint32(r), r[4:]; return }
	v := p.Valid
	if v&^decode.AllFields != 0 {
		return nil, false
	}
	if v&decode.HasInnerPorts != 0 {
		p.Inner.SrcPort, p.Inner.DstPort = u16(), u16()
	}
	if v&decode.HasInnerProtocol != 0 {
		p.Inner.Protocol = u8()
	}
	if v&decode.HasTunnelKey != 0 {
		p.TunnelKey = u32()
	}
	if v&decode.HasSPI != 0 {
		p.SPI = u32()
	}
	if v&decode.HasIGMP != 0 {
		p.IGMPType = u8()
	}
	if v&decode.HasVRRP != 0 {
		p.VRRPID, p.VRRPPriority = u8(), u8()
	}
	if v&decode.HasDNS != 0 {
		p.DNSType = u16()
	}
	if v&decode.HasDNSResponse != 0 {
		p.DNSRCode, p.DNSAnswers = u8(), u16()
	}
	if v&decode.HasAnswers != 0 {
		a := &p.Answers
		a.Count, a.Wide = u8(), u8()
		if int(a.Count) > len(a.List) {
			return nil, false
		}
		for i := range a.List[:a.Count] {
			r = r[copy(a.List[i][:a.At(i).BitLen()/8], r):]
		}
	}
	if v&decode.HasTLS != 0 {
		p.TLSVersion = u16()
	}
	if v&decode.HasALPN != 0 {
		p.ALPN.Length = u8()
		if int(p.ALPN.Length) > len(p.ALPN.Bytes) {
			return nil, false
		}
		r = r[copy(p.ALPN.Text(), r):]
		if !printable(p.ALPN.Text()) {
			return nil, false
		}
	}
	if v&decode.HasHTTP != 0 {
		p.HTTPMethod = decode.Method(u8())
	}
	if v&decode.HasDHCP != 0 {
		p.DHCPType = u8()
	}
	if v&decode.HasAssigned != 0 {
		p.Assigned.Version = u8()
		r = r[copy(p.Assigned.IP[:addressSize(p.Assigned.Version)], r):]
	}
	if v&decode.HasNTP != 0 {
		p.NTPMode = u8()
	}
	return r, true
}

// printable reports whether a text is what decode writes: a row that the database refuses would hold up all
// the rows behind it.
func printable(text []byte) bool {
	for _, c := range text {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}
