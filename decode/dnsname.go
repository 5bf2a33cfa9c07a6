package decode

import (
	"encoding/binary"
	"math/bits"
)

// The bounds of a name in wire form.
const (
	maxLabel    = 63  // RFC 1035 §2.3.4, a label's bytes
	namePointer = 192 // RFC 1035 §4.1.4, the least first byte of a pointer; what is between is reserved
	maxWireName = 255 // RFC 1035 §2.3.4, a whole name's bytes, every length and the last zero included
)

// nameEnd is how a name in wire form ended.
type nameEnd uint8

const (
	nameWhole nameEnd = iota // with its zero byte
	nameOpen                 // there are no more bytes where a length is due
	nameLong                 // Name has no room for the rest
	nameCut                  // inside of a label or a pointer
	nameBad                  // with a pointer or a reserved length, or with more than maxWireName bytes
)

// readWire makes n the name in wire form (RFC 1035 §3.1) that b begins with, without a dot at its end. It
// returns how many bytes of b and how many labels the name has. n is empty before, and again after nameCut and
// nameBad; it is empty for the root, which has no label. A pointer is none of this form: nameBad.
//
// But for the lengths, whose places the dots take, the text is what the wire has: it is read and written 8 bytes
// at a time, and only for what must be escaped among them more is done.
func (n *Name) readWire(b []byte) (size, labels int, end nameEnd) {
	limit := min(len(b), maxWireName-1) // a label may end here: at the latest before the 255th byte, the last zero
	length := 0                         // of the text
	due := 0                            // bits between the first of word and the next label's length; 64 or more: not in it
	for at := 0; ; at += 8 {
		word := load(b, at)
		room := (limit - at) * 8
		lengths := uint64(0) // ones in the place of each length
		rest := word >> (due & 63)
		for due < 64 {
			c := uint8(rest)
			next := due + 8 + 8*int(c)
			if c-1 >= maxLabel || next > room {
				break
			}
			lengths |= 0xff << (due & 63)
			labels++
			rest >>= (8 + 8*c) & 63
			due = next
		}
		bytes := 8
		if due < 64 {
			bytes = due / 8
			word &= 1<<(due&63) - 1
		}
		word = word&^lengths | lengths&dots
		special := escaped(word) &^ lengths
		if due < 64 {
			special &= 1<<(due&63) - 1
		}
		if at == 0 && bytes > 0 { // no dot in front of the first label
			word >>= 8
			special >>= 8
			bytes--
		}
		// Up to a byte to escape the word is written as a whole; what is too much of it is overwritten next.
		for special != 0 && length <= len(n.Bytes)-12 {
			plain := bits.TrailingZeros64(special) &^ 7
			binary.LittleEndian.PutUint64(n.Bytes[length:], word)
			length += plain / 8
			word >>= plain & 63
			s := labelSpelling(uint8(word))
			binary.LittleEndian.PutUint32(n.Bytes[length:], uint32(s))
			length += int(s >> 32)
			word >>= 8
			special = special >> (plain & 63) >> 8
			bytes -= plain/8 + 1
		}
		if special == 0 && length <= len(n.Bytes)-8 {
			binary.LittleEndian.PutUint64(n.Bytes[length:], word)
			length += bytes
		} else {
			var fits bool
			if length, fits = n.spell(length, word, special, bytes); !fits {
				n.Length = uint8(length)
				return at, labels, nameLong
			}
		}
		if due < 64 {
			size, end = at+due/8, nameCut
			switch {
			case size == len(b):
				end = nameOpen
			case b[size] == 0:
				size++
				end = nameWhole
			case b[size] >= namePointer && size+1 == len(b): // half of it
			case b[size] > maxLabel, size+1+int(b[size]) >= maxWireName:
				end = nameBad
			}
			if end >= nameCut {
				clear(n.Bytes[:length])
				length = 0
			}
			n.Length = uint8(length)
			return size, labels, end
		}
		due -= 64
	}
}

// load returns 8 bytes of b beginning with b[i], the first one lowest, and zeros for what is not there.
func load(b []byte, i int) uint64 {
	if i <= len(b)-8 {
		return binary.LittleEndian.Uint64(b[i:])
	}
	return loadEnd(b, i)
}

// loadEnd is load where b has less than 8 bytes left.
func loadEnd(b []byte, i int) uint64 {
	if len(b) >= 8 {
		return binary.LittleEndian.Uint64(b[len(b)-8:]) >> (8 * (i + 8 - len(b)))
	}
	var word uint64
	for j := len(b) - 1; j >= i; j-- {
		word = word<<8 | uint64(b[j])
	}
	return word
}

// A byte in each of the 8 bytes of a word.
const (
	ones  = 0x0101010101010101
	low7  = 0x7f * ones
	highs = 0x80 * ones
	dots  = '.' * ones
)

// escaped marks with its highest bit each byte of word that does not stand for itself in a Name: a dot, a
// backslash and what is not printable. No sum carries into the next byte, since all are of 7 bits.
func escaped(word uint64) uint64 {
	low := word & low7
	itself := (low + (0x80-' ')*ones) & // not below the space
		((low ^ '.'*ones) + low7) & // zero for a dot alone
		((low ^ '\\'*ones) + low7) &^
		(low + ones) &^ // '~' is the last
		word
	return ^itself & highs
}

// labelSpelling is what stands for a byte of a label, where a dot would read as the end of it.
func labelSpelling(c uint8) spelling {
	s := spellings[c]
	if c == '.' {
		s = 2<<32 | '.'<<8 | '\\'
	}
	return s
}

// spell writes the first size bytes of word behind the first length bytes of n, those that special marks
// as labelSpelling has them. It returns the new length, and false when they do not fit.
func (n *Name) spell(length int, word, special uint64, size int) (int, bool) {
	for ; size > 0; size-- {
		s := 1<<32 | spelling(uint8(word))
		if special&0x80 != 0 {
			s = labelSpelling(uint8(word))
		}
		word >>= 8
		special >>= 8
		more := int(s >> 32)
		if length+more > len(n.Bytes) {
			return length, false
		}
		for range more {
			n.Bytes[length] = uint8(s)
			length++
			s >>= 8
		}
	}
	return length, true
}
