package console

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"regexp"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"network-sniffer/board/testbed/mutation"
	"network-sniffer/decode"
)

// sinkConn is a connection that has what is left of the client's bytes, and takes everything.
type sinkConn struct {
	net.Conn
	rest []byte
}

func (c *sinkConn) Read(b []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (*sinkConn) Write(b []byte) (int, error)      { return len(b), nil }
func (*sinkConn) SetReadDeadline(time.Time) error  { return nil }
func (*sinkConn) SetWriteDeadline(time.Time) error { return nil }
func (*sinkConn) Close() error                     { return nil }
func (*sinkConn) LocalAddr() net.Addr              { return pipeConn{}.LocalAddr() }
func (*sinkConn) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 1} }

// forgetfulPusher takes two packets of three.
type forgetfulPusher struct{ n int }

func (f *forgetfulPusher) Refuse(netip.Addr, uint64) {}
func (f *forgetfulPusher) Push(netip.Addr, *decode.Packet) error {
	if f.n++; f.n%3 == 0 {
		return errors.New("the disk is full\x1b")
	}
	return nil
}

// typistBytes at most are typed: an answer that repeats them twice, escaped, fits into what waits for a writer, so that
// the typist can be client and writer in one.
const typistBytes = outputBytes / 10

// typist types at sessions of one server, one after the other, and is their writer.
type typist struct {
	srv  *Server
	tap  *Tap
	conn sinkConn
	out  []byte
}

// newTypist has a server whose ring holds a handful of packets: no answer is longer than what waits for a writer.
func newTypist() *typist {
	name := func(i uint8) string { return [...]string{"eth0", "e\x1b[7m"}[i%2] }
	password := func(_ netip.Addr, attempt []byte) (refusal string) {
		if string(attempt) != "help" {
			refusal = "Wrong password."
		}
		return refusal
	}
	srv := New(Config{
		Source: porch, Push: new(forgetfulPusher), InterfaceName: name, Password: password,
		LinesPerSecond: 4, RingBytes: 1, FrameBytes: 256,
	})
	y := &typist{srv: srv, tap: srv.NewTap()}
	y.packets()
	return y
}

// question is a DNS query, in a raw IPv4 packet, for a name that would turn the colours around and the direction of writing.
const question = "\x45\x00\x00\x36\x00\x00\x00\x00\x40\x11\x00\x00\xc0\xa8\x01\x14\x08\x08\x08\x08" +
	"\x30\x39\x00\x35\x00\x22\x00\x00" + "\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" +
	"\x04\x1b[7m\x03\xe2\x80\xae\x00\x00\x01\x00\x01"

// packets lets packets come by, a few of each kind, and returns how many.
func (y *typist) packets() uint64 {
	before := y.srv.hub.ring.index
	y.srv.hub.demand.Store(demandAll)
	for i := range 2 {
		m := rawMeta
		m.Interface = uint8(i)
		y.tap.Offer(&m, int32(1+i), tcpFrame(51544))
		m.WireLength = uint32(len(question))
		y.tap.Offer(&m, int32(1+i), []byte(question))
		m.WireLength = 1500
		y.tap.Offer(&m, int32(1+i), []byte("\x1b\x00"))
	}
	y.tap.Flush()
	y.srv.hub.catchUp()
	return y.srv.hub.ring.index - before
}

// later lets a minute pass for what a session's stream waits for.
func later(s *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.view != nil {
		s.view.begun, s.view.since = s.view.begun.Add(-time.Minute), s.view.since.Add(-time.Minute)
	}
}

// manner is how a client comes.
type manner uint8

const (
	person manner = 1 << iota
	pairs         // of bytes come at once
	locked        // it has to say the password
	many          // packets come by, more than the ring holds
)

// check types bytes at a new session, which sees packets come by after the one at the index packets. What comes back has no
// byte that a terminal acts on but line ends, the editor's moves and telnet's commands; never more than its bound waits;
// what the session knows of itself fits together; and when it has ended its packets are accounted for and nothing is left.
// See is told of it after each turn.
func (y *typist) check(t *testing.T, how manner, packets int, sent []byte, see func(s *session)) {
	t.Helper()
	y.conn.rest = sent
	s := newSession(y.srv, &y.conn, PortConsole)
	s.reader.rate, s.reader.pushed = newBucket(-1, 1, time.Now()), newBucket(-1, 1, time.Now())
	s.terminal.person, s.terminal.greeted = how&person != 0, how&person != 0
	if how&locked != 0 {
		s.reader.stage = stagePassword
		s.reader.patience = time.NewTimer(time.Hour) // which nobody looks at
		if s.terminal.person {
			s.askPassword()
		}
	}
	y.srv.sessions[s] = struct{}{}
	defer delete(y.srv.sessions, s)
	due := accounted(y.srv.Counters())
	for len(y.conn.rest) > 0 && !s.isOver() {
		n := 1
		if how&pairs != 0 && y.conn.rest[0] != '\n' { // one answer at a time
			n = min(2, len(y.conn.rest))
		}
		at := len(sent) - len(y.conn.rest)
		turn := y.conn.rest[:n]
		y.conn.rest = y.conn.rest[n:]
		s.feed(turn)
		if at <= packets && packets < at+n {
			come := y.packets()
			if how&many != 0 {
				come += y.packets()
			}
			if s.view != nil {
				due += come
			}
		}
		later(s)
		see(s)
		binary := s.view != nil && s.view.kind == viewCapture
		piece := s.compose(y.out[:0])
		y.out = piece.bytes
		y.srv.count.packetsShown.Add(piece.shown)
		if len(y.out) > 2*replyBytes || len(s.text) > 0 {
			t.Fatalf("%d bytes are sent after %q, and %d wait", len(y.out), turn, len(s.text))
		}
		if !binary {
			checkOutput(t, y.out, how&person != 0, s.reader.peer.Spoke())
		}
		if wrong := s.contradiction(); wrong != "" {
			t.Fatalf("after %q %s", turn, wrong)
		}
	}
	s.stream(nil)
	checkDue(t, y.srv, due)
	if len(y.srv.hub.watching) > 0 || y.srv.tables.Load() != 0 {
		t.Fatalf("%d sessions watch and %d tables are taken after the end", len(y.srv.hub.watching), y.srv.tables.Load())
	}
}

// contradiction is what a session says of itself that cannot be.
func (s *session) contradiction() string {
	push := s.reader.stage == stagePush || s.reader.capture
	switch {
	case s.ending:
		return ""
	case s.reader.stage == stagePassword && (s.view != nil || push):
		return "it does something before the password"
	case s.view == nil && len(s.server.hub.watching) > 0:
		return "it watches, and shows nothing"
	case s.hold&holdTyping != 0 && (!s.terminal.editing || s.editor.Empty()):
		return "a line holds the stream, and there is none"
	case s.hold&holdAnswering != 0:
		return "an answer holds the stream, and none is on its way"
	case s.hold&holdPushing != 0 != push:
		return fmt.Sprintf("push is %v, and the stream is held %b", push, s.hold)
	case s.prompted && !s.terminal.editing:
		return "a prompt stands there, and nothing is edited"
	}
	return ""
}

// agree is what a telnet says that lets us edit.
const agree = "\xff\xfd\x01\xff\xfd\x03"

// window is what it says of a colour terminal of 80 columns and 24 rows.
const window = "\xff\xfb\x18\xff\xfa\x18\x00XTERM-256COLOR\xff\xf0\xff\xfb\x1f\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0"

// FuzzSession and TestMutated: see typist.check.
func FuzzSession(f *testing.F) {
	for _, c := range commands() {
		f.Add(uint8(0), uint8(0), []byte(c.example+"\n"))
		f.Add(uint8(person), uint8(len(agree+c.example)+1), []byte(agree+c.example+"\r\x00\t\x1b[A\r\x00"))
	}
	for _, row := range sessions {
		f.Add(uint8(person|pairs), uint8(5), []byte(row))
	}
	f.Add(uint8(person|locked), uint8(5), []byte("open\r\nhelp\r\nhelp\r\n"))
	y := newTypist()
	f.Fuzz(func(t *testing.T, how, packets uint8, sent []byte) {
		sent = sent[:min(len(sent), typistBytes)]
		y.check(t, manner(how), int(packets), sent, func(*session) {})
	})
}

// sessions are what clients may type.
var sessions = []string{
	"\u009b31m\u202e\ufeff\u00ad\U000e0001\r\n",
	agree + window + "top\r\x00q",
	"push\n" + pushed + "\n.\npush pcap\n",
	"push pcap\n\xd4\xc3\xb2\xa1\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04\x00\x65\x00\x00\x00" +
		"\x00\x00\x00\x60\x00\x00\x00\x00\x36\x00\x00\x00\x36\x00\x00\x00" + question,
	"\xff\xf4",
	"\xff\xf6\x04",
	"filter\nfilter tcp\nfilter\nfilter off\nwho --json\nmark refuse\npush " + pushed + "\n",
	"abc\xff\xf7d\r\nabc\xff\xf8d\r\n",
	"follow 192.168.1.20:12345 8.8.8.8:53\r\nx",
	agree + "abc\xff\xf7d\r\x00abc\xff\xf8d\r\x00",
	agree + "watch tcp port x\r\x00pause\r\x00pause\r\x00resume\r\x00hex\r\x000",
	"mark a\r\nhelp\r\nHost: x\r\n",
	"POST / HTTP/1.1\r\nHost: x\r\n\r\nmark a\r\n",
}

// typed is what clients may type, to be changed.
func typed() (s mutation.Source) {
	for _, c := range commands() {
		s.Words = append(s.Words, c.name, c.name+" ")
		s.Corpus = append(s.Corpus, []byte(c.example+"\n"), []byte("help "+c.name+"\r\n"))
	}
	for _, row := range sessions {
		s.Corpus = append(s.Corpus, []byte(row))
	}
	s.Words = append(s.Words, "\n", "\r\n", "\r\x00", "\t", "\x03", "\x04", "\x15", "\x1b[A", "\x1b[D", "\x7f",
		"\xff\xf4", "\xff\xf6", "\xff\xf7", "\xff\xf8", agree, "\xff\xfe\x01", "\xff\xfb\x18", "\xff\xfb\x1f",
		"\xff\xfa\x18\x00xterm\xff\xf0", "\xff\xfa\x1f\x00\x28\x00\x05\xff\xf0", "tcp port 443", "not udp", "host ", "ether[0:2] = ",
		" and (", "192.168.1.20:51544 142.250.74.36:443", "--json", "off", "\"", "10000", ".\n", pushed+"\n", "漢字", "\u202e",
		"\x1b]0;", "Host: x\n", "GET / HTTP/1.1\n")
	return s
}

func TestMutated(t *testing.T) {
	source := typed()
	source.Longest, source.Few = typistBytes, 5000
	var (
		y     = newTypist()
		seen  = map[string]bool{} // what sessions came to do
		turns []byte
	)
	see := func(s *session) {
		if s.view != nil {
			seen[viewNames[s.view.kind]] = true
		}
		seen["push"] = seen["push"] || s.reader.stage == stagePush
		seen["push pcap"] = seen["push pcap"] || s.reader.capture
		seen["password"] = seen["password"] || s.reader.attempts > 0 && s.reader.stage == stageCommand
		seen["editing"] = seen["editing"] || s.terminal.editing
	}
	mutation.Run(t, source, func(random *rand.Rand, sent []byte) {
		turns = turns[:0]
		how := manner(random.IntN(4)) + many*manner(random.IntN(2))
		if how&person != 0 && random.IntN(2) == 0 {
			turns = append(append(turns, agree...), window[:len(window)*random.IntN(2)]...)
		}
		if random.IntN(8) == 0 {
			how |= locked
			turns = append(turns, "help\r\n"[random.IntN(7):]...)
		}
		turns = append(turns, sent...)
		turns = turns[:min(len(turns), typistBytes)]
		y.check(t, how, random.IntN(len(turns)+1), turns, see)
	})
	for _, want := range append(viewNames[:], "push", "push pcap", "editing", "password") {
		if !seen[want] {
			t.Errorf("no session came to %s", want)
		}
	}
	if c := y.srv.Counters(); c.Marks == 0 || c.Pushed == 0 || c.PushRefused == 0 || c.ClosedForeign == 0 {
		t.Errorf("the sessions counted %+v", c)
	}
}

// checkOutput: every byte is of a telnet command, of a line's end, of a printable character, or, where the client speaks
// telnet, of what the editor and colours need. A person's lines end in CR LF.
func checkOutput(t *testing.T, out []byte, person, telnet bool) {
	t.Helper()
	for rest := out; len(rest) > 0; {
		n := 0
		r, size := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && size == 1:
			n = telnetCommand(rest)
		case unicode.IsPrint(r), r == '\n' && !person, telnet && (r == '\a' || r == '\b'):
			n = size
		case r == '\r', telnet && r == 0x1b:
			n = len(sequence.Find(rest))
		}
		if n == 0 {
			t.Fatalf("output %q, at byte %d", out, len(out)-len(rest))
		}
		rest = rest[n:]
	}
}

// sequence is what is sent besides text: line ends, and CUP, EL, ED, CUF, CUB and SGR of ECMA-48.
var sequence = regexp.MustCompile(`^(?:\r[\n\x00]?|\x1b\[(?:[HKJm]|2J|[0-9]+[CD]|3[1236]m))`)

// telnetCommand returns how long the command is that out begins with, 0 if it is none.
func telnetCommand(out []byte) int {
	const se = "\xff\xf0"
	switch {
	case len(out) < 3 || out[0] != 0xff || out[1] < 0xfa:
		return 0
	case out[1] > 0xfa: // WILL, WONT, DO, DONT
		return 3
	}
	body, _, whole := bytes.Cut(out, []byte(se))
	if !whole {
		return 0
	}
	return len(body) + len(se)
}
