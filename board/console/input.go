package console

// inputEvent is what the session has to do after a byte.
type inputEvent uint8

const (
	inputNothing   inputEvent = iota
	inputLine                 // input.text is a line
	inputTooLong              // the line passed LineBytes; told once, it is ignored up to its end
	inputHangup               // quit
	inputInterrupt            // quit, by a telnet command
	inputHello                // are you there?
	inputReply                // input.telnet.reply goes to the client
	inputForeign              // input.protocol is no telnet: close
)

// Bytes that end a session from the keyboard of a client that sends them as they are.
const (
	ctrlC = 0x03
	ctrlD = 0x04
)

// input turns the bytes of a client into lines. Its memory is fixed, and what it returns does not depend on
// how the bytes were split into reads. The zero value is ready.
type input struct {
	guard    guard
	telnet   telnet
	protocol string
	line     [LineBytes]byte
	n        int
	tooLong  bool
	done     bool // the line was given out; the next byte begins another
	afterCR  bool // the last data byte was CR, which ended its line
}

// text is the line after inputLine, without its end, valid until the next step.
func (in *input) text() []byte { return in.line[:in.n] }

// step takes the next byte.
func (in *input) step(b byte) inputEvent {
	if protocol := in.guard.step(b); protocol != "" {
		in.protocol = protocol
		return inputForeign
	}
	switch in.telnet.step(b) {
	case telnetData:
		return in.data(b)
	case telnetRefuse:
		return inputReply
	case telnetInterrupt:
		return inputInterrupt
	case telnetHello:
		return inputHello
	case telnetErase:
		in.begin()
		in.erase()
	case telnetEraseLine:
		in.begin()
		in.n = 0
	}
	return inputNothing
}

// begin forgets a line that was given out.
func (in *input) begin() {
	if in.done {
		in.n, in.done = 0, false
	}
}

// data takes a byte of the user's text. CR ends a line at once, and an LF or NUL after it is its second half
// (RFC 854, The NVT Printer and Keyboard): a client that sends CR alone is understood too.
func (in *input) data(b byte) inputEvent {
	in.begin()
	second := in.afterCR
	in.afterCR = b == '\r'
	switch {
	case second && (b == '\n' || b == 0):
		return inputNothing
	case b == '\n', b == '\r':
		return in.end()
	case b == ctrlC, b == ctrlD:
		return inputHangup
	case in.tooLong:
		return inputNothing
	case in.n == LineBytes:
		in.tooLong = true
		return inputTooLong
	}
	in.line[in.n] = b
	in.n++
	return inputNothing
}

// end ends the line, because of a line end or because nothing follows.
func (in *input) end() inputEvent {
	in.begin()
	in.done = true
	if in.tooLong {
		in.tooLong, in.n = false, 0
		return inputNothing
	}
	if in.n == 0 {
		return inputNothing
	}
	return inputLine
}

// erase takes the last character back, all bytes of it.
func (in *input) erase() {
	for in.n > 0 {
		in.n--
		if in.line[in.n]&0xc0 != 0x80 {
			return
		}
	}
}
