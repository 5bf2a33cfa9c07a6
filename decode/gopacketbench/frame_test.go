package gopacketbench

import (
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"

	"network-sniffer/decode"
)

// meta is what the kernel would say of f.
func (f *frame) meta() decode.Meta {
	return decode.Meta{Time: 1, WireLength: uint32(len(f.data)), LinkType: decode.LinkEthernet}
}

// TestSameAnswer has both decoders read each frame of the benchmark to its end and find the same.
func TestSameAnswer(t *testing.T) {
	other := newParser(gopacket.DecodingLayerMap(nil))
	for i := range frames {
		f := &frames[i]
		t.Run(f.name, func(t *testing.T) {
			m := f.meta()
			var p decode.Packet
			decode.Decode(&p, &m, f.data)
			if p.DecodeError != decode.NoReason || !p.Valid.Has(decode.HasAddresses|decode.HasPorts) {
				t.Fatalf("sniffer stopped early: %v, fields %x", p.DecodeError, p.Valid)
			}
			if err := other.decode(f.data); err != nil || other.Truncated {
				t.Fatalf("gopacket stopped early: %v, truncated %v", err, other.Truncated)
			}
			if s := other.stack(); s != f.layers {
				t.Fatalf("gopacket read %q, not %q", s, f.layers)
			}
			from := netip.AddrPortFrom(address(p.SrcIP, p.IPVersion), p.SrcPort)
			to := netip.AddrPortFrom(address(p.DstIP, p.IPVersion), p.DstPort)
			if from.String() != f.from || to.String() != f.to {
				t.Errorf("sniffer: %v to %v, not %v to %v", from, to, f.from, f.to)
			}
			if a, b := other.ends(); a.String() != f.from || b.String() != f.to {
				t.Errorf("gopacket: %v to %v, not %v to %v", a, b, f.from, f.to)
			}
			if s := string(p.Name.Text()); s != f.host {
				t.Errorf("sniffer: name %q, not %q", s, f.host)
			}
			if s := other.host(); s != f.host {
				t.Errorf("gopacket: name %q, not %q", s, f.host)
			}
		})
	}
}

// address is b of a Packet.
func address(b [16]byte, version uint8) netip.Addr {
	if version == 4 {
		return netip.AddrFrom4([4]byte(b[:4]))
	}
	return netip.AddrFrom16(b)
}

// BenchmarkFrame reads each frame with both: benchstat -col /decoder sets them side by side. Where they do not do the
// same work, this is the difference: gopacket keeps slices of the frame, of DNS every record and of a ClientHello the
// name and the raw extensions; sniffer copies what it keeps, of DNS the question and the addresses and of a ClientHello
// also the versions and protocols offered.
func BenchmarkFrame(b *testing.B) {
	for i := range frames {
		f := &frames[i]
		b.Run(f.name+"/decoder=sniffer", func(b *testing.B) {
			m := f.meta()
			var p decode.Packet
			b.ReportAllocs()
			for b.Loop() {
				decode.Decode(&p, &m, f.data)
			}
		})
		for _, c := range []struct {
			name      string
			container gopacket.DecodingLayerContainer
		}{{"gopacket", gopacket.DecodingLayerMap(nil)}, {"gopacket-sparse", gopacket.DecodingLayerSparse(nil)}} {
			b.Run(f.name+"/decoder="+c.name, func(b *testing.B) {
				p := newParser(c.container)
				b.ReportAllocs()
				for b.Loop() {
					if err := p.decode(f.data); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
