package rawsock_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"testing"
	"time"

	"golang.org/x/net/bpf"

	"network-sniffer/board/testbed"
	"network-sniffer/rawsock"
)

const patience = 60 * time.Second

// cable is a veth pair between two namespaces: frames sent on one end arrive at the other.
type cable struct {
	near, far *testbed.Namespace
	sender    *testbed.Sender
}

func newCable(t testing.TB) cable {
	t.Helper()
	testbed.NeedRoot(t)
	c := cable{near: testbed.NewNamespace(t, "near"), far: testbed.NewNamespace(t, "far")}
	testbed.Link(t, c.far, "eth0", c.near, "eth0", testbed.Quiet(), testbed.NoOffloads())
	c.sender = testbed.NewSender(t, c.far, "eth0")
	return c
}

func (c cable) send(t testing.TB, first uint32, count int) {
	t.Helper()
	if _, err := c.sender.SendNumbered(context.Background(), testbed.SendConfig{First: first, Count: count}); err != nil {
		t.Error(err)
	}
}

// open makes a ring at the near end. Zero values of the configuration are the defaults.
func (c cable) open(t testing.TB, config rawsock.Config) *rawsock.Ring {
	t.Helper()
	var ring *rawsock.Ring
	err := c.near.Do(func() (err error) {
		if config.Link, err = rawsock.Lookup("eth0"); err != nil {
			return err
		}
		ring, err = rawsock.Open(config)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ring.Close() })
	return ring
}

func accept(t testing.TB, bytes uint32) []bpf.RawInstruction {
	t.Helper()
	p, err := bpf.Assemble([]bpf.Instruction{bpf.RetConstant{Val: bytes}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// collect walks the ring until n frames came.
func collect(t *testing.T, ring *rawsock.Ring, n int, each func(*rawsock.Frame)) {
	t.Helper()
	var f rawsock.Frame
	for n > 0 {
		ready, err := ring.Wait(time.Now().Add(patience))
		if err != nil || !ready {
			t.Fatalf("%d frames are missing: %v", n, err)
		}
		for n > 0 && ring.Next(&f) {
			each(&f)
			n--
		}
	}
}

// TestRing: every frame comes once, in order, whole, with what the kernel knows of it.
func TestRing(t *testing.T) {
	c := newCable(t)
	// All frames fit, however slow the reader is.
	ring := c.open(t, rawsock.Config{Filter: accept(t, 1<<18), Promiscuous: true, BlockSize: 1 << 20, Blocks: 16})
	if ring.Size() != 16<<20 {
		t.Errorf("the ring has %d bytes", ring.Size())
	}
	began := time.Now()
	const count = 20_000
	go c.send(t, 0, count)
	var next uint32
	kinds := testbed.AllKinds()
	var want []byte
	var last int64
	collect(t, ring, count, func(f *rawsock.Frame) {
		kind := kinds[int(next)%len(kinds)]
		want = testbed.BuildFrame(want, next, kind, testbed.FrameConfig{})
		if kind == testbed.VLANUDP {
			// The kernel takes the tag out of a received frame and tells it beside.
			if f.VLANTPID != 0x8100 || f.VLANTCI&0xfff != testbed.VLANID {
				t.Fatalf("frame %d: tag %#x %#x", next, f.VLANTPID, f.VLANTCI)
			}
			want = append(want[:12:12], want[16:]...)
		} else if f.VLANTPID != 0 {
			t.Fatalf("frame %d, %v: tag %#x", next, kind, f.VLANTPID)
		}
		if string(f.Data) != string(want) || int(f.WireLength) != len(want) {
			t.Fatalf("frame %d, %v: %d of %d bytes\n% x\n% x", next, kind, len(f.Data), f.WireLength, f.Data, want)
		}
		direction := uint8(3) // to somebody else
		if kind == testbed.ARPRequest {
			direction = 1
		}
		if f.Direction != direction {
			t.Fatalf("frame %d, %v: direction %d", next, kind, f.Direction)
		}
		if f.Time < last || f.Time < began.Add(-time.Second).UnixNano() || f.Time > time.Now().Add(time.Second).UnixNano() {
			t.Fatalf("frame %d: time %d after %d", next, f.Time, last)
		}
		last = f.Time
		next++
	})
	s, err := ring.Stats()
	if err != nil || s.Received != count || s.Dropped != 0 || s.Walked != count || s.Pending() != 0 {
		t.Errorf("statistics %+v, %v", s, err)
	}
}

// TestRingBooks: a ring that is too small drops, and the kernel's count and ours agree to the frame.
func TestRingBooks(t *testing.T) {
	c := newCable(t)
	ring := c.open(t, rawsock.Config{Filter: accept(t, 96), Promiscuous: true, BlockSize: 1 << 14, Blocks: 2})
	const count = 50_000
	c.send(t, 0, count) // nobody reads meanwhile
	var f rawsock.Frame
	walked := uint64(0)
	walk := func() {
		for ring.Next(&f) {
			if len(f.Data) > 96 {
				t.Fatalf("%d bytes were captured, the filter asked for 96", len(f.Data))
			}
			walked++
		}
	}
	if err := ring.Drain(time.Now().Add(patience), walk); err != nil {
		t.Fatal(err)
	}
	s, err := ring.Stats()
	if err != nil || s.Received != count || s.Received != walked+s.Dropped || s.Walked != walked || s.Dropped == 0 || s.Freezes == 0 {
		t.Errorf("walked %d, statistics %+v, %v", walked, s, err)
	}
	// Drained means deaf.
	c.send(t, 0, 100)
	if s, err := ring.Stats(); err != nil || s.Received != count {
		t.Errorf("after Drain: %+v, %v", s, err)
	}
}

// TestFilterUnderLoad: with a sender at full speed, not one frame that the filter refuses is seen, from the
// moment of opening on, and none that it accepts is missed by a replacement.
func TestFilterUnderLoad(t *testing.T) {
	c := newCable(t)
	only := func(etherType uint32) []bpf.RawInstruction {
		p, err := bpf.Assemble([]bpf.Instruction{
			bpf.LoadAbsolute{Off: 12, Size: 2},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: etherType, SkipFalse: 1},
			bpf.RetConstant{Val: 64},
			bpf.RetConstant{Val: 0},
		})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	const count = 200_000
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.send(t, 0, count)
	}()
	ring := c.open(t, rawsock.Config{Filter: only(0x88b5), Promiscuous: true})
	var f rawsock.Frame
	seen := 0
	walk := func() {
		for ring.Next(&f) {
			if f.Data[12] != 0x88 || f.Data[13] != 0xb5 {
				t.Fatalf("a frame of EtherType %x%x passed the filter", f.Data[12], f.Data[13])
			}
			seen++
		}
	}
	for i := 0; ; i++ {
		if _, err := ring.Wait(time.Now().Add(10 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		walk()
		// The same verdict by another program: a gap in the replacement would show as a wrong or lost frame.
		if err := ring.SetFilter(only(0x88b5)); err != nil {
			t.Fatal(err)
		}
		select {
		case <-done:
		default:
			continue
		}
		break
	}
	if err := ring.Drain(time.Now().Add(patience), walk); err != nil {
		t.Fatal(err)
	}
	if s, err := ring.Stats(); err != nil || s.Received != uint64(seen)+s.Dropped || seen == 0 {
		t.Errorf("seen %d, statistics %+v, %v", seen, s, err)
	}
}

func TestWait(t *testing.T) {
	c := newCable(t)
	ring := c.open(t, rawsock.Config{Filter: accept(t, 64), Promiscuous: true, BlockSize: 1 << 16, Blocks: 2})
	if ready, err := ring.Wait(time.Now().Add(20 * time.Millisecond)); ready || err != nil {
		t.Errorf("nothing was sent: %v, %v", ready, err)
	}
	// An Interrupt ends a wait that is under way, whichever comes first, and exactly one.
	for range 100 {
		interrupted := make(chan struct{})
		go func() {
			ring.Interrupt()
			close(interrupted)
		}()
		if ready, err := ring.Wait(time.Time{}); ready || !errors.Is(err, rawsock.ErrInterrupted) {
			t.Fatalf("interrupted: %v, %v", ready, err)
		}
		testbed.Await(t, interrupted, patience, "the end of Interrupt")
	}
	if ready, err := ring.Wait(time.Now().Add(time.Millisecond)); ready || err != nil {
		t.Errorf("one interrupt too many: %v, %v", ready, err)
	}
	// Frames come after an interrupt and a deadline as before, also when the link went down in between.
	c.near.Run(t, "ip", "link", "set", "eth0", "down")
	c.near.Run(t, "ip", "link", "set", "eth0", "up")
	testbed.Eventually(t, patience, "the link to come back", func() (bool, string) {
		ifi := c.near.Interface(t, "eth0")
		return ifi.Flags&net.FlagRunning != 0, ifi.Flags.String()
	})
	go c.send(t, 0, 10)
	collect(t, ring, 10, func(*rawsock.Frame) {})
}

// TestRingAllocations: neither waiting nor walking allocates.
func TestRingAllocations(t *testing.T) {
	c := newCable(t)
	ring := c.open(t, rawsock.Config{Filter: accept(t, 64), Promiscuous: true})
	const count = 100_000
	c.send(t, 0, 1000)
	collect(t, ring, 1000, func(*rawsock.Frame) {}) // whatever is made once is made now
	finished := make(chan struct{})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	go func() {
		defer close(finished)
		c.send(t, 0, count)
	}()
	collect(t, ring, count, func(*rawsock.Frame) {})
	runtime.ReadMemStats(&after)
	<-finished
	// The sender is in this process too and makes one allocation per 10,000 frames; a test of one per packet
	// would be off by four orders of magnitude.
	if n := after.Mallocs - before.Mallocs; n > count/100 {
		t.Errorf("%d allocations for %d frames", n, count)
	}
}

func TestOpenRefuses(t *testing.T) {
	if _, err := rawsock.Lookup("no-such-link0"); !errors.Is(err, rawsock.ErrNoInterface) {
		t.Errorf("an unknown interface: %v", err)
	}
	lo, err := rawsock.Lookup("lo")
	if err != nil {
		t.Fatal(err)
	}
	if !lo.Loopback || lo.Type != rawsock.LinkEthernet || lo.Index != 1 {
		t.Errorf("lo: %+v", lo)
	}
	if _, err := rawsock.Open(rawsock.Config{Link: lo}); err == nil {
		t.Error("a ring without a filter program was opened")
	}
	if _, err := rawsock.Open(rawsock.Config{Link: lo, Filter: make([]bpf.RawInstruction, 4097)}); !errors.Is(err, rawsock.ErrTooLarge) {
		t.Errorf("4097 instructions: %v", err)
	}
}

func TestGoneInterface(t *testing.T) {
	c := newCable(t)
	var link rawsock.Link
	if err := c.near.Do(func() (err error) {
		link, err = rawsock.Lookup("eth0")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	c.near.Run(t, "ip", "link", "delete", "eth0")
	err := c.near.Do(func() error {
		_, err := rawsock.Open(rawsock.Config{Link: link, Filter: accept(t, 64)})
		return err
	})
	if !errors.Is(err, rawsock.ErrNoInterface) {
		t.Errorf("an interface that went between Lookup and Open: %v", err)
	}
}

// TestLinkWatcher: a change of a link and of an address wake the watcher; Close ends it.
func TestLinkWatcher(t *testing.T) {
	testbed.NeedRoot(t)
	ns := testbed.NewNamespace(t, "links")
	var w *rawsock.LinkWatcher
	if err := ns.Do(func() (err error) {
		w, err = rawsock.WatchLinks()
		return err
	}); err != nil {
		t.Fatal(err)
	}
	events, ended := make(chan struct{}, 1000), make(chan struct{})
	go func() {
		defer close(ended)
		for w.Wait() == nil {
			events <- struct{}{}
		}
	}()
	ns.Run(t, "ip", "link", "add", "new0", "type", "veth", "peer", "name", "new1")
	testbed.Await(t, events, patience, "news of a new link")
	w.Close()
	testbed.Await(t, ended, patience, "the end of the watcher")
}

// BenchmarkRing walks frames that are in the ring already. The last block of each round, which the kernel only
// gives up after its time-out, is walked off the clock.
func BenchmarkRing(b *testing.B) {
	c := newCable(b)
	ring := c.open(b, rawsock.Config{Filter: accept(b, 128), Promiscuous: true, Blocks: 64})
	var f rawsock.Frame
	b.ReportAllocs()
	const sent, clocked = 50_000, 40_000
	rounds := 0
	for walked := 0; walked < b.N; walked += clocked {
		b.StopTimer()
		c.send(b, 0, sent)
		rounds++
		b.StartTimer()
		n := 0
		for n < clocked {
			if ring.Next(&f) {
				n++
			}
		}
		b.StopTimer()
		for n < sent {
			if _, err := ring.Wait(time.Now().Add(patience)); err != nil {
				b.Fatal(err)
			}
			for ring.Next(&f) {
				n++
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rounds*clocked), "ns/frame")
}
