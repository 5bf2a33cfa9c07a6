package savefile

const (
	optionHeaderLength = 4
	nanosecondClock    = 9 // if_tsresol: 10^-9 s

	// sectionLengthUnknown lets blocks be added without going back, so that a section may be a stream.
	sectionLengthUnknown = 1<<64 - 1
)

// padded is n with the padding of option values and frames.
func padded(n int) int { return (n + 3) &^ 3 }

func (w *Writer) pad(n int) {
	var zeros [3]byte
	w.buf = append(w.buf, zeros[:padded(n)-n]...)
}

// textLength is what putText takes.
func textLength(text string) int {
	if text == "" {
		return 0
	}
	return optionHeaderLength + padded(len(text))
}

func (w *Writer) putText(code uint16, text string) {
	if text == "" {
		return
	}
	w.put16(code)
	w.put16(uint16(len(text)))
	w.buf = append(w.buf, text...)
	w.pad(len(text))
}

func (w *Writer) putEndOfOptions() { w.put32(0) }

func checkText(what, text string) error {
	if len(text) > MaxText {
		return refused("%s of %d bytes is longer than %d: shorten it or leave it empty", what, len(text), MaxText)
	}
	return nil
}

func (w *Writer) addSection(s Section) error {
	for _, field := range []struct{ what, text string }{
		{"hardware", s.Hardware}, {"operating system", s.OS}, {"application", s.Application},
	} {
		if err := checkText(field.what, field.text); err != nil {
			return err
		}
	}
	length := uint32(28 + textLength(s.Hardware) + textLength(s.OS) + textLength(s.Application) + optionHeaderLength)
	w.put32(blockSection)
	w.put32(length)
	w.put32(byteOrderMagic)
	w.put16(1) // version 1.0
	w.put16(0)
	w.put64(sectionLengthUnknown)
	w.putText(optionHardware, s.Hardware)
	w.putText(optionOS, s.OS)
	w.putText(optionApplication, s.Application)
	w.putEndOfOptions()
	w.put32(length)
	return nil
}

func (w *Writer) addDescription(i Interface) error {
	if err := checkText("interface name", i.Name); err != nil {
		return err
	}
	if err := checkText("filter", i.Filter); err != nil {
		return err
	}
	text := w.text + len(i.Name) + len(i.Filter)
	if text > MaxInterfaceText {
		return refused("names and filters of the interfaces are longer than %d bytes together: leave the filter empty", MaxInterfaceText)
	}
	filter := i.Filter
	if filter != "" {
		filter = string(filterIsText) + filter
	}
	length := 20 + textLength(i.Name) + textLength(filter) + optionHeaderLength + padded(1) + optionHeaderLength
	if err := w.reserve(length); err != nil {
		return err
	}
	w.text = text
	w.put32(blockInterface)
	w.put32(uint32(length))
	w.put16(i.LinkType)
	w.put16(0)
	w.put32(i.SnapLength)
	w.putText(optionInterfaceName, i.Name)
	w.put16(optionTimeResolution)
	w.put16(1)
	w.put32(nanosecondClock) // one byte and its padding
	w.putText(optionInterfaceFilter, filter)
	w.putEndOfOptions()
	w.put32(uint32(length))
	return nil
}

func (w *Writer) addEnhancedPacket(f *Frame) error {
	if f.Time < 0 {
		return refused("frame of time %d ns, before 1970: set the clock", f.Time)
	}
	length := 32 + padded(len(f.Data))
	flags := flagsOf(f.Direction)
	if flags != 0 {
		length += optionHeaderLength + 4 + optionHeaderLength
	}
	if err := w.reserve(length); err != nil {
		return err
	}
	w.put32(blockEnhancedPacket)
	w.put32(uint32(length))
	w.put32(uint32(f.Interface))
	w.putTime(f.Time)
	w.put32(uint32(len(f.Data)))
	w.put32(max(f.WireLength, uint32(len(f.Data))))
	w.buf = append(w.buf, f.Data...)
	w.pad(len(f.Data))
	if flags != 0 {
		w.put16(optionPacketFlags)
		w.put16(4)
		w.put32(flags)
		w.putEndOfOptions()
	}
	w.put32(uint32(length))
	return nil
}

// putTime writes the upper half first whatever the byte order (Enhanced Packet Block).
func (w *Writer) putTime(nanoseconds int64) {
	w.put32(uint32(uint64(nanoseconds) >> 32))
	w.put32(uint32(nanoseconds))
}

func (w *Writer) addStatistics(s Statistics) error {
	const length = 24 + 2*(optionHeaderLength+8) + optionHeaderLength
	if err := w.reserve(length); err != nil {
		return err
	}
	w.put32(blockStatistics)
	w.put32(length)
	w.put32(uint32(s.Interface))
	w.putTime(s.Time)
	w.put16(optionReceived)
	w.put16(8)
	w.put64(s.Received)
	w.put16(optionDropped)
	w.put16(8)
	w.put64(s.Dropped)
	w.putEndOfOptions()
	w.put32(length)
	return nil
}
