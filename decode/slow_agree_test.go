package decode

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

var slowLinks = []LinkType{LinkNull, LinkEthernet, LinkPPP, LinkRaw, LinkLinuxSLL, LinkIPv4, LinkIPv6, LinkLinuxSLL2, 147}

// Decode and its slow second writing say the same of every sample, of every beginning of one, and of frames that
// were made or changed at random.
func TestSlowAgrees(t *testing.T) {
	d := slowDifferences{t: t}
	var frames []slowSeed
	for i := range samples {
		s := &samples[i]
		frames = append(frames, slowSeed{s.meta(len(s.data)), s.data})
		for n := range len(s.data) + 1 {
			for _, wire := range []int{len(s.data), n, len(s.data) + 9} {
				d.compare(s.meta(wire), s.data[:n:n])
			}
		}
	}
	g := slowMaker{rand.New(rand.NewPCG(*seed+2, 5))}
	for range 20_000 {
		data := g.frame()
		m := Meta{Time: 1, WireLength: uint32(len(data)), LinkType: LinkEthernet, Direction: Unknown}
		d.compare(m, data)
		frames = append(frames, slowSeed{m, data})
		for range 4 {
			n := g.IntN(len(data) + 1)
			d.compare(m, data[:n:n])
		}
	}
	for range *mutations + *mutations/2 {
		s := frames[g.IntN(len(frames))]
		data := g.mutated(s.data, frames[g.IntN(len(frames))].data)
		s.m.WireLength = uint32(max(0, len(data)+slowOne(g, 0, 0, 0, 0, 7, -3, 2000, 70000)))
		if g.IntN(20) == 0 {
			s.m.LinkType = slowOne(g, slowLinks...)
			data = data[min(len(data), slowOne(g, 0, 14)):]
		}
		if g.IntN(30) == 0 {
			s.m.VLANTPID, s.m.VLANTCI = 0x8100, uint16(g.Uint32())
		}
		s.m.Direction = slowOne(g, Unknown, Unknown, Out)
		n := len(data)
		if g.IntN(3) == 0 {
			n = g.IntN(n + 1)
		}
		d.compare(s.m, data[:n:n])
	}
}

// slowSeed is a frame to change.
type slowSeed struct {
	m    Meta
	data []byte
}

// mutated is data with a few changes, some of them pieces of another frame.
func (g slowMaker) mutated(data, other []byte) []byte {
	data = bytes.Clone(data)
	for range g.IntN(4) {
		if len(data) == 0 {
			break
		}
		at := g.IntN(len(data))
		switch g.IntN(8) {
		case 0, 1:
			data[at] = byte(g.Uint32())
		case 2:
			data[at] ^= 1 << g.IntN(8)
		case 3:
			data[at] += slowOne[byte](g, 1, 255, 4, 252)
		case 4:
			data[at] = slowOne[byte](g, 0, 1, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xff)
		case 5: // bytes come in
			from := g.IntN(len(other) + 1)
			piece := other[from:min(len(other), from+g.IntN(40))]
			data = append(data[:at:at], append(bytes.Clone(piece), data[at:]...)...)
		case 6: // bytes go
			data = append(data[:at], data[min(len(data), at+g.IntN(8)):]...)
		case 7: // bytes are written over
			from := g.IntN(len(other) + 1)
			copy(data[at:], other[from:min(len(other), from+g.IntN(40))])
		}
	}
	return data
}

// slowDifferences compares, and gives up after the tenth difference.
type slowDifferences struct {
	t     *testing.T
	wrong int
}

func (d *slowDifferences) compare(m Meta, data []byte) {
	d.t.Helper()
	var fast Packet
	Decode(&fast, &m, data)
	if slow := slowDecode(&m, data); fast != slow {
		d.t.Errorf("link %d, %d bytes of %d on the wire, tag %x: %x\nfast %s\nslow %s", m.LinkType, len(data), m.WireLength, m.VLANTPID,
			data, show(fast), show(slow))
		if d.wrong++; d.wrong == 10 {
			d.t.Fatal("and so on")
		}
	}
}

func FuzzAgainstSlow(f *testing.F) {
	for i := range samples {
		s := &samples[i]
		f.Add(uint16(s.link), s.tpid, s.tci, uint32(len(s.data)), s.data)
	}
	g := slowMaker{rand.New(rand.NewPCG(7, 11))}
	for range 200 {
		data := g.frame()
		f.Add(uint16(LinkEthernet), uint16(0), uint16(0), uint32(len(data)), data)
	}
	f.Fuzz(func(t *testing.T, link, tpid, tci uint16, wire uint32, data []byte) {
		d := slowDifferences{t: t}
		m := Meta{Time: 1, WireLength: wire, LinkType: LinkType(link), VLANTPID: tpid, VLANTCI: tci, Direction: Unknown}
		d.compare(m, data)
	})
}
