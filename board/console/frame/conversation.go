package frame

import (
	"net/netip"
	"strconv"
)

// Conversation is the expression for what two endpoints send each other over TCP or UDP, in both directions. It asks for
// the addresses and ports behind the link header: not inside a tunnel or PPPoE, nor behind an IPv6 extension header; of a
// datagram in fragments it has the first. Addresses of different versions make an expression that Compile refuses, because
// it matches nothing.
func Conversation(a, b netip.AddrPort) string {
	return "(tcp or udp) and (" + oneWay(a, b) + " or " + oneWay(b, a) + ")"
}

// oneWay is the expression for what one endpoint sends to another.
func oneWay(from, to netip.AddrPort) string {
	return "(" + endpoint("src", from) + " and " + endpoint("dst", to) + ")"
}

// endpoint is the expression for one end. pcap-filter(7) knows no zones.
func endpoint(side string, e netip.AddrPort) string {
	return side + " host " + e.Addr().Unmap().WithZone("").String() + " and " + side + " port " + strconv.Itoa(int(e.Port()))
}
