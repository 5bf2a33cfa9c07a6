package pcapfilter

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/bpf"
)

// literal4 lowers an IPv4 address or network.
func (low *lowering) literal4(n *addrNode) (cond, error) {
	addr, mask, err := low.net4(n)
	if err != nil {
		return nil, err
	}
	return low.host4(n, addr, mask)
}

// host4 tests the bits of an IPv4 address that the mask names, both in host order.
func (low *lowering) host4(n *addrNode, addr, mask uint32) (cond, error) {
	l := &low.link
	at := func(src, dst uint32) cond {
		return n.sides(
			func() cond { return l.masked(src, mask, addr) },
			func() cond { return l.masked(dst, mask, addr) })
	}
	ip := and(low.isIP(), at(source4, destination4))
	switch n.proto {
	case "ip":
		return ip, nil
	case "arp":
		return and(l.etherType(etherARP), at(senderARP, targetARP)), nil
	case "rarp":
		return and(l.etherType(etherRARP), at(senderARP, targetARP)), nil
	case "":
		if l.labels > 0 {
			return ip, nil // nothing but IP is told apart behind MPLS
		}
		return or(ip, and(or(l.etherType(etherARP), l.etherType(etherRARP)), at(senderARP, targetARP))), nil
	}
	return nil, low.errorf(n.at(), nil, "ip, arp, rarp or nothing before it", "%q has no IPv4 addresses", n.proto)
}

// net4 returns the address and the mask of a value in host order. Without a mask of its own a short
// dotted number stands for the network of its parts, and so does a plain number after "net".
func (low *lowering) net4(n *addrNode) (addr, mask uint32, err error) {
	if n.value.kind == tokNumber {
		addr, mask = n.value.num, 0xffffffff
		for n.kind == "net" && addr != 0 && addr>>24 == 0 {
			addr, mask = addr<<8, mask<<8
		}
		return addr, mask, nil
	}
	addr, parts, err := low.dotted(n.value)
	if err != nil {
		return 0, 0, err
	}
	mask = 0xffffffff << (32 - 8*parts)
	if n.mask.kind == tokEnd {
		return addr, mask, nil
	}
	if n.kind != "net" {
		return 0, 0, low.errorf(n.mask.pos, nil, `"net" before the address`, "a mask makes it a network, not a host")
	}
	if n.mask.kind == tokNumber {
		if n.mask.num > 32 {
			return 0, 0, low.errorf(n.mask.pos, nil, "0 to 32", "%d is no IPv4 prefix length", n.mask.num)
		}
		mask = uint32(uint64(0xffffffff) << (32 - n.mask.num))
	} else if mask, _, err = low.dotted(n.mask); err != nil {
		return 0, 0, err
	}
	if addr&^mask != 0 {
		return 0, 0, low.errorf(n.at(), nil, ipv4(addr&mask), "%s has bits set behind its mask", n.value.shown())
	}
	return addr, mask, nil
}

func ipv4(addr uint32) string {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, addr))).String()
}

// dotted reads two to four decimal numbers, most significant first, and pads with zeros on the right.
func (low *lowering) dotted(t token) (addr uint32, parts int, err error) {
	for text := range strings.SplitSeq(t.text, ".") {
		// A leading zero means octal to some readers and nothing to others.
		v, err := strconv.ParseUint(text, 10, 8)
		if err != nil || len(text) > 1 && text[0] == '0' {
			return 0, 0, low.errorf(t.pos, nil, "decimal numbers up to 255 without leading zeros", "%s is no IPv4 address", t.shown())
		}
		addr = addr<<8 | uint32(v)
		parts++
	}
	return addr << (32 - 8*parts), parts, nil
}

// literal6 lowers an IPv6 address or network.
func (low *lowering) literal6(n *addrNode) (cond, error) {
	addr, err := netip.ParseAddr(n.value.text)
	if err != nil {
		return nil, low.errorf(n.at(), nil, "an address such as 2001:db8::1", "%s is no IPv6 address", n.value.shown())
	}
	length := 128
	if n.mask.kind != tokEnd {
		switch {
		case n.mask.num > 128:
			return nil, low.errorf(n.mask.pos, nil, "0 to 128", "%d is no IPv6 prefix length", n.mask.num)
		case n.kind != "net" && n.mask.num != 128:
			return nil, low.errorf(n.mask.pos, nil, `"net" before the address`, "a mask makes it a network, not a host")
		}
		length = int(n.mask.num)
	}
	if network := netip.PrefixFrom(addr, length).Masked().Addr(); network != addr {
		return nil, low.errorf(n.at(), nil, network.String(), "%s has bits set behind its mask", n.value.shown())
	}
	return low.host6(n, addr, length)
}

// host6 tests the first length bits of an IPv6 address.
func (low *lowering) host6(n *addrNode, addr netip.Addr, length int) (cond, error) {
	if n.proto != "" && n.proto != "ip6" {
		return nil, low.errorf(n.at(), nil, "ip6 or nothing before it", "%q has no IPv6 addresses", n.proto)
	}
	bytes := addr.As16()
	at := func(offset uint32) cond {
		var words []cond
		for i := range 4 {
			// A word without any bit in the mask is still loaded: it rejects a frame that ends early.
			ones := min(max(length-32*i, 0), 32)
			mask := bits.Reverse32(uint32(uint64(1)<<ones - 1))
			words = append(words, low.link.masked(offset+uint32(4*i), mask, binary.BigEndian.Uint32(bytes[4*i:])))
		}
		return and(words...)
	}
	return and(low.isIP6(), n.sides(
		func() cond { return at(source6) },
		func() cond { return at(destination6) })), nil
}

// hardware lowers a link-layer address.
func (low *lowering) hardware(n *addrNode) (cond, error) {
	if n.proto != "ether" || n.kind == "net" {
		return nil, low.errorf(n.at(), nil, `"ether host", "ether src" or "ether dst" before it`, "%s is a link-layer address", n.value.shown())
	}
	return low.hardwareHost(n, macBytes(n.value.text))
}

// hardwareHost tests the link-layer addresses of a frame.
func (low *lowering) hardwareHost(n *addrNode, mac [6]byte) (cond, error) {
	if low.link.kind != Ethernet {
		return nil, low.errorf(n.at(), nil, "", "frames of link type %s have no link-layer addresses", nameOf(low.link.kind))
	}
	l := &low.link
	return and(l.hasHeader(), n.sides(
		func() cond { return l.hardwareAt(6, mac) },
		func() cond { return l.hardwareAt(0, mac) })), nil
}

// hardwareAt compares six bytes of the link-layer header, the last four first: they tell addresses of one
// vendor apart.
func (l *linkLayer) hardwareAt(offset uint32, mac [6]byte) cond {
	return and(
		&test{code: l.header.load(offset+2, 4), jump: bpf.JumpEqual, val: binary.BigEndian.Uint32(mac[2:])},
		&test{code: l.header.load(offset, 2), jump: bpf.JumpEqual, val: uint32(binary.BigEndian.Uint16(mac[:]))})
}

// hasHeader tests that there is an Ethernet header.
func (l *linkLayer) hasHeader() cond {
	if !l.headless {
		return constant(true)
	}
	code := []bpf.Instruction{bpf.LoadScratch{Dst: bpf.RegA, N: shiftSlot}, bpf.LoadScratch{Dst: bpf.RegX, N: headerSlot}}
	return not(&test{code: code, jump: bpf.JumpEqual, useX: true})
}

// macBytes reads any spelling that the lexer takes for a link-layer address.
func macBytes(text string) (mac [6]byte) {
	groups := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(":-.", r) })
	if len(groups) == 6 {
		for i, g := range groups {
			v, _ := strconv.ParseUint(g, 16, 8)
			mac[i] = byte(v)
		}
		return mac
	}
	v, _ := strconv.ParseUint(strings.Join(groups, ""), 16, 48)
	for i := range mac {
		mac[i] = byte(v >> (40 - 8*i))
	}
	return mac
}

// cast lowers "broadcast" and "multicast".
func (low *lowering) cast(n *castNode) (cond, error) {
	l := &low.link
	switch {
	case n.proto == "ip" && n.multicast: // RFC 1112 section 4
		return and(low.isIP(), l.field(destination4, 1, bpf.JumpGreaterOrEqual, 0xe0)), nil
	case n.proto == "ip6" && n.multicast: // RFC 4291 section 2.7
		return and(low.isIP6(), l.field(destination6, 1, bpf.JumpEqual, 0xff)), nil
	case n.proto == "ip":
		return low.broadcast4(n)
	case n.proto != "" && n.proto != "ether":
		return nil, low.errorf(n.at(), nil, "ether, ip, ip6 or nothing before it", "%q has neither broadcast nor multicast addresses", n.proto)
	case l.kind != Ethernet:
		return nil, low.errorf(n.at(), nil, "", "frames of link type %s have no link-layer addresses", nameOf(l.kind))
	case n.multicast: // IEEE 802.3, the group bit is sent first
		return and(l.hasHeader(), &test{code: l.header.load(0, 1), jump: bpf.JumpBitsSet, val: 1}), nil
	}
	return and(l.hasHeader(), l.hardwareAt(0, [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})), nil
}

// broadcast4 lowers "ip broadcast": all bits of the destination's host part are the same.
func (low *lowering) broadcast4(n *castNode) (cond, error) {
	if !low.netmask.IsValid() || !low.netmask.Addr().Is4() {
		return nil, low.errorf(n.at(), ErrUnsupported, "the broadcast address, such as dst host 192.0.2.255",
			"the netmask of the interface is not known here")
	}
	l := &low.link
	host := uint32(uint64(1)<<(32-low.netmask.Bits()) - 1)
	return and(low.isIP(), or(l.masked(destination4, host, 0), l.masked(destination4, host, host))), nil
}
