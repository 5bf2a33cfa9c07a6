package decode

import "testing"

func BenchmarkDecode(b *testing.B) {
	for _, s := range []struct {
		name string
		data []byte
	}{
		{"tcp_ipv4_64", tcp4Plain},
		{"tcp_ipv4_timestamps", tcp4Timestamps},
		{"tcp_ipv4_syn", tcp4SYN},
		{"udp_ipv6", udp6},
		{"vlan_pppoe_ipv4", vlanPPPoE},
		{"arp", arpWhoHas},
	} {
		b.Run(s.name, func(b *testing.B) {
			m := Meta{Time: 1, WireLength: uint32(len(s.data)), LinkType: LinkEthernet}
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

func BenchmarkFormat(b *testing.B) {
	m := Meta{Time: 1, WireLength: uint32(len(tcp4SYN)), LinkType: LinkEthernet}
	var p Packet
	Decode(&p, &m, tcp4SYN)
	dst := make([]byte, 0, 4096)
	b.Run("text", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			dst = p.AppendText(dst[:0], "eth0")
		}
	})
	b.Run("json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			dst = p.AppendJSON(dst[:0], "router", "eth0")
		}
	})
	b.Run("csv", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			dst = p.AppendCSV(dst[:0], "router", "eth0")
		}
	})
}
