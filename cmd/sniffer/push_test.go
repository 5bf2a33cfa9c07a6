package main

import (
	"bytes"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"network-sniffer/board/testbed"
	"network-sniffer/decode"
	"network-sniffer/rawsock/savefile"
)

// captureOf is a pcap file of so many frames of all kinds, seen now.
func captureOf(t *testing.T, frames int) []byte {
	t.Helper()
	var file bytes.Buffer
	w := savefile.NewPcapWriter(&file)
	if _, err := w.AddInterface(savefile.Interface{LinkType: uint16(decode.LinkEthernet), SnapLength: 65535}); err != nil {
		t.Fatal(err)
	}
	kinds := testbed.AllKinds()
	var data []byte
	for i := range frames {
		data = testbed.BuildFrame(data, uint32(i), kinds[i%len(kinds)], testbed.FrameConfig{})
		f := savefile.Frame{Time: time.Now().UnixNano(), LinkType: uint16(decode.LinkEthernet), WireLength: uint32(len(data)), Data: data}
		if err := w.WriteFrame(&f); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// TestPushWithNetcat: what nc sends, lines of JSON of which some are wrong and a capture file, is answered and becomes rows
// that say who sent them; a client that is killed in the middle of a capture leaves books that balance.
func TestPushWithNetcat(t *testing.T) {
	testbed.NeedRoot(t)
	testbed.NeedPostgres(t)
	nc := testbed.NeedTool(t, "nc")
	topology := testbed.Router(t, testbed.Quiet(), testbed.NoOffloads())
	url := testbed.SharedPostgres(t).NewDatabase(t)
	recorder := startRecorder(t, topology.Router, t.TempDir(), url, "--interface", topology.LanPort,
		"--console-listen", "127.0.0.1:8000", "--console-push")
	db := testbed.DB(t, url)
	const pushed = `interface = 'push 127.0.0.1'`

	const lines, wrong, frames = 1000, 100, 260
	var input bytes.Buffer
	input.WriteString("push\n")
	for i := range lines {
		end := "}\n"
		if i%(lines/wrong) == 0 {
			end = ",\"interface\":\"eth0\"}\n"
		}
		fmt.Fprintf(&input, `{"src_ip":"2001:db8::1","dst_ip":"2001:db8::2","src_port":%d,"dst_port":53%s`, i, end)
	}
	send := func(input []byte) string {
		command := topology.Router.Command(nc, "-N", "127.0.0.1", "8000")
		command.Stdin = bytes.NewReader(input)
		out, err := command.Output()
		if err != nil {
			t.Fatalf("nc: %v\n%s", err, out)
		}
		return string(out)
	}
	out := send(input.Bytes())
	understood := strings.Count(out, "Understood: [2001:db8::1]:")
	refused := strings.Count(out, `Refused: "interface": is not taken from a client; leave it out`)
	if understood != lines-wrong || refused != wrong {
		t.Errorf("%d lines were understood and %d refused; the end of the answers is %q", understood, refused, out[max(0, len(out)-300):])
	}

	file := captureOf(t, frames)
	if out := send(append([]byte("push pcap\n"), file...)); !strings.Contains(out, fmt.Sprintf("Understood: %d packets", frames)) {
		t.Errorf("a capture is answered %q", out)
	}

	command := topology.Router.Command(nc, "127.0.0.1", "8000")
	input.Reset()
	input.WriteString("push pcap\n")
	input.Write(file[:len(file)*2/3])
	wire, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	client := testbed.StartProcess(t, command)
	if _, err := wire.Write(input.Bytes()); err != nil {
		t.Fatal(err)
	}
	testbed.Eventually(t, patience, "half of a capture in the database", func() (bool, string) {
		n := testbed.QueryInt(t, db, `SELECT count(*) FROM sniffer.packets WHERE `+pushed)
		return n > lines-wrong+frames+frames/2, fmt.Sprint(n)
	})
	client.Signal(t, syscall.SIGKILL)
	testbed.Eventually(t, patience, "the rest to be refused", func() (bool, string) {
		n := testbed.QueryInt(t, db, `SELECT coalesce(sum(packets), 0) FROM sniffer.losses WHERE interface = 'push' AND reason = 'push_refused'`)
		return n == wrong+1, fmt.Sprint(n)
	})

	if err := recorder.Stop(t, syscall.SIGTERM); err != nil {
		t.Fatalf("the recorder ended with %v", err)
	}
	checkBooks(t, db)
	if n := testbed.QueryInt(t, db, `SELECT count(*) FROM sniffer.packets WHERE `+pushed+`
		AND src_ip = '2001:db8::1' AND dst_ip = '2001:db8::2' AND dst_port = 53 AND src_port % 10 <> 0 AND protocol IS NULL`); n != lines-wrong {
		t.Errorf("%d rows are those of the lines, want %d", n, lines-wrong)
	}
	if n := testbed.QueryInt(t, db, `SELECT count(*) FROM sniffer.packets WHERE `+pushed+` AND ether_type = 2054`); n < frames/13 {
		t.Errorf("%d rows of ARP, which the captures have", n)
	}
	if n := testbed.QueryInt(t, db, `SELECT count(*) FROM sniffer.coverage
		WHERE (capture_mode = 'push') IS DISTINCT FROM (interface IN ('push', 'push 127.0.0.1'))`); n != 0 {
		t.Errorf("%d intervals say otherwise how their packets came", n)
	}
	if out := recorder.Output(); !strings.Contains(out, "clients of the console may push packets") {
		t.Errorf("the log does not say that clients may send:\n%s", out)
	}
}
