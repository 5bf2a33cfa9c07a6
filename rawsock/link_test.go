package rawsock_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"network-sniffer/board/testbed"
	"network-sniffer/rawsock"
)

// watch tells of every change in the namespace until the test ends.
func watch(t *testing.T, ns *testbed.Namespace) <-chan struct{} {
	t.Helper()
	var w *rawsock.LinkWatcher
	if err := ns.Do(func() (err error) {
		w, err = rawsock.WatchLinks()
		return err
	}); err != nil {
		t.Fatal(err)
	}
	events, ended := make(chan struct{}, 1000), make(chan struct{})
	go func() {
		defer close(ended)
		for w.Wait() == nil {
			events <- struct{}{}
		}
	}()
	t.Cleanup(func() {
		w.Close()
		testbed.Await(t, ended, patience, "the end of the watcher")
	})
	return events
}

// TestLinkWatcher: a change of a link and of an address wake the watcher; Close ends it.
func TestLinkWatcher(t *testing.T) {
	testbed.NeedRoot(t)
	ns := testbed.NewNamespace(t, "links")
	events := watch(t, ns)
	ns.Run(t, "ip", "link", "add", "new0", "type", "veth", "peer", "name", "new1")
	testbed.Await(t, events, patience, "news of a new link")
}

// TestLinkLife: a socket goes on through whatever happens to its interface but its end, and does not wait for anything
// after a change.
func TestLinkLife(t *testing.T) {
	inEachMode(t, func(t *testing.T, mode rawsock.Mode) {
		c := newCable(t)
		s := c.open(t, rawsock.Config{Mode: mode, Filter: accept(t, 64), Blocks: 2})
		number := uint32(0)
		goesOn := func(after string) {
			t.Helper()
			const count = 20
			c.send(t, number, count)
			began := time.Now()
			collect(t, s, count, func(f *rawsock.Frame) {
				if n, ok := testbed.FrameNumber(f.Data); !ok || n != number {
					t.Errorf("%s: frame %d, want %d", after, n, number)
				}
				number++
			})
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("%s: the frames took %v", after, took)
			}
			if !s.Bound() {
				t.Errorf("%s: the socket is bound to nothing", after)
			}
		}
		set := func(arguments ...string) { c.near.Run(t, "ip", append([]string{"link", "set"}, arguments...)...) }
		goesOn("the start")
		set("eth0", "mtu", "1400")
		goesOn("a smaller MTU")
		set("eth0", "promisc", "on")
		goesOn("promiscuous mode")
		set("eth0", "promisc", "off")
		goesOn("the end of promiscuous mode")
		c.bounce(t)
		goesOn("down and up")
		set("eth0", "down")
		set("eth0", "name", "wan")
		c.up(t, "wan")
		goesOn("another name")
		if link := lookup(t, c.near, "wan"); link.Index != s.Link().Index || link.MTU != 1400 {
			t.Errorf("%+v is not the link that was %+v", link, s.Link())
		}
		stats := statsOf(t, s)
		if stats.Received != uint64(number) || stats.Walked != uint64(number) {
			t.Errorf("%d frames were sent: %+v", number, stats)
		}
	})
}

// TestLinkEnd: an interface that is deleted says so, gives what it had received, and one that is made again, with the
// same name and the same index, is another one: capture goes on within 2 s.
func TestLinkEnd(t *testing.T) {
	inEachMode(t, func(t *testing.T, mode rawsock.Mode) {
		c := newCable(t)
		events := watch(t, c.near)
		config := c.config(t, rawsock.Config{Mode: mode, Filter: accept(t, 64), Blocks: 2})
		s := open(t, c.near, config)
		const count = 50
		c.send(t, 0, count)
		c.near.Run(t, "ip", "link", "delete", "eth0")
		for s.Bound() {
			testbed.Await(t, events, patience, "news of the end of the link")
		}
		seen := 0
		var f rawsock.Frame
		if err := s.Drain(time.Now().Add(patience), func() {
			for s.Next(&f) {
				seen++
			}
		}); err != nil || seen != count {
			t.Errorf("%d of %d frames of an interface that is gone, %v", seen, count, err)
		}
		if stats := statsOf(t, s); stats.Received != count || stats.Pending() != 0 {
			t.Errorf("%+v", stats)
		}

		testbed.Link(t, c.far, "eth0", c.near, "eth0", testbed.Quiet(), testbed.NoOffloads())
		c.near.Run(t, "ip", "link", "set", "eth0", "down")
		c.sender = testbed.NewSender(t, c.far, "eth0")
		if s.Bound() {
			t.Error("the old socket belongs to the new interface")
		}
		c.near.Run(t, "ip", "link", "set", "eth0", "up")
		began := time.Now()
		again := c.open(t, rawsock.Config{Mode: mode, Filter: accept(t, 64), Blocks: 2})
		testbed.Eventually(t, patience, "the first frame", func() (bool, string) {
			c.send(t, 0, 1)
			ready, err := again.Wait(time.Now().Add(100 * time.Millisecond))
			return ready, errorText(err)
		})
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("capture went on after %v", took)
		}
	})
}

func errorText(err error) string {
	if err != nil {
		return err.Error()
	}
	return ""
}

// TestCounterReader: the interface's own counters are what `ip -s link` shows, and reading them costs no allocation.
func TestCounterReader(t *testing.T) {
	c := newCable(t)
	var r *rawsock.CounterReader
	if err := c.near.Do(func() (err error) {
		r, err = rawsock.NewCounterReader()
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	index := lookup(t, c.near, "eth0").Index
	read := func() rawsock.Counters {
		t.Helper()
		counters, err := r.Read(index)
		if err != nil {
			t.Fatal(err)
		}
		return counters
	}
	before := read()
	const count = 1300
	c.send(t, 0, count) // nobody listens: what no protocol takes is dropped
	own := testbed.NewSender(t, c.near, "eth0")
	if err := own.Send(t.Context(), testbed.BuildFrame(nil, 0, testbed.UDPv4, testbed.FrameConfig{})); err != nil {
		t.Fatal(err)
	}
	var after rawsock.Counters
	testbed.Eventually(t, patience, "the last frame to be counted", func() (bool, string) {
		last := after
		after = read()
		return after == last && after.ReceiveDropped-before.ReceiveDropped >= count/13, fmt.Sprintf("%+v", after)
	})
	if after.Received-before.Received != count || after.Sent-before.Sent != 1 {
		t.Errorf("before %+v, after %+v", before, after)
	}
	var shown []struct {
		Stats64 struct {
			RX struct {
				Packets, Dropped, Over_errors uint64
			}
			TX struct{ Packets uint64 }
		}
	}
	if err := json.Unmarshal([]byte(c.near.Run(t, "ip", "-s", "-s", "-j", "link", "show", "eth0")), &shown); err != nil {
		t.Fatal(err)
	}
	if s := shown[0].Stats64; s.RX.Packets != after.Received || s.TX.Packets != after.Sent ||
		s.RX.Dropped+s.RX.Over_errors != after.ReceiveDropped {
		t.Errorf("%+v, ip shows %+v", after, s)
	}
	if n := testing.AllocsPerRun(100, func() { read() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	for i := range 60 { // more than are read at a time, in front and behind
		c.near.Run(t, "ip", "link", "add", fmt.Sprint("eth0", i), "type", "veth", "peer", "name", fmt.Sprint("x", i))
	}
	for _, index := range []int{1 << 20, 0, -1} {
		if _, err := r.Read(index); !errors.Is(err, rawsock.ErrNoInterface) {
			t.Errorf("index %d: %v", index, err)
		}
	}
	if got := read(); got != after {
		t.Errorf("%+v after a failure, %+v before it", got, after)
	}
	last := lookup(t, c.near, "eth059").Index
	if n, err := r.Read(last); n != (rawsock.Counters{}) || err != nil {
		t.Errorf("an interface without traffic: %+v, %v", n, err)
	}
	c.near.Run(t, "ip", "link", "set", "eth0", "down")
	c.near.Run(t, "ip", "link", "set", "eth0", "name", "wan")
	if got := read(); got.Received != after.Received {
		t.Errorf("%+v under another name, %+v before", got, after)
	}
	if err := c.near.Do(func() error {
		if name, err := rawsock.NameOf(index); name != "wan" || err != nil {
			t.Errorf("its name is %q, %v", name, err)
		}
		if name, err := rawsock.NameOf(1 << 20); !errors.Is(err, rawsock.ErrNoInterface) {
			t.Errorf("the name of no interface is %q, %v", name, err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// TestInspect: what the kernel says of an interface.
func TestInspect(t *testing.T) {
	c := newCable(t) // without offloads
	testbed.Link(t, c.far, "eth1", c.near, "eth1", testbed.Quiet())
	inspect := func(name string) (info rawsock.LinkInfo, err error) {
		err = c.near.Do(func() error {
			info, err = rawsock.Inspect(name)
			return err
		})
		return info, err
	}
	plain, err := inspect("eth0")
	if err != nil {
		t.Fatal(err)
	}
	if plain.Link != lookup(t, c.near, "eth0") || plain.Hardware != 1 || plain.HardwareName != "Ethernet" ||
		plain.Driver != "veth" || plain.HardwareTime || plain.HardwareTimeAll || plain.Promiscuous {
		t.Errorf("%+v", plain)
	}
	if o := plain.Offloads; o.GRO || o.LRO || o.GSO || o.TSO || o.SendChecksum {
		t.Errorf("offloads %v", o)
	}
	busy, err := inspect("eth1")
	if err != nil || !busy.Offloads.GSO || !busy.Offloads.TSO || !busy.Offloads.SendChecksum || busy.Offloads.LRO {
		t.Errorf("offloads %v, %v", busy.Offloads, err)
	}
	s := c.open(t, rawsock.Config{Filter: accept(t, 64)})
	if listening, err := inspect("eth0"); err != nil || !listening.Promiscuous {
		t.Errorf("promiscuous %v, %v", listening.Promiscuous, err)
	}
	s.Close()
	if lo, err := inspect("lo"); err != nil || !lo.Loopback || lo.HardwareName != "loopback" {
		t.Errorf("%+v, %v", lo, err)
	}
	if all, err := inspect(rawsock.Any); err != nil || all.Type != rawsock.LinkCooked {
		t.Errorf("%+v, %v", all, err)
	}
	if _, err := inspect("eth9"); !errors.Is(err, rawsock.ErrNoInterface) {
		t.Errorf("an unknown interface: %v", err)
	}
}

// TestPartial: a frame whose checksum is left to the network card says so, sent and received.
func TestPartial(t *testing.T) {
	inEachMode(t, func(t *testing.T, mode rawsock.Mode) {
		c := newCable(t)
		testbed.Link(t, c.far, "eth1", c.near, "eth1", testbed.Quiet(), testbed.MACs("06:00:00:00:00:01", "06:00:00:00:00:02"))
		c.far.Addr(t, "eth1", "192.0.2.1/24")
		c.near.Addr(t, "eth1", "192.0.2.2/24")
		c.far.Neighbour(t, "eth1", "192.0.2.2", "06:00:00:00:00:02")
		c.near.Neighbour(t, "eth1", "192.0.2.1", "06:00:00:00:00:01")
		listener, err := c.near.ListenPacket("udp", "192.0.2.2:9000")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		s := open(t, c.near, rawsock.Config{Link: lookup(t, c.near, "eth1"), Mode: mode, Filter: accept(t, 64)})
		conn, err := c.far.Dial("udp", "192.0.2.2:9000")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte("question")); err != nil {
			t.Fatal(err)
		}
		if _, err := listener.WriteTo([]byte("answer"), conn.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		collect(t, s, 2, func(f *rawsock.Frame) {
			if !f.Partial {
				t.Errorf("direction %d: the checksum is not finished and nobody says so: % x", f.Direction, f.Data)
			}
		})
		if stats := statsOf(t, s); stats.Partial != 2 {
			t.Errorf("%+v", stats)
		}
	})
}
