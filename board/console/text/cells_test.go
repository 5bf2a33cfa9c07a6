package text

import (
	"iter"
	"slices"
	"strings"
	"testing"
	"unicode"
)

func TestCells(t *testing.T) {
	for _, row := range []struct {
		name string
		text string // each of its characters
		want int
	}{
		{"ASCII", " ~\\", 1},
		{"Latin, Greek, Cyrillic, Arabic, Thai", "éΩЖعก", 1},
		{"ambiguous: arrow, ellipsis, box, block", "→…─█", 1},
		{"half-width katakana", "ｱﾝ", 1},
		{"replacement character", "\ufffd", 1},
		{"a symbol next to an emoji", "☃✓❤", 1},
		{"Han, kana, Hangul", "漢字かカ한", 2},
		{"full-width forms", "ＡＺ！￥", 2},
		{"emoji", "⌚⚡✨😀🚀🧪", 2},
		{"Han beyond the BMP", "𠀀", 2},
		{"ideographic space's neighbours", "、〇〾", 2},
		{"accents and a Hebrew point", "\u0301\u0308\u05b0", 0},
		{"enclosing circle", "\u20dd", 0},
		{"voiced sound mark", "\u3099", 0},
		{"variation selector", "\ufe0f", 0},
		{"Hangul vowel and final", "\u1161\u11a8\ud7b0", 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, r := range row.text {
				if got := Cells(r); got != row.want {
					t.Errorf("%U takes %d cells, want %d", r, got, row.want)
				}
			}
		})
	}
}

// Whole scripts, by package unicode's own tables: printable and no mark, so many cells.
func TestCellsOfScripts(t *testing.T) {
	for _, row := range []struct {
		name  string
		of    []*unicode.RangeTable
		cells int
	}{
		{"wide", []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Yi, unicode.Tangut, unicode.Khitan_Small_Script,
			unicode.Nushu}, 2},
		{"narrow", []*unicode.RangeTable{unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Arabic, unicode.Hebrew,
			unicode.Devanagari, unicode.Thai, unicode.Braille}, 1},
		{"marks", []*unicode.RangeTable{unicode.Mn, unicode.Me}, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			seen := 0
			for r := range runes(row.of) {
				fullWidth := r >= 0xff00 && r <= 0xffef // every script's forms for East Asian text are there
				if !unicode.IsPrint(r) || fullWidth || row.cells > 0 && unicode.In(r, unicode.Mn, unicode.Me) {
					continue
				}
				seen++
				if got := Cells(r); got != row.cells {
					t.Errorf("%U takes %d cells", r, got)
				}
			}
			if seen < 1000 {
				t.Errorf("only %d characters were looked at", seen)
			}
		})
	}
}

func runes(tables []*unicode.RangeTable) iter.Seq[rune] {
	return func(yield func(rune) bool) {
		for _, table := range tables {
			for _, r := range table.R16 {
				for c := rune(r.Lo); c <= rune(r.Hi); c += rune(r.Stride) {
					if !yield(c) {
						return
					}
				}
			}
			for _, r := range table.R32 {
				for c := rune(r.Lo); c <= rune(r.Hi); c += rune(r.Stride) {
					if !yield(c) {
						return
					}
				}
			}
		}
	}
}

// unicode.Is searches the table by halves: its ranges are in order and apart.
func TestWideTable(t *testing.T) {
	last := rune(0)
	next := func(lo, hi rune) {
		if lo <= last || hi < lo {
			t.Errorf("%U to %U comes after %U", lo, hi, last)
		}
		last = hi
	}
	for _, r := range wide.R16 {
		next(rune(r.Lo), rune(r.Hi))
	}
	for _, r := range wide.R32 {
		next(rune(r.Lo), rune(r.Hi))
	}
}

func TestClip(t *testing.T) {
	for _, row := range []struct {
		name, in string
		cells    int
		want     string
	}{
		{"nothing", "", 5, ""},
		{"fits", "hello", 5, "hello"},
		{"one too long", "hello!", 5, "hell…"},
		{"one cell", "hello", 1, "…"},
		{"no cell", "hello", 0, ""},
		{"less than none", "hello", -1, ""},
		{"wide fits", "漢字", 4, "漢字"},
		{"wide does not fit in what is left", "漢字", 3, "漢…"},
		{"half of a wide one", "漢字", 2, "…"},
		{"marks fit with their character", "e\u0301e\u0301", 2, "e\u0301e\u0301"},
		{"marks stay with their character", "e\u0301e\u0301e", 2, "e\u0301…"},
		{"not UTF-8 counts", "\xff\xff\xff", 2, "\xff…"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := string(Clip([]byte("> "), []byte(row.in), row.cells)); got != "> "+row.want {
				t.Errorf("got %q, want %q", got, "> "+row.want)
			}
			checkClip(t, []byte(row.in), row.cells)
		})
	}
}

// checkClip: the text whole, or the longest beginning of it that leaves a cell for the ellipsis.
func checkClip(t *testing.T, in []byte, cells int) {
	t.Helper()
	got := string(Clip(nil, in, cells))
	if cells <= 0 {
		if got != "" {
			t.Fatalf("%q in %d cells", got, cells)
		}
		return
	}
	want := string(in)
	if Width(in) > cells {
		left := cells - 1
		end := 0
		for _, c := range clusters(string(in)) {
			if left -= Width([]byte(c)); left < 0 {
				break
			}
			end += len(c)
		}
		want = string(in[:end]) + "…"
	}
	if got != want {
		t.Fatalf("%q in %d cells is %q, want %q", in, cells, got, want)
	}
}

// clusters splits text before each character that does not combine with the one before it.
func clusters(text string) []string {
	var ends []int
	for i, r := range text {
		if i > 0 && Cells(r) > 0 {
			ends = append(ends, i)
		}
	}
	ends = append(ends, len(text))
	var parts []string
	from := 0
	for _, end := range slices.Compact(ends) {
		parts = append(parts, text[from:end])
		from = end
	}
	return parts
}

func BenchmarkWidth(b *testing.B) {
	for _, row := range []struct{ name, in string }{
		{"ASCII", strings.Repeat("0123456789", 8)},
		{"wide", strings.Repeat("漢字", 20)},
	} {
		b.Run(row.name, func(b *testing.B) {
			in := []byte(row.in)
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				Width(in)
			}
		})
	}
}
