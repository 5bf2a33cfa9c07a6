package appliance

import (
	"errors"
	"os"
	"testing"
	"time"
)

// TestWithin: a stick that hangs does not keep the machine from stopping, and an answer is handed on.
func TestWithin(t *testing.T) {
	if err := within(time.Hour, func() error { return os.ErrClosed }); !errors.Is(err, os.ErrClosed) {
		t.Errorf("%v, want ErrClosed", err)
	}
	if err := within(time.Hour, func() error { return nil }); err != nil {
		t.Error(err)
	}
	end := make(chan struct{})
	defer close(end)
	if err := within(time.Millisecond, func() error { <-end; return nil }); !errors.Is(err, errNoAnswer) {
		t.Errorf("%v, want errNoAnswer", err)
	}
}
