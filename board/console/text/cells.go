package text

import (
	"unicode"
	"unicode/utf8"
)

// Cells is how many cells of a terminal's row a printable character takes: 2 for the wide ones of East Asia and for
// emoji, 0 for marks that combine with the character before them, 1 for the others.
//
// Terminals agree on most characters and on no table; this one is what xterm and the C library do. The ambiguous ones
// of UAX #11 are narrow, as they are outside of East Asian fonts, and a sequence (an emoji with a skin tone, two letters
// of a flag) is the sum of its characters, which some terminals draw in fewer cells. There the columns of one line are
// off; nothing else depends on it.
func Cells(r rune) int {
	switch {
	case r < 0x300: // the first combining mark
		return 1
	case unicode.Is(unicode.Mn, r), unicode.Is(unicode.Me, r):
		return 0
	case r < 0x1100: // the first wide character
		return 1
	case r >= 0x1160 && r <= 0x11ff, r >= 0xd7b0 && r <= 0xd7ff: // vowels and finals, drawn into the Hangul syllable before them
		return 0
	case unicode.Is(wide, r):
		return 2
	}
	return 1
}

// Width is how many cells safe text takes. A byte that is not UTF-8 takes one.
func Width(text []byte) int {
	cells := 0
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		cells += Cells(r)
		text = text[size:]
	}
	return cells
}

// Prefix is how many bytes of safe text fit into so many cells, with the marks that combine with the last character.
func Prefix(text []byte, cells int) int {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if cells -= Cells(r); cells < 0 {
			return i
		}
		i += size
	}
	return len(text)
}

// Clip appends as much of safe text as fits into so many cells; "…" is the last of them when something is missing.
func Clip(dst, text []byte, cells int) []byte {
	if cells <= 0 {
		return dst
	}
	if Prefix(text, cells) == len(text) {
		return append(dst, text...)
	}
	dst = append(dst, text[:Prefix(text, cells-1)]...)
	return append(dst, "…"...)
}
