package console

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestSeveralClients(t *testing.T) {
	messages := make(chan logged, 8)
	srv := startServer(t, Config{OnMessage: func(from netip.AddrPort, text string) { messages <- logged{from, text} }})
	tap := srv.NewTap()
	var clients []*client
	for i := range 8 {
		c := dial(t, srv)
		c.until("Device:     porch")
		c.until("help")
		c.send(fmt.Sprintf("I am %d\r\n", i))
		c.until(fmt.Sprintf("Received message: I am %d", i))
		m := <-messages
		if m.text != fmt.Sprintf("I am %d", i) || m.from.String() != c.conn.LocalAddr().String() {
			t.Errorf("client %d at %v was logged as %v", i, c.conn.LocalAddr(), m)
		}
		clients = append(clients, c)
	}
	p := newTCPPacket(4711)
	tap.Offer(&p)
	tap.Flush()
	for _, c := range clients {
		c.until("192.168.1.20:4711 → 142.250.74.36:443 TCP")
	}
	for _, c := range clients {
		c.send("quit\r\n")
		if got := c.rest(); got != goodbye {
			t.Errorf("after quit: %q", got)
		}
	}
}

// A real socket that is not read is closed, and another client is served meanwhile.
func TestStalledSocket(t *testing.T) {
	events := make(chan string, 8)
	srv := startServer(t, Config{
		LinesPerSecond: -1,
		WriteTimeout:   time.Second,
		OnEvent:        func(text string) { events <- text },
	})
	tap := srv.NewTap()
	stalled := dialIn(t, srv)
	stalled.conn.SetReadBuffer(4096)
	good := dialIn(t, srv)
	lines := make(chan string, 1)
	go func() {
		for {
			line, err := good.r.ReadString('\n')
			if err != nil {
				close(lines)
				return
			}
			if strings.HasPrefix(line, "Received") {
				lines <- line
			}
		}
	}()
	deadline := time.After(patience)
	for closed := false; !closed; {
		offer(tap, chunkPackets)
		select {
		case text := <-events:
			if want := "closed " + stalled.conn.LocalAddr().String() + ": it did not read for 1s"; text != want {
				t.Fatalf("event %q, want %q", text, want)
			}
			closed = true
		case <-deadline:
			t.Fatalf("the stalled client is still connected: %+v", srv.Counters())
		default:
		}
	}
	good.send("still here\n")
	if got := <-lines; got != "Received message: still here\r\n" {
		t.Errorf("the other client is answered %q", got)
	}
	if got := srv.Counters().ClosedStalled; got != 1 {
		t.Errorf("%d clients closed as stalled, want 1", got)
	}
}

// A client that ends its sending side gets every answer, then the end.
func TestHalfClose(t *testing.T) {
	tests := []struct{ name, sent, want string }{
		{"complete line", "hello\n", "Received message: hello\r\n"},
		{"unfinished line", "one\ntwo", "Received message: one\r\nReceived message: two\r\n"},
		{"nothing", "", ""},
		{"line too long", strings.Repeat("x", LineBytes+1), "The line is longer than 1024 bytes and is ignored.\r\n"},
	}
	srv := startServer(t, Config{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, srv)
			c.send(tt.sent)
			c.conn.CloseWrite()
			c.until("Type help")
			if got := c.rest(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestForeignProtocolIsClosed(t *testing.T) {
	events := make(chan string, 8)
	srv := startServer(t, Config{OnEvent: func(text string) { events <- text }})
	for i, sent := range []string{"GET / HTTP/1.1\r\n\r\nhello\r\n", "\x16\x03\x01\x02hello\r\n", "SSH-2.0-x\r\nhello\r\n"} {
		c := dial(t, srv)
		c.send(sent)
		c.until("Type help")
		if got := c.rest(); got != "" {
			t.Errorf("%q was answered %q", sent, got)
		}
		if got, want := <-events, "closed "+c.conn.LocalAddr().String()+": it speaks "; !strings.HasPrefix(got, want) {
			t.Errorf("event %q, want %q", got, want)
		}
		if got := srv.Counters(); got.ClosedForeign != uint64(i+1) || got.Commands != 0 {
			t.Errorf("counters %+v", got)
		}
	}
}

func TestSessionLimits(t *testing.T) {
	tests := []struct {
		name string
		cfg  Config
		want string
	}{
		{"in all", Config{Sessions: 2}, "Too many sessions: all 2 are taken. Try again later.\r\n"},
		{"from one address", Config{SessionsPerAddress: 2}, "Too many sessions from your address: 2 are open. Close one first.\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			left := make(chan netip.AddrPort, 1)
			tt.cfg.OnClose = func(_, remote netip.AddrPort) { left <- remote }
			srv := startServer(t, tt.cfg)
			first := dialIn(t, srv)
			dialIn(t, srv)
			if got := dial(t, srv).rest(); got != tt.want {
				t.Errorf("the third client reads %q, want %q", got, tt.want)
			}
			if got := srv.Counters(); got.RefusedFull+got.RefusedAddress != 1 || got.Sessions != 2 {
				t.Errorf("counters %+v", got)
			}
			first.send("quit\n")
			first.rest()
			first.conn.Close() // or the session lingers
			if got := (<-left).String(); got != first.conn.LocalAddr().String() {
				t.Errorf("OnClose names %s, want %s", got, first.conn.LocalAddr())
			}
			go func() { // drains the sessions that end with the test
				for range left {
				}
			}()
			deadline := time.Now().Add(patience)
			for { // the slot is free a moment after OnClose
				c := dial(t, srv)
				line, err := c.r.ReadString('\n')
				if err == nil && strings.HasPrefix(line, Product) {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("after a client left another one reads %q, %v", line, err)
				}
			}
		})
	}
}

// OnAccept comes before the first byte, with the client's view of the addresses turned round.
func TestOnAcceptComesFirst(t *testing.T) {
	type ends struct{ local, remote netip.AddrPort }
	accepted, release := make(chan ends, 1), make(chan struct{})
	srv := startServer(t, Config{OnAccept: func(local, remote netip.AddrPort) {
		accepted <- ends{local, remote}
		<-release
	}})
	c := dial(t, srv)
	got := <-accepted
	if got.local.String() != c.conn.RemoteAddr().String() || got.remote.String() != c.conn.LocalAddr().String() {
		t.Errorf("OnAccept got %v, the client is %v to %v", got, c.conn.LocalAddr(), c.conn.RemoteAddr())
	}
	if shown := srv.Counters(); shown.SessionsOpen != 1 {
		t.Errorf("counters %+v", shown)
	}
	for s := range srv.sessions {
		if s.mu.Lock(); len(s.text) != 0 {
			t.Errorf("%q waits to be sent before OnAccept returned", s.text)
		}
		s.mu.Unlock()
	}
	close(release)
	c.until(Product)
}

func TestCloseSaysGoodbye(t *testing.T) {
	srv := New(Config{Listen: "127.0.0.1:0", Source: fakeSource{}})
	ctx, cancel := context.WithCancel(context.Background())
	if err := srv.Listen(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ctx) }()
	reading, paused := dialIn(t, srv), dialIn(t, srv)
	paused.send("pause\n")
	paused.until("Paused")
	cancel()
	for _, c := range []*client{reading, paused} {
		if got := c.rest(); got != stopping {
			t.Errorf("got %q, want %q", got, stopping)
		}
		c.conn.Close()
	}
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
	srv.Close() // again, which does nothing
	if err := srv.Serve(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("Serve after Close: %v, want %v", err, ErrClosed)
	}
	if got := srv.Counters().SessionsOpen; got != 0 {
		t.Errorf("%d sessions open after Close", got)
	}
	if _, err := net.Dial("tcp", srv.Addr().String()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("connecting after Close: %v", err)
	}
}

// A client that does not take its farewell does not hold up the end.
func TestCloseCutsStalledClients(t *testing.T) {
	inBubble(t, Config{WriteTimeout: time.Hour}, func(b bubble) {
		b.connect(false)
		start := time.Now()
		b.srv.Close()
		if got := time.Since(start); got != closeGrace {
			t.Errorf("Close took %v, want %v", got, closeGrace)
		}
	})
}

func TestListenErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	tests := []struct {
		name, listen string
		is           error
	}{
		{"taken", taken.Addr().String(), syscall.EADDRINUSE},
		{"not ours", "192.0.2.1:0", syscall.EADDRNOTAVAIL},
		{"nonsense", "127.0.0.1", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := New(Config{Listen: tt.listen, Source: fakeSource{}})
			defer srv.Close()
			err := srv.Serve(context.Background())
			if err == nil || !strings.Contains(err.Error(), "--console-listen") || !strings.Contains(err.Error(), tt.listen) {
				t.Errorf("got %v, want an error that names %s and --console-listen", err, tt.listen)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("got %v, want it to be %v", err, tt.is)
			}
		})
	}
}

// An accept that fails is counted and does not end the service.
func TestAcceptErrors(t *testing.T) {
	srv := New(Config{Source: fakeSource{}})
	ours, theirs := net.Pipe()
	srv.listener = &flakyListener{conns: []net.Conn{nil, nil, theirs}, closed: make(chan struct{})}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(context.Background()) }()
	line, err := bufio.NewReader(ours).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, Product) {
		t.Errorf("greeting %q, %v", line, err)
	}
	ours.Close()
	srv.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := srv.Counters().AcceptErrors; got != 2 {
		t.Errorf("%d accept errors counted, want 2", got)
	}
}

// flakyListener gives out conns, an error for each nil, then waits to be closed.
type flakyListener struct {
	conns  []net.Conn
	closed chan struct{}
}

func (l *flakyListener) Accept() (net.Conn, error) {
	if len(l.conns) == 0 {
		<-l.closed
		return nil, net.ErrClosed
	}
	conn := l.conns[0]
	l.conns = l.conns[1:]
	if conn == nil {
		return nil, syscall.EMFILE
	}
	return conn, nil
}
func (l *flakyListener) Close() error   { close(l.closed); return nil }
func (l *flakyListener) Addr() net.Addr { return &net.TCPAddr{} }
