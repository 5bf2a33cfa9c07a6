package savefile

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// slowNanoseconds is floor((ticks·unit + offset)·1e9), clamped, with numbers of any size.
func slowNanoseconds(resolution uint8, offset int64, ticks uint64) int64 {
	base := int64(10)
	if resolution&0x80 != 0 {
		base = 2
	}
	second := new(big.Int).Exp(big.NewInt(base), big.NewInt(int64(resolution&0x7f)), nil)
	sum := new(big.Int).Mul(big.NewInt(offset), second)
	sum.Add(sum, new(big.Int).SetUint64(ticks))
	sum.Mul(sum, big.NewInt(1e9))
	sum.Div(sum, second) // rounds down: the divisor is positive
	switch {
	case sum.Cmp(big.NewInt(math.MaxInt64)) > 0:
		return math.MaxInt64
	case sum.Cmp(big.NewInt(math.MinInt64)) < 0:
		return math.MinInt64
	}
	return sum.Int64()
}

func TestClockAgainstBigNumbers(t *testing.T) {
	const last = math.MaxInt64 / 1_000_000_000
	offsets := []int64{0, 1, -1, 2208988800, -2208988800, last, last + 1, -last, -last - 1, -last - 2, math.MaxInt64, math.MinInt64, math.MinInt64 + 1}
	ticks := []uint64{0, 1, 999, 1000, 1e9 - 1, 1e9, 1e9 + 1, 1700000000123456, math.MaxInt64 - 1, math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64 - 1, math.MaxUint64}
	random := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		ticks = append(ticks, random.Uint64()>>random.IntN(64))
		offsets = append(offsets, int64(random.Uint64())>>random.IntN(64))
	}
	for resolution := range 256 {
		for _, offset := range offsets {
			c := newClock(uint8(resolution), offset)
			for _, n := range ticks {
				if got, want := c.nanoseconds(n), slowNanoseconds(uint8(resolution), offset, n); got != want {
					t.Fatalf("resolution %#x, offset %d, ticks %d: %d ns, want %d", resolution, offset, n, got, want)
				}
			}
		}
	}
}

// The borders of int64 are met exactly, which random ticks do not find.
func TestClockAtTheBorders(t *testing.T) {
	for _, border := range []int64{math.MaxInt64, math.MinInt64} {
		for _, offset := range []int64{9223372036, -9223372036, -9223372037} {
			c := newClock(9, offset)
			at := uint64(border) - uint64(offset)*1e9
			for n := at - 3; n != at+4; n++ {
				if got, want := c.nanoseconds(n), slowNanoseconds(9, offset, n); got != want {
					t.Errorf("offset %d, ticks %d: %d ns, want %d", offset, n, got, want)
				}
			}
		}
	}
}
