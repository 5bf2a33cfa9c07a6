package console

import (
	"strings"
	"testing"
	"time"
)

// withoutMoves takes out what moves a terminal's cursor or erases, so that the text is left.
func withoutMoves(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == 0x1b && i+1 < len(s) && s[i+1] == '[' {
			for i += 2; i < len(s) && (s[i] < 0x40 || s[i] > 0x7e); i++ {
			}
			continue
		}
		if s[i] != '\r' && s[i] != 0 {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func TestTelnetIsGreetedWithAPrompt(t *testing.T) {
	inBubble(t, Config{}, func(b bubble) {
		c := b.telnet("xterm-256color", 80, 24)
		if got := withoutMoves(c.take()); !strings.HasSuffix(got, "Type help for the commands.\nsniffer> ") {
			t.Errorf("got %q", got)
		}
		c.send("hel")
		if got := withoutMoves(c.take()); got != "hel" {
			t.Errorf("the echo is %q", got)
		}
		c.send("\x7flo\r\x00")
		if got := withoutMoves(c.take()); !strings.HasSuffix(got, "\nReceived message: helo\nsniffer> ") {
			t.Errorf("answered %q", got)
		}
		c.send("\x1b[A") // the line before
		if got := withoutMoves(c.take()); got != "helo" {
			t.Errorf("history shows %q", got)
		}
	})
}

// Packets stand above the prompt, and wait while somebody types.
func TestTypingHoldsThePackets(t *testing.T) {
	inBubble(t, Config{}, func(b bubble) {
		tap := b.srv.NewTap()
		c := b.telnet("vt100", 80, 24)
		c.take()
		offer(tap, 2)
		settle()
		if got := withoutMoves(c.take()); strings.Count(got, " TCP") != 2 || !strings.HasSuffix(got, "len 0\nsniffer> ") {
			t.Errorf("got %q", got)
		}
		c.send("x")
		c.take()
		offer(tap, 3)
		settle()
		if got := c.take(); got != "" {
			t.Errorf("while typing: %q", got)
		}
		c.send("\x7f")
		time.Sleep(noteEvery)
		if got := withoutMoves(c.take()); !strings.Contains(got, "… 3 packets not shown\nsniffer> ") {
			t.Errorf("after it: %q", got)
		}
		offer(tap, 1)
		settle()
		if got := strings.Count(c.take(), " TCP"); got != 1 {
			t.Errorf("then %d packets", got)
		}
		checkDue(t, b.srv, 6)
	})
}

// Who goes over to line mode in the middle of a line sees packets, and finds the line again when coming back.
func TestLineModeHoldsNothing(t *testing.T) {
	inBubble(t, Config{}, func(b bubble) {
		tap := b.srv.NewTap()
		c := b.telnet("vt100", 80, 24)
		c.send("hel")
		c.take()
		c.send("\xff\xfe\x01") // DONT ECHO
		if got := c.take(); strings.ContainsAny(got, "\n>") {
			t.Errorf("answered %q", got)
		}
		offer(tap, 2)
		settle()
		if got := c.take(); strings.Count(got, " TCP") != 2 || strings.Contains(got, prompt) {
			t.Errorf("in line mode: %q", got)
		}
		if got := c.ask("hello"); !strings.Contains(got, "Received message: hello\r\n") {
			t.Errorf("a line is answered %q", got)
		}
		c.send("\xff\xfd\x01") // DO ECHO
		if got := withoutMoves(c.take()); got != prompt+"hel" {
			t.Errorf("back again: %q", got)
		}
		checkDue(t, b.srv, 2)
	})
}

func TestColorWhereTheTerminalHasIt(t *testing.T) {
	for _, tt := range []struct {
		terminal string
		color    bool
	}{{"xterm-256color", true}, {"screen.xterm", false}, {"tmux-256color", true}, {"linux", true}, {"xterm-mono", false}, {"vt100", false}, {"dumb", false}, {"", false}} {
		inBubble(t, Config{}, func(b bubble) {
			tap := b.srv.NewTap()
			c := b.telnet(tt.terminal, 80, 24)
			c.take()
			offer(tap, 1)
			settle()
			if got := strings.Contains(c.take(), green); got != tt.color {
				t.Errorf("%q: colour %v", tt.terminal, got)
			}
		})
	}
}

func TestKeysInTelnet(t *testing.T) {
	tests := []struct{ name, keys, want string }{
		{"Tab completes a command", "boo\t\r\x00", "about books"},
		{"Tab lists", "s\t", "stats"},
		{"Tab behind top", "top conv\t", "conversations"},
		{"Tab behind help", "help inter\t\r\x00", "help: "},
		{"Ctrl-C takes a line back", "help\x03hello\r\x00", "Received message: hello"},
		{"Ctrl-C at an empty line ends", "\x03", "Goodbye."},
		{"Ctrl-D ends", "\x04", "Goodbye."},
		{"erase line by telnet", "abc\xff\xf8d\r\x00", "Received message: d"},
		{"erase character by telnet", "abc\xff\xf7d\r\x00", "Received message: abd"},
		{"are you there", "\xff\xf6", "Yes, network-sniffer is here."},
		{"interrupt by telnet at an empty line", "\xff\xf4", "Goodbye."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, Config{}, func(b bubble) {
				c := b.telnet("xterm", 80, 24)
				c.take()
				c.send(tt.keys)
				got := withoutMoves(c.take())
				if tt.name == "Tab behind help" {
					if !strings.Contains(got, "the interfaces, and how each is looked at") {
						t.Errorf("got %q", got)
					}
				} else if !strings.Contains(got, tt.want) {
					t.Errorf("got %q, want %q in it", got, tt.want)
				}
			})
		})
	}
}

func TestKeyEndsTheTable(t *testing.T) {
	for _, key := range []string{"q", "\x1b[A", "\x03", "\r\x00"} {
		inBubble(t, Config{}, func(b bubble) {
			tap := b.srv.NewTap()
			c := b.telnet("xterm", 100, 30)
			c.take()
			c.send("top protocols 5 1\r\x00")
			offer(tap, 10)
			time.Sleep(time.Second)
			if got := c.take(); !strings.Contains(got, homeAndErase) || !strings.Contains(got, "Any key ends this.") || strings.HasSuffix(withoutMoves(got), prompt) {
				t.Errorf("the table is %q", got)
			}
			c.send(key)
			if got := withoutMoves(c.take()); got != "\n"+prompt && got != prompt {
				t.Errorf("after %q: %q", key, got)
			}
			c.send("hello\r\x00")
			if got := withoutMoves(c.take()); !strings.Contains(got, "Received message: hello\n") {
				t.Errorf("after %q the line is %q", key, got)
			}
		})
	}
}

// A table is no longer than the window, so that its head stays in sight.
func TestTableFitsTheWindow(t *testing.T) {
	inBubble(t, Config{}, func(b bubble) {
		tap := b.srv.NewTap()
		c := b.telnet("xterm", 100, 8)
		c.take()
		c.send("top ports 50 1\r\x00")
		c.take()
		offer(tap, 60)
		time.Sleep(time.Second)
		got := c.take()
		if at := strings.Index(got, homeAndErase); at < 0 || strings.Count(got[at:], "\r\n") != 7 || !strings.HasSuffix(got, "Any key ends this.\r\n") {
			t.Errorf("got %q", got)
		}
	})
}

func TestCtrlCEndsAStream(t *testing.T) {
	inBubble(t, Config{}, func(b bubble) {
		tap := b.srv.NewTap()
		c := b.telnet("xterm", 100, 30)
		c.take()
		c.send("json\r\x00")
		c.take() // it has begun
		offer(tap, 1)
		settle()
		if got := withoutMoves(c.take()); !strings.Contains(got, "\"src_port\":1,") || !strings.HasSuffix(got, "}\nsniffer> ") {
			t.Errorf("got %q", got)
		}
		c.send("\x03")
		c.take()
		offer(tap, 1)
		settle()
		if got := c.take(); strings.Count(got, " TCP") != 1 {
			t.Errorf("then %q", got)
		}
	})
}

func TestPasswordIsNotEchoed(t *testing.T) {
	inBubble(t, Config{Password: secret}, func(b bubble) {
		c := b.telnet("xterm", 80, 24)
		if got := withoutMoves(c.take()); !strings.HasSuffix(got, "Password: ") {
			t.Errorf("got %q", got)
		}
		c.send("open sesame\r\x00")
		if got := withoutMoves(c.take()); strings.Contains(got, "sesame") || !strings.HasSuffix(got, "Type help for the commands.\nsniffer> ") {
			t.Errorf("got %q", got)
		}
		c.send("\x1b[A") // no history of it
		if got := withoutMoves(c.take()); strings.Contains(got, "sesame") {
			t.Errorf("history has %q", got)
		}
	})
}

// A client may take the editing back.
func TestTelnetThatWantsItsLines(t *testing.T) {
	inBubble(t, Config{}, func(b bubble) {
		c := b.telnet("xterm", 80, 24)
		c.take()
		c.send("\xff\xfe\x01") // DONT ECHO
		c.take()
		if got := withoutMoves(c.ask("hello")); !strings.HasSuffix(got, "Received message: hello\n") {
			t.Errorf("got %q", got)
		}
	})
}

// A telnet behind a slow line answers when everything was said already, and gets its line editing then.
func TestTelnetThatIsSlow(t *testing.T) {
	inBubble(t, Config{}, func(b bubble) {
		c := b.connect(true)
		if got := c.take(); !strings.HasSuffix(got, "Type help for the commands.\r\n") {
			t.Errorf("got %q", got)
		}
		if got := c.ask("\xff\xfb\x18"); !strings.HasPrefix(got, "\xff\xfa\x18\x01\xff\xf0\xff\xfb\x01\xff\xfb\x03\xff\xfd\x1f") { // WILL TTYPE
			t.Errorf("its answer gets %q", got)
		}
		c.send("\xff\xfd\x01\xff\xfd\x03") // DO ECHO, DO SGA
		if got := withoutMoves(c.take()); got != prompt {
			t.Errorf("then %q", got)
		}
		c.send("\xff\xfe\x01\xff\xfe\x03\xff\xfd\x01") // it changes its mind, twice
		if got := withoutMoves(c.take()); got != "\xff\xfc\x01\xff\xfc\x03\xff\xfb\x01" {
			t.Errorf("and then %q", got)
		}
	})
}

// Packets do not wait for a line for ever that the client took back with the editing.
func TestTelnetThatWantsItsLinesInTheMiddleOfOne(t *testing.T) {
	inBubble(t, Config{}, func(b bubble) {
		tap := b.srv.NewTap()
		c := b.telnet("xterm", 80, 24)
		c.send("hel")
		c.take()
		c.send("\xff\xfe\x01") // DONT ECHO
		c.take()
		offer(tap, 3)
		settle()
		if got := strings.Count(c.take(), " TCP "); got != 3 {
			t.Errorf("%d packets", got)
		}
	})
}
