package main

import (
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"network-sniffer/board/testbed"
)

// leaveMark types a mark at the console, as echo and nc would, and returns the answer.
func leaveMark(t *testing.T, ns *testbed.Namespace, text string) string {
	t.Helper()
	conn, err := ns.Dial("tcp", "127.0.0.1:8000")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "mark %q\nquit\n", text); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

// TestMarks: what the console has confirmed survives SIGKILL, waits for a database, and is in it once, in its order and at
// its time.
func TestMarks(t *testing.T) {
	testbed.NeedRoot(t)
	testbed.NeedPostgres(t)
	ns := testbed.NewNamespace(t, "router")
	url := testbed.SharedPostgres(t).NewDatabase(t)
	dir := t.TempDir()
	begin := time.Now()
	crashed := startRecorder(t, ns, dir, "", "--interface", "lo")
	if answer := leaveMark(t, ns, "before the crash"); !strings.Contains(answer, "Marked") {
		t.Fatalf("the console answered:\n%s", answer)
	}
	if err := crashed.Stop(t, syscall.SIGKILL); err == nil {
		t.Error("SIGKILL, and the daemon ended well")
	}
	listed := sniffer(t, "spool", "list", "--spool-dir", dir)
	if want := `by "console 127.0.0.1": "before the crash"`; listed.status != 0 || !strings.Contains(listed.out, want) {
		t.Errorf("what waits is %+v, want %s", listed, want)
	}
	recorder := startRecorder(t, ns, dir, url, "--interface", "lo")
	if answer := leaveMark(t, ns, "after it"); !strings.Contains(answer, "Marked") {
		t.Fatalf("the console answered:\n%s", answer)
	}
	if err := recorder.Stop(t, syscall.SIGTERM); err != nil {
		t.Fatalf("the recorder ended with %v", err)
	}
	db := testbed.DB(t, url)
	checkBooks(t, db)
	var marks string
	if err := db.QueryRow(`SELECT coalesce(string_agg(concat_ws(' ', device, author || ':', text), '; ' ORDER BY ts), '')
		FROM sniffer.marks_readable WHERE ts BETWEEN $1 AND $2`, begin, time.Now()).Scan(&marks); err != nil {
		t.Fatal(err)
	}
	if want := "router console 127.0.0.1: before the crash; router console 127.0.0.1: after it"; marks != want {
		t.Errorf("marks: %s; want %s", marks, want)
	}
}
