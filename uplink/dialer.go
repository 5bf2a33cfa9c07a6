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

// dialer opens the connections to the database. It tells of each before its first packet leaves, so that the
// capture filter can exclude it, and it hands out connections whose every read and write has a deadline:
// lib/pq does not end a call to a silent peer when its context ends.
type dialer struct {
	opening func(Connection) // before the SYN
	closed  func(Connection)
	timeout time.Duration // of a read or write without progress; ioTimeout but in tests
	rate    *throttle     // nil: unlimited
	written atomic.Uint64 // bytes that the kernel took, on all connections

	mu      sync.Mutex
	open    map[*timedConn]struct{}
	current net.Conn // what lib/pq speaks on; nil when it encrypts by itself
}

var errAborted = errors.New("the connection was given up")

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

func (d *dialer) keep(c net.Conn, pair Connection) *timedConn {
	t := &timedConn{Conn: c, dialer: d, pair: pair, gone: make(chan struct{})}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open == nil {
		d.open = map[*timedConn]struct{}{}
	}
	d.open[t] = struct{}{}
	return t
}

// forget is told by a connection that it was closed.
func (d *dialer) forget(c *timedConn) {
	d.mu.Lock()
	delete(d.open, c)
	d.mu.Unlock()
	if d.closed != nil && c.pair.Local.IsValid() {
		d.closed(c.pair)
	}
}

// abort ends every call on every open connection, now and from now on.
func (d *dialer) abort() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.open {
		c.abort()
	}
}

// speak notes the connection that lib/pq has just begun a session on.
func (d *dialer) speak(c net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.current = c
}

// stream returns the connection that lib/pq's latest session speaks on, below lib/pq and above TLS. It is false
// where lib/pq encrypts by itself, and before the first session. The pool holds one connection, so the latest
// session is the one in use; a connection that was given up or closed says so at the first read or write.
func (d *dialer) stream() (net.Conn, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.current, d.current != nil
}
