package savefile

import "math"

func (w *Writer) addToPcap(i Interface) error {
	snapLength := i.SnapLength
	if snapLength == 0 {
		snapLength = MaxFrame // pcap has no word for "no limit"
	}
	if len(w.linkTypes) > 0 {
		if i.LinkType != w.linkTypes[0] || snapLength > w.snapLength {
			return refused("interface of link type %d and snap length %d in a pcap file of %d and %d: write pcapng instead",
				i.LinkType, snapLength, w.linkTypes[0], w.snapLength)
		}
		return nil
	}
	w.snapLength = snapLength
	w.put32(magicNanoseconds)
	w.put16(2) // version 2.4
	w.put16(4)
	w.put64(0) // time zone and accuracy, unused
	w.put32(snapLength)
	w.put32(uint32(i.LinkType))
	return nil
}

func (w *Writer) addRecord(f *Frame) error {
	seconds := f.Time / 1e9
	if f.Time < 0 || seconds > math.MaxUint32 {
		return refused("frame of time %d ns: pcap holds 1970 to 2106; set the clock", f.Time)
	}
	if err := w.reserve(pcapRecordLength + len(f.Data)); err != nil {
		return err
	}
	w.put32(uint32(seconds))
	w.put32(uint32(f.Time % 1e9))
	w.put32(uint32(len(f.Data)))
	w.put32(max(f.WireLength, uint32(len(f.Data))))
	w.buf = append(w.buf, f.Data...)
	return nil
}
