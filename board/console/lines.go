package console

// inputEvent is what a byte of the client's text amounts to.
type inputEvent uint8

const (
	inputNothing inputEvent = iota
	inputLine               // lines.text is a line, which may be empty
	inputTooLong            // the line passed LineBytes; told once, it is ignored up to its end
	inputHangup             // the client wants to leave
)

// Bytes that end a session from the keyboard of a client that sends them as they are.
const (
	ctrlC = 0x03
	ctrlD = 0x04
)

// lines makes lines of the text of a client that edits them itself. Its memory is fixed, and what it returns does not
// depend on how the bytes were split into reads. The zero value is ready.
type lines struct {
	line    [LineBytes]byte
	n       int
	tooLong bool
	done    bool // the line was given out; the next byte begins another
	afterCR bool // the last byte was CR, which ended its line
}

// text is the line after inputLine, without its end, valid until the next step.
func (l *lines) text() []byte { return l.line[:l.n] }

// begin forgets a line that was given out.
func (l *lines) begin() {
	if l.done {
		l.n, l.done = 0, false
	}
}

// step takes the next byte. CR ends a line at once, and an LF or NUL after it is its second half
// (RFC 854, The NVT Printer and Keyboard): a client that sends CR alone is understood too.
func (l *lines) step(b byte) inputEvent {
	l.begin()
	second := l.afterCR
	l.afterCR = b == '\r'
	switch {
	case second && (b == '\n' || b == 0):
		return inputNothing
	case b == '\n', b == '\r':
		return l.end()
	case b == ctrlC, b == ctrlD:
		return inputHangup
	case l.tooLong:
		return inputNothing
	case l.n == LineBytes:
		l.tooLong = true
		return inputTooLong
	}
	l.line[l.n] = b
	l.n++
	return inputNothing
}

// end ends the line, because of a line end or because nothing follows.
func (l *lines) end() inputEvent {
	l.begin()
	l.done = true
	if l.tooLong {
		l.tooLong, l.n = false, 0
		return inputNothing
	}
	return inputLine
}

// erase takes the last character back, all bytes of it.
func (l *lines) erase() {
	l.begin()
	for l.n > 0 {
		l.n--
		if l.line[l.n]&0xc0 != 0x80 {
			return
		}
	}
}

// eraseAll takes the line back.
func (l *lines) eraseAll() {
	l.begin()
	l.n = 0
}
