package push

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// The reader of one flat JSON object, RFC 8259: as strict as that, and without objects and arrays inside. It is here
// because it names the member that is wrong, refuses one that comes twice, and is a fifth of encoding/json's weight.

// kind is what a value is.
type kind uint8

const (
	tokenString kind = iota
	tokenNumber
	tokenNull
	tokenOther // true, false, an object or an array: no field has one
)

// token is a value.
type token struct {
	kind kind
	text string // of a string what it stands for, of all others as written
}

// shown is the value for an error: what it is, printable and not longer than a line.
func (t token) shown() string {
	const most = 48
	text, more := t.text, ""
	if len(text) > most {
		text, more = text[:most], "…"
	}
	if t.kind != tokenString {
		text = strconv.Quote(text)
		return text[1:len(text)-1] + more
	}
	return strconv.Quote(text) + more
}

// reader walks a line.
type reader struct {
	line []byte
	at   int
}

// read takes every member of the object that the line is.
func (v *packet) read(line []byte) error {
	if len(line) > MaxLine {
		return &Error{"", fmt.Sprintf("the line has %d bytes, at most %d are read", len(line), MaxLine)}
	}
	r := reader{line: line}
	if r.space(); !r.take('{') {
		return r.expected(`a JSON object like {"src_ip":"192.0.2.1",…}`)
	}
	var came [len(fields)]bool
	for r.space(); !r.take('}'); r.space() {
		if came != [len(fields)]bool{} {
			if !r.take(',') {
				return r.expected("a comma or the closing brace")
			}
			r.space()
		}
		if r.next() != '"' {
			return r.expected("a field's name in quotation marks")
		}
		name, err := r.text()
		if err != nil {
			return err
		}
		f, ok := fieldNamed(name)
		if !ok {
			return unknown(name)
		}
		if came[f] {
			return &Error{name, "comes twice; give it once"}
		}
		came[f] = true
		if r.space(); !r.take(':') {
			return r.expected("a colon behind " + name)
		}
		r.space()
		value, err := r.value()
		if err != nil {
			return err
		}
		if problem := v.set(f, value); problem != "" {
			return &Error{name, problem}
		}
	}
	if r.space(); r.at < len(r.line) {
		return r.expected("the end of the line behind the object")
	}
	return nil
}

func fieldNamed(name string) (field, bool) {
	for f := range fields {
		if fields[f].name == name {
			return field(f), true
		}
	}
	return 0, false
}

// unknown refuses a field that push does not take.
func unknown(name string) error {
	all := make([]string, len(fields))
	for f := range fields {
		all[f] = fields[f].name
	}
	return &Error{token{tokenString, name}.shown(), "is not taken from a client; leave it out: the fields are " + strings.Join(all, ", ")}
}

// next is the byte that comes, 0 at the end.
func (r *reader) next() byte {
	if r.at < len(r.line) {
		return r.line[r.at]
	}
	return 0
}

// take steps over a byte when it comes.
func (r *reader) take(b byte) bool {
	if r.at < len(r.line) && r.line[r.at] == b {
		r.at++
		return true
	}
	return false
}

// space steps over white space, RFC 8259 §2.
func (r *reader) space() {
	for r.take(' ') || r.take('\t') || r.take('\r') || r.take('\n') {
		continue
	}
}

// expected is the error about what comes.
func (r *reader) expected(what string) error {
	found := "the line ends"
	if r.at < len(r.line) {
		c, _ := utf8.DecodeRune(r.line[r.at:])
		found = "there is " + strconv.QuoteRune(c)
	}
	return &Error{"", fmt.Sprintf("byte %d: %s where %s has to be", r.at+1, found, what)}
}

// value reads a value. Of one that is none of a field's only the first byte counts.
func (r *reader) value() (token, error) {
	switch c := r.next(); {
	case c == '"':
		text, err := r.text()
		return token{tokenString, text}, err
	case c == '-' || c >= '0' && c <= '9':
		return r.number()
	case c == '{':
		return token{tokenOther, "an object"}, nil
	case c == '[':
		return token{tokenOther, "an array"}, nil
	}
	for _, word := range [...]string{"null", "true", "false"} {
		if strings.HasPrefix(string(r.line[r.at:]), word) {
			r.at += len(word)
			if word == "null" {
				return token{tokenNull, word}, nil
			}
			return token{tokenOther, word}, nil
		}
	}
	return token{}, r.expected("a number, a string or null")
}

// number reads a number, RFC 8259 §6.
func (r *reader) number() (token, error) {
	start := r.at
	digits := func() bool {
		from := r.at
		for c := r.next(); c >= '0' && c <= '9'; c = r.next() {
			r.at++
		}
		return r.at > from
	}
	r.take('-')
	if zero := r.take('0'); !zero && !digits() {
		return token{}, r.expected("a digit")
	}
	if r.take('.') && !digits() {
		return token{}, r.expected("a digit")
	}
	if r.take('e') || r.take('E') {
		if !r.take('+') {
			r.take('-')
		}
		if !digits() {
			return token{}, r.expected("a digit")
		}
	}
	return token{tokenNumber, string(r.line[start:r.at])}, nil
}

// text reads a string, RFC 8259 §7, of which the opening quotation mark comes.
func (r *reader) text() (string, error) {
	var b []byte
	for r.at++; ; {
		switch c := r.next(); {
		case c < ' ': // the line's end, too
			return "", r.expected("a character of a string or its closing quotation mark")
		case c == '"':
			r.at++
			return string(b), nil
		case c == '\\':
			r.at++
			x, ok := r.escape()
			if !ok {
				return "", r.expected("the rest of an escape sequence")
			}
			b = utf8.AppendRune(b, x)
		default:
			x, size := utf8.DecodeRune(r.line[r.at:])
			b = utf8.AppendRune(b, x)
			r.at += size
		}
	}
}

// escape reads what is behind a backslash.
func (r *reader) escape() (rune, bool) {
	c := r.next()
	if i := strings.IndexByte(`"\/bfnrt`, c); c != 0 && i >= 0 {
		r.at++
		return rune("\"\\/\b\f\n\r\t"[i]), true
	}
	if !r.take('u') {
		return 0, false
	}
	x, ok := r.unit()
	if !ok || !utf16.IsSurrogate(x) {
		return x, ok
	}
	// Half of a pair that has no other half is a replacement character, and what follows stands for itself.
	before := r.at
	if r.take('\\') && r.take('u') {
		if low, ok := r.unit(); ok {
			if pair := utf16.DecodeRune(x, low); pair != utf8.RuneError {
				return pair, true
			}
		}
	}
	r.at = before
	return utf8.RuneError, true
}

// unit reads four hexadecimal digits.
func (r *reader) unit() (x rune, ok bool) {
	if len(r.line)-r.at < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(r.line[r.at:r.at+4]), 16, 16)
	if err != nil {
		return 0, false
	}
	r.at += 4
	return rune(n), true
}
