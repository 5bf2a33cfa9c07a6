package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
)

// Expired is what Retain did with one day of packets.
type Expired struct {
	Day  string // of UTC, as 2026-11-22
	Rows int64  // deleted, and entered in sniffer.expired; of a dry run, those that would be
	// Dropped: the day's partition is gone too. It stays, empty, when packets was busy, and when rows came meanwhile.
	Dropped bool
	// Err: the day is as it was; or, when Rows are deleted nevertheless, its empty partition could not be dropped.
	Err error
}

// MaxKeepDays bounds the days that Retain keeps: a hundred years.
const MaxKeepDays = 36525

// ErrKeepDays: Retain was told to keep no day, or more than MaxKeepDays.
var ErrKeepDays = fmt.Errorf("days to keep are between 1 and %d", MaxKeepDays)

// oldDays lists the days before the first one that is kept, by the server's clock in UTC: those with a partition, and those with rows
// that have none. %[1]s is that first day, %[2]s the table that such rows are in.
const oldDays = `
SELECT to_char(day, 'YYYY-MM-DD')
FROM (
    SELECT to_date(right(c.relname, 8), 'YYYYMMDD') AS day
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'sniffer.packets'::regclass AND c.relname ~ '^packets_[0-9]{8}$'
    UNION
    SELECT (ts AT TIME ZONE 'UTC')::date FROM %[2]s WHERE ts < %[1]s::timestamp AT TIME ZONE 'UTC' AND isfinite(ts)
) AS d
WHERE day < %[1]s
ORDER BY day`

// Retain deletes the packets of all UTC days before the last keepDays whole ones, oldest first, and enters how many they were in
// sniffer.expired; the ledger stays. Rows of a device whose clock was not set count from the day on which they were stored. report
// hears of each day as it is done. In a dry run nothing is changed.
//
// Each day goes in a transaction of its own that waits for nobody longer than three seconds; a day that others read or write
// meanwhile stays as it was, and the error, after all other days, says how many are not done. Call it again later. It is for the owner:
// ErrPermission otherwise.
func Retain(ctx context.Context, db *sql.DB, keepDays int, dryRun bool, report func(Expired)) error {
	if keepDays < 1 || keepDays > MaxKeepDays {
		return fmt.Errorf("schema: retention: %w, not %d", ErrKeepDays, keepDays)
	}
	return retain(ctx, db, fmt.Sprintf("((now() AT TIME ZONE 'UTC')::date - %d)", keepDays), dryRun, report)
}

// retain is Retain; first is an expression for the first day that is kept.
func retain(ctx context.Context, db *sql.DB, first string, dryRun bool, report func(Expired)) error {
	days, err := listDays(ctx, db, first)
	if err != nil {
		return opError("retention: list the days", err, true, adviceOwn)
	}
	stuck, busy := 0, false
	var stuckErr error
	for _, day := range days {
		e := Expired{Day: day}
		switch {
		case dryRun:
			e.Rows, e.Err = countDay(ctx, db, day, first)
		default:
			e.Rows, e.Err = expireDay(ctx, db, day, first)
			if e.Err != nil || busy {
				break // one wait for packets is enough: those who store rows wait behind it
			}
			e.Dropped, err = dropDay(ctx, db, day)
			busy = pq.As(err, pqerror.LockNotAvailable) != nil
			if err != nil && !busy {
				e.Err = err
			}
		}
		if e.Err != nil {
			e.Err = opError("retention: "+day, e.Err, true, adviceOwn)
		}
		report(e)
		switch {
		case e.Err == nil:
		case ctx.Err() != nil, errors.Is(e.Err, ErrPermission), errors.Is(e.Err, ErrMissing):
			return e.Err // the next day would fare no better
		default:
			stuck++
			stuckErr = errors.Join(stuckErr, e.Err)
		}
	}
	if stuck > 0 {
		return fmt.Errorf("schema: retention: %d of %d days are not done, try again later: %w", stuck, len(days), stuckErr)
	}
	return nil
}

func listDays(ctx context.Context, db *sql.DB, first string) ([]string, error) {
	// Where an administrator made packets a TimescaleDB hypertable there is no default partition.
	loose := "sniffer.packets_default"
	var there bool
	if err := db.QueryRowContext(ctx, "SELECT to_regclass('"+loose+"') IS NOT NULL").Scan(&there); err != nil {
		return nil, err
	}
	if !there {
		loose = "sniffer.packets"
	}
	rows, err := db.QueryContext(ctx, fmt.Sprintf(oldDays, first, loose))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var days []string
	for rows.Next() {
		var day string
		if err := rows.Scan(&day); err != nil {
			return nil, err
		}
		days = append(days, day)
	}
	return days, rows.Err()
}

// countDay counts what sniffer.expire_day would delete.
func countDay(ctx context.Context, db *sql.DB, day, first string) (rows int64, err error) {
	err = db.QueryRowContext(ctx, fmt.Sprintf(`
		WITH d AS (SELECT date '%[1]s'::timestamp AT TIME ZONE 'UTC' AS low, (date '%[1]s' + 1)::timestamp AT TIME ZONE 'UTC' AS high)
		SELECT count(*)
		FROM d JOIN sniffer.packets p ON p.ts >= d.low AND p.ts < d.high
		LEFT JOIN sniffer.undated((SELECT low FROM d), (SELECT high FROM d), %[2]s::timestamp AT TIME ZONE 'UTC') u
		       ON u.device_id = p.device_id AND p.ts BETWEEN u.first_ts AND u.last_ts
		WHERE u.device_id IS NULL`,
		day, first)).Scan(&rows)
	return rows, err
}

func expireDay(ctx context.Context, db *sql.DB, day, first string) (rows int64, err error) {
	err = inTransaction(ctx, db, fmt.Sprintf("SELECT sniffer.expire_day('%s', %s::timestamp AT TIME ZONE 'UTC')", day, first), &rows)
	return rows, err
}

func dropDay(ctx context.Context, db *sql.DB, day string) (dropped bool, err error) {
	err = inTransaction(ctx, db, fmt.Sprintf("SELECT sniffer.drop_day('%s')", day), &dropped)
	return dropped, err
}

// inTransaction runs a query of one value in a transaction that is READ COMMITTED whatever the server's default is.
func inTransaction(ctx context.Context, db *sql.DB, query string, result any) error {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := tx.QueryRowContext(ctx, query).Scan(result); err != nil {
		return err
	}
	return tx.Commit()
}
