//go:build unix

package console

import (
	"net"
	"syscall"
)

// narrow bounds the kernel's memory for what a client sends, to twice so many bytes (socket(7)). Connections have it from their listener: one whose buffer shrinks
// after it told its window (tcp(7)) drops what comes, and the client sends it again after longer and longer pauses.
func narrow(l net.Listener, bytes int) {
	c, ok := l.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) {
		syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, bytes)
	})
}

// keepUrgentInline leaves urgent data in the stream (SO_OOBINLINE, socket(7)). Telnet's Synch signal (RFC 854)
// is IAC DM with DM urgent; taken out of the stream, the byte after it would be read as the command.
func keepUrgentInline(c *net.TCPConn) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) {
		syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_OOBINLINE, 1)
	})
}

// awaitReset waits for the reset of a connection whose input has ended, which reads do not tell any more; SO_ERROR, socket(7),
// does. False: the connection was closed, or its read deadline came, before.
func awaitReset(c *net.TCPConn) (seen bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	raw.Read(func(fd uintptr) bool {
		pending, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_ERROR)
		seen = err == nil && pending != 0
		return seen || err != nil
	})
	return seen
}
