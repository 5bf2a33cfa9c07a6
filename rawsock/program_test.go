package rawsock

import (
	"net/netip"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"network-sniffer/rawsock/machine"
)

// TestProgramOnCookedSockets: the first protocol is known to the kernel alone, and the bytes begin behind it.
func TestProgramOnCookedSockets(t *testing.T) {
	ap := netip.MustParseAddrPort
	own4, own6 := ap("192.168.1.1:8000"), ap("[fd00::1]:8000")
	p, err := Program(LinkCooked, Parts{
		Own: Own{Listeners: []netip.AddrPort{own4, own6}}, Names: &someNames, Long: longSnap,
	}, []bpf.Instruction{bpf.RetConstant{Val: shortSnap}})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := bpf.Assemble(p)
	if err != nil {
		t.Fatal(err)
	}
	m, err := machine.New(raw)
	if err != nil {
		t.Fatal(err)
	}
	console4 := segmentFrame(nil, ap("192.168.1.20:51000"), own4, 6)
	console6 := segmentFrame(nil, own6, ap("[fd00::20]:51000"), 6)
	dns := carrying(nil, false, 17, 40000, 53, 0, 1)
	behind := func(header []byte, packet []byte) []byte { return append(append([]byte(nil), header...), packet...) }
	tag := []byte{0, 7, 0x08, 0}
	for _, row := range []struct {
		name     string
		protocol uint16
		kind     uint8
		data     []byte
		want     uint32
	}{
		{"console", etherIPv4, unix.PACKET_HOST, console4, 0},
		{"console v6", etherIPv6, unix.PACKET_OUTGOING, console6, 0},
		{"console, received with an inner tag", etherVLAN, unix.PACKET_HOST, behind(tag, console4), 0},
		{"console, received with two inner tags", etherQinQ, unix.PACKET_HOST, behind([]byte{0, 7, 0x81, 0}, behind(tag, console4)), 0},
		{"console, sent, the tag not shown", etherVLAN, unix.PACKET_OUTGOING, console4, 0},
		{"console v6, sent, the tag not shown", etherVLAN, unix.PACKET_OUTGOING, console6, 0},
		{"console in PPPoE", etherPPPoE, unix.PACKET_HOST, behind([]byte{0x11, 0, 0, 1, 0, 42, 0, 0x21}, console4), 0},
		{"console v6 in PPPoE", etherPPPoE, unix.PACKET_HOST, behind([]byte{0x11, 0, 0, 1, 0, 42, 0, 0x57}, console6), 0},
		{"PPP LCP", etherPPPoE, unix.PACKET_HOST, behind([]byte{0x11, 0, 0, 1, 0, 42, 0xc0, 0x21}, console4), shortSnap},
		{"dns", etherIPv4, unix.PACKET_HOST, dns, longSnap},
		{"dns in a tag", etherVLAN, unix.PACKET_HOST, behind(tag, dns), longSnap},
		{"lldp", etherLLDP, unix.PACKET_MULTICAST, make([]byte, 60), longSnap},
		{"arp", 0x0806, unix.PACKET_BROADCAST, make([]byte, 28), shortSnap},
		{"sent, tagged, neither version", etherVLAN, unix.PACKET_OUTGOING, make([]byte, 60), shortSnap},
		{"nothing at all", etherVLAN, unix.PACKET_OUTGOING, nil, shortSnap},
	} {
		meta := machine.Metadata{Protocol: row.protocol, Kind: row.kind}
		if got := m.Run(row.data, uint32(len(row.data)), &meta); got != row.want {
			t.Errorf("%s: %d bytes, want %d", row.name, got, row.want)
		}
		for n := range min(len(row.data)-20, 200) {
			if m.Run(row.data[:n], uint32(n), &meta) == 0 {
				t.Errorf("%s: the first %d bytes were rejected", row.name, n)
				break
			}
		}
	}
}

// BenchmarkMachine is the price of a whole filter in user space.
func BenchmarkMachine(b *testing.B) {
	accept := []bpf.Instruction{bpf.RetConstant{Val: shortSnap}}
	program, err := Program(LinkEthernet, Parts{Names: &someNames, Long: longSnap}, accept)
	if err != nil {
		b.Fatal(err)
	}
	raw, err := bpf.Assemble(program)
	if err != nil {
		b.Fatal(err)
	}
	m, err := machine.New(raw)
	if err != nil {
		b.Fatal(err)
	}
	frame := carrying(ether(etherIPv4), false, 17, 40000, 53, 0, 1)
	b.ReportAllocs()
	for b.Loop() {
		if m.Run(frame, uint32(len(frame)), &machine.Metadata{}) != longSnap {
			b.Fatal("not a name")
		}
	}
}
