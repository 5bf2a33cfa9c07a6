package gopacketbench

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// parser is gopacket as its documentation says to use it for speed: layers that are made once and filled again for
// each frame.
type parser struct {
	*gopacket.DecodingLayerParser
	seen []gopacket.LayerType
	ip4  layers.IPv4
	ip6  layers.IPv6
	tcp  layers.TCP
	udp  layers.UDP
	dns  layers.DNS
	tls  layers.TLS
}

// newParser registers the layers that a recorder of the same frames would want in one of the containers that gopacket
// has: the map, which NewDecodingLayerParser takes by itself, or the sparse one, which is the fastest.
func newParser(container gopacket.DecodingLayerContainer) *parser {
	p := &parser{seen: make([]gopacket.LayerType, 0, 16)}
	for _, l := range []gopacket.DecodingLayer{
		&layers.Ethernet{}, &layers.Dot1Q{}, &pppoeLayer{}, &pppLayer{}, &layers.ARP{},
		&p.ip4, &p.ip6, &layers.IPv6ExtensionSkipper{}, &layers.ICMPv4{}, &layers.ICMPv6{},
		&p.tcp, &p.udp, &p.dns, &p.tls, new(gopacket.Payload),
	} {
		container = container.Put(l)
	}
	p.DecodingLayerParser = gopacket.NewDecodingLayerParser(layers.LayerTypeEthernet)
	p.SetDecodingLayerContainer(container)
	p.IgnoreUnsupported = true
	return p
}

// decode reads data into the layers.
func (p *parser) decode(data []byte) error { return p.DecodeLayers(data, &p.seen) }

// ends is the addresses and ports of the frame decoded last.
func (p *parser) ends() (from, to netip.AddrPort) {
	var source, destination netip.Addr
	for _, t := range p.seen {
		switch t {
		case layers.LayerTypeIPv4:
			source, _ = netip.AddrFromSlice(p.ip4.SrcIP)
			destination, _ = netip.AddrFromSlice(p.ip4.DstIP)
		case layers.LayerTypeIPv6:
			source, _ = netip.AddrFromSlice(p.ip6.SrcIP)
			destination, _ = netip.AddrFromSlice(p.ip6.DstIP)
		case layers.LayerTypeTCP:
			from = netip.AddrPortFrom(source, uint16(p.tcp.SrcPort))
			to = netip.AddrPortFrom(destination, uint16(p.tcp.DstPort))
		case layers.LayerTypeUDP:
			from = netip.AddrPortFrom(source, uint16(p.udp.SrcPort))
			to = netip.AddrPortFrom(destination, uint16(p.udp.DstPort))
		}
	}
	return from, to
}

// host is the name in the frame decoded last.
func (p *parser) host() string {
	for _, t := range p.seen {
		switch t {
		case layers.LayerTypeDNS:
			return string(p.dns.Questions[0].Name)
		case layers.LayerTypeTLS:
			return string(p.tls.Handshake[0].ClientHello.SNI)
		}
	}
	return ""
}

// stack names the layers of the frame decoded last.
func (p *parser) stack() string {
	var names []string
	for _, t := range p.seen {
		names = append(names, t.String())
	}
	return strings.Join(names, " ")
}

// gopacket reads PPPoE and PPP only into a Packet that it allocates: its types of these names are no DecodingLayer.
// These two are, so that the parser does not stop behind the VLAN tag.
type (
	pppoeLayer struct{ layers.PPPoE }
	pppLayer   struct{ layers.PPP }
)

var errTruncated = errors.New("truncated")

// DecodeFromBytes reads the header of RFC 2516 §4.
func (l *pppoeLayer) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	if len(data) < 6 {
		df.SetTruncated()
		return errTruncated
	}
	l.Version, l.Type = data[0]>>4, data[0]&15
	l.Code = layers.PPPoECode(data[1])
	l.SessionId = binary.BigEndian.Uint16(data[2:])
	l.Length = binary.BigEndian.Uint16(data[4:])
	l.BaseLayer = layers.BaseLayer{Contents: data[:6], Payload: data[6:min(6+int(l.Length), len(data))]}
	return nil
}

func (l *pppoeLayer) CanDecode() gopacket.LayerClass    { return layers.LayerTypePPPoE }
func (l *pppoeLayer) NextLayerType() gopacket.LayerType { return layers.LayerTypePPP }

// DecodeFromBytes reads the protocol field of RFC 1661 §2.
func (l *pppLayer) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	if len(data) < 2 {
		df.SetTruncated()
		return errTruncated
	}
	l.PPPType = layers.PPPType(binary.BigEndian.Uint16(data))
	l.BaseLayer = layers.BaseLayer{Contents: data[:2], Payload: data[2:]}
	return nil
}

func (l *pppLayer) CanDecode() gopacket.LayerClass { return layers.LayerTypePPP }

func (l *pppLayer) NextLayerType() gopacket.LayerType {
	switch l.PPPType {
	case layers.PPPTypeIPv4:
		return layers.LayerTypeIPv4
	case layers.PPPTypeIPv6:
		return layers.LayerTypeIPv6
	}
	return gopacket.LayerTypePayload
}
