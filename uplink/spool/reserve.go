package spool

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"syscall"
)

// The reserve is a file whose only purpose is to be removed. The limit says nothing about what others put on
// the same disk, and on a full one not even a tombstone could be written: the oldest rows could not give way
// to new ones. Its blocks go to the tombstone; what the tombstone frees brings the reserve back.

// bury writes a tombstone over a segment, with the reserve when the disk is full.
func (s *Spool) bury(ordinal uint64, h *Header) error {
	s.scratch = appendFile(s.scratch[:0], h)
	err := s.put(ordinal, s.scratch)
	full := errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
	if full && s.reserved && s.fs.Remove(s.reservePath()) == nil {
		s.reserved = false
		err = s.put(ordinal, s.scratch)
	}
	return err
}

// keepReserve makes the reserve when it is missing. Without it a full disk refuses new segments, which Seal
// reports.
func (s *Spool) keepReserve() {
	if s.reserved {
		return
	}
	if _, size, err := s.fs.ReadHead(s.reservePath(), 0); err == nil && size == reserveSize {
		s.reserved = true
		return
	}
	// Zeros would take no room where the file system compresses.
	noise := rand.NewChaCha8([32]byte{})
	b := make([]byte, reserveSize)
	_, _ = noise.Read(b)
	s.reserved = s.fs.WriteSynced(s.reservePath(), b) == nil
	if !s.reserved {
		_ = s.fs.Remove(s.reservePath())
	}
}

func (s *Spool) reservePath() string { return filepath.Join(s.dir, reserveName) }
