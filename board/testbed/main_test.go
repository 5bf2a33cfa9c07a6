//go:build linux

package testbed

import (
	"fmt"
	"os"
	"runtime"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

// recorder is a testing.TB that keeps what a helper says of the test instead of acting on it.
type recorder struct {
	testing.TB
	skipped, failed string
	cleanups        []func()
}

func (r *recorder) Helper()                   {}
func (r *recorder) Log(...any)                {}
func (r *recorder) Logf(string, ...any)       {}
func (r *recorder) Failed() bool              { return r.failed != "" }
func (r *recorder) Cleanup(f func())          { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Error(args ...any)         { r.failed += fmt.Sprintln(args...) }
func (r *recorder) Skip(args ...any)          { r.skipped += fmt.Sprint(args...); runtime.Goexit() }
func (r *recorder) Fatal(args ...any)         { r.failed += fmt.Sprint(args...); runtime.Goexit() }
func (r *recorder) Fatalf(f string, a ...any) { r.failed += fmt.Sprintf(f, a...); runtime.Goexit() }

// record runs f with a recorder, as a test of its own would be run, but leaves the cleanups to the caller.
func record(t *testing.T, f func(t testing.TB)) *recorder {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	return r
}

// finish runs the cleanups in the order of testing.
func (r *recorder) finish() {
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
	r.cleanups = nil
}
