//go:build linux

package testbed

import (
	"encoding/binary"
	"net/netip"
)

const (
	etherHeader  = 14
	etherMinimum = 60 // without the frame check sequence, IEEE 802.3 clause 3.2.8
	ipv4Header   = 20
	ipv6Header   = 40
	tcpHeader    = 20
	udpHeader    = 8
	icmpHeader   = 8

	etherTypeIPv4       = 0x0800
	etherTypeARP        = 0x0806
	etherTypeVLAN       = 0x8100
	etherTypeIPv6       = 0x86dd
	etherTypeExperiment = 0x88b5

	protocolICMP  = 1
	protocolTCP   = 6
	protocolUDP   = 17
	protocolICMP6 = 58

	tcpFlagSYN = 0x02
	tcpFlagPSH = 0x08
	tcpFlagACK = 0x10
)

// synOptions are the options of a SYN (RFC 9293 section 3.2, RFC 2018, RFC 7323): MSS 1460, SACK permitted,
// timestamps (filled in), no-operation, window scale 7.
const synOptions = "\x02\x04\x05\xb4" + "\x04\x02" + "\x08\x0a\x00\x00\x00\x00\x00\x00\x00\x00" + "\x01" + "\x03\x03\x07"

// The functions below write one frame each from the EtherType on and return where it ends. They take
// complete configurations: withDefaults has run.

func (c *FrameConfig) tcpv4(b []byte, n uint32, flags byte, size int) int {
	segment, sum := c.ipv4(b, etherHeader, n, protocolTCP, size)
	return etherHeader + ipv4Header + tcp(segment, n, flags, sum)
}

func (c *FrameConfig) udpv4(b []byte, n uint32, at int) int {
	segment, sum := c.ipv4(b, at, n, protocolUDP, udpHeader+32)
	return at + ipv4Header + udp(segment, n, sum)
}

func (c *FrameConfig) icmpv4(b []byte, n uint32) int {
	segment, _ := c.ipv4(b, etherHeader, n, protocolICMP, icmpHeader+56)
	return etherHeader + ipv4Header + echo(segment, n, 8, 0)
}

func (c *FrameConfig) fragment(b []byte, n uint32) int {
	segment, _ := c.ipv4(b, etherHeader, n, protocolUDP, 100)
	fill(segment)
	header := b[etherHeader : etherHeader+ipv4Header]
	binary.BigEndian.PutUint16(header[6:], 1480/8)
	binary.BigEndian.PutUint16(header[10:], 0)
	binary.BigEndian.PutUint16(header[10:], internetChecksum(header, 0))
	return etherHeader + ipv4Header + len(segment)
}

func (c *FrameConfig) tcpv6(b []byte, n uint32) int {
	segment, sum := c.ipv6(b, n, protocolTCP, tcpHeader+64)
	return etherHeader + ipv6Header + tcp(segment, n, tcpFlagACK, sum)
}

func (c *FrameConfig) udpv6(b []byte, n uint32) int {
	segment, sum := c.ipv6(b, n, protocolUDP, udpHeader+32)
	return etherHeader + ipv6Header + udp(segment, n, sum)
}

func (c *FrameConfig) icmpv6(b []byte, n uint32) int {
	segment, sum := c.ipv6(b, n, protocolICMP6, icmpHeader+56)
	return etherHeader + ipv6Header + echo(segment, n, 128, sum)
}

// arp is RFC 826; the sender's hardware address is the frame's own.
func (c *FrameConfig) arp(b []byte) int {
	for i := range 6 {
		b[i] = 0xff
	}
	binary.BigEndian.PutUint16(b[12:], etherTypeARP)
	const ethernetIPv4Request = "\x00\x01\x08\x00\x06\x04\x00\x01"
	body := b[etherHeader:]
	copy(body, ethernetIPv4Request)
	copy(body[8:14], b[6:12])
	putIPv4(body[14:], c.SrcIPv4)
	clear(body[18:24])
	putIPv4(body[24:], c.DstIPv4)
	return etherHeader + 28
}

// llc is an unnumbered information frame of IEEE 802.2 with 20 bytes of information.
func llc(b []byte) int {
	const size = 3 + 20
	binary.BigEndian.PutUint16(b[12:], size)
	copy(b[etherHeader:], "\x42\x42\x03")
	fill(b[etherHeader+3 : etherHeader+size])
	return etherHeader + size
}

// ipv4 writes the EtherType before offset at and an IPv4 header (RFC 791) there. It returns the room for
// size bytes of transport and the unfolded sum of their pseudo-header.
func (c *FrameConfig) ipv4(b []byte, at int, n uint32, protocol byte, size int) (segment []byte, sum uint32) {
	binary.BigEndian.PutUint16(b[at-2:], etherTypeIPv4)
	h := b[at : at+ipv4Header]
	h[0], h[1] = 0x45, 0
	binary.BigEndian.PutUint16(h[2:], uint16(ipv4Header+size))
	binary.BigEndian.PutUint16(h[4:], uint16(n))
	binary.BigEndian.PutUint16(h[6:], 0)
	h[8], h[9] = 64, protocol
	binary.BigEndian.PutUint16(h[10:], 0)
	putIPv4(h[12:], c.SrcIPv4)
	putIPv4(h[16:], c.DstIPv4)
	binary.BigEndian.PutUint16(h[10:], internetChecksum(h, 0))
	return b[at+ipv4Header : at+ipv4Header+size], sumWords(h[12:20], uint32(protocol)+uint32(size))
}

// ipv6 writes the EtherType and an IPv6 header (RFC 8200 section 3) and returns what ipv4 returns.
func (c *FrameConfig) ipv6(b []byte, n uint32, protocol byte, size int) (segment []byte, sum uint32) {
	binary.BigEndian.PutUint16(b[12:], etherTypeIPv6)
	h := b[etherHeader : etherHeader+ipv6Header]
	const flowLabelMask = 1<<20 - 1
	binary.BigEndian.PutUint32(h, 6<<28|n&flowLabelMask)
	binary.BigEndian.PutUint16(h[4:], uint16(size))
	h[6], h[7] = protocol, 64
	src, dst := c.SrcIPv6.As16(), c.DstIPv6.As16()
	copy(h[8:], src[:])
	copy(h[24:], dst[:])
	return b[etherHeader+ipv6Header : etherHeader+ipv6Header+size], sumWords(h[8:40], uint32(protocol)+uint32(size))
}

// tcp is RFC 9293 section 3.1; it fills the segment and returns its length.
func tcp(s []byte, n uint32, flags byte, sum uint32) int {
	header := tcpHeader
	if flags&tcpFlagSYN != 0 {
		header += copy(s[tcpHeader:], synOptions)
		binary.BigEndian.PutUint32(s[tcpHeader+8:], n)
	}
	binary.BigEndian.PutUint16(s, srcPort(n))
	binary.BigEndian.PutUint16(s[2:], TCPDstPort)
	binary.BigEndian.PutUint32(s[4:], n)
	acknowledged := uint32(0)
	if flags&tcpFlagACK != 0 {
		acknowledged = ^n
	}
	binary.BigEndian.PutUint32(s[8:], acknowledged)
	s[12], s[13] = byte(header/4)<<4, flags
	binary.BigEndian.PutUint16(s[14:], 64240)
	binary.BigEndian.PutUint32(s[16:], 0)
	fill(s[header:])
	binary.BigEndian.PutUint16(s[16:], internetChecksum(s, sum))
	return len(s)
}

// udp is RFC 768; it fills the segment and returns its length.
func udp(s []byte, n uint32, sum uint32) int {
	binary.BigEndian.PutUint16(s, srcPort(n))
	binary.BigEndian.PutUint16(s[2:], UDPDstPort)
	binary.BigEndian.PutUint16(s[4:], uint16(len(s)))
	binary.BigEndian.PutUint16(s[6:], 0)
	fill(s[udpHeader:])
	checksum := internetChecksum(s, sum)
	if checksum == 0 { // zero would say "no checksum"
		checksum = 0xffff
	}
	binary.BigEndian.PutUint16(s[6:], checksum)
	return len(s)
}

// echo is RFC 792 and RFC 4443 section 4.1; only the latter has a pseudo-header.
func echo(s []byte, n uint32, kind byte, sum uint32) int {
	s[0], s[1] = kind, 0
	binary.BigEndian.PutUint16(s[2:], 0)
	binary.BigEndian.PutUint16(s[4:], uint16(n>>16))
	binary.BigEndian.PutUint16(s[6:], uint16(n))
	fill(s[icmpHeader:])
	binary.BigEndian.PutUint16(s[2:], internetChecksum(s, sum))
	return len(s)
}

func srcPort(n uint32) uint16 { return uint16(SrcPortFirst + n%SrcPortCount) }

func putIPv4(b []byte, address netip.Addr) {
	raw := address.As4()
	copy(b, raw[:])
}

// pattern is the payload: never zero, so that no padding can be taken for it.
var pattern = func() (p [MaxFrame]byte) {
	for i := range p {
		p[i] = byte('a' + i%26)
	}
	return p
}()

func fill(b []byte) { copy(b, pattern[:]) }

// internetChecksum is RFC 1071; sum is what a pseudo-header adds.
func internetChecksum(b []byte, sum uint32) uint16 {
	sum = sumWords(b, sum)
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// sumWords adds the 16-bit words of b, at most 64 KiB, without folding: 2^15 words do not overflow.
func sumWords(b []byte, sum uint32) uint32 {
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	return sum
}
