package console

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestGreeting(t *testing.T) {
	tests := []struct {
		name string
		info Info
		want string
	}{
		{"full", fakeSource{}.Info(), "network-sniffer 1.2\r\nDevice:     porch\r\nInterfaces: eth0, wan\r\nFilter:     tcp port 443\r\n" +
			"Database:   connected\r\nNote:       hardware flow offload is on\r\nLive packets follow. Type help for the commands.\r\n"},
		{"empty", Info{}, "network-sniffer 1.2\r\nDevice:     -\r\nInterfaces: -\r\nFilter:     none\r\nDatabase:   -\r\n" +
			"Live packets follow. Type help for the commands.\r\n"},
		{"hostile", Info{Device: "a\x1b[2J\nb", Interfaces: []string{"e\x07"}, Filter: "\xff", Database: "\u009b1m"},
			"network-sniffer 1.2\r\nDevice:     a\\x1b[2J\\x0ab\r\nInterfaces: e\\x07\r\nFilter:     \\xff\r\nDatabase:   \\u009b1m\r\n" +
				"Live packets follow. Type help for the commands.\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, Config{Version: "1.2", Source: infoSource{info: tt.info}}, func(b bubble) {
				if got := b.connect(true).take(); got != tt.want {
					t.Errorf("got  %q\nwant %q", got, tt.want)
				}
			})
		})
	}
}

func TestCommands(t *testing.T) {
	tests := []struct{ name, line, want string }{
		{"help", "help", helpText},
		{"help among spaces", "  help\t", helpText},
		{"stats", "stats", "rows 12\r\nlost 0\r\nConsole: 1 of 64 sessions open.\r\nThis session: 0 packets shown, 0 not shown.\r\n"},
		{"uplink", "uplink", "state: waiting\r\nlast error: \\x1b[2J\r\n"},
		{"spool", "spool", "tier 1: /tmp/spool\r\n"},
		{"resume without pause", "resume", "Not paused.\r\n"},
		{"empty", "", ""},
		{"blank", " \t ", ""},
		{"message", "hello world", "Received message: hello world\r\n"},
		{"message keeps its spaces", "  two  ", "Received message:   two  \r\n"},
		{"command in capitals is a message", "HELP", "Received message: HELP\r\n"},
		{"command with an argument is a message", "help me", "Received message: help me\r\n"},
		{"unicode", "grüße → 漢", "Received message: grüße → 漢\r\n"},
		{"backslash", `a\x1b`, "Received message: a\\x1b\r\n"},
		{"escape sequence", "\x1b[31mred\x07", "Received message: \\x1b[31mred\\x07\r\n"},
		{"not UTF-8", "a\xc3\x28\x80", "Received message: a\\xc3(\\x80\r\n"},
		{"C1 control and override", "\u009b\u202e", "Received message: \\u009b\\u202e\r\n"},
		{"language tag", "\U000e0001", "Received message: \\U000e0001\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, Config{}, func(b bubble) {
				c := b.connect(true)
				c.take()
				if got := c.ask(tt.line); got != tt.want {
					t.Errorf("got  %q\nwant %q", got, tt.want)
				}
			})
		})
	}
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
		checkBalance(t, b.srv, 3)
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
		checkBalance(t, b.srv, 116)
	})
}

func TestUnlimitedRateIsBoundedByTheQueue(t *testing.T) {
	inBubble(t, Config{LinesPerSecond: -1}, func(b bubble) {
		tap := b.srv.NewTap()
		c := b.connect(true)
		c.take()
		settle()
		b.srv.hub.mu.Lock() // hold the hub until all packets are in the inbox
		offer(tap, inboxPackets+10)
		b.srv.hub.mu.Unlock()
		settle()
		time.Sleep(noteEvery)
		if got := c.take(); strings.Count(got, " TCP") != queuePackets {
			t.Errorf("%d packets shown, want the %d that fit the queue", strings.Count(got, " TCP"), queuePackets)
		}
		if got := b.srv.Counters(); got.TapFull != 10 || got.NotShownMissed != 10 || got.NotShownQueue != inboxPackets-queuePackets {
			t.Errorf("counters %+v", got)
		}
		checkBalance(t, b.srv, inboxPackets+10)
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
		offer(tap, 70)
		settle()
		if got := c.take(); got != "" {
			t.Errorf("while paused: %q", got)
		}
		if got, want := c.ask("pause"), "Already paused: 70 packets went by so far. Type resume to go on.\r\n"; got != want {
			t.Errorf("second pause: %q, want %q", got, want)
		}
		watcher := b.connect(true)
		watcher.take()
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
		if got := b.srv.Counters(); got.TapUncopied != 70 || got.NotShownPaused != 100 {
			t.Errorf("counters %+v", got)
		}
		checkBalance(t, b.srv, 101)
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
		offered := uint64(0)
		for range 10 {
			b.srv.hub.mu.Lock() // a hub that empties the inbox just then would have the second chunk counted as TapBusy
			offer(tap, 100)
			b.srv.hub.mu.Unlock()
			offered += 100
			settle()
			if got := strings.Count(good.take(), " TCP"); got != 100 {
				t.Fatalf("the other session saw %d packets of 100", got)
			}
		}
		if got := good.ask("anyone?"); got != "Received message: anyone?\r\n" {
			t.Errorf("the other session is answered %q", got)
		}
		if got := b.srv.Counters(); got.ClosedStalled != 0 || got.NotShownQueue != offered-queuePackets {
			t.Errorf("before the deadline: %+v", got)
		}
		p := newTCPPacket(1)
		if got := testing.AllocsPerRun(chunkPackets, func() { tap.Offer(&p) }); got != 0 {
			t.Errorf("Offer allocates %v times", got)
		}
		tap.Flush()
		offered += 1 + chunkPackets
		time.Sleep(time.Until(start.Add(WriteTimeout)))
		synctest.Wait()
		if got := b.srv.Counters(); got.ClosedStalled != 1 || got.SessionsOpen != 1 {
			t.Errorf("after the deadline: %+v", got)
		}
		if len(events) != 1 || events[0] != "closed 10.0.0.2:40000: it did not read for 10s" {
			t.Errorf("events %q", events)
		}
		checkBalance(t, b.srv, offered)
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

func TestMessagesAreLoggedWithinTheirLimit(t *testing.T) {
	var got []logged
	cfg := Config{OnMessage: func(from netip.AddrPort, text string) { got = append(got, logged{from, text}) }}
	inBubble(t, cfg, func(b bubble) {
		c := b.connect(true)
		c.ask("a\x1bb")
		if len(got) != 1 || got[0].text != "a\\x1bb" || got[0].from.String() != "10.0.0.2:40000" {
			t.Errorf("logged %v", got)
		}
		b.srv.messages.level = 1
		c.ask("one")
		c.ask("two")
		if counters := b.srv.Counters(); len(got) != 2 || counters.Messages != 3 || counters.MessagesNotLogged != 1 {
			t.Errorf("logged %v, counters %+v", got, counters)
		}
	})
}

// A client that sends commands and never reads is not a way to fill memory.
func TestAnswersAreBounded(t *testing.T) {
	source := infoSource{stats: strings.Repeat("0123456789abcde\n", 10_000)}
	inBubble(t, Config{Source: source}, func(b bubble) {
		c := b.connect(false)
		go fmt.Fprint(c.conn, strings.Repeat("stats\n", 1000))
		synctest.Wait()
		for s := range b.srv.sessions {
			s.mu.Lock()
			if n := len(s.text); n > textBytes+replyBytes+1024 {
				t.Errorf("%d bytes wait for a client that does not read", n)
			}
			s.mu.Unlock()
		}
		c.conn.Close()
	})
}

func TestLongReplyIsCut(t *testing.T) {
	for _, text := range []string{strings.Repeat("a", 2*replyBytes), strings.Repeat("→", replyBytes), strings.Repeat("line\n", replyBytes)} {
		got := string(appendReply([]byte("before"), []byte(text)))
		if len(got) > replyBytes+len("before") || !strings.HasSuffix(got, "\r\n… (cut)\r\n") || strings.ContainsRune(got, '\ufffd') {
			t.Errorf("a reply of %d bytes became %d, ending in %q", len(text), len(got), got[len(got)-20:])
		}
	}
}

func TestHangup(t *testing.T) {
	const interrupted = "\xff\xfc\x06" + goodbye
	tests := []struct{ name, bytes, want string }{
		{"quit", "quit\r\n", goodbye},
		{"Ctrl-C", "half a line\x03", goodbye},
		{"Ctrl-D", "\x04", goodbye},
		{"IAC IP", "\xff\xf4", interrupted},
		{"IAC IP and timing mark", "\xff\xf4\xff\xfd\x06", interrupted},
		{"IAC BRK", "\xff\xf3", interrupted},
		{"IAC ABORT", "\xff\xee", interrupted},
		{"IAC EOF", "\xff\xec", interrupted},
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

// When a session ends its packets are accounted for, and the Taps cost one load again.
func TestLastSessionLeaves(t *testing.T) {
	inBubble(t, Config{}, func(b bubble) {
		tap := b.srv.NewTap()
		c := b.connect(true)
		p := newTCPPacket(1)
		tap.Offer(&p)
		c.ask("quit")
		<-c.end
		synctest.Wait()
		tap.Flush()
		for range 100 {
			tap.Offer(&p)
		}
		tap.Flush()
		if got := b.srv.Counters(); got.TapAbandoned != 1 || got.PacketsDue != 0 || tap.n != 0 {
			t.Errorf("counters %+v, %d packets in the Tap", got, tap.n)
		}
		checkBalance(t, b.srv, 1)
	})
}
