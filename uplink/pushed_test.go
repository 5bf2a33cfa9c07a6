package uplink

import (
	"net/netip"
	"os"
	"reflect"
	"testing"
	"time"

	"network-sniffer/board/testbed"
	"network-sniffer/decode"
	"network-sniffer/uplink/spool"
)

// pushedPacket is one of which a client told addresses and ports.
func pushedPacket(src, dst string, at time.Time) (p decode.Packet) {
	s, d := netip.MustParseAddr(src), netip.MustParseAddr(dst)
	p.Valid = decode.HasAddresses | decode.HasPorts
	p.Time, p.Direction, p.SrcPort, p.DstPort = at.UnixNano(), decode.Unknown, 1, 65535
	p.IPVersion = 6
	if s.Is4() {
		p.IPVersion = 4
	}
	copy(p.SrcIP[:], s.AsSlice())
	copy(p.DstIP[:], d.AsSlice())
	return p
}

// TestRecordWithoutIPHeader: addresses without the rest of their header come back in the form they had.
func TestRecordWithoutIPHeader(t *testing.T) {
	for _, p := range []decode.Packet{
		pushedPacket("192.0.2.1", "198.51.100.2", time.Unix(1, 2)),
		pushedPacket("2001:db8::1", "::ffff:192.0.2.1", time.Unix(1, 2)),
	} {
		var got decode.Packet
		rest, err := parseRecord(appendRecord(make([]byte, 0, maxRecord), &p), &got)
		if err != nil || len(rest) != 0 || got != p {
			t.Errorf("got %+v, %v\nwant %+v", got.Head, err, p.Head)
		}
	}
}

// TestPushedSegments: packets of clients share no segment with captured ones, though all wait for the disk together; what
// was refused balances; and no step of this machine's clock moves the times that clients gave.
func TestPushedSegments(t *testing.T) {
	disk := &slowDisk{entered: make(chan struct{}, 100), release: make(chan struct{})}
	sp, err := spool.Open(disk, t.TempDir(), spool.MinLimit)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	clock := in1970(1)
	s := NewSealer(SealerConfig{Spool: sp, Batches: 8, Recorders: 1, Clock: clock.read})
	captured := s.NewRecorder(RecorderConfig{Index: 1, Name: "eth0", Mode: "ring"})
	pushed := s.NewRecorder(RecorderConfig{Index: 2, Name: "push", Mode: "ring", Several: true, Pushed: true})
	pushed.Alias(3, "push 192.0.2.1")
	disk.slow.Store(true)

	at := time.Now()
	hour := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	var seen, sent Counts
	see := func() {
		p := pushedPacket("192.0.2.1", "192.0.2.2", time.Unix(0, bootTime(at)+clock.clock.Offset))
		p.Interface = 1
		seen.Received++
		captured.Record(&p)
		captured.HandOver(seen, at)
	}
	send := func(index uint8, when time.Time, refused uint64) {
		p := pushedPacket("192.0.2.1", "192.0.2.2", when)
		p.Interface = index
		sent.Received += 1 + refused
		sent.Refused += refused
		if !pushed.Await(0) {
			t.Fatal("no batch is free")
		}
		pushed.Record(&p)
		pushed.HandOver(sent, at)
	}
	see()
	<-disk.entered // from here on they queue up
	see()
	send(2, hour, 5)
	early := time.Unix(0, bootTime(at)+clock.clock.Offset) // a client whose clock agrees with ours until that is set
	clock.set(realOffset(), spool.ClockSynced)
	send(3, early, 0)
	send(2, hour.Add(-time.Second), 2)
	see()
	close(disk.release)
	disk.slow.Store(false)
	captured.Finish(seen, at)
	pushed.Finish(sent, at)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	infos, err := spool.Inspect(spool.Disk{}, sp.Dir())
	if err != nil {
		t.Fatal(err)
	}
	var times []int64
	var books spool.Header
	for _, info := range infos {
		h := info.Header
		if h.Rows == 0 {
			continue
		}
		file, err := os.ReadFile(info.Path)
		if err != nil {
			t.Fatal(err)
		}
		var p decode.Packet
		for body := file[len(file)-bodySize(file):]; len(body) > 0; {
			if body, err = parseRecord(body, &p); err != nil {
				t.Fatal(err)
			}
			if (p.Interface == 1) == isPushed(&h) {
				t.Errorf("segment %d has a packet of interface %d; pushed: %v", h.Sequence, p.Interface, isPushed(&h))
			}
			if isPushed(&h) {
				times = append(times, p.Time)
			}
		}
		if unknown := h.Clock == (spool.Clock{}); unknown != isPushed(&h) {
			t.Errorf("segment %d, pushed %v, is by the clock %v", h.Sequence, isPushed(&h), h.Clock)
		}
		for i := range h.Coverage {
			balanced(t, &h.Coverage[i])
			books.Merge(&h.Coverage[i])
		}
	}
	want := []int64{hour.UnixNano(), early.UnixNano(), hour.Add(-time.Second).UnixNano()}
	if !reflect.DeepEqual(times, want) {
		t.Errorf("the times of pushed rows are %v, want %v", times, want)
	}
	for _, c := range books.Coverage {
		c.From, c.To = 0, 0
		want := map[string]spool.Coverage{
			"eth0":           {Interface: "eth0", Index: 1, Received: 3, Rows: 3, Mode: "ring", SampleRate: 1},
			"push":           {Interface: "push", Index: 2, Received: 9, Rows: 2, Mode: ModePush, SampleRate: 1, Losses: []spool.Loss{{Reason: LossRefused, Packets: 7}}},
			"push 192.0.2.1": {Interface: "push 192.0.2.1", Index: 3, Received: 1, Rows: 1, Mode: ModePush, SampleRate: 1},
		}[c.Interface]
		if !reflect.DeepEqual(c, want) {
			t.Errorf("%+v\nwant %+v", c, want)
		}
	}
	if len(books.Coverage) != 3 {
		t.Errorf("%d entries in the books, want 3", len(books.Coverage))
	}
}

// TestPushedDays: partitions are made for the days of pushed rows near today alone, whatever times clients give.
func TestPushedDays(t *testing.T) {
	r := newRig(t)
	s := NewSealer(SealerConfig{Spool: r.spool, Device: r.device, Run: [16]byte{1}, Recorders: 1, Share: 1})
	rec := s.NewRecorder(RecorderConfig{Name: "push", Pushed: true})
	now := time.Now().UTC()
	lastWeek := now.AddDate(0, 0, -7)
	for _, at := range []time.Time{time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC), lastWeek, now, now.AddDate(3, 0, 0)} {
		p := pushedPacket("2001:db8::1", "2001:db8::2", at)
		rec.Record(&p)
		finish(rec, Counts{Received: 1})
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	r.expect(t, 4, 0)
	for _, row := range []struct {
		table string
		rows  int64
	}{{"packets_default", 2}, {"packets_" + lastWeek.Format("20060102"), 1}, {"packets_" + now.Format("20060102"), 1}} {
		if n := testbed.QueryInt(t, r.db, "SELECT count(*) FROM sniffer."+row.table); n != row.rows {
			t.Errorf("%s has %d rows, want %d", row.table, n, row.rows)
		}
	}
	if n := testbed.QueryInt(t, r.db, `SELECT count(*) FROM sniffer.packets
		WHERE src_ip = '2001:db8::1' AND dst_ip = '2001:db8::2' AND ttl IS NULL AND ip_version IS NULL AND protocol IS NULL`); n != 4 {
		t.Errorf("%d rows have the addresses and nothing that was not told", n)
	}
	if n := testbed.QueryInt(t, r.db, "SELECT count(*) FROM sniffer.coverage WHERE capture_mode = 'push' AND clock_state IS NULL"); n != 4 {
		t.Errorf("%d intervals say that they were pushed", n)
	}
}

// TestPushAfterASickDisk: what the disk refused of captured packets is told in a segment by this machine's clock, which is
// corrected when that is set, also when pushed packets come next.
func TestPushAfterASickDisk(t *testing.T) {
	disk := &sickDisk{sick: true}
	sp, err := spool.Open(disk, t.TempDir(), spool.MinLimit)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	refused := make(chan error, 10)
	s := NewSealer(SealerConfig{Spool: sp, Recorders: 1, Share: 1, Clock: in1970(1).read, OnError: func(err error) { refused <- err }})
	captured := s.NewRecorder(RecorderConfig{Index: 1, Name: "eth0", Mode: "ring"})
	pushed := s.NewRecorder(RecorderConfig{Index: 2, Name: "push", Pushed: true})
	now := time.Now()
	p := pushedPacket("192.0.2.1", "192.0.2.2", now)
	captured.Record(&p)
	captured.HandOver(Counts{Received: 1}, now)
	testbed.Await(t, refused, patience, "the sealer's complaint")
	disk.sick = false
	pushed.Record(&p)
	pushed.Finish(Counts{Received: 1}, now)
	captured.Finish(Counts{Received: 1}, now)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var told uint64
	for _, h := range headersOf(t, sp) {
		for _, c := range h.Coverage {
			if c.Interface == "eth0" && h.Clock.State != spool.ClockUnset {
				t.Errorf("segment %d tells captured packets by the clock %v", h.Sequence, h.Clock)
			}
			told += c.Received
			balanced(t, &c)
		}
	}
	if told != 2 {
		t.Errorf("%d packets are told, want 2", told)
	}
}

// TestPushLeavesBatches: clients that send faster than the disk takes use up their own batches, and none of what is captured.
func TestPushLeavesBatches(t *testing.T) {
	disk := &slowDisk{entered: make(chan struct{}, 100), release: make(chan struct{})}
	sp, err := spool.Open(disk, t.TempDir(), spool.MinLimit)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	disk.slow.Store(true)
	s := NewSealer(SealerConfig{Spool: sp, Recorders: 1, Share: 1})
	captured := s.NewRecorder(RecorderConfig{Index: 1, Name: "eth0", Mode: "ring"})
	pushed := s.NewRecorder(RecorderConfig{Index: 2, Name: "push", Pushed: true})
	now := time.Now()
	var seen, sent Counts
	record := func(r *Recorder, c *Counts) {
		p := pushedPacket("192.0.2.1", "192.0.2.2", now)
		c.Received++
		r.Record(&p)
		r.HandOver(*c, now)
	}
	for pushed.Await(0) {
		record(pushed, &sent)
	}
	if sent.Received != pushedBatches {
		t.Errorf("%d batches were pushed, want %d", sent.Received, pushedBatches)
	}
	for range DefaultBatches {
		record(captured, &seen)
	}
	if captured.batch == nil {
		t.Error("what clients sent took a batch from what is captured")
	}
	<-disk.entered
	close(disk.release)
	if !pushed.Await(patience) {
		t.Error("no batch came back")
	}
	captured.Finish(seen, now)
	pushed.Finish(sent, now)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range s.Books() {
		if c.Rows != c.Received || len(c.Losses) > 0 {
			t.Errorf("%+v", c)
		}
	}
}
