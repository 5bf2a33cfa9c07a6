// Package text prepares text for a terminal: what came from packets and clients is made harmless, and what has to fit
// into columns is measured and cut.
//
// The functions append to what they are given and keep nothing. Safe text is text as AppendSafe leaves it: printable
// UTF-8 of one line.
package text

import (
	"strconv"
	"unicode"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// AppendSafe appends text with everything that a terminal might act on, or that cannot be seen, written as
// \xNN (a byte below 0x20, 0x7f, or not UTF-8), \uNNNN or \UNNNNNNNN (a character that unicode.IsPrint
// denies: C1 controls, bidirectional overrides, odd spaces). A backslash stays as it is: the text is for
// the eye and is not read back. A byte becomes four at most.
func AppendSafe(dst, text []byte) []byte {
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && size == 1, r < 0x20, r == 0x7f:
			dst = append(dst, '\\', 'x', hexDigits[text[0]>>4], hexDigits[text[0]&15])
		case !unicode.IsPrint(r):
			dst = appendCodePoint(dst, r)
		default:
			dst = append(dst, text[:size]...)
		}
		text = text[size:]
	}
	return dst
}

func appendCodePoint(dst []byte, r rune) []byte {
	digits := 4
	if r > 0xffff {
		dst = append(dst, '\\', 'U')
		digits = 8
	} else {
		dst = append(dst, '\\', 'u')
	}
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[r>>shift&15])
	}
	return dst
}

// AppendLines appends text, which may be several lines ended by \n, as safe lines ended by CR LF.
func AppendLines(dst, text []byte) []byte {
	for len(text) > 0 {
		line := text
		text = nil
		for i, b := range line {
			if b == '\n' {
				line, text = line[:i], line[i+1:]
				break
			}
		}
		dst = append(AppendSafe(dst, line), '\r', '\n')
	}
	return dst
}

// OneLine is s as safe text, or "-" when there is none: a column is never empty.
func OneLine(s string) string {
	if s == "" {
		return "-"
	}
	return string(AppendSafe(nil, []byte(s)))
}

// Count returns "1 packet", "2 packets" for a noun whose plural ends in s.
func Count(n uint64, singular string) string {
	if n == 1 {
		return "1 " + singular
	}
	return strconv.FormatUint(n, 10) + " " + singular + "s"
}
