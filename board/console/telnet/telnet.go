// Package telnet is one end of a telnet connection: it separates data from commands (RFC 854, 855), agrees on the options
// that a line editor at the far end of a byte stream needs (RFC 857 ECHO, RFC 858 SUPPRESS-GO-AHEAD, RFC 1073 NAWS,
// RFC 1091 TERMINAL-TYPE; by the method of RFC 1143), and refuses all others.
//
// It does no I/O: bytes go in one at a time, wherever the reads were split, and what has to be sent comes out by the Append
// methods. Nothing that the other end sends makes it grow: what waits to be sent, what is kept of a subnegotiation and what
// is told of a terminal are bounded. No method but Terminal allocates, as long as its buffer has room.
package telnet

// Commands of RFC 854 (TELNET Command Structure); EOF and ABORT are of RFC 1184 §2.1.
const (
	commandEOF   = 236
	commandAbort = 238
	commandSE    = 240
	commandBRK   = 243
	commandIP    = 244
	commandAYT   = 246
	commandEC    = 247
	commandEL    = 248
	commandSB    = 250
	commandWILL  = 251
	commandWONT  = 252
	commandDO    = 253
	commandDONT  = 254
	commandIAC   = 255
)

// Event is what one byte from the other end amounts to.
type Event uint8

const (
	Nothing   Event = iota // part of a command, or one that asks for nothing
	Data                   // the byte is data
	Interrupt              // IP, BRK, ABORT or EOF: the user stops or ends something
	Hello                  // AYT: the user asks whether anybody is there
	EraseChar              // EC: the user takes the last character back
	EraseLine              // EL: the user takes the line back
	Changed                // an option was agreed, refused or given up, or the size or the terminal is another one
)

// Peer is one end of a connection. The zero value is a server's that has offered nothing yet; Client makes the other side's.
//
// A caller gives every byte it receives to Step and sends what AppendReply returns, after each read or each step.
type Peer struct {
	client bool
	spoke  bool
	state  parsing
	verb   byte // WILL, WONT, DO or DONT, while its option is awaited

	options [2][slots]status
	refused [2][4]uint64 // bit sets of the options refused for good
	answers [maxAnswers]answer
	waiting uint8 // how many answers there are

	askTerminal, tellTerminal, tellSize bool // subnegotiations that wait to be sent

	sub       [subBytes]byte // the subnegotiation that is being received
	subLength uint8          // more than subBytes: it is too long, and skipped

	columns, rows  uint16
	terminal       [terminalBytes]byte // the other end's for a server, its own for a client
	terminalLength uint8
	size           func() (columns, rows int) // of the own window: a client's
}

// parsing is where in a command the next byte stands.
type parsing uint8

const (
	inText parsing = iota
	inCommand
	inOption
	inSub
	inSubCommand
)

// Client returns the client's end: it agrees to the server's ECHO and SUPPRESS-GO-AHEAD, and to tell its terminal's name and
// its window's size whenever it is asked. Of the name 40 bytes of printable ASCII are told, "UNKNOWN" if there are none. The
// function size is called when the size has to be told; 0 stands for what is not known.
func Client(terminal string, size func() (columns, rows int)) Peer {
	p := Peer{client: true, size: size}
	p.setTerminal([]byte(terminal))
	return p
}

// Step takes the next byte from the other end.
func (p *Peer) Step(b byte) Event {
	switch p.state {
	case inText:
		if b != commandIAC {
			return Data
		}
		p.state = inCommand
	case inCommand:
		return p.command(b)
	case inOption:
		p.state = inText
		return p.option(b)
	case inSub:
		if b == commandIAC {
			p.state = inSubCommand
		} else {
			p.keep(b)
		}
	case inSubCommand:
		switch b {
		case commandSE:
			p.state = inText
			return p.subnegotiation()
		case commandIAC:
			p.state = inSub
			p.keep(b)
		default:
			// Neither an end nor a doubled byte: the subnegotiation was broken off. Reading on as a command lets an
			// interrupt through, whatever the other end left open.
			return p.command(b)
		}
	}
	return Nothing
}

// command takes the byte after IAC.
func (p *Peer) command(b byte) Event {
	p.state = inText
	if b == commandIAC {
		return Data
	}
	if b >= commandEOF {
		p.spoke = true
	}
	switch b {
	case commandWILL, commandWONT, commandDO, commandDONT:
		p.state, p.verb = inOption, b
	case commandSB:
		p.state, p.subLength = inSub, 0
	case commandIP, commandBRK, commandAbort, commandEOF:
		return Interrupt
	case commandAYT:
		return Hello
	case commandEC:
		return EraseChar
	case commandEL:
		return EraseLine
	}
	return Nothing
}

// Spoke tells whether the other end sent any telnet command.
func (p *Peer) Spoke() bool { return p.spoke }

// Editing tells whether the server echoes and the client sends each key as it is pressed: ECHO and SUPPRESS-GO-AHEAD are agreed
// for the server's end (RFC 858 §4 has them together).
func (p *Peer) Editing() bool {
	server := us
	if p.client {
		server = him
	}
	return p.options[server][slotEcho] == agreed && p.options[server][slotGoAhead] == agreed
}

// AppendEscaped appends data as it has to be sent: a byte 255 twice (RFC 854, The TELNET Data Connection).
func AppendEscaped(dst, data []byte) []byte {
	for _, b := range data {
		if b == commandIAC {
			dst = append(dst, commandIAC)
		}
		dst = append(dst, b)
	}
	return dst
}
