package config

import (
	"net/netip"
	"reflect"
	"slices"
	"testing"
)

func prefixes(all ...string) (p []netip.Prefix) {
	for _, text := range all {
		p = append(p, netip.MustParsePrefix(text))
	}
	return p
}

// TestParseEndpoint: what is read is written the same way again, where there is one way to write it.
func TestParseEndpoint(t *testing.T) {
	for _, row := range []struct {
		text      string
		iface     string
		addr      string
		port      uint16
		rewritten string // empty: as it was
	}{
		{"127.0.0.1:8000", "", "127.0.0.1", 8000, ""},
		{"[::1]:8000", "", "::1", 8000, ""},
		{"[::ffff:192.168.1.1]:80", "", "192.168.1.1", 80, "192.168.1.1:80"},
		{"0.0.0.0:8000", "", "::", 8000, "[::]:8000"},
		{"[::ffff:0.0.0.0]:8000", "", "::", 8000, "[::]:8000"},
		{":8000", "", "::", 8000, "[::]:8000"},
		{"br-lan:8000", "br-lan", "::", 8000, ""},
		{"eth0.2:0", "eth0.2", "::", 0, ""},
		{"fifteen-letters:65535", "fifteen-letters", "::", 65535, ""},
		{"[br-lan]:8000", "br-lan", "::", 8000, "br-lan:8000"},
	} {
		want := Endpoint{row.iface, netip.MustParseAddr(row.addr), row.port}
		got, err := parseEndpoint(row.text)
		if err != nil || got != want {
			t.Errorf("%s is %+v, error %v, want %+v", row.text, got, err, want)
		}
		if row.rewritten == "" {
			row.rewritten = row.text
		}
		if got.String() != row.rewritten {
			t.Errorf("%s is written as %s, want %s", row.text, got, row.rewritten)
		}
	}
}

func TestLists(t *testing.T) {
	c, err := load(nil, "--console-listen", "lo:8000, br-lan:8000 [fd00::1]:8000")
	if want := []Endpoint{
		{"lo", netip.IPv6Unspecified(), 8000}, {"br-lan", netip.IPv6Unspecified(), 8000}, {"", netip.MustParseAddr("fd00::1"), 8000},
	}; err != nil || !slices.Equal(c.ConsoleListen, want) {
		t.Errorf("%+v, error %v, want %+v", c.ConsoleListen, err, want)
	}
	c, err = load(nil, "--console-allow", "auto, 10.0.0.0/8 fd00::/8,192.168.7.9,::ffff:192.0.2.1")
	want := Allowed{true, prefixes("10.0.0.0/8", "fd00::/8", "192.168.7.9/32", "192.0.2.1/32")}
	if err != nil || !reflect.DeepEqual(c.ConsoleAllow, want) {
		t.Errorf("%+v, error %v, want %+v", c.ConsoleAllow, err, want)
	}
	// The last one is meant, not both.
	c, err = load(map[string]string{"SNIFFER_CONSOLE_ALLOW": "any"}, "--console-allow", "10.0.0.0/8", "--console-allow", "auto")
	if err != nil || !reflect.DeepEqual(c.ConsoleAllow, Allowed{LAN: true}) {
		t.Errorf("%+v, error %v, want auto alone", c.ConsoleAllow, err)
	}
}
