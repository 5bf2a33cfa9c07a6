package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"network-sniffer/board/testbed"
)

// consoleAt is where a crowd reaches the console: at the LAN's side of the router.
const consoleAt = testbed.RouterLanIPv4 + ":8000"

// crowd is the clients of a router's console. They live in its LAN, at as many addresses as it takes.
type crowd struct {
	t         testing.TB
	lan       *testbed.Namespace
	addresses []netip.Addr
}

// perAddress is how many sessions one address may have (--console-sessions-per-address).
const perAddress = 64

// newCrowd gives the LAN's host addresses for so many clients.
func newCrowd(t testing.TB, topology *testbed.RouterNet, clients int) *crowd {
	t.Helper()
	c := &crowd{t: t, lan: topology.Lan}
	for at := netip.MustParseAddr("192.168.1.100"); len(c.addresses)*perAddress < clients; at = at.Next() {
		c.lan.Addr(t, topology.HostPort, at.String()+"/24")
		c.addresses = append(c.addresses, at)
	}
	return c
}

// member is one client.
type member struct {
	conn    *net.TCPConn
	r       *bufio.Reader
	greeted bool // it was so slow to say something that it was taken for a person
}

// theirs is what most of a crowd look at: the sender's frames.
var theirs = fmt.Sprintf("udp dst port %d", testbed.UDPDstPort)

// connect has clients first to last-1 watch what an expression says, at once; client i has address i / perAddress.
func (c *crowd) connect(first, last int, expr string) []*member {
	c.t.Helper()
	return c.connectWith(first, last, expr, func(uintptr) error { return nil })
}

// connectStalling is connect for clients that will not read. Their receive buffers are the smallest, so that they stall soon.
func (c *crowd) connectStalling(first, last int, expr string) []*member {
	c.t.Helper()
	return c.connectWith(first, last, expr, func(fd uintptr) error {
		return unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 1)
	})
}

func (c *crowd) connectWith(first, last int, expr string, tune func(fd uintptr) error) []*member {
	c.t.Helper()
	var all []*member
	err := c.lan.Do(func() error {
		for i := first; i < last; i++ {
			dialer := net.Dialer{
				Timeout:   patience,
				LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(c.addresses[i/perAddress], 0)),
				Control: func(_, _ string, raw syscall.RawConn) (err error) {
					if failed := raw.Control(func(fd uintptr) { err = tune(fd) }); failed != nil {
						return failed
					}
					return err
				},
			}
			conn, err := dialer.Dial("tcp", consoleAt)
			if err != nil {
				return err
			}
			all = append(all, &member{conn: conn.(*net.TCPConn), r: bufio.NewReader(conn)})
			conn.SetDeadline(time.Now().Add(patience))
			if _, err := fmt.Fprintf(conn, "watch %s\nfilter\n", expr); err != nil {
				return err
			}
		}
		return nil
	})
	c.t.Cleanup(func() { leave(all) })
	if err != nil {
		c.t.Fatalf("client %d: %v", first+len(all), err)
	}
	return all
}

func leave(all []*member) {
	for _, m := range all {
		m.conn.Close()
	}
}

// watching returns when all of the clients watch what the expression says.
func (c *crowd) watching(all []*member, expr string) {
	c.t.Helper()
	for i, m := range all {
		for {
			line, err := m.r.ReadString('\n')
			if err != nil {
				c.t.Fatalf("client %d of %d is answered %q, %v", i, len(all), line, err)
			}
			if line == "Filter: "+expr+"\r\n" {
				break
			}
			m.greeted = true
		}
		m.conn.SetDeadline(time.Time{})
	}
}

// ask sends a command in a session of its own and returns the answer.
func (c *crowd) ask(command string) (string, error) {
	conn, err := c.lan.Dial("tcp", consoleAt)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, command+"\nquit\n"); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(conn)
	return string(answer), err
}

// losses are what the recorder knows of packets lost, by interface and reason.
func (c *crowd) losses() string {
	c.t.Helper()
	answer, err := c.ask("stats --json")
	if err != nil {
		c.t.Fatal(err)
	}
	line, _, _ := strings.Cut(answer, "\n")
	var stats struct {
		Interfaces []struct {
			Interface string
			Balance   int64
			Losses    map[string]uint64
		}
	}
	if err := json.Unmarshal([]byte(line), &stats); err != nil || len(stats.Interfaces) == 0 {
		c.t.Fatalf("stats are %q: %v", answer, err)
	}
	var all []string
	for _, i := range stats.Interfaces {
		if i.Balance != 0 {
			c.t.Errorf("the books of %s do not balance: %d", i.Interface, i.Balance)
		}
		for reason, packets := range i.Losses {
			if packets > 0 {
				all = append(all, fmt.Sprintf("%s %s %d", i.Interface, reason, packets))
			}
		}
	}
	return strings.Join(all, ", ")
}

// numberOf is the number of the sender's frame that a line of watch shows (testbed.SrcPortFirst).
func numberOf(line string) (int, bool) {
	before, _, ok := strings.Cut(line, " → ")
	port, err := strconv.Atoi(before[strings.LastIndexByte(before, ':')+1:])
	return port - testbed.SrcPortFirst, ok && err == nil
}

// memoryOf is what a line of /proc/PID/status says, in KiB; proc_pid_status(5).
func memoryOf(t testing.TB, pid int, field string) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), field+":")
	number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	kib, err := strconv.Atoi(number)
	if err != nil {
		t.Fatalf("%s of process %d: %v", field, pid, err)
	}
	return kib
}

// socketsOf counts a process's open sockets.
func socketsOf(t testing.TB, pid int) (n int) {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if to, err := os.Readlink(dir + "/" + e.Name()); err == nil && strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n
}

// sessionKiB is what one session may take of the recorder's memory: twice what its buffers and stacks hold, since the garbage
// collector lets the heap grow to that.
const sessionKiB = 64

// TestCrowd: 1,000 clients, of which 900 do not read. The other 100 get every packet, nothing is lost to the recorder, the memory
// is bounded, those that stall are cut off one by one, and afterwards nothing of the crowd is left. The 65th client of an address
// and the 1,001st of all are told why they are refused.
func TestCrowd(t *testing.T) {
	testbed.NeedRoot(t)
	t.Parallel()
	const (
		clients = 1000
		reading = 100 // the first
		// Bounded so that the console's ring and inbox hold them all and no client runs out of lines: whoever reads gets them
		// all, however slow the machine is.
		frames = 1000
		rate   = 250
	)
	topology := testbed.Router(t, testbed.NoOffloads())
	recorder := startRecorder(t, topology.Router, t.TempDir(), "", "--interface", topology.LanPort, "--console-listen", "lan0:8000",
		"--console-allow", "any", "--console-sessions", fmt.Sprint(clients), "--console-sessions-per-address", fmt.Sprint(perAddress),
		"--console-lines", fmt.Sprint(2*frames))
	pid := recorder.PID()
	sockets, memory := socketsOf(t, pid), memoryOf(t, pid, "VmRSS")
	c := newCrowd(t, topology, clients)

	// At first one address takes what it may have. The last client will be of an address that may have more.
	all := c.connect(0, perAddress, theirs)
	refused := func(who string, i int, want string) {
		t.Helper()
		if got, err := io.ReadAll(c.connect(i, i+1, theirs)[0].r); string(got) != want {
			t.Errorf("%s is told %q, %v; want %q", who, got, err, want)
		}
	}
	refused("the 65th client of an address", perAddress-1, "Too many sessions from your address: 64 are open. Close one first.\r\n")
	all = append(all, c.connect(perAddress, reading, theirs)...)
	all = append(all, c.connectStalling(reading, clients-1, theirs)...)
	// One looks for what the recorder shall not see, the crowd's own traffic, and for the last frame.
	suspect := fmt.Sprintf("port 8000 or udp src port %d", testbed.SrcPortFirst+frames-1)
	all = append(all, c.connect(clients-1, clients, suspect)...)
	refused("the client after the last", clients, "Too many sessions: all 1000 are taken. Try again later.\r\n")
	readers, stalled, spy := all[:reading], all[reading:clients-1], all[clients-1]
	c.watching(all[:clients-1], theirs)
	c.watching(all[clients-1:], suspect)

	sender := testbed.NewSender(t, topology.Lan, topology.HostPort)
	send := func(first, count int) {
		t.Helper()
		config := testbed.SendConfig{First: uint32(first), Count: count, Rate: rate, Kinds: []testbed.Kind{testbed.UDPv4}}
		if _, err := sender.SendNumbered(context.Background(), config); err != nil {
			t.Fatal(err)
		}
	}
	// expect has every reader see the frames, each once and in order, and nothing else.
	expect := func(first, count int) {
		t.Helper()
		errs := make(chan error, len(readers))
		for i, m := range readers {
			m.conn.SetDeadline(time.Now().Add(patience))
			go func() {
				for n := first; n < first+count; n++ {
					line, err := m.r.ReadString('\n')
					if got, ok := numberOf(line); err != nil || !ok || got != n {
						errs <- fmt.Errorf("reader %d expects frame %d and gets %q, %v", i, n, line, err)
						return
					}
				}
				errs <- nil
			}()
		}
		for range readers {
			if err := testbed.Await(t, errs, 2*patience, "what the readers are shown"); err != nil {
				t.Error(err)
			}
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	send(0, frames)
	expect(0, frames)
	spy.conn.SetDeadline(time.Now().Add(patience))
	line, err := spy.r.ReadString('\n')
	if got, ok := numberOf(line); err != nil || !ok || got != frames-1 {
		t.Errorf("the console's own traffic is recorded, or the last frame is not: %q, %v", line, err)
	}
	grown := memoryOf(t, pid, "VmHWM") - memory
	t.Logf("%d KiB without clients, at most %d more with %d: %d KiB each", memory, grown, clients, grown/clients)
	if limit := clients * sessionKiB; grown > limit {
		t.Errorf("%d clients take %d KiB, more than %d", clients, grown, limit)
	}

	// Each of the others is cut off, with a reset: the kernel keeps nothing for it either.
	ends := make(chan error, len(stalled))
	for _, m := range stalled {
		go func() { ends <- untilCut(m.conn) }()
	}
	for range stalled {
		if err := testbed.Await(t, ends, 2*patience, "the end of who does not read"); err != nil {
			t.Fatal(err)
		}
	}
	testbed.Eventually(t, patience, "the sessions that stalled to be over", func() (bool, string) {
		stats, err := c.ask("stats")
		return err == nil && strings.Contains(stats, fmt.Sprintf("Console: %d of %d sessions open.", reading+2, clients)), stats
	})
	stats, err := c.ask("stats")
	for _, want := range []string{
		" (too many sessions), 1 (too many from one address).\r\n",
		fmt.Sprintf("Closed: %d (did not read).\r\n", len(stalled)),
	} {
		if err != nil || !strings.Contains(stats, want) {
			t.Errorf("stats do not say %q: %q, %v", want, stats, err)
		}
	}
	send(frames, 10)
	expect(frames, 10)
	if losses := c.losses(); losses != "" {
		t.Errorf("lost: %s", losses)
	}

	// Half of the others say first that they have nothing more to say, which a program may and still go on reading; then all go.
	for _, m := range readers[:reading/2] {
		if !m.greeted { // who leaves is let go
			m.conn.CloseWrite()
		}
	}
	send(frames+10, 10)
	expect(frames+10, 10)
	for _, m := range append(readers, spy) {
		m.conn.SetLinger(0)
	}
	leave(all)
	testbed.Eventually(t, patience, "the crowd's connections to be closed", func() (bool, string) {
		n := socketsOf(t, pid)
		return n <= sockets, fmt.Sprintf("%d sockets, %d before", n, sockets)
	})
	if err := recorder.Stop(t, syscall.SIGTERM); err != nil {
		t.Errorf("the recorder ended with %v", err)
	}
}

// untilCut waits for the end of a connection whose input stays unread, and returns nil if it was a reset.
func untilCut(conn *net.TCPConn) error {
	conn.SetDeadline(time.Now().Add(patience))
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	reason := 0
	err = raw.Read(func(fd uintptr) bool {
		// Of no event asked for, poll(2) tells the end alone.
		p := []unix.PollFd{{Fd: int32(fd)}}
		if n, err := unix.Poll(p, 0); err != nil || n == 0 {
			return false
		}
		reason, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		return true
	})
	if err == nil && unix.Errno(reason) != unix.ECONNRESET {
		err = fmt.Errorf("the connection ended with %v", unix.Errno(reason))
	}
	return err
}
