package lineedit

import (
	"bytes"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"network-sniffer/board/console/text"
)

// The bounds of a list of candidates.
const (
	listBytes = 2 << 10 // of all lines together
	listNames = 128     // kept for it
	nameBytes = 64      // shown of a name
	nameCells = 32
)

// Completed is the answer to Complete: the words that may stand in place of the one before the cursor, which is what
// follows the last space there and is the beginning of each of them. What they have in common is put into the line, with
// a space when there is one word alone; when that is nothing, they are listed above the row. Words that do not begin so
// or are not printable are left out.
func (e *Editor) Completed(candidates []string) {
	w := &e.row
	word := e.line[bytes.LastIndexByte(e.line[:e.cursor], ' ')+1 : e.cursor]
	w.list, w.more = w.list[:0], 0
	found, common := 0, ""
	for _, c := range candidates {
		if e.secret || !strings.HasPrefix(c, string(word)) || !printable(c) {
			continue
		}
		if found++; found == 1 {
			common = c
		} else {
			common = common[:shared(common, c)]
		}
		if len(w.list) < listNames {
			w.list = append(w.list, c)
		} else {
			w.more++
		}
	}
	if found == 0 {
		w.bell = true
		return
	}
	added := common[len(word):]
	if found == 1 && (e.cursor == e.n || e.line[e.cursor] != ' ') {
		added += " "
	}
	if found == 1 || added != "" {
		w.list, w.more = w.list[:0], 0
	}
	if e.n+len(added) > LineBytes {
		w.bell = true
		return
	}
	for _, r := range added {
		e.insert(r)
	}
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// shared is how many bytes two words have in common, in whole characters.
func shared(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	for n < len(a) && !utf8.RuneStart(a[n]) {
		n--
	}
	return n
}

// appendList lists the candidates below the row, in columns that are read downwards, and has the row drawn below them.
func (w *row) appendList(dst []byte) []byte {
	if w.edge > 0 {
		dst = append(dst, '\r', '\n')
	}
	most, cells := 0, 0
	for _, name := range w.list {
		shown := clipName(nil, name, w.columns())
		most = max(most, len(shown))
		cells = max(cells, text.Width(shown))
	}
	cells += 2 // between columns
	n := min(len(w.list), listBytes/(most+cells+2))
	columns := max(1, (w.columns()+1)/cells)
	rows := (n + columns - 1) / columns
	for row := range rows {
		for i := row; i < n; i += rows {
			start := len(dst)
			dst = clipName(dst, w.list[i], w.columns())
			if i+rows < n {
				dst = appendSpaces(dst, cells-text.Width(dst[start:]))
			}
		}
		dst = append(dst, '\r', '\n')
	}
	if w.more += len(w.list) - n; w.more > 0 {
		dst = append(dst, "… and "...)
		dst = strconv.AppendInt(dst, int64(w.more), 10)
		dst = append(dst, " more\r\n"...)
	}
	w.list, w.redraw = w.list[:0], true
	return dst
}

func clipName(dst []byte, name string, columns int) []byte {
	shown := []byte(name)
	return text.Clip(dst, shown[:cut(shown, nameBytes)], min(nameCells, columns-1))
}

func appendSpaces(dst []byte, n int) []byte {
	for range n {
		dst = append(dst, ' ')
	}
	return dst
}
