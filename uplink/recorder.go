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
	LossRefused  = "push_refused"  // sent by a client, and not to be taken for a packet
)

// ModePush is the mode of a recorder whose packets clients sent: RecorderConfig.Pushed.
const ModePush = "push"

// Counts are what a socket counted since it was opened.
type Counts struct {
	Received uint64 // passed the filter, Dropped included
	Dropped  uint64 // of these: no room in the ring
	Pending  uint64 // of these: not handed to the recorder yet
	Freezes  uint64 // how often the ring was full
	Partial  uint64 // packets whose checksum the host left to the network card
	Refused  uint64 // of Received: LossRefused
	// Link are the interface's own counters. Of several recorders of one interface one alone is given them, or they
	// would be told several times.
	Link LinkCounts
}

// LinkCounts are frames by an interface's own counters; without Known they were not read.
type LinkCounts = spool.LinkCounts

// RecorderConfig says what a recorder's packets are.
type RecorderConfig struct {
	Index      uint8 // the number that its packets carry
	Name       string
	Filter     string // the user's filter expression
	SnapLength uint32 // bytes captured of a frame at most
	SampleRate uint32 // one of so many packets is let through; 0 and 1: all
	SampleBy   string // what is chosen at random: "flow" or "packet"
	Mode       string // how packets come: "ring", "read", "file"; SetMode tells it later
	// Several: packets of other interfaces will come too, as with "any"; Alias tells their names.
	Several bool
	// Pushed: the packets are not captured here but sent by clients, and their times are by the clients' clocks. Their rows
	// are never in one segment with captured ones, and no clock of this machine corrects them. Mode is ModePush then.
	Pushed bool
}

// Recorder collects the packets of one interface, or of one worker of several that share an interface. One
// goroutine owns it.
type Recorder struct {
	sealer   *Sealer
	free     chan *batch    // where its batches come from
	coverage spool.Coverage // what is the same in every batch: interface, filter, how it is looked
	batch    *batch         // nil: none was free

	lost    uint64    // packets since the last hand-over that found no batch
	merged  uint64    // packets since the last hand-over in which the host had merged several
	last    Counts    // at the last hand-over
	waiting int64     // pending packets that the intervals so far have told, all together
	begin   moment    // of the interval
	old     moment    // until when frames that were stamped by the clock of before may still come, and that clock
	due     time.Time // when the batch is to be handed over
	dirty   bool      // rows are waiting: due is MaxAge from the first one

	pushed  bool
	rowsOf  *[256]uint64 // rows in the batch by interface; nil without Several
	aliases []alias
}

// alias is an interface that a recorder's packets may be of beside its own.
type alias struct {
	index uint8
	name  string
}

// batch is a bounded buffer of records on its way from a recorder to the spool.
type batch struct {
	records     []byte
	rows        uint64
	first, last int64 // of the rows, Unix nanoseconds
	// The interval in which the rows came, from begin with the oldest clock that may have stamped one of them. When that
	// is not the one of its end, the sealer restamps them.
	begin, end moment
	clock      spool.Clock // by which all times are then
	pushed     bool        // but those of the rows are by the clocks of who sent them
	home       chan *batch // where it is free again
	// coverage is the recorder's own entry, and behind it those of its aliases that have rows.
	coverage []spool.Coverage
}

// NewRecorder makes a recorder; one goroutine makes them all. Several may have the same Index and Name: their intervals become one.
func (s *Sealer) NewRecorder(c RecorderConfig) *Recorder {
	if c.Pushed {
		c.Mode = ModePush
	}
	r := &Recorder{
		sealer: s,
		free:   s.free,
		pushed: c.Pushed,
		coverage: spool.Coverage{
			Interface: c.Name, Index: c.Index, Filter: c.Filter, SnapLength: c.SnapLength,
			SampleRate: max(c.SampleRate, 1), Mode: c.Mode,
		},
	}
	if c.SampleRate > 1 {
		r.coverage.SampleBy = c.SampleBy
	}
	if c.Several {
		r.rowsOf = new([256]uint64)
	}
	if c.Pushed {
		if s.pushed == nil {
			s.pushed = make(chan *batch, pushedBatches)
			s.supply(s.pushed, pushedBatches)
		}
		r.free = s.pushed
	}
	r.Begin(time.Now())
	r.take()
	return r
}

// SetMode tells how packets come from the socket that was opened: the Mode of RecorderConfig, and whether the
// filter runs in user space because the kernel refused its program. It holds for the interval that is under way.
func (r *Recorder) SetMode(mode string, userFilter bool) {
	r.coverage.Mode, r.coverage.UserFilter = mode, userFilter
}

// Alias tells the name of another interface that packets may be of, before the first one comes, to a recorder with
// Several. Each that has rows gets a coverage entry of its own, in which it received what became rows; everything
// else stays with the recorder's own interface. A number keeps the name that it was first given.
func (r *Recorder) Alias(index uint8, name string) {
	known := index == r.coverage.Index
	for _, a := range r.aliases {
		known = known || a.index == index
	}
	if !known {
		r.aliases = append(r.aliases, alias{index, name})
	}
}

// take gets an empty batch when one is free.
func (r *Recorder) take() {
	select {
	case r.batch = <-r.free:
	default:
		r.batch = nil
	}
}

// Await waits until there is a batch for the next packet, but not longer than patience, and reports whether there is one: for
// a caller that can hold its source back, or tell it of a loss.
func (r *Recorder) Await(patience time.Duration) bool {
	if r.batch == nil {
		r.take()
	}
	if r.batch != nil || patience <= 0 {
		return r.batch != nil
	}
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case r.batch = <-r.free:
	case <-timeout.C:
	}
	return r.batch != nil
}

// Record adds a packet. It reports that the batch is full: hand it over. A packet that finds no batch is
// counted as LossRecorder.
func (r *Recorder) Record(p *decode.Packet) (full bool) {
	if p.WireSegments > 1 {
		r.merged++
	}
	b := r.batch
	if b == nil {
		r.lost++
		return false
	}
	if r.rowsOf != nil {
		r.rowsOf[p.Interface]++
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
// free it reports false, and the counters stay until the next hand-over: nothing is forgotten.
func (r *Recorder) HandOver(c Counts, now time.Time) bool {
	if r.batch == nil {
		if r.take(); r.batch == nil {
			r.due = now.Add(retryAfter)
			return false
		}
	}
	r.handOver(c, now)
	r.take()
	return true
}

// Begin starts an interval when a socket is open: what was before it is nobody's coverage.
func (r *Recorder) Begin(now time.Time) { r.beginAt(r.sealer.clock.at(now), now) }

func (r *Recorder) beginAt(begin moment, now time.Time) {
	r.begin, r.due, r.dirty = begin, now.Add(MaxSilence), false
}

// Finish gives the last batch to the sealer when the socket has ended, at the time until: what is still
// pending is a loss. It may wait for the disk. The recorder can go on with a new socket.
func (r *Recorder) Finish(c Counts, until time.Time) {
	if r.batch == nil {
		r.batch = <-r.free
	}
	left := c.Pending
	c.Pending = 0
	own := r.fill(&c, until)
	own.Lose(LossLeft, left)
	if r.waiting > 0 {
		// Told as pending, and refused since by a filter that came to user space: there is no later interval to take it back.
		own.Lose(LossLeft, uint64(r.waiting))
		own.PendingChange -= r.waiting
	}
	r.send(c, until)
	r.last, r.waiting = Counts{}, 0
	r.take()
}

func (r *Recorder) handOver(c Counts, now time.Time) {
	r.fill(&c, now)
	r.send(c, now)
}

// fill makes the batch's coverage and returns the recorder's own entry. The batch and its slices come back through
// the free list, so that nothing is allocated in the steady state.
func (r *Recorder) fill(c *Counts, now time.Time) *spool.Coverage {
	b := r.batch
	losses := b.coverage[0].Losses
	common := r.coverage
	b.begin, b.end = r.begin, r.sealer.clock.at(now)
	b.end.boot = max(b.end.boot, b.begin.boot) // two moments that are nearly one
	if !b.begin.clock.SameTime(b.end.clock) {
		r.old = moment{b.end.boot + int64(strayTime), b.begin.clock}
	} else if b.begin.boot < r.old.boot {
		b.begin.clock = r.old.clock
	}
	b.clock, b.pushed = b.trusted(), r.pushed
	common.From, common.To = b.begin.boot+b.clock.Offset, b.end.boot+b.clock.Offset
	own := common
	own.Received, own.PendingChange = r.received(c)
	own.Rows = b.rows
	own.Freezes = c.Freezes - r.last.Freezes
	own.Merged = r.merged
	own.Partial = c.Partial - r.last.Partial
	own.Link = c.Link.Since(r.last.Link)
	if !c.Link.Known {
		c.Link = r.last.Link // what the next reading shows is of this interval too
	}
	own.Losses = losses
	own.Lose(LossRing, c.Dropped-r.last.Dropped)
	own.Lose(LossRecorder, r.lost)
	own.Lose(LossRefused, c.Refused-r.last.Refused)
	b.coverage = append(b.coverage[:0], own)
	if r.rowsOf != nil {
		r.divide(common)
	}
	return &b.coverage[0]
}

// received returns the packets of the interval, and by how many more are pending at its end. Whether a filter in user
// space takes a packet, and with Several whose it is, shows when it is walked: there it is received then, and none is
// pending.
//
// When the filter comes to user space in the middle of a run, what was told as pending may be refused. No interval can
// have received less than nothing: what is too much then is taken back from the later ones.
func (r *Recorder) received(c *Counts) (received uint64, change int64) {
	walked := int64(c.Received - c.Pending - (r.last.Received - r.last.Pending)) // or dropped: it only grows
	pending := int64(c.Pending)
	if r.coverage.UserFilter || r.rowsOf != nil {
		pending = 0
	}
	change = max(pending-r.waiting, -walked)
	r.waiting += change
	return uint64(walked + change), change
}

// divide gives each alias its rows; the recorder's own entry keeps what else was received.
func (r *Recorder) divide(common spool.Coverage) {
	b := r.batch
	for _, a := range r.aliases {
		rows := r.rowsOf[a.index]
		if rows == 0 {
			continue
		}
		b.coverage[0].Received -= rows
		b.coverage[0].Rows -= rows
		c := common
		c.Interface, c.Index, c.Received, c.Rows = a.name, a.index, rows, rows
		b.coverage = append(b.coverage, c)
	}
	clear(r.rowsOf[:])
}

func (r *Recorder) send(c Counts, now time.Time) {
	end := r.batch.end
	r.sealer.full <- r.batch // has room for every batch that exists
	r.batch, r.lost, r.merged, r.last = nil, 0, 0, c
	r.beginAt(end, now)
}
