package console

import (
	"sync"
	"sync/atomic"

	"network-sniffer/decode"
)

// What the sessions together want of the Taps.
const (
	demandLast uint32 = iota // nobody watches: a few frames for the command last
	demandAll                // somebody does
)

// Tap is the capture side of the console. It belongs to the goroutine that owns one ring; its methods
// never wait, allocate or fail.
type Tap struct {
	skip    int // packets that may go by before the next one is taken
	hub     *hub
	longest int    // frame; of a longer one the rest is cut off
	room    int    // frames that are taken before others go by
	skipped int    // what skip began with, of this chunk
	frames  uint64 // in chunk
	chunk   []byte // records
}

// NewTap returns a Tap for one ring. It holds 20 KiB and lives as long as the ring's goroutine uses it; there is nothing
// to close.
func (s *Server) NewTap() *Tap {
	t := &Tap{hub: &s.hub, longest: s.cfg.FrameBytes, chunk: make([]byte, 0, max(chunkBytes, recordSize(s.cfg.FrameBytes)))}
	t.begin()
	return t
}

func (t *Tap) begin() {
	t.room, t.skip, t.skipped = lastFrames, 0, 0
	t.chunk, t.frames = t.chunk[:0], 0
}

// Offer shows a frame to the sessions: data is its captured bytes from the link header on, m what else is known of it,
// index that of its interface. It copies what it keeps.
func (t *Tap) Offer(m *decode.Meta, index int32, data []byte) {
	if t.skip > 0 {
		t.skip--
		return
	}
	t.take(m, index, data)
}

// take is apart from Offer so that Offer is inlined.
func (t *Tap) take(m *decode.Meta, index int32, data []byte) {
	data = data[:min(len(data), t.longest)]
	if t.skipped > 0 || cap(t.chunk)-len(t.chunk) < recordSize(len(data)) {
		t.Flush()
	}
	t.chunk = appendRecord(t.chunk, m, index, data)
	t.frames++
	if t.room--; t.room > 0 {
		return
	}
	t.room = lastFrames
	if t.hub.demand.Load() == demandLast {
		t.skip, t.skipped = skipFrames, skipFrames
	}
}

// Flush hands over what Offer gathered. The ring's owner calls it at the end of each block and before it
// waits; without it packets would stay unseen until the next ones arrive.
func (t *Tap) Flush() {
	if t.frames > 0 {
		passed := uint64(t.skipped - t.skip)
		t.hub.inbox.put(t.chunk, t.frames, passed, t.hub.demand.Load() == demandAll)
	}
	t.begin()
}

// inbox is the bounded buffer between all Taps and the hub.
type inbox struct {
	count  *counters
	signal chan struct{} // a token while the hub has something to do
	urgent chan struct{} // a token when it is half full
	missed atomic.Uint64 // packets that the hub has to count without having seen them

	mu      sync.Mutex // held for a copy of one chunk or the exchange of two slices, never across a wait
	records []byte
}

func newInbox(count *counters, bytes int) inbox {
	return inbox{
		count: count, signal: make(chan struct{}, 1), urgent: make(chan struct{}, 1),
		records: make([]byte, 0, bytes),
	}
}

// put adds a chunk, and passed packets that were only counted. Whatever finds no room or no lock is
// dropped: the caller is a ring. The hub is woken when somebody watches, or when the inbox fills.
func (b *inbox) put(chunk []byte, frames, passed uint64, watched bool) {
	b.count.tapUncopied.Add(passed)
	full := false
	if !b.mu.TryLock() {
		b.count.tapBusy.Add(frames)
		passed += frames
	} else {
		// Whole or not at all: which frames of a chunk are missing could not be told.
		if fits := len(chunk) <= cap(b.records)-len(b.records); fits {
			b.records = append(b.records, chunk...)
			b.count.tapHanded.Add(frames)
		} else {
			b.count.tapFull.Add(frames)
			passed += frames
		}
		full = len(b.records) > cap(b.records)/2
		b.mu.Unlock()
	}
	if passed > 0 {
		b.missed.Add(passed)
	}
	if watched || full {
		notify(b.signal)
	}
	if full {
		notify(b.urgent)
	}
}

// take exchanges the waiting records for spare, an empty slice of the same capacity, and returns them with the number
// of packets missed since the last call.
func (b *inbox) take(spare []byte) ([]byte, uint64) {
	b.mu.Lock()
	full := b.records
	b.records = spare[:0]
	b.mu.Unlock()
	return full, b.missed.Swap(0)
}
