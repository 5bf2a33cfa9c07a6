package spool

import (
	"encoding/binary"
	"slices"
)

// Mark is a note that a person left among what was recorded, so that a change made on the network is found again later.
type Mark struct {
	At   int64  // Unix nanoseconds, by the header's Clock
	By   string // who left it, as "console 192.168.1.5"; of more than MaxMarkBy bytes the rest is cut off
	Text string // of more than MaxMarkText bytes the rest is cut off
}

// takeMarks adds the marks of the tombstone that follows. Those that come first stay: whoever goes on leaving marks during an
// outage cannot push out what was there before, nor fill the spool with what never gives way.
func (h *Header) takeMarks(next *Header) {
	marks := slices.Concat(h.Marks, next.Marks)
	kept := min(len(marks), MaxMarks)
	h.LostMarks += next.LostMarks + uint64(len(marks)-kept)
	h.Marks = marks[:kept:kept]
}

func (h *Header) hasMarks() bool { return len(h.Marks) > 0 || h.LostMarks > 0 }

func appendMarks(b []byte, h *Header) []byte {
	b = binary.AppendUvarint(b, uint64(len(h.Marks)))
	for i := range h.Marks {
		m := &h.Marks[i]
		b = binary.LittleEndian.AppendUint64(b, uint64(m.At))
		b = appendString(b, m.By[:min(len(m.By), MaxMarkBy)])
		b = appendString(b, m.Text[:min(len(m.Text), MaxMarkText)])
	}
	return binary.AppendUvarint(b, h.LostMarks)
}

// marks reads what appendMarks wrote. A header that says that there are some, and has none, is refused: nobody wrote it.
func (c *cursor) marks(h *Header) {
	for range c.count(MaxMarks) {
		m := Mark{At: int64(c.u64())}
		m.By = string(c.take(int(c.count(MaxMarkBy))))
		m.Text = string(c.take(int(c.count(MaxMarkText))))
		if c.bad {
			return
		}
		h.Marks = append(h.Marks, m)
	}
	h.LostMarks = c.uvarint()
	c.bad = c.bad || !h.hasMarks()
}
