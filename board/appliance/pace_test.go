package appliance

import (
	"slices"
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	var p pace
	now := time.Unix(1_800_000_000, 0)
	if r := p.rates(); r.Now != 0 || len(r.History) != 0 || r.History == nil {
		t.Errorf("before the first sample: %+v", r)
	}
	p.add(now, 1000)
	if r := p.rates(); len(r.History) != 0 {
		t.Errorf("one sample has no rate: %+v", r)
	}
	p.add(now, 2000)
	if r := p.rates(); len(r.History) != 0 {
		t.Errorf("no time has no rate: %+v", r)
	}
	p.add(now.Add(2*time.Second), 2300) // a machine with other things to do
	p.add(now.Add(3*time.Second), 2300)
	p.add(now.Add(4*time.Second), 2303)
	if r := p.rates(); r.Now != 3 || r.Minute != 51 || r.Most != 150 || !slices.Equal(r.History, []float64{150, 0, 3}) {
		t.Errorf("%+v", r)
	}
	// What is older than a minute is forgotten.
	for i := range 2 * paceSamples {
		p.add(now.Add(time.Duration(5+i)*time.Second), 2303+uint64(i)+1)
	}
	if r := p.rates(); r.Now != 1 || r.Minute != 1 || r.Most != 1 || len(r.History) != paceSamples {
		t.Errorf("%+v", r)
	}
}

func TestSparkline(t *testing.T) {
	for _, row := range []struct {
		name   string
		values []float64
		cells  int
		want   string
	}{
		{"nothing yet", nil, 60, ""},
		{"silence", []float64{0, 0, 0}, 60, "▁▁▁"},
		{"every bar", []float64{0, 1, 2, 3, 4, 5, 6, 7}, 60, "▁▂▃▄▅▆▇█"},
		{"something is not nothing", []float64{0, 0.1, 1_000_000}, 60, "▁▂█"},
		{"the newest", []float64{900, 1, 7}, 2, "▂█"},
	} {
		if got := sparkline(row.values, row.cells); got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
}
