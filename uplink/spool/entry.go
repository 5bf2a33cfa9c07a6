package spool

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
)

// entry is what the spool remembers of a file: 48 bytes, because a long outage makes many.
type entry struct {
	ordinal   uint64 // of a bundle: of its first segment, the others follow
	size      int64
	bundle    *bundle // nil: the file is one segment
	run       uint32  // the same number in neighbours: the same device and run; 0 for a bundle
	tombstone bool    // nothing but tombstones
	attempted bool    // Load handed out something of it, now or in an earlier run
	pinned    bool    // of a bundle: bundle.pins says how many
	absorbed  bool    // the tombstone before it counts its rows; only the file is still there
	apart     bool    // the tombstone before it cannot absorb it: a gap, or too large together
	kept      bool    // dropping its rows, or packing it, would not make it smaller
	claimed   bool    // being written into a bundle
	spent     bool    // everything of it was sent, and its file in the second tier is still there
	unread    uint8   // EIO in a row
}

// bundle is what the spool remembers of a bundle beside its entry.
type bundle struct {
	number    uint64 // names the file in its directory
	first     uint64 // as the trailer has it
	last      uint64
	count     int
	left      int // segments that were neither sent nor given up as unreadable
	headBytes int64
	raw       int64
	pins      int
	directory *directory // read for the oldest alone
	state     []uint8    // of each segment; nil: nothing happened yet
}

// State of a segment in a bundle. The bits above are how often in a row the medium refused it (EIO).
const (
	segmentDone   = 1 << iota // sent, or nothing of it can be read
	segmentBroken             // its rows are given up, its header stands for a tombstone
	segmentPinned
	segmentUnread
)

func (b *bundle) is(i int, bits uint8) bool { return b.state != nil && b.state[i]&bits != 0 }

func (b *bundle) set(i int, bits uint8) {
	if b.state == nil {
		b.state = make([]uint8, b.count)
	}
	b.state[i] |= bits
}

func (b *bundle) clear(i int, bits uint8) {
	if b.state != nil {
		b.state[i] &^= bits
	}
}

// The second tier's segments are older than the first's, and its ordinals are of this process alone: the highest bit
// keeps the two apart.
const tierTwo = 1 << 63

func inTierTwo(ordinal uint64) bool { return ordinal&tierTwo != 0 }

// rank orders ordinals by age.
func rank(ordinal uint64) uint64 { return ordinal ^ tierTwo }

// index finds the place of the entry with the ordinal.
func (s *Spool) index(ordinal uint64) (int, bool) {
	return slices.BinarySearchFunc(s.entries, ordinal, func(e entry, o uint64) int { return cmp.Compare(rank(e.ordinal), rank(o)) })
}

// find returns a segment with a file of its own, or a bundle by its first ordinal; nil for what is not in the spool, or only
// as a file that a tombstone has absorbed.
func (s *Spool) find(ordinal uint64) *entry {
	i, ok := s.index(ordinal)
	if !ok || s.entries[i].absorbed {
		return nil
	}
	return &s.entries[i]
}

// place finds the entry that holds a segment, and the segment's number when that is a bundle; nil when it is gone.
func (s *Spool) place(ordinal uint64) (e *entry, number int) {
	i, ok := s.index(ordinal)
	if !ok {
		i--
	}
	if i < 0 {
		return nil, 0
	}
	e = &s.entries[i]
	n := ordinal - e.ordinal
	switch {
	case e.absorbed || e.spent || inTierTwo(e.ordinal) != inTierTwo(ordinal):
		return nil, 0
	case e.bundle == nil && n == 0:
		return e, 0
	case e.bundle == nil || n >= uint64(e.bundle.count) || e.bundle.is(int(n), segmentDone):
		return nil, 0
	}
	return e, int(n)
}

// newEntry makes the entry of a bundle from its trailer.
func newEntry(ordinal, number uint64, t *trailer, size int64) entry {
	return entry{ordinal: ordinal, size: size, tombstone: t.tombstones == t.count, bundle: &bundle{
		number: number, first: t.first, last: t.last, count: int(t.count), left: int(t.count),
		headBytes: int64(t.headBytes), raw: int64(t.raw)}}
}

func (s *Spool) bundleDir(ordinal uint64) string {
	if inTierTwo(ordinal) {
		return s.over.Dir
	}
	return s.dir
}

// file is the path of an entry's file.
func (s *Spool) file(e *entry) string {
	if e.bundle == nil {
		return s.path(e.ordinal)
	}
	return filepath.Join(s.bundleDir(e.ordinal), bundleName(e.bundle.number))
}

func bundleName(number uint64) string { return fmt.Sprintf("%016x%s", number, bundleSuffix) }

// account books bytes and segments that came or went, on the tier of the ordinal.
func (s *Spool) account(ordinal uint64, segments int, bytes int64) {
	s.stats.Segments += segments
	if inTierTwo(ordinal) {
		s.stats.Overflow.Segments += segments
		s.stats.Overflow.Bytes += bytes
		return
	}
	s.stats.Bytes += bytes
}

func (e *entry) segments() int {
	if e.bundle == nil {
		return 1
	}
	return e.bundle.left
}

// insert puts an entry where its age belongs.
func (s *Spool) insert(e entry) {
	i, _ := s.index(e.ordinal)
	s.entries = slices.Insert(s.entries, i, e)
	if e.bundle != nil {
		s.stats.Bundles++
	}
	s.account(e.ordinal, e.segments(), charge(e.size))
}

// forgetAt takes an entry off the list, with what it was charged for.
func (s *Spool) forgetAt(i int) {
	e := s.entries[i]
	if e.bundle != nil {
		s.stats.Bundles--
	}
	s.entries = slices.Delete(s.entries, i, i+1)
	s.account(e.ordinal, -e.segments(), -charge(e.size))
}

func (s *Spool) forget(ordinal uint64) {
	if i, ok := s.index(ordinal); ok {
		s.forgetAt(i)
	}
}

// finished notes that nothing more is to be sent of a segment in a bundle. It reports whether that was the last.
func (s *Spool) finished(e *entry, i int) bool {
	b := e.bundle
	b.set(i, segmentDone)
	if b.is(i, segmentPinned) {
		b.clear(i, segmentPinned)
		b.pins--
		e.pinned = b.pins > 0
	}
	b.left--
	s.account(e.ordinal, -1, 0)
	return b.left == 0
}

// leftover is the file of a segment or a bundle that a bundle holds by now.
type leftover struct {
	path  string
	bytes int64
}
