package frame

import (
	"io"

	"network-sniffer/decode"
	"network-sniffer/rawsock/savefile"
)

// captureBuffer is what a Capture collects before it writes, in bytes. A longer frame makes it as long as that, and so does
// one with a tag to a second buffer.
const captureBuffer = 4096

// Capture is a pcapng stream of frames, for Wireshark and tshark while it grows. It is for one goroutine. It allocates
// nothing for a frame once it has met the frame's interface and a frame as long.
//
// A VLAN tag is put back into the bytes and counts in both lengths. Behind a cooked header it stands as if the header's
// protocol were an Ethernet type: that becomes the type of the tag, and the rest of the tag and the protocol that was there
// follow the header.
type Capture struct {
	out        *savefile.Writer
	name       func(iface uint8) string
	interfaces []streamInterface // by their number in the stream
	buffer     []byte            // of a frame with its tag
	missed     uint64
}

// streamInterface is one description in the stream: a number of the recorder's can become an interface with another link
// header, when one is deleted and made again.
type streamInterface struct {
	number  uint8
	link    decode.LinkType
	written uint64 // frames
}

// NewCapture begins a stream on w. What it says of its maker is application; name gives an interface's name when its first
// frame comes. w gets whole blocks: what is cut between two calls of its Write is a valid file. An error of w ends the
// stream: every call from then on returns it.
func NewCapture(w io.Writer, application string, name func(iface uint8) string) (*Capture, error) {
	out, err := savefile.NewPcapngStream(w, savefile.Section{Application: application}, captureBuffer)
	if err != nil {
		return nil, err
	}
	return &Capture{out: out, name: name}, nil
}

// Frame adds a frame, and the description of its interface in front of the first one. A frame that pcapng cannot hold is
// savefile.ErrFrame: the stream goes on without it.
func (c *Capture) Frame(fr *Frame) error {
	number, err := c.interfaceOf(fr)
	if err != nil {
		return err
	}
	w := onWire(fr)
	data := fr.Data
	if w.in > 0 {
		c.buffer = append(append(c.buffer[:0], w.front[:w.in]...), w.rest...)
		data = c.buffer
	}
	err = c.out.WriteFrame(&savefile.Frame{
		Data:       data,
		Time:       fr.Meta.Time,
		WireLength: w.length,
		LinkType:   uint16(fr.Meta.LinkType),
		Interface:  number,
		Direction:  uint8(fr.Meta.Direction),
	})
	if err == nil {
		c.interfaces[number].written++
	}
	return err
}

// interfaceOf returns the number of the frame's interface in the stream. There are few: at most as many as the recorder has,
// for each link type.
func (c *Capture) interfaceOf(fr *Frame) (int, error) {
	for i := range c.interfaces {
		if known := &c.interfaces[i]; known.number == fr.Meta.Interface && known.link == fr.Meta.LinkType {
			return i, nil
		}
	}
	number, err := c.out.AddInterface(savefile.Interface{Name: c.name(fr.Meta.Interface), LinkType: uint16(fr.Meta.LinkType)})
	if err != nil {
		return 0, err
	}
	c.interfaces = append(c.interfaces, streamInterface{number: fr.Meta.Interface, link: fr.Meta.LinkType})
	if number == 0 && c.missed > 0 {
		return number, c.statistics(fr.Meta.Time)
	}
	return number, nil
}

// Missed writes how many frames this stream does not have, n in all since it began, as dropped ones in the statistics of an
// interface; now is in nanoseconds since the Unix epoch. Who was too late to see a frame does not know its interface
// either, so they all stand with the first one of the stream; until there is one, they wait for it.
func (c *Capture) Missed(n uint64, now int64) error {
	c.missed = n
	if len(c.interfaces) == 0 {
		return nil
	}
	return c.statistics(now)
}

// statistics writes those of the first interface.
func (c *Capture) statistics(now int64) error {
	return c.out.WriteStatistics(savefile.Statistics{
		Time: now, Received: c.interfaces[0].written + c.missed, Dropped: c.missed,
	})
}

// Flush writes what waits in memory: up to 4 KiB, or one longer frame.
func (c *Capture) Flush() error { return c.out.Flush() }
