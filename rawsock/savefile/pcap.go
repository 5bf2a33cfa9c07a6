package savefile

// The pcap format: a 24-byte header, then records of a header and the bytes of a frame.

const (
	pcapHeaderLength         = 24
	pcapRecordLength         = 16
	pcapModifiedRecordLength = 24

	magicMicroseconds uint32 = 0xa1b2c3d4
	magicNanoseconds  uint32 = 0xa1b23c4d
	// The patched libpcap of the first Linux distributions: each record also has the interface's number,
	// the EtherType and sll_pkttype.
	magicModified uint32 = 0xa1b2cd34
)

// pcapVariant is what the magic number and the version decide.
type pcapVariant struct {
	recordLength int
	fraction     int64 // nanoseconds in one unit of a record's second time field
	lengths      lengthOrder
}

// lengthOrder is where a record has its captured length. Before version 2.3 it stood behind the wire
// length; both orders were written under version 2.3.
type lengthOrder uint8

const (
	capturedFirst lengthOrder = iota
	wireFirst
	smallerIsCaptured
)

var pcapVariants = map[uint32]pcapVariant{
	magicMicroseconds: {recordLength: pcapRecordLength, fraction: 1000},
	magicNanoseconds:  {recordLength: pcapRecordLength, fraction: 1},
	magicModified:     {recordLength: pcapModifiedRecordLength, fraction: 1000},
}

func (r *Reader) readPcapHeader() error {
	h, err := r.in.take(pcapHeaderLength)
	if err != nil {
		return err
	}
	major, minor := r.uint16(h[4:]), r.uint16(h[6:])
	if major != 2 {
		return r.in.invalid("pcap version %d.%d: only 2.x is known; convert the file first (editcap -F pcapng)", major, minor)
	}
	switch {
	case minor < 3:
		r.pcap.lengths = wireFirst
	case minor == 3:
		r.pcap.lengths = smallerIsCaptured
	}
	// The upper half of the last field tells the length of a frame check sequence and has reserved bits.
	r.interfaces = append(r.interfaces, Interface{
		LinkType:   uint16(r.uint32(h[20:])),
		SnapLength: r.uint32(h[16:]),
	})
	return nil
}

func (r *Reader) readRecord(f *Frame) error {
	r.in.begin(r.pcap.recordLength)
	h, err := r.in.take(r.pcap.recordLength)
	if err != nil {
		return err
	}
	seconds, fraction := r.uint32(h), r.uint32(h[4:])
	captured, wire := r.uint32(h[8:]), r.uint32(h[12:])
	if r.pcap.lengths == wireFirst || r.pcap.lengths == smallerIsCaptured && captured > wire {
		captured, wire = wire, captured
	}
	if captured > MaxFrame {
		return r.in.damaged("frame of %d bytes is longer than the limit of %d", captured, MaxFrame)
	}
	direction := DirectionUnknown
	if r.pcap.recordLength == pcapModifiedRecordLength {
		direction = min(h[22], DirectionUnknown)
	}
	r.in.want += int64(captured)
	data, err := r.in.body(int(captured))
	if err != nil {
		return err
	}
	*f = Frame{
		Data: data,
		// 2^32 s with 2^32 µs carried on top stay below 2^63 ns.
		Time:       int64(seconds)*1e9 + int64(fraction)*r.pcap.fraction,
		WireLength: max(wire, captured),
		LinkType:   r.interfaces[0].LinkType,
		Direction:  direction,
	}
	return nil
}
