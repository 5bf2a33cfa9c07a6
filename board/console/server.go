package console

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// ErrClosed is what Serve returns after Close.
var ErrClosed = errors.New("the console is closed")

// Port is what a listener's clients get.
type Port uint8

// The ports.
const (
	PortConsole Port = iota // commands
	PortCapture             // pcapng, at once
)

// Server serves clients. Make one with New, call Start, and Serve for each listener.
type Server struct {
	cfg   Config
	hub   hub
	count counters
	stop  chan struct{} // closed by Close after the last session

	mu         sync.Mutex
	closed     bool
	listeners  map[net.Listener]struct{}
	sessions   map[*session]struct{}
	perAddress map[netip.Addr]int
	running    sync.WaitGroup // sessions; Add only under mu while not closed
	background sync.WaitGroup // the hub and what sweeps idle sessions
	closing    sync.Once
	tables     atomic.Int32 // of the command top
	device     func() string
	compiling  sync.Mutex

	logMu    sync.Mutex
	messages bucket
	events   bucket
}

// New returns a server without a listener; its Taps may be used at once. It panics without a Source.
func New(cfg Config) *Server {
	if cfg.Source == nil {
		panic("console: Config.Source is nil")
	}
	now := time.Now()
	s := &Server{
		cfg:        cfg.withDefaults(),
		stop:       make(chan struct{}),
		listeners:  make(map[net.Listener]struct{}),
		sessions:   make(map[*session]struct{}),
		perAddress: make(map[netip.Addr]int),
		messages:   newBucket(MessagesPerSecond, messageBurst, now),
		events:     newBucket(EventsPerSecond, eventBurst, now),
	}
	s.device = sync.OnceValue(func() string { return s.cfg.Source.Info().Device })
	s.hub.init(&s.count, s.cfg.RingBytes, s.cfg.FrameBytes)
	return s
}

// Start begins to distribute what the Taps get. It is called once; Close ends it.
func (s *Server) Start() {
	s.background.Go(func() { s.hub.run(s.stop) })
	s.background.Go(s.sweep)
}

// Serve accepts the clients of a listener until the listener is closed, by the caller or by Close, and returns nil then.
// Their sessions go on. After Close it closes the listener and returns ErrClosed.
func (s *Server) Serve(l net.Listener, port Port) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		l.Close()
		return ErrClosed
	}
	s.listeners[l] = struct{}{}
	s.mu.Unlock()
	if s.cfg.Push == nil {
		narrow(l, receiveBuffer)
	} else {
		narrow(l, pushBuffer)
	}
	s.accept(l, port)
	s.mu.Lock()
	delete(s.listeners, l)
	s.mu.Unlock()
	return nil
}

// Close stops accepting, says goodbye to every session and returns when all of them are gone. It cuts those
// that do not take their farewell within closeGrace; after that only a Source or callback that does not
// return can hold it up.
func (s *Server) Close() {
	s.closing.Do(func() {
		s.mu.Lock()
		s.closed = true
		for l := range s.listeners {
			l.Close() // nothing to do about an error: nobody accepts any more
		}
		for c := range s.sessions {
			c.finish(stopping)
		}
		s.mu.Unlock()
		grace := time.AfterFunc(closeGrace, s.cutAll)
		s.running.Wait()
		grace.Stop()
		close(s.stop)
		s.background.Wait()
	})
}

// cutAll closes the connections of clients that do not take their farewell.
func (s *Server) cutAll() {
	for _, c := range s.open() {
		reset(c.conn)
		c.conn.Close()
	}
}

// open lists the sessions.
func (s *Server) open() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*session, 0, len(s.sessions))
	for c := range s.sessions {
		all = append(all, c)
	}
	return all
}

// sweep ends sessions that are idle.
func (s *Server) sweep() {
	tick := time.NewTicker(max(s.cfg.IdleTimeout/8, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case now := <-tick.C:
			for _, c := range s.open() {
				c.endIdle(now)
			}
		}
	}
}

// accept takes clients until the listener is closed. A failed accept (no descriptors, a client that left
// in the queue) is counted and tried again after a pause.
func (s *Server) accept(l net.Listener, port Port) {
	pause := acceptPauseMin
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			s.count.acceptErrors.Add(1)
			s.event("cannot accept a client: " + err.Error())
			select {
			case <-time.After(pause):
			case <-s.stop:
			}
			pause = min(2*pause, acceptPauseMax)
			continue
		}
		pause = acceptPauseMin
		s.start(conn, port)
	}
}

// start gives conn a session, or the reason why not. Who is not allowed gets no answer at all.
func (s *Server) start(conn net.Conn, port Port) {
	if !s.cfg.Allow(conn) {
		s.count.refusedAllow.Add(1)
		s.event("closed " + conn.RemoteAddr().String() + " unanswered: it is not allowed")
		reset(conn)
		conn.Close()
		return
	}
	tune(conn)
	c, refusal := s.admit(conn, port)
	if c == nil {
		s.refuse(conn, port, refusal)
		return
	}
	go func() {
		defer s.running.Done()
		c.serve()
		s.dismiss(c)
	}()
}

// admit registers a session, or returns the line that refuses it.
func (s *Server) admit(conn net.Conn, port Port) (*session, string) {
	from := addrPort(conn.RemoteAddr()).Addr()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, stopping
	case len(s.sessions) >= s.cfg.Sessions:
		s.count.refusedFull.Add(1)
		return nil, fmt.Sprintf("Too many sessions: all %d are taken. Try again later.\r\n", s.cfg.Sessions)
	case s.perAddress[from] >= s.cfg.SessionsPerAddress:
		s.count.refusedAddress.Add(1)
		return nil, fmt.Sprintf("Too many sessions from your address: %d are open. Close one first.\r\n", s.cfg.SessionsPerAddress)
	}
	c := newSession(s, conn, port)
	s.sessions[c] = struct{}{}
	s.perAddress[from]++
	s.running.Add(1)
	s.count.sessions.Add(1)
	s.count.sessionsOpen.Add(1)
	return c, ""
}

// dismiss frees what admit took.
func (s *Server) dismiss(c *session) {
	from := c.remote.Addr()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, c)
	if s.perAddress[from]--; s.perAddress[from] == 0 {
		delete(s.perAddress, from)
	}
	s.count.sessionsOpen.Add(^uint64(0))
}

// refuse tells a client why it is not served; one that expects a capture is closed without a word. Whether the line
// arrives is the client's affair.
func (s *Server) refuse(conn net.Conn, port Port, line string) {
	s.event("refused " + conn.RemoteAddr().String() + ": " + line[:len(line)-len("\r\n")])
	if port == PortConsole {
		conn.SetWriteDeadline(time.Now().Add(refuseTimeout))
		conn.Write([]byte(line))
	}
	conn.Close()
}

// message hands a client's message over, within MessagesPerSecond.
func (s *Server) message(remote netip.AddrPort, text string) {
	s.count.messages.Add(1)
	if s.mayLog(&s.messages) {
		s.cfg.OnMessage(remote, text)
	} else {
		s.count.messagesNotLogged.Add(1)
	}
}

// event reports something for the log, within EventsPerSecond.
func (s *Server) event(text string) {
	if s.mayLog(&s.events) {
		s.cfg.OnEvent(text)
	} else {
		s.count.eventsNotLogged.Add(1)
	}
}

func (s *Server) mayLog(b *bucket) bool {
	s.logMu.Lock()
	defer s.logMu.Unlock()
	return b.take(time.Now(), 1) == 1
}
