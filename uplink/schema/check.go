package schema

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// Status is what Check found.
type Status struct {
	Version int      // the version in force; may be newer than this program's
	Missing []string // objects of this program's Version that are not there, as sniffer.name, functions with their arguments; nil when all are
}

// objects are the relations of Version, without the schema's name.
var objects = [...]string{
	"schema_versions", "devices", "packets", "packets_default", "segments", "coverage", "coverage_losses", "marks",
	"packets_readable", "marks_readable", "sniffer", "books", "losses", "visibility", "expired", "balance", "conversations", "top_talkers",
}

// functions are those of Version, with their argument types as to_regprocedure takes them.
var functions = [...]string{
	"ensure_partition(date)", "register_device(uuid,text,text)", "missing_grants()", "grant_roles()",
	"undated(timestamptz,timestamptz,timestamptz)", "expire_day(date,timestamptz)", "drop_day(date)", "protocol_name(smallint)",
	"conversations(timestamptz,timestamptz)", "top_talkers(timestamptz,timestamptz)",
}

// checkSQL asks for the version and for everything missing in one round trip. It reads the catalog and schema_versions, no more.
var checkSQL = `SELECT (SELECT coalesce(max(version), 0) FROM sniffer.schema_versions), coalesce(string_agg(name, ' ' ORDER BY n), '')
    FROM unnest('{sniffer.` + strings.Join(objects[:], ",sniffer.") + `,"sniffer.` + strings.Join(functions[:], `","sniffer.`) + `"}'::text[])
        WITH ORDINALITY AS o (name, n)
    WHERE CASE WHEN name LIKE '%(%' THEN to_regprocedure(name)::oid ELSE to_regclass(name)::oid END IS NULL`

// Check looks at the database without changing it. It needs no more than a loading role has: USAGE on the schema and
// SELECT on sniffer.schema_versions.
//
// The error is ErrMissing when there is no schema, ErrOlder when it has to be upgraded (the Status is then valid too),
// ErrPermission when the role may not look. A newer database is no error; objects that are missing although the version is
// right are none either, but stand in the Status.
func Check(ctx context.Context, db *sql.DB) (Status, error) { return check(ctx, db, Version) }

func check(ctx context.Context, db *sql.DB, needs int) (Status, error) {
	var s Status
	var missing string
	if err := db.QueryRowContext(ctx, checkSQL).Scan(&s.Version, &missing); err != nil {
		return Status{}, opError("check the database", err, true, adviceGrant)
	}
	if s.Version == 0 { // the table is there, but no version was ever completed
		return Status{}, fmt.Errorf("schema: check the database: %w; %s", ErrMissing, adviceApply)
	}
	if s.Version < needs {
		return s, fmt.Errorf("schema: check the database: %w: it has version %d, this program needs %d; %s", ErrOlder, s.Version, needs, adviceApply)
	}
	if missing != "" {
		s.Missing = strings.Fields(missing)
	}
	return s, nil
}

// EnsureDay makes the partition of packets for t's day in UTC and reports whether it was made now; false means it was there.
//
// Call it ahead of the day and outside of any other transaction. ErrMissing and ErrPermission need somebody's help; every other
// error (55P03: busy, 23514: the day's rows already lie in packets_default, 22023: a day outside 1970..2200) is not fatal,
// since rows of a day without a partition go to packets_default.
func EnsureDay(ctx context.Context, db *sql.DB, t time.Time) (made bool, err error) {
	day := t.UTC().Format(time.DateOnly)
	// The day is digits and dashes only; an argument would make this a prepared statement, which PgBouncer may tear apart.
	err = db.QueryRowContext(ctx, "SELECT sniffer.ensure_partition('"+day+"')").Scan(&made)
	if err != nil {
		return false, opError("make the partition of "+day, err, true, adviceGrant)
	}
	return made, nil
}
