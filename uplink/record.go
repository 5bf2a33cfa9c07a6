package uplink

import (
	"encoding/binary"
	"errors"

	"network-sniffer/decode"
)

// A segment's body is a sequence of records, one a packet. A record holds the groups of fields that are
// valid and nothing else, because a router's memory and processor count for more than the server's: a TCP
// segment takes about 70 bytes and 20 ns here, 160 bytes and 500 ns as COPY text. The text is made when the
// segment is sent. All numbers are little endian:
//
//	groups u32, interface u8, time i64, wire length u32, captured length u32,
//	then for each bit of groups, in the order of the constants below, the group's fields.
//
// recordFormat goes into the segment's header; a body of another format is never guessed at.
const recordFormat = 1

// Bits of groups beside those of decode.Fields, which take the lower 24.
const (
	recordFields       = 1<<24 - 1
	recordWideAddress  = 1 << 24 // addresses of 16 bytes, not 4
	recordWireSegments = 1 << 25
	recordDecodeError  = 1 << 26
	recordIPv6         = 1 << 27 // IPVersion is 6, not 4; with HasIP
	recordDirection    = 28      // shift of the 3 bits of decode.Direction
)

const recordBase = 4 + 1 + 8 + 4 + 4

// maxRecord is the longest record: every group with wide addresses.
const maxRecord = 128

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
	h[4] = p.Interface
	le.PutUint64(h[5:], uint64(p.Time))
	le.PutUint32(h[13:], p.WireLength)
	le.PutUint32(h[17:], p.CapturedLength)

	v := p.Valid
	if v&decode.HasMAC != 0 {
		b = append(b, p.SrcMAC[:]...)
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
	if groups&recordWireSegments != 0 {
		b = le.AppendUint16(b, p.WireSegments)
	}
	if groups&recordDecodeError != 0 {
		b = append(b, byte(p.DecodeError))
	}
	le.PutUint32(h, groups)
	return b
}

// wide reports whether the addresses need 16 bytes. ARP has IPv4 addresses without an IP version.
func wide(p *decode.Packet) bool { return p.IPVersion == 6 }

var errRecord = errors.New("record does not parse")

// parseRecord reads the first record of b into p and returns what follows it.
func parseRecord(b []byte, p *decode.Packet) ([]byte, error) {
	le := binary.LittleEndian
	if len(b) < recordBase {
		return nil, errRecord
	}
	groups := le.Uint32(b)
	*p = decode.Packet{
		Valid:          decode.Fields(groups & recordFields),
		Direction:      decode.Direction(groups >> recordDirection & 7),
		Interface:      b[4],
		Time:           int64(le.Uint64(b[5:])),
		WireLength:     le.Uint32(b[13:]),
		CapturedLength: le.Uint32(b[17:]),
	}
	b = b[recordBase:]
	// One copy into a buffer of the longest record makes every read below safe; how much there really was
	// shows at the end.
	var padded [maxRecord]byte
	n := copy(padded[:], b)
	r := padded[:]
	v := p.Valid
	if v&decode.HasMAC != 0 {
		r = r[copy(p.SrcMAC[:], r):]
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
	if groups&recordWireSegments != 0 {
		p.WireSegments = u16()
	}
	if groups&recordDecodeError != 0 {
		p.DecodeError = decode.Reason(u8())
	}
	used := maxRecord - len(r)
	if used > n {
		return nil, errRecord
	}
	return b[used:], nil
}
