package decode

import "strings"

var ntpSamples = ntpTable()

// ntpTable makes samples of NTP messages from UDP port 123 to 123.
func ntpTable() []sample {
	var samples []sample
	for _, r := range []struct {
		name   string
		first  string
		size   int // of the message
		need   int // bytes without which it is truncated
		mode   uint8
		reason Reason
	}{
		{"ntp client", "23", 48, 48, 3, NoReason},
		{"ntp server with an authenticator", "24", 68, 48, 4, NoReason},
		{"ntp broadcast, clock not synchronized", "e5", 48, 48, 5, NoReason},
		{"ntp control", "16", 12, 12, 6, NoReason},
		{"ntp private", "17", 8, 8, 7, NoReason},
		{"ntp client of 47 bytes", "23", 47, 0, 3, TruncatedNTP},
	} {
		message := octets(r.first, strings.Repeat("00", r.size-1))
		size := uint8(8 + len(message))
		data := octets("45 00 0000 1234 4000 40 11 0000", fourFrom, fourTo, "007b 007b 0000 0000")
		data[3], data[25] = 20+size, size
		samples = append(samples, sample{name: r.name, link: LinkIPv4, data: append(data, message...),
			want: Head{Valid: onIPv4 | HasPorts | HasPayload | HasNTP, IPVersion: 4, IPID: 0x1234, TTL: 64, Protocol: protoUDP,
				SrcIP: ip4From, DstIP: ip4To, SrcPort: 123, DstPort: 123, PayloadLength: uint32(r.size), NTPMode: r.mode,
				DecodeError: r.reason},
			cuts: []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}, {29, NoReason}, {28 + r.need, TruncatedNTP}}})
	}
	return samples
}
