package uplink

import (
	"errors"
	"fmt"
	"os"
	"time"

	"network-sniffer/uplink/spool"
)

// Errors of Mark, for errors.Is.
var (
	// ErrTooManyMarks: markQueue others wait for the disk; the mark was not taken.
	ErrTooManyMarks = errors.New("too many marks wait for the disk")
	// ErrMarkUnsure: the disk did not answer within markPatience; the mark may be stored yet, or not.
	ErrMarkUnsure = errors.New("the disk does not answer: the mark may be stored later, or not")
)

// waitingMark is a mark on its way to the goroutine that seals.
type waitingMark struct {
	mark spool.Mark
	at   time.Time
	done chan error // has room for the one answer
}

// Mark notes that somebody left a mark now: sniffer.marks has it when the rows of that time are there. It waits until the
// mark is in the spool, where it survives a crash like a row that was sealed, and then returns nil; after any error but
// ErrMarkUnsure it is not there. Any goroutine may call it, also after Close (os.ErrClosed).
//
// Marks travel in a segment of their own, sealed at once. A program that knows of no marks refuses such a segment as
// broken, which it counts, and which leaves a gap in the ledger's sequence: were there rows in it, they would be lost with it.
func (s *Sealer) Mark(by, text string) error {
	w := waitingMark{mark: spool.Mark{By: by, Text: text}, at: time.Now(), done: make(chan error, 1)}
	select {
	case <-s.done:
		return errMarkClosed()
	default:
	}
	select {
	case s.marks <- w:
	default:
		return fmt.Errorf("uplink: %w: try again in a moment", ErrTooManyMarks)
	}
	slow := time.NewTimer(s.markPatience)
	defer slow.Stop()
	select {
	case err := <-w.done:
		return err
	case <-slow.C:
		return fmt.Errorf("uplink: %w", ErrMarkUnsure)
	case <-s.done:
	}
	select {
	case err := <-w.done: // it was the last that was sealed
		return err
	default:
		return errMarkClosed()
	}
}

func errMarkClosed() error { return fmt.Errorf("uplink: the recording has ended: %w", os.ErrClosed) }

// sealMarks stores these marks and those that wait, and answers who left them.
func (s *Sealer) sealMarks(waiting ...waitingMark) {
	for n := len(s.marks); n > 0; n-- {
		waiting = append(waiting, <-s.marks)
	}
	if len(waiting) == 0 {
		return
	}
	h := &s.header
	s.begin(s.clock.now())
	for _, w := range waiting {
		w.mark.At = timeBy(h.Clock, w.at)
		h.Marks = append(h.Marks, w.mark)
	}
	err := s.write()
	h.Marks = nil
	if err != nil {
		err = fmt.Errorf("uplink: the mark is not stored: %w", err)
	}
	for _, w := range waiting {
		w.done <- err
	}
}

const _ = uint(spool.MaxMarks - markQueue - 1) // does not compile when the marks that wait do not fit a header
