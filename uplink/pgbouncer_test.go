package uplink

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"

	"network-sniffer/board/testbed"
)

// devices makes so many devices, each with an empty spool of its own, that upload to one database by address.
func devices(t *testing.T, db *sql.DB, address string, count int) []*rig {
	t.Helper()
	target, err := ParseTarget(address)
	if err != nil {
		t.Fatal(err)
	}
	all := make([]*rig, count)
	for i := range all {
		r := &rig{dir: t.TempDir(), device: [16]byte{byte(i + 1)}, db: db, log: &bytes.Buffer{}}
		r.open(t)
		r.uploader, err = NewUploader(UploaderConfig{Spool: r.spool, Target: target, Device: r.device,
			DeviceName: "rig", Version: "test", Log: slog.New(slog.NewTextHandler(r.log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.uploader.Close)
		all[i] = r
	}
	return all
}

// databaseName is the name of the database that a URL leads to.
func databaseName(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(u.Path, "/")
}

// TestPgBouncer: several devices share the one server connection of a pooler in transaction mode, while the server's
// end of it is killed and the pooler is restarted.
func TestPgBouncer(t *testing.T) {
	for _, format := range []Format{FormatBinary, FormatText} {
		t.Run(format.String(), func(t *testing.T) { throughPgBouncer(t, format) })
	}
}

func throughPgBouncer(t *testing.T, format Format) {
	testbed.NeedPostgres(t)
	testbed.NeedPgBouncer(t)
	pg := testbed.StartPostgres(t)
	pooler := testbed.StartPgBouncer(t, pg, 1)
	local := pg.NewDatabase(t)
	db := testbed.DB(t, local)
	const count, packets = 3, 6000
	all := devices(t, db, pooler.URL(databaseName(t, local)), count)
	for i, r := range all {
		if format == FormatText { // binary is what it chooses by itself
			r.uploader.config.Format = format
		}
		r.record(t, byte(i+1), packets)
	}

	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for _, r := range all {
		running.Go(func() { r.uploader.Run(ctx, nil) })
	}
	transactions := func() (n uint64) {
		for _, r := range all {
			n += r.uploader.State().Transactions
		}
		return n
	}
	more := func(n uint64) {
		t.Helper()
		testbed.Eventually(t, patience, "another transaction, or the end", func() (bool, string) {
			left := 0
			for _, r := range all {
				left += r.spool.Stats().Segments
			}
			return transactions() > n || left == 0, fmt.Sprintf("%d transactions, %d segments left", transactions(), left)
		})
	}
	more(0)
	for i := range 4 {
		n := transactions()
		if i == 2 {
			pooler.Stop(t)
			pooler.Start(t)
		}
		pg.KillBackends(t)
		for j, r := range all {
			r.record(t, byte(10*(i+1)+j), 1000)
		}
		more(n)
	}
	want := int64(count * (packets + 4*1000))
	testbed.Eventually(t, patience, "all rows", func() (bool, string) {
		left, states := 0, ""
		for _, r := range all {
			left += r.spool.Stats().Segments
			states += fmt.Sprintf("%+v\n", r.uploader.State())
		}
		return left == 0, states
	})
	all[0].expect(t, want, 0)
	for _, r := range all {
		if got := r.uploader.State().Format; got != format {
			t.Errorf("a device sent its rows as %v", got)
		}
	}
	if most := testbed.QueryInt(t, db, `SELECT count(*) FROM pg_stat_activity
		WHERE application_name = 'sniffer' AND datname = current_database()`); most > 1 {
		t.Errorf("%d server connections, the pooler may have one", most)
	}
}
