package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// repair lists what is there. A file written aside was never sealed; a segment whose header does not hold is
// set aside; one whose body does not hold stays until it is loaded or dropped, and is buried then. A request to discard
// is of a process that waits no more.
func (s *Spool) repair() error {
	names, err := s.fs.List(s.dir)
	if err != nil {
		return fmt.Errorf("spool: list %s: %w", s.dir, err)
	}
	slices.Sort(names) // of one number, the bundle comes before the segment that it was made of
	var r repaired
	for _, name := range names {
		if strings.HasPrefix(name, asidePrefix) || name == requestName || name == answerName {
			// When it stays it takes room and does nothing else; the next Open tries again.
			_ = s.fs.Remove(filepath.Join(s.dir, name))
			continue
		}
		if _, ok := ordinalOf(name, brokenSuffix); ok {
			s.broken = append(s.broken, name)
			continue
		}
		if number, ok := ordinalOf(name, bundleSuffix); ok {
			s.repairBundle(number, &r)
			continue
		}
		if ordinal, ok := ordinalOf(name, suffix); ok {
			s.repairSegment(ordinal, &r)
		}
	}
	s.trimBroken(s.dir, &s.broken)
	return nil
}

// repaired is what repair has come by.
type repaired struct {
	live     int    // segments that the process before may have sent without learning what became of them
	covering Header // the newest tombstone of several segments: it may have absorbed one without removing it
	bundled  bool   // there was a bundle
	first    uint64 // ordinals that the newest bundle stands for
	last     uint64
	held     *holding // what it holds; nil: not read yet
	before   *holding // what it holds when it is nothing but tombstones: it may have absorbed the next
}

func (s *Spool) repairSegment(ordinal uint64, r *repaired) {
	s.next = max(s.next, ordinal+1)
	h, size, err := s.readHeader(ordinal)
	switch {
	case err == nil, errors.Is(err, errBody):
	case errors.Is(err, ErrBroken):
		s.setAside(ordinal)
		return
	case errors.Is(err, os.ErrNotExist):
		return
	default:
		// The medium refuses it, or it is not a file. It keeps its name: the next Open tries again.
		s.stats.Broken++
		return
	}
	if r.bundled && ordinal >= r.first && ordinal <= r.last {
		if r.held == nil {
			r.held = s.holdingOf(bundleName(r.first), s.dir)
		}
		if r.held.has(&h) {
			s.stats.Bytes += charge(size)
			s.leftover = append(s.leftover, leftover{s.path(ordinal), charge(size)})
		} else {
			s.stats.Broken++ // two files claim one place; this one is left for the next Open
		}
		return
	}
	e := entry{ordinal: ordinal, size: size, run: s.runOf(&h), tombstone: h.Tombstone}
	if c := &r.covering; h.Run == c.Run && h.Device == c.Device && h.Sequence > c.Sequence && h.Sequence <= c.Last {
		e.absorbed = true
		s.absorbed++
	} else {
		e.attempted = r.live < MaxPin
		r.live++
		if h.Last > h.Sequence {
			r.covering = h
		}
	}
	s.entries = append(s.entries, e)
	s.account(ordinal, 1, charge(size))
}

// repairBundle takes in a bundle of the first tier. All of the oldest may be known to the database: that its first
// segments were sent is told nowhere.
func (s *Spool) repairBundle(number uint64, r *repaired) {
	s.next = max(s.next, number+1)
	name := bundleName(number)
	t, size, err := readTrailer(s.fs, filepath.Join(s.dir, name))
	switch {
	case err == nil && (t.last < number || t.last >= tierTwo), errors.Is(err, ErrBroken):
		s.stats.Broken++
		s.renameBroken(s.dir, name, number, &s.broken)
		return
	case errors.Is(err, os.ErrNotExist):
		return
	case err != nil:
		s.stats.Broken++
		return
	}
	s.next = max(s.next, t.last+1)
	e := newEntry(number, number, &t, size)
	if r.before != nil && r.before.hasAny(s, filepath.Join(s.dir, name)) {
		s.stats.Bytes += charge(size)
		s.leftover = append(s.leftover, leftover{s.file(&e), charge(size)})
		return
	}
	if r.bundled && number <= r.last {
		s.stats.Broken++ // two files claim one place; this one is left for the next Open
		return
	}
	e.attempted = r.live < MaxPin
	if r.bundled {
		r.live += int(t.count)
	}
	r.bundled, r.first, r.last, r.held, r.before = true, number, t.last, nil, nil
	if e.tombstone {
		r.before = s.holdingOf(name, s.dir)
	}
	s.insert(e)
}

// ordinalOf accepts the names that this package gives and no others, so that two names never mean one file.
// The upper half of the numbers is left out: a stray name must not make the next ordinal wrap.
func ordinalOf(name, suffix string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	if !ok || len(digits) != 16 || digits != strings.ToLower(digits) {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 16, 63)
	return n, err == nil
}

// reload takes a second look at a segment that could not be read, with the lock held: unpinned it may have
// been dropped meanwhile, and what counts is what stands there now.
func (s *Spool) reload(r Ref, buf []byte) (Header, []byte, []byte, error) {
	s.mu.Lock()
	defer s.unlock()
	e := s.find(r.Ordinal)
	if e == nil {
		return Header{}, nil, buf, s.errGone(r)
	}
	h, body, buf, err := s.read(r.Ordinal, buf)
	switch {
	case err == nil:
		e.unread = 0
		return h, body, buf, nil
	case errors.Is(err, os.ErrNotExist):
		s.vanish(r.Ordinal)
		return Header{}, nil, buf, s.errGone(r)
	case errors.Is(err, syscall.EIO):
		if e.unread++; e.unread < maxUnread {
			return Header{}, nil, buf, err
		}
		buf = buf[:0]
		err = fmt.Errorf("%w: %w", ErrBroken, err)
	case !errors.Is(err, ErrBroken):
		return Header{}, nil, buf, err
	}
	if h.Last == 0 {
		// Of a file that could not be read as a whole, or is too large, the header may still hold.
		h, _, _ = s.readHeader(r.Ordinal)
	}
	if failed := s.replaceBroken(r.Ordinal, buf, h); failed != nil {
		return Header{}, nil, buf, failed
	}
	return Header{}, nil, buf, err
}

// replaceBroken puts a tombstone in the place of a segment whose body is lost, so that the ledger learns how
// many rows are gone; a copy of the file is kept as .broken, because a person may want to look at it. A zero
// header stands for one that does not hold: then the file itself is set aside, and the gap in the sequence
// numbers is all that the ledger has.
func (s *Spool) replaceBroken(ordinal uint64, file []byte, h Header) error {
	if h.Last == 0 {
		s.setAside(ordinal)
		s.forget(ordinal)
		return nil
	}
	rows := h.Bury(LossBroken)
	e := s.find(ordinal)
	e.claimed = false // what packs it gives up
	size := fileSize(&h)
	if grows := charge(size) - charge(e.size); grows > 0 {
		// A tombstone tells one loss more than the header did. Where nothing gives way the spool is a block over
		// its limit, until the uplink takes this segment, the next of all.
		pinned := e.pinned
		e.pinned = true
		_ = s.makeRoom(grows)
		e = s.find(ordinal)
		e.pinned = pinned
	}
	if err := s.bury(ordinal, &h); err != nil {
		return err
	}
	s.resize(e, size, true)
	s.stats.Broken++
	s.stats.BrokenRows += rows
	if len(file) > 0 {
		name := fmt.Sprintf("%016x%s", ordinal, brokenSuffix)
		if err := s.fs.WriteSynced(filepath.Join(s.dir, name), file); err != nil {
			_ = s.fs.Remove(filepath.Join(s.dir, name))
			return nil
		}
		s.keepBroken(s.dir, name, &s.broken)
	}
	return nil
}

// renameBroken sets a file aside. When that fails it stays, and the next Open tries again.
func (s *Spool) renameBroken(dir, name string, number uint64, list *[]string) {
	to := fmt.Sprintf("%016x%s", number, brokenSuffix)
	if s.fs.Rename(filepath.Join(dir, name), filepath.Join(dir, to)) == nil {
		s.keepBroken(dir, to, list)
	}
}

// setAside sets aside a segment whose header does not hold.
func (s *Spool) setAside(ordinal uint64) {
	s.stats.Broken++
	s.renameBroken(s.dir, filepath.Base(s.path(ordinal)), ordinal, &s.broken)
}

func (s *Spool) keepBroken(dir, name string, list *[]string) {
	*list = append(slices.DeleteFunc(*list, func(n string) bool { return n == name }), name)
	s.trimBroken(dir, list)
}

func (s *Spool) trimBroken(dir string, list *[]string) {
	for len(*list) > maxBroken {
		if err := s.fs.Remove(filepath.Join(dir, (*list)[0])); err != nil && !errors.Is(err, os.ErrNotExist) {
			return
		}
		*list = (*list)[1:]
	}
}

// vanish forgets a segment whose file somebody else removed.
func (s *Spool) vanish(ordinal uint64) {
	s.forget(ordinal)
	s.stats.Broken++
}
