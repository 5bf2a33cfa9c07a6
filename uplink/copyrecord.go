package uplink

import (
	"encoding/binary"
	"math"

	"network-sniffer/decode"
)

// Most records are those of common rows, whose columns stand in the order of the record: they become binary rows
// without a Packet in between. What appendCommonRecord writes is what parseRecord and appendBinaryRow write, which
// TestCommonRecord and FuzzCommonRecord hold it to.

const (
	// rareGroups are the bits of a record whose row is no common one, and those that only other programs set.
	rareGroups = recordFields&^uint32(commonFields) | recordMore | recordDecodeError

	// maxCommonRecord bounds the record of a common row: every common group with wide addresses.
	maxCommonRecord = recordBase + 6 + 6 + 2 + 2 + 2 + 32 + 2 + 1 + 4 + 4 + 11 + 8 + 4 + 2

	// maxCommonRow bounds what appendCommonRecord writes behind the origin: 26 columns, each a length and a value,
	// and what the last store may write too much.
	maxCommonRow = 26*4 + 8 + 2 + 4 + 4 + 6 + 6 + 4 + 2 + 4 + 20 + 20 + 4*2 + 8 + 4 + 4 + 8 + 8 + 2 + 4 + 8 + 8 + 4 + 4 + 8
)

// isCommonRecord reports whether appendCommonRecord can take the record that b begins with: a short rest of a body is
// left to parseRecord, and so are addresses that are not in the form of the IP version.
func isCommonRecord(b []byte) bool {
	if len(b) < maxCommonRecord {
		return false
	}
	const six = recordIPv6 | uint32(decode.HasIP)
	groups := binary.LittleEndian.Uint32(b)
	return groups&rareGroups == 0 &&
		(groups&uint32(decode.HasAddresses) == 0 || (groups&recordWideAddress != 0) == (groups&six == six))
}

// appendCommonRecord writes the binary row of the record that b begins with, which isCommonRecord is true of, and
// returns what follows the record. dst has room for a row. shift is added to the time, in nanoseconds.
func appendCommonRecord(dst, b []byte, origin string, shift int64) (row, rest []byte) {
	le, be := binary.LittleEndian, binary.BigEndian
	groups := le.Uint32(b)
	dst = append(be.AppendUint16(dst, uint16(len(commonColumns))), origin...)
	at := len(dst)
	dst = dst[:at+maxCommonRow]
	d := dst[at:]
	// Every put writes 8 bytes and the next begins where the value ended.
	be.PutUint32(d, 8)
	be.PutUint64(d[4:], uint64(sinceY2K(int64(le.Uint64(b[5:]))+shift)))
	be.PutUint64(d[12:], 2<<32|uint64(groups>>recordDirection&7)<<16)
	be.PutUint64(d[18:], 4<<32|uint64(min(le.Uint32(b[13:]), math.MaxInt32)))
	be.PutUint64(d[26:], 4<<32|uint64(min(le.Uint32(b[17:]), math.MaxInt32)))
	d = d[34:]
	r := b[recordBase:]

	if groups&uint32(decode.HasMAC) != 0 {
		d, r = putMAC(d, r), r[6:]
	} else {
		d = putNone(d)
	}
	if groups&uint32(decode.HasDstMAC) != 0 {
		d, r = putMAC(d, r), r[6:]
	} else {
		d = putNone(d)
	}
	if groups&uint32(decode.HasEtherType) != 0 {
		d, r = put4(d, uint32(le.Uint16(r))), r[2:]
	} else {
		d = putNone(d)
	}
	if groups&uint32(decode.HasVLAN) != 0 {
		d, r = put2(d, le.Uint16(r)), r[2:]
	} else {
		d = putNone(d)
	}
	if groups&uint32(decode.HasPPPoE) != 0 {
		d, r = put4(d, uint32(le.Uint16(r))), r[2:]
	} else {
		d = putNone(d)
	}
	switch {
	case groups&uint32(decode.HasAddresses) == 0:
		d = putNone(putNone(d))
	case groups&recordWideAddress == 0:
		d = putIPv4(putIPv4(d, r), r[4:])
		r = r[8:]
	default:
		d = putIPv6(putIPv6(d, r), r[16:])
		r = r[32:]
	}
	if groups&uint32(decode.HasIP) != 0 {
		version := uint16(4)
		if groups&recordIPv6 != 0 {
			version = 6
		}
		d = put2(put2(put2(d, version), uint16(r[0])), uint16(r[1]))
		r = r[2:]
	} else {
		d = putNone(putNone(putNone(d)))
	}
	if groups&uint32(decode.HasProtocol) != 0 {
		d, r = put2(d, uint16(r[0])), r[1:]
	} else {
		d = putNone(d)
	}
	if groups&uint32(decode.HasIPID) != 0 {
		d, r = put8(d, uint64(le.Uint32(r))), r[4:]
	} else {
		d = putNone(d)
	}
	if groups&uint32(decode.HasPorts) != 0 {
		d = put4(put4(d, uint32(le.Uint16(r))), uint32(le.Uint16(r[2:])))
		r = r[4:]
	} else {
		d = putNone(putNone(d))
	}
	if groups&uint32(decode.HasTCP) != 0 {
		d = put8(put8(d, uint64(le.Uint32(r))), uint64(le.Uint32(r[4:])))
		d = put4(put2(d, uint16(r[8])), uint32(le.Uint16(r[9:])))
		r = r[11:]
	} else {
		d = putNone(putNone(putNone(putNone(d))))
	}
	if groups&uint32(decode.HasTimestamps) != 0 {
		d = put8(put8(d, uint64(le.Uint32(r))), uint64(le.Uint32(r[4:])))
		r = r[8:]
	} else {
		d = putNone(putNone(d))
	}
	if groups&uint32(decode.HasPayload) != 0 {
		d, r = put4(d, min(le.Uint32(r), math.MaxInt32)), r[4:]
	} else {
		d = putNone(d)
	}
	segments := uint16(0)
	if groups&recordWireSegments != 0 {
		segments, r = le.Uint16(r), r[2:]
	}
	if segments > 1 {
		d = put4(d, uint32(segments))
	} else {
		d = putNone(d)
	}
	return dst[:len(dst)-len(d)], r
}

// The put functions write a column at the beginning of d and return what is behind it.

func putNone(d []byte) []byte {
	binary.BigEndian.PutUint32(d, math.MaxUint32)
	return d[4:]
}

func put2(d []byte, v uint16) []byte {
	binary.BigEndian.PutUint64(d, 2<<32|uint64(v)<<16)
	return d[6:]
}

func put4(d []byte, v uint32) []byte {
	binary.BigEndian.PutUint64(d, 4<<32|uint64(v))
	return d[8:]
}

func put8(d []byte, v uint64) []byte {
	binary.BigEndian.PutUint32(d, 8)
	binary.BigEndian.PutUint64(d[4:], v)
	return d[12:]
}

func putMAC(d, mac []byte) []byte {
	binary.BigEndian.PutUint32(d, 6)
	*(*[6]byte)(d[4:]) = [6]byte(mac)
	return d[10:]
}

func putIPv4(d, ip []byte) []byte {
	binary.BigEndian.PutUint64(d, 8<<32|inet4Head)
	*(*[4]byte)(d[8:]) = [4]byte(ip)
	return d[12:]
}

func putIPv6(d, ip []byte) []byte {
	binary.BigEndian.PutUint64(d, 20<<32|inet6Head)
	*(*[16]byte)(d[8:]) = [16]byte(ip)
	return d[24:]
}
