package uplink

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// timedConn sets a deadline before every read and write, keeps to the dialer's rate, and counts. TLS lies above
// it: what it sends again after a time-out are bytes that the kernel did not take.
type timedConn struct {
	net.Conn
	dialer *dialer
	pair   Connection

	progress atomic.Uint64 // reads and writes that got something through
	writing  atomic.Int32  // writes under way
	// The deadlines that lib/pq and TLS set; nil: none. They keep their monotonic part: setting the clock moves
	// no deadline.
	readLimit, writeLimit atomic.Pointer[time.Time]

	aborted atomic.Bool
	gone    chan struct{} // closed when the connection was given up or closed
	leave   sync.Once     // guards gone
	ended   sync.Once     // guards the dialer's forget
}

// deadline is that of a call that begins now.
func (c *timedConn) deadline(limit *time.Time) time.Time {
	t := time.Now().Add(c.dialer.timeout)
	if limit != nil && limit.Before(t) {
		return *limit
	}
	return t
}

// Read waits for the dialer's time-out, and longer as long as writes are under way or get through, or the other side
// acknowledges what the kernel still had to send: while rows are copied to a server on a thin line it has nothing to
// say. A write that gets nothing through ends by itself.
func (c *timedConn) Read(b []byte) (int, error) {
	for {
		before, unsent, limit := c.progress.Load(), c.unsent(), c.readLimit.Load()
		if err := c.Conn.SetReadDeadline(c.deadline(limit)); err != nil {
			return 0, err
		}
		if c.aborted.Load() {
			return 0, errAborted
		}
		n, err := c.Conn.Read(b)
		if n > 0 {
			c.progress.Add(1)
		}
		if n == 0 && limit == nil && c.mayRetry(err) &&
			(c.writing.Load() > 0 || c.progress.Load() != before || c.unsent() < unsent) {
			continue
		}
		return n, err
	}
}

// unsent is how many bytes the kernel took that the other side has not acknowledged (SIOCOUTQ, tcp(7)): megabytes for
// whom it has let the buffer grow, which a thin line carries for minutes. 0 where the kernel does not tell.
func (c *timedConn) unsent() (bytes int) {
	s, ok := c.Conn.(syscall.Conn)
	if !ok {
		return 0
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) { bytes, _ = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
	return bytes
}

// Write sends all of b. A time-out in which the kernel took something is no end.
func (c *timedConn) Write(b []byte) (int, error) {
	c.writing.Add(1)
	defer c.writing.Add(-1)
	sent := 0
	for {
		piece := b[sent:]
		if r := c.dialer.rate; r != nil {
			piece = piece[:min(len(piece), r.burst)]
			if err := r.take(len(piece), c.gone); err != nil {
				return sent, err
			}
		}
		limit := c.writeLimit.Load()
		if err := c.Conn.SetWriteDeadline(c.deadline(limit)); err != nil {
			return sent, err
		}
		if c.aborted.Load() {
			return sent, errAborted
		}
		n, err := c.Conn.Write(piece)
		sent += n
		c.dialer.written.Add(uint64(n))
		if n > 0 {
			c.progress.Add(1)
		}
		if n > 0 && limit == nil && c.mayRetry(err) {
			err = nil
		}
		if err != nil || sent == len(b) {
			return sent, err
		}
	}
}

// mayRetry: it was the dialer's time-out that ended a call, and nobody has given the connection up.
func (c *timedConn) mayRetry(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) && !c.aborted.Load()
}

// SetDeadline keeps a deadline (lib/pq's, of the handshake) beside the own ones.
func (c *timedConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline keeps a deadline beside the own ones.
func (c *timedConn) SetReadDeadline(t time.Time) error {
	return c.keepLimit(&c.readLimit, t, c.Conn.SetReadDeadline)
}

// SetWriteDeadline keeps a deadline (that of TLS's farewell) beside the own ones.
func (c *timedConn) SetWriteDeadline(t time.Time) error {
	return c.keepLimit(&c.writeLimit, t, c.Conn.SetWriteDeadline)
}

func (c *timedConn) keepLimit(limit *atomic.Pointer[time.Time], t time.Time, set func(time.Time) error) error {
	if t.IsZero() {
		limit.Store(nil)
		return nil
	}
	limit.Store(&t)
	err := set(t)
	if c.aborted.Load() { // a call under way must not wait for t
		_ = c.Conn.SetDeadline(time.Unix(1, 0))
		return errAborted
	}
	return err
}

// abort ends the calls that are under way and all later ones; who uses the connection closes it.
func (c *timedConn) abort() {
	c.aborted.Store(true)
	c.leave.Do(func() { close(c.gone) })
	_ = c.Conn.SetDeadline(time.Unix(1, 0))
}

// Close closes the connection and tells that its packets need no exclusion any more.
func (c *timedConn) Close() error {
	c.leave.Do(func() { close(c.gone) })
	err := c.Conn.Close()
	c.ended.Do(func() { c.dialer.forget(c) })
	return err
}
