package password

import (
	"net/netip"
	"sync"
	"time"
)

// The limits on attempts that fail.
const (
	// MaxDelay is the longest that an attempt has to wait. The second one of an address waits 1 s, the next 2 s, and so on.
	MaxDelay = 5 * time.Second
	// LockAfter attempts of an address that failed, none of it is checked for LockTime after the last. It forgets, too,
	// what failed before.
	LockAfter = 10
	LockTime  = 15 * time.Minute
	// Of all addresses together one attempt in allEvery is checked, allBurst at once; the next ones wait, and are refused
	// when that would take longer than MaxDelay: a flood keeps the owner out while it lasts, and does not take the
	// router's processor. The machine itself is not one of them: whoever has a shell there gets in during a flood, too.
	allEvery = 2 * time.Second
	allBurst = 30
	// maxHosts addresses are remembered. Full: that with the fewest failures is forgotten, of several that which is the
	// longest ago.
	maxHosts = 1024
)

// Limiter slows down who guesses the password. An IPv6 host has the /64 that it may take addresses from. The zero value
// is ready; its methods may be called by several goroutines.
type Limiter struct {
	mu    sync.Mutex
	hosts map[netip.Prefix]failures
	all   time.Time // when the attempts of all addresses are paid for
}

// failures are those of one host.
type failures struct {
	n    int
	last time.Time
}

// Wait announces an attempt. It may be checked after the time returned, or not at all: locked, and the time is how long
// that lasts at least. The attempt counts as failed from now on, so that attempts at the same time do not all count as
// the first; Succeeded takes it back.
func (l *Limiter) Wait(from netip.Addr, now time.Time) (wait time.Duration, locked bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := host(from)
	f := l.hosts[key]
	since := now.Sub(f.last)
	if f.n > 0 && since >= LockTime {
		f = failures{}
	}
	if f.n >= LockAfter {
		return LockTime - since, true
	}
	if !from.IsLoopback() {
		if l.all.Before(now) {
			l.all = now
		}
		wait = max(0, l.all.Sub(now)-(allBurst-1)*allEvery)
		if wait > MaxDelay {
			return wait - MaxDelay, true
		}
		l.all = l.all.Add(allEvery)
	}
	if f.n > 0 {
		wait = max(wait, min(MaxDelay, time.Second<<(f.n-1)))
	}
	l.remember(key, failures{f.n + 1, now})
	return wait, false
}

// Succeeded forgets what an address did: the attempt that Wait counted was right.
func (l *Limiter) Succeeded(from netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.hosts, host(from))
	if !from.IsLoopback() {
		l.all = l.all.Add(-allEvery)
	}
}

// remember stores a host's failures, in the place of another when there is none left.
func (l *Limiter) remember(key netip.Prefix, f failures) {
	if l.hosts == nil {
		l.hosts = map[netip.Prefix]failures{}
	}
	if _, known := l.hosts[key]; !known && len(l.hosts) == maxHosts {
		delete(l.hosts, l.leastWorth(f.last))
	}
	l.hosts[key] = f
}

// leastWorth is the host to forget: one whose time is over, or as maxHosts says.
func (l *Limiter) leastWorth(now time.Time) (least netip.Prefix) {
	var worth failures
	for key, f := range l.hosts {
		if now.Sub(f.last) >= LockTime {
			return key
		}
		if worth.n == 0 || f.n < worth.n || f.n == worth.n && f.last.Before(worth.last) {
			least, worth = key, f
		}
	}
	return least
}

// host is what an address belongs to.
func host(from netip.Addr) netip.Prefix {
	from = from.Unmap().WithZone("")
	bits := from.BitLen()
	if from.Is6() {
		bits = 64
	}
	prefix, err := from.Prefix(bits)
	if err != nil { // the zero Addr, which is a host like others
		return netip.Prefix{}
	}
	return prefix
}
