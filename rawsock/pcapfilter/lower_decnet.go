package pcapfilter

import (
	"strconv"
	"strings"

	"golang.org/x/net/bpf"
)

// A DECnet address is an area of 6 bits and a node of 10 (DECnet phase IV routing specification, section 4.1).
const (
	decnetMaxArea = 63
	decnetMaxNode = 1023
)

// decnet lowers a host of DECnet phase IV.
func (low *lowering) decnet(n *addrNode) (cond, error) {
	addr, err := low.decnetAddress(n)
	if err != nil {
		return nil, err
	}
	swapped := addr&0xff<<8 | addr>>8 // little-endian on the wire
	decnet := low.link.etherType(etherDECnet)
	return n.sides(
		func() cond { return and(decnet, low.link.decnetAt(5, 17, swapped)) },
		func() cond { return and(decnet, low.link.decnetAt(3, 9, swapped)) }), nil
}

func (low *lowering) decnetAddress(n *addrNode) (uint32, error) {
	const expected = "an area up to 63 and a node up to 1023, such as 1.42"
	switch {
	case n.kind != "" && n.kind != "host" && n.kind != "net":
		return 0, low.errorf(n.at(), nil, `"host" before it`, "DECnet has no %s", n.kind)
	case n.mask.kind != tokEnd:
		return 0, low.errorf(n.mask.pos, nil, "", "a DECnet address has no mask")
	case n.value.kind == tokNumber:
		if n.value.num > decnetMaxArea<<10|decnetMaxNode {
			return 0, low.errorf(n.at(), nil, expected, "%d is no DECnet address", n.value.num)
		}
		return n.value.num, nil
	case n.value.kind == tokDotted:
		area, node, _ := strings.Cut(n.value.text, ".")
		a, errArea := strconv.ParseUint(area, 10, 16)
		b, errNode := strconv.ParseUint(node, 10, 16)
		if errArea == nil && errNode == nil && a <= decnetMaxArea && b <= decnetMaxNode {
			return uint32(a<<10 | b), nil
		}
	}
	return 0, low.errorf(n.at(), nil, expected, "%s is no DECnet address", n.value.shown())
}

// decnetAt compares an address of a data packet, which stands at different places in packets with the short
// and the long header, and one byte further behind a byte of padding. The flags and the padding follow two bytes of length.
func (l *linkLayer) decnetAt(short, long, swapped uint32) cond {
	at := func(offset uint32) cond { return l.field(offset, 2, bpf.JumpEqual, swapped) }
	unpadded := func(flags uint32) cond { return bitsAre(l.loadShifted(l.network+2, 1), 0x07, flags) }
	padded := func(flags uint32) cond { return bitsAre(l.loadShifted(l.network+2, 2), 0xff07, 0x8100|flags) }
	const shortHeader, longHeader = 2, 6
	return or(
		and(unpadded(shortHeader), at(short)), and(padded(shortHeader), at(short+1)),
		and(unpadded(longHeader), at(long)), and(padded(longHeader), at(long+1)))
}
