package lineedit

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"

	"network-sniffer/board/console/text"
	"network-sniffer/board/testbed/mutation"
)

// model is the editor as slowly and plainly as can be: characters and a cursor between them.
type model struct {
	line     []rune
	cursor   int
	history  []string // the oldest first
	recalled int
	draft    []rune
	skipping bool
	words    []string
	lines    []string
	events   []Event
}

// stroke is a key of the model and what keyboards send for it.
type stroke struct {
	do   func(m *model)
	sent []string
	ends bool // the line
}

var strokes = []stroke{
	{do: (*model).left, sent: []string{"\x02", "\x1b[D", "\x1bOD", "\x1b[1;2D"}},
	{do: (*model).right, sent: []string{"\x06", "\x1b[C", "\x1bOC", "\x1b[1;5C"}},
	{do: func(m *model) { m.cursor = 0 }, sent: []string{"\x01", "\x1b[H", "\x1bOH", "\x1b[1~", "\x1b[7~"}},
	{do: func(m *model) { m.cursor = len(m.line) }, sent: []string{"\x05", "\x1b[F", "\x1bOF", "\x1b[4~", "\x1b[8~"}},
	{do: (*model).backspace, sent: []string{"\x7f", "\x08"}},
	{do: (*model).delete, sent: []string{"\x1b[3~", "\x1b[3;5~"}},
	{do: (*model).controlD, sent: []string{"\x04"}},
	{do: func(m *model) { m.line = m.line[:m.cursor] }, sent: []string{"\x0b"}},
	{do: func(m *model) { m.line, m.cursor = m.line[m.cursor:], 0 }, sent: []string{"\x15"}},
	{do: (*model).killWord, sent: []string{"\x17"}},
	{do: func(m *model) { m.recall(m.recalled + 1) }, sent: []string{"\x10", "\x1b[A", "\x1bOA"}},
	{do: func(m *model) { m.recall(m.recalled - 1) }, sent: []string{"\x0e", "\x1b[B", "\x1bOB"}},
	{do: (*model).tab, sent: []string{"\t"}},
	{do: func(m *model) { m.end(Interrupt) }, sent: []string{"\x03"}, ends: true},
	{do: func(m *model) { m.end(Line) }, sent: []string{"\r\n", "\r\x00", "\n"}, ends: true},
	{do: func(*model) {}, sent: []string{"\x0c", "\x00", "\x07", "\x1b[5~", "\x1bOP", "\x1b[[A", "\x1bx", "\x1b→", "\xff",
		"\xe2\x86\x0f", "\u202e", "\x1b[200~", "\x1b[<0;1;1M", "\x1b[?62;c"}},
}

// alphabet is what is typed: letters, spaces, wide characters, marks.
const alphabet = "abcdefgh 01234  .:→é漢字한😀\u0301\u0308\u3099"

// isMark says whether the character at i belongs to the one before it.
func (m *model) isMark(i int) bool { return text.Cells(m.line[i]) == 0 }

func (m *model) left() {
	for m.cursor > 0 {
		if m.cursor--; !m.isMark(m.cursor) {
			return
		}
	}
}

func (m *model) right() {
	for m.cursor < len(m.line) {
		if m.cursor++; m.cursor == len(m.line) || !m.isMark(m.cursor) {
			return
		}
	}
}

func (m *model) backspace() {
	end := m.cursor
	m.left()
	m.line = slices.Delete(m.line, m.cursor, end)
}

func (m *model) delete() {
	from := m.cursor
	m.right()
	m.line = slices.Delete(m.line, from, m.cursor)
	m.cursor = from
}

func (m *model) controlD() {
	if len(m.line) == 0 {
		m.end(EOF)
		return
	}
	m.delete()
}

// killWord: a space that carries marks is no space.
func (m *model) killWord() {
	end := m.cursor
	for word := false; m.cursor > 0; {
		was := m.cursor
		m.left()
		space := m.line[m.cursor] == ' '
		if space && word {
			m.cursor = was
			break
		}
		word = word || !space
	}
	m.line = slices.Delete(m.line, m.cursor, end)
}

func (m *model) recall(back int) {
	if back < 0 || back > len(m.history) {
		return
	}
	if m.recalled == 0 {
		m.draft = slices.Clone(m.line)
	}
	m.recalled = back
	m.line = slices.Clone(m.draft)
	if back > 0 {
		m.line = []rune(m.history[len(m.history)-back])
	}
	m.cursor = len(m.line)
}

func (m *model) end(event Event) {
	if m.skipping && event == Line {
		m.skipping = false
		return
	}
	m.events = append(m.events, event)
	if event == Line {
		line := string(m.line)
		m.lines = append(m.lines, line)
		if line != "" {
			m.history = append(slices.DeleteFunc(m.history, func(s string) bool { return s == line }), line)
		}
		for len(m.history) > HistoryLines || len(strings.Join(m.history, "")) > HistoryBytes {
			m.history = m.history[1:]
		}
	}
	m.line, m.cursor, m.recalled = nil, 0, 0
	m.skipping = event == TooLong
}

func (m *model) typed(r rune) {
	if len(string(m.line))+len(string(r)) > LineBytes {
		m.end(TooLong)
		return
	}
	if m.cursor == 0 && text.Cells(r) == 0 {
		return
	}
	m.line = slices.Insert(m.line, m.cursor, r)
	m.cursor++
}

func (m *model) tab() {
	m.events = append(m.events, Complete)
	word := string(m.line[:m.cursor])
	word = word[strings.LastIndex(word, " ")+1:]
	var found []string
	for _, w := range m.words {
		if strings.HasPrefix(w, word) {
			found = append(found, w)
		}
	}
	if len(found) == 0 {
		return
	}
	common := []rune(found[0])
	for _, w := range found {
		for !strings.HasPrefix(w, string(common)) {
			common = common[:len(common)-1]
		}
	}
	added := string(common)[len(word):]
	if len(found) == 1 && (m.cursor == len(m.line) || m.line[m.cursor] != ' ') {
		added += " "
	}
	if len(string(m.line))+len(added) > LineBytes {
		return
	}
	for _, r := range added {
		m.typed(r)
	}
}

// press is one key for the model. Until the end of a line that is too long, what ends lines counts alone.
func (m *model) press(k stroke) {
	if !m.skipping || k.ends {
		k.do(m)
	}
}

func (m *model) letters(text string) {
	for _, r := range text {
		m.press(stroke{do: func(m *model) { m.typed(r) }})
	}
}

// TestLikeModel presses random keys in windows of all sizes, with the echo early and late, output in between, and
// windows that change, and compares the line, the events and the row of the terminal after each.
func TestLikeModel(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 6))
			s := newSession(t, 20+random.IntN(60))
			s.words = []string{"help", "hex", "a→b", "a→c", "漢字", "e\u0301t"}
			pressAtRandom(s, &model{words: s.words}, random)
		})
	}
}

func pressAtRandom(s *session, m *model, random *rand.Rand) {
	// Each run holds on to one key, so that there are long lines, many lines, much moving about.
	mostly := strokes[random.IntN(len(strokes))]
	letters := 20 + random.IntN(75)
	for range 300 {
		s.late = random.IntN(3) == 0
		var typed string
		switch n := random.IntN(100); {
		case n < letters:
			for range 1 + random.IntN(8) {
				typed += string([]rune(alphabet)[random.IntN(len([]rune(alphabet)))])
			}
			m.letters(typed)
		case n == 98:
			typed = strings.Repeat("x漢", random.IntN(LineBytes/3))
			m.letters(typed)
		default:
			k := mostly
			if random.IntN(2) == 0 {
				k = strokes[random.IntN(len(strokes))]
			}
			typed = k.sent[random.IntN(len(k.sent))]
			m.press(k)
		}
		s.typed(typed)
		m.check(s, typed)
		switch random.IntN(12) {
		case 0:
			s.output("a line")
		case 1:
			s.resize(20 + random.IntN(60))
		case 2:
			s.show()
		case 3: // keys that the terminal shows later
			s.hide()
			m.letters("hid\u0301")
			for _, b := range []byte("hid\u0301") {
				if event := s.e.Step(b); event != None {
					s.events = append(s.events, event)
				}
			}
			s.show()
		}
	}
}

func (m *model) check(s *session, typed string) {
	s.t.Helper()
	if line, cursor := s.e.Text(); string(line) != string(m.line) || cursor != len(string(m.line[:m.cursor])) {
		s.t.Fatalf("after %.60q the line is %q, want %q with the cursor at %d", typed, s.state(), string(m.line), m.cursor)
	}
	if !slices.Equal(s.events, m.events) {
		s.t.Fatalf("after %.60q the events are %v, want %v", typed, s.events, m.events)
	}
	if !slices.Equal(s.lines, m.lines) {
		s.t.Fatalf("after %.60q the lines are %q, want %q", typed, s.lines, m.lines)
	}
}

// seeds are what the tables type.
func seeds() (typed [][]byte) {
	for _, row := range keyTable {
		typed = append(typed, []byte(row.typed))
	}
	for _, k := range strokes {
		typed = append(typed, []byte("漢字 e\u0301 →→→→→→→→→→→→"+strings.Join(k.sent, "a")+"\r"+strings.Join(k.sent, "")))
	}
	return append(typed, []byte("abc\xf8def\xf9ghi\xfasecret\xfa\r\xf8"))
}

// FuzzEditor and TestMutated: see checkEditor.
func FuzzEditor(f *testing.F) {
	for _, typed := range seeds() {
		f.Add(typed, 33)
	}
	f.Fuzz(checkEditor)
}

func TestMutated(t *testing.T) {
	source := mutation.Source{Corpus: append(seeds(), mutation.Corpus(t, "FuzzEditor")...), Longest: 200, Few: 500, Words: []string{
		"\xf8", "\xf9", "\xfa", "help\r", "a→\t", "\x1b[", "\x1bO", "x x x x x x x x x x x x ", "漢漢漢漢漢漢漢漢", "e\u0301\u0308",
	}}
	for _, k := range strokes {
		source.Words = append(source.Words, k.sent...)
	}
	mutation.Run(t, source, func(random *rand.Rand, typed []byte) { checkEditor(t, typed, 20+random.IntN(40)) })
}

// checkEditor types arbitrary bytes into two editors, one of which is asked for the echo after every byte, and the other
// late: both have the same lines and events, only printable characters in them, and each terminal shows its line.
func checkEditor(t *testing.T, typed []byte, width int) {
	t.Helper()
	width = min(max(width, minColumns), maxColumns)
	early, late := newSession(t, width), newSession(t, width)
	late.late = true
	early.play(typed)
	late.play(typed)
	if early.state() != late.state() || !slices.Equal(early.lines, late.lines) || !slices.Equal(early.events, late.events) {
		t.Fatalf("early %q and %q, events %v", early.lines, early.state(), early.events)
	}
	last, _ := early.e.Text()
	for _, line := range append(early.lines, string(last)) {
		if len(line) > LineBytes || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Fatalf("the line %q", line)
		}
	}
}

// play types, and takes three of the bytes that UTF-8 never has for what happens in between.
func (s *session) play(typed []byte) {
	s.words = []string{"help", "hex", "a→b", "a→c"}
	for {
		n := slices.IndexFunc(typed, func(b byte) bool { return b >= 0xf8 && b <= 0xfa })
		if n < 0 {
			s.typed(string(typed))
			return
		}
		s.typed(string(typed[:n]))
		switch typed[n] {
		case 0xf8:
			s.output("out")
		case 0xf9:
			s.resize(minColumns + len(typed)*7%60)
		case 0xfa:
			s.e.SetSecret(!s.e.secret)
			s.echo()
			s.check()
		}
		typed = typed[n+1:]
	}
}
