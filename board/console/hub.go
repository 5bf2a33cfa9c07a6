package console

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// hub puts what the Taps hand over into the ring and wakes who waits for it.
type hub struct {
	demand atomic.Uint32
	inbox  inbox
	ring   ring

	mu       sync.Mutex // after a session's mu
	watching []*session // sessions with a stream
	spare    []byte
}

func (h *hub) init(count *counters, ringBytes, longest int) {
	waiting := max(inboxBytes, 4*recordSize(longest))
	h.inbox = newInbox(count, waiting)
	h.spare = make([]byte, 0, waiting)
	h.ring = newRing(ringBytes, longest)
}

// run distributes until stop is closed.
func (h *hub) run(stop <-chan struct{}) {
	pace := time.NewTimer(0)
	defer pace.Stop()
	for {
		select {
		case <-stop:
			return
		case <-h.inbox.signal:
		}
		h.mu.Lock()
		h.round()
		h.mu.Unlock()
		pace.Reset(hubPace)
		select {
		case <-stop:
			return
		case <-h.inbox.urgent:
		case <-pace.C:
		}
	}
}

// round empties the inbox into the ring. The caller holds mu.
func (h *hub) round() {
	records, missed := h.inbox.take(h.spare)
	h.spare = records
	if len(records) == 0 && missed == 0 {
		return
	}
	h.ring.put(records, missed)
	for _, s := range h.watching {
		notify(s.wake)
	}
}

// watch asks the Taps for every frame from now on, for the session, and returns where that is.
func (h *hub) watch(s *session) cursor {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.round()
	if !slices.Contains(h.watching, s) {
		h.watching = append(h.watching, s)
	}
	h.demand.Store(demandAll)
	return h.ring.newest()
}

// unwatch is the end of it.
func (h *hub) unwatch(s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.watching = slices.DeleteFunc(h.watching, func(other *session) bool { return other == s })
	if len(h.watching) == 0 {
		h.demand.Store(demandLast)
	}
}

// catchUp empties the inbox, so that the ring has what came until now.
func (h *hub) catchUp() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.round()
}
