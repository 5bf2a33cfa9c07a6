package lineedit

import (
	"unicode/utf8"

	"network-sniffer/board/console/text"
)

// edit moves the cursor or removes something. A key that finds nothing to do rings the bell.
func (e *Editor) edit(key key) {
	cursor, n := e.cursor, e.n
	switch key {
	case keyLeft:
		e.cursor = e.before(cursor)
	case keyRight:
		e.cursor = e.next(cursor)
	case keyHome:
		e.cursor = 0
		return
	case keyEnd:
		e.cursor = n
		return
	case keyBackspace:
		e.remove(e.before(cursor), cursor)
	case keyDelete:
		e.remove(cursor, e.next(cursor))
	case keyKillEnd:
		e.remove(cursor, n)
	case keyKillStart:
		e.remove(0, cursor)
	case keyKillWord:
		e.remove(e.wordBefore(cursor), cursor)
	default:
		return
	}
	if e.cursor == cursor && e.n == n {
		e.row.bell = true
	}
}

// insert puts a printable character where the cursor is; there is room for it. A mark that would combine with nothing
// is refused.
func (e *Editor) insert(r rune) {
	at := e.cursor
	if text.Cells(r) == 0 {
		if at == 0 {
			e.row.bell = true
			return
		}
		at = e.before(at) // it is drawn with the character that it combines with
	}
	size := utf8.RuneLen(r)
	copy(e.line[e.cursor+size:], e.line[e.cursor:e.n])
	utf8.EncodeRune(e.line[e.cursor:], r)
	e.cursor += size
	e.n += size
	e.row.touched(at)
}

// remove takes a part of the line away and leaves the cursor there.
func (e *Editor) remove(from, to int) {
	if from == to {
		return
	}
	copy(e.line[from:], e.line[to:e.n])
	clear(e.line[e.n-(to-from) : e.n])
	e.n -= to - from
	e.cursor = from
	e.row.touched(from)
}

// next is where the character after the one at i begins; marks belong to the character that they combine with.
func (e *Editor) next(i int) int {
	for first := true; i < e.n; first = false {
		r, size := utf8.DecodeRune(e.line[i:e.n])
		if !first && text.Cells(r) > 0 {
			break
		}
		i += size
	}
	return i
}

// before is where the character before i begins.
func (e *Editor) before(i int) int { return characterBefore(e.line[:i]) }

// characterBefore is where the last character of line begins, with the marks that combine with it.
func characterBefore(line []byte) int {
	for len(line) > 0 {
		r, size := utf8.DecodeLastRune(line)
		line = line[:len(line)-size]
		if text.Cells(r) > 0 {
			break
		}
	}
	return len(line)
}

// wordBefore is where the word before i begins, as the shells' Ctrl-W understands it: what stands between spaces.
func (e *Editor) wordBefore(i int) int {
	for i > 0 && e.line[e.before(i)] == ' ' {
		i = e.before(i)
	}
	for i > 0 && e.line[e.before(i)] != ' ' {
		i = e.before(i)
	}
	return i
}
