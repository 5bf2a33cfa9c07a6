package guard

import (
	"strings"
	"testing"
)

// foreigners are what clients of other protocols send, and what they are taken for.
var foreigners = []struct{ name, sent, protocol string }{
	{"GET", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP"},
	{"POST", "POST /a HTTP/1.0\r\n", "HTTP"},
	{"HTTP 0.9", "GET /\r\n", "HTTP"},
	{"a URL", "GET http://router:8000/ HTTP/1.1\r\n", "HTTP"},
	{"CONNECT", "CONNECT a:80 HTTP/1.0\r\n", "HTTP"},
	{"OPTIONS *", "OPTIONS * HTTP/1.0\r\n", "HTTP"},
	{"PROPFIND", "PROPFIND /dav\r\n", "HTTP"},
	{"VERSION-CONTROL", "VERSION-CONTROL /dav\r\n", "HTTP"},
	{"M-SEARCH", "M-SEARCH * HTTP/1.1\r\n", "HTTP"},
	{"a page's own method", "mark / HTTP/1.1\r\n", "HTTP"},
	{"two spaces", "GET  /\r\n", "HTTP"},
	{"a tab", "GET\t/\r\n", "HTTP"},
	{"empty lines before", "\r\n\r\n\nGET /\r\n", "HTTP"},
	{"a long path", "x /" + strings.Repeat("a", 500) + " HTTP/1.1\r\n", "HTTP"},
	{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP"},
	{"an answer", "HTTP/1.1 200 OK\r\n", "HTTP"},
	{"RTSP", "OPTIONS * RTSP/1.0\r\n", "RTSP"},
	{"SIP", "INVITE sip:bob@example.net SIP/2.0\r\n", "SIP"},

	{"Host behind commands", "help\r\nmark hacked\r\nHost: x\r\n", "HTTP"},
	{"Host behind CR", "help\rHost: x\r", "HTTP"},
	{"Host behind CR NUL", "help\r\x00Host: x\r\x00", "HTTP"},
	{"small letters", "help\nhost:x\n", "HTTP"},
	{"capital letters", "HOST:x\n", "HTTP"},
	{"Origin", "help\nOrigin: null\n", "HTTP"},
	{"User-Agent", "help\nUser-Agent: x\n", "HTTP"},
	{"Referer", "help\nReferer: x\n", "HTTP"},
	{"Cookie", "help\nCookie: x\n", "HTTP"},
	{"Content-Length", "help\nContent-Length: 3\n", "HTTP"},
	{"Content-Disposition", "help\ncontent-disposition: form-data\n", "HTTP"},
	{"Accept", "help\nAccept: */*\n", "HTTP"},
	{"Accept-Language", "help\nAccept-Language: de\n", "HTTP"},
	{"Connection", "help\nConnection: close\n", "HTTP"},
	{"the longest that is known", "help\nAccess-Control-Request-Private-Network: true\n", "HTTP"},
	{"Sec-WebSocket-Key", "help\nSec-WebSocket-Key: x\n", "HTTP"},
	{"behind telnet's commands", "help\n\xff\xf1\xff\xfb\x1f\xff\xfa\x18x\nquit\n\xff\xf0Host: x\n", "HTTP"},
	{"in the first line", "Host: x\n", "HTTP"},

	{"TLS", "\x16\x03\x01\x02\x00\x01", "TLS"},
	{"TLS, an alert", "\x15\x03\x01\x00\x02", "TLS"},
	{"SSL 2", "\x80\x2e\x01\x00\x02", "binary"},
	{"SSH", "SSH-2.0-OpenSSH_9\r\n", "SSH"},
	{"SMB in NetBIOS", "\x00\x00\x00\x85\xffSMB", "SMB, STUN or PostgreSQL"},
	{"SMB 1 alone", "\xffSMB\x72", "SMB"},
	{"SMB 2 alone", "\xfeSMB\x40", "SMB"},
	{"RDP", "\x03\x00\x00\x13\x0e\xe0", "RDP"},
	{"TURN over TCP", "\x00\x03\x00\x08\x21\x12\xa4\x42", "SMB, STUN or PostgreSQL"},
	{"STUN, an answer", "\x01\x01\x00\x08\x21\x12\xa4\x42", "binary"},
	{"PostgreSQL", "\x00\x00\x00\x08\x04\xd2\x16\x2f", "SMB, STUN or PostgreSQL"},
	{"SOCKS 4", "\x04\x01\x00\x50", "SOCKS"},
	{"SOCKS 5", "\x05\x01\x00", "SOCKS"},
	{"BitTorrent", "\x13BitTorrent protocol", "BitTorrent"},
	{"MQTT", "\x10\x0c\x00\x04MQTT", "binary"},
	{"PROXY, version 1", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "PROXY"},
	{"PROXY, version 2", "\r\n\r\n\x00\r\nQUIT\n", "SMB, STUN or PostgreSQL"},
	{"no UTF-8", "\xc0\x80", "binary"},
	{"half of a character", "\xd0a", "binary"},
	{"beyond Unicode", "\xf8\x80", "binary"},
	{"IAC and no command", "\xff\x00", "binary"},
	{"IAC IAC", "\xff\xff", "binary"},
	{"a rare control character", "\x1f\x8b\x08", "binary"},
	{"NUL", "\x00", "SMB, STUN or PostgreSQL"},

	{"SMTP", "EHLO x\r\n", "SMTP"},
	{"SMTP without a greeting", "MAIL FROM:<a@b>\r\n", "SMTP"},
	{"FTP", "USER anonymous\r\n", "FTP or IRC"},
	{"IRC", "NICK a\r\n", "IRC"},
	{"XMPP", "<?xml version='1.0'?><stream:stream", "XMPP"},
	{"a URL of a dictionary", "CLIENT libcurl 8.14.1\r\nmark hacked\r\nQUIT\r\n", "DICT"},
	{"Redis", "*1\r\n$4\r\nPING\r\n", "Redis"},
	{"Redis, many words", "*12\r\n", "Redis"},
	{"git", "0032git-upload-pack /x\x00host=y\x00", "git"},
	{"VNC", "RFB 003.008\n", "VNC"},
	{"AMQP", "AMQP\x00\x00\x09\x01", "AMQP"},
	{"Java RMI", "JRMI\x00\x02K", "Java RMI"},
	{"rsync", "@RSYNCD: 31.0\n", "rsync"},
	{"a printer's language", "\x1b%-12345X@PJL\r\n", "PJL"},
	{"LDAP", "0\x0c\x02\x01\x01`\x07", "LDAP"},
	{"X11", "l\x00\x0b\x00", "X11"},
}

// guests are what people, scripts and telnets send.
var guests = []struct{ name, sent string }{
	{"a message", "hello\r\n"},
	{"get well", "get well soon\r\n"},
	{"a posted parcel", "post a parcel\r\nPost /a/parcel\r\n"},
	{"in capital letters", "GET ME A COFFEE\r\n"},
	{"a method alone", "GET\r\n"},
	{"a short word and a path", "UP /etc\r\n"},
	{"a path", "/etc/passwd\r\n"},
	{"no URL", "GET a+b://c\r\n"},
	{"a colon and no slash", "WARNING wan: down\r\n"},
	{"words like a version", "it speaks HTTP/x or HTTP/\r\n"},
	{"four words", "what is in HTTP/1.1\r\n"},
	{"two words", "filter HTTP/1\r\n"},
	{"a request later on", "x\nGET / HTTP/1.1\n"},
	{"SSH later on", "x\nSSH-2.0\n"},
	{"words like fields", "hosts: 3\nhost a\nhos:\nthe Host: x\n Host: x\ncookies: yes\nacceptable: no\nxx: y\nx-y z: a\n"},
	{"a field beyond what is kept", "x-" + strings.Repeat("a", beginBytes) + ": y\n"},
	{"a filter", "watch host 192.168.1.1 and tcp port 443\r\n"},
	{"an address", "follow 192.0.2.1:80 [2001:db8::1]:443\r\n"},
	{"push", `{"src_ip":"192.0.2.1","host":"x"}` + "\n"},
	{"telnet's offers", "\xff\xfd\x03\xff\xfb\x18\xff\xfb\x1fhello\r\x00"},
	{"telnet, then any key", "\xff\xfb\x18\x01\x05\x15\x16\x00"},
	{"IAC IAC in a subnegotiation", "\xff\xfa\x18a\xff\xff\nHost: x\n\xff\xf0help\n"},
	{"are you there", "\xff\xf6"},
	{"interrupt", "\xff\xf4\xff\xfd\x06"},
	{"keys", "\x03\x04\x08\t\n\x0c\r\r\x00\r\n\x7f\x1b[A"},
	{"words in other letters", "\u00fcber\r\n\u4f60\u597d\r\n"},
	{"binary later on", "a\x00\x01\x16\xc0\xff\xffb\n"},
	{"nearly Redis", "*1 more\r\n*\r\n"},
	{"the sign for a digit", "*#\r\n####git-\r\n"},
	{"nearly git", "0032gi\r\n"},
}

// decide gives bytes to a guard and returns what it said last, and after how many bytes it decided.
func decide(g *Guard, sent string) (protocol string, bytes int) {
	for i := range len(sent) {
		if protocol := g.Step(sent[i]); protocol != "" {
			return protocol, i + 1
		}
	}
	return "", len(sent)
}

func TestForeign(t *testing.T) {
	for _, row := range foreigners {
		t.Run(row.name, func(t *testing.T) {
			var g Guard
			protocol, n := decide(&g, row.sent)
			if protocol != row.protocol {
				t.Fatalf("taken for %q, want %q", protocol, row.protocol)
			}
			for _, b := range []byte("\r\nhelp\r\n") {
				if again := g.Step(b); again != protocol {
					t.Errorf("decided for %q, then %q", protocol, again)
				}
			}
			// A line can be acted on when its end is there: CR, which is the last byte of Redis' opening, or LF.
			if last := row.sent[n-1]; last == '\n' || last == '\r' && protocol != "Redis" {
				t.Errorf("decided after %q", row.sent[:n])
			}
		})
	}
}

func TestGuests(t *testing.T) {
	for _, row := range guests {
		t.Run(row.name, func(t *testing.T) {
			var g Guard
			if protocol, n := decide(&g, row.sent); protocol != "" {
				t.Errorf("%q is taken for %q", row.sent[:n], protocol)
			}
		})
	}
}

// What the tables hold fits into what is kept of a line.
func TestTables(t *testing.T) {
	for _, e := range table {
		if len(e.begin) > beginBytes || strings.Contains(e.begin[:len(e.begin)-1], "\r") || strings.Contains(e.begin, "\n") {
			t.Errorf("%q is longer than the beginning of a line, or than a line", e.begin)
		}
	}
	for _, name := range fields {
		if len(name) >= beginBytes || name != strings.ToLower(name) {
			t.Errorf("%q is too long, or not in small letters", name)
		}
	}
}

func TestAllocations(t *testing.T) {
	sent := "x\n"
	for _, row := range guests {
		sent += row.sent
	}
	if n := testing.AllocsPerRun(10, func() {
		var g Guard
		decide(&g, sent)
		for _, row := range foreigners {
			var g Guard
			decide(&g, row.sent)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
