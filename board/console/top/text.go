package top

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"network-sniffer/decode"
)

// The widths of a table, in terminal cells.
const (
	usualWidth = 80 // when the terminal's is not known
	leastWidth = 40
	cellWidth  = 8 // of a column of numbers, the space in front included
	// keptColumns stay whatever the width: the first ones of a kind, its rate or count and one more.
	keptColumns = 2
	// besideTalk is how many columns a conversation in one line leaves room for. Longer: it takes two lines.
	besideTalk = 4
)

// column is one of numbers. Its first place in the list of a kind is where it stands; the last ones go first where
// there is no room.
type column struct {
	title string
	cell  func(t *Table, e *entry, over time.Duration) string
}

func bits(n uint64, over time.Duration) string {
	if r, ok := rate(8*n, over); ok {
		return human(r)
	}
	return "-"
}

func perSecond(n uint64, over time.Duration) string {
	if r, ok := rate(n, over); ok {
		return human(r)
	}
	return "-"
}

var (
	bitsColumn = column{"BIT/S", func(_ *Table, e *entry, over time.Duration) string { return bits(sum(e.bytes), over) }}
	rateColumn = column{"PKT/S", func(_ *Table, e *entry, over time.Duration) string {
		return perSecond(sum(e.packets), over)
	}}
	shareColumn   = column{"SHARE", func(t *Table, e *entry, _ time.Duration) string { return percent(sum(e.bytes), t.bytes) }}
	bytesColumn   = column{"BYTES", func(_ *Table, e *entry, _ time.Duration) string { return human(float64(sum(e.bytes))) }}
	packetsColumn = column{"PACKETS", func(_ *Table, e *entry, _ time.Duration) string {
		return human(float64(sum(e.packets)))
	}}
	ofNamesColumn = column{"SHARE", func(t *Table, e *entry, _ time.Duration) string {
		return percent(sum(e.packets), t.packets-t.without)
	}}
	sourceColumn = column{"FROM", func(_ *Table, e *entry, _ time.Duration) string {
		return decode.NameKind(e.key[0]).String()
	}}
	errorColumn = column{"UNSURE", func(_ *Table, e *entry, _ time.Duration) string {
		if e.err == 0 {
			return ""
		}
		return "+" + human(float64(e.err))
	}}
)

// laneColumn is the bits of one way.
func laneColumn(k Kind, lane int) column {
	return column{lanes[k].titles[lane], func(_ *Table, e *entry, over time.Duration) string { return bits(e.bytes[lane], over) }}
}

// columns of a kind, the most wanted first.
func columns(k Kind) []column {
	switch k {
	case Names:
		return []column{packetsColumn, sourceColumn, rateColumn, ofNamesColumn}
	case Protocols:
		return []column{bitsColumn, rateColumn, shareColumn, bytesColumn}
	}
	return []column{bitsColumn, rateColumn, laneColumn(k, 0), laneColumn(k, 1), shareColumn, bytesColumn}
}

// labelTitles stand above the rows' labels.
var labelTitles = [...]string{
	Hosts: "HOST", Ports: "SERVICE", Protocols: "PROTOCOL", Conversations: "CONVERSATION", Names: "NAME",
}

// AppendText appends the n heaviest rows as a table for people, in lines of at most width cells (0: not known; below 40: as
// for 40) that end in "\n": what was counted in over, the titles, the rows, and notes on what is not in them. A
// conversation that does not fit into one line takes two. What the rows show was surely theirs; UNSURE is how many bytes
// (of names: packets) may have been there before the row was.
func (t *Table) AppendText(dst []byte, n, width int, over time.Duration) []byte {
	if width <= 0 {
		width = usualWidth
	}
	width = max(width, leastWidth)
	rows := t.heaviest(n)
	shown := columns(t.kind)
	unsure := false
	for _, e := range rows {
		unsure = unsure || e.err > 0
	}
	if unsure {
		shown = append(shown[:keptColumns:keptColumns], append([]column{errorColumn}, shown[keptColumns:]...)...)
	}
	kept := keptColumns
	if unsure {
		kept++
	}
	wide, shown := t.layout(rows, shown, kept, width)

	dst = t.appendSummary(dst, len(rows), width, over)
	if len(rows) > 0 {
		dst = appendLabel(dst, labelTitles[t.kind], wide)
		for _, c := range shown {
			dst = appendCell(dst, c.title)
		}
		dst = append(dst, '\n')
	}
	for _, e := range rows {
		first, last := t.label(e)
		if first != "" {
			if one := first + " " + last; utf8.RuneCountInString(one) <= min(wide, width-besideTalk*cellWidth) {
				last = one
			} else {
				dst = append(append(dst, clip(first, width)...), '\n')
				last = "  " + last
			}
		}
		dst = appendLabel(dst, last, wide)
		for _, c := range shown {
			dst = appendCell(dst, c.cell(t, e, over))
		}
		dst = append(dst, '\n')
	}
	return t.appendNotes(dst, unsure, width)
}

// layout returns the width of the labels and the columns that there is room for beside them.
func (t *Table) layout(rows []*entry, shown []column, kept, width int) (int, []column) {
	most := width - kept*cellWidth
	want := len(labelTitles[t.kind])
	for _, e := range rows {
		first, last := t.label(e)
		size := utf8.RuneCountInString(last)
		if first != "" {
			if one := utf8.RuneCountInString(first) + 1 + size; one <= width-besideTalk*cellWidth {
				size = one
			} else {
				size += 2 // indented
			}
		}
		want = max(want, size)
	}
	want = min(want, most)
	for len(shown) > kept && want+len(shown)*cellWidth > width {
		shown = shown[:len(shown)-1]
	}
	if half := lanes[t.kind].titles[0]; half != "" && shown[len(shown)-1].title == half {
		shown = shown[:len(shown)-1] // one way without the other says little
	}
	return want, shown
}

// appendLabel appends a label as wide as its column.
func appendLabel(dst []byte, label string, wide int) []byte {
	label = clip(label, wide)
	return append(append(dst, label...), strings.Repeat(" ", wide-utf8.RuneCountInString(label))...)
}

func appendCell(dst []byte, cell string) []byte {
	return append(append(dst, strings.Repeat(" ", max(1, cellWidth-utf8.RuneCountInString(cell)))...), cell...)
}

// clip keeps the end of a text that is too long: domains and ports stand there. Every rune of a label takes one cell.
func clip(text string, cells int) string {
	if utf8.RuneCountInString(text) <= cells {
		return text
	}
	runes := []rune(text)
	return "…" + string(runes[len(runes)-cells+1:])
}

// appendSummary says what was counted.
func (t *Table) appendSummary(dst []byte, shown, width int, over time.Duration) []byte {
	of := fmt.Sprint(t.used)
	if t.givenUp > 0 {
		of = "more than " + of
	}
	line := fmt.Sprintf("%d of %s %s in %.1f s: %s packets, %s bytes, %s bit/s, %s pkt/s", shown, of, t.kind, over.Seconds(),
		human(float64(t.packets)), human(float64(t.bytes)), bits(t.bytes, over), perSecond(t.packets, over))
	return appendWrapped(dst, line, width)
}

// appendNotes says what is not in the rows.
func (t *Table) appendNotes(dst []byte, unsure bool, width int) []byte {
	if t.without > 0 {
		dst = appendWrapped(dst, fmt.Sprintf("%s packets %s", human(float64(t.without)), without[t.kind]), width)
	}
	if t.skipped > 0 {
		dst = appendWrapped(dst, fmt.Sprintf("%s packets were not looked at: they came too fast", human(float64(t.skipped))), width)
	}
	if unsure {
		what := "bytes"
		if t.kind == Names {
			what = "packets"
		}
		dst = appendWrapped(dst, fmt.Sprintf("unsure: up to so many %s more, from before the row was among the %d that are counted",
			what, Entries), width)
	}
	return dst
}

// appendWrapped appends words in lines of at most width cells, the later ones indented.
func appendWrapped(dst []byte, text string, width int) []byte {
	used := 0
	for word := range strings.FieldsSeq(text) {
		switch {
		case used == 0:
		case used+1+len(word) > width:
			dst = append(dst, "\n  "...)
			used = 2
		default:
			dst = append(dst, ' ')
			used++
		}
		dst = append(dst, word...)
		used += len(word)
	}
	return append(dst, '\n')
}
