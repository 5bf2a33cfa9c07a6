package rawsock_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"network-sniffer/board/testbed"
	"network-sniffer/rawsock"
)

const (
	typeUnknown = 0x88b5 // testbed.UnknownType
	typeARP     = 0x0806
	typeIPv6    = 0x86dd
	snap        = 64
)

// only accepts the frames of some EtherTypes.
func only(t testing.TB, types ...uint32) []bpf.RawInstruction {
	t.Helper()
	program := []bpf.Instruction{bpf.LoadAbsolute{Off: 12, Size: 2}}
	for i, etherType := range types {
		program = append(program, bpf.JumpIf{Cond: bpf.JumpEqual, Val: etherType, SkipTrue: uint8(len(types) - i)})
	}
	return assemble(t, append(program, bpf.RetConstant{Val: 0}, bpf.RetConstant{Val: snap})...)
}

func typeOf(f *rawsock.Frame) uint32 { return uint32(f.Data[12])<<8 | uint32(f.Data[13]) }

// optmem sets how much room the kernel of a namespace has for the programs of one socket, in bytes. Kernels before 6.8
// have one limit for all namespaces.
func optmem(t testing.TB, ns *testbed.Namespace, bytes int) {
	t.Helper()
	ns.Sysctl(t, "net/core/optmem_max", strconv.Itoa(bytes))
}

// littleRoom is room for a program of one instruction, and not for one of many.
const littleRoom = 400

// large accepts what only accepts, and does not fit into littleRoom.
func large(t testing.TB, types ...uint32) []bpf.RawInstruction {
	t.Helper()
	load := bpf.RawInstruction{Op: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: 12}
	return append(slices.Repeat([]bpf.RawInstruction{load}, 200), only(t, types...)...)
}

// TestNothingUnfiltered: with a sender at full speed, not one frame that the filter refuses is seen, from the moment of
// opening on, wherever the filter runs.
func TestNothingUnfiltered(t *testing.T) {
	for name, room := range map[string]int{"kernel": 1 << 17, "user space": littleRoom, "no program at all": 1} {
		t.Run(name, func(t *testing.T) {
			inEachMode(t, func(t *testing.T, mode rawsock.Mode) {
				c := newCable(t)
				optmem(t, c.near, room)
				ctx, stop := context.WithCancel(context.Background())
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					for first := uint32(0); ctx.Err() == nil; first = (first + 1300) % (1 << 23) {
						c.sender.SendNumbered(ctx, testbed.SendConfig{First: first, Count: 1300})
					}
				}()
				defer func() { stop(); <-ended }()
				for range 5 {
					s := c.open(t, rawsock.Config{Mode: mode, Filter: large(t, typeUnknown), AllowUserSpace: true})
					if s.InUserSpace() != (name != "kernel") {
						t.Fatalf("in user space: %v", s.InUserSpace())
					}
					seen := 0
					check := func(f *rawsock.Frame) {
						if seen++; typeOf(f) != typeUnknown || len(f.Data) > snap {
							t.Fatalf("a frame of EtherType %#x and %d bytes passed the filter", typeOf(f), len(f.Data))
						}
					}
					collect(t, s, 500, check)
					var f rawsock.Frame
					if err := s.Drain(time.Now().Add(patience), func() {
						for s.Next(&f) {
							check(&f)
						}
					}); err != nil {
						t.Fatal(err)
					}
					stats := statsOf(t, s)
					// Of frames that were dropped before the filter ran nobody knows whether it would have taken them.
					if stats.Walked != uint64(seen) || stats.Pending() != 0 || s.InUserSpace() == (stats.Refused == 0) {
						t.Errorf("seen %d, %+v", seen, stats)
					}
					s.Close()
				}
			})
		})
	}
}

// TestSetFilterUnderLoad: a sender at full speed and a filter that is replaced all the time. What both filters take
// comes to the last frame, what neither takes never comes.
func TestSetFilterUnderLoad(t *testing.T) {
	for name, room := range map[string]int{"kernel": 1 << 17, "user space": littleRoom} {
		t.Run(name, func(t *testing.T) {
			inEachMode(t, func(t *testing.T, mode rawsock.Mode) {
				c := newCable(t)
				optmem(t, c.near, room)
				s := c.open(t, rawsock.Config{Mode: mode, Filter: large(t, typeUnknown, typeARP), AllowUserSpace: true,
					Blocks: 64, ReceiveBuffer: 512 << 20})
				const count = 50_011
				sent, swapped := make(chan struct{}), make(chan struct{})
				swaps := 0
				go func() {
					defer close(swapped)
					filters := [][]bpf.RawInstruction{large(t, typeUnknown, typeIPv6), large(t, typeUnknown, typeARP)}
					for {
						if err := s.SetFilter(filters[swaps%2]); err != nil {
							t.Error(err)
							return
						}
						swaps++
						select {
						case <-sent:
							if swaps >= 100 {
								return
							}
						default:
						}
					}
				}()
				go func() {
					defer close(sent)
					c.send(t, 0, count)
				}()
				seen := map[uint32]int{}
				var f rawsock.Frame
				walk := func() {
					for s.Next(&f) {
						seen[typeOf(&f)]++
					}
				}
				for running := true; running; {
					if _, err := s.Wait(time.Now().Add(10 * time.Millisecond)); err != nil {
						t.Fatal(err)
					}
					walk()
					select {
					case <-swapped:
						running = false
					default:
					}
				}
				if err := s.Drain(time.Now().Add(patience), walk); err != nil {
					t.Fatal(err)
				}
				stats := statsOf(t, s)
				total := 0
				for etherType, n := range seen {
					total += n
					if !slices.Contains([]uint32{typeUnknown, typeARP, typeIPv6}, etherType) {
						t.Errorf("%d frames of EtherType %#x, which no filter takes", n, etherType)
					}
				}
				if want := count / len(testbed.AllKinds()); seen[typeUnknown] != want || stats.Dropped != 0 {
					t.Errorf("%d frames that each filter takes, want %d; %d dropped", seen[typeUnknown], want, stats.Dropped)
				}
				if stats.Received != uint64(total) || stats.Walked != uint64(total) {
					t.Errorf("%d frames seen, %+v", total, stats)
				}
				t.Logf("%d replacements, %v", swaps, seen)
			})
		})
	}
}

// TestUserSpaceFilter: who would rather give way is told that a program is too large, and keeps what stood before.
func TestUserSpaceFilter(t *testing.T) {
	c := newCable(t)
	optmem(t, c.near, littleRoom)
	config := c.config(t, rawsock.Config{Filter: large(t, typeUnknown)})
	if err := c.near.Do(func() error {
		_, err := rawsock.Open(config)
		return err
	}); !errors.Is(err, rawsock.ErrTooLarge) || !errors.Is(err, rawsock.ErrFilterRefused) {
		t.Fatalf("no room, and user space was not allowed: %v", err)
	}
	const count = 1300
	of := uint64(count / len(testbed.AllKinds()))

	s := c.open(t, rawsock.Config{Filter: only(t, typeUnknown)})
	if err := s.SetFilter(large(t, typeARP)); !errors.Is(err, rawsock.ErrTooLarge) {
		t.Errorf("a replacement without room: %v", err)
	}
	c.send(t, 0, count)
	collect(t, s, int(of), func(f *rawsock.Frame) {
		if typeOf(f) != typeUnknown {
			t.Errorf("EtherType %#x after a replacement that failed", typeOf(f))
		}
	})
	s.Close()

	// What the kernel thinks wrong, and a kernel whose compiler fails refuses like that, runs in user space too: here a
	// scratch cell is read that was never written.
	odd := append(assemble(t, bpf.LoadScratch{Dst: bpf.RegA}), only(t, typeARP)...)
	s = c.open(t, rawsock.Config{Filter: odd, AllowUserSpace: true})
	c.send(t, 0, count)
	collect(t, s, int(of), func(f *rawsock.Frame) {
		if typeOf(f) != typeARP || !s.InUserSpace() {
			t.Errorf("EtherType %#x, in user space: %v", typeOf(f), s.InUserSpace())
		}
	})
	if err := s.SetFilter(nil); err == nil {
		t.Error("no filter was taken for one")
	}
	s.Close()

	// A socket goes to user space with a replacement, and stays there with the next one, though the kernel had room.
	s = c.open(t, rawsock.Config{Filter: only(t, typeUnknown)})
	if err := s.SetFilter(large(t, typeARP)); !errors.Is(err, rawsock.ErrTooLarge) || s.InUserSpace() {
		t.Errorf("in user space without leave: %v, %v", s.InUserSpace(), err)
	}
	s.AllowUserSpace()
	for _, filter := range [][]bpf.RawInstruction{large(t, typeARP), only(t, typeIPv6)} {
		if err := s.SetFilter(filter); err != nil || !s.InUserSpace() {
			t.Fatalf("in user space: %v, %v", s.InUserSpace(), err)
		}
	}
	c.send(t, 0, count)
	collect(t, s, int(3*of), func(f *rawsock.Frame) {
		if typeOf(f) != typeIPv6 || len(f.Data) != snap {
			t.Errorf("EtherType %#x, %d bytes", typeOf(f), len(f.Data))
		}
	})
	if err := s.Drain(time.Now().Add(patience), func() {
		for s.Next(&rawsock.Frame{}) {
			t.Error("one more frame")
		}
	}); err != nil {
		t.Error(err)
	}
	if got, want := statsOf(t, s), (rawsock.Stats{Received: 3 * of, Walked: 3 * of, Refused: count - 3*of}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestUserSpaceAgreesWithTheKernel: programs that load what the kernel tells beside a frame have the same verdict over
// the same frames, in the kernel and in user space, received and sent, with Ethernet and with cooked headers.
func TestUserSpaceAgreesWithTheKernel(t *testing.T) {
	accepted := func(e bpf.Extension, want uint32) []bpf.RawInstruction {
		return assemble(t, bpf.LoadExtension{Num: e}, bpf.JumpIf{Cond: bpf.JumpEqual, Val: want, SkipFalse: 1},
			bpf.RetConstant{Val: snap}, bpf.RetConstant{Val: 0})
	}
	const count = 26
	inEachMode(t, func(t *testing.T, mode rawsock.Mode) {
		c := newCable(t)
		own := testbed.NewSender(t, c.near, "eth0")
		ethernet, cooked := lookup(t, c.near, "eth0"), lookup(t, c.near, rawsock.Any)
		for _, row := range []struct {
			name    string
			program []bpf.RawInstruction
			sent    int // frames of all kinds that Ethernet accepts: of count that came and count that went
		}{
			{"IPv4", accepted(bpf.ExtProto, 0x0800), 26},
			{"VLAN inside", accepted(bpf.ExtProto, 0x8100), 2},
			{"for others", accepted(bpf.ExtType, 3), 24},
			{"outgoing", accepted(bpf.ExtType, 4), 26},
			{"this link", accepted(bpf.ExtInterfaceIndex, uint32(ethernet.Index)), 52},
			{"other link", accepted(bpf.ExtInterfaceIndex, 1), 0},
			{"Ethernet", accepted(bpf.ExtLinkLayerType, 1), 52},
			{"tagged", accepted(bpf.ExtVLANTagPresent, 1), 2},
			{"untagged", accepted(bpf.ExtVLANTagPresent, 0), 50},
			{"tag", accepted(bpf.ExtVLANTag, testbed.VLANID), 2},
			{"type of tag", accepted(bpf.ExtVLANProto, 0x8100), 2},
			{"of 1400 bytes", accepted(bpf.ExtLen, 1400), 4},
		} {
			for _, link := range []rawsock.Link{ethernet, cooked} {
				config := rawsock.Config{Link: link, Mode: mode, Filter: row.program, AllowUserSpace: true, Promiscuous: true}
				optmem(t, c.near, 1<<17)
				kernel := open(t, c.near, config)
				optmem(t, c.near, 1)
				user := open(t, c.near, config)
				c.send(t, 0, count)
				sent := testbed.SendConfig{First: count, Count: count}
				if link == cooked {
					// See metadata: the one kind of which the kernel tells its filter something else.
					sent.Kinds = slices.DeleteFunc(testbed.AllKinds(), func(k testbed.Kind) bool { return k == testbed.VLANUDP })
				}
				if _, err := own.SendNumbered(context.Background(), sent); err != nil {
					t.Fatal(err)
				}
				frames := func(s *rawsock.Socket) (got []string) {
					var f rawsock.Frame
					if err := s.Drain(time.Now().Add(patience), func() {
						for s.Next(&f) {
							got = append(got, sll2(&f))
						}
					}); err != nil {
						t.Fatal(err)
					}
					return got
				}
				want, got := frames(kernel), frames(user)
				if kernel.InUserSpace() || !user.InUserSpace() || !slices.Equal(want, got) {
					t.Errorf("%s on %s: the kernel takes %d frames, user space %d", row.name, link.Name, len(want), len(got))
				}
				if link == ethernet && len(want) != row.sent {
					t.Errorf("%s: %d frames are accepted, want %d", row.name, len(want), row.sent)
				}
				kernel.Close()
				user.Close()
			}
		}
	})
}

// TestLockFilter: a locked filter stands, for us and for the kernel.
func TestLockFilter(t *testing.T) {
	c := newCable(t)
	for name, room := range map[string]int{"kernel": 1 << 17, "user space": littleRoom} {
		optmem(t, c.near, room)
		s := c.open(t, rawsock.Config{Filter: large(t, typeUnknown), LockFilter: true, AllowUserSpace: true})
		if err := s.SetFilter(only(t, typeARP)); !errors.Is(err, rawsock.ErrLocked) {
			t.Errorf("%s: a locked filter was replaced: %v", name, err)
		}
		c.send(t, 0, 13)
		collect(t, s, 1, func(f *rawsock.Frame) {
			if typeOf(f) != typeUnknown {
				t.Errorf("%s: EtherType %#x", name, typeOf(f))
			}
		})
		s.Close()
	}
}
