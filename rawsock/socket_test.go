package rawsock_test

import (
	"context"
	"errors"
	"fmt"
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

// config is a configuration for the near end.
func (c cable) config(t testing.TB, config rawsock.Config) rawsock.Config {
	t.Helper()
	config.Link = lookup(t, c.near, "eth0")
	config.Promiscuous = true
	return config
}

// open makes a socket at the near end. Zero values of the configuration are the defaults.
func (c cable) open(t testing.TB, config rawsock.Config) *rawsock.Socket {
	t.Helper()
	return open(t, c.near, c.config(t, config))
}

func lookup(t testing.TB, ns *testbed.Namespace, name string) (link rawsock.Link) {
	t.Helper()
	err := ns.Do(func() (err error) {
		link, err = rawsock.Lookup(name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return link
}

func open(t testing.TB, ns *testbed.Namespace, config rawsock.Config) (s *rawsock.Socket) {
	t.Helper()
	err := ns.Do(func() (err error) {
		s, err = rawsock.Open(config)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func accept(t testing.TB, bytes uint32) []bpf.RawInstruction {
	t.Helper()
	return assemble(t, bpf.RetConstant{Val: bytes})
}

func assemble(t testing.TB, program ...bpf.Instruction) []bpf.RawInstruction {
	t.Helper()
	raw, err := bpf.Assemble(program)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// collect walks the socket until n frames came.
func collect(t testing.TB, s *rawsock.Socket, n int, each func(*rawsock.Frame)) {
	t.Helper()
	var f rawsock.Frame
	for n > 0 {
		ready, err := s.Wait(time.Now().Add(patience))
		if err != nil || !ready {
			t.Fatalf("%d frames are missing: %v", n, err)
		}
		for n > 0 && s.Next(&f) {
			each(&f)
			n--
		}
	}
}

// statsOf reads the counters of a socket on which nothing is pending.
func statsOf(t testing.TB, s *rawsock.Socket) rawsock.Stats {
	t.Helper()
	stats, err := s.Stats()
	if err != nil {
		t.Fatal(err)
	}
	return stats
}

// inEachMode runs a test with a ring and with plain reads.
func inEachMode(t *testing.T, test func(t *testing.T, mode rawsock.Mode)) {
	for _, mode := range []rawsock.Mode{rawsock.ModeRing, rawsock.ModeRead} {
		t.Run(mode.String(), func(t *testing.T) { test(t, mode) })
	}
}

// TestSocket: every frame comes once, in order, whole, with what the kernel knows of it.
func TestSocket(t *testing.T) {
	inEachMode(t, func(t *testing.T, mode rawsock.Mode) {
		c := newCable(t)
		// All frames fit, however slow the reader is.
		// The cable has no clock, so that asking for its time changes nothing.
		s := c.open(t, rawsock.Config{Mode: mode, Filter: accept(t, 1<<18), HardwareTime: true,
			BlockSize: 1 << 20, Blocks: 16, ReceiveBuffer: 64 << 20})
		if s.Mode() != mode || s.InUserSpace() || s.HardwareTime() || !s.Bound() {
			t.Errorf("mode %v, user space %v, hardware time %v, bound %v", s.Mode(), s.InUserSpace(), s.HardwareTime(), s.Bound())
		}
		if size := s.Size(); mode == rawsock.ModeRing && size != 16<<20 || size < 16<<20 {
			t.Errorf("%d bytes were granted", size)
		}
		index := int32(s.Link().Index)
		began := time.Now()
		const count = 20_000
		go c.send(t, 0, count)
		var next uint32
		kinds := testbed.AllKinds()
		var want []byte
		var last int64
		collect(t, s, count, func(f *rawsock.Frame) {
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
			if f.Direction != direction || f.Interface != index || f.Partial {
				t.Fatalf("frame %d, %v: direction %d, interface %d, partial %v", next, kind, f.Direction, f.Interface, f.Partial)
			}
			// Plain reads stamp the first frames when they are read: see newReads.
			if f.Time < last && mode == rawsock.ModeRing ||
				f.Time < began.Add(-time.Second).UnixNano() || f.Time > time.Now().Add(time.Second).UnixNano() {
				t.Fatalf("frame %d: time %d after %d", next, f.Time, last)
			}
			last = f.Time
			next++
		})
		if got, want := statsOf(t, s), (rawsock.Stats{Received: count, Walked: count}); got != want || got.Pending() != 0 {
			t.Errorf("statistics %+v", got)
		}
	})
}

// TestBooks: where there is too little room frames are dropped, and the kernel's count and ours agree to the frame,
// however often it is asked meanwhile.
func TestBooks(t *testing.T) {
	inEachMode(t, func(t *testing.T, mode rawsock.Mode) {
		c := newCable(t)
		s := c.open(t, rawsock.Config{Mode: mode, Filter: accept(t, 96), BlockSize: 1 << 14, Blocks: 2, ReceiveBuffer: 1 << 14})
		const rounds, count = 50, 2_000
		var f rawsock.Frame
		walked := uint64(0)
		walk := func() {
			for s.Next(&f) {
				if len(f.Data) > 96 {
					t.Fatalf("%d bytes were captured, the filter asked for 96", len(f.Data))
				}
				walked++
			}
		}
		var last rawsock.Stats
		for round := range uint32(rounds) {
			c.send(t, round*count, count)
			stats := statsOf(t, s)
			if stats.Received != uint64(round+1)*count || stats.Dropped <= last.Dropped || stats.Walked != walked {
				t.Fatalf("round %d: %+v after %+v, walked %d", round, stats, last, walked)
			}
			if mode == rawsock.ModeRing && stats.Freezes == 0 {
				t.Error("a full ring is no freeze")
			}
			last = stats
			walk()
		}
		if err := s.Drain(time.Now().Add(patience), walk); err != nil {
			t.Fatal(err)
		}
		end := statsOf(t, s)
		if end.Received != rounds*count || end.Received != walked+end.Dropped || end.Walked != walked || end.Pending() != 0 {
			t.Errorf("walked %d, statistics %+v", walked, end)
		}
		// Drained means deaf.
		c.send(t, 0, 100)
		if again := statsOf(t, s); again != end || s.Next(&f) {
			t.Errorf("after Drain: %+v", again)
		}
	})
}

// TestDrainUnderLoad: the counters hold while frames come at full speed, more than there is room for, and draining ends
// with the last frame that was counted.
func TestDrainUnderLoad(t *testing.T) {
	inEachMode(t, func(t *testing.T, mode rawsock.Mode) {
		c := newCable(t)
		s := c.open(t, rawsock.Config{Mode: mode, Filter: accept(t, 96), LockFilter: true,
			BlockSize: 1 << 14, Blocks: 2, ReceiveBuffer: 1 << 14})
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for first := uint32(0); ctx.Err() == nil; first = (first + 1000) % (1 << 23) {
				c.sender.SendNumbered(ctx, testbed.SendConfig{First: first, Count: 1000})
			}
		}()
		defer func() { stop(); <-ended }()
		walked := uint64(0)
		var last rawsock.Stats
		testbed.Eventually(t, patience, "the ring or the buffer to be full", func() (bool, string) {
			last = statsOf(t, s)
			return last.Dropped > 0, fmt.Sprintf("%+v", last)
		})
		collect(t, s, 10_000, func(*rawsock.Frame) {
			if walked++; walked%100 == 0 {
				stats := statsOf(t, s)
				if stats.Walked != walked || stats.Received-stats.Dropped < walked ||
					stats.Received < last.Received || stats.Dropped < last.Dropped {
					t.Fatalf("walked %d, %+v after %+v", walked, stats, last)
				}
				last = stats
			}
		})
		var f rawsock.Frame
		if err := s.Drain(time.Now().Add(patience), func() {
			for s.Next(&f) {
				walked++
			}
		}); err != nil {
			t.Fatal(err)
		}
		stats := statsOf(t, s)
		if stats.Received != walked+stats.Dropped || stats.Walked != walked || stats.Pending() != 0 || stats.Dropped == 0 {
			t.Errorf("walked %d, %+v", walked, stats)
		}
	})
}

func TestWait(t *testing.T) {
	inEachMode(t, func(t *testing.T, mode rawsock.Mode) {
		c := newCable(t)
		s := c.open(t, rawsock.Config{Mode: mode, Filter: accept(t, 64), BlockSize: 1 << 16, Blocks: 2})
		if ready, err := s.Wait(time.Now().Add(20 * time.Millisecond)); ready || err != nil {
			t.Errorf("nothing was sent: %v, %v", ready, err)
		}
		// An Interrupt ends a wait that is under way, whichever comes first, and exactly one.
		for range 100 {
			interrupted := make(chan struct{})
			go func() {
				s.Interrupt()
				close(interrupted)
			}()
			if ready, err := s.Wait(time.Time{}); ready || !errors.Is(err, rawsock.ErrInterrupted) {
				t.Fatalf("interrupted: %v, %v", ready, err)
			}
			testbed.Await(t, interrupted, patience, "the end of Interrupt")
		}
		if ready, err := s.Wait(time.Now().Add(time.Millisecond)); ready || err != nil {
			t.Errorf("one interrupt too many: %v, %v", ready, err)
		}
		// What is there after a Wait stays there through another one.
		c.send(t, 0, 3)
		for range 3 {
			if ready, err := s.Wait(time.Now().Add(patience)); !ready || err != nil {
				t.Fatalf("three frames wait: %v, %v", ready, err)
			}
		}
		collect(t, s, 3, func(*rawsock.Frame) {})
		// Frames come after an interrupt and a deadline as before, also when the link went down in between.
		c.bounce(t)
		go c.send(t, 0, 10)
		collect(t, s, 10, func(*rawsock.Frame) {})
	})
}

// bounce takes the near end down and up again.
func (c cable) bounce(t *testing.T) {
	t.Helper()
	c.near.Run(t, "ip", "link", "set", "eth0", "down")
	c.up(t, "eth0")
}

// up sets the near end up and waits until both ends are told of it: before, the far one sends nothing.
func (c cable) up(t *testing.T, name string) {
	t.Helper()
	c.near.Run(t, "ip", "link", "set", name, "up")
	testbed.Eventually(t, patience, "the link to come back", func() (bool, string) {
		near, far := c.near.Interface(t, name).Flags, c.far.Interface(t, "eth0").Flags
		return near&far&net.FlagRunning != 0, near.String() + ", " + far.String()
	})
}

// TestAllocations: neither waiting nor walking allocates, wherever the filter runs.
func TestAllocations(t *testing.T) {
	inEachMode(t, func(t *testing.T, mode rawsock.Mode) {
		for _, room := range []int{1 << 17, 1} {
			c := newCable(t)
			optmem(t, c.near, room)
			s := c.open(t, rawsock.Config{Mode: mode, Filter: accept(t, 64), ReceiveBuffer: 256 << 20, Blocks: 32, AllowUserSpace: true})
			const count = 30_000
			c.send(t, 0, 1000)
			collect(t, s, 1000, func(*rawsock.Frame) {}) // whatever is made once is made now
			finished := make(chan struct{})
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			go func() {
				defer close(finished)
				c.send(t, 0, count)
			}()
			collect(t, s, count, func(*rawsock.Frame) {})
			runtime.ReadMemStats(&after)
			<-finished
			// The sender is in this process too and makes one allocation per 10,000 frames.
			if n := after.Mallocs - before.Mallocs; n > count/100 {
				t.Errorf("in user space %v: %d allocations for %d frames", s.InUserSpace(), n, count)
			}
		}
	})
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
	for name, config := range map[string]rawsock.Config{
		"no filter":         {},
		"odd block":         {Filter: accept(t, 1), BlockSize: 5000},
		"negative blocks":   {Filter: accept(t, 1), Blocks: -1},
		"an immense ring":   {Filter: accept(t, 1), BlockSize: 1 << 30, Blocks: 1000},
		"a time-out of 1µs": {Filter: accept(t, 1), BlockTimeout: time.Microsecond},
		"negative buffer":   {Filter: accept(t, 1), ReceiveBuffer: -1},
	} {
		config.Link = lo
		if s, err := rawsock.Open(config); err == nil {
			s.Close()
			t.Errorf("%s: opened", name)
		}
	}
	testbed.NeedRoot(t)
	long := make([]bpf.RawInstruction, rawsock.MaxInstructions+1)
	if _, err := rawsock.Open(rawsock.Config{Link: lo, Filter: long}); !errors.Is(err, rawsock.ErrTooLarge) {
		t.Errorf("4097 instructions: %v", err)
	}
	wrong := []bpf.RawInstruction{{Op: 0xffff}}
	_, err = rawsock.Open(rawsock.Config{Link: lo, Filter: wrong})
	if !errors.Is(err, rawsock.ErrFilterRefused) || errors.Is(err, rawsock.ErrTooLarge) {
		t.Errorf("a wrong program: %v", err)
	}
	if _, err := rawsock.Open(rawsock.Config{Link: lo, Filter: wrong, AllowUserSpace: true}); err == nil {
		t.Error("a wrong program runs in user space")
	}
}

func TestGoneInterface(t *testing.T) {
	c := newCable(t)
	config := c.config(t, rawsock.Config{Filter: accept(t, 64)})
	c.near.Run(t, "ip", "link", "delete", "eth0")
	err := c.near.Do(func() error {
		_, err := rawsock.Open(config)
		return err
	})
	if !errors.Is(err, rawsock.ErrNoInterface) {
		t.Errorf("an interface that went between Lookup and Open: %v", err)
	}
}

// BenchmarkNext walks frames that are there already. The last block of each round of a ring, which the kernel only
// gives up after its time-out, is walked off the clock. A plain read has the kernel's work of the call on its clock.
func BenchmarkNext(b *testing.B) {
	for _, mode := range []rawsock.Mode{rawsock.ModeRing, rawsock.ModeRead} {
		b.Run(mode.String(), func(b *testing.B) {
			c := newCable(b)
			s := c.open(b, rawsock.Config{Mode: mode, Filter: accept(b, 128), Blocks: 64, ReceiveBuffer: 256 << 20})
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
					if s.Next(&f) {
						n++
					}
				}
				b.StopTimer()
				collect(b, s, sent-n, func(*rawsock.Frame) {})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rounds*clocked), "ns/frame")
		})
	}
}
