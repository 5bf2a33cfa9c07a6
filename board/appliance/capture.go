package appliance

import (
	"context"
	"errors"
	"sync"
	"time"

	"network-sniffer/rawsock"
)

// capture records one interface, or all of them together, through all its comings and goings.
type capture struct {
	appliance *Appliance
	name      string
	index     uint8
	workers   []*worker     // a socket each
	wake      chan struct{} // links changed while no socket was open
	pace      pace          // of the workers together

	mu      sync.Mutex
	current []*rawsock.Socket // none: the interface is not there
	gone    bool              // the workers are about to notice that the interface is not the same any more
	renamed string            // what the interface is called now, if not by its name
	room    room              // what the kernel has room for
}

// run returns when the context ends, or when the interface cannot be recorded for a reason that waiting
// does not cure. opened is called once the first socket is open or known to be impossible for now.
func (c *capture) run(ctx context.Context, opened func()) error {
	defer opened()
	stop := context.AfterFunc(ctx, c.interrupt)
	defer stop()
	if c.name != rawsock.Any {
		if reader, err := rawsock.NewCounterReader(); err == nil {
			defer reader.Close()
			c.workers[0].counters = &linkCounters{reader: reader}
		} else {
			c.appliance.log.Warn("the interface's own counters are not told in the ledger", "interface", c.name, "error", err)
		}
	}
	waiting := false
	for ctx.Err() == nil {
		group, err := c.open()
		switch {
		case errors.Is(err, rawsock.ErrNoInterface), errors.Is(err, rawsock.ErrLinkDown):
			if !waiting {
				c.appliance.log.Warn("waiting for the interface", "interface", c.name, "error", err)
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
		link := group[0].Link()
		buffer := "ring_bytes"
		if group[0].Mode() == rawsock.ModeRead {
			buffer = "buffer_bytes"
		}
		c.appliance.log.Info("recording", "interface", c.name, "index", link.Index, "mtu", link.MTU, "up", link.Up,
			"workers", len(group), "mode", group[0].Mode(), buffer, group[0].Size(), "user_filter", group[0].InUserSpace(),
			"filter_locked", c.appliance.fixed)
		waiting = false
		opened()
		if err := c.record(ctx, group); err != nil {
			return err
		}
	}
	return nil
}

// record lets each worker walk its socket until the context ends or the interface is another one. When one fails,
// all end.
func (c *capture) record(ctx context.Context, group []*rawsock.Socket) error {
	errs := make([]error, len(group))
	var working sync.WaitGroup
	for i, s := range group {
		w := c.workers[i]
		w.recorder.Begin(time.Now())
		working.Go(func() { errs[i] = w.record(ctx, s) })
	}
	working.Wait()
	for _, s := range group {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// walked is how many packets the workers have taken from their sockets since the start.
func (c *capture) walked() (n uint64) {
	for _, w := range c.workers {
		n += w.walked.Load()
	}
	return n
}

// leave ends the wait of every worker: the first one that ends takes the others with it. From then on nobody
// replaces the filter.
func (c *capture) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.interruptAll()
	c.current, c.renamed, c.gone = nil, "", false
}

// interrupt ends whatever is being waited for.
func (c *capture) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.interruptAll()
	c.awake()
}

// interruptAll ends the wait of every worker. The caller holds mu.
func (c *capture) interruptAll() {
	for _, s := range c.current {
		s.Interrupt()
	}
}

// awake ends the wait for an interface.
func (c *capture) awake() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// linksChanged ends the wait for an interface, or the capture of one that is gone or another one. One that was
// renamed goes on under its old name until another has that name.
func (c *capture) linksChanged() {
	link, err := rawsock.Lookup(c.name)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.current) == 0 {
		c.awake()
		return
	}
	was := c.current[0].Link()
	switch {
	// An interface that was made again may have its old number; the socket is bound to nothing then.
	case !c.current[0].Bound(), err == nil && link.Index != was.Index:
		if !c.gone {
			c.gone = true
			c.appliance.log.Warn("the interface is gone or is another one", "interface", c.name)
		}
		c.interruptAll()
	case err == nil:
		c.renamed = ""
	default:
		if now, err := rawsock.NameOf(was.Index); err == nil && now != c.renamed {
			c.renamed = now
			c.appliance.log.Warn("the interface has another name now: it is recorded under its old one until another interface has that",
				"interface", c.name, "now", now)
		}
	}
}

// blind says what this capture does not see of what the options ask for, a line each.
func (c *capture) blind() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.notes()
}

// warn writes that to the log. The caller holds mu.
func (c *capture) warn() {
	for _, note := range c.notes() {
		c.appliance.log.Warn(note)
	}
}

// notes is blind for who holds mu.
func (c *capture) notes() (notes []string) {
	if len(c.current) == 0 {
		return []string{c.name + " is not there: nothing of it is recorded until it comes"}
	}
	s := c.current[0]
	switch {
	case s.InUserSpace():
		notes = append(notes, c.name+": the kernel refuses the filter, which runs in user space: under load more is dropped")
	case c.room == roomHeaders:
		notes = append(notes, c.name+": the kernel has no room for the whole filter: long names are not read")
	}
	if c.name == rawsock.Any && c.appliance.config.Promiscuous {
		notes = append(notes, c.name+": no interface is made promiscuous; frames for other hosts are seen where one is so already")
	}
	if c.renamed != "" {
		notes = append(notes, c.name+" is called "+c.renamed+" now, and is recorded under its old name")
	}
	if c.appliance.config.HardwareTime && !s.HardwareTime() {
		notes = append(notes, c.name+": times are the kernel's, for the network card does not stamp every frame")
	}
	if s.Mode() == rawsock.ModeRead {
		notes = append(notes, c.name+": frames are read one by one, without a ring: under load more is dropped")
	}
	return notes
}
