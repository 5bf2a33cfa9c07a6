package rawsock

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// cookedHeader is the length of a LINUX_SLL2 header (https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html).
const cookedHeader = 20

// headRoom is what stands free in front of every frame of a cooked link, for the header; a multiple of
// TPACKET_ALIGNMENT.
const headRoom = 32

// cook puts a LINUX_SLL2 header in front of the frame, at the end of room.
func (f *Frame) cook(room []byte, from *unix.RawSockaddrLinklayer) {
	start := len(room) - cookedHeader
	h := room[start : start+cookedHeader : start+cookedHeader]
	binary.NativeEndian.PutUint16(h[0:], from.Protocol) // in network order already
	binary.BigEndian.PutUint16(h[2:], 0)
	binary.BigEndian.PutUint32(h[4:], uint32(from.Ifindex))
	binary.BigEndian.PutUint16(h[8:], from.Hatype)
	h[10] = from.Pkttype
	h[11] = from.Halen
	// A ring has bytes of older frames behind the address.
	length := copy(h[12:], from.Addr[:min(int(from.Halen), len(from.Addr))])
	clear(h[12+length:])
	f.Data = room[start : len(room)+len(f.Data) : len(room)+len(f.Data)]
	f.WireLength += cookedHeader
}
