package uplink

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestBackoff: the bounds double up to the last one, and begin again after a success.
func TestBackoff(t *testing.T) {
	var bounds []time.Duration
	b := backoff{random: func(below time.Duration) time.Duration {
		bounds = append(bounds, below)
		return below - 1
	}}
	for range 9 {
		b.next()
	}
	b.reset()
	if d := b.next(); d != backoffFirst-1 {
		t.Errorf("after a success the wait is %v", d)
	}
	const s = time.Second
	want := []time.Duration{s / 2, s, 2 * s, 4 * s, 8 * s, 16 * s, 30 * s, 30 * s, 30 * s, s / 2}
	if !slices.Equal(bounds, want) {
		t.Errorf("bounds %v, want %v", bounds, want)
	}
}

// TestHerd: of ten thousand devices that lost the same database at the same moment, no tenth of any wait's span gets
// more than its share of them.
func TestHerd(t *testing.T) {
	const devices = 10_000
	source := rand.New(rand.NewPCG(5, 7))
	random := func(below time.Duration) time.Duration { return time.Duration(source.Int64N(int64(below))) }
	all := make([]backoff, devices)
	for i := range all {
		all[i].random = random
	}
	for attempt, bound := 0, backoffFirst; attempt < 8; attempt, bound = attempt+1, min(2*bound, backoffLast) {
		var tenths [10]int
		for i := range all {
			tenths[int(10*all[i].next()/bound)]++
		}
		// The share is 1000 with a standard deviation of 30.
		if least, most := slices.Min(tenths[:]), slices.Max(tenths[:]); least < 850 || most > 1150 {
			t.Errorf("attempt %d: %v devices in the tenths of %v", attempt, tenths, bound)
		}
	}
}
