//go:build linux

package testbed

import (
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openReader opens a plain AF_PACKET socket that hears all interfaces of a namespace, those to come too.
func openReader(t *testing.T, ns *Namespace) int {
	t.Helper()
	fd := -1
	err := ns.Do(func() (err error) {
		const allProtocols = unix.ETH_P_ALL<<8 | unix.ETH_P_ALL>>8
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, allProtocols)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// TestQuiet proves its silence against a link that is not quiet.
func TestQuiet(t *testing.T) {
	// Each multicast report is sent within a second of its cause (RFC 3810, section 9.11) and repeated once,
	// router solicitations within a second of the link coming up (RFC 4861, section 6.3.7).
	const longEnough = 2500 * time.Millisecond
	cases := []struct {
		name    string
		options []LinkOption
		frames  bool
	}{
		{"ordinary", nil, true},
		{"quiet", []LinkOption{Quiet()}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, b := NewNamespace(t, "a"), NewNamespace(t, "b")
			b.Sysctl(t, "net/ipv6/conf/default/forwarding", "1")
			reader := openReader(t, a)
			Link(t, a, "eth0", b, "eth0", c.options...)
			for _, end := range []struct {
				ns     *Namespace
				prefix string
			}{{a, "192.168.1.1/24"}, {a, "fd00::1/64"}, {b, "192.168.1.2/24"}, {b, "fd00::2/64"}} {
				end.ns.Addr(t, "eth0", end.prefix)
			}
			heard, err := pollFor(reader, unix.POLLIN, longEnough)
			if err != nil {
				t.Fatal(err)
			}
			if heard != c.frames {
				var frame [128]byte
				n, _, _ := unix.Recvfrom(reader, frame[:], 0)
				t.Errorf("frames heard: %v, want %v; first: %x", heard, c.frames, frame[:max(n, 0)])
			}
		})
	}
}

// TestQuietNeighbour: who is named is reached over a quiet link, and still nobody asks.
func TestQuietNeighbour(t *testing.T) {
	net := Router(t, Quiet())
	reader := openReader(t, net.Wan)
	for _, address := range []string{WanHostIPv4, WanHostIPv6} {
		if err := net.Lan.Ping(address, 10*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	types := map[string]int{}
	var frame [128]byte
	for {
		n, _, err := unix.Recvfrom(reader, frame[:], 0)
		if errors.Is(err, unix.EAGAIN) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case n >= 35 && frame[12] == 0x08 && frame[13] == 0x00:
			types[map[byte]string{8: "request", 0: "reply"}[frame[34]]+" 4"]++
		case n >= 55 && frame[12] == 0x86 && frame[13] == 0xdd:
			types[map[byte]string{128: "request", 129: "reply"}[frame[54]]+" 6"]++
		default:
			types["other"]++
		}
	}
	if len(types) != 4 || types["request 4"] != 1 || types["reply 4"] != 1 || types["request 6"] != 1 || types["reply 6"] != 1 {
		t.Errorf("frames on the wire: %v, want one request and one reply per family", types)
	}
}

// TestNoOffloads looks at what a stream makes of the wire: frames above the MTU exist only with offloads.
func TestNoOffloads(t *testing.T) {
	cases := []struct {
		name    string
		options []LinkOption
		large   bool
	}{
		{"offloads", nil, true},
		{"no offloads", []LinkOption{NoOffloads()}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a, b := NewNamespace(t, "a"), NewNamespace(t, "b")
			Link(t, a, "eth0", b, "eth0", c.options...)
			a.Addr(t, "eth0", "192.168.1.1/24")
			b.Addr(t, "eth0", "192.168.1.2/24")
			listener, err := a.Listen("tcp", "192.168.1.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			reader := openReader(t, a)
			client, err := b.Dial("tcp", listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			server, err := listener.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			const size = 64 << 10
			go client.Write(make([]byte, size))
			server.SetDeadline(time.Now().Add(10 * time.Second))
			buffer := make([]byte, size)
			for got := 0; got < size; {
				n, err := server.Read(buffer)
				if err != nil {
					t.Fatal(err)
				}
				got += n
			}
			longest := 0
			for {
				n, _, err := unix.Recvfrom(reader, buffer[:1], unix.MSG_TRUNC)
				if err != nil {
					break
				}
				longest = max(longest, n)
			}
			if (longest > 1514) != c.large {
				t.Errorf("longest frame %d bytes, want above 1514: %v", longest, c.large)
			}
		})
	}
}

func TestAddrRejects(t *testing.T) {
	ns := NewNamespace(t, "addr")
	r := record(t, func(t testing.TB) { ns.Addr(t, "lo", "192.168.1.1") })
	if !strings.Contains(r.failed, "192.168.1.1") {
		t.Errorf("failure %q does not name the address without prefix length", r.failed)
	}
}
