package console

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// ErrClosed is what Listen and Serve return after Close.
var ErrClosed = errors.New("the console is closed")

// Server accepts clients. Make one with New, then call Listen and Serve.
type Server struct {
	cfg   Config
	hub   hub
	count counters
	stop  chan struct{} // closed by Close after the last session

	mu         sync.Mutex
	listener   net.Listener
	closed     bool
	sessions   map[*session]struct{}
	perAddress map[netip.Addr]int
	running    sync.WaitGroup // sessions; Add only under mu while not closed
	closing    sync.Once

	logMu    sync.Mutex
	messages bucket
	events   bucket
}

// New returns a server that does not listen yet; its Taps may be used at once. It panics without a Source.
func New(cfg Config) *Server {
	if cfg.Source == nil {
		panic("console: Config.Source is nil")
	}
	now := time.Now()
	s := &Server{
		cfg:        cfg.withDefaults(),
		stop:       make(chan struct{}),
		sessions:   make(map[*session]struct{}),
		perAddress: make(map[netip.Addr]int),
		messages:   newBucket(MessagesPerSecond, messageBurst, now),
		events:     newBucket(EventsPerSecond, eventBurst, now),
	}
	s.hub.init(&s.count)
	return s
}

// Listen binds the address, so that a mistake shows before anything else is started. The error wraps the
// one of the system (syscall.EADDRINUSE, syscall.EACCES…).
func (s *Server) Listen() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return ErrClosed
	case s.listener != nil:
		return nil
	}
	lc := net.ListenConfig{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: keepIdle, Interval: keepInterval, Count: keepCount,
	}}
	l, err := lc.Listen(context.Background(), "tcp", s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("console: cannot listen on %q, choose a free address of this device with --console-listen: %w", s.cfg.Listen, err)
	}
	s.listener = l
	return nil
}

// Addr is the address bound by Listen, nil before.
func (s *Server) Addr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return nil
	}
	return s.listener.Addr()
}

// Serve accepts clients until ctx is done or Close is called, both of which end every session politely and
// make it return nil once they are gone. It calls Listen if nobody did. It may be called once.
func (s *Server) Serve(ctx context.Context) error {
	if err := s.Listen(); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, s.Close)()
	var hub sync.WaitGroup
	hub.Go(func() { s.hub.run(s.stop) })
	s.accept()
	s.Close()
	hub.Wait()
	return nil
}

// Close stops accepting, says goodbye to every session and returns when all of them are gone. It cuts those
// that do not take their farewell within closeGrace; after that only a Source or callback that does not
// return can hold it up.
func (s *Server) Close() {
	s.closing.Do(func() {
		s.mu.Lock()
		s.closed = true
		if s.listener != nil {
			s.listener.Close() // nothing to do about an error: nobody accepts any more
		}
		for c := range s.sessions {
			c.finish(stopping)
		}
		s.mu.Unlock()
		grace := time.AfterFunc(closeGrace, s.cutAll)
		s.running.Wait()
		grace.Stop()
		close(s.stop)
	})
}

// cutAll closes the connections of clients that do not take their farewell.
func (s *Server) cutAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.sessions {
		reset(c.conn)
		c.conn.Close()
	}
}

// accept takes clients until the listener is closed. A failed accept (no descriptors, a client that left
// in the queue) is counted and tried again after a pause.
func (s *Server) accept() {
	pause := acceptPauseMin
	for {
		conn, err := s.listener.Accept()
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
		tune(conn)
		s.start(conn)
	}
}

// start gives conn a session, or the reason why not.
func (s *Server) start(conn net.Conn) {
	c, refusal := s.admit(conn)
	if c == nil {
		s.refuse(conn, refusal)
		return
	}
	go func() {
		defer s.running.Done()
		c.serve()
		s.dismiss(c)
	}()
}

// admit registers a session, or returns the line that refuses it.
func (s *Server) admit(conn net.Conn) (*session, string) {
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
	c := newSession(s, conn)
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

// refuse tells a client why it is not served. Whether it arrives is the client's affair.
func (s *Server) refuse(conn net.Conn, line string) {
	s.event("refused " + conn.RemoteAddr().String() + ": " + line[:len(line)-len("\r\n")])
	conn.SetWriteDeadline(time.Now().Add(refuseTimeout))
	conn.Write([]byte(line))
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
