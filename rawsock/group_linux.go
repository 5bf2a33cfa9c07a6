package rawsock

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// OpenGroup opens several sockets that share the frames of one interface (PACKET_FANOUT_HASH of packet(7)): each
// frame goes to one of them, both directions of a flow to the same one. All are opened or none; nothing is seen twice
// or outside the group meanwhile. Each has a ring of its own, and an owner of its own.
//
// The hash is the kernel's: it covers addresses, protocol and ports, of fragments the ports are left out, and all frames
// that are not IP go to one member. Fragments are not put together (PACKET_FANOUT_FLAG_DEFRAG would change what is
// captured), so those of a datagram may part from their flow, not from each other.
func OpenGroup(c Config, workers int) ([]*Socket, error) {
	if workers == 1 {
		s, err := Open(c)
		if err != nil {
			return nil, err
		}
		return []*Socket{s}, nil
	}
	if workers < 1 || workers > maxWorkers {
		return nil, opError("open", c.Link.Name, errors.New("not this many workers"), "from 1 to 256")
	}
	group, err := openGroup(c, workers)
	if c.Mode == ModeAuto && errors.Is(err, errNoRing) {
		// One had a ring and another had none: they read, all of them.
		c.Mode = ModeRead
		return openGroup(c, workers)
	}
	return group, err
}

func openGroup(c Config, workers int) (group []*Socket, err error) {
	defer func() {
		if err == nil {
			return
		}
		for _, s := range group {
			err = errors.Join(err, s.Close())
		}
		group = nil
	}()
	for range workers {
		s, err := openDeaf(c)
		if err != nil {
			return group, err
		}
		c.Mode = s.Mode()
		group = append(group, s)
		// A socket is bound before it joins, and would see every frame in between.
		if err := s.SetFilter(refuseAll); err != nil {
			return group, err
		}
		if err := s.listen(); err != nil {
			return group, err
		}
	}
	if err := join(group); err != nil {
		return group, err
	}
	for _, s := range group {
		if err := s.forget(); err != nil {
			return group, err
		}
		if err := s.SetFilter(c.Filter); err != nil {
			return group, err
		}
		if err := s.lock(); err != nil {
			return group, err
		}
	}
	return group, nil
}

// join makes a group of the sockets, under a number that nobody else has.
func join(group []*Socket) error {
	kind := unix.PACKET_FANOUT_HASH | unix.PACKET_FANOUT_FLAG_UNIQUEID
	id := 0
	for _, s := range group {
		err := s.control(func(fd int) error {
			if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_FANOUT, id|kind<<16); err != nil {
				return err
			}
			all, err := unix.GetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_FANOUT)
			id = all & 0xffff
			return err
		})
		if errors.Is(err, unix.EINVAL) && !s.linkUp() {
			return opError("share the work", s.config.Link.Name, ErrLinkDown,
				"kernels before 6.13 share a link only while it is up")
		}
		if err != nil {
			return opError("share the work", s.config.Link.Name, os.NewSyscallError("PACKET_FANOUT", err), "")
		}
		kind = unix.PACKET_FANOUT_HASH
	}
	return nil
}

// forget takes out what came before the group stood, in a socket for which the kernel refuses even the program that
// refuses everything: each member has all of these frames.
func (s *Socket) forget() error {
	if !s.InUserSpace() {
		return nil
	}
	if _, err := s.Stats(); err != nil {
		return err
	}
	s.stats.Received -= s.stats.Dropped
	s.stats.Dropped, s.stats.Freezes = 0, 0
	deadline := time.Now().Add(s.config.BlockTimeout + forgetTimeout)
	for before := s.stats.Received; s.stats.Refused < before; {
		ready, err := s.Wait(deadline)
		if err == nil && !ready {
			err = os.ErrDeadlineExceeded
		}
		if err != nil {
			return opError("empty the ring", s.config.Link.Name, err, "")
		}
		var f Frame
		s.Next(&f) // to the end of the block, for every frame is refused
	}
	return nil
}

// linkUp looks whether the link is up now.
func (s *Socket) linkUp() bool {
	link, err := Lookup(s.config.Link.Name)
	return err == nil && link.Up
}
