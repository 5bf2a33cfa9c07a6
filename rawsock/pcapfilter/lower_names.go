package pcapfilter

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Names looks up what an expression calls by name. Ports, protocols and EtherTypes need none of it:
// their names are built in. A function that is nil refuses its kind of name.
//
// A function is asked once for each place where a name stands, in the order of the text.
type Names struct {
	// Host returns the IPv4 and IPv6 addresses of a host: at least one, or an error.
	Host func(name string) ([]netip.Addr, error)

	// Ether returns the link-layer address of a host.
	Ether func(name string) ([6]byte, bool)

	// Network returns the IPv4 network of a name.
	Network func(name string) (netip.Prefix, bool)
}

// named lowers a value that is a name.
func (low *lowering) named(n *addrNode) (cond, error) {
	switch {
	case n.kind == "gateway":
		return low.gateway(n)
	case n.kind == "net":
		return low.networkNamed(n)
	case n.proto == "ether":
		mac, err := low.macOf(n)
		if err != nil {
			return nil, err
		}
		return low.hardwareHost(n, mac)
	}
	return low.hostNamed(n)
}

// hostNamed lowers the name of a host: any of its addresses. An address of a family that the qualifiers
// exclude is left out.
func (low *lowering) hostNamed(n *addrNode) (cond, error) {
	switch n.proto {
	case "", "ip", "ip6", "arp", "rarp":
	default:
		return nil, low.errorf(n.at(), nil, "ip, ip6, arp, rarp or nothing before it", "%q has no hosts with names", n.proto)
	}
	addrs, err := low.addressesOf(n)
	if err != nil {
		return nil, err
	}
	var any cond = constant(false)
	found := false
	for _, addr := range addrs {
		var c cond
		switch {
		case addr.Is4() && n.proto != "ip6":
			c, err = low.host4(n, number4(addr), 0xffffffff)
		case addr.Is6() && n.proto != "ip" && n.proto != "arp" && n.proto != "rarp":
			c, err = low.host6(n, addr, 128)
		default:
			continue
		}
		if err != nil {
			return nil, err
		}
		any, found = or(any, c), true
	}
	if !found {
		return nil, low.errorf(n.at(), ErrUnknownName, "", "the host %s has no address that %q asks for", n.value.shown(), n.proto)
	}
	return any, nil
}

// networkNamed lowers the name of a network.
func (low *lowering) networkNamed(n *addrNode) (cond, error) {
	if low.names == nil || low.names.Network == nil {
		return nil, low.notLookedUp(n, "networks", "a network such as 192.0.2.0/24")
	}
	network, ok := low.names.Network(n.value.text)
	if !ok || !network.Addr().Is4() {
		return nil, low.errorf(n.at(), ErrUnknownName, "a network such as 192.0.2.0/24", "no network is called %s", n.value.shown())
	}
	network = network.Masked()
	return low.host4(n, number4(network.Addr()), uint32(uint64(0xffffffff)<<(32-network.Bits())))
}

// gateway lowers "gateway": the link-layer address is that of the named host, neither of the
// Internet addresses is.
func (low *lowering) gateway(n *addrNode) (cond, error) {
	switch n.proto {
	case "", "ip", "arp", "rarp":
	default:
		return nil, low.errorf(n.at(), nil, "ip, arp, rarp or nothing before gateway", "%q has no gateways", n.proto)
	}
	mac, err := low.macOf(n)
	if err != nil {
		return nil, err
	}
	frame, err := low.hardwareHost(n, mac)
	if err != nil {
		return nil, err
	}
	addrs, err := low.addressesOf(n)
	if err != nil {
		return nil, err
	}
	var packet cond = constant(false)
	found := false
	for _, addr := range addrs {
		if !addr.Is4() {
			continue
		}
		c, err := low.host4(n, number4(addr), 0xffffffff)
		if err != nil {
			return nil, err
		}
		packet, found = or(packet, c), true
	}
	if !found {
		return nil, low.errorf(n.at(), ErrUnknownName, "", "the host %s has no IPv4 address", n.value.shown())
	}
	return and(frame, not(packet)), nil
}

func (low *lowering) addressesOf(n *addrNode) ([]netip.Addr, error) {
	if low.names == nil || low.names.Host == nil {
		return nil, low.notLookedUp(n, "hosts", "an address")
	}
	addrs, err := low.names.Host(n.value.text)
	if err != nil {
		return nil, low.errorf(n.at(), fmt.Errorf("%w: %w", ErrUnknownName, err), "",
			"no address is known of the host %s", n.value.shown())
	}
	return addrs, nil
}

func (low *lowering) macOf(n *addrNode) ([6]byte, error) {
	if low.names == nil || low.names.Ether == nil {
		return [6]byte{}, low.notLookedUp(n, "link-layer addresses", "an address such as 02:00:00:00:00:01")
	}
	mac, ok := low.names.Ether(n.value.text)
	if !ok {
		return mac, low.errorf(n.at(), ErrUnknownName, "a name in ethers(5)",
			"no link-layer address is known of the host %s", n.value.shown())
	}
	return mac, nil
}

func (low *lowering) notLookedUp(n *addrNode, what, expected string) error {
	return low.errorf(n.at(), ErrUnsupported, expected, "names of %s are not looked up here, and %s is one", what, n.value.shown())
}

// number4 is an IPv4 address in host order.
func number4(addr netip.Addr) uint32 {
	b := addr.As4()
	return binary.BigEndian.Uint32(b[:])
}
