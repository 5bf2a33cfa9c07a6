package uplinkbench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// clientDeadline bounds one run of one client.
const clientDeadline = 5 * time.Minute

// clientCommand is the first argument of this binary when it is a client; the second one is its job.
const clientCommand = "uplinkbench-client"

// job is what a client is told.
type job struct {
	Client  string // its name
	URL     string // of the database
	Rows    int
	Traffic string // "mixed", "plain"
	Dir     string // a place in memory, the same for all steps of a client
	Profile string // directory for profiles; empty: none
	Live    bool   // have the garbage collector run after each transaction, to see what is alive

	alive int64 // bytes at most; with Live
}

func (j *job) traffic() *traffic {
	if j.Traffic == "plain" {
		return plain()
	}
	return mixed()
}

// usage is what a client used.
type usage struct {
	Elapsed     time.Duration
	CPU         time.Duration // user and system, all threads
	Allocations uint64
	Resident    int64 // bytes: the most that was resident, what the program itself takes left out
	Alive       int64 // bytes of heap and stacks, at most, after a garbage collection; with Live alone
}

// client is one way to store rows.
type client struct {
	name string
	// fraction: it stores one of so many rows, because it is slow.
	fraction int
	// before makes what the client finds when it starts.
	before func(j *job) error
	run    func(j *job) error
	// program is run instead, where the client is not ours.
	program func(j *job) []string
}

// prepare makes what the client finds, in a process of its own, and returns what that used.
func (c *client) prepare(t testing.TB, j job) usage {
	t.Helper()
	if c.before == nil {
		return usage{}
	}
	j.Client = c.name + beforeSuffix
	return serveAside(t, &j)
}

// start runs the client in a process of its own and returns what that used.
func (c *client) start(t testing.TB, j job) usage {
	t.Helper()
	j.Client = c.name
	if c.program == nil {
		return serveAside(t, &j)
	}
	command := c.program(&j)
	ctx, cancel := context.WithTimeout(context.Background(), clientDeadline)
	defer cancel()
	p := exec.CommandContext(ctx, command[0], command[1:]...)
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	start := time.Now()
	out, err := p.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", c.name, err, out)
	}
	return usage{Elapsed: time.Since(start), CPU: p.ProcessState.UserTime() + p.ProcessState.SystemTime()}
}

// beforeSuffix on a client's name in a job asks for what comes before it.
const beforeSuffix = ", before"

// serveAside has a job done by this binary in another process.
func serveAside(t testing.TB, j *job) usage {
	t.Helper()
	text, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), clientDeadline)
	defer cancel()
	var out, complaints bytes.Buffer
	p := exec.CommandContext(ctx, os.Args[0], clientCommand, string(text))
	p.Stdout, p.Stderr = &out, &complaints
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", j.Client, err, &complaints)
	}
	var used usage
	if err := json.Unmarshal(out.Bytes(), &used); err != nil {
		t.Fatalf("%s: it answered %q: %v", j.Client, &out, err)
	}
	return used
}

// serve does a job in this process.
func serve(text string) (used usage, err error) {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return used, err
	}
	name, before := strings.CutSuffix(j.Client, beforeSuffix)
	for _, c := range clients {
		if c.name != name {
			continue
		}
		run := c.run
		if before {
			run = c.before
		}
		if used, err = measure(func() error { return profiled(&j, run) }); j.Live {
			used.Alive = j.alive
		}
		return used, err
	}
	return used, fmt.Errorf("no client is called %q", name)
}

// profiled runs a client and leaves its profiles where the job says.
func profiled(j *job, run func(*job) error) error {
	if j.Profile == "" {
		return run(j)
	}
	path := filepath.Join(j.Profile, strings.ReplaceAll(j.Client, "/", ""))
	cpu, err := os.Create(path + ".cpu")
	if err != nil {
		return err
	}
	defer cpu.Close()
	runtime.MemProfileRate = 4096
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return err
	}
	err = run(j)
	pprof.StopCPUProfile()
	if err != nil {
		return err
	}
	allocations, err := os.Create(path + ".allocs")
	if err != nil {
		return err
	}
	defer allocations.Close()
	return pprof.Lookup("allocs").WriteTo(allocations, 0)
}

// measure says what a function uses of this process.
func measure(do func() error) (used usage, err error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	resident, err := processMemory("VmRSS")
	if err != nil {
		return used, err
	}
	cpu, start := processCPU(), time.Now()
	if err := do(); err != nil {
		return used, err
	}
	used.Elapsed, used.CPU = time.Since(start), processCPU()-cpu
	runtime.ReadMemStats(&after)
	peak, err := processMemory("VmHWM")
	used.Allocations = after.Mallocs - before.Mallocs
	used.Resident = peak - resident
	return used, err
}

// look notes how much memory is alive.
func (j *job) look() {
	if !j.Live {
		return
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	j.alive = max(j.alive, int64(m.HeapAlloc+m.StackInuse))
}

// processCPU is the CPU time of this process to the nanosecond, which getrusage(2) does not give.
func processCPU() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &now); err != nil {
		panic(err) // it is a clock of every Linux
	}
	return time.Duration(now.Nano())
}

// processMemory reads a line of /proc/self/status, in bytes.
func processMemory(name string) (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		value, found := strings.CutPrefix(line, name+":")
		if found {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/self/status has no line %s", name)
}
