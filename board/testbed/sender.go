//go:build linux

package testbed

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Sender puts frames on an interface through an AF_PACKET socket, packet(7). It is for one goroutine.
type Sender struct {
	fd      int
	where   string // for error messages
	storage [sendBatch][MaxFrame]byte
	vectors [sendBatch]unix.Iovec
	headers [sendBatch]messageHeader
}

// messageHeader is struct mmsghdr, sendmmsg(2).
type messageHeader struct {
	header unix.Msghdr
	sent   uint32
}

// SendConfig says what SendNumbered sends.
type SendConfig struct {
	FrameConfig

	First uint32 // number of the first frame
	Count int    // how many; First+Count is at most NumberLimit
	Rate  int    // frames per second; 0 is as many as the kernel takes
	Kinds []Kind // frame n is of kind Kinds[n % len(Kinds)]; default AllKinds
}

// KindOf returns the kind of frame n.
func (c SendConfig) KindOf(n uint32) Kind {
	if len(c.Kinds) == 0 {
		return Kind(n % kinds)
	}
	return c.Kinds[n%uint32(len(c.Kinds))]
}

// SendReport is what became of the frames.
type SendReport struct {
	Sent    int           // frames the kernel accepted: numbers First to First+Sent-1, each once
	Retries int           // calls repeated because the kernel had no room (ENOBUFS, EAGAIN)
	Elapsed time.Duration // from the first call to the last
}

// NewSender opens a socket on an interface of the namespace; it receives nothing. The test's end closes it.
func NewSender(t testing.TB, ns *Namespace, name string) *Sender {
	t.Helper()
	s := &Sender{fd: -1, where: name + " in " + ns.Name}
	index := ns.Interface(t, name).Index
	err := ns.Do(func() (err error) {
		// Protocol 0 receives no frame.
		s.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		return err
	})
	if err != nil {
		t.Fatalf("open packet socket on %s: %v", s.where, err)
	}
	t.Cleanup(func() { unix.Close(s.fd) })
	if err := unix.Bind(s.fd, &unix.SockaddrLinklayer{Ifindex: index}); err != nil {
		t.Fatalf("bind packet socket to %s: %v", s.where, err)
	}
	if err := unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer); err != nil {
		t.Fatalf("send buffer of packet socket on %s: %v", s.where, err)
	}
	for i := range s.headers {
		s.headers[i].header.Iov = &s.vectors[i]
		s.headers[i].header.SetIovlen(1)
	}
	return s
}

// Send sends one frame, complete from its destination MAC on, and waits while the kernel has no room.
func (s *Sender) Send(ctx context.Context, frame []byte) error {
	if len(frame) < etherHeader {
		return fmt.Errorf("testbed: send on %s: frame of %d bytes is shorter than an Ethernet header", s.where, len(frame))
	}
	s.vectors[0].Base = &frame[0]
	s.vectors[0].SetLen(len(frame))
	_, err := s.submitAll(ctx, 1, &SendReport{})
	return err
}

// SendNumbered sends frames First to First+Count-1 in order and reports how many the kernel accepted. No
// frame is given up: where the kernel has no room it is offered again, until ctx ends; then the error
// matches ctx.Err, and the report holds what was sent so far.
func (s *Sender) SendNumbered(ctx context.Context, config SendConfig) (SendReport, error) {
	var report SendReport
	if config.Count < 0 || uint64(config.First)+uint64(config.Count) > NumberLimit {
		return report, fmt.Errorf("testbed: send on %s: frames %d to %d do not fit into 24 bits: send less than %d",
			s.where, config.First, uint64(config.First)+uint64(config.Count), NumberLimit)
	}
	frames := config.FrameConfig.withDefaults()
	pace := newPace(config.Rate)
	defer pace.stop()
	for report.Sent < config.Count {
		batch, err := pace.allow(ctx, report.Sent, min(sendBatch, config.Count-report.Sent))
		if err != nil {
			return report, fmt.Errorf("testbed: send on %s: %w", s.where, err)
		}
		for i := range batch {
			n := config.First + uint32(report.Sent+i)
			frame := BuildFrame(s.storage[i][:0], n, config.KindOf(n), frames)
			s.vectors[i].Base = &frame[0]
			s.vectors[i].SetLen(len(frame))
		}
		sent, err := s.submitAll(ctx, batch, &report)
		report.Sent += sent
		report.Elapsed = time.Since(pace.start)
		if err != nil {
			return report, err
		}
	}
	return report, nil
}

// submitAll gives the first count frames to the kernel, in order, and returns how many it took.
func (s *Sender) submitAll(ctx context.Context, count int, report *SendReport) (int, error) {
	done := 0
	for done < count {
		sent, err := s.submit(done, count)
		done += sent
		switch {
		case err == nil:
			continue
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			report.Retries++
			if _, err := pollFor(s.fd, unix.POLLOUT, 10*time.Millisecond); err != nil {
				return done, fmt.Errorf("testbed: send on %s: %w", s.where, err)
			}
		case errors.Is(err, unix.ENOBUFS):
			// The queue behind the interface is full; nothing announces that it has drained.
			report.Retries++
			time.Sleep(50 * time.Microsecond)
		default:
			return done, fmt.Errorf("testbed: send on %s, frame %d of a batch: %w", s.where, done, err)
		}
		if err := ctx.Err(); err != nil {
			return done, fmt.Errorf("testbed: send on %s: %w", s.where, err)
		}
	}
	return done, nil
}

// submit is one sendmmsg(2). The kernel stops at the first frame it cannot take, and tells why only when
// that is the first of the call.
func (s *Sender) submit(from, to int) (int, error) {
	sent, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(s.fd),
		uintptr(unsafe.Pointer(&s.headers[from])), uintptr(to-from), 0, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(sent), nil
}

// pace spreads frames over time: at any moment at most rate × elapsed have been allowed. The report's time
// is of the same clock: one that starts later reads less than the frames were spread over.
type pace struct {
	rate  int
	start time.Time
	timer *time.Timer
}

func newPace(rate int) *pace {
	p := &pace{rate: rate, start: time.Now()}
	if rate > 0 {
		p.timer = time.NewTimer(0)
	}
	return p
}

func (p *pace) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
}

// allow waits until at least one more frame than sent is due and returns how many are, at most limit.
func (p *pace) allow(ctx context.Context, sent, limit int) (int, error) {
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if p.rate <= 0 {
			return limit, nil
		}
		due := int(time.Since(p.start).Seconds()*float64(p.rate)) + 1
		if due > sent {
			return min(due-sent, limit), nil
		}
		p.timer.Reset(max(time.Millisecond, time.Second/time.Duration(p.rate)))
		select {
		case <-p.timer.C:
		case <-ctx.Done():
		}
	}
}
