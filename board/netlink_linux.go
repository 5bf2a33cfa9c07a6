package board

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Bounds of the questions to rtnetlink(7).
const (
	// dumpBuffer takes the longest message of a dump that the kernel writes.
	dumpBuffer = 32 << 10
	// dumpTimeout is how long the kernel may take, which waits for whoever configures links.
	dumpTimeout = 2 * time.Second
	// dumpTries is how often a dump is begun again because something changed meanwhile.
	dumpTries = 4
)

// errChanged: the kernel says that a dump is not of one moment (NLM_F_DUMP_INTR).
var errChanged = errors.New("the network changes faster than it can be read")

// Network asks kernel and configuration. The interfaces are those of the network namespace of the calling thread.
func (b Board) Network() (n Network, err error) {
	for range dumpTries {
		n = Network{Forwards: b.forwards(), LAN: b.LAN()}
		if err = n.readLinks(); !errors.Is(err, errChanged) {
			break
		}
	}
	if err != nil {
		return Network{}, fmt.Errorf("board: read interfaces and routes: %w", err)
	}
	return n, nil
}

// readLinks reads interfaces, their addresses and, where the rule of Subnets needs them, the routes.
func (n *Network) readLinks() error {
	err := dump(unix.RTM_GETLINK, unix.SizeofIfInfomsg, func(head, attributes []byte) {
		link := Link{
			Index:    int(binary.NativeEndian.Uint32(head[4:])),
			Loopback: binary.NativeEndian.Uint32(head[8:])&unix.IFF_LOOPBACK != 0,
		}
		each(attributes, func(kind uint16, value []byte) {
			if kind == unix.IFLA_IFNAME {
				link.Name = unix.ByteSliceToString(value)
			}
		})
		n.Links = append(n.Links, link)
	})
	if err == nil {
		err = dump(unix.RTM_GETADDR, unix.SizeofIfAddrmsg, func(head, attributes []byte) {
			link := n.link(int(binary.NativeEndian.Uint32(head[4:])))
			each(attributes, func(kind uint16, value []byte) {
				// Of a link with one peer it is the peer's address (IFA_LOCAL is our own), which is what is behind the link.
				if addr, ok := netip.AddrFromSlice(value); ok && kind == unix.IFA_ADDRESS && link != nil {
					if p, err := addr.Prefix(int(head[1])); err == nil && !slices.Contains(link.Networks, p) {
						link.Networks = append(link.Networks, p)
					}
				}
			})
		})
	}
	if err == nil && n.Forwards && n.LAN == nil {
		err = dump(unix.RTM_GETROUTE, unix.SizeofRtMsg, func(head, attributes []byte) {
			if isDefault(head) {
				each(attributes, n.uplink)
			}
		})
	}
	return err
}

// link returns the one of this index, nil when it came after the links were read.
func (n *Network) link(index int) *Link {
	i := slices.IndexFunc(n.Links, func(l Link) bool { return l.Index == index })
	if i < 0 {
		return nil
	}
	return &n.Links[i]
}

// isDefault looks at the head of a route (struct rtmsg, rtnetlink(7)) of any table. The halves and quarters that VPNs
// write instead of a default route, and 2000::/3, count as one.
func isDefault(head []byte) bool {
	const family, length, kind = 0, 1, 7 // offsets
	most := byte(2)
	if head[family] == unix.AF_INET6 {
		most = 3
	}
	return head[length] <= most && head[kind] == unix.RTN_UNICAST
}

// uplink takes the interface out of an attribute of a default route, or several of one with several next hops.
func (n *Network) uplink(kind uint16, value []byte) {
	order := binary.NativeEndian
	switch {
	case kind == unix.RTA_OIF && len(value) >= 4:
		n.addUplink(int(order.Uint32(value)))
	case kind == unix.RTA_MULTIPATH:
		for len(value) >= unix.SizeofRtNexthop {
			length := int(order.Uint16(value))
			n.addUplink(int(order.Uint32(value[4:])))
			if length < unix.SizeofRtNexthop {
				return
			}
			value = value[min((length+3)&^3, len(value)):]
		}
	}
}

func (n *Network) addUplink(index int) {
	if l := n.link(index); l != nil && !l.Loopback && !slices.Contains(n.Uplinks, l.Name) {
		n.Uplinks = append(n.Uplinks, l.Name)
	}
}

// dump asks for all of a kind and hands out each message: the part of fixed size, and the attributes behind it. What it
// hands out is valid until the function returns.
func dump(kind uint16, fixed int, message func(head, attributes []byte)) error {
	const header = unix.NLMSG_HDRLEN
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	patience := unix.NsecToTimeval(dumpTimeout.Nanoseconds())
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience); err != nil {
		return os.NewSyscallError("SO_RCVTIMEO", err)
	}
	order := binary.NativeEndian
	request := make([]byte, header+fixed) // of every address family
	order.PutUint32(request[0:], uint32(len(request)))
	order.PutUint16(request[4:], kind)
	order.PutUint16(request[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	if _, err := unix.Write(fd, request); err != nil {
		return os.NewSyscallError("write", err)
	}
	buffer := make([]byte, dumpBuffer)
	for changed := false; ; {
		n, err := unix.Read(fd, buffer)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return os.NewSyscallError("read", err)
		}
		for rest := buffer[:n]; len(rest) >= header; {
			length := int(order.Uint32(rest))
			if length < header || length > len(rest) {
				return errors.New("rtnetlink sent a message of no length")
			}
			body := rest[header:length]
			changed = changed || order.Uint16(rest[6:])&unix.NLM_F_DUMP_INTR != 0
			switch answer := order.Uint16(rest[4:]); {
			case answer == unix.NLMSG_DONE && changed:
				return errChanged
			case answer == unix.NLMSG_DONE:
				return nil
			case answer == unix.NLMSG_ERROR && len(body) >= 4:
				return unix.Errno(-int32(order.Uint32(body)))
			case len(body) >= fixed:
				message(body[:fixed], body[fixed:])
			}
			rest = rest[min((length+3)&^3, len(rest)):]
		}
	}
}

// each walks attributes (struct rtattr, rtnetlink(7)).
func each(attributes []byte, attribute func(kind uint16, value []byte)) {
	const header = unix.SizeofRtAttr
	for len(attributes) >= header {
		length := int(binary.NativeEndian.Uint16(attributes))
		if length < header || length > len(attributes) {
			return
		}
		kind := binary.NativeEndian.Uint16(attributes[2:]) &^ uint16(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER)
		attribute(kind, attributes[header:length])
		attributes = attributes[min((length+3)&^3, len(attributes)):]
	}
}
