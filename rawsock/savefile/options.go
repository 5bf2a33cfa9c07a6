package savefile

import "bytes"

// Options (pcapng, Options): a 16-bit code, a 16-bit length, the value, padding to four bytes.

const (
	optionEnd             uint16 = 0
	optionPacketFlags     uint16 = 2 // Enhanced Packet Block and Packet Block
	optionHardware        uint16 = 2 // Section Header Block
	optionOS              uint16 = 3
	optionApplication     uint16 = 4
	optionInterfaceName   uint16 = 2 // Interface Description Block
	optionTimeResolution  uint16 = 9
	optionInterfaceFilter uint16 = 11
	optionTimeOffset      uint16 = 14
	optionReceived        uint16 = 4 // Interface Statistics Block
	optionDropped         uint16 = 5

	filterIsText byte = 0
)

// readOption reads the next option's header and reports false behind the last option. Every header takes
// four bytes from the body, so that a loop over options ends.
func (r *Reader) readOption() (code uint16, length int, more bool, err error) {
	if r.left == 0 {
		return 0, 0, false, nil
	}
	h, err := r.field(4)
	if err != nil {
		return 0, 0, false, err
	}
	code, length = r.uint16(h), int(r.uint16(h[2:]))
	if code == optionEnd {
		return 0, 0, false, nil
	}
	if length > r.left {
		return 0, 0, false, r.in.damaged("option %d has %d bytes in a block with %d left", code, length, r.left)
	}
	return code, length, true, nil
}

// readOptions calls use for each option and skips what use leaves unread of it. It costs a closure and
// belongs to blocks that are not frames.
func (r *Reader) readOptions(use func(code uint16, length int) error) error {
	for {
		code, length, more, err := r.readOption()
		if err != nil || !more {
			return err
		}
		end := r.left - (length+3)&^3
		if err := use(code, length); err != nil {
			return err
		}
		if err := r.skipTo(end); err != nil {
			return err
		}
	}
}

// skipTo skips the body until left bytes remain.
func (r *Reader) skipTo(left int) error {
	n := r.left - left
	r.left = left
	return r.in.skip(n)
}

// optionValue reads a value that must have exactly want bytes. Another length is an error where a guess
// would make every time in the file wrong.
func (r *Reader) optionValue(code uint16, length, want int) ([]byte, error) {
	if length != want {
		return nil, r.in.damaged("option %d has %d bytes instead of %d", code, length, want)
	}
	return r.field(want)
}

// optionText reads a string. The first one counts; a NUL ends it, which some writers put there.
func (r *Reader) optionText(length int, text *string) error {
	value, err := r.in.body(length)
	if err != nil {
		return err
	}
	r.left -= length
	value, _, _ = bytes.Cut(value, []byte{0})
	if *text == "" {
		*text = string(value)
	}
	return nil
}

// optionFilter reads if_filter: a byte that tells the kind, then the filter. Bytecode is left alone.
func (r *Reader) optionFilter(length int, filter *string) error {
	if length == 0 {
		return nil
	}
	kind, err := r.field(1)
	if err != nil || kind[0] != filterIsText {
		return err
	}
	return r.optionText(length-1, filter)
}

// Bits of epb_flags (Enhanced Packet Block Flags Word).
const (
	flagInbound        uint32 = 1
	flagOutbound       uint32 = 2
	flagDirectionMask  uint32 = 3
	flagReceptionShift        = 2
	flagReceptionMask  uint32 = 7

	receivedUnicast     uint32 = 1
	receivedMulticast   uint32 = 2
	receivedBroadcast   uint32 = 3
	receivedPromiscuous uint32 = 4
)

// readDirection reads the options of a frame for the one that tells its direction.
func (r *Reader) readDirection() (uint8, error) {
	direction := DirectionUnknown
	for {
		code, length, more, err := r.readOption()
		if err != nil || !more {
			return direction, err
		}
		end := r.left - (length+3)&^3
		if code == optionPacketFlags && length == 4 {
			value, err := r.field(4)
			if err != nil {
				return 0, err
			}
			direction = directionOf(r.uint32(value))
		}
		if err := r.skipTo(end); err != nil {
			return 0, err
		}
	}
}

// directionOf: a frame that was sent is out whatever its address. For a received one the reception type
// says more than "inbound", and it implies it.
func directionOf(flags uint32) uint8 {
	if flags&flagDirectionMask == flagOutbound {
		return DirectionOut
	}
	switch flags >> flagReceptionShift & flagReceptionMask {
	case receivedUnicast:
		return DirectionIn
	case receivedMulticast:
		return DirectionMulticast
	case receivedBroadcast:
		return DirectionBroadcast
	case receivedPromiscuous:
		return DirectionOther
	}
	if flags&flagDirectionMask == flagInbound {
		return DirectionIn
	}
	return DirectionUnknown
}

// flagsOf is the inverse of directionOf; 0 says that nothing is known.
func flagsOf(direction uint8) uint32 {
	switch direction {
	case DirectionIn:
		return flagInbound | receivedUnicast<<flagReceptionShift
	case DirectionBroadcast:
		return flagInbound | receivedBroadcast<<flagReceptionShift
	case DirectionMulticast:
		return flagInbound | receivedMulticast<<flagReceptionShift
	case DirectionOther:
		return flagInbound | receivedPromiscuous<<flagReceptionShift
	case DirectionOut:
		return flagOutbound
	}
	return 0
}
