package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"network-sniffer/board/testbed"
)

// noon is a time of the day most tests use.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func ensureDay(t *testing.T, db *sql.DB, at time.Time) bool {
	t.Helper()
	made, err := EnsureDay(testContext(t), db, at)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// partitions returns the partitions of packets with their bounds, in UTC.
func partitions(t *testing.T, db *sql.DB) []string {
	t.Helper()
	return queryStrings(t, db, `
		SELECT c.relname || ' ' || pg_get_expr(c.relpartbound, c.oid)
		FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'sniffer.packets'::regclass ORDER BY 1`)
}

func TestEnsureDayTwice(t *testing.T) {
	db, address := applied(t)
	if !ensureDay(t, db, noon) {
		t.Error("the first call did not make the partition")
	}
	if ensureDay(t, db, noon) {
		t.Error("the second call made it again")
	}
	want := []string{
		"packets_20261122 FOR VALUES FROM ('2026-11-22 00:00:00+00') TO ('2026-11-23 00:00:00+00')",
		"packets_default DEFAULT",
	}
	if got := partitions(t, testbed.DB(t, with(t, address, "timezone", "UTC"))); !slices.Equal(got, want) {
		t.Errorf("partitions\n%q, want\n%q", got, want)
	}
	if got := queryStrings(t, db, `
		SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'sniffer.packets_ts_idx'::regclass ORDER BY 1`); len(got) != 2 {
		t.Errorf("partitions of the index: %q, want one for each table", got)
	}
}

func TestEnsureDayFromManyConnections(t *testing.T) {
	const callers = 16
	for i, isolation := range []string{"read committed", "repeatable read", "serializable"} {
		t.Run(isolation, func(t *testing.T) {
			_, address := applied(t)
			ctx := testContext(t)
			days := []time.Time{noon, noon.AddDate(0, 0, 1+i)}
			dbs := make([]*sql.DB, callers)
			for i := range dbs {
				dbs[i] = testbed.DB(t, with(t, address, "default_transaction_isolation", isolation))
			}
			var mu sync.Mutex
			made := map[time.Time]int{}
			var wg sync.WaitGroup
			for i, db := range dbs {
				wg.Go(func() {
					for j := range days {
						day := days[(i+j)%len(days)] // half of them begin with the other day
						ok, err := EnsureDay(ctx, db, day)
						if err != nil {
							t.Error(err)
						}
						if ok {
							mu.Lock()
							made[day]++
							mu.Unlock()
						}
					}
				})
			}
			wg.Wait()
			for _, day := range days {
				if made[day] != 1 {
					t.Errorf("%s was made %d times", day.Format(time.DateOnly), made[day])
				}
			}
		})
	}
}

func TestDaysAreUTC(t *testing.T) {
	for _, zone := range []string{"UTC", "Pacific/Auckland", "America/Los_Angeles"} {
		for _, style := range []string{"ISO, MDY", "German, DMY"} {
			t.Run(zone+" "+style, func(t *testing.T) {
				_, address := applied(t)
				db := testbed.DB(t, with(t, address, "timezone", zone))
				db.SetMaxOpenConns(1)
				run(t, db, "SET datestyle = '"+style+"'") // lib/pq begins every session with ISO
				east := time.FixedZone("east", 13*3600)   // the same instant is the next day there
				ensureDay(t, db, noon.In(east))
				for _, row := range []struct{ ts, want string }{
					{"2026-11-21 23:59:59.999999+00", "sniffer.packets_default"},
					{"2026-11-22 00:00:00+00", "sniffer.packets_20261122"},
					{"2026-11-22 23:59:59.999999+00", "sniffer.packets_20261122"},
					{"2026-11-23 00:00:00+00", "sniffer.packets_default"},
				} {
					var got string
					err := db.QueryRowContext(testContext(t), fmt.Sprintf(
						"INSERT INTO sniffer.packets (ts, device_id, interface) VALUES ('%s', 1, 'eth0') RETURNING tableoid::regclass", row.ts)).Scan(&got)
					if err != nil || got != row.want {
						t.Errorf("%s lies in %s, want %s (%v)", row.ts, got, row.want, err)
					}
				}
			})
		}
	}
}

func TestEnsureDayRefuses(t *testing.T) {
	at := func(s string) time.Time {
		day, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return day
	}
	const other = "CREATE TABLE sniffer.packets_20261122 ()"
	const early = "INSERT INTO sniffer.packets (ts, device_id, interface) VALUES ('2026-11-22 12:00+00', 1, 'eth0')"
	rows := []struct {
		name     string
		before   string
		day      time.Time
		sqlstate pqerror.Code // "" for none
	}{
		{"day before the first", "SELECT 1", at("1969-12-31"), "22023"},
		{"first day", "SELECT 1", at("1970-01-01"), ""},
		{"last day", "SELECT 1", at("2200-12-31"), ""},
		{"day after the last", "SELECT 1", at("2201-01-01"), "22023"},
		{"year of five digits", "SELECT 1", at("9999-12-31").AddDate(0, 0, 1), "22023"},
		{"zero time", "SELECT 1", time.Time{}, "22023"},
		{"rows lie in the default partition", early, noon, "23514"},
		{"rows of another day do", early, noon.AddDate(0, 0, 1), ""},
		{"name is taken", other, noon, "42P07"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			db, _ := applied(t)
			run(t, db, row.before)
			before := partitions(t, db)
			made, err := EnsureDay(testContext(t), db, row.day)
			if row.sqlstate == "" {
				if !made || err != nil {
					t.Errorf("%v, %v", made, err)
				}
				return
			}
			if made || pq.As(err, row.sqlstate) == nil || errors.Is(err, ErrMissing) || errors.Is(err, ErrPermission) {
				t.Errorf("%v, %v, want SQLSTATE %s", made, err, row.sqlstate)
			}
			if after := partitions(t, db); !slices.Equal(before, after) {
				t.Errorf("partitions were %q, are %q", before, after)
			}
		})
	}
	t.Run("NULL", func(t *testing.T) {
		db, _ := applied(t)
		if _, err := db.ExecContext(testContext(t), "SELECT sniffer.ensure_partition(NULL)"); pq.As(err, "22023") == nil {
			t.Errorf("%v, want SQLSTATE 22023", err)
		}
	})
}

func TestEnsureDayWithoutSchema(t *testing.T) {
	db := testbed.DB(t, empty(t))
	if _, err := EnsureDay(testContext(t), db, noon); !errors.Is(err, ErrMissing) {
		t.Errorf("%v, want ErrMissing", err)
	}
}

func TestEnsureDayOnATableThatIsNotPartitioned(t *testing.T) {
	db, _ := applied(t)
	run(t, db, "DROP TABLE sniffer.packets CASCADE", "CREATE TABLE sniffer.packets (ts timestamptz NOT NULL)")
	if ensureDay(t, db, noon) {
		t.Error("a partition was made of a plain table")
	}
}

// A query on all of packets must neither be waited for without end nor let those who store packets wait.
func TestEnsureDayBehindALongQuery(t *testing.T) {
	db, address := applied(t)
	ensureDay(t, db, noon)
	begin := func() *sql.Tx {
		tx, err := db.BeginTx(testContext(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec("SELECT count(*) FROM sniffer.packets"); err != nil {
			t.Fatal(err)
		}
		return tx
	}
	tomorrow := noon.AddDate(0, 0, 1)

	query := begin()
	if _, err := EnsureDay(testContext(t), db, tomorrow); pq.As(err, "55P03") == nil {
		t.Errorf("behind a query without end: %v, want SQLSTATE 55P03", err)
	}
	query.Rollback()

	query = begin()
	type result struct {
		made bool
		err  error
	}
	done := make(chan result, 1)
	caller := testbed.DB(t, address)
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	go func() {
		made, err := EnsureDay(ctx, caller, tomorrow)
		done <- result{made, err}
	}()
	// On a very slow machine the caller may have given up before the insert; the insert then proves less, but still passes.
	var got result
	ended := false
	testbed.Eventually(t, deadline, "EnsureDay waits", func() (bool, string) {
		select {
		case got = <-done:
			ended = true
			return true, ""
		default:
		}
		return testbed.QueryInt(t, db, `
			SELECT count(*) FROM pg_locks
			WHERE NOT granted AND relation = 'sniffer.packets_default'::regclass AND mode = 'AccessExclusiveLock'`) > 0, "no lock is waited for"
	})
	run(t, db, "SET lock_timeout = '20s'; INSERT INTO sniffer.packets (ts, device_id, interface) VALUES ('2026-11-22 12:00+00', 1, 'eth0')")
	query.Rollback()
	if !ended {
		got = testbed.Await(t, done, deadline, "EnsureDay")
	}
	if got.err != nil && pq.As(got.err, "55P03") == nil || got.err == nil && !got.made {
		t.Errorf("after the query: %+v", got)
	}
}
