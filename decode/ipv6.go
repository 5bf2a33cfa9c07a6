package decode

import "math"

// IPv6 extension headers (https://www.iana.org/assignments/ipv6-parameters).
const (
	extHopByHop    = 0
	extRouting     = 43
	extFragment    = 44
	extAH          = protoAH
	extDestination = 60
	extMobility    = 135
	extHIP         = 139
	extShim6       = 140
)

// maxJumbo bounds a jumbogram's claim so that sums with it fit 32 bits.
const maxJumbo = 1<<31 - 1<<10

// ipv6 reads an IPv6 header and its extension headers (RFC 8200 §3, §4). Protocol is set only once the
// chain has ended. In a fragment behind the first it is what the fragment header names, the first header of
// the packet's fragmentable part.
func (p *Packet) ipv6(b []byte, more int) {
	if len(b) < 40 {
		if len(b) > 0 && b[0]>>4 != 6 {
			p.DecodeError = BadIPVersion
		} else {
			p.DecodeError = TruncatedIPv6
		}
		return
	}
	h := (*[40]byte)(b)
	if h[0]>>4 != 6 {
		p.DecodeError = BadIPVersion
		return
	}
	p.IPVersion = 6
	p.TrafficClass = h[0]<<4 | h[1]>>4
	p.TTL = h[7]
	p.SrcIP = [16]byte(h[8:24])
	p.DstIP = [16]byte(h[24:40])
	p.Valid |= HasIP | HasAddresses
	next := h[6]
	b = b[40:]
	length := int(be16(h[4:6]))
	if length == 0 {
		length = jumbo(next, b, more)
	}
	if length < len(b) {
		b = b[:length]
	}
	switch next {
	case protoTCP: // most packets: no loop
		p.Protocol = next
		p.Valid |= HasProtocol
		p.tcp(b, length)
	case protoUDP:
		p.Protocol = next
		p.Valid |= HasProtocol
		p.udp(b, length)
	default:
		p.extensions(next, b, length)
	}
	if 40+length > mergedTotal && p.WireLength > mergedWire {
		p.merged()
	}
}

// extensions reads the extension headers that begin with one of protocol next, and what is behind them.
func (p *Packet) extensions(next uint8, b []byte, length int) {
	for n := 0; ; n++ {
		size, least := 8, 8
		switch next {
		case extHopByHop, extRouting, extDestination, extMobility, extHIP, extShim6:
			if len(b) >= 8 {
				size = (int(b[1]) + 1) * 8
			}
		case extAH: // RFC 4302 §2.2: in words of 4 bytes, less 2
			least = 12
			if len(b) >= 8 {
				size = (int(b[1]) + 2) * 4
				if n < maxExtensions {
					p.spi(be32(b[4:]))
				}
			}
		case extFragment:
		default:
			p.Protocol = next
			p.Valid |= HasProtocol
			p.transport(next, b, length)
			return
		}
		if n == maxExtensions {
			p.DecodeError = TooManyExtensions
			return
		}
		if len(b) < max(size, least) {
			p.DecodeError = TruncatedExtension
			return
		}
		later := false
		if next == extFragment {
			offset := be16(b[2:]) &^ 7
			later = offset != 0
			if p.Valid&HasFragment == 0 { // of two, which nobody sends, the first counts
				p.FragmentOffset = offset
				p.IPID = be32(b[4:])
				p.Valid |= HasFragment | HasIPID
			}
		}
		next = b[0]
		b = b[size:]
		length -= size
		if later {
			p.Protocol = next
			p.Valid |= HasProtocol
			p.payload(length)
			return
		}
	}
}

// jumbo returns the length of what follows an IPv6 header whose payload length is 0: what the jumbo payload
// option of the hop-by-hop header says (RFC 2675 §2), or the frame's length when it is longer than the
// field can say (Linux merges such packets without the option), or nothing.
func jumbo(next uint8, b []byte, more int) int {
	if next == extHopByHop && len(b) >= 8 {
		options := b[2:min((int(b[1])+1)*8, len(b))]
		for n := 0; len(options) >= 2 && n < maxHopOptions; n++ {
			if options[0] == 0 { // Pad1 has no length
				options = options[1:]
				continue
			}
			size := 2 + int(options[1])
			if options[0] == 0xc2 && size == 6 && len(options) >= 6 {
				if n := be32(options[2:]); n > math.MaxUint16 {
					return int(min(n, maxJumbo))
				}
			}
			options = options[min(size, len(options)):]
		}
	}
	if rest := len(b) + more; rest > math.MaxUint16 {
		return rest
	}
	return 0
}
