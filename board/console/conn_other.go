//go:build !unix

package console

import "net"

// keepUrgentInline has nothing to do where the system's call is not known.
func keepUrgentInline(*net.TCPConn) {}
