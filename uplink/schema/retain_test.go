package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"

	"network-sniffer/board/testbed"
)

// retained expires the days before the first and returns what was reported, a line a day.
func retained(t *testing.T, db *sql.DB, first string, dryRun bool) ([]string, error) {
	t.Helper()
	var lines []string
	err := retain(testContext(t), db, "date '"+first+"'", dryRun, func(e Expired) {
		line := fmt.Sprintf("%s %d %v", e.Day, e.Rows, e.Dropped)
		if e.Err != nil {
			line += " failed"
		}
		lines = append(lines, line)
	})
	return lines, err
}

// noonOf is noon of a day of November 2026, in UTC.
func noonOf(day int) time.Time { return time.Date(2026, 11, day, 12, 0, 0, 0, time.UTC) }

// load stores rows of a device at a time as one segment with its ledger, on 25 November.
func load(t *testing.T, db *sql.DB, device, sequence, rows int, at time.Time, clockState string) {
	t.Helper()
	stamp := at.UTC().Format(time.RFC3339)
	run(t, db, fmt.Sprintf(`
		INSERT INTO sniffer.packets (ts, device_id, interface) SELECT '%[1]s', %[2]d, 'wan' FROM generate_series(1, %[3]d);
		INSERT INTO sniffer.coverage (device_id, run_id, sequence, interface, from_ts, to_ts, received, row_count, pending_change, clock_state)
		VALUES (%[2]d, '11111111-1111-4111-8111-111111111111', %[4]d, 'wan', '%[1]s', '%[1]s', %[3]d, %[3]d, 0, %[5]s);
		INSERT INTO sniffer.segments (device_id, run_id, sequence, last_sequence, row_count, first_ts, last_ts, sealed_at, final, stored_at)
		VALUES (%[2]d, '11111111-1111-4111-8111-111111111111', %[4]d, %[4]d, %[3]d, '%[1]s', '%[1]s', '%[1]s', false, '2026-11-25 12:00Z')`,
		stamp, device, rows, sequence, clockState))
}

const balances = `SELECT format('%s %s=%s+%s %s', device_id, row_count, present, expired, balances::text) FROM sniffer.balance ORDER BY device_id`

func TestRetain(t *testing.T) {
	for _, zone := range []string{"UTC", "Pacific/Auckland", "America/Los_Angeles"} {
		t.Run(zone, func(t *testing.T) {
			_, address := applied(t)
			db := testbed.DB(t, with(t, address, "timezone", zone, "default_transaction_isolation", "serializable"))
			for _, day := range []int{25, 15, 14, 5} {
				ensureDay(t, db, noonOf(day))
			}
			midnight := time.Date(2026, 11, 15, 0, 0, 0, 0, time.UTC)
			load(t, db, 1, 1, 5, noonOf(5), "'synced'")
			load(t, db, 2, 1, 3, noonOf(5), "NULL")
			load(t, db, 1, 2, 7, midnight.Add(-time.Second), "'synced'") // the last second of a day that goes
			load(t, db, 1, 3, 11, midnight, "'synced'")                  // the first of one that stays
			load(t, db, 1, 4, 13, noonOf(25), "'synced'")
			load(t, db, 2, 2, 17, noonOf(1), "'free'") // without a partition
			load(t, db, 2, 3, 19, noonOf(24), "'free'")
			load(t, db, 2, 4, 23, time.Unix(100, 0), "'unset'")

			dry := []string{"1970-01-01 0 false", "2026-11-01 17 false", "2026-11-05 8 false", "2026-11-14 7 false"}
			if got, err := retained(t, db, "2026-11-15", true); err != nil || !slices.Equal(got, dry) {
				t.Errorf("dry run: %q, %v, want %q", got, err, dry)
			}
			if n := testbed.QueryInt(t, db, "SELECT count(*) FROM sniffer.packets"); n != 98 {
				t.Errorf("%d rows after the dry run, want 98", n)
			}
			want := []string{"1970-01-01 0 false", "2026-11-01 17 false", "2026-11-05 8 true", "2026-11-14 7 true"}
			if got, err := retained(t, db, "2026-11-15", false); err != nil || !slices.Equal(got, want) {
				t.Errorf("%q, %v, want %q", got, err, want)
			}
			if got, want := queryStrings(t, db, balances), []string{"1 36=24+12 true", "2 62=42+20 true"}; !slices.Equal(got, want) {
				t.Errorf("balance %q, want %q", got, want)
			}
			want = []string{"1 2026-11-05 5", "1 2026-11-14 7", "2 2026-11-01 17", "2 2026-11-05 3"}
			if got := queryStrings(t, db, "SELECT concat_ws(' ', device_id, to_char(day, 'YYYY-MM-DD'), row_count) FROM sniffer.expired ORDER BY device_id, day"); !slices.Equal(got, want) {
				t.Errorf("expired %q, want %q", got, want)
			}

			// Late segments, of a day that is gone and of one that never had a partition.
			ensureDay(t, db, noonOf(5))
			load(t, db, 1, 5, 2, noonOf(5), "'synced'")
			load(t, db, 1, 6, 4, noonOf(4), "'synced'")
			want = []string{"1970-01-01 0 false", "2026-11-04 4 false", "2026-11-05 2 true"}
			if got, err := retained(t, db, "2026-11-15", false); err != nil || !slices.Equal(got, want) {
				t.Errorf("late segments: %q, %v, want %q", got, err, want)
			}
			if n := testbed.QueryInt(t, db, "SELECT row_count FROM sniffer.expired WHERE device_id = 1 AND day = '2026-11-05'"); n != 7 {
				t.Errorf("%d rows expired of the day in all, want 7", n)
			}

			// Rows of an unset clock go when they were stored as long ago.
			run(t, db, "UPDATE sniffer.segments SET stored_at = '2026-11-14 23:59:59Z' WHERE device_id = 2 AND sequence = 4")
			if got, err := retained(t, db, "2026-11-15", false); err != nil || !slices.Equal(got, []string{"1970-01-01 23 false"}) {
				t.Errorf("the unset clock's: %q, %v", got, err)
			}
			if got, want := queryStrings(t, db, balances), []string{"1 42=24+18 true", "2 62=19+43 true"}; !slices.Equal(got, want) {
				t.Errorf("balance %q, want %q", got, want)
			}
			if got, err := retained(t, db, "2026-11-15", false); err != nil || got != nil {
				t.Errorf("nothing to do: %q, %v", got, err)
			}
		})
	}
}

// TestRetainBesideOthers: who stores rows of today is not waited for, who reads an old day is not broken, and nobody waits for long.
func TestRetainBesideOthers(t *testing.T) {
	db, _ := applied(t)
	today, old, older := noonOf(25), noonOf(5), noonOf(4)
	for i, at := range []time.Time{today, old, older} {
		ensureDay(t, db, at)
		load(t, db, 1, i+1, 10, at, "NULL")
	}
	table := func(at time.Time) string { return "sniffer.packets_" + at.UTC().Format("20060102") }
	begin := func(statement string) *sql.Tx {
		t.Helper()
		tx, err := db.BeginTx(testContext(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(statement); err != nil {
			t.Fatal(err)
		}
		return tx
	}

	store := begin("INSERT INTO sniffer.packets (ts, device_id, interface) VALUES ('2026-11-25 12:00Z', 2, 'wan')")
	want := []string{"2026-11-04 10 false", "2026-11-05 10 false"}
	if got, err := retained(t, db, "2026-11-15", false); err != nil || !slices.Equal(got, want) {
		t.Errorf("beside one who stores: %q, %v, want %q", got, err, want)
	}
	if _, err := store.Exec("INSERT INTO sniffer.packets (ts, device_id, interface) VALUES ('2026-11-25 12:00Z', 2, 'wan')"); err != nil {
		t.Errorf("the one who stores: %v", err)
	}
	if err := store.Commit(); err != nil {
		t.Fatal(err)
	}

	load(t, db, 1, 4, 3, old, "NULL")
	query := begin("SELECT FROM " + table(old))
	got, err := retained(t, db, "2026-11-15", false)
	if pq.As(err, "55P03") == nil || errors.Is(err, ErrPermission) || !strings.Contains(err.Error(), "1 of 2 days") {
		t.Errorf("beside one who reads: %v", err)
	}
	want = []string{"2026-11-04 0 true", "2026-11-05 0 false failed"}
	if !slices.Equal(got, want) {
		t.Errorf("beside one who reads: %q, want %q", got, want)
	}
	if _, err := query.Exec("SELECT FROM sniffer.packets"); err != nil {
		t.Errorf("the one who reads: %v", err)
	}
	if n := testbed.QueryInt(t, db, "SELECT present FROM sniffer.balance WHERE device_id = 1"); n != 13 {
		t.Errorf("%d rows, want 13: a day that is busy stays", n)
	}
	query.Rollback()

	want = []string{"2026-11-05 3 true"}
	if got, err := retained(t, db, "2026-11-15", false); err != nil || !slices.Equal(got, want) {
		t.Errorf("alone: %q, %v, want %q", got, err, want)
	}
	if got, want := queryStrings(t, db, "SELECT format('%s=%s+%s', row_count, present, expired) FROM sniffer.balance WHERE device_id = 1"), []string{"33=10+23"}; !slices.Equal(got, want) {
		t.Errorf("balance %q, want %q", got, want)
	}
}

// TestRetainKeepsUndatedRowsInAPartition that an old daemon made for its own of 1970: they are as old as they are stored there too.
func TestRetainKeepsUndatedRowsInAPartition(t *testing.T) {
	db, _ := applied(t)
	at := time.Unix(100, 0)
	ensureDay(t, db, at)
	load(t, db, 1, 1, 10, at, "NULL")
	load(t, db, 2, 1, 3, at, "'unset'")
	for _, row := range []struct {
		dryRun bool
		want   string
	}{{true, "1970-01-01 10 false"}, {false, "1970-01-01 10 false"}, {true, "1970-01-01 0 false"}} {
		if got, err := retained(t, db, "2026-11-15", row.dryRun); err != nil || !slices.Equal(got, []string{row.want}) {
			t.Errorf("%q, %v, want %q", got, err, row.want)
		}
	}
	run(t, db, "UPDATE sniffer.segments SET stored_at = '2026-11-14 23:59:59Z'")
	if got, err := retained(t, db, "2026-11-15", false); err != nil || !slices.Equal(got, []string{"1970-01-01 3 true"}) {
		t.Errorf("stored as long ago: %q, %v", got, err)
	}
	if got, want := queryStrings(t, db, balances), []string{"1 10=0+10 true", "2 3=0+3 true"}; !slices.Equal(got, want) {
		t.Errorf("balance %q, want %q", got, want)
	}
}

// TestRetainWhereAPartitionCannotBeDropped: a view of somebody's stands on it. Its rows go, are counted once, and the other days go on.
func TestRetainWhereAPartitionCannotBeDropped(t *testing.T) {
	db, _ := applied(t)
	for i, day := range []int{4, 5} {
		ensureDay(t, db, noonOf(day))
		load(t, db, 1, i+1, 10, noonOf(day), "NULL")
	}
	run(t, db, "CREATE VIEW public.mine AS SELECT ts FROM sniffer.packets_20261104")
	for _, want := range [][]string{{"2026-11-04 10 false failed", "2026-11-05 10 true"}, {"2026-11-04 0 false failed"}} {
		got, err := retained(t, db, "2026-11-15", false)
		if pq.As(err, "2BP01") == nil || !slices.Equal(got, want) {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	if got, want := queryStrings(t, db, balances), []string{"1 20=0+20 true"}; !slices.Equal(got, want) {
		t.Errorf("balance %q, want %q", got, want)
	}
}

// TestRetainCountsWhatIsStoredMeanwhile: rows that are committed while the count waits for their writer are counted too.
func TestRetainCountsWhatIsStoredMeanwhile(t *testing.T) {
	db, address := applied(t)
	old := noonOf(5)
	ensureDay(t, db, old)
	load(t, db, 1, 1, 10, old, "NULL")
	writer, err := db.BeginTx(testContext(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Rollback()
	if _, err := writer.Exec(fmt.Sprintf("INSERT INTO sniffer.packets (ts, device_id, interface) VALUES ('%s', 1, 'wan')", old.UTC().Format(time.RFC3339))); err != nil {
		t.Fatal(err)
	}
	type result struct {
		lines []string
		err   error
	}
	done := make(chan result, 1)
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	other := testbed.DB(t, address)
	go func() {
		var r result
		r.err = retain(ctx, other, "date '2026-11-15'", false, func(e Expired) { r.lines = append(r.lines, fmt.Sprint(e.Rows)) })
		done <- r
	}()
	var got result
	ended := false
	testbed.Eventually(t, deadline, "Retain waits", func() (bool, string) {
		select {
		case got = <-done:
			ended = true
			return true, ""
		default:
		}
		return testbed.QueryInt(t, db, "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'ShareRowExclusiveLock'") > 0, "no lock is waited for"
	})
	if err := writer.Commit(); err != nil {
		t.Fatal(err)
	}
	if !ended {
		got = testbed.Await(t, done, deadline, "Retain")
	}
	switch { // on a very slow machine it may have given up before
	case got.err != nil && pq.As(got.err, "55P03") == nil:
		t.Error(got.err)
	case got.err == nil && !slices.Equal(got.lines, []string{"11"}):
		t.Errorf("%q rows, want 11", got.lines)
	}
	if n := testbed.QueryInt(t, db, "SELECT present + expired FROM sniffer.balance"); n != 11 {
		t.Errorf("%d rows present or expired, want 11", n)
	}
}

func TestRetainRefuses(t *testing.T) {
	db, address := applied(t)
	for _, keep := range []int{-1, 0, MaxKeepDays + 1} {
		if err := Retain(testContext(t), db, keep, false, func(e Expired) { t.Errorf("%+v", e) }); !errors.Is(err, ErrKeepDays) {
			t.Errorf("%d days: %v", keep, err)
		}
	}
	for _, call := range []string{
		"BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT sniffer.expire_day('2026-01-01')",
		"SELECT sniffer.expire_day(NULL)", "SELECT sniffer.expire_day('infinity')",
	} {
		other := testbed.DB(t, address)
		if _, err := other.ExecContext(testContext(t), call); pq.As(err, "25000", "22023") == nil {
			t.Errorf("%s: %v", call, err)
		}
	}
	ensureDay(t, db, noonOf(5))
	role, roleAddress := as(t, db, address, "reader")
	run(t, db, "GRANT sniffer_reader TO "+role)
	for _, grant := range []string{"SELECT 1", "GRANT SELECT ON sniffer.packets_default TO " + role} {
		run(t, db, grant)
		if _, err := retained(t, testbed.DB(t, roleAddress), "2026-11-15", false); !errors.Is(err, ErrPermission) || !strings.Contains(err.Error(), adviceOwn) {
			t.Errorf("a reader, %s: %v", grant, err)
		}
	}
	if err := Retain(testContext(t), testbed.DB(t, empty(t)), 5, false, func(Expired) {}); !errors.Is(err, ErrMissing) {
		t.Errorf("without a schema: %v", err)
	}
}

// TestRetainOfATableThatIsNotPartitioned: as where an administrator made packets a TimescaleDB hypertable.
func TestRetainOfATableThatIsNotPartitioned(t *testing.T) {
	db, _ := applied(t)
	run(t, db, "CREATE TABLE sniffer.other (LIKE sniffer.packets)", "DROP TABLE sniffer.packets CASCADE", "ALTER TABLE sniffer.other RENAME TO packets")
	load(t, db, 1, 1, 10, noonOf(5), "NULL")
	load(t, db, 1, 2, 5, noonOf(25), "NULL")
	want := []string{"2026-11-05 10 false"}
	if got, err := retained(t, db, "2026-11-15", false); err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	if n := testbed.QueryInt(t, db, "SELECT count(*) FROM sniffer.packets"); n != 5 {
		t.Errorf("%d rows stay, want 5", n)
	}
}

// TestRetainGoesByTheServersClock: keepDays are whole days before today.
func TestRetainGoesByTheServersClock(t *testing.T) {
	db, _ := applied(t)
	now := time.Unix(testbed.QueryInt(t, db, "SELECT extract(epoch FROM now())::bigint"), 0)
	load(t, db, 1, 1, 3, now.AddDate(0, 0, -12), "NULL")
	load(t, db, 1, 2, 5, now.AddDate(0, 0, -8), "NULL") // midnight may pass
	var days []string
	if err := Retain(testContext(t), db, 10, false, func(e Expired) { days = append(days, e.Day) }); err != nil {
		t.Fatal(err)
	}
	if want := []string{now.UTC().AddDate(0, 0, -12).Format(time.DateOnly)}; !slices.Equal(days, want) {
		t.Errorf("days %q, want %q", days, want)
	}
	if n := testbed.QueryInt(t, db, "SELECT count(*) FROM sniffer.packets"); n != 5 {
		t.Errorf("%d rows stay, want 5", n)
	}
}
