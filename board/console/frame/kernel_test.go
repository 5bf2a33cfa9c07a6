//go:build linux

package frame

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"network-sniffer/board/testbed"
	"network-sniffer/decode"
	"network-sniffer/rawsock"
	"network-sniffer/rawsock/pcapfilter"
)

const patience = 60 * time.Second

// expressions are what TestMatchAgreesWithTheKernel asks on every link. None reads behind the end of a frame there: the
// kernel would not hand over such a frame at all.
var expressions = []string{
	"ip", "ip6", "arp", "tcp", "udp", "icmp", "icmp6", "not ip", "not tcp", "ip or ip6", "tcp port 443", "udp port 9",
	"dst port 443 or dst port 9", "portrange 9-443", "not port 443", "host 192.0.2.1",
	"src host 2001:db8:0:1::1", "net 198.51.100.0/24", "not host 192.0.2.1",
	"tcp[tcpflags] & tcp-syn != 0", "tcp[tcpflags] = tcp-ack", "ip[6:2] & 0x1fff != 0", "ip6[6] = 58", "icmp[icmptype] = icmp-echo",
	"vlan", "not vlan", "vlan 42", "vlan 5", "vlan 42 and udp", "vlan and udp port 9", "vlan 5 and vlan 42 and udp port 9",
	"udp or vlan 42", "inbound", "outbound", "inbound and udp", "not outbound or tcp", "greater 74", "less 70",
	"len = 60 or len = 46",
	"ether host 06:5e:ff:00:00:01", "ether src 06:5e:00:00:00:03", "ether proto 0x88b5", "ether broadcast", "not ether multicast",
	"llc",
}

// TestMatchAgreesWithTheKernel: for each expression the kernel has its program on a socket of each link type. One more socket
// takes everything: its frames get the same verdicts from Match.
func TestMatchAgreesWithTheKernel(t *testing.T) {
	testbed.NeedRoot(t)
	ns := testbed.NewNamespace(t, "frame")
	testbed.Link(t, ns, "v0", ns, "v1", testbed.Quiet(), testbed.NoOffloads())
	tunnel := newTun(t, ns, "t0")
	frames := wireFrames()
	var packets [][]byte // of the frames that have nothing between link header and IP header
	for _, f := range frames {
		if kind := binary.BigEndian.Uint16(f[12:]); kind == 0x0800 || kind == 0x86dd {
			packets = append(packets, f[14:])
		}
	}
	v0, v1, t0 := newPacketSender(t, ns, "v0"), newPacketSender(t, ns, "v1"), newPacketSender(t, ns, "t0")
	for _, row := range []struct {
		name   string
		link   pcapfilter.LinkType
		device string
		send   [][]byte
		in     func(frame []byte) // sends one that the device receives
		out    func(frame []byte) // sends one through the device
		copies int                // of each that it sees
		less   int                // programs that there cannot be on this link
	}{
		{"Ethernet", pcapfilter.Ethernet, "v1", frames, v0.send, v1.send, 1, 0},
		{"raw", pcapfilter.Raw, "t0", packets, func(p []byte) {
			if _, err := tunnel.Write(p); err != nil {
				t.Fatal(err)
			}
		}, t0.send, 1, 15},
		{"cooked", pcapfilter.LinuxSLL2, rawsock.Any, frames, v0.send, v1.send, 2, 5},
	} {
		t.Run(row.name, func(t *testing.T) {
			judges := newJudges(t, ns, row.device, row.link)
			if refused := len(expressions) - len(judges.with); refused != row.less {
				t.Errorf("%d expressions have no program here, want %d", refused, row.less)
			}
			matched := map[string]int{}
			total := 0
			for i, send := range []func([]byte){row.in, row.out} {
				for n, f := range row.send {
					send(f)
					for range row.copies {
						judges.compare(t, i*len(row.send)+n, matched)
						total++
					}
				}
			}
			telling := 0
			for _, n := range matched {
				if n > 0 && n < total {
					telling++
				}
			}
			if telling < len(judges.with)*3/4 {
				t.Errorf("%d of %d programs tell frames apart: that proves little: %v", telling, len(judges.with), matched)
			}
		})
	}
}

// judges are the sockets on one link.
type judges struct {
	everything *rawsock.Socket
	link       decode.LinkType
	with       map[string]*rawsock.Socket // a program for each expression that has one on this link
	without    map[string]*Filter         // the others
	filters    map[string]*Filter
}

// whole is the snap length of a frame that matches. Of any other the sockets deliver the first byte, so that each socket
// delivers every frame, and nobody has to guess whether one more will come.
const whole, firstByte = 1 << 16, 1

func newJudges(t *testing.T, ns *testbed.Namespace, device string, kind pcapfilter.LinkType) *judges {
	t.Helper()
	j := &judges{
		link: decode.LinkType(kind), filters: map[string]*Filter{},
		with: map[string]*rawsock.Socket{}, without: map[string]*Filter{},
	}
	open := func(program []bpf.Instruction) (s *rawsock.Socket) {
		code, err := bpf.Assemble(program)
		if err != nil {
			t.Fatal(err)
		}
		if err := ns.Do(func() error {
			link, err := rawsock.Lookup(device)
			if err == nil {
				s, err = rawsock.Open(rawsock.Config{Link: link, Filter: code, Mode: rawsock.ModeRead, Promiscuous: true})
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	j.everything = open([]bpf.Instruction{bpf.RetConstant{Val: whole}})
	for _, expr := range expressions {
		f, err := Compile(expr)
		if err != nil {
			t.Fatalf("%s: %v", expr, err)
		}
		program, err := pcapfilter.Compile(expr, pcapfilter.Options{LinkType: kind, Live: true, MustMatch: true, SnapLength: whole})
		if err != nil {
			j.without[expr] = f
			continue
		}
		for i, in := range program {
			if r, ok := in.(bpf.RetConstant); ok && r.Val == 0 {
				program[i] = bpf.RetConstant{Val: firstByte}
			}
		}
		j.filters[expr], j.with[expr] = f, open(program)
	}
	return j
}

// compare takes the next frame from every socket.
func (j *judges) compare(t *testing.T, number int, matched map[string]int) {
	t.Helper()
	got := next(t, j.everything)
	fr := &Frame{
		Meta: decode.Meta{
			Time: got.Time, WireLength: got.WireLength, LinkType: j.link,
			VLANTPID: got.VLANTPID, VLANTCI: got.VLANTCI, Direction: decode.Direction(got.Direction),
		},
		Index: got.Interface,
		Data:  bytes.Clone(got.Data),
	}
	// Such a frame Linux shows to the filters of cooked sockets otherwise than it tells of it: see machine.Metadata. Here
	// the outer one of two tags is always of the type of a provider's.
	const provider = 0x88a8
	odd := j.link == decode.LinkLinuxSLL2 &&
		(fr.Meta.VLANTPID == provider || fr.Meta.VLANTPID != 0 && fr.Meta.Direction == decode.Out)
	for expr, s := range j.with {
		kernel := next(t, s)
		if odd {
			continue
		}
		want := len(kernel.Data) == len(fr.Data)
		if want {
			matched[expr]++
		}
		if j.filters[expr].Match(fr) != want {
			t.Errorf("%s: frame %d matches: %v, the kernel says %v\n%+v\n% x", expr, number, !want, want, fr.Meta, fr.Data)
		}
	}
	for expr, f := range j.without {
		if f.Match(fr) {
			t.Errorf("%s: frame %d matches, and there is no program for this link", expr, number)
		}
	}
}

func next(t *testing.T, s *rawsock.Socket) (f rawsock.Frame) {
	t.Helper()
	for {
		ready, err := s.Wait(time.Now().Add(patience))
		if err != nil || !ready {
			t.Fatalf("a frame is missing: %v", err)
		}
		if s.Next(&f) {
			return f
		}
	}
}

// wireFrames are one of each kind, and some of them in other tags.
func wireFrames() (frames [][]byte) {
	for n, kind := range testbed.AllKinds() {
		frames = append(frames, testbed.BuildFrame(nil, uint32(n), kind, testbed.FrameConfig{}))
	}
	tagged := func(n uint32, kind testbed.Kind, tags ...byte) {
		f := testbed.BuildFrame(nil, n, kind, testbed.FrameConfig{})
		frames = append(frames, append(append(bytes.Clone(f[:12]), tags...), f[12:]...))
	}
	tagged(20, testbed.TCPSYN, 0x81, 0, 0, 5)
	tagged(21, testbed.UDPv6, 0x81, 0, 0x60, 42)
	tagged(22, testbed.VLANUDP, 0x88, 0xa8, 0, 5)
	tagged(23, testbed.UDPv4, 0x88, 0xa8, 0, 42, 0x81, 0, 0, 5)
	tagged(24, testbed.ARPRequest, 0x81, 0, 0, 0)
	return frames
}

// packetSender sends frames through a device as they are.
type packetSender struct {
	t     *testing.T
	fd    int
	index int
}

func newPacketSender(t *testing.T, ns *testbed.Namespace, device string) packetSender {
	t.Helper()
	s := packetSender{t: t, index: ns.Interface(t, device).Index}
	if err := ns.Do(func() (err error) {
		s.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(s.fd) })
	return s
}

func (s packetSender) send(frame []byte) {
	s.t.Helper()
	if err := unix.Sendto(s.fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: s.index}); err != nil {
		s.t.Fatal(err)
	}
}

// newTun makes an interface without link header. What is written to the file is received there.
func newTun(t *testing.T, ns *testbed.Namespace, name string) *os.File {
	t.Helper()
	var file *os.File
	if err := ns.Do(func() error {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		if err != nil {
			return err
		}
		file = os.NewFile(uintptr(fd), name)
		request, err := unix.NewIfreq(name)
		if err != nil {
			return err
		}
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		return unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	ns.Run(t, "ip", "link", "set", name, "addrgenmode", "none")
	ns.Run(t, "ip", "link", "set", name, "up")
	return file
}
