package schema

import (
	"context"
	"database/sql"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"network-sniffer/board/testbed"
)

func TestMain(m *testing.M) { os.Exit(testbed.Main(m)) }

// deadline bounds each test's work with the database; generous, since the machine may be busy.
const deadline = 2 * time.Minute

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	return ctx
}

// empty returns the URL of a new database without the schema.
func empty(t *testing.T) string { return testbed.SharedPostgres(t).NewDatabase(t) }

// applied returns a new database with the schema, and its URL.
func applied(t *testing.T) (*sql.DB, string) {
	t.Helper()
	address := empty(t)
	db := testbed.DB(t, address)
	if _, _, err := Apply(testContext(t), db); err != nil {
		t.Fatal(err)
	}
	return db, address
}

func run(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(testContext(t), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// queryStrings returns the first column of a query.
func queryStrings(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.QueryContext(testContext(t), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		list = append(list, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return list
}

// with returns the address with parameters of the connection changed.
func with(t *testing.T, address string, pairs ...string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// as makes a role without any right, for this test's database alone, and returns its name and the address it connects by.
func as(t *testing.T, db *sql.DB, address, role string) (name, roleAddress string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	name = role + "_" + strings.TrimPrefix(u.Path, "/")
	run(t, db, "CREATE ROLE "+name+" LOGIN")
	u.User = url.User(name)
	return name, u.String()
}
