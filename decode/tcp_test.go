package decode

import "fmt"

// optionsOf is a TCP segment to a port of no service with these options, padded by no-ops to whole words.
func optionsOf(options string) []byte {
	b := octets(options)
	for len(b)%4 != 0 {
		b = append(b, optionNop)
	}
	return ipv4Of("06", "c938 1388 00000001 00000002", fmt.Sprintf("%x0", 5+len(b)/4),
		"10 1000 0000 0000", fmt.Sprintf("%x", b))
}

// optionSample is such a segment: what h says of its options, and in how many of their bytes the reason is seen.
func optionSample(name, options string, seen int, h Head) sample {
	h = inIPv4(6, 0, h)
	h.Valid |= onTCP
	h.SrcPort, h.DstPort, h.SeqNumber, h.AckNumber, h.Flags, h.WindowSize = 51512, 5000, 1, 2, 0x10, 4096
	s := sample{name: name, link: LinkIPv4, data: optionsOf(options), want: h,
		cuts: []cut{{20, TruncatedIPv4}, {40, TruncatedTCP}, {40 + seen, TruncatedTCPOption}}}
	if seen < 0 {
		s.cuts[2].below = len(s.data)
	}
	return s
}

// Two edges of a block of RFC 2018 §3.
const sackBlock = "00000001 00000002 "

var tcpOptionSamples = []sample{
	optionSample("tcp sack permitted", "0402", -1, Head{Valid: HasTCPOptions, TCPOptions: SACKPermitted}),
	optionSample("tcp sack of a block", "0101 050a"+sackBlock, -1, Head{Valid: HasSACK, SACKBlocks: 1}),
	optionSample("tcp timestamps and three blocks", "0101080a 00000064 000000c8 0101 051a"+sackBlock+sackBlock+sackBlock, -1,
		Head{Valid: HasTimestamps | HasSACK, TSValue: 100, TSEcho: 200, SACKBlocks: 3}),
	optionSample("tcp sack of four blocks", "0101 0522"+sackBlock+sackBlock+sackBlock+sackBlock, -1,
		Head{Valid: HasSACK, SACKBlocks: 4}),
	optionSample("tcp md5 signature", "0101 1312 000102030405060708090a0b0c0d0e0f", -1,
		Head{Valid: HasTCPOptions, TCPOptions: MD5Signature}),
	optionSample("tcp authentication", "1d10 01 02 000102030405060708090a0b", -1,
		Head{Valid: HasTCPOptions, TCPOptions: TCPAO}),
	optionSample("tcp authentication without a code", "1d04 01 02", -1, Head{Valid: HasTCPOptions, TCPOptions: TCPAO}),
	optionSample("mptcp", "1e0c 00 01 0102030405060708", -1, Head{Valid: HasTCPOptions, TCPOptions: MPTCP}),
	optionSample("mptcp priority", "1e03 50", -1, Head{Valid: HasTCPOptions, TCPOptions: MPTCP}),
	optionSample("tcp fast open asks for a cookie", "2202", -1, Head{Valid: HasTCPOptions, TCPOptions: FastOpen}),
	optionSample("tcp fast open", "220a 0102030405060708", -1, Head{Valid: HasTCPOptions, TCPOptions: FastOpen}),
	optionSample("tcp fast open, the experiment", "fe0c f989 0102030405060708", -1,
		Head{Valid: HasTCPOptions, TCPOptions: FastOpen}),
	optionSample("tcp, another experiment", "fe06 f98a 0102", -1, Head{}),
	optionSample("tcp experiment without an identifier", "fe02", -1, Head{}),
	optionSample("tcp options of several kinds", "0402 2202 1e03 50 1d04 01 02", -1,
		Head{Valid: HasTCPOptions, TCPOptions: SACKPermitted | FastOpen | MPTCP | TCPAO}),
	optionSample("tcp option of an unknown kind", "4504 0102 0402", -1,
		Head{Valid: HasTCPOptions, TCPOptions: SACKPermitted}),
	optionSample("tcp options twice: the first", "020405b4 020400d7 030307 030301 050a"+sackBlock, -1,
		Head{Valid: HasMSS | HasWindowScale | HasSACK, MSS: 1460, WindowScale: 7, SACKBlocks: 1}),
	optionSample("tcp timestamps twice: the first", "080a 00000001 00000002 080a 00000003 00000004", -1,
		Head{Valid: HasTimestamps, TSValue: 1, TSEcho: 2}),
	optionSample("tcp sack twice: the first", "050a"+sackBlock+"0512"+sackBlock+sackBlock, -1,
		Head{Valid: HasSACK, SACKBlocks: 1}),

	optionSample("tcp sack permitted of three bytes", "0403 00", 3, Head{DecodeError: BadTCPOption}),
	optionSample("tcp sack without a block", "0502", 2, Head{DecodeError: BadTCPOption}),
	optionSample("tcp sack of a block and a half", "050e"+sackBlock+"00000003", 14, Head{DecodeError: BadTCPOption}),
	optionSample("tcp md5 signature of 17 bytes", "1311 000102030405060708090a0b0c0d0e", 17,
		Head{DecodeError: BadTCPOption}),
	optionSample("tcp authentication of three bytes", "1d03 01", 3, Head{DecodeError: BadTCPOption}),
	optionSample("mptcp of two bytes", "1e02", 2, Head{DecodeError: BadTCPOption}),
	optionSample("tcp fast open of a byte", "2201", 2, Head{DecodeError: BadTCPOption}),
	optionSample("tcp window scale of four bytes", "0304 07 00", 4, Head{DecodeError: BadTCPOption}),
	optionSample("tcp timestamps of nine bytes", "0809 00000001 000000", 9, Head{DecodeError: BadTCPOption}),
	optionSample("tcp options in front of a lie stay", "0402 2202 0502", 6,
		Head{Valid: HasTCPOptions, TCPOptions: SACKPermitted | FastOpen, DecodeError: BadTCPOption}),
}
