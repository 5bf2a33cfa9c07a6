package decode

import "encoding/binary"

// The bounds of every loop over headers. TCP and hop-by-hop options are bounded by the header that holds
// them. When one is reached, decoding stops with the reason named here and what was read so far is kept.
const (
	maxTags       = 8  // VLAN tags, the one in Meta included; only two are kept: TooManyTags
	maxLabels     = 16 // MPLS labels: TooManyLabels
	maxExtensions = 16 // IPv6 extension headers: TooManyExtensions
)

// Decode overwrites p with what the frame says. m is what is known of the frame besides its bytes, data its
// captured bytes beginning with the link header; neither is kept or changed. It never fails and never
// panics: p.DecodeError says why it stopped early.
//
// When m.Direction is Unknown and the link header says which way the frame went (the cooked ones do), the
// link header is believed. A cooked header names the sender alone: DstMAC is then zero.
func Decode(p *Packet, m *Meta, data []byte) {
	*p = Packet{}
	p.Time = m.Time
	p.WireLength = m.WireLength
	p.CapturedLength = uint32(len(data))
	p.Interface = m.Interface
	p.Direction = m.Direction
	if m.VLANTPID != 0 {
		p.VLANID = m.VLANTCI & vlanID
		p.Valid = HasVLAN
		p.WireLength += 4
	}
	more := max(int(m.WireLength)-len(data), 0)
	switch m.LinkType {
	case LinkEthernet:
		p.ethernet(data, more)
	case LinkRaw:
		p.raw(data, more)
	case LinkIPv4:
		p.ipv4(data, more)
	case LinkIPv6:
		p.ipv6(data, more)
	case LinkLinuxSLL:
		p.cooked1(data, more)
	case LinkLinuxSLL2:
		p.cooked2(data, more)
	case LinkPPP:
		p.pppLink(data, more)
	case LinkNull:
		p.loopback(data, more)
	default:
		p.DecodeError = UnknownLinkType
	}
}

// Every method that reads a header takes b, the captured bytes that the headers in front of it claim, and
// (down to the IP header, whose own length replaces it) more, the number of bytes that followed b on the
// wire but were not captured.

// clip applies a header's claim that n bytes follow it.
func clip(b []byte, more, n int) ([]byte, int) {
	if n <= len(b) {
		return b[:n], 0
	}
	return b, min(more, n-len(b))
}

// payload sets PayloadLength to n bytes.
func (p *Packet) payload(n int) {
	p.PayloadLength = uint32(n)
	p.Valid |= HasPayload
}

// be16 and be32 read a field in network byte order.
func be16(b []byte) uint16 { return binary.BigEndian.Uint16(b) }
func be32(b []byte) uint32 { return binary.BigEndian.Uint32(b) }
