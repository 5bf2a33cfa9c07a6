package lineedit

import (
	"strings"
	"testing"
)

const testPrompt = "sniffer> "

// session is an editor and its terminal, as package console puts them together.
type session struct {
	t      testing.TB
	e      *Editor
	v      *terminal
	prompt string
	words  []string // the candidates that Tab gets
	events []Event
	lines  []string
	// late leaves the echo until an event or the end of the bytes, as when they came in one read.
	late bool
}

func newSession(t testing.TB, width int) *session {
	s := &session{t: t, e: new(Editor), v: newTerminal(t, width), prompt: testPrompt}
	s.e.SetPrompt(s.prompt)
	s.e.SetWidth(width)
	s.show()
	return s
}

// bounded sends what one call of the editor appended.
func (s *session) bounded(sent []byte) {
	s.t.Helper()
	if len(sent) > EchoBytes {
		s.t.Fatalf("%d bytes of echo, more than %d: %q", len(sent), EchoBytes, sent)
	}
	s.v.write(sent)
}

func (s *session) echo() { s.t.Helper(); s.bounded(s.e.AppendEcho(nil)) }
func (s *session) hide() { s.t.Helper(); s.bounded(s.e.AppendHide(nil)) }
func (s *session) show() { s.t.Helper(); s.bounded(s.e.AppendShow(nil)); s.check() }

func (s *session) resize(width int) {
	s.v.resize(width)
	s.e.SetWidth(width)
	s.echo()
	s.check()
}

// output is a line of somebody else.
func (s *session) output(line string) {
	s.t.Helper()
	s.hide()
	if s.v.row() != "" || s.v.column != 0 {
		s.t.Fatalf("the hidden row is %q with the cursor in column %d", s.v.row(), s.v.column)
	}
	s.v.write([]byte(line + "\r\n"))
	s.show()
}

// typed steps through the bytes and returns the last event.
func (s *session) typed(bytes string) Event {
	s.t.Helper()
	last := None
	for i := range len(bytes) {
		event := s.e.Step(bytes[i])
		if event != None || !s.late {
			s.echo()
		}
		if event != None {
			last = event
			s.act(event)
		}
		if !s.late && !s.e.skipping {
			s.check()
		}
	}
	s.echo()
	s.check()
	return last
}

func (s *session) act(event Event) {
	s.t.Helper()
	s.events = append(s.events, event)
	switch event {
	case Line:
		s.lines = append(s.lines, string(s.e.Line()))
	case Complete:
		s.e.Completed(s.words)
		s.echo()
		return
	}
	if s.v.row() != "" || s.v.column != 0 {
		s.t.Fatalf("after the event %d the row is %q", event, s.v.row())
	}
	s.v.write([]byte("out\r\n"))
	s.show()
}

// check compares the terminal with the editor's line.
func (s *session) check() {
	s.t.Helper()
	line, cursor := s.e.Text()
	if s.e.Empty() != (len(line) == 0) {
		s.t.Fatalf("empty %v, and the line is %q", s.e.Empty(), line)
	}
	if s.e.secret {
		line, cursor = nil, 0
	}
	s.v.check(s.prompt, string(line), cursor)
}

// state is the line with a bar where the cursor is.
func (s *session) state() string {
	line, cursor := s.e.Text()
	return string(line[:cursor]) + "|" + string(line[cursor:])
}

// above is the last rows that the terminal shows above the row of the editor.
func (s *session) above(n int) string {
	return strings.Join(s.v.above[max(0, len(s.v.above)-n):], "\n")
}
