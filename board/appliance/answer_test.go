package appliance

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"network-sniffer/board/config"
	"network-sniffer/board/console"
	"network-sniffer/board/testbed"
	"network-sniffer/uplink"
	"network-sniffer/uplink/spool"
)

// topics are all of them.
var topics = map[console.Topic]string{
	console.TopicStats: "stats", console.TopicBooks: "books", console.TopicUplink: "uplink", console.TopicSpool: "spool",
	console.TopicInterfaces: "interfaces",
}

// hostile is what an interface may be called, a server may say and a person may type.
const hostile = "\"\\</\x00\n\r\x1b[2J\x7f\u009b\u2028\u202e\xff\xc3é漢\U000e0001"

// JSON holds whatever strings hold, in printable characters and in one line.
func TestJSONIsPrintable(t *testing.T) {
	got := appendJSON([]byte("> "), map[string]string{hostile: hostile})
	line, found := strings.CutSuffix(string(got), "\n")
	line, begun := strings.CutPrefix(line, "> ")
	foreign := func(r rune) bool { return !unicode.IsPrint(r) }
	if !found || !begun || strings.IndexFunc(line, foreign) >= 0 || !utf8.ValidString(line) {
		t.Errorf("%q", got)
	}
	var back map[string]string
	if err := json.Unmarshal([]byte(line), &back); err != nil {
		t.Fatal(err)
	}
	want := strings.ToValidUTF8(hostile, "\ufffd")
	want = strings.ReplaceAll(want, "\xff\xc3", "\ufffd\ufffd")
	for key, value := range back {
		if key != value || strings.ReplaceAll(key, "\ufffd\ufffd", "\ufffd") != want {
			t.Errorf("%q: %q, want %q", key, value, want)
		}
	}
	if got := string(appendJSON(nil, math.NaN())); !json.Valid([]byte(got)) || !strings.Contains(got, "error") {
		t.Errorf("what JSON has no form for: %s", got)
	}
}

// Every topic answers in both forms, also when nothing is there yet, and whatever is written where strings are.
func TestEveryTopicAnswers(t *testing.T) {
	a := testAppliance(t, config.Config{Interfaces: []string{hostile}, Filter: hostile, DeviceName: hostile})
	for topic, name := range topics {
		text := string(source{a}.Report([]byte("> "), topic, console.Form{}))
		if !strings.HasPrefix(text, "> ") || !strings.HasSuffix(text, "\n") || len(text) < 10 {
			t.Errorf("%s: %q", name, text)
		}
		object := source{a}.Report([]byte("> "), topic, console.Form{JSON: true})
		var fields map[string]any
		if err := json.Unmarshal(object[2:], &fields); err != nil || len(fields) == 0 {
			t.Errorf("%s: %v: %s", name, err, object)
		}
		if strings.Count(string(object), "\n") != 1 {
			t.Errorf("%s takes more than a line: %q", name, object)
		}
	}
}

// wide is the report of two interfaces, one of which was looked at in two ways.
func wide() Report {
	return Report{
		Interfaces: []spool.Coverage{
			{Interface: "eth0", Received: 100, Rows: 90, Losses: []spool.Loss{{Reason: "ring_full", Packets: 10}}, Mode: "ring",
				SampleRate: 1, SnapLength: 2560, Freezes: 2},
			{Interface: "eth0", Received: 50, Rows: 48, PendingChange: 2, Mode: "read", SampleRate: 4, SampleBy: "flow",
				SnapLength: 2560, Link: spool.LinkCounts{Received: 70, Sent: 8, Dropped: 1, Known: true}},
			{Interface: "lan", Received: 7, Rows: 7, Mode: "ring", SampleRate: 1, SnapLength: 2560, UserFilter: true,
				Merged: 3, Partial: 4},
		},
		Spool:  spool.Stats{Segments: 2, Bytes: 8192, Limit: 65536},
		Clock:  spool.Clock{State: spool.ClockSynced},
		Lasted: 90*time.Second + 400*time.Millisecond,
	}
}

// TestStats: the command's answer word for word, and the same numbers as JSON.
func TestStats(t *testing.T) {
	s := statsOf(wide(), "not port 22", []string{"wan is not there"}, []namedRates{
		{"eth0", rates{Now: 3, Minute: 51, Most: 150, History: []float64{150, 0, 3}}},
		{"wan", rates{History: []float64{}}},
	})
	want := `running for 1m30s
filter: not port 22
note: wan is not there
eth0: received 100 = rows 90 + losses 10 (ring_full 10)
  the ring was full 2 times
eth0: received 50 = rows 48 + losses 0 + pending 2
  3 packets/s; 51 in the last minute, 150 at most
  █▁▂
  1 of 4 flows is kept; read without a ring; the interface itself counted 70 in, 8 out, 1 dropped
lan: received 7 = rows 7 + losses 0
  filtered in user space; 3 merged from several by the host; 4 with a checksum that is still to be made
wan: nothing received yet
spool: 2 segments, 8192 of 65536 bytes
database: none configured
`
	if got := string(s.appendText(nil, 0)); got != want {
		t.Errorf("got\n%s", got)
	}
	if got := string(s.appendText(nil, 4)); !strings.Contains(got, "\n  ▁█\n") {
		t.Errorf("in a window of 4 columns:\n%s", got)
	}
	sameJSON(t, s, `{"running_seconds":90,"filter":"not port 22","notes":["wan is not there"],"interfaces":[
{"interface":"eth0","received":100,"row_count":90,"losses":{"ring_full":10},"pending_change":0,"balance":0,"filter":"",
 "snap_length":2560,"sample_rate":1,"capture_mode":"ring","user_filter":false,"freezes":2,"merged_frames":0,
 "partial_checksums":0},
{"interface":"eth0","received":50,"row_count":48,"losses":{},"pending_change":2,"balance":0,"filter":"","snap_length":2560,
 "sample_rate":4,"sample_by":"flow","capture_mode":"read","user_filter":false,"freezes":0,"merged_frames":0,
 "partial_checksums":0,"link_received":70,"link_sent":8,"link_dropped":1,"packets_per_second":3,
 "packets_per_second_last_minute":51,"packets_per_second_most":150,"packets_per_second_history":[150,0,3]},
{"interface":"lan","received":7,"row_count":7,"losses":{},"pending_change":0,"balance":0,"filter":"","snap_length":2560,
 "sample_rate":1,"capture_mode":"ring","user_filter":true,"freezes":0,"merged_frames":3,"partial_checksums":4},
{"interface":"wan","received":0,"row_count":0,"losses":{},"pending_change":0,"balance":0,"filter":"not port 22","snap_length":0,
 "sample_rate":1,"capture_mode":"","user_filter":false,"freezes":0,"merged_frames":0,"partial_checksums":0,
 "packets_per_second":0,"packets_per_second_last_minute":0,"packets_per_second_most":0,"packets_per_second_history":[]}],
"spool":{"segments":2,"bytes":8192,"limit_bytes":65536},"spool_losses":{"spool_full":0,"discarded":0,"spool_broken":0},
"uplink":"none","clock_state":"synced"}`)
}

// sameJSON compares what an answer is in JSON with what is wanted, whatever the order and the spaces.
func sameJSON(t *testing.T, a answer, want string) {
	t.Helper()
	got := string(appendJSON(nil, a))
	if g, w := canonical(t, got), canonical(t, want); g != w {
		t.Errorf("JSON\n%s\nwant\n%s", g, w)
	}
}

func canonical(t *testing.T, text string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestBooks(t *testing.T) {
	simple := func(u *uplink.State, s spool.Stats, all ...spool.Coverage) Report {
		return Report{Interfaces: all, Uplink: u, Spool: s}
	}
	eth := spool.Coverage{
		Interface: "eth0", Received: 1000, Rows: 990, PendingChange: 4, Losses: []spool.Loss{{Reason: "ring_full", Packets: 6}},
	}
	lan := spool.Coverage{Interface: "lan", Received: 10, Rows: 10}
	wrong := spool.Coverage{Interface: "lan", Received: 10, Rows: 9}
	const balance = "the books balance: every packet is a row or a loss with a name, every row is stored, waiting or counted\n"
	for _, row := range []struct {
		name     string
		before   spoolBefore
		waiting  waiting
		text     string
		balanced bool
		rows     string // as JSON
	}{
		{"nothing yet", spoolBefore{known: true}, waiting{report: simple(nil, spool.Stats{})},
			"rows: 0 of this run + 0 from before = 0 in the database + 0 in the spool\n" + balance, true,
			`{"row_count":0,"before_row_count":0,"stored_row_count":0,"known_row_count":0,"backlog_row_count":0,"under_way":0,
			"losses":{"spool_full":0,"discarded":0,"spool_broken":0}}`},
		{"all of it", spoolBefore{200, true}, waiting{rows: 100, report: simple(&uplink.State{Rows: 1000, KnownRows: 70},
			spool.Stats{DroppedRows: 7, Discarded: 20, BrokenRows: 3}, eth, lan)},
			"eth0: received 1000 = rows 990 + losses 6 + pending 4 (ring_full 6)\n" +
				"lan: received 10 = rows 10 + losses 0\n" +
				"all: received 1010 = rows 1000 + losses 6 + pending 4 (ring_full 6)\n" +
				"rows: 1000 of this run + 200 from before = 1070 in the database + 100 in the spool" +
				" + spool_full 7 + discarded 20 + spool_broken 3\n" +
				balance, true,
			`{"row_count":1000,"before_row_count":200,"stored_row_count":1000,"known_row_count":70,"backlog_row_count":100,"under_way":0,
			"losses":{"spool_full":7,"discarded":20,"spool_broken":3}}`},
		{"under way", spoolBefore{0, true}, waiting{rows: 900, report: simple(&uplink.State{Rows: 60}, spool.Stats{}, eth)},
			"eth0: received 1000 = rows 990 + losses 6 + pending 4 (ring_full 6)\n" +
				"rows: 990 of this run + 0 from before = 60 in the database + 900 in the spool + under way 30\n" +
				"every packet is a row or a loss with a name; rows are under way: ask again\n", false,
			`{"row_count":990,"before_row_count":0,"stored_row_count":60,"known_row_count":0,"backlog_row_count":900,"under_way":30,
			"losses":{"spool_full":0,"discarded":0,"spool_broken":0}}`},
		{"the disk is slow", spoolBefore{5, true}, waiting{err: errStillLooking, report: simple(nil, spool.Stats{}, lan)},
			"lan: received 10 = rows 10 + losses 0\n" +
				"rows: 10 of this run + 5 from before = 0 in the database + ? in the spool\n" +
				"every packet is a row or a loss with a name; what waits in the spool is not known: the disk has not answered yet\n", false,
			`{"row_count":10,"before_row_count":5,"stored_row_count":0,"known_row_count":0,
			"losses":{"spool_full":0,"discarded":0,"spool_broken":0},
			"note":"what waits in the spool is not known: the disk has not answered yet"}`},
		{"it was so at the start", spoolBefore{}, waiting{rows: 10, report: simple(nil, spool.Stats{}, lan)},
			"lan: received 10 = rows 10 + losses 0\n" +
				"rows: 10 of this run + ? from before = 0 in the database + 10 in the spool\n" +
				"every packet is a row or a loss with a name; what the spool began with is not known\n", false,
			`{"row_count":10,"stored_row_count":0,"known_row_count":0,"backlog_row_count":10,
			"losses":{"spool_full":0,"discarded":0,"spool_broken":0},"note":"what the spool began with is not known"}`},
		{"a packet is missing", spoolBefore{0, true}, waiting{rows: 999, report: simple(nil, spool.Stats{}, eth, wrong)},
			"eth0: received 1000 = rows 990 + losses 6 + pending 4 (ring_full 6)\n" +
				"lan: received 10 = rows 9 + losses 0 — THE BOOKS DO NOT BALANCE: 1\n" +
				"all: received 1010 = rows 999 + losses 6 + pending 4 (ring_full 6) — THE BOOKS DO NOT BALANCE: 1\n" +
				"rows: 999 of this run + 0 from before = 0 in the database + 999 in the spool\n" +
				"THE BOOKS DO NOT BALANCE: see above, and please tell the makers\n", false,
			`{"row_count":999,"before_row_count":0,"stored_row_count":0,"known_row_count":0,"backlog_row_count":999,"under_way":0,
			"losses":{"spool_full":0,"discarded":0,"spool_broken":0}}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := booksOf(row.before, row.waiting)
			if got := string(b.appendText(nil, 80)); got != row.text {
				t.Errorf("got\n%swant\n%s", got, row.text)
			}
			if b.Balanced != row.balanced {
				t.Errorf("balanced: %v", b.Balanced)
			}
			var told struct {
				Interfaces []map[string]any
				Balanced   bool
				Rows       json.RawMessage
			}
			if err := json.Unmarshal(appendJSON(nil, b), &told); err != nil {
				t.Fatal(err)
			}
			if got, want := canonical(t, string(told.Rows)), canonical(t, row.rows); got != want {
				t.Errorf("rows in JSON\n%s\nwant\n%s", got, want)
			}
			if told.Balanced != row.balanced || len(told.Interfaces) != len(row.waiting.report.Interfaces) {
				t.Errorf("%+v", told)
			}
			for i, f := range told.Interfaces {
				c := &row.waiting.report.Interfaces[i]
				if f["interface"] != c.Interface || f["received"] != float64(c.Received) || f["row_count"] != float64(c.Rows) ||
					f["balance"] != float64(Balance(c)) || f["pending_change"] != float64(c.PendingChange) {
					t.Errorf("%v of %+v", f, c)
				}
			}
		})
	}
}

// TestBooksOfASpool: what the spool began with is counted, and what was sealed since waits in it.
func TestBooksOfASpool(t *testing.T) {
	a := testAppliance(t, config.Config{})
	seal := func(number, rows uint64) {
		h := spool.Header{Sequence: number, Rows: rows, SealedAt: time.Now().UnixNano()}
		if err := a.spool.Seal(&h, []byte("rows")); err != nil {
			t.Fatal(err)
		}
	}
	seal(1, 30)
	a.countBefore()
	if a.before != (spoolBefore{30, true}) {
		t.Fatalf("%+v", a.before)
	}
	seal(2, 12)
	w := a.look()
	if b := booksOf(a.before, w); w.err != nil || w.rows != 42 || *b.Rows.UnderWay != -12 { // of no recorder
		t.Errorf("%+v, %+v", w, b.Rows)
	}
}

// TestBacklogAgrees: segments and rows of one answer are of one moment, also while the last look is still believed.
func TestBacklogAgrees(t *testing.T) {
	a := testAppliance(t, config.Config{})
	want := map[int]uint64{0: 0, 1: 10, 2: 20, 3: 30}
	for n := uint64(1); n <= 3; n++ {
		for _, topic := range []console.Topic{console.TopicSpool, console.TopicUplink} {
			var told backlogFigures
			if err := json.Unmarshal(source{a}.Report(nil, topic, console.Form{JSON: true}), &told); err != nil {
				t.Fatal(err)
			}
			if rows, ok := want[told.Segments]; !ok || told.Rows == nil || *told.Rows != rows {
				t.Errorf("%s: %d segments with %s rows", topics[topic], told.Segments, number(told.Rows))
			}
		}
		h := spool.Header{Sequence: n, Rows: 10, SealedAt: time.Now().UnixNano()}
		if err := a.spool.Seal(&h, []byte("rows")); err != nil {
			t.Fatal(err)
		}
	}
}

// TestInterfaces: what each is and how it is looked at, in both forms, of interfaces that are up, down and not there.
func TestInterfaces(t *testing.T) {
	testbed.NeedRoot(t)
	near, far := testbed.NewNamespace(t, "near"), testbed.NewNamespace(t, "far")
	testbed.Link(t, far, "eth0", near, "eth0", testbed.Quiet(), testbed.NoOffloads())
	near.Run(t, "ip", "link", "add", "idle0", "type", "veth", "peer", "name", "idle1")
	a := testAppliance(t, config.Config{
		Interfaces: []string{"eth0", "idle0", "wan0"}, Workers: 2, RingSize: 1 << 20, RingBlock: 64 << 10, Filter: "ether[6:2] = 0x065e",
	})
	c := a.captures[0]
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	opened, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- near.Do(func() error { return c.run(ctx, sync.OnceFunc(func() { close(opened) })) })
	}()
	testbed.Await(t, opened, patience, "the sockets")
	begun := time.Now()
	c.pace.add(begun, c.walked())
	sender := testbed.NewSender(t, far, "eth0")
	const sent = 1000
	if _, err := sender.SendNumbered(ctx, testbed.SendConfig{Count: sent, Rate: 20_000}); err != nil {
		t.Fatal(err)
	}
	testbed.Eventually(t, patience, "rows", func() (bool, string) { return a.report().rows() == sent, "" })
	c.pace.add(begun.Add(10*time.Second), c.walked())

	var all interfacesAnswer
	if err := near.Do(func() error {
		all = a.interfaces().(interfacesAnswer)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		"; link type 1, Ethernet (EN10MB)\n" +
			"  2 times a ring of 1024 KiB; filter in the kernel; 256 bytes of a frame, 2560 where a name may be\n" +
			"  100 packets/s; 100 in the last minute, 100 at most\n  █\n  since the start: received 1000 = rows 1000 + losses 0\n" +
			"  the interface itself counted ",
		"idle0: down; not recorded now\n  note: idle0 is not there: nothing of it is recorded until it comes\n" +
			"  since the start: received 0 = rows 0 + losses 0\n",
		"wan0: missing; not recorded now\n",
	} {
		f := all.Interfaces[i]
		if got := string(f.appendText(nil, 80)); !strings.Contains(got, want) {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	}
	var told struct{ Interfaces []map[string]any }
	if err := json.Unmarshal(appendJSON(nil, all), &told); err != nil {
		t.Fatal(err)
	}
	for i, want := range []map[string]any{
		{"interface": "eth0", "state": "up", "recorded": true, "workers": 2.0, "buffer_bytes": float64(1 << 20),
			"filter_place": "kernel", "capture_mode": "ring", "link_type": 1.0, "received": 1000.0, "row_count": 1000.0,
			"packets_per_second": 100.0, "snap_length": 256.0, "name_snap_length": 2560.0, "filter": "ether[6:2] = 0x065e"},
		{"interface": "idle0", "state": "down", "recorded": false, "workers": nil, "received": 0.0},
		{"interface": "wan0", "state": "missing", "recorded": false, "link_type": nil},
	} {
		for field, value := range want {
			if got := told.Interfaces[i][field]; got != value {
				t.Errorf("%s of %s is %v, want %v", field, want["interface"], got, value)
			}
		}
	}
	cancel()
	if err := testbed.Await(t, ended, patience, "the end of the capture"); err != nil {
		t.Fatal(err)
	}
	if c.figures().Recorded {
		t.Error("an interface is told to be recorded when its sockets are closed")
	}
}

// TestInterfacesOfAny: what the capture of all interfaces met is told, and what clients pushed is not.
func TestInterfacesOfAny(t *testing.T) {
	a := testAppliance(t, config.Config{Interfaces: []string{"any"}})
	all := a.interfacesOf([]spool.Coverage{
		{Interface: "any", Received: 5, Losses: []spool.Loss{{Reason: "ring_full", Packets: 5}}, Mode: "ring"},
		{Interface: "lo", Received: 7, Rows: 7, Mode: "ring"},
		{Interface: "lo", Received: 2, Rows: 2, Mode: "read"},
		{Interface: "push 192.0.2.1", Received: 3, Rows: 3, Mode: "push"},
	})
	if len(all.Interfaces) != 2 {
		t.Fatalf("%+v", all)
	}
	if got := string(all.Interfaces[0].appendText(nil, 80)); !strings.HasPrefix(got, "any: up; not recorded now\n") ||
		!strings.Contains(got, "  since the start: received 5 = rows 0 + losses 5 (ring_full 5)\n") {
		t.Errorf("%s", got)
	}
	lo := all.Interfaces[1]
	want := "lo: " + lo.State + "; recorded as a part of any\n  since the start: received 9 = rows 9 + losses 0\n"
	if got := string(lo.appendText(nil, 80)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestSpoolAnswer: both forms of what waits, where and since when.
func TestSpoolAnswer(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	r := Report{Spool: spool.Stats{
		Segments: 12, Bundles: 2, Bytes: 40960, Limit: 1 << 20, Sealed: 100, Sent: 80, DroppedRows: 7, LostMarks: 2, Discarded: 5,
		Broken: 1, BrokenRows: 3,
		Overflow: spool.OverflowStats{
			Dir: "/mnt/usb", Segments: 8, Bytes: 1000, Limit: 2000, Daily: 500, Today: 100, Err: "no \"directory\"",
		},
	}}
	f := spoolAnswerOf("/tmp/spool", r, waiting{rows: 60, oldest: now.Add(-190 * time.Second).UnixNano()}, now)
	want := `directory: /tmp/spool
spool: 4 segments, 40960 of 1048576 bytes; 7 rows dropped because it was full (spool_full); 2 marks lost because it was full; ` +
		`5 rows dropped by hand (discarded); ` +
		`1 broken segments set aside with 3 rows (spool_broken)
overflow: /mnt/usb: 8 segments, 1000 of 2000 bytes; written today 100 of 500 bytes; nothing is written there: no "directory"
waiting: 12 segments, 60 rows; the oldest was sealed 3m10s ago; 2 files hold many segments each
since the start: 100 segments sealed, 80 sent
`
	if got := string(f.appendText(nil, 80)); got != want {
		t.Errorf("got\n%s", got)
	}
	sameJSON(t, f, `{"directory":"/tmp/spool","backlog_segments":12,"backlog_row_count":60,
"backlog_oldest_seconds":190,"segments":4,"bytes":40960,"limit_bytes":1048576,"bundles":2,"sealed_segments":100,"sent_segments":80,
"losses":{"spool_full":7,"discarded":5,"spool_broken":3},"broken_segments":1,"lost_marks":2,"overflow":{"directory":"/mnt/usb",
"segments":8,"bytes":1000,"limit_bytes":2000,"today_bytes":100,"daily_limit_bytes":500,"error":"no \"directory\""}}`)

	if got := statsOf(r, "", nil, nil).Spool; got != f.tierFigures {
		t.Errorf("stats tells the first tier as %+v, spool as %+v", got, f.tierFigures)
	}

	f = spoolAnswerOf("/tmp/spool", Report{}, waiting{err: errStillLooking}, now)
	const hangs = "waiting: 0 segments, rows not known: the disk has not answered yet;"
	if got := string(f.appendText(nil, 80)); !strings.Contains(got, hangs) {
		t.Errorf("a disk that hangs:\n%s", got)
	}
	if got := string(appendJSON(nil, f)); strings.Contains(got, "backlog_row_count") || strings.Contains(got, "overflow") {
		t.Errorf("what is not known or not there is told: %s", got)
	}
}

// TestTend: while the appliance runs each capture is sampled, a second apart.
func TestTend(t *testing.T) {
	a := testAppliance(t, config.Config{Interfaces: []string{"any"}, Workers: 2})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		a.tend(ctx)
		close(ended)
	}()
	for _, w := range a.captures[0].workers {
		w.walked.Add(1000)
	}
	testbed.Eventually(t, patience, "a rate", func() (bool, string) {
		r := a.captures[0].pace.rates()
		return len(r.History) > 0, ""
	})
	cancel()
	testbed.Await(t, ended, patience, "the end")
}
