package rawsock

import (
	"encoding/binary"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// reads takes one frame after another out of the socket's receive buffer with recvmsg(2). Everything that a call
// fills is in here, made once.
type reads struct {
	fd      int
	granted int // bytes of the receive buffer

	buffer  []byte // headRoom, then the frame
	message unix.Msghdr
	vector  unix.Iovec
	control [controlLength]byte // behind what is as large as a word: so aligned are the headers in it
	from    unix.RawSockaddrLinklayer

	// Of the frame in the buffer.
	length int   // captured bytes
	time   int64 // nanoseconds since the Unix epoch
	aux    unix.TpacketAuxdata

	held   bool // a frame is in the buffer that next has not given
	burst  int  // frames that next gives before it says false
	failed unix.Errno
}

// controlLength is room for the two control messages, with the largest alignment.
const controlLength = 128

// newReads prepares a socket that is not bound yet.
func newReads(fd, receiveBuffer int) (*reads, error) {
	// The forced option passes net.core.rmem_max but needs CAP_NET_ADMIN.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer); err != nil {
			return nil, os.NewSyscallError("SO_RCVBUF", err)
		}
	}
	granted, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	if err != nil {
		return nil, os.NewSyscallError("SO_RCVBUF", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1); err != nil {
		return nil, os.NewSyscallError("PACKET_AUXDATA", err)
	}
	// The new form has 64 bits for the seconds on every architecture. The kernel begins to stamp frames some milliseconds
	// after the first socket of all asks for it; until then a frame has the time when it is read.
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_NEW, 1); err != nil {
		return nil, os.NewSyscallError("SO_TIMESTAMPNS_NEW", err)
	}
	r := &reads{fd: fd, granted: granted, buffer: make([]byte, headRoom+maxSnapLength), burst: readBurst}
	r.vector.Base = &r.buffer[headRoom]
	r.vector.SetLen(maxSnapLength)
	r.message.Name = (*byte)(unsafe.Pointer(&r.from))
	r.message.Iov = &r.vector
	r.message.SetIovlen(1)
	r.message.Control = &r.control[0]
	return r, nil
}

// fill reports whether a frame is in the buffer, or an error is to be told; if not, it tries to get one.
func (r *reads) fill() bool {
	if !r.held && r.failed == 0 {
		r.held = r.receive()
	}
	return r.held || r.failed != 0
}

// next makes the next frame the current one.
func (r *reads) next() bool {
	if r.burst == 0 || !r.fill() || !r.held {
		r.burst = readBurst
		return false
	}
	r.held = false
	r.burst--
	return true
}

// receive gets a frame. It never waits: without one it returns false, with one or with an error in failed true.
func (r *reads) receive() bool {
	for {
		r.message.Namelen = unix.SizeofSockaddrLinklayer
		r.message.SetControllen(controlLength)
		// With MSG_TRUNC the length is the frame's even if the buffer is shorter.
		n, _, errno := unix.Syscall(unix.SYS_RECVMSG, uintptr(r.fd), uintptr(unsafe.Pointer(&r.message)),
			unix.MSG_DONTWAIT|unix.MSG_TRUNC)
		switch errno {
		case 0:
			r.length = min(int(n), maxSnapLength)
			r.readControl()
			return true
		case unix.EAGAIN:
			return false
		case unix.EINTR, unix.ENETDOWN:
			// The kernel tells once that the link went down; frames may wait behind that, and come when it is up again.
		default:
			r.failed = errno
			return false
		}
	}
}

// readControl takes the metadata of the frame out of the control messages.
func (r *reads) readControl() {
	r.time, r.aux = 0, unix.TpacketAuxdata{Len: uint32(r.length)}
	for rest := r.control[:r.message.Controllen]; len(rest) >= unix.SizeofCmsghdr; {
		header, data, behind, err := unix.ParseOneSocketControlMessage(rest)
		if err != nil {
			break
		}
		switch {
		case header.Level == unix.SOL_PACKET && header.Type == unix.PACKET_AUXDATA && len(data) >= int(unsafe.Sizeof(r.aux)):
			r.aux = *(*unix.TpacketAuxdata)(unsafe.Pointer(&data[0]))
		case header.Level == unix.SOL_SOCKET && header.Type == unix.SO_TIMESTAMPNS_NEW && len(data) >= 16:
			// struct __kernel_timespec
			r.time = int64(binary.NativeEndian.Uint64(data))*1e9 + int64(binary.NativeEndian.Uint64(data[8:]))
		}
		rest = behind
	}
	if r.time == 0 {
		r.time = time.Now().UnixNano() // a frame of the moment in which the kernel's stamps were switched on
	}
}
