package savefile

import "encoding/binary"

// The pcapng format: blocks of a type, a length, a body and the length once more. A Section Header Block
// sets the byte order and starts the numbering of interfaces again.

const (
	blockSection        uint32 = 0x0a0d0d0a // a palindrome: readable before the byte order is known
	blockInterface      uint32 = 1
	blockPacket         uint32 = 2 // obsolete
	blockSimplePacket   uint32 = 3
	blockStatistics     uint32 = 5
	blockEnhancedPacket uint32 = 6

	byteOrderMagic uint32 = 0x1a2b3c4d

	blockOverhead = 12 // type and both lengths
)

// readBlock reads one block. It reports true when the block was a frame, which is then in f; f may be nil
// where the block is known to be a Section Header Block.
func (r *Reader) readBlock(f *Frame) (isFrame bool, err error) {
	r.in.begin(8)
	h, err := r.in.take(8)
	if err != nil {
		return false, err
	}
	kind, rawLength := r.uint32(h), [4]byte(h[4:8])
	if kind == blockSection {
		r.in.want = 12
		if err := r.readByteOrder(); err != nil {
			return false, err
		}
	}
	length := r.uint32(rawLength[:])
	if length < blockOverhead || length > MaxBlock {
		return false, r.in.damaged("block of type %#x has a length of %d bytes, outside %d to %d",
			kind, length, blockOverhead, MaxBlock)
	}
	// Some writers leave the padding out of the length but not out of the file; Wireshark reads them too.
	padded := int(length+3) &^ 3
	r.in.want = int64(padded)
	r.left = padded - blockOverhead

	switch kind {
	case blockSection:
		err = r.readSection()
	case blockInterface:
		err = r.readInterface()
	case blockEnhancedPacket, blockPacket:
		isFrame, err = true, r.readPacket(f, kind)
	case blockSimplePacket:
		isFrame, err = true, r.readSimplePacket(f)
	}
	if err != nil {
		return false, err
	}
	if err := r.in.skip(r.left); err != nil {
		return false, err
	}
	trailer, err := r.in.take(4)
	if err != nil {
		return false, err
	}
	if again := r.uint32(trailer); again != length {
		return false, r.in.damaged("block of type %#x begins with a length of %d and ends with %d", kind, length, again)
	}
	return isFrame, nil
}

// field returns the next n bytes of the block's body, valid until the next read from the source.
func (r *Reader) field(n int) ([]byte, error) {
	if n > r.left {
		return nil, r.in.damaged("block of %d bytes is too short for its fields", r.in.want)
	}
	r.left -= n
	return r.in.take(n)
}

func (r *Reader) readByteOrder() error {
	magic, err := r.in.take(4)
	if err != nil {
		return err
	}
	switch {
	case binary.LittleEndian.Uint32(magic) == byteOrderMagic:
		r.bigEndian = false
	case binary.BigEndian.Uint32(magic) == byteOrderMagic:
		r.bigEndian = true
	default:
		return r.in.damaged("section header has the byte-order magic %x, not 1a2b3c4d either way", magic)
	}
	return nil
}

// readSection reads what follows the byte-order magic (Section Header Block). The section's length is not
// used: blocks are walked one by one anyway, and streams leave it unknown.
func (r *Reader) readSection() error {
	const magicLength = 4
	if r.left < magicLength {
		return r.in.damaged("section header of %d bytes is too short", r.in.want)
	}
	r.left -= magicLength
	h, err := r.field(12)
	if err != nil {
		return err
	}
	if major, minor := r.uint16(h), r.uint16(h[2:]); major != 1 {
		return r.in.invalid("pcapng version %d.%d: only 1.x is known; convert the file with a newer editcap", major, minor)
	}
	r.section = len(r.interfaces)
	return nil
}

// readInterface reads an Interface Description Block.
func (r *Reader) readInterface() error {
	if len(r.interfaces) == MaxInterfaces {
		return r.in.invalid("more than %d interfaces: merge fewer files into one", MaxInterfaces)
	}
	h, err := r.field(8)
	if err != nil {
		return err
	}
	described := Interface{LinkType: r.uint16(h), SnapLength: r.uint32(h[4:])}
	resolution, offset := uint8(6), int64(0)
	err = r.readOptions(func(code uint16, length int) error {
		switch code {
		case optionInterfaceName:
			return r.optionText(length, &described.Name)
		case optionInterfaceFilter:
			return r.optionFilter(length, &described.Filter)
		case optionTimeResolution:
			value, err := r.optionValue(code, length, 1)
			if err == nil {
				resolution = value[0]
			}
			return err
		case optionTimeOffset:
			value, err := r.optionValue(code, length, 8)
			if err == nil {
				offset = int64(r.uint64(value))
			}
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.text += len(described.Name) + len(described.Filter)
	if r.text > MaxInterfaceText {
		return r.in.invalid("names and filters of the interfaces are longer than %d bytes together: merge fewer files into one", MaxInterfaceText)
	}
	r.interfaces = append(r.interfaces, described)
	r.clocks = append(r.clocks, newClock(resolution, offset))
	return nil
}

// readPacket reads an Enhanced Packet Block, or the obsolete Packet Block, which has a 16-bit interface
// number and a drop count in its place and is equal otherwise, the flags option included.
func (r *Reader) readPacket(f *Frame, kind uint32) error {
	h, err := r.field(20)
	if err != nil {
		return err
	}
	id := r.uint32(h)
	if kind == blockPacket {
		id = uint32(r.uint16(h))
	}
	ticks := uint64(r.uint32(h[4:]))<<32 | uint64(r.uint32(h[8:]))
	captured, wire := r.uint32(h[12:]), r.uint32(h[16:])
	index, err := r.interfaceOf(id)
	if err != nil {
		return err
	}
	data, err := r.packetData(captured)
	if err != nil {
		return err
	}
	direction, err := r.readDirection()
	if err != nil {
		return err
	}
	*f = Frame{
		Data:       data,
		Time:       r.clocks[index].nanoseconds(ticks),
		WireLength: max(wire, captured),
		LinkType:   r.interfaces[index].LinkType,
		Interface:  index,
		Direction:  direction,
	}
	return nil
}

// readSimplePacket reads a Simple Packet Block: interface 0, no time, and no captured length. That is the
// least of the wire length, the snap length and what the block holds.
func (r *Reader) readSimplePacket(f *Frame) error {
	h, err := r.field(4)
	if err != nil {
		return err
	}
	wire := r.uint32(h)
	index, err := r.interfaceOf(0)
	if err != nil {
		return err
	}
	captured := min(wire, uint32(r.left))
	if snapLength := r.interfaces[index].SnapLength; snapLength != 0 {
		captured = min(captured, snapLength)
	}
	data, err := r.packetData(captured)
	if err != nil {
		return err
	}
	*f = Frame{
		Data:       data,
		WireLength: wire,
		LinkType:   r.interfaces[index].LinkType,
		Interface:  index,
		Direction:  DirectionUnknown,
	}
	return nil
}

// interfaceOf turns a section's interface number into an index of r.interfaces.
func (r *Reader) interfaceOf(id uint32) (int, error) {
	known := len(r.interfaces) - r.section
	if int64(id) >= int64(known) {
		return 0, r.in.damaged("frame of interface %d in a section that described %d so far", id, known)
	}
	return r.section + int(id), nil
}

// packetData reads the bytes of a frame and the padding behind them.
func (r *Reader) packetData(captured uint32) ([]byte, error) {
	if captured > MaxFrame || int(captured) > r.left {
		return nil, r.in.damaged("frame of %d bytes in a block with room for %d (limit %d)", captured, r.left, MaxFrame)
	}
	r.left -= int(captured)
	data, err := r.in.body(int(captured))
	if err != nil {
		return nil, err
	}
	// A body is a multiple of four bytes long, so that the padding is always inside it.
	padding := int(-captured & 3)
	r.left -= padding
	return data, r.in.skip(padding)
}
