package spool

// Coverage is what one interface saw while the segment was filled. It balances by itself:
//
//	Received = Rows + all Losses + PendingChange
type Coverage struct {
	Interface string
	Index     uint8 // the interface's number in the rows of the body
	From, To  int64 // the interval, Unix nanoseconds

	// Received is what the kernel showed: passed the filter, and was not sampled away.
	Received uint64
	Rows     uint64
	Losses   []Loss
	// PendingChange is by how much more packets wait at the interval's end than at its beginning: counted by the
	// kernel and not walked yet. Changes of several rings add up, numbers of one moment do not.
	PendingChange int64

	// Freezes is how often the ring was full; Merged and Partial count packets that the host had changed: several
	// wire segments in one frame (GRO, GSO), and checksums that the network card was still to write.
	Freezes, Merged, Partial uint64
	Link                     LinkCounts

	Filter string // the user's filter expression
	// SnapLength is the number of bytes captured of a frame at most.
	SnapLength uint32
	// SampleRate is of how many packets one was let through, 1 for all; SampleBy is what was chosen at random,
	// "flow" or "packet", and empty for all.
	SampleRate uint32
	SampleBy   string
	// Mode is how the packets came: "ring", "read" (a socket without a ring), "file"; empty when no socket was open.
	Mode       string
	UserFilter bool // the kernel refused the filter's program: it ran in user space

	// Old: the program that counted was one of before PendingChange. Pending is how many packets waited at the
	// interval's end, and what came later than this field is not told.
	Old     bool
	Pending uint64
}

// LinkCounts are frames by the interface's own counters, whoever looked. They are read a moment before or after the
// others, and count wire segments where the host merges them.
type LinkCounts struct {
	Received, Sent uint64
	Dropped        uint64 // on their way in, for want of room or because nobody wanted them
	Known          bool   // false: they were not read, and are zero
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

// Add adds the counters of another interval of the interface, or of the same one by another ring. How it looked
// is told as the other has it.
func (c *Coverage) Add(n *Coverage) {
	c.From, c.To = min(c.From, n.From), max(c.To, n.To)
	c.Received += n.Received
	c.Rows += n.Rows
	for _, l := range n.Losses {
		c.Lose(l.Reason, l.Packets)
	}
	c.PendingChange += n.PendingChange
	c.Freezes += n.Freezes
	c.Merged += n.Merged
	c.Partial += n.Partial
	c.Link.add(n.Link)
	c.Index, c.Filter, c.SnapLength = n.Index, n.Filter, n.SnapLength
	c.SampleRate, c.SampleBy = n.SampleRate, n.SampleBy
	c.Mode, c.UserFilter = n.Mode, n.UserFilter
	c.Old, c.Pending = n.Old, n.Pending
}

// sameLook reports whether two intervals are of one interface and looked in the same way.
func (c *Coverage) sameLook(n *Coverage) bool {
	return c.Interface == n.Interface && c.Index == n.Index && c.Filter == n.Filter && c.SnapLength == n.SnapLength &&
		c.SampleRate == n.SampleRate && c.SampleBy == n.SampleBy && c.Mode == n.Mode && c.UserFilter == n.UserFilter &&
		c.Old == n.Old
}

func (l *LinkCounts) add(n LinkCounts) {
	l.Received += n.Received
	l.Sent += n.Sent
	l.Dropped += n.Dropped
	l.Known = l.Known || n.Known
}

// Since returns what was counted after an earlier reading, or since zero when that is not known; unknown when
// the counters began anew in between.
func (l LinkCounts) Since(before LinkCounts) LinkCounts {
	if !l.Known || l.Received < before.Received || l.Sent < before.Sent || l.Dropped < before.Dropped {
		return LinkCounts{}
	}
	return LinkCounts{l.Received - before.Received, l.Sent - before.Sent, l.Dropped - before.Dropped, true}
}
