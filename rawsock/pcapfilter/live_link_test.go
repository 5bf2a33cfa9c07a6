//go:build linux

package pcapfilter

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"network-sniffer/board/testbed"
)

// cookedMetadata is what the kernel knows of a frame that a savefile shows behind a cooked header of version 2.
func cookedMetadata(frame []byte) metadata {
	return metadata{
		protocol: binary.BigEndian.Uint16(frame),
		index:    binary.BigEndian.Uint32(frame[4:]),
		outgoing: frame[10] == packetOutgoing,
	}
}

// A program for a socket that has taken the header away says what the program for files says of the same frame behind
// a cooked header.
func TestLiveCookedAgreesWithTheFile(t *testing.T) {
	frames := makeLinkFrames(LinuxSLL2, 3000)
	compared, telling := 0, 0
	for _, expr := range everywhere {
		file, err := Compile(expr, Options{LinkType: LinuxSLL2})
		if err != nil || readsHeader(expr) && expr != "ifindex 2" && expr != "ifindex 2 and tcp" {
			continue
		}
		for _, link := range []LinkType{LinuxSLL, LinuxSLL2} {
			live, err := Compile(expr, Options{LinkType: link, Live: true})
			if err != nil {
				t.Error(err)
				continue
			}
			compared++
			rawFile, rawLive := raw(t, file), raw(t, live)
			matched := 0
			for i, frame := range frames {
				if len(frame) < 20 {
					continue
				}
				got, want := interpret(t, rawLive, frame[20:], cookedMetadata(frame)), interpret(t, rawFile, frame, metadata{})
				if got != want {
					t.Errorf("%s: frame %d, % x: got %d, want %d\n%s", expr, i, frame, got, want, FormatD(live))
					break
				}
				if got != 0 {
					matched++
				}
			}
			if matched > 0 && matched < len(frames) {
				telling++
			}
		}
	}
	if compared < 200 || telling < compared*2/3 {
		t.Errorf("%d programs were compared, %d of them tell frames apart: that proves little", compared, telling)
	}
}

// Words that move headers leave paths on which a place was never found; the kernel attaches no program that may read it
// there.
func TestKernelTakesEveryLinkLayer(t *testing.T) {
	k := newKernelRunner(t)
	attached := 0
	for _, row := range linkTypeNames {
		for _, live := range []bool{false, true} {
			for _, expr := range everywhere {
				for _, whole := range []string{expr, "not (" + expr + ") and pppoes and udp", "vxlan or " + expr} {
					prog, err := Compile(whole, Options{LinkType: row.link, Live: live})
					if err != nil {
						continue
					}
					attached++
					if err := k.attach(raw(t, prog)); err != nil {
						t.Errorf("%s, live %v: %s: the kernel refuses the program: %v", row.name, live, whole, err)
					}
				}
			}
		}
	}
	if attached < 4000 {
		t.Errorf("only %d programs were attached", attached)
	}
}

func TestLiveCookedRefuses(t *testing.T) {
	for _, expr := range []string{
		"ether host 02:00:00:00:00:01", "broadcast", "ether multicast", "ether[0] = 1", "tcp and link[len - 1] = 0",
		"llc", "mpls", "vlan and vlan and ether[0] = 1", "vlan and vlan and ether src 02:00:00:00:00:01",
	} {
		for _, link := range []LinkType{LinuxSLL, LinuxSLL2} {
			if _, err := Compile(expr, Options{LinkType: link, Live: true}); err == nil {
				t.Errorf("link type %d: %s is taken", link, expr)
			}
		}
	}
}

// endOfFrames is the EtherType of the frame that ends each round of the test below (IEEE 802, local experiments).
const endOfFrames = 0x88b5

// The kernel shows a frame otherwise than the wire does: without its outer tag, and to a datagram socket without the
// link-layer header. Programs for either socket must pick the frames that the program for files picks: from the wire
// where they ask for a tag, and otherwise from what is left without it.
func TestLiveOnSockets(t *testing.T) {
	testbed.NeedRoot(t)
	ns := testbed.NewNamespace(t, "sockets")
	testbed.Link(t, ns, "v0", ns, "v1", testbed.Quiet())
	sender := packetSocket(t, ns, unix.SOCK_RAW, "v0")
	wire := wireFrames()
	for _, row := range []struct {
		link   LinkType
		socket int
	}{{Ethernet, unix.SOCK_RAW}, {LinuxSLL, unix.SOCK_DGRAM}, {LinuxSLL2, unix.SOCK_DGRAM}} {
		receiver := packetSocket(t, ns, row.socket, "v1")
		for _, expr := range []string{
			"ip", "ip6", "arp", "not ip", "udp port 4242", "udp port 4243", "host 10.1.2.3", "vlan", "vlan 5",
			"vlan 5 and udp port 4242", "vlan 100 and vlan 5 and ip", "vlan and vlan", "vlan and vlan and vlan",
			"vlan 7 and vlan and vlan 5 and ip", "not vlan", "pppoes", "pppoes 3 and udp port 4242", "pppoes 4",
			"stp", "iso", "geneve", "geneve 7 and udp port 4242", "vxlan 7 and vlan 5 and udp port 4242",
			"vxlan and ether src 02:00:00:00:00:02", "ip proto 17 and ip[8] = 64", "udp[2:2] = 4242", "isis",
		} {
			file, err := Compile(expr, Options{LinkType: Ethernet})
			if err != nil {
				t.Fatal(err)
			}
			var want []byte
			run := runner(t, raw(t, file))
			for _, frame := range wire {
				asShown := frame
				if !strings.Contains(expr, "vlan") {
					asShown, _ = received(frame)
				}
				if run(asShown) != 0 {
					want = append(want, frame[len(frame)-1])
				}
			}
			whole := fmt.Sprintf("ether proto %#x or (inbound and (%s))", endOfFrames, expr)
			live, err := Compile(whole, Options{LinkType: row.link, Live: true})
			if err != nil {
				t.Errorf("%s: %v", expr, err)
				continue
			}
			if got := pass(t, sender, receiver, live, wire); !bytes.Equal(got, want) {
				t.Errorf("link type %d, %s: the frames %v pass, want %v\n%s", row.link, expr, got, want, FormatD(live))
			}
		}
	}
}

// wireFrames are frames as they are on the wire; the last byte numbers them.
func wireFrames() [][]byte {
	address := []byte{0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2}
	ethernet := func(etherType uint16, body ...byte) []byte {
		return append(binary.BigEndian.AppendUint16(bytes.Clone(address), etherType), body...)
	}
	udp := func(port uint16, body ...byte) []byte {
		b := []byte{0x45, 0, 0, byte(28 + len(body)), 0, 0, 0, 0, 64, protoUDP, 0, 0, 10, 1, 2, 3, 192, 0, 2, 1, 0x30, 0x39}
		return append(append(binary.BigEndian.AppendUint16(b, port), 0, byte(8+len(body)), 0, 0), body...)
	}
	tagged := func(id byte, etherType uint16, body ...byte) []byte {
		return append(binary.BigEndian.AppendUint16([]byte{0, id}, etherType), body...)
	}
	plain := udp(4242)
	inVLAN := ethernet(etherVLAN, tagged(5, etherIP, plain...)...)
	frames := [][]byte{
		ethernet(etherIP, plain...),
		ethernet(etherIP, udp(4243)...),
		bytes.Clone(inVLAN),
		ethernet(etherQinQ, tagged(100, etherVLAN, tagged(5, etherIP, plain...)...)...),
		ethernet(etherVLAN, tagged(7, etherVLAN, tagged(100, etherVLAN, tagged(5, etherIP, plain...)...)...)...),
		ethernet(etherPPPoES, append([]byte{0x11, 0, 0, 3, 0, byte(2 + len(plain)), 0, 0x21}, plain...)...),
		ethernet(38, append([]byte{sapSTP, sapSTP, 3}, make([]byte, 35)...)...),
		ethernet(38, append([]byte{sapISO, sapISO, 3, nlpidISIS}, make([]byte, 34)...)...),
		ethernet(etherIP, udp(genevePort, append([]byte{1, 0, 0x08, 0x00, 0, 0, 7, 0, 9, 9, 9, 9}, plain...)...)...),
		ethernet(etherIP, udp(vxlanPort, append([]byte{8, 0, 0, 0, 0, 0, 7, 0}, inVLAN...)...)...),
		ethernet(etherIPv6, append([]byte{0x60, 0, 0, 0, 0, 0, 59, 64}, make([]byte, 32)...)...),
	}
	for i := range frames {
		frames[i] = append(frames[i], byte(i+1))
	}
	return frames
}

func packetSocket(t *testing.T, ns *testbed.Namespace, kind int, name string) int {
	t.Helper()
	index := ns.Interface(t, name).Index
	fd := -1
	if err := ns.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_PACKET, kind|unix.SOCK_CLOEXEC, 0)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 5}); err != nil {
		t.Fatal(err)
	}
	all := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL))
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: index}); err != nil {
		t.Fatal(err)
	}
	return fd
}

// pass sends frames past a program and returns the last bytes of those that pass.
func pass(t *testing.T, sender, receiver int, prog []bpf.Instruction, frames [][]byte) []byte {
	t.Helper()
	machine := raw(t, prog)
	filter := make([]unix.SockFilter, len(machine))
	for i, ins := range machine {
		filter[i] = unix.SockFilter{Code: ins.Op, Jt: ins.Jt, Jf: ins.Jf, K: ins.K}
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: unsafe.SliceData(filter)}
	if err := unix.SetsockoptSockFprog(receiver, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program); err != nil {
		t.Fatalf("the kernel refuses the program: %v\n%s", err, FormatD(prog))
	}
	end := append(binary.BigEndian.AppendUint16(make([]byte, 12), endOfFrames), make([]byte, 46)...)
	for _, frame := range append(frames[:len(frames):len(frames)], end) {
		if _, err := unix.Write(sender, frame); err != nil {
			t.Fatal(err)
		}
	}
	var passed []byte
	var buf [2048]byte
	for {
		n, _, err := unix.Recvfrom(receiver, buf[:], 0)
		if err != nil {
			t.Fatalf("the last frame does not come: %v", err)
		}
		if buf[n-1] == 0 {
			return passed
		}
		passed = append(passed, buf[n-1])
	}
}
