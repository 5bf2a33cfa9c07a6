package lineedit

import (
	"fmt"
	"strings"
	"testing"
)

func TestCompleted(t *testing.T) {
	full := strings.Repeat("x ", LineBytes/2-1) + "h"
	mark := "\u0301"
	for _, row := range []struct {
		name, typed string
		words       []string
		want        string
		above       string // the list
	}{
		{"one word", "he\t", []string{"help"}, "help |", ""},
		{"one word, whole", "help\t", []string{"help"}, "help |", ""},
		{"one word and a space", "help\x01\x06\x06\x06 \x02\t", []string{"help"}, "help| p", ""},
		{"what they share", "p\t", []string{"pause-a", "pause-b"}, "pause-|", ""},
		{"then the list", "p\t\t", []string{"pause-a", "pause-b"}, "pause-|", "sniffer> pause-\npause-a  pause-b"},
		{"nothing in common", "\t", []string{"help", "stats"}, "|", "sniffer>\nhelp   stats"},
		{"the second word", "top ho\t", []string{"hosts"}, "top hosts |", ""},
		{"in the middle", "ho x\x02\x02\t", []string{"hosts"}, "hosts| x", ""},
		{"of a word", "hsts\x02\x02\x02\t", []string{"host"}, "host |sts", ""},
		{"none", "x\t", nil, "x|", ""},
		{"others", "x\t", []string{"help", "stats"}, "x|", ""},
		{"some others", "h\t", []string{"stats", "help", "top"}, "help |", ""},
		{"shared letters, not bytes", "x\t", []string{"xé", "xè"}, "x|", "sniffer> x\nxé  xè"},
		{"wide", "x\t", []string{"x漢字a", "x漢字b"}, "x漢字|", ""},
		{"not printable", "h\t", []string{"h\x1b[2J", "h\u202e", "h\xff", "help"}, "help |", ""},
		{"a mark alone", "\t", []string{"\u0301"}, " |", ""},
		{"longer than the line may be", full + "\t", []string{"help"}, full + "|", ""},
		{"downwards", "\t", strings.Split("abcdefghijklmnop", ""), "|",
			"sniffer>\na  c  e  g  i  k  m  o\nb  d  f  h  j  l  n  p"},
		{"rows of the longest", "\t", []string{"interfaces", "a", "b"}, "|", "sniffer>\ninterfaces  b\na"},
		{"a cell too long for two columns", "\t", []string{"interfaces1", "b"}, "|", "sniffer>\ninterfaces1\nb"},
		{"one column", "\t", []string{strings.Repeat("a", 40), "b"}, "|", "sniffer>\n" + strings.Repeat("a", 22) + "…\nb"},
		{"marks without end", "\t", []string{"e" + strings.Repeat(mark, 100), "b"}, "|",
			"sniffer>\ne" + strings.Repeat(mark, 31) + "  b"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newSession(t, 24)
			s.words = row.words
			s.typed(row.typed)
			if got := s.state(); got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
			if got := strings.Join(s.v.above, "\n"); got != row.above {
				t.Errorf("the list is\n%s\nwant\n%s", got, row.above)
			}
		})
	}
}

// TestLongList: a list that would not end is cut, and says so.
func TestLongList(t *testing.T) {
	for _, row := range []struct {
		name          string
		words, length int
		width         int
		shown         int
	}{
		{"all of them", 60, 8, 80, 60},
		{"too many", 1000, 4, 500, listNames},
		{"too many bytes", 100, 30, 80, 32},
		{"both", 100000, 30, 20, 46},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newSession(t, row.width)
			for i := range row.words {
				s.words = append(s.words, fmt.Sprintf("%0*d", row.length, i)[:row.length])
			}
			s.words[0] = strings.Repeat("x", row.length) // nothing in common
			s.typed("\t")
			list := s.v.above[1:]
			missing := ""
			if row.shown < row.words {
				missing = fmt.Sprintf("… and %d more", row.words-row.shown)
				if got := list[len(list)-1]; got != missing {
					t.Errorf("the last row is %q, want %q", got, missing)
				}
				list = list[:len(list)-1]
			}
			if n := len(strings.Fields(strings.Join(list, " "))); n != row.shown {
				t.Errorf("%d words are listed, want %d", n, row.shown)
			}
			// The row is as it was, and another list is another.
			s.words = []string{"a", "b"}
			s.typed("\t")
			if got := s.above(1); got != "a  b" {
				t.Errorf("the next list is %q", got)
			}
		})
	}
}

// TestListLater: a list waits until the editor is shown.
func TestListLater(t *testing.T) {
	s := newSession(t, 24)
	s.hide()
	s.e.Step('\t')
	s.e.Completed([]string{"a", "b"})
	if sent := s.e.AppendEcho(nil); len(sent) != 0 {
		t.Errorf("hidden, and %q is sent", sent)
	}
	s.show()
	if got := strings.Join(s.v.above, "\n"); got != "a  b" {
		t.Errorf("the list is %q", got)
	}
}
