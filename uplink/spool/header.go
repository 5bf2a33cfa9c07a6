package spool

// Header describes a segment.
type Header struct {
	Device   [16]byte // UUID of the appliance
	Run      [16]byte // UUID of one start of the daemon
	Sequence uint64   // from 1, within the run
	// Last is the last sequence number that a tombstone stands for; Sequence in every other segment, and Seal
	// sets it.
	Last uint64
	// Format says how the body is to be read; it is the uplink's business.
	Format    uint8
	Final     bool // the run ended cleanly with this segment
	Tombstone bool // the rows are gone, the coverage says how many and why
	Rows      uint64
	FirstTime int64 // of the rows, Unix nanoseconds; 0 without rows
	LastTime  int64
	SealedAt  int64 // Unix nanoseconds
	Clock     Clock // by which all of these times, and those of coverage, marks and rows, were taken
	Coverage  []Coverage
	Marks     []Mark // oldest first, at most MaxMarks
	// LostMarks counts marks that a tombstone had no room for.
	LostMarks uint64
}

// Shift moves every time of the header by so many nanoseconds. The times of the rows stand in the body.
func (h *Header) Shift(by int64) {
	if h.FirstTime != 0 || h.LastTime != 0 {
		h.FirstTime += by
		h.LastTime += by
	}
	h.SealedAt += by
	for i := range h.Coverage {
		h.Coverage[i].From += by
		h.Coverage[i].To += by
	}
	for i := range h.Marks {
		h.Marks[i].At += by
	}
}

// Bury turns the header into that of a tombstone: every row becomes a loss for the reason, and marks stay. It returns the
// number of rows.
func (h *Header) Bury(reason string) uint64 {
	var rows uint64
	for i := range h.Coverage {
		c := &h.Coverage[i]
		rows += c.Rows
		c.Lose(reason, c.Rows)
		c.Rows = 0
	}
	h.Tombstone, h.Rows = true, 0
	return rows
}

// absorb adds the tombstone that follows in the same run. It reports false when there is a gap, another run or
// a step of the clock between them, or when the two together are over the limits: then h is of no more use.
func (h *Header) absorb(next *Header) bool {
	if h.Device != next.Device || h.Run != next.Run || next.Sequence != h.Last+1 || !h.Clock.SameTime(next.Clock) {
		return false
	}
	h.Clock.State = min(h.Clock.State, next.Clock.State)
	h.Last = next.Last
	h.Final = h.Final || next.Final
	h.SealedAt = next.SealedAt
	if h.FirstTime == 0 || next.FirstTime != 0 && next.FirstTime < h.FirstTime {
		h.FirstTime = next.FirstTime
	}
	h.LastTime = max(h.LastTime, next.LastTime)
	for i := range next.Coverage {
		h.Merge(&next.Coverage[i])
	}
	h.takeMarks(next)
	return h.fits(len(appendHeader(nil, h)), 0)
}

// fits reports whether a header that is encoded in size bytes can be read again, also with so many more
// reasons on every interface.
func (h *Header) fits(size, reasons int) bool {
	if len(h.Coverage) > maxCoverage || len(h.Marks) > MaxMarks {
		return false
	}
	for i := range h.Coverage {
		if len(h.Coverage[i].Losses)+reasons > maxLosses {
			return false
		}
	}
	return size+len(h.Coverage)*reasons*burial <= maxHeader
}

// Merge adds an interval to the header: to the entry of the interface that looked in the same way, or as a new one.
func (h *Header) Merge(n *Coverage) {
	for i := range h.Coverage {
		if c := &h.Coverage[i]; c.sameLook(n) {
			c.Add(n)
			return
		}
	}
	h.Coverage = append(h.Coverage, *n)
	c := &h.Coverage[len(h.Coverage)-1]
	c.Losses = append([]Loss(nil), n.Losses...)
}
