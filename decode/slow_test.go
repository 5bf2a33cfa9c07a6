package decode

import (
	"encoding/binary"
	"math"
	"net/netip"
	"slices"
	"strings"
)

// slowDecode is Decode once more, written to be obvious and not to be fast: from the documentation of Packet and
// the RFCs, not from Decode's code. TestSlowAgrees asks that both say the same of every frame.
func slowDecode(m *Meta, data []byte) Packet {
	f := slowFrame{wire: int(m.WireLength)}
	f.p.Time, f.p.Interface, f.p.Direction = m.Time, m.Interface, m.Direction
	f.p.WireLength, f.p.CapturedLength = m.WireLength, uint32(len(data))
	if m.VLANTPID != 0 {
		f.wire += 4
		f.p.WireLength += 4
		f.tag(m.VLANTCI)
	}
	if err := f.link(m.LinkType, slowCursor{b: data, claimed: max(len(data), int(m.WireLength))}); err != nil {
		f.p.DecodeError = Reason(err.(slowError))
	}
	f.segments()
	return f.packet()
}

// slowError is the reason to stop.
type slowError Reason

func (e slowError) Error() string { return Reason(e).String() }

// slowCursor is bytes that are still to be read.
type slowCursor struct {
	b       []byte // what was captured of them
	claimed int    // how many the headers in front say there are
}

// take reads the next n bytes, or stops with missing when they are not all there.
func (c *slowCursor) take(n int, missing Reason) ([]byte, error) {
	if n > len(c.b) {
		return nil, slowError(missing)
	}
	b := c.b[:n:n]
	c.b, c.claimed = c.b[n:], c.claimed-n
	return b, nil
}

// number reads the next n bytes as a number in network byte order, of at most 31 bits where int has no more.
func (c *slowCursor) number(n int, missing Reason) (int, error) {
	b, err := c.take(n, missing)
	value := uint64(0)
	for _, x := range b {
		value = value<<8 | uint64(x)
	}
	return int(min(value, math.MaxInt>>2)), err
}

// first is the first n bytes of c, or fewer where there are fewer.
func (c slowCursor) first(n int) slowCursor {
	return slowCursor{c.b[:min(n, len(c.b))], min(n, c.claimed)}
}

// part reads a body of n bytes and returns a cursor over as much of it as is there.
func (c *slowCursor) part(n int) slowCursor {
	p := slowCursor{c.b[:min(n, len(c.b))], n}
	c.b, c.claimed = c.b[len(p.b):], c.claimed-n
	return p
}

// ended says that nothing is left, and that nothing was left out.
func (c *slowCursor) ended() bool { return len(c.b) == 0 && c.claimed <= 0 }

func slow16(b []byte) uint16 { return binary.BigEndian.Uint16(b) }
func slow32(b []byte) uint32 { return binary.BigEndian.Uint32(b) }

// slowFrame is what is known of a frame, the long things in Go's own types.
type slowFrame struct {
	p        Packet
	wire     int
	tags     []uint16
	fragment bool // has a fragment's header
	goesOn   bool // is a first fragment
	total    int  // bytes of the IP packet by its own account
	name     string
	kind     NameKind
	alpn     string
	answers  []netip.Addr
	assigned netip.Addr
}

// packet is the frame as a Packet.
func (f *slowFrame) packet() Packet {
	p := f.p
	if f.name != "" {
		p.Valid |= HasName
		p.NameKind = f.kind
		p.Name.Length = uint8(copy(p.Name.Bytes[:], f.name))
	}
	if f.alpn != "" {
		p.Valid |= HasALPN
		p.ALPN.Length = uint8(copy(p.ALPN.Bytes[:], f.alpn))
	}
	for i, a := range f.answers {
		p.Valid |= HasAnswers
		p.Answers.Count++
		copy(p.Answers.List[i][:], a.AsSlice())
		if a.Is6() {
			p.Answers.Wide |= 1 << i
		}
	}
	if f.assigned.IsValid() {
		p.Valid |= HasAssigned
		copy(p.Assigned.IP[:], f.assigned.AsSlice())
		p.Assigned.Version = 4
		if f.assigned.Is6() {
			p.Assigned.Version = 6
		}
	}
	return p
}

// setName keeps a name, of one that is too long as many whole characters as fit.
func (f *slowFrame) setName(kind NameKind, characters []string) error {
	kept := 0
	for _, c := range characters {
		if kept+len(c) > 255 {
			break
		}
		f.name += c
		kept += len(c)
	}
	f.kind = kind
	if len(strings.Join(characters, "")) > 255 {
		return slowError(NameTooLong)
	}
	return nil
}

// slowCharacters is raw, character for character in the form of Name; what is in special has a backslash in front.
func slowCharacters(raw []byte, special string) []string {
	var characters []string
	for _, c := range raw {
		switch {
		case strings.IndexByte(special, c) >= 0:
			characters = append(characters, `\`+string(c))
		case c < 32 || c > 126 || c == '\\':
			characters = append(characters, `\`+string('0'+c/100)+string('0'+c/10%10)+string('0'+c%10))
		default:
			characters = append(characters, string(c))
		}
	}
	return characters
}

func (f *slowFrame) link(t LinkType, c slowCursor) error {
	switch t {
	case LinkNull:
		return f.loopback(c)
	case LinkEthernet:
		b, err := c.take(14, TruncatedLink)
		if err != nil {
			return err
		}
		copy(f.p.DstMAC[:], b)
		copy(f.p.SrcMAC[:], b[6:])
		f.p.Valid |= HasMAC | HasDstMAC
		return f.network(int(slow16(b[12:])), c)
	case LinkPPP:
		if len(c.b) >= 2 && c.b[0] == 0xff && c.b[1] == 3 {
			c.take(2, NoReason)
		}
		return f.ppp(c)
	case LinkRaw:
		if len(c.b) == 0 {
			return slowError(TruncatedLink)
		}
		switch c.b[0] >> 4 {
		case 4:
			return f.ipv4(c)
		case 6:
			return f.ipv6(c)
		}
		return slowError(BadIPVersion)
	case LinkIPv4:
		return f.ipv4(c)
	case LinkIPv6:
		return f.ipv6(c)
	case LinkLinuxSLL:
		b, err := c.take(16, TruncatedLink)
		if err != nil {
			return err
		}
		f.sender(int(slow16(b)), int(slow16(b[4:])), b[6:])
		return f.cooked(int(slow16(b[14:])), int(slow16(b[2:])), c)
	case LinkLinuxSLL2:
		b, err := c.take(20, TruncatedLink)
		if err != nil {
			return err
		}
		f.sender(int(b[10]), int(b[11]), b[12:])
		return f.cooked(int(slow16(b)), int(slow16(b[8:])), c)
	}
	return slowError(UnknownLinkType)
}

// loopback reads an address family in either byte order.
func (f *slowFrame) loopback(c slowCursor) error {
	b, err := c.take(4, TruncatedLink)
	if err != nil {
		return err
	}
	families := map[uint32]func(slowCursor) error{2: f.ipv4, 10: f.ipv6, 24: f.ipv6, 28: f.ipv6, 30: f.ipv6}
	for _, order := range []binary.ByteOrder{binary.BigEndian, binary.LittleEndian} {
		if read, ok := families[order.Uint32(b)]; ok {
			return read(c)
		}
	}
	return nil
}

// sender takes a cooked header's direction (packet(7)) and address.
func (f *slowFrame) sender(direction, size int, address []byte) {
	if f.p.Direction == Unknown && direction <= 4 {
		f.p.Direction = Direction(direction)
	}
	if size == 6 {
		copy(f.p.SrcMAC[:], address[:6])
		f.p.Valid |= HasMAC
	}
}

// cooked reads what a cooked header announces; the protocol of IEEE 802.11 and netlink devices is no EtherType,
// and below 0x0600 there is only 4, LLC.
func (f *slowFrame) cooked(protocol, device int, c slowCursor) error {
	if slices.Contains([]int{801, 802, 803, 824}, device) {
		return nil
	}
	if protocol == 4 {
		return f.llc(c, c.claimed > len(c.b))
	}
	if protocol < 0x0600 {
		return nil
	}
	return f.network(protocol, c)
}

// tag keeps a VLAN tag.
func (f *slowFrame) tag(tci uint16) {
	f.tags = append(f.tags, tci&0xfff)
	switch len(f.tags) {
	case 1:
		f.p.VLANID = tci & 0xfff
		f.p.Valid |= HasVLAN
	case 2:
		f.p.InnerVLANID = tci & 0xfff
		f.p.Valid |= HasInnerVLAN
	}
}

// network reads what is behind the type or length field t: IEEE 802.1Q tags, then LLC or what the type names.
func (f *slowFrame) network(t int, c slowCursor) error {
	switch {
	case t == 0x8100 || t == 0x88a8 || t == 0x9100:
		if len(f.tags) == maxTags {
			return slowError(TooManyTags)
		}
		b, err := c.take(4, TruncatedVLAN)
		if err != nil {
			return err
		}
		f.tag(slow16(b))
		return f.network(int(slow16(b[2:])), c)
	case t <= 1500: // IEEE 802.3 §3.2.6
		return f.llc(c.first(t), t > len(c.b))
	case t < 0x0600:
		return nil
	}
	f.p.EtherType = uint16(t)
	f.p.Valid |= HasEtherType
	switch t {
	case 0x0800:
		return f.ipv4(c)
	case 0x86dd:
		return f.ipv6(c)
	case 0x0806, 0x8035:
		return f.arp(c)
	case 0x8863:
		return f.pppoe(c, false)
	case 0x8864:
		return f.pppoe(c, true)
	case 0x8847, 0x8848:
		return f.mpls(c)
	case 0x88cc:
		return f.lldp(c)
	}
	return nil
}

// llc reads an IEEE 802.2 header and, where there is one, the SNAP header behind it: OUI 0 has EtherTypes (RFC 1042),
// OUI 00-00-0c has CDP, of which cut says that there is more.
func (f *slowFrame) llc(c slowCursor, cut bool) error {
	b, err := c.take(3, TruncatedLLC)
	if err != nil {
		return err
	}
	if string(b) != "\xaa\xaa\x03" {
		return nil
	}
	if b, err = c.take(5, TruncatedLLC); err != nil {
		return err
	}
	organization, t := string(b[:3]), int(slow16(b[3:]))
	switch {
	case organization == "\x00\x00\x0c" && t == 0x2000:
		return f.cdp(c, cut)
	case organization == "\x00\x00\x00" && t >= 0x0600:
		return f.network(t, c)
	}
	return nil
}

// pppoe reads a PPPoE header (RFC 2516 §4): version and type 1, code 0 in a session.
func (f *slowFrame) pppoe(c slowCursor, session bool) error {
	b, err := c.take(6, TruncatedPPPoE)
	if err != nil {
		return err
	}
	if b[0] != 0x11 {
		return slowError(BadPPPoE)
	}
	f.p.PPPoESession = slow16(b[2:])
	f.p.Valid |= HasPPPoE
	if !session {
		return nil
	}
	if b[1] != 0 {
		return slowError(BadPPPoE)
	}
	return f.ppp(c.first(int(slow16(b[4:]))))
}

// slowPPP reads a PPP protocol number of one byte, which is odd, or of two (RFC 1661 §2).
func slowPPP(c *slowCursor, missing Reason) (int, error) {
	if len(c.b) > 0 && c.b[0]%2 == 1 {
		return c.number(1, missing)
	}
	return c.number(2, missing)
}

func (f *slowFrame) ppp(c slowCursor) error {
	protocol, err := slowPPP(&c, TruncatedPPP)
	if err != nil {
		return err
	}
	switch protocol {
	case 0x0021:
		return f.ipv4(c)
	case 0x0057:
		return f.ipv6(c)
	case 0x0281, 0x0283:
		return f.mpls(c)
	}
	return nil
}

// mpls reads labels to the bottom of the stack (RFC 3032 §2.1); behind it the first nibble tells IP (RFC 4928 §3).
func (f *slowFrame) mpls(c slowCursor) error {
	for labels := 0; ; labels++ {
		if labels == maxLabels {
			return slowError(TooManyLabels)
		}
		b, err := c.take(4, TruncatedMPLS)
		if err != nil {
			return err
		}
		if b[2]&1 == 1 {
			break
		}
	}
	if len(c.b) == 0 {
		return slowError(TruncatedMPLS)
	}
	switch c.b[0] >> 4 {
	case 4:
		return f.ipv4(c)
	case 6:
		return f.ipv6(c)
	}
	return nil
}

// arp reads an ARP or RARP packet (RFC 826): the addresses are in it when it is about IPv4.
func (f *slowFrame) arp(c slowCursor) error {
	b, err := c.take(8, TruncatedARP)
	if err != nil {
		return err
	}
	f.p.ARPOperation = slow16(b[6:])
	f.p.Valid |= HasARP
	hardware, protocol := int(b[4]), int(b[5])
	if slow16(b[2:]) != 0x0800 {
		return nil
	}
	if protocol != 4 {
		return slowError(BadARP)
	}
	if b, err = c.take(2*hardware+2*protocol, TruncatedARP); err != nil {
		return err
	}
	copy(f.p.SrcIP[:4], b[hardware:])
	copy(f.p.DstIP[:4], b[2*hardware+4:])
	f.p.Valid |= HasAddresses
	return nil
}

// segments guesses how many wire segments were merged: the payload of a TCP or UDP packet that is longer than
// a wire carries is cut in pieces of 1448 bytes.
func (f *slowFrame) segments() {
	p := &f.p
	if !p.Valid.Has(HasPayload) || p.Protocol != 6 && p.Protocol != 17 || f.fragment ||
		f.total <= 1514 || p.WireLength <= 1526 {
		return
	}
	if n := (int(p.PayloadLength) + 1447) / 1448; n > 1 {
		p.WireSegments = uint16(min(n, 65535))
	}
}
