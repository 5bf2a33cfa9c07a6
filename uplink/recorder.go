// Package uplink takes packets to PostgreSQL, exactly once: recorders fill batches of records, the sealer
// makes them segments in the spool, the uploader takes the oldest segments to the database.
package uplink

import (
	"time"

	"network-sniffer/decode"
	"network-sniffer/uplink/spool"
)

// Names of the losses that happen before the spool; spool.LossFull and spool.LossBroken happen in it.
const (
	LossRing     = "ring_full"     // the kernel found no room in the ring
	LossRecorder = "recorder_full" // every batch was waiting for the disk
	LossSpool    = "spool_error"   // the disk refused the segment
	LossLeft     = "left_in_ring"  // still in the ring when the recorder had to end
)

// Counts are what a ring counted since it was opened.
type Counts struct {
	Received uint64 // passed the filter, Dropped included
	Dropped  uint64 // of these: no room in the ring
	Pending  uint64 // of these: not handed to the recorder yet
}

// Recorder collects the packets of one interface. One goroutine owns it.
type Recorder struct {
	sealer   *Sealer
	coverage spool.Coverage // what is the same in every batch: interface, filter, snap length
	batch    *batch         // nil: none was free

	lost  uint64    // packets since the last hand-over that found no batch
	last  Counts    // at the last hand-over
	from  time.Time // the interval's beginning
	due   time.Time // when the batch is to be handed over
	dirty bool      // rows are waiting: due is MaxAge from the first one
}

// batch is a bounded buffer of records on its way from a recorder to the spool.
type batch struct {
	records     []byte
	rows        uint64
	first, last int64 // of the rows, Unix nanoseconds
	coverage    spool.Coverage
}

// NewRecorder makes the recorder of an interface. Index is the number that its packets carry.
func (s *Sealer) NewRecorder(index uint8, name, filter string, snapLength uint32) *Recorder {
	r := &Recorder{
		sealer:   s,
		coverage: spool.Coverage{Interface: name, Index: index, Filter: filter, SnapLength: snapLength},
	}
	r.Begin(time.Now())
	r.take()
	return r
}

// take gets an empty batch when one is free.
func (r *Recorder) take() {
	select {
	case r.batch = <-r.sealer.free:
	default:
		r.batch = nil
	}
}

// Record adds a packet. It reports that the batch is full: hand it over. A packet that finds no batch is
// counted as LossRecorder.
func (r *Recorder) Record(p *decode.Packet) (full bool) {
	b := r.batch
	if b == nil {
		r.lost++
		return false
	}
	if b.rows == 0 {
		b.first, b.last = p.Time, p.Time
	}
	b.first = min(b.first, p.Time)
	b.last = max(b.last, p.Time)
	b.records = appendRecord(b.records, p)
	b.rows++
	return cap(b.records)-len(b.records) < maxRecord
}

// Walked tells the recorder that the caller is about to wait: rows that came since then are due MaxAge
// from now. It returns whether a hand-over is due at once.
func (r *Recorder) Walked(now time.Time) bool {
	if r.batch == nil {
		r.take()
	}
	if !r.dirty && (r.lost > 0 || r.batch != nil && r.batch.rows > 0) {
		r.dirty = true
		r.due = now.Add(MaxAge)
	}
	return !now.Before(r.due)
}

// Due is when the next hand-over is due, if nothing comes before.
func (r *Recorder) Due() time.Time { return r.due }

// HandOver gives the batch to the sealer, with the interval's counters, and takes a new one. When none is
// free the counters stay until the next hand-over: nothing is forgotten.
func (r *Recorder) HandOver(c Counts, now time.Time) {
	if r.batch == nil {
		if r.take(); r.batch == nil {
			r.due = now.Add(retryAfter)
			return
		}
	}
	r.handOver(c, now)
	r.take()
}

// Begin starts an interval when a ring is open: what was before it is nobody's coverage.
func (r *Recorder) Begin(now time.Time) {
	r.from, r.due, r.dirty = now, now.Add(MaxSilence), false
}

// Finish gives the last batch to the sealer when the ring has ended, at the time until: what is still
// pending is a loss. It may wait for the disk. The recorder can go on with a new ring.
func (r *Recorder) Finish(c Counts, until time.Time) {
	if r.batch == nil {
		r.batch = <-r.sealer.free
	}
	r.batch.coverage.Lose(LossLeft, c.Pending)
	c.Pending = 0
	r.handOver(c, until)
	r.last = Counts{}
	r.take()
}

// handOver fills the batch's coverage. The batch and its slices come back through the free list, so that
// nothing is allocated in the steady state.
func (r *Recorder) handOver(c Counts, now time.Time) {
	b := r.batch
	losses := b.coverage.Losses
	b.coverage = r.coverage
	b.coverage.From, b.coverage.To = r.from.UnixNano(), now.UnixNano()
	b.coverage.Received = c.Received - r.last.Received
	b.coverage.Rows = b.rows
	b.coverage.Pending = c.Pending
	b.coverage.Losses = losses
	b.coverage.Lose(LossRing, c.Dropped-r.last.Dropped)
	b.coverage.Lose(LossRecorder, r.lost)
	r.sealer.full <- b // has room for every batch that exists
	r.batch, r.lost, r.last = nil, 0, c
	r.Begin(now)
}
