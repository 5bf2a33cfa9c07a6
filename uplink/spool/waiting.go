package spool

import (
	"errors"
	"os"
	"slices"
)

// waitingTries is how often Waiting begins anew because a file was sent, or packed into another, before it was read.
const waitingTries = 3

// Waiting is what is still to be sent.
type Waiting struct {
	Rows   uint64
	Oldest int64 // when the oldest segment was sealed, Unix nanoseconds; 0: none waits, or it cannot be read
}

// Waiting counts the rows that wait, which Stats does not know: of a long outage only the files do. Unlike Inspect it leaves
// out what is in a bundle and was sent or given up already, and of a broken file only what it still tells of its rows counts.
// It reads the header of every segment with a file of its own; what comes and goes meanwhile may or may not be in the answer.
// An error: the disk refuses a file, or the spool is closed.
func (s *Spool) Waiting() (Waiting, error) {
	for try := 1; ; try++ {
		list, err := s.waiting()
		if err != nil {
			return Waiting{}, err
		}
		var w Waiting
		gone := false
		for i := range list {
			switch err := list[i].addTo(&w, s.fs); {
			case errors.Is(err, os.ErrNotExist):
				gone = true
			case err != nil && !errors.Is(err, ErrBroken): // of what is broken the uplink will tell
				return Waiting{}, err
			}
		}
		if !gone || try == waitingTries {
			return w, nil
		}
	}
}

// waitingFile is a file of which segments wait.
type waitingFile struct {
	path      string
	bundled   bool
	state     []uint8    // of a bundle
	directory *directory // of a bundle; nil: not read yet
}

// waiting lists the files, oldest first.
func (s *Spool) waiting() ([]waitingFile, error) {
	s.mu.Lock()
	defer s.unlock()
	if s.closed {
		return nil, s.errClosed()
	}
	list := make([]waitingFile, 0, len(s.entries))
	for i := range s.entries {
		e := &s.entries[i]
		if e.absorbed || e.spent {
			continue
		}
		f := waitingFile{path: s.file(e)}
		if b := e.bundle; b != nil {
			f.bundled, f.state, f.directory = true, slices.Clone(b.state), b.directory
		}
		list = append(list, f)
	}
	return list, nil
}

// addTo adds what waits in the file.
func (f *waitingFile) addTo(w *Waiting, fs FS) error {
	if f.bundled {
		return f.addBundle(w, fs)
	}
	h, _, err := readHeader(fs, f.path)
	w.Rows += h.Rows
	w.older(&h)
	return err
}

func (f *waitingFile) addBundle(w *Waiting, fs FS) error {
	if f.directory == nil {
		r, _, _, err := openBundle(fs, f.path)
		if err != nil {
			return err
		}
		f.directory = r.dir
	}
	first := -1
	for i := range f.directory.segments {
		var state uint8
		if i < len(f.state) {
			state = f.state[i]
		}
		if state&segmentDone != 0 {
			continue
		}
		if first < 0 {
			first = i
		}
		if state&segmentBroken == 0 {
			w.Rows += uint64(f.directory.segments[i].rows)
		}
	}
	if first < 0 || w.Oldest != 0 {
		return nil
	}
	h, err := newBundleReader(fs, f.path, f.directory).header(first)
	w.older(&h)
	return err
}

// older takes over when a segment was sealed, if it is the oldest so far.
func (w *Waiting) older(h *Header) {
	if h.SealedAt != 0 && (w.Oldest == 0 || h.SealedAt < w.Oldest) {
		w.Oldest = h.SealedAt
	}
}
