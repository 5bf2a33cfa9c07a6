package top

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"network-sniffer/decode"
)

// BenchmarkAdd is the cost of a packet: of traffic that has its rows, and of a flood in which every packet takes one.
func BenchmarkAdd(b *testing.B) {
	for kind := Hosts; kind <= Names; kind++ {
		b.Run(kind.String()+"/usual", func(b *testing.B) {
			table, packets := New(kind), evening()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				table.Add(packets[i%len(packets)])
			}
		})
		b.Run(kind.String()+"/flood", func(b *testing.B) {
			table, p := New(kind), named(decode.NameDNS, "00000000.example.org")
			address(p, netip.MustParseAddr("2001:db8::"), netip.MustParseAddr("2001:db8::1"))
			b.ReportAllocs()
			for i := uint32(0); b.Loop(); i++ {
				binary.BigEndian.PutUint32(p.SrcIP[8:], i)
				binary.BigEndian.PutUint32(p.DstIP[8:], i)
				binary.BigEndian.PutUint32(p.Name.Bytes[:], i)
				p.SrcPort, p.DstPort = uint16(i), uint16(i)
				table.Add(p)
			}
		})
	}
}
