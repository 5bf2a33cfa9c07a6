package console

import (
	"net"
	"net/netip"
)

// tune bounds the kernel's memory for what a client does not take, notices one that vanished, and keeps telnet's urgent byte
// in its place. An option that cannot be set leaves a working connection.
func tune(conn net.Conn) {
	c, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	c.SetWriteBuffer(sendBuffer)
	c.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: keepIdle, Interval: keepInterval, Count: keepCount})
	keepUrgentInline(c)
}

// widen gives a stream for a program the room that a fast network needs.
func widen(conn net.Conn) {
	if c, ok := conn.(*net.TCPConn); ok {
		c.SetWriteBuffer(streamBuffer)
	}
}

// reset makes Close drop what the client did not take, instead of leaving it in the kernel for minutes.
func reset(conn net.Conn) {
	if c, ok := conn.(*net.TCPConn); ok {
		c.SetLinger(0)
	}
}

// addrPort is the address of one end, IPv4 in its short form and without a zone; the zero value for an end
// that is not TCP.
func addrPort(a net.Addr) netip.AddrPort {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := t.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}
