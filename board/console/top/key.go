package top

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"strconv"

	"network-sniffer/decode"
)

// key is what a row is of, as bytes, and in which of the row's lanes a packet counts. Without a byte: the packet has no row.
type key struct {
	bytes [keyBytes]byte
	n     int
	lane  int
}

// The layouts: a host is its IP version and address; a service its protocol and port; a conversation its IP version,
// protocol, what it has of the rest, and two sides of address and port; a protocol the word that is shown; a name its
// kind, a hash and the text.
const (
	hostBytes = 1 + 16
	portBytes = 1 + 2
	sideAt    = 3
	sideBytes = 16 + 2
	talkBytes = sideAt + 2*sideBytes
	textAt    = 1 + 8
	textBytes = keyBytes - textAt
)

// What a conversation has.
const (
	talkPorts    = 1 << iota // both sides' ports
	talkProtocol             // an IP protocol
	talkARP                  // the addresses are ARP's
)

func (k *key) host(p *decode.Packet, ip *[16]byte) {
	if !p.Valid.Has(decode.HasAddresses) {
		return
	}
	k.bytes[0] = addressVersion(p)
	k.n = 1 + copy(k.bytes[1:], ip[:])
}

// addressVersion is the IP version of the packet's addresses. ARP has no IP header, and IPv4's addresses.
func addressVersion(p *decode.Packet) uint8 {
	if p.IPVersion == 6 {
		return 6
	}
	return 4
}

// port makes the key of the service; lane 0 is to it, lane 1 from it.
func (k *key) port(p *decode.Packet) {
	if !p.Valid.Has(decode.HasPorts | decode.HasProtocol) {
		return
	}
	port := p.DstPort
	if !serves(p.Protocol, p.SrcPort, p.DstPort) {
		port, k.lane = p.SrcPort, 1
	}
	k.bytes[0] = p.Protocol
	binary.BigEndian.PutUint16(k.bytes[1:], port)
	k.n = portBytes
}

// conversation makes the key of both directions: the side that offers the service stands second, or, where the ports do
// not tell, the one with the higher address. Lane 0 is from the first to the second.
func (k *key) conversation(p *decode.Packet) {
	if !p.Valid.Has(decode.HasAddresses) {
		return
	}
	var source, destination [sideBytes]byte
	copy(source[:], p.SrcIP[:])
	copy(destination[:], p.DstIP[:])
	has := byte(0)
	if p.Valid.Has(decode.HasARP) {
		has |= talkARP
	}
	if p.Valid.Has(decode.HasProtocol) {
		has |= talkProtocol
	}
	forward := bytes.Compare(source[:], destination[:]) <= 0
	if p.Valid.Has(decode.HasPorts) {
		has |= talkPorts
		binary.BigEndian.PutUint16(source[16:], p.SrcPort)
		binary.BigEndian.PutUint16(destination[16:], p.DstPort)
		if p.SrcPort != p.DstPort {
			forward = serves(p.Protocol, p.SrcPort, p.DstPort)
		}
	}
	first, second := &source, &destination
	if !forward {
		first, second, k.lane = second, first, 1
	}
	k.bytes[0], k.bytes[1], k.bytes[2] = addressVersion(p), p.Protocol, has
	copy(k.bytes[sideAt:], first[:])
	copy(k.bytes[sideAt+sideBytes:], second[:])
	k.n = talkBytes
}

// name makes the key of a name. Of one that is too long the end is kept, where the owner of a domain stands, with a hash
// that tells it from others with that end.
func (k *key) name(p *decode.Packet, seed maphash.Seed) {
	if !p.Valid.Has(decode.HasName) {
		return
	}
	text := p.Name.Text()
	k.bytes[0] = byte(p.NameKind)
	if len(text) > textBytes {
		binary.BigEndian.PutUint64(k.bytes[1:], maphash.Bytes(seed, text)|1) // never the 0 of a whole name
		text = text[len(text)-textBytes:]
	}
	k.n = textAt + copy(k.bytes[textAt:], text)
}

// nameOf is the text of a name's key, with an ellipsis in front where its beginning was not kept.
func nameOf(name []byte) string {
	text := string(name[textAt:])
	if binary.BigEndian.Uint64(name[1:]) != 0 {
		return "…" + text
	}
	return text
}

// protocol makes the word that is shown: a tunnel and what it carries, a transport protocol and what speaks by its port,
// an IP protocol, or an EtherType.
func (k *key) protocol(p *decode.Packet) {
	b := k.bytes[:0]
	switch {
	case p.Valid.Has(decode.HasTunnel):
		b = append(b, p.Tunnel.String()...)
		if p.Valid.Has(decode.HasInnerProtocol) {
			b = appendProtocol(append(b, '/'), p.Inner.Protocol)
		}
	case p.Valid.Has(decode.HasProtocol):
		b = appendProtocol(b, p.Protocol)
		if p.Valid.Has(decode.HasPorts) {
			if spoken := speaks(p.Protocol, p.SrcPort, p.DstPort); spoken != "" {
				b = append(append(b, '/'), spoken...)
			}
		}
	case p.Valid.Has(decode.HasIP):
		b = strconv.AppendUint(append(b, "IPv"...), uint64(p.IPVersion), 10)
	case !p.Valid.Has(decode.HasEtherType):
		b = append(b, "no-ether-type"...)
	default:
		if name := decode.EtherTypeName(p.EtherType); name != "" {
			b = append(b, name...)
		} else {
			b = strconv.AppendUint(append(b, "ether-type 0x"...), uint64(p.EtherType), 16)
		}
	}
	k.n = len(b)
}

// appendProtocol appends the name of an IP protocol, or its number.
func appendProtocol(b []byte, protocol uint8) []byte {
	if name := decode.ProtocolName(protocol); name != "" {
		return append(b, name...)
	}
	return strconv.AppendUint(append(b, "protocol "...), uint64(protocol), 10)
}

// hostOf is the address of a host's key.
func hostOf(name []byte) netip.Addr { return addressOf(name[0], name[1:]) }

func addressOf(version uint8, b []byte) netip.Addr {
	if version == 6 {
		return netip.AddrFrom16([16]byte(b))
	}
	return netip.AddrFrom4([4]byte(b))
}

// sides are the two ends of a conversation's key.
func sides(name []byte) (first, second netip.AddrPort) {
	side := func(b []byte) netip.AddrPort {
		return netip.AddrPortFrom(addressOf(name[0], b), binary.BigEndian.Uint16(b[16:]))
	}
	return side(name[sideAt:]), side(name[sideAt+sideBytes:])
}
