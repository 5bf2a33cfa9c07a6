package crashtest

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"network-sniffer/board/testbed"
	"network-sniffer/uplink"
	"network-sniffer/uplink/spool"
)

const (
	// recovery is how long it may take until rows are stored again after a disk was mended. The next segment comes
	// within milliseconds.
	recovery = 10 * time.Second
	// manyPackets is what a recorder takes while its disk is ill: more than all its batches hold.
	manyPackets = 4 * batches * rowsPerSegment
	// memoryBound is by how much the heap may grow meanwhile: batches and everything else is made before.
	memoryBound = 8 << 20
)

// ill proves that capture goes on while something is wrong with the disk, in bounded memory; that what is lost is
// counted; and that rows are stored again when it is mended.
func ill(t *testing.T, v *live, begin, end func()) {
	t.Helper()
	eventually(t, "a segment", func() (bool, string) { s := v.spool.Stats(); return s.Sealed > 0, fmt.Sprintf("%+v", s) })
	heap := heapInUse()
	begin()
	from := v.packets.Load()
	eventually(t, "capture goes on", func() (bool, string) {
		n := v.packets.Load() - from
		return n >= manyPackets, fmt.Sprintf("%d packets", n)
	})
	if grown := heapInUse() - heap; grown > memoryBound {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
	end()
	mended := time.Now()
	s := v.spool.Stats()
	if s.Bytes > s.Limit {
		t.Errorf("the spool is larger than it may be: %+v", s)
	}
	sealed := s.Sealed
	testbed.Eventually(t, recovery, "segments are sealed again", func() (bool, string) {
		s := v.spool.Stats()
		return s.Sealed > sealed, fmt.Sprintf("%+v", s)
	})
	t.Logf("sealed again after %v", time.Since(mended).Round(time.Millisecond))
}

func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse)
}

// away is a database that nobody answers for.
func away(v *live) {
	v.intercept(func(moment, *link, message) error { return errCut })
	v.relay.reset()
}

// expectLosses makes sure that packets were lost for the reason, and for no other than a few: on a busy machine the
// recorder itself may run out of batches.
func expectLosses(t *testing.T, v *live, r result, reason string) {
	t.Helper()
	count := func(condition string) int64 {
		return testbed.QueryInt(t, v.db, "SELECT coalesce(sum(packets), 0) FROM sniffer.coverage_losses WHERE reason "+condition)
	}
	if n := count("= '" + reason + "'"); n == 0 {
		t.Errorf("%d packets are lost, none of them for %s", r.losses, reason)
	}
	if n := count(fmt.Sprintf("NOT IN ('%s', '%s', '%s')", uplink.LossRecorder, uplink.LossSpool, spool.LossFull)); n != 0 {
		t.Errorf("%d packets are lost for other reasons than a disk gives", n)
	}
}

// TestDisks runs in a process that can mount disks and where nothing else uses memory.
func TestDisks(t *testing.T) {
	if os.Getenv(ownMounts) == "" {
		t.Parallel()
	}
	if !inOwnMounts(t) {
		return
	}
	t.Run("full", testFullDisk)
	t.Run("full of the server", testFullServer)
	t.Run("ill", testIllDisks)
}

// testFullDisk: others fill the disk of the spool while the database is away.
func testFullDisk(t *testing.T) {
	w := newWorld(t)
	mountMemory(t, w.dir, 3*spool.MinLimit/2)
	v := newLive(t, w, liveOptions{capture: true})
	v.awaitUploads(t, 1)
	var empty func()
	ill(t, v, func() {
		away(v)
		empty = fill(t, w.dir)
	}, func() { empty() })
	expectLosses(t, v, v.finish(t, "full disk", 1), uplink.LossSpool)
}

// testFullServer: the server's disk is full (SQLSTATE 53100, by the server itself).
func testFullServer(t *testing.T) {
	pg := testbed.StartPostgres(t)
	home := filepath.Dir(pg.Socket())
	dir := filepath.Join(home, "small")
	mountMemory(t, dir, 16<<20)
	owner, err := os.Stat(home)
	if err != nil {
		t.Fatal(err)
	}
	id := owner.Sys().(*syscall.Stat_t)
	if err := os.Chown(dir, int(id.Uid), int(id.Gid)); err != nil {
		t.Fatal(err)
	}
	w := newWorldIn(t, pg)
	w.do(t, "CREATE TABLESPACE small LOCATION '"+dir+"'")
	w.do(t, "ALTER DATABASE {database} SET default_tablespace = small")
	v := newLive(t, w, liveOptions{})
	v.awaitUploads(t, 1)
	empty := fill(t, dir)
	eventually(t, "the reason is told", func() (bool, string) {
		e := v.uploader.State().LastError
		return strings.Contains(e, "53100"), e
	})
	empty()
	v.awaitUploads(t, 1)
	expectNoLosses(t, v.finish(t, "full disk of the server", 1))
}

// illDisk answers as a broken disk, or does not answer.
type illDisk struct {
	spool.Disk
	mu    sync.Mutex
	err   error         // of every change; nil: none
	hangs chan struct{} // every change waits for its end; nil: none
}

func (d *illDisk) set(err error, hangs chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err, d.hangs = err, hangs
}

func (d *illDisk) change() error {
	d.mu.Lock()
	err, hangs := d.err, d.hangs
	d.mu.Unlock()
	if hangs != nil {
		<-hangs
	}
	return err
}

func (d *illDisk) WriteSynced(path string, head []byte, parts ...[]byte) error {
	if err := d.change(); err != nil {
		return err
	}
	return d.Disk.WriteSynced(path, head, parts...)
}

func (d *illDisk) Create(path string) (spool.File, error) {
	if err := d.change(); err != nil {
		return nil, err
	}
	return d.Disk.Create(path)
}

func (d *illDisk) Rename(from, to string) error {
	if err := d.change(); err != nil {
		return err
	}
	return d.Disk.Rename(from, to)
}

func (d *illDisk) Remove(path string) error {
	if err := d.change(); err != nil {
		return err
	}
	return d.Disk.Remove(path)
}

// testIllDisks: a disk that refuses every change or hangs, while the database is there and while it is away. Capture
// goes on, and what was sent although it could not be removed is not stored twice.
func testIllDisks(t *testing.T) {
	for _, row := range []struct {
		name   string
		err    error // nil: it hangs
		away   bool
		reason string
	}{
		{"EIO", syscall.EIO, false, uplink.LossSpool},
		{"EIO, database away", syscall.EIO, true, uplink.LossSpool},
		{"EROFS", syscall.EROFS, false, uplink.LossSpool},
		{"EROFS, database away", syscall.EROFS, true, uplink.LossSpool},
		{"hangs", nil, false, uplink.LossRecorder},
		{"hangs, database away", nil, true, uplink.LossRecorder},
	} {
		t.Run(strings.ReplaceAll(row.name, " ", "_"), func(t *testing.T) {
			disk := &illDisk{}
			v := newLive(t, newWorld(t), liveOptions{fs: disk, capture: true})
			v.awaitUploads(t, 1)
			mend := func() { disk.set(nil, nil) }
			ill(t, v, func() {
				if row.away {
					away(v)
				}
				if row.err != nil {
					disk.set(row.err, nil)
					return
				}
				hangs := make(chan struct{})
				disk.set(nil, hangs)
				mend = sync.OnceFunc(func() {
					disk.set(nil, nil)
					close(hangs)
				})
				t.Cleanup(mend)
			}, func() { mend() })
			expectLosses(t, v, v.finish(t, "disk: "+row.name, 1), row.reason)
		})
	}
}
