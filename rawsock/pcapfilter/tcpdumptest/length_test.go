package tcpdumptest

import (
	"cmp"
	"slices"
	"testing"
)

// compareLengths reports how long our programs are beside tcpdump's optimized ones, and fails when the median
// expression has become longer.
func compareLengths(t *testing.T, results []*result) {
	var compared []*result
	var ours, theirs []int
	var shorter, longer, sumOurs, sumTheirs int
	for _, r := range results {
		if r.refusal != nil || r.optimized == nil {
			continue
		}
		compared = append(compared, r)
		a, b := len(r.ours), len(r.optimized)
		ours, theirs = append(ours, a), append(theirs, b)
		sumOurs, sumTheirs = sumOurs+a, sumTheirs+b
		switch {
		case a < b:
			shorter++
		case a > b:
			longer++
		}
	}
	if len(compared) == 0 {
		t.Error("no program was compared")
		return
	}
	slices.SortStableFunc(compared, func(a, b *result) int { return cmp.Compare(b.ratio(), a.ratio()) })
	ratio := compared[len(compared)/2].ratio()
	share := func(n int) float64 { return 100 * float64(n) / float64(len(compared)) }
	t.Logf("%d programs: median length %d, of tcpdump's %d; median ratio %.2f; all together %d and %d",
		len(compared), median(ours), median(theirs), ratio, sumOurs, sumTheirs)
	t.Logf("%.1f%% are shorter than tcpdump's, %.1f%% as long, %.1f%% longer",
		share(shorter), share(len(compared)-shorter-longer), share(longer))
	for _, r := range compared[:min(20, len(compared))] {
		t.Logf("%3d, tcpdump's %3d: %s: %s", len(r.ours), len(r.optimized), r.link.name, r.expr)
	}
	if median(ours) > median(theirs) || ratio > 1 {
		t.Error("the median program is longer than tcpdump's")
	}
}

func (r *result) ratio() float64 { return float64(len(r.ours)) / float64(len(r.optimized)) }

func median(n []int) int { return slices.Sorted(slices.Values(n))[len(n)/2] }
