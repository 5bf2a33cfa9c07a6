package guard

// Bytes of telnet (RFC 854, TELNET Command Structure).
const (
	firstCommand = 236 // EOF, RFC 1184
	se           = 240
	sb           = 250
	will         = 251
	dont         = 254
	iac          = 255
)

// telnet takes commands and subnegotiations out of the text, so that the beginning of a line is where the session sees it.
type telnet uint8

const (
	inText    telnet = iota
	inCommand        // after IAC
	inOption         // after IAC and WILL, WONT, DO or DONT
	inSub            // in a subnegotiation
	inSubIAC         // after IAC in a subnegotiation
)

// text takes a byte and tells whether it is text. IAC IAC is the byte 0xff in the text.
func (t *telnet) text(b byte) bool {
	switch *t {
	case inText:
		if b != iac {
			return true
		}
		*t = inCommand
	case inCommand:
		*t = command(b)
		return b == iac
	case inOption:
		*t = inText
	case inSub:
		if b == iac {
			*t = inSubIAC
		}
	case inSubIAC:
		// Whatever is neither the end nor a doubled IAC ends the subnegotiation too, and is a command.
		if b == iac {
			*t = inSub
		} else {
			*t = command(b)
		}
	}
	return false
}

// command is the state after IAC and b.
func command(b byte) telnet {
	switch {
	case b == sb:
		return inSub
	case b >= will && b <= dont:
		return inOption
	}
	return inText
}
