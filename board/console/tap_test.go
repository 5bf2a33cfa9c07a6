package console

import (
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
)

func TestOfferDoesNotAllocate(t *testing.T) {
	for _, tt := range []struct {
		name   string
		demand uint32
	}{{"nobody watches", demandLast}, {"watched", demandAll}} {
		t.Run(tt.name, func(t *testing.T) {
			srv := New(Config{Source: porch})
			srv.hub.demand.Store(tt.demand)
			tap := srv.NewTap()
			data := tcpFrame(1)
			if got := testing.AllocsPerRun(10*skipFrames, func() { tap.Offer(&rawMeta, 1, data) }); got != 0 {
				t.Errorf("Offer allocates %v times", got)
			}
			if got := testing.AllocsPerRun(100, func() { tap.Offer(&rawMeta, 1, data); tap.Flush() }); got != 0 {
				t.Errorf("Flush allocates %v times", got)
			}
		})
	}
}

// The ring never waits: with the inbox held by another goroutine for good, Offer still returns, and counts.
func TestOfferNeverWaits(t *testing.T) {
	srv := New(Config{Source: porch})
	srv.hub.demand.Store(demandAll)
	srv.hub.inbox.mu.Lock()
	offer(srv.NewTap(), 1000)
	srv.hub.inbox.mu.Unlock()
	if got := srv.Counters(); got.TapBusy != 1000 {
		t.Errorf("counters %+v", got)
	}
	if got := srv.hub.inbox.missed.Load(); got != 1000 {
		t.Errorf("the sessions will hear of %d packets missed, want 1000", got)
	}
}

func TestFullInboxDropsTheNewest(t *testing.T) {
	srv := New(Config{Source: porch})
	srv.hub.demand.Store(demandAll)
	tap := srv.NewTap()
	const n = 5000
	offer(tap, n)
	got := srv.Counters()
	if got.TapFull == 0 || got.TapHanded == 0 {
		t.Fatalf("%d packets did not fill the inbox: %+v", n, got)
	}
	checkTaps(t, srv, n)
	srv.hub.catchUp()
	if index := srv.hub.ring.index; index != n {
		t.Errorf("the ring counts %d packets, want %d", index, n)
	}
}

// A frame longer than what is kept is cut, and its real length is told.
func TestLongFrameIsCut(t *testing.T) {
	srv := New(Config{Source: porch, FrameBytes: 64})
	srv.hub.demand.Store(demandAll)
	tap := srv.NewTap()
	m := rawMeta
	m.WireLength = 60_000
	tap.Offer(&m, 1, append(tcpFrame(7), make([]byte, 59_960)...))
	tap.Flush()
	srv.hub.catchUp()
	var c cursor
	f, ok := firstFrame(&srv.hub.ring, &c)
	if !ok || len(f.Data) != 64 || f.Meta.WireLength != 60_000 {
		t.Errorf("kept %d bytes of %d, %v", len(f.Data), f.Meta.WireLength, ok)
	}
}

// Several rings at once while sessions come, pause and go: every packet is accounted for.
func TestTapsBalance(t *testing.T) {
	inBubble(t, Config{LinesPerSecond: -1}, func(b bubble) {
		const rings, each = 3, 20_000
		keep := b.connect(true)
		var running sync.WaitGroup
		for range rings {
			tap := b.srv.NewTap()
			running.Go(func() { offer(tap, each) })
		}
		for i := range 10 {
			c := b.connect(i%3 != 0)
			if i%3 != 0 {
				fmt.Fprint(c.conn, "pause\n")
				if i%2 == 0 {
					fmt.Fprint(c.conn, "resume\n")
				}
			}
			c.conn.Close()
		}
		running.Wait()
		settle()
		settle()
		keep.take()
		synctest.Wait()
		checkTaps(t, b.srv, rings*each)
		if got := accounted(b.srv.Counters()); got < rings*each {
			t.Errorf("%d packets were accounted for, the session that stayed alone was due %d", got, rings*each)
		}
	})
}

func BenchmarkOffer(b *testing.B) {
	for _, sessions := range []int{0, 1, 64} {
		b.Run(fmt.Sprintf("sessions=%d", sessions), func(b *testing.B) {
			srv, address := listen(b, Config{SessionsPerAddress: 128})
			for range sessions {
				c := dial(b, address)
				c.send("watch\n")
				go io.Copy(io.Discard, c.r) // the client reads; its end is the test's
			}
			for sessions > 0 && srv.hub.watchers() < sessions {
				c := dial(b, address) // each round trip is time that the sessions use
				c.send("version\nquit\n")
				c.rest()
			}
			tap := srv.NewTap()
			data := tcpFrame(1)
			b.ReportAllocs()
			for b.Loop() {
				tap.Offer(&rawMeta, 1, data)
			}
			tap.Flush()
		})
	}
}

func (h *hub) watchers() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.watching)
}
