package decode

import "bytes"

// Method is an HTTP or SSDP request method; the numbers are stored and never change their meaning.
type Method uint8

// The methods of SSDP.
const (
	methodSearch = 10
	methodNotify = 11
)

// longestMethod is the length of UNSUBSCRIBE.
const longestMethod = 11

// methodNames are the methods that are recognized, by number: RFC 9110 §9, RFC 5789, UPnP Device Architecture 2.0
// §1.2, §1.3 and §4.1, RFC 4918 §9, RFC 3253 §3.6.
var methodNames = [...]string{
	1: "GET", 2: "HEAD", 3: "POST", 4: "PUT", 5: "DELETE", 6: "CONNECT", 7: "OPTIONS", 8: "TRACE", 9: "PATCH",
	methodSearch: "M-SEARCH", methodNotify: "NOTIFY", 12: "SUBSCRIBE", 13: "UNSUBSCRIBE",
	14: "PROPFIND", 15: "PROPPATCH", 16: "MKCOL", 17: "COPY", 18: "MOVE", 19: "LOCK", 20: "UNLOCK", 21: "REPORT",
}

// Methods is one more than the highest Method.
const Methods = Method(len(methodNames))

// String returns the method as it stands in a request; "none" for zero, "unknown" for a number that this
// version does not know.
func (m Method) String() string {
	if m == 0 {
		return "none"
	}
	if m < Methods {
		return methodNames[m]
	}
	return "unknown"
}

// The bounds of a header section besides maxHTTPLines, so that no text is dear to look through: the bytes looked
// at, which are more than a segment carries (TooManyHTTPLines), and the white space that is trimmed on either side
// of a value (BadHTTP).
const (
	maxHTTPBytes = 4096
	maxHTTPSpace = 32
)

// A request line's end (RFC 9112 §2.3, §3), the space included; HTTP/2 has no request line.
const (
	endHTTP10 = " HTTP/1.0"
	endHTTP11 = " HTTP/1.1"
)

// answerSSDP is how the response to an M-SEARCH begins (UPnP Device Architecture 2.0 §1.3.3).
const answerSSDP = "HTTP/1.1 200"

// http reads an HTTP/1 request up to its Host (RFC 9112 §3.2, RFC 9110 §7.2). A payload that does not begin with a
// method goes on with a message that began in an earlier segment, or is none.
func (p *Packet) http(b []byte) {
	m := method(b)
	if m == 0 {
		return
	}
	p.HTTPMethod = m
	p.Valid |= HasHTTP
	p.header(b, true, "host", NameHTTP)
}

// ssdp reads an SSDP message up to what it searches, announces or answers for (UPnP Device Architecture 2.0 §1.2,
// §1.3).
func (p *Packet) ssdp(b []byte) {
	field := "st"
	m := method(b)
	switch m {
	case methodSearch:
	case methodNotify:
		field = "nt"
	default:
		if len(b) >= len(answerSSDP) && string(b[:len(answerSSDP)]) == answerSSDP {
			p.header(b, false, field, NameSSDP)
		}
		return
	}
	p.HTTPMethod = m
	p.Valid |= HasHTTP
	p.header(b, true, field, NameSSDP)
}

// method returns the method that b begins with, a space behind it, or 0.
func method(b []byte) Method {
	n := bytes.IndexByte(b[:min(len(b), longestMethod+1)], ' ')
	if n <= 0 {
		return 0
	}
	for m := Method(1); m < Methods; m++ {
		if string(b[:n]) == methodNames[m] {
			return m
		}
	}
	return 0
}

// header reads a start line, a request's when request says so, and the field lines behind it (RFC 9112 §5) up to
// the first that is called field, in lower case; its value is the packet's name.
func (p *Packet) header(b []byte, request bool, field string, kind NameKind) {
	unended := TruncatedHTTP
	if len(b) > maxHTTPBytes {
		b = b[:maxHTTPBytes]
		unended = TooManyHTTPLines
	}
	line, b, ended := cutLine(b)
	if ended && request && !isRequest(line) {
		p.DecodeError = BadHTTP
		return
	}
	for n := 0; ended && n < maxHTTPLines; n++ {
		found := isField(b, field)
		if line, b, ended = cutLine(b); !ended {
			break
		}
		if len(line) == 0 {
			return
		}
		if found {
			p.fieldValue(line[len(field):], kind)
			return
		}
	}
	if ended {
		unended = TooManyHTTPLines
	}
	p.DecodeError = unended
}

// fieldValue keeps as the name what stands behind the colon that line, from which the field's name was taken,
// begins with. No white space may stand in front of it (RFC 9112 §5.1): readers differ in what that means.
func (p *Packet) fieldValue(line []byte, kind NameKind) {
	value, trimmed := trim(line[1:])
	if line[0] != ':' || !trimmed {
		p.DecodeError = BadHTTP
		return
	}
	p.setName(kind, value)
}

// cutLine returns the first line of b without its end, what follows it, and false when it does not end in b. A
// line feed alone ends a line too (RFC 9112 §2.2).
func cutLine(b []byte) (line, rest []byte, ended bool) {
	n := bytes.IndexByte(b, '\n')
	if n < 0 {
		return nil, nil, false
	}
	line = b[:n]
	if n > 0 && b[n-1] == '\r' {
		line = b[:n-1]
	}
	return line, b[n+1:], true
}

// isRequest reports whether line is a method that method has found, a target and a version.
func isRequest(line []byte) bool {
	n := len(line) - len(endHTTP11)
	if n < 0 || string(line[n:]) != endHTTP11 && string(line[n:]) != endHTTP10 {
		return false
	}
	// The space of the version must be another one than the method's.
	method := bytes.IndexByte(line, ' ')
	return n > method+1
}

// isField reports whether b begins with a field called name, in lower case: a colon or white space follows it.
func isField(b []byte, name string) bool {
	if len(b) <= len(name) {
		return false
	}
	for i := range len(name) {
		if b[i]|0x20 != name[i] {
			return false
		}
	}
	c := b[len(name)]
	return c == ':' || isSpace(c)
}

// trim returns b without the white space around it, and false when there are more than maxHTTPSpace bytes of it on
// one side.
func trim(b []byte) ([]byte, bool) {
	front, back := 0, len(b)
	for front < back && isSpace(b[front]) {
		if front++; front > maxHTTPSpace {
			return nil, false
		}
	}
	for back > front && isSpace(b[back-1]) {
		if back--; len(b)-back > maxHTTPSpace {
			return nil, false
		}
	}
	return b[front:back], true
}

// isSpace reports whether c is white space inside a line (RFC 9110 §5.6.3).
func isSpace(c byte) bool { return c == ' ' || c == '\t' }
