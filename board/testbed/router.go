//go:build linux

package testbed

import "testing"

// Addresses of the Router topology. The networks are private or documentation ones (RFC 1918, RFC 4193,
// RFC 5737, RFC 3849).
const (
	LanHostIPv4   = "192.168.1.2"
	LanHostIPv6   = "fd00:1::2"
	LanHostMAC    = "02:00:00:00:01:02"
	RouterLanIPv4 = "192.168.1.1"
	RouterLanIPv6 = "fd00:1::1"
	RouterLanMAC  = "02:00:00:00:01:01"
	RouterWanIPv4 = "203.0.113.1"
	RouterWanIPv6 = "2001:db8:2::1"
	RouterWanMAC  = "02:00:00:00:02:01"
	WanHostIPv4   = "203.0.113.2"
	WanHostIPv6   = "2001:db8:2::2"
	WanHostMAC    = "02:00:00:00:02:02"
)

// RouterNet is a router between two hosts:
//
//	   Lan                            Router                            Wan
//	┌──────────────┐            ┌──────────────────┐             ┌───────────────┐
//	│         eth0 ├────────────┤ lan0        wan0 ├─────────────┤ eth0          │
//	└──────────────┘            └──────────────────┘             └───────────────┘
//	  192.168.1.2/24    192.168.1.1/24        203.0.113.1/24       203.0.113.2/24
//	  fd00:1::2/64      fd00:1::1/64          2001:db8:2::1/64     2001:db8:2::2/64
//	  ::01:02           ::01:01               ::02:01              ::02:02            02:00:00:00:…
//
// Router forwards IPv4 and IPv6 without translating addresses; both hosts have it as their default route.
type RouterNet struct {
	Lan, Router, Wan *Namespace

	// HostPort is the interface of each host, LanPort and WanPort those of the router.
	HostPort, LanPort, WanPort string
}

// Router builds the topology of RouterNet; the options hold for both links. With Quiet everybody knows
// everybody's hardware address from the start.
func Router(t testing.TB, options ...LinkOption) *RouterNet {
	t.Helper()
	net := &RouterNet{
		Lan:      NewNamespace(t, "lan"),
		Router:   NewNamespace(t, "router"),
		Wan:      NewNamespace(t, "wan"),
		HostPort: "eth0",
		LanPort:  "lan0",
		WanPort:  "wan0",
	}
	net.Router.Sysctl(t, "net/ipv4/ip_forward", "1")
	net.Router.Sysctl(t, "net/ipv6/conf/all/forwarding", "1")
	net.Router.Sysctl(t, "net/ipv6/conf/default/forwarding", "1")

	// The options' own MACs, if any, come later and win.
	link := func(macA, macB string) []LinkOption { return append([]LinkOption{MACs(macA, macB)}, options...) }
	Link(t, net.Lan, net.HostPort, net.Router, net.LanPort, link(LanHostMAC, RouterLanMAC)...)
	Link(t, net.Wan, net.HostPort, net.Router, net.WanPort, link(WanHostMAC, RouterWanMAC)...)

	var config linkConfig
	for _, option := range options {
		option(&config)
	}
	ends := []struct {
		ns                   *Namespace
		port                 string
		ipv4, ipv6           string
		peer4, peer6, peerIs string
		host                 bool
	}{
		{net.Lan, net.HostPort, LanHostIPv4, LanHostIPv6, RouterLanIPv4, RouterLanIPv6, RouterLanMAC, true},
		{net.Router, net.LanPort, RouterLanIPv4, RouterLanIPv6, LanHostIPv4, LanHostIPv6, LanHostMAC, false},
		{net.Router, net.WanPort, RouterWanIPv4, RouterWanIPv6, WanHostIPv4, WanHostIPv6, WanHostMAC, false},
		{net.Wan, net.HostPort, WanHostIPv4, WanHostIPv6, RouterWanIPv4, RouterWanIPv6, RouterWanMAC, true},
	}
	for _, end := range ends {
		end.ns.Addr(t, end.port, end.ipv4+"/24")
		end.ns.Addr(t, end.port, end.ipv6+"/64")
		if end.host {
			end.ns.Route(t, "default", end.peer4)
			end.ns.Route(t, "default", end.peer6)
		}
		if config.quiet {
			end.ns.Neighbour(t, end.port, end.peer4, end.peerIs)
			end.ns.Neighbour(t, end.port, end.peer6, end.peerIs)
		}
	}
	return net
}
