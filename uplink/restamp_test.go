package uplink

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"network-sniffer/decode"
	"network-sniffer/uplink/spool"
)

var clockStates = []spool.ClockState{spool.ClockUnset, spool.ClockFree, spool.ClockSynced}

const tenYears = 3652 * 24 * time.Hour

var mixed = sync.OnceValue(mix)

// steppedBatch makes a batch of rows that were received at the given readings of CLOCK_BOOTTIME, the first so many of
// them stamped by the clock of its beginning and the others by that of its end.
func steppedBatch(begin, end moment, truth []int64, before int) *batch {
	all := mixed()
	b := &batch{records: make([]byte, 0, len(truth)*maxRecord), begin: begin, end: end, rows: uint64(len(truth))}
	b.clock = b.trusted()
	for i, boot := range truth {
		p := all[i%len(all)]
		p.Time = boot + end.clock.Offset
		if i < before {
			p.Time = boot + begin.clock.Offset
		}
		b.records = appendRecord(b.records, &p)
	}
	return b
}

func (b *batch) times(t *testing.T) (times []int64) {
	t.Helper()
	b.eachTime(func(stamp []byte) { times = append(times, int64(binary.LittleEndian.Uint64(stamp))) })
	if uint64(len(times)) != b.rows {
		t.Fatalf("%d times of %d rows", len(times), b.rows)
	}
	return times
}

// clocks are two that one machine had one after the other.
func clocks(step time.Duration, old, new spool.ClockState) (spool.Clock, spool.Clock) {
	boot := [16]byte{1}
	const offset = 1_790_000_000 * int64(time.Second)
	return spool.Clock{Boot: boot, Offset: offset, State: old}, spool.Clock{Boot: boot, Offset: offset + int64(step), State: new}
}

// TestRestamp: wherever in a batch the clock is set, by however much and in whichever order the rows came, each row has
// the time of its receipt by the clock that is trusted, to the nanosecond, and nothing else of it changes.
func TestRestamp(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 1))
	for range 500 {
		old, young := clocks(randomStep(random, 2*strayTime+20*time.Second), pick(random, clockStates), pick(random, clockStates))
		begin := random.Int64N(int64(time.Hour))
		length := random.Int64N(int64(10 * time.Second))
		truth := make([]int64, random.IntN(40))
		for i := range truth {
			truth[i] = begin + random.Int64N(length+1)
		}
		slices.Sort(truth)
		change := random.IntN(len(truth) + 1)
		// Frames of several processors, and of a ring that is being drained, are not in the order of their stamps. So far
		// from its edges the interval is still clear.
		for i := range truth {
			truth[i] += random.Int64N(2*int64(strayTime)) - int64(strayTime)
		}
		for i := range truth {
			truth[i] = min(max(truth[i], begin-int64(strayTime)), begin+length+int64(strayTime))
		}
		b := steppedBatch(moment{begin, old}, moment{begin + length, young}, truth, change)
		was := bytes.Clone(b.records)
		b.restamp()
		checkRestamped(t, b, was, truth)
		if t.Failed() {
			t.Fatalf("step %v, states %v and %v, change at row %d of %d",
				time.Duration(young.Offset-old.Offset), old.State, young.State, change, len(truth))
		}
	}
}

// TestRestampSmallSteps: a step that is shorter than the interval is found by the order of the rows, when it is longer
// than they lie apart.
func TestRestampSmallSteps(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 2))
	for range 500 {
		apart := time.Duration(1 + random.Int64N(int64(50*time.Millisecond)))
		step := apart + 1 + time.Duration(random.Int64N(int64(5*time.Second)))
		if random.IntN(2) == 0 {
			step = -step
		}
		old, young := clocks(step, spool.ClockFree, spool.ClockFree)
		begin := random.Int64N(int64(time.Hour))
		truth := make([]int64, 1+random.IntN(60))
		at := begin
		for i := range truth {
			at += random.Int64N(int64(apart))
			truth[i] = at
		}
		at += random.Int64N(int64(apart))
		change := random.IntN(len(truth) + 1)
		b := steppedBatch(moment{begin, old}, moment{at, young}, truth, change)
		was := bytes.Clone(b.records)
		b.restamp()
		checkRestamped(t, b, was, truth)
		if t.Failed() {
			t.Fatalf("step %v, rows at most %v apart, change at row %d of %d", step, apart, change, len(truth))
		}
	}
}

// TestStepRowModel compares with a slow and obvious one: of all places where the clock may have been set, the one at
// which the most time would have passed without it.
func TestStepRowModel(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 3))
	for range 2000 {
		old, young := clocks(randomStep(random, 0), spool.ClockFree, spool.ClockFree)
		begin := random.Int64N(int64(time.Hour))
		end := begin + random.Int64N(int64(10*time.Second))
		truth := make([]int64, random.IntN(20))
		for i := range truth {
			truth[i] = begin + random.Int64N(end-begin+1)
		}
		b := steppedBatch(moment{begin, old}, moment{end, young}, truth, random.IntN(len(truth)+1))
		points := append(append([]int64{begin + old.Offset}, b.times(t)...), end+young.Offset)
		want := 0
		for i := range len(points) - 1 {
			jump, most := points[i+1]-points[i], points[want+1]-points[want]
			if young.Offset > old.Offset && jump > most || young.Offset < old.Offset && jump < most {
				want = i
			}
		}
		if got := b.stepRow(); got != want {
			t.Fatalf("step %v: before row %d, the model says %d: %v", time.Duration(young.Offset-old.Offset), got, want, points)
		}
	}
}

// TestRestampStrangeTimes: rows of a third clock, or of none, are moved as their neighbours are; nothing is lost.
func TestRestampStrangeTimes(t *testing.T) {
	old, young := clocks(tenYears, spool.ClockUnset, spool.ClockFree)
	begin := int64(time.Hour)
	b := steppedBatch(moment{begin, old}, moment{begin + 100, young}, []int64{begin, -1 << 62, begin + 50, 1 << 61, begin + 90}, 3)
	before := b.times(t)
	b.restamp()
	for i, got := range b.times(t) {
		want := before[i]
		if i < 3 {
			want += int64(tenYears)
		}
		if got != want {
			t.Errorf("row %d: %d, want %d", i, got, want)
		}
	}
}

// randomStep is of ten years, or of little more than least, in both directions.
func randomStep(random *rand.Rand, least time.Duration) time.Duration {
	step := least + time.Duration(1+random.Int64N(int64(time.Second)))
	if random.IntN(2) == 0 {
		step = tenYears
	}
	if random.IntN(2) == 0 {
		return -step
	}
	return step
}

func pick[T any](random *rand.Rand, of []T) T { return of[random.IntN(len(of))] }

func checkRestamped(t *testing.T, b *batch, was []byte, truth []int64) {
	t.Helper()
	times := b.times(t)
	for i, boot := range truth {
		if want := boot + b.clock.Offset; times[i] != want {
			t.Errorf("row %d: %v from its time", i, time.Duration(times[i]-want))
		}
	}
	if len(times) > 0 && b.begin.clock != b.end.clock && (b.first != slices.Min(times) || b.last != slices.Max(times)) {
		t.Errorf("from %d to %d, the rows are from %d to %d", b.first, b.last, slices.Min(times), slices.Max(times))
	}
	var got, want decode.Packet
	for now := b.records; len(now) > 0; {
		var err, errWas error
		now, err = parseRecord(now, &got)
		was, errWas = parseRecord(was, &want)
		want.Time = got.Time
		if err != nil || errWas != nil || got != want {
			t.Fatalf("%+v (%v), was %+v (%v)", got, err, want, errWas)
		}
	}
	if len(was) != 0 {
		t.Errorf("%d bytes of records are gone", len(was))
	}
}
