package uplink

import (
	"encoding/binary"
	"time"

	"network-sniffer/decode"
	"network-sniffer/uplink/spool"
)

// moment is a point in time: what CLOCK_BOOTTIME showed, in nanoseconds, and how the wall clock stood to it.
type moment struct {
	boot  int64
	clock spool.Clock
}

// at is a moment of a short while ago, with the clock of now.
func (s *steadyClock) at(t time.Time) moment { return moment{bootTime(t), s.now()} }

// trusted is the clock that the batch's times are to be by: the better one of its interval's two ends, and of equal
// ones the newer, because who sets a clock means to correct it.
func (b *batch) trusted() spool.Clock {
	if b.begin.clock.State > b.end.clock.State {
		return b.begin.clock
	}
	return b.end.clock
}

// restamp gives all rows of a batch one clock when the clock was set while they were recorded. It walks the batch, and
// is the work of the sealer's goroutine: setting the clock is rare, and capture does not wait for it.
func (b *batch) restamp() {
	step := b.end.clock.Offset - b.begin.clock.Offset
	if step == 0 || b.rows == 0 || b.pushed {
		return
	}
	var oldShift, newShift int64
	if b.clock.SameTime(b.end.clock) {
		oldShift = step
	} else {
		newShift = -step
	}
	change := b.stepRow()
	row := 0
	b.eachTime(func(stamp []byte) {
		t := int64(binary.LittleEndian.Uint64(stamp))
		if b.isOld(t, row < change) {
			t += oldShift
		} else {
			t += newShift
		}
		binary.LittleEndian.PutUint64(stamp, uint64(t))
		if row == 0 {
			b.first, b.last = t, t
		}
		b.first, b.last = min(b.first, t), max(b.last, t)
		row++
	})
}

// isOld reports whether a time was stamped before the clock was set: it lies in the interval by the old clock and not
// by the new one. When it could be either, after a small step, before tells: whether the row stands before the change.
func (b *batch) isOld(t int64, before bool) bool {
	byOld, byNew := b.within(t-b.begin.clock.Offset), b.within(t-b.end.clock.Offset)
	if byOld != byNew {
		return byOld
	}
	return before
}

// within reports whether a reading of CLOCK_BOOTTIME is in the interval, or near enough for a frame that waited in a ring.
func (b *batch) within(boot int64) bool {
	return boot >= b.begin.boot-int64(strayTime) && boot <= b.end.boot+int64(strayTime)
}

// stepRow is the first row after the clock was set, judged by order alone: where the times jump furthest in the
// direction of the step, from the interval's beginning by the old clock to its end by the new one.
func (b *batch) stepRow() int {
	forward := b.end.clock.Offset > b.begin.clock.Offset
	before := b.begin.boot + b.begin.clock.Offset
	var furthest int64
	row, change := 0, 0
	jump := func(to int64) {
		distance := to - before
		if !forward {
			distance = -distance
		}
		if row == 0 || distance > furthest {
			furthest, change = distance, row
		}
		before = to
		row++
	}
	b.eachTime(func(stamp []byte) { jump(int64(binary.LittleEndian.Uint64(stamp))) })
	jump(b.end.boot + b.end.clock.Offset)
	return change
}

// eachTime hands out the time stamp of each record, 8 bytes, little endian.
func (b *batch) eachTime(do func(stamp []byte)) {
	var p decode.Packet
	for rest := b.records; len(rest) > 0; {
		next, err := parseRecord(rest, &p)
		if err != nil {
			return // what the recorder wrote parses; if not, the uploader finds the segment broken
		}
		do(rest[recordTime : recordTime+8])
		rest = next
	}
}
