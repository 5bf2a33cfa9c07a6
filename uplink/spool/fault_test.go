package spool

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFaults: while one kind of operation fails, a full spool refuses what it cannot do and loses nothing;
// afterwards it works again.
func TestFaults(t *testing.T) {
	tests := []struct {
		op        string
		inSeal    bool // Seal must fail
		inSent    bool // send must fail
		mayReopen bool
	}{
		{op: "write", inSeal: true, mayReopen: true},
		{op: "rename", inSeal: true, mayReopen: true},
		{op: "remove", inSeal: true, inSent: true, mayReopen: true},
		{op: "readhead", inSeal: true},
		{op: "read", inSent: true, mayReopen: true},
		{op: "syncdir", mayReopen: true},
		{op: "list"},
		{op: "mkdir"},
	}
	for _, tt := range tests {
		for _, fault := range []error{syscall.EIO, syscall.ENOSPC, syscall.EROFS} {
			t.Run(tt.op+"/"+strings.ReplaceAll(fault.Error(), " ", "_"), func(t *testing.T) {
				failing := false
				fs := &faulty{FS: newMemory(), before: func(op, _ string) error {
					if failing && op == tt.op {
						return fault
					}
					return nil
				}}
				w := newWorld(t, fs, smallLimit)
				w.mustOpen()
				defer func() { w.close() }()
				for range 7 {
					w.mustSeal(rowsFor(4))
				}
				if err := w.send(1); err != nil { // the tombstone: the next to be sent has rows
					t.Fatal(err)
				}
				w.mustSeal(rowsFor(4))
				w.spool.Pin(1, 1)
				rows := w.spool.Stats().DroppedRows
				failing = true
				for range 5 {
					err := w.seal(rowsFor(4))
					if tt.inSeal && !errors.Is(err, fault) || !tt.inSeal && err != nil {
						t.Fatalf("Seal: %v, want %v", err, fault)
					}
				}
				if tt.inSeal && w.spool.Stats().DroppedRows > rows+2*uint64(rowsFor(4)) {
					t.Errorf("refused segments made %d rows give way", w.spool.Stats().DroppedRows-rows)
				}
				if err := w.send(1); tt.inSent && !errors.Is(err, fault) || !tt.inSent && err != nil {
					t.Fatalf("send: %v, want %v", err, fault)
				}
				w.close()
				err := w.open()
				if mayNot := tt.op == "list" || tt.op == "mkdir"; mayNot && !errors.Is(err, fault) || !mayNot && err != nil {
					t.Fatalf("Open: %v", err)
				}
				failing = false
				if tt.mayReopen {
					w.balance()
				} else {
					// What Open could not read it finds another time.
					w.close()
					w.mustOpen()
				}
				for range 3 {
					w.mustSeal(rowsFor(4))
				}
				w.bounded()
				w.balance()
				w.drain()
				w.balance()
				if got := w.lost(LossBroken); got != 0 {
					t.Errorf("%d rows count as broken", got)
				}
			})
		}
	}
}

// TestSentIsSynced: of what the database has, a power cut may bring back no more than Open takes for attempted.
func TestSentIsSynced(t *testing.T) {
	disk := newMemory()
	w := newWorld(t, disk, 1<<30)
	w.mustOpen()
	defer w.close()
	for range 3 * MaxPin {
		w.mustSeal(10)
	}
	for w.spool.Stats().Segments > 0 {
		refs := w.spool.Pin(MaxPin, 1<<40)
		if err := w.upload(refs); err != nil {
			t.Fatal(err)
		}
		if err := w.spool.Sent(refs); err != nil {
			t.Fatal(err)
		}
		if n := len(disk.past); n > MaxPin {
			t.Fatalf("a power cut could undo %d changes, at most %d may be", n, MaxPin)
		}
	}
	w.balance()
}

// TestFullDisk: others fill the disk to the last block. The reserve makes tombstones, tombstones make room,
// and the reserve comes back.
func TestFullDisk(t *testing.T) {
	disk := newMemory()
	w := newWorld(t, disk, smallLimit)
	w.mustOpen()
	defer w.close()
	for range 6 {
		w.mustSeal(rowsFor(4))
	}
	reserve := filepath.Join(w.dir, reserveName)
	if len(disk.files[reserve]) != reserveSize {
		t.Fatal("Open made no reserve")
	}
	for n := range 40 {
		disk.space = disk.used() // no block is free
		w.mustSeal(rowsFor(4))
		if len(disk.files[reserve]) != reserveSize {
			t.Fatalf("segment %d: the reserve is gone", n)
		}
		w.bounded()
		w.balance()
	}
	// Below the limit the newest is refused, and the older stay.
	w.drain()
	disk.space = disk.used()
	before := w.spool.Stats()
	if err := w.seal(rowsFor(4)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Seal below the limit: %v, want ENOSPC", err)
	}
	if now := w.spool.Stats(); now != before {
		t.Errorf("%+v, was %+v", now, before)
	}
	if used := disk.used(); used != disk.space {
		t.Errorf("the refused segment left %d bytes", used-disk.space)
	}
	disk.space = 0
	w.mustSeal(rowsFor(4))
	w.drain()
	w.balance()
}

// TestFullDiskWithoutReserve: others took even the reserve's blocks before it could be made.
func TestFullDiskWithoutReserve(t *testing.T) {
	disk := newMemory()
	disk.space = 24 * blockSize
	w := newWorld(t, disk, smallLimit)
	w.mustOpen()
	defer w.close()
	for w.seal(rowsFor(4)) == nil {
	}
	w.balance()
	w.drain()
	w.mustSeal(rowsFor(4))
	w.drain()
	w.balance()
}

// TestUnremovable: the file of an absorbed segment cannot be removed. Its rows are counted in the tombstone,
// so nothing may hand it out, and it must be gone before the tombstone is.
func TestUnremovable(t *testing.T) {
	var stuck string
	disk := newMemory()
	fs := &faulty{FS: disk}
	w := newWorld(t, fs, smallLimit)
	w.mustOpen()
	defer func() { w.close() }()
	for range 6 {
		w.mustSeal(rowsFor(4))
	}
	stuck = w.spool.path(1)
	fs.before = func(op, path string) error {
		if op == "remove" && path == stuck {
			return syscall.EIO
		}
		return nil
	}
	for range 3 {
		if err := w.seal(rowsFor(4)); !errors.Is(err, syscall.EIO) {
			t.Fatalf("Seal: %v, want EIO", err)
		}
		w.balance()
	}
	refs := w.spool.Pin(2, 1<<40)
	if refs[1].Ordinal != 2 {
		t.Errorf("Pin hands out segment %d after the tombstone, want 2", refs[1].Ordinal)
	}
	if _, _, _, err := w.spool.Load(Ref{Ordinal: 1}, nil); !errors.Is(err, ErrGone) {
		t.Errorf("Load of the absorbed one: %v, want ErrGone", err)
	}
	if err := w.upload(refs); err != nil {
		t.Fatal(err)
	}
	if err := w.spool.Sent(refs); !errors.Is(err, syscall.EIO) {
		t.Errorf("Sent: %v, want EIO", err)
	}
	w.spool.Unpin(refs)
	w.close()
	w.mustOpen() // still stuck
	w.balance()
	if err := w.send(1); !errors.Is(err, syscall.EIO) {
		t.Errorf("send after a start: %v, want EIO", err)
	}
	fs.before = nil
	w.mustSeal(rowsFor(4))
	w.drain()
	w.balance()
	if _, ok := disk.files[stuck]; ok {
		t.Error("the file is still there")
	}
}

// TestUnreadable: the medium refuses one segment again and again. It is given up so that the others go on, and
// its rows are counted when the header can be read.
func TestUnreadable(t *testing.T) {
	tests := []struct {
		name   string
		header bool // can be read
		broken uint64
	}{
		{"the header can be read", true, 100},
		{"nothing can be read", false, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fs := &faulty{FS: newMemory()}
			w := newWorld(t, fs, smallLimit)
			w.mustOpen()
			defer w.close()
			w.mustSeal(100)
			w.mustSeal(50)
			bad := w.spool.path(0)
			fs.before = func(op, path string) error {
				if path == bad && (op == "read" && w.spool.stats.Broken == 0 || op == "readhead" && !tt.header) {
					return syscall.EIO
				}
				return nil
			}
			for n := range maxUnread - 1 {
				if err := w.send(MaxPin); !errors.Is(err, syscall.EIO) || errors.Is(err, ErrBroken) {
					t.Fatalf("look %d: %v, want EIO", n, err)
				}
			}
			w.drain()
			if !tt.header {
				delete(w.sealed, key{1, 1})
			}
			w.balance()
			if st := w.spool.Stats(); st.Broken != 1 || st.BrokenRows != tt.broken || w.lost(LossBroken) != tt.broken {
				t.Errorf("%+v, want one broken segment with %d rows", st, tt.broken)
			}
		})
	}
}

// TestDropOfBroken: what must give way is broken already.
func TestDropOfBroken(t *testing.T) {
	tests := []struct {
		name   string
		damage func([]byte) []byte
		header bool // holds
	}{
		{"the body is cut off", func(b []byte) []byte { return b[:len(b)-1] }, true},
		{"the header is wrong", func(b []byte) []byte { b[40] ^= 1; return b }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, newMemory(), smallLimit)
			w.mustOpen()
			defer w.close()
			for range 6 {
				w.mustSeal(rowsFor(4))
			}
			alter(t, w.fs, w.spool.path(0), tt.damage)
			w.mustSeal(rowsFor(2))
			if !tt.header {
				delete(w.sealed, key{1, 1})
			}
			w.balance()
			st := w.spool.Stats()
			if st.Broken != 1 || st.DroppedRows != 0 || tt.header != (st.BrokenRows > 0) || w.lost(LossBroken) != st.BrokenRows {
				t.Errorf("%+v, the headers tell %d broken rows", st, w.lost(LossBroken))
			}
			w.drain()
			w.balance()
		})
	}
}
