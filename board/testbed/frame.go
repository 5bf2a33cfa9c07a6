//go:build linux

package testbed

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
)

// Kind is a sort of frame that BuildFrame makes.
type Kind uint8

// The kinds. All frames of one kind have one length. "Number" is the number of the frame.
const (
	TCPSYN      Kind = iota // IPv4, TCP SYN with MSS 1460, SACK permitted, timestamps (value: number), window scale 7; 74 bytes
	TCPData                 // IPv4, TCP PSH ACK with 512 bytes of payload; 566 bytes
	UDPv4                   // IPv4, UDP to port 9 with 32 bytes of payload; 74 bytes
	UDPv6                   // IPv6, UDP to port 9 with 32 bytes of payload; 94 bytes
	TCPv6                   // IPv6, TCP ACK with 64 bytes of payload; 138 bytes
	ICMPEcho                // ICMP echo request with 56 bytes of data, as ping(8) sends; 98 bytes
	ICMPv6Echo              // ICMPv6 echo request with 56 bytes of data; 118 bytes
	ARPRequest              // broadcast, who has DstIPv4, tell SrcIPv4; 60 bytes with padding
	VLANUDP                 // 802.1Q tag around UDPv4; 78 bytes
	Fragment                // IPv4, the last fragment of a UDP datagram, offset 1480, 100 bytes; 134 bytes
	UnknownType             // EtherType 0x88b5, the first local experimental one (IEEE 802, clause 9); 60 bytes
	LLC                     // 802.3 length instead of an EtherType, LLC UI to SAP 0x42; 60 bytes with padding
	TCPLarge                // IPv4, TCP ACK with 1346 bytes of payload; 1400 bytes

	kinds = iota
)

// AllKinds returns every kind in order: the mix that a sender uses by default.
func AllKinds() []Kind {
	all := make([]Kind, kinds)
	for i := range all {
		all[i] = Kind(i)
	}
	return all
}

var kindNames = [kinds]string{"TCP SYN", "TCP data", "UDP", "UDP over IPv6", "TCP over IPv6", "ICMP echo",
	"ICMPv6 echo", "ARP request", "VLAN UDP", "IPv4 fragment", "unknown EtherType", "LLC", "large TCP"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// NumberedPrefix is the first half of the source MAC of every built frame; the second half is the frame's
// number. The address is unicast and locally administered.
var NumberedPrefix = [3]byte{0x06, 0x5e, 0x00}

const (
	// NumberLimit is how many numbers there are: 0 to NumberLimit-1.
	NumberLimit = 1 << 24

	// MaxFrame is room enough for any kind, in bytes.
	MaxFrame = 1400

	// Ports and the VLAN of built frames. The source port is SrcPortFirst + number modulo SrcPortCount.
	SrcPortFirst = 10000
	SrcPortCount = 50000
	UDPDstPort   = 9
	TCPDstPort   = 443
	VLANID       = 42
)

// FrameConfig is what the frames of one sender have in common. The zero value is usable: addresses of
// nobody, to which no host answers.
type FrameConfig struct {
	DstMAC           net.HardwareAddr // default 06:5e:ff:00:00:01; ARPRequest is broadcast regardless
	SrcIPv4, DstIPv4 netip.Addr       // default 192.0.2.1, 198.51.100.1
	SrcIPv6, DstIPv6 netip.Addr       // default 2001:db8:0:1::1, 2001:db8:0:2::1
}

var (
	defaultDstMAC  = net.HardwareAddr{0x06, 0x5e, 0xff, 0x00, 0x00, 0x01}
	defaultSrcIPv4 = netip.MustParseAddr("192.0.2.1")
	defaultDstIPv4 = netip.MustParseAddr("198.51.100.1")
	defaultSrcIPv6 = netip.MustParseAddr("2001:db8:0:1::1")
	defaultDstIPv6 = netip.MustParseAddr("2001:db8:0:2::1")
)

func (c FrameConfig) withDefaults() FrameConfig {
	if len(c.DstMAC) != 6 {
		c.DstMAC = defaultDstMAC
	}
	if !c.SrcIPv4.Is4() {
		c.SrcIPv4 = defaultSrcIPv4
	}
	if !c.DstIPv4.Is4() {
		c.DstIPv4 = defaultDstIPv4
	}
	if !c.SrcIPv6.Is6() {
		c.SrcIPv6 = defaultSrcIPv6
	}
	if !c.DstIPv6.Is6() {
		c.DstIPv6 = defaultDstIPv6
	}
	return c
}

// FrameNumber returns the number of a frame that BuildFrame made; false for any other frame.
func FrameNumber(frame []byte) (uint32, bool) {
	if len(frame) < 12 || [3]byte(frame[6:9]) != NumberedPrefix {
		return 0, false
	}
	return uint32(frame[9])<<16 | uint32(frame[10])<<8 | uint32(frame[11]), true
}

// BuildFrame writes the frame with number n (below NumberLimit) over dst, from its first byte to its
// capacity, and returns it; a dst with less than MaxFrame capacity may be replaced. All checksums are
// valid. The source MAC holds the number; so do, clipped to their size, the TCP sequence number, the IPv4
// identification, the IPv6 flow label and the ICMP sequence number. The same arguments give the same bytes.
func BuildFrame(dst []byte, n uint32, kind Kind, config FrameConfig) []byte {
	c := config.withDefaults()
	if cap(dst) < MaxFrame {
		dst = make([]byte, MaxFrame)
	}
	b := dst[:MaxFrame]
	copy(b, c.DstMAC)
	copy(b[6:], NumberedPrefix[:])
	b[9], b[10], b[11] = byte(n>>16), byte(n>>8), byte(n)

	end := etherMinimum
	switch kind {
	case TCPSYN:
		end = c.tcpv4(b, n, tcpFlagSYN, tcpHeader+len(synOptions))
	case TCPData:
		end = c.tcpv4(b, n, tcpFlagPSH|tcpFlagACK, tcpHeader+512)
	case TCPLarge:
		end = c.tcpv4(b, n, tcpFlagACK, MaxFrame-etherHeader-ipv4Header)
	case UDPv4:
		end = c.udpv4(b, n, etherHeader)
	case VLANUDP:
		binary.BigEndian.PutUint16(b[12:], etherTypeVLAN)
		binary.BigEndian.PutUint16(b[14:], VLANID)
		end = c.udpv4(b, n, etherHeader+4)
	case Fragment:
		end = c.fragment(b, n)
	case ICMPEcho:
		end = c.icmpv4(b, n)
	case UDPv6:
		end = c.udpv6(b, n)
	case TCPv6:
		end = c.tcpv6(b, n)
	case ICMPv6Echo:
		end = c.icmpv6(b, n)
	case ARPRequest:
		end = c.arp(b)
	case LLC:
		end = llc(b)
	case UnknownType:
		binary.BigEndian.PutUint16(b[12:], etherTypeExperiment)
		fill(b[etherHeader:etherMinimum])
	default:
		panic(fmt.Sprintf("testbed: BuildFrame of unknown %v", kind))
	}
	if end < etherMinimum {
		clear(b[end:etherMinimum])
		end = etherMinimum
	}
	return b[:end]
}
