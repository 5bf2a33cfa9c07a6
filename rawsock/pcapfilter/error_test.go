package pcapfilter

import (
	"errors"
	"net/netip"
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
		{"tcp && || udp", 8, `"||" begins no term`, nil},
		{"tcp!", 4, `"!" does not follow from what stands before it`, nil},
		{"net 10/8", 5, `"10" has no prefix length`, nil},
		{"tcp)", 4, "nothing was opened that this parenthesis closes", nil},
		{"(tcp", 5, `the end stands where ")" belongs`, nil},
		{"()", 2, `")" begins no term`, nil},
		{"80", 1, `it is not said what "80" is`, nil},
		{"tcp or 80", 8, `it is not said what "80" is`, nil},
		{"host", 5, "the end is no value", nil},
		{"host tcp", 6, `"tcp" is no value`, nil},
		{"host www.example.org", 6, `names of hosts are not looked up here, and "www.example.org" is one`, ErrUnsupported},
		{"net lan", 5, `names of networks are not looked up here, and "lan" is one`, ErrUnsupported},
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
		{"port nosuch", 6, `no service is called "nosuch"`, ErrUnknownName},
		{"port 20-25", 6, `no service is called "20-25"`, ErrUnknownName},
		{"portrange http", 11, `"http" is no range`, nil},
		{"portrange ftp-data-ssh", 11, `no service is called "data-ssh"`, ErrUnknownName},
		{"portrange 1-70000", 11, "70000 is no port", nil},
		{"udp port shell", 10, `"shell" has no port in udp, only in another transport`, nil},
		{"ip proto tcp", 10, `"tcp" is no value`, nil},
		{"ip proto 256", 10, "256 is no protocol number", nil},
		{"proto nosuch", 7, `no protocol is called "nosuch"`, ErrUnknownName},
		{"tcp proto 6", 11, `"tcp" says nothing about the protocol it carries`, nil},
		{`proto \`, 7, "nothing stands behind the backslash", nil},
		{"vlan 4096", 6, "4096 is no VLAN identifier", nil},
		{"ip broadcast", 1, "the netmask of the interface is not known here", ErrUnsupported},
		{"tcp multicast", 1, `"tcp" has neither broadcast nor multicast addresses`, nil},
		{"tcp and inbound", 9, "a saved frame of link type EN10MB does not say in which direction it went", nil},
		{"tcp and ifindex 3", 9, "a saved frame of link type EN10MB does not say through which interface it went", nil},
		{"tcp or ifindex eth0", 16, `"eth0" is no number`, nil},
		{"mpls 1048576", 6, "1048576 is no MPLS label", nil},
		{"ip or mpls and arp", 16, "behind an MPLS label there is IPv4 or IPv6, nothing else is told apart", nil},
		{"mpls and vlan", 10, "an MPLS label is followed by no VLAN tag", nil},
		{"pppoes 65536", 8, "65536 is no PPPoE session", nil},
		{"pppoes and vlan 5", 12, "vlan asks for an Ethernet header, and here is one of link type PPP", nil},
		{"pppoes and llc", 12, "llc asks for an Ethernet header, and here is one of link type PPP", nil},
		{"pppoes and multicast", 12, "frames of link type PPP have no link-layer addresses", nil},
		{"geneve 16777216", 8, "16777216 is no GENEVE network identifier", nil},
		{"vxlan ((16777216))", 9, "16777216 is no VXLAN network identifier", nil},
		{"tcp or llc foo", 12, `"foo" is no type of 802.2 frame`, nil},
		{`iso proto \ip`, 11, `"ip" is no protocol of iso`, nil},
		{"iso proto 256", 11, "256 does not fit in the byte that tells the protocol", nil},
		{"isis proto 10.1.2.3", 12, `"10.1.2.3" is an address, no protocol`, nil},
		{"decnet host 64.1", 13, `"64.1" is no DECnet address`, nil},
		{"decnet port 1", 13, "DECnet has no port", nil},
		{"decnet host 1.2/16", 17, "a DECnet address has no mask", nil},
		{"ether type mgt", 7, `"type" is for IEEE 802.11, and no link type here is of that kind`, nil},
		{"tcp and vpi 5", 9, `"vpi" is for ATM, and no link type here is of that kind`, nil},
		{"on eth0", 1, `"on" is for PF, and no link type here is of that kind`, nil},
		{"not fisu", 5, `"fisu" is for SS7, and no link type here is of that kind`, nil},
		{"tcp protochain 6", 16, `"tcp" has no chain of headers`, nil},
		{"protochain 256", 12, "256 is no protocol number", nil},
		{"ip6 protochain tcp", 16, `"tcp" is no value`, nil},
		{`protochain \nosuch`, 12, `no protocol is called "nosuch"`, ErrUnknownName},
		{"protochain ::1", 12, `"::1" is an address, no protocol`, nil},
		{"gateway 192.0.2.1", 9, `"192.0.2.1" is an address`, nil},
		{"gateway 5", 9, `"5" is an address`, nil},
		{"tcp gateway r1", 13, `"tcp" has no gateways`, nil},
		{"gateway r1", 9, `names of link-layer addresses are not looked up here, and "r1" is one`, ErrUnsupported},
		{"src gateway r1", 5, `"gateway" is no value`, nil},
		{"byte 3", 7, "the end stands where an operator belongs", nil},
		{"byte 3 != 4", 8, `"!=" stands where an operator belongs`, nil},
		{"byte tcp = 4", 6, `"tcp" is no number`, nil},
		{"byte 3 = ip", 10, `"ip" is no number`, nil},
		{"src proto 6", 5, `"proto" is no value`, nil},
		{"igrp host 10.1.2.3", 11, `"igrp" has no IPv4 addresses`, nil},
		{"carp port 80", 11, `"carp" has no ports`, nil},
		{"ah[0] = 1", 1, `the header of "ah" has no accessible bytes`, nil},
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
		{"len % 2 + 1 = 1", 9, `libpcap does not group "%" and "+" as C does`, nil},
		{"len * 2 % 3 = 1", 9, `libpcap does not group "*" and "%" as C does`, nil},
		{"1 + len % 3 - 2 = 1", 13, `libpcap does not group "%" and "-" as C does`, nil},
		{"-len ^ 3 = 1", 6, `libpcap does not group "-" and "^" as C does`, nil},
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
		for _, kind := range []error{ErrUnsupported, ErrUnknownName, ErrTooLong} {
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
	for _, link := range []LinkType{2, 105, 277} {
		if _, err := Compile("ip", Options{LinkType: link}); !errors.Is(err, ErrUnsupported) {
			t.Errorf("link type %d: got %v, want ErrUnsupported", link, err)
		}
	}
}

// The whole text that a person gets, for each kind of mistake.
func TestErrorText(t *testing.T) {
	for _, row := range []struct{ expr, want string }{
		{"ip6 host 1.2.3.4", `column 10: "ip6" has no IPv4 addresses; expected ip, arp, rarp or nothing before it`},
		{"tcp host gate", `column 10: "tcp" has no hosts with names; expected ip, ip6, arp, rarp or nothing before it`},
		{"port 70000", `column 6: 70000 is no port; expected 0 to 65535`},
		{"udp port http", `column 10: "http" has no port in udp, only in another transport; expected its number`},
		{"net 10.0.0.1/8", `column 5: "10.0.0.1" has bits set behind its mask; expected 10.0.0.0`},
		{"portrange ssh", `column 11: "ssh" is no range; expected a range such as ssh-http`},
		{"port 80,443", `column 8: the character ',' has no meaning here; expected "or" between alternatives`},
		{"ip proto 300", `column 10: 300 is no protocol number; expected 0 to 255`},
		{"ip proto tcp", `column 10: "tcp" is no value; expected an address, a number or a name; the name tcp is written \tcp`},
		{"host es-is", `column 6: "es-is" is no value; expected an address, a number or a name; the name es-is is written \es-is`},
		{"proto \\nosuch", `column 7: no protocol is called "nosuch" (unknown name); expected its number`},
		{"(tcp", `column 5: the end stands where ")" belongs; expected ")"`},
		{"tcp)", `column 4: nothing was opened that this parenthesis closes`},
		{"()", `column 2: ")" begins no term; expected a primitive such as tcp, host 192.0.2.1 or port 80`},
		{"tcp and", `column 8: the end begins no term; expected a primitive such as tcp, host 192.0.2.1 or port 80`},
		{"tcp prt 80", `column 5: "prt" does not follow from what stands before it; expected "and", "or" or the end`},
		{"foo", `column 1: it is not said what "foo" is; expected "host", "net", "port" or "proto" before it`},
		{"TCP port 80", `column 1: it is not said what "TCP" is; expected "host", "net", "port" or "proto" before it, ` +
			`or "tcp" in small letters`},
		{"len > 99999999999", `column 7: "99999999999" is no 32-bit number; expected a number up to 4294967295; a leading 0 makes it octal, 0x hexadecimal`},
		{"tcp[0:3] = 1", `column 7: "3" is no size of a field; expected 1, 2 or 4`},
		{"len / 0 = 1", `column 7: division by zero; expected another divisor`},
		{"len % 2 + 1 = 1", `column 9: libpcap does not group "%" and "+" as C does; expected parentheses around one of them`},
		{"host gate", `column 6: names of hosts are not looked up here, and "gate" is one (not supported); expected an address`},
		{"gateway 10.1.2.3", `column 9: "10.1.2.3" is an address; expected the name of a host, whose two addresses are looked up`},
		{"tcp or ip broadcast", `column 8: the netmask of the interface is not known here (not supported); expected the broadcast address, such as dst host 192.0.2.255`},
	} {
		_, err := Compile(row.expr, Options{LinkType: Ethernet})
		if want := "filter: " + row.want; err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", row.expr, err, want)
		}
	}
}

// The error of a lookup may hold the name as it was written.
func TestErrorTextHasNoControlCharacters(t *testing.T) {
	names := &Names{Host: func(name string) ([]netip.Addr, error) { return nil, errors.New("lookup " + name + ": no\nsuch host") }}
	_, err := Compile("host \\\x1b[31mgate", Options{LinkType: Ethernet, Names: names})
	want := "filter: column 6: no address is known of the host \"\\x1b[31mgate\" (unknown name: lookup \ufffd[31mgate: no such host)"
	if err == nil || err.Error() != want {
		t.Errorf("got  %q\nwant %q", err, want)
	}
}

func TestCaret(t *testing.T) {
	for _, row := range []struct{ expr, want string }{
		{"tcp or 80", "tcp or 80\n       ^"},
		{"tcp\tor\n80", "tcp or 80\n       ^"},
		{`proto \é or x`, "proto \\é or x\n      ^"}, // é is a name, and not built in
		{"tcp \x1b[31m", "tcp \ufffd[31m\n    ^"},
		{"tcp \u202e\u009b", "tcp \ufffd\ufffd\n    ^"},
		{"tcp \xff\xff", "tcp \ufffd\ufffd\n    ^"},
		{"host", "host\n    ^"},
		{strings.Repeat("tcp or ", 11) + "x", strings.Repeat("tcp or ", 11) + "x\n" + strings.Repeat(" ", 77) + "^"},
		{strings.Repeat("tcp or ", 12) + "x", "… " + strings.Repeat("tcp or ", 7) + "x\n" + strings.Repeat(" ", 51) + "^"},
		{"x" + strings.Repeat(" or tcp", 20), "x" + strings.Repeat(" or tcp", 11) + "…\n^"},
		{strings.Repeat("tcp or ", 20) + "x" + strings.Repeat(" or tcp", 20),
			"… " + strings.Repeat("tcp or ", 7) + "x" + strings.Repeat(" or tcp", 3) + " or tc…\n" + strings.Repeat(" ", 51) + "^"},
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
