package uplink

import (
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"network-sniffer/decode"
	"network-sniffer/uplink/spool"
)

// TestReadClock asks the real kernel.
func TestReadClock(t *testing.T) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	c := ReadClock()
	again := ReadClock()
	if got := FormatUUID(c.Boot); got != strings.TrimSpace(string(text)) {
		t.Errorf("boot %s, the kernel says %s", got, text)
	}
	if d := time.Duration(again.Offset - c.Offset).Abs(); d > time.Millisecond || again.Boot != c.Boot {
		t.Errorf("two readings are %v apart: %+v and %+v", d, c, again)
	}
	if d := now.Sub(time.Unix(0, timeBy(c, now))).Abs(); d > time.Millisecond {
		t.Errorf("what the clock showed is wrong by %v", d)
	}
	var timex unix.Timex
	want := spool.ClockFree
	if _, err := unix.Adjtimex(&timex); err != nil {
		t.Logf("adjtimex: %v", err)
	} else if timex.Status&unix.STA_UNSYNC == 0 {
		want = spool.ClockSynced
	}
	if now.UnixNano() < earliest {
		want = spool.ClockUnset
	}
	if c.State != want {
		t.Errorf("the clock is %s, want %s", c.State, want)
	}
}

func TestEarliest(t *testing.T) {
	if got := time.Unix(0, earliest).UTC().Format(time.RFC3339); got != "2026-02-01T00:00:00Z" {
		t.Errorf("no clock before %s is believed", got)
	}
}

// toyClock is a wall clock that the test sets. Time itself passes as the test tells it.
type toyClock struct {
	mu    sync.Mutex
	clock spool.Clock
	reads int
}

func (c *toyClock) read() spool.Clock {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	// What a real reading is wrong by must not look like a step.
	v := c.clock
	v.Offset += int64(c.reads%3-1) * int64(offsetError)
	return v
}

func (c *toyClock) set(offset int64, state spool.ClockState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clock.Offset, c.clock.State = offset, state
}

// in1970 is a machine that was just started, and had no time told.
func in1970(boot byte) *toyClock {
	return &toyClock{clock: spool.Clock{Boot: [16]byte{boot}, Offset: -bootClock() + 20*int64(time.Second), State: spool.ClockUnset}}
}

// realOffset is that of the machine the test runs on: the truth in all of these tests.
func realOffset() int64 { return ReadClock().Offset }

// clockRun is a run of one recorder in which the test decides how time passes, and which remembers when each packet was
// received.
type clockRun struct {
	clock    *toyClock
	sealer   *Sealer
	recorder *Recorder
	now      time.Time
	counts   Counts
	truth    []int64 // CLOCK_BOOTTIME, by the number that stands in the packet's ack_number
}

func newClockRun(sp *spool.Spool, device [16]byte, run byte, clock *toyClock) *clockRun {
	s := NewSealer(SealerConfig{Spool: sp, Device: device, Run: [16]byte{run}, Recorders: 1, Batches: 16,
		Share: spool.MaxBody, Clock: clock.read})
	r := &clockRun{clock: clock, sealer: s, now: time.Now()}
	r.recorder = s.NewRecorder(RecorderConfig{Name: "eth0", SnapLength: 256})
	return r
}

// packet records one that was stamped by the clock as it is now, and so long ago.
func (r *clockRun) packet(ago time.Duration) { r.stamped(ago, r.clock.clock.Offset) }

// stamped records one that was stamped so long ago by a clock of that offset.
func (r *clockRun) stamped(ago time.Duration, offset int64) {
	boot := bootTime(r.now) - int64(ago)
	var p decode.Packet
	p.Valid, p.AckNumber = decode.HasTCP, uint32(len(r.truth))
	p.Time, p.WireLength, p.CapturedLength = boot+offset, 60, 60
	r.truth = append(r.truth, boot)
	r.counts.Received++
	r.recorder.Record(&p)
}

func (r *clockRun) pass(d time.Duration) { r.now = r.now.Add(d) }

func (r *clockRun) handOver() {
	r.recorder.HandOver(r.counts, r.now)
	if r.recorder.batch == nil {
		r.recorder.batch = <-r.sealer.free
	}
}

func (r *clockRun) close(t *testing.T) {
	t.Helper()
	r.recorder.Finish(r.counts, r.now)
	if err := r.sealer.Close(); err != nil {
		t.Fatal(err)
	}
}

// check reads what was sealed: by the clock of its segment each row has the time at which it was received, each
// interval begins where the one before ended, and nothing is missing.
func (r *clockRun) check(t *testing.T, sp *spool.Spool) (segments []spool.Header) {
	t.Helper()
	infos, err := spool.Inspect(spool.Disk{}, sp.Dir())
	if err != nil {
		t.Fatal(err)
	}
	var rows int
	var until int64
	for _, info := range infos {
		file, err := os.ReadFile(info.Path)
		if err != nil || info.Err != nil {
			t.Fatal(err, info.Err)
		}
		h := info.Header
		segments = append(segments, h)
		body := file[len(file)-bodySize(file):]
		var p decode.Packet
		for len(body) > 0 {
			if body, err = parseRecord(body, &p); err != nil {
				t.Fatal(err)
			}
			rows++
			if off := time.Duration(p.Time - h.Clock.Offset - r.truth[p.AckNumber]); off.Abs() > time.Millisecond {
				t.Errorf("segment %d, packet %d: %v from its time", h.Sequence, p.AckNumber, off)
			}
			if p.Time < h.FirstTime || p.Time > h.LastTime {
				t.Errorf("segment %d: packet %d is not between its first and last", h.Sequence, p.AckNumber)
			}
		}
		for i := range h.Coverage {
			c := &h.Coverage[i]
			balanced(t, c)
			if c.From > c.To {
				t.Errorf("segment %d: an interval that ends %v before it begins", h.Sequence, time.Duration(c.From-c.To))
			}
			if from := c.From - h.Clock.Offset; until != 0 && time.Duration(from-until).Abs() > time.Millisecond {
				t.Errorf("segment %d: %v between two intervals", h.Sequence, time.Duration(from-until))
			}
			until = c.To - h.Clock.Offset
		}
		if d := time.Duration(h.SealedAt - h.Clock.Offset - bootClock()).Abs(); d > time.Minute {
			t.Errorf("segment %d: sealed %v from now", h.Sequence, d)
		}
	}
	if rows != len(r.truth) {
		t.Errorf("%d rows of %d packets", rows, len(r.truth))
	}
	return segments
}

// bodySize reads the length of the body from a segment file.
func bodySize(file []byte) int {
	return int(uint32(file[12]) | uint32(file[13])<<8 | uint32(file[14])<<16 | uint32(file[15])<<24)
}

func openSpool(t *testing.T) *spool.Spool {
	t.Helper()
	sp, err := spool.Open(spool.Disk{}, t.TempDir(), 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sp.Close() })
	return sp
}

// TestSteps sets the clock at every place of a run where it makes a difference.
func TestSteps(t *testing.T) {
	const years = int64(tenYears)
	second := func(r *clockRun, n int) {
		for range n {
			r.pass(time.Second / 10)
			r.packet(0)
		}
	}
	tests := []struct {
		name string
		run  func(r *clockRun)
		want []spool.ClockState // of the segments, their last one aside
	}{
		{"in the middle of a batch", func(r *clockRun) {
			second(r, 10)
			r.clock.set(realOffset(), spool.ClockFree)
			second(r, 10)
			r.handOver()
		}, []spool.ClockState{spool.ClockFree}},
		{"between batches", func(r *clockRun) {
			second(r, 10)
			r.handOver()
			r.clock.set(realOffset(), spool.ClockFree)
			second(r, 10)
			r.handOver()
		}, []spool.ClockState{spool.ClockUnset, spool.ClockFree}},
		{"in a silence", func(r *clockRun) {
			r.pass(5 * time.Second)
			r.clock.set(realOffset(), spool.ClockSynced)
			r.pass(5 * time.Second)
			r.handOver()
			second(r, 10)
			r.handOver()
		}, []spool.ClockState{spool.ClockSynced}},
		{"while frames wait in the ring", func(r *clockRun) {
			second(r, 10)
			old := r.clock.clock.Offset
			r.clock.set(realOffset(), spool.ClockFree)
			r.pass(time.Second)
			r.stamped(900*time.Millisecond, old)
			r.handOver() // the batch was full; the ring is not empty yet
			r.stamped(800*time.Millisecond, old)
			r.packet(100 * time.Millisecond)
			r.handOver()
		}, []spool.ClockState{spool.ClockFree}},
		{"to worse, and back again", func(r *clockRun) {
			r.clock.set(realOffset(), spool.ClockSynced)
			r.handOver()
			second(r, 10)
			r.clock.set(realOffset()-years, spool.ClockUnset)
			second(r, 10)
			r.handOver() // by the better clock
			r.pass(20 * time.Second)
			r.handOver()
			second(r, 5)
			r.handOver()
			second(r, 5)
			r.clock.set(realOffset()+years, spool.ClockUnset)
			r.pass(time.Second)
			second(r, 5)
			r.handOver()
			r.pass(20 * time.Second)
			r.clock.set(realOffset(), spool.ClockSynced)
			second(r, 5)
			r.handOver()
		}, nil},
		{"slewed", func(r *clockRun) {
			r.clock.set(realOffset(), spool.ClockFree)
			for range 5 {
				second(r, 10)
				r.clock.set(r.clock.clock.Offset+int64(time.Millisecond)/10, spool.ClockSynced)
				r.handOver()
			}
		}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sp := openSpool(t)
			r := newClockRun(sp, [16]byte{}, 1, in1970(1))
			tt.run(r)
			r.close(t)
			segments := r.check(t, sp)
			var states []spool.ClockState
			for i, h := range segments {
				if i == 0 || !h.Clock.SameTime(segments[i-1].Clock) {
					states = append(states, h.Clock.State)
				}
			}
			if tt.want != nil && !slices.Equal(states, tt.want) {
				t.Errorf("clocks %v, want %v", states, tt.want)
			}
		})
	}
}

// TestStepsAtRandom: whatever is done to the clock, as long as it is left alone for a while then, each row has its
// time. Traffic is thin, and frames come late.
func TestStepsAtRandom(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 7))
		sp := openSpool(t)
		r := newClockRun(sp, [16]byte{}, 1, in1970(1))
		quiet := 20 * time.Second // since the last step
		for range 200 {
			d := time.Duration(random.Int64N(int64(2 * time.Second)))
			r.pass(d)
			quiet += d
			switch random.IntN(12) {
			case 0, 1, 2:
				r.handOver()
			case 3:
				if quiet > 2*strayTime+MaxSilence {
					old := r.clock.clock.Offset
					r.clock.set(old+int64(randomStep(random, 3*strayTime+20*time.Second)), pick(random, clockStates))
					r.stamped(d/2, old)
					quiet = 0
					r.pass(time.Second)
					r.handOver()
				}
			default:
				r.packet(0)
			}
			if d := time.Until(r.now); d > time.Hour {
				t.Fatalf("%v passed", d)
			}
		}
		r.close(t)
		r.check(t, sp)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// TestStepsBooks: a clock that is set all the time may cost the right times, and nothing else.
func TestStepsBooks(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 9))
	sp := openSpool(t)
	r := newClockRun(sp, [16]byte{}, 1, in1970(1))
	for range 2000 {
		switch random.IntN(4) {
		case 0:
			r.clock.set(random.Int64()-random.Int64(), pick(random, clockStates))
		case 1:
			r.handOver()
		default:
			r.packet(0)
		}
		r.pass(time.Duration(random.Int64N(int64(time.Second))))
	}
	r.close(t)
	var rows uint64
	infos, err := spool.Inspect(spool.Disk{}, sp.Dir())
	for _, i := range infos {
		if i.Err != nil {
			t.Error(i.Err)
		}
		rows += i.Header.Rows
	}
	if err != nil || rows != uint64(len(r.truth)) {
		t.Errorf("%d rows of %d packets, %v", rows, len(r.truth), err)
	}
	for _, c := range r.sealer.Books() {
		balanced(t, &c)
	}
}

// TestCarriedCoverage: what the disk refused before the clock was set is told by the clock of the segment that tells it.
func TestCarriedCoverage(t *testing.T) {
	disk := &sickDisk{sick: true}
	sp, err := spool.Open(disk, t.TempDir(), spool.MinLimit)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	r := newClockRun(sp, [16]byte{}, 1, in1970(1))
	refused := make(chan error, 1)
	r.sealer.onError = func(err error) { refused <- err }
	begin := bootTime(r.now)
	r.pass(time.Second)
	r.packet(0)
	r.handOver()
	<-refused
	disk.sick = false
	r.pass(10 * time.Second)
	r.clock.set(realOffset(), spool.ClockSynced)
	r.handOver()
	r.close(t)
	infos, err := spool.Inspect(disk, sp.Dir())
	if err != nil || len(infos) < 1 || len(infos[0].Header.Coverage) != 1 {
		t.Fatalf("%+v, %v", infos, err)
	}
	h := infos[0].Header
	c := h.Coverage[0]
	from, lasts := time.Duration(c.From-h.Clock.Offset-begin), time.Duration(c.To-c.From)
	if from.Abs() > time.Minute || lasts < 0 || lasts > 2*time.Minute {
		t.Errorf("the interval begins %v from its time and lasts %v", from, lasts)
	}
	balanced(t, &c)
}
