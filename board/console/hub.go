package console

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"network-sniffer/decode"
)

// hub gives what the Taps hand over to every session.
type hub struct {
	demand atomic.Uint32
	inbox  inbox

	mu       sync.Mutex // before any session's mu
	sessions []*session
	spare    []decode.Packet
}

func (h *hub) init(count *counters) {
	h.inbox = newInbox(count)
	h.spare = make([]decode.Packet, 0, inboxPackets)
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
		case <-pace.C:
		}
	}
}

// round empties the inbox into the sessions. The caller holds mu.
func (h *hub) round() {
	packets, missed := h.inbox.take(h.spare)
	h.spare = packets
	if len(packets) == 0 && missed == 0 {
		return
	}
	now := time.Now()
	for _, s := range h.sessions {
		s.deliver(packets, missed, now)
	}
}

// change empties the inbox first, so that what arrived before is judged by the old state, then applies f
// and asks the Taps for what the sessions want now.
func (h *hub) change(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.round()
	f()
	want := demandNone
	for _, s := range h.sessions {
		if !s.isPaused() {
			want = demandCopy
			break
		}
		want = demandCount
	}
	h.demand.Store(want)
}

func (h *hub) attach(s *session) {
	h.change(func() { h.sessions = append(h.sessions, s) })
}

func (h *hub) detach(s *session) {
	h.change(func() {
		h.sessions = slices.DeleteFunc(h.sessions, func(other *session) bool { return other == s })
	})
}
