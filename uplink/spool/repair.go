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
// set aside; one whose body does not hold stays until it is loaded or dropped, and is buried then.
func (s *Spool) repair() error {
	names, err := s.fs.List(s.dir)
	if err != nil {
		return fmt.Errorf("spool: list %s: %w", s.dir, err)
	}
	slices.Sort(names)
	live := 0
	var covering Header // the newest tombstone of several segments: it may have absorbed one without removing it
	for _, name := range names {
		if strings.HasPrefix(name, asidePrefix) {
			// When it stays it takes room and does nothing else; the next Open tries again.
			_ = s.fs.Remove(filepath.Join(s.dir, name))
			continue
		}
		if _, ok := ordinalOf(name, brokenSuffix); ok {
			s.broken = append(s.broken, name)
			continue
		}
		ordinal, ok := ordinalOf(name, suffix)
		if !ok {
			continue
		}
		s.next = max(s.next, ordinal+1)
		h, size, err := s.readHeader(ordinal)
		switch {
		case err == nil, errors.Is(err, errBody):
		case errors.Is(err, ErrBroken):
			s.setAside(ordinal)
			continue
		case errors.Is(err, os.ErrNotExist):
			continue
		default:
			// The medium refuses it, or it is not a file. It keeps its name: the next Open tries again.
			s.stats.Broken++
			continue
		}
		e := entry{ordinal: ordinal, size: size, run: s.runOf(&h), tombstone: h.Tombstone}
		if h.Run == covering.Run && h.Device == covering.Device && h.Sequence > covering.Sequence && h.Sequence <= covering.Last {
			e.absorbed = true
			s.absorbed++
		} else {
			// The process before may have sent the oldest ones without learning what became of them.
			e.attempted = live < MaxPin
			live++
			if h.Last > h.Sequence {
				covering = h
			}
		}
		s.entries = append(s.entries, e)
		s.account(charge(size))
	}
	s.trimBroken()
	// What fails here fails again, and is reported, when a segment is sealed or sent.
	_ = s.sweep()
	_ = s.makeRoom(0)
	s.keepReserve()
	return nil
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
	defer s.mu.Unlock()
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
		s.keepBroken(name)
	}
	return nil
}

// setAside renames a file whose header does not hold to .broken. When even that fails it stays, and the next
// Open tries again.
func (s *Spool) setAside(ordinal uint64) {
	s.stats.Broken++
	name := fmt.Sprintf("%016x%s", ordinal, brokenSuffix)
	if s.fs.Rename(s.path(ordinal), filepath.Join(s.dir, name)) == nil {
		s.keepBroken(name)
	}
}

func (s *Spool) keepBroken(name string) {
	s.broken = append(slices.DeleteFunc(s.broken, func(n string) bool { return n == name }), name)
	s.trimBroken()
}

func (s *Spool) trimBroken() {
	for len(s.broken) > maxBroken {
		if err := s.fs.Remove(filepath.Join(s.dir, s.broken[0])); err != nil && !errors.Is(err, os.ErrNotExist) {
			return
		}
		s.broken = s.broken[1:]
	}
}

// vanish forgets a segment whose file somebody else removed.
func (s *Spool) vanish(ordinal uint64) {
	s.forget(ordinal)
	s.stats.Broken++
}
