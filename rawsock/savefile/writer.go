package savefile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Writer writes one capture file or stream, little-endian and with nanosecond times. It is for one
// goroutine.
//
// Records are collected in a buffer. When the next record does not fit any more, and when Flush is called,
// the buffer goes out in one Write of whole records: what is cut between two writes is a valid file. The
// Writer calls w.Write itself and blocks with it, so that a live capture puts something bounded behind it.
// After a failed Write every further call returns the same error; records in the buffer are then lost.
type Writer struct {
	w          io.Writer
	buf        []byte
	room       int      // bytes of buf before it goes out
	linkTypes  []uint16 // of the interfaces added so far
	text       int      // bytes in their names and filters
	snapLength uint32   // pcap: of the file
	ng         bool
	err        error
}

// Section describes who makes a pcapng file. Empty fields are left out.
type Section struct {
	Hardware    string // the machine
	OS          string
	Application string
}

// Statistics are the counters of one interface since the capture began.
type Statistics struct {
	Interface int   // what AddInterface returned
	Time      int64 // when they were read, nanoseconds since 1970
	Received  uint64
	Dropped   uint64 // for lack of room
}

// NewPcapngWriter begins a pcapng file. Interfaces may be added until the end, each before its first frame.
func NewPcapngWriter(w io.Writer, section Section) (*Writer, error) {
	return NewPcapngStream(w, section, writeBuffer)
}

// NewPcapngStream is NewPcapngWriter for a stream of which there may be many: it collects so many bytes, where a file's
// Writer collects 32 KiB. A longer record goes out by itself, and the buffer stays as long as that.
func NewPcapngStream(w io.Writer, section Section, buffer int) (*Writer, error) {
	writer := &Writer{w: w, ng: true, room: buffer, buf: make([]byte, 0, buffer)}
	if err := writer.addSection(section); err != nil {
		return nil, err
	}
	return writer, nil
}

// NewPcapWriter begins a pcap file. Its header is written with the first interface, which gives the file
// its only link type and snap length; without one the file stays empty. Names, filters and directions are
// not kept.
func NewPcapWriter(w io.Writer) *Writer {
	return &Writer{w: w, room: writeBuffer, buf: make([]byte, 0, writeBuffer)}
}

// AddInterface describes an interface and returns the index for Frame.Interface. Readers built on libpcap
// cut frames to the snap length: give 0 where frames may become longer, as by a VLAN tag put back.
//
// In pcap the frames of further interfaces join those of the first; they need its link type and a snap
// length within its own, else it is ErrFrame. Going beyond MaxInterfaces, MaxText or MaxInterfaceText is
// ErrFrame as well.
func (w *Writer) AddInterface(i Interface) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	if len(w.linkTypes) == MaxInterfaces {
		return 0, refused("interface %d: a file holds %d; write a second file", len(w.linkTypes), MaxInterfaces)
	}
	add := w.addToPcap
	if w.ng {
		add = w.addDescription
	}
	if err := add(i); err != nil {
		return 0, err
	}
	w.linkTypes = append(w.linkTypes, i.LinkType)
	return len(w.linkTypes) - 1, nil
}

// WriteFrame writes f and keeps nothing of it. ErrFrame means that f names an unknown interface or another
// link type than the interface has, is longer than MaxFrame, or has a time that the format cannot hold:
// before 1970, in pcap also after 2106. A wire length below len(f.Data) is raised to it.
func (w *Writer) WriteFrame(f *Frame) error {
	if w.err != nil {
		return w.err
	}
	if uint(f.Interface) >= uint(len(w.linkTypes)) {
		return refused("frame of interface %d, with %d added: call AddInterface first", f.Interface, len(w.linkTypes))
	}
	if f.LinkType != w.linkTypes[f.Interface] {
		return refused("frame of link type %d on interface %d, which has %d: add an interface for it", f.LinkType, f.Interface, w.linkTypes[f.Interface])
	}
	if len(f.Data) > MaxFrame {
		return refused("frame of %d bytes is longer than %d: cut it and keep the wire length", len(f.Data), MaxFrame)
	}
	if w.ng {
		return w.addEnhancedPacket(f)
	}
	return w.addRecord(f)
}

// WriteStatistics writes what an interface counted, usually once at the end of a capture. pcap has no place
// for it: the error then matches errors.ErrUnsupported and the Writer remains usable.
func (w *Writer) WriteStatistics(s Statistics) error {
	switch {
	case w.err != nil:
		return w.err
	case !w.ng:
		return fmt.Errorf("savefile: statistics need pcapng: %w", errors.ErrUnsupported)
	case uint(s.Interface) >= uint(len(w.linkTypes)):
		return refused("statistics of interface %d, with %d added: call AddInterface first", s.Interface, len(w.linkTypes))
	case s.Time < 0:
		return refused("statistics of a time before 1970: set the clock")
	}
	return w.addStatistics(s)
}

// Flush writes everything that is still in the buffer. It does not sync or close.
func (w *Writer) Flush() error {
	if w.err != nil || len(w.buf) == 0 {
		return w.err
	}
	n, err := w.w.Write(w.buf)
	if err == nil && n < len(w.buf) {
		err = io.ErrShortWrite
	}
	if err != nil {
		w.err = fmt.Errorf("savefile: writing %d bytes of records: %w", len(w.buf), err)
		return w.err
	}
	w.buf = w.buf[:0]
	return nil
}

// reserve makes room for a record of n bytes; a record that is longer than the buffer has it for itself.
func (w *Writer) reserve(n int) error {
	if len(w.buf)+n <= w.room {
		return nil
	}
	return w.Flush()
}

func refused(format string, args ...any) error {
	return fmt.Errorf("savefile: %s: %w", fmt.Sprintf(format, args...), ErrFrame)
}

func (w *Writer) put16(v uint16) { w.buf = binary.LittleEndian.AppendUint16(w.buf, v) }
func (w *Writer) put32(v uint32) { w.buf = binary.LittleEndian.AppendUint32(w.buf, v) }
func (w *Writer) put64(v uint64) { w.buf = binary.LittleEndian.AppendUint64(w.buf, v) }
