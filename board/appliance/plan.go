package appliance

import (
	"errors"
	"fmt"
	"slices"

	"network-sniffer/board"
	"network-sniffer/board/config"
	"network-sniffer/rawsock"
)

// ErrTooMany: more interfaces, or sockets, than this package's bounds.
var ErrTooMany = errors.New("too many interfaces")

// plan is how every interface is captured: what was asked for and the board's memory, put together.
type plan struct {
	socket   rawsock.Config // without link and filter
	filter   userFilter
	workers  int // sockets of an interface
	sampling rawsock.Sampling
	// short and long are the bytes captured of a frame, and of one that carries names; the same when asked for.
	short, long uint32
}

func planOf(c config.Config, b board.Budget) (plan, error) {
	n := len(c.Interfaces)
	if n > MaxInterfaces {
		return plan{}, fmt.Errorf("appliance: %d interfaces, at most %d: %w", n, MaxInterfaces, ErrTooMany)
	}
	if n > 1 && slices.Contains(c.Interfaces, rawsock.Any) {
		return plan{}, fmt.Errorf("%w: --%s %s records every interface: name no other beside it, or its packets are recorded twice",
			config.ErrUsage, config.Interface.Name, rawsock.Any)
	}
	p := plan{filter: newUserFilter(c.Filter), workers: max(1, c.Workers), short: SnapLength, long: NameSnapLength}
	if n*p.workers > MaxSockets {
		return plan{}, fmt.Errorf("appliance: %d interfaces of %d workers each, at most %d in all: %w (lower --%s)",
			n, p.workers, MaxSockets, ErrTooMany, config.Workers.Name)
	}
	if c.SnapLength > 0 {
		p.short, p.long = c.SnapLength, c.SnapLength
	}
	p.sampling = rawsock.Sampling{Rate: c.SampleRate}
	if c.SampleBy == config.SampleByPacket {
		p.sampling.By = rawsock.SamplePacket
	}
	p.socket = rawsock.Config{
		BlockTimeout: c.RingTimeout,
		Promiscuous:  c.Promiscuous,
		HardwareTime: c.HardwareTime,
	}
	ringAsked := c.RingSize > 0 || c.RingBlock > 0
	switch {
	case c.CaptureMode == config.CaptureRing:
		p.socket.Mode = rawsock.ModeRing
	case c.CaptureMode == config.CaptureRead && ringAsked:
		return plan{}, fmt.Errorf("%w: --%s %s has no ring: leave out --%s and --%s, or --%[2]s", config.ErrUsage,
			config.CaptureMode.Name, config.CaptureRead, config.RingSize.Name, config.RingBlock.Name)
	case c.CaptureMode == config.CaptureRead, b.Plain && !ringAsked:
		p.socket.Mode = rawsock.ModeRead
	}
	var err error
	p.socket.BlockSize, p.socket.Blocks, err = ring(c, b, n*p.workers)
	return p, err
}

// sampled reports whether some packets are left out at random.
func (p *plan) sampled() bool { return p.sampling.Rate > 1 }

// widens reports whether more is captured of a frame that carries names.
func (p *plan) widens() bool { return p.long > p.short }

// sampleBy is what --sample counts, for the ledger; empty when everything is recorded.
func (p *plan) sampleBy() string {
	switch {
	case !p.sampled():
		return ""
	case p.sampling.By == rawsock.SamplePacket:
		return config.SampleByPacket
	}
	return config.SampleByFlow
}

// minBlocks: a ring of fewer has no room while its reader walks one.
const minBlocks = 4

// ring is the size of a block and the number of blocks. By default more than four rings share what four may take.
func ring(c config.Config, b board.Budget, rings int) (size, blocks int, err error) {
	size, blocks = b.RingBlock, max(minBlocks, minBlocks*b.Blocks/max(minBlocks, rings))
	total := int64(size * blocks)
	if c.RingSize > 0 {
		total = c.RingSize
	}
	switch {
	case c.RingBlock > 0:
		size = int(c.RingBlock)
	default:
		for size > smallestBlock && int64(size)*minBlocks > total {
			size /= 2
		}
	}
	if blocks = int(total / int64(size)); blocks >= minBlocks {
		return size, blocks, nil
	}
	if c.RingSize == 0 {
		return size, minBlocks, nil // larger blocks were asked for, not fewer
	}
	return 0, 0, fmt.Errorf("%w: a ring of %d KiB has not %d blocks of %d KiB: raise --%s or lower --%s",
		config.ErrUsage, total>>10, minBlocks, size>>10, config.RingSize.Name, config.RingBlock.Name)
}

const smallestBlock = 32 << 10
