package capturebench

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"network-sniffer/board/testbed"
)

// Bounds of a run.
const (
	startDeadline = 30 * time.Second
	quietDeadline = 10 * time.Second // to walk what the ring holds after the last frame
	quietCPU      = 200 * time.Microsecond
)

// bench is the two namespaces, the cables between them, and a core for either side.
type bench struct {
	near, far              *testbed.Namespace
	interfaces             []string // of the same name at both ends
	sendCore, consumerCore int
}

// newBench lays the cables.
func newBench(t testing.TB, cables int) *bench {
	t.Helper()
	testbed.NeedRoot(t)
	testbed.NeedTool(t, "taskset")
	var cores unix.CPUSet
	if err := unix.SchedGetaffinity(0, &cores); err != nil {
		t.Fatal(err)
	}
	b := &bench{near: testbed.NewNamespace(t, "near"), far: testbed.NewNamespace(t, "far")}
	// The last two, because the first one has the interrupts of most machines.
	found := 0
	for core := len(cores)*64 - 1; core >= 0 && found < 2; core-- {
		if cores.IsSet(core) {
			b.sendCore, b.consumerCore = b.consumerCore, core
			found++
		}
	}
	if found < 2 {
		t.Fatal("sender and consumer need a core each, and this process may use one only")
	}
	for i := range cables {
		name := "eth" + strconv.Itoa(i)
		testbed.Link(t, b.far, name, b.near, name, testbed.Quiet(), testbed.NoOffloads())
		receiveInBatches(t, b.near, name)
		b.interfaces = append(b.interfaces, name)
	}
	return b
}

// outcome is one run of one consumer.
type outcome struct {
	tally
	spent spent
	cpu   time.Duration // of the consumer's process, user and system, from its first frame to its last
}

// perFrame is the consumer's CPU time for a frame that it got, in nanoseconds.
func (o outcome) perFrame() float64 { return float64(o.cpu) / float64(o.frames) }

// wallPerFrame is the time that went by for each frame that the consumer got, in nanoseconds.
func (o outcome) wallPerFrame() float64 { return float64(o.spent.elapsed) / float64(o.frames) }

// senderPerFrame is the CPU time that sending and receiving a frame cost the kernel, in nanoseconds.
func (o outcome) senderPerFrame() float64 { return float64(o.spent.cpu) / float64(o.spent.frames) }

// rate is how many frames were sent in a second.
func (o outcome) rate() float64 { return float64(o.spent.frames) / o.spent.elapsed.Seconds() }

// lost is the share of the frames that the kernel dropped because the consumer was too slow.
func (o outcome) lost() float64 { return float64(o.dropped) / float64(o.spent.frames) }

// run starts the consumer, has send send, waits until the consumer is idle again, and ends it.
func (b *bench) run(t testing.TB, c consumer, o options, send func() (spent, error)) outcome {
	t.Helper()
	// taskset(1) before the program starts: a Go runtime looks at its cores only then.
	command := append([]string{"-c", strconv.Itoa(b.consumerCore)}, c.command(o)...)
	p := b.near.Start(t, "taskset", command...)
	p.WaitOutput(t, c.ready, startDeadline)
	// A process that has just said that it is ready may still be on its way to where it waits for frames.
	b.awaitQuiet(t, p, o.blockTimeout)

	before := processCPU(t, p.PID())
	s, err := send()
	if err != nil {
		t.Fatal(err)
	}
	b.awaitQuiet(t, p, cmp.Or(c.holds, o.blockTimeout))
	result := outcome{spent: s, cpu: processCPU(t, p.PID()) - before}

	if err := p.Stop(t, unix.SIGINT); err != nil {
		t.Fatalf("%s: %v\n%s", c.name, err, p.Output())
	}
	if result.tally, err = c.tally(p.Output()); err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	return result
}

// awaitQuiet returns when the process does next to nothing for longer than the kernel holds back a block.
func (b *bench) awaitQuiet(t testing.TB, p *testbed.Process, blockTimeout time.Duration) {
	t.Helper()
	step := blockTimeout + 20*time.Millisecond
	last := processCPU(t, p.PID())
	for end := time.Now().Add(quietDeadline); time.Now().Before(end); {
		time.Sleep(step)
		now := processCPU(t, p.PID())
		if now-last < quietCPU {
			return
		}
		last = now
	}
	t.Fatalf("process %d is not idle %v after the last frame:\n%s", p.PID(), quietDeadline, p.Output())
}

// processCPU is the CPU time of a process, user and system, all threads, those that have ended too: what
// getrusage(2) adds up, but to the nanosecond and from outside (clock_getcpuclockid(3)).
func processCPU(t testing.TB, pid int) time.Duration {
	t.Helper()
	const scheduler = 2 // CPUCLOCK_SCHED
	now, err := clock(int32(^pid<<3 | scheduler))
	if err != nil {
		t.Fatalf("CPU time of process %d: %v", pid, err)
	}
	return now
}

// threadCPU is the CPU time of the calling thread.
func threadCPU() time.Duration {
	now, err := clock(unix.CLOCK_THREAD_CPUTIME_ID)
	if err != nil {
		panic(err) // it is a clock of every Linux
	}
	return now
}

func clock(id int32) (time.Duration, error) {
	var now unix.Timespec
	if err := unix.ClockGettime(id, &now); err != nil {
		return 0, fmt.Errorf("clock %d: %w", id, os.NewSyscallError("clock_gettime", err))
	}
	return time.Duration(now.Nano()), nil
}
