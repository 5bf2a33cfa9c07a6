package telnet

// What a subnegotiation about the terminal begins with (RFC 1091 §2).
const (
	terminalIs   = 0
	terminalSend = 1
)

// subBytes is how much of a subnegotiation is looked at: the option, a word and a terminal's name of the 40 bytes that RFC 1091
// allows fit well. A longer one is skipped as a whole.
const (
	subBytes      = 64
	terminalBytes = 40
)

// A window outside of these is one that nobody sits before: it counts as unknown.
const (
	minColumns, maxColumns = 20, 500
	minRows, maxRows       = 5, 500
)

// keep takes a byte of a subnegotiation.
func (p *Peer) keep(b byte) {
	if p.subLength < subBytes {
		p.sub[p.subLength] = b
	}
	if p.subLength <= subBytes {
		p.subLength++
	}
}

// subnegotiation takes one that is complete. One about an option that was not agreed is ignored (RFC 855).
func (p *Peer) subnegotiation() Event {
	if p.subLength < 2 || p.subLength > subBytes {
		return Nothing
	}
	text := p.sub[1:p.subLength]
	switch {
	case p.sub[0] == optionTerminalType && text[0] == terminalSend && p.options[us][slotTerminalType] == agreed:
		p.tellTerminal = true
	case p.sub[0] == optionTerminalType && text[0] == terminalIs && p.options[him][slotTerminalType] == agreed:
		return p.setTerminal(text[1:])
	case p.sub[0] == optionWindowSize && len(text) == 4 && p.options[him][slotWindowSize] == agreed:
		return p.setSize(uint16(text[0])<<8|uint16(text[1]), uint16(text[2])<<8|uint16(text[3]))
	}
	return Nothing
}

func (p *Peer) setSize(columns, rows uint16) Event {
	if columns < minColumns || columns > maxColumns {
		columns = 0
	}
	if rows < minRows || rows > maxRows {
		rows = 0
	}
	if columns == p.columns && rows == p.rows {
		return Nothing
	}
	p.columns, p.rows = columns, rows
	return Changed
}

// setTerminal keeps the printable ASCII of a name, without blanks and in lower case: names differ in case by client (RFC 1091 has
// them in capitals), terminfo's are small.
func (p *Peer) setTerminal(name []byte) Event {
	before, n := p.terminal, 0
	p.terminal = [terminalBytes]byte{}
	for _, b := range name {
		if b <= ' ' || b > '~' {
			continue
		}
		if n == terminalBytes {
			break
		}
		if 'A' <= b && b <= 'Z' {
			b += 'a' - 'A'
		}
		p.terminal[n] = b
		n++
	}
	p.terminalLength = uint8(n)
	if p.terminal == before {
		return Nothing
	}
	return Changed
}

// Size returns what the client told of its window, in characters: 0 for what is not known or not within 20 to 500 columns and
// 5 to 500 rows.
func (p *Peer) Size() (columns, rows int) { return int(p.columns), int(p.rows) }

// Terminal returns the name of the terminal, printable ASCII in lower case, at most 40 bytes; "" if it is not known.
func (p *Peer) Terminal() string { return string(p.terminal[:p.terminalLength]) }

// appendSubnegotiations appends those that wait, unless their option was given up meanwhile.
func (p *Peer) appendSubnegotiations(dst []byte) []byte {
	if p.askTerminal && p.options[him][slotTerminalType] == agreed {
		dst = append(dst, commandIAC, commandSB, optionTerminalType, terminalSend, commandIAC, commandSE)
	}
	if p.tellTerminal && p.options[us][slotTerminalType] == agreed {
		dst = append(dst, commandIAC, commandSB, optionTerminalType, terminalIs)
		if p.terminalLength == 0 {
			dst = append(dst, "UNKNOWN"...)
		}
		for _, b := range p.terminal[:p.terminalLength] {
			if 'a' <= b && b <= 'z' {
				b -= 'a' - 'A'
			}
			dst = append(dst, b)
		}
		dst = append(dst, commandIAC, commandSE)
	}
	if p.tellSize {
		dst = p.AppendSize(dst)
	}
	p.askTerminal, p.tellTerminal, p.tellSize = false, false, false
	return dst
}

// AppendSize appends a client's window size, at most 13 bytes, and nothing unless the server agreed to be told.
func (p *Peer) AppendSize(dst []byte) []byte {
	if p.options[us][slotWindowSize] != agreed {
		return dst
	}
	columns, rows := p.size()
	c, r := clampSize(columns), clampSize(rows)
	dst = append(dst, commandIAC, commandSB, optionWindowSize)
	size := [4]byte{byte(c >> 8), byte(c), byte(r >> 8), byte(r)}
	dst = AppendEscaped(dst, size[:])
	return append(dst, commandIAC, commandSE)
}

func clampSize(n int) uint16 { return uint16(min(max(n, 0), 1<<16-1)) }
