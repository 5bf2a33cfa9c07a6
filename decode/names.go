package decode

import (
	"net/netip"
	"strconv"
)

// addr is the address that b holds in the form of Head.SrcIP.
func addr(b *[16]byte, v6 bool) netip.Addr {
	if v6 {
		return netip.AddrFrom16(*b)
	}
	return netip.AddrFrom4([4]byte(b[:4]))
}

// Source returns the inner source address; meaningful with HasInner.
func (i *Inner) Source() netip.Addr { return addr(&i.SrcIP, i.IPVersion == 6) }

// Destination returns the inner destination address; meaningful with HasInner.
func (i *Inner) Destination() netip.Addr { return addr(&i.DstIP, i.IPVersion == 6) }

// Addr returns the address.
func (a *Address) Addr() netip.Addr { return addr(&a.IP, a.Version == 6) }

// At returns address i, which is below a.Count.
func (a *Addresses) At(i int) netip.Addr { return addr(&a.List[i], a.Wide>>i&1 != 0) }

// appendTo appends the addresses with a separator between them.
func (a *Addresses) appendTo(dst []byte, separator byte) []byte {
	for i := range int(min(a.Count, maxAnswers)) {
		if i > 0 {
			dst = append(dst, separator)
		}
		dst = a.At(i).AppendTo(dst)
	}
	return dst
}

// Source returns the source address, or the sender of an ARP packet; the zero Addr when there is none.
func (p *Packet) Source() netip.Addr { return p.address(&p.SrcIP) }

// Destination returns the destination address, or the target of an ARP packet; the zero Addr when there is
// none.
func (p *Packet) Destination() netip.Addr { return p.address(&p.DstIP) }

func (p *Packet) address(b *[16]byte) netip.Addr {
	if p.Valid&HasAddresses == 0 {
		return netip.Addr{}
	}
	return addr(b, p.IPVersion == 6) // ARP has no version
}

var directionNames = [...]string{
	In: "in", Broadcast: "broadcast", Multicast: "multicast", Other: "other", Out: "out", Unknown: "unknown",
}

// String returns in, out, broadcast, multicast, other or unknown.
func (d Direction) String() string {
	if int(d) < len(directionNames) {
		return directionNames[d]
	}
	return directionNames[Unknown]
}

// flagNames are the TCP flags from the lowest bit up (RFC 9293 §3.1).
var flagNames = [8]string{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"}

// FlagNames appends the names of the TCP flags that are set, as in "SYN,ACK": FIN, SYN, RST, PSH, ACK, URG,
// ECE, CWR in this order. It appends nothing when none is set.
func FlagNames(dst []byte, flags uint8) []byte {
	for i, first := 0, true; flags != 0; i, flags = i+1, flags>>1 {
		if flags&1 == 0 {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(dst, flagNames[i]...)
	}
	return dst
}

// ProtocolName is the text form's name of an IP protocol, "" when it has none here.
func ProtocolName(protocol uint8) string {
	switch protocol {
	case protoICMP:
		return "ICMP"
	case protoIGMP:
		return "IGMP"
	case protoIPv4:
		return "IPIP"
	case protoTCP:
		return "TCP"
	case protoUDP:
		return "UDP"
	case protoDCCP:
		return "DCCP"
	case protoIPv6:
		return "IPv6-in-IP"
	case 46:
		return "RSVP"
	case protoGRE:
		return "GRE"
	case protoESP:
		return "ESP"
	case protoAH:
		return "AH"
	case protoICMPv6:
		return "ICMPv6"
	case protoNoNext:
		return "no-next-header"
	case 88:
		return "EIGRP"
	case 89:
		return "OSPF"
	case 103:
		return "PIM"
	case protoVRRP:
		return "VRRP"
	case protoL2TP:
		return "L2TP"
	case protoSCTP:
		return "SCTP"
	case protoUDPLite:
		return "UDP-Lite"
	}
	return ""
}

// EtherTypeName is the text form's name of an EtherType, "" when it has none here.
func EtherTypeName(t uint16) string {
	switch t {
	case etherIPv4:
		return "IPv4"
	case etherARP:
		return "ARP"
	case etherRARP:
		return "RARP"
	case etherIPv6:
		return "IPv6"
	case etherMPLS:
		return "MPLS"
	case etherMPLSMulticast:
		return "MPLS-multicast"
	case etherPPPoEDiscovery:
		return "PPPoE-discovery"
	case etherPPPoESession:
		return "PPPoE"
	case 0x0842:
		return "wake-on-LAN"
	case 0x8809:
		return "slow-protocols"
	case 0x888e:
		return "EAPOL"
	case etherLLDP:
		return "LLDP"
	case 0x88e5:
		return "MACsec"
	case 0x88f7:
		return "PTP"
	case 0x893a:
		return "IEEE-1905"
	case 0x9000:
		return "loopback-test"
	}
	return ""
}

// icmpName returns the names of an ICMP type and code (RFC 792, RFC 1256), "" for what has none here.
func icmpName(kind, code uint8) (string, string) {
	switch kind {
	case 0:
		return "echo-reply", ""
	case 3:
		switch code {
		case 0:
			return "unreachable", "net"
		case 1:
			return "unreachable", "host"
		case 2:
			return "unreachable", "protocol"
		case 3:
			return "unreachable", "port"
		case 4:
			return "unreachable", "too-big"
		case 9, 10, 13:
			return "unreachable", "prohibited"
		}
		return "unreachable", ""
	case 4:
		return "source-quench", ""
	case 5:
		return "redirect", ""
	case 8:
		return "echo-request", ""
	case 9:
		return "router-advertisement", ""
	case 10:
		return "router-solicitation", ""
	case 11:
		switch code {
		case 0:
			return "time-exceeded", "in-transit"
		case 1:
			return "time-exceeded", "reassembly"
		}
		return "time-exceeded", ""
	case 12:
		return "parameter-problem", ""
	case 13:
		return "timestamp-request", ""
	case 14:
		return "timestamp-reply", ""
	}
	return "", ""
}

// icmpv6Name returns the names of an ICMPv6 type and code (RFC 4443, RFC 4861, RFC 2710, RFC 3810).
func icmpv6Name(kind, code uint8) (string, string) {
	switch kind {
	case 1:
		switch code {
		case 0:
			return "unreachable", "no-route"
		case 1:
			return "unreachable", "prohibited"
		case 3:
			return "unreachable", "address"
		case 4:
			return "unreachable", "port"
		}
		return "unreachable", ""
	case 2:
		return "too-big", ""
	case 3:
		switch code {
		case 0:
			return "time-exceeded", "in-transit"
		case 1:
			return "time-exceeded", "reassembly"
		}
		return "time-exceeded", ""
	case 4:
		return "parameter-problem", ""
	case 128:
		return "echo-request", ""
	case 129:
		return "echo-reply", ""
	case 130:
		return "listener-query", ""
	case 131, 143:
		return "listener-report", ""
	case 132:
		return "listener-done", ""
	case 133:
		return "router-solicitation", ""
	case 134:
		return "router-advertisement", ""
	case 135:
		return "neighbor-solicitation", ""
	case 136:
		return "neighbor-advertisement", ""
	case 137:
		return "redirect", ""
	}
	return "", ""
}

const hexDigits = "0123456789abcdef"

// appendMAC appends six bytes as in 00:53:00:ab:cd:ef.
func appendMAC(dst []byte, mac *[6]byte) []byte {
	for i, b := range mac {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = append(dst, hexDigits[b>>4], hexDigits[b&15])
	}
	return dst
}

func appendUint[T uint8 | uint16 | uint32](dst []byte, n T) []byte {
	return strconv.AppendUint(dst, uint64(n), 10)
}
