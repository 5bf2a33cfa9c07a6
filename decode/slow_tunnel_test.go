package decode

import "slices"

func (f *slowFrame) tunnel(t Tunnel) {
	f.p.Tunnel = t
	f.p.Valid |= HasTunnel
}

func (f *slowFrame) tunnelKey(key uint32) {
	f.p.TunnelKey = key
	f.p.Valid |= HasTunnelKey
}

// ipInIP reads a packet of protocol 4 (RFC 2003) or 41 (RFC 4213 §3, RFC 2473).
func (f *slowFrame) ipInIP(protocol uint8, c slowCursor) error {
	if protocol == 4 {
		f.tunnel(map[uint8]Tunnel{4: TunnelIPIP, 6: Tunnel4in6}[f.p.IPVersion])
		return f.inner(c, 4)
	}
	f.tunnel(map[uint8]Tunnel{4: Tunnel6in4, 6: Tunnel6in6}[f.p.IPVersion])
	return f.inner(c, 6)
}

// gre reads a GRE header (RFC 2784 §2, RFC 2890 §2), version 1 of which is PPTP's (RFC 2637 §4.1).
func (f *slowFrame) gre(c slowCursor) error {
	const checksum, routing, key, sequence, acknowledgment = 0x8000, 0x4000, 0x2000, 0x1000, 0x0080
	f.tunnel(TunnelGRE)
	b, err := c.take(4, TruncatedTunnel)
	if err != nil {
		return err
	}
	flags, protocol := slow16(b), slow16(b[2:])
	version, payload := flags&7, 0
	if flags == key|1 && protocol == 0x6400 { // MikroTik's EoIP
		return nil
	}
	if flags&routing != 0 || version > 1 {
		return slowError(BadTunnel)
	}
	if version == 1 && (protocol != 0x880b || flags&checksum != 0 || flags&key == 0) {
		return slowError(BadTunnel)
	}
	if flags&checksum != 0 {
		if _, err = c.take(4, TruncatedTunnel); err != nil {
			return err
		}
	}
	if flags&key != 0 {
		if b, err = c.take(4, TruncatedTunnel); err != nil {
			return err
		}
		if version == 1 {
			f.tunnelKey(uint32(slow16(b[2:])))
			payload = int(slow16(b))
		} else {
			f.tunnelKey(slow32(b))
		}
	}
	if flags&sequence != 0 {
		if _, err = c.take(4, TruncatedTunnel); err != nil {
			return err
		}
	}
	if version == 1 {
		if flags&acknowledgment != 0 {
			if _, err = c.take(4, TruncatedTunnel); err != nil {
				return err
			}
		}
		if flags&sequence == 0 { // an acknowledgment carries nothing
			return nil
		}
		return f.innerPPP(c.first(payload))
	}
	return f.innerType(int(protocol), c)
}

// innerType reads what the EtherType t names in a tunnel: an IP packet, an Ethernet frame or a PPP frame.
func (f *slowFrame) innerType(t int, c slowCursor) error {
	switch t {
	case 0x0800:
		return f.inner(c, 4)
	case 0x86dd:
		return f.inner(c, 6)
	case 0x6558: // Transparent Ethernet Bridging
		return f.innerEthernet(c)
	case 0x880b:
		return f.innerPPP(c)
	}
	return nil
}

// innerEthernet skips an Ethernet header and its tags.
func (f *slowFrame) innerEthernet(c slowCursor) error {
	b, err := c.take(14, TruncatedInner)
	if err != nil {
		return err
	}
	t := slow16(b[12:])
	for tags := 0; t == 0x8100 || t == 0x88a8 || t == 0x9100; tags++ {
		if tags == maxTags {
			return slowError(TooManyTags)
		}
		if b, err = c.take(4, TruncatedInner); err != nil {
			return err
		}
		t = slow16(b[2:])
	}
	switch t {
	case 0x0800:
		return f.inner(c, 4)
	case 0x86dd:
		return f.inner(c, 6)
	}
	return nil
}

// innerPPP skips a PPP header, with or without address and control bytes (RFC 1662 §3.1).
func (f *slowFrame) innerPPP(c slowCursor) error {
	if len(c.b) > 0 && c.b[0] == 0xff { // no protocol begins so: an address, and a control byte
		if _, err := c.take(2, TruncatedInner); err != nil {
			return err
		}
	}
	protocol, err := slowPPP(&c, TruncatedInner)
	if err != nil {
		return err
	}
	switch protocol {
	case 0x0021:
		return f.inner(c, 4)
	case 0x0057:
		return f.inner(c, 6)
	}
	return nil
}

// vxlan reads a VXLAN header (RFC 7348 §5).
func (f *slowFrame) vxlan(c slowCursor) error {
	if f.p.DstPort != 4789 { // the source's port is any
		return nil
	}
	if c.b[0]&8 == 0 {
		return slowError(BadTunnel)
	}
	f.tunnel(TunnelVXLAN)
	b, err := c.take(8, TruncatedTunnel)
	if err != nil {
		return err
	}
	f.tunnelKey(slow32(b[4:]) >> 8)
	return f.innerEthernet(c)
}

// geneve reads a GENEVE header and its options (RFC 8926 §3.4).
func (f *slowFrame) geneve(c slowCursor) error {
	if f.p.DstPort != 6081 {
		return nil
	}
	if c.b[0]>>6 != 0 {
		return slowError(BadTunnel)
	}
	f.tunnel(TunnelGENEVE)
	b, err := c.take(8, TruncatedTunnel)
	if err != nil {
		return err
	}
	f.tunnelKey(slow32(b[4:]) >> 8)
	if _, err = c.take(int(b[0]&63)*4, TruncatedTunnel); err != nil {
		return err
	}
	if t := int(slow16(b[2:])); t != 0x880b {
		return f.innerType(t, c)
	}
	return nil
}

// gtpu reads a GTP-U header (3GPP TS 29.281 §5.1) and its extension headers (§5.2).
func (f *slowFrame) gtpu(c slowCursor) error {
	const gPDU = 255
	if c.b[0]>>5 != 1 || c.b[0]&0x10 == 0 {
		return slowError(BadTunnel)
	}
	f.tunnel(TunnelGTPU)
	b, err := c.take(8, TruncatedTunnel)
	if err != nil {
		return err
	}
	f.tunnelKey(slow32(b[4:]))
	c = c.first(int(slow16(b[2:])))
	kind, flags := b[1], b[0]&7
	if flags != 0 { // E, S or PN: sequence number, N-PDU number and next extension are all there
		if b, err = c.take(4, TruncatedTunnel); err != nil {
			return err
		}
		next := b[3]
		if flags&4 == 0 {
			next = 0
		}
		for extensions := 0; next != 0; extensions++ {
			if extensions == 8 {
				return slowError(BadTunnel)
			}
			if len(c.b) == 0 {
				return slowError(TruncatedTunnel)
			}
			size := int(c.b[0]) * 4
			if size == 0 {
				return slowError(BadTunnel)
			}
			if b, err = c.take(size, TruncatedTunnel); err != nil {
				return err
			}
			next = b[size-1]
		}
	}
	if kind != gPDU {
		return nil
	}
	return f.innerAny(c)
}

// innerAny reads a packet that is IP when its first nibble says so.
func (f *slowFrame) innerAny(c slowCursor) error {
	if len(c.b) == 0 {
		return slowError(TruncatedInner)
	}
	switch c.b[0] >> 4 {
	case 4, 6:
		return f.inner(c, c.b[0]>>4)
	}
	return nil
}

// l2tp reads an L2TP header in UDP: version 2 (RFC 2661 §3.1) or 3 (RFC 3931 §4.1.2).
func (f *slowFrame) l2tp(c slowCursor) error {
	const control, length, sequence, offset = 0x8000, 0x4000, 0x0800, 0x0200
	whole := c
	b, err := c.take(2, TruncatedTunnel)
	if err != nil {
		return err
	}
	flags := slow16(b)
	if version := flags & 15; version != 2 && version != 3 {
		return slowError(BadTunnel)
	}
	if flags&control != 0 && (flags&length == 0 || flags&sequence == 0) { // RFC 2661 §3.1, RFC 3931 §3.2.1
		return slowError(BadTunnel)
	}
	if flags&15 == 2 && flags&control != 0 && flags&offset != 0 {
		return slowError(BadTunnel)
	}
	f.tunnel(TunnelL2TP)
	if flags&15 == 3 {
		if flags&control != 0 {
			if b, err = c.take(2, TruncatedTunnel); err != nil {
				return err
			}
			if slow16(b) < 12 {
				return slowError(BadTunnel)
			}
			_, err = c.take(8, TruncatedTunnel)
			return err
		}
		if b, err = c.take(6, TruncatedTunnel); err != nil {
			return err
		}
		f.tunnelKey(slow32(b[2:]))
		return nil
	}
	if flags&length != 0 {
		if b, err = c.take(2, TruncatedTunnel); err != nil {
			return err
		}
		least := 8
		if flags&sequence != 0 {
			least += 4
		}
		if flags&offset != 0 {
			least += 2
		}
		if int(slow16(b)) < least {
			return slowError(BadTunnel)
		}
		c = whole.first(int(slow16(b)))
		if _, err = c.take(4, TruncatedTunnel); err != nil {
			return err
		}
	}
	if b, err = c.take(4, TruncatedTunnel); err != nil {
		return err
	}
	f.tunnelKey(uint32(slow16(b[2:])))
	if flags&sequence != 0 {
		if _, err = c.take(4, TruncatedTunnel); err != nil {
			return err
		}
	}
	if flags&offset != 0 {
		if b, err = c.take(2, TruncatedTunnel); err != nil {
			return err
		}
		if _, err = c.take(int(slow16(b)), TruncatedTunnel); err != nil {
			return err
		}
	}
	if flags&control != 0 {
		return nil
	}
	return f.innerPPP(c)
}

// l2tpIP reads an L2TPv3 header behind IP (RFC 3931 §4.1.1); session 0 is the control connection.
func (f *slowFrame) l2tpIP(c slowCursor) error {
	f.tunnel(TunnelL2TP)
	b, err := c.take(4, TruncatedTunnel)
	if err != nil {
		return err
	}
	if session := slow32(b); session != 0 {
		f.tunnelKey(session)
	}
	return nil
}

// wireguard recognizes the four messages (https://www.wireguard.com/protocol/) by their type and length.
func (f *slowFrame) wireguard(c slowCursor) error {
	n := c.claimed
	lengths := map[string]bool{
		"\x01\x00\x00\x00": n == 148, // handshake initiation
		"\x02\x00\x00\x00": n == 92,  // handshake response
		"\x03\x00\x00\x00": n == 64,  // cookie reply
		"\x04\x00\x00\x00": n >= 32,
	}
	if b, err := c.take(4, NoReason); err == nil && lengths[string(b)] {
		f.tunnel(TunnelWireGuard)
	}
	return nil
}

// teredo reads the indications in front of an IPv6 packet (RFC 4380 §5.1.1).
func (f *slowFrame) teredo(c slowCursor) error {
	if len(c.b) == 0 || c.b[0] != 0 && c.b[0]>>4 != 6 {
		return nil
	}
	if c.b[0] == 0 {
		if len(c.b) < 2 {
			return slowError(TruncatedTunnel)
		}
		if c.b[1] > 1 {
			return nil
		}
	}
	f.tunnel(TunnelTeredo)
	if len(c.b) >= 2 && c.b[0] == 0 && c.b[1] == 1 { // authentication: lengths, client, value, nonce, confirmation
		b, err := c.take(4, TruncatedTunnel)
		if err != nil {
			return err
		}
		if _, err = c.take(int(b[2])+int(b[3])+9, TruncatedTunnel); err != nil {
			return err
		}
		if len(c.b) == 1 && c.b[0] == 0 {
			return slowError(TruncatedTunnel)
		}
		if len(c.b) >= 2 && c.b[0] == 0 && c.b[1] != 0 { // nor is there another authentication
			return slowError(BadTunnel)
		}
	}
	if len(c.b) >= 2 && c.b[0] == 0 && c.b[1] == 0 { // origin: port and address
		if _, err := c.take(8, TruncatedTunnel); err != nil {
			return err
		}
	}
	return f.inner(c, 6)
}

// inner reads the IP packet of this version in a tunnel.
func (f *slowFrame) inner(c slowCursor, version uint8) error {
	return f.innerIP(c, version, TruncatedInner)
}

// quoted reads the beginning of an IP packet in an ICMP error. Where it ends behind the IP header is no reason: a
// quote is cut by design.
func (f *slowFrame) quoted(c slowCursor, version uint8) error {
	return f.innerIP(c, version, NoReason)
}

// innerIP reads an IP packet inside the packet; missing is what to stop with when what is behind its header is not
// there.
func (f *slowFrame) innerIP(c slowCursor, version uint8, missing Reason) error {
	if len(c.b) == 0 {
		return slowError(TruncatedInner)
	}
	if c.b[0]>>4 != version {
		return slowError(BadInner)
	}
	read := f.inner4
	if version == 6 {
		read = f.inner6
	}
	protocol, later, err := read(&c, missing)
	if err == nil {
		f.innerProtocol(protocol)
		if !later && slices.Contains([]uint8{6, 17, 33, 132, 136}, protocol) {
			err = f.innerPorts(c, missing)
		}
	}
	if err == slowError(NoReason) {
		return nil
	}
	return err
}

func (f *slowFrame) innerProtocol(protocol uint8) {
	f.p.Inner.Protocol = protocol
	f.p.Valid |= HasInnerProtocol
}

func (f *slowFrame) innerPorts(c slowCursor, missing Reason) error {
	b, err := c.take(4, missing)
	if err != nil {
		return err
	}
	f.p.Inner.SrcPort, f.p.Inner.DstPort = slow16(b), slow16(b[2:])
	f.p.Valid |= HasInnerPorts
	return nil
}

// inner4 reads an IPv4 header and AH behind it; it returns the protocol, and whether this is a later fragment.
func (f *slowFrame) inner4(c *slowCursor, missing Reason) (protocol uint8, later bool, err error) {
	b, err := c.take(20, TruncatedInner)
	if err != nil {
		return 0, false, err
	}
	i := &f.p.Inner
	i.IPVersion = 4
	copy(i.SrcIP[:4], b[12:])
	copy(i.DstIP[:4], b[16:])
	f.p.Valid |= HasInner
	header, total := int(b[0]&15)*4, int(slow16(b[2:]))
	protocol, later = b[9], slow16(b[6:])&0x1fff != 0
	if protocol != 51 || later {
		f.innerProtocol(protocol)
	}
	if header < 20 || total != 0 && total < header && missing != NoReason {
		return 0, false, slowError(BadInner)
	}
	if total >= header {
		*c = c.part(total - 20)
	}
	if _, err = c.take(header-20, TruncatedInner); err != nil {
		return 0, false, err
	}
	for headers := 0; protocol == 51 && !later; headers++ {
		if headers == maxExtensions {
			return 0, false, slowError(TooManyExtensions)
		}
		if protocol, err = slowAH(c, missing); err != nil {
			return 0, false, err
		}
	}
	return protocol, later, nil
}

// slowAH skips an AH header (RFC 4302 §2).
func slowAH(c *slowCursor, missing Reason) (uint8, error) {
	if len(c.b) < 2 {
		return 0, slowError(missing)
	}
	b, err := c.take((int(c.b[1])+2)*4, missing)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

// inner6 reads an IPv6 header and its extension headers.
func (f *slowFrame) inner6(c *slowCursor, missing Reason) (protocol uint8, later bool, err error) {
	b, err := c.take(40, TruncatedInner)
	if err != nil {
		return 0, false, err
	}
	i := &f.p.Inner
	i.IPVersion = 6
	copy(i.SrcIP[:], b[8:24])
	copy(i.DstIP[:], b[24:40])
	f.p.Valid |= HasInner
	length, next := int(slow16(b[4:])), b[6]
	if length != 0 || next != 0 { // else perhaps a jumbogram
		*c = c.part(length)
	}
	for headers := 0; next == 44 || next == 51 || slices.Contains(slowExtensions, next); headers++ {
		if headers == maxExtensions {
			return 0, false, slowError(TooManyExtensions)
		}
		switch next {
		case 44:
			if b, err = c.take(8, missing); err == nil && slow16(b[2:])>>3 != 0 {
				return b[0], true, nil
			}
			if err == nil {
				next = b[0]
			}
		case 51:
			next, err = slowAH(c, missing)
		default:
			next, err = slowExtension(c, missing)
		}
		if err != nil {
			return 0, false, err
		}
	}
	return next, false, nil
}
