//go:build linux

package testbed

import (
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// LinkOption is a property of both ends of a Link.
type LinkOption func(*linkConfig)

type linkConfig struct {
	quiet      bool
	noOffloads bool
	macs       [2]string
}

// Quiet makes a link on which the kernel sends nothing of its own accord, so that a test can say "no
// frames": no router solicitations, no multicast listener reports, no ARP, no neighbour discovery. The
// ends have no IPv6 link-local address, and reach only who is named to them with Neighbour.
func Quiet() LinkOption { return func(c *linkConfig) { c.quiet = true } }

// NoOffloads makes the sender compute checksums and cut segments itself, as a plain wire would show them.
// With offloads, frames between two namespaces carry unfinished checksums and up to 64 KiB.
func NoOffloads() LinkOption { return func(c *linkConfig) { c.noOffloads = true } }

// MACs gives the two ends fixed hardware addresses.
func MACs(a, b string) LinkOption { return func(c *linkConfig) { c.macs = [2]string{a, b} } }

// linkIndex numbers the first ends of links, far above what a namespace counts by itself.
var linkIndex atomic.Int64

func init() { linkIndex.Store(1000) }

// Link joins two namespaces with a veth pair (veth(4)): interface aName in a, bName in b. It returns when
// both ends are up and operational. The link lives as long as its namespaces.
func Link(t testing.TB, a *Namespace, aName string, b *Namespace, bName string, options ...LinkOption) {
	t.Helper()
	var config linkConfig
	for _, option := range options {
		option(&config)
	}
	ends := []struct {
		ns        *Namespace
		name, mac string
	}{{a, aName, config.macs[0]}, {b, bName, config.macs[1]}}

	if config.quiet {
		for _, end := range ends {
			// An interface of a router joins the routers' group when it is made, and reports that when it
			// comes up; one that becomes a router without multicast does not.
			forwarding := end.ns.readSysctl(t, "net/ipv6/conf/default/forwarding")
			end.ns.Sysctl(t, "net/ipv6/conf/default/forwarding", "0")
			defer end.ns.Sysctl(t, "net/ipv6/conf/default/forwarding", forwarding)
			defer end.ns.Sysctl(t, "net/ipv6/conf/"+end.name+"/forwarding", forwarding)
		}
	}
	// The kernel tells of a new carrier at once where an interface and its peer have different indexes, and
	// else up to a second later; two fresh namespaces would both begin to count at 2.
	index := strconv.FormatInt(linkIndex.Add(1), 10)
	if _, err := run("ip", "link", "add", aName, "index", index, "netns", a.Name, "type", "veth",
		"peer", "name", bName, "netns", b.Name); err != nil {
		t.Fatal(err)
	}
	for _, end := range ends {
		if end.mac != "" {
			end.ns.ip(t, "link", "set", end.name, "address", end.mac)
		}
		if config.noOffloads {
			end.ns.disableOffloads(t, end.name)
		}
		if config.quiet {
			end.ns.silence(t, end.name)
		}
	}
	for _, end := range ends {
		end.ns.ip(t, "link", "set", end.name, "up")
	}
	for _, end := range ends {
		if err := end.ns.awaitOperational(end.name); err != nil {
			t.Fatal(err)
		}
	}
}

// silence must run before the interface comes up: what the kernel has to announce, it announces then.
func (n *Namespace) silence(t testing.TB, name string) {
	t.Helper()
	n.Sysctl(t, "net/ipv6/conf/"+name+"/router_solicitations", "0")
	// Each multicast group joined is reported. Without a link-local address, without ARP and without
	// multicast none is joined but all-nodes, which is never reported (RFC 3810, section 6).
	n.ip(t, "link", "set", name, "addrgenmode", "none")
	n.ip(t, "link", "set", name, "arp", "off", "multicast", "off")
}

// Addr gives an interface an address with its prefix length, "192.168.1.2/24" or "fd00::2/64", usable when
// Addr returns.
func (n *Namespace) Addr(t testing.TB, name, prefix string) {
	t.Helper()
	parsed, err := netip.ParsePrefix(prefix)
	if err != nil {
		t.Fatalf("address for %s in %s: %v", name, n.Name, err)
	}
	args := []string{"address", "add", prefix, "dev", name}
	if parsed.Addr().Is6() {
		args = append(args, "nodad")
	}
	n.ip(t, args...)
}

// Route adds a route; the destination is a prefix or "default", the gateway an address of its family.
func (n *Namespace) Route(t testing.TB, destination, gateway string) {
	t.Helper()
	via, err := netip.ParseAddr(gateway)
	if err != nil {
		t.Fatalf("gateway in %s: %v", n.Name, err)
	}
	family := "-4"
	if via.Is6() {
		family = "-6"
	}
	n.ip(t, family, "route", "add", destination, "via", gateway)
}

// Neighbour names the hardware address behind an IP address once and for all, so that nobody has to ask
// for it.
func (n *Namespace) Neighbour(t testing.TB, name, address, mac string) {
	t.Helper()
	n.ip(t, "neighbour", "replace", address, "lladdr", mac, "dev", name, "nud", "permanent")
}

// Interface returns what the kernel says of an interface of the namespace.
func (n *Namespace) Interface(t testing.TB, name string) *net.Interface {
	t.Helper()
	var found *net.Interface
	err := n.Do(func() (err error) {
		found, err = net.InterfaceByName(name)
		return err
	})
	if err != nil {
		t.Fatalf("interface %s in %s: %v", name, n.Name, err)
	}
	return found
}

// awaitOperational waits until an interface is up and its carrier has been noticed, which the kernel does
// later than the command that set it up. Before that an IPv6 address is not usable.
func (n *Namespace) awaitOperational(name string) error {
	return n.Do(func() error {
		// The subscription stands before the first look: no change falls between the two.
		events, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
		if err != nil {
			return fmt.Errorf("testbed: watch links in %s: %w", n.Name, err)
		}
		defer unix.Close(events)
		if err := unix.Bind(events, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_LINK}); err != nil {
			return fmt.Errorf("testbed: watch links in %s: %w", n.Name, err)
		}
		request, err := unix.NewIfreq(name)
		if err != nil {
			return fmt.Errorf("testbed: interface %q: %w", name, err)
		}
		const operational = unix.IFF_UP | unix.IFF_RUNNING
		for end := time.Now().Add(linkDeadline); ; {
			if err := unix.IoctlIfreq(events, unix.SIOCGIFFLAGS, request); err != nil {
				return fmt.Errorf("testbed: flags of %s in %s: %w", name, n.Name, err)
			}
			if request.Uint16()&operational == operational {
				return nil
			}
			ready, err := pollFor(events, unix.POLLIN, time.Until(end))
			if err != nil {
				return fmt.Errorf("testbed: watch links in %s: %w", n.Name, err)
			}
			if !ready {
				return fmt.Errorf("testbed: %s in %s is not operational after %v: is the other end up?", name, n.Name, linkDeadline)
			}
			// What changed does not matter, and an overrun (ENOBUFS) is a change too.
			var message [4096]byte
			unix.Recvfrom(events, message[:], 0)
		}
	})
}

// disableOffloads speaks ETHTOOL ioctls, netdevice(7): the ethtool program is not everywhere.
func (n *Namespace) disableOffloads(t testing.TB, name string) {
	t.Helper()
	features := []struct {
		name    string
		command uint32
	}{
		{"TCP segmentation", unix.ETHTOOL_STSO},
		{"generic segmentation", unix.ETHTOOL_SGSO},
		{"generic receive", unix.ETHTOOL_SGRO},
		{"scatter-gather", unix.ETHTOOL_SSG},
		{"transmit checksum", unix.ETHTOOL_STXCSUM},
	}
	err := n.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		for _, feature := range features {
			// struct ethtool_value and struct ifreq with ifr_data, linux/ethtool.h and linux/if.h.
			value := struct{ command, data uint32 }{command: feature.command}
			var request struct {
				name [unix.IFNAMSIZ]byte
				data unsafe.Pointer
				_    [24 - unsafe.Sizeof(uintptr(0))]byte
			}
			copy(request.name[:unix.IFNAMSIZ-1], name)
			request.data = unsafe.Pointer(&value)
			_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request)))
			runtime.KeepAlive(&value)
			if errno != 0 {
				return fmt.Errorf("%s offload: %w", feature.name, errno)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("switch off offloads of %s in %s: %v", name, n.Name, err)
	}
}
