package uplink

import (
	"math/rand/v2"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"network-sniffer/board/testbed"
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
	r := s.NewRecorder(RecorderConfig{Name: "eth0", SnapLength: 256})
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
	r := s.NewRecorder(RecorderConfig{Index: 7, Name: "eth0", Filter: "tcp", SnapLength: 96})
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
		{Received: 15, Rows: 10, PendingChange: 3, Losses: []spool.Loss{{Reason: LossRing, Packets: 2}}},
		{Received: 5, Rows: 5},
		{Received: 1, Rows: 1, PendingChange: -3, Losses: []spool.Loss{{Reason: LossRing, Packets: 1}, {Reason: LossLeft, Packets: 2}}},
		{Received: 4, Rows: 4},
	}
	var received, rows, lost uint64
	for i, w := range want {
		h := infos[i].Header
		if len(h.Coverage) != 1 || h.Final || h.Sequence != uint64(i+1) {
			t.Fatalf("segment %d: %+v", i, h)
		}
		g := h.Coverage[0]
		if g.Received != w.Received || g.Rows != w.Rows || g.PendingChange != w.PendingChange || len(g.Losses) != len(w.Losses) {
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

// TestHow: each interval tells how it was looked, and what changed in it by the counters.
func TestHow(t *testing.T) {
	sp, err := spool.Open(spool.Disk{}, t.TempDir(), spool.MinLimit)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	s := NewSealer(SealerConfig{Spool: sp, Recorders: 1, Share: 1})
	r := s.NewRecorder(RecorderConfig{Name: "eth0", SampleRate: 16, SampleBy: "flow", Mode: "read"})
	plain := mix()[0]
	plain.WireSegments = 1
	merged := plain
	merged.WireSegments = 3
	now := time.Now()
	link := func(received, sent, dropped uint64) LinkCounts {
		return LinkCounts{Received: received, Sent: sent, Dropped: dropped, Known: true}
	}
	for range 4 {
		r.Record(&plain)
		r.Record(&merged)
	}
	r.HandOver(Counts{Received: 8, Freezes: 2, Partial: 3, Link: link(100, 10, 1)}, now)
	r.Record(&plain)
	r.HandOver(Counts{Received: 9, Freezes: 2, Partial: 3}, now) // the interface's counters could not be read
	r.Record(&plain)
	r.Finish(Counts{Received: 10, Freezes: 5, Partial: 4, Link: link(160, 30, 1)}, now)
	r.SetMode("ring", true)
	r.Record(&merged)
	r.Finish(Counts{Received: 1, Freezes: 1, Partial: 1, Link: link(7, 0, 0)}, now)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	want := []spool.Coverage{
		{Received: 8, Rows: 8, Freezes: 2, Merged: 4, Partial: 3, Link: link(100, 10, 1), Mode: "read"},
		{Received: 1, Rows: 1, Mode: "read"},
		{Received: 1, Rows: 1, Freezes: 3, Partial: 1, Link: link(60, 20, 0), Mode: "read"},
		{Received: 1, Rows: 1, Freezes: 1, Merged: 1, Partial: 1, Link: link(7, 0, 0), Mode: "ring", UserFilter: true},
	}
	infos, err := spool.Inspect(spool.Disk{}, sp.Dir())
	if err != nil || len(infos) != len(want)+1 {
		t.Fatalf("%d segments, %v", len(infos), err)
	}
	for i, w := range want {
		w.Interface, w.SampleRate, w.SampleBy = "eth0", 16, "flow"
		g := infos[i].Header.Coverage[0]
		g.From, g.To = 0, 0
		if !reflect.DeepEqual(g, w) {
			t.Errorf("interval %d:\n%+v, want\n%+v", i, g, w)
		}
	}
	books := s.Books()
	if len(books) != 2 || books[0].Received != 10 || books[0].Link != link(160, 30, 1) || books[0].Merged != 4 ||
		books[1].Mode != "ring" {
		t.Errorf("books: %+v", books)
	}
}

// TestSampleOfAll: where nothing is sampled away, nothing was chosen.
func TestSampleOfAll(t *testing.T) {
	sp, err := spool.Open(spool.Disk{}, t.TempDir(), spool.MinLimit)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	s := NewSealer(SealerConfig{Spool: sp, Recorders: 2})
	for i, rate := range []uint32{0, 1} {
		r := s.NewRecorder(RecorderConfig{Index: uint8(i), Name: "eth0", SampleRate: rate, SampleBy: "flow"})
		r.Finish(Counts{}, time.Now())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, b := range s.Books() {
		if b.SampleRate != 1 || b.SampleBy != "" {
			t.Errorf("%+v", b)
		}
	}
}

// TestWorkers: several recorders of one interface, each with pending packets that the others know nothing of, make
// one book that balances at every moment, and in every segment.
func TestWorkers(t *testing.T) {
	const workers, rounds = 4, 50
	sp, err := spool.Open(spool.Disk{}, t.TempDir(), 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	s := NewSealer(SealerConfig{Spool: sp, Recorders: workers, Batches: 64})
	p := mix()[0]
	var running sync.WaitGroup
	for w := range workers {
		r := s.NewRecorder(RecorderConfig{Index: 3, Name: "eth0", Mode: "ring"})
		var c Counts
		if w == 0 {
			// A segment of its own, whatever the others make of theirs: a packet waits at its end.
			c = Counts{Received: 1, Pending: 1}
			r.HandOver(c, time.Now())
			testbed.Eventually(t, patience, "the first segment", func() (bool, string) {
				return sp.Stats().Sealed == 1, "it is not sealed"
			})
		}
		running.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(w)))
			for range rounds {
				arrived := rng.Uint64N(20)
				c.Received += arrived
				dropped := rng.Uint64N(arrived + 1)
				c.Dropped += dropped
				c.Pending += arrived - dropped
				walked := rng.Uint64N(c.Pending + 1)
				c.Pending -= walked
				for range walked {
					r.Record(&p)
				}
				r.HandOver(c, time.Now())
			}
			r.Finish(c, time.Now())
		})
	}
	running.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	infos, err := spool.Inspect(spool.Disk{}, sp.Dir())
	if err != nil {
		t.Fatal(err)
	}
	changes := 0
	for _, info := range infos {
		for _, c := range info.Header.Coverage {
			balanced(t, &c)
			if c.PendingChange != 0 {
				changes++
			}
		}
	}
	books := s.Books()
	if len(books) != 1 || books[0].PendingChange != 0 || books[0].Received == 0 || changes == 0 {
		t.Fatalf("%d changes, books: %+v", changes, books)
	}
	balanced(t, &books[0])
}

// balanced checks a coverage entry by itself.
func balanced(t *testing.T, c *spool.Coverage) {
	t.Helper()
	sum := int64(c.Rows) + c.PendingChange
	for _, l := range c.Losses {
		sum += int64(l.Packets)
	}
	if int64(c.Received) != sum || int64(c.Received) < 0 {
		t.Errorf("received %d, but rows, losses and the change of pending are %d: %+v", c.Received, sum, *c)
	}
}

// TestAliases: a recorder of "any" gives each interface the rows it had; drops, losses and what was pending are its
// own, and every entry balances whatever waited between two intervals.
func TestAliases(t *testing.T) {
	const any, eth0, wlan0, silent = 9, 2, 200, 5
	sp, err := spool.Open(spool.Disk{}, t.TempDir(), 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	s := NewSealer(SealerConfig{Spool: sp, Recorders: 1, Share: 1})
	r := s.NewRecorder(RecorderConfig{
		Index: any, Name: "any", Filter: "ip", SampleRate: 4, SampleBy: "packet", Mode: "ring", Several: true,
	})
	r.Alias(eth0, "eth0")
	r.Alias(silent, "dummy0")
	r.Alias(any, "not another")
	p := mix()[0]
	record := func(index uint8, n int) {
		p.Interface = index
		for range n {
			r.Record(&p)
		}
	}
	at := time.Now()
	r.Begin(at)
	record(eth0, 5)
	record(any, 1)
	r.HandOver(Counts{Received: 20, Dropped: 2, Pending: 12}, at.Add(1*time.Second))
	r.Alias(wlan0, "wlan0")
	r.Alias(eth0, "a second name")
	record(eth0, 4) // of those that were pending: the kernel shows nothing new
	record(wlan0, 3)
	r.HandOver(Counts{Received: 20, Dropped: 2, Pending: 5}, at.Add(2*time.Second))
	record(wlan0, 1)
	r.Finish(Counts{Received: 20, Dropped: 2, Pending: 4}, at.Add(3*time.Second))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// From and To in seconds since the test began: what they are in nanoseconds the machine's clock says.
	entry := func(name string, index uint8, from int64, received, rows uint64, losses ...spool.Loss) spool.Coverage {
		return spool.Coverage{
			Interface: name, Index: index, From: from, To: from + 1,
			Received: received, Rows: rows, Losses: losses, Filter: "ip", SampleRate: 4, SampleBy: "packet", Mode: "ring",
		}
	}
	want := [][]spool.Coverage{
		{entry("any", any, 0, 3, 1, spool.Loss{Reason: LossRing, Packets: 2}), entry("eth0", eth0, 0, 5, 5)},
		{entry("any", any, 1, 0, 0), entry("eth0", eth0, 1, 4, 4), entry("wlan0", wlan0, 1, 3, 3)},
		{entry("any", any, 2, 4, 0, spool.Loss{Reason: LossLeft, Packets: 4}), entry("wlan0", wlan0, 2, 1, 1)},
	}
	infos, err := spool.Inspect(spool.Disk{}, sp.Dir())
	if err != nil || len(infos) != len(want)+1 {
		t.Fatalf("%d segments, %v", len(infos), err)
	}
	since := func(ns int64) int64 { return int64(time.Unix(0, ns).Sub(at).Round(time.Second) / time.Second) }
	for i, w := range want {
		got := infos[i].Header.Coverage
		for j := range got {
			got[j].From, got[j].To = since(got[j].From), since(got[j].To)
		}
		if !reflect.DeepEqual(got, w) {
			t.Errorf("interval %d:\n%+v, want\n%+v", i, got, w)
		}
		for j := range got {
			balanced(t, &got[j])
		}
	}
}

// TestAliasesAtRandom: whatever arrives, waits, is dropped or finds no batch, of whichever interface, each entry
// balances and an alias received its rows.
func TestAliasesAtRandom(t *testing.T) {
	sp, err := spool.Open(spool.Disk{}, t.TempDir(), 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	s := NewSealer(SealerConfig{Spool: sp, Recorders: 1, Batches: 1, BatchSize: 4 * maxRecord})
	r := s.NewRecorder(RecorderConfig{Name: "any", Several: true})
	r.Alias(1, "eth0")
	r.Alias(2, "eth1")
	rng := rand.New(rand.NewPCG(3, 4))
	p := mix()[0]
	var c Counts
	var walked [3]uint64
	for range 5000 {
		switch rng.IntN(4) {
		case 0:
			c.Received++
			c.Pending++
		case 1:
			c.Received++
			c.Dropped++
		case 2:
			if c.Pending > 0 {
				c.Pending--
				p.Interface = uint8(rng.IntN(3))
				walked[p.Interface]++
				if r.Record(&p) {
					r.HandOver(c, time.Now())
				}
			}
		case 3:
			if rng.IntN(8) == 0 {
				r.HandOver(c, time.Now())
			}
			if r.batch == nil && rng.IntN(4) == 0 {
				r.batch = <-s.free // or nearly every packet would find none
			}
		}
	}
	r.Finish(c, time.Now())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	books := s.Books()
	if len(books) != 3 {
		t.Fatalf("books: %+v", books)
	}
	var received, lost uint64
	for i := range books {
		b := &books[i]
		balanced(t, b)
		received += b.Received
		if b.Index > 0 && (b.Received != b.Rows || b.Rows > walked[b.Index]) {
			t.Errorf("%d packets of the interface were walked: %+v", walked[b.Index], *b)
		}
		for _, l := range b.Losses {
			if l.Reason == LossRecorder {
				lost = l.Packets
			}
		}
	}
	if rows := books[0].Rows + books[1].Rows + books[2].Rows; received != c.Received || rows+lost != walked[0]+walked[1]+walked[2] {
		t.Errorf("the ring counted %+v, %v were walked, %d rows, books: %+v", c, walked, rows, books)
	}
}

// TestDue: a lone row waits MaxAge, a silent interface MaxSilence.
func TestDue(t *testing.T) {
	sp, err := spool.Open(spool.Disk{}, t.TempDir(), spool.MinLimit)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	began := time.Now()
	s := NewSealer(SealerConfig{Spool: sp, Recorders: 1})
	r := s.NewRecorder(RecorderConfig{Name: "eth0", SnapLength: 256})
	now := time.Now()
	if r.Walked(now) {
		t.Error("due at once without a row")
	}
	if d := r.Due(); d.Before(began.Add(MaxSilence)) || d.After(now.Add(MaxSilence)) {
		t.Errorf("silence is due in %v", d.Sub(now))
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
	for _, config := range []RecorderConfig{
		{Name: "eth0", SnapLength: 256},
		{Name: "any", Index: 255, SampleRate: 10, SampleBy: "flow", Mode: "ring", Several: true},
	} {
		t.Run(config.Name, func(t *testing.T) { recordAllocations(t, config) })
	}
}

func recordAllocations(t *testing.T, config RecorderConfig) {
	sp, err := spool.Open(spool.Disk{}, t.TempDir(), 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	s := NewSealer(SealerConfig{Spool: sp, Recorders: 1, Share: 1})
	r := s.NewRecorder(config)
	if config.Several {
		r.Alias(0, "eth0")
	}
	packets := mix()
	c := Counts{Link: LinkCounts{Known: true}}
	i := 0
	now := time.Now()
	// One run of the function is one packet; AllocsPerRun counts the sealer's goroutine too.
	if n := testing.AllocsPerRun(50_000, func() {
		c.Received++
		c.Link.Received++
		if r.Record(&packets[i%len(packets)]) {
			r.HandOver(c, now)
		}
		if i++; i%64 == 0 {
			r.Walked(now)
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
	r := s.NewRecorder(RecorderConfig{Name: "eth0", SnapLength: 256})
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

// TestUserFilterRefusesPending: packets that were pending when the filter came to user space may be refused there, which
// takes them out of what was received. Each interval balances, none has received less than nothing, and all of them
// together have received what the socket says.
func TestUserFilterRefusesPending(t *testing.T) {
	for _, told := range []bool{true, false} { // whether SetMode tells of it
		sp, err := spool.Open(spool.Disk{}, t.TempDir(), spool.MinLimit)
		if err != nil {
			t.Fatal(err)
		}
		defer sp.Close()
		s := NewSealer(SealerConfig{Spool: sp, Recorders: 1, Share: 1}) // a segment a batch
		r := s.NewRecorder(RecorderConfig{Name: "eth0", SnapLength: 256})
		all := mix()
		rows := 0
		step := func(walk int, c Counts) {
			for range walk {
				r.Record(&all[rows%len(all)])
				rows++
			}
			r.HandOver(c, time.Now())
		}
		step(3, Counts{Received: 53, Pending: 50})
		if told {
			r.SetMode("ring", true)
		}
		step(2, Counts{Received: 7, Dropped: 1, Pending: 1}) // 47 of the 50 were refused
		step(4, Counts{Received: 14, Dropped: 2, Pending: 3})
		if told {
			step(60, Counts{Received: 90, Dropped: 2, Pending: 19})
			r.Finish(Counts{Received: 90, Dropped: 2, Pending: 19}, time.Now())
		} else {
			r.Finish(Counts{Received: 14, Dropped: 2, Pending: 3}, time.Now())
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		var received, losses uint64
		var pending int64
		for _, ref := range sp.Pin(spool.MaxPin, 1<<40) {
			h, err := sp.Header(ref)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range h.Coverage {
				sum := c.Rows + uint64(c.PendingChange)
				for _, l := range c.Losses {
					sum += l.Packets
					losses += l.Packets
				}
				if c.Received != sum || int64(c.Received) < 0 {
					t.Errorf("told %v: an interval does not balance: %+v", told, c)
				}
				received += c.Received
				pending += c.PendingChange
			}
		}
		if pending != 0 || received != uint64(rows)+losses {
			t.Errorf("told %v: received %d, %d rows, %d losses, pending %d", told, received, rows, losses, pending)
		}
		if told && received != 90 {
			t.Errorf("received %d of 90", received)
		}
	}
}
