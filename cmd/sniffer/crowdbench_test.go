package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"network-sniffer/board/testbed"
)

// BenchmarkCrowd tells what clients of the console see, and what they cost. Latency is the time from the kernel's stamp on a
// packet, which the line shows, to the line's arrival at the client: 100 clients that read, each shown 50 packets a second of as
// many or of 10,000, alone and beside 900 that do not read and are cut off meanwhile. The first of each three has no
// client at all: what its recorder takes and loses is what capture does. The load of clients and sender is on the same machine.
//
//	make bench-console
func BenchmarkCrowd(b *testing.B) {
	for _, rate := range []int{50, 10_000} {
		for _, row := range []struct{ reading, stalled int }{{0, 0}, {100, 0}, {100, 900}} {
			b.Run(fmt.Sprintf("packets=%d/reading=%d/stalled=%d", rate, row.reading, row.stalled), func(b *testing.B) {
				benchmarkCrowd(b, rate, row.reading, row.stalled)
			})
		}
	}
}

// settling is how long the stalled take to stall, at 50 lines a second; measured is longer than the deadline that cuts them off.
const (
	settling = 5 * time.Second
	measured = 15 * time.Second
)

func benchmarkCrowd(b *testing.B, rate, reading, stalled int) {
	topology := testbed.Router(b, testbed.NoOffloads())
	dir, err := os.MkdirTemp("/dev/shm", "sniffer-bench-")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	cmd := topology.Router.Command(binary, "run", "--interface", topology.LanPort, "--console-listen", "lan0:8000",
		"--console-allow", "any", "--console-sessions", "1001", "--spool-dir", dir, "--device-id", deviceID)
	cmd.Env = append(os.Environ(), "SNIFFER_DATABASE_URL=")
	recorder := testbed.StartProcess(b, cmd)
	recorder.WaitOutput(b, "msg=ready", patience)
	sender := testbed.NewSender(b, topology.Lan, topology.HostPort)
	send := func(first int, during time.Duration) {
		config := testbed.SendConfig{First: uint32(first), Count: int(during.Seconds() * float64(rate)), Rate: rate,
			Kinds: []testbed.Kind{testbed.UDPv4}}
		if _, err := sender.SendNumbered(context.Background(), config); err != nil {
			b.Fatal(err)
		}
	}

	c := newCrowd(b, topology, reading+stalled)
	all := append(c.connect(0, reading, theirs), c.connectStalling(reading, reading+stalled, theirs)...)
	c.watching(all, theirs)
	// What arrives in between is measured.
	begin := time.Now().Add(settling)
	end := begin.Add(measured)
	delays := make([][]time.Duration, reading)
	var running sync.WaitGroup
	for i, m := range all[:reading] {
		running.Go(func() { delays[i] = m.delays(begin, end) })
	}
	send(0, settling)
	cpu, start := cpuOf(b, recorder.PID()), time.Now()
	send(int(settling.Seconds())*rate, measured)
	cpu = cpuOf(b, recorder.PID()) - cpu
	b.ReportMetric(100*cpu.Seconds()/time.Since(start).Seconds(), "cpu-%")
	b.ReportMetric(float64(memoryOf(b, recorder.PID(), "VmHWM"))/1024, "MiB")
	if losses := c.losses(); losses != "" {
		b.Errorf("lost: %s", losses)
	}
	leave(all)
	running.Wait()
	if seen := slices.Concat(delays...); reading > 0 {
		slices.Sort(seen)
		at := func(share float64) float64 {
			return float64(seen[int(share*float64(len(seen)-1))]) / float64(time.Millisecond)
		}
		b.ReportMetric(float64(len(seen)), "lines")
		b.ReportMetric(at(0.5), "p50-ms")
		b.ReportMetric(at(0.99), "p99-ms")
		b.ReportMetric(at(1), "max-ms")
	}
	b.ReportMetric(0, "ns/op") // is no result here
}

// delays reads packets until the connection ends, and returns how old each was that arrived in between.
func (m *member) delays(begin, end time.Time) (all []time.Duration) {
	const clockForm = "15:04:05.000000"
	midnight, _ := time.Parse(clockForm, "00:00:00.000000")
	for {
		line, err := m.r.ReadSlice('\n')
		now := time.Now()
		if err != nil {
			return all
		}
		if now.Before(begin) || now.After(end) {
			continue
		}
		// The line has the time of day in UTC; a note of packets not shown has none.
		clock, _, _ := strings.Cut(string(line), " ")
		if at, err := time.Parse(clockForm, clock); err == nil {
			const day = 24 * time.Hour
			today := now.Sub(now.Truncate(day)) // UTC as well
			all = append(all, (today-at.Sub(midnight)+day)%day)
		}
	}
}

// cpuOf is the processor time that a process has taken, its own and the kernel's for it; proc_pid_stat(5).
func cpuOf(b *testing.B, pid int) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	// The name in parentheses may hold anything. Behind it the first field is number 3; 14 and 15 are the times, in ticks of 10 ms.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	var ticks int
	for _, field := range fields[14-3 : 16-3] {
		n, err := strconv.Atoi(field)
		if err != nil {
			b.Fatalf("%q: %v", stat, err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
