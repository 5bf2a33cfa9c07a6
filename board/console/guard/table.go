package guard

// table holds how clients of protocols of text begin, beyond requests with a path or URL: what one of them connects to
// speaks at once, or is waited for no longer than a scanner waits. '#' stands for a hexadecimal digit. What is not in it
// (IMAP, memcached, a printer's text) begins with words that a person may use as well; it is answered as a message and
// executes nothing that it did not spell.
var table = [...]struct{ begin, name string }{
	{"SSH-", "SSH"},
	{"HTTP/", "HTTP"}, // an answer
	{"EHLO ", "SMTP"}, {"HELO ", "SMTP"}, {"LHLO ", "SMTP"}, {"MAIL FROM:", "SMTP"},
	{"USER ", "FTP or IRC"}, {"NICK ", "IRC"}, {"CAP LS", "IRC"},
	{"<?xml", "XMPP"}, {"<stream", "XMPP"}, {"<policy-file-request", "Flash"},
	{"CLIENT libcurl", "DICT"},            // dict:// brings along a line of the URL's author
	{"*#\r", "Redis"}, {"*##\r", "Redis"}, // RESP, arrays
	{"####git-", "git"}, // pkt-line
	{"PROXY TCP", "PROXY"}, {"PROXY UNKNOWN", "PROXY"},
	{"RFB 00", "VNC"},
	{"AMQP\x00", "AMQP"}, {"AMQP\x01", "AMQP"}, {"AMQP\x03", "AMQP"},
	{"JRMI\x00", "Java RMI"},
	{"@RSYNCD:", "rsync"},
	{"\x1b%-12345X", "PJL"},
	{"0\x0c\x02", "LDAP"}, {"0\x84\x00", "LDAP"}, // BER: a sequence and its length
	{"l\x00\x0b", "X11"}, {"B\x00\x00", "X11"},
}

// lookUp returns the protocol of a text that is an entry of table, and whether the text is the beginning of one.
func lookUp(text []byte) (protocol string, open bool) {
	for i := range table {
		e := &table[i]
		if len(text) > len(e.begin) || !begins(e.begin, text) {
			continue
		}
		if len(text) == len(e.begin) {
			return e.name, false
		}
		open = true
	}
	return "", open
}

// begins tells whether an entry, of at least the text's length, begins like the text.
func begins(entry string, text []byte) bool {
	for i, b := range text {
		if digit := entry[i] == '#'; digit && !hexadecimal(b) || !digit && b != entry[i] {
			return false
		}
	}
	return true
}

func hexadecimal(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F'
}
