package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"network-sniffer/board/testbed"
)

// away is a router whose database can be made to refuse it and to come back.
type away struct {
	*testbed.RouterNet
	proxy *testbed.Proxy
	local string // the database, past the proxy
	url   string // through it
}

func newAway(t *testing.T) *away {
	t.Helper()
	testbed.NeedRoot(t)
	testbed.NeedPostgres(t)
	topology := testbed.Router(t, testbed.NoOffloads())
	pg := testbed.SharedPostgres(t)
	listener, err := topology.Router.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &away{RouterNet: topology, proxy: testbed.NewProxy(t, listener, pg.Dial), local: pg.NewDatabase(t)}
	a.url = pg.URLVia(a.proxy.Addr().String(), databaseName(t, a.local))
	a.proxy.SetWelcome(testbed.Refuse)
	return a
}

func (a *away) send(t *testing.T, first, count int) {
	t.Helper()
	config := sendConfig(count, 0)
	config.First = uint32(first)
	if _, err := testbed.NewSender(t, a.Lan, a.HostPort).SendNumbered(context.Background(), config); err != nil {
		t.Fatal(err)
	}
}

// waiting is what `sniffer spool list` says of each tier.
func waiting(t *testing.T, flags ...string) (rows [3]uint64) {
	t.Helper()
	got := sniffer(t, append([]string{"spool", "list", "--json"}, flags...)...)
	if got.status != 0 || got.errs != "" {
		t.Fatalf("spool list: %+v", got)
	}
	for line := range strings.Lines(got.out) {
		var l segmentLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		rows[l.Tier] += l.Rows
	}
	return rows
}

// drop gives rows up as a person does who does not want to be asked.
func drop(t *testing.T, flags ...string) (l dropLine) {
	t.Helper()
	got := sniffer(t, append([]string{"spool", "drop", "--yes", "--json"}, flags...)...)
	if err := json.Unmarshal([]byte(got.out), &l); err != nil || got.status != 0 {
		t.Fatalf("drop: %+v, %v", got, err)
	}
	return l
}

// checkDiscarded: the ledger knows how many rows somebody gave up.
func checkDiscarded(t *testing.T, db *sql.DB, dropped dropLine) {
	t.Helper()
	n := testbed.QueryInt(t, db, `SELECT coalesce(sum(packets), 0) FROM sniffer.losses WHERE reason = 'discarded'`)
	if n != int64(dropped.Rows) {
		t.Errorf("the ledger counts %d rows as discarded, %d were", n, dropped.Rows)
	}
	if n := testbed.QueryInt(t, db, `SELECT count(*) FROM sniffer.balance WHERE NOT balances`); n != 0 {
		t.Errorf("the books of %d devices do not balance", n)
	}
}

// ask is what the console answers to lines.
func ask(t *testing.T, ns *testbed.Namespace, lines ...string) string {
	t.Helper()
	conn, err := ns.Dial("tcp", "127.0.0.1:8000")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "pause\n%s\nquit\n", strings.Join(lines, "\n")); err != nil {
		t.Fatal(err)
	}
	var answer strings.Builder
	if _, err := bufio.NewReader(conn).WriteTo(&answer); err != nil {
		t.Fatal(err)
	}
	return answer.String()
}

// TestSpoolBesideDaemon: while the database is away, what waits can be seen, printed, checked and given up beside the
// daemon that fills it. What was given up is in the ledger when the database is back, and the books balance.
func TestSpoolBesideDaemon(t *testing.T) {
	a := newAway(t)
	dir := t.TempDir()
	flag := "--spool-dir=" + dir
	recorder := startRecorder(t, a.Router, dir, a.url, "--interface", a.LanPort, "--uplink-rate", "50M", "--uplink-format", "text")
	const count = 3_000
	a.send(t, 0, count)
	testbed.Eventually(t, patience, "every frame in a dump of the spool", func() (bool, string) {
		dump := sniffer(t, "spool", "dump", "--format", "csv", flag)
		n := strings.Count(dump.out, ",06:5e:00:")
		return dump.status == 0 && n == count, fmt.Sprintf("status %d, %d frames; %s", dump.status, n, dump.errs)
	})
	if got := sniffer(t, "spool", "verify", flag); got.status != 0 || !strings.Contains(got.out, "every checksum is right") {
		t.Errorf("verify: %+v", got)
	}
	answer := ask(t, a.Router, "uplink", "spool")
	for _, want := range []string{`\r\nstate: waiting since .*reset by peer`, `\r\nbacklog: [1-9]\d* segments, [1-9]\d{3,} rows; the oldest was sealed \d+s ago`,
		`\r\nrate: 52428800 bytes/s: asked for\r\n`, `\r\nclock: `, `\r\ndirectory: ` + regexp.QuoteMeta(dir), `\r\nwaiting: [1-9]\d* segments, [1-9]\d{3,} rows; `} {
		if !regexp.MustCompile(want).MatchString(answer) {
			t.Errorf("the console's answer lacks %q:\n%s", want, answer)
		}
	}

	dropped := drop(t, "--oldest=1", flag)
	if dropped.Segments != 1 || dropped.Rows == 0 {
		t.Errorf("dropped %+v", dropped)
	}

	a.proxy.SetWelcome(testbed.Pass)
	db := testbed.DB(t, a.local)
	awaitNumbers(t, db, count)
	a.send(t, count, count)
	awaitNumbers(t, db, 2*count)
	const cost = `\r\n  \d+\.\d bytes a row on the wire, as text; \d+ bytes/s in the last minute, \d+\.\d % of the 52428800 allowed`
	if answer := ask(t, a.Router, "stats"); !regexp.MustCompile(cost).MatchString(answer) {
		t.Errorf("stats does not tell what the upload costs:\n%s", answer)
	}
	if err := recorder.Stop(t, syscall.SIGTERM); err != nil {
		t.Fatalf("the recorder ended with %v", err)
	}
	checkBooks(t, db)
	checkDiscarded(t, db, dropped)
	if rows := waiting(t, flag); rows != [3]uint64{} {
		t.Errorf("%v rows are left", rows)
	}
}

// TestOverflowSurvivesReboot: with the database away rows go to the second tier, what is left follows at the stop, and a
// reboot that wipes the first tier loses none of them. While the database answers, nothing is written there.
func TestOverflowSurvivesReboot(t *testing.T) {
	a := newAway(t)
	memory := filepath.Join(t.TempDir(), "spool")
	flash := inMemory(t)
	flags := []string{"--spool-dir=" + memory, "--spool-overflow-dir=" + flash}
	options := []string{"--interface", a.LanPort, "--spool-overflow-dir", flash, "--spool-overflow-after", "1s", "--spool-overflow-daily", "0"}
	first := startRecorder(t, a.Router, memory, a.url, options...)
	const count = 120_000 // several files of the second tier
	a.send(t, 0, count)
	testbed.Eventually(t, patience, "rows in the second tier", func() (bool, string) {
		rows := waiting(t, flags...)
		return rows[2] > 0, fmt.Sprint(rows)
	})
	// A file is there before the daemon has entered it.
	told := regexp.MustCompile(`\r\noverflow: ` + flash + `: [1-9]\d* segments, [1-9]\d* of 268435456 bytes; written today [1-9]\d* bytes\r\n`)
	testbed.Eventually(t, patience, "the console tells of the second tier", func() (bool, string) {
		answer := ask(t, a.Router, "spool")
		return told.MatchString(answer), answer
	})
	if err := first.Stop(t, syscall.SIGTERM); err != nil {
		t.Fatalf("the first run ended with %v", err)
	}
	rows := waiting(t, flags...)
	if rows[1] != 0 || rows[2] == 0 {
		t.Errorf("%d rows are still in the first tier, %d in the second:\n%s", rows[1], rows[2], first.Output())
	}
	if got := sniffer(t, append([]string{"spool", "verify"}, flags...)...); got.status != 0 {
		t.Errorf("verify: %+v", got)
	}
	one := files(t, flash)[0]
	if got := sniffer(t, append([]string{"spool", "dump", "-n", "5", one}, flags...)...); got.status != 0 || strings.Count(got.out, "\n") != 5 {
		t.Errorf("five rows of %s: %+v", one, got)
	}
	dropped := drop(t, append(flags, "--oldest", "2")...)
	if dropped.Segments != 2 || dropped.Rows == 0 {
		t.Errorf("dropped %+v of the second tier", dropped)
	}
	if err := os.RemoveAll(memory); err != nil {
		t.Fatal(err)
	}

	a.proxy.SetWelcome(testbed.Pass)
	second := startRecorder(t, a.Router, memory, a.url, options...)
	db := testbed.DB(t, a.local)
	awaitNumbers(t, db, count)
	before := files(t, flash)
	a.send(t, count, 3_000)
	awaitNumbers(t, db, count+3_000)
	if after := files(t, flash); len(after) > len(before) {
		t.Errorf("with the database there %v were written to flash, where %v was", after, before)
	}
	if err := second.Stop(t, syscall.SIGTERM); err != nil {
		t.Fatalf("the second run ended with %v", err)
	}
	stored, losses := checkBooks(t, db)
	checkDiscarded(t, db, dropped)
	t.Logf("%d rows, %d of them by way of the second tier; %d losses", stored, rows[2]-dropped.Rows, losses)
	if n := testbed.QueryInt(t, db, `SELECT count(*) FROM sniffer.books WHERE NOT closed`); n != 0 {
		t.Errorf("%d runs are not closed", n)
	}
	if rows := waiting(t, flags...); rows != [3]uint64{} {
		t.Errorf("%v rows are left", rows)
	}
}

// inMemory is a directory that no other load of the machine's disk makes slow: the daemon takes PreserveTimeout at most for
// what it leaves there.
func inMemory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "sniffer-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// files are the names in a directory.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
