package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// surrender is a bundle being written anew, because rows of it are given up.
type surrender struct {
	reason string
	most   int  // of the oldest segments with rows, that give them up
	merge  bool // the database knows none of them: tombstones may become one

	w      *bundleWriter
	last   *Header // the tombstone that may absorb the next
	buf    []byte
	done   int    // segments that gave up their rows
	rows   uint64 // that they had
	broken uint64 // segments that turned out to be unreadable
	lost   uint64 // rows of these
	marks  uint64 // that a tombstone had no room for
}

// giveUp makes the oldest segments of a bundle tombstones, at most so many. mu is held; beside: it is given free while
// the file is written, and what is wanted meanwhile makes it fail (errTaken). When rows are to make room (LossFull) and that
// would not make the file smaller, nothing is given up.
func (s *Spool) giveUp(ordinal uint64, most int, reason string, beside bool) (*surrender, error) {
	i, _ := s.index(ordinal)
	e := s.entries[i]
	into := s.absorbing(i, most)
	dir := s.bundleDir(ordinal)
	target := s.file(&e)
	g := &surrender{reason: reason, most: most, merge: !e.attempted}
	from := []source{{ordinal: e.ordinal, bundle: e.bundle, state: slices.Clone(e.bundle.state), size: e.size}}
	if into != nil {
		src := source{ordinal: into.ordinal, bundle: into.bundle, state: slices.Clone(into.bundle.state), size: into.size}
		from = slices.Insert(from, 0, src)
		target = s.file(into)
	}
	paths := make([]string, len(from))
	for k := range from {
		f := s.find(from[k].ordinal)
		f.claimed = beside
		paths[k] = s.file(f)
	}
	// Seal may come in between, and give up the same bundle: each writes a file of its own.
	aside := filepath.Join(dir, fmt.Sprintf("%s%016x-%t", asidePrefix, from[0].bundle.number, beside))
	still := func() bool {
		for k := range from {
			if f := s.find(from[k].ordinal); f == nil || f.bundle != from[k].bundle || beside && !f.claimed {
				return false
			}
		}
		return true
	}
	write := func() error { return s.writeSurrender(g, aside, from, paths) }
	rename := func() error { return s.fs.Rename(aside, target) }
	err := s.besides(beside, write)
	if g.w != nil && inTierTwo(ordinal) {
		s.stats.Overflow.Today += g.w.size
	}
	if !still() {
		err = errTaken
	}
	gain := charge(e.size)
	if into != nil {
		gain += charge(into.size)
	}
	if err == nil && g.w.trailer.count > 0 {
		gain -= charge(g.w.size)
		if reason == LossFull && gain <= 0 {
			s.find(ordinal).kept = true
			err = errNoGain
		}
		if err == nil {
			s.committing = beside
			err = s.besides(beside, rename)
			s.committing = false
			if err == nil && !still() {
				// Detached meanwhile: what is there now is found when the tier comes back.
				return g, errTaken
			}
		}
	}
	if err != nil || g.w.trailer.count == 0 {
		_ = s.fs.Remove(aside)
	}
	if err != nil {
		s.unclaim(from)
		return g, err
	}
	s.stats.Broken += g.broken
	s.stats.BrokenRows += g.lost
	s.stats.LostMarks += g.marks
	s.givenUp(reason, g.rows)
	s.surrendered(from, g)
	_ = s.besides(beside, func() error { return s.fs.SyncDir(dir) })
	return g, nil
}

// besides does what may take long without mu, when somebody may have it meanwhile.
func (s *Spool) besides(beside bool, do func() error) error {
	if beside {
		s.unlock()
		defer s.mu.Lock()
	}
	return do()
}

func (s *Spool) unclaim(from []source) {
	for k := range from {
		if f := s.find(from[k].ordinal); f != nil {
			f.claimed = false
		}
	}
}

// surrendered puts the new bundle in the place of the old one, or of two: the first absorbed the second.
func (s *Spool) surrendered(from []source, g *surrender) {
	first := s.find(from[0].ordinal)
	attempted := first.attempted
	ordinal, number := first.ordinal, first.bundle.number
	for _, src := range from[1:] {
		// While it can come back, nothing may be sent of what absorbed it.
		if e := s.find(src.ordinal); !inTierTwo(e.ordinal) {
			s.retire(e)
		} else if err := s.fs.Remove(s.file(e)); err != nil && !errors.Is(err, os.ErrNotExist) {
			s.detach(err)
			return
		} else {
			s.forget(e.ordinal)
		}
	}
	if g.w.trailer.count == 0 {
		e := s.find(ordinal)
		s.account(ordinal, -e.bundle.left, 0)
		e.bundle.left = 0
		s.retire(e)
		return
	}
	s.forget(ordinal)
	e := newEntry(ordinal, number, &g.w.trailer, g.w.size)
	e.attempted = attempted
	s.insert(e)
}

// absorbing returns the bundle before bundle i when it is nothing but tombstones and may take in those that
// all of i will be.
func (s *Spool) absorbing(i, most int) *entry {
	if i == 0 {
		return nil
	}
	before, e := &s.entries[i-1], &s.entries[i]
	if before.bundle == nil || inTierTwo(before.ordinal) != inTierTwo(e.ordinal) || most < e.bundle.left || !before.tombstone ||
		before.attempted || before.pinned || before.absorbed || before.spent || s.committing && before.claimed ||
		e.attempted || before.bundle.left < before.bundle.count || before.bundle.left+e.bundle.left > maxBundled {
		return nil
	}
	return before
}

func (s *Spool) writeSurrender(g *surrender, aside string, from []source, paths []string) error {
	err := s.trySurrender(g, aside, from, paths)
	full := errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
	if full && filepath.Dir(aside) == s.dir && s.reserved && s.fs.Remove(s.reservePath()) == nil {
		s.reserved = false
		*g = surrender{reason: g.reason, most: g.most, merge: g.merge}
		err = s.trySurrender(g, aside, from, paths)
	}
	return err
}

func (s *Spool) trySurrender(g *surrender, aside string, from []source, paths []string) error {
	file, err := s.fs.Create(aside)
	if err != nil {
		return fmt.Errorf("spool: make %s: %w", aside, err)
	}
	if g.w, err = newBundleWriter(file); err == nil {
		for k := range from {
			if err = s.surrenderOne(g, &from[k], paths[k]); err != nil {
				break
			}
		}
	}
	if err == nil {
		err = g.flush()
	}
	if err != nil {
		file.Close()
		return err
	}
	if err := g.w.finish(from[0].bundle.first, from[len(from)-1].bundle.last, s.now().UnixNano()); err != nil {
		return fmt.Errorf("spool: write %s: %w", aside, err)
	}
	return nil
}

// surrenderOne writes one bundle into the other.
func (s *Spool) surrenderOne(g *surrender, src *source, path string) error {
	r, _, _, err := openBundle(s.fs, path)
	if err != nil {
		return err
	}
	if len(r.dir.segments) != src.bundle.count {
		return fmt.Errorf("spool: %s: %w: it has changed", path, ErrBroken)
	}
	for i := range r.dir.segments {
		var state uint8
		if src.state != nil {
			state = src.state[i]
		}
		if state&segmentDone != 0 {
			continue
		}
		if err := s.surrenderSegment(g, r, i, state); err != nil {
			return err
		}
	}
	return nil
}

func (s *Spool) surrenderSegment(g *surrender, r *bundleReader, i int, state uint8) error {
	record := &r.dir.segments[i]
	if !record.tombstone && state&segmentBroken == 0 && g.done >= g.most {
		h, head, file, err := r.file(i, g.buf)
		g.buf = file
		switch {
		case err == nil:
			if err := g.flush(); err != nil {
				return err
			}
			return g.w.add(file[:head], file[head:], h.Rows, false)
		case !errors.Is(err, errBody):
			return g.unreadable(record, err)
		}
		g.broken++
		g.lost += h.Bury(LossBroken)
		return g.tombstone(&h)
	}
	h, err := r.header(i)
	switch {
	case err != nil:
		return g.unreadable(record, err)
	case state&segmentBroken != 0:
		h.Bury(LossBroken)
	case !h.Tombstone:
		g.rows += h.Bury(g.reason)
		g.done++
	}
	return g.tombstone(&h)
}

// unreadable counts a segment of which nothing is left; what the medium refuses for now is no such.
func (g *surrender) unreadable(record *segmentRecord, err error) error {
	if !errors.Is(err, ErrBroken) {
		return err
	}
	g.broken++
	g.lost += uint64(record.rows)
	return nil
}

// tombstone adds one, or lets the one before absorb it.
func (g *surrender) tombstone(h *Header) error {
	if g.merge && g.last != nil {
		both := *g.last
		both.Coverage = slices.Clone(both.Coverage)
		for i := range both.Coverage {
			both.Coverage[i].Losses = slices.Clone(both.Coverage[i].Losses)
		}
		if both.absorb(h) {
			g.marks += both.LostMarks - g.last.LostMarks - h.LostMarks
			g.last = &both
			return nil
		}
	}
	if err := g.flush(); err != nil {
		return err
	}
	g.last = h
	return nil
}

func (g *surrender) flush() error {
	h := g.last
	if h == nil {
		return nil
	}
	g.last = nil
	return g.w.add(appendFile(nil, h), nil, 0, true)
}

// dropBundle gives up the rows of bundle i of the first tier for newer ones. It reports whether the list has changed;
// an error is the file system's, for now.
func (s *Spool) dropBundle(i int) (freed bool, err error) {
	ordinal := s.entries[i].ordinal
	_, err = s.giveUp(ordinal, maxBundled, LossFull, false)
	switch {
	case err == nil:
		return true, s.sweep()
	case errors.Is(err, errNoGain):
		return false, nil
	case errors.Is(err, os.ErrNotExist):
		s.lostBundle(s.find(ordinal))
		return true, nil
	case errors.Is(err, ErrBroken):
		s.setAsideBundle(s.find(ordinal))
		return true, nil
	}
	return false, err
}

// makeRoomInTwo lets the oldest bundles of the second tier give way until bytes more fit.
func (s *Spool) makeRoomInTwo(bytes int64) error {
	s.mu.Lock()
	defer s.unlock()
	for s.stats.Overflow.Bytes+bytes > s.over.Limit {
		i := slices.IndexFunc(s.entries, func(e entry) bool {
			return inTierTwo(e.ordinal) && !e.pinned && !e.tombstone && !e.spent && !e.kept && s.remains(&e) < charge(e.size)
		})
		if i < 0 {
			return fmt.Errorf("spool: %s: %d of %d bytes are taken: %w", s.over.Dir, s.stats.Overflow.Bytes, s.over.Limit, ErrFull)
		}
		ordinal := s.entries[i].ordinal
		_, err := s.giveUp(ordinal, maxBundled, LossFull, true)
		e := s.find(ordinal)
		switch {
		case err == nil, errors.Is(err, errNoGain):
		case e != nil && errors.Is(err, os.ErrNotExist):
			s.lostBundle(e)
		case e != nil && errors.Is(err, ErrBroken):
			s.setAsideBundle(e)
		default:
			return err
		}
		if s.over.held == nil {
			return errAway
		}
	}
	return nil
}
