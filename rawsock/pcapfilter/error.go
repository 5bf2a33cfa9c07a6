package pcapfilter

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	// ErrUnsupported marks an expression that pcap-filter(7) allows and this package does not compile.
	ErrUnsupported = errors.New("not supported")

	// ErrUnknownName marks a name that nothing knows: no service, protocol, host or network.
	ErrUnknownName = errors.New("unknown name")

	// ErrTooLong marks an expression or a program beyond a limit. A caller may fall back to a coarser
	// filter.
	ErrTooLong = errors.New("too long")

	// ErrMatchesNothing marks an expression that no frame can match. Only Options.MustMatch asks for it.
	ErrMatchesNothing = errors.New("matches nothing")
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
	return printable(b.String())
}

// A long expression is cut to so many characters in front of the column and in all, so that it and the caret fit in one line
// of a terminal each.
const caretBefore, caretWidth = 50, 78

// Caret returns the expression, or the part of a long one around the column, and, on a second line, a caret under the column,
// where every character is as wide as a space.
func (e *Error) Caret() string {
	text, at := []rune(printable(e.Expr)), e.Column-1
	front, back := "", ""
	if len(text) > caretWidth {
		if end := max(at-caretBefore, 0) + caretWidth; end < len(text) {
			text, back = text[:end], "…"
		}
		if at > caretBefore {
			text, front, at = text[at-caretBefore:], "…", caretBefore+1
		}
	}
	return front + string(text) + back + "\n" + strings.Repeat(" ", at) + "^"
}

// printable replaces white space by spaces, and each control character, mark of direction and byte that is not UTF-8 by
// one replacement character, so that a text is safe on a terminal. What looks up a name may have put the name into its
// error, control characters and all.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return utf8.RuneError
		}
		return r
	}, text)
}

// Unwrap returns an error that wraps ErrUnsupported, ErrUnknownName, ErrTooLong or ErrMatchesNothing, or nil.
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
