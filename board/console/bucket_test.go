package console

import (
	"testing"
	"time"
)

func TestBucketTake(t *testing.T) {
	start := time.Unix(0, 0)
	type step struct {
		at   time.Duration
		ask  int
		want int
	}
	tests := []struct {
		name        string
		rate, burst int
		steps       []step
	}{
		{"full at first", 10, 5, []step{{0, 10, 5}, {0, 1, 0}}},
		{"fills at its rate", 10, 5, []step{{0, 5, 5}, {100 * time.Millisecond, 5, 1}, {300 * time.Millisecond, 5, 2}}},
		{"keeps fractions", 10, 5, []step{{0, 5, 5}, {50 * time.Millisecond, 5, 0}, {100 * time.Millisecond, 5, 1}}},
		{"never more than its burst", 10, 5, []step{{0, 5, 5}, {time.Hour, 50, 5}}},
		{"a clock that goes back", 10, 5, []step{{time.Second, 5, 5}, {0, 5, 0}, {1100 * time.Millisecond, 5, 1}}},
		{"no limit", -1, 1, []step{{0, 1 << 20, 1 << 20}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBucket(tt.rate, tt.burst, start)
			for i, s := range tt.steps {
				if got := b.take(start.Add(s.at), s.ask); got != s.want {
					t.Errorf("step %d: took %d, want %d", i, got, s.want)
				}
			}
		})
	}
}

func TestBucketWait(t *testing.T) {
	start := time.Unix(0, 0)
	b := newBucket(20, 2, start)
	for i, want := range []time.Duration{0, 0, 50 * time.Millisecond, 100 * time.Millisecond} {
		if got := b.wait(start); got != want {
			t.Errorf("token %d after %v, want %v", i, got, want)
		}
	}
}
