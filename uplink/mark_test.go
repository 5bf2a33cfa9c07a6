package uplink

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"network-sniffer/board/testbed"
	"network-sniffer/uplink/spool"
)

// marksIn lists the marks of the database, in the order of their segments.
func marksIn(t *testing.T, db *sql.DB) []string {
	t.Helper()
	return texts(t, db, `SELECT concat_ws(' ', sequence, number, author || ':', text)
		FROM sniffer.marks ORDER BY run_id, sequence, number`)
}

// patientSealer makes a sealer whose marks wait for a disk that the machine's other work keeps busy.
func patientSealer(c SealerConfig) *Sealer {
	s := NewSealer(c)
	s.markPatience = patience
	return s
}

// TestMarksArrive: marks are in the database beside the rows of their time, once, whatever stands in them.
func TestMarksArrive(t *testing.T) {
	r := newRig(t)
	s := patientSealer(SealerConfig{Spool: r.spool, Device: r.device, Run: [16]byte{1}, Recorders: 1, Share: 1})
	rec := s.NewRecorder(RecorderConfig{Name: "eth0", SnapLength: 256})
	before := time.Now()
	for i, text := range []string{"new switch", `it's \ "quoted"`, "a NUL \x00 and \xff", "ünïcödé ☎"} {
		p := mix()[i]
		rec.Record(&p)
		finish(rec, Counts{Received: 1})
		if err := s.Mark("console 192.168.1.5", text); err != nil {
			t.Fatal(err)
		}
	}
	after := time.Now()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	copies := r.copies(t)
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	r.expect(t, 4, 0)
	list := texts(t, r.db, "SELECT concat_ws(' ', number, author || ':', text) FROM sniffer.marks ORDER BY sequence")
	const by = "1 console 192.168.1.5: "
	want := []string{by + "new switch", by + `it's \ "quoted"`, by + "a NUL \ufffd and \ufffd", by + "ünïcödé ☎"}
	if !slices.Equal(list, want) {
		t.Errorf("marks %q, want %q", list, want)
	}
	if n := testbed.QueryInt(t, r.db, `SELECT count(*) FROM sniffer.marks_readable
		WHERE device = 'rig' AND ts BETWEEN $1 AND $2 AND clock_state IN ('free', 'synced')`,
		before.Add(-time.Second), after.Add(time.Second)); n != 4 {
		t.Errorf("%d marks are of the time when they were left", n)
	}

	// Sent again, they are known.
	r.spool.Close()
	for f, b := range copies {
		if err := os.WriteFile(f, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r.open(t)
	r.uploader.config.Spool = r.spool
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	if n := testbed.QueryInt(t, r.db, "SELECT count(*) FROM sniffer.marks"); n != 4 {
		t.Errorf("%d marks, sent twice, want 4", n)
	}
}

// copies reads what waits in the spool.
func (r *rig) copies(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(r.dir, "*.segment"))
	if err != nil {
		t.Fatal(err)
	}
	copies := map[string][]byte{}
	for _, f := range files {
		if copies[f], err = os.ReadFile(f); err != nil {
			t.Fatal(err)
		}
	}
	return copies
}

// TestMarkInTheWrongYear: a mark that was left before the clock was set has its right time in the database; the transaction
// that brings it is sent twice, because nobody knows whether it was committed, and it is there once.
func TestMarkInTheWrongYear(t *testing.T) {
	m := newMachine(t, in1970(1))
	if err := m.drain(); err != nil { // makes the schema: COMMIT is that of the mark then
		t.Fatal(err)
	}
	m.sealer.markPatience = patience
	before := time.Now()
	if err := m.sealer.Mark("console", "in the dark"); err != nil {
		t.Fatal(err)
	}
	after := time.Now()
	m.close(t)
	m.clock.set(m.real, spool.ClockSynced)
	m.uploader.dialer.timeout = time.Second
	strikes := m.proxy.Stats().FaultsStruck
	struck := m.proxy.SwallowAfter([]byte("COMMIT"))
	// On a busy machine the time-out may come before the COMMIT, which is then that of the next attempt.
	for again := true; again; again = m.proxy.Stats().FaultsStruck == strikes {
		if err := m.drain(); err == nil {
			t.Fatal("the upload did not notice")
		}
	}
	testbed.Await(t, struck, patience, "the fault")
	m.proxy.Reset()
	m.uploader.dialer.timeout = ioTimeout
	if err := m.drain(); err != nil {
		t.Fatal(err)
	}
	if got := marksIn(t, m.db); len(got) != 1 || !strings.HasSuffix(got[0], " 1 console: in the dark") {
		t.Fatalf("marks %q", got)
	}
	if n := testbed.QueryInt(t, m.db, `SELECT count(*) FROM sniffer.marks
		WHERE ts BETWEEN $1 AND $2 AND clock_state = 'unset' AND clock_shift > '40 years'`,
		before.Add(-time.Second), after.Add(time.Second)); n != 1 {
		t.Error("its time was not corrected:", texts(t, m.db, "SELECT concat_ws(' ', ts, clock_state, clock_shift) FROM sniffer.marks"))
	}
}

// TestMarksOfATombstone: when a segment is given up its marks arrive, and the number of those that were lost.
func TestMarksOfATombstone(t *testing.T) {
	r := newRig(t)
	h := spool.Header{Device: r.device, Run: [16]byte{1}, Sequence: 1, Format: recordFormat, SealedAt: 1, LostMarks: 3,
		Marks:    []spool.Mark{{At: 1e18, By: "console", Text: "first"}, {At: 2e18, By: "console", Text: "second"}},
		Coverage: []spool.Coverage{{Interface: "eth0", From: 1, To: 2, Received: 5, Rows: 5}}, Rows: 5, FirstTime: 1e18, LastTime: 2e18}
	if err := r.spool.Seal(&h, []byte("no rows")); err != nil {
		t.Fatal(err)
	}
	h = spool.Header{Device: r.device, Run: [16]byte{1}, Sequence: 2, Format: recordFormat, SealedAt: 1, LostMarks: 1<<64 - 1}
	if err := r.spool.Seal(&h); err != nil {
		t.Fatal(err)
	}
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	r.expect(t, 0, 5)
	if got, want := marksIn(t, r.db), []string{"1 1 console: first", "1 2 console: second"}; !slices.Equal(got, want) {
		t.Errorf("marks %q, want %q", got, want)
	}
	lost := texts(t, r.db, "SELECT concat_ws(' ', sequence, lost_marks) FROM sniffer.segments ORDER BY sequence")
	if want := []string{"1 3", "2 9223372036854775807"}; !slices.Equal(lost, want) {
		t.Errorf("lost %q, want %q", lost, want)
	}
}

// headersOf lists what waits, oldest first.
func headersOf(t *testing.T, sp *spool.Spool) (headers []spool.Header) {
	t.Helper()
	infos, err := spool.Inspect(spool.Disk{}, sp.Dir())
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range infos {
		if i.Err != nil {
			t.Fatal(i.Err)
		}
		headers = append(headers, i.Header)
	}
	return headers
}

// textsOf lists the marks of headers.
func textsOf(headers []spool.Header) (list []string) {
	for _, h := range headers {
		for _, m := range h.Marks {
			list = append(list, m.Text)
		}
	}
	return list
}

// TestMarksOnASlowDisk: marks that wait share a segment, are no more than so many, and who left them hears what became of
// them.
func TestMarksOnASlowDisk(t *testing.T) {
	disk := &slowDisk{entered: make(chan struct{}, 100), release: make(chan struct{})}
	sp, err := spool.Open(disk, t.TempDir(), spool.MinLimit)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	s := patientSealer(SealerConfig{Spool: sp, Recorders: 1})
	disk.slow.Store(true)
	answers := make(chan error, 2*markQueue)
	left := func(text string) { go func() { answers <- s.Mark("console", text) }() }
	left("in hand")
	<-disk.entered
	for i := range markQueue {
		left(fmt.Sprint(i))
	}
	testbed.Eventually(t, patience, "the marks wait", func() (bool, string) {
		return len(s.marks) == markQueue, fmt.Sprintf("%d wait", len(s.marks))
	})
	if err := s.Mark("console", "one too many"); !errors.Is(err, ErrTooManyMarks) {
		t.Errorf("one too many: %v", err)
	}
	close(disk.release)
	for range 1 + markQueue {
		if err := testbed.Await(t, answers, patience, "an answer"); err != nil {
			t.Error(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Mark("console", "too late"); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
	headers := headersOf(t, sp)
	if len(headers) != 3 || len(headers[0].Marks) != 1 || len(headers[1].Marks) != markQueue ||
		!headers[2].Final || headers[2].Marks != nil {
		t.Fatalf("%d segments: %+v", len(headers), headers)
	}
	for _, m := range headers[1].Marks {
		if m.At == 0 || m.At > headers[1].SealedAt {
			t.Errorf("%+v in a segment sealed at %d", m, headers[1].SealedAt)
		}
	}
}

// TestMarkOnADeadDisk: who left a mark does not wait for ever, and is told that nobody knows.
func TestMarkOnADeadDisk(t *testing.T) {
	disk := &slowDisk{entered: make(chan struct{}, 100), release: make(chan struct{})}
	sp, err := spool.Open(disk, t.TempDir(), spool.MinLimit)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	s := NewSealer(SealerConfig{Spool: sp})
	s.markPatience = time.Millisecond
	disk.slow.Store(true)
	if err := s.Mark("console", "patience"); !errors.Is(err, ErrMarkUnsure) {
		t.Errorf("%v", err)
	}
	close(disk.release)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := textsOf(headersOf(t, sp)); !slices.Equal(got, []string{"patience"}) {
		t.Errorf("the disk answered after all, and the marks are %q", got)
	}
}

// TestMarkOnASickDisk: a mark that the disk refused is not stored later either; coverage that it refused before comes with
// the next segment, whatever that is.
func TestMarkOnASickDisk(t *testing.T) {
	disk := &sickDisk{sick: true}
	sp, err := spool.Open(disk, t.TempDir(), spool.MinLimit)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	refused := make(chan error, 10)
	s := patientSealer(SealerConfig{Spool: sp, Recorders: 1, Share: 1, OnError: func(err error) { refused <- err }})
	rec := s.NewRecorder(RecorderConfig{Name: "eth0"})
	p := mix()[0]
	rec.Record(&p)
	finish(rec, Counts{Received: 1})
	testbed.Await(t, refused, patience, "the sealer's complaint")
	if err := s.Mark("console", "refused"); !errors.Is(err, errSick) {
		t.Errorf("refused: %v", err)
	}
	testbed.Await(t, refused, patience, "the sealer's complaint")
	disk.sick = false
	if err := s.Mark("console", "stored"); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	headers := headersOf(t, sp)
	if got := textsOf(headers); !slices.Equal(got, []string{"stored"}) || headers[0].Sequence != 1 {
		t.Errorf("marks %q from segment %d on", got, headers[0].Sequence)
	}
	want := []spool.Loss{{Reason: LossSpool, Packets: 1}}
	if c := headers[0].Coverage; len(c) != 1 || c[0].Received != 1 || c[0].Rows != 0 || !slices.Equal(c[0].Losses, want) {
		t.Errorf("the refused segment is told as %+v", c)
	}
}

// TestMarksWhileItEnds: what Mark said is stored is stored once, and nothing else is, also of marks that meet the end of
// the run.
func TestMarksWhileItEnds(t *testing.T) {
	sp, err := spool.Open(spool.Disk{}, t.TempDir(), spool.MinLimit)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	s := patientSealer(SealerConfig{Spool: sp, Recorders: 1})
	var mu sync.Mutex
	var want []string
	var wg sync.WaitGroup
	first := make(chan struct{}, 1)
	for client := range 8 {
		wg.Go(func() {
			for n := 0; ; n++ {
				text := fmt.Sprintf("%d/%d", client, n)
				err := s.Mark("console", text)
				if errors.Is(err, os.ErrClosed) {
					return
				}
				if err != nil && !errors.Is(err, ErrTooManyMarks) {
					t.Error(err)
					return
				}
				if err == nil {
					mu.Lock()
					want = append(want, text)
					mu.Unlock()
					select {
					case first <- struct{}{}:
					default:
					}
				}
			}
		})
	}
	testbed.Await(t, first, patience, "a mark")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	got := textsOf(headersOf(t, sp))
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d marks are stored, %d were to be", len(got), len(want))
	}
}
