package decode

import "strings"

// lldpUsual is an LLDPDU as a switch sends it.
const lldpUsual = "02 07 04 020000000001  04 05 05 67652f31  06 02 0078  08 04 706f7274  0a 03 737731  0c 05 4c696e7578" +
	"0e 04 0014 0004  10 0c 05 01 c0a80101 02 00000001 00  fe 06 0080c2 01 0001  00 00"

// lldpFrame is an Ethernet frame with this LLDPDU.
func lldpFrame(tlvs string) []byte { return octets(eth, "88cc", tlvs) }

// cdpFrame is an IEEE 802.3 frame with this CDP packet, and padding.
func cdpFrame(packet string) []byte {
	b := octets(eth, "0000 aaaa03 00000c 2000", packet)
	b[12], b[13] = byte((len(b)-14)>>8), byte(len(b)-14)
	return b
}

var linkNameSamples = append(lldpTable(), cdpTable()...)

// lldpTable makes samples of LLDPDUs, which begin at byte 14.
func lldpTable() []sample {
	const head = "0204 07616263 0403 056162 0602 0078 " // chassis, port, time to live: 15 bytes
	var samples []sample
	for _, r := range []struct {
		name   string
		tlvs   string
		need   int // bytes without which it is truncated
		title  string
		reason Reason
	}{
		{name: "lldp of a switch", tlvs: lldpUsual + "000000000000", need: 68, title: "sw1"},
		{name: "lldp without a system name", tlvs: head + "0000", need: 17},
		{name: "lldp with an empty system name", tlvs: head + "0a00 0000", need: 19},
		{name: "lldp with two system names", tlvs: head + "0a0161 0a0162 0000", need: 23, title: "a"},
		{name: "lldp system name of 255 bytes", tlvs: head + "0aff" + strings.Repeat("61", 255) + "0000", need: 274,
			title: strings.Repeat("a", 255)},
		{name: "lldp system name of 256 bytes", tlvs: head + "0b00" + strings.Repeat("61", 256) + "0000", need: 17,
			reason: BadLLDP},
		{name: "lldp system name of 255 bytes that are no text", tlvs: head + "0aff" + strings.Repeat("0a", 255) + "ffff",
			need: 272, title: strings.Repeat(`\010`, 63), reason: NameTooLong},
		{name: "lldp that begins with the system name", tlvs: "0a0161 0000", need: 2, reason: BadLLDP},
		{name: "lldp that begins with the end", tlvs: "0000", need: 2, reason: BadLLDP},
		{name: "lldp without an end", tlvs: head + "0a0161", title: "a", reason: TruncatedLLDP},
		{name: "lldp without a byte", tlvs: "", reason: TruncatedLLDP},
		{name: "lldp with as many tlvs as are read", tlvs: head + strings.Repeat("0800", maxTLVs-4) + "0000",
			need: 15 + 2*(maxTLVs-3)},
		{name: "lldp with more", tlvs: head + strings.Repeat("0800", maxTLVs-3) + "0000", need: 15 + 2*(maxTLVs-3),
			reason: TooManyTLVs},
	} {
		s := sample{name: r.name, link: LinkEthernet, data: lldpFrame(r.tlvs), title: r.title,
			want: Head{Valid: onEthernet, SrcMAC: macFrom, DstMAC: macTo, EtherType: etherLLDP, DecodeError: r.reason},
			cuts: []cut{{14, TruncatedLink}, {14 + r.need, TruncatedLLDP}}}
		if r.title != "" {
			s.want.Valid |= HasName
			s.want.NameKind = NameLLDP
		}
		samples = append(samples, s)
	}
	return samples
}

// cdpTable makes samples of CDP packets, which begin at byte 22.
func cdpTable() []sample {
	const head = "02 b4 0000 " // version, time to live, checksum
	var samples []sample
	for _, r := range []struct {
		name   string
		packet string
		need   int // bytes without which it is truncated
		title  string
		reason Reason
	}{
		{name: "cdp of a router", packet: head + "0001 0006 7231 0003 0008 45746830 0004 0008 00000001", need: 26, title: "r1"},
		{name: "cdp with two device ids behind an empty one", packet: head + "0001 0004 0001 0005 61 0001 0005 62", need: 18, title: "a"},
		{name: "cdp without a tlv", packet: head, need: 4},
		{name: "cdp of three bytes", packet: "02 b4 00", reason: TruncatedCDP},
		{name: "cdp tlv behind the packet", packet: head + "0001 0006 72", reason: TruncatedCDP},
		{name: "cdp tlv of three bytes", packet: head + "0001 0005 72 0001 0003 72", need: 13, title: "r",
			reason: BadCDP},
		{name: "cdp device id longer than a name", packet: head + "0001 0104" + strings.Repeat("61", 256) + "0000 0000", need: 264, title: strings.Repeat("a", 255), reason: NameTooLong},
		{name: "cdp with as many tlvs as are read", packet: head + strings.Repeat("0006 0004", maxTLVs),
			need: 4 + 4*maxTLVs},
		{name: "cdp with more", packet: head + strings.Repeat("0006 0004", maxTLVs) + "0001 0005 61",
			need: 4 + 4*maxTLVs + 1, reason: TooManyTLVs},
	} {
		s := sample{name: r.name, link: LinkEthernet, data: cdpFrame(r.packet), title: r.title,
			want: Head{Valid: HasMAC | HasDstMAC, SrcMAC: macFrom, DstMAC: macTo, DecodeError: r.reason},
			cuts: []cut{{14, TruncatedLink}, {22, TruncatedLLC}}}
		if r.title != "" {
			s.want.Valid |= HasName
			s.want.NameKind = NameCDP
		}
		s.cuts = append(s.cuts, cut{22 + r.need, TruncatedCDP})
		samples = append(samples, s)
	}
	return samples
}
