package appliance

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"

	"network-sniffer/board"
	"network-sniffer/board/config"
	"network-sniffer/board/console"
	"network-sniffer/board/testbed"
	"network-sniffer/rawsock"
	"network-sniffer/uplink"
	"network-sniffer/uplink/spool"
)

// testAppliance is an appliance whose parts are those of Run, without links to watch and without an uplink.
func testAppliance(t *testing.T, c config.Config) *Appliance {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "sniffer-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	sp, err := spool.Open(spool.Disk{}, dir, 256<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sp.Close() })
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	a := &Appliance{config: c, log: log, spool: sp, names: names{list: c.Interfaces}, gate: &gate{alone: true}}
	if a.plan, err = planOf(c, board.At("/").Budget()); err != nil {
		t.Fatal(err)
	}
	a.own = newOwnTraffic(a.refilter, log)
	a.gate = &gate{}
	a.sealer = uplink.NewSealer(uplink.SealerConfig{Spool: sp, Recorders: len(c.Interfaces) * a.plan.workers})
	a.console = console.New(console.Config{Source: source{a}})
	for i, name := range c.Interfaces {
		a.captures = append(a.captures, a.newCapture(uint8(i), name))
	}
	return a
}

// TestFilterGivesWay: where the kernel has little room for programs the names go first; when even the rest grows too
// large it runs in user space, at once, and nothing is recorded that the filter refuses.
func TestFilterGivesWay(t *testing.T) {
	testbed.NeedRoot(t)
	near, far := testbed.NewNamespace(t, "near"), testbed.NewNamespace(t, "far")
	testbed.Link(t, far, "eth0", near, "eth0", testbed.Quiet(), testbed.NoOffloads())
	// Room for the expression, and not for what finds names or own traffic.
	near.Sysctl(t, "net/core/optmem_max", "1000")
	a := testAppliance(t, config.Config{Interfaces: []string{"eth0"}, Workers: 2, Filter: "ether[6:2] = 0x065e"})
	c := a.captures[0]
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	opened, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- near.Do(func() error { return c.run(ctx, sync.OnceFunc(func() { close(opened) })) })
	}()
	testbed.Await(t, opened, patience, "the sockets")
	sender := testbed.NewSender(t, far, "eth0")
	sent := uint64(0)
	send := func() {
		t.Helper()
		if _, err := sender.SendNumbered(ctx, testbed.SendConfig{First: uint32(sent), Count: 1000, Rate: 20_000}); err != nil {
			t.Fatal(err)
		}
		sent += 1000
		testbed.Eventually(t, patience, "rows", func() (bool, string) {
			var rows uint64
			for _, b := range a.sealer.Books() {
				rows += b.Rows
			}
			return rows == sent, ""
		})
	}
	inUserSpace := func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.current) == 2 && c.current[0].InUserSpace() && c.current[1].InUserSpace()
	}
	send()
	if notes := strings.Join(a.blind(), "\n"); inUserSpace() || !strings.Contains(notes, "long names are not read") {
		t.Errorf("with room for the expression alone the console tells %q", notes)
	}
	a.own.opening(rawsock.Connection{
		Local: netip.MustParseAddrPort("192.0.2.1:40000"), Remote: netip.MustParseAddrPort("192.0.2.2:5432"),
	})
	if !inUserSpace() {
		t.Error("the filter that excludes a connection does not stand when the connection is opened")
	}
	if err := sender.Send(ctx, make([]byte, 60)); err != nil { // refused by the expression
		t.Fatal(err)
	}
	send()
	if notes := strings.Join(a.blind(), "\n"); !strings.Contains(notes, "runs in user space") {
		t.Errorf("with the filter in user space the console tells %q", notes)
	}
	cancel()
	if err := testbed.Await(t, ended, patience, "the end of the capture"); err != nil {
		t.Fatal(err)
	}
	if err := a.sealer.Close(); err != nil {
		t.Fatal(err)
	}
	var received uint64
	modes := map[bool]uint64{}
	books := a.sealer.Books()
	for i := range books {
		received += books[i].Received
		modes[books[i].UserFilter] += books[i].Rows
		if d := Balance(&books[i]); d != 0 {
			t.Errorf("the books do not balance by %d: %+v", d, books[i])
		}
	}
	if received != sent || modes[false] != 1000 || modes[true] != 1000 {
		t.Errorf("received %d of %d; rows by where the filter ran: %v", received, sent, modes)
	}
}

// TestLockedFilter: a filter that nothing will change is locked, one that follows connections or addresses is not.
func TestLockedFilter(t *testing.T) {
	testbed.NeedRoot(t)
	near := testbed.NewNamespace(t, "near")
	for _, row := range []struct {
		name     string
		listen   config.Endpoint
		database string
		locked   bool
	}{
		{"no database, one address", config.Endpoint{Addr: netip.MustParseAddr("127.0.0.1")}, "", true},
		{"every address", config.Endpoint{Addr: netip.IPv6Unspecified()}, "", false},
		{"every address of an interface", config.Endpoint{Interface: "lo", Addr: netip.IPv6Unspecified()}, "", false},
		{"a database", config.Endpoint{Addr: netip.MustParseAddr("127.0.0.1")}, "postgres://u@127.0.0.1:1/d", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := config.Config{
				Interfaces: []string{"lo"}, SpoolDir: t.TempDir(), ConsoleListen: []config.Endpoint{row.listen}, DatabaseURL: row.database,
				DeviceID: "0e5f2aca-03dd-8000-a328-fc18d96bcbdc",
			}
			a, err := New(c, board.At("/"), "test", slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				a.console.Close()
				if err := errors.Join(a.sealer.Close(), a.close()); err != nil {
					t.Error(err)
				}
			}()
			var group []*rawsock.Socket
			if err := near.Do(func() (err error) {
				group, err = a.captures[0].open()
				return err
			}); err != nil {
				t.Fatal(err)
			}
			defer group[0].Close()
			if err := a.captures[0].setProgram(); errors.Is(err, rawsock.ErrLocked) != row.locked || !row.locked && err != nil {
				t.Errorf("replacing the filter: %v, want locked %v", err, row.locked)
			}
		})
	}
}
