//go:build linux

package testbed

import (
	"bytes"
	"errors"
	"io"
	"net"
	"time"
)

// proxySession is one connection through a Proxy. Its mutable fields are guarded by the proxy's mutex.
type proxySession struct {
	proxy  *Proxy
	client net.Conn
	server net.Conn // nil until the target has answered, and while hanging

	ended      bool
	frozen     bool   // nothing passes any more
	swallowing *fault // the SwallowAfter whose pattern has gone to the server here
	sent       []byte // the last bytes that went to the server, for patterns that span reads
}

// ending is how a connection is closed.
type ending int

const (
	orderly ending = iota // FIN after what was written
	abort                 // RST, and what was written may be lost
)

func closeConn(conn net.Conn, how ending) {
	if tcp, ok := conn.(*net.TCPConn); ok && how == abort {
		tcp.SetLinger(0) // an error means that it is closed already
	}
	conn.Close()
}

// end closes both sides, once.
func (s *proxySession) end(how ending) {
	p := s.proxy
	p.mu.Lock()
	ended := s.ended
	s.ended = true
	server := s.server
	delete(p.sessions, s)
	p.changed.Broadcast()
	p.mu.Unlock()
	if ended {
		return
	}
	closeConn(s.client, how)
	if server != nil {
		closeConn(server, how)
	}
}

// serve runs a session from the connection to the target to the end of both directions.
func (s *proxySession) serve() {
	p := s.proxy
	server, err := p.target()
	if err != nil {
		p.update(func() { p.stats.Unreachable++ })
		s.end(orderly)
		return
	}
	late := false
	p.update(func() {
		s.server = server
		late = s.ended
	})
	if late {
		server.Close()
		return
	}
	// serve itself is counted, so that the counter cannot be zero here.
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		s.pump(server, s.client, ToClient)
	}()
	s.pump(s.client, server, ToServer)
	<-finished
	s.end(orderly)
}

// pump forwards one direction until its source ends or the session does.
func (s *proxySession) pump(from, to net.Conn, d Direction) {
	buffer := make([]byte, proxyBuffer)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !s.forward(to, buffer[:n], d) {
			return
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			// One side has said all it has to say; the other may still speak.
			if s.pass(d) {
				closeWrite(to)
			}
			return
		default:
			// Nor does news of a reset pass a direction that is held.
			if s.pass(d) {
				s.end(abort)
			}
			return
		}
	}
}

func closeWrite(conn net.Conn) {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
}

// forward writes data on, with whatever is to go wrong; false ends the direction.
func (s *proxySession) forward(to net.Conn, data []byte, d Direction) bool {
	if !s.wait() {
		return false
	}
	for len(data) > 0 {
		if !s.pass(d) || d == ToClient && s.swallow(len(data)) {
			return false
		}
		next := s.plan(data, d)
		written, err := to.Write(data[:next.size])
		next.size = written
		s.settle(next, d)
		if err != nil {
			s.end(abort)
			return false
		}
		data = data[next.size:]
	}
	return true
}

// wait is the proxy's delay; the end of the session cuts it short.
func (s *proxySession) wait() bool {
	p := s.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.delay <= 0 {
		return !s.ended
	}
	due := false
	timer := time.AfterFunc(p.delay, func() { p.update(func() { due = true }) })
	defer timer.Stop()
	for !due && !s.ended {
		p.changed.Wait()
	}
	return !s.ended
}

// pass waits while the direction is held; false says that the session ended.
func (s *proxySession) pass(d Direction) bool {
	p := s.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	for !s.ended && (s.frozen || p.held&d != 0) {
		p.changed.Wait()
	}
	return !s.ended
}

// step is what forward does next: write size bytes, then make known what came with them.
type step struct {
	size   int
	strike *fault // a cut or freeze that these bytes bring about
	seen   []*watch
}

// plan decides before the write, because the answer to it may come before anything after the write is done.
func (s *proxySession) plan(data []byte, d Direction) step {
	p := s.proxy
	next := step{size: len(data)}
	if d == ToClient {
		return next
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := p.armed; f != nil && f.pattern == nil {
		next.size = int(min(int64(len(data)), f.left))
		f.left -= int64(next.size)
		if f.left == 0 {
			next.strike = f
			p.armed = nil
			s.frozen = true
		}
	}
	piece := data[:next.size]
	if f := p.armed; f != nil && f.pattern != nil && s.contains(piece, f.pattern) {
		s.swallowing = f
		p.armed = nil
	}
	waiting := p.watches[:0]
	for _, w := range p.watches {
		if s.contains(piece, w.pattern) {
			next.seen = append(next.seen, w)
		} else {
			waiting = append(waiting, w)
		}
	}
	clear(p.watches[len(waiting):])
	p.watches = waiting
	s.remember(piece)
	return next
}

// settle counts and announces what was written, and ends a session that is cut.
func (s *proxySession) settle(done step, d Direction) {
	s.proxy.update(func() {
		stats := &s.proxy.stats
		if d == ToClient {
			stats.ToClient += int64(done.size)
			return
		}
		stats.ToServer += int64(done.size)
		if done.strike != nil {
			stats.FaultsStruck++
		}
	})
	for _, w := range done.seen {
		close(w.seen)
	}
	if done.strike == nil {
		return
	}
	if done.strike.action == actionCut {
		s.end(orderly)
	}
	close(done.strike.struck)
}

// swallow throws the server's answer away when the client is not to have it, and ends the session.
func (s *proxySession) swallow(size int) bool {
	p := s.proxy
	p.mu.Lock()
	f := s.swallowing
	if f != nil {
		p.stats.Swallowed += int64(size)
		p.stats.FaultsStruck++
	}
	p.mu.Unlock()
	if f == nil {
		return false
	}
	s.end(orderly)
	close(f.struck)
	return true
}

// contains says whether pattern ends in piece, having begun there or in what went before.
func (s *proxySession) contains(piece, pattern []byte) bool {
	if bytes.Contains(piece, pattern) {
		return true
	}
	border := bytes.Clone(s.sent[max(0, len(s.sent)-len(pattern)+1):])
	border = append(border, piece[:min(len(piece), len(pattern)-1)]...)
	return bytes.Contains(border, pattern)
}

// remember keeps the end of what went to the server.
func (s *proxySession) remember(piece []byte) {
	s.sent = append(s.sent, piece...)
	if over := len(s.sent) - proxyPattern; over > 0 {
		s.sent = append(s.sent[:0], s.sent[over:]...)
	}
}
