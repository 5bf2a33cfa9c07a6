//go:build linux

package testbed

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// numbers are those at which a clipped field wraps.
var numbers = []uint32{0, 1, 0xff, 0x100, 0xffff, 0x10000, 0xabcdef, NumberLimit - 1}

// lengths are the promises of the kinds' documentation, in bytes.
var lengths = map[Kind]int{
	TCPSYN: 74, TCPData: 566, UDPv4: 74, UDPv6: 94, TCPv6: 138, ICMPEcho: 98, ICMPv6Echo: 118,
	ARPRequest: 60, VLANUDP: 78, Fragment: 134, UnknownType: 60, LLC: 60, TCPLarge: 1400,
}

func TestBuildFrame(t *testing.T) {
	if len(lengths) != len(AllKinds()) {
		t.Fatalf("%d lengths for %d kinds", len(lengths), len(AllKinds()))
	}
	config := FrameConfig{
		DstMAC:  net.HardwareAddr{2, 0, 0, 0, 1, 1},
		SrcIPv4: netip.MustParseAddr("192.168.1.2"), DstIPv4: netip.MustParseAddr("203.0.113.2"),
		SrcIPv6: netip.MustParseAddr("fd00:1::2"), DstIPv6: netip.MustParseAddr("2001:db8:2::2"),
	}
	// Storage full of another frame's bytes: nothing of them may shine through.
	dirty := bytes.Repeat([]byte{0xee}, MaxFrame)
	for _, kind := range AllKinds() {
		t.Run(kind.String(), func(t *testing.T) {
			for _, n := range numbers {
				frame := BuildFrame(nil, n, kind, config)
				if len(frame) != lengths[kind] {
					t.Fatalf("frame %d has %d bytes, want %d", n, len(frame), lengths[kind])
				}
				if got, ok := FrameNumber(frame); got != n || !ok {
					t.Fatalf("frame %d says it is %d, %v", n, got, ok)
				}
				if again := BuildFrame(bytes.Clone(dirty)[:7], n, kind, config); !bytes.Equal(again, frame) {
					t.Fatalf("frame %d depends on what was in its storage:\n%x\n%x", n, again, frame)
				}
				destination := config.DstMAC
				if kind == ARPRequest {
					destination = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
				}
				if !bytes.Equal(frame[:6], destination) {
					t.Errorf("frame %d goes to %x, want %x", n, frame[:6], destination)
				}
				checkAddresses(t, frame, config)
			}
		})
	}
}

func checkAddresses(t *testing.T, frame []byte, config FrameConfig) {
	t.Helper()
	contains := func(at int, want netip.Addr) {
		if !bytes.Equal(frame[at:at+len(want.AsSlice())], want.AsSlice()) {
			t.Errorf("bytes at %d are %x, want %v", at, frame[at:at+len(want.AsSlice())], want)
		}
	}
	switch binary.BigEndian.Uint16(frame[12:]) {
	case etherTypeIPv4:
		contains(26, config.SrcIPv4)
		contains(30, config.DstIPv4)
	case etherTypeVLAN:
		contains(30, config.SrcIPv4)
		contains(34, config.DstIPv4)
	case etherTypeARP:
		contains(28, config.SrcIPv4)
		contains(38, config.DstIPv4)
	case etherTypeIPv6:
		contains(22, config.SrcIPv6)
		contains(38, config.DstIPv6)
	}
}

func TestFrameNumberOfOtherFrames(t *testing.T) {
	for _, frame := range [][]byte{nil, make([]byte, 11), make([]byte, 60), BuildFrame(nil, 1, UDPv4, FrameConfig{})[:11]} {
		if n, ok := FrameNumber(frame); ok {
			t.Errorf("frame %x has number %d", frame, n)
		}
	}
}

// TestFramesAgainstTshark has another decoder check all checksums and say what each frame is.
func TestFramesAgainstTshark(t *testing.T) {
	tshark := NeedTool(t, "tshark")
	var file bytes.Buffer
	binary.Write(&file, binary.LittleEndian, struct {
		Magic         uint32
		Major, Minor  uint16
		Zone, Figures uint32
		Snap, Link    uint32
	}{0xa1b2c3d4, 2, 4, 0, 0, 65535, 1})
	var want []string
	// What follows the transport is the guess of a dissector that knows the port or the conversation.
	protocols := map[Kind]string{
		TCPSYN: "eth:ethertype:ip:tcp", TCPData: "eth:ethertype:ip:tcp", UDPv4: "eth:ethertype:ip:udp",
		UDPv6: "eth:ethertype:ipv6:udp", TCPv6: "eth:ethertype:ipv6:tcp", ICMPEcho: "eth:ethertype:ip:icmp",
		ICMPv6Echo: "eth:ethertype:ipv6:icmpv6", ARPRequest: "eth:ethertype:arp",
		VLANUDP: "eth:ethertype:vlan:ethertype:ip:udp", Fragment: "eth:ethertype:ip:data",
		UnknownType: "eth:ethertype:data", LLC: "eth:llc", TCPLarge: "eth:ethertype:ip:tcp",
	}
	for _, n := range numbers {
		for _, kind := range AllKinds() {
			frame := BuildFrame(nil, n, kind, FrameConfig{})
			size := uint32(len(frame))
			binary.Write(&file, binary.LittleEndian, [4]uint32{0, 0, size, size})
			file.Write(frame)
			want = append(want, protocols[kind])
		}
	}
	path := filepath.Join(t.TempDir(), "frames.pcap")
	if err := os.WriteFile(path, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(tshark, "-n", "-r", path, "-T", "fields", "-e", "frame.protocols",
		"-e", "ip.checksum.status", "-e", "tcp.checksum.status", "-e", "udp.checksum.status",
		"-e", "icmp.checksum.status", "-e", "icmpv6.checksum.status", "-e", "_ws.malformed",
		"-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
		"-o", "ip.defragment:FALSE", "--disable-protocol", "tls", "--disable-protocol", "discard", "--disable-heuristic", "tls_tcp")
	output, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(string(output), "\n"), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%d lines for %d frames", len(lines), len(want))
	}
	for i, line := range lines {
		kind, n := AllKinds()[i%len(AllKinds())], numbers[i/len(AllKinds())]
		protocols, checks, _ := strings.Cut(line, "\t")
		if !strings.HasPrefix(protocols, want[i]) {
			t.Errorf("%v %d: protocols %q, want %q", kind, n, protocols, want[i])
		}
		if strings.Contains(checks, "0") {
			t.Errorf("%v %d: a checksum is wrong: %q", kind, n, checks)
		}
		if strings.Contains(checks, "alformed") && kind != LLC { // whose payload is no spanning tree message
			t.Errorf("%v %d: malformed", kind, n)
		}
		// One sum for each header that has one.
		sums := map[Kind]int{ARPRequest: 0, UnknownType: 0, LLC: 0, Fragment: 1, UDPv6: 1, TCPv6: 1, ICMPv6Echo: 1}
		wantSums, listed := sums[kind]
		if !listed {
			wantSums = 2
		}
		if got := strings.Count(checks, "1"); got != wantSums {
			t.Errorf("%v %d: %d checksums are right, want %d: %q", kind, n, got, wantSums, checks)
		}
	}
}

func TestBuildFrameAllocates(t *testing.T) {
	storage := make([]byte, 0, MaxFrame)
	config := FrameConfig{}.withDefaults()
	n := uint32(0)
	if allocations := testing.AllocsPerRun(1000, func() {
		storage = BuildFrame(storage[:0], n, Kind(n%kinds), config)[:0]
		n++
	}); allocations != 0 {
		t.Errorf("%v allocations per frame", allocations)
	}
}

func BenchmarkBuildFrame(b *testing.B) {
	storage := make([]byte, 0, MaxFrame)
	for _, kind := range AllKinds() {
		b.Run(kind.String(), func(b *testing.B) {
			b.ReportAllocs()
			for n := uint32(0); b.Loop(); n++ {
				BuildFrame(storage, n%NumberLimit, kind, FrameConfig{})
			}
		})
	}
}
