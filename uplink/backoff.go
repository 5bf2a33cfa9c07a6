package uplink

import "time"

// backoff says how long to wait after each failure in a row: a random time up to a bound that doubles (full
// jitter), so that thousands of devices do not come back to a restarted database at once.
type backoff struct {
	bound  time.Duration                           // of the next wait; 0: backoffFirst
	random func(below time.Duration) time.Duration // evenly from [0, below)
}

func (b *backoff) next() time.Duration {
	bound := max(b.bound, backoffFirst)
	b.bound = min(2*bound, backoffLast)
	return b.random(bound)
}

// reset begins again with the shortest waits, after a success.
func (b *backoff) reset() { b.bound = 0 }
