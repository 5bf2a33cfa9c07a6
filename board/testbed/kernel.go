//go:build linux

package testbed

import (
	"testing"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// KernelFilter gives a program to the kernel and returns what runs it there, on one end of a datagram socket pair: that
// needs no privilege. It returns how many bytes of data the kernel accepts, which is nothing for no data.
func KernelFilter(t testing.TB, program []bpf.RawInstruction) (run func(data []byte) int, stop func()) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	stop = func() {
		unix.Close(pair[0])
		unix.Close(pair[1])
	}
	filter := make([]unix.SockFilter, len(program))
	for i, in := range program {
		filter[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	if err := unix.SetsockoptSockFprog(pair[1], unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(filter)), Filter: unsafe.SliceData(filter)}); err != nil {
		stop()
		t.Fatalf("the kernel refuses the program: %v: %v", err, program)
	}
	buffer := make([]byte, maxKernelData)
	return func(data []byte) int {
		t.Helper()
		if len(data) > len(buffer) {
			t.Fatalf("%d bytes for a filter, at most %d", len(data), len(buffer))
		}
		// EPERM is how the socket says that its filter refused them.
		if _, err := unix.Write(pair[0], data); err != nil && err != unix.EPERM {
			t.Fatal(err)
		}
		n, err := unix.Read(pair[1], buffer)
		if err != nil {
			return 0
		}
		return n
	}, stop
}
