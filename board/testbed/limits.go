//go:build linux

package testbed

import "time"

// The bounds of the package, and what happens at each of them.
const (
	// outputTail is how many bytes of a process's output are kept; older bytes are forgotten.
	outputTail = 1 << 20

	// toolDeadline ends a command that Run started; the test fails.
	toolDeadline = 30 * time.Second

	// stopDeadline is how long a killed process, a stopped server or a closing proxy may take; the test
	// fails after it.
	stopDeadline = 30 * time.Second

	// startDeadline is how long PostgreSQL may take from start to the first answered query.
	startDeadline = 60 * time.Second

	// linkDeadline is how long a fresh veth pair may take to be operational.
	linkDeadline = 10 * time.Second

	// queryDeadline ends a query of the helpers in database.go.
	queryDeadline = 60 * time.Second

	// pollInterval is the pause between two looks of Eventually.
	pollInterval = 10 * time.Millisecond

	// portFirst and portCount are the TCP ports a PostgreSQL may get. They lie below the kernel's
	// ephemeral range (32768 and up), so that nobody's outgoing connection takes the port while the
	// server is stopped.
	portFirst = 20000
	portCount = 12000

	// portAttempts is how many of them are tried before the test fails.
	portAttempts = 64

	// memoryForData is the free space, in bytes, from which on a data directory may lie in /dev/shm; with less
	// it goes to a disk.
	memoryForData = 2 << 30

	// proxyConnections is how many connections a Proxy has open at once; one more is refused and counted.
	proxyConnections = 1024

	// proxyBuffer is the bytes one direction of one connection holds back at most.
	proxyBuffer = 32 << 10

	// proxyAccepted is how many unread Accepted events a Proxy keeps; further ones are dropped, the
	// counter in its Stats stays right.
	proxyAccepted = 1024

	// proxyPattern is the longest pattern a Proxy looks for, in bytes, and proxyWatches how many Watch calls
	// wait at once; more is a mistake of the test and panics.
	proxyPattern = 4096
	proxyWatches = 64

	// maxKernelData is how much of a frame KernelFilter shows to the kernel; more fails the test.
	maxKernelData = 4096

	// sendBatch is the frames given to the kernel in one call.
	sendBatch = 64

	// sendBuffer is the send buffer asked for each Sender, in bytes; the kernel clips it to its own limit.
	sendBuffer = 4 << 20
)
