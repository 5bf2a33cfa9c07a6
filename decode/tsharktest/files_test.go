package tsharktest

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"network-sniffer/board/testbed"
	"network-sniffer/decode"
	"network-sniffer/rawsock/savefile"
)

// links are the link types that decode knows.
var links = []decode.LinkType{decode.LinkNull, decode.LinkEthernet, decode.LinkPPP, decode.LinkRaw, decode.LinkLinuxSLL,
	decode.LinkIPv4, decode.LinkIPv6, decode.LinkLinuxSLL2}

// TestFiles compares the capture files that are named behind -args, and without any those in testdata.
func TestFiles(t *testing.T) {
	program := testbed.NeedTool(t, "tshark")
	files := flag.Args()
	if len(files) == 0 {
		var err error
		if files, err = filepath.Glob("testdata/*.pcapng"); err != nil {
			t.Fatal(err)
		}
		if len(files) == 0 {
			t.Log("testdata has no capture files")
		}
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) { compareFile(t, program, path) })
	}
}

// compareFile compares every packet of a file, and says of each difference where it is.
func compareFile(t *testing.T, program, path string) {
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	in, err := savefile.NewReader(file)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	tally := newTally()
	number, different := 0, 0
	left := map[uint16]int{} // link type to its packets, which decode does not know
	var f savefile.Frame
	var p decode.Packet
	var end error
	sharkErr := shark(t, program, path, wantedFields(), func(d *dissection) {
		number++
		if end != nil {
			return
		}
		if end = in.Next(&f); end != nil {
			return
		}
		link := decode.LinkType(f.LinkType)
		if !slices.Contains(links, link) {
			left[f.LinkType]++
			return
		}
		decode.Decode(&p, &decode.Meta{Time: f.Time, WireLength: f.WireLength, LinkType: link, Direction: decode.Direction(f.Direction)}, f.Data)
		sentences, err := tally.compare(&p, d, in.Interfaces()[f.Interface].Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range sentences {
			different++
			t.Errorf("frame %d: %s\n    %s", number, s, p.AppendText(nil, "-"))
		}
	})
	if end == nil {
		if end = in.Next(&f); end == nil {
			t.Errorf("tshark read %d packets, and there are more", number)
		}
	} else if end == io.EOF {
		t.Errorf("tshark read %d packets, and there are not so many", number)
	}
	switch damaged := end != nil && end != io.EOF; {
	case damaged: // of which tshark says so too
		t.Logf("the file is damaged, what follows was left out: %v", end)
	case sharkErr != nil:
		t.Error(sharkErr)
	}
	report := fmt.Sprintf("%s: %s", path, tally.report())
	for link, n := range left {
		report += fmt.Sprintf("left out: %d packets of link type %d, which decode does not know\n", n, link)
	}
	report += "left out: device, which the configuration names, and what decode_error says\n"
	t.Logf("%s%d differences", report, different)
}
