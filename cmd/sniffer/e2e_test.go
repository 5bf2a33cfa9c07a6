package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"network-sniffer/board/testbed"
	"network-sniffer/uplink"
	"network-sniffer/uplink/spool"
)

// binary is the program under test, built once, as a user would.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "sniffer-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "sniffer")
		build := exec.Command("go", "build", "-o", binary, ".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
			return 1
		}
		return testbed.Main(m)
	}())
}

// patience is for events that take milliseconds on an idle machine.
const patience = 60 * time.Second

// deviceID keeps the tests' daemons apart from the machine's own identity.
const deviceID = "0e5f2aca-03dd-8000-a328-fc18d96bcbdc"

// startRecorder runs the daemon inside a namespace and returns when it records.
func startRecorder(t *testing.T, ns *testbed.Namespace, spoolDir, url string, args ...string) *testbed.Process {
	t.Helper()
	args = append([]string{"run", "--spool-dir", spoolDir, "--device-id", deviceID, "--device-name", "router"}, args...)
	cmd := ns.Command(binary, args...)
	cmd.Env = append(os.Environ(), "SNIFFER_DATABASE_URL="+url)
	p := testbed.StartProcess(t, cmd)
	p.WaitOutput(t, "msg=ready", patience)
	return p
}

// watcher is a console client that reads whatever comes.
type watcher struct {
	conn  net.Conn
	lines chan int // the number of lines, when the connection ends
}

func watch(t *testing.T, ns *testbed.Namespace, address string) *watcher {
	t.Helper()
	conn, err := ns.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	w := &watcher{conn: conn, lines: make(chan int, 1)}
	greeted := make(chan struct{})
	go func() {
		n := 0
		for s := bufio.NewScanner(conn); s.Scan(); n++ {
			if strings.Contains(s.Text(), "help") && n < 10 {
				close(greeted)
			}
		}
		w.lines <- n
	}()
	t.Cleanup(func() { conn.Close() })
	testbed.Await(t, greeted, patience, "the greeting")
	return w
}

func databaseName(t *testing.T, url string) (name string) {
	t.Helper()
	if err := testbed.DB(t, url).QueryRow("SELECT current_database()").Scan(&name); err != nil {
		t.Fatal(err)
	}
	return name
}

// numbered selects the frames of the testbed's sender by the prefix of their source address.
const numbered = `trunc(src_mac) = '06:5e:00:00:00:00'`

// number is the frame's number, from the second half of its source address.
const number = `('x' || replace(right(src_mac::text, 8), ':', ''))::bit(24)::int`

// checkBooks asks the database alone whether the books of every run balance, and returns what is in them.
func checkBooks(t *testing.T, db *sql.DB) (rows, losses int64) {
	t.Helper()
	if n := testbed.QueryInt(t, db, `SELECT count(*) FROM sniffer.books WHERE balance <> 0`); n != 0 {
		t.Errorf("the books of %d runs do not balance", n)
	}
	rows = testbed.QueryInt(t, db, `SELECT sum(row_count) FROM sniffer.books`)
	if n := testbed.QueryInt(t, db, `SELECT count(*) FROM sniffer.packets`); n != rows {
		t.Errorf("sniffer.packets has %d rows, the ledger says %d", n, rows)
	}
	if n := testbed.QueryInt(t, db, `SELECT sum(row_count) FROM sniffer.segments`); n != rows {
		t.Errorf("sniffer.segments says %d rows, sniffer.coverage %d", n, rows)
	}
	if n := testbed.QueryInt(t, db, `SELECT sum(missing_segments) FROM sniffer.books`); n != 0 {
		t.Errorf("%d segments are missing", n)
	}
	return rows, testbed.QueryInt(t, db, `SELECT coalesce(sum(losses), 0) FROM sniffer.books`)
}

// awaitNumbers waits until n numbered frames are rows or losses. A sender's last frames may still wait for the
// kernel's receive path when the sender is done; a recorder that stops then is never shown them.
func awaitNumbers(t *testing.T, db *sql.DB, n int64) {
	t.Helper()
	testbed.Eventually(t, patience, "every frame to be a row or a loss", func() (bool, string) {
		var rows, losses int64
		err := db.QueryRow(`SELECT (SELECT count(DISTINCT src_mac) FROM sniffer.packets WHERE `+numbered+`),
			(SELECT coalesce(sum(losses), 0) FROM sniffer.books)`).Scan(&rows, &losses)
		if err != nil {
			return false, err.Error() // the recorder is still making the schema
		}
		return rows+losses >= n, fmt.Sprintf("%d rows, %d losses", rows, losses)
	})
}

// TestBooksBalance: 200,000 frames of every kind through a router while two console clients watch. Every
// number is in the database once, or the ledger counts what is missing.
func TestBooksBalance(t *testing.T) {
	testbed.NeedRoot(t)
	testbed.NeedPostgres(t)
	topology := testbed.Router(t, testbed.NoOffloads())
	url := testbed.SharedPostgres(t).NewDatabase(t)
	recorder := startRecorder(t, topology.Router, t.TempDir(), url, "--interface", topology.LanPort)
	one, two := watch(t, topology.Router, "127.0.0.1:8000"), watch(t, topology.Router, "127.0.0.1:8000")

	const count = 200_000
	report, err := testbed.NewSender(t, topology.Lan, topology.HostPort).SendNumbered(context.Background(), sendConfig(count, 0))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("sent %d frames in %v", report.Sent, report.Elapsed)
	db := testbed.DB(t, url)
	awaitNumbers(t, db, count)
	if err := recorder.Stop(t, syscall.SIGTERM); err != nil {
		t.Fatalf("the recorder ended with %v", err)
	}

	rows, losses := checkBooks(t, db)
	there := testbed.QueryInt(t, db, `SELECT count(*) FROM sniffer.packets WHERE `+numbered)
	distinct := testbed.QueryInt(t, db, `SELECT count(DISTINCT src_mac) FROM sniffer.packets WHERE `+numbered)
	t.Logf("%d rows, of them %d numbered; %d losses", rows, there, losses)
	if there != distinct {
		t.Errorf("%d numbers came twice", there-distinct)
	}
	if missing := count - distinct; missing > losses || losses == 0 && missing != 0 {
		t.Errorf("%d numbers are missing, the ledger counts %d losses", missing, losses)
	}
	if n := testbed.QueryInt(t, db, `SELECT count(*) FROM sniffer.books WHERE NOT closed`); n != 0 {
		t.Errorf("%d runs are not closed after SIGTERM", n)
	}
	if out := recorder.Output(); !strings.Contains(out, fmt.Sprintf("rows %d + losses %d", rows, losses)) {
		t.Errorf("the report of the daemon differs from the database:\n%s", out)
	}
	for i, w := range []*watcher{one, two} {
		if n := testbed.Await(t, w.lines, patience, "the end of a session"); n < 20 {
			t.Errorf("console client %d saw %d lines", i+1, n)
		}
	}
	if losses == 0 {
		checkKinds(t, db, count)
	}
}

// checkKinds: each kind of frame is recognized for what it is. The kinds take turns.
func checkKinds(t *testing.T, db *sql.DB, count int) {
	kinds := testbed.AllKinds()
	conditions := map[testbed.Kind]string{
		testbed.TCPSYN:      `protocol = 6 AND flags = 2 AND mss = 1460 AND window_scale = 7 AND ts_value = n AND wire_length = 74`,
		testbed.TCPData:     `protocol = 6 AND flags = 24 AND payload_length = 512 AND dst_port = 443 AND captured_length = 256`,
		testbed.UDPv4:       `protocol = 17 AND ip_version = 4 AND payload_length = 32 AND vlan_id IS NULL AND dst_port = 9`,
		testbed.UDPv6:       `protocol = 17 AND ip_version = 6 AND payload_length = 32 AND ttl IS NOT NULL`,
		testbed.TCPv6:       `protocol = 6 AND ip_version = 6 AND payload_length = 64 AND flags = 16`,
		testbed.ICMPEcho:    `protocol = 1 AND icmp_type = 8 AND icmp_code = 0`,
		testbed.ICMPv6Echo:  `protocol = 58 AND icmp_type = 128 AND icmp_code = 0`,
		testbed.ARPRequest:  `ether_type = 2054 AND arp_operation = 1 AND ip_version IS NULL AND direction = 1`,
		testbed.VLANUDP:     `protocol = 17 AND vlan_id = 42 AND wire_length = 78`,
		testbed.Fragment:    `fragment_offset = 1480 AND src_port IS NULL AND protocol = 17`,
		testbed.UnknownType: `ether_type = 34997 AND src_ip IS NULL`,
		testbed.LLC:         `ether_type IS NULL AND src_ip IS NULL AND decode_error IS NULL`,
		testbed.TCPLarge:    `protocol = 6 AND payload_length = 1346 AND wire_length = 1400 AND captured_length = 256`,
	}
	for i, k := range kinds {
		want := int64((count - i + len(kinds) - 1) / len(kinds))
		got := testbed.QueryInt(t, db, fmt.Sprintf(`SELECT count(*) FROM (SELECT *, %s AS n FROM sniffer.packets WHERE %s) AS p
			WHERE n %% %d = %d AND %s`, number, numbered, len(kinds), i, conditions[k]))
		if got != want {
			t.Errorf("%v: %d of %d rows are as they should be: %s", k, got, want, conditions[k])
		}
	}
}

// TestOutageAndCrash stops PostgreSQL in the middle of traffic and starts it again, then swallows the answer to
// a COMMIT and kills the daemon with SIGKILL before it can know. Nothing that was sealed is missing, nothing is
// there twice.
func TestOutageAndCrash(t *testing.T) {
	testbed.NeedRoot(t)
	testbed.NeedPostgres(t)
	topology := testbed.Router(t, testbed.NoOffloads())
	pg := testbed.StartPostgres(t)
	local := pg.NewDatabase(t)
	listener, err := topology.Router.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	proxy := testbed.NewProxy(t, listener, pg.Dial)
	url := pg.URLVia(proxy.Addr().String(), databaseName(t, local))
	dir := t.TempDir()
	first := startRecorder(t, topology.Router, dir, url, "--interface", topology.LanPort)
	db := testbed.DB(t, local)

	const count, rate = 100_000, 8_000
	sent := make(chan testbed.SendReport, 1)
	sender := testbed.NewSender(t, topology.Lan, topology.HostPort)
	go func() {
		report, err := sender.SendNumbered(context.Background(), sendConfig(count, rate))
		if err != nil {
			t.Error(err)
		}
		sent <- report
	}()
	stored := func(n int64) func() (bool, string) {
		return func() (bool, string) {
			var have int64
			if err := db.QueryRow(`SELECT count(*) FROM sniffer.packets`).Scan(&have); err != nil {
				return false, err.Error()
			}
			return have >= n, fmt.Sprintf("%d rows", have)
		}
	}
	testbed.Eventually(t, patience, "rows before the outage", stored(5_000))
	pg.Stop(t, testbed.Immediate)
	testbed.Eventually(t, patience, "segments that wait", func() (bool, string) {
		infos := inspect(t, dir)
		return len(infos) >= 2, fmt.Sprintf("%d segments", len(infos))
	})
	pg.Start(t)
	before := testbed.QueryInt(t, db, `SELECT count(*) FROM sniffer.packets`)
	testbed.Eventually(t, patience, "rows after the outage", stored(before+5_000))

	testbed.Await(t, proxy.SwallowAfter([]byte("COMMIT")), patience, "a COMMIT without an answer")
	if err := first.Stop(t, syscall.SIGKILL); err == nil {
		t.Error("SIGKILL, and the daemon ended well")
	}
	sealed := inspect(t, dir)
	if len(sealed) == 0 {
		t.Fatal("the segment whose COMMIT was not answered has left the spool")
	}
	second := startRecorder(t, topology.Router, dir, url, "--interface", topology.LanPort)
	report := testbed.Await(t, sent, patience, "the end of the traffic")
	testbed.Eventually(t, patience, "the last number", func() (bool, string) {
		last := testbed.QueryInt(t, db, fmt.Sprintf(`SELECT max(%s) FROM sniffer.packets WHERE %s`, number, numbered))
		losses := testbed.QueryInt(t, db, `SELECT coalesce(sum(losses), 0) FROM sniffer.books`)
		return last == count-1 || losses > 0, fmt.Sprintf("%d", last)
	})
	if err := second.Stop(t, syscall.SIGTERM); err != nil {
		t.Fatalf("the second run ended with %v", err)
	}
	if infos := inspect(t, dir); len(infos) != 0 {
		t.Errorf("%d segments are left in the spool", len(infos))
	}

	_, losses := checkBooks(t, db)
	for _, i := range sealed {
		if i.Err != nil {
			t.Errorf("a sealed segment did not survive SIGKILL: %v", i.Err)
			continue
		}
		if n := testbed.QueryInt(t, db, `SELECT count(*) FROM sniffer.segments WHERE run_id = $1::uuid AND sequence = $2 AND row_count = $3`,
			uplink.FormatUUID(i.Header.Run), i.Header.Sequence, i.Header.Rows); n != 1 {
			t.Errorf("segment %d of run %s was sealed and is %d times in the ledger", i.Header.Sequence, uplink.FormatUUID(i.Header.Run), n)
		}
	}
	there := testbed.QueryInt(t, db, `SELECT count(*) FROM sniffer.packets WHERE `+numbered)
	distinct := testbed.QueryInt(t, db, `SELECT count(DISTINCT src_mac) FROM sniffer.packets WHERE `+numbered)
	if there != distinct {
		t.Errorf("%d numbers are there twice", there-distinct)
	}
	// What was never sealed died with the process: one gap, where the second run begins.
	gaps := testbed.QueryInt(t, db, fmt.Sprintf(`SELECT count(*) FROM (SELECT n - lag(n) OVER (ORDER BY n) AS step
		FROM (SELECT %s AS n FROM sniffer.packets WHERE %s) AS p) AS s WHERE step > 1`, number, numbered))
	t.Logf("sent %d, stored %d, %d losses, %d gap", report.Sent, there, losses, gaps)
	if losses == 0 && gaps != 1 {
		t.Errorf("%d gaps in the numbers, want the one of the kill", gaps)
	}
	last := testbed.QueryInt(t, db, fmt.Sprintf(`SELECT max(%s) FROM sniffer.packets WHERE %s`, number, numbered))
	if losses == 0 && last != count-1 {
		t.Errorf("the last number stored is %d, want %d", last, count-1)
	}
	if n := testbed.QueryInt(t, db, `SELECT count(*) FROM sniffer.books WHERE NOT closed`); n != 1 {
		t.Errorf("%d runs are open in the ledger, want the killed one", n)
	}
}

// sendConfig addresses the frames to the host behind the router, so that they are routed.
func sendConfig(count, rate int) testbed.SendConfig {
	mac, _ := net.ParseMAC(testbed.RouterLanMAC)
	return testbed.SendConfig{Count: count, Rate: rate, FrameConfig: testbed.FrameConfig{
		DstMAC:  mac,
		SrcIPv4: netip.MustParseAddr(testbed.LanHostIPv4), DstIPv4: netip.MustParseAddr(testbed.WanHostIPv4),
		SrcIPv6: netip.MustParseAddr(testbed.LanHostIPv6), DstIPv6: netip.MustParseAddr(testbed.WanHostIPv6),
	}}
}

func inspect(t *testing.T, dir string) []spool.Info {
	t.Helper()
	infos, err := spool.Inspect(spool.Disk{}, dir)
	if err != nil {
		t.Fatal(err)
	}
	return infos
}

// TestOwnTraffic: on a link that is otherwise idle neither console clients nor the upload itself, reconnects
// included, make a row. A ping afterwards makes exactly its own.
func TestOwnTraffic(t *testing.T) {
	testbed.NeedRoot(t)
	testbed.NeedPostgres(t)
	for _, row := range []struct {
		name string
		args []string
	}{
		{"two interfaces", []string{"--interface", "lan0,wan0"}},
		{"every interface", []string{"--interface", "any"}},
		{"two workers, without a ring", []string{"--interface", "lan0,wan0", "--workers", "2", "--capture-mode", "read"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel() // it waits for the heartbeat of an idle interface
			ownTraffic(t, row.args)
		})
	}
}

func ownTraffic(t *testing.T, args []string) {
	topology := testbed.Router(t, testbed.Quiet())
	pg := testbed.SharedPostgres(t)
	local := pg.NewDatabase(t)
	listener, err := topology.Wan.Listen("tcp", testbed.WanHostIPv4+":5432")
	if err != nil {
		t.Fatal(err)
	}
	proxy := testbed.NewProxy(t, listener, pg.Dial)
	url := pg.URLVia(proxy.Addr().String(), databaseName(t, local))
	recorder := startRecorder(t, topology.Router, t.TempDir(), url, append(args, "--console-listen", "[::]:8000", "--console-allow", "any", "--pcap-listen", "[::]:8001")...)
	testbed.Await(t, proxy.Accepted(), patience, "the database connection")
	recorder.WaitOutput(t, "connected to the database", patience)
	for _, address := range []string{testbed.RouterLanIPv4, testbed.RouterLanIPv6} {
		talk(t, topology.Lan, "["+address+"]:8000")
	}
	talk(t, topology.Wan, testbed.RouterWanIPv4+":8000")
	// The heartbeat of an idle interface meets the broken connection, and the uplink comes back.
	proxy.Reset()
	testbed.Await(t, proxy.Accepted(), patience, "the next database connection")
	talk(t, topology.Lan, testbed.RouterLanIPv4+":8000")
	// What a capture shows crosses the captured link, too.
	capture, err := topology.Lan.Dial("tcp", testbed.RouterLanIPv4+":8001")
	if err != nil {
		t.Fatal(err)
	}
	defer capture.Close()
	expect(t, capture, []byte(sectionHeader))
	if err := topology.Lan.Ping(testbed.RouterLanIPv4, patience); err != nil {
		t.Fatal(err)
	}
	lan, router := netip.MustParseAddr(testbed.LanHostIPv4).AsSlice(), netip.MustParseAddr(testbed.RouterLanIPv4).AsSlice()
	expect(t, capture, slices.Concat(lan, router), slices.Concat(router, lan))
	if err := recorder.Stop(t, syscall.SIGTERM); err != nil {
		t.Fatalf("the recorder ended with %v", err)
	}
	db := testbed.DB(t, local)
	rows, losses := checkBooks(t, db)
	echoes := testbed.QueryInt(t, db, `SELECT count(*) FROM sniffer.packets WHERE interface = $1 AND protocol = 1 AND icmp_type IN (0, 8)`, topology.LanPort)
	if rows != 2 || losses != 0 || echoes != 2 {
		t.Errorf("%d rows and %d losses, of them %d of the ping; want 2, 0 and 2", rows, losses, echoes)
		list, err := db.Query(`SELECT interface, direction, coalesce(src_ip::text, ''), coalesce(src_port, 0), coalesce(dst_ip::text, ''),
			coalesce(dst_port, 0), coalesce(flags, 0) FROM sniffer.packets ORDER BY ts LIMIT 20`)
		if err != nil {
			t.Fatal(err)
		}
		defer list.Close()
		for list.Next() {
			var iface, src, dst string
			var direction, sport, dport, flags int
			if err := list.Scan(&iface, &direction, &src, &sport, &dst, &dport, &flags); err != nil {
				t.Fatal(err)
			}
			t.Logf("%s %d %s:%d → %s:%d flags %d", iface, direction, src, sport, dst, dport, flags)
		}
	}
}

// expect reads until it has met each of the texts.
func expect(t *testing.T, conn net.Conn, texts ...[]byte) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	missing := func(got []byte) bool {
		return slices.ContainsFunc(texts, func(text []byte) bool { return !bytes.Contains(got, text) })
	}
	var got []byte
	for b := make([]byte, 4096); missing(got); {
		n, err := conn.Read(b)
		if got = append(got, b[:n]...); err != nil {
			t.Fatalf("%v after %q, want %q", err, got, texts)
		}
	}
}

// talk is a whole console session, from its SYN to its last acknowledgement.
func talk(t *testing.T, ns *testbed.Namespace, address string) {
	t.Helper()
	conn, err := ns.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "stats\nis there anybody\nquit\n"); err != nil {
		t.Fatal(err)
	}
	var answer strings.Builder
	if _, err := bufio.NewReader(conn).WriteTo(&answer); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(answer.String(), "Received message: is there anybody") {
		t.Errorf("the console at %s answered:\n%s", address, answer.String())
	}
}

// TestInterfaceComesAndGoes: the recorder waits for an interface that is not there, and records it again after
// it was deleted and made anew under the same name, as a redial does. Nothing in between is forgotten.
func TestInterfaceComesAndGoes(t *testing.T) {
	testbed.NeedRoot(t)
	testbed.NeedPostgres(t)
	url := testbed.SharedPostgres(t).NewDatabase(t)
	near, far := testbed.NewNamespace(t, "near"), testbed.NewNamespace(t, "far")
	recorder := startRecorder(t, near, t.TempDir(), url, "--interface", "wan0")
	recorder.WaitOutput(t, "waiting for the interface", patience)
	watcher := watch(t, near, "127.0.0.1:8000")
	db := testbed.DB(t, url)
	const count = 5_000
	for round := range 3 {
		testbed.Link(t, far, "eth0", near, "wan0", testbed.Quiet(), testbed.NoOffloads())
		index := near.Interface(t, "wan0").Index
		recorder.WaitOutput(t, fmt.Sprintf("msg=recording interface=wan0 index=%d ", index), patience)
		config := sendConfig(count, 0)
		config.First = uint32(round * count)
		if _, err := testbed.NewSender(t, far, "eth0").SendNumbered(context.Background(), config); err != nil {
			t.Fatal(err)
		}
		awaitNumbers(t, db, int64(round+1)*count)
		near.Run(t, "ip", "link", "delete", "wan0")
	}
	if err := recorder.Stop(t, syscall.SIGTERM); err != nil {
		t.Fatalf("the recorder ended with %v", err)
	}
	_, losses := checkBooks(t, db)
	if n := testbed.QueryInt(t, db, `SELECT count(DISTINCT src_mac) FROM sniffer.packets WHERE `+numbered); n+losses < 3*count {
		t.Errorf("%d of %d numbers are there, %d losses", n, 3*count, losses)
	}
	testbed.Await(t, watcher.lines, patience, "the end of the session")
}

// TestWithoutDatabase: rows stay in the spool of a recorder without a database, or with one that does not
// answer; SIGTERM ends both in time; the next run uploads everything.
func TestWithoutDatabase(t *testing.T) {
	testbed.NeedRoot(t)
	testbed.NeedPostgres(t)
	topology := testbed.Router(t, testbed.NoOffloads())
	local := testbed.SharedPostgres(t).NewDatabase(t)
	listener, err := topology.Router.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	proxy := testbed.NewProxy(t, listener, testbed.SharedPostgres(t).Dial)
	proxy.SetWelcome(testbed.Hang)
	dir := t.TempDir()
	const count = 3_000
	for round, url := range []string{"", testbed.SharedPostgres(t).URLVia(proxy.Addr().String(), databaseName(t, local)), local} {
		recorder := startRecorder(t, topology.Router, dir, url, "--interface", topology.LanPort)
		config := sendConfig(count, 0)
		config.First = uint32(round * count)
		if _, err := testbed.NewSender(t, topology.Lan, topology.HostPort).SendNumbered(context.Background(), config); err != nil {
			t.Fatal(err)
		}
		if round < 2 {
			testbed.Eventually(t, patience, "the rows in the spool", func() (bool, string) {
				var rows uint64
				for _, i := range inspect(t, dir) {
					rows += i.Header.Rows
				}
				return rows >= uint64((round+1)*count), fmt.Sprintf("%d rows", rows)
			})
		} else {
			awaitNumbers(t, testbed.DB(t, local), int64(round+1)*count)
		}
		if err := recorder.Stop(t, syscall.SIGTERM); err != nil {
			t.Fatalf("round %d ended with %v", round, err)
		}
		if round < 2 && len(inspect(t, dir)) == 0 {
			t.Fatalf("round %d left nothing in the spool", round)
		}
	}
	if n := len(inspect(t, dir)); n != 0 {
		t.Errorf("%d segments are left", n)
	}
	db := testbed.DB(t, local)
	_, losses := checkBooks(t, db)
	there := testbed.QueryInt(t, db, `SELECT count(*) FROM sniffer.packets WHERE `+numbered)
	if runs := testbed.QueryInt(t, db, `SELECT count(*) FROM sniffer.books WHERE closed`); runs != 3 || there+losses < 3*count {
		t.Errorf("%d runs with %d numbered rows, %d losses", runs, there, losses)
	}
}
