package uplink

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"network-sniffer/uplink/spool"
)

// Sealer turns batches into segments of one run. Between the recorders and the disk stands a bounded number
// of batches: full is their queue, free is where they come from.
type Sealer struct {
	spool  *spool.Spool
	header spool.Header // device and run; Sequence is the last one used
	free   chan *batch
	pushed chan *batch // free ones of pushed recorders; nil: there is none yet
	size   int         // bytes of a batch
	full   chan *batch
	done   chan struct{}
	share  int // bytes up to which batches that queue up share a segment
	clock  steadyClock
	marks  chan waitingMark
	// markPatience is how long Mark waits for the disk.
	markPatience time.Duration
	// onError hears of a segment that could not be sealed; its rows are counted by then.
	onError func(error)

	closed bool         // the segment that ends the run is stored
	carry  spool.Header // coverage of segments that the disk refused, and its clock: the next one tells
	odd    *batch       // was handed over, and is by another clock than those before it, or of another kind

	mu    sync.Mutex
	books []spool.Coverage // one entry an interface and way of looking, since the run began
}

// SealerConfig says what a Sealer works with.
type SealerConfig struct {
	Spool       *spool.Spool
	Device, Run [16]byte
	// Batches beside the one that each recorder fills; zero: DefaultBatches. Recorders is how many will be made:
	// one a worker. Pushed ones are not counted, and have batches of their own.
	Batches, Recorders int
	BatchSize          int // bytes; zero: DefaultBatchSize
	// Share is up to how many bytes batches that queue up share a segment; zero: half of spool.MaxBody.
	Share   int
	OnError func(error)
	// Clock reads the clock that stamps the frames; nil: ReadClock.
	Clock func() spool.Clock
}

// NewSealer makes the batches and starts sealing.
func NewSealer(c SealerConfig) *Sealer {
	if c.Batches == 0 {
		c.Batches = DefaultBatches
	}
	if c.BatchSize == 0 {
		c.BatchSize = DefaultBatchSize
	}
	if c.Share == 0 {
		c.Share = spool.MaxBody / 2
	}
	if c.Clock == nil {
		c.Clock = ReadClock
	}
	n := c.Batches + c.Recorders
	s := &Sealer{
		spool:   c.Spool,
		header:  spool.Header{Device: c.Device, Run: c.Run, Format: recordFormat},
		free:    make(chan *batch, n),
		size:    c.BatchSize,
		full:    make(chan *batch, n+pushedBatches),
		done:    make(chan struct{}),
		share:   c.Share,
		clock:   steadyClock{read: c.Clock},
		onError: c.OnError,

		marks:        make(chan waitingMark, markQueue),
		markPatience: markPatience,
	}
	s.supply(s.free, n)
	go s.run()
	return s
}

// supply makes n batches, which always come back to where they are taken from.
func (s *Sealer) supply(free chan *batch, n int) {
	for range n {
		free <- &batch{
			records:  make([]byte, 0, s.size),
			coverage: []spool.Coverage{{Losses: make([]spool.Loss, 0, 8)}},
			home:     free,
		}
	}
}

func (s *Sealer) run() {
	defer close(s.done)
	for s.next() {
	}
	s.sealMarks()
	s.begin(s.clock.now())
	s.header.Final = true
	s.closed = s.write() == nil
}

// next seals what comes next, and reports false when nothing more will come. Marks do not wait behind batches that queue up.
func (s *Sealer) next() bool {
	select {
	case w := <-s.marks:
		s.sealMarks(w)
	case b, ok := <-s.full:
		if !ok {
			return false
		}
		b.restamp()
		for s.seal(b); s.odd != nil; {
			b, s.odd = s.odd, nil
			s.seal(b)
		}
	}
	return true
}

// Close seals what was handed over, and the segment that ends the run. No recorder may be used after it. It
// returns an error when the last segment could not be stored: then the run stays open in the ledger.
func (s *Sealer) Close() error {
	close(s.full)
	<-s.done
	if !s.closed {
		return fmt.Errorf("uplink: the run's last segment could not be stored: it stays open in the ledger, "+
			"which misses %d intervals", len(s.carry.Coverage))
	}
	return nil
}

// seal stores a batch, with those that came meanwhile as long as they fit, no step of the clock is between them, and
// all are pushed or none is.
func (s *Sealer) seal(b *batch) {
	batches := append(make([]*batch, 0, cap(s.full)), b)
	size := len(b.records)
more:
	for size < s.share {
		select {
		case b, ok := <-s.full:
			if !ok {
				break more
			}
			b.restamp()
			if !b.clock.SameTime(batches[0].clock) || b.pushed != batches[0].pushed {
				s.odd = b
				break more
			}
			batches = append(batches, b)
			size += len(b.records)
		default:
			break more
		}
	}
	h := &s.header
	clock := batches[len(batches)-1].clock
	if batches[0].pushed {
		if len(s.carry.Coverage) > 0 { // by our clock, which may yet be corrected
			s.begin(clock)
			_ = s.write()
		}
		clock.State = spool.ClockUnknown // nobody knows the clients' clocks: nothing is corrected
	}
	s.begin(clock)
	parts := make([][]byte, len(batches))
	for i, b := range batches {
		parts[i] = b.records
		for j := range b.coverage {
			h.Merge(&b.coverage[j])
		}
		if b.rows > 0 {
			if h.Rows == 0 || b.first < h.FirstTime {
				h.FirstTime = b.first
			}
			if h.Rows == 0 || b.last > h.LastTime {
				h.LastTime = b.last
			}
			h.Rows += b.rows
		}
	}
	stored := s.write(parts...) == nil
	for _, b := range batches {
		for j := range b.coverage {
			c := &b.coverage[j]
			if !stored {
				c.Lose(LossSpool, c.Rows)
				c.Rows = 0
			}
			s.count(c)
		}
		b.records, b.rows = b.records[:0], 0
		b.coverage[0].Losses = b.coverage[0].Losses[:0]
		b.home <- b
	}
}

// begin empties the header but for what an earlier one could not tell.
func (s *Sealer) begin(c spool.Clock) {
	s.carry.Shift(c.Offset - s.carry.Clock.Offset)
	h := &s.header
	h.Clock, h.Coverage, h.Rows, h.FirstTime, h.LastTime = c, s.carry.Coverage, 0, 0, 0
	s.carry.Coverage = nil
}

// write stores the header under the next sequence number. When the disk refuses, the rows are lost, the
// number is not used, and the coverage is carried into the next header.
func (s *Sealer) write(parts ...[]byte) error {
	h := &s.header
	h.Sequence++
	h.Last = h.Sequence
	h.SealedAt = timeBy(h.Clock, time.Now())
	err := s.spool.Seal(h, parts...)
	if errors.Is(err, spool.ErrTooLarge) {
		// Too many interfaces, each looked at in several ways. The last way alone is told then: carried on, they would
		// keep every later segment out.
		h.Coverage = mergeSame(h.Coverage, func(a, b *spool.Coverage) bool { return a.Interface == b.Interface && a.Index == b.Index })
		err = s.spool.Seal(h, parts...)
	}
	if err == nil {
		return nil
	}
	h.Sequence--
	h.Bury(LossSpool)
	h.Tombstone = false
	s.carry.Clock, s.carry.Coverage = h.Clock, h.Coverage
	if s.onError != nil {
		s.onError(fmt.Errorf("uplink: a segment could not be stored, its rows are counted as %s: %w", LossSpool, err))
	}
	return err
}

// count adds a batch's coverage to the books of the run.
func (s *Sealer) count(c *spool.Coverage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	books := spool.Header{Coverage: s.books}
	books.Merge(c)
	s.books = books.Coverage
}

// Books returns what was sealed or lost since the run began, per interface and way of looking (filter, sampling, mode).
func (s *Sealer) Books() []spool.Coverage {
	s.mu.Lock()
	defer s.mu.Unlock()
	var books spool.Header
	for i := range s.books {
		books.Merge(&s.books[i])
	}
	return books.Coverage
}
