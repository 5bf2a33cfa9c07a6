package pcapfilter

import (
	"errors"
	"strings"
	"testing"
)

func TestErrorsPointAtTheMistake(t *testing.T) {
	for _, row := range []struct {
		expr    string
		column  int
		message string
		kind    error
	}{
		{"tcp and", 8, "the end begins no term", nil},
		{"and tcp", 1, `"and" begins no term`, nil},
		{"tcp udp", 5, `"udp" does not follow from what stands before it`, nil},
		{"tcp)", 4, "nothing was opened that this parenthesis closes", nil},
		{"(tcp", 5, `the end stands where ")" belongs`, nil},
		{"()", 2, `")" begins no term`, nil},
		{"80", 1, `it is not said what "80" is`, nil},
		{"tcp or 80", 8, `it is not said what "80" is`, nil},
		{"host", 5, "the end is no value", nil},
		{"host tcp", 6, `"tcp" is no value`, nil},
		{"host www.example.org", 6, `names of hosts and networks are not looked up, give the address of "www.example.org"`, ErrUnsupported},
		{"net lan", 5, `names of hosts and networks are not looked up, give the address of "lan"`, ErrUnsupported},
		{"host 1.2.3.256", 6, `"1.2.3.256" is no IPv4 address`, nil},
		{"host 010.2.3.4", 6, `"010.2.3.4" is no IPv4 address`, nil},
		{"net 10.1.2.3/24", 5, `"10.1.2.3" has bits set behind its mask`, nil},
		{"net 10.0.0.0/33", 14, "33 is no IPv4 prefix length", nil},
		{"net 10.0.0.0/tcp", 14, `"tcp" is no prefix length`, nil},
		{"net 10.0.0.0 mask 8", 19, `"8" is no mask`, nil},
		{"host 10.0.0.0/8", 15, "a mask makes it a network, not a host", nil},
		{"net fe80::1/64", 5, `"fe80::1" has bits set behind its mask`, nil},
		{"net ::/129", 8, "129 is no IPv6 prefix length", nil},
		{"host fe80::/64", 13, "a mask makes it a network, not a host", nil},
		{"tcp host 10.1.2.3", 10, `"tcp" has no IPv4 addresses`, nil},
		{"ip host ::1", 9, `"ip" has no IPv6 addresses`, nil},
		{"host 2:0:0:0:0:1", 6, `"2:0:0:0:0:1" is a link-layer address`, nil},
		{"ip port 80", 9, `"ip" has no ports`, nil},
		{"port 65536", 6, "65536 is no port", nil},
		{"port 10.1.2.3", 6, `"10.1.2.3" is an address, no port`, nil},
		{"port nosuch", 6, `the service name "nosuch" is not built in`, ErrUnsupported},
		{"port 20-25", 6, `the service name "20-25" is not built in`, ErrUnsupported},
		{"portrange 1-70000", 11, `the range "1-70000" has an end that is not built in`, ErrUnsupported},
		{"portrange shell-syslog", 11, `the ends of "shell-syslog" are services of different transports`, nil},
		{"udp port shell", 10, `"shell" is a service of another transport than udp`, nil},
		{"ip proto tcp", 10, `"tcp" is no value`, nil},
		{"ip proto 256", 10, "256 is no protocol number, the largest is 255", nil},
		{"proto nosuch", 7, `the protocol name "nosuch" is not built in`, ErrUnsupported},
		{"tcp proto 6", 11, `"tcp" says nothing about the protocol it carries`, nil},
		{"ether proto 1000", 13, "protocol 0x3e8 may stand in an 802.2 header", ErrUnsupported},
		{`proto \`, 7, "nothing stands behind the backslash", nil},
		{"vlan 4096", 1, "4096 is no VLAN identifier", nil},
		{"ip broadcast", 1, "the netmask of the interface is not known here", ErrUnsupported},
		{"tcp multicast", 1, `"tcp" has neither broadcast nor multicast addresses`, nil},
		{"tcp and inbound", 9, "the direction is known while capturing alone, not from the bytes of a frame", ErrUnsupported},
		{"mpls 5", 1, `"mpls" begins no term`, ErrUnsupported},
		{"ip protochain 6", 4, `"protochain" begins no term`, ErrUnsupported},
		{"tcp and es-is", 9, `"es-is" begins no term`, ErrUnsupported},
		{"ether", 1, `"ether" alone matches nothing in particular`, nil},
		{"tcp[0:3] = 1", 7, `"3" is no size of a field`, nil},
		{"tcp[0 = 1", 7, `"=" stands where "]" belongs`, nil},
		{"tcp[13]", 8, "the end stands where a comparison belongs", nil},
		{"tcp[13] =", 10, "the end is no number", nil},
		{"len = host", 7, `"host" is no number`, nil},
		{"esp[0] = 1", 1, `the header of "esp" has no accessible bytes`, nil},
		{"ip[4294967295] = 1", 4, "no packet has a byte 4294967295", nil},
		{"len / 0 = 1", 7, "division by zero", nil},
		{"len % (1 - 1) = 1", 8, "division by zero", nil},
		{"len << 32 = 1", 8, "a shift by 32 leaves nothing of 32 bits", nil},
		{"len + 1 % 2 = 1", 5, `"%" and "+" are grouped differently by different versions of libpcap`, nil},
		{"less tcp", 6, `"tcp" is no number`, nil},
		{"len = 4294967296", 7, `"4294967296" is no 32-bit number`, nil},
		{"port 08", 6, `"08" is no 32-bit number`, nil},
		{"tcp # udp", 5, "the character '#' has no meaning here", nil},
		{"tcp or ünder", 8, "the character 'ü' has no meaning here", nil},
		{`proto \é or é`, 13, "the character 'é' has no meaning here", nil},
		{strings.Repeat("(", 200) + "tcp", 101, "more than 100 parentheses, negations or indexes inside each other", ErrTooLong},
		{strings.Repeat("not ", 200) + "tcp", 401, "more than 100 parentheses, negations or indexes inside each other", ErrTooLong},
		{strings.Repeat("tcp or ", 5000) + "tcp", 4096*7 + 1, "the expression has more than 4096 terms", ErrTooLong},
		{"tcp or " + strings.Repeat(" ", MaxExpression) + "udp", 1, "the expression has 131082 bytes, the limit is 131072", ErrTooLong},
	} {
		_, err := Compile(row.expr, Options{LinkType: Ethernet})
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%.60q: got %v, want an *Error", row.expr, err)
			continue
		}
		if e.Column != row.column || e.Message != row.message || e.Expr != row.expr {
			t.Errorf("%.60q: got column %d: %s; want column %d: %s", row.expr, e.Column, e.Message, row.column, row.message)
		}
		for _, kind := range []error{ErrUnsupported, ErrTooLong} {
			if errors.Is(err, kind) != (row.kind == kind) {
				t.Errorf("%.60q: errors.Is(%v, %v) is %v", row.expr, err, kind, row.kind != kind)
			}
		}
		if strings.ContainsAny(err.Error(), "\n\t") {
			t.Errorf("%.60q: the message has more than one line: %q", row.expr, err)
		}
	}
}

func TestUnknownLinkType(t *testing.T) {
	for _, link := range []LinkType{0, 113, 276} {
		if _, err := Compile("ip", Options{LinkType: link}); !errors.Is(err, ErrUnsupported) {
			t.Errorf("link type %d: got %v, want ErrUnsupported", link, err)
		}
	}
}

func TestErrorText(t *testing.T) {
	_, err := Compile("tcp or mpls", Options{LinkType: Ethernet})
	const want = `filter: column 8: "mpls" begins no term (not supported); expected a primitive such as tcp, host 192.0.2.1 or port 80`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestCaret(t *testing.T) {
	for _, row := range []struct{ expr, want string }{
		{"tcp or mpls", "tcp or mpls\n       ^"},
		{"tcp\tor\n80", "tcp or 80\n       ^"},
		{`proto \é or x`, "proto \\é or x\n      ^"}, // é is a name, and not built in
		{"tcp \x1b[31m", "tcp \ufffd[31m\n    ^"},
		{"tcp \xff\xff", "tcp \ufffd\ufffd\n    ^"},
		{"host", "host\n    ^"},
	} {
		_, err := Compile(row.expr, Options{LinkType: Ethernet})
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%q: got %v, want an *Error", row.expr, err)
			continue
		}
		if got := e.Caret(); got != row.want {
			t.Errorf("%q: got\n%q, want\n%q", row.expr, got, row.want)
		}
	}
}
