// Package spool keeps sealed segments on disk until the database has them.
//
// A segment is one file, named by the order in which it came. Sealing writes it aside, syncs, renames and
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
//   - the sum of received, rows and losses over all headers never changes by dropping;
//   - rows are in one place: once a tombstone that counts them is on disk, the segment it absorbed is not
//     handed out again, also when its file cannot be removed yet, and that file goes before the tombstone;
//   - what the file system refuses for now (EIO, ENOSPC, EROFS) is an error of that call; only bytes that
//     were read and are wrong make a segment broken.
package spool

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
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
)

// Ref names one segment of the spool.
type Ref struct {
	Ordinal uint64
	Size    int64 // bytes of the file
}

// Stats are the spool's counters since it was opened, and its state.
type Stats struct {
	Segments    int    // in the spool now, tombstones included
	Bytes       int64  // that they are charged for
	Limit       int64  // bytes at most
	Sealed      uint64 // segments taken in
	Sent        uint64 // segments the database has
	DroppedRows uint64 // rows given up because the spool was full
	Broken      uint64 // segments that are wrong, that the medium refuses, or that somebody removed
	BrokenRows  uint64 // rows of these, as far as their headers could be read
	// When a commit's result is unknown and the segment is given up before it is sent again, the rows count in
	// DroppedRows or BrokenRows although the database may have them. Its ledger refuses the tombstone then, so
	// there they count once.
}

const (
	suffix       = ".segment"
	brokenSuffix = ".broken"
	asidePrefix  = "aside-"
	reserveName  = "reserve"
)

// entry is what the spool remembers of a segment: 32 bytes, because a long outage makes many.
type entry struct {
	ordinal   uint64
	size      int64
	run       uint32 // the same number in neighbours: the same device and run
	tombstone bool
	attempted bool // Load handed it out, now or in an earlier run
	pinned    bool
	absorbed  bool  // the tombstone before it counts its rows; only the file is still there
	apart     bool  // the tombstone before it cannot absorb it: a gap, or too large together
	unread    uint8 // EIO in a row
}

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
	reserved bool   // the reserve is on disk
	broken   []string
	stats    Stats
	head     []byte // of the segment being sealed
	scratch  []byte // the tombstone being written
	changed  chan struct{}
}

// Open takes the directory, made when missing, for this process alone, repairs what a power cut left, and
// bounds it to limit bytes. What was given up shows in Stats.
func Open(fs FS, dir string, limit int64) (*Spool, error) {
	if limit < MinLimit {
		return nil, fmt.Errorf("spool: %d bytes are too few for %s: give it %d or more with --spool-size", limit, dir, MinLimit)
	}
	return open(fs, dir, limit)
}

func open(fs FS, dir string, limit int64) (*Spool, error) {
	if err := fs.MakeDir(dir); err != nil {
		return nil, fmt.Errorf("spool: make %s: %w (name another directory with --spool-dir)", dir, err)
	}
	lock, err := takeLock(dir)
	if err != nil {
		return nil, err
	}
	s := &Spool{dir: dir, fs: fs, lock: lock, changed: make(chan struct{}, 1)}
	s.stats.Limit = limit
	if err := s.repair(); err != nil {
		lock.Close()
		return nil, err
	}
	return s, nil
}

// Close gives the directory free; what is in it stays. Later calls fail with os.ErrClosed, or do nothing:
// another process may have the directory by then.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
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
	defer s.mu.Unlock()
	if s.closed {
		return s.errClosed()
	}
	if sizeOf(parts) > MaxBody {
		return fmt.Errorf("spool: a body of %d bytes, at most %d: %w", sizeOf(parts), MaxBody, ErrTooLarge)
	}
	h.Last = max(h.Last, h.Sequence)
	s.head = appendFile(s.head[:0], h, parts...)
	if !h.fits(len(s.head)-prefixSize, ownLosses) {
		return fmt.Errorf("spool: a header of %d bytes for %d interfaces, with %d reasons each at most: %w",
			len(s.head)-prefixSize, len(h.Coverage), maxLosses-ownLosses, ErrTooLarge)
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
	s.next++
	s.stats.Sealed++
	s.account(charge(size))
	select {
	case s.changed <- struct{}{}:
	default:
	}
	return nil
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

func (s *Spool) account(bytes int64) {
	s.stats.Bytes += bytes
	s.stats.Segments = len(s.entries)
}

// Changed receives after segments came in; one token stands for any number of them.
func (s *Spool) Changed() <-chan struct{} { return s.changed }

// Pin chooses the oldest segments, at most n (and MaxPin) and, past the first, at most maxBytes, and protects them from
// being dropped until Sent or Unpin.
func (s *Spool) Pin(n int, maxBytes int64) []Ref {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	var refs []Ref
	for i := range s.entries {
		e := &s.entries[i]
		if e.absorbed {
			continue
		}
		maxBytes -= e.size
		if len(refs) >= min(n, MaxPin) || len(refs) > 0 && maxBytes < 0 {
			break
		}
		e.pinned = true
		refs = append(refs, Ref{e.ordinal, e.size})
	}
	return refs
}

// Unpin gives up what Pin chose; the segments stay.
func (s *Spool) Unpin(refs []Ref) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range refs {
		if e := s.find(r.Ordinal); e != nil {
			e.pinned = false
		}
	}
}

// Load reads a pinned segment into buf, grown when it is too small, and returns the header, the body (a
// part of the buffer) and the buffer. ErrBroken: its rows were given up, and as far as the header held a
// tombstone took its place; ErrGone: it is not there any more. After both, unpin and start over. Any other
// error is the file system's, for now, and the segment stays.
func (s *Spool) Load(r Ref, buf []byte) (h Header, body, grown []byte, err error) {
	s.mu.Lock()
	e := s.find(r.Ordinal)
	if e != nil {
		e.attempted = true
	}
	closed := s.closed
	s.mu.Unlock()
	switch {
	case closed:
		return Header{}, nil, buf, s.errClosed()
	case e == nil:
		return Header{}, nil, buf, s.errGone(r)
	}
	h, body, buf, err = s.read(r.Ordinal, buf)
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
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
	defer s.mu.Unlock()
	if s.closed {
		return s.errClosed()
	}
	if s.find(r.Ordinal) == nil {
		return s.errGone(r)
	}
	h, _, file, err := s.read(r.Ordinal, nil)
	if err != nil && !errors.Is(err, errBody) {
		return err
	}
	return s.replaceBroken(r.Ordinal, file, h)
}

func (s *Spool) errGone(r Ref) error { return fmt.Errorf("spool: %s: %w", s.path(r.Ordinal), ErrGone) }

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
	defer s.mu.Unlock()
	if s.closed {
		return s.errClosed()
	}
	if err := s.sweep(); err != nil {
		return err
	}
	before := len(s.entries)
	for _, r := range refs {
		if s.find(r.Ordinal) == nil {
			continue
		}
		if err := s.fs.Remove(s.path(r.Ordinal)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("spool: remove %s: %w", s.path(r.Ordinal), err)
		}
		s.forget(r.Ordinal)
		s.stats.Sent++
	}
	if len(s.entries) < before {
		// After a power cut no more may come back than Open takes for attempted. A failure is no reason to keep
		// what the database has.
		_ = s.fs.SyncDir(s.dir)
	}
	return nil
}

// Stats returns the counters.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// find returns nil for what is not in the spool, or only as a file that a tombstone has absorbed.
func (s *Spool) find(ordinal uint64) *entry {
	i, ok := s.index(ordinal)
	if !ok || s.entries[i].absorbed {
		return nil
	}
	return &s.entries[i]
}

func (s *Spool) index(ordinal uint64) (int, bool) {
	return slices.BinarySearchFunc(s.entries, ordinal, func(e entry, o uint64) int { return cmp.Compare(e.ordinal, o) })
}

func (s *Spool) forget(ordinal uint64) {
	i, ok := s.index(ordinal)
	if !ok {
		return
	}
	freed := charge(s.entries[i].size)
	s.entries = slices.Delete(s.entries, i, i+1)
	s.account(-freed)
}

// Dir is the directory that the spool is in.
func (s *Spool) Dir() string { return s.dir }
