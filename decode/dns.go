package decode

// dnsHeader is the size of a message's header (RFC 1035 §4.1.1).
const dnsHeader = 12

// Types of records (https://www.iana.org/assignments/dns-parameters).
const (
	dnsA    = 1
	dnsAAAA = 28
)

// Classes of records. The highest bit of a class is mDNS's own: it asks for the cache to be flushed (RFC 6762 §10.2).
const (
	dnsInternet  = 1
	dnsClassBits = 0x7fff
)

// dns reads a DNS message (RFC 1035 §4), whose form mDNS (RFC 6762 §18) and LLMNR (RFC 4795 §2.1) share: the
// name and the type of its first question, or of its first answer when nothing is asked, and the addresses in the
// first answers of a response. More questions are skipped only on the way to those: a query ends with its first one.
func (p *Packet) dns(b []byte, kind NameKind) {
	if len(b) < dnsHeader {
		p.DecodeError = TruncatedDNS
		return
	}
	h := (*[dnsHeader]byte)(b)
	response := h[2]&0x80 != 0
	questions, answers := int(be16(h[4:6])), int(be16(h[6:8]))
	if response {
		p.DNSRCode = h[3] & 0xf
		p.DNSAnswers = uint16(answers)
		p.Valid |= HasDNSResponse
	}
	if questions|answers == 0 {
		return
	}
	// In front of the first name there is the header alone, where no pointer may point (RFC 1035 §4.1.4).
	size, labels, end := p.Name.readWire(b[dnsHeader:])
	i := dnsHeader + size
	switch end {
	case nameOpen, nameCut:
		p.Name = Name{}
		p.DecodeError = TruncatedDNS
		return
	case nameBad:
		p.DecodeError = BadDNSName
		return
	case nameLong:
		p.DecodeError = NameTooLong
	}
	if labels == 0 {
		p.Name.Bytes[0] = '.'
		p.Name.Length = 1
	}
	p.NameKind = kind
	p.Valid |= HasName
	if end == nameLong {
		return
	}
	if len(b) < i+4 {
		p.DecodeError = TruncatedDNS
		return
	}
	p.DNSType = be16(b[i:])
	p.Valid |= HasDNS
	if !response || answers == 0 {
		return
	}
	left := maxDNSLabels - max(labels, 1)
	var reason Reason
	if questions > 0 {
		i += 4
		for range questions - 1 {
			if i, left, reason = skipName(b, i, left); reason != NoReason {
				p.DecodeError = reason
				return
			}
			i += 4
		}
		if i, left, reason = skipName(b, i, left); reason != NoReason {
			p.DecodeError = reason
			return
		}
	}
	p.dnsAnswers(b, i, left, answers)
}

// dnsAnswers keeps the addresses of the first answers; i is behind the first one's name, and left is how many
// more labels may be read.
func (p *Packet) dnsAnswers(b []byte, i, left, answers int) {
	for n := 1; ; n++ {
		if len(b) < i+10 {
			p.DecodeError = TruncatedDNS
			return
		}
		h := (*[10]byte)(b[i:])
		kind, class, size := be16(h[0:2]), be16(h[2:4])&dnsClassBits, int(be16(h[8:10]))
		i += 10
		if class == dnsInternet && (kind == dnsA || kind == dnsAAAA) {
			want := 4
			if kind == dnsAAAA {
				want = 16
			}
			if size != want {
				p.DecodeError = BadDNS
				return
			}
			if len(b) < i+size {
				p.DecodeError = TruncatedDNS
				return
			}
			a := &p.Answers
			at := a.Count & (maxAnswers - 1)
			if want == 4 {
				*(*[4]byte)(a.List[at][:4]) = [4]byte(b[i:])
			} else {
				a.List[at] = [16]byte(b[i:])
				a.Wide |= 1 << at
			}
			a.Count++
			p.Valid |= HasAnswers
			if a.Count == maxAnswers {
				return
			}
		}
		i += size
		if n == min(answers, maxDNSRecords) {
			if len(b) < i {
				p.DecodeError = TruncatedDNS
			}
			return
		}
		// Nearly every answer's name is a pointer alone.
		if len(b) >= i+2 && left > 0 {
			if target := int(be16(b[i:])) - namePointer<<8; target >= dnsHeader && target < i {
				i += 2
				left--
				continue
			}
		}
		var reason Reason
		if i, left, reason = skipName(b, i, left); reason != NoReason {
			if reason != TooManyDNSLabels || p.Valid&HasAnswers == 0 { // as behind maxDNSRecords
				p.DecodeError = reason
			}
			return
		}
	}
}

// skipName returns what is behind the name that begins with b[start], and how many labels may be read of left
// after it. A pointer counts as a label and so does the root, since what is skipped must be bounded; where a
// pointer points is not read.
func skipName(b []byte, start, left int) (next, rest int, reason Reason) {
	i := start
	for limit := min(len(b), start+maxWireName); i < limit; {
		c := b[i]
		if c-1 < maxLabel {
			if left--; left < 0 {
				return i, left, TooManyDNSLabels
			}
			i += 1 + int(c)
			continue
		}
		if c != 0 && c < namePointer {
			return i, left, BadDNSName
		}
		if c != 0 || i == start {
			if left--; left < 0 {
				return i, left, TooManyDNSLabels
			}
		}
		if c == 0 {
			return i + 1, left, NoReason
		}
		if len(b) < i+2 {
			return i, left, TruncatedDNS
		}
		if target := int(be16(b[i:]) & 0x3fff); target < dnsHeader || target >= start {
			return i, left, BadDNSName
		}
		return i + 2, left, NoReason
	}
	if i >= start+maxWireName {
		return i, left, BadDNSName
	}
	return i, left, TruncatedDNS
}

// dnsStream reads the message that a TCP segment begins with, behind two bytes of its length (RFC 1035 §4.2.2). A
// segment may as well begin inside of a message, or behind a length that went in a segment of its own, so nothing is
// said of one that does not look like the beginning of a query for one name or of its response: a query has no
// response code.
func (p *Packet) dnsStream(b []byte) {
	if len(b) < 2+dnsHeader || be16(b[6:]) != 1 || b[4]&0x80 == 0 && b[5]&0xf != 0 {
		return
	}
	if size := int(be16(b)); size >= dnsHeader {
		p.dns(b[2:min(2+size, len(b))], NameDNS)
	}
}
