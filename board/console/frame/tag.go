package frame

import (
	"encoding/binary"

	"network-sniffer/decode"
)

const (
	addresses    = 12 // bytes of both addresses of an Ethernet header (IEEE 802.3 clause 3.1.1): a tag stands behind them
	tagLength    = 4  // bytes (IEEE 802.1Q clause 9.3)
	cookedHeader = 20 // bytes of a LINUX_SLL2 header (https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html)
)

// wire is a frame as it was on the wire, with the VLAN tag that the kernel took out. The bytes are in two parts, so that
// none of those behind the tag is copied.
type wire struct {
	front  [cookedHeader + tagLength]byte
	in     int    // bytes in front
	rest   []byte // of the frame
	length uint32 // bytes on the wire
}

// onWire puts the tag back. On Ethernet it stands between the addresses and the type. A cooked header has no addresses
// that it could stand behind: there the type of the tag becomes the protocol of the header, and behind the header come the
// rest of the tag and the protocol that was there, as if the header's protocol were the type of an Ethernet header. A
// link without any header cannot have a tag.
func onWire(fr *Frame) (w wire) {
	data := fr.Data
	w.rest, w.length = data, fr.Meta.WireLength
	if fr.Meta.VLANTPID == 0 {
		return w
	}
	switch fr.Meta.LinkType {
	case decode.LinkEthernet:
		w.length += tagLength
		if len(data) < addresses {
			return w
		}
		w.in = copy(w.front[:], data[:addresses])
		w.put16(fr.Meta.VLANTPID)
		w.put16(fr.Meta.VLANTCI)
		w.rest = data[addresses:]
	case decode.LinkLinuxSLL2:
		w.length += tagLength
		if len(data) < cookedHeader {
			return w
		}
		w.put16(fr.Meta.VLANTPID)
		w.in += copy(w.front[w.in:], data[w.in:cookedHeader])
		w.put16(fr.Meta.VLANTCI)
		w.in += copy(w.front[w.in:], data[:2])
		w.rest = data[cookedHeader:]
	}
	return w
}

func (w *wire) put16(v uint16) {
	binary.BigEndian.PutUint16(w.front[w.in:], v)
	w.in += 2
}

// captured is how many bytes there are.
func (w *wire) captured() int { return w.in + len(w.rest) }

// at returns one of them.
func (w *wire) at(i int) byte {
	if i < w.in {
		return w.front[i]
	}
	return w.rest[i-w.in]
}
