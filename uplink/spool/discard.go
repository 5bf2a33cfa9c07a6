package spool

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// A request to discard is a file in the first tier's directory, written aside and renamed, with an id and the number of
// segments; the answer is another, with the same id. Who may write there may as well remove the segments.
const (
	requestName = "discard.request"
	answerName  = "discard.answer"
	maxMessage  = 4096
)

// DiscardResult is what Discard did.
type DiscardResult struct {
	Segments int // that are tombstones now
	Rows     uint64
}

// Discard drops the rows of the oldest segments, at most so many, 0: all. Their counts stay, as tombstones with
// LossDiscarded. Segments that are on their way to the database just then are left out. While a daemon has the spool it is
// asked to do it, which it does within tendEvery, or when it has written the bundle that it is at; the context says how
// long to wait.
func Discard(ctx context.Context, fs FS, dir string, o Overflow, segments int) (DiscardResult, error) {
	if _, err := fs.List(dir); err != nil {
		return DiscardResult{}, fmt.Errorf("spool: list %s: %w", dir, err)
	}
	fs = ownedBy(fs, dir)
	s, err := open(fs, dir, math.MaxInt64, o, time.Now)
	if errors.Is(err, ErrLocked) {
		return request(ctx, fs, dir, segments)
	}
	if err != nil {
		return DiscardResult{}, err
	}
	s.tending.Lock()
	result, err := s.discard(segments)
	s.tending.Unlock()
	return result, errors.Join(err, s.Close())
}

// request asks the process that has the spool.
func request(ctx context.Context, fs FS, dir string, segments int) (DiscardResult, error) {
	id := make([]byte, 8)
	_, _ = rand.Read(id) // it does not fail
	name := hex.EncodeToString(id)
	aside := filepath.Join(dir, asidePrefix+name)
	path, answer := filepath.Join(dir, requestName), filepath.Join(dir, answerName)
	err := fs.WriteSynced(aside, fmt.Appendf(nil, "%s %d\n", name, segments))
	if err == nil {
		err = fs.Rename(aside, path)
	}
	if err != nil {
		_ = fs.Remove(aside)
		return DiscardResult{}, fmt.Errorf("spool: ask the daemon to discard: %w", err)
	}
	ticker := time.NewTicker(tendEvery / 10)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			_ = fs.Remove(path)
			return DiscardResult{}, fmt.Errorf("spool: the daemon that has %s did not answer: %w", dir, context.Cause(ctx))
		case <-ticker.C:
		}
		b, _, err := fs.ReadHead(answer, maxMessage)
		if err != nil {
			continue
		}
		var whose, trouble string
		var r DiscardResult
		if _, err := fmt.Sscanf(string(b), "%s %d %d %q", &whose, &r.Segments, &r.Rows, &trouble); err != nil || whose != name {
			continue // somebody else's
		}
		_ = fs.Remove(answer)
		if trouble != "" {
			return r, fmt.Errorf("spool: the daemon that has %s: %s", dir, trouble)
		}
		return r, nil
	}
}

// answer does what a request asks for.
func (s *Spool) answer() {
	path := filepath.Join(s.dir, requestName)
	b, _, err := s.fs.ReadHead(path, maxMessage)
	if err != nil || s.fs.Remove(path) != nil {
		return
	}
	var id string
	var segments int
	if _, err := fmt.Sscanf(string(b), "%s %d", &id, &segments); err != nil {
		return
	}
	r, err := s.discard(segments)
	var trouble string
	if err != nil {
		trouble = err.Error()
	}
	aside := filepath.Join(s.dir, asidePrefix+"answer")
	if err = s.fs.WriteSynced(aside, fmt.Appendf(nil, "%s %d %d %q\n", id, r.Segments, r.Rows, trouble)); err == nil {
		err = s.fs.Rename(aside, filepath.Join(s.dir, answerName))
	}
	if err != nil {
		// Who asked gives up waiting; the rows are counted in the stats and the ledger all the same.
		_ = s.fs.Remove(aside)
	}
}

// discard makes tombstones of the oldest segments with rows. The caller holds tending.
func (s *Spool) discard(segments int) (r DiscardResult, err error) {
	if segments <= 0 {
		segments = math.MaxInt
	}
	s.mu.Lock()
	defer s.unlock()
	if s.closed {
		return r, s.errClosed()
	}
	rows := s.stats.Discarded
	defer func() {
		r.Rows = s.stats.Discarded - rows
		token(s.changed)
	}()
	for i := 0; r.Segments < segments; {
		if err := s.sweep(); err != nil {
			return r, err
		}
		if i >= len(s.entries) {
			break
		}
		e := &s.entries[i]
		ordinal := e.ordinal
		switch {
		case e.tombstone, e.pinned, e.absorbed, e.spent:
		case e.bundle != nil:
			var g *surrender
			if g, err = s.giveUp(ordinal, segments-r.Segments, LossDiscarded, true); err == nil {
				r.Segments += g.done
			}
			if errors.Is(err, errTaken) {
				err = nil // it is on its way to the database
			}
		default:
			if err = s.discardOne(i); err == nil {
				r.Segments++
			}
		}
		if err != nil && !errors.Is(err, ErrBroken) {
			return r, err
		}
		// Entries may have come before it, gone, or been absorbed.
		var same bool
		if i, same = s.index(ordinal); same {
			i++
		}
	}
	return r, s.sweep()
}

// discardOne gives up the rows of a segment with a file of its own.
func (s *Spool) discardOne(i int) error {
	h, _, err := s.readHeader(s.entries[i].ordinal)
	if err != nil && !errors.Is(err, errBody) {
		return err
	}
	return s.drop(i, &h, LossDiscarded)
}

// owned gives the files that it makes to the owner of the directory: the administrator's command must not leave what the
// daemon, another user, cannot read.
type owned struct {
	FS
	uid, gid int
}

func ownedBy(fs FS, dir string) FS {
	info, err := os.Stat(dir)
	if err != nil {
		return fs
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(stat.Uid) == os.Geteuid() {
		return fs
	}
	return &owned{fs, int(stat.Uid), int(stat.Gid)}
}

func (o *owned) WriteSynced(path string, head []byte, parts ...[]byte) error {
	if err := o.FS.WriteSynced(path, head, parts...); err != nil {
		return err
	}
	return os.Lchown(path, o.uid, o.gid)
}

func (o *owned) Create(path string) (File, error) {
	f, err := o.FS.Create(path)
	if err != nil {
		return nil, err
	}
	if err := os.Lchown(path, o.uid, o.gid); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
