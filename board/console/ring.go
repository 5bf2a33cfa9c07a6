package console

import (
	"encoding/binary"
	"sync"

	"network-sniffer/board/console/frame"
	"network-sniffer/decode"
)

// A frame is kept as a record: a head of recordHead bytes, little endian, and the captured bytes, padded to
// recordAlign. A record does not wrap around the end of the ring: one without a frame fills what is left there.
//
//	size u32 of the record, captured u32 or noFrame, index u64, time i64, wire length u32, interface index i32,
//	link type u16, TPID u16, TCI u16, interface u8, direction u8
const (
	recordHead  = 40
	recordAlign = 8
	noFrame     = 1<<32 - 1
)

func recordSize(data int) int { return (recordHead + data + recordAlign - 1) &^ (recordAlign - 1) }

// appendRecord writes a frame behind b, which must have room for it.
func appendRecord(b []byte, m *decode.Meta, index int32, data []byte) []byte {
	size := recordSize(len(data))
	n := len(b)
	b = b[:n+size]
	r := b[n:]
	le := binary.LittleEndian
	le.PutUint32(r, uint32(size))
	le.PutUint32(r[4:], uint32(len(data)))
	le.PutUint64(r[16:], uint64(m.Time))
	le.PutUint32(r[24:], m.WireLength)
	le.PutUint32(r[28:], uint32(index))
	le.PutUint16(r[32:], uint16(m.LinkType))
	le.PutUint16(r[34:], m.VLANTPID)
	le.PutUint16(r[36:], m.VLANTCI)
	r[38], r[39] = m.Interface, byte(m.Direction)
	copy(r[recordHead:], data)
	return b
}

// load makes f the frame of a record; f.Data is part of the record.
func load(f *frame.Frame, r []byte) {
	le := binary.LittleEndian
	f.Meta = decode.Meta{
		Time: int64(le.Uint64(r[16:])), WireLength: le.Uint32(r[24:]), LinkType: decode.LinkType(le.Uint16(r[32:])),
		VLANTPID: le.Uint16(r[34:]), VLANTCI: le.Uint16(r[36:]), Interface: r[38], Direction: decode.Direction(r[39]),
	}
	f.Index = int32(le.Uint32(r[28:]))
	n := recordHead + int(le.Uint32(r[4:]))
	f.Data = r[recordHead:n:n]
}

// ring holds the newest frames. The hub writes it, every session reads it.
type ring struct {
	mu sync.RWMutex // held by readers for a few frames, never across a wait

	buf        []byte
	head, tail uint64 // where the next record goes and where the oldest is, counted without wrapping
	index      uint64 // packets offered so far, those that were not copied too: the number of the next one
}

// newRing has room for two of the longest frames at least.
func newRing(bytes, longest int) ring {
	return ring{buf: make([]byte, max(bytes, 2*recordSize(longest))&^(recordAlign-1))}
}

// put adds records and then counts missed packets that nobody copied.
func (r *ring) put(records []byte, missed uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(records) > 0 {
		size := binary.LittleEndian.Uint32(records)
		r.add(records[:size])
		records = records[size:]
	}
	r.index += missed
}

func (r *ring) add(record []byte) {
	capacity := uint64(len(r.buf))
	at := r.head % capacity
	if left := capacity - at; left < uint64(len(record)) {
		r.free(left)
		binary.LittleEndian.PutUint32(r.buf[at:], uint32(left)) // fits: sizes and the capacity are aligned
		binary.LittleEndian.PutUint32(r.buf[at+4:], noFrame)
		r.head += left
		at = 0
	}
	r.free(uint64(len(record)))
	copy(r.buf[at:], record)
	binary.LittleEndian.PutUint64(r.buf[at+8:], r.index)
	r.index++
	r.head += uint64(len(record))
}

// free gives up the oldest records until so many bytes have room.
func (r *ring) free(bytes uint64) {
	capacity := uint64(len(r.buf))
	for r.head+bytes-r.tail > capacity {
		r.tail += uint64(binary.LittleEndian.Uint32(r.buf[r.tail%capacity:]))
	}
}

// cursor is where a reader of the ring stands.
type cursor struct {
	at    uint64 // of the next record
	index uint64 // of the next packet
}

// newest is a cursor behind everything.
func (r *ring) newest() cursor {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return cursor{r.head, r.index}
}

// next makes f the frame at the cursor, which moves on, and returns how many packets before it are not there: lapped, or
// never copied. Without a frame it is false, and missed is what was not copied since. The caller holds mu for reading as
// long as it uses f.Data.
func (r *ring) next(c *cursor, f *frame.Frame) (missed uint64, ok bool) {
	c.at = max(c.at, r.tail)
	capacity := uint64(len(r.buf))
	for c.at < r.head {
		record := r.buf[c.at%capacity:]
		size := binary.LittleEndian.Uint32(record)
		c.at += uint64(size)
		if binary.LittleEndian.Uint32(record[4:]) == noFrame {
			continue
		}
		index := binary.LittleEndian.Uint64(record[8:])
		load(f, record[:size])
		missed, c.index = index-c.index, index+1
		return missed, true
	}
	missed, c.index = r.index-c.index, r.index
	return missed, false
}

// pass moves the cursor behind the next frame before end that matches; false: there is none.
func (r *ring) pass(c *cursor, end uint64, filter *frame.Filter) bool {
	for {
		if found, more := r.passSome(c, end, filter); found || !more {
			return found
		}
	}
}

// passSome looks at no more frames than one lock is held for.
func (r *ring) passSome(c *cursor, end uint64, filter *frame.Filter) (found, more bool) {
	var f frame.Frame
	r.mu.RLock()
	defer r.mu.RUnlock()
	for range looks {
		if _, ok := r.next(c, &f); !ok || c.at > end {
			return false, false
		}
		if filter.Match(&f) {
			return true, true
		}
	}
	return false, true
}

// skip moves the cursor behind everything and returns how many packets it passed.
func (r *ring) skip(c *cursor) uint64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	passed := r.index - c.index
	*c = cursor{r.head, r.index}
	return passed
}
