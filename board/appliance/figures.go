package appliance

import "network-sniffer/uplink/spool"

// figures are the books of an interface under the names that they have in the ledger.
type figures struct {
	Interface     string            `json:"interface"`
	Received      uint64            `json:"received"`
	Rows          uint64            `json:"row_count"`
	Losses        map[string]uint64 `json:"losses"` // packets by reason
	PendingChange int64             `json:"pending_change"`
	// Balance is received without all of these: 0, or the books are wrong.
	Balance int64 `json:"balance"`

	Filter           string `json:"filter"`
	SnapLength       uint32 `json:"snap_length"`
	SampleRate       uint32 `json:"sample_rate"`
	SampleBy         string `json:"sample_by,omitempty"`
	Mode             string `json:"capture_mode"`
	UserFilter       bool   `json:"user_filter"`
	Freezes          uint64 `json:"freezes"`
	MergedFrames     uint64 `json:"merged_frames"`
	PartialChecksums uint64 `json:"partial_checksums"`
	linkFigures
}

// linkFigures are the interface's own counters since capture began; absent when they are not known.
type linkFigures struct {
	Received *uint64 `json:"link_received,omitempty"`
	Sent     *uint64 `json:"link_sent,omitempty"`
	Dropped  *uint64 `json:"link_dropped,omitempty"`
}

func figuresOf(c *spool.Coverage) figures {
	f := figures{
		Interface: c.Interface, Received: c.Received, Rows: c.Rows, Losses: map[string]uint64{},
		PendingChange: c.PendingChange, Balance: Balance(c),
		Filter: c.Filter, SnapLength: c.SnapLength, SampleRate: c.SampleRate, SampleBy: c.SampleBy, Mode: c.Mode,
		UserFilter: c.UserFilter, Freezes: c.Freezes, MergedFrames: c.Merged, PartialChecksums: c.Partial,
		linkFigures: linkFiguresOf(c.Link),
	}
	for _, l := range c.Losses {
		f.Losses[l.Reason] += l.Packets
	}
	return f
}

func linkFiguresOf(c spool.LinkCounts) linkFigures {
	if !c.Known {
		return linkFigures{}
	}
	return linkFigures{&c.Received, &c.Sent, &c.Dropped}
}

// figures are those of every interface and way of looking.
func (r Report) figures() []figures {
	all := make([]figures, len(r.Interfaces))
	for i := range r.Interfaces {
		all[i] = figuresOf(&r.Interfaces[i])
	}
	return all
}
