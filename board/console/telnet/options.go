package telnet

// Options by their assigned numbers.
const (
	optionEcho         = 1  // RFC 857
	optionGoAhead      = 3  // RFC 858 SUPPRESS-GO-AHEAD
	optionTimingMark   = 6  // RFC 860
	optionTerminalType = 24 // RFC 1091
	optionWindowSize   = 31 // RFC 1073 NAWS
)

// maxAnswers bounds what waits between two calls of AppendReply. The last places are kept for the options that are known,
// each of which holds one at most; who asks for more of the others meanwhile is not answered for those.
const (
	maxAnswers  = 16
	knownPlaces = 5 + 1 // what slot knows for both ends together, and TIMING-MARK
)

// side is the end that an option is about.
type side uint8

const (
	us  side = iota // DO and DONT: the other end asks for, or does without, what we do
	him             // WILL and WONT: the other end tells what it does
)

// The options that one of the ends may agree to, as indexes.
const (
	slotEcho = iota
	slotGoAhead
	slotTerminalType
	slotWindowSize
	slots
)

// status is what RFC 1143 §7 keeps of an option at one end. Its WANTNO and its queue bit are for an end that changes its mind:
// this one never takes back what it agreed to.
type status uint8

const (
	off status = iota
	wanted
	agreed
)

// answer is a verb and an option that wait to be sent.
type answer struct {
	verb, option byte
}

// slot returns the index of an option that this end agrees to.
func (p *Peer) slot(of side, option byte) (slot int, ok bool) {
	client := p.client == (of == us) // the end that the option is about is the client's
	switch option {
	case optionEcho:
		return slotEcho, !client
	case optionGoAhead:
		return slotGoAhead, true
	case optionTerminalType:
		return slotTerminalType, client
	case optionWindowSize:
		return slotWindowSize, client
	}
	return 0, false
}

// option takes the byte after WILL, WONT, DO or DONT.
//
// What does not change a status is not answered: two ends that both follow RFC 1143 cannot loop, and one that does not gets no
// more than it sends.
func (p *Peer) option(option byte) Event {
	of := us
	if p.verb == commandWILL || p.verb == commandWONT {
		of = him
	}
	on := p.verb == commandWILL || p.verb == commandDO
	slot, known := p.slot(of, option)
	if !known {
		if on {
			p.refuse(of, option)
		}
		return Nothing
	}
	now := &p.options[of][slot]
	before := *now
	if on {
		*now = agreed
	} else {
		*now = off
	}
	if *now == before {
		return Nothing
	}
	if before != wanted { // else this is the answer to our own request
		p.answer(of, on, option)
	}
	if on {
		p.begin(of, slot)
	}
	return Changed
}

// begin has told what an option that was just agreed is for.
func (p *Peer) begin(of side, slot int) {
	switch {
	case slot == slotTerminalType && of == him:
		p.askTerminal = true
	case slot == slotWindowSize && of == us:
		p.tellSize = true
	}
}

// refuse answers no, to each option once per end: a peer that insists cannot make this one send without end.
//
// TIMING-MARK is no state but a question (RFC 860), and clients that throw away what arrives until it is answered ask it at every
// interrupt: it is answered each time.
func (p *Peer) refuse(of side, option byte) {
	if of == us && option == optionTimingMark {
		p.answer(of, false, option)
		return
	}
	word, bit := &p.refused[of][option>>6], uint64(1)<<(option&63)
	if *word&bit == 0 && p.waiting < maxAnswers-knownPlaces {
		*word |= bit
		p.answer(of, false, option)
	}
}

// answer notes what has to be said of an option. An answer that still waits is replaced: the last word counts.
func (p *Peer) answer(of side, on bool, option byte) {
	for i := range p.answers[:p.waiting] {
		a := &p.answers[i]
		if a.option == option && (a.verb == verb(of, true) || a.verb == verb(of, false)) {
			a.verb = verb(of, on)
			return
		}
	}
	p.answers[p.waiting] = answer{verb(of, on), option}
	p.waiting++
}

// verb is the word for an option: of what we do we say WILL or WONT, of what the other end does DO or DONT.
func verb(of side, on bool) byte {
	switch {
	case of == us && on:
		return commandWILL
	case of == us:
		return commandWONT
	case on:
		return commandDO
	}
	return commandDONT
}

// AppendReply appends what has to be sent because of the steps so far, and forgets it: at most 54 bytes of a server, 107 of a
// client.
func (p *Peer) AppendReply(dst []byte) []byte {
	for _, a := range p.answers[:p.waiting] {
		dst = append(dst, commandIAC, a.verb, a.option)
	}
	p.waiting = 0
	return p.appendSubnegotiations(dst)
}

// AppendProbe appends the question that a telnet client answers and that everything else takes for three odd bytes: DO TTYPE.
// A second call, or one after the client told its terminal by itself, asks nothing.
func (p *Peer) AppendProbe(dst []byte) []byte {
	return p.request(p.AppendReply(dst), him, optionTerminalType)
}

// AppendOffer appends what a server needs for line editing: WILL ECHO, WILL SUPPRESS-GO-AHEAD and DO NAWS, without those that
// are agreed or asked for already. The terminal is asked for its name by AppendReply, once TTYPE is agreed.
func (p *Peer) AppendOffer(dst []byte) []byte {
	dst = p.request(p.AppendReply(dst), us, optionEcho)
	dst = p.request(dst, us, optionGoAhead)
	return p.request(dst, him, optionWindowSize)
}

// request asks for an option that is off.
func (p *Peer) request(dst []byte, of side, option byte) []byte {
	slot, known := p.slot(of, option)
	if !known || p.options[of][slot] != off {
		return dst
	}
	p.options[of][slot] = wanted
	return append(dst, commandIAC, verb(of, true), option)
}
