package board

import (
	"bufio"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Network is what tells the LAN from the rest of the world.
type Network struct {
	// Forwards: the machine passes packets on from one interface to another, as a router does.
	Forwards bool
	// LAN names the interfaces that the machine's configuration calls the LAN; nil where it says nothing of the kind.
	LAN []string
	// Uplinks names the interfaces that a default route leads through, or did. They are asked for where Subnets needs them.
	Uplinks []string
	Links   []Link
}

// Link is an interface with the networks that are behind it.
type Link struct {
	Index    int
	Name     string
	Loopback bool
	Networks []netip.Prefix // of its addresses
}

// Subnet is a network behind an interface. The same one may lie behind others, as fe80::/64 does.
type Subnet struct {
	Interface int // its index
	netip.Prefix
}

// Subnets are the LAN's:
//
//   - where the configuration names the LAN, the networks behind what it names, and no others: a network for guests is none;
//   - on a machine that forwards, the networks behind every interface but the uplinks. While no uplink is known nothing tells
//     the two sides apart, and there are none;
//   - on any other machine, the private networks of every interface: RFC 1918, RFC 4193 and link-local ones (RFC 3927,
//     RFC 4291 §2.5.6).
//
// An interface that nobody named and that has no more than its network of fe80::/10 has none of them: every interface has
// that one, also the wire below a PPPoE or VLAN uplink, where the world is.
//
// The loopback is none of them: what comes from there is the machine itself.
func (n *Network) Subnets() []Subnet {
	var all []Subnet
	for _, link := range n.Links {
		if link.Loopback {
			continue
		}
		before, given := len(all), n.LAN != nil
		for _, p := range link.Networks {
			if n.inside(link.Name, p) {
				all = append(all, Subnet{link.Index, p})
				given = given || p.Addr().Is4() || !p.Addr().IsLinkLocalUnicast()
			}
		}
		if !given {
			all = all[:before]
		}
	}
	return all
}

func (n *Network) inside(name string, p netip.Prefix) bool {
	switch {
	case n.LAN != nil:
		return slices.Contains(n.LAN, name)
	case n.Forwards:
		return len(n.Uplinks) > 0 && !slices.Contains(n.Uplinks, name)
	}
	return slices.ContainsFunc(private, func(whole netip.Prefix) bool {
		return whole.Bits() <= p.Bits() && whole.Contains(p.Addr())
	})
}

var private = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("fc00::/7"), netip.MustParsePrefix("fe80::/10"),
}

// forwards reads what the kernel was told, for each interface and for all of them (Linux ip-sysctl, forwarding).
func (b Board) forwards() bool {
	for _, version := range []string{"ipv4", "ipv6"} {
		paths, _ := filepath.Glob(b.path("proc", "sys", "net", version, "conf", "*", "forwarding"))
		for _, path := range paths {
			if filepath.Base(filepath.Dir(path)) == "default" {
				continue // of interfaces that are still to come
			}
			if text, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(text)) != "0" {
				return true
			}
		}
	}
	return false
}

// LAN names the interfaces of OpenWrt's network "lan", as etc/config/network has them: the option device, or ifname in
// releases before 21.02. It is br-lan where the file does not say. Machines of other makers get nil: nothing tells.
func (b Board) LAN() []string {
	if !b.OpenWrt() {
		return nil
	}
	var names []string
	inLAN, bridge := false, false
	if f, err := os.Open(b.path("etc", "config", "network")); err == nil {
		defer f.Close()
		for s := bufio.NewScanner(f); s.Scan(); {
			words, ok := uciWords(s.Text())
			switch {
			case !ok || len(words) < 2:
			case words[0] == "config":
				inLAN = words[1] == "interface" && len(words) == 3 && words[2] == "lan"
			case inLAN && len(words) == 3 && (words[1] == "device" || words[1] == "ifname"):
				names = strings.Fields(words[2])
			case inLAN && len(words) == 3 && words[1] == "type":
				bridge = words[2] == "bridge" // of what ifname lists; it is called after the network
			}
		}
	}
	if bridge || len(names) == 0 {
		return []string{"br-lan"}
	}
	return names
}
