package board

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
)

func link(index int, name string, networks ...string) Link {
	l := Link{Index: index, Name: name}
	for _, text := range networks {
		l.Networks = append(l.Networks, netip.MustParsePrefix(text))
	}
	return l
}

// TestSubnets: who is of the LAN.
func TestSubnets(t *testing.T) {
	var (
		lo    = Link{1, "lo", true, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}
		lan   = link(2, "br-lan", "192.168.1.0/24", "fd00:1::/64", "2001:db8:1::/64", "fe80::/64")
		guest = link(3, "br-guest", "192.168.3.0/24", "fe80::/64")
		wan   = link(4, "wan", "203.0.113.0/24", "fe80::/64")
		cable = link(4, "wan", "192.168.1.0/24", "fe80::/64") // behind another router with the LAN's own network
	)
	const ofLAN = "2 192.168.1.0/24, 2 fd00:1::/64, 2 2001:db8:1::/64, 2 fe80::/64"
	for _, row := range []struct {
		name string
		n    Network
		want string
	}{
		{"a router", Network{Forwards: true, Uplinks: []string{"wan"}, Links: []Link{lo, lan, wan}}, ofLAN},
		{"a router whose both sides have one network",
			Network{Forwards: true, Uplinks: []string{"wan"}, Links: []Link{lo, lan, cable}}, ofLAN},
		{"a router with two uplinks",
			Network{Forwards: true, Uplinks: []string{"wan", "br-guest"}, Links: []Link{lo, lan, guest, wan}}, ofLAN},
		{"a router with two networks inside", Network{Forwards: true, Uplinks: []string{"wan"}, Links: []Link{lo, guest, lan, wan}},
			"3 192.168.3.0/24, 3 fe80::/64, " + ofLAN},
		{"a router with PPPoE: the wire below it",
			Network{Forwards: true, Uplinks: []string{"ppp0"}, Links: []Link{link(4, "wan", "fe80::/64"), lan, link(5, "ppp0")}}, ofLAN},
		{"a router whose LAN is named and has no network yet",
			Network{Forwards: true, LAN: []string{"br-lan"}, Links: []Link{link(2, "br-lan", "fe80::/64")}}, "2 fe80::/64"},
		{"a router that has not been told where the world is", Network{Forwards: true, Links: []Link{lo, lan, wan}}, ""},
		{"a router whose LAN is named", Network{Forwards: true, LAN: []string{"br-lan"}, Links: []Link{lo, lan, guest, wan}}, ofLAN},
		{"an access point: the way out leads through the LAN",
			Network{Forwards: true, LAN: []string{"br-lan"}, Uplinks: []string{"br-lan"}, Links: []Link{lo, lan}}, ofLAN},
		{"a LAN that is not there yet",
			Network{Forwards: true, LAN: []string{"br-lan"}, Uplinks: []string{"wan"}, Links: []Link{lo, wan}}, ""},
		{"a host", Network{Uplinks: []string{"wan"}, Links: []Link{lo, lan, wan}},
			"2 192.168.1.0/24, 2 fd00:1::/64, 2 fe80::/64"},
		{"a host whose network was not given", Network{Links: []Link{link(7, "eth0", "169.254.0.0/16", "fe80::/64")}},
			"7 169.254.0.0/16, 7 fe80::/64"},
		{"a host with every private network", Network{Links: []Link{link(7, "eth0",
			"10.0.0.0/8", "172.16.0.0/12", "172.31.255.0/24", "169.254.0.0/16", "fc00::/7", "fe80::/10", "10.1.2.3/32")}},
			"7 10.0.0.0/8, 7 172.16.0.0/12, 7 172.31.255.0/24, 7 169.254.0.0/16, 7 fc00::/7, 7 fe80::/10, 7 10.1.2.3/32"},
		{"a host with networks that are not", Network{Links: []Link{link(7, "eth0",
			"9.0.0.0/8", "10.0.0.0/7", "172.32.0.0/16", "192.169.0.0/16", "100.64.0.0/10", "fe00::/7", "fec0::/10", "0.0.0.0/0",
			"::/0")}}, ""},
		{"nothing", Network{}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := ""
			for i, s := range row.n.Subnets() {
				if i > 0 {
					got += ", "
				}
				got += fmt.Sprintf("%d %v", s.Interface, s.Prefix)
			}
			if got != row.want {
				t.Errorf("%s\nwant: %s", got, row.want)
			}
		})
	}
}

// TestLAN: what OpenWrt's file of networks calls the LAN.
func TestLAN(t *testing.T) {
	const rest = "config interface 'wan'\n\toption device 'wan'\n\toption proto 'dhcp'\n"
	for _, row := range []struct {
		name, file string
		want       []string
	}{
		{"as the image writes it", "config device\n\toption name 'br-lan'\n\toption type 'bridge'\n\tlist ports 'lan1'\n\n" +
			"config interface 'lan'\n\toption device 'br-lan'\n\toption proto 'static'\n\n" + rest, []string{"br-lan"}},
		{"a VLAN of a bridge", rest + "config interface lan\n\toption device br-lan.10\n", []string{"br-lan.10"}},
		{"one port", "config interface 'lan'\n\toption device 'eth0'\n" + rest, []string{"eth0"}},
		{"releases before 21.02", "config interface 'lan'\n\toption ifname 'eth0.1'\n" + rest, []string{"eth0.1"}},
		{"and a bridge of theirs", "config interface 'lan'\n\toption type 'bridge'\n\toption ifname 'eth0 eth1'\n" + rest,
			[]string{"br-lan"}},
		{"two devices", "config interface 'lan'\n\toption ifname 'eth0  eth1'\n" + rest, []string{"eth0", "eth1"}},
		{"no network lan", rest, []string{"br-lan"}},
		{"a network without a device", "config interface 'lan'\n\toption proto 'none'\n" + rest, []string{"br-lan"}},
		{"a device of the name", "config device 'lan'\n\toption device 'eth7'\n", []string{"br-lan"}},
		{"a quote that is not closed", "config interface 'lan'\n\toption device 'eth7\n", []string{"br-lan"}},
		{"empty", "", []string{"br-lan"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := tree(t, map[string]string{"etc/openwrt_release": "", "etc/config/network": row.file})
			if got := b.LAN(); !slices.Equal(got, row.want) {
				t.Errorf("%q, want %q", got, row.want)
			}
		})
	}
	if got := At("testdata/openwrt").LAN(); !slices.Equal(got, []string{"br-lan"}) {
		t.Errorf("without the file %q", got)
	}
	if got := tree(t, map[string]string{"etc/config/network": "config interface 'lan'\noption device 'eth0'\n"}).LAN(); got != nil {
		t.Errorf("a machine that is not OpenWrt: %q", got)
	}
}

func TestForwards(t *testing.T) {
	const conf = "proc/sys/net/%s/conf/%s/forwarding"
	for _, row := range []struct {
		name, version, link, value string
		want                       bool
	}{
		{"IPv4", "ipv4", "all", "1\n", true},
		{"IPv6", "ipv6", "all", "1\n", true},
		{"one interface", "ipv4", "br-lan", "1\n", true},
		{"IPv6 with router advertisements", "ipv6", "wan", "2\n", true},
		{"interfaces to come", "ipv4", "default", "1\n", false},
		{"no", "ipv4", "all", "0\n", false},
	} {
		files := map[string]string{
			fmt.Sprintf(conf, "ipv4", "lo"): "0\n", fmt.Sprintf(conf, "ipv6", "lo"): "0\n",
			fmt.Sprintf(conf, row.version, row.link): row.value,
		}
		if got := tree(t, files).forwards(); got != row.want {
			t.Errorf("%s: %v, want %v", row.name, got, row.want)
		}
	}
	if tree(t, nil).forwards() {
		t.Error("a machine that does not say forwards")
	}
}
