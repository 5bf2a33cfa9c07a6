//go:build linux

package testbed

import (
	"context"
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// receiveBuffer holds all frames of a test, so that a reader that is not scheduled loses none. The kernel
// takes the memory only for what waits.
const receiveBuffer = 512 << 20

// census counts numbered frames.
type census struct {
	times    []uint8 // by number, from the first on
	distinct int
	lengths  int // sum, in bytes
}

// take reads from a socket until it has seen count different numbers, or none comes any more.
func take(t *testing.T, reader int, first uint32, count int) census {
	t.Helper()
	seen := census{times: make([]uint8, count)}
	var frame [64]byte
	for seen.distinct < count {
		n, _, err := unix.Recvfrom(reader, frame[:], unix.MSG_TRUNC)
		if errors.Is(err, unix.EAGAIN) {
			if ready, err := pollFor(reader, unix.POLLIN, patience); err != nil || !ready {
				break
			}
			continue
		}
		if err != nil {
			t.Errorf("read: %v", err)
			break
		}
		number, ok := FrameNumber(frame[:min(n, len(frame))])
		if !ok || number < first || number >= first+uint32(count) {
			t.Errorf("a frame nobody sent: %x", frame[:min(n, len(frame))])
			continue
		}
		seen.lengths += n
		if seen.times[number-first]++; seen.times[number-first] == 1 {
			seen.distinct++
		}
	}
	return seen
}

// cable returns a sender and a plain reader at the two ends of a quiet link, and the sender's namespace.
func cable(t testing.TB) (*Sender, int, *Namespace) {
	t.Helper()
	a, b := NewNamespace(t, "sender"), NewNamespace(t, "reader")
	Link(t, a, "eth0", b, "eth0", Quiet())
	reader := -1
	index := b.Interface(t, "eth0").Index
	err := b.Do(func() (err error) {
		reader, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(reader) })
	if err := unix.SetsockoptInt(reader, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer); err != nil {
		t.Fatal(err)
	}
	const allProtocols = unix.ETH_P_ALL<<8 | unix.ETH_P_ALL>>8
	if err := unix.Bind(reader, &unix.SockaddrLinklayer{Protocol: allProtocols, Ifindex: index}); err != nil {
		t.Fatal(err)
	}
	return NewSender(t, a, "eth0"), reader, a
}

// TestSenderLosesNothing counts each frame at the other end of the cable.
func TestSenderLosesNothing(t *testing.T) {
	for _, c := range []struct {
		name   string
		config SendConfig
		length int // of all frames; 0 is not looked at
	}{
		{"one", SendConfig{Count: 1, First: 5, Kinds: []Kind{UDPv4}}, 74},
		{"none", SendConfig{Count: 0}, 0},
		{"more than a batch", SendConfig{Count: sendBatch + 1, First: NumberLimit - sendBatch - 1, Kinds: []Kind{LLC}}, 60 * (sendBatch + 1)},
		{"all kinds once", SendConfig{Count: kinds}, 74 + 566 + 74 + 94 + 138 + 98 + 118 + 60 + 74 + 134 + 60 + 60 + 1400},
		{"two kinds by turns", SendConfig{Count: 10, First: 1, Kinds: []Kind{TCPSYN, TCPData}}, 5*74 + 5*566},
		{"paced", SendConfig{Count: 500, Rate: 5000}, 0},
		{"two hundred thousand", SendConfig{Count: 200_000, First: 1_000_000}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			sender, reader, _ := cable(t)
			result := make(chan census, 1)
			go func() { result <- take(t, reader, c.config.First, c.config.Count) }()
			report, err := sender.SendNumbered(context.Background(), c.config)
			if err != nil || report.Sent != c.config.Count {
				t.Errorf("sent %d, %v, want %d", report.Sent, err, c.config.Count)
			}
			seen := <-result
			if seen.distinct != c.config.Count {
				t.Errorf("%d frames arrived, want %d", seen.distinct, c.config.Count)
			}
			for i, times := range seen.times {
				if times > 1 {
					t.Fatalf("frame %d arrived %d times", c.config.First+uint32(i), times)
				}
			}
			if c.length != 0 && seen.lengths != c.length {
				t.Errorf("%d bytes arrived, want %d", seen.lengths, c.length)
			}
			if least := time.Duration(c.config.Count-1) * time.Second / time.Duration(max(c.config.Rate, 1)); c.config.Rate > 0 && report.Elapsed < least {
				t.Errorf("%d frames in %v, faster than %d a second", report.Sent, report.Elapsed, c.config.Rate)
			}
			statistics, err := unix.GetsockoptTpacketStats(reader, unix.SOL_PACKET, unix.PACKET_STATISTICS)
			if err != nil || statistics.Drops != 0 || int(statistics.Packets) != c.config.Count {
				t.Errorf("the reader's socket counts %+v, %v, want %d packets", statistics, err, c.config.Count)
			}
			t.Logf("%d frames in %v, %d retries", report.Sent, report.Elapsed, report.Retries)
		})
	}
}

// TestSenderOffersAgain sends faster than the queue behind the interface drains: the kernel refuses frames.
func TestSenderOffersAgain(t *testing.T) {
	NeedTool(t, "tc")
	sender, reader, ns := cable(t)
	ns.Run(t, "tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "50mbit", "burst", "8kb", "limit", "8kb")
	const count = 3000
	result := make(chan census, 1)
	go func() { result <- take(t, reader, 0, count) }()
	report, err := sender.SendNumbered(context.Background(), SendConfig{Count: count})
	if err != nil || report.Sent != count {
		t.Errorf("sent %d, %v, want %d", report.Sent, err, count)
	}
	if report.Retries == 0 {
		t.Error("the kernel refused nothing: the test proves nothing")
	}
	seen := <-result
	statistics, err := unix.GetsockoptTpacketStats(reader, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if seen.distinct != count || err != nil || statistics.Packets != count {
		t.Errorf("%d different frames arrived, %+v (%v) at the socket, want %d", seen.distinct, statistics, err, count)
	}
	t.Logf("%d retries", report.Retries)
}

func TestSenderRejects(t *testing.T) {
	sender, _, _ := cable(t)
	for _, c := range []struct {
		name   string
		config SendConfig
	}{
		{"a number too many", SendConfig{First: NumberLimit - 1, Count: 2}},
		{"a negative count", SendConfig{Count: -1}},
	} {
		if report, err := sender.SendNumbered(context.Background(), c.config); err == nil || report.Sent != 0 {
			t.Errorf("%s: sent %d, %v", c.name, report.Sent, err)
		}
	}
	if err := sender.Send(context.Background(), make([]byte, 13)); err == nil {
		t.Error("a frame without a complete header was sent")
	}
	if err := sender.Send(context.Background(), make([]byte, 9000)); !errors.Is(err, unix.EMSGSIZE) {
		t.Errorf("a frame above the MTU: %v, want EMSGSIZE", err)
	}
}

func TestSenderStops(t *testing.T) {
	sender, reader, _ := cable(t)
	ctx, cancel := context.WithCancel(context.Background())
	type outcome struct {
		report SendReport
		err    error
	}
	result := make(chan outcome, 1)
	go func() {
		report, err := sender.SendNumbered(ctx, SendConfig{Count: NumberLimit, Rate: 1000})
		result <- outcome{report, err}
	}()
	if seen := take(t, reader, 0, 20); seen.distinct != 20 {
		t.Errorf("%d frames arrived before the end, want 20", seen.distinct)
	}
	cancel()
	got := Await(t, result, patience, "end of sending")
	if !errors.Is(got.err, context.Canceled) {
		t.Errorf("error %v, want that of the context", got.err)
	}
	statistics, err := unix.GetsockoptTpacketStats(reader, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil || int(statistics.Packets) != got.report.Sent {
		t.Errorf("%d reported as sent, %+v (%v) at the reader", got.report.Sent, statistics, err)
	}
}

func TestSendOneFrame(t *testing.T) {
	sender, reader, _ := cable(t)
	if err := sender.Send(context.Background(), BuildFrame(nil, 99, TCPSYN, FrameConfig{})); err != nil {
		t.Fatal(err)
	}
	if seen := take(t, reader, 99, 1); seen.distinct != 1 || seen.lengths != 74 {
		t.Errorf("%d frames of %d bytes arrived, want one of 74", seen.distinct, seen.lengths)
	}
}

func TestSendNumberedAllocates(t *testing.T) {
	sender, _, _ := cable(t)
	const count = 1000
	config := SendConfig{Count: count, FrameConfig: FrameConfig{}.withDefaults()}
	allocations := testing.AllocsPerRun(10, func() {
		if _, err := sender.SendNumbered(context.Background(), config); err != nil {
			t.Fatal(err)
		}
	})
	if allocations > 10 {
		t.Errorf("%v allocations for %d frames, want a handful for the call", allocations, count)
	}
}

func BenchmarkSendNumbered(b *testing.B) {
	sender, reader, _ := cable(b)
	unix.Close(reader)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sender.SendNumbered(context.Background(), SendConfig{Count: 10_000}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*10_000/b.Elapsed().Seconds(), "frames/s")
}
