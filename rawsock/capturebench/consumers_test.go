package capturebench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"network-sniffer/board/testbed"
)

// consumer is a program that takes frames from an interface until SIGINT.
type consumer struct {
	name    string
	command func(options) []string
	ready   string // what it writes when it is bound
	tally   func(output string) (tally, error)
	decodes bool          // and so knows which frames are the sender's
	holds   time.Duration // how long a frame may wait in the ring; 0: what the options say
}

// The names in the report.
const (
	snifferName = "sniffer: ring, full decode"
	touchName   = "sniffer: ring, no decode, headers touched"
	readName    = "sniffer: plain reads, full decode"
	cPacketName = "C: ring, headers touched"
	cRingName   = "C: ring, the ring's own headers alone"
	tcpdumpName = "tcpdump -s 128 -w /dev/null"
	mapName     = "gopacket: afpacket, DecodingLayerParser"
	sparseName  = "the same with its sparse container"
	readFrom    = "mdlayher/packet: ReadFrom, no decode"
)

// consumers are all of them; it skips or fails where a program is missing that they need.
func consumers(t testing.TB) []consumer {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	inGo := func(name, kind string, decodes bool) consumer {
		return consumer{name: name, ready: ready, tally: parseTally, decodes: decodes,
			command: func(o options) []string { return append([]string{self}, o.arguments(kind)...) }}
	}
	c := buildC(t)
	inC := func(name, touch string, decodes bool) consumer {
		return consumer{name: name, ready: ready, tally: parseTally, decodes: decodes, command: func(o options) []string {
			return []string{c, o.interfaces[0], strconv.Itoa(int(o.snap)), strconv.Itoa(o.blockSize), strconv.Itoa(o.blocks),
				strconv.Itoa(int(o.blockTimeout.Milliseconds())), touch}
		}}
	}
	tcpdump := testbed.NeedTool(t, "tcpdump")
	return []consumer{
		inGo(snifferName, "sniffer", true),
		inGo(touchName, "sniffer-touch", true),
		inGo(readName, "sniffer-read", true),
		inC(cPacketName, "packet", true),
		inC(cRingName, "ring", false),
		{name: tcpdumpName, ready: "listening on", tally: tcpdumpTally, holds: time.Second, command: func(o options) []string {
			// -B is the size of its ring, in KiB; -Z root keeps it from becoming a user who may not exist.
			return []string{tcpdump, "-i", o.interfaces[0], "-s", strconv.Itoa(int(o.snap)),
				"-B", strconv.Itoa(o.blockSize * o.blocks >> 10), "-Z", "root", "-w", "/dev/null"}
		}},
		inGo(mapName, "gopacket-map", true),
		inGo(sparseName, "gopacket-sparse", true),
		inGo(readFrom, "mdlayher", false),
	}
}

// named finds a consumer.
func named(t testing.TB, all []consumer, name string) consumer {
	t.Helper()
	for _, c := range all {
		if c.name == name {
			return c
		}
	}
	t.Fatalf("no consumer is called %q", name)
	return consumer{}
}

// buildC compiles testdata/consumer.c and returns the program.
func buildC(t testing.TB) string {
	t.Helper()
	compiler := testbed.NeedTool(t, "cc")
	path := filepath.Join(t.TempDir(), "consumer")
	output, err := exec.Command(compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-o", path, "testdata/consumer.c").CombinedOutput()
	if err != nil {
		t.Fatalf("compile testdata/consumer.c (it needs gcc and libc6-dev): %v\n%s", err, output)
	}
	return path
}

var tcpdumpCounts = regexp.MustCompile(`(?s)(\d+) packets? captured.*?(\d+) packets? dropped by kernel`)

// tcpdumpTally reads what tcpdump says at its end. It counts no bytes.
func tcpdumpTally(output string) (tally, error) {
	m := tcpdumpCounts.FindStringSubmatch(output)
	if m == nil {
		return tally{}, fmt.Errorf("no counts in what tcpdump wrote: %q", output)
	}
	var t tally
	for i, n := range []*uint64{&t.frames, &t.dropped} {
		v, err := strconv.ParseUint(m[i+1], 10, 64)
		if err != nil {
			return tally{}, fmt.Errorf("tcpdump's counts: %w", err)
		}
		*n = v
	}
	return t, nil
}
