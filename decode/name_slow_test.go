package decode

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A slow reading says what a payload holds in the most obvious way; it shares only the numbers of the bounds with
// the reading it is compared with.

// slowPacket is what a slow reading says.
type slowPacket struct {
	kind     NameKind
	title    string // as it was sent
	labels   []string
	method   string
	dhcp     int // type, or -1
	assigned []byte
	reason   Reason
}

// packet is s in the form that the fast reading has.
func (s *slowPacket) packet() Packet {
	var p Packet
	p.DecodeError = s.reason
	var pieces []string // what is not cut in two: a byte with its escape
	for i, label := range append(slices.Clone(s.labels), s.title) {
		if i > 0 && i < len(s.labels) {
			pieces = append(pieces, ".")
		}
		for _, c := range []byte(label) {
			switch {
			case c == '.' && i < len(s.labels):
				pieces = append(pieces, `\.`)
			case c == '\\' || c < 32 || c > 126:
				pieces = append(pieces, fmt.Sprintf(`\%03d`, c))
			default:
				pieces = append(pieces, string(rune(c)))
			}
		}
	}
	var form string
	for _, piece := range pieces {
		if len(form)+len(piece) > 255 {
			p.DecodeError = NameTooLong
			break
		}
		form += piece
	}
	if form != "" {
		p.Name.Length = uint8(copy(p.Name.Bytes[:], form))
		p.NameKind = s.kind
		p.Valid |= HasName
	}
	if s.method != "" {
		p.HTTPMethod = Method(slices.Index(methodNames[:], s.method))
		p.Valid |= HasHTTP
	}
	if s.dhcp >= 0 {
		p.DHCPType = uint8(s.dhcp)
		p.Valid |= HasDHCP
	}
	if s.assigned != nil {
		copy(p.Assigned.IP[:], s.assigned)
		p.Assigned.Version = 6
		if len(s.assigned) == 4 {
			p.Assigned.Version = 4
		}
		p.Valid |= HasAssigned
	}
	return p
}

// checkSlow compares two readings of the same bytes.
func checkSlow(t *testing.T, fast Packet, slow slowPacket) {
	t.Helper()
	if want := slow.packet(); fast != want {
		t.Fatalf("got  %s\nwant %s", show(fast), show(want))
	}
}

// slowName reads a domain name in wire form.
func slowName(b []byte, bad Reason) ([]string, Reason) {
	var labels []string
	wire := 0
	for len(b) > 0 && b[0] != 0 {
		n := int(b[0])
		wire += 1 + n
		if n > 63 || n > len(b)-1 || wire > 254 {
			return nil, bad
		}
		labels = append(labels, string(b[1:1+n]))
		b = b[1+n:]
		// A name that has no more room is not read on.
		s := slowPacket{labels: labels}
		p := s.packet()
		if p.DecodeError != NoReason {
			return labels, NameTooLong
		}
	}
	return labels, NoReason
}

// seeds adds the payloads of samples that are named so to a fuzz target.
func seeds(f *testing.F, samples []sample, head int, prefix string) {
	for _, s := range samples {
		if strings.HasPrefix(s.name, prefix) && len(s.data) > head {
			f.Add(s.data[head:])
		}
	}
}
