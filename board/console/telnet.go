package console

// The command bytes of RFC 854 (TELNET Command Structure) and RFC 1184 §2.1 that the console knows.
const (
	telnetEOF   = 236 // RFC 1184
	telnetAbort = 238 // RFC 1184
	telnetSE    = 240
	telnetBRK   = 243
	telnetIP    = 244
	telnetAYT   = 246
	telnetEC    = 247
	telnetEL    = 248
	telnetSB    = 250
	telnetWILL  = 251
	telnetWONT  = 252
	telnetDO    = 253
	telnetDONT  = 254
	telnetIAC   = 255
)

// telnetEvent is what one byte from the client amounts to.
type telnetEvent uint8

const (
	telnetNothing   telnetEvent = iota
	telnetData                  // the byte is data
	telnetRefuse                // the option has to be refused: reply
	telnetInterrupt             // the user interrupts or ends the session
	telnetHello                 // the user asks whether we are there
	telnetErase                 // the user takes the last character back
	telnetEraseLine             // the user takes the line back
)

// telnet separates data from telnet sequences, a byte at a time, wherever the reads are split. It keeps
// nothing of subnegotiations. The zero value is ready.
type telnet struct {
	state   telnetState
	verb    byte         // WILL, WONT, DO or DONT, while the option is awaited
	reply   [3]byte      // what answers telnetRefuse
	refused [2][4]uint64 // bit sets of the options refused: after DO, after WILL
}

type telnetState uint8

const (
	telnetText telnetState = iota
	telnetCommand
	telnetOption
	telnetSub
	telnetSubCommand
)

// step takes the next byte.
//
// Each option is refused once per direction and session: a second request gets no answer, so that two
// sides that disagree cannot loop (RFC 854, General Considerations) and a client cannot make the console
// send without end. WONT and DONT confirm what is already so and are not answered.
func (t *telnet) step(b byte) telnetEvent {
	switch t.state {
	case telnetText:
		if b != telnetIAC {
			return telnetData
		}
		t.state = telnetCommand
	case telnetCommand:
		return t.command(b)
	case telnetOption:
		t.state = telnetText
		return t.option(b)
	case telnetSub:
		if b == telnetIAC {
			t.state = telnetSubCommand
		}
	case telnetSubCommand:
		switch b {
		case telnetSE:
			t.state = telnetText
		case telnetIAC:
			t.state = telnetSub
		default:
			// Neither an end nor an escaped byte: the subnegotiation was broken off. Reading on as a
			// command lets Ctrl-C through, whatever a client left open.
			return t.command(b)
		}
	}
	return telnetNothing
}

// command takes the byte after IAC.
func (t *telnet) command(b byte) telnetEvent {
	t.state = telnetText
	switch b {
	case telnetIAC:
		return telnetData
	case telnetWILL, telnetWONT, telnetDO, telnetDONT:
		t.state, t.verb = telnetOption, b
	case telnetSB:
		t.state = telnetSub
	case telnetIP, telnetBRK, telnetAbort, telnetEOF:
		return telnetInterrupt
	case telnetAYT:
		return telnetHello
	case telnetEC:
		return telnetErase
	case telnetEL:
		return telnetEraseLine
	}
	return telnetNothing
}

// option takes the byte after WILL, WONT, DO or DONT.
func (t *telnet) option(b byte) telnetEvent {
	var side int
	var answer byte
	switch t.verb {
	case telnetDO:
		side, answer = 0, telnetWONT
	case telnetWILL:
		side, answer = 1, telnetDONT
	default:
		return telnetNothing
	}
	word, bit := &t.refused[side][b>>6], uint64(1)<<(b&63)
	if *word&bit != 0 {
		return telnetNothing
	}
	*word |= bit
	t.reply = [3]byte{telnetIAC, answer, b}
	return telnetRefuse
}
