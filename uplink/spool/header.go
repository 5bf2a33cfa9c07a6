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
	Coverage  []Coverage
}

// Coverage is what one interface saw while the segment was filled.
type Coverage struct {
	Interface string
	Index     uint8 // the interface's number in the rows of the body
	From, To  int64 // the interval, Unix nanoseconds
	Received  uint64
	Rows      uint64
	Pending   uint64 // counted by the kernel, not yet walked at the interval's end
	Filter    string // the user's filter expression
	// SnapLength is the number of bytes captured of a frame at most.
	SnapLength uint32
	Losses     []Loss
}

// Loss counts packets that are not rows, under the reason's name.
type Loss struct {
	Reason  string
	Packets uint64
}

// Lose adds packets to the count of a reason.
func (c *Coverage) Lose(reason string, packets uint64) {
	if packets == 0 {
		return
	}
	for i := range c.Losses {
		if c.Losses[i].Reason == reason {
			c.Losses[i].Packets += packets
			return
		}
	}
	c.Losses = append(c.Losses, Loss{reason, packets})
}

// Bury turns the header into that of a tombstone: every row becomes a loss for the reason. It returns the
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

// absorb adds the tombstone that follows in the same run. It reports false when there is a gap or another
// run between them, or when the two together are over the limits: then h is of no more use.
func (h *Header) absorb(next *Header) bool {
	if h.Device != next.Device || h.Run != next.Run || next.Sequence != h.Last+1 {
		return false
	}
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
	return h.fits(len(appendHeader(nil, h)), 0)
}

// fits reports whether a header that is encoded in size bytes can be read again, also with so many more
// reasons on every interface.
func (h *Header) fits(size, reasons int) bool {
	if len(h.Coverage) > maxCoverage {
		return false
	}
	for i := range h.Coverage {
		if len(h.Coverage[i].Losses)+reasons > maxLosses {
			return false
		}
	}
	return size+len(h.Coverage)*reasons*burial <= maxHeader
}

// Merge adds a later interval of an interface to the header.
func (h *Header) Merge(n *Coverage) {
	for i := range h.Coverage {
		c := &h.Coverage[i]
		if c.Interface != n.Interface || c.Index != n.Index || c.Filter != n.Filter || c.SnapLength != n.SnapLength {
			continue
		}
		c.To = n.To
		c.Received += n.Received
		c.Rows += n.Rows
		c.Pending = n.Pending
		for _, l := range n.Losses {
			c.Lose(l.Reason, l.Packets)
		}
		return
	}
	h.Coverage = append(h.Coverage, *n)
	c := &h.Coverage[len(h.Coverage)-1]
	c.Losses = append([]Loss(nil), n.Losses...)
}
