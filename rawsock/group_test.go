package rawsock_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/bpf"

	"network-sniffer/board/testbed"
	"network-sniffer/rawsock"
)

func (c cable) openGroup(t testing.TB, workers int, config rawsock.Config) (group []*rawsock.Socket) {
	t.Helper()
	config = c.config(t, config)
	err := c.near.Do(func() (err error) {
		group, err = rawsock.OpenGroup(config, workers)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range group {
		t.Cleanup(func() { s.Close() })
	}
	return group
}

// drainAll drains the members at once, each in a goroutine of its own as its owner would.
func drainAll(t *testing.T, group []*rawsock.Socket, each func(member int, f *rawsock.Frame)) {
	t.Helper()
	var all sync.WaitGroup
	for i, s := range group {
		all.Go(func() {
			var f rawsock.Frame
			if err := s.Drain(time.Now().Add(patience), func() {
				for s.Next(&f) {
					each(i, &f)
				}
			}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// TestGroup: every frame comes to exactly one member, and both directions of a flow to the same one.
func TestGroup(t *testing.T) {
	for _, workers := range []int{1, 2, 4} {
		inEachMode(t, func(t *testing.T, mode rawsock.Mode) {
			c := newCable(t)
			group := c.openGroup(t, workers, rawsock.Config{Mode: mode, Filter: accept(t, 128), LockFilter: true,
				Blocks: 32, ReceiveBuffer: 256 << 20})
			const count = 20_000
			a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.1")
			c.send(t, 0, count)
			// The same flows the other way around: what was source is destination.
			back := make([]byte, 0, testbed.MaxFrame)
			for n := range uint32(1000) {
				back = testbed.BuildFrame(back[:0], count+n, testbed.UDPv4, testbed.FrameConfig{SrcIPv4: b, DstIPv4: a})
				ports := back[34:38]
				ports[0], ports[1], ports[2], ports[3] = ports[2], ports[3], ports[0], ports[1]
				if err := c.sender.Send(context.Background(), back); err != nil {
					t.Fatal(err)
				}
			}
			seen := make([]map[uint32]int, workers)
			flows := make([]map[string]bool, workers)
			for i := range workers {
				seen[i], flows[i] = map[uint32]int{}, map[string]bool{}
			}
			drainAll(t, group, func(i int, f *rawsock.Frame) {
				n, ok := testbed.FrameNumber(f.Data)
				if !ok {
					t.Errorf("a frame of nobody: % x", f.Data)
				}
				seen[i][n]++
				if typeOf(f) == 0x0800 && f.Data[23] == 17 && f.Data[20]&0x1f == 0 && f.Data[21] == 0 {
					ends := []string{string(f.Data[26:30]) + string(f.Data[34:36]), string(f.Data[30:34]) + string(f.Data[36:38])}
					slices.Sort(ends)
					flows[i][ends[0]+ends[1]] = true
				}
			})
			total := uint64(0)
			for i, s := range group {
				stats := statsOf(t, s)
				if stats.Walked != uint64(len(seen[i])) || stats.Pending() != 0 || stats.Dropped != 0 || s.Mode() != mode {
					t.Errorf("member %d walked %d frames: %+v, mode %v", i, len(seen[i]), stats, s.Mode())
				}
				if stats.Walked < count/uint64(workers)/2 {
					t.Errorf("member %d of %d got only %d frames", i, workers, stats.Walked)
				}
				total += stats.Walked
				for n, times := range seen[i] {
					for j := range seen[:i] {
						times += seen[j][n]
					}
					if times != 1 {
						t.Errorf("frame %d was seen %d times", n, times)
					}
				}
				for flow := range flows[i] {
					for j := range flows[:i] {
						if flows[j][flow] {
							t.Errorf("flow % x is with members %d and %d", flow, i, j)
						}
					}
				}
			}
			if total != count+1000 {
				t.Errorf("%d frames were seen, %d were sent", total, count+1000)
			}
		})
	}
}

// TestGroupUnderLoad: frames that come while a group is set up are seen once or not at all, and none that the filter
// refuses, wherever it runs; several groups do not meddle with each other.
func TestGroupUnderLoad(t *testing.T) {
	for name, room := range map[string]int{"kernel": 1 << 17, "no program at all": 1} {
		t.Run(name, func(t *testing.T) {
			inEachMode(t, func(t *testing.T, mode rawsock.Mode) {
				c := newCable(t)
				optmem(t, c.near, room)
				ctx, stop := context.WithCancel(context.Background())
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					for first := uint32(0); ctx.Err() == nil && first < testbed.NumberLimit-1300; first += 1300 {
						c.sender.SendNumbered(ctx, testbed.SendConfig{First: first, Count: 1300})
					}
				}()
				defer func() { stop(); <-ended }()
				config := rawsock.Config{Mode: mode, Filter: only(t, typeIPv6), Blocks: 32, AllowUserSpace: true}
				for range 2 {
					one, two := c.openGroup(t, 3, config), c.openGroup(t, 2, config)
					seen := [2]sightings{{}, {}}
					for g, group := range [][]*rawsock.Socket{one, two} {
						for i, s := range group {
							if s.InUserSpace() != (name != "kernel") {
								t.Fatalf("in user space: %v", s.InUserSpace())
							}
							collect(t, s, 1, func(f *rawsock.Frame) { seen[g].note(t, i, f) })
						}
					}
					for g, group := range [][]*rawsock.Socket{one, two} {
						seenOnce(t, group, seen[g])
					}
				}
			})
		})
	}
}

// sightings are the numbers of the frames that a group whose filter takes IPv6 alone has handed out.
type sightings map[uint32]bool

func (s sightings) note(t *testing.T, member int, f *rawsock.Frame) {
	n, _ := testbed.FrameNumber(f.Data)
	if s[n] || typeOf(f) != typeIPv6 {
		t.Errorf("member %d: frame %d of EtherType %#x, seen before: %v", member, n, typeOf(f), s[n])
	}
	s[n] = true
}

// seenOnce drains a group that has handed out some frames before.
func seenOnce(t *testing.T, group []*rawsock.Socket, seen sightings) {
	t.Helper()
	var mu sync.Mutex
	drainAll(t, group, func(i int, f *rawsock.Frame) {
		mu.Lock()
		defer mu.Unlock()
		seen.note(t, i, f)
	})
	if len(seen) == 0 {
		t.Error("nothing was seen")
	}
	for _, s := range group {
		if stats := statsOf(t, s); stats.Pending() != 0 || stats.Received != stats.Walked+stats.Dropped {
			t.Errorf("%+v", stats)
		}
		s.Close()
	}
}

// TestGroupLife: a group outlives a link that goes down and up, and can be made while it is down.
func TestGroupLife(t *testing.T) {
	c := newCable(t)
	group := c.openGroup(t, 2, rawsock.Config{Filter: accept(t, 64)})
	c.bounce(t)
	c.near.Run(t, "ip", "link", "set", "eth0", "down")
	late := c.openGroup(t, 2, rawsock.Config{Filter: accept(t, 64)})
	c.bounce(t)
	const count = 1000
	c.send(t, 0, count)
	for _, g := range [][]*rawsock.Socket{group, late} {
		var mu sync.Mutex
		seen := 0
		drainAll(t, g, func(int, *rawsock.Frame) {
			mu.Lock()
			seen++
			mu.Unlock()
		})
		if seen != count {
			t.Errorf("%d of %d frames after the link came back", seen, count)
		}
	}
}

// TestGroupAllOrNone: when one member cannot be made, none stays open.
func TestGroupAllOrNone(t *testing.T) {
	c := newCable(t)
	config := c.config(t, rawsock.Config{Filter: []bpf.RawInstruction{{Op: 0xffff}}})
	before := c.near.Run(t, "cat", "/proc/net/packet")
	for workers, what := range map[int]string{
		-1: "a negative number of workers", 0: "no worker", 3: "a wrong filter", 257: "too many workers",
	} {
		if err := c.near.Do(func() error {
			_, err := rawsock.OpenGroup(config, workers)
			return err
		}); err == nil {
			t.Errorf("%s: opened", what)
		}
	}
	testbed.Eventually(t, patience, "the sockets to be closed", func() (bool, string) {
		after := c.near.Run(t, "cat", "/proc/net/packet")
		return after == before, fmt.Sprintf("%s\nbefore:\n%s", after, before)
	})
}
