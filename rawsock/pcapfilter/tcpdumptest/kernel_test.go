//go:build linux

package tcpdumptest

import (
	"errors"
	"fmt"
	"testing"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// kernelFrames is how many frames of an expression the kernel judges: each takes two system calls.
const kernelFrames = 48

// kernel runs programs in Linux: attached to one end of a pair of datagram sockets, which asks for no privilege, a
// program drops what it rejects and cuts what it takes.
type kernel struct {
	in, out int
	buffer  [1 << 16]byte
}

func newKernel(t testing.TB) *kernel {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Errorf("socketpair: %v", err)
		return &kernel{in: -1, out: -1}
	}
	return &kernel{in: fds[0], out: fds[1]}
}

func (k *kernel) close() {
	unix.Close(k.in)
	unix.Close(k.out)
}

// sameInKernel compares three readings of one program: the virtual machine's, that of this package, and the kernel's. It
// returns what is wrong.
func (k *kernel) sameInKernel(r *result, ours *machine, frames [][]byte) string {
	if err := k.attach(ours.program); err != nil {
		return fmt.Sprint("the kernel refuses our program: ", err)
	}
	run := fastest(ours.program)
	for _, frame := range frames {
		got := run(frame)
		if own := ours.run(frame); own != got {
			return fmt.Sprintf("the virtual machine says %d, the machine of this package %d\n%x", got, own, frame)
		}
		kept, err := k.judge(frame)
		if err != nil {
			return err.Error()
		}
		r.kernel++
		if want := min(int(got), len(frame)); kept != want {
			for _, d := range r.rows {
				if d.kernel {
					r.meet(d)
					return ""
				}
			}
			return fmt.Sprintf("the virtual machine keeps %d bytes of the frame, the kernel %d\n%x", want, kept, frame)
		}
	}
	return ""
}

func (k *kernel) attach(program []bpf.RawInstruction) error {
	filter := make([]unix.SockFilter, len(program))
	for i, ins := range program {
		filter[i] = unix.SockFilter{Code: ins.Op, Jt: ins.Jt, Jf: ins.Jf, K: ins.K}
	}
	return unix.SetsockoptSockFprog(k.out, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(filter)), Filter: unsafe.SliceData(filter)})
}

// judge sends one frame through and returns how many bytes of it arrive. Delivery between such sockets is complete when
// the write returns, so an empty queue means the program rejected the frame.
func (k *kernel) judge(frame []byte) (int, error) {
	if _, err := unix.Write(k.in, frame); err != nil && !errors.Is(err, unix.EPERM) {
		return 0, fmt.Errorf("sending %d bytes through the kernel: %w", len(frame), err)
	}
	n, err := unix.Read(k.out, k.buffer[:])
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, unix.EAGAIN):
		return 0, nil
	}
	return 0, fmt.Errorf("what the kernel let through: %w", err)
}
