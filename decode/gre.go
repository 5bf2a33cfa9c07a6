package decode

// The first 16 bits of a GRE header. Those that have no name here are ignored (RFC 2784 §2.3).
const (
	greChecksum = 0x8000 // RFC 2784 §2.2: 4 bytes
	greRouting  = 0x4000 // RFC 1701: source routes; RFC 2784 §2.3 has such packets dropped
	greKey      = 0x2000 // RFC 2890 §2.1: 4 bytes
	greSequence = 0x1000 // RFC 2890 §2.2: 4 bytes
	greAck      = 0x0080 // RFC 2637 §4.1: 4 bytes; reserved in version 0
	greVersion  = 0x0007
)

// etherEoIP is the protocol of MikroTik's Ethernet over IP, which has version 1 and a key, but no PPP: nothing of it
// is read (https://help.mikrotik.com/docs/display/ROS/EoIP).
const etherEoIP = 0x6400

// gre reads a GRE header (RFC 2784 §2, RFC 2890 §2). Version 1 is that of PPTP (RFC 2637 §4.1): it always has a
// key, whose halves are the payload's length and the call, never a checksum, and carries PPP.
func (p *Packet) gre(b []byte) {
	p.tunnel(TunnelGRE)
	if len(b) < 4 {
		p.DecodeError = TruncatedTunnel
		return
	}
	flags, protocol := be16(b), be16(b[2:])
	version := flags & greVersion
	switch {
	case flags == greKey|1 && protocol == etherEoIP:
		return
	case flags&greRouting != 0, version > 1,
		version == 1 && (flags&(greChecksum|greKey) != greKey || protocol != etherPPP):
		p.DecodeError = BadTunnel
		return
	}
	b = b[4:]
	size := 0
	if flags&greChecksum != 0 {
		size += 4
	}
	var key uint32
	if flags&greKey != 0 {
		if len(b) >= size+4 {
			key = be32(b[size:])
			if version == 1 {
				p.tunnelKey(key & 0xffff)
			} else {
				p.tunnelKey(key)
			}
		}
		size += 4
	}
	if flags&greSequence != 0 {
		size += 4
	}
	if version == 1 && flags&greAck != 0 {
		size += 4
	}
	if len(b) < size {
		p.DecodeError = TruncatedTunnel
		return
	}
	b = b[size:]
	if version == 1 {
		if flags&greSequence == 0 { // an acknowledgment alone
			return
		}
		b = b[:min(int(key>>16), len(b))]
	}
	p.innerNetwork(protocol, b)
}
