package savefile

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The programs that the files are for. They are skipped where they are not installed, unless
// SNIFFER_TEST_REQUIRE=1 asks for them.
func needTool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("SNIFFER_TEST_REQUIRE") == "1" {
			t.Fatalf("%s is not installed and SNIFFER_TEST_REQUIRE=1", name)
		}
		t.Skipf("%s is not installed", name)
	}
}

// run returns what a tool prints. The tool's own settings of this user must not matter.
func run(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	command := exec.Command(name, args...)
	command.Env = append(os.Environ(), "HOME="+t.TempDir(), "LC_ALL=C.UTF-8", "TZ=UTC")
	var problems bytes.Buffer
	command.Stderr = &problems
	out, err := command.Output()
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, &problems)
	}
	return string(out), err
}

func store(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "capture")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func writtenFile(t *testing.T, ng bool) ([]byte, []Frame) {
	t.Helper()
	var file bytes.Buffer
	w := NewPcapWriter(&file)
	if ng {
		var err error
		if w, err = NewPcapngWriter(&file, Section{Hardware: "a router", OS: "Linux", Application: "sniffer"}); err != nil {
			t.Fatal(err)
		}
	}
	frames := written(t, w)
	if ng {
		if err := w.WriteStatistics(Statistics{Interface: 1, Time: frames[11].Time, Received: 1234567, Dropped: 7}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes(), frames
}

// tsharkRows is one line per frame of a file, as far as tshark gets.
func tsharkRows(t *testing.T, path string, fields ...string) ([]string, error) {
	t.Helper()
	args := []string{"-n", "-r", path, "-T", "fields", "-E", "separator=|"}
	for _, field := range fields {
		args = append(args, "-e", field)
	}
	out, err := run(t, "tshark", args...)
	return strings.Split(strings.TrimSuffix(out, "\n"), "\n")[:strings.Count(out, "\n")], err
}

// epoch is frame.time_epoch of tshark for a time after 1970.
func epoch(nanoseconds int64) string {
	return fmt.Sprintf("%d.%09d", nanoseconds/1e9, nanoseconds%1e9)
}

func TestTsharkReadsWhatWasWritten(t *testing.T) {
	needTool(t, "tshark")
	t.Run("pcap", func(t *testing.T) {
		file, frames := writtenFile(t, false)
		rows, err := tsharkRows(t, store(t, file), "frame.time_epoch", "frame.len", "frame.cap_len")
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, f := range frames {
			want = append(want, fmt.Sprintf("%s|%d|%d", epoch(f.Time), f.WireLength, len(f.Data)))
		}
		if !slices.Equal(rows, want) {
			t.Errorf("tshark reads\n%s\nwant\n%s", strings.Join(rows, "\n"), strings.Join(want, "\n"))
		}
	})
	t.Run("pcapng", func(t *testing.T) {
		file, frames := writtenFile(t, true)
		rows, err := tsharkRows(t, store(t, file), "frame.time_epoch", "frame.len", "frame.cap_len",
			"frame.interface_id", "frame.interface_name", "frame.packet_flags")
		if err != nil {
			t.Fatal(err)
		}
		flags := []string{"0x00000005", "0x0000000d", "0x00000009", "0x00000011", "0x00000002", ""}
		var want []string
		for _, f := range frames {
			name := []string{"br-lan", "wan ü"}[f.Interface]
			want = append(want, fmt.Sprintf("%s|%d|%d|%d|%s|%s", epoch(f.Time), f.WireLength, len(f.Data), f.Interface, name, flags[f.Direction]))
		}
		if !slices.Equal(rows, want) {
			t.Errorf("tshark reads\n%s\nwant\n%s", strings.Join(rows, "\n"), strings.Join(want, "\n"))
		}
	})
}

func TestCapinfosReadsTheDescription(t *testing.T) {
	needTool(t, "capinfos")
	file, _ := writtenFile(t, true)
	out, err := run(t, "capinfos", store(t, file))
	if err != nil {
		t.Fatal(err)
	}
	// The spaces of the table differ between versions.
	out = strings.Join(strings.Fields(out), " ")
	for _, want := range []string{
		"File type: Wireshark/... - pcapng",
		"File timestamp precision: nanoseconds (9)",
		"Number of packets: 12",
		"Capture hardware: a router",
		"Capture oper-sys: Linux",
		"Capture application: sniffer",
		"Number of interfaces in file: 2",
		"Interface #0 info: Name = br-lan",
		"Capture length = 128",
		"Filter string = not tcp port 5432",
		"Interface #1 info: Name = wan ü",
		"Capture length = 96",
		"Number of stat entries = 1",
		"Number of packets = 6",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
}

func TestTsharkReadsTheStatistics(t *testing.T) {
	needTool(t, "tshark")
	file, frames := writtenFile(t, true)
	out, err := run(t, "tshark", "-n", "-r", store(t, file), "-X", "read_format:MIME Files Format", "-V")
	if err != nil {
		t.Fatal(err)
	}
	out = strings.Join(strings.Fields(out), " ")
	for _, want := range []string{
		"Number of Received Packets: 1234567",
		"Number of Dropped Packets: 7",
		"Timestamp (High): " + strconv.FormatInt(frames[11].Time>>32, 10),
		"Timestamp (Low): " + strconv.FormatInt(frames[11].Time&math.MaxUint32, 10),
	} {
		if !strings.Contains(out, want) {
			_, statistics, _ := strings.Cut(out, "Interface Statistics Block")
			t.Errorf("no %q in %s", want, statistics)
		}
	}
}

func TestReadWhatEditcapConverts(t *testing.T) {
	needTool(t, "editcap")
	microseconds := func(f *Frame) { f.Time -= f.Time % 1000 }
	single := func(f *Frame) { f.Interface, f.Direction = 0, DirectionUnknown }
	tests := []struct {
		format   string
		loses    []func(*Frame) // what the format cannot keep
		describe bool           // whether names and filters survive
	}{
		{format: "pcap", loses: []func(*Frame){single, microseconds}},
		{format: "nsecpcap", loses: []func(*Frame){single}},
		// editcap writes sll_pkttype 0 into every record.
		{format: "modpcap", loses: []func(*Frame){single, microseconds, func(f *Frame) { f.Direction = DirectionIn }}},
		{format: "pcapng", describe: true},
	}
	for _, test := range tests {
		for _, ng := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/from pcapng %v", test.format, ng), func(t *testing.T) {
				file, want := writtenFile(t, ng)
				converted := filepath.Join(t.TempDir(), "converted")
				if _, err := run(t, "editcap", "-F", test.format, store(t, file), converted); err != nil {
					t.Fatal(err)
				}
				content, err := os.ReadFile(converted)
				if err != nil {
					t.Fatal(err)
				}
				r, err := NewReader(bytes.NewReader(content))
				if err != nil {
					t.Fatal(err)
				}
				got, err := readAll(r)
				if err != nil {
					t.Fatal(err)
				}
				for i := range want {
					if !ng {
						single(&want[i])
					}
					for _, lose := range test.loses {
						lose(&want[i])
					}
				}
				expectFrames(t, got, want)
				if test.describe && ng {
					if i := r.Interfaces(); len(i) != 2 || i[0] != (Interface{Name: "br-lan", LinkType: 1, SnapLength: 128, Filter: "not tcp port 5432"}) || i[1].Name != "wan ü" {
						t.Errorf("interfaces %+v", i)
					}
				}
			})
		}
	}
}

// Files of other writers, laid out by hand: tshark and the Reader see the same frames. Big-endian, because
// everything that a tool writes here is little-endian.
func TestReaderAgreesWithTshark(t *testing.T) {
	needTool(t, "tshark")
	data := strings.Repeat("\x02", 61)
	clocked := func(resolution string, offset uint64, ticks uint64) func(*builder) *builder {
		return func(b *builder) *builder {
			b.section().describe(1, 0, func(o *builder) {
				o.option(9, resolution).u16(14, 8).u64(offset).option(0, "")
			})
			return b.enhanced(0, ticks, 90, data, nil)
		}
	}
	tests := []struct {
		name  string
		build func(*builder) *builder
	}{
		{"pcap", func(b *builder) *builder {
			return b.pcapHeader(0xa1b2c3d4, 4, 0, 1).record(1700000000, 999999, 90, data)
		}},
		{"pcap in nanoseconds", func(b *builder) *builder {
			return b.pcapHeader(0xa1b23c4d, 4, 65535, 1).record(4294967295, 999999999, 90, data)
		}},
		{"pcap with check sequences", func(b *builder) *builder {
			return b.pcapHeader(0xa1b2c3d4, 4, 0, 0x24000001).record(1700000000, 999999, 61, data)
		}},
		{"pcap of version 2.2", func(b *builder) *builder {
			return b.pcapHeader(0xa1b2c3d4, 2, 65535, 1).u32(1700000000, 5, 90, 61).text(data)
		}},
		{"pcap of version 2.3", func(b *builder) *builder {
			return b.pcapHeader(0xa1b2c3d4, 3, 65535, 1).u32(1700000000, 5, 90, 61).text(data).u32(1700000000, 6, 61, 90).text(data)
		}},
		{"microseconds", clocked("\x06", 0, 1700000000123456)},
		{"hundreds of picoseconds", clocked("\x0a", 0, 17000000001234567899)},
		{"powers of two", clocked("\xa0", 0, 1700000000<<32|0xdeadbeef)},
		{"microseconds with an offset", clocked("\x06", 1600000000, 100000000123456)},
		{"microseconds with an offset back", clocked("\x06", 1<<64-1600000000, 3300000000123456)},
		{"obsolete packet block, other blocks, two sections", func(b *builder) *builder {
			ngWith(b).block(2, func(body *builder) { body.u16(0, 3).u32(0x60a24, 0x18174600, 61, 90).text(data) })
			b.block(5, func(body *builder) { body.u32(0, 0, 0) }).block(0x7fffffff, func(body *builder) { body.u32(1, 2, 3) })
			return b.section().describe(1, 0, func(o *builder) { o.option(9, "\x09") }).enhanced(0, 1700000000e9+1, 90, data, nil)
		}},
		{"length without the padding", func(b *builder) *builder {
			return ngWith(b).u32(6, 93, 0, 0x60a24, 0x18174600, 61, 90).text(data).raw(0, 0, 0).u32(93).enhanced(0, 1, 90, data, nil)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			file := test.build(bigEndian()).buf
			r, err := NewReader(bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			frames, err := readAll(r)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, f := range frames {
				want = append(want, fmt.Sprintf("%s|%d|%d", epoch(f.Time), f.WireLength, len(f.Data)))
			}
			rows, err := tsharkRows(t, store(t, file), "frame.time_epoch", "frame.len", "frame.cap_len")
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(rows, want) {
				t.Errorf("tshark reads %q, the Reader %q", rows, want)
			}
		})
	}
}

// Simple packets have no time to compare, and tshark prints none.
func TestReaderAgreesWithTsharkOnSimplePackets(t *testing.T) {
	needTool(t, "tshark")
	file := bigEndian().section().describe(1, 61, nil).simple(61, strings.Repeat("\x02", 61)).simple(90, strings.Repeat("\x02", 61)).buf
	r, err := NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	frames, err := readAll(r)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, f := range frames {
		want = append(want, fmt.Sprintf("%d|%d", f.WireLength, len(f.Data)))
	}
	rows, err := tsharkRows(t, store(t, file), "frame.len", "frame.cap_len")
	if err != nil || !slices.Equal(rows, want) {
		t.Errorf("tshark reads %q (%v), the Reader %q", rows, err, want)
	}
}

// Of a file that is cut, tshark and the Reader keep the same frames, and both say so.
func TestReaderAgreesWithTsharkOnCutFiles(t *testing.T) {
	needTool(t, "tshark")
	for _, ng := range []bool{false, true} {
		file, _ := writtenFile(t, ng)
		for _, cut := range []int{len(file) / 4, len(file) / 2, len(file) - 1} {
			r, err := NewReader(bytes.NewReader(file[:cut]))
			if err != nil {
				t.Fatal(err)
			}
			frames, err := readAll(r)
			asError(t, err, ErrTruncated)
			rows, err := tsharkRows(t, store(t, file[:cut]), "frame.len")
			if err == nil || len(rows) != len(frames) {
				t.Errorf("cut at %d: tshark reads %d frames (%v), the Reader %d", cut, len(rows), err, len(frames))
			}
		}
	}
}
