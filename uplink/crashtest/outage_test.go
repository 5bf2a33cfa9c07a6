package crashtest

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"network-sniffer/board/testbed"
	"network-sniffer/uplink"
	"network-sniffer/uplink/spool"
)

// seconds is how long the database is away in the outage, in its own time: a day in make soak, an hour and a bit otherwise.
func seconds() int {
	if *killCount == 0 {
		return 4_320
	}
	return 86_400
}

// TestLongOutage: one segment a second comes while the database is away for a day, as fast as the disk takes them. The
// spool stays within its limit, what it drops is the oldest and counted with its time, and what is left is sent more
// than ten times faster than it came.
func TestLongOutage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sp, err := openSpool(spool.Disk{}, w.dir, w.flash)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sp.Close() })
	start := time.Now().Add(-24 * time.Hour).Truncate(time.Second)
	recorded, bundles := outageOf(t, sp, start, seconds())
	waiting := sp.Stats()
	if waiting.DroppedRows == 0 {
		t.Fatal("nothing was dropped: the outage is too short for this proof")
	}

	drained, known := drainFrom(t, w, sp)
	if faster := float64(waiting.Segments) / drained.Seconds(); faster < 10 {
		t.Errorf("%d segments, which came in as many seconds, left in %v", waiting.Segments, drained)
	}
	rows := w.count(t)
	losses := checkBooks(t, w.db, rows)
	if rows+losses != recorded || uint64(losses) != waiting.DroppedRows {
		t.Errorf("%d packets came; %d rows and %d losses are in the database, %d rows were dropped",
			recorded, rows, losses, waiting.DroppedRows)
	}
	checkOldest(t, w.db, recorded, rows, start)
	t.Logf("%d segments came, up to %d bundles; %d of %d rows were dropped; %d segments were sent in %v",
		seconds(), bundles, losses, recorded, waiting.Segments, drained.Round(time.Millisecond))
	summary.add(t, result{fmt.Sprintf("outage of %v", time.Duration(seconds())*time.Second), 1,
		tally{confirmed: recorded, known: known}, rows, ledgerSegments(t, w.db), losses, ""})
}

// outageOf records a segment for each second, and returns how many packets there were and how many bundles at most.
func outageOf(t *testing.T, sp *spool.Spool, start time.Time, seconds int) (recorded int64, bundles int) {
	t.Helper()
	sp.Uplink(false)
	s := newSource(sp, 1, func(err error) { t.Error(err) })
	s.noise = rand.New(rand.NewPCG(1, 1))
	s.recorder.Begin(start)
	for i := 1; i <= seconds; i++ {
		for s.unsettled() > ahead*rowsPerSegment {
			time.Sleep(100 * time.Microsecond) // nobody tells when a batch is on disk
		}
		s.capture(start.Add(time.Duration(i) * time.Second))
		stats := sp.Stats()
		if stats.Bytes > stats.Limit {
			t.Fatalf("after %d segments the spool is larger than it may be: %+v", i, stats)
		}
		bundles = max(bundles, stats.Bundles)
	}
	if err := s.end(start.Add(time.Duration(seconds) * time.Second)); err != nil {
		t.Error(err)
	}
	return int64(s.recorded()), bundles
}

// drainFrom uploads everything, and returns how long that took and how many segments were known.
func drainFrom(t *testing.T, w *world, sp *spool.Spool) (took time.Duration, known int64) {
	t.Helper()
	u := newUploader(t, w, sp, nil)
	defer u.Close() // now: a long proof drains more often than the server has room for connections
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	began := time.Now()
	if err := u.Drain(ctx, func(uplink.State) {}); err != nil {
		t.Fatal(err)
	}
	took = time.Since(began)
	if n := sp.Stats().Segments; n != 0 {
		t.Errorf("%d segments are left in the spool", n)
	}
	return took, int64(u.State().Known)
}

// newUploader makes an uploader to the server's socket, past every relay.
func newUploader(t *testing.T, w *world, sp *spool.Spool, clock func() spool.Clock) *uplink.Uploader {
	t.Helper()
	target, err := uplink.ParseTarget(w.pg.URL(w.name))
	if err != nil {
		t.Fatal(err)
	}
	u, err := uplink.NewUploader(uplink.UploaderConfig{Spool: sp, Target: target, Device: device, DeviceName: "crashtest",
		Version: "test", Log: slog.New(slog.DiscardHandler), Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.Close)
	return u
}

// checkOldest makes sure that the rows are the newest, and that the losses tell the time before them.
func checkOldest(t *testing.T, db *sql.DB, recorded, rows int64, start time.Time) {
	t.Helper()
	first := testbed.QueryInt(t, db, "SELECT min(seq_number) FROM sniffer.packets")
	last := testbed.QueryInt(t, db, "SELECT max(seq_number) FROM sniffer.packets")
	if last != recorded || first != recorded-rows+1 {
		t.Errorf("packets 1 to %d came; %d rows from %d to %d are left: these are not the newest", recorded, rows, first, last)
	}
	var from, to, stored time.Time
	if err := db.QueryRow(`SELECT min(c.from_ts), max(c.to_ts), (SELECT min(ts) FROM sniffer.packets)
		FROM sniffer.coverage c JOIN sniffer.coverage_losses l USING (device_id, run_id, sequence, interface)
		WHERE l.reason = $1`, spool.LossFull).Scan(&from, &to, &stored); err != nil {
		t.Fatal(err)
	}
	// A loss that is told for an interval lies within it; the last one ended when the first row that is left came.
	if from.After(start.Add(2*time.Second)) || to.After(stored) || to.Before(stored.Add(-2*time.Second)) {
		t.Errorf("what was dropped is said to be of %v to %v; the outage began at %v, the rows begin at %v", from, to, start, stored)
	}
}

// TestClockSteps: rows that were stamped ten years before or after the clock was set are corrected, each is there once, and
// the books balance.
func TestClockSteps(t *testing.T) {
	t.Parallel()
	const tenYears = 10 * 365 * 24 * time.Hour
	for _, step := range []time.Duration{tenYears, -tenYears} {
		t.Run(step.String(), func(t *testing.T) {
			w := newWorld(t)
			sp, err := openSpool(spool.Disk{}, w.dir, w.flash)
			if err != nil {
				t.Fatal(err)
			}
			defer sp.Close()
			unset := uplink.ReadClock()
			unset.State = spool.ClockUnset
			s := newSourceByClock(sp, 1, nil, func() spool.Clock { return unset })
			stamped := time.Now()
			for range 20 {
				s.capture(stamped)
			}
			if err := s.end(time.Now()); err != nil {
				t.Fatal(err)
			}
			set := unset
			set.State, set.Offset = spool.ClockSynced, unset.Offset+int64(step)
			u := newUploader(t, w, sp, func() spool.Clock { return set })
			if err := u.Drain(t.Context(), func(uplink.State) {}); err != nil {
				t.Fatal(err)
			}
			rows := w.count(t)
			if losses := checkBooks(t, w.db, rows); rows != int64(s.recorded()) || losses != 0 {
				t.Errorf("%d rows and %d losses of %d packets", rows, losses, s.recorded())
			}
			moved := testbed.QueryInt(t, w.db, "SELECT count(*) FROM sniffer.packets WHERE ts = $1",
				stamped.Add(step).Truncate(time.Microsecond))
			if moved != rows {
				t.Errorf("%d of %d rows were moved by %v", moved, rows, step)
			}
		})
	}
}
