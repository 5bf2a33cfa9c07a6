package lineedit

import (
	"strconv"

	"network-sniffer/board/console/text"
)

// row is what the terminal shows of prompt and line, and what it has to be told. The last column stays free: some
// terminals go to the next row when it is written, some when the next character comes.
type row struct {
	prompt []byte // safe
	width  int    // columns of the terminal; 0: defaultColumns
	label  []byte // what of the prompt fits
	indent int    // the cells it takes

	shown  bool
	left   int // the byte of the line with which the visible part begins
	same   int // so many bytes from the line's beginning are shown as they are, as far as they are visible
	column int // where the terminal's cursor is
	edge   int // what is at this column and right of it is blank

	redraw bool // the prompt, too
	clear  bool // the whole screen, before
	bell   bool
	list   []string // candidates, above the row
	more   int      // candidates that are not in list
	ending ending
}

// ending says whether the row is over.
type ending uint8

const (
	rowStays       ending = iota
	rowEnds               // show the line that was given out to its end, and go to the next row
	rowInterrupted        // the same, and show ^C
	rowCut                // go to the next row: the line that was given out is gone
)

// touched notes that the line is another from byte at on.
func (w *row) touched(at int) {
	if at < w.left {
		w.left, at = 0, 0
	}
	w.same = min(w.same, at)
}

// fit cuts the prompt to half of the row, and has everything drawn anew.
func (w *row) fit() {
	w.label = text.Clip(w.label[:0], w.prompt, w.columns()/2)
	w.indent = text.Width(w.label)
	w.redraw = true
}

func (w *row) columns() int {
	if w.width == 0 {
		return defaultColumns
	}
	return w.width
}

// room is how many cells there are for the line.
func (w *row) room() int { return w.columns() - 1 - w.indent }

// AppendEcho appends what has to be sent because of the steps so far, and forgets it: the line as it is now, the end of
// the row, a list of candidates, the bell. While the editor is hidden that is the bell alone.
func (e *Editor) AppendEcho(dst []byte) []byte {
	w := &e.row
	if w.shown {
		if w.ending != rowStays {
			dst = e.appendEnd(dst)
		} else {
			dst = w.append(dst, e.visible(e.line[:e.n]), e.cursor)
		}
	}
	w.ending = rowStays
	if w.bell {
		w.bell = false
		dst = append(dst, '\a')
	}
	return dst
}

// AppendHide takes prompt and line away and leaves the cursor at the beginning of an empty row.
func (e *Editor) AppendHide(dst []byte) []byte {
	w := &e.row
	switch {
	case !w.shown:
	case w.ending != rowStays:
		dst = e.appendEnd(dst)
	default:
		dst = append(dst, "\r\x1b[K"...)
		w.hide()
	}
	w.ending = rowStays
	return dst
}

// AppendShow draws prompt and line, in the row at whose beginning the cursor is or in place of those that are shown.
func (e *Editor) AppendShow(dst []byte) []byte {
	w := &e.row
	if w.shown && w.ending != rowStays {
		dst = e.appendEnd(dst)
	}
	w.ending = rowStays
	w.shown, w.redraw = true, true
	return w.append(dst, e.visible(e.line[:e.n]), e.cursor)
}

// appendEnd shows how the line ended, and goes to the next row, which is left empty.
func (e *Editor) appendEnd(dst []byte) []byte {
	w := &e.row
	if w.ending != rowCut {
		dst = w.append(dst, e.visible(e.line[:e.given]), e.stop)
	}
	if w.ending == rowInterrupted && w.edge+2 < w.columns() {
		dst = append(w.move(dst, w.edge), "^C"...)
	}
	w.hide()
	return append(dst, '\r', '\n')
}

// visible is what a line looks like.
func (e *Editor) visible(line []byte) []byte {
	if e.secret {
		return nil
	}
	return line
}

func (w *row) hide() {
	w.shown = false
	w.column, w.edge = 0, 0
}

// append brings the terminal up to date: from the first character on that is not shown yet, and the cursor.
func (w *row) append(dst, line []byte, cursor int) []byte {
	cursor = min(cursor, len(line))
	if w.clear {
		w.clear, w.redraw = false, true
		w.edge = 0
		dst = append(dst, "\x1b[H\x1b[2J"...)
	}
	if len(w.list) > 0 {
		dst = w.appendList(dst)
	}
	if left := w.scrolled(line, cursor); left != w.left {
		w.left, w.same = left, left
	}
	if w.redraw {
		w.redraw = false
		dst = append(dst, '\r')
		dst = append(dst, w.label...)
		w.column, w.edge, w.same = w.indent, w.columns(), w.left
	}
	end := w.left + text.Prefix(line[w.left:], w.room())
	if from := max(w.same, w.left); from < end {
		dst = w.move(dst, w.columnOf(line, from))
		dst = append(dst, line[from:end]...)
		w.column = w.columnOf(line, end)
	}
	edge := w.columnOf(line, end)
	if edge < w.edge {
		dst = append(w.move(dst, edge), "\x1b[K"...)
	}
	w.edge = edge
	w.same = len(line)
	return w.move(dst, w.columnOf(line, cursor))
}

func (w *row) columnOf(line []byte, i int) int { return w.indent + text.Width(line[w.left:i]) }

// scrolled is where the visible part of the line has to begin: at its beginning when it fits, where it begins now when
// the cursor is visible so, else where the cursor comes to stand in the middle.
func (w *row) scrolled(line []byte, cursor int) int {
	left := w.left
	switch {
	case left == 0 && len(line) <= w.room(): // a character has as many bytes as cells, or more
		return 0
	case text.Prefix(line, w.room()) == len(line):
		return 0
	case left <= cursor && text.Width(line[left:cursor]) <= w.room():
		return left
	}
	left = cursor
	for left > 0 {
		before := characterBefore(line[:left])
		if text.Width(line[before:cursor]) > w.room()/2 {
			break
		}
		left = before
	}
	return left
}

// move moves the terminal's cursor within the row.
func (w *row) move(dst []byte, column int) []byte {
	from := w.column
	w.column = column
	switch {
	case column == from:
		return dst
	case column == 0:
		return append(dst, '\r')
	case column > from:
		return appendControl(dst, column-from, 'C')
	case from-column <= 3: // as short as a sequence
		for ; from > column; from-- {
			dst = append(dst, '\b')
		}
		return dst
	}
	return appendControl(dst, from-column, 'D')
}

func appendControl(dst []byte, n int, final byte) []byte {
	dst = append(dst, "\x1b["...)
	return append(strconv.AppendInt(dst, int64(n), 10), final)
}
