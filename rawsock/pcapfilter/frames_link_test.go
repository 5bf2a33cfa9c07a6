package pcapfilter

import (
	"encoding/binary"
	"math/rand/v2"
)

// The identifiers of encapsulations that frames carry and that expressions ask for.
var (
	poolLabel   = []uint32{0, 5, 1024, 0xfffff}
	poolSession = []uint16{1, 3, 0xffff}
	poolNetwork = []uint32{0, 7, 4096, 0xffffff}
	poolFamily  = []byte{familyIP, familyIP6BSD, familyIP6FreeBSD, familyIP6Darwin, 7}
	poolDECnet  = []uint16{1<<10 | 2, 63<<10 | 1023, 5}
)

// layers makes frames with headers inside each other. depth bounds the encapsulations.
type layers struct {
	*rand.Rand
	depth int
}

// ethernet makes an Ethernet II or IEEE 802.3 frame.
func (l layers) ethernet() []byte {
	b := append(append([]byte(nil), pick(l.Rand, poolMAC)...), pick(l.Rand, poolMAC)...)
	if l.IntN(4) == 0 {
		body := l.llc()
		return append(binary.BigEndian.AppendUint16(b, uint16(len(body))), body...)
	}
	etherType, body := l.typed()
	return append(binary.BigEndian.AppendUint16(b, etherType), body...)
}

// typed makes what follows an EtherType.
func (l layers) typed() (uint16, []byte) {
	l.depth--
	choice := l.IntN(16)
	if l.depth < 0 {
		choice = 6 + l.IntN(10)
	}
	switch choice {
	case 0, 1:
		inner, body := l.typed()
		if l.IntN(5) == 0 {
			body = l.llc()
			inner = uint16(len(body))
		}
		tag := binary.BigEndian.AppendUint16(nil, uint16(l.IntN(16))<<12|pick(l.Rand, []uint16{0, 5, 100, 4095}))
		etherType := pick(l.Rand, []uint16{etherVLAN, etherVLAN, etherQinQ, etherQinQ9})
		return etherType, append(binary.BigEndian.AppendUint16(tag, inner), body...)
	case 2, 3:
		return etherMPLS, l.mpls()
	case 4:
		return etherPPPoES, l.pppoe(0)
	case 5:
		return etherPPPoED, l.pppoe(pick(l.Rand, []byte{0x09, 0x07, 0x65}))
	case 6:
		return etherARP, arp(l.Rand)
	case 7:
		return etherDECnet, l.decnet()
	case 8:
		return pick(l.Rand, []uint16{
			etherRARP, etherLAT, etherSCA, etherMOPDL, etherMOPRC, etherAppleTalk, etherAARP, etherIPX, etherNS, cooked8023, 0x88cc,
		}), random(l.Rand, l.IntN(40))
	case 9:
		return cooked8022, l.llc()
	case 10, 11, 12:
		return etherIPv6, l.ip6()
	}
	return etherIP, l.ip4()
}

// llc makes an 802.2 header and what follows it, or a Novell frame without one.
func (l layers) llc() []byte {
	control := pick(l.Rand, []byte{0x00, 0x02, 0x01, 0x05, 0x09, 0x03, 0x13, 0x63, 0x43, 0x0f, 0x1f, 0x6f, 0xe3, 0xaf, 0x87})
	switch l.IntN(8) {
	case 0:
		return append([]byte{0xff, 0xff}, random(l.Rand, l.IntN(40))...)
	case 1:
		return append([]byte{sapSTP, sapSTP, control}, random(l.Rand, 35)...)
	case 2:
		sap := pick(l.Rand, []byte{sapIP, sapIPX, sapNetBEUI})
		return append([]byte{sap, pick(l.Rand, []byte{sap, 0}), control}, random(l.Rand, l.IntN(40))...)
	case 3:
		organization := pick(l.Rand, [][]byte{{0, 0, 0}, {0x08, 0, 0x07}, {0, 0, 0x0c}})
		b := append([]byte{0xaa, 0xaa, pick(l.Rand, []byte{0x03, 0x03, control})}, organization...)
		b = binary.BigEndian.AppendUint16(b, pick(l.Rand, []uint16{etherAppleTalk, etherAARP, etherIPX}))
		return append(b, random(l.Rand, l.IntN(40))...)
	case 4:
		return append([]byte{7, 0, control}, random(l.Rand, l.IntN(40))...)
	}
	return append([]byte{sapISO, pick(l.Rand, []byte{sapISO, sapISO, sapISO, 0}), 0x03}, l.osi()...)
}

// osi makes a packet of IS-IS or one of its neighbours.
func (l layers) osi() []byte {
	b := append([]byte{pick(l.Rand, []byte{nlpidISIS, nlpidISIS, nlpidISIS, nlpidESIS, nlpidCLNP})}, random(l.Rand, 3)...)
	return append(append(b, byte(pick(l.Rand, []int{15, 16, 17, 18, 20, 24, 25, 26, 27, 3}))), random(l.Rand, l.IntN(30))...)
}

func (l layers) decnet() []byte {
	flags := pick(l.Rand, []byte{0x02, 0x06, 0x0e, 0x05})
	b := random(l.Rand, 2)
	if l.IntN(2) == 0 {
		b = append(b, 0x81)
	}
	b = append(b, flags)
	if flags&0x07 == 0x06 {
		b = append(b, random(l.Rand, 6)...)
		b = binary.LittleEndian.AppendUint16(b, pick(l.Rand, poolDECnet))
		b = append(b, random(l.Rand, 6)...)
	} else {
		b = binary.LittleEndian.AppendUint16(b, pick(l.Rand, poolDECnet))
	}
	return append(binary.LittleEndian.AppendUint16(b, pick(l.Rand, poolDECnet)), random(l.Rand, l.IntN(10))...)
}

// mpls makes a stack of labels and what it carries.
func (l layers) mpls() []byte {
	var b []byte
	for {
		bottom := uint32(l.IntN(2))
		b = binary.BigEndian.AppendUint32(b, pick(l.Rand, poolLabel)<<12|uint32(l.IntN(8))<<9|bottom<<8|64)
		if bottom != 0 {
			break
		}
	}
	if l.IntN(3) == 0 {
		return append(b, l.ip6()...)
	}
	return append(b, l.ip4()...)
}

func (l layers) pppoe(code byte) []byte {
	b := binary.BigEndian.AppendUint16([]byte{0x11, code}, pick(l.Rand, poolSession))
	body := random(l.Rand, l.IntN(40))
	if code == 0 {
		body = l.ppp()
	}
	return append(binary.BigEndian.AppendUint16(b, uint16(len(body))), body...)
}

// ppp makes a PPP packet without the address and control fields.
func (l layers) ppp() []byte {
	number, body := uint16(0), []byte(nil)
	switch l.IntN(8) {
	case 0, 1, 2:
		number, body = 0x21, l.ip4()
	case 3, 4:
		number, body = 0x57, l.ip6()
	case 5:
		number, body = 0x281, l.mpls()
	case 6:
		number, body = 0x23, l.osi()
	default:
		number = pick(l.Rand, []uint16{0x27, 0x29, 0x2b, 0x31, 0xc021, etherARP, etherPPPoED, 7})
		body = random(l.Rand, l.IntN(30))
	}
	if number == 0x27 {
		body = l.decnet()
	}
	return append(binary.BigEndian.AppendUint16(nil, number), body...)
}

func (l layers) ip4() []byte {
	b := ipv4Packet(l.Rand)
	if l.depth <= 0 || l.IntN(5) > 2 {
		return b
	}
	header := int(b[0]&0x0f) * 4
	b[9] = protoUDP
	if l.IntN(8) != 0 {
		b[6], b[7] = 0, 0
	}
	return append(b[:header:header], l.tunnel()...)
}

func (l layers) ip6() []byte {
	b := ipv6(l.Rand)
	if l.depth <= 0 || l.IntN(5) > 2 {
		return b
	}
	b[6] = protoUDP
	return append(b[:40:40], l.tunnel()...)
}

// tunnel makes UDP with GENEVE or VXLAN inside, now and then to another port or with another version.
func (l layers) tunnel() []byte {
	l.depth--
	identifier := pick(l.Rand, poolNetwork) << 8
	port, header, body := uint16(vxlanPort), []byte{pick(l.Rand, []byte{0x08, 0x08, 0x88, 0}), 0, 0, 0}, l.ethernet()
	if l.IntN(3) != 0 {
		port = genevePort
		protocol := uint16(etherBridged)
		if l.IntN(2) == 0 {
			protocol, body = l.typed()
		}
		words := pick(l.Rand, []byte{0, 0, 1, 3, 63})
		header = binary.BigEndian.AppendUint16([]byte{pick(l.Rand, []byte{0, 0, 0, 0x40}) | words, 0}, protocol)
		body = append(random(l.Rand, int(words)*4), body...)
	}
	if l.IntN(10) == 0 {
		port++
	}
	b := binary.BigEndian.AppendUint16(random(l.Rand, 2), port)
	b = append(binary.BigEndian.AppendUint16(b, uint16(16+len(body))), 0, 0)
	return append(append(binary.BigEndian.AppendUint32(append(b, header...), identifier), 0)[:16], body...)
}

// frame makes a frame of a link type.
func (l layers) frame(link LinkType) []byte {
	address := append(append([]byte{0, 1, 0, 6}, pick(l.Rand, poolMAC)...), 0, 0)
	direction := byte(l.IntN(6))
	etherType, body := l.typed()
	switch link {
	case Ethernet:
		return l.ethernet()
	case PPP:
		return append([]byte{0xff, 0x03}, l.ppp()...)
	case LinuxSLL:
		return append(binary.BigEndian.AppendUint16(append([]byte{0, direction}, address...), etherType), body...)
	case LinuxSLL2:
		b := binary.BigEndian.AppendUint16(nil, etherType)
		b = append(b, 0, 0, 0, 0, 0, byte(1+l.IntN(4)), 0, 1, direction, 6)
		return append(append(b, address[4:]...), body...)
	case Null:
		return append([]byte{pick(l.Rand, poolFamily), 0, 0, 0}, l.ip()...)
	case Loop:
		return append([]byte{0, 0, 0, pick(l.Rand, poolFamily)}, l.ip()...)
	}
	return l.ip()
}

func (l layers) ip() []byte {
	if l.IntN(3) == 0 {
		return l.ip6()
	}
	return l.ip4()
}

// makeLinkFrames makes n frames of a link type that are the same in every run, one in five cut short and one in twenty with
// bytes changed.
func makeLinkFrames(link LinkType, n int) [][]byte {
	l := layers{rand.New(rand.NewPCG(uint64(link), 2026)), 4}
	var frames [][]byte
	for len(frames) < n {
		b := l.frame(link)
		if l.IntN(20) == 0 {
			for range 1 + l.IntN(4) {
				b[l.IntN(len(b))] = byte(l.Uint32())
			}
		}
		if l.IntN(5) == 0 {
			b = b[:1+l.IntN(len(b))]
		}
		frames = append(frames, b)
	}
	return frames
}
