package appliance

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/net/bpf"

	"network-sniffer/board/console"
	"network-sniffer/decode"
	"network-sniffer/rawsock"
	"network-sniffer/rawsock/pcapfilter"
	"network-sniffer/uplink"
)

// capture records one interface, through all its comings and goings.
type capture struct {
	appliance *Appliance
	name      string
	index     uint8
	ring      rawsock.Config
	recorder  *uplink.Recorder
	tap       *console.Tap
	wake      chan struct{} // links changed while no ring was open

	mu      sync.Mutex
	current *rawsock.Ring // nil: the interface is not there
}

// run returns when the context ends, or when the interface cannot be recorded for a reason that waiting
// does not cure. opened is called once the first ring is open or known to be impossible for now.
func (c *capture) run(ctx context.Context, opened func()) error {
	defer opened()
	stop := context.AfterFunc(ctx, c.interrupt)
	defer stop()
	waiting := false
	for ctx.Err() == nil {
		ring, err := c.open()
		switch {
		case errors.Is(err, rawsock.ErrNoInterface):
			if !waiting {
				c.appliance.log.Warn("waiting for the interface", "interface", c.name)
				waiting = true
			}
			opened()
			c.record(ctx, nil)
			continue
		case err != nil:
			return err
		}
		link := ring.Link()
		c.appliance.log.Info("recording", "interface", c.name, "index", link.Index, "mtu", link.MTU,
			"up", link.Up, "ring_bytes", ring.Size())
		waiting = false
		opened()
		err = c.record(ctx, ring)
		c.publish(nil)
		if err = errors.Join(err, ring.Close()); err != nil {
			return err
		}
	}
	return nil
}

// open makes a ring with the filter of this moment and shows it to refilter before that can change unseen.
func (c *capture) open() (*rawsock.Ring, error) {
	link, err := rawsock.Lookup(c.name)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	config := c.ring
	config.Link = link
	if config.Filter, err = c.program(link.Type); err != nil {
		return nil, err
	}
	ring, err := rawsock.Open(config)
	if err == nil {
		c.current = ring
	}
	return ring, err
}

func (c *capture) publish(r *rawsock.Ring) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current = r
}

// program compiles the user's expression and puts the exclusion of our own traffic in front.
func (c *capture) program(link rawsock.LinkType) ([]bpf.RawInstruction, error) {
	p, err := compile(c.appliance.config.Filter, link)
	if err != nil {
		return nil, err
	}
	if p, err = rawsock.Exclude(link, c.appliance.own.current(), p); err != nil {
		return nil, err
	}
	raw, err := bpf.Assemble(p)
	if err != nil {
		return nil, fmt.Errorf("appliance: assemble the filter for %s: %w", c.name, err)
	}
	return raw, nil
}

func compile(expr string, link rawsock.LinkType) ([]bpf.Instruction, error) {
	return pcapfilter.Compile(expr, pcapfilter.Options{
		LinkType:   pcapfilter.LinkType(link),
		SnapLength: SnapLength,
		Live:       true,
	})
}

// refilter replaces the filter on the open ring.
func (c *capture) refilter() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == nil {
		return
	}
	raw, err := c.program(c.current.Link().Type)
	if err == nil {
		err = c.current.SetFilter(raw)
	}
	if err != nil {
		c.appliance.log.Error("own traffic may be recorded", "interface", c.name, "error", err)
	}
}

func (c *capture) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil {
		c.current.Interrupt()
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// linksChanged ends the wait for an interface, or the ring of one that is not the same any more.
func (c *capture) linksChanged() {
	c.mu.Lock()
	current := c.current
	c.mu.Unlock()
	if current != nil {
		link, err := rawsock.Lookup(c.name)
		if err == nil && link.Index == current.Link().Index {
			return
		}
	}
	c.interrupt()
}

// record walks the ring until the context ends or the interface is another one. Without a ring it waits
// for a change of links, and tells the ledger all the while that nothing was seen.
func (c *capture) record(ctx context.Context, ring *rawsock.Ring) error {
	if ring == nil {
		t := time.NewTimer(time.Until(c.recorder.Due()))
		defer t.Stop()
		select {
		case <-ctx.Done():
		case <-c.wake:
		case now := <-t.C:
			c.recorder.HandOver(uplink.Counts{}, now)
		}
		return nil
	}
	var (
		frame  rawsock.Frame
		packet decode.Packet
		meta   = decode.Meta{LinkType: decode.LinkType(ring.Link().Type), Interface: c.index}
		failed error
	)
	counts := func() uplink.Counts {
		s, err := ring.Stats()
		if err != nil {
			failed = err
		}
		return uplink.Counts{Received: s.Received, Dropped: s.Dropped, Pending: s.Pending()}
	}
	walk := func() {
		for ring.Next(&frame) {
			meta.Time, meta.WireLength, meta.Direction = frame.Time, frame.WireLength, decode.Direction(frame.Direction)
			meta.VLANTPID, meta.VLANTCI = frame.VLANTPID, frame.VLANTCI
			decode.Decode(&packet, &meta, frame.Data)
			if c.recorder.Record(&packet) {
				c.recorder.HandOver(counts(), time.Now())
			}
			c.tap.Offer(&packet)
		}
		c.tap.Flush()
	}
	// The context is asked too: it may have ended after the ring was opened and before it could be interrupted.
	for failed == nil && ctx.Err() == nil {
		ready, err := ring.Wait(c.recorder.Due())
		if errors.Is(err, rawsock.ErrInterrupted) {
			break
		}
		if err != nil {
			return err
		}
		if ready {
			walk()
		}
		if now := time.Now(); c.recorder.Walked(now) {
			c.recorder.HandOver(counts(), now)
		}
	}
	if failed == nil {
		failed = ring.Drain(time.Now().Add(DrainTimeout), walk)
	}
	c.recorder.Finish(counts(), time.Now())
	if ctx.Err() == nil {
		c.appliance.log.Warn("the interface is gone or is another one", "interface", c.name)
	}
	return failed
}
