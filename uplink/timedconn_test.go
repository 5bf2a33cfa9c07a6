package uplink

import (
	"bytes"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"network-sniffer/board/testbed"
)

// slowConn takes so many bytes a call, and then says that the time was over.
type slowConn struct {
	net.Conn
	takes []int // by call; after them, everything
	calls int
	err   error // with a short write
	sent  bytes.Buffer
	after func() // every call
}

func (c *slowConn) Write(b []byte) (int, error) {
	call := c.calls
	c.calls++
	if c.after != nil {
		defer c.after()
	}
	if call >= len(c.takes) {
		return c.sent.Write(b)
	}
	n, _ := c.sent.Write(b[:min(len(b), c.takes[call])])
	return n, c.err
}

func (c *slowConn) SetDeadline(time.Time) error      { return nil }
func (c *slowConn) SetWriteDeadline(time.Time) error { return nil }

func TestWrite(t *testing.T) {
	data := make([]byte, 1<<20)
	for i := range data {
		data[i] = byte(i * i >> 8)
	}
	reset := errors.New("reset")
	for _, row := range []struct {
		name         string
		takes        []int
		err          error
		calls, sent  int
		abort, limit bool
		want         error
	}{
		{"at once", nil, nil, 1, len(data), false, false, nil},
		{"with progress", []int{10, 1, 500_000}, os.ErrDeadlineExceeded, 4, len(data), false, false, nil},
		{"all of it as the time was over", []int{len(data)}, os.ErrDeadlineExceeded, 1, len(data), false, false, nil},
		{"progress, then none", []int{10, 0}, os.ErrDeadlineExceeded, 2, 10, false, false, os.ErrDeadlineExceeded},
		{"none", []int{0}, os.ErrDeadlineExceeded, 1, 0, false, false, os.ErrDeadlineExceeded},
		{"a failure", []int{10}, reset, 1, 10, false, false, reset},
		{"given up", []int{10}, os.ErrDeadlineExceeded, 1, 10, true, false, os.ErrDeadlineExceeded},
		{"a deadline of lib/pq", []int{10}, os.ErrDeadlineExceeded, 1, 10, false, true, os.ErrDeadlineExceeded},
	} {
		t.Run(row.name, func(t *testing.T) {
			d := &dialer{timeout: patience}
			slow := &slowConn{takes: row.takes, err: row.err}
			c := d.keep(slow, Connection{})
			if row.abort {
				slow.after = d.abort
			}
			if row.limit {
				if err := c.SetWriteDeadline(time.Now().Add(patience)); err != nil {
					t.Fatal(err)
				}
			}
			n, err := c.Write(data)
			if n != row.sent || !errors.Is(err, row.want) || slow.calls != row.calls {
				t.Errorf("%d bytes in %d calls, %v; want %d in %d, %v", n, slow.calls, err, row.sent, row.calls, row.want)
			}
			if !bytes.Equal(slow.sent.Bytes(), data[:row.sent]) {
				t.Error("the bytes are not those that were written")
			}
			if d.written.Load() != uint64(row.sent) {
				t.Errorf("%d bytes are counted, %d were sent", d.written.Load(), row.sent)
			}
		})
	}
}

// stagedConn lets a test see every read end in a time-out, and decide when a write is over.
type stagedConn struct {
	net.Conn
	reads chan struct{} // sends before a read ends
	write chan struct{} // a write waits for it
}

func (c *stagedConn) Read([]byte) (int, error) {
	c.reads <- struct{}{}
	return 0, os.ErrDeadlineExceeded
}

func (c *stagedConn) Write(b []byte) (int, error) {
	<-c.write
	return len(b), nil
}

func (c *stagedConn) SetReadDeadline(time.Time) error  { return nil }
func (c *stagedConn) SetWriteDeadline(time.Time) error { return nil }

// TestReadWhileWriting: a read without an answer goes on through any number of time-outs as long as a write is
// under way, or waits for the rate, and no longer.
func TestReadWhileWriting(t *testing.T) {
	for _, row := range []string{"writing", "waiting for the rate"} {
		t.Run(row, func(t *testing.T) {
			staged := &stagedConn{reads: make(chan struct{}), write: make(chan struct{})}
			d := &dialer{timeout: patience}
			began := make(chan struct{}, 1)
			if row != "writing" {
				d.rate = newThrottle(MinRate)
				d.rate.tokens = 0
				d.rate.pause = func(time.Duration, <-chan struct{}) error {
					began <- struct{}{}
					<-staged.write
					return nil
				}
			}
			c := d.keep(staged, Connection{})
			wrote, read := make(chan error, 1), make(chan error, 1)
			go func() {
				_, err := c.Write(make([]byte, 1))
				wrote <- err
			}()
			if row != "writing" {
				testbed.Await(t, began, patience, "the wait")
			} else {
				testbed.Eventually(t, patience, "the write", func() (bool, string) { return c.writing.Load() == 1, "none" })
			}
			go func() {
				_, err := c.Read(make([]byte, 1))
				read <- err
			}()
			for range 10 {
				testbed.Await(t, staged.reads, patience, "another attempt to read")
			}
			close(staged.write)
			if err := testbed.Await(t, wrote, patience, "the end of the write"); err != nil {
				t.Fatal(err)
			}
			for range 3 { // one may have begun before the end of the write, one sees its progress
				select {
				case <-staged.reads:
				case err := <-read:
					read <- err
				}
			}
			if err := testbed.Await(t, read, patience, "the end of the read"); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("after the write: %v", err)
			}
		})
	}
}

// drainedConn lets the other side take something of what was sent whenever a read has ended in a time-out.
type drainedConn struct {
	*net.TCPConn
	drain func()
	reads int
}

func (c *drainedConn) Read(b []byte) (int, error) {
	n, err := c.TCPConn.Read(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.reads++
		c.drain()
	}
	return n, err
}

// TestReadWhileKernelSends: the answer is waited for as long as the other side takes what the kernel holds, and no longer.
func TestReadWhileKernelSends(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialed, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	slow := &drainedConn{TCPConn: dialed.(*net.TCPConn)}
	d := &dialer{timeout: patience}
	c := d.keep(slow, Connection{})
	defer c.Close()
	if err := errors.Join(slow.SetWriteBuffer(4<<20), server.(*net.TCPConn).SetReadBuffer(16<<10)); err != nil {
		t.Fatal(err)
	}
	// So much that the kernel has taken all of it and the other side has not.
	data, sent := make([]byte, 4<<10), 0
	for c.unsent() == 0 || sent < 128<<10 {
		n, err := c.Write(data)
		if err != nil {
			t.Fatal(err)
		}
		sent += n
	}
	d.timeout = 20 * time.Millisecond
	left, buf := sent, make([]byte, 64<<10)
	slow.drain = func() {
		for before := c.unsent(); left > 0 && c.unsent() >= before; {
			n, err := server.Read(buf)
			if err != nil {
				t.Error(err)
				return
			}
			left -= n
		}
		if left == 0 {
			_, _ = server.Write([]byte{7})
		}
	}
	answer := make([]byte, 1)
	if n, err := c.Read(answer); n != 1 || answer[0] != 7 {
		t.Fatalf("%v after %d time-outs, %d of %d bytes are left", err, slow.reads, left, sent)
	}
	if slow.reads < 2 {
		t.Errorf("%d time-outs: the kernel held too little", slow.reads)
	}
	slow.drain, slow.reads = func() {}, 0
	if _, err := c.Read(answer); !errors.Is(err, os.ErrDeadlineExceeded) || slow.reads != 1 {
		t.Errorf("when nothing is sent: %v after %d time-outs", err, slow.reads)
	}
}

// TestForeignDeadline: what lib/pq and TLS set is kept beside the own time-out, and taken back.
func TestForeignDeadline(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	d := &dialer{timeout: patience}
	c := d.keep(ours, Connection{})
	defer c.Close()
	over := time.Now().Add(-time.Second)
	if err := c.SetDeadline(over); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a read after the deadline: %v", err)
	}
	if _, err := c.Write(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a write after the deadline: %v", err)
	}
	if err := c.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	go theirs.Write([]byte{7})
	if n, err := c.Read(make([]byte, 1)); n != 1 {
		t.Errorf("a read after the deadline was taken back: %v", err)
	}
	d.abort()
	if err := c.SetDeadline(time.Now().Add(patience)); !errors.Is(err, errAborted) {
		t.Errorf("a new deadline for what was given up: %v", err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, errAborted) {
		t.Errorf("a read on what was given up: %v", err)
	}
}
