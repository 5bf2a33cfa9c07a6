package appliance

import (
	"math"
	"slices"
	"strings"
	"sync"
	"time"
)

// A pace has a sample each paceEvery, and keeps the last minute.
const (
	paceEvery   = time.Second
	paceSamples = 60
)

// pace is how many packets a second came in the last minute.
type pace struct {
	mu        sync.Mutex
	at        time.Time // of the last sample; zero before the first one
	count     uint64
	perSecond [paceSamples]float64
	n         int // samples taken after the first; the next one goes to n % paceSamples
}

// add takes a sample of a count that only grows.
func (p *pace) add(now time.Time, count uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d := now.Sub(p.at).Seconds(); !p.at.IsZero() && d > 0 {
		p.perSecond[p.n%paceSamples] = float64(count-p.count) / d
		p.n++
	}
	p.at, p.count = now, count
}

// rates are packets a second, and their names in JSON.
type rates struct {
	Now     float64   `json:"packets_per_second"`
	Minute  float64   `json:"packets_per_second_last_minute"`
	Most    float64   `json:"packets_per_second_most"`
	History []float64 `json:"packets_per_second_history"` // the oldest first, a second apart
}

// rates tells the last minute, or what there was of it.
func (p *pace) rates() rates {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := rates{History: make([]float64, 0, paceSamples)}
	for i := max(0, p.n-paceSamples); i < p.n; i++ {
		r.History = append(r.History, math.Round(10*p.perSecond[i%paceSamples])/10)
	}
	if len(r.History) == 0 {
		return r
	}
	sum := 0.0
	for _, v := range r.History {
		sum += v
	}
	r.Now = r.History[len(r.History)-1]
	r.Minute = math.Round(10*sum/float64(len(r.History))) / 10
	r.Most = slices.Max(r.History)
	return r
}

// bars are eighths of a row, the lowest of which stands for nothing at all.
var bars = []rune("▁▂▃▄▅▆▇█")

// sparkline draws the newest values that fit into so many cells, a cell each, by the highest of them.
func sparkline(values []float64, cells int) string {
	values = values[max(0, len(values)-cells):]
	if len(values) == 0 {
		return ""
	}
	most := slices.Max(values)
	var b strings.Builder
	for _, v := range values {
		bar := 0
		if v > 0 { // something is never drawn as nothing
			bar = max(1, int(math.Round(v/most*float64(len(bars)-1))))
		}
		b.WriteRune(bars[bar])
	}
	return b.String()
}
