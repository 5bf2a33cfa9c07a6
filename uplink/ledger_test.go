package uplink

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"network-sniffer/board/testbed"
	"network-sniffer/uplink/spool"
)

// texts returns the first column of a query.
func texts(t *testing.T, db *sql.DB, query string) (list []string) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// how is the part of a coverage row that says how it was looked.
const how = `SELECT concat_ws(' ', interface, received, row_count,
	'pending', coalesce(pending::text, '-'), coalesce(pending_change::text, '-'),
	'sample', coalesce(sample_rate::text, '-'), coalesce(sample_by, '-'),
	'mode', coalesce(capture_mode, '-'), coalesce(user_filter::text, '-'),
	'host', coalesce(freezes::text, '-'), coalesce(merged_frames::text, '-'), coalesce(partial_checksums::text, '-'),
	'link', coalesce(link_received::text, '-'), coalesce(link_sent::text, '-'), coalesce(link_dropped::text, '-'))
	FROM sniffer.coverage ORDER BY run_id, sequence, interface`

// TestLedgerTellsHow: what a header says of how it was looked stands in the database; of an interface's several ways
// in one segment the last, with the sum of all counts.
func TestLedgerTellsHow(t *testing.T) {
	r := newRig(t)
	seal := func(sequence uint64, coverage ...spool.Coverage) {
		t.Helper()
		h := spool.Header{Device: r.device, Run: [16]byte{1}, Sequence: sequence, Format: recordFormat, SealedAt: 1, Coverage: coverage}
		if err := r.spool.Seal(&h); err != nil {
			t.Fatal(err)
		}
	}
	lost := func(n uint64) []spool.Loss { return []spool.Loss{{Reason: LossRing, Packets: n}} }
	seal(1, spool.Coverage{Interface: "eth0", Received: 9, PendingChange: 5, Losses: lost(4), SampleRate: 1, Mode: "ring",
		Freezes: 1, Merged: 2, Partial: 3, Link: spool.LinkCounts{Received: 1 << 62, Sent: 50, Dropped: 6, Known: true}})
	seal(2,
		spool.Coverage{Interface: "eth0", Received: 0, PendingChange: -5, Losses: lost(5),
			SampleRate: 100, SampleBy: "flow", Mode: "ring", Merged: 7},
		spool.Coverage{Interface: "eth0", Received: 3, Losses: lost(3),
			SampleRate: 1<<32 - 1, SampleBy: "packet", Mode: "read", UserFilter: true, Merged: 1},
		spool.Coverage{Interface: "eth1"})
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	r.expect(t, 0, 12)
	want := []string{
		"eth0 9 0 pending - 5 sample 1 - mode ring false host 1 2 3 link 4611686018427387904 50 6",
		"eth0 3 0 pending - -5 sample 2147483647 packet mode read true host 0 8 0 link - - -",
		"eth1 0 0 pending - 0 sample 1 - mode - false host 0 0 0 link - - -",
	}
	if got := texts(t, r.db, how); !slices.Equal(got, want) {
		t.Errorf("coverage\n%q, want\n%q", got, want)
	}
}

// TestLedgerTellsTheClock: what a segment's time stamps are worth, and by how much they were corrected.
func TestLedgerTellsTheClock(t *testing.T) {
	r := newRig(t)
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	const tenYears = 10 * 365 * 24 * int64(time.Hour)
	var headers []sending
	for i, c := range []struct {
		state spool.ClockState
		shift int64
	}{
		{spool.ClockUnknown, 0}, {spool.ClockUnset, 0}, {spool.ClockUnset, tenYears + 1999}, {spool.ClockFree, -1_500_000_000}, {spool.ClockSynced, 0},
	} {
		h := spool.Header{
			Device: r.device, Run: [16]byte{1}, Sequence: uint64(i + 1), Last: uint64(i + 1), SealedAt: 1,
			Clock: spool.Clock{State: c.state}, Coverage: []spool.Coverage{{Interface: "eth0"}},
		}
		headers = append(headers, sending{Header: h, Shift: c.shift})
	}
	if _, err := r.db.Exec(ledger(headers)); err != nil {
		t.Fatal(err)
	}
	want := []string{"- 0", "unset 0", "unset 315360000.000001", "free -1.500000", "synced 0"}
	got := texts(t, r.db, `SELECT concat_ws(' ', coalesce(clock_state, '-'), coalesce(extract(epoch FROM clock_shift), 0))
		FROM sniffer.coverage ORDER BY sequence`)
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestFormerSpool: what the program of before left in the spool, headers of version 1, arrives as it was meant: the
// books balance by the pending packets that it told, and what it did not tell is NULL.
func TestFormerSpool(t *testing.T) {
	r := newRig(t)
	for _, part := range []string{"run", "tombstone"} {
		r.spool.Close()
		if err := os.RemoveAll(r.dir); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(r.dir, os.DirFS(filepath.Join("spool", "testdata", "version1", part))); err != nil {
			t.Fatal(err)
		}
		r.open(t)
		r.uploader.config.Spool = r.spool
		if err := r.drain(); err != nil {
			t.Fatal(err)
		}
	}
	r.expect(t, 22, 53)
	const nothing = " sample - - mode - - host - - - link - - -"
	want := []string{
		"wan 15 10 pending 3 -" + nothing, "br-lan 4 4 pending 0 -" + nothing, "wan 4 5 pending 2 -" + nothing,
		"wan 2 3 pending 0 -" + nothing, "br-lan 0 0 pending 0 -" + nothing, "wan 52 0 pending 2 -" + nothing,
	}
	if got := texts(t, r.db, how); !slices.Equal(got, want) {
		t.Errorf("coverage\n%q, want\n%q", got, want)
	}
	books := texts(t, r.db, `SELECT concat_ws(' ', interface, received, row_count, losses, pending, balance, closed, sample_rate)
		FROM sniffer.books ORDER BY run_id, interface`)
	wantBooks := []string{"br-lan 4 4 0 0 0 t 1", "wan 21 18 3 0 0 t 1", "wan 52 0 50 2 0 f 1"}
	if !slices.Equal(books, wantBooks) {
		t.Errorf("books\n%q, want\n%q", books, wantBooks)
	}
}

// TestAliasesArrive: rows of "any" have the names of their interfaces, and the books of each balance.
func TestAliasesArrive(t *testing.T) {
	r := newRig(t)
	s := NewSealer(SealerConfig{Spool: r.spool, Device: r.device, Run: [16]byte{1}, Recorders: 1})
	rec := s.NewRecorder(RecorderConfig{Index: 63, Name: "any", Mode: "ring", Several: true})
	rec.Alias(0, "eth0")
	rec.Alias(1, "ppp0")
	for i, index := range []uint8{0, 0, 63, 1, 0} {
		p := mix()[i]
		p.Interface = index
		rec.Record(&p)
	}
	rec.Finish(Counts{Received: 7, Dropped: 1, Pending: 1}, time.Now())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	r.expect(t, 5, 2)
	want := []string{"any 3 1 2 0", "eth0 3 3 0 0", "ppp0 1 1 0 0"}
	books := "SELECT concat_ws(' ', interface, received, row_count, losses, balance) FROM sniffer.books ORDER BY interface"
	if got := texts(t, r.db, books); !slices.Equal(got, want) {
		t.Errorf("books %q, want %q", got, want)
	}
	want = []string{"any 1", "eth0 3", "ppp0 1"}
	rows := "SELECT concat_ws(' ', interface, count(*)) FROM sniffer.packets GROUP BY interface ORDER BY interface"
	if got := texts(t, r.db, rows); !slices.Equal(got, want) {
		t.Errorf("rows %q, want %q", got, want)
	}
}

// TestManyLooks: when interfaces times ways of looking are more than a segment's header holds, every count arrives
// still, under the last way.
func TestManyLooks(t *testing.T) {
	const aliases = 200
	r := newRig(t)
	r.spool.Close()
	disk := &sickDisk{sick: true}
	sp, err := spool.Open(disk, r.dir, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	r.uploader.config.Spool = sp
	refused := make(chan error, 10)
	s := NewSealer(SealerConfig{Spool: sp, Device: r.device, Run: [16]byte{1}, Recorders: 1, Share: 1,
		OnError: func(err error) { refused <- err }})
	rec := s.NewRecorder(RecorderConfig{Index: 255, Name: "any", Mode: "ring", Several: true})
	for i := range aliases {
		rec.Alias(uint8(i), fmt.Sprintf("eth%d", i))
	}
	p := mix()[0]
	for _, mode := range []string{"ring", "read"} {
		rec.SetMode(mode, false)
		for i := range aliases {
			p.Interface = uint8(i)
			rec.Record(&p)
		}
		finish(rec, Counts{Received: aliases})
		if mode == "ring" { // carried into the next segment
			testbed.Await(t, refused, patience, "the sealer's complaint")
			disk.sick = false
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	r.expect(t, aliases, aliases)
	if n := testbed.QueryInt(t, r.db, `SELECT count(*) FROM sniffer.coverage
		WHERE capture_mode = 'read' AND received = 2 AND row_count = 1`); n != aliases {
		t.Errorf("%d interfaces are told with all their counts, want %d", n, aliases)
	}
}

// TestUnnamedInterface: rows of an interface that the header does not name are given up and counted, they do not stop
// the rows behind them.
func TestUnnamedInterface(t *testing.T) {
	r := newRig(t)
	s := NewSealer(SealerConfig{Spool: r.spool, Device: r.device, Run: [16]byte{1}, Recorders: 1, Share: 1})
	rec := s.NewRecorder(RecorderConfig{Name: "eth0"})
	for _, index := range []uint8{7, 0} {
		p := mix()[0]
		p.Interface = index
		rec.Record(&p)
		finish(rec, Counts{Received: 1})
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	refs := r.spool.Pin(1, spool.MaxBody)
	h, body, _, err := r.spool.Load(refs[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	r.spool.Unpin(refs)
	var w copyWriter
	w.reset(nil, FormatBinary)
	if err := w.segment(&h, body, 0); !errors.Is(err, spool.ErrBroken) {
		t.Errorf("%v", err)
	}
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	r.expect(t, 1, 1)
	if n := testbed.QueryInt(t, r.db, "SELECT packets FROM sniffer.losses WHERE reason = 'spool_broken'"); n != 1 {
		t.Errorf("%d packets are counted as spool_broken", n)
	}
}
