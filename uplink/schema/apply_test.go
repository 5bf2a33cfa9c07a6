package schema

import (
	"database/sql"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"network-sniffer/board/testbed"
)

func TestApplyOnEmptyAndAgain(t *testing.T) {
	db := testbed.DB(t, empty(t))
	for _, want := range []struct {
		when string
		from int
	}{{"on an empty database", 0}, {"again", Version}} {
		from, to, err := Apply(testContext(t), db)
		if from != want.from || to != Version || err != nil {
			t.Errorf("Apply %s: %d, %d, %v, want %d, %d", want.when, from, to, err, want.from, Version)
		}
	}
	if n := testbed.QueryInt(t, db, "SELECT count(*) FROM sniffer.schema_versions"); n != Version {
		t.Errorf("%d versions recorded, want %d", n, Version)
	}
}

func TestApplyAtOnce(t *testing.T) {
	const programs = 8
	for _, isolation := range []string{"read committed", "serializable"} {
		t.Run(isolation, func(t *testing.T) {
			address := with(t, empty(t), "default_transaction_isolation", isolation)
			ctx := testContext(t)
			var dbs [programs]*sql.DB
			for i := range dbs {
				dbs[i] = testbed.DB(t, address)
			}
			var froms [programs]int
			var wg sync.WaitGroup
			for i, db := range dbs {
				wg.Go(func() {
					var to int
					var err error
					froms[i], to, err = Apply(ctx, db)
					if err != nil || to != Version {
						t.Errorf("Apply: to %d, %v", to, err)
					}
				})
			}
			wg.Wait()
			slices.Sort(froms[:])
			if froms[0] != 0 || froms[1] == 0 { // between two versions others may come first
				t.Errorf("versions found: %v, want a single 0", froms)
			}
		})
	}
}

func TestApplyStepByStep(t *testing.T) {
	second := step{2, "second", "CREATE TABLE sniffer.second (); CREATE TABLE sniffer.second_too ();"}
	third := step{3, "third", "CREATE TABLE sniffer.third (); SELECT 1/0;"}
	rows := []struct {
		name     string
		list     []step
		from, to int
		sqlstate pqerror.Code
	}{
		{"first", steps()[:1], 0, 1, ""},
		{"upgrade", append(steps()[:1:1], second), 1, 2, ""},
		{"a version fails", append(steps()[:1:1], second, third), 2, 2, "22012"},
		{"program older than the database", steps()[:1], 2, 2, ""},
	}
	db := testbed.DB(t, empty(t))
	for _, row := range rows {
		from, to, err := apply(testContext(t), db, row.list)
		if from != row.from || to != row.to {
			t.Errorf("%s: %d, %d, want %d, %d", row.name, from, to, row.from, row.to)
		}
		if row.sqlstate == "" && err != nil || row.sqlstate != "" && pq.As(err, row.sqlstate) == nil {
			t.Errorf("%s: error %v, want SQLSTATE %q", row.name, err, row.sqlstate)
		}
	}
	if n := testbed.QueryInt(t, db, "SELECT count(*) FROM pg_class WHERE relname IN ('second', 'second_too', 'third')"); n != 2 {
		t.Errorf("%d tables of versions 2 and 3, want the two of version 2", n)
	}
}

// TestUpgradeKeepsWhatIsThere: rows, partitions, grants, and the views of others that stand on ours.
func TestUpgradeKeepsWhatIsThere(t *testing.T) {
	address := empty(t)
	db := testbed.DB(t, address)
	if _, to, err := apply(testContext(t), db, steps()[:1]); to != 1 || err != nil {
		t.Fatalf("version %d, %v", to, err)
	}
	role, roleAddress := as(t, db, address, "reader")
	run(t, db,
		"SELECT sniffer.ensure_partition('2026-11-22')",
		"INSERT INTO sniffer.packets (ts, device_id, interface, src_port) VALUES ('2026-11-22 12:00Z', 1, 'wan', 53), ('2026-01-01 12:00Z', 1, 'wan', 80)",
		"CREATE VIEW public.mine AS SELECT src_port FROM sniffer.packets_readable",
		"GRANT USAGE ON SCHEMA sniffer TO "+role, "GRANT SELECT ON sniffer.packets_readable TO "+role)
	if from, to, err := Apply(testContext(t), db); from != 1 || to != Version || err != nil {
		t.Fatalf("from %d to %d, %v", from, to, err)
	}
	run(t, db,
		"SELECT sniffer.ensure_partition('2026-11-23')",
		"INSERT INTO sniffer.packets (ts, device_id, interface, src_port, name) VALUES ('2026-11-23 12:00Z', 1, 'wan', 5353, 'a.local')")
	want := []string{"80", "53", "5353 a.local"}
	if got := queryStrings(t, db, "SELECT concat_ws(' ', src_port, name) FROM sniffer.packets ORDER BY ts"); !slices.Equal(got, want) {
		t.Errorf("rows %q, want %q", got, want)
	}
	if n := testbed.QueryInt(t, db, "SELECT count(*) FROM public.mine"); n != 3 {
		t.Errorf("the view that stands on ours has %d rows, want 3", n)
	}
	if n := testbed.QueryInt(t, testbed.DB(t, roleAddress), "SELECT count(*) FROM sniffer.packets_readable WHERE name IS NULL"); n != 2 {
		t.Errorf("the reader sees %d rows without a name, want 2", n)
	}
}

func TestApplyWithoutPermission(t *testing.T) {
	address := empty(t)
	_, roleAddress := as(t, testbed.DB(t, address), address, "stranger")
	from, to, err := Apply(testContext(t), testbed.DB(t, roleAddress))
	if !errors.Is(err, ErrPermission) || pq.As(err, "42501") == nil || from != 0 || to != 0 {
		t.Fatalf("Apply: %d, %d, %v", from, to, err)
	}
	if !strings.Contains(err.Error(), "sniffer schema apply --database-url") {
		t.Errorf("the error does not say what to run: %v", err)
	}
}

// An administrator may make the schema and give it to a role that has no right on the database.
func TestApplyIntoASchemaMadeBefore(t *testing.T) {
	address := empty(t)
	db := testbed.DB(t, address)
	role, roleAddress := as(t, db, address, "owner")
	run(t, db, "CREATE SCHEMA sniffer AUTHORIZATION "+role)
	owner := testbed.DB(t, roleAddress)
	if _, to, err := Apply(testContext(t), owner); err != nil || to != Version {
		t.Fatalf("Apply: to %d, %v", to, err)
	}
	if s, err := Check(testContext(t), owner); err != nil || s.Missing != nil {
		t.Errorf("Check: %+v, %v", s, err)
	}
}
