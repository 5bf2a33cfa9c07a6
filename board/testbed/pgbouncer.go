//go:build linux

package testbed

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// PgBouncer is a private connection pooler in front of a Postgres, in transaction mode and else with its defaults:
// what works behind it needs no session of its own and no startup parameter that a pooler does not know.
type PgBouncer struct {
	program string
	pg      *Postgres
	dir     string
	port    int
	log     *tail // of all starts

	mu      sync.Mutex
	process *Process // nil while stopped
}

// NeedPgBouncer skips the test when PgBouncer is not installed, or fails it with SNIFFER_TEST_REQUIRE=1.
func NeedPgBouncer(t testing.TB) string {
	t.Helper()
	const debian = "/usr/sbin/pgbouncer" // not on the PATH of most users
	if path, err := exec.LookPath(debian); err == nil {
		return path
	}
	return NeedTool(t, "pgbouncer")
}

// StartPgBouncer starts a pooler that opens at most servers connections to each database of pg. It lives as long as
// the test.
func StartPgBouncer(t testing.TB, pg *Postgres, servers int) *PgBouncer {
	t.Helper()
	b := &PgBouncer{program: NeedPgBouncer(t), pg: pg, log: newTail(outputTail)}
	var err error
	if b.dir, err = pg.install.makeDir(false); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.Stop(t)
		if err := os.RemoveAll(b.dir); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("log of PgBouncer:\n%s", b.Log())
		}
	})
	if b.port, err = freePort(); err != nil {
		t.Fatal(err)
	}
	users := filepath.Join(b.dir, "users")
	b.write(t, users, fmt.Sprintf("%q \"\"\n", Superuser))
	b.write(t, b.settings(), fmt.Sprintf(`[databases]
* = host=%s port=%d
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = trust
auth_file = %s
pool_mode = transaction
default_pool_size = %d
`, pg.dir, pg.port, b.port, users, servers))
	b.Start(t)
	return b
}

func (b *PgBouncer) settings() string { return filepath.Join(b.dir, "pgbouncer.ini") }

// write makes a file that the pooler's user owns.
func (b *PgBouncer) write(t testing.TB, path, content string) {
	t.Helper()
	if err := b.pg.install.own(path, os.WriteFile(path, []byte(content), 0o600)); err != nil {
		t.Fatalf("testbed: settings of PgBouncer: %v", err)
	}
}

// Start starts a stopped pooler on the same port, and returns when it listens.
func (b *PgBouncer) Start(t testing.TB) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.process != nil {
		t.Fatalf("PgBouncer in %s already runs", b.dir)
	}
	command := exec.Command(b.program, b.settings())
	command.Dir = b.dir
	command.Env = []string{"LC_ALL=C", "TZ=UTC", "PATH=/usr/bin:/bin"}
	command.SysProcAttr = b.pg.install.attributes()
	process, err := startProcess(command, syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	b.process = process
	// It says so when its sockets are open.
	if err := process.waitOutput("process up", startDeadline); err != nil {
		t.Fatal(err)
	}
}

// Stop ends the pooler at once and with it all connections. One that does not run is left alone.
func (b *PgBouncer) Stop(t testing.TB) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.process == nil {
		return
	}
	b.process.Signal(t, syscall.SIGTERM)
	Await(t, b.process.Done(), stopDeadline, "end of PgBouncer")
	b.log.Write([]byte(b.process.Output()))
	b.process = nil
}

// Log returns the last part of the pooler's log, of all starts.
func (b *PgBouncer) Log() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.process == nil {
		return b.log.String()
	}
	return b.log.String() + b.process.Output()
}

// URL returns how to reach a database of the server through the pooler.
func (b *PgBouncer) URL(database string) string {
	return b.pg.URLVia(net.JoinHostPort("127.0.0.1", fmt.Sprint(b.port)), database)
}
