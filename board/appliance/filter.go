package appliance

import (
	"net"
	"net/netip"

	"golang.org/x/net/bpf"

	"network-sniffer/rawsock"
	"network-sniffer/rawsock/pcapfilter"
)

// userFilter is the expression of --filter. It is compiled at the start, for each interface, and again whenever what is
// excluded changes; the names in it are looked up once.
type userFilter struct {
	expr  string
	names *pcapfilter.Names
}

func newUserFilter(expr string) userFilter {
	return userFilter{expr, pcapfilter.SystemNames(LookupTimeout)}
}

// check finds the mistakes in the expression for links of a type.
func (f *userFilter) check(linkType rawsock.LinkType) error {
	o := f.options(rawsock.Link{Type: linkType}, 0)
	o.MustMatch = true
	_, err := pcapfilter.Compile(f.expr, o)
	return err
}

// compile returns the program for a link. It keeps snapLength bytes of a frame that it accepts.
func (f *userFilter) compile(link rawsock.Link, snapLength uint32) ([]bpf.Instruction, error) {
	return pcapfilter.Compile(f.expr, f.options(link, snapLength))
}

func (f *userFilter) options(link rawsock.Link, snapLength uint32) pcapfilter.Options {
	return pcapfilter.Options{
		LinkType:   pcapfilter.LinkType(link.Type),
		SnapLength: snapLength,
		Live:       true,
		Names:      f.names,
		Netmask:    netmask(link),
	}
}

// netmask returns the first IPv4 address of a link with its mask, for "ip broadcast". A link without an address has
// 0.0.0.0/0, as for tcpdump: what it is later is seen when the filter is compiled the next time.
func netmask(link rawsock.Link) netip.Prefix {
	none := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	if link.Index == 0 {
		return none
	}
	i, err := net.InterfaceByIndex(link.Index)
	if err != nil {
		return none
	}
	addrs, err := i.Addrs()
	if err != nil {
		return none
	}
	for _, addr := range addrs {
		if p, err := netip.ParsePrefix(addr.String()); err == nil && p.Addr().Is4() {
			return p
		}
	}
	return none
}
