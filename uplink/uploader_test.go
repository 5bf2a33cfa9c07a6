package uplink

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/csv"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"network-sniffer/board/testbed"
	"network-sniffer/decode"
	"network-sniffer/uplink/spool"
)

func TestMain(m *testing.M) { os.Exit(testbed.Main(m)) }

const patience = 60 * time.Second

// rig is a spool with an uploader to a fresh database, through a proxy that can fail.
type rig struct {
	dir      string
	spool    *spool.Spool
	uploader *Uploader
	proxy    *testbed.Proxy
	db       *sql.DB
	device   [16]byte
	log      *bytes.Buffer
}

func newRig(t *testing.T) *rig {
	t.Helper()
	testbed.NeedPostgres(t)
	pg := testbed.SharedPostgres(t)
	local := pg.NewDatabase(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{dir: t.TempDir(), device: [16]byte{0x8e, 1, 2}, log: &bytes.Buffer{}}
	r.proxy = testbed.NewProxy(t, listener, pg.Dial)
	r.db = testbed.DB(t, local)
	var name string
	if err := r.db.QueryRow("SELECT current_database()").Scan(&name); err != nil {
		t.Fatal(err)
	}
	r.open(t)
	target, err := ParseTarget(pg.URLVia(r.proxy.Addr().String(), name))
	if err != nil {
		t.Fatal(err)
	}
	r.uploader, err = NewUploader(UploaderConfig{
		Spool: r.spool, Target: target, Device: r.device, DeviceName: "rig", Version: "test",
		Log: slog.New(slog.NewTextHandler(r.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.uploader.Close() })
	return r
}

// overFormats runs a test that must not depend on how rows are written, with a rig for each format.
func overFormats(t *testing.T, test func(*testing.T, *rig)) {
	t.Helper()
	for _, format := range []Format{FormatBinary, FormatText} {
		t.Run(format.String(), func(t *testing.T) {
			r := newRig(t)
			r.uploader.config.Format = format
			test(t, r)
		})
	}
}

func (r *rig) open(t *testing.T) {
	t.Helper()
	var err error
	if r.spool, err = spool.Open(spool.Disk{}, r.dir, 64<<20); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.spool.Close() })
}

// record makes a run of its own with so many packets of all kinds, 250 a segment.
func (r *rig) record(t *testing.T, run byte, packets int) {
	t.Helper()
	s := NewSealer(SealerConfig{Spool: r.spool, Device: r.device, Run: [16]byte{run}, Recorders: 1, Share: 1})
	rec := s.NewRecorder(RecorderConfig{Name: "eth0", SnapLength: 256})
	all := mix()
	var c Counts
	for i := range packets {
		p := all[i%len(all)]
		p.Time += int64(run) * 1e9
		c.Received++
		rec.Record(&p)
		if c.Received == 250 {
			finish(rec, c)
			c.Received = 0
		}
	}
	rec.Finish(c, time.Now())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) drain() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return r.uploader.Drain(ctx, func(State) {})
}

// finish hands a batch over and waits for an empty one: these packets are not to be lost.
func finish(r *Recorder, c Counts) {
	r.Finish(c, time.Now())
	if r.batch == nil {
		r.batch = <-r.sealer.free
	}
}

// expect asks the database whether it has exactly these rows and losses, and whether the books balance.
func (r *rig) expect(t *testing.T, rows, losses int64) {
	t.Helper()
	have := testbed.QueryInt(t, r.db, "SELECT count(*) FROM sniffer.packets")
	booked := testbed.QueryInt(t, r.db, "SELECT coalesce(sum(row_count), 0) FROM sniffer.books")
	lost := testbed.QueryInt(t, r.db, "SELECT coalesce(sum(losses), 0) FROM sniffer.books")
	unbalanced := testbed.QueryInt(t, r.db, "SELECT count(*) FROM sniffer.books WHERE balance <> 0 OR missing_segments <> 0")
	if have != rows || booked != rows || lost != losses || unbalanced != 0 {
		t.Errorf("%d rows (%d booked), %d losses, %d books that do not balance; want %d, %d, 0", have, booked, lost, unbalanced, rows, losses)
	}
}

func TestUpload(t *testing.T) { overFormats(t, testUpload) }

func testUpload(t *testing.T, r *rig) {
	r.record(t, 1, 5000)
	r.record(t, 2, 3000)
	if n := r.spool.Stats().Segments; n < 10 {
		t.Fatalf("%d segments, too few for this test", n)
	}
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	r.expect(t, 8000, 0)
	if n := r.spool.Stats().Segments; n != 0 {
		t.Errorf("%d segments are left", n)
	}
	if n := testbed.QueryInt(t, r.db, "SELECT count(*) FROM sniffer.books WHERE closed"); n != 2 {
		t.Errorf("%d runs are closed, want 2", n)
	}
	s := r.uploader.State()
	if s.Rows != 8000 || s.Format != r.uploader.config.Format || s.Copied < 8000*100 || s.Copied > 8000*400 || s.Bytes <= s.Copied || s.Known != 0 || s.Transactions == 0 || s.Segments < s.Transactions*2 {
		t.Errorf("state: %+v", s)
	}
}

// TestFaults: whatever breaks while a transaction is under way, trying again stores every row once.
func TestFaults(t *testing.T) {
	for _, format := range []Format{FormatBinary, FormatText} {
		t.Run(format.String(), func(t *testing.T) { testFaults(t, format) })
	}
}

func testFaults(t *testing.T, format Format) {
	rows := []struct {
		name string
		arm  func(*testbed.Proxy) <-chan struct{}
	}{
		{"cut while connecting", func(p *testbed.Proxy) <-chan struct{} { return p.CutAfter(20) }},
		{"cut in COPY", func(p *testbed.Proxy) <-chan struct{} { return p.CutAfter(200_000) }},
		{"frozen in COPY", func(p *testbed.Proxy) <-chan struct{} { return p.FreezeAfter(200_000) }},
		{"no answer to the ledger", func(p *testbed.Proxy) <-chan struct{} { return p.SwallowAfter([]byte("INSERT INTO sniffer.segments")) }},
		{"no answer to COMMIT", func(p *testbed.Proxy) <-chan struct{} { return p.SwallowAfter([]byte("COMMIT")) }},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t)
			r.uploader.config.Format = format
			// The schema is made first, so that COMMIT is that of the rows.
			if err := r.drain(); err != nil {
				t.Fatal(err)
			}
			r.uploader.dialer.timeout = time.Second // the end of the silence; the other faults end by themselves
			r.record(t, 1, 5000)
			before := r.proxy.Stats().FaultsStruck
			struck := row.arm(r.proxy)
			// On a machine with other load the time-out may come before the fault, which then strikes the next attempt.
			for again := true; again; again = r.proxy.Stats().FaultsStruck == before {
				if err := r.drain(); err == nil {
					t.Fatal("the upload did not notice")
				}
			}
			testbed.Await(t, struck, patience, "the fault")
			if n := r.spool.Stats().Segments; n == 0 {
				t.Error("the spool gave its segments away without an answer")
			}
			if r.uploader.State().LastError == "" {
				t.Error("the state tells no error")
			}
			r.proxy.Reset() // a frozen peer is gone now; the server learns that too
			r.uploader.dialer.timeout = ioTimeout
			if err := r.drain(); err != nil {
				t.Fatal(err)
			}
			r.expect(t, 5000, 0)
			if e := r.uploader.State().LastError; e != "" {
				t.Errorf("after the recovery the state still tells %q", e)
			}
		})
	}
}

// TestKnownSegments: a spool that comes back as it was before the upload (a copied disk, a removal that a power
// cut undid) is recognized segment by segment, also among new ones.
func TestKnownSegments(t *testing.T) { overFormats(t, testKnownSegments) }

func testKnownSegments(t *testing.T, r *rig) {
	r.record(t, 1, 5000)
	copies := map[string][]byte{}
	files, _ := filepath.Glob(filepath.Join(r.dir, "*.segment"))
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		copies[f] = b
	}
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	r.spool.Close()
	for f, b := range copies {
		if err := os.WriteFile(f, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r.open(t)
	r.uploader.config.Spool = r.spool
	r.record(t, 2, 1000)
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	r.expect(t, 6000, 0)
	if s := r.uploader.State(); s.Known != uint64(len(copies)) || s.KnownRows != 5000 || s.Rows != 6000 {
		t.Errorf("%d segments of %d rows were known, want %d of 5000; stored %d rows, want 6000", s.Known, s.KnownRows, len(copies), s.Rows)
	}
}

func TestBrokenSegment(t *testing.T) { overFormats(t, testBrokenSegment) }

func testBrokenSegment(t *testing.T, r *rig) {
	r.record(t, 1, 5000)
	files, _ := filepath.Glob(filepath.Join(r.dir, "*.segment"))
	b, err := os.ReadFile(files[1])
	if err != nil {
		t.Fatal(err)
	}
	infos, err := spool.Inspect(spool.Disk{}, r.dir)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] ^= 1
	if err := os.WriteFile(files[1], b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	lost := int64(infos[1].Header.Rows)
	r.expect(t, 5000-lost, lost)
	if n := testbed.QueryInt(t, r.db, "SELECT sum(packets) FROM sniffer.losses WHERE reason = $1", spool.LossBroken); n != lost {
		t.Errorf("%d rows are counted as %s, want %d", n, spool.LossBroken, lost)
	}
}

// TestFullSpool: what had to go while there was no database is in the ledger when there is one.
func TestFullSpool(t *testing.T) { overFormats(t, testFullSpool) }

func testFullSpool(t *testing.T, r *rig) {
	r.spool.Close()
	small, err := spool.Open(spool.Disk{}, r.dir, spool.MinLimit)
	if err != nil {
		t.Fatal(err)
	}
	defer small.Close()
	r.spool, r.uploader.config.Spool = small, small
	var rows int64
	for run := byte(1); small.Stats().DroppedRows == 0; run++ { // how much fits depends on how much was packed meanwhile
		r.record(t, run, 20_000)
		rows += 20_000
	}
	dropped := int64(small.Stats().DroppedRows)
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	r.expect(t, rows-dropped, dropped)
	if n := testbed.QueryInt(t, r.db, "SELECT sum(packets) FROM sniffer.losses WHERE reason = $1", spool.LossFull); n != dropped {
		t.Errorf("%d rows are counted as %s, want %d", n, spool.LossFull, dropped)
	}
}

// sickDisk refuses to write while it is sick.
type sickDisk struct {
	spool.Disk
	sick bool
}

var errSick = errors.New("input/output error")

func (d *sickDisk) WriteSynced(path string, head []byte, parts ...[]byte) error {
	if d.sick {
		return errSick
	}
	return d.Disk.WriteSynced(path, head, parts...)
}

func TestSickDisk(t *testing.T) {
	r := newRig(t)
	r.spool.Close()
	disk := &sickDisk{}
	sp, err := spool.Open(disk, r.dir, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	r.uploader.config.Spool = sp
	failed := make(chan error, 100)
	s := NewSealer(SealerConfig{Spool: sp, Device: r.device, Run: [16]byte{1}, Recorders: 1, BatchSize: 16 << 10, Share: 1,
		OnError: func(err error) { failed <- err }})
	rec := s.NewRecorder(RecorderConfig{Name: "eth0", SnapLength: 256})
	all := mix()
	send := func(n int) {
		for i := range n {
			rec.Record(&all[i])
		}
		finish(rec, Counts{Received: uint64(n)})
	}
	send(100)
	testbed.Await(t, sp.Changed(), patience, "the first segment") // before the disk falls ill
	disk.sick = true
	send(50)
	send(30)
	for range 2 {
		if err := testbed.Await(t, failed, patience, "the sealer's complaint"); !errors.Is(err, errSick) {
			t.Errorf("complaint: %v", err)
		}
	}
	disk.sick = false
	send(20)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	books := s.Books()
	if len(books) != 1 || books[0].Received != 200 || books[0].Rows != 120 || len(books[0].Losses) != 1 ||
		books[0].Losses[0] != (spool.Loss{Reason: LossSpool, Packets: 80}) {
		t.Errorf("books: %+v", books)
	}
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	r.expect(t, 120, 80)
}

// TestColumns: every packet of every kind comes out of PostgreSQL as decode writes it into CSV.
func TestColumns(t *testing.T) { overFormats(t, testColumns) }

func testColumns(t *testing.T, r *rig) {
	packets := mix()
	full := fullPacket()
	full.Interface = 0
	full.Time = 1e18 + 5000
	full.WireLength, full.CapturedLength, full.PayloadLength = 1<<31-1, 1<<31-1, 1<<31-1
	packets = append(packets[:60:60], full)
	s := NewSealer(SealerConfig{Spool: r.spool, Device: r.device, Run: [16]byte{1}, Recorders: 1})
	rec := s.NewRecorder(RecorderConfig{Name: "e\tt\\h\n0", SnapLength: 256})
	want := map[string][]string{}
	var c Counts
	for i := range packets {
		p := &packets[i]
		p.Time = 1e18 + int64(i)*1000 + 999 // less than a microsecond is cut off
		rec.Record(p)
		c.Received++
		fields, err := csv.NewReader(bytes.NewReader(append(p.AppendCSV(nil, "rig", "x"), '\n'))).Read()
		if err != nil {
			t.Fatal(err)
		}
		want[time.Unix(0, p.Time).UTC().Format("2006-01-02T15:04:05.000000")] = fields
	}
	rec.Finish(c, time.Now())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	var columns []string
	for i, col := range decode.Columns {
		switch col.Name {
		case "ts":
			columns = append(columns, `to_char(ts AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')`)
		case "device":
			columns = append(columns, "device_id::text")
		case "direction":
			columns = append(columns, `(ARRAY['in','broadcast','multicast','other','out','unknown'])[direction + 1]`)
		case "tunnel", "name_kind", "http_method": // the view has the words, which a test of schema compares
			columns = append(columns, "(SELECT r."+col.Name+" FROM sniffer.packets_readable r WHERE r.ts = packets.ts)")
		case "dns_addresses":
			columns = append(columns, "(SELECT string_agg(host(a), ' ') FROM unnest(dns_addresses) a)")
		case "src_ip", "dst_ip", "inner_src_ip", "inner_dst_ip", "assigned_ip":
			columns = append(columns, "host("+col.Name+")")
		default:
			columns = append(columns, decode.Columns[i].Name+"::text")
		}
	}
	rows, err := r.db.Query("SELECT " + strings.Join(columns, ", ") + " FROM sniffer.packets")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		got := make([]sql.NullString, len(columns))
		into := make([]any, len(columns))
		for i := range got {
			into[i] = &got[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		expected := want[got[0].String]
		if expected == nil {
			t.Fatalf("no packet at %s", got[0].String)
		}
		for i, col := range decode.Columns {
			w := expected[i]
			switch col.Name {
			case "ts":
				continue
			case "device":
				w = fmt.Sprint(DeviceID(r.device))
			case "interface":
				w = "e\tt\\h\n0"
			}
			if got[i].String != w {
				t.Errorf("%s is %q in the database, %q in CSV", col.Name, got[i].String, w)
			}
		}
		n++
	}
	if rows.Err() != nil || n != len(packets) {
		t.Errorf("%d rows, %v; want %d", n, rows.Err(), len(packets))
	}
}

// TestImpossibleLength: a savefile may claim lengths that no column holds; such a row must not stop the rest.
func TestImpossibleLength(t *testing.T) {
	p := fullPacket()
	p.WireLength = 1<<32 - 1
	text := string(appendTextRow(nil, rareRow, &p, "1\teth0\t"))
	if fields := strings.Split(text, "\t"); fields[4] != "2147483647" {
		t.Errorf("wire_length is %s", fields[4])
	}
}

// TestDays: a segment over midnight gets both partitions, and one of a broken clock the default.
func TestDays(t *testing.T) { overFormats(t, testDays) }

func testDays(t *testing.T, r *rig) {
	midnight := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	s := NewSealer(SealerConfig{Spool: r.spool, Device: r.device, Run: [16]byte{1}, Recorders: 1, Share: 1})
	rec := s.NewRecorder(RecorderConfig{Name: "eth0", SnapLength: 256})
	times := []time.Time{midnight.Add(-time.Nanosecond), midnight, time.Date(1969, 12, 31, 23, 0, 0, 0, time.UTC)}
	for i, at := range times {
		p := mix()[0]
		p.Time = at.UnixNano()
		rec.Record(&p)
		if i > 0 {
			finish(rec, Counts{Received: uint64(2 - i + 1)})
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	r.expect(t, 3, 0)
	for _, row := range []struct{ table, ts string }{
		{"packets_20260228", "2026-02-28 23:59:59.999999+00"},
		{"packets_20260301", "2026-03-01 00:00:00+00"},
		{"packets_default", "1969-12-31 23:00:00+00"},
	} {
		if n := testbed.QueryInt(t, r.db, "SELECT count(*) FROM sniffer."+row.table+" WHERE ts = $1", row.ts); n != 1 {
			t.Errorf("%s has %d rows of %s, want 1", row.table, n, row.ts)
		}
	}
}

func TestForeignDevice(t *testing.T) {
	r := newRig(t)
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.db.Exec("UPDATE sniffer.devices SET device_uuid = gen_random_uuid()"); err != nil {
		t.Fatal(err)
	}
	r.record(t, 1, 10)
	err := r.drain()
	if err == nil || !strings.Contains(err.Error(), "--device-id") {
		t.Errorf("two devices with one number: %v", err)
	}
}

// TestRunRecovers: Run goes on after the server refused it, and ends when it is told to.
func TestRunRecovers(t *testing.T) { overFormats(t, testRunRecovers) }

func testRunRecovers(t *testing.T, r *rig) {
	r.proxy.SetWelcome(testbed.Refuse)
	r.record(t, 1, 1000)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	finish, done := make(chan struct{}), make(chan struct{})
	go func() {
		r.uploader.Run(ctx, finish)
		close(done)
	}()
	testbed.Await(t, r.proxy.Accepted(), patience, "the first attempt")
	testbed.Await(t, r.proxy.Accepted(), patience, "the second attempt")
	r.proxy.SetWelcome(testbed.Pass)
	testbed.Eventually(t, patience, "all rows", func() (bool, string) {
		s := r.uploader.State()
		return s.Rows == 1000, fmt.Sprintf("%+v", s)
	})
	r.record(t, 2, 500)
	close(finish)
	testbed.Await(t, done, patience, "the end of Run")
	r.expect(t, 1500, 0)
}

// TestFinishWithoutDatabase: told to end, Run tries once and returns; the rows stay.
func TestFinishWithoutDatabase(t *testing.T) {
	r := newRig(t)
	r.proxy.SetWelcome(testbed.Refuse)
	r.record(t, 1, 100)
	finish, done := make(chan struct{}), make(chan struct{})
	close(finish)
	go func() {
		r.uploader.Run(context.Background(), finish)
		close(done)
	}()
	testbed.Await(t, done, patience, "the end of Run")
	if n := r.spool.Stats().Segments; n == 0 {
		t.Error("the rows are gone")
	}
}

// TestAbort: ending the context ends a call to a server that does not answer.
func TestAbort(t *testing.T) {
	r := newRig(t)
	r.proxy.SetWelcome(testbed.Hang)
	r.record(t, 1, 100)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		r.uploader.Run(ctx, nil)
		close(done)
	}()
	testbed.Await(t, r.proxy.Accepted(), patience, "the attempt")
	cancel()
	testbed.Await(t, done, patience, "the end of Run")
}

// TestForeignFormat: a segment whose checksum holds but whose body this program cannot read is counted as
// broken, and does not stand in the way of the others.
func TestForeignFormat(t *testing.T) { overFormats(t, testForeignFormat) }

func testForeignFormat(t *testing.T, r *rig) {
	h := spool.Header{Device: r.device, Run: [16]byte{9}, Sequence: 1, Format: recordFormat + 1, Rows: 7,
		FirstTime: 1e18, LastTime: 1e18, SealedAt: 1e18,
		Coverage: []spool.Coverage{{Interface: "eth0", From: 1e18, To: 1e18 + 1, Received: 7, Rows: 7}}}
	if err := r.spool.Seal(&h, []byte("a future format")); err != nil {
		t.Fatal(err)
	}
	r.record(t, 1, 100)
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	r.expect(t, 100, 7)
}

// TestFormerFormat: segments that waited when the program was upgraded are stored like all others.
func TestFormerFormat(t *testing.T) { overFormats(t, testFormerFormat) }

func testFormerFormat(t *testing.T, r *rig) {
	p := decode.Packet{Head: decode.Head{Time: 1e18, Valid: decode.HasMAC | decode.HasDstMAC | decode.HasPorts, SrcMAC: [6]byte{2, 1},
		DstMAC: [6]byte{2, 2}, SrcPort: 40000, DstPort: 53, WireLength: 70, CapturedLength: 70}}
	body := inFormat1(appendRecord(make([]byte, 0, maxRecord), &p))
	h := spool.Header{Device: r.device, Run: [16]byte{9}, Sequence: 1, Format: recordFormat1, Rows: 1,
		FirstTime: 1e18, LastTime: 1e18, SealedAt: 1e18,
		Coverage: []spool.Coverage{{Interface: "eth0", From: 1e18, To: 1e18 + 1, Received: 1, Rows: 1}}}
	if err := r.spool.Seal(&h, body); err != nil {
		t.Fatal(err)
	}
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	r.expect(t, 1, 0)
	if n := testbed.QueryInt(t, r.db, `SELECT count(*) FROM sniffer.packets WHERE src_mac = '02:01:00:00:00:00' AND dst_mac = '02:02:00:00:00:00'
		AND src_port = 40000 AND dst_port = 53`); n != 1 {
		t.Errorf("%d rows are as they were recorded, want 1", n)
	}
}

// TestLedgerKeys: an interface whose filter changed within one segment is one entry of the ledger; two would
// look like a segment that the database has already.
func TestLedgerKeys(t *testing.T) {
	r := newRig(t)
	h := spool.Header{Device: r.device, Run: [16]byte{9}, Sequence: 1, Format: recordFormat, SealedAt: 1e18,
		Coverage: []spool.Coverage{
			{Interface: "eth0", From: 1, To: 2, Received: 5, Losses: []spool.Loss{{Reason: LossRing, Packets: 5}}, Filter: "tcp"},
			{Interface: "eth0", From: 2, To: 3, Received: 3, Losses: []spool.Loss{{Reason: LossRing, Packets: 2}, {Reason: "it's", Packets: 1}}, Filter: "udp"},
			{Interface: "eth1", From: 2, To: 3, Filter: `\ ' "`},
		}}
	if err := r.spool.Seal(&h); err != nil {
		t.Fatal(err)
	}
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	r.expect(t, 0, 8)
	if s := r.uploader.State(); s.Known != 0 {
		t.Error("the segment was taken for a known one")
	}
	if n := testbed.QueryInt(t, r.db, `SELECT count(*) FROM sniffer.coverage WHERE interface = 'eth0' AND filter = 'udp' AND received = 8
		OR interface = 'eth1' AND filter = $1`, `\ ' "`); n != 2 {
		t.Errorf("%d coverage rows are as they should be, want 2", n)
	}
}
