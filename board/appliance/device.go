package appliance

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// bindToDevice is what net.ListenConfig.Control does with a socket that is for one interface alone (SO_BINDTODEVICE,
// socket(7)). The kernel remembers the interface's index: one that is made again is another one.
func bindToDevice(name string) func(_, _ string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) (err error) {
		refused := c.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), name) })
		return errors.Join(refused, os.NewSyscallError("SO_BINDTODEVICE", err))
	}
}

// deviceOf returns the index of the interface that a TCP connection came through. IPv6 tells more of a packet's way for
// as long as it is asked, which costs a copy of each packet: it is asked for a moment.
func deviceOf(conn net.Conn) (index int, err error) {
	c, ok := conn.(syscall.Conn)
	if !ok {
		return 0, fmt.Errorf("appliance: %T is no socket", conn)
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	refused := raw.Control(func(fd uintptr) { index, err = deviceOfSocket(int(fd)) })
	return index, errors.Join(refused, err)
}

func deviceOfSocket(fd int) (int, error) {
	// The options that return for TCP what recvmsg(2) returns beside a datagram (ip(7), RFC 2292 §4.1).
	level, ask, options := unix.IPPROTO_IP, unix.IP_PKTINFO, unix.IP_PKTOPTIONS
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return 0, os.NewSyscallError("SO_DOMAIN", err)
	}
	if domain == unix.AF_INET6 {
		level, ask, options = unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, unix.IPV6_2292PKTOPTIONS
	}
	if err := unix.SetsockoptInt(fd, level, ask, 1); err != nil {
		return 0, os.NewSyscallError("setsockopt", err)
	}
	defer unix.SetsockoptInt(fd, level, ask, 0)
	var buffer [256]byte
	length := uint32(len(buffer))
	if _, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), uintptr(level), uintptr(options),
		uintptr(unsafe.Pointer(&buffer)), uintptr(unsafe.Pointer(&length)), 0); errno != 0 {
		return 0, os.NewSyscallError("getsockopt", errno)
	}
	messages, err := unix.ParseSocketControlMessage(buffer[:min(int(length), len(buffer))])
	if err != nil {
		return 0, os.NewSyscallError("getsockopt", err)
	}
	for _, m := range messages {
		switch {
		case m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_PKTINFO && len(m.Data) >= unix.SizeofInet4Pktinfo:
			return int(binary.NativeEndian.Uint32(m.Data)), nil
		case m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_PKTINFO && len(m.Data) >= unix.SizeofInet6Pktinfo:
			return int(binary.NativeEndian.Uint32(m.Data[16:])), nil
		}
	}
	return 0, errors.New("appliance: the kernel does not tell which interface a connection came through")
}
