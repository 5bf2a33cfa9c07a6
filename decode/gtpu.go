package decode

// The GTP-U header (3GPP TS 29.281 §5.1).
const (
	gtpVersion   = 3 << 4 // version 1, and the protocol type that GTP' does not have
	gtpMask      = 0xf0
	gtpExtension = 4   // E; with any of these three, all three fields are there, 4 bytes
	gtpSequence  = 2   // S
	gtpNumber    = 1   // PN
	gtpPacket    = 255 // G-PDU, §6.1: the one message that carries a packet

	maxGTPExtensions = 8 // extension headers, §5.2: BadTunnel
)

// gtpu reads a GTP-U header. Its length counts what follows its first 8 bytes.
func (p *Packet) gtpu(b []byte) {
	if b[0]&gtpMask != gtpVersion {
		p.DecodeError = BadTunnel
		return
	}
	p.tunnel(TunnelGTPU)
	if len(b) < 8 {
		p.DecodeError = TruncatedTunnel
		return
	}
	p.tunnelKey(be32(b[4:]))
	flags, message := b[0], b[1]
	length := int(be16(b[2:]))
	b = b[8:]
	b = b[:min(length, len(b))]
	if flags&(gtpExtension|gtpSequence|gtpNumber) != 0 {
		if len(b) < 4 {
			p.DecodeError = TruncatedTunnel
			return
		}
		next := b[3]
		b = b[4:]
		if flags&gtpExtension != 0 {
			var ok bool
			if b, ok = p.gtpExtensions(next, b); !ok {
				return
			}
		}
	}
	if message == gtpPacket {
		p.inner(b)
	}
}

// gtpExtensions skips the extension headers, each of which says in its first byte how many times 4 bytes it
// has, and in its last byte which one follows (§5.2.1); 0 is none.
func (p *Packet) gtpExtensions(next uint8, b []byte) ([]byte, bool) {
	for n := 0; next != 0; n++ {
		size := 4
		if len(b) > 0 {
			size = int(b[0]) * 4
		}
		if size == 0 || n == maxGTPExtensions {
			p.DecodeError = BadTunnel
			return nil, false
		}
		if len(b) < size {
			p.DecodeError = TruncatedTunnel
			return nil, false
		}
		next, b = b[size-1], b[size:]
	}
	return b, true
}
