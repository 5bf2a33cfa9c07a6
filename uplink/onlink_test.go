package uplink

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
)

func TestOnLink(t *testing.T) {
	var interfaces []net.Addr
	for _, text := range []string{"127.0.0.1/8", "192.168.1.1/24", "203.0.113.7/32", "2001:db8:1::1/64", "fe80::1/64"} {
		ip, network, err := net.ParseCIDR(text)
		if err != nil {
			t.Fatal(err)
		}
		interfaces = append(interfaces, &net.IPNet{IP: ip, Mask: network.Mask})
	}
	names := map[string][]netip.Addr{
		"nas.lan": {netip.MustParseAddr("192.168.1.20"), netip.MustParseAddr("2001:db8:1::20")},
		"far.net": {netip.MustParseAddr("192.168.2.20")},
		"both":    {netip.MustParseAddr("192.168.1.20"), netip.MustParseAddr("2001:db8:2::20")},
		"nothing": {},
	}
	lookup := func(host string) ([]netip.Addr, error) {
		if a, err := netip.ParseAddr(host); err == nil {
			return []netip.Addr{a}, nil
		}
		if a, ok := names[host]; ok {
			return a, nil
		}
		return nil, errors.New("no such host")
	}
	for _, row := range []struct {
		url   string
		hosts []string
		want  bool
	}{
		{"postgres://u@localhost/d", []string{"localhost"}, true},
		{"postgres://u@/d?host=/run/postgresql", []string{"/run/postgresql"}, true},
		{"postgres://u@127.0.0.2/d", []string{"127.0.0.2"}, true},
		{"postgres://u@192.168.1.200/d", []string{"192.168.1.200"}, true},
		{"postgres://u@192.168.2.200/d", []string{"192.168.2.200"}, false},
		{"postgres://u@203.0.113.7/d", []string{"203.0.113.7"}, true},
		{"postgres://u@203.0.113.8/d", []string{"203.0.113.8"}, false},
		{"postgres://u@[::ffff:192.168.1.9]/d", []string{"::ffff:192.168.1.9"}, true},
		{"postgres://u@[2001:db8:1::5]:5433/d", []string{"2001:db8:1::5"}, true},
		{"postgres://u@[2001:db8:2::5]/d", []string{"2001:db8:2::5"}, false},
		{"postgres://u@[fe80::5%25lan]/d", []string{"fe80::5%lan"}, true},
		{"postgres://u@nas.lan/d", []string{"nas.lan"}, true},
		{"postgres://u@far.net/d", []string{"far.net"}, false},
		{"postgres://u@far.net/d?hostaddr=192.168.1.3", []string{"192.168.1.3"}, true},
		{"postgres://u@both/d", []string{"both"}, false},
		{"postgres://u@nothing/d", []string{"nothing"}, false},
		{"postgres://u@unknown/d", []string{"unknown"}, false},
		{"postgres://u@nas.lan,localhost/d", []string{"nas.lan", "localhost"}, true},
		{"postgres://u@nas.lan,far.net/d", []string{"nas.lan", "far.net"}, false},
	} {
		target, err := ParseTarget(row.url)
		if err != nil {
			t.Fatalf("%s: %v", row.url, err)
		}
		if got := target.hosts; !slices.Equal(got, row.hosts) {
			t.Errorf("%s: hosts %q, want %q", row.url, got, row.hosts)
		}
		if got := onLink(target.hosts, interfaces, lookup); got != row.want {
			t.Errorf("%s is on link: %v", row.url, got)
		}
	}
	if target, err := ParseTarget("postgres://u@127.0.0.1/d"); err != nil || !target.OnLink() {
		t.Errorf("this machine is not on link: %v", err)
	}
}
