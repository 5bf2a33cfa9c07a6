package pcapfilter

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

var (
	// ErrUnsupported marks an expression that pcap-filter(7) allows and this package does not compile.
	ErrUnsupported = errors.New("not supported")

	// ErrTooLong marks an expression or a program beyond a limit. A caller may fall back to a coarser
	// filter.
	ErrTooLong = errors.New("too long")
)

// Error says what is wrong with an expression and where.
type Error struct {
	Expr     string // the whole expression
	Column   int    // of the first character that is wrong, counted in runes from 1
	Message  string // what is wrong
	Expected string // what could stand there instead; empty when nothing in particular could

	kind error
}

// Error returns the message, the column and the expectation on one line.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "filter: column %d: %s", e.Column, e.Message)
	if e.kind != nil {
		fmt.Fprintf(&b, " (%v)", e.kind)
	}
	if e.Expected != "" {
		fmt.Fprintf(&b, "; expected %s", e.Expected)
	}
	return b.String()
}

// Caret returns the expression and, on a second line, a caret under the column. Control characters
// and bytes that are not UTF-8 appear as one replacement each, so that the text is safe on a terminal and the caret
// stands right.
func (e *Error) Caret() string {
	var b strings.Builder
	for _, r := range e.Expr {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			r = ' '
		case r < ' ' || r >= 0x7f && r < 0xa0:
			r = utf8.RuneError
		}
		b.WriteRune(r)
	}
	b.WriteByte('\n')
	b.WriteString(strings.Repeat(" ", e.Column-1))
	b.WriteByte('^')
	return b.String()
}

// Unwrap returns ErrUnsupported, ErrTooLong or nil.
func (e *Error) Unwrap() error { return e.kind }

// source is the text of an expression; the stages name places in it by byte offset.
type source string

func (s source) errorf(pos int, kind error, expected, format string, args ...any) *Error {
	return &Error{
		Expr:     string(s),
		Column:   utf8.RuneCountInString(string(s[:pos])) + 1,
		Message:  fmt.Sprintf(format, args...),
		Expected: expected,
		kind:     kind,
	}
}
