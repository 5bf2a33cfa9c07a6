//go:build linux

package testbed

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// pollFor waits until one of the events (poll(2)) is ready on fd; false means that timeout passed first.
func pollFor(fd int, events int16, timeout time.Duration) (bool, error) {
	end := time.Now().Add(timeout)
	for {
		// Rounded up: a remainder below one millisecond shall not spin.
		left := max(0, time.Until(end)+time.Millisecond-1)
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: events}}, int(left/time.Millisecond))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		return n > 0, err
	}
}
