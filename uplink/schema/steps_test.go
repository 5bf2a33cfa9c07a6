package schema

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"network-sniffer/board/testbed"
)

func TestStepsAreNumberedWithoutGaps(t *testing.T) {
	list := steps()
	for i, s := range list {
		if s.version != i+1 {
			t.Errorf("file %d has version %d", i+1, s.version)
		}
		if !regexp.MustCompile(`^[a-z_]+$`).MatchString(s.name) {
			t.Errorf("version %d: name %q is not lower-case words", s.version, s.name)
		}
		if m := regexp.MustCompile(`(?im)^\s*(BEGIN|COMMIT|ROLLBACK)\s*;`).FindString(s.sql); m != "" {
			t.Errorf("version %d: %q would end the transaction that the step runs in", s.version, m)
		}
	}
	if got := list[len(list)-1].version; got != Version {
		t.Errorf("newest file has version %d, Version is %d", got, Version)
	}
}

func TestFunctionTakesTheLockOfApply(t *testing.T) {
	if want := fmt.Sprintf("pg_advisory_xact_lock(%d)", lockKey); !strings.Contains(steps()[0].sql, want) {
		t.Errorf("sniffer.ensure_partition does not call %s", want)
	}
}

func TestPrintLoadsWithPsql(t *testing.T) {
	psql := testbed.NeedTool(t, "psql")
	address := empty(t)
	var script bytes.Buffer
	if err := Print(&script, 0); err != nil {
		t.Fatal(err)
	}
	load := func() (string, error) {
		cmd := exec.CommandContext(testContext(t), psql, "--no-psqlrc", "--quiet", "--dbname", address)
		cmd.Stdin = bytes.NewReader(script.Bytes())
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := load(); err != nil {
		t.Fatalf("psql: %v\n%s", err, out)
	}
	db := testbed.DB(t, address)
	check := func(when string) {
		t.Helper()
		s, err := Check(testContext(t), db)
		if err != nil || s.Version != Version || s.Missing != nil {
			t.Errorf("Check %s: %+v, %v", when, s, err)
		}
	}
	check("after psql")
	if from, to, err := Apply(testContext(t), db); from != Version || to != Version || err != nil {
		t.Errorf("Apply after psql: %d, %d, %v", from, to, err)
	}
	if out, err := load(); err == nil {
		t.Errorf("psql loaded the script twice:\n%s", out)
	}
	check("after the second psql")
}

// psql runs a script on a database and returns its exit status as an error, with what it said.
func psql(t *testing.T, address, script string) error {
	t.Helper()
	cmd := exec.CommandContext(testContext(t), testbed.NeedTool(t, "psql"), "--no-psqlrc", "--quiet", "--dbname", address)
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// TestPrint: the script for a version brings that version up, and leaves every other database as it was.
func TestPrint(t *testing.T) {
	at := func(version int) string {
		t.Helper()
		address := empty(t)
		if _, _, err := apply(testContext(t), testbed.DB(t, address), steps()[:version]); err != nil {
			t.Fatal(err)
		}
		return address
	}
	for from := range Version + 1 {
		var script strings.Builder
		if err := Print(&script, from); err != nil {
			t.Fatal(err)
		}
		for _, found := range []int{from, (from + 1) % (Version + 1)} {
			address := at(found)
			err := psql(t, address, script.String())
			if ok := from == found || from == Version; ok != (err == nil) {
				t.Errorf("the script from version %d on a database of version %d: %v", from, found, err)
			}
			want := found
			if from == found {
				want = Version
			}
			if found == 0 && from > 0 {
				continue // there is nothing to ask
			}
			s, err := check(testContext(t), testbed.DB(t, address), 0)
			if s.Version != want || err != nil || want == Version && s.Missing != nil {
				t.Errorf("after the script from version %d on version %d: %+v, %v", from, found, s, err)
			}
		}
	}
	for _, from := range []int{-1, Version + 1} {
		if err := Print(&strings.Builder{}, from); !errors.Is(err, ErrNoVersion) {
			t.Errorf("from %d: %v", from, err)
		}
	}
}

type fullDisk struct{ room int }

var errFull = errors.New("disk is full")

func (d *fullDisk) Write(b []byte) (int, error) {
	if len(b) > d.room {
		return d.room, errFull
	}
	d.room -= len(b)
	return len(b), nil
}

func TestPrintReportsTheWriter(t *testing.T) {
	for _, room := range []int{0, 100} {
		if err := Print(&fullDisk{room}, 0); !errors.Is(err, errFull) {
			t.Errorf("Print with room for %d bytes: %v", room, err)
		}
	}
}
