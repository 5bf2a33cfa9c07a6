//go:build linux

package testbed

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// threadNamespace names the network namespace of the calling thread.
func threadNamespace(t *testing.T) string {
	t.Helper()
	link, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	return link
}

// TestNamespaceLifecycle makes the same topology twice at once, and looks for what is left of it.
func TestNamespaceLifecycle(t *testing.T) {
	NeedRoot(t)
	var made []*Namespace
	var pids []int
	r := record(t, func(t testing.TB) {
		for range 2 {
			a, b := NewNamespace(t, "a"), NewNamespace(t, "b")
			Link(t, a, "eth0", b, "eth0")
			made = append(made, a, b)
			// One that the namespace's end must find by itself, and one with a child.
			lone := a.Command("sleep", "1000")
			if err := lone.Start(); err != nil {
				t.Fatal(err)
			}
			parent := b.Start(t, "sh", "-c", "sleep 1000 & echo up; wait")
			parent.WaitOutput(t, "up", 10*time.Second)
			// `ip netns exec` enters the namespace only some time after its start.
			Eventually(t, 10*time.Second, "sleep in the namespace", func() (bool, string) { return len(a.processes()) == 1, "none" })
			pids = append(append(pids, a.processes()...), b.processes()...)
		}
	})
	if r.failed != "" {
		r.finish()
		t.Fatal(r.failed)
	}
	if len(made) != 4 || len(pids) != 6 {
		t.Errorf("%d namespaces with %d processes, want 4 with 6", len(made), len(pids))
	}
	outsider := StartProcess(t, exec.Command("sleep", "1000"))
	r.finish()
	if r.failed != "" {
		t.Errorf("cleanup: %s", r.failed)
	}
	for _, ns := range made {
		if _, err := os.Stat(filepath.Join(namespaceDir, ns.Name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", ns.Name, err)
		}
	}
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %d survived its namespace", pid)
		}
	}
	if !alive(outsider.PID()) {
		t.Error("a process outside of the namespaces was ended too")
	}
}

// alive says whether a process runs; one that nobody has waited for does not.
func alive(pid int) bool {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	ended, err := pollFor(fd, unix.POLLIN, 0)
	return err == nil && !ended
}

func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	ended := exec.Command("true")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	gone := filepath.Join(dir, "sn-"+strconv.Itoa(ended.Process.Pid)+"-pg-1")
	for _, path := range []string{
		gone,
		filepath.Join(dir, ownPrefix()+"pg-1"),
		filepath.Join(dir, "sn-pg-1"),
		filepath.Join(dir, "sn-0-pg"),
		filepath.Join(dir, "sn--1-pg"),
		filepath.Join(dir, "snow-"+strconv.Itoa(ended.Process.Pid)+"-pg"),
	} {
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if got := leftovers(dir); len(got) != 1 || got[0] != gone {
		t.Errorf("leftovers %q, want only %q", got, gone)
	}
}

func TestNamespaceDo(t *testing.T) {
	ns := NewNamespace(t, "do")
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home := threadNamespace(t)

	var inside string
	wanted := errors.New("from inside")
	err := ns.Do(func() error {
		inside = threadNamespace(t)
		return wanted
	})
	if !errors.Is(err, wanted) {
		t.Errorf("error %v, want that of the function", err)
	}
	if inside == home {
		t.Error("the function ran outside")
	}
	if now := threadNamespace(t); now != home {
		t.Errorf("the caller is in %s, was in %s", now, home)
	}
	if err := ns.Do(func() error { runtime.Goexit(); return nil }); err == nil {
		t.Error("no error from a function that ended its goroutine")
	}
	if got := strings.TrimSpace(ns.Run(t, "readlink", "/proc/self/ns/net")); got != inside {
		t.Errorf("Run ran in %s, want %s", got, inside)
	}
}

// TestNamespaceSockets connects two namespaces over both families; the loopback address of one is not
// that of the other.
func TestNamespaceSockets(t *testing.T) {
	a, b := NewNamespace(t, "a"), NewNamespace(t, "b")
	Link(t, a, "eth0", b, "eth0")
	for _, address := range []struct {
		ns     *Namespace
		prefix string
	}{{a, "192.168.1.1/24"}, {a, "fd00::1/64"}, {b, "192.168.1.2/24"}, {b, "fd00::2/64"}} {
		address.ns.Addr(t, "eth0", address.prefix)
	}
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", "192.168.1.1:0", "[fd00::1]:0"} {
		t.Run(address, func(t *testing.T) {
			listener, err := a.Listen("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			from := b
			if strings.HasPrefix(address, "127.") || strings.HasPrefix(address, "[::1]") {
				from = a
				if conn, err := b.Dial("tcp", listener.Addr().String()); err == nil {
					conn.Close()
					t.Error("the loopback of one namespace is reachable from the other")
				}
			}
			client, err := from.Dial("tcp", listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			server, err := listener.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			go func() {
				io.WriteString(client, "hello")
				client.(*net.TCPConn).CloseWrite()
			}()
			server.SetDeadline(time.Now().Add(10 * time.Second))
			if got, err := io.ReadAll(server); string(got) != "hello" || err != nil {
				t.Errorf("received %q, %v", got, err)
			}
		})
	}
}
