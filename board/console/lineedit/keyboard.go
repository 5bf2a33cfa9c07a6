package lineedit

import (
	"unicode"
	"unicode/utf8"
)

// key is what a byte from the keyboard completes.
type key uint8

const (
	keyNone      key = iota
	keyRune          // keyboard.r, which is printable
	keyUnknown       // a character that is not printable, or no UTF-8
	keyEnter         //
	keyInterrupt     // Ctrl-C
	keyEOF           // Ctrl-D
	keyTab           //
	keyUp            // or Ctrl-P
	keyDown          // or Ctrl-N
	keyLeft          // or Ctrl-B
	keyRight         // or Ctrl-F
	keyHome          // or Ctrl-A
	keyEnd           // or Ctrl-E
	keyBackspace     // DEL or Ctrl-H
	keyDelete        //
	keyKillEnd       // Ctrl-K
	keyKillStart     // Ctrl-U
	keyKillWord      // Ctrl-W
	keyClear         // Ctrl-L
)

// controls are the keys of the C0 control characters, which are what Ctrl makes of the letters from @ to _.
var controls = [0x20]key{
	'A' - '@': keyHome,
	'B' - '@': keyLeft,
	'C' - '@': keyInterrupt,
	'D' - '@': keyEOF,
	'E' - '@': keyEnd,
	'F' - '@': keyRight,
	'H' - '@': keyBackspace,
	'I' - '@': keyTab,
	'J' - '@': keyEnter,
	'K' - '@': keyKillEnd,
	'L' - '@': keyClear,
	'M' - '@': keyEnter,
	'N' - '@': keyDown,
	'P' - '@': keyUp,
	'U' - '@': keyKillStart,
	'W' - '@': keyKillWord,
}

const (
	del    = 0x7f
	escape = 0x1b
)

// sequenceBytes is the longest sequence of a key, without its ESC and bracket. One that goes on is none: it ends here.
const sequenceBytes = 64

// keyboard turns bytes into keys. It knows the sequences of ECMA-48 §5.4 as terminals send them for keys (xterm's
// control sequences, "PC-Style Function Keys" and "VT220-Style Function Keys"), takes no notice of their modifiers, and
// swallows those that it does not know as a whole.
type keyboard struct {
	state   keyState
	partial [utf8.UTFMax]byte // of a character whose bytes are not all there
	n       uint8             // of partial
	alt     bool              // the character came after ESC, and is swallowed
	afterCR bool              // the last byte was CR, which was the Enter key
	length  uint8             // of the sequence so far
	param   uint16            // its first parameter
	first   bool              // that parameter goes on
	odd     bool              // it has what no key's sequence has
	r       rune              // of keyRune
}

type keyState uint8

const (
	keyText     keyState = iota
	keyEscape            // after ESC
	keySequence          // after ESC [ or ESC O
	keyLinux             // after ESC [ [, which the Linux console sends for F1 to F5, and one more byte
)

func (k *keyboard) step(b byte) key {
	second := k.afterCR
	k.afterCR = b == '\r'
	if b < 0x20 || b == del {
		k.n, k.alt = 0, false
		return k.control(b, second)
	}
	switch k.state {
	case keyEscape:
		switch {
		case b == '[' || b == 'O':
			k.state = keySequence
			k.length, k.param, k.first, k.odd = 0, 0, true, false
			return keyNone
		case b < utf8.RuneSelf: // Alt and a key
			k.state = keyText
			return keyNone
		}
		k.alt = true
	case keySequence:
		if b < utf8.RuneSelf {
			return k.sequence(b)
		}
	case keyLinux:
		k.state = keyText
		return keyNone
	}
	k.state = keyText
	return k.character(b)
}

// control takes a control character. It acts within a sequence, too, which it ends: a line's end is never swallowed.
// CR is the Enter key, and an LF or NUL after it its second half (RFC 854, The NVT Printer and Keyboard).
func (k *keyboard) control(b byte, second bool) key {
	k.state = keyText
	switch {
	case b == escape:
		k.state = keyEscape
		return keyNone
	case b == '\n' && second:
		return keyNone
	case b == del:
		return keyBackspace
	}
	return controls[b]
}

// sequence takes a byte after ESC [ or ESC O: parameters, intermediates, and the one that ends it.
func (k *keyboard) sequence(b byte) key {
	k.length++
	switch {
	case b >= '0' && b <= '9':
		if k.first {
			k.param = min(k.param*10+uint16(b-'0'), 999)
		}
	case b == ';':
		k.first = false
	case b < '@':
		k.odd = true
	case b == '[' && k.length == 1:
		k.state = keyLinux
		return keyNone
	default:
		k.state = keyText
		if k.odd {
			return keyNone
		}
		return functionKey(b, k.param)
	}
	if k.length == sequenceBytes {
		k.state = keyText
	}
	return keyNone
}

func functionKey(final byte, param uint16) key {
	switch final {
	case 'A':
		return keyUp
	case 'B':
		return keyDown
	case 'C':
		return keyRight
	case 'D':
		return keyLeft
	case 'F':
		return keyEnd
	case 'H':
		return keyHome
	case '~':
		switch param {
		case 1, 7:
			return keyHome
		case 3:
			return keyDelete
		case 4, 8:
			return keyEnd
		}
	}
	return keyNone
}

// character takes a byte of text. A byte that cannot follow those before it begins another character, and they are lost.
func (k *keyboard) character(b byte) key {
	k.partial[k.n] = b
	k.n++
	if !utf8.FullRune(k.partial[:k.n]) {
		return keyNone
	}
	r, size := utf8.DecodeRune(k.partial[:k.n])
	broken := size < int(k.n)
	swallowed := k.alt
	k.n, k.alt = 0, false
	switch {
	case broken:
		return k.character(b)
	case swallowed:
		return keyNone
	case r == utf8.RuneError && size == 1, !unicode.IsPrint(r):
		return keyUnknown
	}
	k.r = r
	return keyRune
}
