package crashtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"network-sniffer/board/testbed"
)

// ownMounts marks the process that has a mount namespace of its own.
const ownMounts = "SNIFFER_CRASHTEST_MOUNTS"

// inOwnMounts runs a test once more, in a process with a mount namespace of its own, and says whether this is that
// process: what it mounts goes with it, however it ends.
func inOwnMounts(t *testing.T) bool {
	t.Helper()
	if os.Getenv(ownMounts) != "" {
		return true
	}
	testbed.NeedRoot(t)
	testbed.NeedPostgres(t)
	command := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", fmt.Sprintf("-seed=%d", *seed))
	command.Env = append(os.Environ(), ownMounts+"=1")
	command.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	process := testbed.StartProcess(t, command)
	testbed.Await(t, process.Done(), 3*patience, "the test in a mount namespace of its own")
	if err := process.Err(); err != nil {
		t.Errorf("the test in a mount namespace of its own: %v", err) // its output follows
	}
	t.Log(process.Output())
	return false
}

// mountMemory makes a directory a file system of so many bytes, until the end of the test.
func mountMemory(t *testing.T, dir string, bytes int64) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)); err != nil {
		t.Fatalf("mount a tmpfs at %s: %v", dir, err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
}

// fill takes all the space that a directory's file system has left, and returns how to give it back.
func fill(t *testing.T, dir string) (empty func()) {
	t.Helper()
	path := filepath.Join(dir, "filler")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}
