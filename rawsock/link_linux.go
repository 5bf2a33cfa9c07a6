package rawsock

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Lookup finds an interface by name. It returns ErrNoInterface when there is none.
func Lookup(name string) (Link, error) {
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return Link{}, opError("look up", name, ErrNoInterface, "see `ip link`")
	}
	hardware, err := hardwareType(name)
	if err != nil {
		if errors.Is(err, unix.ENODEV) {
			err = ErrNoInterface
		}
		return Link{}, opError("read the link type", name, err, "")
	}
	l := Link{
		Name:     name,
		Index:    ifi.Index,
		MTU:      ifi.MTU,
		Up:       ifi.Flags&net.FlagUp != 0,
		Loopback: ifi.Flags&net.FlagLoopback != 0,
	}
	switch hardware {
	case unix.ARPHRD_ETHER, unix.ARPHRD_LOOPBACK:
		l.Type = LinkEthernet
	default:
		l.Type, l.datagram = LinkRaw, true
	}
	return l, nil
}

// hardwareType asks for the ARPHRD_ number of an interface (netdevice(7), SIOCGIFHWADDR).
func hardwareType(name string) (uint16, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq(name)
	if err != nil {
		return 0, fmt.Errorf("interface name %q: %w", name, err)
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFHWADDR, req); err != nil {
		return 0, os.NewSyscallError("SIOCGIFHWADDR", err)
	}
	return req.Uint16(), nil
}

// LinkWatcher tells of changes of links and addresses over rtnetlink(7).
type LinkWatcher struct {
	file *os.File
	buf  [8192]byte
}

// WatchLinks subscribes to changes. It needs no privilege.
func WatchLinks() (*LinkWatcher, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("rawsock: watch links: %w", os.NewSyscallError("socket", err))
	}
	addr := &unix.SockaddrNetlink{
		Family: unix.AF_NETLINK,
		Groups: unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR,
	}
	if err := unix.Bind(fd, addr); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("rawsock: watch links: %w", os.NewSyscallError("bind", err))
	}
	return &LinkWatcher{file: os.NewFile(uintptr(fd), "rtnetlink")}, nil
}

// Wait returns nil after something changed; look the links up again, the change itself is not told. After
// Close it returns os.ErrClosed.
func (w *LinkWatcher) Wait() error {
	_, err := w.file.Read(w.buf[:])
	if errors.Is(err, unix.ENOBUFS) {
		return nil // changes came faster than they were read: there was one, all the same
	}
	if err != nil {
		return fmt.Errorf("rawsock: watch links: %w", err)
	}
	return nil
}

// Close ends a Wait that is under way.
func (w *LinkWatcher) Close() error { return w.file.Close() }
