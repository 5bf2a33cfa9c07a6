package rawsock

import (
	"encoding/binary"
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

var errNoAnswer = errors.New("no answer from rtnetlink")

// askNetlink sends one request to rtnetlink(7) and returns the answer behind its header, without waiting: the kernel
// answers such a request before the call that sends it returns. An interface that is not there is unix.ENODEV.
func askNetlink(kind uint16, body []byte) ([]byte, error) {
	const header = unix.NLMSG_HDRLEN
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	order := binary.NativeEndian
	request := make([]byte, header, header+len(body))
	order.PutUint32(request[0:], uint32(header+len(body)))
	order.PutUint16(request[4:], kind)
	order.PutUint16(request[6:], unix.NLM_F_REQUEST)
	if _, err := unix.Write(fd, append(request, body...)); err != nil {
		return nil, os.NewSyscallError("write", err)
	}
	answer := make([]byte, maxNetlinkAnswer)
	n, err := unix.Read(fd, answer)
	for err == unix.EINTR {
		n, err = unix.Read(fd, answer)
	}
	switch {
	case err == unix.EAGAIN, err == nil && n < header+4:
		return nil, errNoAnswer
	case err != nil:
		return nil, os.NewSyscallError("read", err)
	case order.Uint16(answer[4:]) == unix.NLMSG_ERROR:
		return nil, unix.Errno(-int32(order.Uint32(answer[header:])))
	}
	return answer[header:n], nil
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
