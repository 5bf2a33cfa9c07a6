package decode

// TLV types that matter here (IEEE 802.1AB §8.5, table 8-1).
const (
	lldpEnd        = 0
	lldpChassisID  = 1
	lldpSystemName = 5
)

// maxSystemName is what a system name TLV may hold (IEEE 802.1AB §8.5); a TLV's length field goes up to 511.
const maxSystemName = 255

// lldp reads an LLDPDU, which is a list of TLVs that begins with the chassis ID and ends with a TLV of its own
// (IEEE 802.1AB §8.2); what is behind it is padding. Of two system names the first counts.
func (p *Packet) lldp(b []byte) {
	for i := range maxTLVs {
		if len(b) < 2 {
			p.DecodeError = TruncatedLLDP
			return
		}
		// IEEE 802.1AB §8.4: 7 bits of type, 9 bits of length.
		kind, size := b[0]>>1, int(be16(b)&0x1ff)
		if i == 0 && kind != lldpChassisID {
			p.DecodeError = BadLLDP
			return
		}
		if kind == lldpEnd {
			return
		}
		if kind == lldpSystemName && size > maxSystemName {
			p.DecodeError = BadLLDP
			return
		}
		b = b[2:]
		if len(b) < size {
			p.DecodeError = TruncatedLLDP
			return
		}
		if kind == lldpSystemName && p.Valid&HasName == 0 {
			if p.setName(NameLLDP, b[:size]); p.DecodeError != NoReason {
				return
			}
		}
		b = b[size:]
	}
	p.DecodeError = TooManyTLVs
}
