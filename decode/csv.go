package decode

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// CSVHeader returns the header line, the names of Columns in their order, without its end.
func CSVHeader() string {
	names := make([]string, len(Columns))
	for i := range Columns {
		names[i] = Columns[i].Name
	}
	return strings.Join(names, ",")
}

// AppendCSV appends one line (RFC 4180) without its end: the fields of Columns in their order, absent ones
// empty. device and iface are quoted where they need it; CSV has no escapes, so what is not printable in
// them becomes a question mark. It allocates only when dst has no room.
func (p *Packet) AppendCSV(dst []byte, device, iface string) []byte {
	for i := range Columns {
		if i > 0 {
			dst = append(dst, ',')
		}
		switch i {
		case columnDevice:
			dst = appendCSVText(dst, device)
		case columnInterface:
			dst = appendCSVText(dst, iface)
		case columnName:
			if p.Valid.Has(HasName) {
				dst = appendCSVName(dst, p.Name.Text())
			}
		case columnALPN:
			if p.Valid.Has(HasALPN) {
				dst = appendCSVName(dst, p.ALPN.Text())
			}
		default:
			dst = p.appendColumn(dst, i)
		}
	}
	return dst
}

// appendCSVName appends a name in the form of Name. A list of protocols has commas nearly always.
func appendCSVName(dst, name []byte) []byte {
	if bytes.IndexByte(name, ',') < 0 && bytes.IndexByte(name, '"') < 0 {
		return append(dst, name...)
	}
	dst = append(dst, '"')
	for _, c := range name {
		if c == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}

func appendCSVText(dst []byte, s string) []byte {
	quoted := strings.ContainsAny(s, `",`)
	if quoted {
		dst = append(dst, '"')
	}
	for i, r := range s {
		switch {
		case r == '"':
			dst = append(dst, `""`...)
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"), !strconv.IsPrint(r):
			dst = append(dst, '?')
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	if quoted {
		dst = append(dst, '"')
	}
	return dst
}
