package frame

import "strconv"

const hexRow = 16 // bytes

// AppendHex appends the captured bytes in the form of hexdump(1) with -C, which text2pcap and people read: sixteen of them in
// a line of at most 79 characters, behind their offset and in front of those that are printable ASCII. When not all of the
// frame was captured, a last line says how many bytes are missing. A VLAN tag stands where it was on the wire (see
// Capture).
func AppendHex(dst []byte, fr *Frame) []byte {
	w := onWire(fr)
	captured := w.captured()
	for offset := 0; offset < captured; offset += hexRow {
		dst = appendHexRow(dst, &w, offset, min(captured, offset+hexRow))
	}
	if missing := int64(w.length) - int64(captured); missing > 0 {
		dst = appendOffset(dst, captured)
		dst = append(dst, "  not captured: "...)
		dst = strconv.AppendInt(dst, missing, 10)
		dst = append(dst, '\n')
	}
	return dst
}

func appendHexRow(dst []byte, w *wire, from, to int) []byte {
	dst = appendOffset(dst, from)
	for i := from; i < from+hexRow; i++ {
		if i%(hexRow/2) == 0 {
			dst = append(dst, ' ')
		}
		if i < to {
			b := w.at(i)
			dst = append(dst, ' ', digits[b>>4], digits[b&15])
		} else {
			dst = append(dst, "   "...)
		}
	}
	dst = append(dst, "  |"...)
	for i := from; i < to; i++ {
		b := w.at(i)
		if b < ' ' || b > '~' {
			b = '.'
		}
		dst = append(dst, b)
	}
	return append(dst, "|\n"...)
}

const digits = "0123456789abcdef"

func appendOffset(dst []byte, offset int) []byte {
	for shift := 28; shift >= 0; shift -= 4 {
		dst = append(dst, digits[offset>>shift&15])
	}
	return dst
}
