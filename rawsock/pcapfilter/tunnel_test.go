package pcapfilter

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// outside is what stands in front of a frame inside VXLAN.
type outside struct {
	tags    int
	flags   byte
	network uint32
	port    uint16
}

// wrap puts a frame into a VXLAN packet over either version of IP.
func (o outside) wrap(r *rand.Rand, inner []byte) []byte {
	b := append(append([]byte(nil), pick(r, poolMAC)...), pick(r, poolMAC)...)
	for range o.tags {
		b = append(b, 0x81, 0x00, 0, 5)
	}
	if r.IntN(2) == 0 {
		b = append(b, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, protoUDP, 64)
		b = append(b, random(r, 32)...)
	} else {
		words := 5 + r.IntN(11)
		b = append(b, 0x08, 0x00, 0x40|byte(words), 0, 0, 0, 0, 0, 0x40, 0, 64, protoUDP)
		b = append(b, random(r, words*4-10)...)
	}
	b = binary.BigEndian.AppendUint16(append(b, random(r, 2)...), o.port)
	b = append(b, 0, 0, 0, 0, o.flags, 0, 0, 0)
	return append(binary.BigEndian.AppendUint32(b, o.network<<8), inner...)
}

// libpcap 1.10.3 has no "vxlan". What stands behind the word must say of the packet what it says of the frame inside when that
// comes alone.
func TestVXLANLooksInside(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 7))
	inside := makeLinkFrames(Ethernet, 4000)
	for _, expr := range []string{
		"ip", "not ip", "ip6", "arp", "tcp", "udp port 53 or 123", "host 10.1.2.3", "net 2001:db8::/32", "ether src 02:00:00:00:00:01",
		"broadcast", "multicast", "ether[12:2] > 1500", "ether[ether[0] & 7] > 3", "ip[8] > 64", "ip[ip[0] & 15] > 3", "tcp[13] & 2 != 0", "icmp6", "vlan", "vlan 5 and ip",
		"mpls 5 and ip", "pppoes 3 and ip",
		"llc ui", "iso", "l1", "stp", "ipx", "decnet host 1.2", "geneve 7 and ip", "vxlan 7 and ip", "ip6 protochain 17",
	} {
		alone, err := Compile(expr, Options{LinkType: Ethernet})
		if err != nil {
			t.Fatal(err)
		}
		for tags, prefix := range []string{"vxlan and ", "vlan and vxlan 7 and ", "vlan and vlan 5 and vxlan and "} {
			within, err := Compile(prefix+expr, Options{LinkType: Ethernet})
			if err != nil {
				t.Fatal(err)
			}
			runAlone, runWithin := runner(t, raw(t, alone)), runner(t, raw(t, within))
			matched := 0
			for i, frame := range inside {
				o := outside{tags, pick(r, []byte{0x08, 0x88}), 7, vxlanPort}
				switch r.IntN(12) {
				case 0:
					o.tags = r.IntN(4)
				case 1:
					o.flags = 0x80
				case 2:
					o.network = 8
				case 3:
					o.port = genevePort
				}
				want := runAlone(frame)
				if o.tags != tags || o.flags == 0x80 || tags == 1 && o.network != 7 || o.port != vxlanPort {
					want = 0
				}
				packet := o.wrap(r, frame)
				if got := runWithin(packet); got != want {
					t.Fatalf("%s: frame %d in %+v, % x: got %d, want %d\n%s",
						prefix+expr, i, o, packet, got, want, FormatD(within))
				}
				if want != 0 {
					matched++
				}
			}
			if matched == 0 {
				t.Errorf("%s matches nothing: the comparison proves nothing", prefix+expr)
			}
		}
	}
}
