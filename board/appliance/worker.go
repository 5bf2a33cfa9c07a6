package appliance

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"network-sniffer/board/console"
	"network-sniffer/decode"
	"network-sniffer/rawsock"
	"network-sniffer/uplink"
)

// worker walks one socket of a capture at a time, in a goroutine of its own: frame, packet, recorder and console.
type worker struct {
	capture  *capture
	recorder *uplink.Recorder
	tap      *console.Tap
	origin   *origin       // nil: every packet is of the capture's interface
	counters *linkCounters // nil: another worker reads them
	walked   atomic.Uint64 // packets of all its sockets, told after each walk
}

// record walks the socket until the context ends or the interface is another one.
func (w *worker) record(ctx context.Context, s *rawsock.Socket) error {
	var (
		frame  rawsock.Frame
		packet decode.Packet
		meta   = decode.Meta{LinkType: decode.LinkType(s.Link().Type), Interface: w.capture.index}
		failed error
		told   uint64 // of this socket
	)
	counts := func() uplink.Counts {
		n, err := s.Stats()
		if err != nil {
			failed = err
		}
		w.recorder.SetMode(s.Mode().String(), s.InUserSpace()) // a new filter may have come to user space meanwhile
		return uplink.Counts{
			Received: n.Received, Dropped: n.Dropped, Pending: n.Pending(), Freezes: n.Freezes, Partial: n.Partial,
			Link: w.counters.read(),
		}
	}
	walk := func() {
		if w.origin != nil {
			w.origin.refresh()
		}
		for s.Next(&frame) {
			meta.Time, meta.WireLength, meta.Direction = frame.Time, frame.WireLength, decode.Direction(frame.Direction)
			meta.VLANTPID, meta.VLANTCI = frame.VLANTPID, frame.VLANTCI
			if w.origin != nil {
				meta.Interface = w.origin.number(frame.Interface)
			}
			decode.Decode(&packet, &meta, frame.Data)
			if w.recorder.Record(&packet) {
				w.recorder.HandOver(counts(), time.Now())
			}
			w.tap.Offer(&meta, frame.Interface, frame.Data)
		}
		w.tap.Flush()
		now := s.Walked()
		w.walked.Add(now - told)
		told = now
	}
	// The context is asked too: it may have ended after the socket was opened and before it could be interrupted.
	for failed == nil && ctx.Err() == nil {
		ready, err := s.Wait(w.recorder.Due())
		if errors.Is(err, rawsock.ErrInterrupted) {
			break
		}
		if err != nil {
			failed = err
			break
		}
		if ready {
			walk()
		}
		if now := time.Now(); w.recorder.Walked(now) {
			w.recorder.HandOver(counts(), now)
		}
	}
	w.capture.leave()
	until := time.Now()
	if failed == nil {
		failed = s.Drain(until.Add(DrainTimeout), walk)
	}
	w.recorder.Finish(counts(), until)
	return failed
}
