package rawsock

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Lookup finds an interface by name. It returns ErrNoInterface when there is none. Any is always there.
func Lookup(name string) (Link, error) {
	if name == Any {
		return Link{Name: Any, Type: LinkCooked, Up: true}, nil
	}
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
	return Link{
		Name:     name,
		Index:    ifi.Index,
		Type:     linkType(hardware),
		MTU:      ifi.MTU,
		Up:       ifi.Flags&net.FlagUp != 0,
		Loopback: ifi.Flags&net.FlagLoopback != 0,
	}, nil
}

// linkType chooses how frames of an interface begin, by its ARPHRD_ number (linux/if_arp.h).
func linkType(hardware uint16) LinkType {
	switch hardware {
	case unix.ARPHRD_ETHER, unix.ARPHRD_LOOPBACK:
		return LinkEthernet
	// What crosses these is an IP packet, whatever stands before it on the way: the kernel takes that off.
	case unix.ARPHRD_PPP, unix.ARPHRD_NONE, unix.ARPHRD_RAWIP,
		unix.ARPHRD_TUNNEL, unix.ARPHRD_TUNNEL6, unix.ARPHRD_SIT, unix.ARPHRD_IPGRE, unix.ARPHRD_IP6GRE,
		unix.ARPHRD_SLIP, unix.ARPHRD_CSLIP, unix.ARPHRD_SLIP6, unix.ARPHRD_CSLIP6:
		return LinkRaw
	}
	return LinkCooked
}

// NameOf returns the name of the interface of this index now, ErrNoInterface when there is none. It does not wait for
// whoever configures links, as rtnetlink(7) and the package net would.
func NameOf(index int) (string, error) {
	what := "interface " + strconv.Itoa(index)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", opError("look up", what, os.NewSyscallError("socket", err), "")
	}
	defer unix.Close(fd)
	r := interfaceRequest{index: int32(index)}
	if err := r.ask(fd); err != nil {
		return "", opError("look up", what, err, "")
	}
	return string(r.bytes()), nil
}

// interfaceRequest is struct ifreq with ifr_ifindex.
type interfaceRequest struct {
	name  [unix.IFNAMSIZ]byte
	index int32
	_     [20]byte
}

// ask fills in the name (netdevice(7), SIOCGIFNAME).
func (r *interfaceRequest) ask(fd int) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCGIFNAME, uintptr(unsafe.Pointer(r)))
	switch errno {
	case 0:
		return nil
	case unix.ENODEV:
		return ErrNoInterface
	}
	return os.NewSyscallError("SIOCGIFNAME", errno)
}

func (r *interfaceRequest) bytes() []byte {
	length := bytes.IndexByte(r.name[:], 0)
	return r.name[:max(length, 0)]
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
