package lineedit

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

const (
	up   = "\x1b[A"
	down = "\x1b[B"
)

func TestRecall(t *testing.T) {
	for _, row := range []struct{ name, typed, want string }{
		{"the last line", "one\rtwo\r" + up, "two|"},
		{"the one before", "one\rtwo\r" + up + up, "one|"},
		{"no more", "one\rtwo\r" + up + up + up, "one|"},
		{"back", "one\rtwo\r" + up + up + down, "two|"},
		{"to an empty line", "one\r" + up + down, "|"},
		{"to what was being typed", "one\rtw\x02" + up + down, "tw|"},
		{"no further", "one\rtw" + up + down + down, "tw|"},
		{"Ctrl-P and Ctrl-N", "one\rtwo\rx\x10\x10\x0e", "two|"},
		{"application mode", "one\rtwo\rx\x1bOA\x1bOA\x1bOB", "two|"},
		{"changes to a recalled line are lost", "one\rtwo\r" + up + "X" + up + down, "two|"},
		{"and not those to what was typed", "one\rtw" + up + "X" + down, "tw|"},
		{"a changed line is a line of its own", "one\r" + up + "X\r" + up + up, "one|"},
		{"the newest again after a line", "one\rtwo\r" + up + up + "\r" + up, "one|"},
		{"twice the same is once", "one\rtwo\rtwo\r" + up + up, "one|"},
		{"the same again is the newest", "one\rtwo\rone\r" + up + up, "two|"},
		{"the same again is no more where it was", "one\rtwo\rone\r" + up + up + up, "two|"},
		{"an empty line is none", "one\r\r\r" + up, "one|"},
		{"an interrupted line is none", "one\rtwo\x03" + up, "one|"},
		{"an interrupted recalled line", "one\rtwo\r" + up + up + "\x03" + up, "two|"},
		{"a line that is too long is none", "one\r" + strings.Repeat("x", 2000) + "\r" + up, "one|"},
		{"longer than the row", strings.Repeat("0123456789", 10) + "\rx" + up + "\x01", "|" + strings.Repeat("0123456789", 10)},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newSession(t, 40)
			s.typed(row.typed)
			if got := s.state(); got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

// TestHistoryBounds compares the history with a list of lines that is cut.
func TestHistoryBounds(t *testing.T) {
	long := func(s string) string { return strings.Repeat(s, LineBytes)[:LineBytes] }
	for _, row := range []struct {
		name   string
		line   func(i int) string
		oldest int // the oldest line that is left after 100
	}{
		{"many short ones", func(i int) string { return fmt.Sprint(i) }, 100 - HistoryLines},
		{"longest ones", func(i int) string { return long(string(rune(' ' + i%90))) }, 100 - HistoryBytes/LineBytes},
		{"a fifth each", func(i int) string { return long(fmt.Sprintf("%d ", i))[:HistoryBytes/5] }, 95},
	} {
		t.Run(row.name, func(t *testing.T) {
			var h history
			var model []string
			for i := range 100 {
				line := row.line(i)
				model = append(slices.DeleteFunc(model, func(s string) bool { return s == line }), line)
				for len(model) > HistoryLines || len(strings.Join(model, "")) > HistoryBytes {
					model = model[1:]
				}
				h.add([]byte(line))
				if h.n != len(model) || !bytes.Equal(h.text[:h.used()], []byte(strings.Join(model, ""))) {
					t.Fatalf("after %d lines the history has %d, want %d", i+1, h.n, len(model))
				}
				for k, want := range model {
					if got := string(h.line(k)); got != want {
						t.Fatalf("after %d lines number %d is %q, want %q", i+1, k, got, want)
					}
				}
			}
			if want := row.line(row.oldest); string(h.line(0)) != want {
				t.Errorf("the oldest is %q, want %q", h.line(0), want)
			}
		})
	}
}
