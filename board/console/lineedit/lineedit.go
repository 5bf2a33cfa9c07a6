// Package lineedit is a line editor for a terminal at the other end of a byte stream that leaves echo to us.
//
// The bytes from the keyboard go into Step, one at a time; what the terminal has to be sent in return comes out of
// AppendEcho. There is no I/O and no goroutine in it, its memory is fixed, and nothing depends on how the bytes were
// split into reads.
//
// Prompt and line stand in one row of the terminal. A line that is longer than the row is shown in part, around the
// cursor, so that the row can always be taken away (AppendHide) and drawn again (AppendShow) around other output:
//
//	for each byte of a read:  event := e.Step(b); if event != None: out = e.AppendEcho(out), then act on the event
//	at the end of the read:   out = e.AppendEcho(out)
//	output of others:         out = e.AppendHide(out), whole lines ended by CR LF, out = e.AppendShow(out)
//
// The zero Editor is ready and hidden: AppendShow is the first thing that a session does. The row ends, and the editor
// is hidden again, with each of the events Line, Interrupt, EOF and TooLong.
package lineedit

import (
	"unicode/utf8"

	"network-sniffer/board/console/text"
)

// The bounds.
const (
	// LineBytes a line may have. Longer: TooLong, and the line is lost up to its end.
	LineBytes = 1024
	// HistoryLines and HistoryBytes of the lines before it are kept. Full: the oldest go.
	HistoryLines = 16
	HistoryBytes = 4 << 10
	// PromptBytes of a prompt are shown, in half of the row at most.
	PromptBytes = 64
	// EchoBytes is the most that one AppendEcho, AppendHide or AppendShow appends, whatever was typed before.
	EchoBytes = LineBytes + 2*PromptBytes + listBytes + 128
)

// The columns of a terminal: what SetWidth is told is brought between the first two, and 0 is taken for the third.
const (
	minColumns     = 20
	maxColumns     = 500
	defaultColumns = 80
)

// Event is what the session has to do after a byte.
type Event uint8

const (
	None      Event = iota
	Line            // the user ended a line, which may be empty: Editor.Line
	Interrupt       // Ctrl-C; the line is dropped
	EOF             // Ctrl-D in an empty line
	TooLong         // the line passed LineBytes; told once, it is ignored up to its end
	Complete        // Tab: the session looks at Editor.Text and calls Editor.Completed
)

// Editor is the line that is being typed, the lines before it, and what the terminal shows of it.
type Editor struct {
	keys     keyboard
	history  history
	recalled int // the line of the history that stands there, 1 for the newest; 0 for what is being typed
	secret   bool
	skipping bool // up to the end of a line that was too long

	line   [LineBytes]byte
	n      int // bytes of the line
	cursor int // in bytes, always where a character begins that is not combined with the one before
	given  int // bytes of the line that was ended; they are wiped by the next step
	stop   int // the cursor in it

	draft      [LineBytes]byte // what was being typed while recalled > 0
	draftBytes int

	row row
}

// Step takes one byte from the keyboard: UTF-8, control characters, and the sequences of the usual terminals' keys.
// Only printable characters enter the line; what is neither that nor a known key does nothing, or rings the bell.
func (e *Editor) Step(b byte) Event {
	e.begin()
	key := e.keys.step(b)
	if e.skipping {
		return e.skip(key)
	}
	switch key {
	case keyRune:
		return e.typed(e.keys.r)
	case keyUnknown:
		e.row.bell = true
	case keyEnter:
		return e.enter()
	case keyInterrupt:
		return e.end(Interrupt)
	case keyEOF:
		if e.n == 0 {
			return e.end(EOF)
		}
		e.edit(keyDelete)
	case keyTab:
		if !e.secret {
			return Complete
		}
		e.row.bell = true
	case keyUp:
		e.recall(e.recalled + 1)
	case keyDown:
		e.recall(e.recalled - 1)
	case keyClear:
		e.row.clear = true
	default:
		e.edit(key)
	}
	return None
}

// skip takes a key while a line that was too long goes on.
func (e *Editor) skip(key key) Event {
	switch key {
	case keyEnter:
		e.skipping = false
	case keyInterrupt:
		e.skipping = false
		return e.end(Interrupt)
	}
	return None
}

func (e *Editor) typed(r rune) Event {
	if e.n+utf8.RuneLen(r) > LineBytes {
		e.skipping = true
		return e.end(TooLong)
	}
	e.insert(r)
	return None
}

func (e *Editor) enter() Event {
	if !e.secret {
		e.history.add(e.line[:e.n])
	}
	return e.end(Line)
}

// end gives the line out, or drops it, and begins another.
func (e *Editor) end(event Event) Event {
	e.given, e.stop = e.n, e.cursor
	e.n, e.cursor, e.recalled = 0, 0, 0
	e.row.ending = rowEnds
	if event == Interrupt {
		e.row.ending = rowInterrupted
	}
	return event
}

// begin wipes a line that was given out: it may have been a password.
func (e *Editor) begin() {
	if e.row.ending != rowStays {
		e.row.ending = rowCut
	}
	clear(e.line[:e.given])
	e.given, e.stop = 0, 0
}

// Line is the line after the event Line, without its end, valid until the next Step.
func (e *Editor) Line() []byte { return e.line[:e.given] }

// Text is what stands in the line that is being typed, and where the cursor is in it, valid until the next Step.
func (e *Editor) Text() (line []byte, cursor int) { return e.line[:e.n], e.cursor }

// Empty says that nothing is typed.
func (e *Editor) Empty() bool { return e.n == 0 }

// SetPrompt sets what stands before the line. It is made safe text and cut to PromptBytes.
func (e *Editor) SetPrompt(s string) {
	prompt := text.AppendSafe(nil, []byte(s))
	e.row.prompt = prompt[:cut(prompt, PromptBytes)]
	e.row.fit()
}

// SetWidth tells the columns of the terminal; 0 stands for unknown.
func (e *Editor) SetWidth(columns int) {
	if columns == 0 {
		columns = defaultColumns
	}
	e.row.width = min(max(columns, minColumns), maxColumns)
	e.row.fit()
}

// SetSecret turns echo and history off, for a password, or on again. What was being typed is dropped: it belongs to
// neither.
func (e *Editor) SetSecret(on bool) {
	if on == e.secret {
		return
	}
	e.secret = on
	clear(e.line[:e.n])
	e.n, e.cursor, e.recalled = 0, 0, 0
	if e.row.ending != rowStays { // what was given out is shown as it was typed, or no more
		e.row.ending = rowCut
	}
	e.row.touched(0)
}

// cut is how many bytes of text are left when it may have so many and no character is split.
func cut(text []byte, most int) int {
	if len(text) <= most {
		return len(text)
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return most
}
