package uplink

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"network-sniffer/board/testbed"
	"network-sniffer/uplink/spool"
)

// twin is the same device after its power came back: the same segments in a spool of its own, and a connection that is
// not the dead one.
func (r *rig) twin(t *testing.T) *rig {
	t.Helper()
	var name string
	if err := r.db.QueryRow("SELECT current_database()").Scan(&name); err != nil {
		t.Fatal(err)
	}
	twin := devices(t, r.db, testbed.SharedPostgres(t).URL(name), 1)[0]
	twin.spool.Close()
	twin.dir = filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(twin.dir, os.DirFS(r.dir)); err != nil {
		t.Fatal(err)
	}
	twin.open(t)
	twin.device, twin.uploader.config.Device = r.device, r.device
	twin.uploader.config.Spool = twin.spool
	return twin
}

// TestDeadInCopy: a device that lost its power in the middle of COPY leaves a session behind that waits for its rows.
// Its resend does not wait for that session.
func TestDeadInCopy(t *testing.T) {
	for _, format := range []Format{FormatBinary, FormatText} {
		t.Run(format.String(), func(t *testing.T) {
			r := newRig(t)
			r.uploader.config.Format = format
			if err := r.drain(); err != nil {
				t.Fatal(err)
			}
			r.record(t, 1, 5000)
			twin := r.twin(t)
			frozen := r.proxy.FreezeAfter(200_000)
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- r.uploader.Drain(ctx, func(State) {}) }()
			testbed.Await(t, frozen, patience, "the power cut")
			const waiting = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'
				AND query LIKE 'COPY sniffer.packets%'`
			testbed.Eventually(t, patience, "the session that is left behind", func() (bool, string) {
				n := testbed.QueryInt(t, r.db, waiting)
				return n == 1, fmt.Sprint(n)
			})
			if err := twin.drain(); err != nil {
				t.Fatal(err)
			}
			if n := testbed.QueryInt(t, r.db, waiting); n != 1 {
				t.Errorf("%d sessions are left behind: the test shows nothing", n)
			}
			r.expect(t, 5000, 0)
			cancel()
			if err := testbed.Await(t, done, patience, "the end of the first upload"); err == nil {
				t.Error("the first upload succeeded")
			}
			// What the dead session holds is undone when it ends.
			r.proxy.Reset()
			testbed.Eventually(t, patience, "the end of the session", func() (bool, string) {
				n := testbed.QueryInt(t, r.db, waiting)
				return n == 0, fmt.Sprint(n)
			})
			r.expect(t, 5000, 0)
		})
	}
}

// TestDeadBeforeCommit: a device that lost its power between ledger and COMMIT holds the ledger's keys. The server ends
// its session (after a minute; here after a second), and then the resend passes.
func TestDeadBeforeCommit(t *testing.T) {
	r := newRig(t)
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	r.record(t, 1, 1000)
	infos, err := spool.Inspect(spool.Disk{}, r.dir)
	if err != nil {
		t.Fatal(err)
	}
	var headers []sending
	for i := range infos {
		headers = append(headers, sending{Header: infos[i].Header})
	}
	dead, err := r.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer dead.Rollback()
	for _, statement := range []string{settings + statementTimeout(0),
		"SET LOCAL idle_in_transaction_session_timeout = '1s'", ledger(headers)} {
		if _, err := dead.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	deadline := time.Now().Add(patience)
	for {
		err := r.drain()
		if err == nil {
			break
		}
		// On a slow machine the wait for the key may end first; then it is tried again.
		if pq.As(err, pqerror.LockNotAvailable) == nil || time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	if err := dead.Commit(); err == nil {
		t.Error("the dead session committed")
	}
	r.expect(t, 1000, 0)
	if s := r.uploader.State(); s.Known != 0 {
		t.Errorf("%d segments were taken for stored ones", s.Known)
	}
}

// TestSettings: they are in force on TCP and do no harm on a unix socket, for one transaction.
func TestSettings(t *testing.T) {
	testbed.NeedPostgres(t)
	pg := testbed.SharedPostgres(t)
	name := databaseName(t, pg.NewDatabase(t))
	for _, row := range []struct {
		name, url string
		want      map[string]string
	}{
		{"TCP", pg.TCPURL(name), map[string]string{"tcp_keepalives_idle": "15", "tcp_keepalives_interval": "5",
			"tcp_keepalives_count": "3", "tcp_user_timeout": "30000", "lock_timeout": "10s", "statement_timeout": "10min",
			"idle_in_transaction_session_timeout": "1min"}},
		{"unix socket", pg.URL(name), map[string]string{"tcp_keepalives_idle": "0", "lock_timeout": "10s"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			db := testbed.DB(t, row.url)
			tx, err := db.Begin()
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback()
			if _, err := tx.Exec(settings + statementTimeout(0)); err != nil {
				t.Fatal(err)
			}
			for setting, want := range row.want {
				var got string
				if err := tx.QueryRow("SHOW " + setting).Scan(&got); err != nil || got != want {
					t.Errorf("%s is %q, %v; want %q", setting, got, err, want)
				}
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			var after string
			if err := db.QueryRow("SHOW lock_timeout").Scan(&after); err != nil || after != "0" {
				t.Errorf("after the transaction lock_timeout is %q, %v", after, err)
			}
		})
	}
	timeout, err := strconv.Atoi(statementTimeout(MinRate))
	if least := 1000 * DefaultBatchSize * wireFactor / MinRate; err != nil || timeout <= least {
		t.Errorf("statement_timeout at the lowest rate is %d ms, %v; sending the largest segment takes %d", timeout, err, least)
	}
}
