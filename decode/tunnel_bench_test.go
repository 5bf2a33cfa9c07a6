package decode

import (
	"strings"
	"testing"
)

// The first three are what a tunnel's frames are; the others are the most that a sender can ask for.
func BenchmarkTunnel(b *testing.B) {
	sixteen := strings.Repeat("3c00 0104 00000000", 15) + "1100 0104 00000000"
	const packet = "60000000 008c 3c 40" + insideFrom6 + insideTo6
	for _, s := range []struct {
		name string
		data []byte
	}{
		{"vxlan", udpOf(4789, "08 000000 123456 00", insideMAC, "0800", inside4)},
		{"gre", ipv4Of("2f", "2000 0800 00000007", inside4)},
		{"icmp_quote", quoteOf(inside4)},
		{"geneve_options_tags_extensions", udpOf(6081, "3f 00 6558 000001 00", strings.Repeat("00", 252), insideMAC,
			strings.Repeat("8100 0001 ", 8), "86dd", packet, sixteen, insideUDP)},
		{"extensions_extensions", ipv6Of("3c", strings.Repeat("3c00 0104 00000000", 15), "2900 0104 00000000",
			packet, sixteen, insideUDP)},
		{"extensions_geneve_extensions", ipv6Of("3c", sixteen, "d903 17c1 00c4 0000 00 00 86dd 000001 00",
			packet, sixteen, insideUDP)},
		{"ah_inside_ah", ipv4Of("33", strings.Repeat("3301 0000 00000001 00000001", 15), "0401 0000 00000001 00000001",
			"45 00 00e0 0001 0000 40 33 0000 0a000001 0a000002", strings.Repeat("3301 0000 00000001 00000001", 15),
			"1101 0000 00000001 00000001", insideUDP)},
		{"tcp_no_operations", optionsOf(strings.Repeat("01", 40))},
		{"tcp_options_of_two_bytes", optionsOf(strings.Repeat("2202", 20))},
	} {
		b.Run(s.name, func(b *testing.B) {
			m := Meta{Time: 1, WireLength: uint32(len(s.data)), LinkType: LinkRaw}
			var p Packet
			b.ReportAllocs()
			for b.Loop() {
				Decode(&p, &m, s.data)
			}
			if p.DecodeError != NoReason {
				b.Fatal(p.DecodeError)
			}
		})
	}
}
