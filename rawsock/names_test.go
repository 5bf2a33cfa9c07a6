package rawsock

import (
	"net/netip"
	"testing"

	"golang.org/x/net/bpf"
)

const (
	shortSnap = 100
	longSnap  = 1000
)

var someNames = Names{UDP: []uint16{53, 5353}, QUIC: []uint16{443}, HTTP: []uint16{80, 8080}, TLS: []uint16{443, 853}}

// carrying is a frame of this protocol and these ports with a payload; a TCP header gets options bytes of options.
func carrying(link []byte, v6 bool, protocol byte, src, dst uint16, options int, payload ...byte) []byte {
	a := netip.MustParseAddr("192.0.2.1")
	if v6 {
		a = netip.MustParseAddr("2001:db8::1")
	}
	f := segmentFrame(link, netip.AddrPortFrom(a, src), netip.AddrPortFrom(a, dst), protocol)
	f = f[:len(f)-12]
	if protocol == 6 {
		f = append(f, make([]byte, 12+options)...)
		f[len(f)-8-options] = byte(5+options/4) << 4
	}
	return append(append(f, payload...), make([]byte, 1200)...)
}

func TestNames(t *testing.T) {
	e4, e6 := ether(etherIPv4), ether(etherIPv6)
	options := carrying(e4, false, 17, 40000, 53, 0, 1)
	options[14] = 0x46 // four bytes of options: what are ports now are options then
	moved := append(append(append([]byte(nil), options[:34]...), 1, 1, 1, 1), options[34:]...)
	fragment := carrying(e4, false, 17, 40000, 53, 0, 1)
	fragment[14+7] = 1
	first := carrying(e4, false, 17, 40000, 53, 0, 1)
	first[14+6] = 0x20

	rows := []struct {
		name string
		link LinkType
		data []byte
		want int
	}{
		{"dns query", LinkEthernet, carrying(e4, false, 17, 40000, 53, 0, 1), longSnap},
		{"dns response", LinkEthernet, carrying(e4, false, 17, 53, 40000, 0, 1), longSnap},
		{"dns query v6", LinkEthernet, carrying(e6, true, 17, 40000, 53, 0, 1), longSnap},
		{"dns query raw", LinkRaw, carrying(nil, false, 17, 40000, 53, 0, 1), longSnap},
		{"dns query raw v6", LinkRaw, carrying(nil, true, 17, 40000, 53, 0, 1), longSnap},
		{"dns query in a tag", LinkEthernet, carrying(ether(etherVLAN, etherIPv4), false, 17, 40000, 53, 0, 1), longSnap},
		{"dns query in pppoe", LinkEthernet, carrying(pppoe(pppIPv4), false, 17, 40000, 53, 0, 1), longSnap},
		{"dns query with options", LinkEthernet, moved, longSnap},
		{"options that look like ports", LinkEthernet, options, shortSnap},
		{"first fragment", LinkEthernet, first, longSnap},
		{"later fragment", LinkEthernet, fragment, shortSnap},
		{"another udp port", LinkEthernet, carrying(e4, false, 17, 40000, 54, 0, 1), shortSnap},
		{"quic initial", LinkEthernet, carrying(e4, false, 17, 40000, 443, 0, 0xc3), longSnap},
		{"quic initial v6", LinkEthernet, carrying(e6, true, 17, 40000, 443, 0, 0xc3), longSnap},
		{"quic data", LinkEthernet, carrying(e4, false, 17, 40000, 443, 0, 0x43), shortSnap},
		{"quic from a server", LinkEthernet, carrying(e4, false, 17, 443, 40000, 0, 0xc3), shortSnap},
		{"http", LinkEthernet, carrying(e4, false, 6, 40000, 80, 0, 'G'), longSnap},
		{"http with the last letter", LinkEthernet, carrying(e6, true, 6, 40000, 8080, 8, 'Z'), longSnap},
		{"http data", LinkEthernet, carrying(e4, false, 6, 40000, 80, 0, 'g'), shortSnap},
		{"http data below letters", LinkEthernet, carrying(e4, false, 6, 40000, 80, 0, '0'), shortSnap},
		{"dns query in a tag and pppoe", LinkEthernet, carrying(pppoe(pppIPv4, etherVLAN), false, 17, 40000, 53, 0, 1), longSnap},
		{"dns query in pppoe v6", LinkEthernet, carrying(pppoe(pppIPv6), true, 17, 40000, 53, 0, 1), longSnap},
		{"ppp lcp", LinkEthernet, append(pppoe(0xc021), make([]byte, 1200)...), shortSnap},
		{"http response", LinkEthernet, carrying(e4, false, 6, 80, 40000, 0, 'H'), shortSnap},
		{"dns response over tcp", LinkEthernet, carrying(e6, true, 6, 53, 40000, 0, 0), longSnap},
		{"client hello", LinkEthernet, carrying(e4, false, 6, 40000, 443, 12, 22), longSnap},
		{"client hello v6", LinkEthernet, carrying(e6, true, 6, 40000, 853, 0, 22), longSnap},
		{"tls data", LinkEthernet, carrying(e4, false, 6, 40000, 443, 12, 23), shortSnap},
		{"tls from a server", LinkEthernet, carrying(e4, false, 6, 443, 40000, 12, 22), shortSnap},
		{"lldp", LinkEthernet, append(ether(etherLLDP), make([]byte, 1200)...), longSnap},
		{"arp", LinkEthernet, append(ether(0x0806), make([]byte, 1200)...), shortSnap},
		{"raw, neither version", LinkRaw, append([]byte{0x70}, make([]byte, 1200)...), shortSnap},
	}
	accept := []bpf.Instruction{bpf.RetConstant{Val: shortSnap}}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			p, err := Program(row.link, Parts{Names: &someNames, Long: longSnap}, accept)
			if err != nil {
				t.Fatal(err)
			}
			vm, err := bpf.NewVM(p)
			if err != nil {
				t.Fatal(err)
			}
			if got := verdict(t, vm, row.data); got != row.want {
				t.Errorf("VM: %d bytes, want %d", got, row.want)
			}
			if got := kernelRun(t, p, row.data); got != row.want {
				t.Errorf("kernel: %d bytes, want %d", got, row.want)
			}
			// A load behind the end of a frame would reject it.
			for n := range row.data[:160] {
				if verdict(t, vm, row.data[:n]) == 0 {
					t.Fatalf("the first %d bytes were rejected", n)
				}
			}
		})
	}
	if _, err := Program(LinkType(9), Parts{Names: &someNames, Long: longSnap}, accept); err == nil {
		t.Error("link type 9 was accepted")
	}
}

// TestNamesAreSmall: it leaves the room to the user's expression and to the exclusion of our own traffic.
func TestNamesAreSmall(t *testing.T) {
	p, err := Program(LinkEthernet, Parts{Names: &someNames, Long: longSnap}, []bpf.Instruction{bpf.RetConstant{Val: shortSnap}})
	if err != nil || len(p) > 145 {
		t.Errorf("%d instructions, %v; want at most 145", len(p), err)
	}
}

// TestProgramKeepsTheVerdict: what a program rejects stays rejected, whichever of its accepts is met.
func TestProgramKeepsTheVerdict(t *testing.T) {
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: 12, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: etherIPv4, SkipFalse: 1},
		bpf.RetConstant{Val: shortSnap},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: etherIPv6, SkipFalse: 1},
		bpf.RetConstant{Val: shortSnap},
		bpf.RetConstant{Val: 0},
	}
	p, err := Program(LinkEthernet, Parts{Names: &someNames, Long: longSnap}, program)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name string
		data []byte
		want int
	}{
		{"first accept", carrying(ether(etherIPv4), false, 17, 53, 1, 0, 1), longSnap},
		{"second accept", carrying(ether(etherIPv6), true, 6, 1, 2, 0, 1), shortSnap},
		{"reject", append(ether(etherLLDP), make([]byte, 1200)...), 0},
	} {
		if got := kernelRun(t, p, row.data); got != row.want {
			t.Errorf("%s: %d bytes, want %d", row.name, got, row.want)
		}
	}
}
