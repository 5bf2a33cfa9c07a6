package console

import (
	"sync"
	"sync/atomic"

	"network-sniffer/decode"
)

// What the sessions together want of the Taps.
const (
	demandNone  uint32 = iota // no session
	demandCount               // every session is paused: the number of packets, not the packets
	demandCopy                // somebody watches
)

// Tap is the capture side of the console. It belongs to the goroutine that owns one ring; its methods
// never wait, allocate or fail.
type Tap struct {
	demand *atomic.Uint32 // the hub's, beside the packets so that Offer takes one load
	inbox  *inbox
	n      int    // packets in chunk
	passed uint64 // packets that were only counted
	chunk  [chunkPackets]decode.Packet
}

// NewTap returns a Tap for one ring. It holds 43 KiB and lives as long as the ring's goroutine
// uses it; there is nothing to close.
func (s *Server) NewTap() *Tap {
	return &Tap{demand: &s.hub.demand, inbox: &s.hub.inbox}
}

// Offer shows p to the sessions. It copies p, so the caller may reuse it at once.
func (t *Tap) Offer(p *decode.Packet) {
	if t.demand.Load() != demandNone {
		t.take(p)
	}
}

// take is apart from Offer so that Offer is inlined.
func (t *Tap) take(p *decode.Packet) {
	if t.demand.Load() == demandCount {
		t.passed++
		return
	}
	t.chunk[t.n] = *p
	t.n++
	if t.n == chunkPackets {
		t.Flush()
	}
}

// Flush hands over what Offer gathered. The ring's owner calls it at the end of each block and before it
// waits; without it up to 63 packets would stay unseen until the next ones arrive.
func (t *Tap) Flush() {
	if t.n == 0 && t.passed == 0 {
		return
	}
	t.inbox.put(t.chunk[:t.n], t.passed, t.demand.Load() == demandNone)
	t.n, t.passed = 0, 0
}

// inbox is the bounded buffer between all Taps and the hub.
type inbox struct {
	count  *counters
	signal chan struct{} // holds one token while packets wait
	missed atomic.Uint64 // packets that the hub has to count for its sessions without having seen them

	mu      sync.Mutex // held for a copy of one chunk or the exchange of two slices, never across a wait
	packets []decode.Packet
}

func newInbox(count *counters) inbox {
	return inbox{count: count, signal: make(chan struct{}, 1), packets: make([]decode.Packet, 0, inboxPackets)}
}

// put adds a chunk, and passed packets that were only counted. Whatever finds no room or no lock is
// dropped: the caller is a ring.
func (b *inbox) put(chunk []decode.Packet, passed uint64, abandoned bool) {
	if passed > 0 {
		b.count.tapUncopied.Add(passed)
	}
	if abandoned {
		b.count.tapAbandoned.Add(uint64(len(chunk)))
		return
	}
	n := 0
	if !b.mu.TryLock() {
		b.count.tapBusy.Add(uint64(len(chunk)))
	} else {
		n = min(len(chunk), inboxPackets-len(b.packets))
		b.packets = append(b.packets, chunk[:n]...)
		b.mu.Unlock()
		b.count.tapHanded.Add(uint64(n))
		b.count.tapFull.Add(uint64(len(chunk) - n))
	}
	if missed := passed + uint64(len(chunk)-n); missed > 0 {
		b.missed.Add(missed)
	}
	if n > 0 {
		select {
		case b.signal <- struct{}{}:
		default:
		}
	}
}

// take exchanges the waiting packets for spare, an empty slice of the same capacity, and returns them with the number
// of packets missed since the last call.
func (b *inbox) take(spare []decode.Packet) ([]decode.Packet, uint64) {
	b.mu.Lock()
	full := b.packets
	b.packets = spare[:0]
	b.mu.Unlock()
	return full, b.missed.Swap(0)
}
