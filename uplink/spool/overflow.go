package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Overflow is the second tier: bundles on flash or USB, written while the database is away and never otherwise.
//
// The directory must exist, it is not made: below the mount point of a medium that is not there it would be on the
// router's own flash.
type Overflow struct {
	Dir   string        // empty: there is none
	Limit int64         // bytes at most
	Daily int64         // bytes written to it a day; 0: no bound
	After time.Duration // how long the uplink has been down before anything is written to it
}

// OverflowStats are the state of the second tier.
type OverflowStats struct {
	Dir      string // empty: there is none
	Segments int    // in it now
	Bytes    int64  // that they are charged for
	Limit    int64
	Daily    int64
	Today    int64  // bytes written to it within the last day
	Err      string // why it is not in use, or was not written to; empty: all is well
}

// Errors of the second tier; they show in OverflowStats and in what Preserve returns.
var (
	// ErrDaily: the day's bytes are written.
	ErrDaily = errors.New("the day's budget for the overflow is used up")

	errAway = errors.New("the directory is gone, or another one is in its place")
)

type overflow struct {
	Overflow
	held    *os.File  // the directory, locked; nil: the tier is away
	next    uint64    // number of the next bundle
	ordinal uint64    // of the next segment, without the highest bit
	day     time.Time // when Today began
	counted bool      // what an earlier process wrote today is in Today
	retry   time.Time // when to look for the directory again
	until   time.Time // when to read, or write, again
	unread  bool      // it is reading that failed last
	broken  []string
}

func newOverflow(o Overflow) *overflow { return &overflow{Overflow: o} }

// lockDir takes a directory for this process. The lock is on the directory itself (flock(2)): no file is written.
func lockDir(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("spool: open the overflow: %w (make the directory or mount it; see --spool-overflow-dir)", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrLocked
		}
		return nil, fmt.Errorf("spool: lock the overflow %s: %w", dir, err)
	}
	return f, nil
}

func (o *overflow) unlock() {
	if o.held != nil {
		o.held.Close()
		o.held = nil
	}
}

// present reports whether the directory that was locked is still the one of the name: a medium that was pulled
// leaves its mount point, and that is on another disk.
func (o *overflow) present() bool {
	if o.held == nil {
		return false
	}
	was, err := o.held.Stat()
	if err != nil {
		return false
	}
	is, err := os.Stat(o.Dir)
	return err == nil && os.SameFile(was, is)
}

// apartFrom refuses the first tier's directory under another name: the tiers number their files each for itself.
func (o *overflow) apartFrom(dir string) error {
	second, err := o.held.Stat()
	if err != nil {
		return fmt.Errorf("spool: open the overflow: %w", err)
	}
	if first, err := os.Stat(dir); err == nil && os.SameFile(first, second) {
		return fmt.Errorf("spool: the overflow %s is the spool's own directory %s: name one on flash or USB (--spool-overflow-dir)", o.Dir, dir)
	}
	return nil
}

// present is the same for who does not hold mu.
func (s *Spool) present() bool {
	s.mu.Lock()
	o := overflow{Overflow: s.over.Overflow, held: s.over.held}
	s.unlock()
	return o.present()
}

// resting: it failed a moment ago.
func (o *overflow) resting(now time.Time) bool { return now.Before(o.until) }

// rest leaves the second tier alone for a while, so that the first goes on.
func (s *Spool) rest(err error) {
	s.over.until, s.over.unread = s.now().Add(overflowPause), false
	s.stats.Overflow.Err = err.Error()
}

func (s *Spool) restTierTwo(e *entry, err error) {
	if inTierTwo(e.ordinal) {
		s.rest(err)
		s.over.unread = true
	}
}

// readable takes back what restTierTwo told.
func (s *Spool) readable(ordinal uint64) {
	if inTierTwo(ordinal) && s.over.unread {
		s.over.unread, s.stats.Overflow.Err = false, ""
	}
}

// detach forgets the second tier until it comes back. What is in it is found then; what of it the database has by now its
// ledger refuses.
func (s *Spool) detach(err error) {
	n := 0
	for n < len(s.entries) && inTierTwo(s.entries[n].ordinal) {
		if s.entries[n].bundle != nil {
			s.stats.Bundles--
		}
		n++
	}
	s.entries = slices.Clone(s.entries[n:])
	o := &s.stats.Overflow
	s.stats.Segments -= o.Segments
	o.Segments, o.Bytes, o.Err = 0, 0, fmt.Sprintf("%s: %v", s.over.Dir, err)
	s.over.unlock()
	s.over.retry = s.now().Add(overflowPause)
}

// attach takes in the second tier when it is there and was not, and lets it go when it is not there any more. It is called
// by who tends, without mu.
func (s *Spool) attach() {
	if s.over == nil {
		return
	}
	here := s.present() // before mu is taken: a file system that hangs must not keep who seals
	s.mu.Lock()
	defer s.unlock()
	if here {
		return
	}
	if s.over.held != nil {
		s.detach(errAway)
		return
	}
	if s.now().Before(s.over.retry) {
		return
	}
	var found []entry
	var held *holding
	err := s.besides(true, func() (err error) {
		found, held, err = s.scan()
		return err
	})
	if err == nil {
		err = s.adopt(found, held)
	}
	if err != nil {
		s.over.unlock()
		s.over.retry = s.now().Add(overflowPause)
		s.stats.Overflow.Err = err.Error()
		return
	}
	s.stats.Overflow.Err = ""
	token(s.changed)
}

// scan locks the directory and lists its bundles, oldest first, with what the newest holds. A file written aside was never
// whole, and one that a tombstone before it has absorbed is not to come back.
func (s *Spool) scan() (found []entry, held *holding, err error) {
	o := s.over
	if o.held, err = lockDir(o.Dir); err != nil {
		return nil, nil, err
	}
	if err := o.apartFrom(s.dir); err != nil {
		return nil, nil, err
	}
	names, err := s.fs.List(o.Dir)
	if err != nil {
		return nil, nil, fmt.Errorf("spool: list %s: %w", o.Dir, err)
	}
	slices.Sort(names)
	now := s.now()
	var written int64
	var before *holding
	o.broken, o.next = nil, 0
	for _, name := range names {
		path := filepath.Join(o.Dir, name)
		if strings.HasPrefix(name, asidePrefix) {
			_ = s.fs.Remove(path)
			continue
		}
		if _, ok := ordinalOf(name, brokenSuffix); ok {
			o.broken = append(o.broken, name)
			continue
		}
		number, ok := ordinalOf(name, bundleSuffix)
		if !ok {
			continue
		}
		o.next = max(o.next, number+1)
		t, size, err := readTrailer(s.fs, path)
		switch {
		case err == nil:
		case errors.Is(err, ErrBroken):
			s.renameBroken(o.Dir, name, number, &o.broken)
			s.countBroken()
			continue
		case errors.Is(err, os.ErrNotExist):
			continue
		default:
			return nil, nil, err
		}
		if before != nil && before.hasAny(s, path) {
			if err := s.fs.Remove(path); err != nil {
				return nil, nil, fmt.Errorf("spool: remove %s: %w", path, err)
			}
			continue
		}
		e := newEntry(tierTwo|o.ordinal, number, &t, size)
		o.ordinal += uint64(t.count)
		// Whoever wrote or sent it may have been another process: the database may know all of it.
		e.attempted = true
		found = append(found, e)
		if before = nil; e.tombstone {
			before = s.holdingOf(name, o.Dir)
		}
		if age := now.Sub(time.Unix(0, t.written)).Abs(); age < 24*time.Hour {
			written += size
		}
	}
	s.trimBroken(o.Dir, &o.broken)
	if len(found) > 0 {
		held = s.holdingOf(bundleName(found[len(found)-1].bundle.number), o.Dir)
	}
	if !o.counted {
		o.counted, o.day = true, now
		s.mu.Lock()
		s.stats.Overflow.Today += written
		s.unlock()
	}
	return found, held, nil
}

func (s *Spool) countBroken() {
	s.mu.Lock()
	defer s.unlock()
	s.stats.Broken++
}

// adopt takes the bundles in. What was written last may hold segments that the first tier has too: the process ended
// before they were removed there.
func (s *Spool) adopt(found []entry, held *holding) error {
	var twice []uint64
	for k := range s.entries {
		e := &s.entries[k]
		if len(found) == 0 || e.absorbed {
			continue
		}
		newest := found[len(found)-1].bundle
		last := e.ordinal
		if e.bundle != nil {
			// One that was made after the tier went away may hold later segments too. It stays whole: what it shares with the
			// newest the ledger refuses the second time.
			last = e.bundle.last
		}
		if e.ordinal < newest.first || last > newest.last || !s.isHeld(e, held) {
			continue
		}
		if e.pinned {
			return fmt.Errorf("spool: %s: what it holds is on its way to the database: it is taken in later", s.over.Dir)
		}
		twice = append(twice, e.ordinal)
	}
	for _, ordinal := range twice {
		s.retire(s.find(ordinal))
	}
	for _, e := range found {
		s.insert(e)
	}
	// What fails here fails again, and is reported, when a segment is sealed or sent.
	_ = s.sweep()
	return nil
}

func (s *Spool) isHeld(e *entry, held *holding) bool {
	if e.bundle != nil {
		return held.hasAny(s, s.file(e))
	}
	h, _, err := s.readHeader(e.ordinal)
	return err == nil && held.has(&h)
}
