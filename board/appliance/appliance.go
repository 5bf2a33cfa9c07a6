// Package appliance wires the way of the data: rings to decode to recorder and console, spool to uplink. It
// starts all of it, keeps it going and stops it with the books closed.
//
// Goroutines: one per socket, one that seals, one that uploads, one that watches links, one that looks after the
// uplink's figures, one that hands over what clients pushed, the console's own. The socket's goroutine calls decode,
// recorder and console tap directly; nothing it calls waits for disk, database or client.
package appliance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"network-sniffer/board"
	"network-sniffer/board/config"
	"network-sniffer/board/console"
	"network-sniffer/rawsock"
	"network-sniffer/uplink"
	"network-sniffer/uplink/spool"
)

// Bounds of this package.
const (
	// SnapLength is how many bytes of a frame are captured: every header of today's traffic, at less than
	// half of the kernel's cost for a whole frame.
	SnapLength = 256
	// NameSnapLength is how many are captured of one that carries names (rawsock.Names): a ClientHello with the
	// key shares of today, which the host has merged from two segments.
	NameSnapLength = 2560
	// MaxInterfaces bounds the interfaces that have a name in the console and in the records, which number them in a
	// byte. More are refused; more that a capture of all interfaces meets are recorded as "any".
	MaxInterfaces = 64
	// MaxPushers bounds the addresses that clients of the console push from and that have an interface of their own in the
	// records, one less; packets from more are recorded as those of "push".
	MaxPushers = 32
	// MaxSockets bounds the workers of all interfaces together; more are refused.
	MaxSockets = 64
	// LookupTimeout is how long the names of hosts in a filter may take, all together. A name that is not known by then
	// ends the start.
	LookupTimeout = 5 * time.Second
	// DrainTimeout is how long a ring may take to hand out its last frames; what is left is counted.
	DrainTimeout = 2 * time.Second
	// FarewellTimeout is how long the last upload may take; what is left stays in the spool.
	FarewellTimeout = 5 * time.Second
	// PreserveTimeout is how long the spool's second tier may take what is left after that; what it does not take stays
	// in the first.
	PreserveTimeout = 10 * time.Second
)

// Appliance is one run of the recorder.
type Appliance struct {
	config  config.Config
	board   board.Board
	log     *slog.Logger
	version string

	device, run [16]byte
	spool       *spool.Spool
	sealer      *uplink.Sealer
	uploader    *uplink.Uploader // nil: no database is configured
	rate        rate             // of the uploader
	sent        meter            // bytes of the uploader
	backlog     backlog
	before      spoolBefore
	marks       markPace
	console     *console.Server
	push        *pusher // nil: clients may not
	entrances   *entrances
	gate        *gate
	login       *login // nil: the console asks for no password
	own         *ownTraffic
	plan        plan
	fixed       bool // nothing will change what the filters exclude
	names       names
	captures    []*capture
	links       atomic.Uint64 // counts the changes of links
	unnamed     sync.Once     // the log tells of the first interface that got no number
	ready       chan struct{}
	started     time.Time
}

// New checks the configuration against the machine, opens the spool and the console's port, and is then
// able to Run. An error leaves nothing open.
func New(c config.Config, b board.Board, version string, log *slog.Logger) (_ *Appliance, err error) {
	a := &Appliance{config: c, board: b, log: log, version: version, ready: make(chan struct{}), started: time.Now()}
	if len(a.config.Interfaces) == 0 {
		name, err := b.DefaultInterface()
		if err != nil {
			return nil, err
		}
		a.config.Interfaces = []string{name}
	}
	a.names.list = slices.Clone(a.config.Interfaces)
	budget := b.Budget()
	if a.plan, err = planOf(a.config, budget); err != nil {
		return nil, err
	}
	if err := a.identify(); err != nil {
		return nil, err
	}
	// A mistake in the expression shows now, and not when an interface comes up.
	if err := a.plan.filter.check(a.linkType()); err != nil {
		return nil, err
	}
	size := a.config.SpoolSize
	if size == 0 {
		size = budget.Spool
	}
	overflow, err := overflowOf(a.config)
	if err != nil {
		return nil, err
	}
	if a.spool, err = spool.OpenWithOverflow(spool.Disk{}, a.config.SpoolDir, size, overflow); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			a.spool.Close()
		}
	}()
	a.countBefore()
	a.own = newOwnTraffic(a.refilter, log)
	if a.config.DatabaseURL != "" {
		if err := a.openUplink(); err != nil {
			return nil, err
		}
	}
	if a.entrances, err = newEntrances(a.config, b, log, a.own.listen); err != nil {
		return nil, err
	}
	if a.login, err = newLogin(a.config.ConsolePasswordFile); err != nil {
		return nil, err
	}
	a.fixed = a.uploader == nil && !a.entrances.follow()
	if a.config.ConsolePush {
		a.push = newPusher(&a.names, log)
	}
	a.console = console.New(a.consoleConfig(budget))
	if err := a.entrances.open(); err != nil {
		return nil, err
	}
	a.sealer = uplink.NewSealer(uplink.SealerConfig{
		Spool: a.spool, Device: a.device, Run: a.run,
		Recorders: len(a.config.Interfaces) * a.plan.workers, BatchSize: budget.Batch,
		OnError: func(err error) { log.Error("segment lost", "error", err) },
	})
	if a.push != nil {
		a.push.open(a.sealer)
	}
	for i, name := range a.config.Interfaces {
		a.captures = append(a.captures, a.newCapture(uint8(i), name))
	}
	return a, nil
}

// newCapture makes a capture with its workers.
func (a *Appliance) newCapture(index uint8, name string) *capture {
	c := &capture{appliance: a, name: name, index: index, wake: make(chan struct{}, 1)}
	for range a.plan.workers {
		w := &worker{capture: c, tap: a.console.NewTap(), recorder: a.sealer.NewRecorder(uplink.RecorderConfig{
			Index: index, Name: name, Filter: a.config.Filter, SnapLength: a.plan.long,
			SampleRate: a.plan.sampling.Rate, SampleBy: a.plan.sampleBy(),
			Several: name == rawsock.Any,
		})}
		if name == rawsock.Any {
			w.origin = newOrigin(&a.names, index, &a.links, w.recorder.Alias, a.tooMany)
		}
		c.workers = append(c.workers, w)
	}
	return c
}

// linkType is the one that the expression is compiled for before any interface is there. Ethernet knows every word.
func (a *Appliance) linkType() rawsock.LinkType {
	if slices.Contains(a.config.Interfaces, rawsock.Any) {
		return rawsock.LinkCooked
	}
	return rawsock.LinkEthernet
}

// tooMany is told of an interface that a capture of all interfaces met when every number was given.
func (a *Appliance) tooMany(name string) {
	a.unnamed.Do(func() {
		a.log.Warn("more interfaces than can be told apart: packets of the others are recorded as those of "+rawsock.Any,
			"interface", name, "most", MaxInterfaces)
	})
}

func (a *Appliance) identify() (err error) {
	if a.config.DeviceName == "" {
		a.config.DeviceName = a.board.Hostname()
	}
	if a.config.DeviceID != "" {
		if a.device, err = board.ParseUUID(a.config.DeviceID); err != nil {
			return fmt.Errorf("appliance: --device-id: %w", err)
		}
	} else {
		var from string
		if a.device, from, err = a.board.Identity(); err != nil {
			return err
		}
		a.log.Debug("identity", "device", uplink.FormatUUID(a.device), "from", from)
	}
	a.run, err = board.NewRun()
	return err
}

// SecretWarning is what to tell somebody who put a password on the command line; empty when nobody did.
func SecretWarning(c config.Config) string {
	if !c.SecretInArguments || !uplink.HasPassword(c.DatabaseURL) {
		return ""
	}
	return "the database password stands on the command line, where every user can read it; use " +
		config.DatabaseURL.Environment() + " or a passfile"
}

// Ready is closed when every interface that exists is being recorded.
func (a *Appliance) Ready() <-chan struct{} { return a.ready }

// ConsoleAddrs are where clients come in now, as the options are written.
func (a *Appliance) ConsoleAddrs() []string { return a.entrances.addresses() }

// Run records until the context ends, then stops in the order of the data: no more frames, the rings
// drained, the last segment sealed, one last upload, and the books as the result. An error means that
// recording was not possible, or that the books could not be closed; the report holds in both cases.
func (a *Appliance) Run(ctx context.Context) (Report, error) {
	links, err := rawsock.WatchLinks()
	if err != nil {
		return Report{}, errors.Join(err, a.close())
	}
	for _, note := range a.plan.blind() {
		a.log.Warn(note)
	}
	var capturing, pushing, uploading, watching sync.WaitGroup
	failed := make(chan error, len(a.captures))

	if a.push != nil {
		a.log.Warn(pushNote)
		pushing.Go(a.push.run)
	}
	a.console.Start()
	a.gate.refresh()
	a.entrances.start(a.console.Serve)
	uploadCtx, cutUpload := context.WithCancel(context.Background())
	defer cutUpload()
	finish := make(chan struct{})
	tendCtx, stopTending := context.WithCancel(context.Background())
	defer stopTending()
	if a.uploader != nil {
		uploading.Go(func() { a.uploader.Run(uploadCtx, finish) })
	} else {
		a.spool.Uplink(false)
		a.log.Warn("no database: rows stay in the spool; name one with --database-url", "spool", a.config.SpoolDir)
	}
	watching.Go(func() { a.watch(links) })
	watching.Go(func() { a.tend(tendCtx) })
	captureCtx, stopCapture := context.WithCancel(ctx)
	defer stopCapture()
	var opened sync.WaitGroup
	for _, c := range a.captures {
		opened.Add(1)
		capturing.Go(func() {
			if err := c.run(captureCtx, sync.OnceFunc(opened.Done)); err != nil {
				failed <- err
				stopCapture()
			}
		})
	}
	go func() {
		opened.Wait()
		close(a.ready)
	}()

	capturing.Wait()
	close(failed)
	links.Close()
	stopTending()
	watching.Wait()
	if a.push != nil {
		a.push.close()
		pushing.Wait()
	}
	a.log.Info("stopped recording")
	errs := []error{<-failed, a.sealer.Close()}
	timer := time.AfterFunc(FarewellTimeout, cutUpload)
	close(finish)
	uploading.Wait()
	timer.Stop()
	a.preserve()
	report := a.report()
	errs = append(errs, within(PreserveTimeout, func() error { // a session may be looking at the spool
		a.login.close()
		a.console.Close()
		return nil
	}))
	return report, errors.Join(append(errs, a.close())...)
}

func (a *Appliance) close() error {
	a.entrances.close()
	if a.uploader != nil {
		a.uploader.Close()
	}
	// It waits for what is being written to the second tier, like Preserve.
	if err := within(PreserveTimeout, a.spool.Close); err != nil {
		return fmt.Errorf("close the spool: %w", err)
	}
	return nil
}

// watch wakes the captures when links or addresses change: an interface may have come, gone or come back
// as another one under the same name.
func (a *Appliance) watch(links *rawsock.LinkWatcher) {
	for {
		if err := links.Wait(); err != nil {
			if !errors.Is(err, os.ErrClosed) {
				a.log.Error("changes of interfaces are not noticed any more", "error", err)
			}
			return
		}
		a.links.Add(1)
		a.own.refresh()
		for _, c := range a.captures {
			c.linksChanged()
		}
		a.gate.refresh()
		a.entrances.refresh()
	}
}

// refilter puts a new filter on every socket.
func (a *Appliance) refilter() {
	for _, c := range a.captures {
		c.refilter()
	}
}
