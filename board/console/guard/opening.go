package guard

// opening judges the first byte of a connection, and the bytes after it as long as they are keys.
type opening struct {
	over bool
	last byte // the key before, or the first byte of a sequence
}

// Keys that a person can press on an empty line, and that a terminal without a line of its own sends as they are. The
// other control characters are not let through as the first byte: a client that speaks telnet has said so, and then all
// of them are keys.
const (
	ctrlC     = 0x03
	ctrlD     = 0x04
	backspace = 0x08
	tab       = 0x09
	lf        = 0x0a
	formFeed  = 0x0c // Ctrl-L
	cr        = 0x0d
	escape    = 0x1b // how arrows and function keys begin
	del       = 0x7f
)

// step returns the name of what begins with the byte. A key leaves the question open, so that Ctrl-C and a NUL are the
// version and the reserved byte of a TPKT (RFC 1006, section 6), which is how RDP begins, and the two line ends, NUL and
// line end of PROXY's version 2 are no text.
func (o *opening) step(b byte) (protocol string) {
	if o.over {
		return ""
	}
	last := o.last
	o.last = b
	switch {
	case last >= 0x80:
		o.over = true
		return second(last, b)
	case b == ctrlC, b == ctrlD, b == backspace, b == tab, b == lf, b == formFeed, b == cr, b == del:
	case b == 0 && last == cr: // the other line end of a telnet, RFC 854
	case b == escape, b >= 0x20 && b < 0x80:
		o.over = true
	case b == iac, b >= 0xc2 && b <= 0xf4: // the next byte tells
	default:
		return binary(last, b)
	}
	return ""
}

// second judges the byte after IAC or after the first of a character in UTF-8.
func second(first, b byte) string {
	switch {
	case first == iac && b == 'S': // 0xff "SMB", without a NetBIOS header
		return "SMB"
	case first == iac && (b < firstCommand || b == iac), first != iac && b&0xc0 != 0x80:
		return "binary"
	}
	return ""
}

// binary names what begins with a byte that is neither a key nor text, after the key last or 0.
func binary(last, b byte) string {
	switch {
	case b == 0 && last == ctrlC:
		return "RDP"
	case b == 1 && last == ctrlD, b == 2 && last == ctrlD, b == 5: // SOCKS 4 and 5 (RFC 1928, section 3)
		return "SOCKS"
	case b >= 0x14 && b <= 0x17: // the records of TLS (RFC 8446, section 5.1)
		return "TLS"
	case b == 0x13:
		return "BitTorrent"
	case b == 0: // a NetBIOS session, a small length of two or four bytes, a message of STUN
		return "SMB, STUN or PostgreSQL"
	case b == 0xfe:
		return "SMB"
	}
	return "binary" // the hello of SSL 2 (0x80…) and many more
}
