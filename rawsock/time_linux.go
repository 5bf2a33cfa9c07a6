package rawsock

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// stampByHardware asks for the interface's own stamps (PACKET_TIMESTAMP of packet(7)) and reports whether they will
// be used. The interface must be set to stamp all that it receives, as `hwstamp_ctl -r 1` does: setting it here would
// take it away from whoever synchronizes clocks with it. And its clock must agree with the system's: many count from
// their last reset, or in TAI.
func stampByHardware(fd int, link Link) bool {
	if link.Index == 0 {
		return false
	}
	_, all, clock := hardwareTime(fd, link.Name)
	if !all || clock < 0 {
		return false
	}
	now, err := readClock(fmt.Sprintf("/dev/ptp%d", clock))
	if err != nil || !believable(now, time.Now()) {
		return false
	}
	return unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_TIMESTAMP, unix.SOF_TIMESTAMPING_RAW_HARDWARE) == nil
}

// readClock reads the clock of a network card (clock_gettime(2), dynamic clocks).
func readClock(path string) (time.Time, error) {
	device, err := os.Open(path)
	if err != nil {
		return time.Time{}, err
	}
	defer device.Close()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.FdToClockID(int(device.Fd())), &now); err != nil {
		return time.Time{}, os.NewSyscallError("clock_gettime", err)
	}
	return time.Unix(now.Unix()), nil
}

// believable compares a card's clock with the system's.
func believable(card, system time.Time) bool { return card.Sub(system).Abs() <= maxClockError }
