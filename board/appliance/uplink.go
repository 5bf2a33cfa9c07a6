package appliance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"network-sniffer/board"
	"network-sniffer/board/config"
	"network-sniffer/rawsock"
	"network-sniffer/uplink"
	"network-sniffer/uplink/spool"
)

// wanShare is the part of the WAN's upload rate that the uplink leaves to the household by default: all but a quarter.
const wanShare = 4

// rate is how much of the line the upload may take, and why so much.
type rate struct {
	limit int64 // bytes a second; 0: unlimited
	why   string
}

// rateOf finds the rate. onLink tells whether the database is on this machine or on a network that it is part of; it is
// asked only when that decides, because it may look up names.
func rateOf(c config.Config, b board.Board, onLink func() bool) rate {
	if c.UplinkRate != config.RateAuto {
		return rate{c.UplinkRate, "asked for"}
	}
	wan, iface, ok := b.WANUpload()
	switch {
	case !ok:
		return rate{0, "nothing tells the WAN's upload rate"}
	case onLink():
		return rate{0, "the database is on a network of this machine"}
	}
	return rate{max(uplink.MinRate, wan/wanShare),
		fmt.Sprintf("a quarter of the %d bytes/s that SQM gives %s", wan, iface)}
}

func (r rate) String() string {
	if r.limit == 0 {
		return "unlimited: " + r.why
	}
	return fmt.Sprintf("%d bytes/s: %s", r.limit, r.why)
}

func (a *Appliance) openUplink() error {
	target, err := uplink.ParseTarget(a.config.DatabaseURL)
	if err != nil {
		return err
	}
	if target.Warning != "" {
		a.log.Warn(target.Warning)
	}
	if warning := SecretWarning(a.config); warning != "" {
		a.log.Warn(warning)
	}
	format, err := uplink.ParseFormat(cmp.Or(a.config.UplinkFormat, config.FormatAuto))
	if err != nil {
		return err
	}
	a.rate = rateOf(a.config, a.board, target.OnLink)
	a.log.Info("uplink", "rate", a.rate, "format", format)
	a.uploader, err = uplink.NewUploader(uplink.UploaderConfig{
		Spool: a.spool, Target: target, Device: a.device, DeviceName: a.config.DeviceName,
		Version: a.version, Log: a.log, Format: format, Rate: a.rate.limit,
		Opening: func(c uplink.Connection) { a.own.opening(rawsock.Connection(c)) },
		Closed:  func(c uplink.Connection) { a.own.closed(rawsock.Connection(c)) },
	})
	return err
}

// overflowOf is the spool's second tier as the options ask for it.
func overflowOf(c config.Config) (spool.Overflow, error) {
	if c.SpoolOverflowDir == "" {
		return spool.Overflow{}, nil
	}
	if filepath.Clean(c.SpoolOverflowDir) == filepath.Clean(c.SpoolDir) {
		return spool.Overflow{}, fmt.Errorf("%w: --%s is the spool's own directory: name one on flash or USB, or leave it out",
			config.ErrUsage, config.SpoolOverflowDir.Name)
	}
	return spool.Overflow{
		Dir: c.SpoolOverflowDir, Limit: c.SpoolOverflowSize, Daily: c.SpoolOverflowDaily, After: c.SpoolOverflowAfter,
	}, nil
}

// tend samples what was captured and what was sent, tells the log what becomes of the spool's second tier, and looks for
// uplinks of the machine, until the context ends.
func (a *Appliance) tend(ctx context.Context) {
	tick := time.NewTicker(paceEvery)
	defer tick.Stop()
	var told overflowNews
	var due time.Time // of what is done each meterEvery
	for now := time.Now(); ; {
		for _, c := range a.captures {
			c.pace.add(now, c.walked())
		}
		if !now.Before(due) {
			due = now.Add(meterEvery - paceEvery/2) // ticks are not exact
			if a.uploader != nil {
				a.sent.add(now, a.uploader.State().Bytes)
			}
			told.tell(a.log, a.spool.Stats().Overflow)
			a.gate.tend()
		}
		select {
		case <-ctx.Done():
			return
		case now = <-tick.C:
		}
	}
}

// overflowNews is what the log knows of the second tier.
type overflowNews struct {
	wrong string
	used  bool
}

func (n *overflowNews) tell(log *slog.Logger, o spool.OverflowStats) {
	if o.Err != n.wrong {
		if o.Err != "" {
			log.Error("nothing is written to the spool's second tier", "overflow", o.Dir, "error", o.Err)
		} else {
			log.Info("the spool's second tier can be used again", "overflow", o.Dir)
		}
	}
	if used := o.Segments > 0; used != n.used && o.Err == "" {
		n.used = used
		if used {
			log.Warn("rows wait in the spool's second tier", "overflow", o.Dir, "segments", o.Segments, "bytes", o.Bytes)
		} else {
			log.Info("the spool's second tier is empty", "overflow", o.Dir)
		}
	}
	n.wrong = o.Err
}

// preserve takes what the last upload left to the second tier: the first one is gone when the machine boots. It gives up
// after PreserveTimeout: a stick that hangs must not keep the machine from stopping.
func (a *Appliance) preserve() {
	if a.config.SpoolOverflowDir == "" || a.spool.Stats().Segments == 0 {
		return
	}
	switch err := within(PreserveTimeout, a.spool.Preserve); {
	case errors.Is(err, errNoAnswer):
		a.log.Error("rows stay in the spool's first tier: the second one does not answer", "overflow", a.config.SpoolOverflowDir,
			"waited", PreserveTimeout)
	case err != nil:
		a.log.Error("rows stay in the spool's first tier, and are gone when the machine boots", "error", err)
	default:
		a.log.Info("rows are kept for the next start", "overflow", a.config.SpoolOverflowDir,
			"segments", a.spool.Stats().Overflow.Segments)
	}
}

// errNoAnswer: a disk did not do in time what it was asked for.
var errNoAnswer = errors.New("the disk does not answer")

// within waits so long, and leaves alone what does not end: the process is about to.
func within(d time.Duration, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	timeout := time.NewTimer(d)
	defer timeout.Stop()
	select {
	case err := <-done:
		return err
	case <-timeout.C:
		return errNoAnswer
	}
}
