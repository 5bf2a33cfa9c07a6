// Package spool keeps sealed segments on disk until the database has them.
//
// A segment is one file, named by the order in which it came, until a long outage makes many: then the oldest are packed
// into bundles, one file for many whole segments, by a goroutine of the spool. Sealing writes it aside, syncs, renames and
// syncs the directory: under its final name a segment is whole, or the disk lied, and then its checksums
// tell. A segment leaves the spool by Sent, after the database said so.
//
// The spool is bounded in bytes. When a new segment does not fit, the oldest gives up its rows: what stays
// of it is a tombstone, its header with the rows moved to the loss "spool_full". A tombstone is sent like
// any segment, so the ledger learns what is missing. Invariants:
//
//   - a (device, run, sequence) that was ever handed out by Load keeps its own file, because the database
//     may know it already; only tombstones that were never handed out absorb their successors;
//   - a pinned segment is never dropped;
//   - the sum of received, rows and losses over all headers never changes by dropping, nor does that of marks and lost marks;
//   - rows are in one place: once a tombstone that counts them is on disk, the segment it absorbed is not
//     handed out again, also when its file cannot be removed yet, and that file goes before the tombstone;
//   - a segment is in one file: a bundle is whole, synced and under its name before the files go that it was made of, and
//     nothing is sent before they are gone;
//   - what the file system refuses for now (EIO, ENOSPC, EROFS) is an error of that call; only bytes that
//     were read and are wrong make a segment broken.
//
// A second tier, on flash or USB, takes bundles while the database is away for long. Its segments are older than those of
// the first tier, and are sent first. It has a bound of its own, its oldest bundle gives way, and it may vanish and come
// back: the first tier goes on without it. Of all bundles that are found in it, and of the oldest of the first tier, the
// database may know every segment: they keep their own (device, run, sequence), as tombstones too.
package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Errors of this package, for errors.Is; those of the file system are wrapped.
var (
	// ErrFull: the segment does not fit, and nothing is left that could be dropped for it.
	ErrFull = errors.New("the spool is full")
	// ErrBroken: a segment's checksum does not fit its bytes; its rows were given up.
	ErrBroken = errors.New("segment is broken")
	// ErrTooLarge: a segment over the limits of this package.
	ErrTooLarge = errors.New("segment is too large")
	// ErrGone: the segment is not in the spool any more.
	ErrGone = errors.New("segment is gone")
)

// Names of the losses that happen in the spool.
const (
	LossFull   = "spool_full"   // dropped because newer segments needed the room
	LossBroken = "spool_broken" // the body's checksum failed: rows that were sealed and cannot be read
	// LossDiscarded: a person dropped it.
	LossDiscarded = "discarded"
)

// Ref names one segment of the spool.
type Ref struct {
	Ordinal uint64
	Size    int64 // bytes of the segment
}

// Stats are the spool's counters since it was opened, and its state.
type Stats struct {
	Segments    int    // in the spool now, tombstones and both tiers included
	Bundles     int    // files that hold many segments, in both tiers
	Bytes       int64  // that the first tier is charged for
	Limit       int64  // bytes at most
	Sealed      uint64 // segments taken in
	Sent        uint64 // segments the database has
	DroppedRows uint64 // rows given up because the spool was full
	Discarded   uint64 // rows that a person dropped
	Broken      uint64 // segments that are wrong, that the medium refuses, or that somebody removed
	BrokenRows  uint64 // rows of these, as far as their headers could be read
	LostMarks   uint64 // marks that tombstones had no room for
	// When a commit's result is unknown and the segment is given up before it is sent again, the rows count in
	// DroppedRows or BrokenRows although the database may have them. Its ledger refuses the tombstone then, so
	// there they count once.

	Overflow OverflowStats
}

const (
	suffix       = ".segment"
	bundleSuffix = ".bundle"
	brokenSuffix = ".broken"
	asidePrefix  = "aside-"
	reserveName  = "reserve"
)

// Spool is safe for concurrent use.
type Spool struct {
	dir  string
	fs   FS
	lock *os.File

	mu       sync.Mutex
	closed   bool
	entries  []entry // oldest first
	next     uint64  // ordinal
	origin   [32]byte
	run      uint32 // of origin, the device and run of the newest segment
	absorbed int    // entries of which only the file is left
	leftover []leftover
	reserved bool // the reserve is on disk
	broken   []string
	stats    Stats
	head     []byte // of the segment being sealed
	scratch  []byte // the tombstone being written
	changed  chan struct{}

	over       *overflow // nil: there is no second tier
	up         bool      // the database can be reached
	downSince  time.Time
	saving     bool // what is claimed goes to the second tier
	committing bool // what is claimed is being replaced, and nobody may have it
	withheld   bool // that was all that the last Pin found
	stalled    bool // the oldest bundle could not be opened for now
	packAfter  time.Time
	now        func() time.Time

	tending sync.Mutex    // held by who packs; it is taken before mu
	stop    chan struct{} // closed by Close
	wake    chan struct{}
	ended   chan struct{} // closed when the goroutine has ended; nil: there is none

	showing sync.Mutex // guards shown; nothing is waited for while it is held
	shown   Stats      // stats when mu was given free last: mu itself is held while the first tier is written

	reading sync.Mutex // guards reader; it is taken after mu is given free
	reader  *bundleReader
}

// Open takes the directory, made when missing, for this process alone, repairs what a power cut left, and
// bounds it to limit bytes. What was given up shows in Stats.
func Open(fs FS, dir string, limit int64) (*Spool, error) {
	return OpenWithOverflow(fs, dir, limit, Overflow{})
}

// OpenWithOverflow is Open with a second tier. That it is missing, or in use, is told by Stats, and no error.
func OpenWithOverflow(fs FS, dir string, limit int64, o Overflow) (*Spool, error) {
	if limit < MinLimit {
		return nil, fmt.Errorf("spool: %d bytes are too few for %s: give it %d or more with --spool-size", limit, dir, MinLimit)
	}
	s, err := open(fs, dir, limit, o, time.Now)
	if err != nil {
		return nil, err
	}
	s.ended = make(chan struct{})
	go s.tendAlways()
	return s, nil
}

// open opens a spool that nobody tends.
func open(fs FS, dir string, limit int64, o Overflow, now func() time.Time) (*Spool, error) {
	if err := fs.MakeDir(dir); err != nil {
		return nil, fmt.Errorf("spool: make %s: %w (name another directory with --spool-dir)", dir, err)
	}
	lock, err := takeLock(dir)
	if err != nil {
		return nil, err
	}
	s := &Spool{dir: dir, fs: fs, lock: lock, changed: make(chan struct{}, 1), now: now,
		stop: make(chan struct{}), wake: make(chan struct{}, 1)}
	s.stats.Limit = limit
	s.downSince = s.now()
	if o.Dir != "" {
		s.over = newOverflow(o)
		s.stats.Overflow = OverflowStats{Dir: o.Dir, Limit: o.Limit, Daily: o.Daily}
	}
	if err := s.repair(); err != nil {
		lock.Close()
		return nil, err
	}
	s.attach()
	// What fails here fails again, and is reported, when a segment is sealed or sent.
	s.mu.Lock()
	defer s.unlock()
	_ = s.sweep()
	_ = s.makeRoom(0)
	s.keepReserve()
	return s, nil
}

// Close gives the directory free; what is in it stays. Later calls fail with os.ErrClosed, or do nothing:
// another process may have the directory by then.
func (s *Spool) Close() error {
	s.mu.Lock()
	if s.closed {
		s.unlock()
		return s.errClosed()
	}
	s.closed = true
	s.unlock()
	close(s.stop)
	if s.ended != nil {
		<-s.ended
	}
	s.tending.Lock() // a Preserve that is under way ends first
	defer s.tending.Unlock()
	s.removeSpent()
	if s.over != nil {
		s.over.unlock()
	}
	return s.lock.Close()
}

func (s *Spool) errClosed() error { return fmt.Errorf("spool: %s: %w", s.dir, os.ErrClosed) }

func (s *Spool) path(ordinal uint64) string {
	return filepath.Join(s.dir, fmt.Sprintf("%016x%s", ordinal, suffix))
}

// charge is what a file costs: file systems give out blocks.
func charge(size int64) int64 { return (size + blockSize - 1) / blockSize * blockSize }

// Seal stores a segment and sets its Last. When it returns nil the segment survives a crash of the process,
// and a power cut as far as the file system keeps its word; after an error it is not in the spool, and the
// same (device, run, sequence) may be sealed again. The body is the concatenation of the parts.
//
// A disk that is full below the limit refuses the newest segment (ENOSPC) and keeps the older ones: the limit
// should be less than what the disk has free.
func (s *Spool) Seal(h *Header, parts ...[]byte) error {
	s.mu.Lock()
	defer s.unlock()
	if s.closed {
		return s.errClosed()
	}
	if sizeOf(parts) > MaxBody {
		return fmt.Errorf("spool: a body of %d bytes, at most %d: %w", sizeOf(parts), MaxBody, ErrTooLarge)
	}
	h.Last = max(h.Last, h.Sequence)
	s.head = appendFile(s.head[:0], h, parts...)
	if !h.fits(len(s.head)-prefixSize, ownLosses) {
		return fmt.Errorf("spool: a header of %d bytes for %d interfaces, with %d reasons each at most, and %d marks: %w",
			len(s.head)-prefixSize, len(h.Coverage), maxLosses-ownLosses, len(h.Marks), ErrTooLarge)
	}
	size := int64(len(s.head)) + sizeOf(parts)
	if err := s.makeRoom(charge(size)); err != nil {
		return err
	}
	s.keepReserve()
	if err := s.put(s.next, s.head, parts...); err != nil {
		return err
	}
	s.entries = append(s.entries, entry{ordinal: s.next, size: size, run: s.runOf(h), tombstone: h.Tombstone})
	s.account(s.next, 1, charge(size))
	s.next++
	s.stats.Sealed++
	token(s.changed)
	return nil
}

func token(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// put gives a segment its final name, over what may be there.
func (s *Spool) put(ordinal uint64, head []byte, parts ...[]byte) error {
	aside := filepath.Join(s.dir, fmt.Sprintf("%s%016x", asidePrefix, ordinal))
	if err := s.fs.WriteSynced(aside, head, parts...); err != nil {
		// The rest of a failed write would count against the disk; when it stays, Open removes it.
		_ = s.fs.Remove(aside)
		return fmt.Errorf("spool: write %s: %w", aside, err)
	}
	if err := s.fs.Rename(aside, s.path(ordinal)); err != nil {
		_ = s.fs.Remove(aside)
		return fmt.Errorf("spool: rename %s: %w", aside, err)
	}
	// The segment is in place; only a power cut could still undo the rename. Reporting a failure here would
	// make the caller count rows as lost that will be sent.
	_ = s.fs.SyncDir(s.dir)
	return nil
}

// runOf gives neighbours of one device and run the same number.
func (s *Spool) runOf(h *Header) uint32 {
	var origin [32]byte
	copy(origin[:], h.Device[:])
	copy(origin[16:], h.Run[:])
	if origin != s.origin {
		s.origin = origin
		s.run++
	}
	return s.run
}

// Changed receives after segments came in; one token stands for any number of them.
func (s *Spool) Changed() <-chan struct{} { return s.changed }

// Pin chooses the oldest segments, at most n (and MaxPin) and, past the first, at most maxBytes, and protects them from
// being dropped until Sent or Unpin.
func (s *Spool) Pin(n int, maxBytes int64) []Ref {
	s.mu.Lock()
	defer s.unlock()
	refs, unopened, stopped := s.choose(n, maxBytes)
	for stopped && s.openDirectory(unopened) {
		refs, unopened, stopped = s.choose(n, maxBytes)
	}
	s.withheld = s.withheld && len(refs) == 0
	for _, r := range refs {
		e, i := s.place(r.Ordinal)
		if e.bundle != nil && !e.bundle.is(i, segmentPinned) {
			e.bundle.set(i, segmentPinned)
			e.bundle.pins++
		}
		e.pinned = true
		e.claimed = false // what packs it gives up
	}
	return refs
}

// Withheld reports that the last Pin came back empty although the spool is not: the oldest segments are just moving into
// a bundle. Changed receives when that is over.
func (s *Spool) Withheld() bool {
	s.mu.Lock()
	defer s.unlock()
	return s.withheld
}

// choose lists what Pin would pin. It stops at a bundle whose directory is not read yet, and names it.
func (s *Spool) choose(n int, maxBytes int64) (refs []Ref, unopened uint64, stopped bool) {
	s.withheld = false
	if s.closed {
		return nil, 0, false
	}
	n = min(n, MaxPin)
	take := func(ordinal uint64, size int64) bool {
		if maxBytes -= size; len(refs) >= n || len(refs) > 0 && maxBytes < 0 {
			return false
		}
		refs = append(refs, Ref{ordinal, size})
		return true
	}
	for k := range s.entries {
		e := &s.entries[k]
		moving := s.committing && e.claimed
		switch {
		case e.absorbed, e.spent:
			continue
		case inTierTwo(e.ordinal) && (moving || s.over.resting(s.now())):
			s.withheld = s.withheld || moving
			continue
		case moving:
			s.withheld = true
			return refs, 0, false
		case len(refs) >= n:
			return refs, 0, false
		case e.bundle == nil:
			if !take(e.ordinal, e.size) {
				return refs, 0, false
			}
			continue
		case e.bundle.directory == nil:
			return refs, e.ordinal, true
		}
		for i, r := range e.bundle.directory.segments {
			if !e.bundle.is(i, segmentDone) && !take(e.ordinal+uint64(i), int64(r.headSize)+int64(r.bodySize)) {
				return refs, 0, false
			}
		}
	}
	return refs, 0, false
}

// Unpin gives up what Pin chose; the segments stay.
func (s *Spool) Unpin(refs []Ref) {
	s.mu.Lock()
	defer s.unlock()
	for _, r := range refs {
		e, i := s.place(r.Ordinal)
		switch {
		case e == nil:
		case e.bundle == nil:
			e.pinned = false
		case e.bundle.is(i, segmentPinned):
			e.bundle.clear(i, segmentPinned)
			e.bundle.pins--
			e.pinned = e.bundle.pins > 0
		}
	}
}

// Load reads a pinned segment into buf, grown when it is too small, and returns the header, the body (a
// part of the buffer) and the buffer. ErrBroken: its rows were given up, and as far as the header held a
// tombstone took its place; ErrGone: it is not there any more. After both, unpin and start over. Any other
// error is the file system's, for now, and the segment stays.
func (s *Spool) Load(r Ref, buf []byte) (h Header, body, grown []byte, err error) {
	s.mu.Lock()
	e, _ := s.place(r.Ordinal)
	closed := s.closed
	switch {
	case closed:
		err = s.errClosed()
	case e == nil:
		err = s.errGone(r)
	default:
		e.attempted = true
		if e.bundle != nil {
			return s.loadBundled(r, buf)
		}
	}
	s.unlock()
	if err != nil {
		return Header{}, nil, buf, err
	}
	h, body, buf, err = s.read(r.Ordinal, buf)
	if err == nil {
		s.mu.Lock()
		defer s.unlock()
		if e := s.find(r.Ordinal); e != nil {
			e.unread = 0
		}
		return h, body, buf, nil
	}
	return s.reload(r, buf)
}

// Break gives up the rows of a segment that Load returned and whose body the caller cannot read, although
// its checksum was right. As after ErrBroken, a tombstone takes its place: unpin and start over.
func (s *Spool) Break(r Ref) error {
	s.mu.Lock()
	defer s.unlock()
	if s.closed {
		return s.errClosed()
	}
	e, i := s.place(r.Ordinal)
	if e == nil {
		return s.errGone(r)
	}
	if e.bundle != nil {
		s.breakBundled(e, i)
		return nil
	}
	h, _, file, err := s.read(r.Ordinal, nil)
	if err != nil && !errors.Is(err, errBody) {
		return err
	}
	return s.replaceBroken(r.Ordinal, file, h)
}

func (s *Spool) errGone(r Ref) error {
	return fmt.Errorf("spool: segment %x of %s: %w", r.Ordinal, s.dir, ErrGone)
}

// read reads and checks a file. When only the body is wrong the header is returned beside errBody.
func (s *Spool) read(ordinal uint64, buf []byte) (Header, []byte, []byte, error) {
	buf, err := s.fs.ReadFile(s.path(ordinal), buf, maxFile)
	if err != nil {
		return Header{}, nil, buf, fmt.Errorf("spool: read %s: %w", s.path(ordinal), err)
	}
	h, body, err := parseFile(buf)
	if err != nil {
		return h, nil, buf, fmt.Errorf("spool: %s: %w", s.path(ordinal), err)
	}
	return h, body, buf, nil
}

// Sent removes segments that the database has. After an error some are still there: call it again, or send
// them again, the ledger refuses what it has.
func (s *Spool) Sent(refs []Ref) error {
	s.mu.Lock()
	defer s.unlock()
	if s.closed {
		return s.errClosed()
	}
	if err := s.sweep(); err != nil {
		return err
	}
	removed := false
	for _, r := range refs {
		e, i := s.place(r.Ordinal)
		if e == nil {
			continue
		}
		last := e.bundle == nil || e.bundle.left == 1
		switch {
		case last && inTierTwo(e.ordinal):
			// Flash may be slow, or gone: the file is removed beside, and when it comes back its segments are sent again
			// and the ledger refuses them.
			s.finished(e, i)
			e.spent = true
			token(s.wake)
		case last:
			if err := s.fs.Remove(s.file(e)); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("spool: remove %s: %w", s.file(e), err)
			}
			removed = true
			s.forget(e.ordinal)
		default:
			s.finished(e, i)
		}
		s.stats.Sent++
	}
	if removed {
		// After a power cut no more may come back than Open takes for attempted. A failure is no reason to keep
		// what the database has.
		_ = s.fs.SyncDir(s.dir)
	}
	return nil
}

// Stats returns the counters as the last call that came to its end left them. It never waits for a disk.
func (s *Spool) Stats() Stats {
	s.showing.Lock()
	defer s.showing.Unlock()
	return s.shown
}

// unlock gives mu free, and shows what was counted under it.
func (s *Spool) unlock() {
	s.showing.Lock()
	s.shown = s.stats
	s.showing.Unlock()
	s.mu.Unlock()
}

// Dir is the directory that the spool is in.
func (s *Spool) Dir() string { return s.dir }
