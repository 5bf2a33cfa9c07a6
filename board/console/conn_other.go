//go:build !unix

package console

import "net"

// narrow leaves the buffers as they are where the system's call is not known.
func narrow(net.Listener, int) {}

// keepUrgentInline has nothing to do where the system's call is not known.
func keepUrgentInline(*net.TCPConn) {}

// awaitReset knows of no reset: the next write tells.
func awaitReset(*net.TCPConn) bool { return false }
