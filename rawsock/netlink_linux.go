package rawsock

import (
	"encoding/binary"
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// netlink asks rtnetlink(7) one thing at a time, without waiting and without allocating: the kernel answers such a
// request before the call that sends it returns.
type netlink struct {
	fd       int
	sequence uint32
	request  [unix.NLMSG_HDRLEN + maxNetlinkRequest]byte
	answer   [maxNetlinkAnswer]byte
}

var errNoAnswer = errors.New("no answer from rtnetlink")

func newNetlink() (*netlink, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	return &netlink{fd: fd}, nil
}

func (n *netlink) close() error { return os.NewSyscallError("close", unix.Close(n.fd)) }

// ask sends a request and returns the answer behind its header; it is valid until the next request. An interface
// that is not there is unix.ENODEV.
func (n *netlink) ask(kind uint16, body []byte) ([]byte, error) {
	const header = unix.NLMSG_HDRLEN
	n.sequence++
	length := header + copy(n.request[header:], body)
	order := binary.NativeEndian
	order.PutUint32(n.request[0:], uint32(length))
	order.PutUint16(n.request[4:], kind)
	order.PutUint16(n.request[6:], unix.NLM_F_REQUEST)
	order.PutUint32(n.request[8:], n.sequence)
	if _, err := unix.Write(n.fd, n.request[:length]); err != nil {
		return nil, os.NewSyscallError("write", err)
	}
	for {
		got, err := unix.Read(n.fd, n.answer[:])
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return nil, errNoAnswer
		case err != nil:
			return nil, os.NewSyscallError("read", err)
		}
		message := n.answer[:got]
		if len(message) < header+4 || order.Uint32(message[8:]) != n.sequence {
			continue // what an earlier request left behind
		}
		if order.Uint16(message[4:]) == unix.NLMSG_ERROR {
			return nil, unix.Errno(-int32(order.Uint32(message[header:])))
		}
		return message[header:], nil
	}
}

// attribute returns the payload of the first attribute of this kind, nil when there is none.
func attribute(attributes []byte, kind uint16) []byte {
	const header = unix.SizeofRtAttr
	for len(attributes) >= header {
		length := int(binary.NativeEndian.Uint16(attributes))
		if length < header || length > len(attributes) {
			return nil
		}
		if binary.NativeEndian.Uint16(attributes[2:])&^uint16(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER) == kind {
			return attributes[header:length]
		}
		attributes = attributes[min((length+3)&^3, len(attributes)):]
	}
	return nil
}
