package decode

import (
	"fmt"
	"strings"
)

// The slow and obvious reading of a DNS message, which dns must agree with.

// plainName is the labels of the name at b[at:], of which wire bytes were read before and which began at start; read
// counts labels and pointers. Unless follow is set what a pointer points to is left out.
func plainName(b []byte, at, start, wire int, follow bool, read *int) (labels []string, next int, reason Reason) {
	if at >= len(b) {
		return nil, at, TruncatedDNS
	}
	size := int(b[at])
	if size >= 0x40 && size < 0xc0 {
		return nil, at, BadDNSName
	}
	if size != 0 || at == start {
		*read++
		if *read > 128 {
			return nil, at, TooManyDNSLabels
		}
	}
	if size == 0 {
		return nil, at + 1, NoReason
	}
	if size >= 0xc0 {
		if at+1 >= len(b) {
			return nil, at, TruncatedDNS
		}
		target := (size-0xc0)*256 + int(b[at+1])
		if target < 12 || target >= start {
			return nil, at, BadDNSName
		}
		if follow {
			labels, _, reason = plainName(b, target, target, wire, true, read)
		}
		return labels, at + 2, reason
	}
	if wire+1+size+1 > 255 {
		return nil, at, BadDNSName
	}
	if at+1+size > len(b) {
		return nil, at, TruncatedDNS
	}
	rest, next, reason := plainName(b, at+1+size, start, wire+1+size, follow, read)
	return append([]string{string(b[at+1 : at+1+size])}, rest...), next, reason
}

// plainText is labels in the form of Name, each byte a string; between labels stands a dot.
func plainText(labels []string) (text []string) {
	for i, label := range labels {
		if i > 0 {
			text = append(text, ".")
		}
		for _, c := range []byte(label) {
			switch {
			case c == '.':
				text = append(text, `\.`)
			case c == '\\' || c < 32 || c > 126:
				text = append(text, fmt.Sprintf(`\%03d`, c))
			default:
				text = append(text, string(rune(c)))
			}
		}
	}
	return text
}

func plainDNS(b []byte, kind NameKind) (p Packet) {
	p.DecodeError = p.plainDNS(b, kind)
	return p
}

func (p *Packet) plainDNS(b []byte, kind NameKind) Reason {
	if len(b) < 12 {
		return TruncatedDNS
	}
	questions, answers := int(b[4])*256+int(b[5]), int(b[6])*256+int(b[7])
	response := b[2] >= 0x80
	if response {
		p.Valid |= HasDNSResponse
		p.DNSRCode = b[3] % 16
		p.DNSAnswers = uint16(answers)
	}
	if questions == 0 && answers == 0 {
		return NoReason
	}
	read := 0
	labels, at, reason := plainName(b, 12, 12, 0, true, &read)
	text := plainText(labels)
	long := false
	for len(strings.Join(text, "")) > 255 {
		text = text[:len(text)-1]
		long = true
	}
	if reason != NoReason && !long {
		return reason
	}
	if len(labels) == 0 {
		text = []string{"."}
	}
	p.Valid |= HasName
	p.NameKind = kind
	p.Name.Length = uint8(copy(p.Name.Bytes[:], strings.Join(text, "")))
	if long {
		return NameTooLong
	}
	if at+4 > len(b) {
		return TruncatedDNS
	}
	p.Valid |= HasDNS
	p.DNSType = uint16(b[at])*256 + uint16(b[at+1])
	if !response || answers == 0 {
		return NoReason
	}
	skip := func() (reason Reason) {
		_, at, reason = plainName(b, at, at, 0, false, &read)
		return reason
	}
	if questions > 0 {
		at += 4
		for range questions - 1 {
			if reason := skip(); reason != NoReason {
				return reason
			}
			at += 4
		}
	}
	for n := range min(answers, 16) {
		if n > 0 || questions > 0 {
			if reason := skip(); reason == TooManyDNSLabels && p.Answers.Count > 0 {
				return NoReason
			} else if reason != NoReason {
				return reason
			}
		}
		if at+10 > len(b) {
			return TruncatedDNS
		}
		kind, class, size := int(b[at])*256+int(b[at+1]), int(b[at+2]&0x7f)*256+int(b[at+3]), int(b[at+8])*256+int(b[at+9])
		at += 10
		if want := map[int]int{1: 4, 28: 16}[kind]; want != 0 && class == 1 {
			if size != want {
				return BadDNS
			}
			if at+size > len(b) {
				return TruncatedDNS
			}
			copy(p.Answers.List[p.Answers.Count][:], b[at:at+size])
			if want == 16 {
				p.Answers.Wide |= 1 << p.Answers.Count
			}
			p.Answers.Count++
			p.Valid |= HasAnswers
			if p.Answers.Count == 8 {
				return NoReason
			}
		}
		at += size
	}
	if at > len(b) {
		return TruncatedDNS
	}
	return NoReason
}

func plainDNSStream(b []byte) Packet {
	if len(b) < 14 || b[6] != 0 || b[7] != 1 || b[4] < 128 && b[5]%16 != 0 {
		return Packet{}
	}
	size := int(b[0])*256 + int(b[1])
	if size < 12 {
		return Packet{}
	}
	return plainDNS(b[2:min(len(b), 2+size)], NameDNS)
}
