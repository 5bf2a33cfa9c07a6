package lineedit

import "bytes"

// history keeps the last lines, each of them once.
type history struct {
	text *[HistoryBytes]byte // one line behind the other, the oldest first; nil before the first
	ends [HistoryLines]int   // where each of them ends
	n    int                 // lines
}

// add makes line the newest. An empty one is no line.
func (h *history) add(line []byte) {
	if len(line) == 0 {
		return
	}
	if h.text == nil {
		h.text = new([HistoryBytes]byte) // most editors are of clients that never type a line
	}
	for i := range h.n {
		if bytes.Equal(h.line(i), line) {
			h.remove(i)
			break
		}
	}
	for h.n == HistoryLines || h.used()+len(line) > HistoryBytes {
		h.remove(0)
	}
	h.ends[h.n] = h.used() + copy(h.text[h.used():], line)
	h.n++
}

// line is number i, from the oldest.
func (h *history) line(i int) []byte { return h.text[h.start(i):h.ends[i]] }

func (h *history) used() int { return h.start(h.n) }

func (h *history) start(i int) int {
	if i == 0 {
		return 0
	}
	return h.ends[i-1]
}

func (h *history) remove(i int) {
	start, end := h.start(i), h.ends[i]
	copy(h.text[start:], h.text[end:h.used()])
	copy(h.ends[i:], h.ends[i+1:h.n])
	h.n--
	for ; i < h.n; i++ {
		h.ends[i] -= end - start
	}
}

// recall puts a line of the history in place of what stands there: 1 is the newest, 0 what was being typed, which
// comes back as it was left. Changes to a recalled line are lost when another is recalled.
func (e *Editor) recall(back int) {
	if e.secret || back < 0 || back > e.history.n {
		e.row.bell = true
		return
	}
	if e.recalled == 0 {
		e.draftBytes = copy(e.draft[:], e.line[:e.n])
	}
	e.recalled = back
	line := e.draft[:e.draftBytes]
	if back > 0 {
		line = e.history.line(e.history.n - back)
	}
	e.n = copy(e.line[:], line)
	e.cursor = e.n
	e.row.touched(0)
}
