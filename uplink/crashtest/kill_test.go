package crashtest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"network-sniffer/board/testbed"
	"network-sniffer/uplink"
)

const (
	// pace is how often a child seals a segment.
	pace = 2 * time.Millisecond
	// drainEvery is after how many kills the spool is emptied: recorders that find no database leave more than others send.
	drainEvery = 10
	// longest is the life of a child that is killed at a random moment: from before it has opened its spool to when it
	// has done everything many times.
	longest = 600 * time.Millisecond
	// deepest is up to how many times a child comes to its named point.
	deepest = 6
)

// TestKills: a recorder that is killed, at named points and at random moments, and started again on the same spool,
// loses no row and no mark that was sealed, and stores none twice.
func TestKills(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := random(t, 1)
	plan := plannedKills(r)
	confirmed, marked := map[uint32]int64{}, map[uint32]int64{}
	var total tally
	progress := newProgress(t, "kills", len(plan))
	for i, k := range plan {
		run := uint32(i + 1)
		seen := w.kill(t, run, k)
		confirmed[run], marked[run] = seen.confirmed, seen.marked
		total.add(seen)
		if t.Failed() {
			break
		}
		if i%drainEvery == drainEvery-1 {
			total.known += w.drain(t)
		}
		progress.done(i+1, fmt.Sprintf("%d rows confirmed, %d segments known", total.confirmed, total.known))
	}
	total.known += w.drain(t)
	rows := checkRuns(t, w.db, confirmed)
	checkMarks(t, w.db, marked)
	losses := checkBooks(t, w.db, rows)
	if losses != 0 {
		t.Errorf("%d losses, and nothing was to be lost", losses)
	}
	summary.add(t, result{"SIGKILL", len(plan), total, rows, ledgerSegments(t, w.db), losses, ""})
}

// planned is how a child is to die: at the nth time that it comes to a point, or after a while.
type planned struct {
	point
	nth    int
	after  time.Duration
	format uplink.Format
}

// outages of those who are killed at random moments.
var outages = []outage{there, there, awayBundle, awayOverflow}

// nth is the time that a child comes to the point. Most points come often; a bundle comes once.
func (p point) nth(r *rand.Rand) int {
	if p.away != there {
		return 1
	}
	return 1 + r.IntN(deepest)
}

func plannedKills(r *rand.Rand) []planned {
	var plan []planned
	named := func(f uplink.Format) {
		for _, p := range points {
			plan = append(plan, planned{point: p, nth: p.nth(r), format: f})
		}
	}
	anytime := func() {
		plan = append(plan, planned{point: point{away: outages[r.IntN(len(outages))]},
			after: time.Duration(r.Int64N(int64(longest))), format: formats[r.IntN(len(formats))]})
	}
	shuffled := func() []planned {
		r.Shuffle(len(plan), func(i, j int) { plan[i], plan[j] = plan[j], plan[i] })
		return plan
	}
	if *killCount == 0 {
		named(uplink.FormatBinary)
		named(uplink.FormatText)
		for range 20 {
			anytime()
		}
		return shuffled()
	}
	for len(plan) < *killCount {
		for _, f := range formats {
			named(f)
			for range points {
				anytime()
			}
		}
	}
	return shuffled()[:*killCount]
}

// kill runs a child until it is dead, and returns what it told.
func (w *world) kill(t *testing.T, run uint32, k planned) tally {
	t.Helper()
	config, err := json.Marshal(child{Spool: w.dir, Flash: w.flash, Away: k.away, Server: w.pg.Socket(),
		URL: w.pg.URLVia(relayAddress, w.name), Run: run, Point: k.name, Nth: k.nth, Pace: pace, Format: k.format})
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), childVariable+"="+string(config))
	command.ExtraFiles = []*os.File{write}
	process := testbed.StartProcess(t, command)
	write.Close()
	told := make(chan story, 1)
	go func() { told <- listen(bufio.NewScanner(read)) }()
	if k.name == "" {
		moment := time.NewTimer(k.after)
		defer moment.Stop()
		select {
		case <-moment.C:
		case <-process.Done():
		}
		process.Signal(t, syscall.SIGKILL)
	}
	tooLong := time.AfterFunc(patience, func() { _ = command.Process.Signal(syscall.SIGQUIT) }) // it shows where it waits
	defer tooLong.Stop()
	testbed.Await(t, process.Done(), 2*patience, fmt.Sprintf("the death of run %d at %q", run, k.name))
	s := testbed.Await(t, told, patience, "the end of its report")
	if s.failed != "" {
		t.Errorf("run %d: %s", run, s.failed)
	}
	if s.at != k.name || !killed(process.Err()) {
		t.Errorf("run %d was to die at %q, died at %q: %v\n%s", run, k.name, s.at, process.Err(), process.Output())
	}
	return s.tally
}

func killed(err error) bool {
	exit, ok := err.(*exec.ExitError)
	return ok && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
}

// story is what a child told.
type story struct {
	tally
	at, failed string
}

func listen(lines *bufio.Scanner) (s story) {
	for lines.Scan() {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		var n int64
		fmt.Sscan(rest, &n)
		switch word {
		case "sealed":
			s.sealed++
			s.confirmed += n
		case "marked":
			s.marked = n
		case "copy":
			s.copies++
		case "commit":
			s.commits++
		case "known":
			s.known = n
		case "at":
			s.at = rest
		case "failed":
			s.failed = rest
		}
	}
	return s
}
