//go:build linux

package pcapfilter

import (
	"errors"
	"testing"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// kernelRunner attaches programs to one end of a pair of datagram sockets, which asks for no privilege:
// the kernel drops what the program rejects and cuts what it accepts.
type kernelRunner struct{ in, out int }

func newKernelRunner(t *testing.T) *kernelRunner {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unix.Close(fds[0])
		unix.Close(fds[1])
	})
	return &kernelRunner{fds[0], fds[1]}
}

func (k *kernelRunner) attach(prog []bpf.RawInstruction) error {
	filter := make([]unix.SockFilter, len(prog))
	for i, ins := range prog {
		filter[i] = unix.SockFilter{Code: ins.Op, Jt: ins.Jt, Jf: ins.Jf, K: ins.K}
	}
	return unix.SetsockoptSockFprog(k.out, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(filter)), Filter: unsafe.SliceData(filter)})
}

// accepts sends one frame through. Delivery between such sockets is complete when the write returns, so an empty
// queue means the frame was dropped.
func (k *kernelRunner) accepts(t *testing.T, frame []byte) bool {
	t.Helper()
	if _, err := unix.Write(k.in, frame); err != nil && !errors.Is(err, unix.EPERM) {
		t.Fatal(err)
	}
	var buf [4096]byte
	_, err := unix.Read(k.out, buf[:])
	switch {
	case err == nil:
		return true
	case errors.Is(err, unix.EAGAIN):
		return false
	}
	t.Fatal(err)
	return false
}

func TestSameVerdictInTheKernel(t *testing.T) {
	k := newKernelRunner(t)
	frames := makeFrames(250)
	for i, expr := range everyday {
		if i%4 != 0 && len(expr) < 40 {
			continue
		}
		prog, err := Compile(expr, Options{LinkType: Ethernet})
		if err != nil {
			t.Error(err)
			continue
		}
		machine := raw(t, prog)
		if err := k.attach(machine); err != nil {
			t.Errorf("%s: the kernel refuses the program: %v\n%s", expr, err, FormatD(prog))
			continue
		}
		run := runner(t, machine)
		for n, frame := range frames {
			if got, want := k.accepts(t, frame), run(frame) != 0; got != want {
				t.Errorf("%s: frame %d, % x: the kernel says %v, the virtual machine %v", expr, n, frame, got, want)
				break
			}
		}
	}
}

// The kernel proves more of a program than the virtual machine does: extensions exist, scratch memory is written
// before it is read, no jump leaves the program.
func TestKernelTakesLivePrograms(t *testing.T) {
	k := newKernelRunner(t)
	frames := makeFrames(250)
	for _, expr := range []string{
		"inbound", "outbound and tcp", "vlan", "vlan 5", "not vlan and ip", "tcp or vlan and ip", "vlan and tcp port 80", "vlan 5 and vlan 100 and udp[0:2] = udp[2:2]",
		"vlan and tcp[ip[0] & 7:2] > 3", "vlan and icmp6[ip6[7] & 3] > 3", "(tcp or vlan 7) and (ip[8] + ip[9]) * (ip[1] - ip[2]) > 1000",
	} {
		prog, err := Compile(expr, Options{LinkType: Ethernet, Live: true})
		if err != nil {
			t.Error(err)
			continue
		}
		machine := raw(t, prog)
		if err := k.attach(machine); err != nil {
			t.Errorf("%s: the kernel refuses the program: %v\n%s", expr, err, FormatD(prog))
			continue
		}
		for n, frame := range frames {
			if got, want := k.accepts(t, frame), interpret(t, machine, frame, metadata{}) != 0; got != want {
				t.Errorf("%s: frame %d, % x: the kernel says %v, the test's machine %v", expr, n, frame, got, want)
				break
			}
		}
	}
}
