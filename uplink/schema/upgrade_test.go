package schema

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lib/pq"

	"network-sniffer/board/testbed"
)

// former brings a database to a former version and stores a run in it, in the words of that version's daemon.
func former(t *testing.T, version int) (address string) {
	t.Helper()
	address = empty(t)
	db := testbed.DB(t, address)
	if _, to, err := apply(testContext(t), db, steps()[:version]); to != version || err != nil {
		t.Fatalf("version %d, %v", to, err)
	}
	run(t, db, formerSegment(version, 1, 10, 6, 0, 4), formerSegment(version, 2, 5, 7, 4, 2))
	return address
}

// formerSegment is the ledger's SQL as the daemon of a former version writes it. It received so many frames and made rows of so many
// while the number of those that waited changed: before version 3 it told the new number, then the change.
func formerSegment(version, sequence, received, rows, waited, wait int) string {
	columns, values := "pending", fmt.Sprint(wait)
	if version >= 3 {
		columns = "pending,pending_change,sample_rate,sample_by,capture_mode,user_filter," +
			"freezes,merged_frames,partial_checksums,link_received,link_sent,link_dropped"
		values = fmt.Sprintf("NULL,%d,1,NULL,'ring',false,0,0,0,NULL,NULL,NULL", wait-waited)
	}
	return fmt.Sprintf(`INSERT INTO sniffer.coverage (device_id,run_id,sequence,interface,from_ts,to_ts,received,row_count,filter,snap_length,%s)
		VALUES (1,'11111111-1111-4111-8111-111111111111',%d,'wan','2026-11-22 12:00+00','2026-11-22 12:01+00',%d,%d,'',256,%s);
		INSERT INTO sniffer.segments (device_id,run_id,sequence,last_sequence,row_count,first_ts,last_ts,sealed_at,final)
		VALUES (1,'11111111-1111-4111-8111-111111111111',%[2]d,%[2]d,%[4]d,NULL,NULL,'2026-11-22 12:01+00',false);`,
		columns, sequence, received, rows, values)
}

// presentMark is the ledger's SQL for a mark, in the words of the present daemon.
func presentMark(sequence int) string {
	return fmt.Sprintf(`INSERT INTO sniffer.marks (device_id,run_id,sequence,number,ts,author,text,clock_state,clock_shift)
		VALUES (1,'11111111-1111-4111-8111-111111111111',%d,1,'2026-11-22 12:00+00','console 192.168.1.5','new switch','free',NULL)`, sequence)
}

// formerRegister is how daemons before version 4 said that they are here.
const formerRegister = `INSERT INTO sniffer.devices AS d (device_id, device_uuid, name, version)
	VALUES (1, '00000000-0000-0001-8000-000000000000', 'cellar', 'old')
	ON CONFLICT (device_id) DO UPDATE SET name = excluded.name, version = excluded.version, last_seen = now()
	WHERE d.device_uuid = excluded.device_uuid RETURNING d.name`

// fromEach runs a test for the upgrade from each former version.
func fromEach(t *testing.T, test func(t *testing.T, version int)) {
	for version := 1; version < Version; version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) { test(t, version) })
	}
}

// TestUpgradeOfTheLedger: what a former version stored still balances, what its daemon goes on storing too, and who
// could read the books can read what came beside them.
func TestUpgradeOfTheLedger(t *testing.T) {
	fromEach(t, func(t *testing.T, version int) {
		address := former(t, version)
		db := testbed.DB(t, address)
		role, roleAddress := as(t, db, address, "reader")
		stranger, strangerAddress := as(t, db, address, "stranger")
		run(t, db,
			"CREATE VIEW public.mine AS SELECT interface, pending, balance FROM sniffer.books",
			"CREATE VIEW public.lost AS SELECT interface, packets FROM sniffer.losses",
			"GRANT USAGE ON SCHEMA sniffer TO "+role+", "+stranger, "GRANT SELECT ON ALL TABLES IN SCHEMA sniffer TO "+role)
		const books = "SELECT format('%s %s %s %s %s', interface, received, row_count, pending, balance) FROM sniffer.books"
		if got := queryStrings(t, db, books); !slices.Equal(got, []string{"wan 15 13 2 0"}) {
			t.Errorf("books before: %q", got)
		}
		const files = `SELECT concat_ws(' ', relname, pg_relation_filenode(oid)) FROM pg_class
			WHERE relnamespace = 'sniffer'::regnamespace AND relkind IN ('r', 'i') AND relname NOT LIKE 'expired%' AND relname NOT LIKE 'marks%' ORDER BY 1`
		before := queryStrings(t, db, files)
		if from, to, err := Apply(testContext(t), db); from != version || to != Version || err != nil {
			t.Fatalf("from %d to %d, %v", from, to, err)
		}
		if after := queryStrings(t, db, files); !slices.Equal(before, after) {
			t.Errorf("files of tables and indexes were %v, are %v: something was written again", before, after)
		}
		run(t, db, formerSegment(version, 3, 1, 0, 2, 3))
		for _, query := range []string{books, "SELECT format('%s 16 13 %s %s', interface, pending, balance) FROM public.mine"} {
			if got := queryStrings(t, db, query); !slices.Equal(got, []string{"wan 16 13 3 0"}) {
				t.Errorf("%s: %q", query, got)
			}
		}
		reader := testbed.DB(t, roleAddress)
		if n := testbed.QueryInt(t, reader, "SELECT sum(received) FROM sniffer.visibility"); n != 16 {
			t.Errorf("the reader sees %d packets", n)
		}
		for _, name := range objects {
			run(t, reader, "SELECT FROM sniffer."+name)
			_, err := testbed.DB(t, strangerAddress).ExecContext(testContext(t), "SELECT FROM sniffer."+name)
			if pq.As(err, "42501") == nil {
				t.Errorf("a stranger reads %s: %v", name, err)
			}
		}
	})
}

// TestUpgradeKeepsLoadersLoading: a role with the grants that version 1 recommends loads on, in the words of a former daemon and
// in those of the present one.
func TestUpgradeKeepsLoadersLoading(t *testing.T) {
	fromEach(t, func(t *testing.T, version int) {
		address := former(t, version)
		db := testbed.DB(t, address)
		role, roleAddress := as(t, db, address, "loader")
		run(t, db, grants(t, "sniffer_device", role)...)
		if version >= 4 {
			run(t, db, "GRANT EXECUTE ON FUNCTION sniffer.register_device(uuid, text, text) TO "+role)
		}
		if _, _, err := Apply(testContext(t), db); err != nil {
			t.Fatal(err)
		}
		loader := testbed.DB(t, roleAddress)
		run(t, loader,
			formerRegister,
			"SELECT sniffer.ensure_partition('2026-11-22')",
			"INSERT INTO sniffer.packets (ts, device_id, interface) VALUES ('2026-11-22 12:00Z', 1, 'wan')",
			formerSegment(version, 3, 1, 0, 2, 3),
			presentMark(3))
		if _, err := Register(testContext(t), loader, "00000000-0000-0001-8000-000000000000", "attic", "new"); err != nil {
			t.Error(err)
		}
		if got := queryStrings(t, db, "SELECT concat_ws(' ', device_id, name, version) FROM sniffer.devices"); !slices.Equal(got, []string{"1 attic new"}) {
			t.Errorf("devices %q", got)
		}
	})
}

// TestUpgradeLetsPublicRead: books that everybody may read.
func TestUpgradeLetsPublicRead(t *testing.T) {
	for version, view := range map[int]string{3: "balance", 4: "marks_readable"} {
		address := former(t, version)
		db := testbed.DB(t, address)
		_, roleAddress := as(t, db, address, "anybody")
		run(t, db, "GRANT USAGE ON SCHEMA sniffer TO PUBLIC", "GRANT SELECT ON sniffer.books TO PUBLIC")
		if _, _, err := Apply(testContext(t), db); err != nil {
			t.Fatal(err)
		}
		run(t, testbed.DB(t, roleAddress), "SELECT FROM sniffer."+view)
	}
}

// TestUpgradeGivesWay: a long query on what changes is not broken by the upgrade, which gives up, changes nothing and
// can be repeated.
func TestUpgradeGivesWay(t *testing.T) {
	for _, row := range []struct {
		from, stays int // before the upgrade, and when it has given way
		query       string
	}{
		{3, 3, "SELECT FROM sniffer.books"}, {3, 3, "SELECT FROM sniffer.coverage"}, {3, 3, "SELECT FROM sniffer.losses"},
		{4, 4, "SELECT FROM sniffer.segments"}, {4, 4, "SELECT FROM sniffer.balance"}, {3, 4, "SELECT FROM sniffer.segments"},
	} {
		t.Run(fmt.Sprintf("%s from %d", row.query, row.from), func(t *testing.T) {
			t.Parallel()
			query := row.query
			db := testbed.DB(t, former(t, row.from))
			long, err := db.BeginTx(testContext(t), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer long.Rollback()
			if _, err := long.ExecContext(testContext(t), query); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			_, to, err := Apply(testContext(t), db)
			if to != row.stays || pq.As(err, "55P03") == nil {
				t.Errorf("to %d, %v; want SQLSTATE 55P03", to, err)
			}
			if d := time.Since(start); d > 30*time.Second {
				t.Errorf("it took %v to give up", d)
			}
			if _, err := long.ExecContext(testContext(t), query); err != nil {
				t.Errorf("the long query's transaction: %v", err)
			}
			if err := long.Commit(); err != nil {
				t.Fatal(err)
			}
			if _, to, err := Apply(testContext(t), db); to != Version || err != nil {
				t.Errorf("again: to %d, %v", to, err)
			}
		})
	}
}

// TestUpgradeBesideReadersAndWriters: readers who take views and tables in every order, and writers, neither break the upgrade by a
// deadlock nor are broken by it.
func TestUpgradeBesideReadersAndWriters(t *testing.T) {
	address := former(t, Version-1)
	db := testbed.DB(t, address)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for n, work := range []string{
		"SELECT count(*) FROM sniffer.books", "SELECT count(*) FROM sniffer.losses", "SELECT count(*) FROM sniffer.visibility",
		"SELECT FROM sniffer.losses; SELECT FROM sniffer.books", "SELECT FROM sniffer.books; SELECT FROM sniffer.losses", "write",
	} {
		other := testbed.DB(t, address)
		wg.Go(func() {
			for sequence := 1; ; sequence++ {
				select {
				case <-done:
					return
				default:
				}
				text := work
				if work == "write" {
					text = fmt.Sprintf("INSERT INTO sniffer.packets (ts, device_id, interface) VALUES (now(), 1, 'wan');"+
						"INSERT INTO sniffer.coverage (device_id,run_id,sequence,interface,from_ts,to_ts,received,row_count,pending) VALUES (2,'11111111-1111-4111-8111-111111111111',%d,'wan',now(),now(),1,1,0);"+
						"INSERT INTO sniffer.segments (device_id,run_id,sequence,last_sequence,row_count,sealed_at,final) VALUES (2,'11111111-1111-4111-8111-111111111111',%[1]d,%[1]d,1,now(),false)", sequence)
				}
				if _, err := other.ExecContext(testContext(t), text); err != nil {
					t.Errorf("%d: %v", n, err)
					return
				}
			}
		})
	}
	_, to, err := Apply(testContext(t), db)
	close(done)
	wg.Wait()
	if pq.As(err, "55P03") != nil { // a loaded machine: it gave way, as it should
		_, to, err = Apply(testContext(t), db)
	}
	if to != Version || err != nil {
		t.Errorf("to %d, %v", to, err)
	}
}
