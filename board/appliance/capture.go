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

	mu       sync.Mutex
	current  *rawsock.Ring // nil: the interface is not there
	nameless bool          // the filter has no room for rawsock.Widen
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
			// Nothing goes into the ledger meanwhile: nobody is looking.
			select {
			case <-ctx.Done():
			case <-c.wake:
			}
			continue
		case err != nil:
			return err
		}
		link := ring.Link()
		c.appliance.log.Info("recording", "interface", c.name, "index", link.Index, "mtu", link.MTU,
			"up", link.Up, "ring_bytes", ring.Size())
		waiting = false
		opened()
		c.recorder.Begin(time.Now())
		if err = errors.Join(c.record(ctx, ring), ring.Close()); err != nil {
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
	own := c.appliance.own.current()
	for {
		if config.Filter, err = c.program(link.Type, own); err != nil {
			return nil, err
		}
		ring, err := rawsock.Open(config)
		if errors.Is(err, rawsock.ErrTooLarge) && c.giveUpNames() {
			continue
		}
		if errors.Is(err, rawsock.ErrTooLarge) && len(own.Listeners) > 1 {
			// Kernels before 6.7 have little room for programs: the addresses that are excluded give way.
			own.Listeners = own.Listeners[:len(own.Listeners)/2]
			c.appliance.log.Warn("the kernel has no room for the whole filter: console traffic at some local addresses is recorded",
				"interface", c.name, "excluded", len(own.Listeners))
			continue
		}
		if err == nil {
			c.current = ring
		}
		return ring, err
	}
}

func (c *capture) publish(r *rawsock.Ring) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current = r
}

// namePorts is found once, not at every new filter.
var namePorts = sync.OnceValue(func() rawsock.Names { return rawsock.Names(decode.NamePorts()) })

// giveUpNames makes the filter smaller by the part that tells frames with names, and reports whether it was there.
// Kernels before 6.7 have little room for programs, and not to see ourselves matters more.
func (c *capture) giveUpNames() bool {
	if c.nameless {
		return false
	}
	c.nameless = true
	c.appliance.log.Warn("the kernel has no room for the whole filter: names beyond the first bytes of a frame are not recorded",
		"interface", c.name, "bytes", SnapLength)
	return true
}

// program compiles the user's expression, lets it keep more of the frames that carry names, and puts the
// exclusion of our own traffic in front.
func (c *capture) program(link rawsock.LinkType, own rawsock.Own) ([]bpf.RawInstruction, error) {
	p, err := compile(c.appliance.config.Filter, link)
	if err != nil {
		return nil, err
	}
	if !c.nameless {
		if p, err = rawsock.Widen(link, namePorts(), SnapLength, NameSnapLength, p); err != nil {
			return nil, err
		}
	}
	if p, err = rawsock.Exclude(link, own, p); err != nil {
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
	err := c.setProgram()
	if errors.Is(err, rawsock.ErrTooLarge) && c.giveUpNames() {
		err = c.setProgram()
	}
	if err != nil {
		c.appliance.log.Error("own traffic may be recorded", "interface", c.name, "error", err)
	}
}

func (c *capture) setProgram() error {
	raw, err := c.program(c.current.Link().Type, c.appliance.own.current())
	if err != nil {
		return err
	}
	return c.current.SetFilter(raw)
}

func (c *capture) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil {
		c.current.Interrupt()
	}
	c.awake()
}

// awake ends the wait for an interface.
func (c *capture) awake() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// linksChanged ends the wait for an interface, or the ring of one that is not the same any more.
func (c *capture) linksChanged() {
	link, err := rawsock.Lookup(c.name)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.current == nil:
		c.awake()
	case err == nil && link.Index != c.current.Link().Index, errors.Is(err, rawsock.ErrNoInterface):
		c.current.Interrupt()
	}
}

// record walks the ring until the context ends or the interface is another one.
func (c *capture) record(ctx context.Context, ring *rawsock.Ring) error {
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
			failed = err
			break
		}
		if ready {
			walk()
		}
		if now := time.Now(); c.recorder.Walked(now) {
			c.recorder.HandOver(counts(), now)
		}
	}
	// From here on nobody replaces the filter, which is to refuse everything.
	c.publish(nil)
	until := time.Now()
	switch {
	case failed != nil:
	case ctx.Err() != nil:
		failed = ring.Drain(until.Add(DrainTimeout), walk)
	default:
		c.appliance.log.Warn("the interface is gone or is another one", "interface", c.name)
		failed = ring.Settle(until.Add(DrainTimeout), walk)
	}
	c.recorder.Finish(counts(), until)
	return failed
}
