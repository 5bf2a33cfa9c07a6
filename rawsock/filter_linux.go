package rawsock

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"network-sniffer/rawsock/machine"
)

// SetFilter replaces the filter on the running socket, atomically: no frame passes outside of both. What
// the old filter accepted is still in the ring; a filter in user space judges a frame when Next comes to it. Any
// goroutine may call it.
func (s *Socket) SetFilter(filter []bpf.RawInstruction) error {
	if len(filter) == 0 {
		return opError("replace the filter", s.config.Link.Name, errNoFilter, "")
	}
	s.setting.Lock()
	defer s.setting.Unlock()
	if s.locked {
		return opError("replace the filter", s.config.Link.Name, ErrLocked, "")
	}
	program := filter
	if s.config.Link.Index == 0 || s.config.Link.Loopback {
		program = slices.Concat(withoutLoopbackCopy, filter)
	}
	if s.judge.Load() == nil {
		err := s.attach(program)
		if err == nil || !errors.Is(err, ErrFilterRefused) || !s.config.AllowUserSpace {
			return opError("attach the filter", s.config.Link.Name, err, filterHint(err))
		}
	}
	judge, err := newJudge(program)
	if err != nil {
		return opError("run the filter in user space", s.config.Link.Name, err, "")
	}
	if s.judge.Swap(judge) != nil {
		return nil
	}
	// Nothing passes unjudged any more; now the kernel may accept everything, whole.
	if err := s.attach(acceptWhole); err == nil {
		return nil
	}
	if err := s.detach(); err != nil {
		s.judge.Store(nil)
		return opError("detach the filter", s.config.Link.Name, err, "the old one stays")
	}
	return nil
}

// AllowUserSpace is Config.AllowUserSpace for the filters to come. Any goroutine may call it.
func (s *Socket) AllowUserSpace() {
	s.setting.Lock()
	defer s.setting.Unlock()
	s.config.AllowUserSpace = true
}

// errNoFilter: what accepts all is a program too, of one instruction.
var errNoFilter = errors.New("no filter program")

func filterHint(err error) string {
	if errors.Is(err, ErrTooLarge) {
		return "shorten the filter or raise net.core.optmem_max"
	}
	return ""
}

// attach gives a program to the kernel. Where it fails the old one stays.
func (s *Socket) attach(program []bpf.RawInstruction) error {
	if len(program) > MaxInstructions {
		return fmt.Errorf("%w: %d instructions, the kernel takes %d", ErrTooLarge, len(program), MaxInstructions)
	}
	err := s.conn.SetBPF(program)
	switch {
	case errors.Is(err, unix.ENOMEM):
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	// A kernel without the interpreter refuses what its compiler cannot translate.
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, errNotSupported):
		return fmt.Errorf("%w: %w", ErrFilterRefused, err)
	}
	return err
}

// errNotSupported is the kernel's own ENOTSUPP, which user space has no name for.
const errNotSupported = unix.Errno(524)

// detach takes the kernel's filter away, if there is one.
func (s *Socket) detach() error {
	return s.control(func(fd int) error {
		err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)
		if err == unix.ENOENT {
			return nil
		}
		return os.NewSyscallError("SO_DETACH_FILTER", err)
	})
}

// lock makes the filter final, if that was asked for.
func (s *Socket) lock() error {
	if !s.config.LockFilter {
		return nil
	}
	s.setting.Lock()
	defer s.setting.Unlock()
	err := s.control(func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_LOCK_FILTER, 1) })
	s.locked = err == nil
	return opError("lock the filter", s.config.Link.Name, os.NewSyscallError("SO_LOCK_FILTER", err), "")
}

// newJudge checks a program that is to run in user space.
func newJudge(program []bpf.RawInstruction) (*machine.Program, error) {
	judge, err := machine.New(program)
	switch {
	case errors.Is(err, machine.ErrTooLarge):
		return nil, fmt.Errorf("%w: %w", ErrTooLarge, err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrFilterRefused, err)
	}
	return judge, nil
}

// accepts runs the program on a frame and leaves of it what the program asks for.
func accepts(judge *machine.Program, f *Frame, from *unix.RawSockaddrLinklayer) bool {
	t := machine.Metadata{
		Protocol: networkOrder(from.Protocol),
		Hardware: from.Hatype,
		Kind:     from.Pkttype,
		Index:    uint32(from.Ifindex),
		TPID:     f.VLANTPID,
		TCI:      f.VLANTCI,
	}
	keep := judge.Run(f.Data, f.WireLength, &t)
	if uint64(keep) < uint64(len(f.Data)) {
		f.Data = f.Data[:keep:keep]
	}
	return keep > 0
}

var (
	refuseAll   = []bpf.RawInstruction{{Op: unix.BPF_RET | unix.BPF_K, K: 0}}
	acceptWhole = []bpf.RawInstruction{{Op: unix.BPF_RET | unix.BPF_K, K: maxSnapLength}}
)

// withoutLoopbackCopy stands in front of a filter for the loopback interface or for Any: what crosses that interface is
// seen twice, and the copy on its way out is refused. PACKET_IGNORE_OUTGOING would be for all interfaces, and groups do
// not know it.
var withoutLoopbackCopy = []bpf.RawInstruction{
	{Op: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: machine.ExtensionBase + uint32(bpf.ExtInterfaceIndex)},
	{Op: unix.BPF_JMP | unix.BPF_JEQ, Jf: 3, K: loopbackIndex},
	{Op: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: machine.ExtensionBase + uint32(bpf.ExtType)},
	{Op: unix.BPF_JMP | unix.BPF_JEQ, Jf: 1, K: unix.PACKET_OUTGOING},
	{Op: unix.BPF_RET | unix.BPF_K, K: 0},
}

// loopbackIndex is the index of lo in every network namespace (LOOPBACK_IFINDEX of the kernel).
const loopbackIndex = 1
