//go:build linux

package testbed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// namespaceDir is where iproute2 keeps named namespaces, ip-netns(8).
const namespaceDir = "/run/netns"

// Namespace is a network namespace of one test, network_namespaces(7). Its loopback is up, and IPv6
// addresses are usable at once (no duplicate address detection).
type Namespace struct {
	// Name is the kernel-wide name, "sn-<pid>-<number>-<label>", as `ip netns` shows it.
	Name string

	file *os.File
	t    testing.TB
}

var namespaceNumber atomic.Int64

// NewNamespace makes a namespace. It disappears at the end of the test together with every process that
// runs in it. The label is for the reader of error messages; it need not be unique.
func NewNamespace(t testing.TB, label string) *Namespace {
	t.Helper()
	NeedRoot(t)
	NeedTool(t, "ip")
	removeDeadNamespaces()
	n := &Namespace{Name: fmt.Sprintf("%s%d-%s", ownPrefix(), namespaceNumber.Add(1), label), t: t}
	if _, err := run("ip", "netns", "add", n.Name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.remove)
	file, err := os.Open(filepath.Join(namespaceDir, n.Name))
	if err != nil {
		t.Fatalf("open namespace: %v", err)
	}
	n.file = file
	// Duplicate address detection is off only where both say so (Linux ip-sysctl, accept_dad).
	n.Sysctl(t, "net/ipv6/conf/all/accept_dad", "0")
	n.Sysctl(t, "net/ipv6/conf/default/accept_dad", "0")
	n.ip(t, "link", "set", "lo", "up")
	return n
}

// removeDeadNamespaces takes away what killed test binaries left behind.
var removeDeadNamespaces = sync.OnceFunc(func() {
	for _, path := range leftovers(namespaceDir) {
		// Another test binary may be at the same work: an error means that it was faster.
		run("ip", "netns", "del", filepath.Base(path))
	}
})

func (n *Namespace) remove() {
	if err := n.killProcesses(); err != nil {
		n.t.Error(err)
	}
	if n.file != nil {
		n.file.Close()
	}
	if _, err := run("ip", "netns", "del", n.Name); err != nil {
		n.t.Error(err)
	}
}

// Do runs f on a thread inside the namespace. Sockets that f opens belong to the namespace for ever and
// can be used from anywhere. Goroutines that f starts run outside. When f ends its goroutine (as t.Fatal
// does) Do returns an error.
func (n *Namespace) Do(f func() error) error {
	result := make(chan error, 1)
	// A goroutine of its own: should the way back fail, it ends locked and the runtime destroys its
	// thread, while the caller's thread never left.
	go func() {
		err := fmt.Errorf("testbed: the function given to Do in %s ended its goroutine", n.Name)
		defer func() { result <- err }()
		runtime.LockOSThread()
		home, openErr := os.Open("/proc/thread-self/ns/net")
		if openErr != nil {
			err = fmt.Errorf("testbed: open the own namespace: %w", openErr)
			return
		}
		defer home.Close()
		if setErr := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); setErr != nil {
			err = fmt.Errorf("testbed: enter %s: %w", n.Name, setErr)
			return
		}
		err = f()
		if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
	}()
	return <-result
}

// Listen is net.Listen inside the namespace. The address is literal: no name is resolved there.
func (n *Namespace) Listen(network, address string) (listener net.Listener, err error) {
	err = n.Do(func() (err error) {
		listener, err = net.Listen(network, address)
		return err
	})
	return listener, err
}

// ListenPacket is net.ListenPacket inside the namespace; the address is literal.
func (n *Namespace) ListenPacket(network, address string) (conn net.PacketConn, err error) {
	err = n.Do(func() (err error) {
		conn, err = net.ListenPacket(network, address)
		return err
	})
	return conn, err
}

// Dial is net.Dial inside the namespace; the address is literal.
func (n *Namespace) Dial(network, address string) (net.Conn, error) {
	return n.DialContext(context.Background(), network, address)
}

// DialContext is net.Dialer.DialContext inside the namespace; the address is literal.
func (n *Namespace) DialContext(ctx context.Context, network, address string) (conn net.Conn, err error) {
	err = n.Do(func() (err error) {
		var dialer net.Dialer
		conn, err = dialer.DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Sysctl writes a kernel setting of the namespace. The key is the path below /proc/sys, with slashes,
// because interface names may hold dots: "net/ipv4/ip_forward".
func (n *Namespace) Sysctl(t testing.TB, key, value string) {
	t.Helper()
	err := n.Do(func() error { return os.WriteFile(filepath.Join("/proc/sys", key), []byte(value), 0) })
	if err != nil {
		t.Fatalf("sysctl in %s: %v", n.Name, err)
	}
}

func (n *Namespace) readSysctl(t testing.TB, key string) string {
	t.Helper()
	var value []byte
	err := n.Do(func() (err error) {
		value, err = os.ReadFile(filepath.Join("/proc/sys", key))
		return err
	})
	if err != nil {
		t.Fatalf("sysctl in %s: %v", n.Name, err)
	}
	return strings.TrimSpace(string(value))
}

// Command returns a command that runs inside the namespace, with a /sys that shows its interfaces.
// A program that shall not start as root is started with Do(command.Start) instead; it sees the host's /sys.
func (n *Namespace) Command(name string, args ...string) *exec.Cmd {
	return exec.Command("ip", append([]string{"netns", "exec", n.Name, name}, args...)...)
}

// Run runs a short command inside the namespace, fails the test when the command fails, and returns what
// it wrote on standard output and error.
func (n *Namespace) Run(t testing.TB, name string, args ...string) string {
	t.Helper()
	output, err := run("ip", append([]string{"netns", "exec", n.Name, name}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return output
}

// Start starts a program inside the namespace that runs until the end of the test: StartProcess of Command.
func (n *Namespace) Start(t testing.TB, name string, args ...string) *Process {
	t.Helper()
	return StartProcess(t, n.Command(name, args...))
}

// ip runs `ip` on the namespace without the cost of a new mount namespace.
func (n *Namespace) ip(t testing.TB, args ...string) {
	t.Helper()
	if _, err := run("ip", append([]string{"-n", n.Name}, args...)...); err != nil {
		t.Fatal(err)
	}
}

// killProcesses ends every process in the namespace. A process is held by a descriptor (pidfd_open(2))
// before it is looked at, so that a recycled process id cannot be hit.
func (n *Namespace) killProcesses() error {
	var failures []error
	for _, pid := range n.processes() {
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			continue // it ended meanwhile
		}
		if n.holds(pid) {
			failures = append(failures, killAndWait(fd, pid))
		}
		unix.Close(fd)
	}
	return errors.Join(failures...)
}

// killAndWait kills the process behind a pidfd and waits for its end, without reaping it: whoever started
// it may be waiting for that.
func killAndWait(fd, pid int) error {
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("testbed: kill process %d: %w", pid, err)
	}
	ready, err := pollFor(fd, unix.POLLIN, stopDeadline)
	if err != nil {
		return fmt.Errorf("testbed: wait for the killed process %d: %w", pid, err)
	}
	if !ready {
		return fmt.Errorf("testbed: process %d survived SIGKILL for %v", pid, stopDeadline)
	}
	return nil
}

// processes returns the ids of the processes in the namespace. The test binary is none of them, wherever
// Do has led one of its threads.
func (n *Namespace) processes() []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err == nil && pid != os.Getpid() && n.holds(pid) {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

// holds says whether a process is in the namespace.
func (n *Namespace) holds(pid int) bool {
	var own unix.Stat_t
	if n.file == nil || unix.Fstat(int(n.file.Fd()), &own) != nil {
		return false
	}
	link, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return false
	}
	inode := strings.TrimSuffix(strings.TrimPrefix(link, "net:["), "]")
	return inode == strconv.FormatUint(own.Ino, 10)
}
