//go:build linux

package testbed

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// TestPgBouncer: queries pass through the pooler, over at most as many connections as it may have, and again after
// it was restarted.
func TestPgBouncer(t *testing.T) {
	pg := StartPostgres(t)
	var b *PgBouncer
	r := record(t, func(t testing.TB) { b = StartPgBouncer(t, pg, 1) })
	if r.failed != "" {
		r.finish()
		t.Fatal(r.failed)
	}
	first, second := DB(t, b.URL("postgres")), DB(t, b.URL("postgres"))
	for range 2 {
		pid := QueryInt(t, first, "SELECT pg_backend_pid()")
		if again := QueryInt(t, second, "SELECT pg_backend_pid()"); again != pid {
			t.Errorf("two clients got the server processes %d and %d; there is to be one", pid, again)
		}
		b.Stop(t)
		if _, err := first.Exec("SELECT 1"); err == nil {
			t.Error("the pooler answers after it was stopped")
		}
		b.Start(t)
	}
	if log := b.Log(); strings.Count(log, "process up") != 3 {
		t.Errorf("the log does not tell of three starts:\n%s", log)
	}
	r.finish()
	if r.failed != "" {
		t.Errorf("cleanup: %s", r.failed)
	}
	if _, err := os.Stat(b.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", b.dir, err)
	}
}
