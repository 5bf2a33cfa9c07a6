package appliance

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"network-sniffer/board/config"
	"network-sniffer/board/testbed"
	"network-sniffer/rawsock"
)

const patience = 60 * time.Second

// TestCaptureAllocations: from the socket to the sealed segment, through decode, recorder, console and spool, not
// one allocation per packet. What a segment costs, and the sender in this process, is a few for thousands of
// packets.
func TestCaptureAllocations(t *testing.T) {
	for _, row := range []struct {
		name   string
		config config.Config
	}{
		{"ring", config.Config{Interfaces: []string{"eth0"}, Promiscuous: true}},
		{"read", config.Config{Interfaces: []string{"eth0"}, CaptureMode: config.CaptureRead}},
		{"workers", config.Config{Interfaces: []string{"eth0"}, Workers: 2, SampleRate: 1}},
		{"any", config.Config{Interfaces: []string{"any"}}},
	} {
		t.Run(row.name, func(t *testing.T) { captureAllocations(t, row.config) })
	}
}

func captureAllocations(t *testing.T, config config.Config) {
	testbed.NeedRoot(t)
	near, far := testbed.NewNamespace(t, "near"), testbed.NewNamespace(t, "far")
	testbed.Link(t, far, "eth0", near, "eth0", testbed.Quiet(), testbed.NoOffloads())
	sender := testbed.NewSender(t, far, "eth0")
	a := testAppliance(t, config)
	capture := a.captures[0]
	var group []*rawsock.Socket
	if err := near.Do(func() (err error) {
		group, err = capture.open()
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, w := range capture.workers {
		if w.origin != nil { // it would look in the namespace of the test
			w.origin.lookUp = func(int) (string, error) { return "eth0", nil }
		}
	}

	const warm, count = 10_000, 50_000
	ctx, cancel := context.WithCancel(context.Background())
	recorded := make(chan error, 1)
	go func() { recorded <- capture.record(ctx, group) }()
	send := func(first uint32, n int) {
		if _, err := sender.SendNumbered(ctx, testbed.SendConfig{First: first, Count: n, Rate: 50_000}); err != nil {
			t.Fatal(err)
		}
	}
	books := func() (received, rows, losses uint64) {
		for _, b := range a.sealer.Books() {
			if d := Balance(&b); d != 0 {
				t.Errorf("the books do not balance by %d: %+v", d, b)
			}
			received, rows, losses = received+b.Received, rows+b.Rows, losses+lost(&b)
		}
		return received, rows, losses
	}
	send(0, warm)
	testbed.Eventually(t, patience, "the first rows", func() (bool, string) {
		_, rows, losses := books()
		return rows+losses >= warm, ""
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	send(warm, count)
	runtime.ReadMemStats(&after)
	testbed.Eventually(t, patience, "all rows", func() (bool, string) {
		_, rows, losses := books()
		return rows+losses >= warm+count, ""
	})
	cancel()
	capture.interrupt()
	if err := testbed.Await(t, recorded, patience, "the end of the capture"); err != nil {
		t.Fatal(err)
	}
	if err := a.sealer.Close(); err != nil {
		t.Fatal(err)
	}
	received, rows, losses := books()
	// A slow machine reads fewer frames one by one than come; what is asked of it is enough to count allocations.
	if received != warm+count || rows < count/5 {
		t.Errorf("%d frames received, %d rows, %d losses; %d were sent", received, rows, losses, warm+count)
	}
	mallocs := after.Mallocs - before.Mallocs
	t.Logf("%d allocations while %d packets became rows in %d segments; %d losses", mallocs, rows, a.spool.Stats().Sealed, losses)
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
