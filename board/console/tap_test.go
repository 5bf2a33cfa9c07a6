package console

import (
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"

	"network-sniffer/decode"
)

func TestOfferDoesNotAllocate(t *testing.T) {
	tests := []struct {
		name   string
		demand uint32
	}{
		{"nobody connected", demandNone}, {"everybody paused", demandCount}, {"watched", demandCopy},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := New(Config{Source: fakeSource{}})
			srv.hub.demand.Store(tt.demand)
			tap := srv.NewTap()
			p := newTCPPacket(1)
			if got := testing.AllocsPerRun(10*inboxPackets, func() { tap.Offer(&p) }); got != 0 {
				t.Errorf("Offer allocates %v times", got)
			}
			if got := testing.AllocsPerRun(100, tap.Flush); got != 0 {
				t.Errorf("Flush allocates %v times", got)
			}
		})
	}
}

// A round of the hub with sessions that watch, pause and stall allocates nothing either.
func TestRoundDoesNotAllocate(t *testing.T) {
	srv := New(Config{Source: fakeSource{}, LinesPerSecond: -1})
	for range 4 {
		srv.hub.attach(newSession(srv, pipeConn{}))
	}
	tap := srv.NewTap()
	p := newTCPPacket(1)
	got := testing.AllocsPerRun(100, func() {
		for range chunkPackets {
			tap.Offer(&p)
		}
		srv.hub.mu.Lock()
		srv.hub.round()
		srv.hub.mu.Unlock()
	})
	if got != 0 {
		t.Errorf("a chunk's way to four sessions allocates %v times", got)
	}
}

// The ring never waits: with the inbox held by another goroutine for good, Offer still returns, and counts.
func TestOfferNeverWaits(t *testing.T) {
	srv := New(Config{Source: fakeSource{}})
	srv.hub.demand.Store(demandCopy)
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
	srv := New(Config{Source: fakeSource{}})
	srv.hub.demand.Store(demandCopy)
	offer(srv.NewTap(), inboxPackets-3)
	offer(srv.NewTap(), 10)
	packets, missed := srv.hub.inbox.take(nil)
	if len(packets) != inboxPackets || missed != 7 {
		t.Fatalf("%d packets and %d missed, want %d and 7", len(packets), missed, inboxPackets)
	}
	if first, last := packets[0].SrcPort, packets[inboxPackets-1].SrcPort; first != 1 || last != 3 {
		t.Errorf("the oldest is %d and the newest %d, want 1 and 3", first, last)
	}
}

// Several rings at once while sessions come, pause and go: every packet is accounted for.
func TestTapsBalance(t *testing.T) {
	inBubble(t, Config{LinesPerSecond: -1}, func(b bubble) {
		const rings, each = 3, 20_000
		keep := b.connect(true) // so that demand never falls to nobody, and every packet counts
		var running sync.WaitGroup
		for range rings {
			tap := b.srv.NewTap()
			running.Go(func() { offer(tap, each) })
		}
		for i := range 20 {
			c := b.connect(i%3 != 0)
			fmt.Fprint(c.conn, "pause\n")
			if i%2 == 0 {
				fmt.Fprint(c.conn, "resume\n")
			}
			c.conn.Close()
		}
		running.Wait()
		settle()
		settle()
		keep.take()
		checkBalance(t, b.srv, rings*each)
		if got := b.srv.Counters().PacketsDue; got < rings*each {
			t.Errorf("%d packets were due, the session that stayed alone was due %d", got, rings*each)
		}
		synctest.Wait()
	})
}

func TestQueueKeepsOrderAroundItsEnd(t *testing.T) {
	q := queue{bucket: bucket{rate: -1}}
	next, want := uint16(0), uint16(0)
	out := make([]decode.Packet, 50)
	for range 20 {
		in := make([]decode.Packet, 40)
		for i := range in {
			in[i].SrcPort = next
			next++
		}
		if took, noRoom := q.push(in, q.since); took != 40 || noRoom != 0 {
			t.Fatalf("push took %d of 40, %d without room", took, noRoom)
		}
		for _, p := range out[:q.pop(out)] {
			if p.SrcPort != want {
				t.Fatalf("packet %d came as number %d", p.SrcPort, want)
			}
			want++
		}
	}
	if want != next || q.n != 0 {
		t.Errorf("%d of %d packets came out, %d wait", want, next, q.n)
	}
}

func BenchmarkOffer(b *testing.B) {
	for _, sessions := range []int{0, 1, 64} {
		b.Run(fmt.Sprintf("sessions=%d", sessions), func(b *testing.B) {
			srv := startServer(b, Config{SessionsPerAddress: 64})
			for range sessions {
				c := dialIn(b, srv)
				go c.r.WriteTo(io.Discard) // the client reads; its end is the test's
			}
			tap := srv.NewTap()
			p := newTCPPacket(1)
			b.ReportAllocs()
			for b.Loop() {
				tap.Offer(&p)
			}
			tap.Flush()
		})
	}
}
