package spool

import (
	"errors"
	"fmt"
	"os"
)

// makeRoom drops the oldest rows until bytes more fit. When dropping everything would not be enough, nothing
// is dropped. A segment whose header the disk refuses for now is left alone.
func (s *Spool) makeRoom(bytes int64) error {
	room := s.stats.Limit - reserveSize - bytes
	if s.stats.Bytes <= room {
		return nil
	}
	if err := s.sweep(); err != nil {
		return err
	}
	full := fmt.Errorf("spool: %s: %d of %d bytes are taken: %w", s.dir, s.stats.Bytes, s.stats.Limit, ErrFull)
	if s.residue() > room {
		return full
	}
	for from := 0; s.stats.Bytes > room; {
		i := s.droppable(from)
		if i < 0 {
			return full
		}
		ordinal := s.entries[i].ordinal
		if s.entries[i].bundle != nil {
			freed, err := s.dropBundle(i)
			if err != nil {
				from, full = i+1, errors.Join(full, err)
			} else if !freed {
				from = i + 1
			}
			continue
		}
		h, _, err := s.readHeader(ordinal)
		switch {
		case err == nil:
			err = s.drop(i, &h, LossFull)
		case errors.Is(err, errBody):
			err = s.drop(i, &h, LossBroken)
		case errors.Is(err, ErrBroken):
			s.setAside(ordinal)
			s.forget(ordinal)
			err = nil
		case errors.Is(err, os.ErrNotExist):
			s.vanish(ordinal)
			err = nil
		default:
			from, full, err = i+1, errors.Join(full, err), nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// joins reports whether segment i may be absorbed by the one before it, once that is a tombstone.
func (s *Spool) joins(i int) bool {
	if i <= 0 || i >= len(s.entries) {
		return false
	}
	before, e := &s.entries[i-1], &s.entries[i]
	return before.bundle == nil && e.bundle == nil && before.run == e.run && !e.apart &&
		!before.attempted && !before.pinned && !before.absorbed && !(s.committing && before.claimed) &&
		!e.attempted && !e.pinned && !e.absorbed
}

// absorbable reports whether segment i may disappear into the tombstone before it.
func (s *Spool) absorbable(i int) bool { return s.joins(i) && s.entries[i-1].tombstone }

// droppable finds the oldest segment, at from or later, whose dropping frees something, at once or when the
// next one is dropped too: rows are not given up for nothing. What is on its way to the second tier comes last: taken out of
// it, a full spool that is sealed into would never get anything there, and write all the same.
func (s *Spool) droppable(from int) int {
	if i := s.droppableOf(from, false); i >= 0 {
		return i
	}
	return s.droppableOf(from, true)
}

func (s *Spool) droppableOf(from int, saved bool) int {
	for i := from; i < len(s.entries); i++ {
		e := &s.entries[i]
		if saved != (s.saving && (e.claimed || s.absorbable(i) && s.entries[i-1].claimed)) {
			continue
		}
		switch {
		case e.pinned || e.absorbed || inTierTwo(e.ordinal) || s.committing && e.claimed:
		case e.bundle != nil:
			if !e.tombstone && !e.kept && s.remains(e) < charge(e.size) {
				return i
			}
		case s.absorbable(i):
			return i
		case e.tombstone:
		case charge(e.size) > blockSize || s.joins(i+1):
			return i
		}
	}
	return -1
}

// residue is what would stay, at least, when everything that can be dropped were.
func (s *Spool) residue() int64 {
	var bytes int64
	for _, l := range s.leftover {
		bytes += l.bytes
	}
	for i := range s.entries {
		e := &s.entries[i]
		switch {
		case inTierTwo(e.ordinal) || s.joins(i):
		case e.bundle != nil && !e.pinned && !e.tombstone && !e.kept:
			bytes += min(s.remains(e), charge(e.size))
		case e.bundle != nil || e.pinned || e.tombstone || e.absorbed:
			bytes += charge(e.size)
		default:
			bytes += blockSize
		}
	}
	return bytes
}

// remains is about what stays of a bundle without its rows: one tombstone a run, or, when the database may know
// its segments, the header of each with a loss more.
func (s *Spool) remains(e *entry) int64 {
	if !e.attempted {
		return blockSize
	}
	return charge(e.bundle.headBytes+e.bundle.headBytes/4) + blockSize
}

// drop turns segment i into a tombstone, or lets the tombstone before it absorb it.
func (s *Spool) drop(i int, h *Header, reason string) error {
	e := &s.entries[i]
	e.claimed = false // what packs it gives up
	rows := h.Bury(reason)
	var err error
	done := false
	if s.absorbable(i) {
		if done, err = s.absorb(i, h); !done && err == nil {
			e.apart = true
		}
	}
	if !done && err == nil && !e.tombstone {
		if err = s.bury(e.ordinal, h); err == nil {
			s.resize(e, fileSize(h), true)
			done = true
		}
	}
	switch {
	case !done:
	case reason == LossBroken:
		s.stats.Broken++
		s.stats.BrokenRows += rows
	default:
		s.givenUp(reason, rows)
	}
	return err
}

// givenUp counts rows that the spool let go.
func (s *Spool) givenUp(reason string, rows uint64) {
	if reason == LossDiscarded {
		s.stats.Discarded += rows
		return
	}
	s.stats.DroppedRows += rows
}

// absorb adds the header of segment i to the tombstone before it. It reports whether that was done, and the
// error of what was tried; not done without an error means that the two do not go together.
func (s *Spool) absorb(i int, h *Header) (bool, error) {
	before := &s.entries[i-1]
	before.claimed = false
	t, _, err := s.readHeader(before.ordinal)
	lost := t.LostMarks + h.LostMarks
	if err != nil || !t.absorb(h) {
		return false, nil
	}
	if err := s.bury(before.ordinal, &t); err != nil {
		return false, err
	}
	s.resize(before, fileSize(&t), true)
	s.stats.LostMarks += t.LostMarks - lost
	// From here on the tombstone counts the rows, whatever becomes of the file. After a crash between the two
	// steps Open finds that the one covers the other.
	s.entries[i].absorbed = true
	s.absorbed++
	return true, s.sweep()
}

// sweep removes the files of absorbed segments, and of those that a bundle holds. One that came back after its
// tombstone was sent would be
// counted twice, so nothing is sent, and nothing more is absorbed, before they are gone.
func (s *Spool) sweep() error {
	if err := s.sweepLeftover(); err != nil {
		return err
	}
	for i := len(s.entries) - 1; i >= 0 && s.absorbed > 0; i-- {
		e := s.entries[i]
		if !e.absorbed {
			continue
		}
		if err := s.fs.Remove(s.path(e.ordinal)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("spool: remove %s: %w", s.path(e.ordinal), err)
		}
		s.absorbed--
		s.forget(e.ordinal)
	}
	return nil
}

func (s *Spool) sweepLeftover() error {
	if len(s.leftover) == 0 {
		return nil
	}
	for len(s.leftover) > 0 {
		l := s.leftover[len(s.leftover)-1]
		if err := s.fs.Remove(l.path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("spool: remove %s: %w", l.path, err)
		}
		s.leftover = s.leftover[:len(s.leftover)-1]
		s.stats.Bytes -= l.bytes
	}
	s.leftover = nil
	// A bundle that is sent goes from another directory, maybe: what was in it must not come back alone.
	_ = s.fs.SyncDir(s.dir)
	return nil
}

func (s *Spool) resize(e *entry, size int64, tombstone bool) {
	s.account(e.ordinal, 0, charge(size)-charge(e.size))
	e.size, e.tombstone = size, tombstone
}
