package rawsock

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"golang.org/x/net/bpf"

	"network-sniffer/board/testbed"
)

// segmentFrame builds a frame that holds a TCP segment (or another protocol) of the two endpoints.
func segmentFrame(link []byte, src, dst netip.AddrPort, protocol byte) []byte {
	f := append([]byte(nil), link...)
	if src.Addr().Is4() {
		ip := make([]byte, 20)
		ip[0], ip[9] = 0x45, protocol
		binary.BigEndian.PutUint16(ip[2:], 40)
		copy(ip[12:], src.Addr().AsSlice())
		copy(ip[16:], dst.Addr().AsSlice())
		f = append(f, ip...)
	} else {
		ip := make([]byte, 40)
		ip[0], ip[6] = 0x60, protocol
		copy(ip[8:], src.Addr().AsSlice())
		copy(ip[24:], dst.Addr().AsSlice())
		f = append(f, ip...)
	}
	tcp := make([]byte, 20)
	binary.BigEndian.PutUint16(tcp, src.Port())
	binary.BigEndian.PutUint16(tcp[2:], dst.Port())
	return append(f, tcp...)
}

func ether(types ...uint16) []byte {
	f := make([]byte, 12)
	for i, t := range types {
		f = binary.BigEndian.AppendUint16(f, t)
		if i < len(types)-1 {
			f = append(f, 0, 7)
		}
	}
	return f
}

func pppoe(protocol uint16, tags ...uint16) []byte {
	f := ether(append(tags, etherPPPoE)...)
	f = append(f, 0x11, 0, 0, 1, 0, 42)
	return binary.BigEndian.AppendUint16(f, protocol)
}

func TestExclude(t *testing.T) {
	ap := netip.MustParseAddrPort
	own := Own{
		Connections: []Connection{
			{Local: ap("192.168.1.1:40000"), Remote: ap("203.0.113.5:5432")},
			{Local: ap("[2001:db8::1]:40001"), Remote: ap("[2001:db8::5]:5432")},
		},
		Listeners: []netip.AddrPort{ap("192.168.1.1:8000"), ap("[fd00::1]:8000")},
	}
	db4, db4r := ap("192.168.1.1:40000"), ap("203.0.113.5:5432")
	db6, db6r := ap("[2001:db8::1]:40001"), ap("[2001:db8::5]:5432")
	client4, client6 := ap("192.168.1.20:51000"), ap("[fd00::20]:51000")
	con4, con6 := ap("192.168.1.1:8000"), ap("[fd00::1]:8000")
	fragment := segmentFrame(ether(etherIPv4), db4, db4r, 6)
	fragment[14+7] = 1
	options := segmentFrame(ether(etherIPv4), db4, db4r, 6)
	options[14] = 0x46

	rows := []struct {
		name string
		link LinkType
		data []byte
		pass bool
	}{
		{"database, out", LinkEthernet, segmentFrame(ether(etherIPv4), db4, db4r, 6), false},
		{"database, in", LinkEthernet, segmentFrame(ether(etherIPv4), db4r, db4, 6), false},
		{"database v6, out", LinkEthernet, segmentFrame(ether(etherIPv6), db6, db6r, 6), false},
		{"database v6, in", LinkEthernet, segmentFrame(ether(etherIPv6), db6r, db6, 6), false},
		{"database, one VLAN tag", LinkEthernet, segmentFrame(ether(etherVLAN, etherIPv4), db4, db4r, 6), false},
		{"database, two VLAN tags", LinkEthernet, segmentFrame(ether(etherQinQ, etherVLAN, etherIPv4), db4, db4r, 6), false},
		{"database v6, old QinQ", LinkEthernet, segmentFrame(ether(etherOldQ, etherVLAN, etherIPv6), db6, db6r, 6), false},
		{"database, PPPoE", LinkEthernet, segmentFrame(pppoe(pppIPv4), db4, db4r, 6), false},
		{"database v6, PPPoE", LinkEthernet, segmentFrame(pppoe(pppIPv6), db6, db6r, 6), false},
		{"database, VLAN and PPPoE", LinkEthernet, segmentFrame(pppoe(pppIPv4, etherVLAN), db4, db4r, 6), false},
		{"database, two tags and PPPoE", LinkEthernet, segmentFrame(pppoe(pppIPv4, etherVLAN, etherVLAN), db4, db4r, 6), false},
		{"database, raw", LinkRaw, segmentFrame(nil, db4, db4r, 6), false},
		{"database v6, raw", LinkRaw, segmentFrame(nil, db6r, db6, 6), false},
		{"console, in", LinkEthernet, segmentFrame(ether(etherIPv4), client4, con4, 6), false},
		{"console, out", LinkEthernet, segmentFrame(ether(etherIPv4), con4, client4, 6), false},
		{"console v6, in", LinkEthernet, segmentFrame(ether(etherIPv6), client6, con6, 6), false},
		{"console v6, out", LinkEthernet, segmentFrame(ether(etherIPv6), con6, client6, 6), false},

		{"another connection to the database", LinkEthernet, segmentFrame(ether(etherIPv4), ap("192.168.1.1:40009"), db4r, 6), true},
		{"a LAN host to the database, same port", LinkEthernet, segmentFrame(ether(etherIPv4), ap("192.168.1.20:40000"), db4r, 6), true},
		{"same ports, other server", LinkEthernet, segmentFrame(ether(etherIPv4), db4, ap("203.0.113.6:5432"), 6), true},
		{"port 8000 elsewhere", LinkEthernet, segmentFrame(ether(etherIPv4), client4, ap("198.51.100.7:8000"), 6), true},
		{"from port 8000 of a client", LinkEthernet, segmentFrame(ether(etherIPv4), ap("192.168.1.20:8000"), ap("192.168.1.1:22"), 6), true},
		{"UDP on the console's port", LinkEthernet, segmentFrame(ether(etherIPv4), client4, con4, 17), true},
		{"v6, last word differs", LinkEthernet, segmentFrame(ether(etherIPv6), ap("[2001:db8::2]:40001"), db6r, 6), true},
		{"v6, first word differs", LinkEthernet, segmentFrame(ether(etherIPv6), ap("[2001:db9::1]:40001"), db6r, 6), true},
		{"fragment", LinkEthernet, fragment, true},
		{"IP options", LinkEthernet, options, true},
		{"ARP", LinkEthernet, append(ether(0x0806), make([]byte, 28)...), true},
		{"three tags", LinkEthernet, segmentFrame(ether(etherVLAN, etherVLAN, etherVLAN, etherIPv4), db4, db4r, 6), true},
		{"PPP LCP", LinkEthernet, append(pppoe(0xc021), make([]byte, 40)...), true},
		{"raw, neither version", LinkRaw, append([]byte{0x70}, make([]byte, 60)...), true},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			verdicts(t, row.link, own, row.data, row.pass)
		})
	}
	// A load behind the end of a frame rejects it, so every length of every frame is a case: an own segment
	// is recognized only once its ports are there.
	for _, row := range rows {
		t.Run("cut "+row.name, func(t *testing.T) {
			vm := vmOf(t, row.link, own)
			for n := 1; n < len(row.data)-16; n++ {
				if verdict(t, vm, row.data[:n]) == 0 {
					t.Fatalf("the first %d bytes were rejected", n)
				}
			}
		})
	}
}

func TestExcludeNothing(t *testing.T) {
	then := []bpf.Instruction{bpf.RetConstant{Val: 128}}
	p, err := Program(LinkEthernet, Parts{}, then)
	if err != nil || len(p) != 1 {
		t.Fatalf("no endpoints: %v, %v; want the program as it was", p, err)
	}
	if _, err := Program(LinkType(9), Parts{Own: Own{Listeners: make([]netip.AddrPort, 1)}}, then); err == nil {
		t.Error("link type 9 was accepted")
	}
	if _, err := Program(LinkEthernet, Parts{Own: Own{Listeners: make([]netip.AddrPort, maxOwn+1)}}, then); err == nil {
		t.Error("more than maxOwn endpoints were accepted")
	}
}

// TestExcludeFits: the largest set of endpoints leaves half of the kernel's instructions to the user.
func TestExcludeFits(t *testing.T) {
	own := Own{}
	for range maxOwn {
		a := netip.MustParseAddrPort("[2001:db8::1]:8000")
		own.Connections = append(own.Connections, Connection{a, a})
	}
	p, err := Program(LinkEthernet, Parts{Own: own}, []bpf.Instruction{bpf.RetConstant{Val: 1}})
	if err != nil || len(p) > MaxInstructions/2 {
		t.Fatalf("%d instructions, %v; want at most %d", len(p), err, MaxInstructions/2)
	}
}

func vmOf(t *testing.T, link LinkType, own Own) *bpf.VM {
	t.Helper()
	p, err := Program(link, Parts{Own: own}, []bpf.Instruction{bpf.RetConstant{Val: 256}})
	if err != nil {
		t.Fatal(err)
	}
	vm, err := bpf.NewVM(p)
	if err != nil {
		t.Fatal(err)
	}
	return vm
}

func verdict(t *testing.T, vm *bpf.VM, data []byte) int {
	t.Helper()
	n, err := vm.Run(data)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// verdicts asks both the VM and the kernel.
func verdicts(t *testing.T, link LinkType, own Own, data []byte, pass bool) {
	t.Helper()
	if got := verdict(t, vmOf(t, link, own), data) > 0; got != pass {
		t.Errorf("VM: passed %v, want %v", got, pass)
	}
	if got := kernelPasses(t, link, own, data); got != pass {
		t.Errorf("kernel: passed %v, want %v", got, pass)
	}
}

// kernelPasses runs the program in the kernel.
func kernelPasses(t *testing.T, link LinkType, own Own, data []byte) bool {
	t.Helper()
	p, err := Program(link, Parts{Own: own}, []bpf.Instruction{bpf.RetConstant{Val: 1 << 16}})
	if err != nil {
		t.Fatal(err)
	}
	return kernelRun(t, p, data) == len(data)
}

// kernelRun returns how many bytes of data the kernel accepts with this program.
func kernelRun(t *testing.T, p []bpf.Instruction, data []byte) int {
	t.Helper()
	return kernelFilter(t, p)(data)
}

// kernelFilter gives a program to the kernel and returns how many bytes it accepts.
func kernelFilter(t testing.TB, p []bpf.Instruction) func(data []byte) int {
	t.Helper()
	raw, err := bpf.Assemble(p)
	if err != nil {
		t.Fatal(err)
	}
	run, stop := testbed.KernelFilter(t, raw)
	t.Cleanup(stop)
	return run
}
