package uplink

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
)

func TestComplaints(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	refused := func(port int) error { return fmt.Errorf("dial tcp 192.0.2.1:%d: connection refused", port) }
	server := func(code, text string) error {
		return fmt.Errorf("uplink: copy rows: %w", &pq.Error{Code: pqerror.Code(code), Message: text})
	}
	var c complaints
	for i, step := range []struct {
		after time.Duration
		err   error
		due   bool
	}{
		{0, refused(40001), true},
		{1 * time.Second, refused(40002), false}, // the text changes, the reason does not
		{2 * time.Second, server("42P01", `relation "packets" does not exist`), true},
		{3 * time.Second, server("42P01", `relation "segments" does not exist`), false},
		{4 * time.Second, refused(40003), false}, // they take turns
		{5 * time.Second, server("42501", "permission denied"), true},
		{complainEvery - 1, refused(40004), false},
		{complainEvery, refused(40005), true},
		{complainEvery + time.Second, server("42P01", "x"), false},
		{complainEvery + 2*time.Second, server("42P01", "x"), true},
	} {
		if got := c.due(step.err, start.Add(step.after)); got != step.due {
			t.Errorf("step %d, %v after %v: due is %t", i, step.err, step.after, got)
		}
	}
}

// TestComplaintsBound: an error that is another one each time fills neither the log nor the memory.
func TestComplaintsBound(t *testing.T) {
	var c complaints
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	count := func() (told int) {
		for i := range 1000 {
			if c.due(errors.New(strings.Repeat("x", i)), now) {
				told++
			}
		}
		return told
	}
	for range 3 {
		if told := count(); told != maxReasons || len(c.told) > maxReasons {
			t.Errorf("%d of 1000 reasons were told and %d are remembered, the bound is %d", told, len(c.told), maxReasons)
		}
		now = now.Add(complainEvery)
	}
}
