package console

import "time"

// bucket is a token bucket: rate tokens a second, burst at most. A negative rate never runs out.
type bucket struct {
	rate, burst, level float64
	last               time.Time
}

func newBucket(rate, burst int, now time.Time) bucket {
	return bucket{rate: float64(rate), burst: float64(burst), level: float64(burst), last: now}
}

func (b *bucket) fill(now time.Time) {
	if d := now.Sub(b.last); d > 0 {
		b.level = min(b.burst, b.level+d.Seconds()*b.rate)
		b.last = now
	}
}

// take takes up to n whole tokens and returns how many it got.
func (b *bucket) take(now time.Time, n int) int {
	if b.rate < 0 {
		return n
	}
	b.fill(now)
	n = min(n, int(b.level))
	b.level -= float64(n)
	return n
}

// empty reports whether take would get nothing.
func (b *bucket) empty(now time.Time) bool {
	if b.rate < 0 {
		return false
	}
	b.fill(now)
	return b.level < 1
}

// wait takes n tokens, on credit if there are none, and returns how long the caller waits for them.
func (b *bucket) wait(now time.Time, n int) time.Duration {
	b.fill(now)
	b.level -= float64(n)
	if b.level >= 0 {
		return 0
	}
	return time.Duration(-b.level / b.rate * float64(time.Second))
}
