package capturebench

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"network-sniffer/board/testbed"
)

// burst sends one frame over and over as fast as one core can: the kernel runs an XDP program on it that redirects it
// to an interface (BPF_PROG_TEST_RUN with BPF_F_TEST_XDP_LIVE_FRAMES; Documentation/bpf/bpf_prog_run.rst of the
// kernel), which is more than twice as fast as sendmmsg(2).
type burst struct {
	far     *testbed.Namespace
	index   int // of the interface that the frame claims to come from
	program int // descriptor
	frame   []byte
}

// newBurst prepares to send frame over the interfaces of far, 1, 2, 4 or 8 of them, each time over a random one.
func newBurst(t testing.TB, far *testbed.Namespace, interfaces []string, frame []byte) *burst {
	t.Helper()
	var indexes []int
	for _, name := range interfaces {
		indexes = append(indexes, far.Interface(t, name).Index)
	}
	program, err := loadRedirect(indexes)
	if err != nil {
		t.Fatalf("load the XDP program that sends (it needs Linux 5.18 and root): %v", err)
	}
	t.Cleanup(func() { unix.Close(program) })
	return &burst{far: far, index: indexes[0], program: program, frame: frame}
}

// spent is what a burst took.
type spent struct {
	frames  int
	elapsed time.Duration
	cpu     time.Duration // of the sender's thread, with the kernel's work on the other end of the cable
}

// send sends count frames from the given core, in one call: before and after each the kernel waits for all its
// cores (RCU), for some 10 ms.
func (b *burst) send(core, count int) (spent, error) {
	s := spent{frames: count}
	err := b.far.Do(func() error {
		restore, err := claim(core)
		if err != nil {
			return err
		}
		defer restore()
		before, start := threadCPU(), time.Now()
		if err := b.run(count); err != nil {
			return fmt.Errorf("send %d frames: %w", count, err)
		}
		s.elapsed, s.cpu = time.Since(start), threadCPU()-before
		return nil
	})
	return s, err
}

// sendFor sends for at least so long, about.
func (b *burst) sendFor(core int, least time.Duration) (spent, error) {
	var total spent
	for total.elapsed < least {
		s, err := b.send(core, frames)
		if err != nil {
			return total, err
		}
		total.frames += s.frames
		total.elapsed += s.elapsed
		total.cpu += s.cpu
	}
	return total, nil
}

// claim binds the thread to a core and keeps signals from it: the runtime's would end a call early, with an unknown
// number of frames sent.
func claim(core int) (restore func(), err error) {
	var cores unix.CPUSet
	if err := unix.SchedGetaffinity(0, &cores); err != nil {
		return nil, os.NewSyscallError("sched_getaffinity", err)
	}
	var one unix.CPUSet
	one.Set(core)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return nil, os.NewSyscallError("sched_setaffinity", err)
	}
	var all, signals unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^all.Val[i]
	}
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &all, &signals); err != nil {
		return nil, os.NewSyscallError("pthread_sigmask", err)
	}
	return func() {
		_ = unix.PthreadSigmask(unix.SIG_SETMASK, &signals, nil)
		_ = unix.SchedSetaffinity(0, &cores)
	}, nil
}

// run is one BPF_PROG_TEST_RUN: bpf(2), struct bpf_attr in linux/bpf.h.
func (b *burst) run(count int) error {
	var pin runtime.Pinner
	defer pin.Unpin()
	// struct xdp_md: the frame's extent, and where it claims to come from.
	context := [6]uint32{1: uint32(len(b.frame)), 3: uint32(b.index)}
	attributes := struct {
		program, returned   uint32
		dataSizeIn, sizeOut uint32
		dataIn, dataOut     uint64
		repeat, duration    uint32
		contextSizeIn, _    uint32
		contextIn, _        uint64
		flags, cpu          uint32
		batchSize, _        uint32
	}{
		program:    uint32(b.program),
		dataSizeIn: uint32(len(b.frame)), dataIn: address(&pin, &b.frame[0]),
		repeat:        uint32(count),
		contextSizeIn: uint32(unsafe.Sizeof(context)), contextIn: address(&pin, &context[0]),
		flags: unix.BPF_F_TEST_XDP_LIVE_FRAMES,
		// Below the 64 frames that the receiving end takes in one go, so that it never puts off the rest.
		batchSize: 32,
	}
	_, err := bpfCall(unix.BPF_PROG_TEST_RUN, unsafe.Pointer(&attributes), unsafe.Sizeof(attributes))
	return err
}

// instruction is one of eBPF: RFC 9669 §3.
type instruction struct {
	opcode    uint8
	registers uint8 // destination in the low half
	offset    int16
	immediate int32
}

// loadRedirect loads `return bpf_redirect(indexes[random % len(indexes)], 0)`; their number is a power of two.
func loadRedirect(indexes []int) (descriptor int, err error) {
	const move, and, jumpEqual, call, exit = 0xb7, 0x57, 0x15, 0x85, 0x95
	const helperRandom, helperRedirect = 7, 23 // bpf-helpers(7)
	program := []instruction{
		{opcode: call, immediate: helperRandom},
		{opcode: and, immediate: int32(len(indexes) - 1)},
	}
	for i, index := range indexes {
		after := 2 * (len(indexes) - 1 - i)
		program = append(program, instruction{opcode: move, registers: 1, immediate: int32(index)},
			instruction{opcode: jumpEqual, offset: int16(after), immediate: int32(i)})
	}
	program = append(program,
		instruction{opcode: move, registers: 2},
		instruction{opcode: call, immediate: helperRedirect},
		instruction{opcode: exit})
	license := []byte("MIT\x00")
	var pin runtime.Pinner
	defer pin.Unpin()
	attributes := struct {
		kind, count          uint32
		program, license     uint64
		logLevel, logSize    uint32
		log                  uint64
		kernelVersion, flags uint32
	}{kind: unix.BPF_PROG_TYPE_XDP, count: uint32(len(program)),
		program: address(&pin, &program[0]), license: address(&pin, &license[0])}
	return bpfCall(unix.BPF_PROG_LOAD, unsafe.Pointer(&attributes), unsafe.Sizeof(attributes))
}

func bpfCall(command int, attributes unsafe.Pointer, size uintptr) (int, error) {
	result, _, errno := unix.Syscall(unix.SYS_BPF, uintptr(command), uintptr(attributes), size)
	if errno != 0 {
		return 0, os.NewSyscallError("bpf", errno)
	}
	return int(result), nil
}

// address is a pointer as the kernel wants it inside a structure; what it points to stays where it is.
func address[T any](pin *runtime.Pinner, p *T) uint64 {
	pin.Pin(p)
	return uint64(uintptr(unsafe.Pointer(p)))
}

// receiveInBatches gives the receiving end of a veth pair the receive path of a driver (NAPI), without which it takes
// no redirected frame; generic receive offload switches it on. ETHTOOL ioctls: netdevice(7).
func receiveInBatches(t testing.TB, ns *testbed.Namespace, name string) {
	t.Helper()
	err := ns.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		defer unix.Close(fd)
		value := struct{ command, data uint32 }{unix.ETHTOOL_SGRO, 1}
		var request struct { // struct ifreq with ifr_data
			name [unix.IFNAMSIZ]byte
			data unsafe.Pointer
			_    [24 - unsafe.Sizeof(uintptr(0))]byte
		}
		copy(request.name[:unix.IFNAMSIZ-1], name)
		request.data = unsafe.Pointer(&value)
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request)))
		runtime.KeepAlive(&value)
		if errno != 0 {
			return os.NewSyscallError("ETHTOOL_SGRO", errno)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("receive in batches on %s in %s: %v", name, ns.Name, err)
	}
}

// port is the destination port of the sender's frames: nothing that decode would look for a name in.
const port = 7000

// tcpFrame is an Ethernet frame of size bytes, without a frame check sequence, with a TCP segment over IPv4
// (RFC 791 §3.1, RFC 9293 §3.1) to a host that nobody is.
func tcpFrame(size int) []byte {
	frame := make([]byte, size)
	copy(frame, []byte{0x06, 0x5e, 0xff, 0, 0, 1, 0x06, 0x5e, 0, 0, 0, 1, 0x08, 0x00})
	ip := frame[14:]
	copy(ip, []byte{0: 0x45, 6: 0x40, 8: 64, 9: unix.IPPROTO_TCP, 12: 192, 0, 2, 20, 198, 51, 100, 36})
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
	binary.BigEndian.PutUint16(ip[10:], checksum(ip[:20], 0))
	tcp := ip[20:]
	binary.BigEndian.PutUint16(tcp, 51512)
	binary.BigEndian.PutUint16(tcp[2:], port)
	binary.BigEndian.PutUint32(tcp[4:], 1)
	binary.BigEndian.PutUint32(tcp[8:], 2)
	const headerWords, pushAck, window = 5 << 4, 0x18, 4096
	tcp[12], tcp[13] = headerWords, pushAck
	binary.BigEndian.PutUint16(tcp[14:], window)
	pseudoHeader := uint32(unix.IPPROTO_TCP + len(tcp))
	for i := 12; i < 20; i += 2 {
		pseudoHeader += uint32(binary.BigEndian.Uint16(ip[i:]))
	}
	binary.BigEndian.PutUint16(tcp[16:], checksum(tcp, pseudoHeader))
	return frame
}

// checksum is that of RFC 1071 over an even number of bytes.
func checksum(b []byte, sum uint32) uint16 {
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
