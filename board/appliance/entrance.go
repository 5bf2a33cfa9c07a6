package appliance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"network-sniffer/board"
	"network-sniffer/board/config"
	"network-sniffer/board/console"
)

// entrances are where clients come in: the listeners of the console and of live captures. One that is for an interface
// comes and goes with it; whatever addresses the interface has, it stays.
type entrances struct {
	log    *slog.Logger
	opened func(door)

	mu      sync.Mutex
	all     []*entrance
	serve   func(net.Listener, console.Port) error // nil before serving and after closing
	serving sync.WaitGroup
}

// entrance is one endpoint with its listener.
type entrance struct {
	config.Endpoint
	port   console.Port
	option config.Option // that names it
	// optional: it is a default; a machine without IPv6 has none of it.
	optional bool

	listener net.Listener // nil: the interface is not there
	index    int          // of the interface that it is bound to
	told     string       // to the log, of why there is no listener
}

// newEntrances are those that the options ask for, or the machine's own. None is open yet.
func newEntrances(c config.Config, b board.Board, log *slog.Logger, opened func(door)) (*entrances, error) {
	if len(c.PcapListen) > 0 && c.ConsolePasswordFile != "" {
		return nil, fmt.Errorf("%w: nobody can type the console's password at a port of --%s: leave it out, or --%s",
			config.ErrUsage, config.PcapListen.Name, config.ConsolePasswordFile.Name)
	}
	all := &entrances{log: log, opened: opened}
	endpoints := c.ConsoleListen
	if endpoints == nil {
		endpoints = defaultEndpoints(b)
	}
	for _, e := range endpoints {
		all.all = append(all.all, &entrance{
			Endpoint: e, port: console.PortConsole, option: config.ConsoleListen, optional: c.ConsoleListen == nil,
		})
	}
	for _, e := range c.PcapListen {
		all.all = append(all.all, &entrance{Endpoint: e, port: console.PortCapture, option: config.PcapListen})
	}
	return all, nil
}

// defaultEndpoints are the loopback's and, on OpenWrt, the LAN's.
func defaultEndpoints(b board.Board) (all []config.Endpoint) {
	if lan := b.LAN(); lan != nil {
		for _, name := range append([]string{loopback}, lan...) {
			all = append(all, config.Endpoint{Interface: name, Addr: netip.IPv6Unspecified(), Port: config.ConsolePort})
		}
		return all
	}
	return []config.Endpoint{
		{Addr: netip.AddrFrom4([4]byte{127, 0, 0, 1}), Port: config.ConsolePort},
		{Addr: netip.IPv6Loopback(), Port: config.ConsolePort},
	}
}

const loopback = "lo" // in every network namespace

// device is the interface that the listener is bound to; empty: none. Addresses of the loopback are bound to it too, so
// that no route leads there from outside (route_localnet, Linux ip-sysctl), and so that they may stand beside interfaces:
// of two listeners at one port the kernel takes both only where both have an interface.
func (e *entrance) device() string {
	if e.Interface == "" && e.Addr.IsLoopback() {
		return loopback
	}
	return e.Interface
}

// follow reports whether what is excluded from capture follows the addresses of interfaces.
func (all *entrances) follow() bool {
	for _, e := range all.all {
		if e.Addr.IsUnspecified() {
			return true
		}
	}
	return false
}

// alone reports whether nobody but this machine gets in.
func (all *entrances) alone() bool {
	for _, e := range all.all {
		if e.device() != loopback {
			return false
		}
	}
	return true
}

// open opens every one whose interface is there, so that a mistake shows at the start. After an error none is open.
func (all *entrances) open() error {
	all.mu.Lock()
	defer all.mu.Unlock()
	for _, e := range all.all {
		if err := all.settle(e); err != nil {
			all.closeAll()
			return err
		}
	}
	return nil
}

// start has those that are open served, and those that will be. It returns at once.
func (all *entrances) start(serve func(net.Listener, console.Port) error) {
	all.mu.Lock()
	all.serve = serve
	for _, e := range all.all {
		if e.listener != nil {
			all.hand(e)
		}
	}
	all.mu.Unlock()
	all.refresh() // what changed since open
}

// refresh takes in a change of interfaces.
func (all *entrances) refresh() {
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.serve == nil {
		return
	}
	for _, e := range all.all {
		if err := all.settle(e); err != nil {
			all.tell(e, slog.LevelError, err.Error())
		}
	}
}

// close closes every listener and returns when none is served any more; sessions go on.
func (all *entrances) close() {
	all.mu.Lock()
	all.serve = nil
	all.closeAll()
	all.mu.Unlock()
	all.serving.Wait()
}

// closeAll is close for who holds mu and has nothing served.
func (all *entrances) closeAll() {
	for _, e := range all.all {
		e.shut()
	}
}

func (e *entrance) shut() {
	if e.listener != nil {
		e.listener.Close() // an error leaves nothing to do: nobody accepts any more
		e.listener = nil
	}
}

// addresses are those of the open listeners, those of the console first.
func (all *entrances) addresses() (open []string) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for _, e := range all.all {
		if e.listener != nil {
			open = append(open, e.String())
		}
	}
	return open
}

// settle opens the listener of an interface that is there, and closes one whose interface is not the same any more. The
// caller holds mu.
func (all *entrances) settle(e *entrance) error {
	if e.Interface == "" {
		if e.listener != nil {
			return nil
		}
		return all.listen(e)
	}
	// The index is read before the socket is bound: should the interface be replaced in between, another change is
	// announced, and finds that the index is not this one.
	index := 0
	if i, err := net.InterfaceByName(e.Interface); err == nil {
		index = i.Index
	}
	if e.listener != nil && index == e.index {
		return nil
	}
	e.shut()
	e.index = index
	err := unix.ENODEV
	if index != 0 {
		if failed := all.listen(e); !errors.Is(failed, err) {
			return failed
		}
	}
	all.tell(e, slog.LevelWarn, "clients cannot come in through an interface that is not there: waiting for it")
	return nil
}

// listen opens the listener and hands it to whoever serves. The caller holds mu.
func (all *entrances) listen(e *entrance) error {
	var config net.ListenConfig
	// Another path of a connection would lead around the interface.
	config.SetMultipathTCP(false)
	if device := e.device(); device != "" {
		config.Control = bindToDevice(device)
	}
	address := e.Endpoint.String()
	if e.Addr.IsUnspecified() {
		address = ":" + strconv.Itoa(int(e.Port)) // IPv4 too, and IPv4 alone where there is no IPv6
	}
	l, err := config.Listen(context.Background(), "tcp", address)
	switch {
	case err == nil:
	case e.optional && (errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.EAFNOSUPPORT)):
		all.tell(e, slog.LevelDebug, err.Error())
		return nil
	default:
		return fmt.Errorf("appliance: cannot listen on %s, choose a free address and port of this device with --%s, "+
			"and for one port either addresses or interfaces: %w", e, e.option.Name, err)
	}
	at := l.Addr().(*net.TCPAddr).AddrPort()
	e.listener, e.Port, e.told = l, at.Port(), ""
	all.opened(door{e.Interface, at})
	if all.serve != nil {
		all.hand(e)
		all.log.Info("clients can come in", "at", e.String())
	}
	return nil
}

// hand has a listener served until it is closed. The caller holds mu.
func (all *entrances) hand(e *entrance) {
	l, serve := e.listener, all.serve
	// The console closes what it is handed after its own end.
	all.serving.Go(func() { _ = serve(l, e.port) })
}

// tell writes to the log what is not what it said last of an entrance. The caller holds mu.
func (all *entrances) tell(e *entrance, level slog.Level, text string) {
	if e.told != text {
		e.told = text
		all.log.Log(context.Background(), level, text, "at", e.String())
	}
}
