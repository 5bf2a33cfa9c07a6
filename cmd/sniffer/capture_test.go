package main

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"network-sniffer/board/testbed"
)

// checkVisible: no interface shows more than it says itself to have carried, and each says it.
func checkVisible(t *testing.T, db *sql.DB) {
	t.Helper()
	const more = `SELECT count(*) FROM sniffer.visibility WHERE link_frames IS NULL OR link_frames < received`
	if n := testbed.QueryInt(t, db, more); n != 0 {
		t.Errorf("sniffer.visibility shows %d interfaces that received more than there was", n)
	}
}

// checkCoverage: every interval of the ledger has this.
func checkCoverage(t *testing.T, db *sql.DB, condition string) {
	t.Helper()
	if n := testbed.QueryInt(t, db, `SELECT count(*) FROM sniffer.coverage WHERE (`+condition+`) IS NOT TRUE`); n != 0 {
		t.Errorf("in %d intervals it is not so: %s", n, condition)
	}
	if n := testbed.QueryInt(t, db, `SELECT count(*) FROM sniffer.coverage`); n == 0 {
		t.Error("the ledger has no interval")
	}
}

// sendNumbers sends count frames from a number on at a rate that a recorder of any kind follows.
func sendNumbers(t *testing.T, ns *testbed.Namespace, name string, first, count int, kinds ...testbed.Kind) {
	t.Helper()
	config := sendConfig(count, 40_000)
	config.First, config.Kinds = uint32(first), kinds
	if _, err := testbed.NewSender(t, ns, name).SendNumbered(context.Background(), config); err != nil {
		t.Fatal(err)
	}
}

// TestCaptureModes: whichever way frames come, each is a row once, or a loss in the ledger, which says what way it was.
func TestCaptureModes(t *testing.T) {
	testbed.NeedRoot(t)
	testbed.NeedPostgres(t)
	const count = 20_000
	for _, row := range []struct {
		name     string
		args     []string
		prepare  func(*testing.T, *testbed.Namespace)
		said     string // in the daemon's log
		coverage string // of every interval
		rows     string // of every row
	}{
		{"two workers", []string{"--workers", "2", "--ring-size", "2M", "--ring-block", "256K", "--ring-timeout", "10ms"}, nil,
			"workers=2 mode=ring ring_bytes=2097152", `capture_mode = 'ring' AND sample_rate = 1 AND NOT user_filter`, "true"},
		{"without a ring", []string{"--capture-mode", "read", "--snaplen", "96"}, nil,
			"mode=read", `capture_mode = 'read' AND snap_length = 96`, `captured_length = least(wire_length - CASE WHEN vlan_id IS NULL THEN 0 ELSE 4 END, 96)`},
		{"two workers without a ring", []string{"--capture-mode", "read", "--workers", "2"}, nil,
			"workers=2 mode=read", `capture_mode = 'read' AND snap_length = 2560`, "true"},
		{"a filter that the kernel refuses", []string{"--filter", "ether[6:2] = 0x065e"},
			func(t *testing.T, ns *testbed.Namespace) { ns.Sysctl(t, "net/core/optmem_max", "256") },
			"user_filter=true", `user_filter AND filter <> ''`, numbered},
		{"workers of a kernel that takes no program at all", []string{"--workers", "3"},
			func(t *testing.T, ns *testbed.Namespace) { ns.Sysctl(t, "net/core/optmem_max", "1") },
			"user_filter=true", "user_filter", "true"},
	} {
		t.Run(row.name, func(t *testing.T) {
			topology := testbed.Router(t, testbed.Quiet(), testbed.NoOffloads())
			if row.prepare != nil {
				row.prepare(t, topology.Router)
			}
			url := testbed.SharedPostgres(t).NewDatabase(t)
			// Two interfaces at once: what comes in at one leaves by the other.
			recorder := startRecorder(t, topology.Router, t.TempDir(), url, append(row.args,
				"--interface", topology.LanPort, "--interface", topology.WanPort)...)
			recorder.WaitOutput(t, row.said, patience)
			sendNumbers(t, topology.Lan, topology.HostPort, 0, count)
			db := testbed.DB(t, url)
			awaitNumbers(t, db, count)
			if err := recorder.Stop(t, syscall.SIGTERM); err != nil {
				t.Fatalf("the recorder ended with %v", err)
			}
			_, losses := checkBooks(t, db)
			checkCoverage(t, db, row.coverage)
			checkVisible(t, db)
			if n := testbed.QueryInt(t, db, `SELECT count(*) FROM sniffer.packets WHERE NOT (`+row.rows+`)`); n != 0 {
				t.Errorf("%d rows are not as they should be: %s", n, row.rows)
			}
			const ofLan = ` FROM sniffer.packets WHERE interface = 'lan0' AND ` + numbered
			there := testbed.QueryInt(t, db, `SELECT count(*)`+ofLan)
			distinct := testbed.QueryInt(t, db, `SELECT count(DISTINCT src_mac)`+ofLan)
			if there != distinct || there+losses < count || losses == 0 && there != count {
				t.Errorf("%d rows of %d numbers, %d losses; %d were sent", there, distinct, losses, count)
			}
			if n := testbed.QueryInt(t, db, `SELECT count(*) FROM sniffer.packets WHERE interface = 'wan0'`); row.prepare == nil && n == 0 {
				t.Error("nothing of the second interface")
			}
		})
	}
}

// TestSampling: of 200 conversations one in four is kept, whole, and the ledger and the console say so.
func TestSampling(t *testing.T) {
	testbed.NeedRoot(t)
	testbed.NeedPostgres(t)
	topology := testbed.Router(t, testbed.Quiet(), testbed.NoOffloads())
	url := testbed.SharedPostgres(t).NewDatabase(t)
	recorder := startRecorder(t, topology.Router, t.TempDir(), url,
		"--interface", topology.LanPort, "--sample", "4", "--filter", "udp", "--hardware-timestamps", "--snaplen", "128")
	got := greeting(t, topology.Router)
	for _, note := range []string{"1 of 4 flows is kept", "times are the kernel's", "first 128 bytes"} {
		if !strings.Contains(got, note) {
			t.Errorf("the console does not tell %q:\n%s", note, got)
		}
	}
	echoUDP(t, topology.Wan, testbed.WanHostIPv4+":7777")
	const flows, exchanges = 200, 5
	for range flows {
		conn, err := topology.Lan.Dial("udp", testbed.WanHostIPv4+":7777")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close() // so that no two flows share a port
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 16)
		for range exchanges {
			if _, err := conn.Write([]byte("ping")); err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Read(b); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := recorder.Stop(t, syscall.SIGTERM); err != nil {
		t.Fatalf("the recorder ended with %v", err)
	}
	db := testbed.DB(t, url)
	rows, losses := checkBooks(t, db)
	checkCoverage(t, db, `sample_rate = 4 AND sample_by = 'flow'`)
	checkVisible(t, db)
	kept := testbed.QueryInt(t, db,
		`SELECT count(DISTINCT CASE WHEN dst_port = 7777 THEN src_port ELSE dst_port END) FROM sniffer.packets`)
	t.Logf("%d of %d flows kept, %d rows", kept, flows, rows)
	// 50 are expected, with a deviation of 6.
	if kept < 20 || kept > 80 {
		t.Errorf("%d of %d flows are kept, want about one in four", kept, flows)
	}
	if losses != 0 || rows != kept*exchanges*2 {
		t.Errorf("%d rows of %d flows and %d losses: some flow is not whole", rows, kept, losses)
	}
	if out := recorder.Output(); !strings.Contains(out, "1 of 4 flows is kept") {
		t.Errorf("the report does not tell of the sampling:\n%s", out)
	}
}

// echoUDP answers every datagram until the test ends.
func echoUDP(t *testing.T, ns *testbed.Namespace, address string) {
	t.Helper()
	conn, err := ns.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { conn.Close(); <-done })
	go func() {
		defer close(done)
		b := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			if _, err := conn.WriteTo(b[:n], from); err != nil {
				return
			}
		}
	}()
}

// greeting is what the console says before the first packet.
func greeting(t *testing.T, ns *testbed.Namespace) string {
	t.Helper()
	conn, err := ns.Dial("tcp", "127.0.0.1:8000")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for s := bufio.NewScanner(conn); s.Scan() && !strings.Contains(s.Text(), "Type help"); {
		text.WriteString(s.Text() + "\n")
	}
	return text.String()
}

// TestEveryInterface: --interface any records what is there and what comes later, each under its own name, also
// after that changed; nothing comes twice over the loopback.
func TestEveryInterface(t *testing.T) {
	testbed.NeedRoot(t)
	testbed.NeedPostgres(t)
	near, far := testbed.NewNamespace(t, "near"), testbed.NewNamespace(t, "far")
	link := func(name string) {
		testbed.Link(t, far, name, near, name, testbed.Quiet(), testbed.NoOffloads())
	}
	link("one")
	link("two")
	url := testbed.SharedPostgres(t).NewDatabase(t)
	recorder := startRecorder(t, near, t.TempDir(), url, "--interface", "any")
	seen := watchPorts(t, near)
	const count = 3_000
	db := testbed.DB(t, url)
	sendNumbers(t, far, "one", 0, count)
	sendNumbers(t, far, "two", count, count)
	awaitNumbers(t, db, 2*count)
	if err := near.Ping("127.0.0.1", patience); err != nil {
		t.Fatal(err)
	}
	link("three")
	sendNumbers(t, far, "three", 2*count, count)
	awaitNumbers(t, db, 3*count)
	near.Run(t, "ip", "link", "set", "two", "down")
	near.Run(t, "ip", "link", "set", "two", "name", "zwei")
	near.Run(t, "ip", "link", "set", "zwei", "up")
	seen.await(t, far, "two", 3*count, "zwei")
	if err := recorder.Stop(t, syscall.SIGTERM); err != nil {
		t.Fatalf("the recorder ended with %v", err)
	}
	_, losses := checkBooks(t, db)
	checkCoverage(t, db, `capture_mode = 'ring' AND (interface <> 'any' OR row_count = 0)`)
	for i, name := range []string{"one", "two", "three"} {
		n := testbed.QueryInt(t, db, fmt.Sprintf(`SELECT count(DISTINCT src_mac) FROM sniffer.packets
			WHERE interface = $1 AND %s AND %s BETWEEN %d AND %d`, numbered, number, i*count, (i+1)*count-1), name)
		if n+losses < count {
			t.Errorf("%d of %d frames are of %s, %d losses", n, count, name, losses)
		}
	}
	if n := testbed.QueryInt(t, db, `SELECT count(*) FROM sniffer.packets WHERE interface = 'zwei' AND `+numbered); n == 0 {
		t.Error("no row has the new name of an interface")
	}
	if n := testbed.QueryInt(t, db, `SELECT count(*) FROM sniffer.packets WHERE interface = 'lo' AND protocol = 1`); n != 2 {
		t.Errorf("a ping over lo makes %d rows, want 2", n)
	}
}

// ports is a console client that tells of the numbered UDP packets it sees.
type ports struct{ lines chan string }

// watchPorts connects and waits until packets would be shown.
func watchPorts(t *testing.T, ns *testbed.Namespace) ports {
	t.Helper()
	conn, err := ns.Dial("tcp", "127.0.0.1:8000")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	p := ports{make(chan string, 1<<16)}
	greeted := make(chan struct{})
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(conn); s.Scan(); {
			if strings.Contains(s.Text(), "Type help") {
				close(greeted)
			}
			select {
			case p.lines <- s.Text():
			default: // nobody has looked for a long time
			}
		}
	}()
	testbed.Await(t, greeted, patience, "the greeting")
	return p
}

// await sends frames, from a number on, until the console shows one of them under the interface's name, and returns
// how long that took. 50 a second are not more than the console shows.
func (p ports) await(t *testing.T, ns *testbed.Namespace, from string, first int, name string) time.Duration {
	t.Helper()
	sender := testbed.NewSender(t, ns, from)
	mac, err := net.ParseMAC(testbed.RouterLanMAC)
	if err != nil {
		t.Fatal(err)
	}
	frame := testbed.FrameConfig{
		DstMAC: mac, SrcIPv4: netip.MustParseAddr("192.0.2.1"), DstIPv4: netip.MustParseAddr("198.51.100.1"),
	}
	begin := time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := first; time.Since(begin) < patience; {
		select {
		case <-tick.C:
			_, err := sender.SendNumbered(context.Background(), testbed.SendConfig{
				FrameConfig: frame, First: uint32(n), Count: 1, Kinds: []testbed.Kind{testbed.UDPv4},
			})
			if err != nil {
				t.Fatal(err)
			}
			n++
		case line, ok := <-p.lines:
			if !ok {
				t.Fatal("the console has closed the session")
			}
			var at, iface, direction, address string
			fmt.Sscan(line, &at, &iface, &direction, &address)
			var port int
			fmt.Sscanf(strings.TrimPrefix(address, "192.0.2.1:"), "%d", &port)
			if sent := port - testbed.SrcPortFirst; iface == name && sent >= first && sent < n {
				return time.Since(begin)
			}
		}
	}
	t.Fatalf("no frame of %s is shown", name)
	return 0
}

// TestLinkLife: whatever happens to the interface, what comes over it is recorded again within two seconds.
func TestLinkLife(t *testing.T) {
	testbed.NeedRoot(t)
	testbed.NeedPostgres(t)
	near, far := testbed.NewNamespace(t, "near"), testbed.NewNamespace(t, "far")
	link := func(farName string) {
		testbed.Link(t, far, farName, near, "wan0", testbed.Quiet(), testbed.NoOffloads())
	}
	link("eth0")
	url := testbed.SharedPostgres(t).NewDatabase(t)
	recorder := startRecorder(t, near, t.TempDir(), url, "--interface", "wan0")
	seen := watchPorts(t, near)
	ip := func(args ...string) { near.Run(t, "ip", append([]string{"link"}, args...)...) }
	cable, first := "eth0", 0
	for _, event := range []struct {
		name   string
		happen func()
	}{
		{"nothing", func() {}},
		{"down and up", func() { ip("set", "wan0", "down"); ip("set", "wan0", "up") }},
		{"another MTU", func() { ip("set", "wan0", "mtu", "1400") }},
		{"promiscuous", func() { ip("set", "wan0", "promisc", "on") }},
		{"not promiscuous", func() { ip("set", "wan0", "promisc", "off") }},
		{"renamed", func() { ip("set", "wan0", "down"); ip("set", "wan0", "name", "dsl0"); ip("set", "dsl0", "up") }},
		{"renamed back", func() { ip("set", "dsl0", "down"); ip("set", "dsl0", "name", "wan0"); ip("set", "wan0", "up") }},
		{"deleted and made again", func() { ip("delete", "wan0"); link("eth0") }},
		{"deleted and made again with the same index", func() {
			index := near.Interface(t, "wan0").Index
			ip("delete", "wan0")
			ip("add", "wan0", "index", fmt.Sprint(index), "type", "veth", "peer", "name", "eth0", "netns", far.Name)
			far.Run(t, "ip", "link", "set", "eth0", "up")
			ip("set", "wan0", "up")
		}},
		{"replaced by another one", func() {
			ip("set", "wan0", "down")
			ip("set", "wan0", "name", "old0")
			cable = "eth1"
			link(cable)
		}},
	} {
		event.happen()
		took := seen.await(t, far, cable, first, "wan0")
		t.Logf("%s: recorded after %v", event.name, took.Round(time.Millisecond))
		if took > 2*time.Second {
			t.Errorf("%s: it took %v until frames were recorded again", event.name, took)
		}
		first += 1000
	}
	if err := recorder.Stop(t, syscall.SIGTERM); err != nil {
		t.Fatalf("the recorder ended with %v", err)
	}
	db := testbed.DB(t, url)
	if _, losses := checkBooks(t, db); losses != 0 {
		t.Errorf("%d losses", losses)
	}
	if n := testbed.QueryInt(t, db, `SELECT count(DISTINCT `+number+` / 1000) FROM sniffer.packets
		WHERE interface = 'wan0' AND `+numbered); n != 10 {
		t.Errorf("rows of %d of 10 events", n)
	}
}
