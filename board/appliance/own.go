package appliance

import (
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"network-sniffer/rawsock"
)

// lingering is how long a closed connection stays excluded: its last segments cross the link after Close,
// and the kernel answers for it until TIME_WAIT ends, 60 s (tcp(7)).
const lingering = 2 * time.Minute

// maxConnections and maxListeners bound what is excluded; together they fit in front of a filter. Of the
// connections the oldest closed ones go first.
const (
	maxConnections = 16
	maxListeners   = 24
	maxReached     = 8 // of these
)

// ownTraffic is what the capture filters exclude.
type ownTraffic struct {
	changed func() // compiles and replaces the filters
	log     *slog.Logger

	mu          sync.Mutex
	connections []ownConnection // oldest first
	doors       []door          // of the console
	listeners   []netip.AddrPort
	reached     []netip.AddrPort // where clients reached us although no interface has the address; oldest first
}

// door is where the console listens: one address, or an unspecified one for all addresses of an interface, or of all
// interfaces where none is named.
type door struct {
	iface string
	at    netip.AddrPort
}

type ownConnection struct {
	rawsock.Connection
	closed time.Time // zero: open
}

func newOwnTraffic(changed func(), log *slog.Logger) *ownTraffic {
	return &ownTraffic{changed: changed, log: log}
}

// current is what a filter has to exclude now.
func (o *ownTraffic) current() rawsock.Own {
	o.mu.Lock()
	defer o.mu.Unlock()
	own := rawsock.Own{Listeners: slices.Clone(o.listeners)}
	for _, c := range o.connections {
		own.Connections = append(own.Connections, c.Connection)
	}
	return own
}

// opening excludes a connection; when it returns, the filters do.
func (o *ownTraffic) opening(c rawsock.Connection) {
	o.mu.Lock()
	now := time.Now()
	o.connections = slices.DeleteFunc(o.connections, func(old ownConnection) bool {
		return old.Connection == c || !old.closed.IsZero() && now.Sub(old.closed) > lingering
	})
	if len(o.connections) >= maxConnections {
		i := slices.IndexFunc(o.connections, func(old ownConnection) bool { return !old.closed.IsZero() })
		o.connections = slices.Delete(o.connections, max(i, 0), max(i, 0)+1)
	}
	o.connections = append(o.connections, ownConnection{Connection: c})
	o.mu.Unlock()
	o.changed()
}

// closed begins the time after which a connection is forgotten, at the next one's opening.
func (o *ownTraffic) closed(c rawsock.Connection) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range o.connections {
		if o.connections[i].Connection == c {
			o.connections[i].closed = time.Now()
		}
	}
}

// listen excludes one more place that the console listens at.
func (o *ownTraffic) listen(d door) {
	d.at = netip.AddrPortFrom(d.at.Addr().Unmap().WithZone(""), d.at.Port())
	o.mu.Lock()
	if !slices.Contains(o.doors, d) {
		o.doors = append(o.doors, d)
	}
	o.mu.Unlock()
	o.refresh()
}

// listenAt makes sure that an address somebody reached us at is excluded, also one that no interface has, or another one
// than the console's: all of 127.0.0.0/8, what a local route brings here, or the uplink's from inside. Such an address is
// known from its first session on.
func (o *ownTraffic) listenAt(local netip.AddrPort) {
	local = netip.AddrPortFrom(local.Addr().Unmap().WithZone(""), local.Port())
	o.mu.Lock()
	known := slices.Contains(o.listeners, local)
	if !known {
		o.reached = append(o.reached, local)
		o.reached = o.reached[max(0, len(o.reached)-maxReached):]
	}
	o.mu.Unlock()
	if !known {
		o.refresh()
	}
}

// refresh looks the local addresses up again.
func (o *ownTraffic) refresh() {
	o.mu.Lock()
	listeners := slices.Clone(o.reached)
	for _, d := range o.doors {
		addresses, err := d.addresses()
		if err != nil {
			o.mu.Unlock()
			o.log.Error("the local addresses cannot be read: those known before stay excluded", "error", err)
			return
		}
		for _, a := range addresses {
			if !slices.Contains(listeners, a) {
				listeners = append(listeners, a)
			}
		}
	}
	if len(listeners) > maxListeners {
		o.log.Warn("more local addresses than can be excluded: console traffic on the others is recorded",
			"addresses", len(listeners), "excluded", maxListeners)
		listeners = listeners[:maxListeners]
	}
	same := slices.Equal(listeners, o.listeners)
	o.listeners = listeners
	o.mu.Unlock()
	if !same {
		o.changed()
	}
}

// addresses are those of a door now; none while its interface is away.
func (d door) addresses() ([]netip.AddrPort, error) {
	if !d.at.Addr().IsUnspecified() {
		return []netip.AddrPort{d.at}, nil
	}
	list := net.InterfaceAddrs
	if d.iface != "" {
		i, err := net.InterfaceByName(d.iface)
		if err != nil {
			return nil, nil
		}
		list = i.Addrs
	}
	addrs, err := list()
	if err != nil {
		return nil, err
	}
	var all []netip.AddrPort
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			all = append(all, netip.AddrPortFrom(p.Addr().Unmap().WithZone(""), d.at.Port()))
		}
	}
	slices.SortFunc(all, func(a, b netip.AddrPort) int { return a.Compare(b) })
	return slices.Compact(all), nil
}
