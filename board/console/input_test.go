package console

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// telnetTable is what clients send, and what the session answers after the greeting; a quit follows each.
var telnetTable = []struct{ name, sent, want string }{
	{"LF", "one\ntwo\n", "Received message: one\r\nReceived message: two\r\n"},
	{"CR LF", "one\r\ntwo\r\n", "Received message: one\r\nReceived message: two\r\n"},
	{"CR NUL", "one\r\x00two\r\x00", "Received message: one\r\nReceived message: two\r\n"},
	{"CR alone", "one\rtwo\r", "Received message: one\r\nReceived message: two\r\n"},
	{"CR CR LF", "one\r\r\ntwo\n", "Received message: one\r\nReceived message: two\r\n"},
	{"CR LF LF", "one\r\n\ntwo\n", "Received message: one\r\nReceived message: two\r\n"},
	{"LF CR", "one\n\rtwo\n", "Received message: one\r\nReceived message: two\r\n"},
	{"NUL is shown", "a\x00b\n", "Received message: a\\x00b\r\n"},
	{"empty lines", "\r\n\n\r\x00\r\n", ""},
	{"options refused", "\xff\xfb\x18\xff\xfd\x03hi\n", "\xff\xfe\x18\xff\xfc\x03Received message: hi\r\n"},
	{"option refused once", "\xff\xfd\x01\xff\xfd\x01\xff\xfb\x01\xff\xfb\x01\n", "\xff\xfc\x01\xff\xfe\x01"},
	{"highest option", "\xff\xfd\xff\xff\xfb\xff\n", "\xff\xfc\xff\xff\xfe\xff"},
	{"WONT and DONT are not answered", "\xff\xfc\x01\xff\xfe\x03a\n", "Received message: a\r\n"},
	{"option in a word", "ab\xff\xfb\x1fcd\n", "\xff\xfe\x1fReceived message: abcd\r\n"},
	{"option between CR and LF", "a\r\xff\xfb\x1f\nb\n", "Received message: a\r\n\xff\xfe\x1fReceived message: b\r\n"},
	{"IAC IAC is a byte", "a\xff\xffb\n", "Received message: a\\xffb\r\n"},
	{"subnegotiation is dropped", "a\xff\xfa\x18\x00xterm\nquit\n\xff\xf0b\n", "Received message: ab\r\n"},
	{"IAC IAC in a subnegotiation", "a\xff\xfa\x1f\xff\xff\xf0\xff\xf0b\n", "Received message: ab\r\n"},
	{"command ends a subnegotiation", "a\xff\xfa\x18\xff\xfb\x01b\n", "\xff\xfe\x01Received message: ab\r\n"},
	{"NOP, DM, AO, GA and an unknown command", "a\xff\xf1\xff\xf2\xff\xf5\xff\xf9\xff\x01b\n", "Received message: ab\r\n"},
	{"are you there", "\xff\xf6a\n", "Yes, network-sniffer is here.\r\nReceived message: a\r\n"},
	{"erase character", "abx\xff\xf7c\n", "Received message: abc\r\n"},
	{"erase a whole character", "a→\xff\xf7b\n", "Received message: ab\r\n"},
	{"erase of nothing", "\xff\xf7a\n", "Received message: a\r\n"},
	{"erase does not bring a line back", "one\n\xff\xf7two\n", "Received message: one\r\nReceived message: two\r\n"},
	{"erase line", "abx\xff\xf8c\n", "Received message: c\r\n"},
	{"longest line", strings.Repeat("x", LineBytes) + "\na\n", "Received message: " + strings.Repeat("x", LineBytes) + "\r\nReceived message: a\r\n"},
	{"line too long", strings.Repeat("x", LineBytes+1) + "y\na\n", "The line is longer than 1024 bytes and is ignored.\r\nReceived message: a\r\n"},
	{"guard's words later on", "x\nGET / HTTP/1.1\n", "Received message: x\r\nReceived message: GET / HTTP/1.1\r\n"},
	{"nearly a guard's word", "GETS\n", "Received message: GETS\r\n"},
	{"a guard's word in small letters", "get x\n", "Received message: get x\r\n"},
}

// Every entry of the table, cut in two reads at every position, gives the same answers.
func TestTelnetAtEverySplit(t *testing.T) {
	for _, tt := range telnetTable {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, Config{}, func(b bubble) {
				for _, cut := range splits(len(tt.sent)) {
					c := b.connect(true)
					c.take()
					fmt.Fprint(c.conn, tt.sent[:cut])
					if cut < len(tt.sent) {
						fmt.Fprint(c.conn, tt.sent[cut:])
					}
					fmt.Fprint(c.conn, "quit\n")
					<-c.end
					if got := c.take(); got != tt.want+goodbye {
						t.Errorf("cut at %d: got %q, want %q", cut, got, tt.want+goodbye)
					}
				}
			})
		})
	}
}

// splits are the positions to cut n bytes at: all of them, or those near the ends of a long text.
func splits(n int) []int {
	var cuts []int
	for i := range n + 1 {
		if i > 0 && (i < 24 || i > n-24) {
			cuts = append(cuts, i)
		}
	}
	return cuts
}

func TestGuard(t *testing.T) {
	tests := []struct{ name, sent, protocol string }{
		{"GET", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP"},
		{"POST", "POST /\r\nquit\r\n", "HTTP"},
		{"HEAD", "HEAD / HTTP/1.0\r\n", "HTTP"},
		{"PUT", "PUT /a HTTP/1.0\r\n", "HTTP"},
		{"PATCH", "PATCH /a HTTP/1.0\r\n", "HTTP"},
		{"DELETE", "DELETE /a HTTP/1.0\r\n", "HTTP"},
		{"OPTIONS", "OPTIONS * HTTP/1.0\r\n", "HTTP"},
		{"CONNECT", "CONNECT a:80 HTTP/1.0\r\n", "HTTP"},
		{"TRACE", "TRACE / HTTP/1.0\r\n", "HTTP"},
		{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/2"},
		{"TLS", "\x16\x03\x01\x02\x00\x01", "TLS"},
		{"SSH", "SSH-2.0-OpenSSH_9\r\n", "SSH"},
		{"word without its space", "GET\r\nhelp\r\n", ""},
		{"Ctrl-V and a letter", "\x16a\r\n", ""},
		{"message", "hello\r\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var in input
			for i := range len(tt.sent) {
				switch event := in.step(tt.sent[i]); {
				case event == inputForeign:
					if in.protocol != tt.protocol {
						t.Errorf("taken for %q, want %q", in.protocol, tt.protocol)
					}
					return
				case event != inputNothing && tt.protocol != "":
					t.Fatalf("byte %d is event %d before the guard decided", i, event)
				}
			}
			if tt.protocol != "" {
				t.Errorf("%q was not recognized", tt.sent)
			}
		})
	}
}

// The guard decides within its fixed memory and before a line can be complete.
func TestGuardTable(t *testing.T) {
	for _, f := range foreign {
		if len(f.begin) > len(guard{}.seen) {
			t.Errorf("%q is longer than guard.seen", f.begin)
		}
		if bytes.ContainsFunc([]byte(f.begin[:len(f.begin)-1]), acts) {
			t.Errorf("%q contains a byte that acts before the guard decided", f.begin)
		}
	}
}

func acts(r rune) bool {
	return r == '\r' || r == '\n' || r == ctrlC || r == ctrlD || r >= 0x80
}

// FuzzInput feeds arbitrary bytes: lines stay within their bounds, refusals are sent once, and appending a
// line end and a message always gets the message through, unless the bytes ended the session.
func FuzzInput(f *testing.F) {
	for _, tt := range telnetTable {
		f.Add([]byte(tt.sent))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		var in input
		refusals := map[[3]byte]bool{}
		for i, b := range sent {
			switch in.step(b) {
			case inputLine:
				text := in.text()
				if len(text) == 0 || len(text) > LineBytes || bytes.ContainsAny(text, "\r\n\x03\x04") {
					t.Fatalf("line %q at byte %d", text, i)
				}
			case inputReply:
				r := in.telnet.reply
				if r[0] != telnetIAC || (r[1] != telnetDONT && r[1] != telnetWONT) || refusals[r] {
					t.Fatalf("reply %v at byte %d, refused before: %v", r, i, refusals[r])
				}
				refusals[r] = true
			case inputForeign:
				if in.protocol == "" || i >= len(in.guard.seen) {
					t.Fatalf("protocol %q at byte %d", in.protocol, i)
				}
				return
			case inputHangup, inputInterrupt:
				return
			}
		}
		// Whatever was left open, an interrupted sequence and subnegotiation end here: two IAC SE close
		// one that is open and are nothing otherwise, after a byte that completes an option.
		var last string
		for _, b := range []byte("\x01\xff\xf0\xff\xf0\nlast\n") {
			if in.step(b) == inputLine {
				last = string(in.text())
			}
		}
		if last != "last" {
			t.Fatalf("after %q the line read is %q", sent, last)
		}
	})
}

// FuzzLine types arbitrary bytes at a session: what comes back has no byte that a terminal acts on
// but the line ends and telnet's refusals.
func FuzzLine(f *testing.F) {
	for _, tt := range telnetTable {
		f.Add([]byte(tt.sent))
	}
	f.Add([]byte("\u009b31m\u202e\ufeff\u00ad\U000e0001"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		s := newSession(New(Config{Source: fakeSource{}}), pipeConn{})
		rate := newBucket(-1, 1, s.server.messages.last)
		var in input
		for _, b := range sent {
			if event := in.step(b); event != inputNothing {
				s.obey(event, &in, &rate)
				checkOutput(t, s.text)
				s.text = s.text[:0]
			}
			if s.isOver() {
				return
			}
		}
	})
}

func checkOutput(t *testing.T, text []byte) {
	t.Helper()
	if len(text) == 3 && text[0] == telnetIAC {
		return
	}
	text = bytes.TrimPrefix(text, []byte(noTimingMark))
	if !bytes.HasSuffix(text, []byte("\r\n")) && len(text) > 0 {
		t.Fatalf("output %q does not end its line", text)
	}
	for _, r := range strings.ReplaceAll(string(text), "\r\n", "") {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0x202e || r == 0xfeff {
			t.Fatalf("output %q contains %U", text, r)
		}
	}
	if bytes.IndexByte(text, telnetIAC) >= 0 {
		t.Fatalf("output %q contains IAC", text)
	}
}
