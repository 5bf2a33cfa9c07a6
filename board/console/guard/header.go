package guard

// fields are names that the header of an HTTP request carries, in small letters; one that ends in "-" is how others
// begin. A browser sends Host and User-Agent with whatever it sends, HTTP 1.0 may go without both, and the parts of a
// form have Content-Disposition.
var fields = [...]string{
	"host", "origin", "user-agent", "referer", "cookie", "connection", "accept", "authorization", "cache-control", "dnt",
	"expect", "forwarded", "keep-alive", "pragma", "transfer-encoding", "upgrade",
	"accept-", "access-control-", "content-", "http2-", "if-", "proxy-", "sec-", "upgrade-", "x-",
}

// isField tells whether a line that begins like this has the name of a field and its colon (RFC 9110, section 5.1), and
// whether it may get them. Each byte of the line was asked about before the next, and open then.
func isField(begin []byte) (is, open bool) {
	last := begin[len(begin)-1]
	for _, name := range fields {
		n := min(len(begin), len(name))
		if !equalFold(begin[:n], name[:n]) {
			continue
		}
		family := name[len(name)-1] == '-'
		switch {
		case len(begin) == n:
			open = true
		case last == ':' && (family || len(begin) == n+1):
			return true, false
		case family && letter(last):
			open = true
		}
	}
	return false, open
}

// letter tells whether a name can hold the byte: of the tokens, names and schemes that are in use have no others.
func letter(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '-' || b == '_'
}

// equalFold compares a text with one in small letters, whatever the case of its own.
func equalFold(text []byte, small string) bool {
	for i, b := range text {
		if b >= 'A' && b <= 'Z' {
			b += 'a' - 'A'
		}
		if b != small[i] {
			return false
		}
	}
	return true
}
