package decode

import (
	"strconv"
	"unicode/utf8"
)

// AppendJSON appends one JSON object (RFC 8259) without a line end: the fields of Columns in their order,
// absent ones left out. device and iface are escaped; what is not printable in them becomes \uXXXX, and
// bytes that are not UTF-8 the replacement character. It allocates only when dst has no room.
func (p *Packet) AppendJSON(dst []byte, device, iface string) []byte {
	dst = append(dst, '{')
	for i := range Columns {
		c := &Columns[i]
		before := len(dst)
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '"')
		dst = append(dst, c.Name...)
		dst = append(dst, `":`...)
		text := !c.Kind.IsNumber() && c.Kind != KindAddresses
		if text {
			dst = append(dst, '"')
		}
		start := len(dst)
		switch i {
		case columnDevice:
			dst = appendJSONText(dst, device)
		case columnInterface:
			dst = appendJSONText(dst, iface)
		case columnName:
			if p.Valid.Has(HasName) {
				dst = appendJSONName(dst, p.Name.Text())
			}
		case columnALPN:
			if p.Valid.Has(HasALPN) {
				dst = appendJSONName(dst, p.ALPN.Text())
			}
		case columnDNSAddresses:
			if p.Valid.Has(HasAnswers) && p.Answers.Count > 0 {
				dst = p.Answers.appendJSON(dst)
			}
		default:
			dst = p.appendColumn(dst, i)
		}
		if len(dst) == start {
			dst = dst[:before]
			continue
		}
		if text {
			dst = append(dst, '"')
		}
	}
	return append(dst, '}')
}

// appendJSON appends an array of strings.
func (a *Addresses) appendJSON(dst []byte) []byte {
	dst = append(dst, '[')
	for i := range int(min(a.Count, maxAnswers)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(a.At(i).AppendTo(append(dst, '"')), '"')
	}
	return append(dst, ']')
}

// appendJSONName appends a name in the form of Name for use between quotes.
func appendJSONName(dst, name []byte) []byte {
	for _, c := range name {
		if c == '"' || c == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	return dst
}

// appendJSONText appends s for use between quotes.
func appendJSONText(dst []byte, s string) []byte {
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case strconv.IsPrint(r):
			dst = utf8.AppendRune(dst, r)
		case r < 1<<16:
			dst = appendJSONUnit(dst, uint16(r))
		default: // as UTF-16 has it, RFC 8259 §7
			r -= 1 << 16
			dst = appendJSONUnit(dst, 0xd800|uint16(r>>10))
			dst = appendJSONUnit(dst, 0xdc00|uint16(r&0x3ff))
		}
	}
	return dst
}

func appendJSONUnit(dst []byte, u uint16) []byte {
	return append(dst, '\\', 'u', hexDigits[u>>12], hexDigits[u>>8&15], hexDigits[u>>4&15], hexDigits[u&15])
}
