package rawsock_test

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"network-sniffer/board/testbed"
	"network-sniffer/rawsock"
)

// withAddressSpace runs f while the process may map only so many bytes more (RLIMIT_AS of getrlimit(2)).
func withAddressSpace(t *testing.T, bytes uint64, f func() error) error {
	t.Helper()
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var pages uint64
	if _, err := fmt.Sscan(string(statm), &pages); err != nil {
		t.Fatal(err)
	}
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_AS, &before); err != nil {
		t.Fatal(err)
	}
	less := unix.Rlimit{Cur: pages*uint64(os.Getpagesize()) + bytes, Max: before.Max}
	if err := unix.Setrlimit(unix.RLIMIT_AS, &less); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_AS, &before)
	return f()
}

// TestNoRing: where the kernel grants no ring, plain reads take over if they may, for all members of a group alike.
func TestNoRing(t *testing.T) {
	c := newCable(t)
	const ring = 64 << 20
	config := c.config(t, rawsock.Config{Filter: accept(t, 128), BlockSize: ring / 16, Blocks: 16})

	config.Mode = rawsock.ModeRing
	err := c.near.Do(func() error {
		return withAddressSpace(t, ring/2, func() error {
			_, err := rawsock.Open(config)
			return err
		})
	})
	if err == nil {
		t.Fatal("a ring was mapped into no space")
	}
	t.Log(err)

	config.Mode = rawsock.ModeAuto
	for members, room := range map[int]uint64{1: ring / 2, 3: ring + ring/2} { // one ring of the three fits
		var group []*rawsock.Socket
		if err := c.near.Do(func() error {
			return withAddressSpace(t, room, func() (err error) {
				group, err = rawsock.OpenGroup(config, members)
				return err
			})
		}); err != nil {
			t.Fatal(err)
		}
		const count = 130
		c.send(t, 0, count)
		seen := make([]int, members)
		drainAll(t, group, func(i int, f *rawsock.Frame) { seen[i]++ })
		total := 0
		for i, s := range group {
			total += seen[i]
			if s.Mode() != rawsock.ModeRead {
				t.Errorf("member %d of %d: mode %v", i, members, s.Mode())
			}
			s.Close()
		}
		if total != count {
			t.Errorf("%d of %d frames", total, count)
		}
	}
}

// TestReceiveBuffer: a larger buffer holds more frames while nobody reads.
func TestReceiveBuffer(t *testing.T) {
	c := newCable(t)
	held := map[int]uint64{}
	for _, bytes := range []int{1 << 16, 1 << 20} {
		s := c.open(t, rawsock.Config{Mode: rawsock.ModeRead, Filter: accept(t, 128), ReceiveBuffer: bytes})
		const count = 10_000
		c.send(t, 0, count)
		var stats rawsock.Stats
		testbed.Eventually(t, patience, "the last frame to be counted", func() (bool, string) {
			stats = statsOf(t, s)
			return stats.Received >= count, fmt.Sprintf("%+v", stats)
		})
		held[bytes] = stats.Pending()
		if s.Size() < bytes || stats.Dropped == 0 || stats.Received != count {
			t.Errorf("a buffer of %d bytes has %d: %+v", bytes, s.Size(), stats)
		}
		s.Close()
	}
	t.Logf("frames held by size of the buffer: %v", held)
	if held[1<<20] < 8*held[1<<16] {
		t.Errorf("frames held by size of the buffer: %v", held)
	}
}
