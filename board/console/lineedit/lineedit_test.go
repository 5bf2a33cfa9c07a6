package lineedit

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unsafe"
)

// keyTable is what keyboards send, and the line with its cursor afterwards.
var keyTable = []struct{ name, typed, want string }{
	{"letters", "abc", "abc|"},
	{"UTF-8", "größe → 漢字😀", "größe → 漢字😀|"},
	{"mark", "e\u0301", "e\u0301|"},
	{"mark alone", "\u0301a", "a|"},
	{"Left", "abc\x1b[D", "ab|c"},
	{"Left, application mode", "abc\x1bOD", "ab|c"},
	{"Left with a modifier", "abc\x1b[1;5D", "ab|c"},
	{"Left with one in the old way", "abc\x1bO5D", "ab|c"},
	{"Ctrl-B", "abc\x02", "ab|c"},
	{"Left at the beginning", "a\x02\x02", "|a"},
	{"Left over a wide one", "a漢\x02", "a|漢"},
	{"Left over a mark", "ae\u0301\x02", "a|e\u0301"},
	{"Right", "abc\x01\x1b[C", "a|bc"},
	{"Right, application mode", "abc\x01\x1bOC", "a|bc"},
	{"Ctrl-F", "abc\x01\x06", "a|bc"},
	{"Right over marks", "e\u0301\u0308b\x01\x06", "e\u0301\u0308|b"},
	{"Right at the end", "a\x06", "a|"},
	{"Home", "abc\x1b[H", "|abc"},
	{"Home, application mode", "abc\x1bOH", "|abc"},
	{"Home of a VT220", "abc\x1b[1~", "|abc"},
	{"Home of rxvt", "abc\x1b[7~", "|abc"},
	{"Ctrl-A", "abc\x01", "|abc"},
	{"End", "abc\x01\x1b[F", "abc|"},
	{"End, application mode", "abc\x01\x1bOF", "abc|"},
	{"End of a VT220", "abc\x01\x1b[4~", "abc|"},
	{"End of rxvt", "abc\x01\x1b[8~", "abc|"},
	{"Ctrl-E", "abc\x01\x05", "abc|"},
	{"Delete", "abc\x01\x1b[3~", "|bc"},
	{"Delete with a modifier", "abc\x01\x1b[3;2~", "|bc"},
	{"Delete takes marks along", "e\u0301b\x01\x1b[3~", "|b"},
	{"Delete at the end", "abc\x1b[3~", "abc|"},
	{"Ctrl-D in a line", "abc\x01\x04", "|bc"},
	{"Ctrl-D at the end of a line", "abc\x04", "abc|"},
	{"DEL", "abc\x7f", "ab|"},
	{"Ctrl-H", "abc\x08", "ab|"},
	{"Backspace in the middle", "abc\x02\x7f", "a|c"},
	{"Backspace over a wide one", "a漢\x7f", "a|"},
	{"Backspace takes marks along", "ae\u0301\x7f", "a|"},
	{"Backspace at the beginning", "a\x01\x7f", "|a"},
	{"Ctrl-K", "abc def\x02\x02\x0b", "abc d|"},
	{"Ctrl-U", "abc def\x02\x02\x15", "|ef"},
	{"Ctrl-W", "abc def\x17", "abc |"},
	{"Ctrl-W over spaces", "abc def  \x17", "abc |"},
	{"Ctrl-W in a word", "abc def\x02\x17", "abc |f"},
	{"Ctrl-W of the first word", "abc\x17", "|"},
	{"Ctrl-W with marks", "abc e\u0301e\u0301\x17", "abc |"},
	{"Ctrl-L", "abc\x02\x0c", "ab|c"},
	{"insert in the middle", "abc\x02\x02XY", "aXY|bc"},
	{"mark in the middle", "ebc\x02\x02\u0301", "e\u0301|bc"},
	{"NUL alone", "a\x00b", "ab|"},
	{"unknown control characters", "a\x07\x11\x13\x14\x16\x19\x1a\x1c\x1d\x1e\x1fb", "ab|"},
	{"Insert", "a\x1b[2~b", "ab|"},
	{"Page Up and Page Down", "a\x1b[5~\x1b[6~b", "ab|"},
	{"function keys", "a\x1bOP\x1b[15~\x1b[24;2~b", "ab|"},
	{"function keys of the Linux console", "a\x1b[[A\x1b[[Eb", "ab|"},
	{"bracketed paste", "a\x1b[200~x\x1b[201~b", "axb|"},
	{"mouse", "a\x1b[<0;10;20Mb", "ab|"},
	{"private Left", "abc\x1b[?D", "abc|"},
	{"intermediate", "abc\x1b[1 ~", "abc|"},
	{"answer of a terminal", "a\x1b[?1;2c\x1b[24;80Rb", "ab|"},
	{"sequence in a sequence", "abc\x1b[1\x1b[D", "ab|c"},
	{"two ESC", "abc\x1b\x1b[D", "ab|c"},
	{"Alt and a letter", "a\x1bxb", "ab|"},
	{"Alt and a wide letter", "a\x1b漢b", "ab|"},
	{"Alt and broken UTF-8", "a\x1b\xe6bc", "abc|"},
	{"Alt and Backspace", "ab\x1b\x7f", "a|"},
	{"control character in a sequence", "abc\x1b[1\x02X", "abX|c"},
	{"UTF-8 in a sequence", "a\x1b[1é", "aé|"},
	{"longest sequence", "a\x1b[" + strings.Repeat("1", sequenceBytes-1) + "~b", "ab|"},
	{"sequence that never ends", "a\x1b[" + strings.Repeat("1", sequenceBytes) + "b", "ab|"},
	{"parameter without bound", "ab\x01\x1b[65539~", "|ab"},
	{"not UTF-8", "a\xff\x80b", "ab|"},
	{"UTF-8 cut off", "a\xe2\x86b", "ab|"},
	{"UTF-8 cut off by a key", "ab\xe2\x86\x02", "a|b"},
	{"UTF-8 with a key in it", "ab\xe2\x86\x02\x92", "a|b"},
	{"Alt and UTF-8 cut off by a key", "ab\x1b\xe6\x02X", "aX|b"},
	{"UTF-8 in UTF-8", "a\xe2\xc3\xa9b", "aéb|"},
	{"overlong and surrogate", "a\xc0\x80\xed\xa0\x80b", "ab|"},
	{"not printable", "a\u009b\u202e\ufeff\u00a0\U000e0001b", "ab|"},
	{"U+FFFD is printable", "\ufffd", "\ufffd|"},
	{"Up without a history", "a\x1b[A", "a|"},
	{"Down without a history", "a\x1b[B", "a|"},
}

func TestKeys(t *testing.T) {
	for _, row := range keyTable {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, late %v", row.name, late), func(t *testing.T) {
				s := newSession(t, 40)
				s.late = late
				s.typed(row.typed)
				if got := s.state(); got != row.want {
					t.Errorf("got %q, want %q", got, row.want)
				}
				if len(s.events) != 0 {
					t.Errorf("events %v", s.events)
				}
			})
		}
	}
}

// TestLines: what ends a line, the lines, and what comes of it all.
func TestLines(t *testing.T) {
	for _, row := range []struct {
		name, typed string
		lines       []string
		events      []Event
		left        string // in the line that is being typed
	}{
		{"CR LF", "one\r\ntwo\r\n", []string{"one", "two"}, []Event{Line, Line}, ""},
		{"CR NUL", "one\r\x00two\r\x00", []string{"one", "two"}, []Event{Line, Line}, ""},
		{"CR", "one\rtwo\r", []string{"one", "two"}, []Event{Line, Line}, ""},
		{"LF", "one\ntwo\n", []string{"one", "two"}, []Event{Line, Line}, ""},
		{"empty lines", "\r\n\r\n\n\r\r\x00", []string{"", "", "", "", ""}, []Event{Line, Line, Line, Line, Line}, ""},
		{"LF CR LF", "a\n\r\n", []string{"a", ""}, []Event{Line, Line}, ""},
		{"a key between CR and LF", "a\r\x1b[D\nb", []string{"a", ""}, []Event{Line, Line}, "b"},
		{"from the middle", "abc\x02\r", []string{"abc"}, []Event{Line}, ""},
		{"end in a sequence", "abc\x1b[1\rd", []string{"abc"}, []Event{Line}, "d"},
		{"end after ESC", "abc\x1b\rd", []string{"abc"}, []Event{Line}, "d"},
		{"Ctrl-C", "abc\x03d", nil, []Event{Interrupt}, "d"},
		{"Ctrl-C in an empty line", "\x03", nil, []Event{Interrupt}, ""},
		{"Ctrl-C in a sequence", "\x1b[1\x03d", nil, []Event{Interrupt}, "d"},
		{"Ctrl-D", "\x04", nil, []Event{EOF}, ""},
		{"Ctrl-D after the last character", "a\x04\x7f\x04", nil, []Event{EOF}, ""},
		{"Ctrl-C when a line is too long", strings.Repeat("x", LineBytes+9) + "\x03a", nil, []Event{TooLong, Interrupt}, "a"},
		{"Ctrl-D when a line is too long", strings.Repeat("x", LineBytes+9) + "\x04\x15\ty\ra", nil, []Event{TooLong}, "a"},
		{"longest line", strings.Repeat("x", LineBytes) + "\r", []string{strings.Repeat("x", LineBytes)}, []Event{Line}, ""},
		{"one more", strings.Repeat("x", LineBytes) + "y\r", nil, []Event{TooLong}, ""},
		{"no room for all bytes of a character", strings.Repeat("x", LineBytes-1) + "é\rb", nil, []Event{TooLong}, "b"},
		{"a long paste", "a\r" + strings.Repeat("0123456789", 10<<10) + "\rb\rc",
			[]string{"a", "b"}, []Event{Line, TooLong, Line}, "c"},
		{"two of them", strings.Repeat(strings.Repeat("x", 5000)+"\n", 2), nil, []Event{TooLong, TooLong}, ""},
	} {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, late %v", row.name, late), func(t *testing.T) {
				s := newSession(t, 40)
				s.late = late
				s.typed(row.typed)
				if fmt.Sprint(s.events) != fmt.Sprint(row.events) {
					t.Errorf("events %v, want %v", s.events, row.events)
				}
				if fmt.Sprintf("%q", s.lines) != fmt.Sprintf("%q", row.lines) {
					t.Errorf("lines %q, want %q", s.lines, row.lines)
				}
				if got := s.state(); got != row.left+"|" {
					t.Errorf("the line is %q, want %q", got, row.left)
				}
			})
		}
	}
}

// TestRows is what stays on the screen.
func TestRows(t *testing.T) {
	long := strings.Repeat("0123456789", 3) + "0" // one more than there is room for
	for _, row := range []struct{ name, typed, above string }{
		{"a line", "help\r", "sniffer> help\nout"},
		{"an empty line", "\r", "sniffer>\nout"},
		{"two lines", "help\rstats\r", "sniffer> help\nout\nsniffer> stats\nout"},
		{"an edited line", "hellp\x02\x7f\x7flp\x06\x7f\r", "sniffer> help\nout"},
		{"an interrupted line", "help\x03", "sniffer> help^C\nout"},
		{"an interrupted line, from the middle", "help\x02\x02\x03", "sniffer> help^C\nout"},
		{"the end", "\x04", "sniffer>\nout"},
		{"a long line", long + "\r", "sniffer> " + long[16:] + "\nout"},
		{"a long line, interrupted", long + "\x01\x03", "sniffer> " + long[:30] + "\nout"},
		{"cleared", "help\rstats\x0c\r", "sniffer> stats\nout"},
	} {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, late %v", row.name, late), func(t *testing.T) {
				s := newSession(t, 40)
				s.late = late
				s.typed(row.typed)
				if got := strings.Join(s.v.above, "\n"); got != row.above {
					t.Errorf("the screen shows\n%s\nwant\n%s", got, row.above)
				}
			})
		}
	}
}

// TestEcho is what goes over the wire for one key: what is typed at the end costs its own bytes.
func TestEcho(t *testing.T) {
	for _, row := range []struct{ name, before, key, want string }{
		{"a letter", "ab", "c", "c"},
		{"a wide letter", "ab", "漢", "漢"},
		{"a mark", "ab", "\u0301", "\bb\u0301"},
		{"Backspace", "ab", "\x7f", "\b\x1b[K"},
		{"Backspace over a wide one", "a漢", "\x7f", "\b\b\x1b[K"},
		{"Left", "ab", "\x02", "\b"},
		{"Right", "ab\x02", "\x06", "\x1b[1C"},
		{"Home", "abcdef", "\x01", "\x1b[6D"},
		{"End", "abcdef\x01", "\x05", "\x1b[6C"},
		{"a letter in the middle", "abc\x02", "X", "Xc\b"},
		{"Ctrl-U", "abc", "\x15", "\b\b\b\x1b[K"},
		{"nothing to do", "", "\x7f", "\a"},
		{"Enter", "ab", "\r", "\r\n"},
		{"Ctrl-C", "ab", "\x03", "^C\r\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newSession(t, 40)
			s.typed(row.before)
			for i := range len(row.key) {
				s.e.Step(row.key[i])
			}
			if got := string(s.e.AppendEcho(nil)); got != row.want {
				t.Errorf("%q, want %q", got, row.want)
			}
			if again := s.e.AppendEcho(nil); len(again) != 0 {
				t.Errorf("then once more %q", again)
			}
		})
	}
}

// TestBell: once for whatever cannot be done, however often.
func TestBell(t *testing.T) {
	for _, row := range []struct {
		name, typed string
		bells       int
	}{
		{"Home and End are always possible", "\x01\x05\x01", 0},
		{"letters", "abc", 0},
		{"Left at the beginning", "\x02", 1},
		{"Right at the end", "\x06", 1},
		{"Backspace, Ctrl-W, Ctrl-U and Ctrl-K of nothing", "\x7f\x17\x15\x0b", 1},
		{"Up and Down without a history", "\x10\x0e", 1},
		{"Ctrl-D at the end", "a\x04", 1},
		{"not printable", "\u202e", 1},
		{"not UTF-8", "\xff", 1},
		{"no completion", "x\t", 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newSession(t, 40)
			s.late = true
			s.typed(row.typed)
			if s.v.bells != row.bells {
				t.Errorf("%d bells, want %d", s.v.bells, row.bells)
			}
		})
	}
}

// TestHidden: while the editor is hidden it takes keys and says nothing, and shows all of it later.
func TestHidden(t *testing.T) {
	s := newSession(t, 40)
	s.hide()
	for _, b := range []byte("abc\x02X\x0c") {
		s.e.Step(b)
		if sent := s.e.AppendEcho(nil); len(sent) != 0 {
			t.Fatalf("hidden, and %q is sent", sent)
		}
	}
	if sent := s.e.AppendHide(nil); len(sent) != 0 {
		t.Errorf("hidden again, and %q is sent", sent)
	}
	s.show()
	if got := s.state(); got != "abX|c" {
		t.Errorf("%q", got)
	}
	s.hide()
	if event := s.e.Step('\r'); event != Line || string(s.e.Line()) != "abXc" {
		t.Errorf("event %d, line %q", event, s.e.Line())
	}
	if sent := s.e.AppendEcho(nil); len(sent) != 0 {
		t.Errorf("the line ended hidden, and %q is sent", sent)
	}
	s.show()
	s.typed("x")
	if len(s.v.above) != 0 {
		t.Errorf("the terminal shows %q", s.v.above)
	}
}

// TestZeroValue: no prompt, a terminal of 80 columns, hidden.
func TestZeroValue(t *testing.T) {
	s := &session{t: t, e: new(Editor), v: newTerminal(t, 80)}
	if sent := s.e.AppendEcho(nil); len(sent) != 0 {
		t.Errorf("sent %q", sent)
	}
	s.show()
	s.typed(strings.Repeat("0123456789", 20) + "\x01\x05\x02\x7f\r")
	if len(s.lines) != 1 || len(s.lines[0]) != 199 {
		t.Errorf("lines %q", s.lines)
	}
}

// TestEchoNotTaken: a session that does not take the echo of a line before it goes on loses that echo and nothing else.
func TestEchoNotTaken(t *testing.T) {
	s := newSession(t, 40)
	s.typed("on")
	for _, b := range []byte("e\rtwo\rth") {
		s.e.Step(b)
	}
	s.echo()
	if got := s.above(9); got != "sniffer> on" {
		t.Errorf("the screen shows\n%s", got)
	}
	if s.v.column != 0 || s.v.row() != "" {
		t.Errorf("the row is %q", s.v.row())
	}
	s.show()
	s.typed("ree")
	if s.state() != "three|" {
		t.Errorf("the line is %q", s.state())
	}
	// Nor does it leave a half-drawn row to others.
	s.e.Step('\r')
	s.output("out")
	if got := s.above(2); got != "sniffer> three\nout" {
		t.Errorf("the screen shows\n%s", got)
	}
	s.typed("x")
	s.e.Step('\r')
	s.show()
	if got := s.above(1); got != "sniffer> x" {
		t.Errorf("the screen shows\n%s", got)
	}
}

func TestSecret(t *testing.T) {
	s := newSession(t, 40)
	s.typed("visible\r" + "half")
	s.prompt = "Password: "
	s.e.SetPrompt(s.prompt)
	s.e.SetSecret(true)
	if !s.e.Empty() {
		t.Error("what was being typed is in the password")
	}
	s.echo()
	s.check()
	before := len(s.v.above)
	s.words = []string{"hidden"}
	s.e.Completed(s.words)
	s.typed("hid\tden\x1b[A\x02\x02X\r")
	if got := s.lines[len(s.lines)-1]; got != "hiddXen" {
		t.Errorf("the password read is %q", got)
	}
	if got := strings.Join(s.v.above[before:], "\n"); got != "Password:\nout" {
		t.Errorf("the screen shows\n%s", got)
	}
	// The echo of it is not shown either when the password is over by then.
	for _, b := range []byte("again\r") {
		s.e.Step(b)
	}
	s.e.SetSecret(false)
	if got := string(s.e.Line()); got != "again" {
		t.Errorf("the password read is %q", got)
	}
	s.echo()
	if got := s.above(1); got != "Password:" {
		t.Errorf("the screen shows %q", got)
	}
	s.prompt = testPrompt
	s.e.SetPrompt(s.prompt)
	s.show()
	s.typed("\x1b[A\x1b[A")
	if s.state() != "visible|" {
		t.Errorf("the history has %q", s.state())
	}
}

// TestSecretIsWiped: nothing of a password stays in memory, be it given out, erased or given up.
func TestSecretIsWiped(t *testing.T) {
	for _, row := range []struct {
		name, typed string
		then        func(e *Editor)
	}{
		{"given out", "a-password-of-many-letters\r", func(e *Editor) { e.Step('x') }},
		{"erased", "a-password-of-many-letters\x15x", func(*Editor) {}},
		{"erased in part", "a-password-of-many-letters\x1b[D\x17", func(*Editor) {}},
		{"interrupted", "a-password-of-many-letters\x03", func(e *Editor) { e.Step('x') }},
		{"no longer asked for", "a-password-of-many-letters", func(e *Editor) { e.SetSecret(false) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newSession(t, 40)
			s.e.SetSecret(true)
			s.typed(row.typed)
			row.then(s.e)
			memory := unsafe.Slice((*byte)(unsafe.Pointer(s.e)), unsafe.Sizeof(*s.e))
			if bytes.Contains(memory, []byte("letter")) {
				t.Error("the password is still in memory")
			}
		})
	}
}

func TestPrompt(t *testing.T) {
	for _, row := range []struct {
		name, prompt string
		width        int
		row          string
	}{
		{"whole", "router> ", 20, "router> x"},
		{"none", "", 20, "x"},
		{"half of the row", "a-very-long-prompt> ", 20, "a-very-lo…x"},
		{"wide", "漢字漢字漢字> ", 20, "漢字漢字…x"},
		{"hostile", "a\x1b[2J> ", 40, `a\x1b[2J> x`},
		{"bytes without end", strings.Repeat("0123456789", 10), 200, strings.Repeat("0123456789", 7)[:PromptBytes] + "x"},
		{"bytes cut in a character", strings.Repeat("漢", 30), 200, strings.Repeat("漢", 21) + "x"},
		{"more columns than there are", "router> ", 1 << 30, "router> x"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var e Editor
			e.SetPrompt(row.prompt)
			e.SetWidth(row.width)
			v := newTerminal(t, min(row.width, maxColumns))
			v.write(e.AppendShow(nil))
			e.Step('x')
			v.write(e.AppendEcho(nil))
			if v.row() != row.row {
				t.Errorf("%q, want %q", v.row(), row.row)
			}
		})
	}
	t.Run("changed while shown", func(t *testing.T) {
		s := newSession(t, 40)
		s.typed("abc\x02")
		s.prompt = "> "
		s.e.SetPrompt(s.prompt)
		s.echo()
		s.check()
	})
	t.Run("narrower than there can be", func(t *testing.T) {
		var e Editor
		e.SetWidth(-3)
		v := newTerminal(t, minColumns)
		v.write(e.AppendShow(nil))
		for _, b := range []byte(strings.Repeat("漢字", 20)) {
			e.Step(b)
			v.write(e.AppendEcho(nil))
		}
	})
}

// TestShowAgain: whatever stands in the row, prompt and line are drawn in its place.
func TestShowAgain(t *testing.T) {
	s := newSession(t, 40)
	s.typed("abc\x02")
	s.v.write([]byte("somebody wrote here"))
	s.show()
}

// TestScrolledLateEcho: the line that is shown in part is replaced, in one read, by another whose characters begin
// elsewhere.
func TestScrolledLateEcho(t *testing.T) {
	for n := range 60 {
		s := newSession(t, 40)
		s.typed(strings.Repeat("x", 70))
		s.late = true
		s.typed("\x15" + strings.Repeat("a", n%3) + strings.Repeat("漢", n))
	}
}

// TestStableView: the visible part of a long line stays where it is when others write.
func TestStableView(t *testing.T) {
	s := newSession(t, 40)
	s.typed(strings.Repeat("0123456789", 10) + "\x02\x02\x02")
	before, column := s.v.row(), s.v.column
	s.output("out")
	if s.v.row() != before || s.v.column != column {
		t.Errorf("the row was %q, and is %q", before, s.v.row())
	}
}

func TestResize(t *testing.T) {
	s := newSession(t, 80)
	s.typed(strings.Repeat("漢x", 20) + "\x01\x06\x06")
	for _, width := range []int{20, 21, 70, 30, 500, 20} {
		s.resize(width)
		s.typed("\x05\x02")
		s.output("out")
	}
}

// TestEchoBytes: the longest prompt, line and list, and all else that one echo can hold.
func TestEchoBytes(t *testing.T) {
	mark := "\u0301"
	s := newSession(t, maxColumns)
	s.prompt = "e" + strings.Repeat(mark, 31)
	s.e.SetPrompt(s.prompt)
	for i := range 2 * listNames {
		s.words = append(s.words, fmt.Sprintf("%03d%s", i, strings.Repeat(mark, 40)))
	}
	s.words = append(s.words, "x")
	for _, b := range []byte(strings.Repeat("e"+strings.Repeat(mark, 7), 68) + "    " + "\x01\x02\x0c") {
		s.e.Step(b)
	}
	s.e.Completed(s.words)
	sent := s.e.AppendEcho(nil)
	if len(sent) > EchoBytes || len(sent) < EchoBytes*8/10 {
		t.Errorf("%d bytes of echo, expected nearly %d", len(sent), EchoBytes)
	}
	s.v.write(sent)
}

// TestNoAllocation: the keys of a line, its end, and output in between.
func TestNoAllocation(t *testing.T) {
	typed := []byte("watch tcp port 443\x01\x06漢e\u0301\x1b[C\x1bOD\x7f\x1b[3~\x05 xyz\x17\x0b\x10\x0e\xff\x03" +
		"again\x0c\r\n\x1b[A\r\n\r\n")
	var e Editor
	e.SetPrompt(testPrompt)
	e.SetWidth(40)
	var dst [EchoBytes]byte
	lines := 0
	allocs := testing.AllocsPerRun(100, func() {
		e.AppendShow(dst[:0])
		for i, b := range typed {
			if event := e.Step(b); event != None {
				lines++
				e.AppendEcho(dst[:0])
				e.AppendShow(dst[:0])
			}
			if i%7 == 0 {
				e.AppendEcho(dst[:0])
			}
			if i%11 == 0 {
				e.AppendShow(e.AppendHide(dst[:0])[:0])
			}
		}
	})
	if allocs != 0 || lines != 4*101 {
		t.Errorf("%v allocations, %d lines", allocs, lines)
	}
}
