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
	"time"
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

// tiers is a workload that goes through bundles and both tiers, and what comes between them.
func tiers(w *world, check func(what string, err error)) {
	try := func(what string, err error) {
		if err != nil {
			check(what, err)
		}
	}
	tend := func(after time.Duration) {
		w.clock = w.clock.Add(after)
		w.spool.tend()
	}
	reopen := func() bool {
		w.close()
		err := w.open()
		try("Open", err)
		return err == nil
	}
	seals := func(n, rows int) {
		for range n {
			try("Seal", w.seal(rows))
		}
	}
	if !reopen() {
		return
	}
	seals(16, rowsFor(1))
	tend(time.Second) // bundles in the first tier
	w.newRun()
	try("send", w.send(2))
	seals(8, rowsFor(1))
	tend(time.Second)
	seals(14, rowsFor(2)) // and tombstones of them
	tend(2 * time.Minute) // the second tier
	if !reopen() {
		return
	}
	seals(9, rowsFor(2))
	try("send", w.send(3)) // of a bundle in the second tier
	tend(2 * time.Minute)
	w.spool.tending.Lock()
	_, err := w.spool.discard(4)
	w.spool.tending.Unlock()
	try("discard", err)
	seals(9, rowsFor(2))
	tend(2 * time.Minute) // it is full, and its oldest gives way
	try("Preserve", w.spool.Preserve())
	seals(3, rowsFor(1))
	if !reopen() {
		return
	}
	try("send", w.send(MaxPin))
	tend(time.Second)
}

// workloads are the scripts, with the room that each has.
var workloads = []workload{
	{"one tier", script, 0},
	{"both tiers", tiers, 8 * blockSize},
}

type workload struct {
	name     string
	run      func(w *world, check func(what string, err error))
	overflow int64 // 0: there is no second tier
}

// thin is one in how many of its operations a test tries.
func (l *workload) thin() int {
	if l.overflow == 0 {
		return raced
	}
	return thin()
}

// newWorkload makes the world of a script.
func newWorkload(t *testing.T, fs FS, overflow int64) *world {
	w := newWorld(t, fs, smallLimit)
	if overflow > 0 {
		w.withOverflow(overflow)
	}
	return w
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

// operations counts what a script asks of a file system.
func operations(t *testing.T, n int) int {
	t.Helper()
	count := 0
	fs := &faulty{FS: newMemory(), before: func(string, string) error { count++; return nil }}
	w := newWorkload(t, fs, workloads[n].overflow)
	workloads[n].run(w, func(what string, err error) {
		if !errors.Is(err, ErrBroken) && what != "Preserve" { // which may find the second tier full
			t.Fatalf("%s: %v", what, err)
		}
	})
	w.bounded()
	if st := w.spool.Stats(); workloads[n].overflow > 0 && st.Overflow.Today == 0 {
		t.Fatalf("the script packs nothing: %+v", st)
	}
	if w.lost(LossFull) == 0 || w.lost(LossBroken)+w.lost(LossDiscarded) == 0 {
		t.Fatal("the script drops or breaks nothing")
	}
	w.drain()
	w.balance()
	w.close()
	return count
}

// TestCrashAtEveryOperation: the process loses its file system at operation k for ever, and another starts.
func TestCrashAtEveryOperation(t *testing.T) {
	t.Parallel()
	disks := []struct {
		name string
		make func() FS
		step int
	}{
		{"memory", func() FS { return newMemory() }, 1},
		{"disk", func() FS { return Disk{} }, 7},
	}
	for n, l := range workloads {
		total := operations(t, n)
		for _, d := range disks {
			t.Run(l.name+" in "+d.name, func(t *testing.T) {
				for k := 0; k < total; k += d.step * l.thin() {
					n := 0
					disk := d.make()
					w := newWorkload(t, &faulty{FS: disk, before: func(string, string) error {
						if n++; n > k {
							return syscall.EIO
						}
						return nil
					}}, l.overflow)
					l.run(w, func(string, error) {})
					w.restart(fmt.Sprintf("operation %d of %d", k, total), disk)
				}
			})
		}
	}
}

// restart opens what is left with a sound file system, and takes stock.
func (w *world) restart(what string, disk FS) {
	w.t.Helper()
	defer func() {
		if w.t.Failed() {
			w.t.Logf("at %s", what)
		}
	}()
	w.close()
	w.fs = disk
	began := time.Now()
	if err := w.open(); err != nil {
		w.t.Fatalf("Open: %v", err)
	}
	if took := time.Since(began); took > openWithin {
		w.t.Errorf("Open took %v", took)
	}
	if n := len(w.infos()); n != w.spool.Stats().Segments || w.spool.Stats().Overflow.Err != "" {
		w.t.Fatalf("%d segments in files, %+v", n, w.spool.Stats())
	}
	w.balance()
	w.bounded()
	w.mustSeal(1)
	w.drain()
	w.balance()
	w.close()
}

// openWithin is far more than a spool of a few blocks takes, also on a machine that does other things.
const openWithin = 10 * time.Second

// cut is what a power cut throws; it is caught where the power comes back.
type cut struct{}

// TestPowerCut: at operation k everything stops. A file being written is torn at every sector; of the changes
// to names since the directory was synced any number of the newest is undone.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	for n, l := range workloads {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			powerCuts(t, n)
		})
	}
}

func powerCuts(t *testing.T, workload int) {
	l := workloads[workload]
	total := operations(t, workload)
	const sector = 512
	var cuts, tornWrites, undone int
	for k := 0; k < total; k += l.thin() {
		for bytes := 0; ; bytes += sector * l.thin() {
			disk := newMemory()
			n := 0
			writing := false
			whole := true
			w := newWorkload(t, nil, l.overflow)
			f := &faulty{FS: disk}
			f.before = func(op, path string) error {
				if n++; n <= k {
					return nil
				}
				if writing = op == "write" || op == "sync"; writing {
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
				l.run(w, func(string, error) {})
			}()
			// The process is gone, and its locks with it.
			w.spool = nil
			_ = os.Remove(filepath.Join(w.dir, "lock"))
			cuts++
			states := disk.states()
			undone += len(states) - 1
			for back, files := range states {
				left := newMemory()
				left.files = maps.Clone(files)
				after := *w
				after.sealed, after.ledger = maps.Clone(w.sealed), maps.Clone(w.ledger)
				if l.overflow > 0 {
					after.withOverflow(l.overflow)
					left.move(w.overflow.Dir, after.overflow.Dir)
				}
				// What was being sealed when the power went is there or not; its number is not given again.
				for len(after.maybe) > 0 && after.next <= maxKey(after.maybe) {
					after.next++
				}
				after.restart(fmt.Sprintf("operation %d of %d, torn at %d, state %d of %d", k, total, bytes, back, len(states)), left)
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

func (p *powered) Create(path string) (File, error) {
	file, err := p.faulty.Create(path)
	return &poweredFile{file, p, path}, err
}

type poweredFile struct {
	File
	p    *powered
	path string
}

func (f *poweredFile) Sync() error {
	_, size, err := f.p.FS.ReadHead(f.path, 0)
	if err == nil {
		err = f.File.Sync()
	}
	if err != nil {
		f.p.torn(int(size))
		panic(cut{})
	}
	return nil
}

// TestOneFault: a single operation fails once, with each of the errors that a dying, full or read-only disk
// gives. The call says so, or did without, and nothing is missing then or later.
func TestOneFault(t *testing.T) {
	t.Parallel()
	for workload, l := range workloads {
		total := operations(t, workload)
		for n, fault := range []error{syscall.EIO, syscall.ENOSPC, syscall.EROFS} {
			t.Run(l.name+"/"+strings.ReplaceAll(fault.Error(), " ", "_"), func(t *testing.T) {
				reported := 0
				// Where there are many operations each meets one of the faults.
				first, step := n%l.thin(), l.thin()
				for k := first; k < total; k += step {
					n := 0
					disk := newMemory()
					w := newWorkload(t, &faulty{FS: disk, before: func(string, string) error {
						if n++; n == k+1 {
							return fault
						}
						return nil
					}}, l.overflow)
					l.run(w, func(what string, err error) {
						if errors.Is(err, fault) || what == "Preserve" {
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
}
