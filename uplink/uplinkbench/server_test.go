package uplinkbench

import (
	"database/sql"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"network-sniffer/board/testbed"
	"network-sniffer/uplink/schema"
)

// serverPatience bounds the wait for a backend to end when its client is gone.
const serverPatience = time.Minute

// server is a private PostgreSQL with the product's schema, its data in memory where there is room.
type server struct {
	pg         *testbed.Postgres
	db         *sql.DB
	database   string
	postmaster int // process id
}

// newServer starts one without autovacuum: it would work for one client on the rows of another.
func newServer(t testing.TB) *server {
	t.Helper()
	pg := testbed.StartPostgres(t, testbed.Setting("autovacuum", "off"))
	own := pg.NewDatabase(t)
	s := &server{pg: pg, db: testbed.DB(t, own)}
	u, err := url.Parse(own)
	if err != nil {
		t.Fatal(err)
	}
	s.database = strings.TrimPrefix(u.Path, "/")
	if _, _, err := schema.Apply(t.Context(), s.db); err != nil {
		t.Fatal(err)
	}
	if _, err := schema.EnsureDay(t.Context(), s.db, day); err != nil {
		t.Fatal(err)
	}
	backend := testbed.QueryInt(t, s.db, "SELECT pg_backend_pid()")
	s.postmaster = readStat(t, int(backend)).parent
	return s
}

// url is how clients reach the server.
func (s *server) url() string { return s.pg.TCPURL(s.database) }

// empty makes the table and the ledger empty, and leaves the server nothing to write for later.
func (s *server) empty(t testing.TB) {
	t.Helper()
	for _, statement := range []string{
		"TRUNCATE sniffer.packets, sniffer.segments, sniffer.coverage, sniffer.coverage_losses",
		"CHECKPOINT",
	} {
		if _, err := s.db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// content stands for the rows of the table, in whatever order they are.
type content struct {
	rows int64
	hash string // the sum of the hashes of whole rows
}

func (s *server) content(t testing.TB) content {
	t.Helper()
	var c content
	const query = "SELECT count(*), coalesce(sum(hash_record_extended(p, 0)), 0) FROM sniffer.packets p"
	if err := s.db.QueryRowContext(t.Context(), query).Scan(&c.rows, &c.hash); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return c
}

// size is the bytes of the day's partition on disk: heap, with its maps, and indexes.
func (s *server) size(t testing.TB) (heap, index int64) {
	t.Helper()
	part := day.Format("'sniffer.packets_20060102'")
	return testbed.QueryInt(t, s.db, "SELECT pg_table_size("+part+")"), testbed.QueryInt(t, s.db, "SELECT pg_indexes_size("+part+")")
}

// awaitAlone returns when no client but this one has a backend any more.
func (s *server) awaitAlone(t testing.TB) {
	t.Helper()
	testbed.Eventually(t, serverPatience, "the client's backends to end", func() (bool, string) {
		n := testbed.QueryInt(t, s.db, `SELECT count(*) FROM pg_stat_activity
			WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`)
		return n == 0, fmt.Sprintf("%d are there", n)
	})
}

// cpu is what all processes of the server have used since its start.
func (s *server) cpu(t testing.TB) time.Duration {
	t.Helper()
	for {
		// A process that ends goes from its own account to that of its parent: then the sum is of neither state.
		before := readStat(t, s.postmaster)
		children, err := s.childrenTicks()
		if err != nil {
			t.Fatal(err)
		}
		after := readStat(t, s.postmaster)
		if before.children == after.children {
			const perSecond = 100 // USER_HZ, which is that on every Linux that PostgreSQL runs on
			return time.Duration(after.own+after.children+children) * time.Second / perSecond
		}
	}
}

// childrenTicks is the time of the postmaster's children that run.
func (s *server) childrenTicks() (ticks int64, err error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if p, err := parseStat(pid); err == nil && p.parent == s.postmaster {
			ticks += p.own
		}
	}
	return ticks, nil
}

// stat is what is used of /proc/PID/stat (proc(5)), times in ticks.
type stat struct {
	parent        int
	own, children int64
}

func readStat(t testing.TB, pid int) stat {
	t.Helper()
	s, err := parseStat(pid)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func parseStat(pid int) (s stat, err error) {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return s, err
	}
	// The name in parentheses may hold anything; the third field stands behind the last one.
	_, rest, found := strings.Cut(string(line[max(0, strings.LastIndexByte(string(line), ')')):]), ") ")
	fields := strings.Fields(rest)
	if !found || len(fields) < 15 {
		return s, fmt.Errorf("/proc/%d/stat is %q", pid, line)
	}
	const third = 3
	var values [15]int64
	for i, field := range []int{4, 14, 15, 16, 17} {
		if values[i], err = strconv.ParseInt(fields[field-third], 10, 64); err != nil {
			return s, fmt.Errorf("/proc/%d/stat: %w", pid, err)
		}
	}
	return stat{parent: int(values[0]), own: values[1] + values[2], children: values[3] + values[4]}, nil
}

// relay stands before the server and counts bytes.
func (s *server) relay(t testing.TB) (proxy *testbed.Proxy, via string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	proxy = testbed.NewProxy(t, listener, s.pg.Dial)
	return proxy, s.pg.URLVia(proxy.Addr().String(), s.database)
}
