package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Uplink tells whether the database takes what it is sent, each time when that is found out. The spool keeps since when it
// cannot: nothing is written to the second tier before it was down for Overflow.After.
func (s *Spool) Uplink(up bool) {
	s.mu.Lock()
	defer s.unlock()
	if s.up && !up {
		s.downSince = s.now()
	}
	s.up = up
}

// tendAlways is the spool's goroutine: what takes time is done here, and nobody waits for it.
func (s *Spool) tendAlways() {
	defer close(s.ended)
	ticker := time.NewTicker(tendEvery)
	defer ticker.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-ticker.C:
		case <-s.wake:
		}
		s.tend()
	}
}

// tend does what there is to do.
func (s *Spool) tend() {
	s.tending.Lock()
	defer s.tending.Unlock()
	s.answer()
	s.attach()
	s.removeSpent()
	for s.packNext(false) {
	}
	s.mu.Lock()
	defer s.unlock()
	rested := s.over != nil && !s.over.until.IsZero() && !s.over.resting(s.now())
	if rested {
		s.over.until = time.Time{}
	}
	if s.stalled || rested {
		s.stalled = false
		token(s.changed) // what Pin left out may be had again
	}
}

// Preserve moves what is left in the first tier to the second, for a stop while the database is away: a first tier in
// memory does not survive it. The day's budget holds (ErrDaily). Nothing may be pinned.
func (s *Spool) Preserve() error {
	if s.over == nil {
		return nil
	}
	s.tending.Lock()
	defer s.tending.Unlock()
	s.attach()
	for s.packNext(true) {
	}
	s.mu.Lock()
	defer s.unlock()
	left := 0
	for i := range s.entries {
		if e := &s.entries[i]; !inTierTwo(e.ordinal) && !e.absorbed {
			left += e.segments()
		}
	}
	switch {
	case s.closed:
		return s.errClosed()
	case left == 0:
		return nil
	case s.stats.Overflow.Err != "":
		return fmt.Errorf("spool: %d segments stay in %s: %s", left, s.dir, s.stats.Overflow.Err)
	}
	return fmt.Errorf("spool: %d segments stay in %s: %w", left, s.dir, ErrDaily)
}

// source is an entry on its way into a bundle.
type source struct {
	ordinal uint64
	bundle  *bundle
	state   []uint8 // of the bundle's segments, as it was when the batch was chosen
	size    int64
}

// batch is what becomes a bundle.
type batch struct {
	sources   []source
	toTwo     bool
	most      int64 // bytes of the file
	attempted bool
}

// packNext writes one bundle when there is reason to. It reports whether there may be more to do.
func (s *Spool) packNext(all bool) bool {
	s.mu.Lock()
	b := s.batch(all)
	if b == nil {
		s.unlock()
		return false
	}
	for _, src := range b.sources {
		s.find(src.ordinal).claimed = true
	}
	s.saving = b.toTwo
	s.unlock()
	err := s.makeBundle(b)
	s.mu.Lock()
	defer s.unlock()
	s.saving = false
	for _, src := range b.sources {
		if e := s.find(src.ordinal); e != nil {
			e.claimed = false
		}
	}
	token(s.changed) // who found everything claimed looks again
	switch {
	case err == nil:
		if b.toTwo {
			s.stats.Overflow.Err = ""
		}
		return true
	case errors.Is(err, errTaken):
		return all // before a stop there is no other time; it was a segment that broke, most likely
	case errors.Is(err, errNoGain):
		for _, src := range b.sources {
			if e := s.find(src.ordinal); e != nil {
				e.kept = true
			}
		}
		return true
	case b.toTwo:
		s.rest(err)
	default:
		s.packAfter = s.now().Add(packPause)
	}
	return false
}

var (
	// errTaken: somebody wanted what was being packed; there is another time.
	errTaken = errors.New("spool: what was being packed is in use")
	// errNoGain: the bundle is no smaller than what it was made of.
	errNoGain = errors.New("spool: packing gains nothing")
)

// batch chooses what is to become a bundle, oldest first; nil when nothing is. All is before a stop: then everything
// goes to the second tier.
func (s *Spool) batch(all bool) *batch {
	if s.closed || s.sweep() != nil {
		return nil
	}
	if b := s.batchForTwo(all); b != nil || all {
		return b
	}
	now := s.now()
	loose := 0
	for i := range s.entries {
		if s.entries[i].bundle == nil {
			loose++
		}
	}
	many := loose > looseSegments
	if !many && s.stats.Bytes <= s.stats.Limit/2 || now.Before(s.packAfter) {
		return nil
	}
	return s.batchForOne(many)
}

// batchForOne chooses neighbours that the database cannot know, and that nobody wants just now.
func (s *Spool) batchForOne(many bool) *batch {
	raw := min(tierOneRaw, s.stats.Limit/8)
	least := min(looseBytes, raw/2)
	for i := 0; i < len(s.entries); {
		b := &batch{}
		var size, charged int64
		for ; i < len(s.entries); i++ {
			e := &s.entries[i]
			if e.bundle != nil || e.pinned || e.attempted || e.absorbed || e.kept || len(b.sources) == maxBundled ||
				size > 0 && size+e.size > raw {
				break
			}
			b.sources = append(b.sources, source{ordinal: e.ordinal, size: e.size})
			size += e.size
			charged += charge(e.size)
		}
		if len(b.sources) >= looseLeast && many || charged >= least && len(b.sources) > 1 {
			b.most = charged - blockSize
			return b
		}
		if len(b.sources) == 0 {
			i++
		}
	}
	return nil
}

// batchForTwo chooses the oldest of the first tier for the second, when the uplink has been down for long and there is
// enough for a large file.
func (s *Spool) batchForTwo(all bool) *batch {
	now := s.now()
	if s.over == nil || s.over.held == nil || s.over.resting(now) && !all {
		return nil
	}
	if !all && (s.up || now.Sub(s.downSince) < s.over.After) {
		return nil
	}
	if now.Sub(s.over.day) >= 24*time.Hour {
		s.over.day, s.stats.Overflow.Today = now, 0
	}
	b := &batch{toTwo: true, most: min(overflowMost, s.over.Limit/2)}
	if s.over.Daily > 0 {
		b.most = min(b.most, s.over.Daily-s.stats.Overflow.Today)
	}
	var estimate, raw, charged int64
	count := 0
	for i := range s.entries {
		e := &s.entries[i]
		if inTierTwo(e.ordinal) {
			continue
		}
		size, unpacked := e.size/packedShare, e.size
		src := source{ordinal: e.ordinal, size: e.size}
		if e.bundle != nil {
			size, unpacked = e.size, e.bundle.raw
			src.bundle, src.state = e.bundle, slices.Clone(e.bundle.state)
		}
		full := estimate+size > b.most || raw+unpacked > maxBundleRaw || count+e.segments() > maxBundled ||
			// In a full spool the rest gives way to what is sealed meanwhile, instead of this.
			!all && charged >= s.stats.Limit/4*3
		if e.pinned || len(b.sources) > 0 && full {
			break
		}
		charged += charge(e.size)
		b.sources = append(b.sources, src)
		b.attempted = b.attempted || e.attempted
		estimate, raw, count = estimate+size, raw+unpacked, count+e.segments()
	}
	least := min(overflowLeast, s.stats.Limit/5)
	switch {
	case len(b.sources) == 0, estimate < least && !all:
		return nil
	case b.most < min(least, estimate):
		return nil
	}
	return b
}

// makeBundle writes a bundle aside, gives it its name, and lets the files go that it was made of. Nobody waits
// meanwhile: what of the batch is wanted before the bundle has its name makes it give up.
func (s *Spool) makeBundle(b *batch) error {
	dir := s.dir
	number := b.sources[0].ordinal
	if b.toTwo {
		if !s.present() {
			return errAway
		}
		dir, number = s.over.Dir, s.over.next
	}
	aside := filepath.Join(dir, fmt.Sprintf("%s%016x-pack", asidePrefix, number))
	w, taken, err := s.write(b, aside)
	if err == nil && b.toTwo {
		err = s.makeRoomInTwo(charge(w.size))
	} else if err == nil {
		var before int64
		for i := range b.sources[:taken] {
			before += charge(b.sources[i].size)
		}
		if charge(w.size) >= before {
			err = errNoGain
		}
	}
	if err == nil {
		err = s.commit(b, b.sources[:taken], w, aside, filepath.Join(dir, bundleName(number)), number)
	}
	if err != nil {
		// When the rest stays it takes room and does nothing else; Open removes it.
		_ = s.fs.Remove(aside)
	}
	return err
}

// write writes the file, synced. It takes as many sources as fit.
func (s *Spool) write(b *batch, aside string) (w *bundleWriter, taken int, err error) {
	file, err := s.fs.Create(aside)
	if err != nil {
		return nil, 0, fmt.Errorf("spool: make %s: %w", aside, err)
	}
	if w, err = newBundleWriter(file); err == nil {
		taken, err = s.fill(w, b)
	}
	if b.toTwo {
		defer func() {
			s.mu.Lock()
			s.stats.Overflow.Today += w.size
			s.unlock()
		}()
	}
	if err != nil {
		file.Close()
		return w, 0, err
	}
	if err := w.finish(b.sources[0].ordinal, s.lastOf(&b.sources[taken-1]), s.now().UnixNano()); err != nil {
		return w, 0, fmt.Errorf("spool: write %s: %w", aside, err)
	}
	return w, taken, nil
}

// lastOf is the last ordinal of the first tier that a source stands for.
func (s *Spool) lastOf(src *source) uint64 {
	if src.bundle != nil {
		return src.bundle.last
	}
	return src.ordinal
}

// fill adds the sources, as long as there is room, and tells how many.
func (s *Spool) fill(w *bundleWriter, b *batch) (taken int, err error) {
	var buf []byte
	for k := range b.sources {
		src := &b.sources[k]
		if k > 0 && w.size+int64(len(w.heads)+len(w.bodies)+2*len(w.segments))+src.size > b.most {
			break
		}
		if !s.stillClaimed(src) {
			return 0, errTaken
		}
		if src.bundle != nil {
			err = s.fillFrom(w, src, &buf)
		} else {
			err = s.fillOne(w, src, &buf)
		}
		if err != nil {
			return 0, err
		}
		taken++
	}
	return taken, nil
}

func (s *Spool) stillClaimed(src *source) bool {
	s.mu.Lock()
	defer s.unlock()
	e := s.find(src.ordinal)
	return e != nil && e.claimed && e.bundle == src.bundle && !s.closed
}

// fillOne adds a segment that has a file of its own. One that cannot be read is judged as Load does, and is no more part of
// this batch.
func (s *Spool) fillOne(w *bundleWriter, src *source, buf *[]byte) error {
	h, body, grown, err := s.read(src.ordinal, *buf)
	*buf = grown
	if err != nil {
		_, _, _, err = s.reload(Ref{Ordinal: src.ordinal}, grown)
		if err == nil || errors.Is(err, ErrGone) || errors.Is(err, ErrBroken) {
			return errTaken
		}
		return err
	}
	return w.add(grown[:len(grown)-len(body)], body, h.Rows, h.Tombstone)
}

// fillFrom adds what is left of a bundle.
func (s *Spool) fillFrom(w *bundleWriter, src *source, buf *[]byte) error {
	s.mu.Lock()
	e := s.find(src.ordinal)
	if e == nil || e.bundle != src.bundle {
		s.unlock()
		return errTaken
	}
	path := s.file(e)
	s.unlock()
	r, _, _, err := openBundle(s.fs, path)
	if err != nil {
		return err
	}
	for i := range r.dir.segments {
		var state uint8
		if src.state != nil {
			state = src.state[i]
		}
		if state&segmentDone != 0 {
			continue
		}
		if err := s.copySegment(w, r, i, state, buf); err != nil {
			s.mu.Lock()
			defer s.unlock()
			return s.copyFailed(src, i, err)
		}
	}
	return nil
}

// copySegment adds a segment of another bundle; of one whose rows are given up, its tombstone.
func (s *Spool) copySegment(w *bundleWriter, r *bundleReader, i int, state uint8, buf *[]byte) error {
	if state&segmentBroken != 0 {
		h, err := r.header(i)
		if err != nil {
			return err
		}
		h.Bury(LossBroken)
		return w.add(appendFile(nil, &h), nil, 0, true)
	}
	h, head, file, err := r.file(i, *buf)
	*buf = file
	if err != nil {
		return &unreadable{h, err}
	}
	return w.add(file[:head], file[head:], h.Rows, h.Tombstone)
}

// unreadable is why a segment could not be copied, with its header as far as that could be read.
type unreadable struct {
	header Header
	error
}

func (u *unreadable) Unwrap() error { return u.error }

// copyFailed judges a segment that could not be copied, as Load does.
func (s *Spool) copyFailed(src *source, i int, err error) error {
	var u *unreadable
	e := s.find(src.ordinal)
	if e == nil || e.bundle != src.bundle {
		return errTaken
	}
	if !errors.As(err, &u) {
		return err
	}
	if e.bundle.directory == nil {
		if !s.openDirectory(src.ordinal) {
			return err
		}
		if e = s.find(src.ordinal); e == nil || e.bundle != src.bundle || e.bundle.directory == nil {
			return errTaken
		}
	}
	return errors.Join(errTaken, s.judge(Ref{Ordinal: src.ordinal + uint64(i)}, src.bundle, &u.header, u.error))
}

// commit gives the bundle its name. From then on it is what holds the segments, unless the medium does not say so.
func (s *Spool) commit(b *batch, taken []source, w *bundleWriter, aside, path string, number uint64) error {
	s.mu.Lock()
	defer s.unlock()
	for i := range taken {
		if e := s.find(taken[i].ordinal); e == nil || !e.claimed || e.bundle != taken[i].bundle || s.closed {
			return errTaken
		}
	}
	s.committing = true
	err := s.besides(true, func() error { return s.rename(aside, path) })
	s.committing = false
	var u *unsure
	if err == nil && b.toTwo && s.over.held == nil {
		err = &unsure{errAway}
	}
	if errors.As(err, &u) {
		// The bundle may be there some day, and what is in it keeps its own name until then.
		for i := range taken {
			s.find(taken[i].ordinal).attempted = true
		}
		if b.toTwo {
			s.detach(err)
		}
	}
	if err != nil {
		return err
	}
	ordinal := number
	if b.toTwo {
		ordinal = tierTwo | s.over.ordinal
		s.over.ordinal += uint64(w.trailer.count)
		s.over.next++
	}
	s.replaceMany(taken)
	e := newEntry(ordinal, number, &w.trailer, w.size)
	e.attempted = b.attempted
	s.insert(e)
	// What fails here fails again, and is reported, when a segment is sent.
	_ = s.sweep()
	return nil
}

// unsure: a file may have its name or not.
type unsure struct{ error }

func (u *unsure) Unwrap() error { return u.error }

// rename gives a file its name, for good: when that cannot be made durable the name is taken back.
func (s *Spool) rename(aside, path string) error {
	if err := s.fs.Rename(aside, path); err != nil {
		return fmt.Errorf("spool: rename %s: %w", aside, err)
	}
	if err := s.fs.SyncDir(filepath.Dir(path)); err != nil {
		err = fmt.Errorf("spool: sync %s: %w", filepath.Dir(path), err)
		if s.fs.Remove(path) != nil {
			return &unsure{err}
		}
		return err
	}
	return nil
}

// replaceMany takes neighbours off the list, whose files a bundle made superfluous.
func (s *Spool) replaceMany(taken []source) {
	from, _ := s.index(taken[0].ordinal)
	kept := make([]entry, 0, len(s.entries)-len(taken)+1)
	kept = append(kept, s.entries[:from]...)
	for i := range taken {
		e := &s.entries[from+i]
		s.leftover = append(s.leftover, leftover{s.file(e), charge(e.size)})
		if e.bundle != nil {
			s.stats.Bundles--
		}
		s.account(e.ordinal, -e.segments(), 0)
	}
	s.entries = append(kept, s.entries[from+len(taken):]...)
}

// removeSpent removes the files of the second tier whose segments were all sent.
func (s *Spool) removeSpent() {
	s.mu.Lock()
	var spent []uint64
	if s.over != nil && s.over.held != nil {
		for i := range s.entries {
			if s.entries[i].spent {
				spent = append(spent, s.entries[i].ordinal)
			}
		}
	}
	s.unlock()
	for _, ordinal := range spent {
		s.mu.Lock()
		i, ok := s.index(ordinal)
		var path string
		if ok {
			path = s.file(&s.entries[i])
		}
		s.unlock()
		if !ok {
			continue
		}
		err := s.fs.Remove(path)
		s.mu.Lock()
		if err == nil || errors.Is(err, os.ErrNotExist) {
			s.forget(ordinal)
		} else {
			s.stats.Overflow.Err = err.Error()
		}
		s.unlock()
	}
	if len(spent) > 0 {
		_ = s.fs.SyncDir(s.over.Dir)
	}
}
