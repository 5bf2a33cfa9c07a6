package appliance

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"network-sniffer/board"
	"network-sniffer/board/config"
	"network-sniffer/board/console"
	"network-sniffer/uplink"
	"network-sniffer/uplink/spool"
)

// routerWithSQM is a machine whose owner told OpenWrt so many kbit/s.
func routerWithSQM(t *testing.T, kbit string) board.Board {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "etc", "config")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	text := "config queue 'wan'\n\toption enabled '1'\n\toption interface 'pppoe-wan'\n\toption upload '" + kbit + "'\n"
	if err := os.WriteFile(filepath.Join(dir, "sqm"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return board.At(root)
}

func TestRate(t *testing.T) {
	plain := board.At(t.TempDir())
	for _, row := range []struct {
		name   string
		asked  int64
		board  board.Board
		onLink bool
		limit  int64
		why    string
		looked bool // whether the database is on a network of this machine mattered
	}{
		{"asked for", 500 << 10, routerWithSQM(t, "40000"), false, 500 << 10, "asked for", false},
		{"unlimited on request", config.RateUnlimited, routerWithSQM(t, "40000"), false, 0, "unlimited: asked for", false},
		{"nothing is known", config.RateAuto, plain, false, 0, "nothing tells", false},
		{"a quarter", config.RateAuto, routerWithSQM(t, "40000"), false, 1_250_000, "a quarter of the 5000000 bytes/s that SQM gives pppoe-wan", true},
		{"never less than the least", config.RateAuto, routerWithSQM(t, "16"), false, uplink.MinRate, "a quarter of the 2000", true},
		{"a database in the house", config.RateAuto, routerWithSQM(t, "40000"), true, 0, "on a network of this machine", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			looked := false
			got := rateOf(config.Config{UplinkRate: row.asked}, row.board, func() bool {
				looked = true
				return row.onLink
			})
			if got.limit != row.limit || !strings.Contains(got.String(), row.why) || looked != row.looked {
				t.Errorf("%s (%d), looked %v; want %d, %q, %v", got, got.limit, looked, row.limit, row.why, row.looked)
			}
		})
	}
}

// TestLeastRate: what the options take, the uplink takes.
func TestLeastRate(t *testing.T) {
	if rate, err := config.ParseRate("1K"); err != nil || rate != uplink.MinRate {
		t.Errorf("the least rate is %d, error %v, want %d", rate, err, uplink.MinRate)
	}
	if rate, err := config.ParseRate(strconv.Itoa(uplink.MinRate - 1)); err == nil {
		t.Errorf("a rate of %d is accepted", rate)
	}
}

func TestOverflowOf(t *testing.T) {
	c := config.Config{SpoolDir: "/tmp/spool", SpoolOverflowSize: 256 << 20, SpoolOverflowDaily: 64 << 20, SpoolOverflowAfter: time.Minute}
	if o, err := overflowOf(c); err != nil || o != (spool.Overflow{}) {
		t.Errorf("without a directory: %+v, error %v", o, err)
	}
	c.SpoolOverflowDir = "/mnt/usb"
	want := spool.Overflow{Dir: "/mnt/usb", Limit: 256 << 20, Daily: 64 << 20, After: time.Minute}
	if o, err := overflowOf(c); err != nil || o != want {
		t.Errorf("%+v, error %v, want %+v", o, err, want)
	}
	c.SpoolOverflowDir = "/tmp/../tmp/spool/"
	if _, err := overflowOf(c); !errors.Is(err, config.ErrUsage) || !strings.Contains(err.Error(), "--spool-overflow-dir") {
		t.Errorf("the spool's own directory: error %v", err)
	}
}

func TestMeter(t *testing.T) {
	var m meter
	now := time.Now()
	if got := m.perSecond(now, 100); got != 0 {
		t.Errorf("%v a second before the first sample", got)
	}
	m.add(now, 1000)
	if got := m.perSecond(now, 1000); got != 0 {
		t.Errorf("%v a second in no time", got)
	}
	if got := m.perSecond(now.Add(4*time.Second), 3000); got != 500 {
		t.Errorf("%v a second, want 500", got)
	}
	// For a minute 100 a second, then a minute of nothing: the older minute is forgotten.
	count := uint64(1000)
	for range meterSamples {
		now, count = now.Add(meterEvery), count+500
		m.add(now, count)
	}
	if got := m.perSecond(now, count); got != 100 {
		t.Errorf("%v a second, want 100", got)
	}
	for range meterSamples {
		now = now.Add(meterEvery)
		m.add(now, count)
	}
	if got := m.perSecond(now, count); got != 0 {
		t.Errorf("%v a second after a minute of nothing", got)
	}
}

// TestOverflowNews: the log tells each change once.
func TestOverflowNews(t *testing.T) {
	var text strings.Builder
	log := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	const away = "no such directory"
	var n overflowNews
	for _, step := range []struct {
		state spool.OverflowStats
		want  string // part of the one line; empty: nothing is new
	}{
		{spool.OverflowStats{}, ""},
		{spool.OverflowStats{Dir: "/usb", Err: away}, `level=ERROR msg="nothing is written to the spool's second tier" overflow=/usb error="no such directory"`},
		{spool.OverflowStats{Dir: "/usb", Err: away}, ""},
		{spool.OverflowStats{Dir: "/usb"}, "can be used again"},
		{spool.OverflowStats{Dir: "/usb", Segments: 3, Bytes: 9}, `level=WARN msg="rows wait in the spool's second tier" overflow=/usb segments=3 bytes=9`},
		{spool.OverflowStats{Dir: "/usb", Segments: 4, Bytes: 12}, ""},
		{spool.OverflowStats{Dir: "/usb", Err: away}, "nothing is written"},
		{spool.OverflowStats{Dir: "/usb", Segments: 4}, "can be used again"},
		{spool.OverflowStats{Dir: "/usb"}, "is empty"},
	} {
		text.Reset()
		n.tell(log, step.state)
		if got := text.String(); !strings.Contains(got, step.want) || strings.Count(got, "\n") != min(1, len(step.want)) {
			t.Errorf("%+v: %q, want %q", step.state, got, step.want)
		}
	}
}

// TestReportOfUplink: what a person reads of the spool and the upload, word for word.
func TestReportOfUplink(t *testing.T) {
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	away := uplink.State{Since: at.Add(-time.Hour), LastError: "dial tcp: connection refused"}
	busy := uplink.State{
		Connected: true, Since: at.Add(-time.Hour), Rows: 2000, Segments: 20, Transactions: 4, Known: 1, KnownRows: 30,
		Bytes: 190_000, Copied: 130_000, Format: uplink.FormatBinary, Rate: 10_000, Waited: 2500 * time.Millisecond,
	}
	full := spool.Stats{
		Segments: 12, Bytes: 40960, Limit: 1 << 20, Sealed: 100, Sent: 80, DroppedRows: 7, LostMarks: 2, Discarded: 5, Broken: 1, BrokenRows: 3,
		Overflow: spool.OverflowStats{Dir: "/mnt/usb", Segments: 8, Bytes: 1000, Limit: 2000, Daily: 500, Today: 100, Err: "no such directory"},
	}
	for _, row := range []struct {
		name   string
		report Report
		stats  string
		uplink string
		json   string // of uplink
	}{
		{"no database, no clock", Report{Spool: spool.Stats{Limit: 4096}, Clock: spool.Clock{State: spool.ClockUnset}},
			"spool: 0 segments, 0 of 4096 bytes\ndatabase: none configured\nclock: not set: times of rows are corrected when it is\n", "", ""},
		{"away", Report{Spool: spool.Stats{Segments: 2, Bytes: 8192, Limit: 65536}, Uplink: &away},
			"spool: 2 segments, 8192 of 65536 bytes\n" +
				"database: waiting since 11:00:00 UTC: dial tcp: connection refused; 0 rows stored in 0 segments and 0 transactions\n" +
				"  no row was sent yet; 0 bytes/s in the last minute, of a line without a limit\n",
			"state: waiting since 11:00:00 UTC: dial tcp: connection refused\n" +
				"backlog: 2 segments, 9 rows\n" +
				"stored: 0 rows, 0 segments, 0 transactions; 0 segments were there already\n" +
				"sent: 0 bytes; no row was sent yet; 0 bytes/s in the last minute, of a line without a limit\n" +
				"rate: unlimited: asked for\nclock: unknown\n",
			`{"state":"waiting","since":"2026-11-24T11:00:00Z","last_error":"dial tcp: connection refused","backlog_segments":2,
			"backlog_row_count":9,"row_count":0,"segments":0,"transactions":0,"known_segments":0,"known_row_count":0,"sent_bytes":0,
			"copied_bytes":0,"format":"auto","bytes_per_second":0,"rate_bytes_per_second":0,"rate_reason":"asked for","held_back_seconds":0}`},
		{"behind", Report{Spool: full, Uplink: &busy, BytesPerSecond: 2500, Clock: spool.Clock{State: spool.ClockSynced}},
			"spool: 4 segments, 40960 of 1048576 bytes; 7 rows dropped because it was full (spool_full); 2 marks lost because it was full; " +
				"5 rows dropped by hand (discarded); " +
				"1 broken segments set aside with 3 rows (spool_broken)\n" +
				"overflow: /mnt/usb: 8 segments, 1000 of 2000 bytes; written today 100 of 500 bytes; nothing is written there: no such directory\n" +
				"database: connected since 11:00:00 UTC; 2000 rows stored in 20 segments and 4 transactions\n" +
				"  65.0 bytes a row on the wire, as binary; 2500 bytes/s in the last minute, 25.0 % of the 10000 allowed; held back for 2.5s in all\n",
			"state: connected since 11:00:00 UTC\n" +
				"backlog: 12 segments, 9 rows\n" +
				"stored: 2000 rows, 20 segments, 4 transactions; 1 segments were there already\n" +
				"sent: 190000 bytes; 65.0 bytes a row on the wire, as binary; 2500 bytes/s in the last minute, 25.0 % of the 10000 allowed; " +
				"held back for 2.5s in all\n" +
				"rate: unlimited: asked for\nclock: set and kept right (NTP)\n",
			`{"state":"connected","since":"2026-11-24T11:00:00Z","backlog_segments":12,"backlog_row_count":9,"row_count":2000,"segments":20,
			"transactions":4,"known_segments":1,"known_row_count":30,"sent_bytes":190000,"copied_bytes":130000,"bytes_per_row":65,
			"format":"binary","bytes_per_second":2500,"rate_bytes_per_second":0,"rate_reason":"asked for","held_back_seconds":2.5,
			"clock_state":"synced"}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := string(row.report.Append(nil)); got != row.stats {
				t.Errorf("stats:\n%swant\n%s", got, row.stats)
			}
			if row.uplink == "" {
				return
			}
			u := uplinkAnswerOf(row.report, rate{why: "asked for"}, waiting{rows: 9}, at)
			if got := string(u.appendText(nil, 80)); got != row.uplink {
				t.Errorf("uplink:\n%swant\n%s", got, row.uplink)
			}
			sameJSON(t, u, row.json)
		})
	}
}

func TestClockNotes(t *testing.T) {
	for state, want := range map[spool.ClockState]string{
		spool.ClockUnknown: "", spool.ClockFree: "", spool.ClockSynced: "",
		spool.ClockUnset: "the clock is not set: times of rows are corrected when it is",
	} {
		if got := strings.Join(clockNotes(spool.Clock{State: state}), "; "); got != want {
			t.Errorf("state %d: %q, want %q", state, got, want)
		}
	}
}

// TestBacklog: rows and age come from the files, and are not looked up again too soon.
func TestBacklog(t *testing.T) {
	open := func() *spool.Spool {
		s, err := spool.Open(spool.Disk{}, t.TempDir(), spool.MinLimit)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s, closed := open(), open()
	defer s.Close()
	closed.Close()
	var l backlog
	now := time.Now()
	text := func(at time.Time, s *spool.Spool) string {
		return l.of(at, patience, func() waiting { return lookAt(s) }).text(at)
	}
	// enough is how old the answer has to be: looking takes its time on a machine that has other things to do.
	enough := func() time.Duration { return max(backlogAge, backlogShare*l.took) }
	if got := text(now, s); got != "0 rows" {
		t.Errorf("nothing waits: %q", got)
	}
	for n := uint64(1); n <= 3; n++ {
		h := spool.Header{Sequence: n, Rows: 10 * n, SealedAt: now.Add(-time.Duration(n) * time.Minute).UnixNano()}
		if err := s.Seal(&h, []byte("rows")); err != nil {
			t.Fatal(err)
		}
	}
	if got := text(now.Add(enough()-1), s); got != "0 rows" {
		t.Errorf("too soon: %q", got)
	}
	now = now.Add(enough())
	if got, want := text(now, s), "60 rows; the oldest was sealed 3m"; !strings.HasPrefix(got, want) {
		t.Errorf("three segments: %q, want %q", got, want)
	}
	l.took = time.Minute // a disk that is slow is asked seldom
	if got := text(now.Add(19*time.Minute), closed); !strings.HasPrefix(got, "60 rows") {
		t.Errorf("a slow disk is asked too soon: %q", got)
	}
	if got := text(now.Add(20*time.Minute), closed); !strings.HasPrefix(got, "rows not known: ") {
		t.Errorf("a spool that is closed: %q", got)
	}
	var fresh backlog
	back := now.Add(-time.Hour)
	if got := fresh.of(back, patience, func() waiting { return lookAt(s) }).text(back); got != "60 rows; the oldest was sealed 0s ago" {
		t.Errorf("a clock that was set back: %q", got)
	}
}

// TestUplinkWithoutDatabase: the command says what to do.
func TestUplinkWithoutDatabase(t *testing.T) {
	a := testAppliance(t, config.Config{})
	if got := string(source{a}.Report(nil, console.TopicUplink, console.Form{})); !strings.Contains(got, "--database-url") {
		t.Errorf("uplink: %s", got)
	}
	got := string(source{a}.Report(nil, console.TopicSpool, console.Form{}))
	for _, want := range []string{"directory: " + a.spool.Dir(), "spool: 0 segments, 0 of 268435456 bytes", "waiting: 0 segments, 0 rows; 0 files hold many segments each\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("spool: %s\nwant %q", got, want)
		}
	}
}

// TestBacklogOfADiskThatHangs: nobody waits for it for long, nobody starts a second look, and its answer is told when it comes.
func TestBacklogOfADiskThatHangs(t *testing.T) {
	var l backlog
	now := time.Unix(1_800_000_000, 0)
	var looks atomic.Int32
	hang := make(chan struct{})
	look := func() waiting {
		looks.Add(1)
		<-hang
		return waiting{rows: 7}
	}
	for range 3 {
		if got := l.of(now, time.Millisecond, look); !errors.Is(got.err, errStillLooking) {
			t.Errorf("while it hangs: %+v", got)
		}
	}
	close(hang)
	if got := l.of(now, time.Hour, look); got.err != nil || got.rows != 7 {
		t.Errorf("afterwards: %+v", got)
	}
	if n := looks.Load(); n != 1 {
		t.Errorf("%d looks, want 1", n)
	}
}

// TestServersWordsStayInTheirLine: what a server says as its error makes no line of the report and moves no cursor.
func TestServersWordsStayInTheirLine(t *testing.T) {
	got := stateOf(uplink.State{Since: time.Unix(0, 0), LastError: "no\nspool: 0 segments\r\x1b[2J\u009b2Jé"})
	if want := "waiting since 00:00:00 UTC: no spool: 0 segments  [2J 2Jé"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
