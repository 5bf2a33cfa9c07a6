package uplink

import (
	"sync"
	"sync/atomic"
	"time"
)

// throttle is a token bucket: in any span of time it lets through at most what its rate sends in it, and one
// burst. It counts bytes as they are given to the kernel, with TLS and without the headers of TCP and IP.
type throttle struct {
	rate   float64 // bytes per second
	burst  int     // bytes; the most that may be taken at once
	now    func() time.Time
	pause  func(d time.Duration, gone <-chan struct{}) error
	waited atomic.Int64 // nanoseconds, of all takes

	mu     sync.Mutex
	tokens float64 // below zero while somebody waits for what is promised to him
	at     time.Time
}

// newThrottle returns nil, which is unlimited, for a rate of 0.
func newThrottle(rate int64) *throttle {
	if rate == 0 {
		return nil
	}
	burst := min(max(rate/rateShare, minBurst), maxBurst)
	return &throttle{rate: float64(rate), burst: int(burst), tokens: float64(burst), now: time.Now, at: time.Now(), pause: pause}
}

// take returns when n bytes, at most a burst, may be sent; errAborted when the connection went away before.
func (t *throttle) take(n int, gone <-chan struct{}) error {
	began := t.now()
	d := t.reserve(n, began)
	if d <= 0 {
		return nil
	}
	err := t.pause(d, gone)
	t.waited.Add(int64(t.now().Sub(began)))
	return err
}

// reserve takes the tokens and returns how long it takes until they are there.
func (t *throttle) reserve(n int, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tokens = min(t.tokens+t.rate*now.Sub(t.at).Seconds(), float64(t.burst))
	t.at = now
	t.tokens -= float64(n)
	return time.Duration(-t.tokens / t.rate * float64(time.Second))
}

// held is how long senders have waited since the start.
func (t *throttle) held() time.Duration {
	if t == nil {
		return 0
	}
	return time.Duration(t.waited.Load())
}

func pause(d time.Duration, gone <-chan struct{}) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-gone:
		return errAborted
	}
}

// transactionLimit is how many bytes of the spool one transaction takes at a rate (bytes per second, 0: unlimited).
func transactionLimit(rate int64) int64 {
	if rate == 0 {
		return transactionBytes
	}
	return min(transactionBytes, rate/wireFactor*int64(rateTransaction/time.Second))
}

// timeAt is how long so many bytes take at a rate (bytes per second, 0: unlimited, which takes no time).
func timeAt(rate, bytes int64) time.Duration {
	if rate == 0 {
		return 0
	}
	return time.Duration(bytes/rate) * time.Second
}
