package spool

import (
	"reflect"
	"testing"
)

// full is an interval in which everything happened.
func full() Coverage {
	return Coverage{
		Interface: "wan", Index: 1, From: 10, To: 20, Received: 100, Rows: 90, PendingChange: 7, Losses: []Loss{{"ring_full", 3}},
		Freezes: 1, Merged: 2, Partial: 4, Link: LinkCounts{Received: 1000, Sent: 500, Dropped: 5, Known: true},
		Filter: "tcp", SnapLength: 256, SampleRate: 10, SampleBy: "flow", Mode: "ring",
	}
}

// TestMergeAdds: what two workers, or two intervals, counted becomes one entry that still balances.
func TestMergeAdds(t *testing.T) {
	later := full()
	later.From, later.To, later.Received, later.Rows, later.PendingChange = 5, 30, 10, 13, -5
	later.Losses = []Loss{{"ring_full", 1}, {"recorder_full", 1}}
	later.Link = LinkCounts{}
	var h Header
	first := full()
	h.Merge(&first)
	h.Merge(&later)
	want := full()
	want.From, want.To, want.Received, want.Rows, want.PendingChange = 5, 30, 110, 103, 2
	want.Losses = []Loss{{"ring_full", 4}, {"recorder_full", 1}}
	want.Freezes, want.Merged, want.Partial = 2, 4, 8
	if len(h.Coverage) != 1 || !reflect.DeepEqual(h.Coverage[0], want) {
		t.Errorf("got  %+v\nwant %+v", h.Coverage, want)
	}
	if !reflect.DeepEqual(first, full()) {
		t.Errorf("the first interval changed: %+v", first)
	}
}

// TestMergeKeepsApart: intervals that looked in another way stay entries of their own.
func TestMergeKeepsApart(t *testing.T) {
	for name, change := range map[string]func(*Coverage){
		"interface":    func(c *Coverage) { c.Interface = "lan" },
		"index":        func(c *Coverage) { c.Index = 2 },
		"filter":       func(c *Coverage) { c.Filter = "udp" },
		"snap length":  func(c *Coverage) { c.SnapLength = 96 },
		"sample rate":  func(c *Coverage) { c.SampleRate = 100 },
		"sample by":    func(c *Coverage) { c.SampleBy = "packet" },
		"mode":         func(c *Coverage) { c.Mode = "read" },
		"user filter":  func(c *Coverage) { c.UserFilter = true },
		"old accounts": func(c *Coverage) { c.Old, c.Pending, c.PendingChange = true, 7, 0 },
	} {
		a, b := full(), full()
		change(&b)
		var h Header
		h.Merge(&a)
		h.Merge(&b)
		h.Merge(&a)
		if len(h.Coverage) != 2 || h.Coverage[0].Received != 200 || h.Coverage[1].Received != 100 {
			t.Errorf("another %s: %+v", name, h.Coverage)
		}
	}
}

func TestLinkCountsSince(t *testing.T) {
	before := LinkCounts{Received: 10, Sent: 20, Dropped: 3, Known: true}
	tests := []struct {
		name        string
		now, before LinkCounts
		want        LinkCounts
	}{
		{"later", LinkCounts{15, 20, 4, true}, before, LinkCounts{5, 0, 1, true}},
		{"the first reading", LinkCounts{15, 20, 4, true}, LinkCounts{}, LinkCounts{15, 20, 4, true}},
		{"not read", LinkCounts{}, before, LinkCounts{}},
		{"received began anew", LinkCounts{9, 20, 3, true}, before, LinkCounts{}},
		{"sent began anew", LinkCounts{10, 19, 3, true}, before, LinkCounts{}},
		{"dropped began anew", LinkCounts{10, 20, 2, true}, before, LinkCounts{}},
	}
	for _, tt := range tests {
		if got := tt.now.Since(tt.before); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}
