package uplink

import (
	"context"
	"net"
	"net/netip"
	"slices"
)

// OnLink reports whether every server is on this machine or on a network that this machine is part of, so that the
// way there is not the line to the world outside. It looks up names, for two seconds at most; what cannot be found
// is not on link.
func (t Target) OnLink() bool {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	return onLink(t.hosts, addrs, func(host string) ([]netip.Addr, error) {
		return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	})
}

// onLink judges hosts by the networks of the interfaces. All addresses of a name count: any of them may be dialed.
func onLink(hosts []string, interfaces []net.Addr, lookup func(string) ([]netip.Addr, error)) bool {
	for _, host := range hosts {
		if localHost(host) {
			continue
		}
		addrs, err := lookup(host) // an address is its own result
		if err != nil || len(addrs) == 0 || slices.ContainsFunc(addrs, func(a netip.Addr) bool { return !near(a, interfaces) }) {
			return false
		}
	}
	return true
}

// near reports whether an address lies in the network of an interface.
func near(a netip.Addr, interfaces []net.Addr) bool {
	ip := net.IP(a.Unmap().AsSlice())
	return slices.ContainsFunc(interfaces, func(i net.Addr) bool {
		network, ok := i.(*net.IPNet)
		return ok && network.Contains(ip)
	})
}
