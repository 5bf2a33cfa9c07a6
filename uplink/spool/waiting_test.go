package spool

import (
	"errors"
	"syscall"
	"testing"
)

// TestWaiting: what waits is every row that was not sent, dropped or given up, whatever file it is in: bundles of both tiers,
// of which a part was sent, and files of their own.
func TestWaiting(t *testing.T) {
	w := newWorld(t, Disk{}, 8*smallLimit).withOverflow(1 << 20)
	w.mustOpen()
	defer w.close()
	var left uint64
	seal := func(segments, rows int) {
		for range segments {
			w.mustSeal(rows)
			left += uint64(rows)
		}
	}
	check := func(when string) {
		t.Helper()
		got, err := w.spool.Waiting()
		if err != nil || got.Rows != left {
			t.Fatalf("%s: %+v, %v, want %d rows; %+v", when, got, err, left, w.spool.Stats())
		}
	}
	check("empty")
	seal(20, 300)
	if err := w.spool.Preserve(); err != nil {
		t.Fatal(err)
	}
	seal(100, rowsFor(2))
	w.spool.tend()
	seal(3, 7)
	if st := w.spool.Stats(); st.Bundles < 2 || st.Overflow.Segments != 20 || st.Overflow.Segments+100 < st.Bundles {
		t.Fatalf("%+v: this tests no bundles", st)
	}
	check("nothing sent")
	for n := 0; left > 0; n++ {
		refs := w.spool.Pin(1, 1)
		if len(refs) != 1 {
			t.Fatalf("%d rows wait, and nothing is there to send", left)
		}
		h, err := w.spool.Header(refs[0])
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := w.spool.Waiting(); got.Oldest != h.SealedAt {
			t.Fatalf("the oldest was sealed at %d, want %d", got.Oldest, h.SealedAt)
		}
		if n%5 == 3 {
			if err := w.spool.Break(refs[0]); err != nil {
				t.Fatal(err)
			}
			left -= h.Rows
			check("one is given up")
			h.Rows = 0
		}
		if err := w.spool.Sent(refs); err != nil {
			t.Fatal(err)
		}
		left -= h.Rows
		check("one is sent")
	}
	if got, err := w.spool.Waiting(); err != nil || got.Oldest != 0 {
		t.Errorf("nothing waits: %+v, %v", got, err)
	}
}

// TestWaitingFiles: what is wrong with a file counts as far as it tells; a disk that refuses is an error, and no number.
func TestWaitingFiles(t *testing.T) {
	disk := newMemory()
	fs := &faulty{FS: disk}
	w := newWorld(t, fs, smallLimit)
	w.mustOpen()
	defer w.close()
	var paths []string
	for range 3 {
		w.mustSeal(10)
	}
	for _, i := range w.infos() {
		paths = append(paths, i.Path)
	}
	rows := func(want uint64, wrong error) {
		t.Helper()
		if got, err := w.spool.Waiting(); got.Rows != want || !errors.Is(err, wrong) {
			t.Errorf("%+v, %v, want %d rows, %v", got, err, want, wrong)
		}
	}
	rows(30, nil)
	fs.before = func(op, path string) error {
		if path == paths[1] {
			return syscall.EIO
		}
		return nil
	}
	rows(0, syscall.EIO)
	fs.before = nil
	whole := disk.files[paths[0]]
	disk.files[paths[0]] = whole[:len(whole)-1] // the body is broken, the header is not
	rows(30, nil)
	disk.files[paths[0]] = []byte("nothing of it can be read")
	rows(20, nil)
	delete(disk.files, paths[2])
	rows(10, nil)
	disk.files[paths[0]] = whole
	s := w.spool
	w.close()
	if got, err := s.Waiting(); err == nil {
		t.Errorf("of a spool that is closed: %+v", got)
	}
}
