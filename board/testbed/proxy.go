//go:build linux

package testbed

import (
	"bytes"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy stands between a client and a server, passes bytes, and fails on demand. Its zero state passes
// everything. All methods may be called from any goroutine at any time.
//
// A fault that is armed (CutAfter, FreezeAfter, SwallowAfter) strikes one connection once and is then
// gone, so that the next attempt of the client passes; at most one of them is armed, the latest.
type Proxy struct {
	listener net.Listener
	target   func() (net.Conn, error)
	accepted chan int
	working  sync.WaitGroup

	mu       sync.Mutex
	changed  *sync.Cond // anything below changed
	closed   bool
	welcome  Welcome
	held     Direction
	delay    time.Duration
	armed    *fault
	watches  []*watch
	sessions map[*proxySession]struct{}
	stats    ProxyStats
}

// Welcome is what happens to new connections.
type Welcome int

const (
	Pass   Welcome = iota // connect them to the target
	Refuse                // reset them at once
	Hang                  // accept them and stay silent, until Reset or Close, whatever comes later
)

// Direction is a set of directions.
type Direction int

const (
	ToServer Direction = 1 << iota
	ToClient

	Both Direction = ToServer | ToClient
)

// ProxyStats counts since NewProxy.
type ProxyStats struct {
	Accepted     int   // connections accepted, whatever became of them
	Refused      int   // of these: reset because of Refuse, or of more than proxyConnections open
	Unreachable  int   // of these: closed because the target could not be reached
	Open         int   // connections open now, hanging ones included
	ToServer     int64 // bytes written to servers
	ToClient     int64 // bytes written to clients
	Swallowed    int64 // bytes of servers thrown away by SwallowAfter
	FaultsStruck int   // armed faults that struck
}

type faultAction int

const (
	actionCut faultAction = iota
	actionFreeze
	actionSwallow
)

// fault is an armed failure; it strikes after left bytes to the server, or when pattern has passed.
type fault struct {
	action  faultAction
	left    int64
	pattern []byte // nil: left counts
	struck  chan struct{}
}

type watch struct {
	pattern []byte
	seen    chan struct{}
}

// NewProxy accepts connections on listen, which it closes, and joins each to a connection of its own that
// target makes. Both ends may be TCP or unix sockets, in any namespace. The end of the test closes it.
func NewProxy(t testing.TB, listen net.Listener, target func() (net.Conn, error)) *Proxy {
	t.Helper()
	p := &Proxy{
		listener: listen,
		target:   target,
		accepted: make(chan int, proxyAccepted),
		sessions: make(map[*proxySession]struct{}),
	}
	p.changed = sync.NewCond(&p.mu)
	t.Cleanup(func() {
		done := make(chan struct{})
		go func() {
			p.Close()
			close(done)
		}()
		Await(t, done, stopDeadline, "end of the proxy's connections: does its target hang?")
	})
	p.working.Go(p.accept)
	return p
}

// Addr is where the proxy listens.
func (p *Proxy) Addr() net.Addr { return p.listener.Addr() }

// Accepted delivers the number of each accepted connection, counted from 1.
func (p *Proxy) Accepted() <-chan int { return p.accepted }

// Stats returns the counters.
func (p *Proxy) Stats() ProxyStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	stats := p.stats
	stats.Open = len(p.sessions)
	return stats
}

// SetWelcome says what happens to new connections; open ones stay as they are.
func (p *Proxy) SetWelcome(w Welcome) {
	p.update(func() { p.welcome = w })
}

// Hold stops forwarding in the given directions on all connections, present and future, and keeps them
// open, as a path that loses everything does. Nothing is thrown away: Hold(0) lets the bytes go on. What a
// sender may have in flight is bounded by the socket buffers and the proxy's own. Nobody notices the end
// of the other side while it is held.
func (p *Proxy) Hold(d Direction) {
	p.update(func() { p.held = d })
}

// Delay makes every piece of data wait before it is forwarded; pieces wait one after the other.
func (p *Proxy) Delay(d time.Duration) {
	p.update(func() { p.delay = d })
}

// Reset ends all open connections now, with a reset (RST) to both sides where they are TCP.
func (p *Proxy) Reset() {
	for _, s := range p.openSessions() {
		s.end(abort)
	}
}

// CutAfter arms: as soon as exactly n more bytes, over all connections together, have gone to the server,
// the connection that carried the last of them is closed on both sides. The channel is closed then.
func (p *Proxy) CutAfter(n int64) <-chan struct{} {
	return p.arm(&fault{action: actionCut, left: n})
}

// FreezeAfter arms as CutAfter does, but the connection stays open on both sides and passes nothing more
// in either direction, until Reset or Close: to the server, its client has lost power.
func (p *Proxy) FreezeAfter(n int64) <-chan struct{} {
	return p.arm(&fault{action: actionFreeze, left: n})
}

// SwallowAfter arms: once pattern has gone to the server, what the server says next, its answer, does not
// reach the client, and then the connection is closed. The server has thus done what it was told, and
// the client cannot know. The channel is closed when the answer has been swallowed.
func (p *Proxy) SwallowAfter(pattern []byte) <-chan struct{} {
	return p.arm(&fault{action: actionSwallow, pattern: checkedPattern(pattern)})
}

// Disarm takes back what CutAfter, FreezeAfter or SwallowAfter armed and has not struck yet.
func (p *Proxy) Disarm() { p.update(func() { p.armed = nil }) }

// Watch returns a channel that is closed when pattern has gone to the server on some connection. A pattern
// is found across the borders of reads. Each call watches once.
func (p *Proxy) Watch(pattern []byte) <-chan struct{} {
	w := &watch{pattern: checkedPattern(pattern), seen: make(chan struct{})}
	p.update(func() {
		if len(p.watches) == proxyWatches {
			panic(fmt.Sprintf("testbed: more than %d patterns watched", proxyWatches))
		}
		p.watches = append(p.watches, w)
	})
	return w.seen
}

func checkedPattern(pattern []byte) []byte {
	if len(pattern) == 0 || len(pattern) > proxyPattern {
		panic(fmt.Sprintf("testbed: pattern of %d bytes: 1 to %d can be watched", len(pattern), proxyPattern))
	}
	return bytes.Clone(pattern)
}

// Close closes the listener and all connections, and returns when nothing of the proxy runs any more.
func (p *Proxy) Close() {
	p.update(func() { p.closed = true })
	p.listener.Close()
	for _, s := range p.openSessions() {
		s.end(orderly)
	}
	p.working.Wait()
}

func (p *Proxy) arm(f *fault) <-chan struct{} {
	if f.left < 0 {
		panic(fmt.Sprintf("testbed: fault after %d bytes", f.left))
	}
	f.struck = make(chan struct{})
	p.update(func() { p.armed = f })
	return f.struck
}

func (p *Proxy) update(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	p.changed.Broadcast()
}

func (p *Proxy) openSessions() []*proxySession {
	p.mu.Lock()
	defer p.mu.Unlock()
	open := make([]*proxySession, 0, len(p.sessions))
	for s := range p.sessions {
		open = append(open, s)
	}
	return open
}

// accept serves until the listener is closed.
func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.admit(client)
	}
}

func (p *Proxy) admit(client net.Conn) {
	s := &proxySession{proxy: p, client: client}
	p.mu.Lock()
	p.stats.Accepted++
	number, welcome := p.stats.Accepted, p.welcome
	refused := p.closed || welcome == Refuse || len(p.sessions) >= proxyConnections
	if refused {
		p.stats.Refused++
	} else {
		p.sessions[s] = struct{}{}
	}
	p.mu.Unlock()

	select {
	case p.accepted <- number:
	default:
	}
	switch {
	case refused:
		closeConn(client, abort)
	case welcome == Pass:
		p.working.Go(s.serve)
	}
}
