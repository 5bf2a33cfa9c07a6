//go:build linux

package testbed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/lib/pq" // the driver of this package's connections
)

// Superuser is the role that owns everything in a server of StartPostgres. It needs no password, on the
// unix socket and on 127.0.0.1.
const Superuser = "postgres"

// StopMode is how PostgreSQL is told to stop, "Shutting Down the Server" in its manual.
type StopMode string

const (
	Smart     StopMode = "smart"     // when the last client has left
	Fast      StopMode = "fast"      // clients are thrown out, transactions rolled back
	Immediate StopMode = "immediate" // as in a crash: the next start recovers from the log
)

var stopSignals = map[StopMode]syscall.Signal{
	Smart:     syscall.SIGTERM,
	Fast:      syscall.SIGINT,
	Immediate: syscall.SIGQUIT,
}

// PostgresOption changes a server before its first start.
type PostgresOption func(*postgresConfig)

type postgresConfig struct {
	durable  bool
	settings []string // name=value, later ones win
	files    map[string][]byte
}

// Durable keeps the data on a disk, with fsync and full page writes, as for a power cut. Without it a server still keeps every
// committed transaction through Stop(Immediate).
func Durable() PostgresOption {
	return func(c *postgresConfig) {
		c.durable = true
		c.settings = append(c.settings, "fsync=on", "full_page_writes=on")
	}
}

// Setting sets a server parameter.
func Setting(name, value string) PostgresOption {
	return func(c *postgresConfig) { c.settings = append(c.settings, name+"="+value) }
}

// File puts a file into the data directory, such as a certificate or another pg_hba.conf; that one has to let
// Superuser in on the unix socket without a password.
func File(name string, content []byte) PostgresOption {
	return func(c *postgresConfig) {
		if c.files == nil {
			c.files = map[string][]byte{}
		}
		c.files[name] = content
	}
}

// TLS has the server speak TLS with a certificate of its own, and ask clients for one of the authority clients,
// unless that is nil.
func TLS(own Certificate, clients *Authority) PostgresOption {
	return func(c *postgresConfig) {
		c.settings = append(c.settings, "ssl=on")
		File("server.crt", own.Certificate)(c)
		File("server.key", own.Key)(c)
		if clients != nil {
			c.settings = append(c.settings, "ssl_ca_file=clients.crt")
			File("clients.crt", clients.Certificate)(c)
		}
	}
}

// Postgres is a private server. It listens on a unix socket, which every network namespace reaches, and on
// a port of 127.0.0.1; from a namespace, TCP goes through a Proxy whose target is Dial.
type Postgres struct {
	install postgresInstall
	config  postgresConfig
	dir     string // holds the socket, and data/
	port    int
	log     *tail // of all starts

	mu      sync.Mutex
	process *Process // nil while stopped
}

// NeedPostgres skips the test when no PostgreSQL server is installed, or fails it with
// SNIFFER_TEST_REQUIRE=1.
func NeedPostgres(t testing.TB) {
	t.Helper()
	if _, err := findPostgres(); err != nil {
		unmet(t, err.Error())
	}
}

// StartPostgres starts a server that lives as long as the test, with the newest PostgreSQL installed. The
// first one of a test binary takes about two seconds, each further one a fraction of that. Without options
// it does not sync to disk.
func StartPostgres(t testing.TB, options ...PostgresOption) *Postgres {
	t.Helper()
	NeedPostgres(t)
	pg, err := newPostgres(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pg.remove(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("log of PostgreSQL:\n%s", pg.Log())
		}
	})
	return pg
}

var shared struct {
	sync.Mutex
	allowed bool
	pg      *Postgres
}

// Main runs the tests of a binary that calls SharedPostgres, and then removes the shared server:
//
//	func TestMain(m *testing.M) { os.Exit(testbed.Main(m)) }
func Main(m *testing.M) int {
	shared.Lock()
	shared.allowed = true
	shared.Unlock()
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	shared.allowed = false
	if shared.pg != nil {
		if err := shared.pg.remove(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
		shared.pg = nil
	}
	return code
}

// SharedPostgres returns the one server that all tests of the binary share, started when the first asks
// for it. Tests keep apart by NewDatabase, and do not stop it. The binary needs Main.
func SharedPostgres(t testing.TB) *Postgres {
	t.Helper()
	NeedPostgres(t)
	shared.Lock()
	defer shared.Unlock()
	if !shared.allowed {
		t.Fatal("SharedPostgres needs func TestMain(m *testing.M) { os.Exit(testbed.Main(m)) }")
	}
	if shared.pg == nil {
		pg, err := newPostgres(nil)
		if err != nil {
			t.Fatal(err)
		}
		shared.pg = pg
	}
	return shared.pg
}

// newPostgres makes a data directory and starts a server on it; on an error nothing is left behind.
func newPostgres(options []PostgresOption) (pg *Postgres, err error) {
	install, err := findPostgres()
	if err != nil {
		return nil, err
	}
	pg = &Postgres{install: install, log: newTail(outputTail)}
	for _, option := range options {
		option(&pg.config)
	}
	if pg.dir, err = install.makeDir(pg.config.durable); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, pg.remove())
		}
	}()
	if err := install.makeData(pg.data()); err != nil {
		return nil, err
	}
	for name, content := range pg.config.files {
		path := filepath.Join(pg.data(), name)
		if err := install.own(path, os.WriteFile(path, content, 0o600)); err != nil {
			return nil, fmt.Errorf("testbed: file of PostgreSQL: %w", err)
		}
	}
	if pg.port, err = freePort(); err != nil {
		return nil, err
	}
	return pg, pg.start()
}

func (pg *Postgres) data() string { return filepath.Join(pg.dir, "data") }

// freePort picks a port that nobody listens on. Another process may take it before the server does; the
// server then says so in its log.
func freePort() (int, error) {
	var err error
	for range portAttempts {
		port := portFirst + rand.IntN(portCount)
		var probe net.Listener
		if probe, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return port, probe.Close()
		}
	}
	return 0, fmt.Errorf("testbed: no free port on 127.0.0.1 in %d attempts from %d on: %w", portAttempts, portFirst, err)
}

// Start starts a stopped server on the same data and port, and returns when it answers.
func (pg *Postgres) Start(t testing.TB) {
	t.Helper()
	if err := pg.start(); err != nil {
		t.Fatal(err)
	}
}

func (pg *Postgres) start() error {
	pg.mu.Lock()
	defer pg.mu.Unlock()
	if pg.process != nil {
		return fmt.Errorf("testbed: PostgreSQL in %s already runs", pg.dir)
	}
	args := []string{"-D", pg.data(), "-k", pg.dir, "-p", fmt.Sprint(pg.port)}
	settings := append([]string{
		"listen_addresses=127.0.0.1",
		"fsync=off",
		"full_page_writes=off",
		"shared_buffers=32MB",
	}, pg.config.settings...)
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	command := exec.Command(pg.install.program("postgres"), args...)
	command.Dir = pg.dir
	command.Env = []string{"LC_ALL=C", "TZ=UTC", "PATH=/usr/bin:/bin"}
	command.SysProcAttr = pg.install.attributes()
	command.Stdout, command.Stderr = pg.log, pg.log
	process, err := startProcess(command, syscall.SIGQUIT)
	if err != nil {
		return err
	}
	if err := pg.awaitReady(process); err != nil {
		process.command.Process.Signal(syscall.SIGQUIT)
		<-process.done
		return err
	}
	pg.process = process
	return nil
}

// awaitReady asks again whenever the server has written something in its log (it announces its readiness
// there), at least every so often, until it answers a query.
func (pg *Postgres) awaitReady(process *Process) error {
	deadline := time.NewTimer(startDeadline)
	defer deadline.Stop()
	tick := time.NewTicker(10 * pollInterval)
	defer tick.Stop()
	for {
		_, more := pg.log.snapshot()
		err := pg.answers()
		if err == nil {
			return nil
		}
		select {
		case <-more:
		case <-tick.C:
		case <-process.done:
			return fmt.Errorf("testbed: PostgreSQL in %s ended at start: %w; its log:\n%s", pg.dir, process.err, pg.Log())
		case <-deadline.C:
			return fmt.Errorf("testbed: PostgreSQL in %s does not answer after %v: %w; its log:\n%s", pg.dir, startDeadline, err, pg.Log())
		}
	}
}

func (pg *Postgres) answers() error {
	db, err := sql.Open("postgres", pg.URL("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), startDeadline)
	defer cancel()
	return db.PingContext(ctx)
}

// Stop stops the server and returns when it is gone; with Smart that takes until the last client has left.
func (pg *Postgres) Stop(t testing.TB, mode StopMode) {
	t.Helper()
	if _, known := stopSignals[mode]; !known {
		t.Fatalf("stop PostgreSQL in mode %q: it is smart, fast or immediate", mode)
	}
	if !pg.Running() {
		t.Fatalf("stop PostgreSQL in %s: it does not run", pg.dir)
	}
	if err := pg.stop(mode); err != nil {
		t.Fatal(err)
	}
}

func (pg *Postgres) stop(mode StopMode) error {
	pg.mu.Lock()
	defer pg.mu.Unlock()
	if pg.process == nil {
		return nil
	}
	process := pg.process
	process.command.Process.Signal(stopSignals[mode]) // an error means that it has ended by itself
	deadline := time.NewTimer(stopDeadline)
	defer deadline.Stop()
	select {
	case <-process.done:
		pg.process = nil
		return nil
	case <-deadline.C:
		return fmt.Errorf("testbed: PostgreSQL in %s runs %v after a %s stop; its log:\n%s", pg.dir, stopDeadline, mode, pg.Log())
	}
}

// remove stops the server and removes its directory.
func (pg *Postgres) remove() error {
	err := pg.stop(Immediate)
	if err != nil {
		pg.process.command.Process.Kill()
		<-pg.process.done
	}
	return errors.Join(err, os.RemoveAll(pg.dir))
}

// Running says whether the server was started and has not been stopped.
func (pg *Postgres) Running() bool {
	pg.mu.Lock()
	defer pg.mu.Unlock()
	return pg.process != nil
}

// Log returns the last part of the server's log, of all starts.
func (pg *Postgres) Log() string { return pg.log.String() }

// Port is the server's port on 127.0.0.1 and in the name of its socket.
func (pg *Postgres) Port() int { return pg.port }

// URL returns how to reach a database through the unix socket.
func (pg *Postgres) URL(database string) string {
	query := url.Values{"host": {pg.dir}, "port": {fmt.Sprint(pg.port)}, "sslmode": {"disable"}}
	u := url.URL{Scheme: "postgres", User: url.User(Superuser), Path: "/" + database, RawQuery: query.Encode()}
	return u.String()
}

// TCPURL returns how to reach a database over TCP on 127.0.0.1.
func (pg *Postgres) TCPURL(database string) string {
	return pg.URLVia(fmt.Sprintf("127.0.0.1:%d", pg.port), database)
}

// URLVia returns how to reach a database through address, "host:port", where a Proxy listens.
func (pg *Postgres) URLVia(address, database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(Superuser), Host: address, Path: "/" + database, RawQuery: "sslmode=disable"}
	return u.String()
}

// Socket is the path of the server's unix socket.
func (pg *Postgres) Socket() string {
	return filepath.Join(pg.dir, fmt.Sprintf(".s.PGSQL.%d", pg.port))
}

// Dial connects to the server's unix socket, as the target of a Proxy.
func (pg *Postgres) Dial() (net.Conn, error) {
	return net.DialTimeout("unix", pg.Socket(), startDeadline)
}
