package decode

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"
)

// slowDHCP reads a DHCP message.
func slowDHCP(b []byte) slowPacket {
	s := slowPacket{kind: NameDHCP, dhcp: -1}
	r := bytes.NewReader(b)
	var fixed struct {
		Op                             byte
		_                              [11]byte
		Client, Yours, Server, Gateway [4]byte
		_                              [208]byte
		Cookie                         [4]byte
	}
	if binary.Read(r, binary.BigEndian, &fixed) != nil {
		s.reason = TruncatedDHCP
		return s
	}
	bootp := fixed.Cookie == [4]byte{}
	if fixed.Cookie != [4]byte{99, 130, 83, 99} && !bootp {
		s.reason = BadDHCP
		return s
	}
	if fixed.Op == 2 && fixed.Yours != [4]byte{} {
		s.assigned = fixed.Yours[:]
	}
	if bootp {
		return s
	}
	var options [256][]byte
	for n := 1; ; n++ {
		if n > maxDHCPOptions {
			s.reason = TooManyDHCPOptions
			return s
		}
		code, err := r.ReadByte()
		if err != nil {
			s.reason = TruncatedDHCP
			return s
		}
		if code == 0 {
			continue
		}
		if code == 255 {
			if fqdn := options[81]; fqdn != nil && options[12] == nil {
				if fqdn[0]&4 == 0 {
					s.title = string(bytes.TrimRight(fqdn[3:], "\x00"))
				} else {
					s.labels, s.reason = slowName(fqdn[3:], BadDHCP)
				}
			}
			return s
		}
		size, err := r.ReadByte()
		body := make([]byte, size)
		if _, short := io.ReadFull(r, body); err != nil || short != nil {
			s.reason = TruncatedDHCP
			return s
		}
		if code == 53 && size != 1 || code == 81 && size < 3 {
			s.reason = BadDHCP
			return s
		}
		if options[code] == nil {
			options[code] = body
			switch code {
			case 53:
				s.dhcp = int(body[0])
			case 12:
				s.title = string(bytes.TrimRight(body, "\x00"))
				if p := s.packet(); p.DecodeError == NameTooLong {
					return s
				}
			}
		}
	}
}

// slowDHCPv6 reads a DHCPv6 message: what is in something is read by a call of its own.
func slowDHCPv6(b []byte) slowPacket {
	s := slowPacket{kind: NameDHCPv6, dhcp: -1}
	if len(b) > 0 {
		s.dhcp = int(b[0])
	}
	left := maxDHCPOptions
	s.reason = slowMessage(&s, b, 0, &left)
	return s
}

// slowMessage reads the message b, which is in so many relay messages, and of left the options that may be read
// takes those that it reads.
func slowMessage(s *slowPacket, b []byte, relays int, left *int) Reason {
	relay := len(b) > 0 && (b[0] == 12 || b[0] == 13)
	fixed := 4
	if relay {
		fixed = 34
	}
	if relay && relays == maxRelays {
		return BadDHCPv6
	}
	if len(b) < fixed {
		return TruncatedDHCPv6
	}
	assigns := b[0] == 2 || b[0] == 7
	reason, _ := slowOptions(b[fixed:], 1<<20, left, func(code int, body []byte, size int) (Reason, bool) {
		whole := len(body) == size
		switch {
		case relay && code == 9:
			reason := slowMessage(s, body, relays+1, left)
			if reason == NoReason && !whole {
				reason = TruncatedDHCPv6
			}
			return reason, true
		case relay:
		case code == 39 && size == 0:
			return BadDHCPv6, true
		case code == 39 && whole && len(s.labels) == 0:
			var reason Reason
			s.labels, reason = slowName(body[1:], BadDHCPv6)
			return reason, reason != NoReason
		case assigns && (code == 3 || code == 4 || code == 25):
			return slowIA(s, code, body, size, left)
		}
		return NoReason, false
	})
	return reason
}

// slowIA reads an IA option, of whose size bytes those of body are there.
func slowIA(s *slowPacket, ia int, body []byte, size int, left *int) (Reason, bool) {
	fixed := map[int]int{3: 12, 4: 4, 25: 12}[ia]
	if size < fixed {
		return BadDHCPv6, true
	}
	want, at, least, lifetime := 5, 0, 24, 20
	if ia == 25 {
		want, at, least, lifetime = 26, 9, 25, 4
	}
	return slowOptions(body[min(fixed, len(body)):], size-fixed, left, func(code int, body []byte, size int) (Reason, bool) {
		switch {
		case code != want:
		case size < least:
			return BadDHCPv6, true
		case len(body) == size && s.assigned == nil && string(body[lifetime:lifetime+4]) != "\x00\x00\x00\x00": // 0 takes it back
			s.assigned = body[at : at+16]
		}
		return NoReason, false
	})
}

// slowOptions calls each with every option of a list that claims so many bytes, of which b is there. It returns the
// reason to stop, and whether there is one to.
func slowOptions(b []byte, claimed int, left *int, each func(code int, body []byte, size int) (Reason, bool)) (Reason, bool) {
	for len(b) > 0 {
		if *left == 0 {
			return TooManyDHCPOptions, true
		}
		*left--
		if claimed < 4 {
			return BadDHCPv6, true
		}
		if len(b) < 4 {
			return TruncatedDHCPv6, true
		}
		code, size := int(binary.BigEndian.Uint16(b)), int(binary.BigEndian.Uint16(b[2:]))
		if 4+size > claimed {
			return BadDHCPv6, true
		}
		body := b[4:min(4+size, len(b))]
		if reason, stop := each(code, body, size); stop {
			return reason, true
		}
		if len(body) < size {
			return TruncatedDHCPv6, true
		}
		b, claimed = b[4+size:], claimed-4-size
	}
	return NoReason, false
}

func FuzzDHCP(f *testing.F) {
	seeds(f, dhcpSamples, 28, "dhcp ")
	f.Fuzz(func(t *testing.T, b []byte) {
		var p Packet
		p.dhcp(b)
		checkSlow(t, p, slowDHCP(b))
	})
}

func FuzzDHCPv6(f *testing.F) {
	seeds(f, dhcpSamples, 48, "dhcpv6 ")
	f.Fuzz(func(t *testing.T, b []byte) {
		var p Packet
		p.dhcpv6(b)
		checkSlow(t, p, slowDHCPv6(b))
	})
}
