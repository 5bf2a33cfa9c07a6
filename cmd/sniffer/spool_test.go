package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"network-sniffer/decode"
	"network-sniffer/rawsock/savefile"
	"network-sniffer/uplink"
	"network-sniffer/uplink/spool"
)

// fillSpool seals three segments of 10, 20 and 30 rows, gives up the first for a tombstone, and puts garbage under
// the name of a fourth. What else lies around is no segment.
func fillSpool(t *testing.T, dir string) {
	t.Helper()
	s, err := spool.Open(spool.Disk{}, dir, spool.MinLimit)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for n := uint64(1); n <= 3; n++ {
		h := spool.Header{
			Device: [16]byte{1}, Run: [16]byte{2}, Sequence: n, Format: 1, Rows: n * 10,
			FirstTime: 1_000_000_000, LastTime: 2_000_000_000, SealedAt: 2_000_000_000, Final: n == 3,
			Coverage: []spool.Coverage{{Interface: "eth0", From: 1, To: 2, Received: n * 10, Rows: n * 10}},
		}
		if err := s.Seal(&h, make([]byte, 100*n)); err != nil {
			t.Fatal(err)
		}
	}
	refs := s.Pin(1, spool.MaxBody)
	if _, _, _, err := s.Load(refs[0], nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Break(refs[0]); err != nil {
		t.Fatal(err)
	}
	s.Unpin(refs)
	for name, text := range map[string]string{"00000000000000ff.segment": "garbage", "notes.txt": "not a segment"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSpoolList(t *testing.T) {
	empty, full := t.TempDir(), t.TempDir()
	fillSpool(t, full)

	if got := sniffer(t, "spool", "list", "--spool-dir", empty); got != (result{0, "0 segments, 0 rows, 0 bytes wait in " + empty + "\n", ""}) {
		t.Errorf("an empty spool: %+v", got)
	}
	if got := sniffer(t, "spool", "list", "--json", "--spool-dir", empty); got != (result{}) {
		t.Errorf("an empty spool in JSON: %+v", got)
	}
	got := sniffer(t, "spool", "list", "--spool-dir", full)
	lines := strings.Split(strings.TrimSuffix(got.out, "\n"), "\n")
	if got.status != 0 || got.errs != "" || len(lines) != 5 {
		t.Fatalf("exit status %d, %s, output:\n%s", got.status, got.errs, got.out)
	}
	for i, want := range []string{"sequence 1-1  rows dropped", "sequence 2  20 rows", "sequence 3  30 rows", "00ff.segment  7 bytes  ", "4 segments, 50 rows, "} {
		if !strings.Contains(lines[i], want) {
			t.Errorf("line %d is %q, want %q", i+1, lines[i], want)
		}
	}
}

func TestSpoolListJSON(t *testing.T) {
	dir := t.TempDir()
	fillSpool(t, dir)
	got := sniffer(t, "spool", "list", "--json", "--spool-dir", dir)
	if got.status != 0 || got.errs != "" {
		t.Fatalf("exit status %d, %s", got.status, got.errs)
	}
	var lines []segmentLine
	for d := json.NewDecoder(strings.NewReader(got.out)); ; {
		var l segmentLine
		if err := d.Decode(&l); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("%v in:\n%s", err, got.out)
		}
		lines = append(lines, l)
	}
	if len(lines) != 4 {
		t.Fatalf("%d objects, want 4:\n%s", len(lines), got.out)
	}
	for i, want := range []segmentLine{
		{Sequence: 1, Last: 1, Tombstone: true},
		{Sequence: 2, Last: 2, Rows: 20, FirstTime: "1970-01-01T00:00:01Z", LastTime: "1970-01-01T00:00:02Z"},
		{Sequence: 3, Last: 3, Rows: 30, FirstTime: "1970-01-01T00:00:01Z", LastTime: "1970-01-01T00:00:02Z", Final: true},
	} {
		got := lines[i]
		if filepath.Dir(got.File) != dir || got.Bytes <= 0 {
			t.Errorf("segment %d: file %q of %d bytes", i+1, got.File, got.Bytes)
		}
		got.File, got.Bytes, want.Run, want.Tier = "", 0, "02000000-0000-0000-0000-000000000000", 1
		if !reflect.DeepEqual(got, want) {
			t.Errorf("segment %d: %+v, want %+v", i+1, got, want)
		}
	}
	if l := lines[3]; l.Error == "" || l.Run != "" || l.Bytes != 7 {
		t.Errorf("garbage is listed as %+v", l)
	}
}

// TestSpoolMarks: list and dump show marks, and nothing that they hold reaches a terminal as it is.
func TestSpoolMarks(t *testing.T) {
	dir := spoolOf(t, pcap(t, 2), "eth0")
	s, err := spool.Open(spool.Disk{}, dir, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	h := spool.Header{Sequence: 7, LostMarks: 3, Marks: []spool.Mark{
		{At: 1e9, By: "console 192.168.1.5", Text: "new switch"}, {At: 2e9, By: "\x1b[2J", Text: "\xff\x07 red"}}}
	if err := s.Seal(&h); err != nil {
		t.Fatal(err)
	}
	s.Close()
	const first = `mark 1970-01-01T00:00:01Z by "console 192.168.1.5": "new switch"` + "\n"
	const second = `mark 1970-01-01T00:00:02Z by "\x1b[2J": "\xff\a red"` + "\n"
	got := sniffer(t, "spool", "list", "--spool-dir", dir)
	if want := "  " + first + "  " + second + "  3 marks lost\n"; got.status != 0 || !strings.Contains(got.out, want) {
		t.Errorf("list: %+v, want %q", got, want)
	}
	got = sniffer(t, "spool", "list", "--json", "--spool-dir", dir)
	if want := `"marks":[{"ts":"1970-01-01T00:00:01Z","author":"console 192.168.1.5","text":"new switch"},`; !strings.Contains(got.out, want) ||
		!strings.Contains(got.out, `"lost_marks":3}`) {
		t.Errorf("list in JSON: %+v, want %s", got, want)
	}
	got = sniffer(t, "spool", "dump", "--spool-dir", dir)
	if lines := strings.SplitAfter(got.out, "\n"); got.status != 0 || len(lines) != 5 || lines[2]+lines[3] != first+second {
		t.Errorf("dump: %+v", got)
	}
	got = sniffer(t, "spool", "dump", "--json", "--spool-dir", dir)
	if strings.Contains(got.out, "mark") || strings.Count(got.out, "\n") != 2 {
		t.Errorf("dump in JSON: %+v", got)
	}
}

// spoolOf seals the packets of a savefile, as they wait when the database is away, and returns the spool's directory.
func spoolOf(t *testing.T, file []byte, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	s, err := spool.Open(spool.Disk{}, dir, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	importer := uplink.NewImporter(s, [16]byte{1}, [16]byte{2})
	for _, name := range names {
		importer.AddInterface(name, "", 65535)
	}
	r, err := savefile.NewReader(strings.NewReader(string(file)))
	if err != nil {
		t.Fatal(err)
	}
	var f savefile.Frame
	var p decode.Packet
	for {
		if err := r.Next(&f); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		decode.Decode(&p, &decode.Meta{
			Time: f.Time, WireLength: f.WireLength, LinkType: decode.LinkType(f.LinkType), Interface: uint8(f.Interface),
			Direction: decode.Direction(f.Direction),
		}, f.Data)
		if _, err := importer.Record(&p); err != nil {
			t.Fatal(err)
		}
	}
	if err := importer.Finish(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// spoolDevice is the device of spoolOf, spoolRun its run.
const (
	spoolDevice = "01000000-0000-0000-0000-000000000000"
	spoolRun    = "02000000-0000-0000-0000-000000000000"
)

// TestSpoolDump: what waits prints as the file that it came from, in every format, in whole and in part.
func TestSpoolDump(t *testing.T) {
	const frames = 2*uplink.ImportRows + 300 // three segments
	file := pcapng(t, frames, "lan0", "wan0")
	path := writeFile(t, "two.pcapng", file)
	dir := spoolOf(t, file, "lan0", "wan0")
	for _, format := range []string{"text", "json", "csv"} {
		want := sniffer(t, "read", path, "--format", format, "--device-name", spoolDevice)
		if want.status != 0 {
			t.Fatal(want.errs)
		}
		lines := strings.SplitAfter(want.out, "\n")
		header := 0
		if format == "csv" {
			header = 1
		}
		row := func(first, after int) string {
			return strings.Join(slices.Concat(lines[:header], lines[header+first:header+after]), "")
		}
		for _, try := range []struct {
			name string
			args []string
			want string
		}{
			{"all", nil, want.out},
			{"some rows", []string{"--rows", "1500"}, row(0, 1500)},
			{"one", []string{"-n", "1"}, row(0, 1)},
			{"more than there are", []string{"-n", "100000"}, want.out},
			{"by number", []string{spoolRun + "/2"}, row(uplink.ImportRows, 2*uplink.ImportRows)},
			{"by file", []string{"0000000000000002.segment", "-n", "1"}, row(2*uplink.ImportRows, 2*uplink.ImportRows+1)},
			{"two of them, the oldest first", []string{dir + "/0000000000000002.segment", spoolRun + "/1"},
				row(0, uplink.ImportRows) + row(2*uplink.ImportRows, frames)[len(row(0, 0)):]},
		} {
			got := sniffer(t, append([]string{"spool", "dump", "--spool-dir", dir, "--format", format}, try.args...)...)
			if got != (result{0, try.want, ""}) {
				t.Errorf("%s, %s: exit status %d, %d bytes, want %d; errors: %s", format, try.name, got.status, len(got.out), len(try.want), got.errs)
			}
		}
	}
	got := sniffer(t, "spool", "dump", "--spool-dir", t.TempDir(), "--format", "csv")
	if got != (result{0, decode.CSVHeader() + "\r\n", ""}) {
		t.Errorf("an empty spool: %+v", got)
	}
	got = sniffer(t, "spool", "dump", "--spool-dir", dir, spoolRun+"/9")
	if got.status != 1 || got.out != "" || !strings.Contains(got.errs, spoolRun+"/9") {
		t.Errorf("a segment that is not there: %+v", got)
	}
}

// TestSpoolVerify: one wrong byte of a body, which list does not read, is found, named, and ends with status 1.
func TestSpoolVerify(t *testing.T) {
	dir := spoolOf(t, pcap(t, 100), "eth0")
	got := sniffer(t, "spool", "verify", "--spool-dir", dir)
	if got.status != 0 || got.errs != "" || !strings.HasPrefix(got.out, "1 segments, 100 rows, ") {
		t.Errorf("a good spool: %+v", got)
	}
	path := filepath.Join(dir, "0000000000000000.segment")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := sniffer(t, "spool", "list", "--spool-dir", dir); got.status != 0 || !strings.Contains(got.out, "100 rows") {
		t.Errorf("list: %+v", got)
	}
	got = sniffer(t, "spool", "verify", "--spool-dir", dir)
	if got.status != 1 || !strings.Contains(got.out, path) || strings.Count(got.out, "\n") != 1 || !strings.Contains(got.errs, "1 of 1 segments are wrong") {
		t.Errorf("a wrong byte: %+v", got)
	}
	got = sniffer(t, "spool", "verify", "--json", "--spool-dir", dir)
	if lines := objects(t, got.out); got.status != 1 || len(lines) != 1 || lines[0]["error"] == nil || lines[0]["file"] != path {
		t.Errorf("in JSON: %+v", got)
	}
	got = sniffer(t, "spool", "dump", "--spool-dir", dir)
	if got.status != 1 || got.out != "" || !strings.Contains(got.errs, "sniffer spool verify") {
		t.Errorf("dump: %+v", got)
	}
	if now, err := os.ReadFile(path); err != nil || string(now) != string(data) {
		t.Errorf("looking changed the file: %v", err)
	}
}

// TestSpoolDrop without a daemon: nothing goes unasked; what goes is counted in the segments that stay, for the ledger.
func TestSpoolDrop(t *testing.T) {
	const frames = 2*uplink.ImportRows + 300
	dir := spoolOf(t, pcap(t, frames), "eth0")
	waiting := func() (rows, losses uint64) {
		for _, i := range inspect(t, dir) {
			if i.Err != nil {
				t.Fatal(i.Err)
			}
			for _, c := range i.Header.Coverage {
				rows += c.Rows
				for _, l := range c.Losses {
					if l.Reason == spool.LossDiscarded {
						losses += l.Packets
					}
				}
			}
		}
		return rows, losses
	}
	// The tests' standard input is no terminal.
	got := sniffer(t, "spool", "drop", "--all", "--spool-dir", dir)
	if rows, _ := waiting(); got.status != 2 || !strings.Contains(got.errs, "--yes") || rows != frames {
		t.Errorf("unasked: %+v, %d rows wait", got, rows)
	}
	for _, step := range []struct {
		args     []string
		segments int
		dropped  uint64
		span     string
	}{
		{[]string{"--oldest", "1"}, 1, uplink.ImportRows, "from 2023-11-14T22:13:20Z to 2023-11-14T22:13:21.023Z"},
		{[]string{"--all"}, 2, frames - uplink.ImportRows, "to 2023-11-14T22:13:22.347Z"},
	} {
		before, lost := waiting()
		got := sniffer(t, slices.Concat([]string{"spool", "drop", "--yes", "--json", "--spool-dir", dir}, step.args)...)
		var line dropLine
		if err := json.Unmarshal([]byte(got.out), &line); err != nil || got.status != 0 || line != (dropLine{step.segments, step.dropped, "discarded"}) {
			t.Errorf("%v: %+v, %v", step.args, got, err)
		}
		if want := fmt.Sprintf(" with %d rows, ", step.dropped); !strings.Contains(got.errs, want) || !strings.Contains(got.errs, step.span) {
			t.Errorf("%v does not say what goes: %s", step.args, got.errs)
		}
		if rows, losses := waiting(); rows != before-step.dropped || losses != lost+step.dropped {
			t.Errorf("%v: %d rows and %d losses wait, before %d and %d", step.args, rows, losses, before, lost)
		}
	}
	if got := sniffer(t, "spool", "drop", "--all", "--yes", "--spool-dir", t.TempDir()); got != (result{0, "dropped 0 segments with 0 rows\n", ""}) {
		t.Errorf("an empty spool: %+v", got)
	}
}

// TestSentMeanwhile: what the daemon sends while somebody looks is no damage. A name without a file is how that looks.
func TestSentMeanwhile(t *testing.T) {
	dir := spoolOf(t, pcap(t, 100), "eth0")
	if err := os.Symlink("gone", filepath.Join(dir, "0000000000000001.segment")); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ action, want string }{
		{"list", "1 segments, 100 rows"}, {"dump", " eth0 "}, {"verify", "every checksum is right"},
	} {
		got := sniffer(t, "spool", row.action, "--spool-dir", dir)
		if got.status != 0 || got.errs != "" || !strings.Contains(got.out, row.want) {
			t.Errorf("%s: %+v", row.action, got)
		}
	}
}

func TestConfirmed(t *testing.T) {
	for answer, want := range map[string]bool{"yes\n": true, " yes \r\n": true, "yes": true, "y\n": false, "YES\n": false, "\n": false, "": false, "no\nyes\n": false} {
		var asked strings.Builder
		if got := confirmed(strings.NewReader(answer), &asked); got != want || !strings.Contains(asked.String(), "yes") {
			t.Errorf("%q is %v, asked %q", answer, got, asked.String())
		}
	}
}
