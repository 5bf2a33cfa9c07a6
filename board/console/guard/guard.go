// Package guard tells a person or a script at the console from a client of another protocol, by what it sends: a web page
// can make the browser of somebody in the LAN send what it likes to port 8000, and a scanner sends every greeting that it
// knows.
//
// # What is foreign
//
//   - The first byte, when no key, no UTF-8 text and no telnet command begins with it (opening.go): TLS, SMB, STUN and TURN, RDP,
//     SOCKS, PostgreSQL, BitTorrent and whatever else is binary.
//   - The first line, when it begins like a request (request.go): a method and a path or URL, or three words that end in
//     HTTP/1.1, RTSP/1.0 or SIP/2.0; and when it begins like the greeting of a client that speaks text (table.go): SSH,
//     SMTP, FTP, IRC, XMPP, Redis, git and others.
//   - Any line, when it begins like a header field of HTTP (header.go): a body that was written to look like commands
//     comes behind the browser's own request, and a request that was smuggled behind commands still has its fields.
//
// A person may write "get well", "Post a parcel" or "GET ME A COFFEE": no path or URL follows. Whoever writes "Host: x"
// is cut off.
//
// The guard sees the bytes as they come from the network, before telnet does. It decides at the latest at the end of the
// line that is foreign, before a session can act on it; a session that lets all bytes of an opening through the guard
// before it acts on the first is not tricked by commands before a "Host:" either.
package guard

// Guard looks at the bytes of one connection. The zero value is ready. It does not allocate.
type Guard struct {
	protocol string // not empty: decided
	opening  opening
	telnet   telnet
	afterCR  bool             // the last byte of text was CR
	lines    bool             // a line that was not empty has ended: only fields of a header are looked for
	begin    [beginBytes]byte // of the line, without telnet's bytes
	n        int              // bytes in begin
	open     bool             // begin may become something of the first line
	field    bool             // begin may become the name of a field
	version  version
}

// beginBytes is how much of a line is kept: every entry of table, family of fields and method in use fits in.
const beginBytes = 40

// Step takes the next byte from the network. It returns "" as long as the bytes may be a console's, then the name of what
// they are, and that name for every byte after it.
func (g *Guard) Step(b byte) (protocol string) {
	if g.protocol != "" {
		return g.protocol
	}
	if g.protocol = g.opening.step(b); g.protocol != "" || !g.telnet.text(b) {
		return g.protocol
	}
	isEnd, half := b == '\r' || b == '\n', b == 0 && g.afterCR
	g.afterCR = b == '\r'
	if half || isEnd && g.n == 0 {
		return "" // NUL is the second half of CR NUL; empty lines leave open what the first line is
	}
	g.protocol = g.text(b)
	if isEnd {
		g.lines = true
		g.n, g.version = 0, version{}
	}
	return g.protocol
}

// text takes a byte of a line, its end among them.
func (g *Guard) text(b byte) string {
	if g.n == 0 {
		g.field, g.open = true, !g.lines
	}
	if g.n < beginBytes {
		g.begin[g.n] = b
		g.n++
	} else {
		g.field, g.open = false, false
	}
	begin := g.begin[:g.n]
	if g.field {
		var is bool
		if is, g.field = isField(begin); is {
			return "HTTP"
		}
	}
	if g.open {
		is, request := isRequest(begin)
		if is {
			return "HTTP"
		}
		protocol, entry := lookUp(begin)
		if protocol != "" {
			return protocol
		}
		g.open = request || entry
	}
	if g.lines {
		return ""
	}
	return g.version.step(b)
}
