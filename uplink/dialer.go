package uplink

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Connection is the address pair of a database connection over TCP.
type Connection struct{ Local, Remote netip.AddrPort }

// dialer opens the connections of lib/pq. It tells of each before its first packet leaves, so that the
// capture filter can exclude it, and it hands out connections whose every read and write has a deadline:
// lib/pq does not end a call to a silent peer when its context ends.
type dialer struct {
	opening func(Connection) // before the SYN
	closed  func(Connection)
	timeout time.Duration // of a read or write without progress; ioTimeout but in tests

	mu   sync.Mutex
	open map[*timedConn]struct{}
}

var errAborted = errors.New("the connection was given up")

// Dial is part of lib/pq's interface; it calls DialContext.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialTimeout(network, address, connectTimeout)
}

// DialTimeout is part of lib/pq's interface; it calls DialContext.
func (d *dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

// DialContext connects to the first address of the host that answers.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if network == "unix" {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return d.keep(c, Connection{}), nil
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "tcp", service)
	if err != nil {
		return nil, err
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var errs []error
	for i, a := range addrs {
		c, err := d.dialOne(ctx, netip.AddrPortFrom(a.Unmap(), uint16(port)), len(addrs)-i)
		if err == nil {
			return c, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// dialOne binds the socket before it connects: the whole address pair is known while nothing was sent. It
// takes its share of the time that is left for so many addresses, so that a dead one does not use it all.
func (d *dialer) dialOne(ctx context.Context, remote netip.AddrPort, left int) (net.Conn, error) {
	timeout := connectTimeout
	if deadline, ok := ctx.Deadline(); ok {
		timeout = min(timeout, time.Until(deadline))
	}
	pair := Connection{Remote: remote}
	source := sourceFor(remote)
	nd := net.Dialer{
		Timeout:         timeout / time.Duration(left),
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3},
		Control: func(_, _ string, raw syscall.RawConn) error {
			var inner error
			if err := raw.Control(func(fd uintptr) { pair.Local, inner = prepare(int(fd), source) }); err != nil {
				return err
			}
			if inner != nil {
				return inner
			}
			if d.opening != nil && pair.Local.IsValid() {
				d.opening(pair)
			}
			return nil
		},
	}
	c, err := nd.DialContext(ctx, "tcp", remote.String())
	if err != nil {
		if d.closed != nil && pair.Local.IsValid() {
			d.closed(pair)
		}
		return nil, err
	}
	return d.keep(c, pair), nil
}

// sourceFor asks the routing table which address a connection to remote leaves from. Connecting a UDP socket
// sends nothing.
func sourceFor(remote netip.AddrPort) netip.Addr {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(remote))
	if err != nil {
		return netip.Addr{} // no route: connecting will say so
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
}

// prepare binds the socket and bounds how long sent data may stay unacknowledged (TCP_USER_TIMEOUT, tcp(7)).
func prepare(fd int, source netip.Addr) (netip.AddrPort, error) {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(ioTimeout.Milliseconds())); err != nil {
		return netip.AddrPort{}, os.NewSyscallError("TCP_USER_TIMEOUT", err)
	}
	if !source.IsValid() {
		return netip.AddrPort{}, nil
	}
	var sa unix.Sockaddr
	if source.Is4() {
		sa = &unix.SockaddrInet4{Addr: source.As4()}
	} else {
		// A link-local address is only good on its link.
		zone, _ := net.InterfaceByName(source.Zone())
		in6 := &unix.SockaddrInet6{Addr: source.As16()}
		if zone != nil {
			in6.ZoneId = uint32(zone.Index)
		}
		sa = in6
	}
	if err := unix.Bind(fd, sa); err != nil {
		return netip.AddrPort{}, os.NewSyscallError("bind", err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return netip.AddrPort{}, os.NewSyscallError("getsockname", err)
	}
	switch n := name.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(source, uint16(n.Port)), nil
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(source, uint16(n.Port)), nil
	}
	return netip.AddrPort{}, nil
}

func (d *dialer) keep(c net.Conn, pair Connection) net.Conn {
	t := &timedConn{Conn: c, dialer: d, pair: pair}
	t.progress.Store(time.Now().UnixNano())
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open == nil {
		d.open = map[*timedConn]struct{}{}
	}
	d.open[t] = struct{}{}
	return t
}

// abort ends every call on every open connection, now and from now on.
func (d *dialer) abort() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.open {
		c.aborted.Store(true)
		_ = c.Conn.SetDeadline(time.Unix(1, 0))
	}
}

// timedConn sets a deadline before every read and write.
type timedConn struct {
	net.Conn
	dialer   *dialer
	pair     Connection
	progress atomic.Int64 // when a read or write last succeeded, Unix nanoseconds
	limit    atomic.Int64 // the deadline that lib/pq set, Unix nanoseconds; 0: none
	aborted  atomic.Bool
	once     sync.Once
}

func (c *timedConn) deadline() time.Time {
	t := time.Now().Add(c.dialer.timeout)
	if l := c.limit.Load(); l != 0 && time.Unix(0, l).Before(t) {
		return time.Unix(0, l)
	}
	return t
}

// Read waits for ioTimeout, and longer as long as writes get through: while rows are copied to a server on a
// thin line it has nothing to say.
func (c *timedConn) Read(b []byte) (int, error) {
	for {
		began := time.Now()
		if err := c.Conn.SetReadDeadline(c.deadline()); err != nil {
			return 0, err
		}
		if c.aborted.Load() {
			return 0, errAborted
		}
		n, err := c.Conn.Read(b)
		if n > 0 {
			c.progress.Store(time.Now().UnixNano())
		}
		if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && !c.aborted.Load() &&
			c.limit.Load() == 0 && c.progress.Load() > began.UnixNano() {
			continue
		}
		return n, err
	}
}

// Write sends in pieces, each with its own deadline.
func (c *timedConn) Write(b []byte) (int, error) {
	sent := 0
	for {
		if err := c.Conn.SetWriteDeadline(c.deadline()); err != nil {
			return sent, err
		}
		if c.aborted.Load() {
			return sent, errAborted
		}
		n, err := c.Conn.Write(b[sent:min(sent+writeChunk, len(b))])
		sent += n
		if n > 0 {
			c.progress.Store(time.Now().UnixNano())
		}
		if err != nil || sent == len(b) {
			return sent, err
		}
	}
}

// SetDeadline keeps lib/pq's deadline (of the handshake) beside the own ones.
func (c *timedConn) SetDeadline(t time.Time) error {
	if t.IsZero() {
		c.limit.Store(0)
		return nil
	}
	c.limit.Store(t.UnixNano())
	return c.Conn.SetDeadline(t)
}

// Close closes the connection and tells that its packets need no exclusion any more.
func (c *timedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() {
		c.dialer.mu.Lock()
		delete(c.dialer.open, c)
		c.dialer.mu.Unlock()
		if c.dialer.closed != nil && c.pair.Local.IsValid() {
			c.dialer.closed(c.pair)
		}
	})
	return err
}
