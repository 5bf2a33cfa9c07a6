package capturebench

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"network-sniffer/board/testbed"
)

// TestEveryFrame: each consumer gets every frame of a sender that none of them is too slow for, and those that decode
// find in it what was sent. Without this the cost per frame would say nothing.
func TestEveryFrame(t *testing.T) {
	b := newBench(t, 1)
	all := consumers(t)
	slow := testbed.NewSender(t, b.far, b.interfaces[0])
	const count, atOnce = 1000, 20 // fewer at once than the buffer of a socket without a ring has room for
	for _, size := range frameSizes {
		frame := tcpFrame(size)
		paced := func() (spent, error) {
			start := time.Now()
			for n := range count {
				if n%atOnce == 0 {
					b.awaitRead(t)
				}
				if err := slow.Send(context.Background(), frame); err != nil {
					return spent{}, err
				}
			}
			return spent{frames: count, elapsed: time.Since(start)}, nil
		}
		for _, c := range all {
			checkAll(t, c, b.run(t, c, defaults(), paced), size)
		}
		fast := newBurst(t, b.far, b.interfaces, frame)
		c := named(t, all, snifferName)
		checkAll(t, c, b.run(t, c, defaults(), func() (spent, error) { return fast.send(b.sendCore, count) }), size)
	}
}

// awaitRead returns when the sockets of the near end have nothing in their buffers; rings have buffers of their own.
func (b *bench) awaitRead(t testing.TB) {
	t.Helper()
	testbed.Eventually(t, startDeadline, "the consumer to read what was sent", func() (bool, string) {
		var sockets []byte
		err := b.near.Do(func() (err error) {
			sockets, err = os.ReadFile("/proc/thread-self/net/packet") // a header and a line to a socket
			return err
		})
		if err != nil {
			return false, err.Error()
		}
		lines := strings.Split(strings.TrimSpace(string(sockets)), "\n")
		const receiveMemory = 6 // the column Rmem
		for _, line := range lines[1:] {
			if f := strings.Fields(line); len(f) <= receiveMemory || f[receiveMemory] != "0" {
				return false, string(sockets)
			}
		}
		return true, ""
	})
}

func checkAll(t *testing.T, c consumer, got outcome, size int) {
	t.Helper()
	want := uint64(got.spent.frames)
	if got.frames != want || got.dropped != 0 {
		t.Errorf("%s: %d of %d frames of %d bytes, %d dropped", c.name, got.frames, want, size, got.dropped)
	}
	if c.decodes && got.ours != want {
		t.Errorf("%s: %d of %d frames of %d bytes are TCP to port %d", c.name, got.ours, want, size, port)
	}
}

// TestBurstOverSeveralInterfaces: what is sent over eight cables arrives, and each of them gets its part.
func TestBurstOverSeveralInterfaces(t *testing.T) {
	b := newBench(t, 8)
	all := consumers(t)
	c := named(t, all, snifferName)
	const count = 8000
	sender := newBurst(t, b.far, b.interfaces, tcpFrame(frameSizes[0]))
	for _, heard := range []int{1, 8} {
		o := defaults()
		o.interfaces = b.interfaces[:heard]
		got := b.run(t, c, o, func() (spent, error) { return sender.send(b.sendCore, count) })
		// A fair share, give or take ten times the deviation of a random one.
		expected, tolerance := uint64(count*heard/8), uint64(0)
		if heard < 8 {
			tolerance = 300
		}
		if got.frames+tolerance < expected || got.frames > expected+tolerance || got.ours != got.frames {
			t.Errorf("%d of 8 interfaces: %d frames, %d of them the sender's, of %d", heard, got.frames, got.ours, count)
		}
	}
}
