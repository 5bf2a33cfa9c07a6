package decode

import "encoding/binary"

// The bounds of every loop over headers; those of one protocol alone stand in its file, and TCP options are bounded
// by their header. When one is reached, decoding stops with the reason named here and what was read so far is kept.
const (
	maxTags          = 8   // VLAN tags, the one in Meta included; only two are kept: TooManyTags
	maxLabels        = 16  // MPLS labels: TooManyLabels
	maxExtensions    = 16  // IPv6 extension headers, AH included: TooManyExtensions
	maxHopOptions    = 16  // hop-by-hop options in which a jumbogram's length is looked for
	maxAnswers       = 8   // addresses kept of a DNS response; more are there when DNSAnswers says so
	maxDNSRecords    = 16  // answers looked at in a DNS message: no more addresses
	maxDNSLabels     = 128 // labels and pointers read in a DNS message, 127 is what one name can have: TooManyDNSLabels
	maxTLSExtensions = 24  // of a ClientHello: TooManyTLSExtensions
	maxTLSVersions   = 16  // of those that a ClientHello offers, the best ones first, the highest is looked for in
	maxALPNs         = 8   // protocols kept of those that a ClientHello offers, the best ones first
	maxHTTPLines     = 16  // header lines looked at for Host: TooManyHTTPLines
	maxDHCPOptions   = 48  // TooManyDHCPOptions
	maxRelays        = 8   // DHCPv6 messages inside relay messages: BadDHCPv6
	maxTLVs          = 32  // of LLDP and CDP: TooManyTLVs
)

// Decode overwrites p with what the frame says. m is what is known of the frame besides its bytes, data its
// captured bytes beginning with the link header; neither is kept or changed. It never fails and never
// panics: p.DecodeError says why it stopped early.
//
// When m.Direction is Unknown and the link header says which way the frame went (the cooked ones do), the
// link header is believed.
func Decode(p *Packet, m *Meta, data []byte) {
	p.Reset()
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
	more := max(int(min(m.WireLength, maxJumbo))-len(data), 0)
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

// Reset makes p the zero Packet, provided that nothing is in it that Valid does not vouch for.
func (p *Packet) Reset() {
	if p.Valid&long != 0 {
		p.resetLong()
	}
	p.Head = Head{}
}

// resetLong zeroes what is not in Head, group by group: it is long, and few packets have more than one.
func (p *Packet) resetLong() {
	v := p.Valid
	if v&(HasInner|HasInnerPorts|HasInnerProtocol) != 0 {
		p.Inner = Inner{}
	}
	if v&HasName != 0 {
		clear(p.Name.Bytes[:p.Name.Length])
		p.Name.Length = 0
	}
	if v&HasALPN != 0 {
		p.ALPN = ALPN{}
	}
	if v&HasAnswers != 0 {
		n := min(p.Answers.Count, maxAnswers)
		clear(p.Answers.List[:n])
		p.Answers.Count, p.Answers.Wide = 0, 0
	}
	if v&HasAssigned != 0 {
		p.Assigned = Address{}
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
