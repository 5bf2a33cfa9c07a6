package decode

import "math"

// IPv6 extension headers (https://www.iana.org/assignments/ipv6-parameters).
const (
	extHopByHop    = 0
	extRouting     = 43
	extFragment    = 44
	extAH          = 51
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
	total := 40 + length
	for n := 0; ; n++ {
		size := 8
		switch next {
		case extHopByHop, extRouting, extDestination, extMobility, extHIP, extShim6:
			if len(b) >= 8 {
				size = (int(b[1]) + 1) * 8
			}
		case extAH: // RFC 4302 §2.2: in words of 4 bytes, less 2
			if len(b) >= 8 {
				size = (int(b[1]) + 2) * 4
			}
		case extFragment:
		default:
			p.Protocol = next
			p.Valid |= HasProtocol
			p.transport(next, b, length)
			if total > mergedTotal && p.WireLength > mergedWire {
				p.merged()
			}
			return
		}
		if n == maxExtensions {
			p.DecodeError = TooManyExtensions
			return
		}
		if len(b) < size {
			p.DecodeError = TruncatedExtension
			return
		}
		fragment := next == extFragment
		next = b[0]
		if fragment {
			p.FragmentOffset = be16(b[2:]) &^ 7
			p.IPID = be32(b[4:])
			p.Valid |= HasFragment | HasIPID
		}
		b = b[size:]
		length -= size
		if fragment && p.FragmentOffset != 0 {
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
		for len(options) >= 2 {
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
