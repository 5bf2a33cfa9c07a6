package tsharktest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"network-sniffer/board/testbed"
	"network-sniffer/decode"
	"network-sniffer/rawsock/savefile"
)

// shards are the files of generated frames: enough of them that two tshark have something to do.
var shards = []struct {
	name   string
	link   decode.LinkType
	frames int
}{
	{"ethernet 1", decode.LinkEthernet, 12000},
	{"ethernet 2", decode.LinkEthernet, 12000},
	{"ethernet 3", decode.LinkEthernet, 12000},
	{"ethernet 4", decode.LinkEthernet, 12000},
	{"raw", decode.LinkRaw, 8000},
	{"raw IPv4", decode.LinkIPv4, 8000},
	{"raw IPv6", decode.LinkIPv6, 8000},
	{"PPP", decode.LinkPPP, 8000},
	{"loopback", decode.LinkNull, 8000},
	{"cooked 1", decode.LinkLinuxSLL, 8000},
	{"cooked 2", decode.LinkLinuxSLL2, 8000},
}

// enough is how often each column has to be the same, so that a field that tshark renames does not pass unseen.
const enough = 100

// device is the interface's name in the generated files.
const device = "generated"

func TestGenerated(t *testing.T) {
	program := testbed.NeedTool(t, "tshark")
	h := newHellos(t)
	all, done := newTally(), 0
	var lock sync.Mutex
	t.Run("shards", func(t *testing.T) {
		two := make(chan struct{}, 2)
		for i, s := range shards {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				two <- struct{}{}
				defer func() { <-two }()
				tally := compareGenerated(t, program, s.link, s.frames, newGenerator(uint64(i), h))
				lock.Lock()
				defer lock.Unlock()
				all.add(tally)
				done++
			})
		}
	})
	t.Log(all.report())
	if done < len(shards) { // some were not asked for
		return
	}
	if all.packets < 100_000 && !t.Failed() {
		t.Errorf("%d packets were compared", all.packets)
	}
	for _, m := range mappings {
		if n := all.compared[m.column]; n < enough && m.column != "device" && m.column != "decode_error" {
			t.Errorf("%s was compared in %d packets, %d are asked for", m.column, n, enough)
		}
	}
}

// compareGenerated makes a file of frames and compares it. A frame that is whole has no reason in decode_error but in
// a first fragment, whose payload goes on in the next.
func compareGenerated(t *testing.T, program string, link decode.LinkType, count int, g generator) *tally {
	frames := make([]frame, count)
	for i := range frames {
		frames[i] = g.frame(link)
	}
	path := filepath.Join(t.TempDir(), "frames.pcapng")
	if err := os.WriteFile(path, pcapng(t, link, frames), 0o600); err != nil {
		t.Fatal(err)
	}
	tally := newTally()
	wrong := 0
	var p decode.Packet
	err := shark(t, program, path, wantedFields(), func(d *dissection) {
		i := tally.packets
		if i >= len(frames) || wrong > 20 {
			return
		}
		f := frames[i]
		decode.Decode(&p, metaOf(i, link, f), f.data)
		sentences, err := tally.compare(&p, d, device)
		if err != nil {
			t.Fatal(err)
		}
		if f.wire == len(f.data) && p.DecodeError != decode.NoReason && !p.Valid.Has(decode.HasFragment) {
			sentences = append(sentences, "decode_error is "+p.DecodeError.String()+" in a frame that is right")
		}
		if len(sentences) > 0 {
			wrong++
			t.Errorf("frame %d: %s\n%s\n%x", i+1, strings.Join(sentences, "\n"), p.AppendText(nil, "-"), f.data)
		}
	})
	switch {
	case err != nil:
		t.Fatal(err)
	case wrong > 20:
		t.Error("and so on")
	case tally.packets != count:
		t.Errorf("tshark read %d frames of %d", tally.packets, count)
	}
	return tally
}

// metaOf is what the file says of frame i besides its bytes.
func metaOf(i int, link decode.LinkType, f frame) *decode.Meta {
	m := &decode.Meta{Time: 1_700_000_000_123_456_789 + int64(i), WireLength: uint32(f.wire), LinkType: link, Direction: decode.Direction(i % 6)}
	return m
}

// pcapng is a file of the frames.
func pcapng(t *testing.T, link decode.LinkType, frames []frame) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := savefile.NewPcapngWriter(&file, savefile.Section{})
	if err != nil {
		t.Fatal(err)
	}
	index, err := w.AddInterface(savefile.Interface{Name: device, LinkType: uint16(link)})
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range frames {
		m := metaOf(i, link, f)
		err := w.WriteFrame(&savefile.Frame{Data: f.data, Time: m.Time, WireLength: m.WireLength, LinkType: uint16(link),
			Interface: index, Direction: uint8(m.Direction)})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// TestMappings: the table of columns has every column, in its order, and tshark knows the fields.
func TestMappings(t *testing.T) {
	if len(mappings) != len(decode.Columns) {
		t.Fatalf("%d rows for %d columns", len(mappings), len(decode.Columns))
	}
	for i, c := range decode.Columns {
		if mappings[i].column != c.Name {
			t.Errorf("row %d is %s, the column is %s", i, mappings[i].column, c.Name)
		}
	}
	for _, d := range differences {
		for column := range strings.FieldsSeq(d.columns) {
			if !strings.Contains(decode.CSVHeader(), column) {
				t.Errorf("the difference %q is about %s, which is no column", d.name, column)
			}
		}
	}
	program := testbed.NeedTool(t, "tshark")
	known := map[string]bool{}
	for line := range strings.Lines(glossary(t, program, "fields") + glossary(t, program, "protocols")) { // some options are protocols
		for word := range strings.SplitSeq(strings.TrimSuffix(line, "\n"), "\t") {
			known[word] = true
		}
	}
	for name := range wantedFields() {
		if !known[name] {
			t.Errorf("tshark knows no field %s", name)
		}
	}
}

// report is what the tally has, in words.
func (t *tally) report() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d packets, %d fields the same, %d that one has not because of decode_error\n", t.packets, t.fields(), sum(t.explained))
	for _, d := range differences {
		if n := t.meant[d.name]; n > 0 {
			fmt.Fprintf(&b, "meant, %d times: %s: %s\n", n, d.name, d.reason)
		}
	}
	return b.String()
}

func sum(counts map[string]int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}
