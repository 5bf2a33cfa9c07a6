package lineedit

import (
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"network-sniffer/board/console/text"
)

// terminal is what the user looks at: the row with the cursor, and the rows above it. It understands what the editor may
// send and fails the test for every other control character, for a character in the last column, and for a mark that
// does not come right behind the character that it combines with (terminals differ there).
type terminal struct {
	t       testing.TB
	width   int
	cells   []string // of the row; the second cell of a wide character is empty
	column  int
	above   []string // without the spaces at their ends
	bells   int
	printed int // the column of the character printed last, -1 after anything else
}

func newTerminal(t testing.TB, width int) *terminal {
	v := &terminal{t: t, printed: -1}
	v.resize(width)
	return v
}

// resize cuts the row or makes it longer, as xterm does.
func (v *terminal) resize(width int) {
	for len(v.cells) < width {
		v.cells = append(v.cells, " ")
	}
	v.cells = v.cells[:width]
	v.width, v.column = width, min(v.column, width-1)
}

// row is what stands in the row, without the spaces at its end.
func (v *terminal) row() string { return strings.TrimRight(strings.Join(v.cells, ""), " ") }

func (v *terminal) write(sent []byte) {
	v.t.Helper()
	for rest := sent; len(rest) > 0; {
		n := v.take(rest)
		if n == 0 {
			v.t.Fatalf("the terminal of %d columns cannot take %q at byte %d", v.width, sent, len(sent)-len(rest))
		}
		rest = rest[n:]
	}
}

// take acts on the first thing that was sent and returns its bytes, 0 when it is wrong.
func (v *terminal) take(sent []byte) int {
	r, size := utf8.DecodeRune(sent)
	switch {
	case r == '\r':
		v.column = 0
	case r == '\n':
		if v.column != 0 {
			return 0
		}
		v.above = append(v.above, v.row())
		v.erase(0)
	case r == '\b':
		if v.column--; v.column < 0 {
			return 0
		}
	case r == '\a':
		v.bells++
	case r == '\x1b':
		size = v.sequence(sent)
	case r == utf8.RuneError && size == 1, !unicode.IsPrint(r):
		return 0
	default:
		if !v.print(string(r), text.Cells(r)) {
			return 0
		}
		return size
	}
	v.printed = -1
	return size
}

func (v *terminal) sequence(sent []byte) int {
	for _, known := range []string{"\x1b[K", "\x1b[H", "\x1b[2J"} {
		if strings.HasPrefix(string(sent), known) {
			switch known {
			case "\x1b[K":
				v.erase(v.column)
			case "\x1b[H":
				v.column = 0
				v.above = nil
			case "\x1b[2J":
				v.erase(0)
			}
			return len(known)
		}
	}
	end := strings.IndexAny(string(sent), "CD")
	if end < 3 || sent[1] != '[' {
		return 0
	}
	n, err := strconv.Atoi(string(sent[2:end]))
	if err != nil || n < 1 {
		return 0
	}
	if sent[end] == 'D' {
		n = -n
	}
	if v.column += n; v.column < 0 || v.column >= v.width {
		return 0
	}
	return end + 1
}

func (v *terminal) print(character string, cells int) bool {
	if cells == 0 {
		if v.printed < 0 {
			return false
		}
		v.cells[v.printed] += character
		return true
	}
	if v.column+cells >= v.width {
		return false
	}
	// Half of a wide character that is written over leaves a blank.
	if v.cells[v.column] == "" {
		v.cells[v.column-1] = " "
	}
	v.cells[v.column] = character
	if cells == 2 {
		v.blankHalf(v.column + 1)
		v.cells[v.column+1] = ""
	}
	v.blankHalf(v.column + cells)
	v.printed = v.column
	v.column += cells
	return true
}

// blankHalf blanks the second half of a wide character at column, whose first half is no more.
func (v *terminal) blankHalf(column int) {
	if v.cells[column] == "" {
		v.cells[column] = " "
	}
}

func (v *terminal) erase(from int) {
	if from > 0 && v.cells[from] == "" {
		v.cells[from-1] = " "
	}
	for i := from; i < v.width; i++ {
		v.cells[i] = " "
	}
}

// check compares the row with prompt and line: the prompt as far as it fits into half of the row, a part of the line
// that is as long as it can be and around the cursor, which stands where it is in the line, and blanks.
func (v *terminal) check(prompt, line string, cursor int) {
	v.t.Helper()
	label := string(text.Clip(nil, []byte(prompt), v.width/2))
	indent := text.Width([]byte(label))
	room := v.width - 1 - indent
	left, column := cursor, v.column
	for left > 0 && column > indent {
		before := characterBefore([]byte(line[:left]))
		column -= text.Width([]byte(line[before:left]))
		left = before
	}
	if column != indent {
		v.t.Fatalf("the cursor is in column %d of %q, in the line %q it is at %d", v.column, v.row(), line, cursor)
	}
	if text.Width([]byte(line)) <= room && left != 0 {
		v.t.Fatalf("the row %q hides the beginning of %q, which fits", v.row(), line)
	}
	want := newTerminal(v.t, v.width)
	want.write([]byte(label + line[left:left+text.Prefix([]byte(line[left:]), room)]))
	if strings.Join(want.cells, "|") != strings.Join(v.cells, "|") {
		v.t.Fatalf("the row is %q, want %q (of the line %q)", v.row(), want.row(), line)
	}
}

func TestTerminal(t *testing.T) {
	for _, row := range []struct {
		name, sent, row string
		column          int
	}{
		{"letters", "abc", "abc", 3},
		{"wide", "漢字", "漢字", 4},
		{"mark", "e\u0301f", "e\u0301f", 2},
		{"backspace and over it", "abc\b\bX", "aXc", 2},
		{"over the second half", "漢字\r\x1b[1CX", " X字", 2},
		{"over the first half", "漢字\rX", "X 字", 1},
		{"wide over two halves", "漢字漢\r\x1b[1C亜", " 亜 漢", 3},
		{"erased to the end", "abcdef\x1b[3D\x1b[K", "abc", 3},
		{"right and left", "ab\x1b[4CX\x1b[6DY", "aY    X", 2},
		{"next row", "abc\r\nd", "d", 1},
		{"cleared", "abc\r\nd\x1b[H\x1b[2J", "", 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			v := newTerminal(t, 20)
			v.write([]byte(row.sent))
			if v.row() != row.row || v.column != row.column {
				t.Errorf("%q, column %d, want %q, column %d", v.row(), v.column, row.row, row.column)
			}
		})
	}
	for _, row := range []struct{ name, before, sent string }{
		{"last column", strings.Repeat("x", 19), "x"},
		{"wide in the last two", strings.Repeat("x", 18), "漢"},
		{"mark after a move", "abc\b", "\u0301"},
		{"mark at the beginning", "", "\u0301"},
		{"left of the row", "", "\b"},
		{"right of the row", "", "\x1b[20C"},
		{"no number", "", "\x1b[C"},
		{"another sequence", "", "\x1b[31m"},
		{"cut off", "", "\x1b["},
		{"C1 control", "", "\u009b"},
		{"not UTF-8", "", "\xff"},
		{"LF without CR", "a", "\n"},
		{"tab", "", "\t"},
	} {
		t.Run("refuses "+row.name, func(t *testing.T) {
			v := newTerminal(t, 20)
			v.write([]byte(row.before))
			if n := v.take([]byte(row.sent)); n != 0 {
				t.Errorf("%q was taken, and makes %q", row.sent[:n], v.row())
			}
		})
	}
}
