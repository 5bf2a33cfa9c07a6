package appliance

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"network-sniffer/board/testbed"
)

// TestOwnDoors: what is excluded follows the addresses of each place that clients come in at, and no others.
func TestOwnDoors(t *testing.T) {
	testbed.NeedRoot(t)
	ns, peer := testbed.NewNamespace(t, "near"), testbed.NewNamespace(t, "far")
	for i, name := range []string{"lan0", "wan0"} {
		testbed.Link(t, ns, name, peer, name, testbed.Quiet())
		ns.Addr(t, name, fmt.Sprintf("192.168.%d.1/24", i+1))
	}
	changes := 0
	o := newOwnTraffic(func() { changes++ }, slog.New(slog.DiscardHandler))
	for _, row := range []struct {
		name    string
		happens func()
		want    string
		changes int
	}{
		{"one address", func() { o.listen(door{"", netip.MustParseAddrPort("[::ffff:127.0.0.1]:8000")}) }, "127.0.0.1:8000", 1},
		{"the same again", func() { o.listen(door{"", netip.MustParseAddrPort("127.0.0.1:8000")}) }, "127.0.0.1:8000", 0},
		{"an interface", func() { o.listen(door{"lan0", netip.MustParseAddrPort("[::]:8000")}) }, "127.0.0.1:8000 192.168.1.1:8000", 1},
		{"the capture's port of it", func() { o.listen(door{"lan0", netip.MustParseAddrPort("[::]:8001")}) },
			"127.0.0.1:8000 192.168.1.1:8000 192.168.1.1:8001", 1},
		{"a session at another address", func() { o.listenAt(netip.MustParseAddrPort("192.168.2.1:8001")) },
			"192.168.2.1:8001 127.0.0.1:8000 192.168.1.1:8000 192.168.1.1:8001", 1},
		{"and one more", func() { o.listenAt(netip.MustParseAddrPort("192.168.2.1:8001")) },
			"192.168.2.1:8001 127.0.0.1:8000 192.168.1.1:8000 192.168.1.1:8001", 0},
		{"an address more", func() { ns.Addr(t, "lan0", "fd00::1/64"); o.refresh() },
			"192.168.2.1:8001 127.0.0.1:8000 192.168.1.1:8000 [fd00::1]:8000 192.168.1.1:8001 [fd00::1]:8001", 1},
		{"the interface goes", func() { ns.Run(t, "ip", "link", "delete", "lan0"); o.refresh() }, "192.168.2.1:8001 127.0.0.1:8000", 1},
		{"every address", func() { o.listen(door{"", netip.MustParseAddrPort("[::]:9")}) },
			"192.168.2.1:8001 127.0.0.1:8000 127.0.0.1:9 192.168.2.1:9 [::1]:9", 1},
	} {
		before := changes
		if err := ns.Do(func() error { row.happens(); return nil }); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range o.current().Listeners {
			got = append(got, l.String())
		}
		if want := strings.Fields(row.want); !slices.Equal(got, want) {
			t.Errorf("%s: excluded are %v, want %v", row.name, got, want)
		}
		if n := changes - before; n != row.changes {
			t.Errorf("%s: %d new filters, want %d", row.name, n, row.changes)
		}
	}
	// What does not fit is left out, and never what a client is known to have reached.
	ns.Run(t, "sh", "-c", `i=1; while [ $i -le 40 ]; do echo "address add 10.0.0.$i/24 dev wan0"; i=$((i + 1)); done | ip -batch -`)
	if err := ns.Do(func() error { o.refresh(); return nil }); err != nil {
		t.Fatal(err)
	}
	if got := o.current().Listeners; len(got) != maxListeners || got[0] != netip.MustParseAddrPort("192.168.2.1:8001") {
		t.Errorf("%d are excluded, first %v", len(got), got[0])
	}
}
