//go:build linux

package testbed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Process is a program that runs beside the test. It dies with the test binary, even with a killed one.
type Process struct {
	command *exec.Cmd
	output  *tail
	done    chan struct{}
	err     error // valid once done is closed
}

// StartProcess starts command, which keeps running until it ends, Stop is called or the test is over; then
// it is killed with its children.
// Its output is shown when the test fails. A Stdout or Stderr that is already set stays as it is.
func StartProcess(t testing.TB, command *exec.Cmd) *Process {
	t.Helper()
	p, err := startProcess(command, syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !p.ended() { // and so its group, with its children, is still its own
			syscall.Kill(-p.PID(), syscall.SIGKILL)
		}
		Await(t, p.done, stopDeadline, "end of the killed "+command.Path)
		if t.Failed() {
			t.Logf("output of %s:\n%s", command, p.Output())
		}
	})
	return p
}

// startProcess starts command and has the kernel send it orphaned when the test binary dies
// (PR_SET_PDEATHSIG, prctl(2)). The signal belongs to the thread that forked, not to the process: one
// locked thread therefore starts the program and stays until it has ended.
func startProcess(command *exec.Cmd, orphaned syscall.Signal) (*Process, error) {
	p := &Process{command: command, output: newTail(outputTail), done: make(chan struct{})}
	if command.Stdout == nil {
		command.Stdout = p.output
	}
	if command.Stderr == nil {
		command.Stderr = p.output
	}
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	command.SysProcAttr.Pdeathsig = orphaned
	// An own group keeps an interrupt typed at the terminal for the test binary.
	command.SysProcAttr.Setpgid = true
	// Children that outlive the program keep its output open; they shall not keep Wait.
	command.WaitDelay = time.Second

	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := command.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = command.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("testbed: start %s: %w", command, err)
	}
	return p, nil
}

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err waits for the end of the program and returns what exec.Cmd.Wait said.
func (p *Process) Err() error {
	<-p.done
	return p.err
}

// PID returns the process id, valid until Done.
func (p *Process) PID() int { return p.command.Process.Pid }

// Output returns the last part of what the program wrote, standard output and error mixed.
func (p *Process) Output() string { return p.output.String() }

// Signal sends sig. A program that has ended is no error: the signal came too late.
func (p *Process) Signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := p.command.Process.Signal(sig); err != nil && !p.ended() {
		t.Fatalf("signal %v to %s: %v", sig, p.command, err)
	}
}

// Stop sends sig, waits for the end and returns what exec.Cmd.Wait said.
func (p *Process) Stop(t testing.TB, sig syscall.Signal) error {
	t.Helper()
	p.Signal(t, sig)
	Await(t, p.done, stopDeadline, fmt.Sprintf("end of %s after %v", p.command, sig))
	return p.err
}

// WaitOutput returns once the program has written text, and fails the test when it ends or timeout passes
// before.
func (p *Process) WaitOutput(t testing.TB, text string, timeout time.Duration) {
	t.Helper()
	if err := p.waitOutput(text, timeout); err != nil {
		t.Fatal(err)
	}
}

func (p *Process) waitOutput(text string, timeout time.Duration) error {
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	for {
		output, more := p.output.snapshot()
		if strings.Contains(output, text) {
			return nil
		}
		select {
		case <-more:
		case <-p.done:
			if strings.Contains(p.Output(), text) {
				return nil
			}
			return fmt.Errorf("testbed: %s ended (%v) without writing %q; it wrote:\n%s", p.command, p.err, text, p.Output())
		case <-deadline.C:
			return fmt.Errorf("testbed: %s did not write %q within %v; it wrote:\n%s", p.command, text, timeout, output)
		}
	}
}

func (p *Process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// run runs a short command to its end and returns what it wrote.
func run(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), toolDeadline)
	defer cancel()
	command := exec.CommandContext(ctx, name, args...)
	command.WaitDelay = time.Second
	output, err := command.CombinedOutput()
	if err != nil {
		return string(output), fmt.Errorf("testbed: %s: %w: %s",
			strings.Join(append([]string{name}, args...), " "), errors.Join(ctx.Err(), err), bytes.TrimSpace(output))
	}
	return string(output), nil
}

// tail is a writer that keeps the last bytes it got and announces new ones.
type tail struct {
	mu    sync.Mutex
	limit int
	data  []byte
	more  chan struct{} // closed, and replaced, on every write
}

func newTail(limit int) *tail { return &tail{limit: limit, more: make(chan struct{})} }

func (w *tail) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.data = append(w.data, b...)
	if over := len(w.data) - w.limit; over > 0 {
		w.data = append(w.data[:0], w.data[over:]...)
	}
	close(w.more)
	w.more = make(chan struct{})
	return len(b), nil
}

func (w *tail) String() string {
	output, _ := w.snapshot()
	return output
}

func (w *tail) snapshot() (string, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.data), w.more
}
