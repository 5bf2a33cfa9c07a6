package spool

// Clock says what the time stamps of a segment are worth, and lets them be corrected for as long as the machine runs:
// a router without a battery starts in 1970, or at the date of its image, until somebody tells it the time.
type Clock struct {
	// Boot is the boot_id of random(4): offsets of one boot can be compared. Zero: it is not known.
	Boot [16]byte
	// Offset is CLOCK_REALTIME - CLOCK_BOOTTIME of clock_gettime(2), in nanoseconds. It changes when the clock is set,
	// and only then: what disciplines a clock without setting it changes the rate of both.
	Offset int64
	State  ClockState
}

// ClockState is how far a clock can be believed; the higher one is the better one.
type ClockState uint8

const (
	ClockUnknown ClockState = iota // nobody looked: the segment is of a savefile, or of a program of before
	ClockUnset                     // it shows a time from before the program was written
	ClockFree                      // the time may be right, and nobody says so
	ClockSynced                    // the kernel says that it is disciplined (adjtimex(2))
)

// String returns the name that the ledger has for the state; empty for ClockUnknown.
func (s ClockState) String() string {
	switch s {
	case ClockUnset:
		return "unset"
	case ClockFree:
		return "free"
	case ClockSynced:
		return "synced"
	}
	return ""
}

// SameTime reports whether the clock was not set between the two: their time stamps can stand in one segment.
func (c Clock) SameTime(other Clock) bool { return c.Boot == other.Boot && c.Offset == other.Offset }
