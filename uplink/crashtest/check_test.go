package crashtest

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"network-sniffer/board/testbed"
)

// tally is what the recorders and relays of a scenario saw.
type tally struct {
	confirmed int64 // rows of segments that were in the spool for good
	sealed    int64 // these segments
	marked    int64 // marks that were in the spool for good
	copies    int64 // transactions of rows that were begun
	commits   int64 // of these: the uplink got the answer to COMMIT
	known     int64 // segments that the database turned out to have
}

func (t *tally) add(o tally) {
	t.confirmed += o.confirmed
	t.sealed += o.sealed
	t.marked += o.marked
	t.copies += o.copies
	t.commits += o.commits
	t.known += o.known
}

// checkRuns asks the database for the numbers of each run: without losses they are 1 to n, each once, and n is not less
// than what the spool had confirmed, which may be less than it has. It returns how many rows there are.
func checkRuns(t *testing.T, db *sql.DB, confirmed map[uint32]int64) (rows int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	answer, err := db.QueryContext(ctx, `SELECT ack_number, count(*), count(DISTINCT seq_number), min(seq_number), max(seq_number)
		FROM sniffer.packets GROUP BY ack_number`)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Close()
	stored := map[uint32]int64{}
	for answer.Next() {
		var run uint32
		var count, distinct, first, last int64
		if err := answer.Scan(&run, &count, &distinct, &first, &last); err != nil {
			t.Fatal(err)
		}
		stored[run] = count
		rows += count
		if distinct != count {
			t.Errorf("run %d: %d rows are in the database twice", run, count-distinct)
		}
		if first != 1 || last != distinct {
			t.Errorf("run %d: the rows are %d to %d, and only %d of them", run, first, last, distinct)
		}
	}
	if err := answer.Err(); err != nil {
		t.Fatal(err)
	}
	for run, n := range confirmed {
		if stored[run] < n {
			t.Errorf("run %d: %d rows were sealed, %d are in the database", run, n, stored[run])
		}
	}
	return rows
}

// checkMarks asks the database for the marks of each run: they are 1 to n, each once, and n is not less than what was confirmed.
func checkMarks(t *testing.T, db *sql.DB, confirmed map[uint32]int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	answer, err := db.QueryContext(ctx, `SELECT author, count(*), count(DISTINCT text), max(text::bigint) FROM sniffer.marks GROUP BY author`)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Close()
	stored := map[string]int64{}
	var total int64
	for answer.Next() {
		var author string
		var count, distinct, last int64
		if err := answer.Scan(&author, &count, &distinct, &last); err != nil {
			t.Fatal(err)
		}
		if stored[author] = count; distinct != count || last != count {
			t.Errorf("%s: %d marks, %d different ones, the last is number %d", author, count, distinct, last)
		}
		total += count
	}
	if err := answer.Err(); err != nil {
		t.Fatal(err)
	}
	for run, n := range confirmed {
		if author := fmt.Sprintf("run %d", run); stored[author] < n {
			t.Errorf("%s: %d marks were confirmed, %d are in the database", author, n, stored[author])
		}
	}
	t.Logf("%d marks are in the database, each once", total)
	if total == 0 {
		t.Error("no mark was left: this proves nothing of them")
	}
}

// count is how many rows there are, when each number of run 1 is there once at most.
func (w *world) count(t *testing.T) (rows int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var twice int64
	if err := w.db.QueryRowContext(ctx, `SELECT count(*), count(*) - count(DISTINCT seq_number)
		FROM sniffer.packets`).Scan(&rows, &twice); err != nil {
		t.Fatal(err)
	}
	if twice != 0 {
		t.Errorf("%d rows are in the database twice", twice)
	}
	return rows
}

// checkBooks asks the one query of the books, and compares it with the rows themselves. It returns the losses.
func checkBooks(t *testing.T, db *sql.DB, rows int64) (losses int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var booked, wrong int64
	var example sql.NullString
	err := db.QueryRowContext(ctx, `SELECT coalesce(sum(row_count), 0), coalesce(sum(losses), 0),
		count(*) FILTER (WHERE balance <> 0 OR missing_segments <> 0),
		min(b::text) FILTER (WHERE balance <> 0 OR missing_segments <> 0)
		FROM sniffer.books b`).Scan(&booked, &losses, &wrong, &example)
	if err != nil {
		t.Fatal(err)
	}
	if wrong != 0 {
		t.Errorf("%d books do not balance, one of them: %s", wrong, example.String)
	}
	if booked != rows {
		t.Errorf("%d rows are in the books, %d in the table", booked, rows)
	}
	return losses
}

// ledgerSegments is how many segments the ledger has.
func ledgerSegments(t *testing.T, db *sql.DB) int64 {
	t.Helper()
	return testbed.QueryInt(t, db, "SELECT coalesce(sum(last_sequence - sequence + 1), 0) FROM sniffer.segments")
}

// eventually is testbed.Eventually with the patience of this package.
func eventually(t *testing.T, what string, look func() (bool, string)) {
	t.Helper()
	testbed.Eventually(t, patience, what, look)
}

// progress tells how far a long proof is, once in a while.
type progress struct {
	t     *testing.T
	what  string
	total int
	began time.Time
	told  time.Time
}

func newProgress(t *testing.T, what string, total int) *progress {
	now := time.Now()
	return &progress{t: t, what: what, total: total, began: now, told: now}
}

func (p *progress) done(n int, more string) {
	const pause = 10 * time.Second
	if time.Since(p.told) < pause && n < p.total {
		return
	}
	p.told = time.Now()
	took := time.Since(p.began)
	left := took / time.Duration(max(n, 1)) * time.Duration(p.total-n)
	p.t.Logf("%d of %d %s in %v, about %v left; %s", n, p.total, p.what, took.Round(time.Second), left.Round(time.Second), more)
}
