package appliance

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"network-sniffer/board"
	"network-sniffer/board/config"
	"network-sniffer/board/console"
	"network-sniffer/board/testbed"
)

func at(address string) config.Endpoint {
	ap := netip.MustParseAddrPort(address)
	return config.Endpoint{Addr: ap.Addr(), Port: ap.Port()}
}

func through(name string, port uint16) config.Endpoint {
	return config.Endpoint{Interface: name, Addr: netip.IPv6Unspecified(), Port: port}
}

// TestDefaultEndpoints: nobody but the machine itself and, on OpenWrt, its LAN.
func TestDefaultEndpoints(t *testing.T) {
	check := func(name, root string, want ...config.Endpoint) {
		t.Helper()
		if got := defaultEndpoints(board.At(root)); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	check("OpenWrt", "../testdata/openwrt", through("lo", 8000), through("br-lan", 8000))
	check("another machine", "../testdata/debian", at("127.0.0.1:8000"), at("[::1]:8000"))
	root := t.TempDir()
	for name, text := range map[string]string{
		"openwrt_release": "", "config/network": "config interface 'lan'\n\toption ifname 'eth0 eth1'\n",
	} {
		path := filepath.Join(root, "etc", name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	check("OpenWrt with a LAN of its own", root, through("lo", 8000), through("eth0", 8000), through("eth1", 8000))
}

func TestEntrancesOfOptions(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	capture := []config.Endpoint{through("lan0", 8001)}
	_, err := newEntrances(config.Config{PcapListen: capture, ConsolePasswordFile: "/p"}, board.At("/"), log, nil)
	if !errors.Is(err, config.ErrUsage) || !strings.Contains(err.Error(), "--pcap-listen") ||
		!strings.Contains(err.Error(), "--console-password-file") {
		t.Errorf("a capture without a password beside a console with one: %v", err)
	}
	for _, row := range []struct {
		name          string
		c             config.Config
		follow, alone bool
	}{
		{"the default", config.Config{}, false, true},
		{"the loopback by its name", config.Config{ConsoleListen: []config.Endpoint{through("lo", 0)}}, true, true},
		{"another address of it", config.Config{ConsoleListen: []config.Endpoint{at("127.1.2.3:0")}}, false, true},
		{"an address", config.Config{ConsoleListen: []config.Endpoint{at("192.168.1.1:0")}}, false, false},
		{"an interface", config.Config{ConsoleListen: []config.Endpoint{through("lan0", 0)}}, true, false},
		{"a capture beside the default", config.Config{PcapListen: capture}, true, false},
	} {
		all, err := newEntrances(row.c, board.At("../testdata/debian"), log, nil)
		if err != nil {
			t.Fatal(err)
		}
		if all.follow() != row.follow || all.alone() != row.alone {
			t.Errorf("%s: follows addresses %v, for this machine alone %v", row.name, all.follow(), all.alone())
		}
	}
}

// house is entrances inside a namespace, whose clients are told the port's number.
type house struct {
	*entrances
	ns    *testbed.Namespace
	log   *strings.Builder
	doors []door
}

func newHouse(t *testing.T, ns *testbed.Namespace, c config.Config) *house {
	t.Helper()
	log, text := logged()
	h := &house{ns: ns, log: text}
	var err error
	opened := func(d door) { h.doors = append(h.doors, d) }
	if h.entrances, err = newEntrances(c, board.At("../testdata/debian"), log, opened); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.close)
	return h
}

// enter opens the entrances and serves them.
func (h *house) enter(t *testing.T) {
	t.Helper()
	serve := func(l net.Listener, p console.Port) error {
		for {
			conn, err := l.Accept()
			if err != nil {
				return err
			}
			fmt.Fprint(conn, p)
			conn.Close()
		}
	}
	if err := h.ns.Do(func() error {
		err := h.open()
		h.start(serve)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// changed is what a change of links leads to.
func (h *house) changed(t *testing.T) {
	t.Helper()
	if err := h.ns.Do(func() error { h.refresh(); return nil }); err != nil {
		t.Fatal(err)
	}
}

// visit returns what the host is told, "" when nobody is there.
func visit(t *testing.T, from *testbed.Namespace, address string) string {
	t.Helper()
	conn, err := from.Dial("tcp", address)
	if errors.Is(err, unix.ECONNREFUSED) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestEntranceLife: the listener of an interface is reached through it alone, and comes, goes, moves and comes back with it.
func TestEntranceLife(t *testing.T) {
	testbed.NeedRoot(t)
	router, lan, wan := testbed.NewNamespace(t, "router"), testbed.NewNamespace(t, "lan"), testbed.NewNamespace(t, "wan")
	link := func(host *testbed.Namespace, name, network string) {
		t.Helper()
		testbed.Link(t, host, "eth0", router, name)
		router.Addr(t, name, network+".1/24")
		host.Addr(t, "eth0", network+".2/24")
		host.Route(t, "default", network+".1")
	}
	link(wan, "wan0", "203.0.113")
	h := newHouse(t, router, config.Config{
		ConsoleListen: []config.Endpoint{through("lan0", 8000), at("127.0.0.1:8000"), at("[::1]:8000")},
		PcapListen:    []config.Endpoint{through("lan0", 8001)},
	})
	h.enter(t)
	check := func(when, address string, open bool) {
		t.Helper()
		want := map[bool][]string{true: {"0", "1"}, false: {"", ""}}[open]
		for i, port := range []string{":8000", ":8001"} {
			if got := visit(t, lan, address+port); got != want[i] {
				t.Errorf("%s, %s%s from the LAN: %q, want %q", when, address, port, got, want[i])
			}
			for _, to := range []string{"203.0.113.1", address} {
				if got := visit(t, wan, to+port); got != "" {
					t.Errorf("%s, %s%s from the world: %q", when, to, port, got)
				}
			}
		}
		for _, to := range []string{"127.0.0.1:8000", "[::1]:8000"} {
			if got := visit(t, router, to); got != "0" {
				t.Errorf("%s, %s from the router itself: %q", when, to, got)
			}
		}
	}
	if got := strings.Count(h.log.String(), "waiting for it"); got != 2 {
		t.Errorf("%d of 2 entrances are waited for:\n%s", got, h.log)
	}
	h.changed(t)
	if got := strings.Count(h.log.String(), "waiting for it"); got != 2 {
		t.Errorf("the log tells it again:\n%s", h.log)
	}
	if got := h.addresses(); !slices.Equal(got, []string{"127.0.0.1:8000", "[::1]:8000"}) {
		t.Errorf("open are %v", got)
	}

	link(lan, "lan0", "192.168.1")
	h.changed(t)
	check("the interface came", "192.168.1.1", true)
	if got := h.addresses(); !slices.Equal(got, []string{"lan0:8000", "127.0.0.1:8000", "[::1]:8000", "lan0:8001"}) {
		t.Errorf("open are %v", got)
	}
	if d := (door{"lan0", netip.MustParseAddrPort("[::]:8001")}); !slices.Contains(h.doors, d) {
		t.Errorf("what is excluded from capture is told of %v, not of %v", h.doors, d)
	}
	router.Run(t, "ip", "address", "replace", "10.0.0.1/24", "dev", "lan0")
	router.Run(t, "ip", "address", "delete", "192.168.1.1/24", "dev", "lan0")
	lan.Addr(t, "eth0", "10.0.0.2/24")
	lan.Run(t, "ip", "route", "replace", "default", "via", "10.0.0.1")
	router.Addr(t, "wan0", "192.168.1.1/24")
	wan.Addr(t, "eth0", "192.168.1.2/24")
	check("before the change of addresses is heard of", "10.0.0.1", true)
	h.changed(t)
	check("after it", "10.0.0.1", true)
	if got := visit(t, wan, "192.168.1.1:8000"); got != "" {
		t.Errorf("the address that the LAN had, from the world: %q", got)
	}

	router.Run(t, "ip", "link", "delete", "lan0")
	h.changed(t)
	if got := h.addresses(); !slices.Equal(got, []string{"127.0.0.1:8000", "[::1]:8000"}) {
		t.Errorf("without the interface open are %v", got)
	}
	link(lan, "lan0", "192.168.7")
	h.changed(t)
	check("made again", "192.168.7.1", true)

	// What has the name now is the LAN, whatever had it before.
	router.Run(t, "ip", "link", "set", "lan0", "down")
	router.Run(t, "ip", "link", "set", "lan0", "name", "old0")
	router.Run(t, "ip", "link", "set", "old0", "up")
	h.changed(t)
	if got := visit(t, lan, "192.168.7.1:8000"); got != "" {
		t.Errorf("through an interface of another name: %q", got)
	}
	router.Run(t, "ip", "link", "set", "old0", "down")
	router.Run(t, "ip", "link", "set", "old0", "name", "lan0")
	router.Run(t, "ip", "link", "set", "lan0", "up")
	h.changed(t)
	check("renamed and renamed back", "192.168.7.1", true)

	h.close()
	for _, address := range []string{"192.168.7.1:8000", "192.168.7.1:8001"} {
		if got := visit(t, lan, address); got != "" {
			t.Errorf("%s is open after the end: %q", address, got)
		}
	}
	h.changed(t)
	if got := h.addresses(); len(got) != 0 {
		t.Errorf("%v opened after the end", got)
	}
}

// TestEntranceWhoseIndexComesBack: an interface that was made again with its old index needs no new listener.
func TestEntranceWhoseIndexComesBack(t *testing.T) {
	testbed.NeedRoot(t)
	router, lan := testbed.NewNamespace(t, "router"), testbed.NewNamespace(t, "lan")
	testbed.Link(t, lan, "eth0", router, "lan0")
	router.Addr(t, "lan0", "192.168.1.1/24")
	lan.Addr(t, "eth0", "192.168.1.2/24")
	h := newHouse(t, router, config.Config{ConsoleListen: []config.Endpoint{through("lan0", 0)}})
	h.enter(t)
	port := h.addresses()[0][len("lan0"):]
	index := router.Interface(t, "lan0").Index
	router.Run(t, "ip", "link", "delete", "lan0")
	router.Run(t, "ip", "link", "add", "lan0", "index", fmt.Sprint(index), "type", "veth", "peer", "name", "eth0", "netns", lan.Name)
	router.Run(t, "ip", "link", "set", "lan0", "up")
	lan.Run(t, "ip", "link", "set", "eth0", "up")
	router.Addr(t, "lan0", "192.168.1.1/24")
	lan.Addr(t, "eth0", "192.168.1.2/24")
	for range 2 {
		if got := visit(t, lan, "192.168.1.1"+port); got != "0" {
			t.Errorf("%q", got)
		}
		h.changed(t)
	}
}

// TestEntrancesThatCannotOpen: a mistake shows at the start and leaves nothing open; what a machine lacks for a default
// is no mistake.
func TestEntrancesThatCannotOpen(t *testing.T) {
	testbed.NeedRoot(t)
	ns := testbed.NewNamespace(t, "host")
	busy, err := ns.Listen("tcp", "127.0.0.1:8000")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name   string
		listen []config.Endpoint
		want   error
		option string
	}{
		{"busy", []config.Endpoint{at("127.0.0.2:8000"), at("127.0.0.1:8000")}, unix.EADDRINUSE, "--console-listen"},
		{"busy on an interface", []config.Endpoint{at("127.0.0.2:8000"), through("lo", 8000)}, unix.EADDRINUSE, "--console-listen"},
		{"the default, and busy", nil, unix.EADDRINUSE, "--console-listen"},
		{"an address of nobody", []config.Endpoint{at("127.0.0.2:8000"), at("192.0.2.1:8000")}, unix.EADDRNOTAVAIL, "--console-listen"},
	} {
		h := newHouse(t, ns, config.Config{ConsoleListen: row.listen})
		err := ns.Do(h.open)
		if !errors.Is(err, row.want) || !strings.Contains(err.Error(), row.option) {
			t.Errorf("%s: %v, want %v and %s", row.name, err, row.want, row.option)
		}
		if open := h.addresses(); len(open) != 0 {
			t.Errorf("%s: %v are left open", row.name, open)
		}
	}
	h := newHouse(t, ns, config.Config{
		ConsoleListen: []config.Endpoint{at("127.0.0.2:8000")}, PcapListen: []config.Endpoint{at("127.0.0.1:8000")},
	})
	if err := ns.Do(h.open); !errors.Is(err, unix.EADDRINUSE) || !strings.Contains(err.Error(), "--pcap-listen") {
		t.Errorf("a capture's port that is busy: %v", err)
	}
	busy.Close()
	ns.Sysctl(t, "net/ipv6/conf/lo/disable_ipv6", "1")
	h = newHouse(t, ns, config.Config{})
	h.enter(t)
	if got := h.addresses(); !slices.Equal(got, []string{"127.0.0.1:8000"}) {
		t.Errorf("without IPv6 open are %v", got)
	}
	// An interface that comes when its port is taken is told of once.
	testbed.Link(t, ns, "lan0", testbed.NewNamespace(t, "peer"), "eth0")
	taken, err := ns.Listen("tcp", ":8001")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	h = newHouse(t, ns, config.Config{ConsoleListen: []config.Endpoint{at("127.0.0.2:8000"), through("lan1", 8001)}})
	h.enter(t)
	ns.Run(t, "ip", "link", "set", "lan0", "name", "lan1")
	h.changed(t)
	h.changed(t)
	if n := strings.Count(h.log.String(), "level=ERROR"); n != 1 {
		t.Errorf("%d errors are told:\n%s", n, h.log)
	}
	taken.Close()
	h.changed(t)
	if got := h.addresses(); !slices.Equal(got, []string{"127.0.0.2:8000", "lan1:8001"}) {
		t.Errorf("open are %v", got)
	}
}
