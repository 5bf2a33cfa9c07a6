//go:build linux

package testbed

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPostgresKeepsItsData stops the server in every mode and starts it again on the same data and port.
func TestPostgresKeepsItsData(t *testing.T) {
	for _, c := range []struct {
		name    string
		options []PostgresOption
		fsync   string
	}{{"fast to start", nil, "off"}, {"durable", []PostgresOption{Durable()}, "on"}} {
		t.Run(c.name, func(t *testing.T) {
			pg := StartPostgres(t, c.options...)
			url, port := pg.NewDatabase(t), pg.Port()
			db := DB(t, url)
			execute(t, db, "CREATE TABLE numbers (n bigint)")
			for i, mode := range []StopMode{Fast, Immediate, Smart} {
				execute(t, db, "INSERT INTO numbers VALUES ($1)", i+1)
				db.Close() // a smart stop would wait for it
				pg.Stop(t, mode)
				if pg.Running() {
					t.Fatalf("still running after a %s stop", mode)
				}
				if conn, err := pg.Dial(); err == nil {
					conn.Close()
					t.Fatalf("the socket answers after a %s stop", mode)
				}
				pg.Start(t)
				db = DB(t, url)
				if got := QueryInt(t, db, "SELECT count(*) FROM numbers WHERE n <= $1", i+1); got != int64(i+1) {
					t.Errorf("%d rows after a %s stop, want %d", got, mode, i+1)
				}
			}
			if pg.Port() != port {
				t.Errorf("port %d, was %d", pg.Port(), port)
			}
			var fsync string
			if err := db.QueryRow("SHOW fsync").Scan(&fsync); err != nil || fsync != c.fsync {
				t.Errorf("fsync %q, %v, want %q", fsync, err, c.fsync)
			}
			if !strings.Contains(pg.Log(), "redo") {
				t.Error("the log does not tell of the recovery after the immediate stop")
			}
		})
	}
}

func execute(t *testing.T, db *sql.DB, statement string, args ...any) {
	t.Helper()
	if _, err := db.Exec(statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func TestPostgresGoesWithItsTest(t *testing.T) {
	NeedPostgres(t)
	var pg *Postgres
	r := record(t, func(t testing.TB) { pg = StartPostgres(t) })
	if r.failed != "" {
		r.finish()
		t.Fatal(r.failed)
	}
	pid := pg.process.PID()
	r.finish()
	if r.failed != "" {
		t.Errorf("cleanup: %s", r.failed)
	}
	if _, err := os.Stat(pg.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", pg.dir, err)
	}
	if alive(pid) {
		t.Error("the server still runs")
	}
	for _, root := range dirCandidates(false) {
		if own, _ := filepath.Glob(filepath.Join(root, ownPrefix()+"pg-*")); len(own) > 1 {
			t.Errorf("directories %q, want at most the shared server's", own)
		}
	}
}

func TestPostgresWrongUse(t *testing.T) {
	pg := StartPostgres(t)
	if r := record(t, pg.Start); !strings.Contains(r.failed, "already runs") {
		t.Errorf("second start: %q", r.failed)
	}
	if r := record(t, func(t testing.TB) { pg.Stop(t, "gentle") }); !strings.Contains(r.failed, "gentle") {
		t.Errorf("stop in an unknown mode: %q", r.failed)
	}
	pg.Stop(t, Immediate)
	if r := record(t, func(t testing.TB) { pg.Stop(t, Fast) }); !strings.Contains(r.failed, "does not run") {
		t.Errorf("second stop: %q", r.failed)
	}
}

func TestPostgresReportsAFailedStart(t *testing.T) {
	NeedPostgres(t)
	r := record(t, func(t testing.TB) { StartPostgres(t, Setting("no_such_setting", "1")) })
	r.finish()
	if !strings.Contains(r.failed, "no_such_setting") {
		t.Errorf("failure %q does not hold the server's own words", r.failed)
	}
}

func TestPostgresAddresses(t *testing.T) {
	pg := SharedPostgres(t)
	if other := SharedPostgres(t); other != pg {
		t.Error("the shared server is not one")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	proxy := NewProxy(t, listener, pg.Dial)
	for _, c := range []struct{ name, url string }{
		{"unix socket", pg.URL("postgres")},
		{"TCP", pg.TCPURL("postgres")},
		{"proxy", pg.URLVia(proxy.Addr().String(), "postgres")},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := QueryInt(t, DB(t, c.url), "SELECT $1::int + 1", 41); got != 42 {
				t.Errorf("41 + 1 = %d", got)
			}
		})
	}
	if got := proxy.Stats().Accepted; got != 1 {
		t.Errorf("%d connections through the proxy, want 1", got)
	}
}

// TestPostgresFromNamespace: a namespace without any way out reaches the server through a proxy in it.
func TestPostgresFromNamespace(t *testing.T) {
	NeedRoot(t)
	pg := SharedPostgres(t)
	ns := NewNamespace(t, "client")
	listener, err := ns.Listen("tcp", "127.0.0.1:5432")
	if err != nil {
		t.Fatal(err)
	}
	proxy := NewProxy(t, listener, pg.Dial)
	psql := pg.install.program("psql")
	if got := ns.Run(t, psql, "-Atc", "SELECT 6 * 7", pg.URLVia("127.0.0.1:5432", "postgres")); got != "42\n" {
		t.Errorf("psql in the namespace says %q", got)
	}
	if got := proxy.Stats().Accepted; got != 1 {
		t.Errorf("%d connections through the proxy, want 1", got)
	}
}

func TestNewDatabase(t *testing.T) {
	pg := SharedPostgres(t)
	const databases = "SELECT count(*) FROM pg_database WHERE datname LIKE 'test\\_%'"
	db := DB(t, pg.URL("postgres"))
	before := QueryInt(t, db, databases)
	r := record(t, func(t testing.TB) {
		a, b := DB(t, pg.NewDatabase(t)), DB(t, pg.NewDatabase(t))
		a.Exec("CREATE TABLE mine (n int)")
		if got := QueryInt(t, b, "SELECT count(*) FROM pg_class WHERE relname = 'mine'"); got != 0 {
			t.Error("two new databases are one")
		}
	})
	if got := QueryInt(t, db, databases); got != before+2 {
		t.Errorf("%d databases, want 2 more than %d", got, before)
	}
	r.finish()
	if r.failed != "" {
		t.Error(r.failed)
	}
	if got := QueryInt(t, db, databases); got != before {
		t.Errorf("%d databases after the test, want %d", got, before)
	}
}

func TestKillBackends(t *testing.T) {
	pg := StartPostgres(t)
	db := DB(t, pg.NewDatabase(t))
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// The server may not be done with the connection that made the database.
	if got := pg.KillBackends(t); got < 1 || got > 2 {
		t.Errorf("killed %d, want 1", got)
	}
	if _, err := conn.ExecContext(context.Background(), "SELECT 1"); err == nil {
		t.Error("the killed connection answers")
	}
	if got := QueryInt(t, db, "SELECT 1"); got != 1 {
		t.Errorf("a new connection says %d", got)
	}
}

// TestCommitWhoseAnswerIsLost is what the proxy is for: the client is told of a failure, and the row is there.
func TestCommitWhoseAnswerIsLost(t *testing.T) {
	pg := SharedPostgres(t)
	url := pg.NewDatabase(t)
	direct := DB(t, url)
	execute(t, direct, "CREATE TABLE numbers (n bigint)")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	proxy := NewProxy(t, listener, pg.Dial)
	name := url[:strings.IndexByte(url, '?')]
	db := DB(t, pg.URLVia(proxy.Addr().String(), name[strings.LastIndexByte(name, '/')+1:]))
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec("INSERT INTO numbers VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	swallowed := proxy.SwallowAfter([]byte("COMMIT"))
	if err := tx.Commit(); err == nil {
		t.Error("Commit succeeded without the server's answer")
	}
	Await(t, swallowed, patience, "answer swallowed")
	if got := QueryInt(t, direct, "SELECT count(*) FROM numbers"); got != 1 {
		t.Errorf("%d rows, want the one that was committed", got)
	}
}

func TestPostgresBinTakesTheNewest(t *testing.T) {
	root := t.TempDir()
	for _, version := range []string{"9.6", "15", "9.1", "16"} {
		bin := filepath.Join(root, version, "bin")
		if err := os.MkdirAll(bin, 0o755); err != nil {
			t.Fatal(err)
		}
		if version == "16" {
			continue // its server was not installed
		}
		if err := os.WriteFile(filepath.Join(bin, "initdb"), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	got, err := postgresBin(filepath.Join(root, "*", "bin"))
	if want := filepath.Join(root, "15", "bin"); got != want || err != nil {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
}

func BenchmarkStartPostgres(b *testing.B) {
	NeedPostgres(b)
	for b.Loop() {
		pg, err := newPostgres(nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := pg.remove(); err != nil {
			b.Fatal(err)
		}
	}
}
