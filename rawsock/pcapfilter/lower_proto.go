package pcapfilter

import (
	"fmt"

	"golang.org/x/net/bpf"
)

// Fields of the network headers, in bytes from their start (RFC 791 section 3.1, RFC 8200 section
// 3 and section 4.5, RFC 826).
const (
	fragment4    = 6 // flags and fragment offset
	protocol4    = 9
	source4      = 12
	destination4 = 16

	nextHeader6  = 6
	source6      = 8
	destination6 = 24
	header6      = 40 // length; the next header field of a fragment header stands first in it

	senderARP = 14 // protocol addresses, for Ethernet and IPv4
	targetARP = 24
)

func (low *lowering) isIP() cond { return low.link.etherType(etherIP) }

func (low *lowering) isIP6() cond { return low.link.etherType(etherIPv6) }

// carried4 tests for an IPv4 packet of a protocol, fragments included.
func (low *lowering) carried4(number uint32) cond {
	return and(low.isIP(), low.link.field(protocol4, 1, bpf.JumpEqual, number))
}

// carried6 tests for an IPv6 packet whose first header is of a protocol, or whose first header is a
// fragment header in front of it. It follows no other extension header, as the manual page says.
func (low *lowering) carried6(number uint32) cond {
	l := &low.link
	return and(low.isIP6(), or(
		l.field(nextHeader6, 1, bpf.JumpEqual, number),
		and(l.field(nextHeader6, 1, bpf.JumpEqual, protoFrag6), l.field(header6, 1, bpf.JumpEqual, number)),
	))
}

func (low *lowering) carried(number uint32) cond {
	return or(low.carried4(number), low.carried6(number))
}

// notLaterFragment tests that an IPv4 packet is whole or a first fragment: no other has a transport
// header.
func (low *lowering) notLaterFragment() cond {
	return not(low.link.field(fragment4, 2, bpf.JumpBitsSet, 0x1fff))
}

// protocol lowers a protocol word that stands alone.
func (low *lowering) protocol(at int, proto string) (cond, error) {
	switch proto {
	case "ip":
		return low.isIP(), nil
	case "ip6":
		return low.isIP6(), nil
	case "arp":
		return low.link.etherType(etherARP), nil
	case "rarp":
		return low.link.etherType(etherRARP), nil
	case "tcp":
		return low.carried(protoTCP), nil
	case "udp":
		return low.carried(protoUDP), nil
	case "sctp":
		return low.carried(protoSCTP), nil
	case "esp":
		return low.carried(protoESP), nil
	case "ah":
		return low.carried(protoAH), nil
	case "pim":
		return low.carried(protoPIM), nil
	case "icmp":
		return low.carried4(protoICMP), nil
	case "igmp":
		return low.carried4(protoIGMP), nil
	case "igrp":
		return low.carried4(protoIGRP), nil
	case "vrrp", "carp": // which share the number
		return low.carried4(protoVRRP), nil
	case "icmp6":
		return low.carried6(protoICMPv6), nil
	}
	if c, ok := low.linkProtocol(proto); ok {
		return c, nil
	}
	return nil, low.errorf(at, nil, "an address or a relation behind it", "%q alone matches nothing in particular", proto)
}

// proto lowers "proto" with a number or a name.
func (low *lowering) proto(n *addrNode) (cond, error) {
	names, most := protocolNames, uint32(0xff)
	switch n.qualifiers.proto {
	case "", "ip", "ip6":
	case "ether":
		names, most = etherTypeNames, 0xffff
	default:
		return nil, low.errorf(n.at(), nil, "ether, ip or ip6 before proto", "%q says nothing about the protocol it carries", n.qualifiers.proto)
	}
	number, err := low.protocolNumber(n, names, most)
	if err != nil {
		return nil, err
	}
	switch n.qualifiers.proto {
	case "ip":
		return low.carried4(number), nil
	case "ip6":
		return low.carried6(number), nil
	case "ether":
		return low.link.etherType(number), nil
	}
	return low.carried(number), nil
}

// protocolNumber reads the value of "proto" or "protochain".
func (low *lowering) protocolNumber(n *addrNode, names map[string]uint32, most uint32) (uint32, error) {
	switch n.value.kind {
	case tokNumber:
		if n.value.num > most {
			return 0, low.errorf(n.at(), nil, fmt.Sprintf("0 to %d", most), "%d is no protocol number", n.value.num)
		}
		return n.value.num, nil
	case tokWord:
		number, ok := names[n.value.text]
		if !ok {
			return 0, low.errorf(n.at(), ErrUnknownName, "its number", "no protocol is called %s", n.value.shown())
		}
		return number, nil
	}
	return 0, low.errorf(n.at(), nil, "a number or a name", "%s is an address, no protocol", n.value.shown())
}
