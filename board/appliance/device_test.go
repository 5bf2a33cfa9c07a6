package appliance

import (
	"fmt"
	"net"
	"testing"

	"network-sniffer/board/testbed"
)

// linkLocal is the address of fe80::/10 of an interface, for a host that dials it. A zone by its name would be looked up
// once for all namespaces.
func linkLocal(t *testing.T, ns *testbed.Namespace, name string, from *testbed.Namespace, port string) string {
	t.Helper()
	var found string
	err := ns.Do(func() error {
		i, err := net.InterfaceByName(name)
		if err != nil {
			return err
		}
		addrs, err := i.Addrs()
		for _, a := range addrs {
			if ip, _, err := net.ParseCIDR(a.String()); err == nil && ip.To4() == nil && ip.IsLinkLocalUnicast() {
				found = ip.String()
			}
		}
		return err
	})
	if err != nil || found == "" {
		t.Fatalf("link-local address of %s in %s: %q, error %v", name, ns.Name, found, err)
	}
	return fmt.Sprintf("%s%%%d", found, from.Interface(t, port).Index)
}

// TestDeviceOf: a connection is known by the interface it came through, whatever address it is to.
func TestDeviceOf(t *testing.T) {
	testbed.NeedRoot(t)
	topology := testbed.Router(t)
	lan, wan := topology.Router.Interface(t, topology.LanPort).Index, topology.Router.Interface(t, topology.WanPort).Index
	for _, row := range []struct {
		network, to string
		from        *testbed.Namespace
		want        int
	}{
		{"tcp", testbed.RouterLanIPv4, topology.Lan, lan},
		{"tcp", testbed.RouterWanIPv4, topology.Lan, lan},
		{"tcp", testbed.RouterWanIPv4, topology.Wan, wan},
		{"tcp", testbed.RouterLanIPv4, topology.Wan, wan},
		{"tcp", testbed.RouterLanIPv6, topology.Lan, lan},
		{"tcp", testbed.RouterLanIPv6, topology.Wan, wan},
		{"tcp", linkLocal(t, topology.Router, topology.LanPort, topology.Lan, topology.HostPort), topology.Lan, lan},
		{"tcp", linkLocal(t, topology.Router, topology.WanPort, topology.Wan, topology.HostPort), topology.Wan, wan},
		{"tcp", testbed.RouterLanIPv4, topology.Router, lan}, // over the loopback, and the kernel names the address's interface
		{"tcp", "::1", topology.Router, 1},
		{"tcp4", testbed.RouterLanIPv4, topology.Lan, lan},
		{"tcp4", testbed.RouterLanIPv4, topology.Wan, wan},
		{"tcp4", "127.0.0.1", topology.Router, 1},
	} {
		t.Run(fmt.Sprintf("%s to %s from %s", row.network, row.to, row.from.Name), func(t *testing.T) {
			l, err := topology.Router.Listen(row.network, ":0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			client, err := row.from.Dial("tcp", net.JoinHostPort(row.to, fmt.Sprint(l.Addr().(*net.TCPAddr).Port)))
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			conn, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if got, err := deviceOf(conn); got != row.want || err != nil {
				t.Errorf("it came through interface %d, error %v, want %d", got, err, row.want)
			}
		})
	}
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if _, err := deviceOf(a); err == nil {
		t.Error("a pipe came through an interface")
	}
}

// TestDeviceOfClosed: a connection that has gone meanwhile is an error.
func TestDeviceOfClosed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if index, err := deviceOf(conn); err == nil {
		t.Errorf("a closed connection came through interface %d", index)
	}
}
