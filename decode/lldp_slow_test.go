package decode

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// slowLLDP reads an LLDPDU.
func slowLLDP(b []byte) slowPacket {
	s := slowPacket{kind: NameLLDP, dhcp: -1}
	r := bytes.NewBuffer(b)
	for n := 1; ; n++ {
		if n > maxTLVs {
			s.reason = TooManyTLVs
			return s
		}
		var head uint16
		if binary.Read(r, binary.BigEndian, &head) != nil {
			s.reason = TruncatedLLDP
			return s
		}
		kind, size := head/512, int(head%512)
		if n == 1 && kind != 1 || kind == 5 && size > 255 {
			s.reason = BadLLDP
			return s
		}
		if kind == 0 {
			return s
		}
		if r.Len() < size {
			s.reason = TruncatedLLDP
			return s
		}
		if body := r.Next(size); kind == 5 && s.title == "" {
			s.title = string(body)
			if p := s.packet(); p.DecodeError == NameTooLong {
				return s
			}
		}
	}
}

// slowCDP reads a CDP packet.
func slowCDP(b []byte) slowPacket {
	s := slowPacket{kind: NameCDP, dhcp: -1}
	r := bytes.NewBuffer(b)
	if len(r.Next(4)) < 4 {
		s.reason = TruncatedCDP
	}
	for n := 1; r.Len() > 0; n++ {
		var head struct{ Kind, Size uint16 }
		if n > maxTLVs {
			s.reason = TooManyTLVs
			return s
		}
		if binary.Read(r, binary.BigEndian, &head) != nil {
			s.reason = TruncatedCDP
			return s
		}
		if head.Size < 4 {
			s.reason = BadCDP
			return s
		}
		body := r.Next(int(head.Size) - 4)
		if len(body) < int(head.Size)-4 {
			s.reason = TruncatedCDP
			return s
		}
		if head.Kind == 1 && s.title == "" {
			s.title = string(body)
			if p := s.packet(); p.DecodeError == NameTooLong {
				return s
			}
		}
	}
	return s
}

func FuzzLLDP(f *testing.F) {
	seeds(f, linkNameSamples, 14, "lldp")
	seeds(f, linkNameSamples, 22, "cdp")
	f.Fuzz(func(t *testing.T, b []byte) {
		var lldp, cdp Packet
		lldp.lldp(b)
		checkSlow(t, lldp, slowLLDP(b))
		cdp.cdp(b, false)
		checkSlow(t, cdp, slowCDP(b))
	})
}
