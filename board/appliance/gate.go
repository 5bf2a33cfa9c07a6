package appliance

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"network-sniffer/board"
	"network-sniffer/board/config"
)

// Bounds of a gate.
const (
	// networkAge is how long an answer about interfaces and routes is believed when a client comes. Changes of links and
	// addresses are heard of; those of routes are not, for a router may have a million of them.
	networkAge = time.Second
	// uplinkAge is how long an uplink may stay unseen when no client comes.
	uplinkAge = time.Minute
	// maxUplinks are remembered; of more, those known first.
	maxUplinks = 64
)

// gate judges who may use the console.
type gate struct {
	allowed config.Allowed
	ask     func() (board.Network, error)
	log     *slog.Logger
	// alone: the console listens on the loopback alone. Nobody wants to know what the LAN is.
	alone bool

	mu      sync.Mutex
	asked   time.Time
	uplinks []string // every one that was seen in this run: an uplink that lost its route is no LAN
	subnets []board.Subnet
	told    string
}

// admits judges a connection by its source and, for the LAN's networks, by the interface it came through: a host behind the
// uplink may have an address of the LAN's network, and has one of fe80::/10 anyway.
func (g *gate) admits(conn net.Conn) bool {
	from, to := addressOf(conn.RemoteAddr()), addressOf(conn.LocalAddr())
	if slices.ContainsFunc(g.allowed.Prefixes, func(p netip.Prefix) bool { return p.Contains(from) }) {
		return true
	}
	if !g.allowed.LAN || !from.IsValid() {
		return false
	}
	// This machine itself: an answer to one of its addresses never leaves it, whoever may have sent the question.
	if from.IsLoopback() || from == to {
		return true
	}
	device, err := deviceOf(conn)
	if err != nil {
		g.mu.Lock()
		g.tell(slog.LevelError, "clients of the LAN are refused: "+err.Error())
		g.mu.Unlock()
		return false
	}
	return g.near(device, from)
}

// addressOf is a TCP address without port and zone.
func addressOf(a net.Addr) netip.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

// near reports whether an address is of a network of the LAN that is behind an interface.
func (g *gate) near(device int, from netip.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Since(g.asked) > networkAge {
		g.look()
	}
	return slices.ContainsFunc(g.subnets, func(s board.Subnet) bool { return s.Interface == device && s.Contains(from) })
}

// refresh takes in a change of the network.
func (g *gate) refresh() { g.lookAfter(0) }

// tend notices uplinks that came without a change of links or addresses, and without a client.
func (g *gate) tend() { g.lookAfter(uplinkAge) }

// lookAfter looks when the last look is so long ago.
func (g *gate) lookAfter(age time.Duration) {
	if !g.allowed.LAN || g.alone {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Since(g.asked) >= age {
		g.look()
	}
}

// look asks again. Where that fails, what was known before holds. The caller holds mu.
func (g *gate) look() {
	n, err := g.ask()
	g.asked = time.Now()
	if err != nil {
		g.tell(slog.LevelError, "who is of the LAN is judged by what was known before: "+err.Error())
		return
	}
	for _, name := range n.Uplinks {
		if !slices.Contains(g.uplinks, name) && len(g.uplinks) < maxUplinks {
			g.uplinks = append(g.uplinks, name)
		}
	}
	n.Uplinks = g.uplinks
	g.subnets = n.Subnets()
	if len(g.subnets) == 0 && n.Forwards && n.LAN == nil && len(n.Uplinks) == 0 {
		g.tell(slog.LevelWarn, "no default route tells which side the LAN is on: the console takes clients of this machine alone until "+
			"there is one; name the LAN's networks with --"+config.ConsoleAllow.Name)
		return
	}
	g.tell(slog.LevelInfo, "the console takes clients of this machine"+g.networks(&n))
}

// networks are the LAN's, in words.
func (g *gate) networks(n *board.Network) string {
	if len(g.subnets) == 0 {
		return " alone"
	}
	var b strings.Builder
	b.WriteString(" and of")
	for i, s := range g.subnets {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, " %s", s.Prefix)
		for _, l := range n.Links {
			if l.Index == s.Interface {
				fmt.Fprintf(&b, " at %s", l.Name)
			}
		}
	}
	return b.String()
}

// tell writes to the log what is not what it said last. The caller holds mu.
func (g *gate) tell(level slog.Level, text string) {
	if g.told == text {
		return
	}
	g.told = text
	g.log.Log(context.Background(), level, text)
}
