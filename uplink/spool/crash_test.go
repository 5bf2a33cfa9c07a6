package spool

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// script is a workload that goes through everything the spool does. It carries on after errors, as the uplink
// does, and stops where Open fails. Each error it meets goes to check.
func script(w *world, check func(what string, err error)) {
	try := func(what string, err error) {
		if err != nil {
			check(what, err)
		}
	}
	corrupt := func() { // the oldest body
		disk := inner(w.fs)
		for _, path := range segmentFiles(w.t, disk, w.dir) {
			if h, _, err := readHeader(disk, path); err == nil && h.Rows > 0 {
				alter(w.t, disk, path, func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
				return
			}
		}
	}
	reopen := func() bool {
		w.close()
		err := w.open()
		try("Open", err)
		return err == nil
	}
	if !reopen() {
		return
	}
	for range 9 { // a tombstone of three, and live ones
		try("Seal", w.seal(rowsFor(4)))
	}
	refs := w.spool.Pin(2, 1<<40)
	try("Load", w.upload(refs)) // the result of the commit stays unknown
	w.spool.Unpin(refs)
	for range 3 {
		try("Seal", w.seal(rowsFor(6)))
	}
	try("send", w.send(2))
	corrupt()
	if !reopen() {
		return
	}
	w.newRun()
	try("send", w.send(4))
	for range MaxPin + 8 {
		try("Seal", w.seal(rowsFor(1)))
	}
	corrupt()
	try("Seal", w.seal(rowsFor(10)))
	try("send", w.send(3))
	for range 4 {
		try("Seal", w.seal(rowsFor(3)))
	}
	if !reopen() {
		return
	}
	try("Seal", w.seal(rowsFor(2)))
	try("send", w.send(MaxPin))
}

// inner is the file system without its faults: what the script does to files itself is no fault of theirs.
func inner(fs FS) FS {
	switch f := fs.(type) {
	case *faulty:
		return f.FS
	case *powered:
		return f.FS
	}
	return fs
}

// operations counts what the script asks of a file system.
func operations(t *testing.T) int {
	t.Helper()
	n := 0
	fs := &faulty{FS: newMemory(), before: func(string, string) error { n++; return nil }}
	w := newWorld(t, fs, smallLimit)
	script(w, func(what string, err error) {
		if !errors.Is(err, ErrBroken) {
			t.Fatalf("%s: %v", what, err)
		}
	})
	w.bounded()
	if w.lost(LossFull) == 0 || w.lost(LossBroken) == 0 {
		t.Fatal("the script drops or breaks nothing")
	}
	w.drain()
	w.balance()
	w.close()
	return n
}

// TestCrashAtEveryOperation: the process loses its file system at operation k for ever, and another starts.
func TestCrashAtEveryOperation(t *testing.T) {
	total := operations(t)
	disks := []struct {
		name string
		make func() FS
		step int
	}{
		{"memory", func() FS { return newMemory() }, 1},
		{"disk", func() FS { return Disk{} }, 7},
	}
	for _, d := range disks {
		t.Run(d.name, func(t *testing.T) {
			for k := 0; k < total; k += d.step {
				n := 0
				disk := d.make()
				w := newWorld(t, &faulty{FS: disk, before: func(string, string) error {
					if n++; n > k {
						return syscall.EIO
					}
					return nil
				}}, smallLimit)
				script(w, func(string, error) {})
				w.restart(fmt.Sprintf("operation %d", k), disk)
			}
		})
	}
}

// restart opens what is left with a sound file system, and takes stock.
func (w *world) restart(what string, disk FS) {
	w.t.Helper()
	w.close()
	w.fs = disk
	if err := w.open(); err != nil {
		w.t.Fatalf("%s: Open: %v", what, err)
	}
	if infos, err := Inspect(disk, w.dir); err != nil || len(infos) != w.spool.Stats().Segments {
		w.t.Fatalf("%s: %d files, %+v, %v", what, len(infos), w.spool.Stats(), err)
	}
	defer func() {
		if w.t.Failed() {
			w.t.Logf("at %s", what)
		}
	}()
	w.balance()
	w.bounded()
	w.mustSeal(1)
	w.drain()
	w.balance()
	w.close()
}

// cut is what a power cut throws; it is caught where the power comes back.
type cut struct{}

// TestPowerCut: at operation k everything stops. A file being written is torn at every sector; of the changes
// to names since the directory was synced any number of the newest is undone.
func TestPowerCut(t *testing.T) {
	total := operations(t)
	const sector = 512
	var cuts, tornWrites, undone int
	for k := range total {
		for bytes := 0; ; bytes += sector {
			disk := newMemory()
			n := 0
			writing := false
			whole := true
			w := newWorld(t, nil, smallLimit)
			f := &faulty{FS: disk}
			f.before = func(op, path string) error {
				if n++; n <= k {
					return nil
				}
				if writing = op == "write"; writing {
					// The write is let through, torn, by the handler below.
					return torn{bytes, syscall.EIO}
				}
				panic(cut{})
			}
			w.fs = &powered{faulty: f, torn: func(size int) { whole = bytes >= size }}
			func() {
				defer func() {
					if r := recover(); r != nil {
						if _, ok := r.(cut); !ok {
							panic(r)
						}
					}
				}()
				script(w, func(string, error) {})
			}()
			// The process is gone, and its lock with it.
			w.spool = nil
			_ = os.Remove(filepath.Join(w.dir, "lock"))
			cuts++
			states := append(disk.past, disk.files)
			undone += len(states) - 1
			for back, files := range states {
				left := newMemory()
				left.files = maps.Clone(files)
				after := *w
				after.sealed, after.ledger = maps.Clone(w.sealed), maps.Clone(w.ledger)
				// What was being sealed when the power went is there or not; its number is not given again.
				for len(after.maybe) > 0 && after.next <= maxKey(after.maybe) {
					after.next++
				}
				after.restart(fmt.Sprintf("operation %d of %d, torn at %d, state %d of %d", k, total, bytes, back, len(states)-1), left)
			}
			if !writing || whole {
				break
			}
			tornWrites++
		}
	}
	if tornWrites == 0 || undone == 0 {
		t.Errorf("%d torn writes, %d undone changes: this tests nothing", tornWrites, undone)
	}
	t.Logf("%d cuts, %d of them in the middle of a write, %d states of names", cuts, tornWrites, undone)
}

func maxKey(m map[key]uint64) uint64 {
	var n uint64
	for k := range m {
		n = max(n, k.sequence)
	}
	return n
}

// powered ends the process after a torn write.
type powered struct {
	*faulty
	torn func(size int)
}

func (p *powered) WriteSynced(path string, head []byte, parts ...[]byte) error {
	err := p.faulty.WriteSynced(path, head, parts...)
	if err != nil {
		p.torn(len(head) + int(sizeOf(parts)))
		panic(cut{})
	}
	return nil
}

// TestOneFault: a single operation fails once, with each of the errors that a dying, full or read-only disk
// gives. The call says so, or did without, and nothing is missing then or later.
func TestOneFault(t *testing.T) {
	total := operations(t)
	for _, fault := range []error{syscall.EIO, syscall.ENOSPC, syscall.EROFS} {
		t.Run(strings.ReplaceAll(fault.Error(), " ", "_"), func(t *testing.T) {
			reported := 0
			for k := range total {
				n := 0
				disk := newMemory()
				w := newWorld(t, &faulty{FS: disk, before: func(string, string) error {
					if n++; n == k+1 {
						return fault
					}
					return nil
				}}, smallLimit)
				script(w, func(what string, err error) {
					if errors.Is(err, fault) {
						reported++
					} else if !errors.Is(err, ErrBroken) {
						t.Fatalf("operation %d: %s: %v, want %v", k, what, err, fault)
					}
				})
				w.restart(fmt.Sprintf("operation %d", k), disk)
			}
			if reported == 0 {
				t.Error("no call ever told of the fault")
			}
		})
	}
}
