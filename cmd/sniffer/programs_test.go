package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"network-sniffer/board/testbed"
	"network-sniffer/rawsock/savefile"
)

// pipeline is a shell's pipeline in a LAN, as a person would type it there.
type pipeline struct {
	*testbed.Process
	t     *testing.T
	name  string
	keys  *os.File // its standard input
	lines *bufio.Reader
}

// startPipeline starts one. Its standard input stays open until the test closes keys.
func startPipeline(t *testing.T, ns *testbed.Namespace, script string) *pipeline {
	t.Helper()
	input, keys, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer input.Close()
	output, into, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer into.Close()
	t.Cleanup(func() { keys.Close(); output.Close() })
	command := ns.Command("sh", "-c", script)
	command.Stdin, command.Stdout = input, into
	if err := output.SetReadDeadline(time.Now().Add(2 * patience)); err != nil {
		t.Fatal(err)
	}
	return &pipeline{testbed.StartProcess(t, command), t, script, keys, bufio.NewReader(output)}
}

// line returns the next line of the output, without its end.
func (p *pipeline) line() string {
	p.t.Helper()
	line, err := p.lines.ReadString('\n')
	if err != nil {
		p.t.Fatalf("%s: %q, %v; it said:\n%s", p.name, line, err, p.Output())
	}
	return strings.TrimSuffix(line, "\n")
}

// sights reads until the last packets of both interfaces were seen.
func (p *pipeline) sights(see func(string) (sight, error), last ...sight) (all []sight) {
	p.t.Helper()
	for missing := len(last); missing > 0; {
		line := p.line()
		s, err := see(line)
		if err != nil {
			p.t.Fatalf("%s wrote %q: %v", p.name, line, err)
		}
		all = append(all, s)
		if slices.ContainsFunc(last, func(l sight) bool { return l.iface == s.iface && l.what == s.what }) {
			missing--
		}
	}
	return all
}

// ended waits until the pipeline has ended by itself, and well, and returns what was left of its output.
func (p *pipeline) ended() string {
	p.t.Helper()
	rest, err := io.ReadAll(p.lines)
	if err != nil {
		p.t.Fatalf("%s does not end: %v, after %q", p.name, err, rest)
	}
	testbed.Await(p.t, p.Done(), patience, "the end of "+p.name)
	if err := p.Err(); err != nil {
		p.t.Errorf("%s: %v, after %q; it said:\n%s", p.name, err, rest, p.Output())
	}
	return string(rest)
}

// TestPrograms: nc, jq, tshark and text2pcap on the LAN of a router are told by every stream of the console the same of what
// was sent through it.
func TestPrograms(t *testing.T) {
	testbed.NeedRoot(t)
	testbed.NeedPostgres(t)
	for _, tool := range []string{"nc", "jq", "tshark", "text2pcap"} {
		testbed.NeedTool(t, tool)
	}
	topology := testbed.Router(t, testbed.Quiet(), testbed.NoOffloads())
	url := testbed.SharedPostgres(t).NewDatabase(t)
	const snapLength = 256
	recorder := startRecorder(t, topology.Router, t.TempDir(), url, "--interface", "lan0,wan0", "--snaplen", fmt.Sprint(snapLength),
		"--console-listen", "lan0:8000", "--console-allow", "any", "--pcap-listen", "lan0:8001")
	start := func(script string) *pipeline { t.Helper(); return startPipeline(t, topology.Lan, script) }
	saved, dumped := filepath.Join(t.TempDir(), "saved.pcapng"), filepath.Join(t.TempDir(), "dumped.pcap")

	all := start(`echo json | nc 192.168.1.1 8000 | jq --unbuffered -c .`)
	web := start(`echo 'json tcp port 443' | nc 192.168.1.1 8000 | jq --unbuffered -c .`)
	table := start(`echo csv | nc 192.168.1.1 8000`)
	piped := start(`(echo pcap; cat) | nc 192.168.1.1 8000 | tshark -i - ` + tsharkOptions())
	direct := start(`tshark -i TCP@192.168.1.1:8001 -P -w ` + saved + ` ` + tsharkOptions())
	top := start(`(echo 'top protocols 20 1 --json'; cat) | nc 192.168.1.1 8000 |
		jq --unbuffered -c '.rows[] | [.protocol_name, .packets]'`)
	hex := start(`echo 'hex udp src port 10002' | nc -N 192.168.1.1 8000 | text2pcap -q - ` + dumped)
	person := start(`nc 192.168.1.1 8000`)
	awaitStreams(t, topology.Lan, "csv", "hex", "json", "json", "pcap", "pcap", "top", "watch")

	begin := time.Now().UnixNano()
	want := lookUp(t, topology)
	const first, second = 26, 13 // frames of each kind, one or more
	for _, from := range []struct {
		ns           *testbed.Namespace
		iface        string
		first, count uint32
	}{{topology.Lan, "lan0", 0, first}, {topology.Wan, "wan0", first, second}} {
		config := testbed.SendConfig{First: from.first, Count: int(from.count)}
		if _, err := testbed.NewSender(t, from.ns, topology.HostPort).SendNumbered(context.Background(), config); err != nil {
			t.Fatal(err)
		}
		for n := from.first; n < from.first+from.count; n++ {
			want = append(want, seeNumbered(from.iface, n))
		}
	}
	last := []sight{seeNumbered("lan0", first-1), seeNumbered("wan0", first+second-1)}

	seen := map[string][]sight{
		"json":        all.sights(seeJSON, last...),
		"csv":         table.sights(seeCSV(table.line()), last...),
		"pcap":        piped.sights(seeTshark, last...),
		"pcap-listen": direct.sights(seeTshark, last...),
	}
	end := time.Now().UnixNano()
	for who, got := range seen {
		checkSights(t, who, got, want, begin, end)
		checkTimes(t, "json and "+who, seen["json"], got)
	}
	https := slices.DeleteFunc(slices.Clone(want), func(s sight) bool { return !strings.Contains(s.what, "dst_port=443 ") })
	checkSights(t, "json with a filter", web.sights(seeJSON, last...), https, begin, end)

	checkPerson(t, person, len(want))
	checkTop(t, top)
	checkAnswers(t, topology.Lan, first+2, second+2)
	message := topology.Lan.Run(t, "sh", "-c", `printf 'hello \033[2J router\n' | nc -N 192.168.1.1 8000`)
	if message != "Received message: hello \\x1b[2J router\r\n" {
		t.Errorf("a message is answered %q", message)
	}

	hex.ended()
	if frames := framesOf(t, dumped); len(frames) != 1 || !isNumbered(frames[0].Data, uint32(testbed.UDPv4), snapLength) {
		t.Errorf("text2pcap has made %d frames of a hex dump: %x", len(frames), frames)
	}
	if err := recorder.Stop(t, syscall.SIGTERM); err != nil {
		t.Fatalf("the recorder ended with %v", err)
	}
	if log := recorder.Output(); !strings.Contains(log, `hello \\x1b[2J router`) {
		t.Errorf("the message is not in the log:\n%s", log)
	}
	// The streams end with the recorder.
	for _, p := range []*pipeline{all, web, table, direct} {
		if rest := p.ended(); rest != "" {
			t.Errorf("%s: then came %q", p.name, rest)
		}
	}
	numbers := 0
	for _, f := range framesOf(t, saved) {
		if n, ok := testbed.FrameNumber(f.Data); ok {
			numbers++
			if !isNumbered(f.Data, n, snapLength) {
				t.Errorf("frame %d in tshark's file: %x", n, f.Data)
			}
		}
	}
	if numbers != first+second {
		t.Errorf("tshark has saved %d frames, want %d", numbers, first+second)
	}
}

// awaitStreams waits until the sessions of the console show this, in any order.
func awaitStreams(t *testing.T, lan *testbed.Namespace, want ...string) {
	t.Helper()
	who := (&crowd{t: t, lan: lan}).ask
	testbed.Eventually(t, patience, fmt.Sprint("the streams ", want), func() (bool, string) {
		text, err := who("who --json")
		if err != nil {
			return false, err.Error()
		}
		var answer struct{ Sessions []struct{ Stream string } }
		if err := json.NewDecoder(strings.NewReader(text)).Decode(&answer); err != nil {
			t.Fatalf("who answers %q: %v", text, err)
		}
		var streams []string
		for _, s := range answer.Sessions {
			if s.Stream != "none" { // ours
				streams = append(streams, s.Stream)
			}
		}
		slices.Sort(streams)
		return slices.Equal(streams, want), text
	})
}

// lookUp asks a server of names on the other side of the router, and returns what there is to see of it.
func lookUp(t *testing.T, topology *testbed.RouterNet) []sight {
	t.Helper()
	answerDNS(t, topology.Wan)
	const name = "www.example"
	query := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 1, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name + "."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}},
	}
	asked, err := query.Pack()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := topology.Lan.Dial("udp", testbed.WanHostIPv4+":53")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(asked); err != nil {
		t.Fatal(err)
	}
	told := make([]byte, 512)
	length, err := conn.Read(told)
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(conn.LocalAddr().String(), ":")
	const headers = 14 + 20 + 8 // of Ethernet, IPv4 and UDP
	var all []sight
	for _, way := range []struct {
		iface, direction, mac string
		answer                bool
	}{
		{"lan0", "in", testbed.LanHostMAC, false}, {"wan0", "out", testbed.RouterWanMAC, false},
		{"wan0", "in", testbed.WanHostMAC, true}, {"lan0", "out", testbed.RouterLanMAC, true},
	} {
		fields := map[string]string{
			"interface": way.iface, "direction": way.direction, "src_mac": way.mac, "name": name,
			"wire_length": fmt.Sprint(headers + len(asked)),
			"src_ip":      testbed.LanHostIPv4, "src_port": port, "dst_ip": testbed.WanHostIPv4, "dst_port": "53",
		}
		if way.answer {
			fields["wire_length"] = fmt.Sprint(headers + length)
			fields["src_ip"], fields["dst_ip"] = fields["dst_ip"], fields["src_ip"]
			fields["src_port"], fields["dst_port"] = fields["dst_port"], fields["src_port"]
		}
		all = append(all, see(0, func(name string) string { return fields[name] }))
	}
	return all
}

// checkPerson: an nc at which nobody types is greeted, and shown so many packets, a line each, that a person can read.
func checkPerson(t *testing.T, nc *pipeline, packets int) {
	t.Helper()
	const askForTerminal = "\xff\xfd\x18\r\x00" // IAC DO TERMINAL-TYPE (RFC 1091); the CR is for those that show it
	line := nc.line()
	if !strings.HasPrefix(line, askForTerminal+"network-sniffer ") {
		t.Errorf("who says nothing is told %q first", line)
	}
	for !strings.HasPrefix(line, "Live packets follow.") {
		line = nc.line()
	}
	const syn = "lan0 oth 192.0.2.1:10000 → 198.51.100.1:443 TCP [SYN] seq 0 win 64240 mss 1460 wscale 7 sackOK len 0\r"
	shown := 0
	for range packets {
		line = nc.line()
		if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\r' || r == 0xfffd }) {
			t.Errorf("a terminal is sent %q", line)
		}
		if strings.HasSuffix(line, " "+syn) {
			shown++
		}
	}
	if shown != 1 {
		t.Errorf("the line of the first frame is shown %d times", shown)
	}
	if _, err := io.WriteString(nc.keys, "quit\n"); err != nil {
		t.Fatal(err)
	}
	nc.keys.Close()
	if rest := nc.ended(); rest != "Goodbye.\r\n" {
		t.Errorf("quit is answered %q", rest)
	}
}

// checkTop adds up tables until they hold the packets that were sent.
func checkTop(t *testing.T, tables *pipeline) {
	t.Helper()
	left := map[string]int{
		"TCP/TLS": 12, "UDP": 12, "UDP/DNS": 4, "ICMP": 3, "ICMPv6": 3, "ARP": 3, "ether-type 0x88b5": 3, "no-ether-type": 3,
	}
	for len(left) > 0 {
		line := tables.line()
		var protocol string
		var packets int
		if err := json.Unmarshal([]byte(line), &[]any{&protocol, &packets}); err != nil {
			t.Fatalf("top says %q: %v", line, err)
		}
		if left[protocol] -= packets; left[protocol] < 0 {
			t.Fatalf("top has %d packets of %s too many; left are %v", -left[protocol], protocol, left)
		}
		if left[protocol] == 0 {
			delete(left, protocol)
		}
	}
}

// checkAnswers: the reports, through jq, are of so many packets of the two interfaces.
func checkAnswers(t *testing.T, lan *testbed.Namespace, lan0, wan0 int) {
	t.Helper()
	received := fmt.Sprintf(`[["lan0",%d,{}],["wan0",%d,{}]]`, lan0, wan0)
	const ofInterfaces = `[.interfaces[] | [.interface, .received, .losses]] | sort`
	for _, report := range []struct{ command, filter, want string }{
		{"stats", ofInterfaces, received},
		{"interfaces", ofInterfaces, received},
		{"books", `[.balanced, .rows.stored_row_count, .rows.backlog_row_count]`, fmt.Sprintf("[true,%d,0]", lan0+wan0)},
		{"books", ofInterfaces, received},
		{"uplink", `[.state, .row_count]`, fmt.Sprintf(`["connected",%d]`, lan0+wan0)},
		{"spool", `[.backlog_row_count, .sealed_segments - .sent_segments]`, "[0,0]"},
		{"who", `[.sessions[] | select(.you).stream]`, `["none"]`},
	} {
		script := fmt.Sprintf(`echo '%s --json' | nc -N 192.168.1.1 8000 | jq -c '%s'`, report.command, report.filter)
		testbed.Eventually(t, patience, report.command+" to tell "+report.want, func() (bool, string) {
			got := lan.Run(t, "sh", "-c", script)
			return got == report.want+"\n", got
		})
	}
}

// framesOf reads a capture file to its end.
func framesOf(t *testing.T, path string) (all []savefile.Frame) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := savefile.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	for {
		var f savefile.Frame
		if err := r.Next(&f); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		f.Data = slices.Clone(f.Data)
		all = append(all, f)
	}
}
