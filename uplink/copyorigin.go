package uplink

import (
	"strconv"

	"network-sniffer/uplink/spool"
)

// origin is where rows come from, their first two columns.
type origin struct {
	device  int64
	iface   string
	columns string // ready for a row
}

// origins are those of a transaction. A record names its interface in a byte, by the number that its segment's
// header gives it; what waits for another COPY than that of its segment names it by its number here.
type origins struct {
	format  Format
	all     []origin
	numbers [maxOrigins]int16 // by the interface's number in the segment at hand; -1: its header does not name it
}

// maxOrigins is how many a byte can tell apart.
const maxOrigins = 256

// enter makes the segment the one at hand. It reports false when there is no room for its interfaces; after reset
// there always is.
func (o *origins) enter(h *spool.Header) bool {
	for i := range o.numbers {
		o.numbers[i] = -1
	}
	var names [maxOrigins]string
	for i := range h.Coverage {
		name := text(h.Coverage[i].Interface)
		if name == "" { // nobody writes that, but it would read as absent and be refused for ever
			name = "?"
		}
		names[h.Coverage[i].Index] = name
	}
	device := DeviceID(h.Device)
	for i, name := range names {
		if name == "" {
			continue
		}
		n := o.find(device, name)
		if n == maxOrigins {
			return false
		}
		o.numbers[i] = int16(n)
	}
	return true
}

func (o *origins) reset() { o.all = o.all[:0] }

// find returns the number of an origin, which it adds when it is new; maxOrigins when there is no room.
func (o *origins) find(device int64, iface string) int {
	for i := range o.all {
		if a := &o.all[i]; a.device == device && a.iface == iface {
			return i
		}
	}
	if len(o.all) == maxOrigins {
		return maxOrigins
	}
	o.all = append(o.all, origin{device: device, iface: iface, columns: originColumns(o.format, device, iface)})
	return len(o.all) - 1
}

// of returns the columns of an interface of the segment at hand; empty when its header does not name it.
func (o *origins) of(iface uint8) string {
	if n := o.numbers[iface]; n >= 0 {
		return o.all[n].columns
	}
	return ""
}

// number is what stands for an interface of the segment at hand, which its header names, in this table.
func (o *origins) number(iface uint8) uint8 { return uint8(o.numbers[iface]) }

func originColumns(format Format, device int64, iface string) string {
	if format == FormatText {
		return string(append(appendCopyString(append(strconv.AppendInt(nil, device, 10), '\t'), iface), '\t'))
	}
	columns := int8Column(nil, true, uint64(device))
	return string(textColumn(columns, true, iface))
}
