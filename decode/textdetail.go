package decode

// appendDetailText appends what is behind the transport header, or stands in the place of one: a tunnel and
// the packet inside, or the one that an ICMP error quotes, then names.
func (p *Packet) appendDetailText(dst []byte) []byte {
	v := p.Valid
	if v&HasSPI != 0 {
		dst = appendHex32(append(dst, " spi 0x"...), p.SPI)
	}
	if v&HasIGMP != 0 {
		if name := igmpName(p.IGMPType); name != "" {
			dst = append(append(dst, ' '), name...)
		} else {
			dst = appendUint(append(dst, " type "...), p.IGMPType)
		}
	}
	if v&HasVRRP != 0 {
		dst = appendUint(append(dst, " router "...), p.VRRPID)
		dst = appendUint(append(dst, " priority "...), p.VRRPPriority)
	}
	if v&HasTunnel != 0 && p.Tunnel != TunnelGRE { // the protocol says it
		dst = append(append(dst, ' '), p.Tunnel.String()...)
	}
	if v&HasTunnelKey != 0 {
		dst = appendUint(append(dst, " key "...), p.TunnelKey)
	}
	if v&HasInner != 0 {
		dst = p.appendInnerText(dst)
	}
	switch {
	case v&(HasDNS|HasDNSResponse) != 0:
		dst = p.appendDNSText(dst)
	case v&HasTLS != 0 || p.NameKind == NameTLS || p.NameKind == NameQUIC:
		dst = p.appendTLSText(dst)
	case v&HasHTTP != 0:
		dst = p.appendName(append(append(dst, ' '), p.HTTPMethod.String()...))
	case v&HasDHCP != 0:
		dst = p.appendDHCPText(dst)
	case v&HasNTP != 0:
		dst = append(append(dst, " ntp "...), ntpModes[p.NTPMode&7]...)
	case v&HasName != 0:
		dst = p.appendName(append(append(dst, ' '), p.NameKind.String()...))
	}
	return dst
}

// appendInnerText appends the packet inside between brackets.
func (p *Packet) appendInnerText(dst []byte) []byte {
	i := &p.Inner
	ports := p.Valid&HasInnerPorts != 0
	dst = appendEndpoint(append(dst, " ["...), i.Source(), ports, i.SrcPort)
	dst = appendEndpoint(append(dst, arrow...), i.Destination(), ports, i.DstPort)
	if p.Valid&HasInnerProtocol != 0 {
		dst = appendProtocol(append(dst, ' '), i.Protocol)
	}
	return append(dst, ']')
}

// appendName appends the name, if there is one.
func (p *Packet) appendName(dst []byte) []byte {
	if p.Valid&HasName == 0 {
		return dst
	}
	return append(append(dst, ' '), p.Name.Text()...)
}

// appendDNSText appends the question, and of a response its code and addresses.
func (p *Packet) appendDNSText(dst []byte) []byte {
	kind := NameDNS
	if p.Valid&HasName != 0 {
		kind = p.NameKind
	}
	dst = append(append(dst, ' '), kind.String()...)
	if p.Valid&HasDNS != 0 {
		if name := dnsTypeName(p.DNSType); name != "" {
			dst = append(append(dst, ' '), name...)
		} else {
			dst = appendUint(append(dst, " TYPE"...), p.DNSType) // RFC 3597 §5
		}
	}
	dst = p.appendName(dst)
	if p.Valid&HasDNSResponse == 0 {
		return dst
	}
	if int(p.DNSRCode) < len(dnsRCodes) {
		dst = append(append(dst, ' '), dnsRCodes[p.DNSRCode]...)
	} else {
		dst = appendUint(append(dst, " RCODE"...), p.DNSRCode)
	}
	dst = appendUint(append(dst, " answers "...), p.DNSAnswers)
	if p.Valid&HasAnswers != 0 {
		dst = p.Answers.appendTo(append(dst, ' '), ' ')
	}
	return dst
}

// appendTLSText appends version, server name and protocols of a ClientHello.
func (p *Packet) appendTLSText(dst []byte) []byte {
	kind := NameTLS
	if p.Protocol == protoUDP {
		kind = NameQUIC
	}
	dst = append(append(dst, ' '), kind.String()...)
	if p.Valid&HasTLS != 0 {
		switch v := p.TLSVersion; {
		case v == 0x0300:
			dst = append(dst, " SSL3.0"...)
		case v > 0x0300 && v < 0x030a:
			dst = append(dst, " TLS1."...)
			dst = append(dst, '0'+byte(v)-1)
		default:
			dst = appendUint(append(dst, " version "...), v)
		}
	}
	dst = p.appendName(dst)
	if p.Valid&HasALPN != 0 {
		dst = append(append(dst, " alpn "...), p.ALPN.Text()...)
	}
	return dst
}

// appendDHCPText appends the message type, the client's name and the address assigned.
func (p *Packet) appendDHCPText(dst []byte) []byte {
	types, version := dhcpTypes[:], "dhcp"
	if p.IPVersion == 6 {
		types, version = dhcpv6Types[:], "dhcpv6"
	}
	dst = append(append(append(dst, ' '), version...), ' ')
	if int(p.DHCPType) < len(types) && types[p.DHCPType] != "" {
		dst = append(dst, types[p.DHCPType]...)
	} else {
		dst = appendUint(append(dst, "type "...), p.DHCPType)
	}
	dst = p.appendName(dst)
	if p.Valid&HasAssigned != 0 {
		dst = p.Assigned.Addr().AppendTo(append(dst, ' '))
	}
	return dst
}

// optionNames are the Options from the lowest bit up, as tcpdump calls those that it knows.
var optionNames = [...]string{" sackOK", " fast-open", " md5", " tcp-ao", " mptcp"}

func (o Options) appendText(dst []byte) []byte {
	for i, name := range optionNames {
		if o>>i&1 != 0 {
			dst = append(dst, name...)
		}
	}
	return dst
}

func appendHex32(dst []byte, n uint32) []byte {
	for shift := 28; shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[n>>shift&15])
	}
	return dst
}
