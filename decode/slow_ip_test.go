package decode

import "slices"

// ipv4 reads an IPv4 header (RFC 791 §3.1).
func (f *slowFrame) ipv4(c slowCursor) error {
	if len(c.b) > 0 && c.b[0]>>4 != 4 {
		return slowError(BadIPVersion)
	}
	b, err := c.take(20, TruncatedIPv4)
	if err != nil {
		return err
	}
	p := &f.p
	p.IPVersion, p.TrafficClass, p.TTL = 4, b[1], b[8]
	p.IPID = uint32(slow16(b[4:]))
	copy(p.SrcIP[:4], b[12:])
	copy(p.DstIP[:4], b[16:])
	p.Valid |= HasIP | HasAddresses | HasIPID
	header, total, flags := int(b[0]&15)*4, int(slow16(b[2:])), slow16(b[6:])
	later := flags&0x1fff != 0
	if flags&0x3fff != 0 {
		f.fragment, f.goesOn = true, !later
		p.FragmentOffset = flags & 0x1fff * 8
		p.Valid |= HasFragment
	}
	protocol := b[9]
	if protocol != 51 { // behind an AH there is another
		f.protocol(protocol)
	}
	if header < 20 {
		return slowError(BadIHL)
	}
	if total == 0 { // the frame's length counts
		total = 20 + c.claimed
	} else if total < header {
		return slowError(BadTotalLength)
	}
	f.total = total
	c = c.part(total - 20)
	if _, err = c.take(header-20, TruncatedIPv4Option); err != nil {
		return err
	}
	if later {
		f.protocol(protocol)
		f.payload(c.claimed)
		return nil
	}
	for headers := 0; protocol == 51; headers++ {
		if headers == maxExtensions {
			return slowError(TooManyExtensions)
		}
		if protocol, err = f.ah(&c, TruncatedAH); err != nil {
			return err
		}
	}
	f.protocol(protocol)
	return f.transport(protocol, c)
}

// protocol keeps what is behind the IP headers.
func (f *slowFrame) protocol(protocol uint8) {
	f.p.Protocol = protocol
	f.p.Valid |= HasProtocol
}

// payload keeps how many bytes follow.
func (f *slowFrame) payload(n int) {
	f.p.PayloadLength = uint32(n)
	f.p.Valid |= HasPayload
}

// spi keeps the first security parameters index.
func (f *slowFrame) spi(b []byte) {
	if !f.p.Valid.Has(HasSPI) {
		f.p.SPI = slow32(b)
		f.p.Valid |= HasSPI
	}
}

// ah reads an AH header (RFC 4302 §2), whose length field counts words of 4 bytes, less 2. It returns the protocol
// of what is behind it.
func (f *slowFrame) ah(c *slowCursor, missing Reason) (uint8, error) {
	if len(c.b) >= 8 {
		f.spi(c.b[4:])
	}
	if len(c.b) < 2 {
		return 0, slowError(missing)
	}
	if len(c.b) < 12 {
		return 0, slowError(missing)
	}
	b, err := c.take((int(c.b[1])+2)*4, missing)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

// The IPv6 extension headers whose second byte counts words of 8 bytes, less 1: hop-by-hop options, routing,
// destination options (RFC 8200 §4), mobility (RFC 6275 §6.1.1), HIP (RFC 7401 §5.1), shim6 (RFC 5533 §5.1).
var slowExtensions = []uint8{0, 43, 60, 135, 139, 140}

// ipv6 reads an IPv6 header (RFC 8200 §3) and its extension headers.
func (f *slowFrame) ipv6(c slowCursor) error {
	if len(c.b) > 0 && c.b[0]>>4 != 6 {
		return slowError(BadIPVersion)
	}
	b, err := c.take(40, TruncatedIPv6)
	if err != nil {
		return err
	}
	p := &f.p
	p.IPVersion, p.TrafficClass, p.TTL = 6, b[0]<<4|b[1]>>4, b[7]
	copy(p.SrcIP[:], b[8:24])
	copy(p.DstIP[:], b[24:40])
	p.Valid |= HasIP | HasAddresses
	length, next := int(slow16(b[4:])), b[6]
	if length == 0 {
		if length = slowJumbo(next, c.b); length == 0 && c.claimed > 65535 {
			length = c.claimed
		}
		length = min(length, maxJumbo)
	}
	f.total = 40 + length
	c = c.part(length)
	for headers := 0; next == 44 || next == 51 || slices.Contains(slowExtensions, next); headers++ {
		if headers == maxExtensions {
			return slowError(TooManyExtensions)
		}
		switch next {
		case 44: // RFC 8200 §4.5
			if b, err = c.take(8, TruncatedExtension); err != nil {
				return err
			}
			next = b[0]
			word := slow16(b[2:])
			// A fragment that is all of its packet (RFC 6946) is not told from a first one.
			f.fragment, f.goesOn = true, word>>3 == 0
			if !p.Valid.Has(HasFragment) { // of several the first: a frame that was cut between them says the same
				p.FragmentOffset, p.IPID = word&0xfff8, slow32(b[4:])
				p.Valid |= HasFragment | HasIPID
			}
			if word>>3 != 0 {
				f.protocol(next)
				f.payload(c.claimed)
				return nil
			}
		case 51:
			if next, err = f.ah(&c, TruncatedExtension); err != nil {
				return err
			}
		default:
			if next, err = slowExtension(&c, TruncatedExtension); err != nil {
				return err
			}
		}
	}
	f.protocol(next)
	return f.transport(next, c)
}

// slowExtension skips an extension header and returns the protocol of what is behind it.
func slowExtension(c *slowCursor, missing Reason) (uint8, error) {
	if len(c.b) < 2 {
		return 0, slowError(missing)
	}
	b, err := c.take((int(c.b[1])+1)*8, missing)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

// slowJumbo is the length in the jumbo payload option of a hop-by-hop header, which is more than 65535 (RFC 2675
// §2, §3), or 0.
func slowJumbo(next uint8, b []byte) int {
	if next != 0 || len(b) < 2 {
		return 0
	}
	options := slowCursor{b: b[:min(len(b), (int(b[1])+1)*8)]}
	options.take(2, NoReason)
	for len(options.b) > 0 {
		kind, _ := options.number(1, NoReason)
		if kind == 0 { // Pad1
			continue
		}
		size, _ := options.number(1, NoReason)
		body, err := options.take(size, NoReason)
		if err != nil {
			return 0
		}
		if kind == 0xc2 && size == 4 && slow32(body) > 65535 {
			return int(slow32(body))
		}
	}
	return 0
}

// transport reads what is behind the IP headers.
func (f *slowFrame) transport(protocol uint8, c slowCursor) error {
	switch protocol {
	case 1:
		return f.icmp(c, TruncatedICMP, 4, []uint8{3, 4, 5, 11, 12}) // RFC 792
	case 58:
		return f.icmp(c, TruncatedICMPv6, 6, []uint8{1, 2, 3, 4}) // RFC 4443 §3
	case 6:
		return f.tcp(c)
	case 17:
		return f.udp(c)
	case 136: // RFC 3828 §3.1
		return f.skipHeader(c, 8, TruncatedUDPLite)
	case 132: // RFC 9260 §3.1
		return f.skipHeader(c, 12, TruncatedSCTP)
	case 33:
		return f.dccp(c)
	}
	f.payload(c.claimed)
	switch protocol {
	case 2:
		return f.igmp(c)
	case 4, 41:
		return f.ipInIP(protocol, c)
	case 47:
		return f.gre(c)
	case 50:
		return f.esp(c)
	case 112:
		return f.vrrp(c)
	case 115:
		return f.l2tpIP(c)
	}
	return nil
}

// esp reads an SPI and a sequence number (RFC 4303 §2).
func (f *slowFrame) esp(c slowCursor) error {
	if len(c.b) >= 4 {
		f.spi(c.b)
	}
	_, err := c.take(8, TruncatedESP)
	return err
}

// ipsec reads ESP in UDP (RFC 3948 §2.1), but not what has four zeros in its place (§2.2) or is a byte (§2.3).
func (f *slowFrame) ipsec(c slowCursor) error {
	if c.claimed == 1 || len(c.b) >= 4 && slow32(c.b) == 0 {
		return nil
	}
	return f.esp(c)
}

// ports keeps the ports, when they are there.
func (f *slowFrame) ports(c slowCursor) {
	if b, err := c.take(4, NoReason); err == nil {
		f.p.SrcPort, f.p.DstPort = slow16(b), slow16(b[2:])
		f.p.Valid |= HasPorts
	}
}

// skipHeader reads a header of n bytes of which only the ports are kept.
func (f *slowFrame) skipHeader(c slowCursor, n int, missing Reason) error {
	f.ports(c)
	if _, err := c.take(n, missing); err != nil {
		return err
	}
	f.payload(c.claimed)
	return nil
}

// dccp reads a DCCP header (RFC 4340 §5.1).
func (f *slowFrame) dccp(c slowCursor) error {
	f.ports(c)
	whole := c.claimed
	b, err := c.take(12, TruncatedDCCP)
	if err != nil {
		return err
	}
	generic := 12
	if b[8]&1 == 1 { // extended sequence numbers
		generic = 16
		if _, err = c.take(4, TruncatedDCCP); err != nil {
			return err
		}
	}
	offset := int(b[4]) * 4
	switch {
	case offset < generic:
		return slowError(BadDataOffset)
	case offset > whole && f.goesOn:
		return slowError(TruncatedDCCP)
	case offset > whole:
		return slowError(BadDataOffset)
	}
	f.payload(whole - offset)
	return nil
}

// udp reads a UDP header (RFC 768). A length of 0 is that of a jumbogram (RFC 2675 §4).
func (f *slowFrame) udp(c slowCursor) error {
	f.ports(c)
	whole := c.claimed
	b, err := c.take(8, TruncatedUDP)
	if err != nil {
		return err
	}
	length := int(slow16(b[4:]))
	if length == 0 && whole > 65535 {
		length = whole
	}
	if length < 8 || length > whole && !f.goesOn {
		return slowError(BadUDPLength)
	}
	length = min(length, whole)
	f.payload(length - 8)
	return f.datagram(c.part(length - 8))
}

// tcp reads a TCP header (RFC 9293 §3.1).
func (f *slowFrame) tcp(c slowCursor) error {
	f.ports(c)
	whole := c.claimed
	b, err := c.take(20, TruncatedTCP)
	if err != nil {
		return err
	}
	p := &f.p
	p.SeqNumber, p.AckNumber, p.Flags, p.WindowSize = slow32(b[4:]), slow32(b[8:]), b[13], slow16(b[14:])
	p.Valid |= HasTCP
	offset := int(b[12]>>4) * 4
	if offset < 20 || offset > whole && !f.goesOn {
		return slowError(BadDataOffset)
	}
	if offset <= whole {
		f.payload(whole - offset)
	}
	if err = f.tcpOptions(c.part(offset - 20)); err != nil {
		return err
	}
	return f.stream(c)
}

// slowOptionSizes says which lengths a TCP option may have, its kind and length bytes included.
var slowOptionSizes = map[int]func(int) bool{
	2:  func(n int) bool { return n == 4 },            // MSS, RFC 9293 §3.7.1
	3:  func(n int) bool { return n == 3 },            // window scale, RFC 7323 §2.2
	4:  func(n int) bool { return n == 2 },            // SACK permitted, RFC 2018 §2
	5:  func(n int) bool { return n > 2 && n%8 == 2 }, // SACK, RFC 2018 §3
	8:  func(n int) bool { return n == 10 },           // timestamps, RFC 7323 §3.2
	19: func(n int) bool { return n == 18 },           // MD5, RFC 2385 §3
	29: func(n int) bool { return n >= 4 },            // TCP-AO, RFC 5925 §2.2
	30: func(n int) bool { return n >= 3 },            // MPTCP, RFC 8684 §3
}

func (f *slowFrame) tcpOptions(c slowCursor) (err error) {
	cut := len(c.b) < c.claimed
	var seen Options
	defer func() { // a cut header must not say less than the whole
		if seen != 0 && err != slowError(TruncatedTCPOption) {
			f.p.TCPOptions = seen
			f.p.Valid |= HasTCPOptions
		}
	}()
	for len(c.b) > 0 {
		kind, _ := c.number(1, NoReason)
		if kind == 0 {
			break
		}
		if kind == 1 {
			continue
		}
		missing := BadTCPOption
		if cut {
			missing = TruncatedTCPOption
		}
		size, err := c.number(1, missing)
		if err != nil {
			return err
		}
		if size < 2 {
			return slowError(BadTCPOption)
		}
		b, err := c.take(size-2, missing)
		if err != nil {
			return err
		}
		if allowed, ok := slowOptionSizes[kind]; ok && !allowed(size) {
			return slowError(BadTCPOption)
		}
		seen |= f.tcpOption(kind, b)
	}
	if cut {
		return slowError(TruncatedTCPOption)
	}
	return nil
}

// tcpOption keeps an option unless it was there before, or returns its bit.
func (f *slowFrame) tcpOption(kind int, b []byte) Options {
	p := &f.p
	group := map[int]Fields{2: HasMSS, 3: HasWindowScale, 5: HasSACK, 8: HasTimestamps}[kind]
	if p.Valid&group != 0 {
		return 0
	}
	p.Valid |= group
	seen := map[int]Options{4: SACKPermitted, 19: MD5Signature, 29: TCPAO, 30: MPTCP, 34: FastOpen}[kind]
	switch kind {
	case 2:
		p.MSS = slow16(b)
	case 3:
		p.WindowScale = b[0]
	case 5:
		p.SACKBlocks = uint8(len(b) / 8)
	case 8:
		p.TSValue, p.TSEcho = slow32(b), slow32(b[4:])
	case 254: // RFC 7413 Appendix A
		if len(b) >= 2 && slow16(b) == 0xf989 {
			seen = FastOpen
		}
	}
	return seen
}

// icmp reads the 8 bytes that every ICMP message has; those of the types in quoting quote a packet of this version
// behind them.
func (f *slowFrame) icmp(c slowCursor, missing Reason, version uint8, quoting []uint8) error {
	if len(c.b) >= 2 {
		f.p.ICMPType, f.p.ICMPCode = c.b[0], c.b[1]
		f.p.Valid |= HasICMP
	}
	if missing == TruncatedICMPv6 && len(c.b) >= 4 && len(c.b) < 8 && slices.Contains([]byte{152, 153, 155}, c.b[0]) {
		f.payload(max(c.claimed-8, 0))
		return nil
	}
	b, err := c.take(8, missing)
	if err != nil {
		return err
	}
	f.payload(c.claimed)
	if slices.Contains(quoting, b[0]) {
		return f.quoted(c, version)
	}
	return nil
}

// igmp reads an IGMP message (RFC 9776 §4).
func (f *slowFrame) igmp(c slowCursor) error {
	if len(c.b) > 0 {
		f.p.IGMPType = c.b[0]
		f.p.Valid |= HasIGMP
	}
	least := 8
	if len(c.b) > 0 && (c.b[0] == 0x31 || c.b[0] == 0x32) {
		least = 4
	}
	_, err := c.take(least, TruncatedIGMP)
	return err
}

// vrrp reads a VRRP advertisement (RFC 9568 §5.2): version 2 or 3, type 1.
func (f *slowFrame) vrrp(c slowCursor) error {
	if len(c.b) > 0 && c.b[0] != 0x21 && c.b[0] != 0x31 {
		return slowError(BadVRRP)
	}
	if len(c.b) >= 3 {
		f.p.VRRPID, f.p.VRRPPriority = c.b[1], c.b[2]
		f.p.Valid |= HasVRRP
	}
	_, err := c.take(8, TruncatedVRRP)
	return err
}
