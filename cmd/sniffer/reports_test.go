package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"network-sniffer/board/testbed"
)

// askJSON sends one command as a script does and reads the one object that answers it.
func askJSON(t *testing.T, ns *testbed.Namespace, command string, into any) {
	t.Helper()
	conn, err := ns.Dial("tcp", "127.0.0.1:8000")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintln(conn, command); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(conn).ReadBytes('\n')
	if err != nil {
		t.Fatalf("%s: %v after %q", command, err, line)
	}
	if err := json.Unmarshal(line, into); err != nil {
		t.Fatalf("%s: %v in %q", command, err, line)
	}
}

// booksReport is what `books --json` tells.
type booksReport struct {
	Interfaces []struct {
		Interface string
		Received  uint64
		Rows      uint64 `json:"row_count"`
		Losses    map[string]uint64
		Balance   int64
	}
	Balanced bool
	Rows     struct {
		Rows     uint64 `json:"row_count"`
		Before   uint64 `json:"before_row_count"`
		Stored   uint64 `json:"stored_row_count"`
		Backlog  uint64 `json:"backlog_row_count"`
		UnderWay *int64 `json:"under_way"`
	}
}

// TestBooksAtTheConsole: what one run left in the spool and what the next one records is, at the console, in the spool while
// the database is away and in the database when it is back, and at each step the sums are those of the database itself.
func TestBooksAtTheConsole(t *testing.T) {
	a := newAway(t)
	dir := t.TempDir()
	const first, second = 3000, 2000
	awaitBooks := func(what string, ok func(b booksReport) bool) (b booksReport) {
		t.Helper()
		testbed.Eventually(t, patience, what, func() (bool, string) {
			b = booksReport{}
			askJSON(t, a.Router, "books --json", &b)
			return b.Balanced && ok(b), fmt.Sprintf("%+v", b)
		})
		return b
	}

	recorder := startRecorder(t, a.Router, dir, a.url, "--interface", a.LanPort)
	a.send(t, 0, first)
	b := awaitBooks("the first run's books", func(b booksReport) bool { return b.Rows.Backlog >= first })
	if b.Rows.Before != 0 || b.Rows.Stored != 0 || b.Rows.Rows != b.Rows.Backlog || len(b.Interfaces) != 1 {
		t.Fatalf("%+v", b)
	}
	if i := b.Interfaces[0]; i.Interface != a.LanPort || i.Balance != 0 || i.Rows != b.Rows.Rows {
		t.Errorf("%+v of %+v", i, b.Rows)
	}
	if err := recorder.Stop(t, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	left := waiting(t, "--spool-dir", dir)[1]
	if left < first {
		t.Fatalf("%d rows in the spool of %d sent", left, first)
	}

	recorder = startRecorder(t, a.Router, dir, a.url, "--interface", a.LanPort)
	a.send(t, first, second)
	b = awaitBooks("the second run's books", func(b booksReport) bool { return b.Rows.Rows >= second })
	if b.Rows.Before != left || b.Rows.Stored != 0 || b.Rows.Backlog != left+b.Rows.Rows {
		t.Errorf("%d rows were left: %+v", left, b)
	}
	a.proxy.SetWelcome(testbed.Pass)
	b = awaitBooks("the rows to be stored", func(b booksReport) bool { return b.Rows.Stored >= left+second && b.Rows.Backlog == 0 })
	db := testbed.DB(t, a.local)
	if n := testbed.QueryInt(t, db, `SELECT count(*) FROM sniffer.packets`); uint64(n) < b.Rows.Stored {
		t.Errorf("the console tells %d stored rows, the database has %d", b.Rows.Stored, n)
	}
	before := fmt.Sprintf("+ %d from before = ", left)
	if text := ask(t, a.Router, "books"); !strings.Contains(text, "the books balance: ") || !strings.Contains(text, before) {
		t.Errorf("as text:\n%s", text)
	}
	var up struct {
		State string
		Rows  uint64 `json:"row_count"`
	}
	if askJSON(t, a.Router, "uplink --json", &up); up.State != "connected" || up.Rows < b.Rows.Stored {
		t.Errorf("%+v after %d stored rows", up, b.Rows.Stored)
	}
	var stats struct {
		Interfaces []struct {
			Interface string
			Rows      uint64    `json:"row_count"`
			Most      float64   `json:"packets_per_second_most"`
			History   []float64 `json:"packets_per_second_history"`
		}
	}
	askJSON(t, a.Router, "stats --json", &stats)
	if len(stats.Interfaces) != 1 {
		t.Fatalf("%+v", stats)
	}
	if i := stats.Interfaces[0]; i.Rows < second || i.Most <= 0 || len(i.History) == 0 {
		t.Errorf("%+v", i)
	}
	if err := recorder.Stop(t, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	checkBooks(t, db)
}
