// Package savefile reads and writes the two file formats of packet capture: pcap and pcapng.
//
// A Reader recognises the format by itself and hands out one Frame after the other, whatever wrote the
// file: either byte order, microseconds or nanoseconds, one section or many. A Writer makes files and
// streams that tcpdump, tshark and Wireshark open, with nanosecond times. Neither allocates per frame.
//
// What a file says is hostile until it is checked: lengths are bounded by the constants in limits.go, and memory
// grows with the bytes that arrived, never with the bytes that a header announces. Names and filters
// come out as they are in the file; escape them before a terminal shows them.
//
// Sources: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng, pcap-savefile(5), pcap-linktype(7); section
// names in the comments are those of the pcapng draft.
package savefile

import (
	"errors"
	"fmt"
)

// The link types that this product meets; every other number passes through unchanged. They are the
// LINKTYPE_ values of files, which differ from the kernel's and libpcap's DLT_ values for some media.
const (
	LinkTypeEthernet  uint16 = 1
	LinkTypeRaw       uint16 = 101 // IPv4 or IPv6 without anything in front
	LinkTypeLinuxSLL  uint16 = 113
	LinkTypeLinuxSLL2 uint16 = 276
)

// The values of Frame.Direction: sll_pkttype of packet(7), and one more for files that do not tell.
const (
	DirectionIn uint8 = iota
	DirectionBroadcast
	DirectionMulticast
	DirectionOther // addressed to somebody else, seen in promiscuous mode
	DirectionOut
	DirectionUnknown
)

// Frame is one captured frame. The caller owns the value and uses it again for every frame.
type Frame struct {
	// Data holds the captured bytes, at most MaxFrame. What Reader.Next puts here is valid until the next
	// call; Writer.WriteFrame copies it. A frame check sequence that the file kept is part of it.
	Data []byte

	// Time is in nanoseconds since 1970 UTC. Times before 1970 are negative and times that 64 bits cannot
	// hold are clamped. It is 0 in a Simple Packet Block, which has no time.
	Time int64

	// WireLength is the length on the medium in bytes, never less than len(Data).
	WireLength uint32

	// LinkType says what Data begins with; it is the link type of the frame's interface.
	LinkType uint16

	// Interface is an index into Reader.Interfaces, or what Writer.AddInterface returned.
	Interface int

	// Direction is one of the Direction constants. Among pcap files only the modified kind tells it.
	Direction uint8
}

// Interface is what a file says about the place where frames were captured.
type Interface struct {
	Name       string // empty when the file has none, as in pcap
	LinkType   uint16
	SnapLength uint32 // longest capture in bytes; 0 is no limit
	Filter     string // pcap-filter(7) expression; empty when there is none or it is kept as bytecode
}

// Sentinels for errors.Is.
var (
	// ErrFormat: the file contradicts itself or the format, or goes beyond a limit of this package. What
	// follows cannot be found again.
	ErrFormat = errors.New("not a valid capture file")

	// ErrTruncated: the file ends inside a record. All frames before it have been returned and are whole.
	ErrTruncated = errors.New("capture file is cut off")

	// ErrFrame: the format cannot hold what the Writer was given. Nothing was written, and the Writer
	// remains usable.
	ErrFrame = errors.New("cannot be written to this capture file")
)

// Error is what NewReader and Reader.Next return for everything but a clean end. It matches ErrFormat,
// ErrTruncated, or the error of the underlying io.Reader.
type Error struct {
	// Offset is where in the file the record or block begins that could not be read, in bytes.
	Offset int64

	// Read and Want are how many bytes of that record are there and how many it announces, both with its
	// header. Want counts the header alone while the header itself is cut.
	Read, Want int64

	kind    error
	problem string
}

func (e *Error) Error() string {
	switch {
	case e.problem != "":
		return fmt.Sprintf("savefile: at offset %d: %s", e.Offset, e.problem)
	case e.kind == ErrTruncated:
		return fmt.Sprintf("savefile: at offset %d: %v: %d of %d bytes of this record are there; use the frames before it, or copy the file again",
			e.Offset, e.kind, e.Read, e.Want)
	default:
		return fmt.Sprintf("savefile: at offset %d: reading failed after %d of %d bytes: %v", e.Offset, e.Read, e.Want, e.kind)
	}
}

// Unwrap returns ErrFormat, ErrTruncated or the error of the underlying io.Reader.
func (e *Error) Unwrap() error { return e.kind }
