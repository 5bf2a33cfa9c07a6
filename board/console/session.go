package console

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"network-sniffer/board/console/frame"
	"network-sniffer/board/console/lineedit"
	"network-sniffer/decode"
)

// session is one connected client: the goroutine that runs serve reads, another one writes.
type session struct {
	server        *Server
	conn          net.Conn
	port          Port
	local, remote netip.AddrPort
	since         time.Time
	active        atomic.Int64 // when something went either way: nanoseconds after since, whatever becomes of the wall clock

	wake chan struct{} // a token: the writer has something to do
	room chan struct{} // a token: the writer took the text
	over chan struct{} // closed when the session ends: nothing more is executed

	reader reader // the reading goroutine's own

	mu       sync.Mutex // held for copies and formatting only, never across a write
	text     []byte     // answers and echo for the writer; bounded by outputBytes and the note there
	ending   bool
	view     *view   // what streams; nil: nothing
	hold     holding // why it does not, for now
	filter   *frame.Filter
	prompted bool            // prompt and line stand on the terminal
	editor   lineedit.Editor // of a client that lets us edit
	terminal terminal
	packet   decode.Packet // the one that is being shown
	lineBuf  []byte        // of a line for a program
	shown    uint64        // packets, in all
	hidden   uint64        // due, but not shown
}

// terminal is what is known of the client's.
type terminal struct {
	person  bool // there is one: it is greeted, and shown packets without being asked
	greeted bool
	editing bool // the client is a telnet that leaves echo and editing to us
	color   bool
	columns int // 0: not known
	rows    int
}

// holding is the set of reasons why a stream stands still.
type holding uint8

const (
	holdPaused    holding = 1 << iota // asked for
	holdTyping                        // the client is in the middle of a line
	holdPushing                       // the client sends packets itself
	holdAnswering                     // an answer of several writes is on its way
)

func newSession(srv *Server, conn net.Conn, port Port) *session {
	s := &session{
		server: srv,
		conn:   conn,
		port:   port,
		local:  addrPort(conn.LocalAddr()),
		remote: addrPort(conn.RemoteAddr()),
		since:  time.Now(),
		wake:   make(chan struct{}, 1),
		room:   make(chan struct{}, 1),
		over:   make(chan struct{}),
	}
	s.editor.SetPrompt(prompt)
	return s
}

// serve runs the session to its end; the connection is closed when it returns.
func (s *session) serve() {
	s.server.cfg.OnAccept(s.local, s.remote)
	var writer sync.WaitGroup
	writer.Go(s.write)
	s.read()
	writer.Wait()
	s.stream(nil)
	s.conn.Close()
	s.server.cfg.OnClose(s.local, s.remote)
}

// notify leaves a token in c.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// say queues lines for the client, around the prompt if that is there. It waits for room; false: the session is ending.
// Only the reading goroutine calls it.
func (s *session) say(text []byte) bool {
	if len(text) > outputBytes { // no packet may stand in the middle of a line
		s.answering(true)
		defer s.answering(false)
	}
	return s.put(text)
}

// put is say for a part of an answer.
func (s *session) put(text []byte) bool {
	for len(text) > 0 {
		if !s.awaitRoom() {
			return false
		}
		piece := text[:min(len(text), outputBytes)]
		text = text[len(piece):]
		s.mu.Lock()
		if s.prompted {
			s.text = s.editor.AppendHide(s.text)
			s.prompted = false
		}
		s.text = append(s.text, piece...)
		s.mu.Unlock()
		notify(s.wake)
	}
	return true
}

// answering holds the stream while an answer goes out in pieces.
func (s *session) answering(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holdFor(holdAnswering, on)
}

// awaitRoom waits until the writer has taken enough text for another answer; false: the session is ending.
// The wait is bounded by the writer's deadline.
func (s *session) awaitRoom() bool {
	for {
		s.mu.Lock()
		ending, full := s.ending, len(s.text) >= outputBytes
		s.mu.Unlock()
		if ending || !full {
			return !ending
		}
		select {
		case <-s.room:
		case <-s.over:
		}
	}
}

// finish ends the session after what was answered so far, and text. Only the first call has an effect.
func (s *session) finish(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending {
		return
	}
	s.ending = true
	if text != "" && s.prompted {
		s.text = s.editor.AppendHide(s.text)
	}
	if s.view == nil || s.view.forPeople() || s.terminal.person {
		s.text = append(s.text, text...)
	}
	close(s.over)
	notify(s.wake)
}

func (s *session) isOver() bool {
	select {
	case <-s.over:
		return true
	default:
		return false
	}
}

// endIdle ends the session if nothing went either way for too long.
func (s *session) endIdle(now time.Time) {
	if limit := s.server.cfg.IdleTimeout; now.Sub(s.since)-time.Duration(s.active.Load()) >= limit && !s.isOver() {
		s.server.count.closedIdle.Add(1)
		s.finish("Nothing went either way for " + limit.String() + ". Goodbye.\r\n")
	}
}

func (s *session) touch() { s.active.Store(int64(time.Since(s.since))) }

// write sends answers and the stream until the session ends or the client does not take them.
func (s *session) write() {
	var (
		out   []byte
		timer = time.NewTimer(noteEvery)
	)
	defer timer.Stop()
	for {
		piece := s.compose(out[:0])
		out = piece.bytes
		notify(s.room)
		if len(out) > 0 {
			if err := s.send(out); err != nil {
				s.server.count.closed.Add(piece.shown)
				s.cut(err)
				return
			}
		}
		s.server.count.packetsShown.Add(piece.shown)
		if piece.last {
			s.halfClose()
			return
		}
		if piece.more {
			continue
		}
		var due <-chan time.Time
		if piece.wait > 0 {
			timer.Reset(piece.wait)
			due = timer.C
		}
		select {
		case <-s.wake:
		case <-due:
		}
	}
}

// piece is one write.
type piece struct {
	bytes []byte
	shown uint64        // packets in it
	last  bool          // nothing follows
	more  bool          // there is more already
	wait  time.Duration // until there is, if nothing happens; 0: nothing is planned
}

// compose makes the next write: the answers first, then the stream's part.
func (s *session) compose(out []byte) piece {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := piece{bytes: append(out, s.text...), last: s.ending}
	s.text = s.text[:0]
	v := s.view
	if s.ending || v == nil || s.hold != 0 {
		return p
	}
	answers := len(p.bytes)
	v.produce(s, &p, time.Now())
	s.shown += p.shown
	if len(p.bytes) > answers && s.prompted {
		var hide [16]byte
		p.bytes = slices.Insert(p.bytes, answers, s.editor.AppendHide(hide[:0])...)
		p.bytes = s.editor.AppendShow(p.bytes)
	}
	if v.over {
		s.next(v, &p)
	}
	return p
}

// next is what follows a stream that has come to its end. The caller holds mu.
func (s *session) next(v *view, p *piece) {
	s.retire(v)
	s.view = v.back
	p.more = true
	if s.view != nil {
		return
	}
	s.server.hub.unwatch(s)
	if s.reader.eof.Load() {
		s.ending = true
		close(s.over)
	}
}

// send writes b within the deadline; the connection is useless after an error.
func (s *session) send(b []byte) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.server.cfg.WriteTimeout)); err != nil {
		return err
	}
	if _, err := s.conn.Write(b); err != nil {
		return err
	}
	s.touch()
	return nil
}

// cut ends the session at once after a failed write.
func (s *session) cut(err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.server.count.closedStalled.Add(1)
		s.server.event("closed " + s.remote.String() + ": it did not read for " + s.server.cfg.WriteTimeout.String())
		reset(s.conn)
	}
	s.finish("")
	s.conn.Close()
}

// halfClose tells the client that nothing follows and gives it linger to close its side, unless it has done so.
func (s *session) halfClose() {
	if c, ok := s.conn.(interface{ CloseWrite() error }); ok {
		c.CloseWrite() // an error means that the connection is gone, which the reader sees
	}
	wait := linger
	if s.reader.eof.Load() {
		wait = 0
	}
	s.conn.SetReadDeadline(time.Now().Add(wait)) // likewise
}
