//go:build linux

package testbed

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// requireVariable set to 1 turns every skip of this package into a failure: the continuous build sets it
// and thereby proves that the privileged tests ran.
const requireVariable = "SNIFFER_TEST_REQUIRE"

// NeedRoot skips the test unless the process is root and may make network namespaces.
// With SNIFFER_TEST_REQUIRE=1 it fails the test instead.
func NeedRoot(t testing.TB) {
	t.Helper()
	if uid := os.Geteuid(); uid != 0 {
		unmet(t, fmt.Sprintf("needs root, runs as uid %d: run it with sudo", uid))
	}
	if err := canUnshare(); err != nil {
		unmet(t, fmt.Sprintf("root, but no network namespaces: %v: give the container CAP_SYS_ADMIN", err))
	}
}

// NeedTool skips the test unless the program name is on the PATH, and returns where it is.
// With SNIFFER_TEST_REQUIRE=1 it fails the test instead.
func NeedTool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		unmet(t, fmt.Sprintf("needs the program %s: install the package that holds it", name))
	}
	return path
}

func unmet(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv(requireVariable) == "1" {
		t.Fatalf("%s=1 forbids to skip: %s", requireVariable, reason)
	}
	t.Skip(reason)
}

// canUnshare tries unshare(2) once, on a thread that ends with its goroutine because it is never unlocked.
var canUnshare = sync.OnceValue(func() error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		result <- os.NewSyscallError("unshare", unix.Unshare(unix.CLONE_NEWNET))
	}()
	return <-result
})
