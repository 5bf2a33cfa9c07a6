//go:build linux

package pcapfilter

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// kernelRunner attaches programs to one end of a pair of datagram sockets, which asks for no privilege:
// the kernel drops what the program rejects and cuts what it accepts.
type kernelRunner struct{ in, out int }

func newKernelRunner(t testing.TB) *kernelRunner {
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

// The kernel takes what the optimizer makes of every expression, for files and for live capture.
func TestKernelTakesOptimizedPrograms(t *testing.T) {
	k := newKernelRunner(t)
	for _, expr := range append(append([]string{hosts(150), "not (" + hosts(150) + ")"}, everyday...), lists...) {
		for _, o := range []Options{{LinkType: Ethernet}, {LinkType: Ethernet, Live: true}} {
			prog, err := Compile(expr, o)
			if err != nil {
				t.Error(err)
			} else if err := k.attach(raw(t, prog)); err != nil {
				t.Errorf("%s, %+v: the kernel refuses the program: %v\n%s", expr, o, err, FormatD(prog))
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
		"!geneve and pppoes and ip", "geneve or pppoes and udp src port 20", "geneve 16 and ip or pppoes",
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

// So it does where a program is so long that jumps need a step in between, and places are kept in scratch memory around
// that step: it sees more ways through a program than there are.
func TestKernelTakesLongProgramsWithScratchMemory(t *testing.T) {
	k := newKernelRunner(t)
	exprs := []string{
		"protochain 6 or net 10.1", "protochain 6 or protochain 17", "esp or protochain 132",
		"not (ip6 protochain 51 and less 60 or protochain 132)",
		"(" + hosts(150) + ") and (vlan or geneve) and (" + hosts(150) + ")",
		"protochain 6 or (geneve or vlan 7) and protochain 17 or (pppoes or vxlan) and not protochain 6",
	}
	r := rand.New(rand.NewPCG(6, 2026))
	for range 150 {
		exprs = append(exprs, encapsulated(r)+pick(r, []string{" or ", " and "})+encapsulated(r))
	}
	taken := 0
	for i, expr := range exprs {
		for _, link := range []LinkType{Ethernet, Raw, Loop, LinuxSLL2} {
			o := Options{LinkType: link, Live: i%2 == 1}
			prog, err := Compile(expr, o)
			if err != nil {
				continue // the link does not have the word
			}
			taken++
			if err := k.attach(raw(t, prog)); err != nil {
				t.Errorf("%s, %+v: the kernel refuses the program: %v\n%s", expr, o, err, FormatD(prog))
			}
		}
	}
	if taken < len(exprs) {
		t.Errorf("only %d programs", taken)
	}
}

// What the optimizer knows to be written the kernel has to see too, whatever the program.
func TestKernelTakesAnyOptimizedProgram(t *testing.T) {
	k := newKernelRunner(t)
	p := programmer{rand.New(rand.NewPCG(12, 2026))}
	for range 1000 {
		if _, prog := p.program(8); len(prog) <= MaxInstructions {
			if err := k.attach(raw(t, prog)); err != nil {
				t.Fatalf("the kernel refuses the program: %v\n%s", err, FormatD(prog))
			}
		}
	}
}

// What a long list costs the kernel for each frame that is not in it: compared one by one, as libpcap
// does, and searched by halves.
func BenchmarkLongListInTheKernel(b *testing.B) {
	frame := append(make([]byte, 12), 0x08, 0x00, 0x45)
	frame = append(frame, make([]byte, 45)...)
	for _, row := range []struct {
		name  string
		expr  string
		split bool
	}{{"Nothing", "ip6", true}, {"OneByOne", hosts(200), false}, {"ByHalves", hosts(200), true}} {
		b.Run(row.name, func(b *testing.B) {
			g, err := translate(row.expr, Options{LinkType: Ethernet})
			if err != nil {
				b.Fatal(err)
			}
			g.optimize()
			k := newKernelRunner(b)
			if err := k.attach(raw(b, emit(g, row.split))); err != nil {
				b.Fatal(err)
			}
			// The processor time of this thread, because the rest of the machine may be busy.
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			before := threadTime(b)
			for b.Loop() {
				if _, err := unix.Write(k.in, frame); !errors.Is(err, unix.EPERM) && err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(threadTime(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

// threadTime returns the processor time of the thread in nanoseconds.
func threadTime(t testing.TB) int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now); err != nil {
		t.Fatal(err)
	}
	return now.Nano()
}
