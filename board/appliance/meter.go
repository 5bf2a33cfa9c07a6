package appliance

import (
	"sync"
	"time"
)

// The meter's samples: so many of them, so far apart, are a minute.
const (
	meterEvery   = 5 * time.Second
	meterSamples = 12
)

// meter tells how fast a counter grew in the last minute.
type meter struct {
	mu      sync.Mutex
	samples [meterSamples]sample
	n       int // taken so far; the oldest one kept is at n % meterSamples when the ring is full
}

type sample struct {
	at    time.Time
	count uint64
}

// add takes a sample; it is called each meterEvery.
func (m *meter) add(now time.Time, count uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.samples[m.n%meterSamples] = sample{now, count}
	m.n++
}

// perSecond is the growth since the oldest sample kept; count is what the counter has now.
func (m *meter) perSecond(now time.Time, count uint64) float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.n == 0 {
		return 0
	}
	oldest := m.samples[max(0, m.n-meterSamples)%meterSamples]
	if d := now.Sub(oldest.at).Seconds(); d > 0 {
		return float64(count-oldest.count) / d
	}
	return 0
}
