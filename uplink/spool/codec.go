package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
)

// A segment file: magic (8 bytes), header length and body length, then the CRC-32C (Castagnoli) of the
// 16 bytes so far with the header, and that of the body, all 32 bits little endian; header; body.
const (
	magic      = "SNIFSEG1"
	prefixSize = 24
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func fileSize(h *Header, parts ...[]byte) int64 {
	return int64(prefixSize+len(appendHeader(nil, h))) + sizeOf(parts)
}

func sizeOf(parts [][]byte) int64 {
	var n int64
	for _, p := range parts {
		n += int64(len(p))
	}
	return n
}

// appendFile appends everything that stands before the body.
func appendFile(dst []byte, h *Header, parts ...[]byte) []byte {
	start := len(dst)
	dst = append(dst, magic...)
	dst = append(dst, make([]byte, prefixSize-len(magic))...)
	dst = appendHeader(dst, h)
	var body int
	var sum uint32
	for _, p := range parts {
		body += len(p)
		sum = crc32.Update(sum, castagnoli, p)
	}
	b := dst[start:]
	binary.LittleEndian.PutUint32(b[8:], uint32(len(b)-prefixSize))
	binary.LittleEndian.PutUint32(b[12:], uint32(body))
	head := crc32.Update(crc32.Checksum(b[:16], castagnoli), castagnoli, b[prefixSize:])
	binary.LittleEndian.PutUint32(b[16:], head)
	binary.LittleEndian.PutUint32(b[20:], sum)
	return dst
}

// parsePrefix reads the fixed part of a file: the lengths of header and body.
func parsePrefix(b []byte) (header, body int, err error) {
	if len(b) < prefixSize || string(b[:8]) != magic {
		return 0, 0, fmt.Errorf("%w: it does not begin like a segment", ErrBroken)
	}
	h, n := binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[12:])
	if h > maxHeader || n > MaxBody {
		return 0, 0, fmt.Errorf("%w: lengths of %d and %d bytes", ErrBroken, h, n)
	}
	return int(h), int(n), nil
}

// parseHead reads prefix and header, checked.
func parseHead(b []byte) (h Header, body int, err error) {
	length, body, err := parsePrefix(b)
	if err != nil {
		return Header{}, 0, err
	}
	if len(b) < prefixSize+length {
		return Header{}, 0, fmt.Errorf("%w: the header is cut off", ErrBroken)
	}
	head := b[prefixSize : prefixSize+length]
	if crc32.Update(crc32.Checksum(b[:16], castagnoli), castagnoli, head) != binary.LittleEndian.Uint32(b[16:]) {
		return Header{}, 0, fmt.Errorf("%w: wrong checksum of the header", ErrBroken)
	}
	if h, err = parseHeader(head); err != nil {
		return Header{}, 0, err
	}
	return h, body, nil
}

// errBody: the body is wrong, and the header holds.
var errBody = fmt.Errorf("%w: wrong body", ErrBroken)

// parseFile reads a whole file. When only the body is wrong the header is returned beside errBody.
func parseFile(b []byte) (Header, []byte, error) {
	h, n, err := parseHead(b)
	if err != nil {
		return Header{}, nil, err
	}
	length, _, _ := parsePrefix(b)
	body := b[prefixSize+length:]
	if len(body) != n {
		return h, nil, fmt.Errorf("%w: %d of %d bytes", errBody, len(body), n)
	}
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(b[20:]) {
		return h, nil, fmt.Errorf("%w: wrong checksum", errBody)
	}
	return h, body, nil
}

// Flags of a header. Those of programs from before flagVersion2 have coverage entries without the fields behind
// the losses, and the number of pending packets where its change stands now; what is written is of version 2. Of
// a flag that is not known here nobody knows what it changes: such a header is refused. A program of before there were marks
// refuses those that have some, and reads all others.
const (
	flagFinal = 1 << iota
	flagTombstone
	flagVersion2
	flagClock  // the clock follows the coverage
	flagMarks  // the marks follow the clock, or where it would be
	knownFlags = flagFinal | flagTombstone | flagVersion2 | flagClock | flagMarks
)

// Flags of a coverage entry.
const (
	flagUserFilter = 1 << iota
	flagLink       // the link's counters follow
	flagOld
	knownCoverageFlags = flagUserFilter | flagLink | flagOld
)

func appendHeader(b []byte, h *Header) []byte {
	b = append(b, h.Device[:]...)
	b = append(b, h.Run[:]...)
	flags := byte(flagVersion2)
	if h.Final {
		flags |= flagFinal
	}
	if h.Tombstone {
		flags |= flagTombstone
	}
	if h.Clock.State != ClockUnknown {
		flags |= flagClock
	}
	if h.hasMarks() {
		flags |= flagMarks
	}
	b = append(b, h.Format, flags)
	for _, v := range []uint64{h.Sequence, h.Last, h.Rows, uint64(h.FirstTime), uint64(h.LastTime), uint64(h.SealedAt)} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	b = binary.AppendUvarint(b, uint64(len(h.Coverage)))
	for i := range h.Coverage {
		b = appendCoverage(b, &h.Coverage[i])
	}
	if h.Clock.State != ClockUnknown {
		b = appendClock(b, &h.Clock)
	}
	if h.hasMarks() {
		b = appendMarks(b, h)
	}
	return b
}

func appendClock(b []byte, c *Clock) []byte {
	b = append(b, c.Boot[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(c.Offset))
	return append(b, byte(c.State))
}

func appendCoverage(b []byte, c *Coverage) []byte {
	b = appendString(b, c.Interface)
	b = append(b, c.Index)
	pending := uint64(c.PendingChange)
	if c.Old {
		pending = c.Pending
	}
	for _, v := range []uint64{uint64(c.From), uint64(c.To), c.Received, c.Rows, pending} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	b = appendString(b, c.Filter)
	b = binary.AppendUvarint(b, uint64(c.SnapLength))
	b = binary.AppendUvarint(b, uint64(len(c.Losses)))
	for _, l := range c.Losses {
		b = appendString(b, l.Reason)
		b = binary.AppendUvarint(b, l.Packets)
	}
	var flags byte
	if c.UserFilter {
		flags |= flagUserFilter
	}
	if c.Link.Known {
		flags |= flagLink
	}
	if c.Old {
		flags |= flagOld
	}
	b = append(b, flags)
	b = binary.AppendUvarint(b, uint64(c.SampleRate))
	b = appendString(b, c.SampleBy)
	b = appendString(b, c.Mode)
	for _, v := range []uint64{c.Freezes, c.Merged, c.Partial} {
		b = binary.AppendUvarint(b, v)
	}
	if c.Link.Known {
		for _, v := range []uint64{c.Link.Received, c.Link.Sent, c.Link.Dropped} {
			b = binary.AppendUvarint(b, v)
		}
	}
	return b
}

func appendString(b []byte, s string) []byte {
	s = s[:min(len(s), maxString)]
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

var errHeader = errors.New("the header does not parse")

// cursor reads a header; after the first short read everything it gives is zero.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) take(n int) []byte {
	if c.bad || n < 0 || n > len(c.b) {
		c.bad = true
		return make([]byte, min(max(n, 0), maxString))
	}
	v := c.b[:n]
	c.b = c.b[n:]
	return v
}

func (c *cursor) u64() uint64 { return binary.LittleEndian.Uint64(c.take(8)) }

// count reads a number that must not be larger than limit.
func (c *cursor) count(limit uint64) uint64 {
	v := c.uvarint()
	if v > limit {
		c.bad = true
		return 0
	}
	return v
}

func (c *cursor) uvarint() uint64 {
	v, n := binary.Uvarint(c.b)
	if n <= 0 {
		c.bad = true
		return 0
	}
	c.b = c.b[n:]
	return v
}

func (c *cursor) u32() uint32 { return uint32(c.count(math.MaxUint32)) }

func (c *cursor) string() string { return string(c.take(int(c.count(maxString)))) }

func parseHeader(b []byte) (Header, error) {
	c := &cursor{b: b}
	var h Header
	copy(h.Device[:], c.take(16))
	copy(h.Run[:], c.take(16))
	h.Format = c.take(1)[0]
	flags := c.take(1)[0]
	h.Final, h.Tombstone = flags&flagFinal != 0, flags&flagTombstone != 0
	h.Sequence, h.Last, h.Rows = c.u64(), c.u64(), c.u64()
	h.FirstTime, h.LastTime, h.SealedAt = int64(c.u64()), int64(c.u64()), int64(c.u64())
	c.bad = c.bad || flags&^knownFlags != 0
	for range c.count(maxCoverage) {
		v := c.coverage(flags&flagVersion2 != 0)
		if c.bad {
			break
		}
		h.Coverage = append(h.Coverage, v)
	}
	if flags&flagClock != 0 {
		h.Clock = c.clock()
	}
	if flags&flagMarks != 0 {
		c.marks(&h)
	}
	if c.bad || len(c.b) != 0 {
		return Header{}, fmt.Errorf("%w: %w", ErrBroken, errHeader)
	}
	return h, nil
}

// clock reads what appendClock wrote. A state that is not known here is refused, like a flag.
func (c *cursor) clock() (v Clock) {
	copy(v.Boot[:], c.take(16))
	v.Offset = int64(c.u64())
	v.State = ClockState(c.take(1)[0])
	c.bad = c.bad || v.State == ClockUnknown || v.State > ClockSynced
	return v
}

// coverage reads an entry, of version 2 or of the one before.
func (c *cursor) coverage(version2 bool) Coverage {
	v := Coverage{Interface: c.string(), Index: c.take(1)[0]}
	v.From, v.To = int64(c.u64()), int64(c.u64())
	v.Received, v.Rows = c.u64(), c.u64()
	pending := c.u64()
	v.Filter = c.string()
	v.SnapLength = c.u32()
	for range c.count(maxLosses) {
		v.Losses = append(v.Losses, Loss{Reason: c.string(), Packets: c.uvarint()})
	}
	if !version2 {
		v.Old, v.Pending, v.SampleRate = true, pending, 1
		return v
	}
	flags := c.take(1)[0]
	c.bad = c.bad || flags&^knownCoverageFlags != 0
	if v.UserFilter, v.Old = flags&flagUserFilter != 0, flags&flagOld != 0; v.Old {
		v.Pending = pending
	} else {
		v.PendingChange = int64(pending)
	}
	v.SampleRate, v.SampleBy, v.Mode = c.u32(), c.string(), c.string()
	v.Freezes, v.Merged, v.Partial = c.uvarint(), c.uvarint(), c.uvarint()
	if flags&flagLink != 0 {
		v.Link = LinkCounts{c.uvarint(), c.uvarint(), c.uvarint(), true}
	}
	return v
}

// readHeader reads and checks the header of a segment and compares the file's size with it. When only the
// size is wrong the header is returned beside errBody.
func (s *Spool) readHeader(ordinal uint64) (Header, int64, error) {
	return readHeader(s.fs, s.path(ordinal))
}

func readHeader(fs FS, path string) (Header, int64, error) {
	// Most headers are a few hundred bytes; the body is not read for them.
	head, size, err := fs.ReadHead(path, blockSize)
	if err != nil {
		return Header{}, 0, fmt.Errorf("spool: read %s: %w", path, err)
	}
	length, _, err := parsePrefix(head)
	if err == nil && prefixSize+length > len(head) {
		head, size, err = fs.ReadHead(path, prefixSize+length)
	}
	if err != nil {
		return Header{}, 0, fmt.Errorf("spool: read %s: %w", path, err)
	}
	h, body, err := parseHead(head)
	if err != nil {
		return Header{}, 0, fmt.Errorf("spool: %s: %w", path, err)
	}
	if size != int64(prefixSize+length+body) {
		return h, size, fmt.Errorf("spool: %s: %w: the file has %d bytes", path, errBody, size)
	}
	return h, size, nil
}
