package spool

import (
	"errors"
	"fmt"
	"testing"
)

// rowsFor is a number of rows that makes a segment of so many blocks.
func rowsFor(blocks int) int { return (blocks*blockSize - 512) / rowSize }

// picture tells what is in the spool: sequence numbers, T for a tombstone, the run before the colon.
func (w *world) picture() string {
	infos, err := Inspect(w.fs, w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	s := ""
	for _, i := range infos {
		h := &i.Header
		s += fmt.Sprintf(" %d:%d", h.Run[0], h.Sequence)
		if h.Last != h.Sequence {
			s += fmt.Sprintf("-%d", h.Last)
		}
		if h.Tombstone {
			s += "T"
		}
	}
	return s
}

// TestDrop fills a spool of 24 blocks with segments of 4 (six of them fit) and looks at what makes room.
func TestDrop(t *testing.T) {
	seal := func(n, blocks int) func(*world) {
		return func(w *world) {
			for range n {
				w.mustSeal(rowsFor(blocks))
			}
		}
	}
	refuse := func(blocks int) func(*world) {
		return func(w *world) {
			if err := w.seal(rowsFor(blocks)); !errors.Is(err, ErrFull) {
				w.t.Fatalf("Seal: %v, want ErrFull", err)
			}
		}
	}
	pin := func(n int) func(*world) {
		return func(w *world) {
			if got := len(w.spool.Pin(n, 1<<40)); got != n {
				w.t.Fatalf("pinned %d of %d", got, n)
			}
		}
	}
	attempt := func(n int) func(*world) { // the commit's result stays unknown
		return func(w *world) {
			refs := w.spool.Pin(n, 1<<40)
			if err := w.upload(refs); err != nil {
				w.t.Fatal(err)
			}
			w.spool.Unpin(refs)
		}
	}
	second := func(w *world) { // the second alone is handed out
		refs := w.spool.Pin(2, 1<<40)
		if err := w.upload(refs[1:]); err != nil {
			w.t.Fatal(err)
		}
		w.spool.Unpin(refs)
	}
	newRun := func(w *world) { w.newRun() }
	reopen := func(w *world) { w.close(); w.mustOpen() }
	tests := []struct {
		name  string
		steps []func(*world)
		want  string
	}{
		{"everything fits", []func(*world){seal(6, 4)}, " 1:1 1:2 1:3 1:4 1:5 1:6"},
		{"the oldest gives up its rows", []func(*world){seal(6, 4), seal(1, 2)}, " 1:1T 1:2 1:3 1:4 1:5 1:6 1:7"},
		{"the tombstone absorbs the next", []func(*world){seal(7, 4)}, " 1:1-2T 1:3 1:4 1:5 1:6 1:7"},
		{"and goes on", []func(*world){seal(12, 4)}, " 1:1-7T 1:8 1:9 1:10 1:11 1:12"},
		{"all for one", []func(*world){seal(6, 4), seal(1, 23)}, " 1:1-6T 1:7"},
		{"too large for the whole", []func(*world){seal(6, 4), refuse(25)}, " 1:1 1:2 1:3 1:4 1:5 1:6"},
		{"pinned stay", []func(*world){seal(6, 4), pin(2), seal(1, 4)}, " 1:1 1:2 1:3-4T 1:5 1:6 1:7"},
		{"nothing is dropped when it would not help", []func(*world){seal(6, 4), pin(5), refuse(4)}, " 1:1 1:2 1:3 1:4 1:5 1:6"},
		{"all are pinned", []func(*world){seal(6, 4), pin(6), refuse(1)}, " 1:1 1:2 1:3 1:4 1:5 1:6"},
		{"attempted keep their own", []func(*world){seal(6, 4), attempt(3), seal(1, 8)}, " 1:1T 1:2T 1:3T 1:4 1:5 1:6 1:7"},
		{"and are not absorbed into", []func(*world){seal(6, 4), attempt(1), seal(1, 10)}, " 1:1T 1:2-3T 1:4 1:5 1:6 1:7"},
		{"in whatever order they were handed out", []func(*world){seal(6, 4), second, seal(1, 6)}, " 1:1T 1:2T 1:3 1:4 1:5 1:6 1:7"},
		{"an attempted tombstone absorbs no more", []func(*world){seal(7, 4), attempt(1), seal(1, 7)}, " 1:1-2T 1:3-4T 1:5 1:6 1:7 1:8"},
		{"an attempted block is worth no tombstone", []func(*world){seal(1, 1), attempt(1), seal(6, 4)}, " 1:1 1:2T 1:3 1:4 1:5 1:6 1:7"},
		{"runs are not mixed", []func(*world){seal(3, 4), newRun, seal(3, 4), seal(1, 16)}, " 1:1-3T 2:1-2T 2:3 2:4"},
		{"the second run's tombstone goes on", []func(*world){seal(1, 4), newRun, seal(5, 4), seal(1, 20)}, " 1:1T 2:1-5T 2:6"},
		{"one block of each run: nothing would help", []func(*world){
			seal(1, 1), newRun, seal(1, 1), newRun, seal(1, 1), newRun, seal(1, 1), newRun, pin(4), refuse(21)},
			" 1:1 2:1 3:1 4:1"},
		{"after a start the oldest count as attempted", []func(*world){seal(6, 4), reopen, seal(1, 4)}, " 1:1T 1:2T 1:3 1:4 1:5 1:6 1:7"},
		{"ordinals and blocks of one", []func(*world){seal(24, 1), seal(1, 1)}, " 1:1-2T 1:3 1:4 1:5 1:6 1:7 1:8 1:9 1:10 1:11 1:12 1:13 1:14 1:15 1:16 1:17 1:18 1:19 1:20 1:21 1:22 1:23 1:24 1:25"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, newMemory(), smallLimit)
			w.mustOpen()
			defer w.close()
			for _, step := range tt.steps {
				step(w)
				w.bounded()
				w.balance()
			}
			if got := w.picture(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			w.drain()
			w.balance()
		})
	}
}

// TestSmallerLimit opens a spool with less than what is in it.
func TestSmallerLimit(t *testing.T) {
	w := newWorld(t, newMemory(), 4*smallLimit)
	w.mustOpen()
	for range 20 {
		w.mustSeal(rowsFor(4))
	}
	w.close()
	w.limit = smallLimit
	w.mustOpen()
	defer w.close()
	w.bounded()
	w.balance()
	if w.spool.Stats().DroppedRows == 0 {
		t.Error("nothing was dropped")
	}
}

// TestAbsorbStopsAtTheLimits: tombstones of ever other filters would make a header that nobody can read.
func TestAbsorbStopsAtTheLimits(t *testing.T) {
	w := newWorld(t, newMemory(), smallLimit)
	w.mustOpen()
	defer w.close()
	const n = 3 * maxCoverage
	for i := range n {
		h, body := segment(key{1, uint64(i) + 1}, rowsFor(2))
		h.Coverage[0].Filter = fmt.Sprint("port ", i)
		if err := w.spool.Seal(h, body); err != nil {
			t.Fatalf("segment %d: %v", i, err)
		}
		w.sealed[keyOf(h)] = h.Coverage[0].Received
	}
	w.bounded()
	w.balance()
	w.drain()
	w.balance()
}

// TestBreak: the uplink cannot read a body whose checksum is right.
func TestBreak(t *testing.T) {
	w := newWorld(t, newMemory(), smallLimit)
	w.mustOpen()
	defer w.close()
	w.mustSeal(100)
	w.mustSeal(50)
	refs := w.spool.Pin(1, 1<<40)
	if err := w.spool.Break(refs[0]); err != nil {
		t.Fatal(err)
	}
	w.spool.Unpin(refs)
	w.bounded()
	w.drain()
	w.balance()
	if got := w.lost(LossBroken); got != 100 {
		t.Errorf("%d rows lost, want 100", got)
	}
	if err := w.spool.Break(refs[0]); !errors.Is(err, ErrGone) {
		t.Errorf("a second time: %v, want ErrGone", err)
	}
}

func TestPin(t *testing.T) {
	tests := []struct {
		name     string
		n        int
		maxBytes int64
		want     int
	}{
		{"none", 0, 1 << 40, 0},
		{"fewer than none", -1, 1 << 40, 0},
		{"three", 3, 1 << 40, 3},
		{"never more than MaxPin", 1000, 1 << 40, MaxPin},
		{"the first, however large", 5, 0, 1},
		{"as many as the bytes allow", 5, 3 * 2000, 3},
	}
	w := newWorld(t, newMemory(), smallLimit)
	w.mustOpen()
	defer w.close()
	for range MaxPin + 4 {
		w.mustSeal(110) // 1,9xx bytes
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			refs := w.spool.Pin(tt.n, tt.maxBytes)
			defer w.spool.Unpin(refs)
			if len(refs) != tt.want {
				t.Fatalf("%d segments, want %d", len(refs), tt.want)
			}
			for i, r := range refs {
				if r.Ordinal != uint64(i) {
					t.Errorf("number %d is segment %d: not the oldest", i, r.Ordinal)
				}
			}
		})
	}
}
