package uplink

import (
	"sync/atomic"
	"testing"
	"time"

	"network-sniffer/decode"
	"network-sniffer/uplink/spool"
)

// slowDisk lets Seal wait until it is told to go on.
type slowDisk struct {
	spool.Disk
	slow             atomic.Bool
	entered, release chan struct{}
}

func (d *slowDisk) WriteSynced(path string, head []byte, parts ...[]byte) error {
	if d.slow.Load() {
		d.entered <- struct{}{}
		<-d.release
	}
	return d.Disk.WriteSynced(path, head, parts...)
}

func packetsIn(sp *spool.Spool, t *testing.T) (books []spool.Coverage) {
	t.Helper()
	var h spool.Header
	for _, r := range sp.Pin(spool.MaxPin, 1<<40) {
		got, err := sp.Header(r)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got.Coverage {
			h.Merge(&got.Coverage[i])
		}
	}
	return h.Coverage
}

// TestStalledDisk: while the disk stands still the recorder never waits. What finds no batch is counted, and the
// counters that could not be handed over come with the next batch.
func TestStalledDisk(t *testing.T) {
	disk := &slowDisk{entered: make(chan struct{}, 100), release: make(chan struct{})}
	sp, err := spool.Open(disk, t.TempDir(), spool.MinLimit)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	disk.slow.Store(true)
	s := NewSealer(SealerConfig{Spool: sp, Batches: 1, Recorders: 1, BatchSize: 4 * maxRecord, Share: 1})
	r := s.NewRecorder(0, "eth0", "", 256)
	all := mix()
	var c Counts
	now := time.Now()
	for i := range 100 {
		c.Received++
		if r.Record(&all[i]) {
			r.HandOver(c, now)
		}
	}
	<-disk.entered
	r.HandOver(c, now)
	if r.batch != nil {
		t.Fatal("there was a batch all the time: the test needs more packets")
	}
	if d := r.Due().Sub(now); d <= 0 || d > MaxAge {
		t.Errorf("without a batch the next hand-over is due in %v: that is a busy loop or a sleep", d)
	}
	close(disk.release)
	r.Finish(c, now)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	books := packetsIn(sp, t)
	if len(books) != 1 || len(books[0].Losses) != 1 {
		t.Fatalf("books: %+v", books)
	}
	b := books[0]
	if b.Received != 100 || b.Losses[0].Reason != LossRecorder || b.Losses[0].Packets == 0 || b.Rows+b.Losses[0].Packets != 100 {
		t.Errorf("received %d, rows %d, losses %v", b.Received, b.Rows, b.Losses)
	}
}

// TestCounts: what the ring counts becomes intervals: drops, what is pending, and what stays behind.
func TestCounts(t *testing.T) {
	sp, err := spool.Open(spool.Disk{}, t.TempDir(), spool.MinLimit)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	s := NewSealer(SealerConfig{Spool: sp, Recorders: 1, Share: 1})
	r := s.NewRecorder(7, "eth0", "tcp", 96)
	p := mix()[0]
	now := time.Now()
	record := func(n int) {
		for range n {
			r.Record(&p)
		}
	}
	record(10)
	r.HandOver(Counts{Received: 15, Dropped: 2, Pending: 3}, now)
	record(5)
	r.HandOver(Counts{Received: 20, Dropped: 2, Pending: 3}, now)
	record(1)
	r.Finish(Counts{Received: 21, Dropped: 3, Pending: 2}, now)
	record(4) // a new ring under the same recorder counts from zero
	r.Finish(Counts{Received: 4}, now)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	infos, err := spool.Inspect(spool.Disk{}, sp.Dir())
	if err != nil || len(infos) != 5 {
		t.Fatalf("%d segments, %v", len(infos), err)
	}
	want := []spool.Coverage{
		{Received: 15, Rows: 10, Pending: 3, Losses: []spool.Loss{{Reason: LossRing, Packets: 2}}},
		{Received: 5, Rows: 5, Pending: 3},
		{Received: 1, Rows: 1, Losses: []spool.Loss{{Reason: LossLeft, Packets: 2}, {Reason: LossRing, Packets: 1}}},
		{Received: 4, Rows: 4},
	}
	var received, rows, lost uint64
	for i, w := range want {
		h := infos[i].Header
		if len(h.Coverage) != 1 || h.Final || h.Sequence != uint64(i+1) {
			t.Fatalf("segment %d: %+v", i, h)
		}
		g := h.Coverage[0]
		if g.Received != w.Received || g.Rows != w.Rows || g.Pending != w.Pending || len(g.Losses) != len(w.Losses) {
			t.Errorf("interval %d: %+v, want %+v", i, g, w)
		}
		for j := range w.Losses {
			if j < len(g.Losses) && g.Losses[j] != w.Losses[j] {
				t.Errorf("interval %d: loss %v, want %v", i, g.Losses[j], w.Losses[j])
			}
		}
		if g.Index != 7 || g.Filter != "tcp" || g.SnapLength != 96 {
			t.Errorf("interval %d: %+v", i, g)
		}
		received, rows = received+g.Received, rows+g.Rows
		for _, l := range g.Losses {
			lost += l.Packets
		}
	}
	if received != rows+lost {
		t.Errorf("received %d, rows %d, losses %d", received, rows, lost)
	}
	if last := infos[4].Header; !last.Final || last.Rows != 0 {
		t.Errorf("the last segment: %+v", last)
	}
}

// TestDue: a lone row waits MaxAge, a silent interface MaxSilence.
func TestDue(t *testing.T) {
	sp, err := spool.Open(spool.Disk{}, t.TempDir(), spool.MinLimit)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	s := NewSealer(SealerConfig{Spool: sp, Recorders: 1})
	r := s.NewRecorder(0, "eth0", "", 256)
	now := time.Now()
	if r.Walked(now) {
		t.Error("due at once without a row")
	}
	if d := r.Due().Sub(now); d < MaxSilence-time.Second || d > MaxSilence {
		t.Errorf("silence is due in %v", d)
	}
	p := mix()[0]
	r.Record(&p)
	if r.Walked(now) || r.Due() != now.Add(MaxAge) {
		t.Errorf("a row is due in %v", r.Due().Sub(now))
	}
	r.Record(&p)
	if r.Walked(now.Add(MaxAge/2)) || r.Due() != now.Add(MaxAge) {
		t.Error("a second row put the first one off")
	}
	if !r.Walked(now.Add(MaxAge)) {
		t.Error("after MaxAge nothing is due")
	}
	r.HandOver(Counts{Received: 2}, now)
	if r.Due() != now.Add(MaxSilence) {
		t.Error("the hand-over did not begin a new interval")
	}
	r.Finish(Counts{Received: 2}, now)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestRecordAllocations: recording and handing over allocate nothing; what a segment costs is not per packet.
func TestRecordAllocations(t *testing.T) {
	sp, err := spool.Open(spool.Disk{}, t.TempDir(), 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	s := NewSealer(SealerConfig{Spool: sp, Recorders: 1, Share: 1})
	r := s.NewRecorder(0, "eth0", "", 256)
	packets := mix()
	var c Counts
	i := 0
	// One run of the function is one packet; AllocsPerRun counts the sealer's goroutine too.
	if n := testing.AllocsPerRun(50_000, func() {
		c.Received++
		if r.Record(&packets[i%len(packets)]) {
			r.HandOver(c, time.Time{})
		}
		if i++; i%64 == 0 {
			r.Walked(time.Time{})
		}
	}); n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
	r.Finish(c, time.Now())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if sp.Stats().Sealed < 5 {
		t.Errorf("only %d segments were sealed", sp.Stats().Sealed)
	}
}

func BenchmarkRecord(b *testing.B) {
	sp, err := spool.Open(spool.Disk{}, b.TempDir(), 64<<20)
	if err != nil {
		b.Fatal(err)
	}
	defer sp.Close()
	s := NewSealer(SealerConfig{Spool: sp, Recorders: 1, Share: 1})
	r := s.NewRecorder(0, "eth0", "", 256)
	packets := mix()
	var c Counts
	var p *decode.Packet
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p = &packets[i%len(packets)]
		c.Received++
		if r.Record(p) {
			finish(r, c)
			c = Counts{}
		}
	}
	r.Finish(c, time.Now())
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}
