package console

import "strings"

// foreign holds how clients of other protocols begin. A web page can make a browser send what it likes to
// port 8000; a session that begins like this executes nothing. No entry contains a line end, so the guard
// has decided before the first line is complete.
var foreign = [...]struct{ begin, name string }{
	{"GET ", "HTTP"}, {"POST ", "HTTP"}, {"HEAD ", "HTTP"}, {"PUT ", "HTTP"}, {"PATCH ", "HTTP"},
	{"DELETE ", "HTTP"}, {"OPTIONS ", "HTTP"}, {"CONNECT ", "HTTP"}, {"TRACE ", "HTTP"}, {"PRI * ", "HTTP/2"},
	{"\x16\x03", "TLS"}, {"SSH-", "SSH"},
}

// guard looks at the first bytes of a session, before telnet does.
type guard struct {
	seen    [8]byte // the longest entry of foreign
	n       int
	decided bool
}

// step takes the next byte and returns the protocol's name when the bytes so far are foreign, else "".
func (g *guard) step(b byte) string {
	if g.decided {
		return ""
	}
	g.seen[g.n] = b
	g.n++
	seen := string(g.seen[:g.n])
	open := false
	for i := range foreign {
		if seen == foreign[i].begin {
			g.decided = true
			return foreign[i].name
		}
		open = open || strings.HasPrefix(foreign[i].begin, seen)
	}
	g.decided = !open
	return ""
}
