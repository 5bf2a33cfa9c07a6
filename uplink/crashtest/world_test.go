package crashtest

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"network-sniffer/board/testbed"
	"network-sniffer/uplink"
	"network-sniffer/uplink/spool"
)

// formats are those in which rows go to the server.
var formats = []uplink.Format{uplink.FormatBinary, uplink.FormatText}

// world is a spool directory and a database of its own in the shared server.
type world struct {
	dir   string
	flash string // of the second tier
	pg    *testbed.Postgres
	name  string // of the database
	db    *sql.DB
}

func newWorld(t *testing.T) *world {
	t.Helper()
	testbed.NeedPostgres(t)
	return newWorldIn(t, testbed.SharedPostgres(t))
}

// memoryDir is a directory in memory where there is one, as the first tier of a router is.
func memoryDir(t *testing.T) string {
	t.Helper()
	// A test binary that is killed leaves it; the next one that starts a server of testbed removes it, by its name.
	dir, err := os.MkdirTemp("/dev/shm", fmt.Sprintf("sn-%d-crashtest-", os.Getpid()))
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// openSpool opens both tiers. The first is so small that a backlog of a second is packed into bundles.
func openSpool(fs spool.FS, dir, flash string) (*spool.Spool, error) {
	return spool.OpenWithOverflow(fs, dir, spool.MinLimit, spool.Overflow{Dir: flash, Limit: 64 << 20, After: time.Hour})
}

func newWorldIn(t *testing.T, pg *testbed.Postgres) *world {
	t.Helper()
	local := pg.NewDatabase(t)
	u, err := url.Parse(local)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{dir: memoryDir(t), flash: t.TempDir(), pg: pg, name: strings.TrimPrefix(u.Path, "/"), db: testbed.DB(t, local)}
	w.db.SetMaxOpenConns(1) // a killed server leaves no other connection behind that would fail later
	return w
}

// drain takes what is left in the spool to the database, past every relay, and returns how many segments it knew.
func (w *world) drain(t *testing.T) (known int64) {
	t.Helper()
	sp, err := openSpool(spool.Disk{}, w.dir, w.flash)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	_, known = drainFrom(t, w, sp)
	return known
}
