package pcapfilter

import (
	"errors"
	"testing"
)

// TestMustMatch: what tcpdump refuses with "expression rejects all packets" is refused, when that is asked for.
func TestMustMatch(t *testing.T) {
	for _, row := range []struct {
		expr string
		link LinkType
		ok   bool
	}{
		{"tcp and arp", Ethernet, false},
		{"tcp and udp", Ethernet, false},
		{"port 80 and arp", Ethernet, false},
		{"src host 192.0.2.1 and src host 192.0.2.2", Ethernet, false},
		{"ip[0] = 1 and ip[0] = 2", Ethernet, false},
		{"not (ip or not ip)", Ethernet, false},
		{"1 = 2", Ethernet, false},
		{"decnet host 3.4 and udp src or dst port 123", Ethernet, false},
		{"(ip6 host 2001:db8::1 or 2001:db8::2 and rarp) and not ip multicast", Ethernet, false},
		{"arp", Raw, false},
		{"not vrrp and vrrp[7:2] << 1 = len", Raw, false},
		{"ip6", IPv4, false},
		{"ip6", Raw, true},
		{"tcp and ip6", Ethernet, true},
		{"host 192.0.2.1 and host 192.0.2.2", Ethernet, true},
		{"tcp or arp", Raw, true},
		{"", Ethernet, true},
	} {
		_, err := Compile(row.expr, Options{LinkType: row.link, MustMatch: true})
		if row.ok && err != nil || !row.ok && !errors.Is(err, ErrMatchesNothing) {
			t.Errorf("%q on %s: %v", row.expr, nameOf(row.link), err)
		}
		if _, err := Compile(row.expr, Options{LinkType: row.link}); err != nil {
			t.Errorf("%q on %s, not asked for: %v", row.expr, nameOf(row.link), err)
		}
	}
}
