package spool

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// gate stops one operation until it is told to go on.
type gate struct {
	op, suffix string
	reached    chan struct{} // closed when the operation has come
	open       chan struct{} // closed to let it through
	used       bool
}

func newGate(op, suffix string) *gate {
	return &gate{op: op, suffix: suffix, reached: make(chan struct{}), open: make(chan struct{})}
}

func (g *gate) before(op, path string) error {
	if !g.used && op == g.op && strings.HasSuffix(path, g.suffix) {
		g.used = true
		close(g.reached)
		<-g.open
	}
	return nil
}

func await(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(time.Minute):
		t.Fatalf("waited a minute for %s", what)
	}
}

func inBackground(do func()) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	return done
}

// TestStatsOfHangingDisk: the counters can be read while a segment is being sealed on a disk that does not answer.
func TestStatsOfHangingDisk(t *testing.T) {
	g := newGate("write", "2") // the second segment
	w := newWorld(t, &faulty{FS: newMemory(), before: g.before}, smallLimit)
	w.mustOpen()
	defer func() { w.close() }()
	w.mustSeal(1)
	w.mustSeal(1)
	sealed := inBackground(func() {
		h, body := segment(key{1, 3}, 1)
		_ = w.spool.Seal(h, body)
	})
	await(t, g.reached, "the write")
	var stats Stats
	await(t, inBackground(func() { stats = w.spool.Stats() }), "Stats")
	if stats.Sealed != 2 || stats.Segments != 2 || stats.Limit != smallLimit {
		t.Errorf("while the third hangs: %+v", stats)
	}
	close(g.open)
	await(t, sealed, "Seal")
	if n := w.spool.Stats().Sealed; n != 3 {
		t.Errorf("%d sealed, want 3", n)
	}
}

// TestWithheld: what is just getting another file is not handed out, and that is not taken for an empty spool.
func TestWithheld(t *testing.T) {
	g := newGate("rename", "-pack")
	w := newWorld(t, &faulty{FS: newMemory(), before: g.before}, 4*smallLimit)
	w.mustOpen()
	defer func() { w.close() }()
	if refs := w.spool.Pin(1, 1); len(refs) != 0 || w.spool.Withheld() {
		t.Fatal("an empty spool withholds something")
	}
	for w.spool.Stats().Bytes <= w.limit/2 {
		w.mustSeal(rowsFor(4))
	}
	<-w.spool.Changed()
	tended := inBackground(w.spool.tend)
	await(t, g.reached, "a bundle to get its name")
	if refs := w.spool.Pin(3, 1<<20); len(refs) != 0 || !w.spool.Withheld() {
		t.Errorf("%v while the oldest get another file, withheld: %t", refs, w.spool.Withheld())
	}
	close(g.open)
	await(t, w.spool.Changed(), "the spool to tell that it is over")
	if refs := w.spool.Pin(3, 1<<20); len(refs) != 3 || w.spool.Withheld() {
		t.Errorf("%v then, withheld: %t", refs, w.spool.Withheld())
	}
	await(t, tended, "tend")
	w.balance()
}

// TestOverflowOfFullSpool: what is on its way to flash is not dropped for what is sealed meanwhile. Else a full first tier
// would never get anything there.
func TestOverflowOfFullSpool(t *testing.T) {
	g := newGate("sync", "-pack")
	w := newTiers(t, &faulty{FS: newMemory(), before: g.before}, 1<<20)
	for w.spool.Stats().DroppedRows == 0 {
		w.mustSeal(rowsFor(4))
	}
	dropped := w.spool.Stats().DroppedRows
	w.clock = w.clock.Add(time.Hour)
	tended := inBackground(w.spool.tend)
	await(t, g.reached, "a bundle on flash")
	for range 3 {
		w.mustSeal(rowsFor(4))
	}
	if w.spool.Stats().DroppedRows == dropped {
		t.Fatal("nothing was dropped meanwhile: this tests nothing")
	}
	close(g.open)
	await(t, tended, "tend")
	if w.flashFiles() == 0 {
		t.Errorf("nothing came to flash: %+v", w.spool.Stats())
	}
	w.bounded()
	w.balance()
	w.drain()
	w.balance()
}

// TestPreserveBroken: a segment that turns out to be broken does not keep the others from being preserved.
func TestPreserveBroken(t *testing.T) {
	w := newTiers(t, newMemory(), 1<<20)
	for range 5 {
		w.mustSeal(100)
	}
	for _, n := range []uint64{1, 3} {
		alter(t, w.fs, w.spool.path(n), func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
	}
	if err := w.spool.Preserve(); err != nil {
		t.Error(err)
	}
	if st := w.spool.Stats(); st.Overflow.Segments != 5 || st.Bytes != 0 || st.BrokenRows != 200 {
		t.Errorf("after Preserve: %+v", st)
	}
	w.balance()
}

// TestTierRested: a second tier that failed is tried again, and who waits for something to send is told.
func TestTierRested(t *testing.T) {
	w := newTiers(t, newMemory(), 1<<20)
	w.fill()
	if err := w.spool.Preserve(); err != nil {
		t.Fatal(err)
	}
	for range len(w.spool.changed) {
		<-w.spool.changed
	}
	w.spool.mu.Lock()
	w.spool.rest(os.ErrDeadlineExceeded)
	w.spool.unlock()
	w.spool.tend()
	if refs := w.spool.Pin(1, 1); len(refs) != 0 || len(w.spool.changed) != 0 {
		t.Fatalf("%v, %d tokens while the tier rests", refs, len(w.spool.changed))
	}
	w.later(overflowPause)
	if len(w.spool.changed) != 1 {
		t.Error("nobody is told that the tier can be tried again")
	}
	if refs := w.spool.Pin(1, 1); len(refs) != 1 {
		t.Error("nothing is handed out then")
	}
}

// TestTierBackAfterPacking: the process ended between the name of a bundle on flash and the end of its segments' own files,
// the medium was pulled, and the next process packed them together with newer ones. Those are not lost when it comes back.
func TestTierBackAfterPacking(t *testing.T) {
	w := newTiers(t, Disk{}, 1<<20)
	w.mustSeal(rowsFor(4))
	kept := map[string][]byte{}
	for _, path := range segmentFiles(t, w.fs, w.dir) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		kept[path] = b
	}
	if err := w.spool.Preserve(); err != nil {
		t.Fatal(err)
	}
	w.close()
	away := w.overflow.Dir + ".away"
	if err := os.Rename(w.overflow.Dir, away); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(away) })
	for path, b := range kept {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.mustOpen()
	for i := range w.spool.entries { // more would be too many for this test
		w.spool.entries[i].attempted = false
	}
	for w.spool.Stats().Bytes <= w.limit/2 {
		w.mustSeal(rowsFor(4))
	}
	w.later(time.Second)
	if e := w.spool.entries[0]; e.bundle == nil || e.bundle.count <= len(kept) {
		t.Fatalf("the oldest is %+v: this tests nothing", e)
	}
	if err := os.Rename(away, w.overflow.Dir); err != nil {
		t.Fatal(err)
	}
	w.later(time.Hour)
	if st := w.spool.Stats(); st.Overflow.Segments == 0 {
		t.Fatalf("after it came back: %+v", st)
	}
	w.unsure = true
	w.balance()
	w.drain()
	w.balance()
	if names, err := filepath.Glob(filepath.Join(w.dir, "*"+brokenSuffix)); err != nil || len(names) != 0 {
		t.Errorf("%v are broken: %v", names, err)
	}
}

// TestTierReadAgain: that a second tier could not be read is told until it can be.
func TestTierReadAgain(t *testing.T) {
	var fault error
	disk := &faulty{FS: newMemory()}
	w := newTiers(t, disk, 1<<20)
	disk.before = func(op, path string) error {
		if op == "readat" && strings.HasPrefix(path, w.overflow.Dir) {
			return fault
		}
		return nil
	}
	w.fill()
	if err := w.spool.Preserve(); err != nil {
		t.Fatal(err)
	}
	for name, again := range map[string]func() []Ref{
		"its directory": func() []Ref { return w.spool.Pin(1, 1) },
		"its segments": func() []Ref {
			refs := w.spool.Pin(1, 1)
			_, _, _, _ = w.spool.Load(refs[0], nil)
			return refs
		},
	} {
		w.spool.entries[0].bundle.directory, w.spool.reader = nil, nil
		if name == "its segments" {
			w.spool.Unpin(w.spool.Pin(1, 1))
		}
		fault = syscall.ENODEV
		w.spool.Unpin(again())
		if w.spool.Stats().Overflow.Err == "" {
			t.Errorf("%s cannot be read, and nothing tells", name)
		}
		fault = nil
		w.later(overflowPause)
		w.spool.Unpin(again())
		if o := w.spool.Stats().Overflow; o.Err != "" {
			t.Errorf("%s can be read: %s", name, o.Err)
		}
	}
}

// TestNoLinks: the administrator's command must not write where a link in the daemon's directory points to.
func TestNoLinks(t *testing.T) {
	dir := tempDir(t)
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.WriteFile(target, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if err := (Disk{}).WriteSynced(link, []byte("theirs")); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("WriteSynced: %v, want ELOOP", err)
	}
	if _, err := (Disk{}).Create(link); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("Create: %v, want ELOOP", err)
	}
	if b, err := os.ReadFile(target); err != nil || string(b) != "mine" {
		t.Errorf("the file that the link points to: %q, %v", b, err)
	}
}
