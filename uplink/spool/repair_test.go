package spool

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRepair puts a directory into the state that a cut or a stranger leaves, and opens it. The spool held
// segments 1 to 4 of 100 rows; what is missing afterwards must be told.
func TestRepair(t *testing.T) {
	path := func(w *world, n uint64) string { return (&Spool{dir: w.dir}).path(n) }
	keepHeader := func(b []byte) []byte { n, _, _ := parsePrefix(b); return b[:prefixSize+n] }
	add := func(name string) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			if err := w.fs.WriteSynced(filepath.Join(w.dir, name), []byte("x")); err != nil {
				t.Fatal(err)
			}
		}
	}
	change := func(n uint64, f func([]byte) []byte) func(*testing.T, *world) {
		return func(t *testing.T, w *world) { alter(t, w.fs, path(w, n), f) }
	}
	tests := []struct {
		name   string
		damage func(*testing.T, *world)
		gone   []uint64 // sequence numbers of which nothing is left
		broken uint64   // rows that the ledger must count as broken
		count  uint64   // Stats.Broken in the end
		files  string   // that must be there then, by the end of the name
		next   uint64   // ordinal of the next segment; 0: 4
	}{
		{name: "nothing", damage: func(*testing.T, *world) {}},
		{name: "an aside file", damage: add("aside-0000000000000004")},
		{name: "a stranger's file", damage: add("README"), files: "README"},
		{name: "a name too short", damage: add("12.segment"), files: "12.segment"},
		{name: "a name in capitals", damage: add("000000000000000A.segment"), files: "000000000000000A.segment"},
		{name: "a name that is no number", damage: add("00000000000000xy.segment"), files: "xy.segment"},
		{name: "the largest number", damage: add("ffffffffffffffff.segment"), files: "ffffffffffffffff.segment"},
		{name: "half of all numbers", damage: add("8000000000000000.segment"), files: "8000000000000000.segment"},
		{name: "a later number that holds nothing", damage: add("0000000000000009.segment"), count: 1, files: "0009.broken", next: 10},
		{name: "an empty file", damage: change(1, func([]byte) []byte { return nil }), gone: []uint64{2}, count: 1, files: "0001.broken"},
		{name: "a torn prefix", damage: change(1, func(b []byte) []byte { return b[:20] }), gone: []uint64{2}, count: 1, files: "0001.broken"},
		{name: "a torn header", damage: change(1, func(b []byte) []byte { return b[:60] }), gone: []uint64{2}, count: 1, files: "0001.broken"},
		{name: "zeros instead", damage: change(3, func(b []byte) []byte { clear(b); return b }), gone: []uint64{4}, count: 1, files: "0003.broken"},
		{name: "a wrong byte in the header", damage: change(0, func(b []byte) []byte { b[30] ^= 1; return b }), gone: []uint64{1}, count: 1, files: "0000.broken"},
		{name: "no body", damage: change(2, keepHeader), broken: 100, count: 1, files: "0002.broken"},
		{name: "a torn body", damage: change(2, func(b []byte) []byte { return b[:len(b)-1] }), broken: 100, count: 1, files: "0002.broken"},
		{name: "a longer body", damage: change(2, func(b []byte) []byte { return append(b, 0) }), broken: 100, count: 1},
		{name: "a file larger than any", damage: change(2, func(b []byte) []byte { return append(b, make([]byte, maxFile)...) }), broken: 100, count: 1},
		{name: "a wrong byte in the body", damage: change(2, func(b []byte) []byte { b[len(b)-1] ^= 1; return b }), broken: 100, count: 1, files: "0002.broken"},
		{name: "a wrong checksum of the body", damage: change(2, func(b []byte) []byte { b[20] ^= 1; return b }), broken: 100, count: 1},
		{name: "two broken ones", damage: func(t *testing.T, w *world) {
			change(0, keepHeader)(t, w)
			change(3, keepHeader)(t, w)
		}, broken: 200, count: 2},
		{name: "a file that somebody removed", damage: func(t *testing.T, w *world) {
			if err := w.fs.Remove(path(w, 1)); err != nil {
				t.Fatal(err)
			}
		}, gone: []uint64{2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, Disk{}, 1<<30)
			w.mustOpen()
			for range 4 {
				w.mustSeal(100)
			}
			w.close()
			tt.damage(t, w)
			w.mustOpen()
			defer func() { w.close() }()
			for _, n := range tt.gone {
				delete(w.sealed, key{1, n})
			}
			w.balance()
			w.bounded()
			w.mustSeal(7)
			next := tt.next
			if next == 0 {
				next = 4
			}
			if last := w.spool.entries[len(w.spool.entries)-1].ordinal; last != next {
				t.Errorf("the next ordinal is %d, want %d", last, next)
			}
			w.drain()
			w.balance()
			if got := w.lost(LossBroken); got != tt.broken {
				t.Errorf("the ledger counts %d broken rows, want %d", got, tt.broken)
			}
			if st := w.spool.Stats(); st.Broken != tt.count || st.BrokenRows != tt.broken {
				t.Errorf("stats count %d broken segments with %d rows, want %d with %d", st.Broken, st.BrokenRows, tt.count, tt.broken)
			}
			names, err := w.fs.List(w.dir)
			if err != nil {
				t.Fatal(err)
			}
			all := strings.Join(names, "\n") + "\n"
			if !strings.Contains(all, tt.files+"\n") {
				t.Errorf("no %s in %s", tt.files, all)
			}
			if strings.Contains(all, asidePrefix) {
				t.Errorf("an aside file is left: %s", all)
			}
			w.close()
			w.mustOpen()
			if st := w.spool.Stats(); st.Segments != 0 || st.Broken != 0 {
				t.Errorf("a second Open finds %+v", st)
			}
		})
	}
}

// TestRepairAbsorbed: the process ended after the tombstone had absorbed a segment, before its file was gone.
func TestRepairAbsorbed(t *testing.T) {
	disk := newMemory()
	w := newWorld(t, disk, smallLimit)
	w.mustOpen()
	for range 6 {
		w.mustSeal(rowsFor(4))
	}
	second := w.spool.path(1)
	kept := disk.files[second]
	w.mustSeal(rowsFor(4))
	if got, want := w.picture(), " 1:1-2T 1:3 1:4 1:5 1:6 1:7"; got != want {
		t.Fatalf("the spool holds%s, want%s", got, want)
	}
	w.close()
	disk.files[second] = kept
	w.mustOpen()
	defer w.close()
	w.balance()
	w.bounded()
	if _, ok := disk.files[second]; ok {
		t.Error("the file that the tombstone covers is still there")
	}
	w.drain()
	w.balance()
}

// TestBrokenFilesAreBounded: a dying medium must not fill the disk with what nobody can use.
func TestBrokenFilesAreBounded(t *testing.T) {
	disk := newMemory()
	w := newWorld(t, disk, 1<<30)
	w.mustOpen()
	for range 3 * maxBroken {
		w.mustSeal(100)
	}
	count := func() (n int) {
		for path := range disk.files {
			if strings.HasSuffix(path, brokenSuffix) {
				n++
			}
		}
		return n
	}
	for i, path := range segmentFiles(t, disk, w.dir) {
		alter(t, disk, path, func(b []byte) []byte {
			if i%2 == 0 {
				return b[:10]
			}
			return b[:len(b)-1]
		})
		if i%2 == 0 {
			delete(w.sealed, key{1, uint64(i) + 1})
		}
	}
	w.close()
	w.mustOpen()
	defer w.close()
	if got := count(); got != maxBroken {
		t.Errorf("%d broken files after Open, want %d", got, maxBroken)
	}
	w.drain()
	w.balance()
	if got := count(); got != maxBroken {
		t.Errorf("%d broken files in the end, want %d", got, maxBroken)
	}
}

// TestBrokenGrows: a tombstone tells one reason more than the header did, and may take a block more.
func TestBrokenGrows(t *testing.T) {
	w := newWorld(t, newMemory(), smallLimit)
	w.mustOpen()
	defer w.close()
	h, body := segment(key{1, 1}, 1)
	h.Coverage[0].Filter = strings.Repeat("f", blockSize-int(fileSize(h, body))+len("tcp")-1)
	if err := w.spool.Seal(h, body); err != nil {
		t.Fatal(err)
	}
	w.sealed[keyOf(h)], w.next = h.Coverage[0].Received, 2
	for range 5 {
		w.mustSeal(rowsFor(4))
	}
	w.mustSeal(rowsFor(3))
	w.bounded()
	alter(t, w.fs, w.spool.path(0), func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
	refs := w.spool.Pin(1, 1)
	if _, _, _, err := w.spool.Load(refs[0], nil); !errors.Is(err, ErrBroken) {
		t.Fatalf("Load: %v", err)
	}
	w.spool.Unpin(refs)
	w.bounded()
	w.balance()
	if w.spool.Stats().DroppedRows == 0 {
		t.Error("the tombstone did not grow: this test tests nothing")
	}
}

// TestVanished: somebody cleans the directory of a running spool.
func TestVanished(t *testing.T) {
	w := newWorld(t, Disk{}, 1<<30)
	w.mustOpen()
	defer w.close()
	w.mustSeal(1)
	w.mustSeal(2)
	if err := os.Remove(w.spool.path(0)); err != nil {
		t.Fatal(err)
	}
	delete(w.sealed, key{1, 1})
	refs := w.spool.Pin(1, 1)
	if _, _, _, err := w.spool.Load(refs[0], nil); !errors.Is(err, ErrGone) {
		t.Errorf("Load: %v, want ErrGone", err)
	}
	if _, _, _, err := w.spool.Load(Ref{Ordinal: 99}, nil); !errors.Is(err, ErrGone) {
		t.Errorf("Load of what never was: %v, want ErrGone", err)
	}
	if err := w.spool.Sent(refs); err != nil || w.spool.Stats().Sent != 0 {
		t.Errorf("Sent of it: %v, counted %d", err, w.spool.Stats().Sent)
	}
	w.drain()
	w.balance()
}

func TestLock(t *testing.T) {
	dir := filepath.Join(tempDir(t), "made", "when", "missing")
	first, err := Open(Disk{}, dir, MinLimit)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory: %v, %v", info.Mode(), err)
	}
	if _, err := Open(Disk{}, dir, MinLimit); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "--spool-dir") {
		t.Errorf("a second Open: %v, want ErrLocked and what to do", err)
	}
	h, body := segment(key{1, 1}, 5)
	if err := first.Seal(h, body); err != nil {
		t.Fatal(err)
	}
	refs := first.Pin(1, 1)
	if infos, err := Inspect(Disk{}, dir); err != nil || len(infos) != 1 || infos[0].Err != nil || infos[0].Header.Rows != 5 {
		t.Errorf("Inspect beside it: %+v, %v", infos, err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := Open(Disk{}, dir, MinLimit)
	if err != nil {
		t.Fatalf("after Close: %v", err)
	}
	defer second.Close()
	// The first must not touch what is another's now.
	_, _, _, loadErr := first.Load(refs[0], nil)
	for what, err := range map[string]error{
		"Seal": first.Seal(h, body), "Sent": first.Sent(refs), "Load": loadErr, "Break": first.Break(refs[0]), "Close": first.Close(),
	} {
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s after Close: %v, want os.ErrClosed", what, err)
		}
	}
	if first.Pin(1, 1) != nil || len(second.Pin(1, 1)) != 1 {
		t.Error("the closed spool still hands out segments, or the new one does not")
	}
}

func TestOpenRefuses(t *testing.T) {
	file := filepath.Join(tempDir(t), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		dir   string
		limit int64
		says  string
	}{
		{"too small", tempDir(t), MinLimit - 1, "--spool-size"},
		{"not a directory", file, MinLimit, "--spool-dir"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if s, err := Open(Disk{}, tt.dir, tt.limit); err == nil || s != nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want an error that names %s", err, tt.says)
			}
		})
	}
}

// TestMinLimit keeps the word of the smallest spool: the largest body on its way, and its successor.
func TestMinLimit(t *testing.T) {
	s, err := Open(Disk{}, tempDir(t), MinLimit)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for n := range uint64(3) {
		h, _ := segment(key{1, n + 1}, 0)
		if err := s.Seal(h, make([]byte, MaxBody)); err != nil {
			t.Fatal(err)
		}
		s.Pin(1, 1)
	}
}
