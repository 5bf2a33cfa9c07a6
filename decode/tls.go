package decode

// What is read of TLS (RFC 8446 §4, §5.1; https://www.iana.org/assignments/tls-extensiontype-values).
const (
	tlsHandshake   = 22 // record type
	tlsClientHello = 1  // handshake type

	tlsServerName        = 0  // RFC 6066 §3
	tlsALPN              = 16 // RFC 7301 §3.1
	tlsSupportedVersions = 43 // RFC 8446 §4.2.1

	tlsHostName = 0 // RFC 6066 §3, the one name type there is
)

// maxServerNames bounds the names of other types in front of the host name: BadTLS, since none is defined.
const maxServerNames = 8

// tls reads the ClientHello that a segment begins with (RFC 8446 §5.1), as far as the first record holds it.
// Anything else that TLS sends has no name in it.
func (p *Packet) tls(b []byte) {
	if len(b) < 6 || b[0] != tlsHandshake || b[1] != 3 || b[2] > 4 || b[5] != tlsClientHello {
		return
	}
	p.clientHello(b[5:min(5+int(be16(b[3:])), len(b))], NameTLS)
}

// clientHello reads a ClientHello (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2) from its handshake header on.
//
// Without supported_versions the version is legacy_version, which only the end of the extensions tells: a hello
// that goes on elsewhere has none.
func (p *Packet) clientHello(b []byte, kind NameKind) {
	if len(b) < 4 {
		p.DecodeError = TruncatedTLS
		return
	}
	total := 4 + int(b[1])<<16 + int(be16(b[2:]))
	b = b[:min(total, len(b))]

	n := 4 + 2 + 32 + 1 // legacy_version, random, length of legacy_session_id
	if !p.inHello(b, n, total) {
		return
	}
	n += int(b[n-1]) + 2 // session ID, length of cipher_suites
	if !p.inHello(b, n, total) {
		return
	}
	n += int(be16(b[n-2:])) + 1 // cipher suites, length of legacy_compression_methods
	if !p.inHello(b, n, total) {
		return
	}
	n += int(b[n-1])
	if !p.inHello(b, n, total) {
		return
	}
	if n == total { // before TLS 1.3 there may be no extensions, not even their length
		p.tlsVersion(be16(b[4:]))
		return
	}
	n += 2
	if !p.inHello(b, n, total) {
		return
	}
	if n+int(be16(b[n-2:])) != total { // RFC 5246 §7.4.1.2: they must fill the message
		p.DecodeError = BadTLS
		return
	}
	p.tlsExtensions(b, n, total, kind)
}

// tlsExtensions reads the extensions (RFC 8446 §4.2) from n on. One that is there twice, which is forbidden,
// counts as it is there first.
func (p *Packet) tlsExtensions(b []byte, n, total int, kind NameKind) {
	var named, negotiated bool
	for count := 0; n < total; count++ {
		if count == maxTLSExtensions {
			p.DecodeError = TooManyTLSExtensions
			return
		}
		if !p.inHello(b, n+4, total) {
			return
		}
		header := be32(b[n:]) // type, length
		start := n + 4
		n = start + int(header&0xffff)
		if !p.inHello(b, n, total) {
			return
		}
		switch header >> 16 {
		case tlsServerName:
			if !named {
				named = true
				p.serverName(b[start:n], kind)
			}
		case tlsALPN:
			if !negotiated {
				negotiated = true
				p.alpn(b[start:n])
			}
		case tlsSupportedVersions:
			if p.Valid&HasTLS == 0 {
				p.supportedVersions(b[start:n], be16(b[4:]))
			}
		}
		if p.DecodeError != NoReason {
			return
		}
	}
	if p.Valid&HasTLS == 0 {
		p.tlsVersion(be16(b[4:]))
	}
}

// inHello reports whether the first n bytes of a ClientHello of total bytes are there. When they are not, the
// reason is that the hello does not claim them, or that it goes on elsewhere.
func (p *Packet) inHello(b []byte, n, total int) bool {
	if n <= len(b) {
		return true
	}
	if p.DecodeError = TruncatedTLS; n > total {
		p.DecodeError = BadTLS
	}
	return false
}

func (p *Packet) tlsVersion(v uint16) {
	p.TLSVersion = v
	p.Valid |= HasTLS
}

// serverName reads a server_name extension (RFC 6066 §3), whose list and names are not empty, up to the first
// host name. Every type of name begins with its length.
func (p *Packet) serverName(b []byte, kind NameKind) {
	if len(b) > 2 && int(be16(b)) == len(b)-2 {
		b = b[2:]
		for range maxServerNames {
			if len(b) < 3 {
				break
			}
			size := 3 + int(be16(b[1:]))
			if size > len(b) || size == 3 {
				break
			}
			if b[0] == tlsHostName {
				p.setName(kind, b[3:size])
				return
			}
			if b = b[size:]; len(b) == 0 {
				return
			}
		}
	}
	p.DecodeError = BadTLS
}

// alpn reads an application_layer_protocol_negotiation extension (RFC 7301 §3.1), whose list and names are not
// empty, up to the first name that has no room in ALPN; of those behind maxALPNs nothing is said.
func (p *Packet) alpn(b []byte) {
	if len(b) <= 2 || int(be16(b)) != len(b)-2 {
		p.DecodeError = BadTLS
		return
	}
	a := &p.ALPN
	b = b[2:]
	for n := 0; len(b) > 0 && n < maxALPNs; n++ {
		size := 1 + int(b[0])
		if size == 1 || size > len(b) {
			p.DecodeError = BadTLS
			return
		}
		start := int(a.Length)
		end := start
		if end > 0 && end < len(a.Bytes) {
			a.Bytes[end] = ','
			end++
		}
		end, whole := escape(a.Bytes[:], end, b[1:size], ',')
		if !whole {
			clear(a.Bytes[start:end])
			return
		}
		a.Length = uint8(end)
		p.Valid |= HasALPN
		b = b[size:]
	}
}

// supportedVersions reads a supported_versions extension (RFC 8446 §4.2.1) and keeps the highest version of SSL
// 3 and its successors among the first maxTLSVersions, which leaves out drafts and what RFC 8701 §3.1 reserves for
// being ignored. When there is none of them the hello offers its legacy_version.
func (p *Packet) supportedVersions(b []byte, legacy uint16) {
	if len(b) < 3 || int(b[0]) != len(b)-1 || b[0]&1 != 0 {
		p.DecodeError = BadTLS
		return
	}
	highest := uint16(0)
	for i := 2; i < min(len(b), 1+2*maxTLSVersions); i += 2 {
		v := uint16(b[i-1])<<8 | uint16(b[i])
		if v>>8 != 3 {
			v = 0
		}
		highest = max(highest, v)
	}
	if highest == 0 {
		highest = legacy
	}
	p.tlsVersion(highest)
}
