package decode

// TCP option kinds that are kept (https://www.iana.org/assignments/tcp-parameters).
const (
	optionEnd         = 0
	optionNop         = 1
	optionMSS         = 2
	optionWindowScale = 3
	optionSACKAllowed = 4
	optionSACK        = 5
	optionTimestamps  = 8
	optionMD5         = 19
	optionAO          = 29
	optionMPTCP       = 30
	optionFastOpen    = 34
	optionExperiment  = 254 // RFC 6994
)

// fastOpenExperiment is the experiment identifier of what later became optionFastOpen (RFC 7413 Appendix A).
const fastOpenExperiment = 0xf989

// ports keeps the port numbers, which every transport header but ICMP's has in its first 4 bytes, also
// when the header is cut behind them.
func (p *Packet) ports(b []byte) {
	if len(b) >= 4 {
		p.SrcPort = be16(b)
		p.DstPort = be16(b[2:])
		p.Valid |= HasPorts
	}
}

// tcp reads a TCP header (RFC 9293 §3.1).
func (p *Packet) tcp(b []byte, length int) {
	if len(b) < 20 {
		p.ports(b)
		p.DecodeError = TruncatedTCP
		return
	}
	h := (*[20]byte)(b)
	p.SrcPort = be16(h[0:2])
	p.DstPort = be16(h[2:4])
	p.SeqNumber = be32(h[4:8])
	p.AckNumber = be32(h[8:12])
	p.Flags = h[13]
	p.WindowSize = be16(h[14:16])
	p.Valid |= HasPorts | HasTCP
	header := int(h[12]>>4) * 4
	if header == 20 {
		p.payload(length - 20)
		if len(b) > 20 && streamPorts.mayHave(p.SrcPort, p.DstPort) {
			p.stream(b[20:])
		}
		return
	}
	if header < 20 {
		p.DecodeError = BadDataOffset
		return
	}
	if length < header {
		// The rest of a header that begins in a first fragment is in the next one.
		if p.Valid&HasFragment == 0 {
			p.DecodeError = BadDataOffset
			return
		}
	} else {
		p.payload(length - header)
	}
	p.tcpOptions(b[20:min(header, len(b))], len(b) < header)
	if len(b) > header && p.DecodeError == NoReason && streamPorts.mayHave(p.SrcPort, p.DstPort) {
		p.stream(b[header:])
	}
}

// tcpOptions reads the options (RFC 9293 §3.1, RFC 7323); cut says that some of them were not captured.
// An option that is there twice counts as it is there first: a frame that was cut between the two says the same.
func (p *Packet) tcpOptions(b []byte, cut bool) {
	// Nearly every segment of an established connection: two no-ops in front of the timestamps.
	if len(b) == 12 && !cut && be32(b) == 0x0101080a {
		p.TSValue = be32(b[4:])
		p.TSEcho = be32(b[8:])
		p.Valid |= HasTimestamps
		return
	}
	// What Linux and Android begin a connection with: MSS, SACK permitted, timestamps, a no-op, window scale.
	if len(b) == 20 && !cut && be16(b) == 0x0204 && be32(b[4:]) == 0x0402080a && be32(b[16:])>>8 == 0x010303 {
		p.MSS = be16(b[2:])
		p.TCPOptions = SACKPermitted
		p.TSValue = be32(b[8:])
		p.TSEcho = be32(b[12:])
		p.WindowScale = b[19]
		p.Valid |= HasMSS | HasTCPOptions | HasTimestamps | HasWindowScale
		return
	}
	var seen Options
	for len(b) > 0 {
		kind := b[0]
		if kind == optionNop {
			b = b[1:]
			continue
		}
		if kind == optionEnd {
			break
		}
		size := 2
		if len(b) >= 2 {
			size = int(b[1])
		}
		if len(b) < size {
			if !cut {
				p.DecodeError = BadTCPOption
			}
			break
		}
		want := size
		var flag Options
		switch kind {
		case optionMSS:
			if want = 4; size == want && p.Valid&HasMSS == 0 {
				p.MSS = be16(b[2:])
				p.Valid |= HasMSS
			}
		case optionWindowScale:
			if want = 3; size == want && p.Valid&HasWindowScale == 0 {
				p.WindowScale = b[2]
				p.Valid |= HasWindowScale
			}
		case optionTimestamps:
			if want = 10; size == want && p.Valid&HasTimestamps == 0 {
				p.TSValue = be32(b[2:])
				p.TSEcho = be32(b[6:])
				p.Valid |= HasTimestamps
			}
		case optionSACKAllowed:
			want = 2
			flag = SACKPermitted
		case optionSACK: // at least one block of two edges
			blocks := max(1, (size-2)/8)
			if want = 2 + 8*blocks; size == want && p.Valid&HasSACK == 0 {
				p.SACKBlocks = uint8(blocks)
				p.Valid |= HasSACK
			}
		case optionMD5:
			want = 18
			flag = MD5Signature
		case optionAO: // key ids, then a code of the key's algorithm
			want = max(4, size)
			flag = TCPAO
		case optionMPTCP:
			want = max(3, size)
			flag = MPTCP
		case optionFastOpen:
			flag = FastOpen
		case optionExperiment:
			if size >= 4 && be16(b[2:]) == fastOpenExperiment {
				flag = FastOpen
			}
		}
		if size < 2 || size != want {
			p.DecodeError = BadTCPOption
			break
		}
		seen |= flag
		b = b[size:]
	}
	if cut && p.DecodeError == NoReason {
		p.DecodeError = TruncatedTCPOption
		return // what was cut may belong to the set
	}
	if seen != 0 {
		p.TCPOptions = seen
		p.Valid |= HasTCPOptions
	}
}
