package board

import (
	"net/netip"
	"slices"
	"testing"

	"network-sniffer/board/testbed"
)

// read asks inside a namespace.
func read(t *testing.T, ns *testbed.Namespace) (n Network) {
	t.Helper()
	if err := ns.Do(func() (err error) {
		n, err = At("/").Network()
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// subnets are those of one interface.
func subnets(t *testing.T, n Network, ns *testbed.Namespace, name string) (all []netip.Prefix) {
	t.Helper()
	index := ns.Interface(t, name).Index
	for _, s := range n.Subnets() {
		if s.Interface == index {
			all = append(all, s.Prefix)
		}
	}
	slices.SortFunc(all, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	return all
}

// TestNetwork: what the kernel says of a router, and how that follows what happens to it.
func TestNetwork(t *testing.T) {
	testbed.NeedRoot(t)
	topology := testbed.Router(t)
	router, lan, wan := topology.Router, topology.LanPort, topology.WanPort
	prefixes := func(all ...string) (p []netip.Prefix) {
		for _, text := range all {
			p = append(p, netip.MustParsePrefix(text))
		}
		return p
	}
	inside := prefixes("192.168.1.0/24", "fd00:1::/64", "fe80::/64")
	for _, row := range []struct {
		name    string
		happens func()
		uplinks []string
		lan     []netip.Prefix
		wan     []netip.Prefix
	}{
		{"no default route", func() {}, nil, nil, nil},
		{"a default route of IPv6", func() { router.Route(t, "default", testbed.WanHostIPv6) }, []string{wan}, inside, nil},
		{"one of IPv4 in a table of its own", func() {
			router.Run(t, "ip", "-6", "route", "delete", "default")
			router.Run(t, "ip", "route", "add", "default", "via", testbed.WanHostIPv4, "table", "77")
		}, []string{wan}, inside, nil},
		{"one over two hops, of which the second is the LAN's", func() {
			router.Run(t, "ip", "route", "flush", "table", "77")
			router.Run(t, "ip", "route", "add", "default", "nexthop", "via", testbed.WanHostIPv4, "nexthop", "via", testbed.LanHostIPv4)
		}, []string{wan, lan}, nil, nil},
		{"the halves of a VPN", func() {
			router.Run(t, "ip", "route", "delete", "default")
			router.Run(t, "ip", "route", "add", "128.0.0.0/1", "via", testbed.WanHostIPv4)
		}, []string{wan}, inside, nil},
		{"one that leads nowhere", func() {
			router.Run(t, "ip", "route", "delete", "128.0.0.0/1")
			router.Run(t, "ip", "route", "add", "unreachable", "default")
		}, nil, nil, nil},
		{"one that leads to this machine, as a transparent proxy has it", func() {
			router.Run(t, "ip", "route", "delete", "unreachable", "default")
			router.Run(t, "ip", "route", "add", "local", "default", "dev", lan, "table", "77")
		}, nil, nil, nil},
		{"other networks", func() {
			router.Run(t, "ip", "address", "delete", testbed.RouterLanIPv4+"/24", "dev", lan)
			router.Addr(t, lan, "10.9.8.1/22")
			router.Addr(t, lan, "10.9.8.2/22")
			router.Run(t, "ip", "address", "add", "10.7.0.1", "peer", "10.7.0.2", "dev", lan)
			router.Route(t, "default", testbed.WanHostIPv4)
		}, []string{wan}, prefixes("10.7.0.2/32", "10.9.8.0/22", "fd00:1::/64", "fe80::/64"), nil},
		{"a host", func() {
			router.Sysctl(t, "net/ipv4/ip_forward", "0")
			router.Sysctl(t, "net/ipv6/conf/all/forwarding", "0")
		}, nil, prefixes("10.7.0.2/32", "10.9.8.0/22", "fd00:1::/64", "fe80::/64"), nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.happens()
			n := read(t, router)
			if !slices.Equal(n.Uplinks, row.uplinks) {
				t.Errorf("uplinks %q, want %q", n.Uplinks, row.uplinks)
			}
			if got := subnets(t, n, router, lan); !slices.Equal(got, row.lan) {
				t.Errorf("of %s: %v, want %v", lan, got, row.lan)
			}
			if got := subnets(t, n, router, wan); !slices.Equal(got, row.wan) {
				t.Errorf("of %s: %v, want %v", wan, got, row.wan)
			}
		})
	}
}

// TestManyRoutes: an answer of many messages.
func TestManyRoutes(t *testing.T) {
	testbed.NeedRoot(t)
	topology := testbed.Router(t)
	topology.Router.Run(t, "sh", "-c", `i=0; while [ $i -lt 1000 ]; do
		echo "route add 10.$((i / 250)).$((i % 250)).0/24 via `+testbed.LanHostIPv4+`"; i=$((i + 1)); done | ip -batch -`)
	topology.Router.Run(t, "ip", "route", "add", "default", "via", testbed.WanHostIPv4, "table", "9999")
	if n := read(t, topology.Router); !slices.Equal(n.Uplinks, []string{topology.WanPort}) {
		t.Errorf("uplinks %q behind a thousand routes", n.Uplinks)
	}
}
