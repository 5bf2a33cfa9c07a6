package frame

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"network-sniffer/board/testbed"
	"network-sniffer/decode"
)

// sequence is bytes that count from 0.
func sequence(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func TestAppendHex(t *testing.T) {
	tag := func(m decode.Meta) decode.Meta {
		m.VLANTPID, m.VLANTCI = 0x8100, 0x6005
		return m
	}
	ethernet := decode.Meta{LinkType: decode.LinkEthernet, WireLength: 20}
	for _, row := range []struct {
		name string
		fr   Frame
		want []string
	}{
		{"nothing", Frame{}, nil},
		{"a row and a bit", Frame{Meta: ethernet, Data: []byte("GET / HTTP/1.1\r\n\x1b[2J")}, []string{
			"00000000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  |GET / HTTP/1.1..|",
			"00000010  1b 5b 32 4a                                       |.[2J|"}},
		{"not printable ASCII", Frame{Meta: ethernet, Data: []byte("~\x7f\x80\xff \x00é|")}, []string{
			"00000000  7e 7f 80 ff 20 00 c3 a9  7c                       |~... ...||",
			"00000009  not captured: 11"}},
		{"a whole row", Frame{Meta: decode.Meta{WireLength: 16}, Data: sequence(16)}, []string{
			"00000000  00 01 02 03 04 05 06 07  08 09 0a 0b 0c 0d 0e 0f  |................|"}},
		{"with its tag", Frame{Meta: tag(ethernet), Data: sequence(20)}, []string{
			"00000000  00 01 02 03 04 05 06 07  08 09 0a 0b 81 00 60 05  |..............`.|",
			"00000010  0c 0d 0e 0f 10 11 12 13                           |........|"}},
		{"cut in front of its tag", Frame{Meta: tag(ethernet), Data: sequence(11)}, []string{
			"00000000  00 01 02 03 04 05 06 07  08 09 0a                 |...........|",
			"0000000b  not captured: 13"}},
	} {
		want := "before " + strings.Join(row.want, "\n")
		if row.want != nil {
			want += "\n"
		}
		if got := string(AppendHex([]byte("before "), &row.fr)); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", row.name, got, want)
		}
	}
	fr, dst := built(1, testbed.TCPData, decode.In), make([]byte, 0, 1<<16)
	if n := testing.AllocsPerRun(10, func() { AppendHex(dst, fr) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestText2pcapReadsTheDump: from what a person copies out of a terminal text2pcap makes the frames again, cut as they were.
func TestText2pcapReadsTheDump(t *testing.T) {
	program := testbed.NeedTool(t, "text2pcap")
	var dump []byte
	var want [][]byte
	for n, kind := range testbed.AllKinds() {
		fr := built(uint32(n), kind, decode.In)
		fr.Data = fr.Data[:min(len(fr.Data), 200+n)]
		w := onWire(fr)
		dump, want = AppendHex(dump, fr), append(want, bytesOf(&w))
	}
	path := filepath.Join(t.TempDir(), "frames.pcap")
	command := exec.CommandContext(t.Context(), program, "-q", "-", path)
	command.Stdin = bytes.NewReader(dump)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("text2pcap: %v: %s", err, out)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := read(t, file)
	if len(got) != len(want) {
		t.Fatalf("%d frames, want %d", len(got), len(want))
	}
	for i := range want {
		if !bytes.Equal(got[i].Data, want[i]) {
			t.Errorf("frame %d: % x\nwant % x", i, got[i].Data, want[i])
		}
	}
}
