//go:build linux

package testbed

import (
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestProcess(t *testing.T) {
	t.Run("output and end", func(t *testing.T) {
		p := StartProcess(t, exec.Command("sh", "-c", "echo ready; read line; echo got $line; exit 3"))
		p.WaitOutput(t, "ready", 10*time.Second)
		Await(t, p.Done(), 10*time.Second, "end of a program without input")
		var exit *exec.ExitError
		if err := p.Err(); !errors.As(err, &exit) || exit.ExitCode() != 3 {
			t.Errorf("end: %v, want exit status 3", err)
		}
		if got := p.Output(); got != "ready\ngot\n" {
			t.Errorf("output %q", got)
		}
	})
	t.Run("stop", func(t *testing.T) {
		p := StartProcess(t, exec.Command("sleep", "1000"))
		var exit *exec.ExitError
		if err := p.Stop(t, syscall.SIGTERM); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
			t.Errorf("end: %v, want SIGTERM", err)
		}
		p.Signal(t, syscall.SIGTERM) // too late, and no failure
	})
	t.Run("ends with the test", func(t *testing.T) {
		var p *Process
		r := record(t, func(t testing.TB) { p = StartProcess(t, exec.Command("sleep", "1000")) })
		pid := p.PID()
		r.finish()
		if err := unix.Kill(pid, 0); !errors.Is(err, unix.ESRCH) {
			t.Errorf("process %d after the test: %v, want no such process", pid, err)
		}
	})
	t.Run("ends without the awaited words", func(t *testing.T) {
		p := StartProcess(t, exec.Command("sh", "-c", "echo sorry"))
		r := record(t, func(t testing.TB) { p.WaitOutput(t, "ready", 10*time.Second) })
		if !strings.Contains(r.failed, "sorry") {
			t.Errorf("failure %q does not tell what the program wrote", r.failed)
		}
	})
}

func TestTailKeepsTheLastBytes(t *testing.T) {
	w := newTail(8)
	for _, step := range []struct{ write, want string }{
		{"abc", "abc"}, {"defgh", "abcdefgh"}, {"ij", "cdefghij"}, {"0123456789", "23456789"},
	} {
		_, more := w.snapshot()
		w.Write([]byte(step.write))
		if got := w.String(); got != step.want {
			t.Errorf("after %q: %q, want %q", step.write, got, step.want)
		}
		select {
		case <-more:
		default:
			t.Errorf("write of %q was not announced", step.write)
		}
	}
}

func TestEventually(t *testing.T) {
	t.Run("in the end", func(t *testing.T) {
		looks := 0
		Eventually(t, 10*time.Second, "the third look", func() (bool, string) {
			looks++
			return looks == 3, ""
		})
		if looks != 3 {
			t.Errorf("looked %d times", looks)
		}
	})
	t.Run("never", func(t *testing.T) {
		r := record(t, func(t testing.TB) {
			Eventually(t, 3*pollInterval, "pigs fly", func() (bool, string) { return false, "walking" })
		})
		if !strings.Contains(r.failed, "pigs fly") || !strings.Contains(r.failed, "walking") {
			t.Errorf("failure %q", r.failed)
		}
	})
}

func TestAwait(t *testing.T) {
	events := make(chan int, 1)
	events <- 7
	if got := Await(t, events, 10*time.Second, "seven"); got != 7 {
		t.Errorf("got %d", got)
	}
	r := record(t, func(t testing.TB) { Await(t, events, pollInterval, "an eighth") })
	if !strings.Contains(r.failed, "an eighth") {
		t.Errorf("failure %q", r.failed)
	}
}
