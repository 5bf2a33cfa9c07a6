package appliance

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"network-sniffer/board"
	"network-sniffer/board/config"
	"network-sniffer/board/testbed"
)

func prefixes(all ...string) (p []netip.Prefix) {
	for _, text := range all {
		p = append(p, netip.MustParsePrefix(text))
	}
	return p
}

// logged is a log that can be looked at.
func logged() (*slog.Logger, *strings.Builder) {
	var b strings.Builder
	return slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug})), &b
}

// TestNear: the gate follows the network, and an uplink that lost its route does not become a LAN.
func TestNear(t *testing.T) {
	lan := board.Link{Index: 2, Name: "lan0", Networks: prefixes("192.168.1.0/24", "fe80::/64")}
	wan := board.Link{Index: 3, Name: "wan0", Networks: prefixes("203.0.113.0/24", "fe80::/64")}
	both := board.Link{Index: 3, Name: "wan0", Networks: prefixes("192.168.1.0/24", "fe80::/64")}
	moved := board.Link{Index: 7, Name: "lan0", Networks: prefixes("10.0.0.0/24")}
	var (
		network board.Network
		fails   error
	)
	log, text := logged()
	g := &gate{
		allowed: config.Allowed{LAN: true}, log: log,
		ask: func() (board.Network, error) { return network, fails },
	}
	for _, row := range []struct {
		name    string
		network board.Network
		fails   error
		yes, no string // device and address
		log     string // what is new there
	}{
		{"nothing tells the sides apart", board.Network{Forwards: true, Links: []board.Link{lan, wan}}, nil,
			"", "2 192.168.1.7, 3 203.0.113.7, 2 fe80::7", "no default route tells"},
		{"the default route comes", board.Network{Forwards: true, Uplinks: []string{"wan0"}, Links: []board.Link{lan, wan}}, nil,
			"2 192.168.1.7, 2 fe80::7", "3 192.168.1.7, 2 192.168.2.7, 3 203.0.113.7, 3 fe80::7, 0 192.168.1.7",
			"takes clients of this machine and of 192.168.1.0/24 at lan0, fe80::/64 at lan0"},
		{"and is the same a second later", board.Network{Forwards: true, Uplinks: []string{"wan0"}, Links: []board.Link{lan, wan}}, nil,
			"2 192.168.1.7", "3 203.0.113.7", ""},
		{"and goes", board.Network{Forwards: true, Links: []board.Link{lan, wan}}, nil,
			"2 192.168.1.7, 2 fe80::7", "3 203.0.113.7, 3 fe80::7", ""},
		{"the uplink has the LAN's network, and no route", board.Network{Forwards: true, Links: []board.Link{lan, both}}, nil,
			"2 192.168.1.7", "3 192.168.1.7", ""},
		{"the LAN has another", board.Network{Forwards: true, Links: []board.Link{moved, both}}, nil,
			"7 10.0.0.7", "2 192.168.1.7, 2 10.0.0.7, 3 10.0.0.7, 3 192.168.1.7", "10.0.0.0/24 at lan0"},
		{"the kernel does not answer", board.Network{}, errors.New("no answer"), "7 10.0.0.7", "2 192.168.1.7", "no answer"},
	} {
		t.Run(row.name, func(t *testing.T) {
			network, fails = row.network, row.fails
			text.Reset()
			g.refresh()
			if row.log == "" && text.Len() > 0 || !strings.Contains(text.String(), row.log) {
				t.Errorf("the log tells %q, want %q", text, row.log)
			}
			for i, list := range []string{row.no, row.yes} {
				for _, from := range strings.Split(list, ", ") {
					device, address, there := strings.Cut(from, " ")
					if there && g.near(int(device[0]-'0'), netip.MustParseAddr(address)) != (i == 1) {
						t.Errorf("%s through interface %s: admitted is %v", address, device, i == 0)
					}
				}
			}
		})
	}
	// Without a refresh an answer is believed for a while.
	network, fails = board.Network{Forwards: true, Uplinks: []string{"wan0"}, Links: []board.Link{lan, wan}}, nil
	g.asked = time.Now().Add(-networkAge - time.Second)
	if !g.near(2, netip.MustParseAddr("192.168.1.7")) {
		t.Error("an old answer is believed")
	}
	network = board.Network{}
	g.asked = time.Now().Add(time.Hour)
	if !g.near(2, netip.MustParseAddr("192.168.1.7")) {
		t.Error("a fresh answer is not believed")
	}
}

// TestGateTends: an uplink that came unheard of is looked for, not more often than it has to be, and not where nobody asks.
func TestGateTends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, row := range []struct {
			allowed config.Allowed
			alone   bool
			want    int
		}{
			{config.Allowed{LAN: true}, false, 3},
			{config.Allowed{LAN: true}, true, 0},
			{config.Allowed{Prefixes: prefixes("10.0.0.0/8")}, false, 0},
		} {
			looks := 0
			g := &gate{allowed: row.allowed, alone: row.alone, log: slog.New(slog.DiscardHandler),
				ask: func() (board.Network, error) { looks++; return board.Network{}, nil }}
			g.tend()
			g.refresh()
			for range 10 {
				time.Sleep(uplinkAge / 10)
				g.tend()
			}
			if looks != row.want {
				t.Errorf("%+v, alone %v: %d looks, want %d", row.allowed, row.alone, looks, row.want)
			}
		}
	})
}

// TestManyUplinks: what is remembered is bounded.
func TestManyUplinks(t *testing.T) {
	n := 0
	g := &gate{allowed: config.Allowed{LAN: true}, log: slog.New(slog.DiscardHandler), ask: func() (board.Network, error) {
		n++
		return board.Network{Forwards: true, Uplinks: []string{strings.Repeat("x", n)}}, nil
	}}
	for range maxUplinks + 5 {
		g.refresh()
	}
	if len(g.uplinks) != maxUplinks {
		t.Errorf("%d uplinks are remembered, want %d", len(g.uplinks), maxUplinks)
	}
}

// TestAdmits: connections over real links to every kind of address, under every kind of rule.
func TestAdmits(t *testing.T) {
	testbed.NeedRoot(t)
	topology := testbed.Router(t)
	topology.Router.Route(t, "default", testbed.WanHostIPv4)
	listener, err := topology.Router.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	auto := config.Allowed{LAN: true}
	anybody := config.Allowed{Prefixes: prefixes("0.0.0.0/0", "::/0")}
	lanAlone := config.Allowed{Prefixes: prefixes("192.168.1.0/24")}
	more := config.Allowed{LAN: true, Prefixes: prefixes("203.0.113.2/32")}
	lanLocal := linkLocal(t, topology.Router, topology.LanPort, topology.Lan, topology.HostPort)
	wanLocal := linkLocal(t, topology.Router, topology.WanPort, topology.Wan, topology.HostPort)
	for _, row := range []struct {
		name string
		from *testbed.Namespace
		to   string
		// by rule
		auto, any, lan, more bool
	}{
		{"the LAN's host", topology.Lan, testbed.RouterLanIPv4, true, true, true, true},
		{"by IPv6", topology.Lan, testbed.RouterLanIPv6, true, true, false, true},
		{"by its link", topology.Lan, lanLocal, true, true, false, true},
		{"to the other side's address", topology.Lan, testbed.RouterWanIPv4, true, true, true, true},
		{"a host of the world", topology.Wan, testbed.RouterWanIPv4, false, true, false, true},
		{"by IPv6 from there", topology.Wan, testbed.RouterWanIPv6, false, true, false, false},
		{"by its link from there", topology.Wan, wanLocal, false, true, false, false},
		{"to the LAN's address from there", topology.Wan, testbed.RouterLanIPv4, false, true, false, true},
		{"to the LAN's IPv6 address from there", topology.Wan, testbed.RouterLanIPv6, false, true, false, false},
		{"this machine", topology.Router, "127.0.0.1", true, true, false, true},
		{"this machine by IPv6", topology.Router, "::1", true, true, false, true},
		{"this machine by an address of its own", topology.Router, testbed.RouterLanIPv4, true, true, true, true},
		{"this machine by its outer address", topology.Router, testbed.RouterWanIPv4, true, true, false, true},
		{"this machine by its outer IPv6 address", topology.Router, testbed.RouterWanIPv6, true, true, false, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			client, err := row.from.Dial("tcp", net.JoinHostPort(row.to, port))
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			conn, err := listener.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			for _, rule := range []struct {
				name    string
				allowed config.Allowed
				want    bool
			}{{"auto", auto, row.auto}, {"any", anybody, row.any}, {"the LAN alone", lanAlone, row.lan}, {"auto and one", more, row.more}} {
				g := &gate{allowed: rule.allowed, log: slog.New(slog.DiscardHandler), ask: func() (n board.Network, err error) {
					err = topology.Router.Do(func() error { n, err = board.At("/").Network(); return err })
					return n, err
				}}
				if got := g.admits(conn); got != rule.want {
					t.Errorf("%s: admitted is %v", rule.name, got)
				}
			}
		})
	}
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	log, text := logged()
	g := &gate{allowed: auto, log: log}
	for range 3 {
		if g.admits(a) || g.admits(untold{}) {
			t.Error("a client is admitted that came nobody knows how")
		}
	}
	if n := strings.Count(text.String(), "level=ERROR"); n != 1 {
		t.Errorf("%d errors are told, want one:\n%s", n, text)
	}
}

// untold is a client of the LAN whose interface is not known.
type untold struct{ net.Conn }

func (untold) LocalAddr() net.Addr  { return &net.TCPAddr{IP: net.IPv4(192, 168, 1, 1)} }
func (untold) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 168, 1, 2)} }
