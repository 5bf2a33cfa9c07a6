package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"network-sniffer/board/testbed"
	"network-sniffer/rawsock/savefile"
)

// fileStart is the time of the first frame in the files of these tests; one follows each millisecond.
const fileStart = 1_700_000_000_000_000_000

// pcap is a capture file of numbered frames, of every kind by turns.
func pcap(t *testing.T, frames int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := savefile.NewPcapWriter(&b)
	addFrames(t, w, frames, savefile.Interface{LinkType: savefile.LinkTypeEthernet, SnapLength: 65535})
	return b.Bytes()
}

// pcapng is the same with frames of several interfaces by turns.
func pcapng(t *testing.T, frames int, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := savefile.NewPcapngWriter(&b, savefile.Section{})
	if err != nil {
		t.Fatal(err)
	}
	var interfaces []savefile.Interface
	for _, name := range names {
		interfaces = append(interfaces, savefile.Interface{Name: name, LinkType: savefile.LinkTypeEthernet})
	}
	addFrames(t, w, frames, interfaces...)
	return b.Bytes()
}

func addFrames(t *testing.T, w *savefile.Writer, frames int, interfaces ...savefile.Interface) {
	t.Helper()
	for _, i := range interfaces {
		if _, err := w.AddInterface(i); err != nil {
			t.Fatal(err)
		}
	}
	kinds := testbed.AllKinds()
	buffer := make([]byte, testbed.MaxFrame)
	for n := range frames {
		data := testbed.BuildFrame(buffer, uint32(n), kinds[n%len(kinds)], testbed.FrameConfig{})
		f := savefile.Frame{
			Data: data, Time: fileStart + int64(n)*1e6, WireLength: uint32(len(data)), LinkType: savefile.LinkTypeEthernet,
			Interface: n % len(interfaces), Direction: savefile.DirectionUnknown,
		}
		if err := w.WriteFrame(&f); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

func writeFile(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func writePcap(t *testing.T, frames int) string {
	t.Helper()
	return writeFile(t, "capture.pcap", pcap(t, frames))
}

// objects parses an output of an object a line.
func objects(t *testing.T, text string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(text) {
		var o map[string]any
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		all = append(all, o)
	}
	return all
}

func TestReadFormats(t *testing.T) {
	const frames = 130
	for _, file := range []struct {
		name, path string
		interfaces []string
	}{
		{"pcap", writePcap(t, frames), []string{"capture.pcap"}},
		{"pcapng", writeFile(t, "two.pcapng", pcapng(t, frames, "lan0", "wan0")), []string{"lan0", "wan0"}},
	} {
		t.Run(file.name+" as text", func(t *testing.T) {
			got := sniffer(t, "read", file.path)
			lines := strings.Split(got.out, "\n")
			if got.status != 0 || got.errs != "" || len(lines) != frames+1 {
				t.Fatalf("exit status %d, %d lines, errors: %s", got.status, len(lines)-1, got.errs)
			}
			for n, line := range lines[:frames] {
				if name := file.interfaces[n%len(file.interfaces)]; !strings.Contains(line, name) {
					t.Errorf("line %d does not name %s: %s", n+1, name, line)
				}
			}
		})
		t.Run(file.name+" as JSON", func(t *testing.T) {
			got := sniffer(t, "read", file.path, "--format", "json", "--device-name", "attic")
			all := objects(t, got.out)
			if got.status != 0 || got.errs != "" || len(all) != frames {
				t.Fatalf("exit status %d, %d objects, errors: %s", got.status, len(all), got.errs)
			}
			for n, o := range all {
				mac := fmt.Sprintf("06:5e:00:00:00:%02x", n)
				if o["interface"] != file.interfaces[n%len(file.interfaces)] || o["device"] != "attic" || o["src_mac"] != mac {
					t.Errorf("object %d: %v", n, o)
				}
			}
		})
		t.Run(file.name+" as CSV", func(t *testing.T) {
			got := sniffer(t, "read", "--format=csv", "--device-name=attic", file.path)
			table, err := csv.NewReader(strings.NewReader(got.out)).ReadAll()
			if err != nil || got.status != 0 || got.errs != "" || len(table) != frames+1 {
				t.Fatalf("error %v, exit status %d, %d lines, errors: %s", err, got.status, len(table), got.errs)
			}
			column := map[string]int{}
			for i, name := range table[0] {
				column[name] = i
			}
			for n, row := range table[1:] {
				mac := fmt.Sprintf("06:5e:00:00:00:%02x", n)
				if row[column["interface"]] != file.interfaces[n%len(file.interfaces)] || row[column["device"]] != "attic" || row[column["src_mac"]] != mac {
					t.Errorf("row %d: %q", n, row)
				}
			}
			if !strings.Contains(got.out, "\r\n") {
				t.Error("the lines do not end as RFC 4180 section 2 wants")
			}
		})
	}
}

// TestReadFilter: a filter keeps what it names, of every link type of the file.
func TestReadFilter(t *testing.T) {
	frames := 10 * len(testbed.AllKinds())
	path := writeFile(t, "two.pcapng", pcapng(t, frames, "lan0", "wan0"))
	for _, row := range []struct {
		filter string
		want   int
		field  string // that every line has,
		value  any    // with this value
	}{
		{"arp", 10, "arp_operation", 1.0},
		{"tcp dst port 443", 40, "dst_port", 443.0},
		{"vlan 42", 10, "vlan_id", 42.0},
		{"icmp6", 10, "icmp_type", 128.0},
		{"arp or ip host localhost or (ip broadcast and len = 0)", 10, "arp_operation", 1.0},
		{"ether proto 0x1234", 0, "", nil},
		{"", frames, "device", "attic"},
	} {
		got := sniffer(t, "read", path, "--format", "json", "--device-name", "attic", "--filter", row.filter)
		all := objects(t, got.out)
		if got.status != 0 || got.errs != "" || len(all) != row.want {
			t.Errorf("%q: exit status %d, %d lines, want %d, errors: %s", row.filter, got.status, len(all), row.want, got.errs)
		}
		for _, o := range all {
			if o[row.field] != row.value {
				t.Errorf("%q lets pass %v", row.filter, o)
			}
		}
	}
}

// TestReadFilterLinkTypes: the filter is compiled for what the file says its frames begin with.
func TestReadFilterLinkTypes(t *testing.T) {
	udp := []byte{0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 1, 2, 3, 192, 0, 2, 1, 0, 53, 0x30, 0x39, 0, 8, 0, 0}
	cooked2 := []byte{0x08, 0x00, 0, 0, 0, 0, 0, 7, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1, 0, 0}
	for _, row := range []struct {
		link       uint16
		header     []byte
		pass, drop string
	}{
		{0, []byte{2, 0, 0, 0}, "udp port 53", "ip6"},
		{0, []byte{0, 0, 0, 2}, "udp port 53", "ip6"}, // written by a machine of the other byte order
		{1, append(make([]byte, 12), 0x08, 0x00), "udp port 53", "ip6"},
		{9, []byte{0xff, 0x03, 0x00, 0x21}, "udp port 53", "ip6"},
		{101, nil, "udp port 53", "ip6"},
		{108, []byte{0, 0, 0, 2}, "udp port 53", "ip6"},
		{113, []byte{0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x08, 0x00}, "outbound and udp port 53", "inbound"},
		{228, nil, "udp port 53", "ip6"},
		{276, cooked2, "ifindex 7 and udp port 53", "ifindex 8"},
	} {
		frame := append(slices.Clone(row.header), udp...)
		var b bytes.Buffer
		w := savefile.NewPcapWriter(&b)
		if _, err := w.AddInterface(savefile.Interface{LinkType: row.link}); err != nil {
			t.Fatal(err)
		}
		f := savefile.Frame{Data: frame, Time: fileStart, WireLength: uint32(len(frame)), LinkType: row.link}
		if err := errors.Join(w.WriteFrame(&f), w.Flush()); err != nil {
			t.Fatal(err)
		}
		path := writeFile(t, "one.pcap", b.Bytes())
		for filter, lines := range map[string]int{row.pass: 1, row.drop: 0} {
			got := sniffer(t, "read", path, "--format", "json", "--filter", filter)
			if got.status != 0 || got.errs != "" || len(objects(t, got.out)) != lines {
				t.Errorf("link type %d, %q: %+v, want %d lines", row.link, filter, got, lines)
			}
		}
	}
}

// TestReadDamaged: what came before the damage is printed, then the error says where it lies and what to do.
func TestReadDamaged(t *testing.T) {
	whole := pcap(t, 10)
	ng := pcapng(t, 10, "lan0")
	for _, row := range []struct {
		name  string
		data  []byte
		lines int
		want  string
	}{
		{"pcap, cut in the last frame", whole[:len(whole)-1], 9, "cut off"},
		{"pcapng, cut in the last frame", ng[:len(ng)-1], 9, "cut off"},
		{"only the header", whole[:24], 0, ""},
		{"cut in the header", whole[:20], 0, "cut off"},
		{"empty", nil, 0, "the file is empty"},
		{"text", []byte("# a file of something else altogether\n"), 0, "neither pcap nor pcapng"},
		{"garbage behind the frames", append(bytes.Clone(whole), bytes.Repeat([]byte{0xff}, 64)...), 10, "offset"},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := writeFile(t, "damaged.pcap", row.data)
			got := sniffer(t, "read", path)
			if n := strings.Count(got.out, "\n"); n != row.lines {
				t.Errorf("%d lines, want %d", n, row.lines)
			}
			if row.want == "" {
				if got.status != 0 || got.errs != "" {
					t.Errorf("exit status %d, %s", got.status, got.errs)
				}
				return
			}
			if got.status != 1 || !strings.Contains(got.errs, row.want) || !strings.Contains(got.errs, path) {
				t.Errorf("exit status %d, errors: %s want the file's name and %q", got.status, got.errs, row.want)
			}
		})
	}
	if got := sniffer(t, "read", t.TempDir()); got.status != 1 || !strings.Contains(got.errs, "is a directory") {
		t.Errorf("a directory: %+v", got)
	}
}

// TestReadHostileNames: what a file calls its interface reaches no terminal and breaks no line.
func TestReadHostileNames(t *testing.T) {
	const name = "lan\x1b[2J\r\n\"0,\x00\xff"
	path := writeFile(t, "hostile.pcapng", pcapng(t, 3, name))
	for _, format := range []string{"text", "json", "csv"} {
		got := sniffer(t, "read", "--format", format, path)
		if got.status != 0 || strings.ContainsAny(got.out, "\x1b\x00") || !utf8.ValidString(got.out) {
			t.Errorf("%s: exit status %d, output %q", format, got.status, got.out)
		}
		switch lines := strings.Count(got.out, "\n"); {
		case format == "csv":
			if table, err := csv.NewReader(strings.NewReader(got.out)).ReadAll(); err != nil || len(table) != 4 {
				t.Errorf("csv: %d records, error %v", len(table), err)
			}
		case lines != 3:
			t.Errorf("%s: %d lines of 3 frames", format, lines)
		}
	}
}

// TestReadStandardInput is the only one that needs a process of its own.
func TestReadStandardInput(t *testing.T) {
	command := exec.Command(binary, "read", "-", "--format", "json")
	command.Env = []string{"PATH=" + os.Getenv("PATH")}
	command.Stdin = bytes.NewReader(pcap(t, 20))
	var errs bytes.Buffer
	command.Stderr = &errs
	out, err := command.Output()
	if err != nil || errs.Len() > 0 {
		t.Fatalf("%v: %s", err, errs.String())
	}
	if n := len(objects(t, string(out))); n != 20 {
		t.Errorf("%d objects of 20 frames", n)
	}
}

// TestReadFullOutput: what could not be written is no success.
func TestReadFullOutput(t *testing.T) {
	file := writePcap(t, 5)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	if status := dispatch([]string{"read", file}, full, io.Discard); status != 1 {
		t.Errorf("exit status %d although nothing could be written", status)
	}
}

// TestReadUpload: a file becomes rows with closed books, and stays the same rows when it is read again.
func TestReadUpload(t *testing.T) {
	testbed.NeedPostgres(t)
	url := testbed.SharedPostgres(t).NewDatabase(t)
	// More than one segment, of both interfaces.
	const frames = 10_000
	path := writeFile(t, "two.pcapng", pcapng(t, frames, "lan0", "wan0"))
	upload := func(args ...string) result {
		return sniffer(t, append([]string{"read", path, "--device-id", deviceID, "--database-url", url}, args...)...)
	}
	first := upload()
	if first.status != 0 || strings.Count(first.out, "\n") != frames || !strings.Contains(first.errs, fmt.Sprintf("stored %d of %d rows; 0 segments were", frames, frames)) {
		t.Fatalf("exit status %d, %d lines, errors: %s", first.status, strings.Count(first.out, "\n"), first.errs)
	}
	db := testbed.DB(t, url)
	if rows, losses := checkBooks(t, db); rows != frames || losses != 0 {
		t.Errorf("%d rows and %d losses, want %d and 0", rows, losses, frames)
	}
	for _, name := range []string{"lan0", "wan0"} {
		if n := testbed.QueryInt(t, db, `SELECT count(*) FROM sniffer.packets WHERE interface = $1`, name); n != frames/2 {
			t.Errorf("%d rows of %s", n, name)
		}
	}
	if n := testbed.QueryInt(t, db, `SELECT count(DISTINCT src_mac) FROM sniffer.packets`); n != frames {
		t.Errorf("%d different frames", n)
	}
	segments := testbed.QueryInt(t, db, `SELECT count(*) FROM sniffer.segments`)
	if segments < 3 {
		t.Fatalf("%d segments, the test wants several: give it more frames", segments)
	}

	again := upload("--quiet")
	if again.status != 0 || again.out != "" || !strings.Contains(again.errs, fmt.Sprintf("stored 0 of %d rows; %d segments were in the database already", frames, segments)) {
		t.Errorf("the second time: exit status %d, output %q, errors: %s", again.status, again.out, again.errs)
	}
	if rows, _ := checkBooks(t, db); rows != frames {
		t.Errorf("%d rows after the second time", rows)
	}
	// Through a filter it is another run: what the filter kept away is not missing in its books.
	filtered := upload("--quiet", "--filter", "arp")
	arps := testbed.QueryInt(t, db, `SELECT count(*) FROM sniffer.packets WHERE arp_operation = 1`) / 2
	if filtered.status != 0 || !strings.Contains(filtered.errs, fmt.Sprintf("stored %d of %d rows; 0 segments", arps, arps)) {
		t.Errorf("with a filter: exit status %d, errors: %s", filtered.status, filtered.errs)
	}
	if rows, _ := checkBooks(t, db); rows != frames+arps {
		t.Errorf("%d rows with the filtered run, want %d", rows, frames+arps)
	}
	if runs, closed := testbed.QueryInt(t, db, `SELECT count(DISTINCT run_id) FROM sniffer.books`),
		testbed.QueryInt(t, db, `SELECT count(DISTINCT run_id) FROM sniffer.books WHERE closed`); runs != 2 || closed != 2 {
		t.Errorf("%d runs, %d closed, want 2 of 2", runs, closed)
	}
}

// TestReadUploadDamaged: what could be read is stored, and the status still tells of the damage.
func TestReadUploadDamaged(t *testing.T) {
	testbed.NeedPostgres(t)
	url := testbed.SharedPostgres(t).NewDatabase(t)
	data := pcap(t, 10)
	path := writeFile(t, "damaged.pcap", data[:len(data)-1])
	got := sniffer(t, "read", "--quiet", path, "--device-id", deviceID, "--database-url", url)
	if got.status != 1 || !strings.Contains(got.errs, "stored 9 of 9 rows") || !strings.Contains(got.errs, "cut off") {
		t.Errorf("exit status %d, errors: %s", got.status, got.errs)
	}
	if rows, losses := checkBooks(t, testbed.DB(t, url)); rows != 9 || losses != 0 {
		t.Errorf("%d rows and %d losses, want 9 and 0", rows, losses)
	}
}

// TestReadUploadLater: without a database the packets are printed nevertheless, and the user hears what to do.
// Doing it stores them.
func TestReadUploadLater(t *testing.T) {
	testbed.NeedPostgres(t)
	const frames = 100
	path := writePcap(t, frames)
	dead := "postgres://u@127.0.0.1:" + closedPort(t) + "/d"
	got := sniffer(t, "read", path, "--device-id", deviceID, "--database-url", dead)
	if got.status != 1 || strings.Count(got.out, "\n") != frames {
		t.Errorf("exit status %d, %d lines", got.status, strings.Count(got.out, "\n"))
	}
	for _, want := range []string{"connection refused", fmt.Sprintf("stored 0 of %d rows", frames), "read the file again; nothing will be stored twice"} {
		if !strings.Contains(got.errs, want) {
			t.Errorf("the errors lack %q: %s", want, got.errs)
		}
	}
	url := testbed.SharedPostgres(t).NewDatabase(t)
	if got := sniffer(t, "read", path, "--device-id", deviceID, "--database-url", url); got.status != 0 {
		t.Errorf("exit status %d, errors: %s", got.status, got.errs)
	}
	if rows, _ := checkBooks(t, testbed.DB(t, url)); rows != frames {
		t.Errorf("%d rows, want %d", rows, frames)
	}
}

// TestReadLeavesNothing: the temporary spool goes, whether the upload worked or not.
func TestReadLeavesNothing(t *testing.T) {
	testbed.NeedPostgres(t)
	path := writePcap(t, 10)
	for name, url := range map[string]string{
		"uploaded":     testbed.SharedPostgres(t).NewDatabase(t),
		"not uploaded": "postgres://u@127.0.0.1:" + closedPort(t) + "/d",
		"no URL":       "mysql://h/d",
	} {
		dir := t.TempDir()
		t.Setenv("TMPDIR", dir)
		sniffer(t, "read", "--quiet", path, "--device-id", deviceID, "--database-url", url)
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Errorf("%s: %v is left, error %v", name, left, err)
		}
	}
}
