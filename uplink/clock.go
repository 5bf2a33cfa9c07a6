package uplink

import (
	"encoding/hex"
	"math"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"network-sniffer/uplink/spool"
)

// Frames carry the kernel's wall clock, which on a router without a battery is wrong until somebody sets it. Nothing
// here waits for that: a time is kept as it was stamped, beside the offset of the wall clock to the one that counts
// from the boot. When the clock is set, the difference of the two offsets corrects what still waits in the spool.

// earliest is before every time at which this program can run: the Go release that it needs is of February 2026. The
// date of a build's own sources would be nearer, but one from a machine whose clock is ahead would mistrust all others.
const earliest = 1_769_904_000 * int64(time.Second)

// ReadClock reads the machine's clock: its offset, and what the kernel knows of its worth.
func ReadClock() spool.Clock {
	c := spool.Clock{Boot: bootID(), State: spool.ClockFree}
	var wall int64
	c.Offset, wall = readOffset()
	switch {
	case wall < earliest:
		c.State = spool.ClockUnset
	case disciplined():
		c.State = spool.ClockSynced
	}
	return c
}

// bootID is the id of random(4) that the kernel gives each boot; zero when it does not tell.
var bootID = sync.OnceValue(func() (id [16]byte) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return id
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(string(text)), "-", ""))
	if err != nil || len(raw) != len(id) {
		return id
	}
	return [16]byte(raw)
})

// readOffset reads the wall clock and how far it is from the one that counts from the boot.
func readOffset() (offset, wall int64) {
	boot, wall := together(func() int64 { return time.Now().UnixNano() })
	return wall - boot, wall
}

// together reads CLOCK_BOOTTIME and another clock at one moment: the other between two readings, again until these are
// close together, because the process may have been put aside in between. The error is half of their distance.
func together(read func() int64) (boot, other int64) {
	closest := int64(math.MaxInt64)
	before := bootClock()
	for range offsetTries {
		value := read()
		after := bootClock()
		if distance := after - before; distance < closest {
			closest, boot, other = distance, before+distance/2, value
		}
		if closest <= int64(offsetError) {
			break
		}
		before = after
	}
	return boot, other
}

// bootClock reads CLOCK_BOOTTIME, in nanoseconds. Every kernel that has AF_PACKET rings of version 3 has it.
func bootClock() int64 {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &now)
	return now.Nano()
}

// disciplined asks whether somebody synchronizes the clock. Setting it makes the answer no until the next measurement.
func disciplined() bool {
	var t unix.Timex
	if _, err := unix.Adjtimex(&t); err != nil {
		return false // not allowed to ask
	}
	return t.Status&unix.STA_UNSYNC == 0
}

// bootTime is the reading of CLOCK_BOOTTIME at a moment of a short while ago; only the monotonic part of at counts.
func bootTime(at time.Time) int64 {
	boot, ago := together(func() int64 { return int64(time.Since(at)) })
	return boot - ago
}

// timeBy is what a clock shows at a moment of a short while ago, Unix nanoseconds.
func timeBy(c spool.Clock, at time.Time) int64 { return bootTime(at) + c.Offset }

// stepBetween is by how much the clock of a machine was set between two readings of its offset, in nanoseconds; zero
// for a difference that the readings themselves may have made.
func stepBetween(before, after int64) int64 {
	step := after - before
	if time.Duration(step).Abs() < smallestStep {
		return 0
	}
	return step
}

// steadyClock reads a clock that keeps its offset until it is set, so that equal offsets mean the same clock.
type steadyClock struct {
	read func() spool.Clock

	mu   sync.Mutex
	last spool.Clock
}

func (s *steadyClock) now() spool.Clock {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.read()
	if s.last.State != spool.ClockUnknown && stepBetween(s.last.Offset, c.Offset) == 0 {
		c.Offset = s.last.Offset
	}
	s.last = c
	return c
}

// sending is the header of a segment on its way to the database. Its times were corrected already, and those of its
// rows are when they are written: by Shift nanoseconds, zero for as they were recorded.
type sending struct {
	spool.Header
	Shift int64
}

// undated reports that nobody knows when the rows were recorded.
func (s *sending) undated() bool { return s.Clock.State == spool.ClockUnset && s.Shift == 0 }

// correct moves the times of a segment to the clock of now, when that is a better one and of the same boot.
func (u *Uploader) correct(h spool.Header) sending {
	s := sending{Header: h}
	was, now := h.Clock, u.clock
	sameBoot := was.Boot == now.Boot && was.Boot != [16]byte{}
	if sameBoot && was.State != spool.ClockUnknown && was.State < now.State {
		s.Shift = stepBetween(was.Offset, now.Offset)
		s.Header.Shift(s.Shift)
	}
	return s
}

// notSet is what State says while the uploader holds rows back.
const notSet = "the clock of this machine is not set: rows wait, so that their times can be corrected when it is"

// hold reports whether the rows have to wait for the clock to be set: sent before, they could not be corrected. It is
// for a while only, and not when the spool would have to drop rows for it.
func (u *Uploader) hold() bool {
	stats := u.config.Spool.Stats()
	unset := u.config.Clock().State == spool.ClockUnset
	held := unset && time.Since(u.began) < clockPatience && stats.Bytes < stats.Limit/2
	if held == u.held {
		return held
	}
	u.held = held
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case held:
		u.state.LastError, u.state.Since = notSet, time.Now()
		u.config.Log.Warn(notSet, "at_most", clockPatience)
	case u.state.LastError == notSet:
		u.state.LastError = ""
	}
	if !held {
		u.config.Log.Info("rows wait for the clock no longer", "set", !unset)
	}
	return held
}
