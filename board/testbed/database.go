//go:build linux

package testbed

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"
	"testing"
)

var databaseNumber atomic.Int64

// NewDatabase makes an empty database and returns its URL for the unix socket. It is dropped at the end of
// the test, whoever is still connected, unless the server is stopped then.
func (pg *Postgres) NewDatabase(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", databaseNumber.Add(1))
	pg.exec(t, "CREATE DATABASE "+name)
	t.Cleanup(func() {
		if pg.Running() {
			pg.exec(t, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
		}
	})
	return pg.URL(name)
}

// KillBackends ends every client's connection to the server, as a failing server would, returns how many
// there were, and leaves only when they are gone. New connections are welcome. PostgreSQL 14 or newer.
func (pg *Postgres) KillBackends(t testing.TB) int {
	t.Helper()
	db := DB(t, pg.URL("postgres"))
	defer db.Close()
	return int(QueryInt(t, db, `
		SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, 30000))
		FROM pg_stat_activity
		WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`))
}

func (pg *Postgres) exec(t testing.TB, statement string) {
	t.Helper()
	db, err := sql.Open("postgres", pg.URL("postgres"))
	if err != nil {
		t.Fatalf("open PostgreSQL: %v", err)
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), queryDeadline)
	defer cancel()
	if _, err := db.ExecContext(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// DB opens a database, makes sure that it answers, and closes it at the end of the test.
func DB(t testing.TB, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", url)
	if err != nil {
		t.Fatalf("open %s: %v", url, err)
	}
	t.Cleanup(func() { db.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), queryDeadline)
	defer cancel()
	if err := db.PingContext(ctx); err != nil {
		t.Fatalf("connect to %s: %v", url, err)
	}
	return db
}

// QueryInt returns the one number that a query yields, NULL as 0.
func QueryInt(t testing.TB, db *sql.DB, query string, args ...any) int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), queryDeadline)
	defer cancel()
	var number sql.NullInt64
	if err := db.QueryRowContext(ctx, query, args...).Scan(&number); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return number.Int64
}
