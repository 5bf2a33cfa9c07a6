package console

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"network-sniffer/decode"
)

// session is one connected client: the goroutine that runs serve reads, another one writes.
type session struct {
	server        *Server
	conn          net.Conn
	local, remote netip.AddrPort

	wake chan struct{} // a token: the writer has something to do
	room chan struct{} // a token: the writer took the text
	over chan struct{} // closed when the session ends: nothing more is executed

	mu     sync.Mutex // held for copies only, never across a write
	queue  queue
	text   []byte // answers for the writer; bounded by textBytes and the note there
	ending bool
}

func newSession(srv *Server, conn net.Conn) *session {
	s := &session{
		server: srv,
		conn:   conn,
		local:  addrPort(conn.LocalAddr()),
		remote: addrPort(conn.RemoteAddr()),
		wake:   make(chan struct{}, 1),
		room:   make(chan struct{}, 1),
		over:   make(chan struct{}),
	}
	s.queue.bucket = newBucket(srv.cfg.LinesPerSecond, max(1, srv.cfg.LinesPerSecond), time.Now())
	return s
}

// serve runs the session to its end; the connection is closed when it returns.
func (s *session) serve() {
	s.server.cfg.OnAccept(s.local, s.remote)
	s.say(s.server.greeting())
	s.server.hub.attach(s)
	var writer sync.WaitGroup
	writer.Go(s.write)
	s.read()
	writer.Wait()
	s.server.hub.detach(s)
	s.abandon()
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

// deliver gives the session its share of a round of the hub: packets, and missed ones that nobody copied.
func (s *session) deliver(packets []decode.Packet, missed uint64, now time.Time) {
	count := &s.server.count
	due := uint64(len(packets)) + missed
	count.packetsDue.Add(due)
	s.mu.Lock()
	switch q := &s.queue; {
	case s.ending:
		count.notShownClosed.Add(due)
	case q.paused:
		q.passed += due
		q.hidden += due
		count.notShownPaused.Add(due)
	default:
		took, noRoom := q.push(packets, now)
		count.notShownQueue.Add(uint64(noRoom))
		count.notShownRate.Add(uint64(len(packets) - took - noRoom))
		count.notShownMissed.Add(missed)
		first := q.skipped == 0
		q.skip(due-uint64(took), now)
		if took > 0 || first {
			notify(s.wake)
		}
	}
	s.mu.Unlock()
}

func (s *session) isPaused() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queue.paused || s.ending
}

// say queues text for the client; it reports false when the session is ending and text was dropped.
func (s *session) say(text []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending {
		return false
	}
	s.text = append(s.text, text...)
	notify(s.wake)
	return true
}

// awaitRoom waits until the writer has taken enough text for another answer; false: the session is ending.
// The wait is bounded by the writer's deadline.
func (s *session) awaitRoom() bool {
	for {
		s.mu.Lock()
		ending, full := s.ending, len(s.text) > textBytes
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
	s.text = append(s.text, text...)
	close(s.over)
	notify(s.wake)
}

// abandon counts what still waits in the queue of a session that has ended.
func (s *session) abandon() {
	s.mu.Lock()
	s.server.count.notShownClosed.Add(s.queue.clear())
	s.mu.Unlock()
}

// write sends answers, packets and notes until the session ends or the client does not take them.
func (s *session) write() {
	var (
		count           = &s.server.count
		batch           [batchPackets]decode.Packet
		out, text, note []byte
		timer           = time.NewTimer(noteEvery)
	)
	defer timer.Stop()
	for {
		s.mu.Lock()
		text, s.text = s.text, text[:0]
		note = note[:0]
		n, ending := 0, s.ending
		var due <-chan time.Time
		if !ending {
			n = s.queue.pop(batch[:])
			if s.queue.skipped > 0 {
				if wait := s.queue.noteIn(time.Now()); wait <= 0 {
					note = s.queue.appendNote(note)
				} else {
					timer.Reset(wait)
					due = timer.C
				}
			}
		}
		s.mu.Unlock()
		notify(s.room)

		out = append(out[:0], text...)
		out = s.appendPackets(out, batch[:n])
		out = append(out, note...)
		if len(out) > 0 {
			if err := s.send(out); err != nil {
				count.notShownClosed.Add(uint64(n))
				s.cut(err)
				return
			}
			count.packetsShown.Add(uint64(n))
			s.addShown(n)
			continue
		}
		if ending {
			s.halfClose()
			return
		}
		select {
		case <-s.wake:
		case <-due:
		}
	}
}

// appendPackets appends a line for each packet, escaped as a whole: what keeps a client's terminal safe
// stands in this package and does not rest on another's promise.
func (s *session) appendPackets(out []byte, packets []decode.Packet) []byte {
	var buf [256]byte
	for i := range packets {
		p := &packets[i]
		line := p.AppendText(buf[:0], s.server.cfg.InterfaceName(p.Interface))
		out = append(appendSafe(out, line), '\r', '\n')
	}
	return out
}

func (s *session) addShown(n int) {
	s.mu.Lock()
	s.queue.shown += uint64(n)
	s.mu.Unlock()
}

// send writes b within the deadline; the connection is useless after an error.
func (s *session) send(b []byte) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.server.cfg.WriteTimeout)); err != nil {
		return err
	}
	_, err := s.conn.Write(b)
	return err
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

// halfClose tells the client that nothing follows and gives it linger to close its side.
func (s *session) halfClose() {
	if c, ok := s.conn.(interface{ CloseWrite() error }); ok {
		c.CloseWrite() // an error means that the connection is gone, which the reader sees
	}
	s.conn.SetReadDeadline(time.Now().Add(linger)) // likewise
}

// read executes what the client sends until one side ends the session.
func (s *session) read() {
	var (
		in   input
		buf  [512]byte
		rate = newBucket(CommandsPerSecond, CommandsPerSecond, time.Now())
	)
	for {
		n, err := s.conn.Read(buf[:])
		for _, b := range buf[:n] {
			if event := in.step(b); event != inputNothing {
				s.obey(event, &in, &rate)
			}
			if s.isOver() {
				s.discard(buf[:])
				return
			}
		}
		if errors.Is(err, io.EOF) && in.end() == inputLine {
			s.obey(inputLine, &in, &rate)
		}
		if err != nil {
			s.finish("")
			return
		}
	}
}

func (s *session) isOver() bool {
	select {
	case <-s.over:
		return true
	default:
		return false
	}
}

// discard reads to the end what is not executed any more; halfClose bounds it.
func (s *session) discard(buf []byte) {
	for {
		if _, err := s.conn.Read(buf); err != nil {
			return
		}
	}
}
