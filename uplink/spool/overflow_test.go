package spool

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// later lets time pass, and has the spool look after itself.
func (w *world) later(d time.Duration) {
	w.clock = w.clock.Add(d)
	w.spool.tend()
}

// flashFiles counts the bundles in the second tier.
func (w *world) flashFiles() int { return len(segmentFiles(w.t, inner(w.fs), w.overflow.Dir)) }

func newTiers(t *testing.T, fs FS, overflow int64) *world {
	w := newWorld(t, fs, 4*smallLimit).withOverflow(overflow)
	w.mustOpen()
	t.Cleanup(w.close)
	return w
}

// fill seals enough for a bundle on flash.
func (w *world) fill() {
	w.t.Helper()
	for range 25 {
		w.mustSeal(rowsFor(4))
	}
}

// TestOverflowWaits: nothing is written to flash while the uplink works, nor before it has been down for After, and what was
// down and came back starts anew.
func TestOverflowWaits(t *testing.T) {
	w := newTiers(t, newMemory(), 1<<20)
	w.spool.Uplink(true)
	w.fill()
	w.later(time.Hour)
	w.spool.Uplink(false)
	w.later(w.overflow.After - time.Second)
	w.spool.Uplink(true)
	w.later(time.Second)
	w.spool.Uplink(false)
	w.later(w.overflow.After - time.Second)
	w.spool.Uplink(false) // not down anew: it still is
	if n := w.flashFiles(); n != 0 {
		t.Fatalf("%d files on flash before it is time", n)
	}
	w.later(time.Second)
	if n := w.flashFiles(); n == 0 {
		t.Fatalf("nothing on flash when it is time: %+v", w.spool.Stats())
	}
	w.bounded()
	w.balance()
	if refs := w.spool.Pin(1, 1); len(refs) != 1 || !inTierTwo(refs[0].Ordinal) {
		t.Errorf("the oldest is %v, want one of the second tier", refs)
	}
}

// TestOverflowDaily: the day's bytes are a bound, across a start too, and come again the next day.
func TestOverflowDaily(t *testing.T) {
	w := newTiers(t, newMemory(), 1<<20)
	w.close()
	w.overflow.Daily = 300 << 10
	w.mustOpen()
	w.clock = w.clock.Add(time.Hour)
	for range 12 {
		w.fill()
		w.later(time.Minute)
		if o := w.spool.Stats().Overflow; o.Today > o.Daily {
			t.Fatalf("%d bytes today, %d may be", o.Today, o.Daily)
		}
	}
	if err := w.spool.Preserve(); !errors.Is(err, ErrDaily) {
		t.Errorf("Preserve: %v, want ErrDaily", err)
	}
	today := w.spool.Stats().Overflow.Today
	if today == 0 || today > w.overflow.Daily {
		t.Fatalf("%d bytes were written", today)
	}
	w.close()
	w.mustOpen()
	if got := w.spool.Stats().Overflow.Today; got != today {
		t.Errorf("after a start %d bytes count for today, want %d", got, today)
	}
	w.later(2 * w.overflow.After)
	w.clock = w.clock.Add(24 * time.Hour)
	w.fill()
	before := w.flashFiles()
	w.later(time.Minute)
	if w.flashFiles() <= before {
		t.Error("nothing is written on the next day")
	}
	w.balance()
	w.drain()
	w.balance()
}

// TestOverflowBound: the oldest bundle gives way, and the ledger learns of its rows.
func TestOverflowBound(t *testing.T) {
	w := newTiers(t, newMemory(), 400<<10)
	w.clock = w.clock.Add(time.Hour)
	for range 10 {
		w.fill()
		w.later(time.Minute)
		w.bounded()
	}
	if w.spool.Stats().DroppedRows == 0 {
		t.Fatal("nothing was dropped")
	}
	w.balance()
	w.drain()
	w.balance()
	if got, want := w.lost(LossFull), w.spool.Stats().DroppedRows; got != want {
		t.Errorf("the ledger counts %d dropped rows, the spool %d", got, want)
	}
	if n := w.flashFiles(); n != 0 {
		t.Errorf("%d files are left on flash", n)
	}
}

// TestReboot: the first tier was in memory. What Preserve wrote, and what was on flash before, is all there and comes first.
func TestReboot(t *testing.T) {
	w := newTiers(t, Disk{}, 1<<20)
	w.fill()
	w.later(time.Hour)
	for range 5 {
		w.mustSeal(10)
	}
	if err := w.spool.Preserve(); err != nil {
		t.Fatal(err)
	}
	if st := w.spool.Stats(); st.Bytes != 0 || st.Overflow.Segments != 30 {
		t.Fatalf("after Preserve: %+v", st)
	}
	w.close()
	if err := os.RemoveAll(w.dir); err != nil {
		t.Fatal(err)
	}
	w.mustOpen()
	w.newRun()
	w.mustSeal(3)
	if st := w.spool.Stats(); st.Segments != 31 {
		t.Fatalf("after the start: %+v", st)
	}
	w.balance()
	var order []key
	for w.spool.Stats().Segments > 0 {
		refs := w.spool.Pin(7, 1<<40)
		for _, r := range refs {
			h, err := w.spool.Header(r)
			if err != nil {
				t.Fatal(err)
			}
			order = append(order, keyOf(&h))
		}
		if err := w.upload(refs); err != nil {
			t.Fatal(err)
		}
		if err := w.spool.Sent(refs); err != nil {
			t.Fatal(err)
		}
	}
	for n, k := range order {
		if want := (key{1, uint64(n) + 1}); n < 30 && k != want || n == 30 && k != (key{2, 1}) {
			t.Fatalf("number %d is %v, want %v", n, k, want)
		}
	}
	w.drain()
	w.balance()
}

// TestVanishingTier: the medium is pulled and put back, also over a start of the process, and while its segments are on
// their way. The first tier goes on, and what is on the medium comes when it does.
func TestVanishingTier(t *testing.T) {
	w := newTiers(t, Disk{}, 1<<20)
	w.fill()
	w.later(time.Hour)
	onFlash := w.spool.Stats().Overflow.Segments
	if onFlash == 0 {
		t.Fatal("nothing on flash")
	}
	w.fill()
	refs := w.spool.Pin(4, 1<<40)
	if err := w.upload(refs[:2]); err != nil {
		t.Fatal(err)
	}
	away := w.overflow.Dir + ".away"
	pull := func() {
		if err := os.Rename(w.overflow.Dir, away); err != nil {
			t.Fatal(err)
		}
		// The mount point stays, on the router's own flash.
		if err := os.Mkdir(w.overflow.Dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	putBack := func() {
		if err := os.RemoveAll(w.overflow.Dir); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(away, w.overflow.Dir); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { os.RemoveAll(away) })
	pull()
	if _, _, _, err := w.spool.Load(refs[3], nil); !errors.Is(err, ErrGone) && err != nil {
		t.Fatalf("Load from what was pulled: %v, want ErrGone or what was still in memory", err)
	}
	w.later(time.Second)
	if o := w.spool.Stats().Overflow; o.Segments != 0 || o.Err == "" {
		t.Fatalf("%+v, want an error and nothing in it", o)
	}
	if err := w.spool.Sent(refs[:2]); err != nil {
		t.Errorf("Sent of what is away: %v", err)
	}
	w.spool.Unpin(refs)
	if err := w.send(5); err != nil {
		t.Errorf("the first tier: %v", err)
	}
	for range 3 {
		w.fill()
		w.later(time.Hour)
	}
	if names, err := os.ReadDir(w.overflow.Dir); err != nil || len(names) > 1 {
		for _, n := range names {
			if strings.HasSuffix(n.Name(), bundleSuffix) && w.spool.Stats().Overflow.Segments == 0 {
				t.Errorf("%s was written to a mount point", n.Name())
			}
		}
	}
	w.close()
	w.mustOpen()
	w.mustSeal(3)
	w.close()
	putBack()
	w.mustOpen()
	w.later(time.Hour)
	if o := w.spool.Stats().Overflow; o.Segments == 0 || o.Err != "" {
		t.Fatalf("after it came back: %+v", o)
	}
	w.drain()
}

// TestMissingTier: a directory that is not there is no reason not to start, and it is not made.
func TestMissingTier(t *testing.T) {
	w := newWorld(t, Disk{}, smallLimit)
	w.overflow = Overflow{Dir: filepath.Join(tempDir(t), "usb", "spool"), Limit: 1 << 20}
	w.mustOpen()
	defer w.close()
	w.mustSeal(5)
	if err := w.spool.Preserve(); err == nil || !strings.Contains(err.Error(), "--spool-overflow-dir") {
		t.Errorf("Preserve: %v, want what to do", err)
	}
	if _, err := os.Stat(filepath.Dir(w.overflow.Dir)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it was made: %v", err)
	}
	if err := os.MkdirAll(w.overflow.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	w.later(overflowPause)
	other := newOverflow(w.overflow)
	if f, err := lockDir(other.Dir); !errors.Is(err, ErrLocked) {
		t.Errorf("a second one may have it: %v, %v", f, err)
	}
	if err := w.spool.Preserve(); err != nil {
		t.Errorf("Preserve, once it is there: %v", err)
	}
	w.drain()
	w.balance()
}

// TestOverflowIsNotTheFirstTier by another name of the same directory: nothing of it is taken for the second tier's.
func TestOverflowIsNotTheFirstTier(t *testing.T) {
	dir := tempDir(t)
	link := filepath.Join(tempDir(t), "usb")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	s, err := OpenWithOverflow(Disk{}, dir, MinLimit, Overflow{Dir: link, Limit: MinLimit})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if o := s.Stats().Overflow; !strings.Contains(o.Err, "own directory") || s.over.held != nil {
		t.Errorf("%+v", o)
	}
}
