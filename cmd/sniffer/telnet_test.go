package main

import (
	"bytes"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"network-sniffer/board/testbed"
	"network-sniffer/decode"
)

const prompt = "sniffer> "

// shownKinds is how the console shows one frame of each of the testbed's kinds, numbered from 0.
var shownKinds = []string{
	"lan0 oth 192.0.2.1:10000 → 198.51.100.1:443 TCP [SYN] seq 0 win 64240 mss 1460 wscale 7 sackOK len 0",
	"lan0 oth 192.0.2.1:10001 → 198.51.100.1:443 TCP [PSH,ACK] seq 1 ack 4294967294 win 64240 len 512",
	"lan0 oth 192.0.2.1:10002 → 198.51.100.1:9 UDP len 32",
	"lan0 oth [2001:db8:0:1::1]:10003 → [2001:db8:0:2::1]:9 UDP len 32",
	"lan0 oth [2001:db8:0:1::1]:10004 → [2001:db8:0:2::1]:443 TCP [ACK] seq 4 ack 4294967291 win 64240 len 64",
	"lan0 oth 192.0.2.1 → 198.51.100.1 ICMP echo-request len 56",
	"lan0 oth 2001:db8:0:1::1 → 2001:db8:0:2::1 ICMPv6 echo-request len 56",
	"lan0 bc  ARP who-has 198.51.100.1 tell 192.0.2.1",
	"lan0 oth vlan 42 192.0.2.1:10008 → 198.51.100.1:9 UDP len 32",
	"lan0 oth 192.0.2.1 → 198.51.100.1 UDP fragment 1480 id 9 len 100",
	"lan0 oth 06:5e:00:00:00:0a → 06:5e:ff:00:00:01 ether-type 0x88b5 wire 60",
	"lan0 oth 06:5e:00:00:00:0b → 06:5e:ff:00:00:01 no-ether-type wire 60",
	"lan0 oth 192.0.2.1:10012 → 198.51.100.1:443 TCP [ACK] seq 12 ack 4294967283 win 64240 len 1346",
}

// udpKinds are those of shownKinds that the filter udp lets through.
var udpKinds = []testbed.Kind{testbed.UDPv4, testbed.UDPv6, testbed.VLANUDP, testbed.Fragment}

func shown(kinds ...testbed.Kind) (lines []string) {
	for _, k := range kinds {
		lines = append(lines, shownKinds[k])
	}
	return lines
}

// telnetVisit is somebody in the LAN who uses Debian's telnet.
type telnetVisit struct {
	*screen
	topology *testbed.RouterNet
	recorder *testbed.Process
	url      string
	sender   *testbed.Sender
	sent     int             // frames on lan0, until the first program there that makes its own
	typed    map[string]bool // commands
}

func openTelnet(t *testing.T, ns *testbed.Namespace, terminal string) *screen {
	t.Helper()
	return openScreen(t, ns, terminal, testbed.NeedTool(t, "telnet"), testbed.RouterLanIPv4, "8000")
}

// send puts a frame of each kind on the LAN, numbered as in shownKinds. They are for another host: nobody answers or forwards
// them.
func (v *telnetVisit) send(t *testing.T, kinds ...testbed.Kind) {
	t.Helper()
	for _, k := range kinds {
		if err := v.sender.Send(t.Context(), frameOf(k)); err != nil {
			t.Fatal(err)
		}
		v.sent++
	}
}

func frameOf(k testbed.Kind) []byte {
	return testbed.BuildFrame(nil, uint32(k), k, testbed.FrameConfig{})
}

// do types a command and returns the rows of its answer.
func (v *telnetVisit) do(t *testing.T, command string) []string {
	t.Helper()
	name, _, _ := strings.Cut(command, " ")
	v.typed[name] = true
	v.press(t, command+"\r")
	v.await(t, command+"\r\n")
	answer := rows(v.await(t, prompt))
	return answer[:len(answer)-1]
}

// answers checks the whole answer of a command.
func (v *telnetVisit) answers(t *testing.T, command string, want ...string) {
	t.Helper()
	if got := v.do(t, command); !slices.Equal(got, want) {
		t.Errorf("%s is answered\n%s\nwant\n%s", command, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// comesTo repeats a command until its answer has a row that is as wanted.
func (v *telnetVisit) comesTo(t *testing.T, command string, want ...string) {
	t.Helper()
	testbed.Eventually(t, patience, command+" to show "+strings.Join(want, ", "), func() (bool, string) {
		got := v.do(t, command)
		for _, w := range want {
			if !slices.Contains(got, w) {
				return false, strings.Join(got, "\n")
			}
		}
		return true, ""
	})
}

// clock begins each packet's line.
var clock = regexp.MustCompile(`^\d\d:\d\d:\d\d\.\d{6} `)

// timeless are the lines of packets without the time, and no other rows.
func timeless(rows []string) (lines []string) {
	for _, r := range rows {
		if at := clock.FindString(r); at != "" {
			lines = append(lines, r[len(at):])
		}
	}
	return lines
}

// shows waits for the last of the lines of packets, and checks all that came.
func (v *telnetVisit) shows(t *testing.T, want []string) (sent string) {
	t.Helper()
	sent = v.await(t, want[len(want)-1])
	if got := timeless(rows(sent)); !slices.Equal(got, want) {
		t.Errorf("the packets shown are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	return sent
}

// TestTelnet is the visit of a person who has telnet and nothing else: every command of help once, each compared with what was
// sent.
func TestTelnet(t *testing.T) {
	testbed.NeedRoot(t)
	testbed.NeedPostgres(t)
	topology := testbed.Router(t, testbed.Quiet(), testbed.NoOffloads())
	topology.Router.Route(t, "default", testbed.WanHostIPv4) // or else nobody knows which side the LAN is
	v := &telnetVisit{topology: topology, url: testbed.SharedPostgres(t).NewDatabase(t), typed: map[string]bool{},
		sender: testbed.NewSender(t, topology.Lan, topology.HostPort)}
	v.recorder = startRecorder(t, topology.Router, t.TempDir(), v.url, "--interface", topology.LanPort,
		"--interface", topology.WanPort, "--console-listen", topology.LanPort+":8000", "--console-push")
	v.screen = openTelnet(t, topology.Lan, "xterm")
	for _, part := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"greeting", v.greeting},
		{"packets", v.packets},
		{"colour", v.colour},
		{"keys", v.keys},
		{"filter", v.filter},
		{"pause", v.pause},
		{"typing", v.typing},
		{"limit", v.limit},
		{"last", v.last},
		{"hex", v.hex},
		{"for programs", v.forPrograms},
		{"reports", v.reports},
		{"top", v.top},
		{"follow", v.follow},
		{"who and version", v.who},
		{"mark", v.mark},
		{"message", v.message},
		{"push", v.push},
		{"help", v.help},
		{"quit", v.quit},
	} {
		if !t.Run(part.name, part.run) {
			t.FailNow() // what follows builds on it
		}
	}
	if err := v.recorder.Stop(t, syscall.SIGTERM); err != nil {
		t.Errorf("the recorder ended with %v", err)
	}
	checkBooks(t, testbed.DB(t, v.url))
}

func (v *telnetVisit) greeting(t *testing.T) {
	got := rows(v.await(t, prompt))
	i := slices.Index(got, "network-sniffer "+version)
	if i < 0 {
		t.Fatalf("the greeting is\n%s", strings.Join(got, "\n"))
	}
	want := []string{"network-sniffer " + version, "Device:     router", "Interfaces: lan0, wan0", "Filter:     none",
		`Note:       clients of the console may push packets, which are recorded as those of "push" on their word alone`,
		"Live packets follow. Type help for the commands.", strings.TrimSpace(prompt)}
	got = slices.DeleteFunc(got[i:], func(row string) bool { return strings.HasPrefix(row, "Database:   ") })
	if !slices.Equal(got, want) {
		t.Errorf("the greeting is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// packets: one frame of each kind, without being asked.
func (v *telnetVisit) packets(t *testing.T) {
	v.send(t, testbed.AllKinds()...)
	v.shows(t, shownKinds)
	v.do(t, "watch arp or icmp6")
	v.send(t, testbed.AllKinds()...)
	v.send(t, testbed.ARPRequest)
	v.shows(t, shown(testbed.ICMPv6Echo, testbed.ARPRequest))
	v.shows(t, shown(testbed.ARPRequest))
	v.answers(t, "filter", "Filter: arp or icmp6")
	v.do(t, "filter off")
}

// color is SGR of ECMA-48.
var color = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// colour: where the terminal has some, and nowhere else.
func (v *telnetVisit) colour(t *testing.T) {
	dumb := openTelnet(t, v.topology.Lan, "dumb")
	dumb.await(t, prompt)
	v.send(t, testbed.AllKinds()...)
	last := shownKinds[len(shownKinds)-1]
	if sent := v.shows(t, shownKinds); !strings.Contains(sent, "sackOK len 0\x1b[m") {
		t.Errorf("xterm is sent no colour: %q", sent)
	}
	if sent := dumb.await(t, last); color.MatchString(sent) {
		t.Errorf("a dumb terminal is sent %q", sent)
	}
	dumb.press(t, "quit\r")
	dumb.end(t)
}

// keys edit the line.
func (v *telnetVisit) keys(t *testing.T) {
	answer := "network-sniffer " + version
	for _, keys := range []string{
		"versionx\x7f\r", // backspace
		"vesrion\x1b[D\x1b[D\x1b[D\x1b[D\x1b[Dr\x1b[C\x1b[3~\r", // left, right, Delete
		"ersion\x1b[Hv\x1b[F\r",                                 // Home, End
		"\x1b[A\r",                                              // up: the line before
		"ver\t\r",                                               // Tab
		"quit\x15version\r",                                     // Ctrl-U
	} {
		v.press(t, keys)
		v.await(t, answer+"\r\n")
		v.await(t, prompt)
	}
	v.press(t, "p\t")
	if got := rows(v.await(t, prompt+"p")); !slices.Contains(got, "pause  pcap   push") {
		t.Errorf("Tab shows %q", got)
	}
	v.press(t, "\x03")
	v.await(t, prompt)
}

func (v *telnetVisit) filter(t *testing.T) {
	v.answers(t, "filter tcp prt 80", `filter: column 5: "prt" does not follow from what stands before it; expected "and", "or" or the end`,
		"tcp prt 80", "    ^")
	v.answers(t, "filter", "No filter: every packet that is recorded is shown.")
	v.answers(t, "filter udp", "Filter: udp")
	v.send(t, testbed.AllKinds()...)
	v.shows(t, shown(udpKinds...))
	v.answers(t, "filter", "Filter: udp")
	v.answers(t, "filter off", "No filter any more.")
}

func (v *telnetVisit) pause(t *testing.T) {
	v.answers(t, "pause", "Paused. Type resume to go on.")
	v.send(t, testbed.AllKinds()...)
	v.comesTo(t, "pause", "Already paused: 13 packets went by so far. Type resume to go on.")
	v.answers(t, "resume", "Resumed: 13 packets went by.")
	v.send(t, testbed.UDPv4)
	v.shows(t, shown(testbed.UDPv4))
}

// typing holds the packets, and Enter lets them go on.
func (v *telnetVisit) typing(t *testing.T) {
	other := openTelnet(t, v.topology.Lan, "xterm")
	other.await(t, prompt)
	v.press(t, "vers")
	v.await(t, "vers")
	v.send(t, testbed.AllKinds()...)
	other.await(t, shownKinds[len(shownKinds)-1])
	v.press(t, "ion\r")
	if got := timeless(rows(v.await(t, "network-sniffer "+version+"\r\n"))); len(got) > 0 {
		t.Errorf("in the middle of a line are shown\n%s", strings.Join(got, "\n"))
	}
	v.await(t, "… 13 packets not shown\r\n")
	v.await(t, prompt)
	other.press(t, "\x04") // Ctrl-D
	if sent := other.end(t); !strings.Contains(sent, "Goodbye.") {
		t.Errorf("Ctrl-D is answered %q", sent)
	}
}

// limit: of packets that come too fast for a person some are shown, and the others are counted.
func (v *telnetVisit) limit(t *testing.T) {
	v.do(t, "watch")
	const count, second = 200, 50
	v.send(t, slices.Repeat([]testbed.Kind{testbed.UDPv4}, count)...)
	got := 0
	for hidden := 0; got+hidden < count; {
		for _, row := range rows(v.await(t, "not shown\r\n")) {
			n := 0
			if clock.MatchString(row) {
				got++
			} else if _, err := fmt.Sscanf(row, "… %d packet", &n); err == nil {
				hidden += n
			}
		}
		if got+hidden > count {
			t.Errorf("%d shown, %d not shown; %d were sent", got, hidden, count)
		}
	}
	if got < second || got == count {
		t.Errorf("%d of %d are shown, %d are due in a second", got, count, second)
	}
}

// last shows again what was shown.
func (v *telnetVisit) last(t *testing.T) {
	v.do(t, "watch")
	v.send(t, testbed.AllKinds()...)
	before := rows(v.shows(t, shownKinds))
	v.await(t, prompt)
	v.answers(t, "last 13", before[len(before)-len(shownKinds):]...)
	v.do(t, "filter tcp port 443")
	if got, want := timeless(v.do(t, "last 1")), shown(testbed.TCPLarge); !slices.Equal(got, want) {
		t.Errorf("the last one is %q, want %q", got, want)
	}
	v.do(t, "filter off")
}

// hex shows the bytes of the next packet that matches.
func (v *telnetVisit) hex(t *testing.T) {
	v.do(t, "hex vlan 42")
	v.send(t, testbed.UDPv4, testbed.VLANUDP)
	want := frameOf(testbed.VLANUDP)
	dump := rows(v.await(t, fmt.Sprintf("%08x  ", len(want)/16*16)) + v.await(t, prompt))
	if got := timeless(dump); !slices.Equal(got, shown(testbed.VLANUDP)) {
		t.Errorf("above the dump stands %q", got)
	}
	var got []byte
	for _, row := range dump {
		digits, _, _ := strings.Cut(row, "  |")
		offset, digits, ok := strings.Cut(digits, "  ")
		if !ok || len(offset) != 8 {
			continue
		}
		b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
		if err != nil || offset != fmt.Sprintf("%08x", len(got)) {
			t.Fatalf("row %q of the dump, behind %d bytes: %v", row, len(got), err)
		}
		got = append(got, b...)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the bytes are\n%x\nwant\n%x", got, want)
	}
	v.send(t, testbed.ARPRequest)
	v.shows(t, shown(testbed.ARPRequest)) // live packets go on
}

// forPrograms: their lines may be looked at, but not their binary stream.
func (v *telnetVisit) forPrograms(t *testing.T) {
	begin := time.Now()
	v.do(t, "json udp dst port 9")
	v.send(t, testbed.ARPRequest, testbed.UDPv4)
	var object map[string]any
	line := rowWith(t, v.await(t, "}")+v.await(t, prompt), "{")
	if err := json.Unmarshal([]byte(line), &object); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	fields := map[string]string{}
	for name, value := range object {
		fields[name] = fmt.Sprint(value)
	}
	checkUDP(t, fields, begin)

	v.do(t, "csv udp dst port 9")
	v.send(t, testbed.ARPRequest, testbed.UDPv4)
	line = rowWith(t, v.await(t, ",router,lan0,")+v.await(t, prompt), ",router,lan0,")
	records, err := csv.NewReader(strings.NewReader(decode.CSVHeader() + "\n" + line)).ReadAll()
	if err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	for i, name := range records[0] {
		fields[name] = records[1][i]
	}
	checkUDP(t, fields, begin)
	v.answers(t, "pcap", "This is no place for binary data. From a shell: (echo pcap; cat) | nc HOST 8000 | wireshark -k -i -")
	v.do(t, "watch")
}

// rowWith returns the last row of a terminal that has some text in it.
func rowWith(t *testing.T, sent, text string) string {
	t.Helper()
	for _, row := range slices.Backward(rows(sent)) {
		if strings.Contains(row, text) {
			return row
		}
	}
	t.Fatalf("no row has %q: %q", text, sent)
	return ""
}

// checkUDP: the fields are those of the UDPv4 among the frames, sent since then.
func checkUDP(t *testing.T, fields map[string]string, since time.Time) {
	t.Helper()
	for name, want := range map[string]string{"device": "router", "interface": "lan0", "src_mac": "06:5e:00:00:00:02",
		"src_ip": "192.0.2.1", "dst_ip": "198.51.100.1", "src_port": "10002", "dst_port": "9", "wire_length": "74",
		"captured_length": "74", "payload_length": "32"} {
		if fields[name] != want {
			t.Errorf("%s is %q, want %q", name, fields[name], want)
		}
	}
	at, err := time.Parse(time.RFC3339Nano, fields["ts"])
	const coarse = time.Second // of the clock that stamps packets
	if err != nil || at.Before(since.Add(-coarse)) || at.After(time.Now().Add(coarse)) {
		t.Errorf("the time is %q, %v; sent after %v", fields["ts"], err, since)
	}
}

// reports agree with what was sent, when it has reached the database.
func (v *telnetVisit) reports(t *testing.T) {
	received := fmt.Sprintf("received %d = rows %d + losses 0", v.sent, v.sent)
	v.comesTo(t, "books", "lan0: "+received,
		fmt.Sprintf("rows: %d of this run + 0 from before = %d in the database + 0 in the spool", v.sent, v.sent),
		"the books balance: every packet is a row or a loss with a name, every row is stored, waiting or counted")
	v.comesTo(t, "stats", "lan0: "+received, "wan0: nothing received yet", "spool: 0 segments, 0 of 268435456 bytes")
	v.comesTo(t, "spool", "spool: 0 segments, 0 of 268435456 bytes", "waiting: 0 segments, 0 rows; 0 files hold many segments each")
	v.comesTo(t, "interfaces", "lan0: up, index "+fmt.Sprint(v.topology.Router.Interface(t, v.topology.LanPort).Index)+
		", MTU 1500; link type 1, Ethernet (EN10MB)", "  since the start: "+received)
	uplink := v.do(t, "uplink")
	if len(uplink) == 0 || !strings.HasPrefix(uplink[0], "state: connected since ") || !slices.Contains(uplink, "backlog: 0 segments, 0 rows") ||
		!slices.ContainsFunc(uplink, func(row string) bool { return strings.HasPrefix(row, fmt.Sprintf("stored: %d rows, ", v.sent)) }) {
		t.Errorf("uplink shows\n%s", strings.Join(uplink, "\n"))
	}
	if n := testbed.QueryInt(t, testbed.DB(t, v.url), `SELECT count(*) FROM sniffer.packets`); n != int64(v.sent) {
		t.Errorf("the database has %d rows, %d frames were sent", n, v.sent)
	}
}

// top: each kind of table, of frames whose bytes are known, until a key is pressed.
func (v *telnetVisit) top(t *testing.T) {
	frames := []testbed.Kind{testbed.TCPSYN, testbed.UDPv4, testbed.UDPv6, testbed.ICMPEcho, testbed.ARPRequest} // 74+74+94+98+60 bytes
	answerDNS(t, v.topology.Wan)
	for _, row := range []struct {
		kind    string
		summary string
		rows    []string // their first and last columns
	}{
		{"hosts", ": 5 packets, 400 bytes", []string{"192.0.2.1 306", "198.51.100.1 306", "2001:db8:0:1::1 94", "2001:db8:0:2::1 94"}},
		{"ports", ": 5 packets, 400 bytes", []string{"UDP/9 168", "TCP/443 74"}},
		{"protocols", ": 5 packets, 400 bytes", []string{"UDP 168", "ICMP 98", "TCP/TLS 74", "ARP 60"}},
		{"conversations", ": 5 packets, 400 bytes", []string{"[2001:db8:0:1::1]:10003 94", "192.0.2.1 98", "192.0.2.1:10000 74", "192.0.2.1:10002 74"}},
		{"names", ": 4 packets, ", []string{"www.example 100.0%"}}, // query and answer, at both interfaces
	} {
		v.press(t, "top "+row.kind+" 10 1\r")
		v.typed["top"] = true
		v.await(t, "Looking for 1 s …\r\n")
		testbed.Eventually(t, patience, "a table of "+row.kind, func() (bool, string) {
			if row.kind == "names" {
				v.lookUp(t)
			} else {
				v.send(t, frames...)
			}
			table := rows(v.await(t, "Any key ends this.\r\n"))
			text := strings.Join(table, "\n")
			var got []string
			for _, r := range table {
				if words := strings.Fields(r); len(words) > 2 {
					got = append(got, words[0]+" "+words[len(words)-1])
				}
			}
			// All were in one second, unless the machine was slow.
			return strings.Contains(text, row.summary) &&
				!slices.ContainsFunc(row.rows, func(want string) bool { return !slices.Contains(got, want) }), text
		})
		v.press(t, "q")
		v.await(t, prompt)
	}
}

// lookUp asks the WAN's host for a name, and waits for its answer.
func (v *telnetVisit) lookUp(t *testing.T) {
	t.Helper()
	conn, err := v.topology.Lan.Dial("udp", testbed.WanHostIPv4+":53")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	query := dnsmessage.Message{Header: dnsmessage.Header{ID: 1}, Questions: []dnsmessage.Question{
		{Name: dnsmessage.MustNewName("www.example."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}}}
	b, err := query.Pack()
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(b); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 512)); err != nil {
		t.Fatal(err)
	}
}

// follow shows a real conversation, with numbers that begin at 0.
func (v *telnetVisit) follow(t *testing.T) {
	server, err := v.topology.Router.Listen("tcp", testbed.RouterLanIPv4+":4321")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	const client = testbed.LanHostIPv4 + ":40000"
	got := v.do(t, "follow "+client+" "+server.Addr().String())
	if want := "→ is from " + client + ", ← from " + server.Addr().String() + ". watch ends this."; !slices.Equal(got, []string{want}) {
		t.Errorf("follow says %q, want %q", got, want)
	}
	var conn net.Conn
	if err := v.topology.Lan.Do(func() (err error) {
		dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(client)), Timeout: patience}
		conn, err = dialer.Dial("tcp", server.Addr().String())
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	accepted, err := server.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	v.send(t, testbed.AllKinds()...) // nobody follows these
	if _, err := conn.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(accepted, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	accepted.Close()
	if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
		t.Fatal(err)
	}
	conn.Close()
	all := timeless(rows(v.await(t, "seq 2 ack 7") + v.await(t, prompt)))
	since := regexp.MustCompile(`^\+\d+\.\d{6} `)
	for i, packet := range all {
		if !since.MatchString(packet) {
			t.Errorf("packet %q does not tell the time since the one before", packet)
		}
		packet, _, _ = strings.Cut(since.ReplaceAllString(packet, ""), " win")
		all[i] = packet
	}
	opening := []string{"→ [SYN] seq 0", "← [SYN,ACK] seq 0 ack 1", "→ [ACK] seq 1 ack 1", "→ [PSH,ACK] seq 1 ack 1"}
	if len(all) < len(opening) || !slices.Equal(all[:len(opening)], opening) || !slices.Contains(all, "← [FIN,ACK] seq 1 ack 6") ||
		!slices.Contains(all, "→ [FIN,ACK] seq 6 ack 2") || all[len(all)-1] != "← [ACK] seq 2 ack 7" {
		t.Errorf("the conversation is\n%s", strings.Join(all, "\n"))
	}
	v.do(t, "watch")
	v.send(t, testbed.UDPv4)
	v.shows(t, shown(testbed.UDPv4))
}

func (v *telnetVisit) who(t *testing.T) {
	v.answers(t, "version", "network-sniffer "+version)
	got := strings.Join(v.do(t, "who"), "\n")
	if !regexp.MustCompile(`^192\.168\.1\.2:\d+ +since \S+Z  watch   \d+ shown, \d+ not shown \(you\)$`).MatchString(got) {
		t.Errorf("who shows\n%s", got)
	}
}

// mark is in the database afterwards.
func (v *telnetVisit) mark(t *testing.T) {
	got := v.do(t, `mark "new switch in the cellar"`)
	if len(got) != 1 || !regexp.MustCompile(`^Marked [-0-9]{10} [:0-9]{8} UTC: new switch in the cellar$`).MatchString(got[0]) {
		t.Errorf("mark is answered %q", got)
	}
	db := testbed.DB(t, v.url)
	testbed.Eventually(t, patience, "the mark in the database", func() (bool, string) {
		var marks string
		err := db.QueryRow(`SELECT coalesce(string_agg(concat_ws(' ', device, author || ':', text), '; '), '') FROM sniffer.marks_readable`).Scan(&marks)
		return err == nil && marks == "router console "+testbed.LanHostIPv4+": new switch in the cellar", fmt.Sprint(marks, err)
	})
}

// message: what is no command is answered, and logged with the client's address.
func (v *telnetVisit) message(t *testing.T) {
	v.answers(t, "good morning, router", "Received message: good morning, router")
	delete(v.typed, "good")
	logged := regexp.MustCompile(`msg="message at the console" client=192\.168\.1\.2:\d+ text="good morning, router"`)
	testbed.Eventually(t, patience, "the message in the log", func() (bool, string) {
		return logged.MatchString(v.recorder.Output()), v.recorder.Output()
	})
}

// push: what a client sends is in the database as if it had been seen, with its source.
func (v *telnetVisit) push(t *testing.T) {
	v.typed["push"] = true
	v.press(t, "push\r")
	v.await(t, "A JSON object a line; a line with a dot ends it.\r\n")
	v.await(t, "push> ")
	v.press(t, `{"src_ip":"192.0.2.7","dst_ip":"198.51.100.7","src_port":51544,"dst_port":443}`+"\r")
	v.await(t, "Understood: ")
	if got := v.await(t, "\r\n"); !strings.Contains(got, "192.0.2.7:51544 → 198.51.100.7:443") {
		t.Errorf("understood is %q", got)
	}
	v.press(t, ".\r")
	v.await(t, prompt)
	db := testbed.DB(t, v.url)
	testbed.Eventually(t, patience, "the pushed packet in the database", func() (bool, string) {
		var from string
		err := db.QueryRow(`SELECT coalesce(string_agg(interface, ' '), '') FROM sniffer.packets WHERE src_ip = '192.0.2.7' AND src_port = 51544`).Scan(&from)
		return err == nil && from == "push "+testbed.LanHostIPv4, fmt.Sprint(from, err)
	})
}

// help lists the commands, all of which were typed by now, and has an example of each.
func (v *telnetVisit) help(t *testing.T) {
	list := v.do(t, "help")
	v.typed["quit"] = true // the next one
	listed := map[string]bool{}
	for _, row := range list {
		if name, ok := strings.CutPrefix(row, "  "); ok {
			name, _, _ = strings.Cut(name, " ")
			listed[name] = true
		}
	}
	if !maps.Equal(listed, v.typed) {
		t.Errorf("help lists %v; tried were %v", listed, v.typed)
	}
	for name := range listed {
		more := v.do(t, "help "+name)
		if len(more) < 2 || !strings.HasPrefix(more[0], name) || !strings.HasPrefix(more[len(more)-1], "Example: "+name) {
			t.Errorf("help %s says\n%s", name, strings.Join(more, "\n"))
		}
	}
}

func (v *telnetVisit) quit(t *testing.T) {
	v.press(t, "quit\r")
	if sent := v.end(t); !strings.HasSuffix(sent, "Goodbye.\r\nConnection closed by foreign host.\r\n") {
		t.Errorf("quit is answered %q", sent)
	}
}
