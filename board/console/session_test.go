package console

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// probe is what a person gets first: a question that a telnet answers, and a CR that lets others overwrite it.
const probe = "\xff\xfd\x18\r\x00"

func TestGreeting(t *testing.T) {
	tests := []struct {
		name string
		info Info
		want string
	}{
		{"full", porch.info, "network-sniffer 1.2\r\nDevice:     porch\r\nInterfaces: eth0, wan\r\nFilter:     tcp port 443\r\n" +
			"Database:   connected\r\nNote:       hardware flow offload is on\r\nLive packets follow. Type help for the commands.\r\n"},
		{"empty", Info{}, "network-sniffer 1.2\r\nDevice:     -\r\nInterfaces: -\r\nFilter:     none\r\nDatabase:   -\r\n" +
			"Live packets follow. Type help for the commands.\r\n"},
		{"hostile", Info{Device: "a\x1b[2J\nb", Interfaces: []string{"e\x07"}, Filter: "\xff", Database: "\u009b1m"},
			"network-sniffer 1.2\r\nDevice:     a\\x1b[2J\\x0ab\r\nInterfaces: e\\x07\r\nFilter:     \\xff\r\nDatabase:   \\u009b1m\r\n" +
				"Live packets follow. Type help for the commands.\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, Config{Version: "1.2", Source: fakeSource{tt.info}}, func(b bubble) {
				if got, want := b.connect(true).take(), probe+tt.want; got != want {
					t.Errorf("got  %q\nwant %q", got, want)
				}
			})
		})
	}
}

func TestCommands(t *testing.T) {
	tests := []struct{ name, line, want string }{
		{"help of one", "help version", "version: the recorder's version\r\nExample: version\r\n"},
		{"help of one with arguments", "help hex", "hex [EXPR]: the next packet that matches, as a hex dump\r\n" +
			"The bytes are those that were captured.\r\nExample: hex icmp\r\n"},
		{"help of none", "help me", "There is no command \"me\". Type help for the list.\r\n"},
		{"stats", "stats", "about stats\r\nerror: \\x1b[2J\r\nConsole: 1 of 256 sessions open.\r\nThis session: 0 packets shown, 0 not shown.\r\n"},
		{"stats among spaces", "  stats --json\t", "{\"topic\":\"stats\"}\r\n"},
		{"books", "books", "about books\r\nerror: \\x1b[2J\r\n"},
		{"uplink", "uplink", "about uplink\r\nerror: \\x1b[2J\r\n"},
		{"spool", "spool", "about spool\r\nerror: \\x1b[2J\r\n"},
		{"interfaces", "interfaces", "about interfaces\r\nerror: \\x1b[2J\r\n"},
		{"wrong argument", "books all", "\"all\" is not known here: nothing or --json.\r\n"},
		{"version", "version", "network-sniffer 1.2\r\n"},
		{"resume without pause", "resume", "Not paused.\r\n"},
		{"no filter", "filter", "No filter: every packet that is recorded is shown.\r\n"},
		{"filter", "filter tcp port 443", "Filter: tcp port 443\r\n"},
		{"wrong filter", "filter tcp prot 443", "syntax error"},
		{"filter off", "filter off", "No filter any more.\r\n"},
		{"wrong rows of top", "top hosts many", "\"many\" is neither one of hosts, ports, protocols, conversations, names nor a number of rows from 1 to 100.\r\n"},
		{"wrong seconds of top", "top 5 0", "\"0\" is no number of seconds from 1 to 3600.\r\n"},
		{"follow without ends", "follow", "Which two ends? follow 192.168.1.20:51544 142.250.74.36:443\r\n"},
		{"follow a name", "follow a:1 b:2", "\"a:1\" is no address and port: write 192.168.1.20:443 or [2001:db8::1]:443.\r\n"},
		{"last of nothing", "last", "None is in memory.\r\n"},
		{"wrong last", "last all", "\"all\" is no number of packets from 1 to 10000.\r\n"},
		{"mark of nothing", "mark \"\"", "What shall the mark say? mark \"new switch in the cellar\"\r\n"},
		{"mark that is refused", "mark refuse", "Not marked: 16 marks \\x1bwait\r\n"},
		{"mark too long", "mark " + strings.Repeat("x", MarkBytes+1), "The text has 257 bytes, at most 256.\r\n"},
		{"push is off", "push", "push is off: it is switched on with --console-push.\r\n"},
		{"pcap for a person", "pcap", "This is no place for binary data. From a shell: (echo pcap; cat) | nc HOST 8000 | wireshark -k -i -\r\n"},
		{"empty", "", ""},
		{"blank", " \t ", ""},
		{"message", "hello world", "Received message: hello world\r\n"},
		{"message keeps its spaces", "  two  ", "Received message:   two  \r\n"},
		{"command in capitals is a message", "HELP", "Received message: HELP\r\n"},
		{"command that takes no argument", "pause for lunch", "Received message: pause for lunch\r\n"},
		{"unicode", "grüße → 漢", "Received message: grüße → 漢\r\n"},
		{"backslash", `a\x1b`, "Received message: a\\x1b\r\n"},
		{"escape sequence", "\x1b[31mred\x07", "Received message: \\x1b[31mred\\x07\r\n"},
		{"not UTF-8", "a\xc3\x28\x80", "Received message: a\\xc3(\\x80\r\n"},
		{"C1 control and override", "\u009b\u202e", "Received message: \\u009b\\u202e\r\n"},
		{"language tag", "\U000e0001", "Received message: \\U000e0001\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, Config{Version: "1.2"}, func(b bubble) {
				c := b.connect(true)
				c.take()
				got := c.ask(tt.line)
				if tt.name == "wrong filter" {
					if !strings.Contains(got, "filter") && !strings.Contains(got, "^") {
						t.Errorf("got %q, want the mistake and a caret", got)
					}
					return
				}
				if got != tt.want {
					t.Errorf("got  %q\nwant %q", got, tt.want)
				}
			})
		})
	}
}

// Every command is in the list, tells of itself, and its example is one that it takes.
func TestHelp(t *testing.T) {
	inBubble(t, Config{Push: &fakePusher{}}, func(b bubble) {
		c := b.connect(true)
		c.take()
		list := c.ask("help")
		time.Sleep(time.Second)
		for _, command := range commands() {
			if !strings.Contains(list, "  "+command.name+" ") {
				t.Errorf("help does not list %s", command.name)
			}
			if got := c.ask("help " + command.name); !strings.Contains(got, command.summary) || !strings.Contains(got, "Example: "+command.example) {
				t.Errorf("help %s: %q", command.name, got)
			}
			time.Sleep(time.Second)
			name, arguments, _ := strings.Cut(command.example, " ")
			if name != command.name || arguments != "" && command.arguments == "" {
				t.Errorf("the example of %s is %q", command.name, command.example)
			}
		}
		for _, command := range commands() {
			if command.name == "quit" {
				continue
			}
			c := b.connect(true)
			c.take()
			if got := c.ask(command.example); strings.Contains(got, "Received message") || strings.Contains(got, "^\r\n") {
				t.Errorf("the example of %s is answered %q", command.name, got)
			}
			c.conn.Close()
		}
	})
}

func TestMarks(t *testing.T) {
	inBubble(t, Config{}, func(b bubble) {
		c := b.connect(true)
		c.take()
		got := c.ask("mark \"new switch\x1b\"")
		if !strings.HasPrefix(got, "Marked 2000-01-01 00:00:00 UTC: new switch\\x1b") {
			t.Errorf("got %q", got)
		}
		if got := b.srv.Counters().Marks; got != 1 {
			t.Errorf("%d marks counted", got)
		}
	})
}

func TestPacketsAreShown(t *testing.T) {
	name := func(i uint8) string { return "e\x1b0" }
	inBubble(t, Config{InterfaceName: name}, func(b bubble) {
		tap := b.srv.NewTap()
		c := b.connect(true)
		c.take()
		offer(tap, 3)
		settle()
		got := c.take()
		if strings.Count(got, "\r\n") != 3 || strings.Count(got, " e?0 ") != 3 {
			t.Errorf("got %q, want three lines with the interface made harmless", got)
		}
		for i, line := range strings.Split(strings.TrimSuffix(got, "\r\n"), "\r\n") {
			if !strings.Contains(line, fmt.Sprintf("192.168.1.20:%d ", i+1)) {
				t.Errorf("line %d is %q", i, line)
			}
		}
		checkTaps(t, b.srv, 3)
		checkDue(t, b.srv, 3)
	})
}

// A session is shown LinesPerSecond and told of the others once a second, with nothing left out.
func TestRateLimitAndNote(t *testing.T) {
	inBubble(t, Config{LinesPerSecond: 10}, func(b bubble) {
		tap := b.srv.NewTap()
		c := b.connect(true)
		c.take()
		offer(tap, 100)
		settle()
		if got := c.take(); strings.Count(got, " TCP") != 10 || strings.Contains(got, "not shown") {
			t.Errorf("after a burst of 100: %q, want 10 packets and no note yet", got)
		}
		offer(tap, 5)
		settle()
		time.Sleep(noteEvery)
		if got, want := c.take(), "… 95 packets not shown\r\n"; got != want {
			t.Errorf("a second later: %q, want %q", got, want)
		}
		time.Sleep(10 * noteEvery)
		if got := c.take(); got != "" {
			t.Errorf("with nothing to tell: %q", got)
		}
		offer(tap, 11)
		settle()
		time.Sleep(noteEvery)
		if got := c.take(); strings.Count(got, " TCP") != 10 || !strings.HasSuffix(got, "… 1 packet not shown\r\n") {
			t.Errorf("after a quiet time: %q", got)
		}
		if got := c.ask("stats"); !strings.HasSuffix(got, "This session: 20 packets shown, 96 not shown.\r\n") {
			t.Errorf("stats: %q", got)
		}
		checkTaps(t, b.srv, 116)
		checkDue(t, b.srv, 116)
	})
}

func TestFilterOfASession(t *testing.T) {
	inBubble(t, Config{}, func(b bubble) {
		tap := b.srv.NewTap()
		c, other := b.connect(true), b.connect(true)
		c.take()
		other.take()
		if got := c.ask("watch src port 2 or src port 4"); got != "" {
			t.Errorf("watch is answered %q", got)
		}
		offer(tap, 5)
		settle()
		if got := c.take(); strings.Count(got, " TCP") != 2 || !strings.Contains(got, ":2 →") || !strings.Contains(got, ":4 →") {
			t.Errorf("got %q", got)
		}
		if got := strings.Count(other.take(), " TCP"); got != 5 {
			t.Errorf("the other session saw %d", got)
		}
		if got := c.ask("filter"); got != "Filter: src port 2 or src port 4\r\n" {
			t.Errorf("got %q", got)
		}
		c.ask("filter off")
		offer(tap, 5)
		settle()
		if got := strings.Count(c.take(), " TCP"); got != 5 {
			t.Errorf("without a filter %d packets", got)
		}
		if got := b.srv.Counters(); got.NotMatched != 3 {
			t.Errorf("counters %+v", got)
		}
		checkDue(t, b.srv, 20)
	})
}

func TestPauseAndResume(t *testing.T) {
	inBubble(t, Config{}, func(b bubble) {
		tap := b.srv.NewTap()
		c := b.connect(true)
		c.take()
		if got, want := c.ask("pause"), "Paused. Type resume to go on.\r\n"; got != want {
			t.Errorf("pause: %q, want %q", got, want)
		}
		tap.Flush() // an empty one: the Tap learns that nobody watches
		offer(tap, lastFrames+6)
		if got := c.take(); got != "" {
			t.Errorf("while paused: %q", got)
		}
		if got, want := c.ask("pause"), "Already paused: 70 packets went by so far. Type resume to go on.\r\n"; got != want {
			t.Errorf("second pause: %q, want %q", got, want)
		}
		watcher := b.connect(true)
		watcher.take()
		tap.Flush()
		offer(tap, 30) // copied now, because somebody watches
		settle()
		if got := strings.Count(watcher.take(), " TCP"); got != 30 {
			t.Errorf("the other session saw %d packets, want 30", got)
		}
		if got, want := c.ask("resume"), "Resumed: 100 packets went by.\r\n"; got != want {
			t.Errorf("resume: %q, want %q", got, want)
		}
		offer(tap, 1)
		settle()
		if got := strings.Count(c.take(), " TCP"); got != 1 {
			t.Errorf("after resume: %d packets, want 1", got)
		}
		if got := b.srv.Counters(); got.TapUncopied != 6 || got.NotShownPaused != 100 {
			t.Errorf("counters %+v", got)
		}
		checkTaps(t, b.srv, 101)
		checkDue(t, b.srv, 101+31)
	})
}

// A client that stops reading costs the others and the ring nothing, and is closed after WriteTimeout.
func TestStalledClient(t *testing.T) {
	var events []string
	cfg := Config{LinesPerSecond: -1, OnEvent: func(text string) { events = append(events, text) }}
	inBubble(t, cfg, func(b bubble) {
		tap := b.srv.NewTap()
		start := time.Now()
		b.connect(false)
		good := b.connect(true)
		good.take()
		for range 10 {
			offer(tap, 100)
			settle()
			if got := strings.Count(good.take(), " TCP"); got != 100 {
				t.Fatalf("the other session saw %d packets of 100", got)
			}
		}
		if got := good.ask("anyone?"); got != "Received message: anyone?\r\n" {
			t.Errorf("the other session is answered %q", got)
		}
		if got := b.srv.Counters(); got.ClosedStalled != 0 {
			t.Errorf("before the deadline: %+v", got)
		}
		time.Sleep(time.Until(start.Add(WriteTimeout + openingSilence + probeTimeout)))
		synctest.Wait()
		if got := b.srv.Counters(); got.ClosedStalled != 1 || got.SessionsOpen != 1 {
			t.Errorf("after the deadline: %+v", got)
		}
		if len(events) != 1 || events[0] != "closed 10.0.0.2:40000: it did not read for 10s" {
			t.Errorf("events %q", events)
		}
		checkTaps(t, b.srv, 1000)
		checkDue(t, b.srv, 2000) // the stalled one was due as much
	})
}

// Who is slower than the traffic is lapped by the ring, and told of it.
func TestLapped(t *testing.T) {
	inBubble(t, Config{LinesPerSecond: -1, RingBytes: 1, FrameBytes: 1024}, func(b bubble) { // the smallest ring there is
		tap := b.srv.NewTap()
		c := b.open(PortConsole, false, nil)
		buf := make([]byte, 64<<10)
		read := func() string {
			c.conn.SetReadDeadline(time.Now().Add(2 * time.Second))
			var all []byte
			for {
				n, err := c.conn.Read(buf)
				all = append(all, buf[:n]...)
				if err != nil {
					return string(all)
				}
			}
		}
		read()
		for range 20 {
			offer(tap, 10)
			settle()
		}
		got := read()
		shown := uint64(strings.Count(got, " TCP"))
		if want := fmt.Sprintf("… %d packets not shown\r\n", 200-shown); !strings.Contains(got, want) || shown == 0 || shown == 200 {
			t.Errorf("%d packets shown, want the note %q in %q", shown, want, got)
		}
		checkDue(t, b.srv, 200)
		c.conn.Close()
	})
}

func TestCommandsPerSecond(t *testing.T) {
	inBubble(t, Config{}, func(b bubble) {
		c := b.connect(true)
		c.take()
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			fmt.Fprint(c.conn, strings.Repeat("x\n", CommandsPerSecond+10))
		}()
		if got := strings.Count(c.take(), "\r\n"); got != CommandsPerSecond {
			t.Errorf("%d answers at once, want %d", got, CommandsPerSecond)
		}
		time.Sleep(time.Second)
		<-sent
		if got := strings.Count(c.take(), "\r\n"); got != 10 {
			t.Errorf("%d answers in the next second, want 10", got)
		}
		if got := b.srv.Counters(); got.CommandsDelayed != 10 || got.Commands != CommandsPerSecond+10 {
			t.Errorf("counters %+v", got)
		}
	})
}

func TestIdle(t *testing.T) {
	inBubble(t, Config{IdleTimeout: 8 * time.Second}, func(b bubble) {
		tap := b.srv.NewTap()
		idle, talks := b.connect(true), b.connect(true)
		idle.ask("pause")
		for range 5 {
			time.Sleep(4 * time.Second)
			offer(tap, 1)
			settle()
		}
		if got := idle.take(); !strings.HasSuffix(got, "Nothing went either way for 8s. Goodbye.\r\n") {
			t.Errorf("the idle one got %q", got)
		}
		if talks.take(); b.srv.Counters().ClosedIdle != 1 {
			t.Errorf("counters %+v", b.srv.Counters())
		}
		if got := talks.ask("still here"); got != "Received message: still here\r\n" {
			t.Errorf("the one that was shown packets is answered %q", got)
		}
	})
}

func TestMessagesAreLogged(t *testing.T) {
	var got []string
	cfg := Config{OnMessage: func(from netip.AddrPort, text string) { got = append(got, from.String()+" "+text) }}
	inBubble(t, cfg, func(b bubble) {
		c := b.connect(true)
		c.ask("a\x1bb")
		if len(got) != 1 || got[0] != "10.0.0.2:40000 a\\x1bb" {
			t.Errorf("logged %q", got)
		}
		got = nil
		for range 3 * messageBurst / CommandsPerSecond {
			c.send(strings.Repeat("m\n", CommandsPerSecond))
			time.Sleep(100 * time.Millisecond)
		}
		c.take()
		if n := b.srv.Counters(); n.Messages != uint64(len(got))+n.MessagesNotLogged+1 {
			t.Errorf("%d logged: %+v", len(got), n)
		}
	})
}

func TestLongReplyIsCut(t *testing.T) {
	for _, long := range []string{strings.Repeat("x", 2*replyBytes), strings.Repeat("漢", replyBytes), strings.Repeat("line\n", replyBytes)} {
		got := appendReply([]byte("before"), []byte(long))
		if len(got) > len("before")+replyBytes || !strings.HasSuffix(string(got), "\r\n… (cut)\r\n") || strings.ContainsRune(string(got), '\ufffd') {
			t.Errorf("a reply of %d bytes became %d, ending in %q", len(long), len(got), got[len(got)-20:])
		}
	}
	if got := string(appendReply(nil, []byte("short\n"))); got != "short\r\n" {
		t.Errorf("got %q", got)
	}
}

func TestHangup(t *testing.T) {
	const interrupted = noTimingMark + goodbye
	tests := []struct{ name, bytes, want string }{
		{"quit", "quit\r\n", goodbye},
		{"Ctrl-C", "half a line\x03", goodbye},
		{"Ctrl-D", "\x04", goodbye},
		{"IAC IP", "\xff\xf4", interrupted},
		{"IAC IP in an open subnegotiation", "\xff\xfa\x18\x00\xff\xf4", interrupted},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, Config{}, func(b bubble) {
				c := b.connect(true)
				c.take()
				if got := c.ask(tt.bytes + "\r\nafter"); got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
				<-c.end
				if got := b.srv.Counters(); got.Messages != 0 {
					t.Errorf("counters %+v", got)
				}
			})
		})
	}
}

// When the last session leaves, its packets are accounted for, and the Taps keep a few for the next one.
func TestLastSessionLeaves(t *testing.T) {
	inBubble(t, Config{}, func(b bubble) {
		tap := b.srv.NewTap()
		c := b.connect(true)
		c.ask("quit")
		<-c.end
		synctest.Wait()
		tap.Flush()
		offer(tap, 2*lastFrames)
		if got := b.srv.Counters(); got.TapHanded != lastFrames || got.TapUncopied != lastFrames {
			t.Errorf("counters %+v", got)
		}
		c = b.connect(true)
		c.take()
		got := c.ask("last 3")
		if strings.Count(got, " TCP") != 3 || !strings.Contains(got, fmt.Sprintf(":%d →", lastFrames)) {
			t.Errorf("last 3: %q", got)
		}
	})
}

// The counters of refused and closed clients stand in the answer to stats, those that are 0 do not.
func TestStatsOfTheConsole(t *testing.T) {
	inBubble(t, Config{}, func(b bubble) {
		c := b.connect(true)
		c.take()
		for _, counter := range []*atomic.Uint64{&b.srv.count.refusedFull, &b.srv.count.refusedAllow, &b.srv.count.closedStalled} {
			counter.Store(3)
		}
		got := c.ask("stats")
		want := "Console: 1 of 256 sessions open.\r\nRefused: 3 (too many sessions), 3 (not allowed).\r\nClosed: 3 (did not read).\r\n" +
			"This session: 0 packets shown, 0 not shown.\r\n"
		if !strings.HasSuffix(got, want) {
			t.Errorf("got %q, want %q at its end", got, want)
		}
	})
}

// A program that has nothing more to say and then is gone does not keep its session until there is a packet for it.
func TestGoneAfterEndOfInput(t *testing.T) {
	for _, row := range []struct {
		name, says string
		port       Port
	}{{"console", "json\n", PortConsole}, {"capture", "", PortCapture}} {
		t.Run(row.name, func(t *testing.T) {
			closed := make(chan struct{})
			srv := server(Config{OnClose: func(_, _ netip.AddrPort) { close(closed) }})
			defer srv.Close()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			go srv.Serve(l, row.port)
			c := dial(t, l.Addr().String())
			c.send(row.says)
			await := func(state string, reached func() bool) {
				t.Helper()
				for end := time.Now().Add(patience); !reached(); time.Sleep(time.Millisecond) {
					if time.Now().After(end) {
						t.Fatal("not reached: " + state)
					}
				}
			}
			await("a stream", func() bool { return srv.hub.watchers() == 1 })
			c.conn.CloseWrite()
			await("the end of the input", func() bool { return srv.open()[0].reader.eof.Load() })
			tap := srv.NewTap()
			offer(tap, 1)
			await("the next packet", func() bool { return srv.Counters().PacketsShown == 1 })
			c.conn.SetLinger(0)
			c.conn.Close()
			select {
			case <-closed:
			case <-time.After(patience):
				t.Error("the session is still there")
			}
		})
	}
}

// Whatever a client sends in masses, no more than InputPerSecond of it is looked at.
func TestInputIsBounded(t *testing.T) {
	for _, sent := range []string{"x", "\xff\xf1", "\xff\xfa\x18\x00"} {
		inBubble(t, Config{}, func(b bubble) {
			c := b.connect(true)
			start := time.Now()
			const seconds = 10
			for n := 0; n < (4+seconds)*InputPerSecond+512; n += 512 {
				c.send(strings.Repeat(sent, 512/len(sent)))
			}
			if took := time.Since(start); took < seconds*time.Second || took > (seconds+1)*time.Second {
				t.Errorf("%q took %v", sent, took)
			}
			if b.srv.Counters().InputDelayed == 0 {
				t.Errorf("%q: no wait is counted", sent)
			}
			c.conn.Close()
		})
	}
}
