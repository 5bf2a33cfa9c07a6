//go:build linux

package testbed

import (
	"testing"
	"time"
)

// Eventually looks until look says true, and fails the test with look's last words when it has not within
// timeout. It is for state outside of this process that nobody announces, such as what a database holds;
// where there is an event, use Await.
func Eventually(t testing.TB, timeout time.Duration, what string, look func() (bool, string)) {
	t.Helper()
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		ok, seen := look()
		if ok {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within %v: %s; last seen: %s", timeout, what, seen)
		}
	}
}

// Await returns the next value of events (the zero value when the channel is closed), and fails the test
// when there is none within timeout.
func Await[T any](t testing.TB, events <-chan T, timeout time.Duration, what string) T {
	t.Helper()
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	select {
	case event := <-events:
		return event
	case <-deadline.C:
		t.Fatalf("not within %v: %s", timeout, what)
		panic("unreachable")
	}
}
