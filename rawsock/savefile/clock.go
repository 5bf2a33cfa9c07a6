package savefile

import (
	"math"
	"math/bits"
)

// clock turns the ticks of one pcapng interface into nanoseconds, exactly, rounded down (Interface
// Description Block, if_tsresol and if_tsoffset).
type clock struct {
	exponent uint8
	binary   bool   // a tick is 2^-exponent seconds, else 10^-exponent
	scale    uint64 // decimal: 10^|9-exponent|, or 0 where that is beyond 64 bits
	second   uint64 // decimal: ticks in a second, or 0 where that is beyond 64 bits
	offset   int64  // seconds
}

func newClock(resolution uint8, offset int64) clock {
	c := clock{exponent: resolution & 0x7f, binary: resolution&0x80 != 0, offset: offset}
	if !c.binary {
		c.second = powerOfTen(int(c.exponent))
		c.scale = powerOfTen(max(9-int(c.exponent), int(c.exponent)-9))
	}
	return c
}

// powerOfTen returns 0 where 64 bits do not suffice.
func powerOfTen(n int) uint64 {
	if n > 19 {
		return 0
	}
	power := uint64(1)
	for range n {
		power *= 10
	}
	return power
}

// nanoseconds returns the time since 1970, clamped to what an int64 holds.
func (c *clock) nanoseconds(ticks uint64) int64 {
	var seconds, fraction uint64 // fraction < 1e9, in nanoseconds
	if c.binary {
		seconds, fraction = c.splitBinary(ticks)
	} else {
		seconds, fraction = c.splitDecimal(ticks)
	}
	return joinTime(seconds, fraction, c.offset)
}

func (c *clock) splitDecimal(ticks uint64) (seconds, fraction uint64) {
	switch {
	case c.second == 0 && c.scale == 0: // 2^64 ticks are less than a nanosecond
		return 0, 0
	case c.second == 0: // 2^64 ticks are less than a second
		return 0, ticks / c.scale
	case c.exponent <= 9:
		return ticks / c.second, ticks % c.second * c.scale
	default:
		return ticks / c.second, ticks % c.second / c.scale
	}
}

func (c *clock) splitBinary(ticks uint64) (seconds, fraction uint64) {
	n := uint(c.exponent)
	if n < 64 {
		seconds = ticks >> n
		ticks &= 1<<n - 1
	}
	// A Go shift by 64 or more gives 0, so one expression serves every n.
	high, low := bits.Mul64(ticks, 1e9)
	if n >= 64 {
		return seconds, high >> (n - 64)
	}
	return seconds, high<<(64-n) | low>>n
}

func joinTime(seconds, fraction uint64, offset int64) int64 {
	// The range of the result in whole seconds, rounded down at both ends.
	const last, first = math.MaxInt64 / 1_000_000_000, math.MinInt64/1_000_000_000 - 1
	if offset >= 0 {
		sum, carry := bits.Add64(seconds, uint64(offset), 0)
		if carry != 0 || sum > last || sum == last && fraction > math.MaxInt64%1_000_000_000 {
			return math.MaxInt64
		}
		return int64(sum*1e9 + fraction)
	}
	back := -uint64(offset) // right for the smallest int64 too
	if seconds >= back {
		return joinTime(seconds-back, fraction, 0)
	}
	if back -= seconds; back > -first {
		return math.MinInt64
	}
	// back >= 1: one of the seconds pays for the fraction, so that the sum of the two negative parts is
	// checked once.
	whole, rest := int64(back-1)*-1e9, int64(fraction)-1e9
	if whole < math.MinInt64-rest {
		return math.MinInt64
	}
	return whole + rest
}
