package appliance

import (
	"math"
	"testing"
)

func TestSessionsWithin(t *testing.T) {
	for _, row := range []struct {
		limit        uint64
		wanted, want int
	}{
		{1024, 256, 256},
		{1024, 960, 960},
		{1024, 961, 960},
		{65, 256, 1},
		{64, 256, 1},
		{0, 256, 1},
		{math.MaxUint64, 4096, 4096}, // RLIM_INFINITY
	} {
		if got := sessionsWithin(row.limit, row.wanted); got != row.want {
			t.Errorf("%d descriptors: %d of %d sessions, want %d", row.limit, got, row.wanted, row.want)
		}
	}
}
