package appliance

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"network-sniffer/board/console"
	"network-sniffer/board/testbed"
	"network-sniffer/rawsock"
	"network-sniffer/uplink"
	"network-sniffer/uplink/spool"
)

const patience = 60 * time.Second

// TestCaptureAllocations: from the ring to the sealed segment, through decode, recorder, console and spool, not
// one allocation per packet. What a segment costs, and the sender in this process, is a few for thousands of
// packets.
func TestCaptureAllocations(t *testing.T) {
	testbed.NeedRoot(t)
	near, far := testbed.NewNamespace(t, "near"), testbed.NewNamespace(t, "far")
	testbed.Link(t, far, "eth0", near, "eth0", testbed.Quiet(), testbed.NoOffloads())
	sender := testbed.NewSender(t, far, "eth0")

	dir, err := os.MkdirTemp("/dev/shm", "sniffer-test-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	sp, err := spool.Open(spool.Disk{}, dir, 256<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	a := &Appliance{log: log, spool: sp}
	a.own = newOwnTraffic(func() {}, log)
	a.sealer = uplink.NewSealer(uplink.SealerConfig{Spool: sp, Recorders: 1})
	a.console = console.New(console.Config{Source: source{a}})
	c := &capture{
		appliance: a, name: "eth0", ring: rawsock.Config{Promiscuous: true},
		recorder: a.sealer.NewRecorder(0, "eth0", "", SnapLength), tap: a.console.NewTap(), wake: make(chan struct{}, 1),
	}
	var ring *rawsock.Ring
	if err := near.Do(func() (err error) {
		ring, err = c.open()
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer ring.Close()

	const warm, count = 20_000, 200_000
	ctx, cancel := context.WithCancel(context.Background())
	recorded := make(chan error, 1)
	go func() { recorded <- c.record(ctx, ring) }()
	send := func(first uint32, n int) {
		if _, err := sender.SendNumbered(ctx, testbed.SendConfig{First: first, Count: n}); err != nil {
			t.Fatal(err)
		}
	}
	rows := func() (n uint64) {
		for _, b := range a.sealer.Books() {
			n += b.Rows
		}
		return n
	}
	arrived := func(n uint64) func() (bool, string) {
		return func() (bool, string) { return rows() >= n, "" }
	}
	send(0, warm)
	testbed.Eventually(t, patience, "the first rows", arrived(warm))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	send(warm, count)
	runtime.ReadMemStats(&after)
	cancel()
	ring.Interrupt()
	if err := testbed.Await(t, recorded, patience, "the end of the capture"); err != nil {
		t.Fatal(err)
	}
	if err := a.sealer.Close(); err != nil {
		t.Fatal(err)
	}
	books := a.sealer.Books()
	if len(books) != 1 || books[0].Received != warm+count || Balance(&books[0]) != 0 {
		t.Errorf("books: %+v", books)
	}
	segments := sp.Stats().Sealed
	mallocs := after.Mallocs - before.Mallocs
	t.Logf("%d allocations while %d packets became rows in %d segments", mallocs, count, segments)
	if mallocs > count/20 {
		t.Errorf("%d allocations for %d packets", mallocs, count)
	}
}

func TestOwnTrafficBounds(t *testing.T) {
	changes := 0
	o := newOwnTraffic(func() { changes++ }, slog.New(slog.NewTextHandler(io.Discard, nil)))
	connection := func(port uint16) rawsock.Connection {
		return rawsock.Connection{
			Local:  netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), port),
			Remote: netip.MustParseAddrPort("203.0.113.1:5432"),
		}
	}
	open := connection(9)
	o.opening(open)
	for port := range uint16(100) {
		c := connection(1000 + port)
		o.opening(c)
		o.closed(c)
	}
	now := o.current().Connections
	if len(now) != maxConnections || changes != 101 {
		t.Errorf("%d connections after %d changes", len(now), changes)
	}
	found := false
	for _, c := range now {
		found = found || c == open
	}
	if !found {
		t.Error("an open connection gave way to closed ones")
	}
	if now[len(now)-1] != connection(1099) {
		t.Errorf("the latest closed connection is not excluded any more: its last segments are on their way")
	}
	// The same pair opened again is one entry.
	o.opening(connection(1099))
	if n := len(o.current().Connections); n != maxConnections {
		t.Errorf("%d connections", n)
	}
}
