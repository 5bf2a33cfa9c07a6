package appliance

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/net/bpf"

	"network-sniffer/decode"
	"network-sniffer/rawsock"
)

// open makes the interface's sockets with the filter of this moment and shows them to refilter before that can
// change unseen.
func (c *capture) open() ([]*rawsock.Socket, error) {
	link, err := rawsock.Lookup(c.name)
	if err != nil {
		return nil, err
	}
	c.workers[0].counters.begin(link.Index)
	c.mu.Lock()
	defer c.mu.Unlock()
	socket := c.appliance.plan.socket
	socket.Link = link
	socket.LockFilter = c.appliance.fixed
	for {
		if socket.Filter, err = c.program(link); err != nil {
			return nil, err
		}
		socket.AllowUserSpace = c.room == roomNone
		group, err := rawsock.OpenGroup(socket, len(c.workers))
		if c.giveWay(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		c.current = group
		c.warn()
		return group, nil
	}
}

// namePorts is found once, not at every new filter.
var namePorts = sync.OnceValue(func() *rawsock.Names {
	ports := rawsock.Names(decode.NamePorts())
	return &ports
})

// room is how much of the filter the kernel takes.
type room uint8

const (
	roomAll     room = iota
	roomHeaders      // without the part that finds frames with names
	roomNone         // the whole program runs in user space
)

// giveWay asks less of the kernel after it refused the program; false: there is nothing less, or that is not why.
// Kernels before 6.7 have little room, and a filter in user space costs more than the names behind the headers' bytes
// are worth.
func (c *capture) giveWay(err error) bool {
	switch {
	case !errors.Is(err, rawsock.ErrFilterRefused) || c.room == roomNone:
		return false
	case errors.Is(err, rawsock.ErrTooLarge) && c.room == roomAll && c.appliance.plan.widens():
		c.room = roomHeaders
	default:
		c.room = roomNone
	}
	c.appliance.log.Info("the filter gives way", "interface", c.name, "error", err)
	return true
}

// program compiles the user's expression and puts behind it what happens to a frame that it accepts.
func (c *capture) program(link rawsock.Link) ([]bpf.RawInstruction, error) {
	plan := &c.appliance.plan
	p, err := plan.filter.compile(link, plan.short)
	if err != nil {
		return nil, err
	}
	parts := rawsock.Parts{Own: c.appliance.own.current(), Sampling: plan.sampling}
	if plan.widens() && c.room != roomHeaders {
		parts.Names, parts.Long = namePorts(), plan.long
	}
	if p, err = rawsock.Program(link.Type, parts, p); err != nil {
		return nil, err
	}
	raw, err := bpf.Assemble(p)
	if err != nil {
		return nil, fmt.Errorf("appliance: assemble the filter for %s: %w", c.name, err)
	}
	return raw, nil
}

// refilter replaces the filter on the open sockets. When it returns, the new one stands.
func (c *capture) refilter() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.current) == 0 {
		return
	}
	err := c.setProgram()
	for c.giveWay(err) {
		if c.room == roomNone {
			for _, s := range c.current {
				s.AllowUserSpace()
			}
		}
		err = c.setProgram()
		c.warn()
	}
	if err != nil {
		c.appliance.log.Error("own traffic may be recorded", "interface", c.name, "error", err)
	}
}

func (c *capture) setProgram() error {
	raw, err := c.program(c.current[0].Link())
	if err != nil {
		return err
	}
	for _, s := range c.current {
		if err := s.SetFilter(raw); err != nil {
			return err
		}
	}
	return nil
}
