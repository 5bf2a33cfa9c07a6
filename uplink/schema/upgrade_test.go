package schema

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lib/pq"

	"network-sniffer/board/testbed"
)

// former brings a database to the version before the newest and stores a run in it, in the words of that version's
// daemon.
func former(t *testing.T) (address string) {
	t.Helper()
	address = empty(t)
	db := testbed.DB(t, address)
	if _, to, err := apply(testContext(t), db, steps()[:Version-1]); to != Version-1 || err != nil {
		t.Fatalf("version %d, %v", to, err)
	}
	run(t, db, formerSegment(1, 10, 6, 4), formerSegment(2, 5, 7, 2))
	return address
}

// formerSegment is the ledger's SQL as the daemon before version 3 wrote it.
func formerSegment(sequence, received, rows, pending int) string {
	return fmt.Sprintf(`INSERT INTO sniffer.coverage (device_id,run_id,sequence,interface,from_ts,to_ts,received,row_count,pending,filter,snap_length)
		VALUES (1,'11111111-1111-4111-8111-111111111111',%[1]d,'wan','2026-11-22 12:00+00','2026-11-22 12:01+00',%[2]d,%[3]d,%[4]d,'',256);
		INSERT INTO sniffer.segments (device_id,run_id,sequence,last_sequence,row_count,first_ts,last_ts,sealed_at,final)
		VALUES (1,'11111111-1111-4111-8111-111111111111',%[1]d,%[1]d,%[3]d,NULL,NULL,'2026-11-22 12:01+00',false);`,
		sequence, received, rows, pending)
}

// TestUpgradeOfTheLedger: what the former version stored still balances, what its daemon goes on storing too, and who
// could read the books can read what came beside them.
func TestUpgradeOfTheLedger(t *testing.T) {
	address := former(t)
	db := testbed.DB(t, address)
	role, roleAddress := as(t, db, address, "reader")
	stranger, strangerAddress := as(t, db, address, "stranger")
	run(t, db,
		"CREATE VIEW public.mine AS SELECT interface, pending, balance FROM sniffer.books",
		"GRANT USAGE ON SCHEMA sniffer TO "+role+", "+stranger, "GRANT SELECT ON ALL TABLES IN SCHEMA sniffer TO "+role)
	const books = "SELECT format('%s %s %s %s %s', interface, received, row_count, pending, balance) FROM sniffer.books"
	if got := queryStrings(t, db, books); !slices.Equal(got, []string{"wan 15 13 2 0"}) {
		t.Errorf("books before: %q", got)
	}
	pages := "SELECT pg_relation_filenode('sniffer.coverage')"
	before := testbed.QueryInt(t, db, pages)
	if from, to, err := Apply(testContext(t), db); from != Version-1 || to != Version || err != nil {
		t.Fatalf("from %d to %d, %v", from, to, err)
	}
	if after := testbed.QueryInt(t, db, pages); after != before {
		t.Error("coverage was written again")
	}
	run(t, db, formerSegment(3, 1, 0, 3))
	for _, query := range []string{books, "SELECT format('%s 16 13 %s %s', interface, pending, balance) FROM public.mine"} {
		if got := queryStrings(t, db, query); !slices.Equal(got, []string{"wan 16 13 3 0"}) {
			t.Errorf("%s: %q", query, got)
		}
	}
	if n := testbed.QueryInt(t, testbed.DB(t, roleAddress), "SELECT sum(received) FROM sniffer.visibility"); n != 16 {
		t.Errorf("the reader sees %d packets", n)
	}
	if _, err := testbed.DB(t, strangerAddress).ExecContext(testContext(t), "SELECT FROM sniffer.visibility"); pq.As(err, "42501") == nil {
		t.Errorf("a stranger reads the new view: %v", err)
	}
}

// TestUpgradeLetsPublicRead: books that everybody may read.
func TestUpgradeLetsPublicRead(t *testing.T) {
	address := former(t)
	db := testbed.DB(t, address)
	_, roleAddress := as(t, db, address, "anybody")
	run(t, db, "GRANT USAGE ON SCHEMA sniffer TO PUBLIC", "GRANT SELECT ON sniffer.books TO PUBLIC")
	if _, _, err := Apply(testContext(t), db); err != nil {
		t.Fatal(err)
	}
	run(t, testbed.DB(t, roleAddress), "SELECT FROM sniffer.visibility")
}

// TestUpgradeGivesWay: a long query on the ledger is not broken by the upgrade, which gives up, changes nothing and
// can be repeated.
func TestUpgradeGivesWay(t *testing.T) {
	for _, query := range []string{"SELECT FROM sniffer.books", "SELECT FROM sniffer.coverage"} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			db := testbed.DB(t, former(t))
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
			if to != Version-1 || pq.As(err, "55P03") == nil {
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
