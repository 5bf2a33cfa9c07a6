package uplink

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"network-sniffer/board/testbed"
	"network-sniffer/uplink/spool"
)

// machine is a run of rows of which the test knows when they were received, and the clock that stamps and sends them.
type machine struct {
	*rig
	*clockRun
	clock *toyClock
	real  int64 // offset of the true time
}

func newMachine(t *testing.T, clock *toyClock) *machine {
	t.Helper()
	r := newRig(t)
	r.uploader.config.Clock = clock.read
	return &machine{r, newClockRun(r.spool, r.device, 1, clock), clock, realOffset()}
}

// seconds records ten packets in each of so many seconds, and hands them over.
func (m *machine) seconds(n int) {
	for range n {
		for range 10 {
			m.pass(time.Second / 10)
			m.packet(0)
		}
		m.handOver()
	}
}

// right counts the rows whose time in the database is that of their receipt to a millisecond, and the others.
func (m *machine) right(t *testing.T) (right, wrong int) {
	t.Helper()
	rows, err := m.db.Query("SELECT ack_number, (extract(epoch FROM ts) * 1000000)::bigint FROM sniffer.packets")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var packet, us int64
		if err := rows.Scan(&packet, &us); err != nil {
			t.Fatal(err)
		}
		if time.Duration(us*1000-m.truth[packet]-m.real).Abs() <= time.Millisecond {
			right++
		} else {
			wrong++
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return right, wrong
}

// TestClockIsSetLater: rows from before the clock was set have their right times in the database, in the partitions of
// their days, when it was set before they were sent, and are marked when nobody can know their times any more.
func TestClockIsSetLater(t *testing.T) {
	const years = int64(tenYears)
	tests := []struct {
		name         string
		run          func(m *machine)
		right, wrong int // rows
		unset        int // of the wrong ones, those in segments that stay marked so
		crash        bool
	}{
		{"between seal and send", func(m *machine) {
			m.seconds(5)
			m.clock.set(m.real, spool.ClockFree)
		}, 50, 0, 0, false},
		{"in the middle of a batch", func(m *machine) {
			m.seconds(3)
			m.pass(time.Second / 2)
			m.packet(0)
			m.clock.set(m.real, spool.ClockFree)
			m.packet(0)
			m.seconds(2)
		}, 52, 0, 0, false},
		{"to what turns out to be wrong", func(m *machine) {
			m.seconds(2)
			m.clock.set(m.real+years, spool.ClockFree)
			m.seconds(2)
			m.clock.set(m.real-years, spool.ClockFree)
			m.seconds(2)
			m.pass(20 * time.Second)
			m.clock.set(m.real, spool.ClockSynced)
			m.seconds(2)
		}, 80, 0, 0, false},
		{"to worse", func(m *machine) {
			m.clock.set(m.real, spool.ClockSynced)
			m.seconds(3)
			m.pass(20 * time.Second)
			m.handOver()
			m.clock.set(m.real-years, spool.ClockFree)
			m.pass(20 * time.Second)
			m.handOver()
			m.pass(20 * time.Second)
			m.handOver()
			m.seconds(2)
		}, 30, 20, 0, false},
		{"after another start of the machine", func(m *machine) {
			m.seconds(4)
			m.clock.mu.Lock()
			m.clock.clock = in1970(2).clock
			m.clock.mu.Unlock()
			m.clock.set(m.real, spool.ClockSynced)
		}, 0, 40, 40, true},
		{"never", func(m *machine) { m.seconds(4) }, 0, 40, 40, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newMachine(t, in1970(1))
			tt.run(m)
			if tt.crash {
				m.crash(t)
			} else {
				m.close(t)
			}
			if err := m.drain(); err != nil {
				t.Fatal(err)
			}
			m.expect(t, int64(len(m.truth)), 0)
			if right, wrong := m.right(t); right != tt.right || wrong != tt.wrong {
				t.Errorf("%d rows have their time and %d have not, want %d and %d", right, wrong, tt.right, tt.wrong)
			}
			if n := testbed.QueryInt(t, m.db, `SELECT coalesce(sum(row_count), 0) FROM sniffer.coverage
				WHERE clock_state = 'unset' AND clock_shift IS NULL`); n != int64(tt.unset) {
				t.Errorf("%d rows are marked, want %d", n, tt.unset)
			}
			// What has no time of its own is found in the default partition, and nothing else is.
			if n := testbed.QueryInt(t, m.db, "SELECT count(*) FROM sniffer.packets_default"); n != int64(tt.unset) {
				t.Errorf("%d rows in the default partition, want %d", n, tt.unset)
			}
			if n := testbed.QueryInt(t, m.db, "SELECT count(*) FROM sniffer.coverage WHERE from_ts > to_ts"); n != 0 {
				t.Errorf("%d intervals end before they begin", n)
			}
			// The ledger's times are corrected as the rows' are.
			if n := testbed.QueryInt(t, m.db, `SELECT count(*) FROM sniffer.segments s WHERE row_count > 0 AND NOT EXISTS
				(SELECT FROM sniffer.coverage c WHERE c.run_id = s.run_id AND c.sequence = s.sequence
				AND s.first_ts >= c.from_ts - interval '10 ms' AND s.last_ts <= c.to_ts + interval '10 ms')`); n != 0 {
				t.Errorf("%d segments have rows outside of their intervals", n)
			}
			if n := testbed.QueryInt(t, m.db, `SELECT count(*) FROM sniffer.packets p WHERE NOT EXISTS
				(SELECT FROM sniffer.segments s WHERE p.ts >= s.first_ts AND p.ts <= s.last_ts)`); n != 0 {
				t.Errorf("%d rows lie outside of their segments", n)
			}
		})
	}
}

// crash waits until everything that was handed over is sealed, and leaves the run without an end.
func (m *machine) crash(t *testing.T) {
	t.Helper()
	testbed.Eventually(t, patience, "the batches are sealed", func() (bool, string) {
		n := len(m.sealer.free)
		return n == cap(m.sealer.free)-1, fmt.Sprintf("%d batches are free", n)
	})
}

// TestResendWithAnotherShift: nobody knows whether a transaction was committed, and before it is sent again the clock is
// set: its rows are stored once, with the times of either clock.
func TestResendWithAnotherShift(t *testing.T) {
	m := newMachine(t, in1970(1))
	if err := m.drain(); err != nil { // makes the schema: COMMIT is that of the rows then
		t.Fatal(err)
	}
	m.seconds(5)
	m.close(t)
	m.clock.set(m.real-int64(tenYears), spool.ClockFree)
	m.uploader.dialer.timeout = time.Second
	before := m.proxy.Stats().FaultsStruck
	struck := m.proxy.SwallowAfter([]byte("COMMIT"))
	// On a busy machine the time-out may come before the COMMIT, which is then that of the next attempt.
	for again := true; again; again = m.proxy.Stats().FaultsStruck == before {
		if err := m.drain(); err == nil {
			t.Fatal("the upload did not notice")
		}
	}
	testbed.Await(t, struck, patience, "the fault")
	m.proxy.Reset()
	m.uploader.dialer.timeout = ioTimeout
	m.clock.set(m.real, spool.ClockSynced)
	if err := m.drain(); err != nil {
		t.Fatal(err)
	}
	m.expect(t, 50, 0)
	if n := m.spool.Stats().Segments; n != 0 {
		t.Errorf("%d segments are left", n)
	}
}

// TestHold: while the clock is not set nothing is sent, and that is said once; when it is, everything is, corrected.
func TestHold(t *testing.T) {
	m := newMachine(t, in1970(1))
	m.seconds(3)
	m.clock.mu.Lock()
	reads := m.clock.reads
	m.clock.mu.Unlock()
	finish, done := make(chan struct{}), make(chan struct{})
	go func() {
		m.uploader.Run(context.Background(), finish)
		close(done)
	}()
	testbed.Eventually(t, patience, "the uploader has looked twice", func() (bool, string) {
		s := m.uploader.State()
		if s.Rows > 0 || s.Connected {
			t.Fatalf("rows were sent: %+v", s)
		}
		m.clock.mu.Lock()
		defer m.clock.mu.Unlock()
		return s.LastError == notSet && m.clock.reads >= reads+2, fmt.Sprintf("%+v", s)
	})
	m.clock.set(m.real, spool.ClockFree)
	testbed.Eventually(t, patience, "all rows", func() (bool, string) {
		s := m.uploader.State()
		return s.Rows == 30 && s.LastError == "", fmt.Sprintf("%+v", s)
	})
	m.close(t)
	close(finish)
	testbed.Await(t, done, patience, "the end of Run")
	m.expect(t, 30, 0)
	if right, wrong := m.right(t); right != 30 {
		t.Errorf("%d rows have their time, %d have not", right, wrong)
	}
	if n := strings.Count(m.log.String(), notSet); n != 1 {
		t.Errorf("said %d times: %s", n, m.log)
	}
}

// TestHoldEnds: there are reasons not to wait for a clock any longer.
func TestHoldEnds(t *testing.T) {
	clock := in1970(1)
	sp := openSpool(t)
	fresh := func() *Uploader {
		u, err := NewUploader(UploaderConfig{Spool: sp, Clock: clock.read, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(u.Close)
		return u
	}
	u := fresh()
	if !u.hold() || u.State().LastError != notSet {
		t.Errorf("without a reason: %+v", u.State())
	}
	u.began = u.began.Add(-clockPatience)
	if u.hold() || u.State().LastError != "" {
		t.Errorf("after %v: %+v", clockPatience, u.State())
	}
	u = fresh()
	for i := uint64(1); sp.Stats().Bytes < sp.Stats().Limit/2; i++ {
		if !u.hold() {
			t.Fatalf("not held with %+v", sp.Stats())
		}
		if err := sp.Seal(&spool.Header{Sequence: i}, make([]byte, spool.MaxBody)); err != nil {
			t.Fatal(err)
		}
	}
	if u.hold() {
		t.Errorf("held with %+v", sp.Stats())
	}
	clock.set(realOffset(), spool.ClockFree)
	if fresh().hold() {
		t.Error("held although the clock is set")
	}
}

// TestFinishHeld: the end of a run does not wait for the clock; what it could not correct is marked.
func TestFinishHeld(t *testing.T) {
	m := newMachine(t, in1970(1))
	m.seconds(2)
	m.close(t)
	finish := make(chan struct{})
	close(finish)
	m.uploader.Run(context.Background(), finish)
	m.expect(t, 20, 0)
	if n := testbed.QueryInt(t, m.db, "SELECT count(*) FROM sniffer.packets_default"); n != 20 {
		t.Errorf("%d rows in the default partition", n)
	}
}

// TestUnknownClock: segments of savefiles, and of programs of before, are sent as they are.
func TestUnknownClock(t *testing.T) {
	m := newMachine(t, in1970(1))
	m.clock.set(m.real, spool.ClockSynced)
	m.close(t)
	i := NewImporter(m.spool, m.device, [16]byte{2})
	i.AddInterface("file", "", 256)
	p := mix()[0]
	p.Interface, p.Time = 0, time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC).UnixNano()
	if _, err := i.Record(&p); err != nil {
		t.Fatal(err)
	}
	if err := i.Finish(); err != nil {
		t.Fatal(err)
	}
	if err := m.drain(); err != nil {
		t.Fatal(err)
	}
	m.expect(t, 1, 0)
	if n := testbed.QueryInt(t, m.db, "SELECT count(*) FROM sniffer.packets_19991231 WHERE ts = '1999-12-31 23:59:59+00'"); n != 1 {
		t.Error("the row was moved")
	}
	if n := testbed.QueryInt(t, m.db, `SELECT count(*) FROM sniffer.coverage
		WHERE interface = 'file' AND clock_state IS NULL AND clock_shift IS NULL`); n != 1 {
		t.Error("the file's coverage tells of a clock")
	}
}
