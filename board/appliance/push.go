package appliance

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"network-sniffer/decode"
	"network-sniffer/uplink"
	"network-sniffer/uplink/spool"
)

// pushName is the interface of packets that clients of the console send; with an address behind it, of those that came
// from there. No interface's name has a space.
const pushName = "push"

// pushNote is what whoever looks at the recorder is to know.
const pushNote = "clients of the console may push packets, which are recorded as those of \"" + pushName + "\" on their word alone"

// maxAhead is how far a pushed packet's time may be ahead of this machine's clock. Rows of days to come would keep the
// database from making the partitions of these days.
const maxAhead = time.Hour

// pushPatience is how long a client is held back while the disk is behind with what was pushed before. When that did not help
// nobody waits any more, until the disk goes on.
const pushPatience = 2 * time.Second

// Why Push does not store a packet; what it returns is a line for the client.
var (
	errStopping = errors.New("the recorder is stopping: nothing is stored any more")
	errNoTime   = errors.New("it has no time, and the recorder's clock is not set: give it one, or send it later")
	errTooOld   = errors.New("its time is before 1970: set the sender's clock, or send it without a time")
	errTooNew   = errors.New("its time is ahead of the recorder's clock: set one of the two, or send it without a time")
	errBusy     = errors.New("the recorder is waiting for its disk: the packet is lost, and counted as " + uplink.LossRecorder)
)

// pusher records what clients of the console send. Its books are those of an interface: received is what was sent and
// not turned away at the end of the run, and each of it is a row or a loss with a name.
type pusher struct {
	names    *names
	log      *slog.Logger
	clock    func() spool.Clock
	recorder *uplink.Recorder
	all      uint8         // the number of pushName
	wake     chan struct{} // a token: an interval began
	done     chan struct{} // closed: run ends
	patience time.Duration

	mu      sync.Mutex
	hangs   bool // the disk did not go on in patience
	counts  uplink.Counts
	told    uint64    // received packets of the intervals before this one; the same as counts.Received: there is none
	due     time.Time // when the interval is to be handed over
	numbers map[netip.Addr]uint8
	closed  bool
}

func newPusher(n *names, log *slog.Logger) *pusher {
	p := &pusher{
		names: n, log: log, clock: uplink.ReadClock, numbers: map[netip.Addr]uint8{},
		wake: make(chan struct{}, 1), done: make(chan struct{}), patience: pushPatience,
	}
	p.all, _ = n.client(pushName) // the first one gets a number
	return p
}

// open makes its recorder. It comes before the first packet.
func (p *pusher) open(s *uplink.Sealer) {
	p.recorder = s.NewRecorder(uplink.RecorderConfig{Index: p.all, Name: pushName, Several: true, Pushed: true})
}

// Push stores a packet that a client sent. One without a time gets that of now. It may wait for the disk. The error is a line for the client; the
// packet is counted then, except when the run is at its end.
func (p *pusher) Push(from netip.Addr, packet *decode.Packet) error {
	err := p.stamp(packet)
	return p.count(1, func() error {
		if err != nil {
			p.counts.Refused++
			return err
		}
		packet.Interface = p.number(from)
		if p.hangs = !p.recorder.Await(p.bearable()); p.hangs {
			err = errBusy
		}
		if p.recorder.Record(packet) {
			p.handOver()
		}
		return err
	})
}

// bearable is how long to wait for the disk. The caller holds mu.
func (p *pusher) bearable() time.Duration {
	if p.hangs {
		return 0
	}
	return p.patience
}

// Refuse counts what a client sent and was not understood.
func (p *pusher) Refuse(_ netip.Addr, packets uint64) {
	_ = p.count(packets, func() error { // at the end of the run it is not counted
		p.counts.Refused += packets
		return nil
	})
}

// stamp gives a packet a time, or refuses the one it has.
func (p *pusher) stamp(packet *decode.Packet) error {
	now := time.Now()
	switch {
	case packet.Time < 0:
		return errTooOld
	case packet.Time > now.Add(maxAhead).UnixNano():
		return fmt.Errorf("%s: %w", time.Unix(0, packet.Time).UTC().Format(time.RFC3339), errTooNew)
	case packet.Time != 0:
		return nil
	case p.clock().State == spool.ClockUnset:
		return errNoTime
	}
	packet.Time = now.UnixNano()
	return nil
}

// count receives packets, of which do says what becomes.
func (p *pusher) count(packets uint64, do func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return errStopping
	}
	if p.idle() {
		now := time.Now()
		p.recorder.Begin(now)
		p.due = now.Add(uplink.MaxAge)
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
	p.counts.Received += packets
	return do()
}

// number is that of a client, or of all of them. The caller holds mu.
func (p *pusher) number(from netip.Addr) uint8 {
	from = from.Unmap().WithZone("")
	number, known := p.numbers[from]
	if known {
		return number
	}
	if len(p.numbers) >= MaxPushers {
		return p.all
	}
	name := pushName + " " + from.String()
	number, ok := p.names.client(name)
	if !ok {
		p.log.Warn("more clients push than can be told apart: packets of the others are recorded as those of "+pushName,
			"client", from, "most", MaxPushers)
		number = p.all
	} else {
		p.recorder.Alias(number, name)
	}
	p.numbers[from] = number
	return number
}

// idle reports that nothing came since the last interval. Nobody's silence is coverage here: the next interval begins
// with the next packet. The caller holds mu.
func (p *pusher) idle() bool { return p.counts.Received == p.told }

// handOver ends the interval, or tries again soon. The caller holds mu.
func (p *pusher) handOver() {
	if p.recorder.HandOver(p.counts, time.Now()) {
		p.told = p.counts.Received
	} else {
		p.due = p.recorder.Due()
	}
}

// step hands over what is due, and returns when it is to be called again; false: not before a packet comes.
func (p *pusher) step() (time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed && !p.idle() && !time.Now().Before(p.due) {
		p.handOver()
	}
	return p.due, !p.closed && !p.idle()
}

// run hands over what is due, until close.
func (p *pusher) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var due <-chan time.Time
		if at, ok := p.step(); ok {
			timer.Reset(time.Until(at))
			due = timer.C
		}
		select {
		case <-p.wake:
		case <-due:
		case <-p.done:
			return
		}
	}
}

// close hands over the rest. What clients send from now on is turned away.
func (p *pusher) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	close(p.done)
	if !p.idle() {
		p.recorder.Finish(p.counts, time.Now())
	}
}
