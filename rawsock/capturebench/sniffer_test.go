package capturebench

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"network-sniffer/decode"
	"network-sniffer/rawsock"
	"network-sniffer/rawsock/pcapfilter"
)

// sniffer takes frames as board/appliance does: a socket and a goroutine to an interface, which hands each frame
// to walk.
func sniffer(o options, mode rawsock.Mode, walk func(*rawsock.Socket) (tally, error), stop <-chan os.Signal) (tally, error) {
	filter, err := program(o, 0)
	if err != nil {
		return tally{}, err
	}
	type end struct {
		tally
		err error
	}
	var sockets []*rawsock.Socket
	for _, name := range o.interfaces {
		link, err := rawsock.Lookup(name)
		if err != nil {
			return tally{}, err
		}
		socket, err := rawsock.Open(rawsock.Config{Link: link, Filter: filter, Mode: mode, BlockSize: o.blockSize,
			Blocks: o.blocks, BlockTimeout: o.blockTimeout})
		if err != nil {
			return tally{}, err
		}
		sockets = append(sockets, socket)
	}
	ends := make([]chan end, len(sockets))
	for i, socket := range sockets {
		ends[i] = make(chan end, 1)
		go func() {
			t, err := walk(socket)
			ends[i] <- end{t, err}
		}()
	}
	fmt.Println(ready)

	if err := refilter(o, sockets, stop); err != nil {
		return tally{}, err
	}
	var total tally
	for i, socket := range sockets {
		socket.Interrupt()
		e := <-ends[i]
		statistics, err := socket.Stats()
		if err := errors.Join(e.err, err, socket.Close()); err != nil {
			return tally{}, err
		}
		total.frames += e.frames
		total.bytes += e.bytes
		total.ours += e.ours
		total.dropped += statistics.Dropped
	}
	return total, nil
}

// decodeEach is what this project does with a frame before a sink gets it: every header into a decode.Packet.
func decodeEach(socket *rawsock.Socket) (tally, error) {
	var (
		t      tally
		frame  rawsock.Frame
		packet decode.Packet
		meta   = decode.Meta{LinkType: decode.LinkType(socket.Link().Type)}
	)
	for {
		if done, err := awaitFrames(socket); done || err != nil {
			return t, err
		}
		for socket.Next(&frame) {
			meta.Time, meta.WireLength, meta.Direction = frame.Time, frame.WireLength, decode.Direction(frame.Direction)
			meta.VLANTPID, meta.VLANTCI = frame.VLANTPID, frame.VLANTCI
			decode.Decode(&packet, &meta, frame.Data)
			t.frames++
			t.bytes += uint64(packet.WireLength)
			if packet.DstPort == port {
				t.ours++
			}
		}
	}
}

// touchEach looks at what testdata/consumer.c looks at, to tell what the ring costs from what decode costs.
func touchEach(socket *rawsock.Socket) (tally, error) {
	var (
		t     tally
		frame rawsock.Frame
	)
	for {
		if done, err := awaitFrames(socket); done || err != nil {
			return t, err
		}
		for socket.Next(&frame) {
			t.frames++
			t.bytes += uint64(frame.WireLength)
			if b := frame.Data; len(b) >= 38 && b[12] == 0x08 && b[13] == 0x00 && b[23] == unix.IPPROTO_TCP &&
				binary.BigEndian.Uint16(b[36:]) == port {
				t.ours++
			}
		}
	}
}

// awaitFrames waits for the next frames, or for the interrupt that ends the run.
func awaitFrames(socket *rawsock.Socket) (done bool, err error) {
	_, err = socket.Wait(time.Time{})
	if errors.Is(err, rawsock.ErrInterrupted) {
		return true, nil
	}
	return false, err
}

// refilter waits for the end, and replaces the filter as often as the options ask: compiled anew each time, with one
// more connection of ours to exclude, as after a reconnect to the database.
func refilter(o options, sockets []*rawsock.Socket, stop <-chan os.Signal) error {
	if o.refilter == 0 {
		<-stop
		return nil
	}
	tick := time.NewTicker(o.refilter)
	defer tick.Stop()
	for n := uint16(1); ; n++ {
		select {
		case <-stop:
			return nil
		case <-tick.C:
		}
		filter, err := program(o, n)
		if err != nil {
			return err
		}
		for _, socket := range sockets {
			if err := socket.SetFilter(filter); err != nil {
				return err
			}
		}
	}
}

// program is the expression with the exclusion of our n-th connection. Without an expression it is
// the one instruction that the other consumers have too.
func program(o options, n uint16) ([]bpf.RawInstruction, error) {
	if o.expression == "" {
		return acceptAll(o.snap)
	}
	p, err := pcapfilter.Compile(o.expression, pcapfilter.Options{LinkType: pcapfilter.LinkType(rawsock.LinkEthernet),
		SnapLength: o.snap, Live: true})
	if err != nil {
		return nil, err
	}
	own := rawsock.Own{Connections: []rawsock.Connection{{
		Local:  netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), 40000+n),
		Remote: netip.MustParseAddrPort("192.0.2.2:5432"),
	}}}
	if p, err = rawsock.Program(rawsock.LinkEthernet, rawsock.Parts{Own: own}, p); err != nil {
		return nil, err
	}
	return bpf.Assemble(p)
}
