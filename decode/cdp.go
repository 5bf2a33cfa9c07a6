package decode

// ciscoCDP is CDP's protocol identifier under the OUI 00-00-0c.
const ciscoCDP = 0x2000

// cdpDeviceID is the TLV type that names the sender. CDP has no public specification: the format is the one that
// Cisco's "Frame Formats" (Catalyst documentation, CDP) shows.
const cdpDeviceID = 1

// cdp reads a Cisco Discovery Protocol packet: version, time to live and checksum in 4 bytes, then TLVs up to the
// end that the 802.3 length field gives; cut says that the end is not there. Of two device IDs the first counts.
func (p *Packet) cdp(b []byte, cut bool) {
	if len(b) < 4 {
		p.DecodeError = TruncatedCDP
		return
	}
	b = b[4:]
	for n := 0; len(b) > 0; n++ {
		if n == maxTLVs {
			p.DecodeError = TooManyTLVs
			return
		}
		if len(b) < 4 {
			p.DecodeError = TruncatedCDP
			return
		}
		// 2 bytes of type, 2 of length, which counts these 4 too.
		kind, size := be16(b), int(be16(b[2:]))
		if size < 4 {
			p.DecodeError = BadCDP
			return
		}
		if len(b) < size {
			p.DecodeError = TruncatedCDP
			return
		}
		if kind == cdpDeviceID && p.Valid&HasName == 0 {
			if p.setName(NameCDP, b[4:size]); p.DecodeError != NoReason {
				return
			}
		}
		b = b[size:]
	}
	if cut {
		p.DecodeError = TruncatedCDP
	}
}
