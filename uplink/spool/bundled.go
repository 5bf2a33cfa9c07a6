package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// openDirectory reads the directory of a bundle, and gives mu free meanwhile: flash may be slow. It reports whether it is
// worth to look again at what there is; otherwise the medium refuses, for now.
func (s *Spool) openDirectory(ordinal uint64) bool {
	e := s.find(ordinal)
	b, path := e.bundle, s.file(e)
	var r *bundleReader
	var t trailer
	err := s.besides(true, func() (err error) {
		r, t, _, err = openBundle(s.fs, path)
		return err
	})
	if e = s.find(ordinal); e == nil || e.bundle != b {
		return !s.closed
	}
	switch {
	case err == nil && int(t.count) == b.count:
		b.directory = r.dir
		e.unread = 0
		s.readable(ordinal)
		return true
	case err == nil, errors.Is(err, ErrBroken):
	case errors.Is(err, os.ErrNotExist):
		s.lostBundle(e)
		return true
	default:
		if errors.Is(err, syscall.EIO) {
			e.unread++
		}
		if e.unread < maxUnread {
			s.stalled = true
			s.restTierTwo(e, err)
			return inTierTwo(ordinal)
		}
	}
	s.setAsideBundle(e)
	return true
}

// setAsideBundle gives up a bundle of which nobody can tell what is in it.
func (s *Spool) setAsideBundle(e *entry) {
	s.stats.Broken += uint64(e.bundle.left)
	dir, list := s.dir, &s.broken
	if inTierTwo(e.ordinal) {
		dir, list = s.over.Dir, &s.over.broken
	}
	s.renameBroken(dir, bundleName(e.bundle.number), e.bundle.number, list)
	s.forget(e.ordinal)
}

// lostBundle forgets a bundle whose file is not there: somebody removed it, or the whole tier is away.
func (s *Spool) lostBundle(e *entry) {
	if inTierTwo(e.ordinal) && !s.over.present() {
		s.detach(errAway)
		return
	}
	s.stats.Broken += uint64(e.bundle.left)
	s.forget(e.ordinal)
}

// retire takes an entry off the list whose file holds nothing that is still to be sent, and has the file removed.
func (s *Spool) retire(e *entry) {
	if inTierTwo(e.ordinal) {
		e.spent = true
		token(s.wake)
		return
	}
	l := leftover{s.file(e), charge(e.size)}
	s.forget(e.ordinal)
	s.stats.Bytes += l.bytes
	s.leftover = append(s.leftover, l)
}

// loadBundled is Load for a segment in a bundle. It is called with mu held, and gives it free.
func (s *Spool) loadBundled(r Ref, buf []byte) (h Header, body, grown []byte, err error) {
	h, body, buf, b, err := s.readBundled(r, buf, true)
	s.mu.Lock()
	defer s.unlock()
	if err != nil {
		return Header{}, nil, buf, s.judge(r, b, &h, err)
	}
	if e, i := s.place(r.Ordinal); e != nil && e.bundle == b {
		b.clear(i, ^uint8(segmentUnread-1))
		s.readable(e.ordinal)
	}
	return h, body, buf, nil
}

// readBundled reads a segment, or its header alone. It is called with mu held, and gives it free.
func (s *Spool) readBundled(r Ref, buf []byte, whole bool) (h Header, body, grown []byte, b *bundle, err error) {
	e, i := s.place(r.Ordinal)
	for e != nil && e.bundle != nil && e.bundle.directory == nil && s.openDirectory(e.ordinal) {
		e, i = s.place(r.Ordinal)
	}
	if e == nil || e.bundle == nil || e.bundle.directory == nil {
		s.unlock()
		return Header{}, nil, buf, nil, s.errGone(r)
	}
	b = e.bundle
	dir, path, broken := b.directory, s.file(e), b.is(i, segmentBroken)
	s.unlock()
	s.reading.Lock()
	defer s.reading.Unlock()
	if s.reader == nil || s.reader.dir != dir {
		s.reader = newBundleReader(s.fs, path, dir)
	}
	if whole && !broken {
		h, head, buf, err := s.reader.file(i, buf)
		if err != nil {
			return h, nil, buf, b, err
		}
		return h, buf[head:], buf, b, nil
	}
	h, err = s.reader.header(i)
	if broken {
		h.Bury(LossBroken)
	}
	return h, nil, buf, b, err
}

// judge decides what becomes of a segment in a bundle that could not be read, and returns what Load is to say. The header is
// zero when it could not be read either.
func (s *Spool) judge(r Ref, b *bundle, h *Header, err error) error {
	e, i := s.place(r.Ordinal)
	switch {
	case e == nil || e.bundle != b:
		return s.errGone(r)
	case errors.Is(err, os.ErrNotExist):
		s.lostBundle(e)
		return s.errGone(r)
	case errors.Is(err, ErrBroken):
	case errors.Is(err, syscall.EIO):
		b.set(i, 0)
		if b.state[i]/segmentUnread < maxUnread-1 {
			b.state[i] += segmentUnread
			s.restTierTwo(e, err)
			return err
		}
		err = fmt.Errorf("%w: %w", ErrBroken, err)
	default:
		s.restTierTwo(e, err)
		return err
	}
	s.breakBundled(e, i)
	if h.Last == 0 && s.finished(e, i) {
		s.retire(e)
	}
	return err
}

// breakBundled gives up the rows of a segment. Nothing is written: its header stands for the tombstone that it
// would be, now and after a start.
func (s *Spool) breakBundled(e *entry, i int) {
	b := e.bundle
	if b.is(i, segmentBroken) {
		return
	}
	b.set(i, segmentBroken)
	s.stats.Broken++
	s.stats.BrokenRows += uint64(b.directory.segments[i].rows)
}

// Header reads a segment's header.
func (s *Spool) Header(r Ref) (Header, error) {
	s.mu.Lock()
	if e, _ := s.place(r.Ordinal); e == nil || e.bundle == nil {
		s.unlock()
		h, _, err := s.readHeader(r.Ordinal)
		return h, err
	}
	h, _, _, _, err := s.readBundled(r, nil, false)
	return h, err
}

// holding is what a bundle holds, by name.
type holding struct {
	segments map[segmentKey]struct{}
	ranges   []Header // tombstones of several
}

type segmentKey struct {
	device, run [16]byte
	sequence    uint64
}

// holdingOf reads all headers of a bundle. What cannot be read is not held.
func (s *Spool) holdingOf(name, dir string) *holding {
	held := &holding{segments: map[segmentKey]struct{}{}}
	r, _, _, err := openBundle(s.fs, filepath.Join(dir, name))
	if err != nil {
		return held
	}
	for i := range r.dir.segments {
		h, err := r.header(i)
		if err != nil {
			continue
		}
		held.segments[segmentKey{h.Device, h.Run, h.Sequence}] = struct{}{}
		if h.Last > h.Sequence {
			held.ranges = append(held.ranges, Header{Device: h.Device, Run: h.Run, Sequence: h.Sequence, Last: h.Last})
		}
	}
	return held
}

func (held *holding) has(h *Header) bool {
	if _, ok := held.segments[segmentKey{h.Device, h.Run, h.Sequence}]; ok {
		return true
	}
	for i := range held.ranges {
		if r := &held.ranges[i]; r.Device == h.Device && r.Run == h.Run && r.Sequence <= h.Sequence && h.Sequence <= r.Last {
			return true
		}
	}
	return false
}

// hasAny reports whether the bundle at path was made part of this one: bundles are as wholes, but for what was sent.
func (held *holding) hasAny(s *Spool, path string) bool {
	r, _, _, err := openBundle(s.fs, path)
	if err != nil {
		return false
	}
	for i := range r.dir.segments {
		if h, err := r.header(i); err == nil && held.has(&h) {
			return true
		}
	}
	return false
}
