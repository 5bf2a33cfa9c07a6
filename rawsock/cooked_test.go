package rawsock_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"network-sniffer/board/testbed"
	"network-sniffer/rawsock"
	"network-sniffer/rawsock/savefile"
)

// tun is an interface whose other end is a file, of any hardware type: what is written there is received.
type tun struct{ file *os.File }

func newTun(t *testing.T, ns *testbed.Namespace, name string, hardware int) tun {
	t.Helper()
	var fd int
	err := ns.Do(func() (err error) {
		if fd, err = unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0); err != nil {
			return err
		}
		request, err := unix.NewIfreq(name)
		if err != nil {
			return err
		}
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
			return err
		}
		return unix.IoctlSetInt(fd, unix.TUNSETLINK, hardware)
	})
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), name)
	t.Cleanup(func() { file.Close() })
	ns.Run(t, "ip", "link", "set", name, "addrgenmode", "none")
	ns.Run(t, "ip", "link", "set", name, "up")
	return tun{file}
}

func (d tun) receive(t *testing.T, packet []byte) {
	t.Helper()
	if _, err := d.file.Write(packet); err != nil {
		t.Fatal(err)
	}
}

// TestLinkTypes: what an interface's frames begin with follows from its hardware type, and is there.
func TestLinkTypes(t *testing.T) {
	testbed.NeedRoot(t)
	ns := testbed.NewNamespace(t, "types")
	packet := testbed.BuildFrame(nil, 1, testbed.UDPv4, testbed.FrameConfig{})[14:]
	packet6 := testbed.BuildFrame(nil, 2, testbed.UDPv6, testbed.FrameConfig{})[14:]
	for i, row := range []struct {
		name     string
		hardware uint16
		want     rawsock.LinkType
	}{
		{"tun", unix.ARPHRD_NONE, rawsock.LinkRaw},
		{"PPP", unix.ARPHRD_PPP, rawsock.LinkRaw},
		{"raw IP", unix.ARPHRD_RAWIP, rawsock.LinkRaw},
		{"SIT", unix.ARPHRD_SIT, rawsock.LinkRaw},
		{"GRE", unix.ARPHRD_IPGRE, rawsock.LinkRaw},
		{"GRE in IPv6", unix.ARPHRD_IP6GRE, rawsock.LinkRaw},
		{"tunnel", unix.ARPHRD_TUNNEL, rawsock.LinkRaw},
		{"tunnel in IPv6", unix.ARPHRD_TUNNEL6, rawsock.LinkRaw},
		{"InfiniBand", unix.ARPHRD_INFINIBAND, rawsock.LinkCooked},
		{"CAN", unix.ARPHRD_CAN, rawsock.LinkCooked},
	} {
		t.Run(row.name, func(t *testing.T) {
			inEachMode(t, func(t *testing.T, mode rawsock.Mode) {
				name := fmt.Sprintf("t%d%v", i, mode)
				device := newTun(t, ns, name, int(row.hardware))
				link := lookup(t, ns, name)
				if link.Type != row.want {
					t.Fatalf("link type %d, want %d", link.Type, row.want)
				}
				s := open(t, ns, rawsock.Config{Link: link, Mode: mode, Filter: accept(t, 1<<16), Promiscuous: true})
				device.receive(t, packet)
				device.receive(t, packet6)
				wants := [][]byte{packet, packet6}
				collect(t, s, 2, func(f *rawsock.Frame) {
					want := slices.Clone(wants[0])
					if row.want == rawsock.LinkCooked {
						header := make([]byte, 20)
						binary.BigEndian.PutUint16(header, map[byte]uint16{4: 0x0800, 6: 0x86dd}[want[0]>>4])
						binary.BigEndian.PutUint32(header[4:], uint32(link.Index))
						binary.BigEndian.PutUint16(header[8:], row.hardware)
						want = append(header, want...)
					}
					if string(f.Data) != string(want) || int(f.WireLength) != len(want) || int(f.Interface) != link.Index || f.Direction != 0 {
						t.Errorf("% x\nwant\n% x; wire length %d, interface %d, direction %d",
							f.Data, want, f.WireLength, f.Interface, f.Direction)
					}
					wants = wants[1:]
				})
			})
		})
	}
}

// TestAny: what crosses any interface, also one that is made later, comes once, as `tcpdump -i any` records it.
func TestAny(t *testing.T) {
	testbed.NeedTool(t, "tcpdump")
	inEachMode(t, func(t *testing.T, mode rawsock.Mode) {
		c := newCable(t)
		second := testbed.NewNamespace(t, "second")
		testbed.Link(t, second, "eth0", c.near, "eth1", testbed.Quiet(), testbed.NoOffloads())
		link := lookup(t, c.near, rawsock.Any)
		if (link != rawsock.Link{Name: rawsock.Any, Type: rawsock.LinkCooked, Up: true}) {
			t.Errorf("%+v", link)
		}
		s := open(t, c.near, rawsock.Config{Link: link, Mode: mode, Filter: accept(t, 1<<18), Promiscuous: true,
			ReceiveBuffer: 64 << 20})
		path := filepath.Join(t.TempDir(), "any.pcap")
		tcpdump := c.near.Start(t, "tcpdump", "-i", "any", "-y", "LINUX_SLL2", "-U", "-n", "-s", "0", "-w", path)
		tcpdump.WaitOutput(t, "listening on", patience)

		const count = 130
		c.send(t, 0, count)
		fromSecond, own := testbed.NewSender(t, second, "eth0"), testbed.NewSender(t, c.near, "eth0")
		for i, sender := range []*testbed.Sender{fromSecond, own} {
			config := testbed.SendConfig{First: uint32(1+i) * count, Count: count}
			if _, err := sender.SendNumbered(context.Background(), config); err != nil {
				t.Fatal(err)
			}
		}
		const datagrams = 10
		for _, address := range []string{"127.0.0.1:9", "[::1]:9"} {
			conn, err := c.near.Dial("udp", address)
			if err != nil {
				t.Fatal(err)
			}
			for range datagrams {
				conn.Write([]byte("over the loopback interface")) // what is refused comes back as ICMP: that is recorded too
			}
			conn.Close()
		}
		late := newTun(t, c.near, "late0", unix.ARPHRD_NONE)
		late.receive(t, testbed.BuildFrame(nil, 3*count, testbed.UDPv4, testbed.FrameConfig{})[14:])

		var got []string
		loopback, interfaces := 0, map[int32]int{}
		// The frame of the last interface comes last.
		for last := int32(lookup(t, c.near, "late0").Index); interfaces[last] == 0; {
			collect(t, s, 1, func(f *rawsock.Frame) {
				got = append(got, sll2(f))
				interfaces[f.Interface]++
				if f.Interface == 1 {
					if loopback++; f.Direction == 4 {
						t.Error("the copy on its way out of the loopback interface was recorded")
					}
				}
			})
		}
		if loopback < 2*datagrams || interfaces[int32(lookup(t, c.near, "eth0").Index)] != 2*count ||
			interfaces[int32(lookup(t, c.near, "eth1").Index)] != count {
			t.Errorf("frames by interface: %v", interfaces)
		}
		var want []string
		testbed.Eventually(t, patience, "tcpdump to write all frames", func() (bool, string) {
			want = readCooked(t, path)
			return len(want) >= len(got), fmt.Sprintf("%d of %d", len(want), len(got))
		})
		tcpdump.Stop(t, syscall.SIGTERM)
		want = readCooked(t, path)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%d frames, tcpdump has %d", len(got), len(want))
			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					t.Fatalf("frame %d\n%s\ntcpdump:\n%s", i, got[i], want[i])
				}
			}
		}
	})
}

// sll2 is what two recordings of one frame have in common.
func sll2(f *rawsock.Frame) string {
	return fmt.Sprintf("%d bytes, captured %x", f.WireLength, f.Data)
}

func readCooked(t *testing.T, path string) (frames []string) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader, err := savefile.NewReader(file)
	if err != nil {
		return nil // tcpdump is still writing the header
	}
	var f savefile.Frame
	for reader.Next(&f) == nil {
		frames = append(frames, sll2(&rawsock.Frame{Data: f.Data, WireLength: f.WireLength}))
	}
	return frames
}

// TestLoopback: what crosses the loopback interface comes once, from a group too.
func TestLoopback(t *testing.T) {
	testbed.NeedRoot(t)
	inEachMode(t, func(t *testing.T, mode rawsock.Mode) {
		ns := testbed.NewNamespace(t, "loop")
		listener, err := ns.ListenPacket("udp", "127.0.0.1:9000")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		config := rawsock.Config{Link: lookup(t, ns, "lo"), Mode: mode, Filter: accept(t, 128)}
		for _, members := range []int{1, 2} {
			var group []*rawsock.Socket
			if err := ns.Do(func() (err error) {
				group, err = rawsock.OpenGroup(config, members)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			const count = 40
			for i := range count {
				conn, err := ns.Dial("udp", "127.0.0.1:9000")
				if err != nil {
					t.Fatal(err)
				}
				if _, err := conn.Write([]byte{byte(i)}); err != nil {
					t.Fatal(err)
				}
				conn.Close()
			}
			seen := make([]atomic.Int32, count)
			drainAll(t, group, func(i int, f *rawsock.Frame) {
				if f.Direction == 4 || len(f.Data) != 14+20+8+1 {
					t.Errorf("direction %d, % x", f.Direction, f.Data)
				}
				seen[f.Data[len(f.Data)-1]].Add(1)
			})
			for i := range seen {
				if n := seen[i].Load(); n != 1 {
					t.Errorf("%d members: datagram %d was seen %d times", members, i, n)
				}
			}
			for _, s := range group {
				s.Close()
			}
		}
	})
}
