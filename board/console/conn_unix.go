//go:build unix

package console

import (
	"net"
	"syscall"
)

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
