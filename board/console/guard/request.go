package guard

// The first line of a request of HTTP (RFC 9112, section 3), RTSP (RFC 7826) or SIP (RFC 3261) is METHOD TARGET VERSION;
// HTTP 0.9 had no version. No list of methods is needed: WebDAV's, UPnP's and a page's own are words in capital letters
// too, and what follows the word tells whether it was a method.

// shortestMethod: GET, PUT, PRI. No method in use is shorter, and words are.
const shortestMethod = 3

// isRequest tells whether a line that begins like this has a method and the beginning of a path or URL, and whether it
// may get them.
func isRequest(begin []byte) (is, open bool) {
	method := 0
	for method < len(begin) && (begin[method] >= 'A' && begin[method] <= 'Z' || begin[method] == '-') {
		method++
	}
	if method == len(begin) {
		return false, true
	}
	i := method
	for i < len(begin) && blank(begin[i]) {
		i++
	}
	if method < shortestMethod || i == method {
		return false, false
	}
	if i < len(begin) && begin[i] == '/' {
		return true, false
	}
	scheme := i
	for i < len(begin) && letter(begin[i]) {
		i++
	}
	switch rest := begin[i:]; {
	case len(rest) == 0:
		return false, true
	case i == scheme || rest[0] != ':':
		return false, false
	case len(rest) == 1:
		return false, true
	default:
		return rest[1] == '/', false
	}
}

// version looks for a third word like HTTP/1, which follows targets that are no path (CONNECT a:80, OPTIONS *, INVITE
// sip:a@b) and methods in small letters. The zero value is the beginning of a line.
type version struct {
	word   uint8 // the words begun; it stops at 4
	inWord bool
	n      uint8
	text   [len("HTTP/1")]byte // the beginning of the third word, n bytes
}

// step takes the next byte of a line and returns the protocol of a request that it completed.
func (v *version) step(b byte) string {
	if blank(b) {
		v.inWord = false
		return ""
	}
	if !v.inWord {
		v.inWord = true
		v.word = min(v.word+1, 4)
	}
	if v.word != 3 || int(v.n) == len(v.text) {
		return ""
	}
	v.text[v.n] = b
	v.n++
	if b < '0' || b > '9' {
		return ""
	}
	switch string(v.text[:v.n-1]) {
	case "HTTP/":
		return "HTTP"
	case "RTSP/":
		return "RTSP"
	case "SIP/":
		return "SIP"
	}
	return ""
}

func blank(b byte) bool { return b == ' ' || b == '\t' }
