package console

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A program gets answers and nothing else: no greeting, no prompt, no packets that it did not ask for.
func TestProgram(t *testing.T) {
	tests := []struct{ name, sent, want string }{
		{"report", "books --json\n", "{\"topic\":\"books\"}\n"},
		{"two", "version\nuplink --json\n", "network-sniffer 1.2\r\n{\"topic\":\"uplink\"}\n"},
		{"message", "hello\n", "Received message: hello\r\n"},
		{"CR LF", "one\r\ntwo\r\n", "Received message: one\r\nReceived message: two\r\n"},
		{"CR NUL", "one\r\x00two\r\x00", "Received message: one\r\nReceived message: two\r\n"},
		{"CR alone", "one\rtwo\r", "Received message: one\r\nReceived message: two\r\n"},
		{"empty lines", "a\r\n\n\r\x00\r\n", "Received message: a\r\n"},
		{"options refused", "hi\n\xff\xfd\x2a\xff\xfb\x2b", "Received message: hi\r\n\xff\xfc\x2a\xff\xfe\x2b"},
		{"IAC IAC is a byte", "a\xff\xffb\n", "Received message: a\\xffb\r\n"},
		{"are you there", "a\n\xff\xf6", "Received message: a\r\nYes, network-sniffer is here.\r\n"},
		{"erase character", "abx\xff\xf7c\n", "Received message: abc\r\n"},
		{"erase line", "abx\xff\xf8c\n", "Received message: c\r\n"},
		{"longest line", strings.Repeat("x", LineBytes) + "\na\n", "Received message: " + strings.Repeat("x", LineBytes) + "\r\nReceived message: a\r\n"},
		{"line too long", strings.Repeat("x", LineBytes+1) + "y\na\n", "The line is longer than 1024 bytes and is ignored.\r\nReceived message: a\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for cut := range len(tt.sent) {
				if cut > 40 && cut < len(tt.sent)-40 {
					continue
				}
				inBubble(t, Config{Version: "1.2"}, func(b bubble) {
					c := b.open(PortConsole, true, nil)
					if cut > 0 {
						c.send(tt.sent[:cut])
					}
					c.send(tt.sent[cut:])
					beginning()
					if got := c.take(); got != tt.want {
						t.Errorf("cut at %d: got %q, want %q", cut, got, tt.want)
					}
				})
			}
		})
	}
}

// Nothing that comes with what is no console's is executed, wherever in it commands stand, and nothing is answered.
func TestForeign(t *testing.T) {
	tests := []struct{ name, sent string }{
		{"GET", "GET / HTTP/1.1\r\nHost: router:8000\r\n\r\nhello\r\n"},
		{"POST of a form as text", "POST / HTTP/1.1\r\nHost: router:8000\r\nContent-Type: text/plain\r\n\r\nhello\r\nmark hacked\r\nquit\r\n"},
		{"commands before the Host line", "hello\r\nmark hacked\r\nHost: router:8000\r\n"},
		{"TLS", "\x16\x03\x01\x02hello\r\n"},
		{"SSH", "SSH-2.0-x\r\nhello\r\n"},
		{"SMB", "\x00\x00\x00\x85\xffSMBhello\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for cut := range len(tt.sent) {
				inBubble(t, Config{}, func(b bubble) {
					c := b.open(PortConsole, true, nil)
					if cut > 0 {
						c.send(tt.sent[:cut])
						time.Sleep(openingPause / 2) // in another packet
					}
					go io.WriteString(c.conn, tt.sent[cut:]) // it may be closed in the middle
					beginning()
					if got := c.take(); got != "" {
						t.Errorf("cut at %d: answered %q", cut, got)
					}
					<-c.end
					if n := b.srv.Counters(); n.ClosedForeign != 1 || n.Commands != 0 || n.Messages != 0 || n.Marks != 0 {
						t.Errorf("cut at %d: %+v", cut, n)
					}
				})
			}
		})
	}
}

// A capture may hold what it likes, but nothing is executed on the way to it.
func TestForeignBehindACapture(t *testing.T) {
	for _, tt := range []struct {
		name     string
		push     Pusher
		sent     string
		foreign  uint64
		commands uint64
	}{
		{"in the capture", new(fakePusher), "push pcap\nxxxx\r\nHost: a\r\n", 0, 1},
		{"push is off", nil, "push pcap\nhello\r\nHost: a\r\n", 1, 0},
		{"behind a command", new(fakePusher), "mark hacked\npush pcap\nHost: a\r\n", 1, 0},
		{"that is none", new(fakePusher), "push\tpcap\nmark hacked\nHost: a\r\n", 1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, Config{Push: tt.push}, func(b bubble) {
				b.program(tt.sent)
				if n := b.srv.Counters(); n.ClosedForeign != tt.foreign || n.Commands != tt.commands || n.Marks != 0 {
					t.Errorf("%+v", n)
				}
			})
		})
	}
}

// What comes later is closed too, as soon as it shows.
func TestForeignLater(t *testing.T) {
	inBubble(t, Config{}, func(b bubble) {
		c := b.connect(true)
		c.take()
		if got := c.ask("hello\r\nOrigin: http://evil\r\nmark hacked"); got != "Received message: hello\r\n" {
			t.Errorf("answered %q", got)
		}
		<-c.end
		if n := b.srv.Counters(); n.ClosedForeign != 1 || n.Marks != 0 {
			t.Errorf("%+v", n)
		}
	})
}

func TestWhoSaysNothingAndLeaves(t *testing.T) {
	_, c := meet(t, Config{Version: "1.2"}, all(""))
	if got := c.rest(); !strings.HasPrefix(got, "network-sniffer 1.2\r\n") {
		t.Errorf("got %q", got)
	}
}

// A client that ends its sending side gets every answer, then the end.
func TestHalfClose(t *testing.T) {
	tests := []struct{ name, sent, want string }{
		{"complete line", "hello\n", "Received message: hello\r\n"},
		{"unfinished line", "one\ntwo", "Received message: one\r\nReceived message: two\r\n"},
		{"line too long", strings.Repeat("x", LineBytes+1), "The line is longer than 1024 bytes and is ignored.\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, c := meet(t, Config{}, all(tt.sent))
			if got := c.rest(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func secret(_ netip.Addr, attempt []byte) (refusal string) {
	switch string(attempt) {
	case "open sesame":
		return ""
	case "closed":
		return "Nobody is let in."
	}
	return "Wrong password."
}

func TestPasswordOfAPerson(t *testing.T) {
	inBubble(t, Config{Password: secret}, func(b bubble) {
		c := b.connect(true)
		if got := c.take(); got != probe+"Password: " {
			t.Errorf("got %q", got)
		}
		if got := c.ask("help"); got != "Wrong password.\r\nPassword: " {
			t.Errorf("a wrong one: %q", got)
		}
		if got := c.ask("closed"); got != "Nobody is let in.\r\nPassword: " {
			t.Errorf("another reason: %q", got)
		}
		if got := c.ask("open sesame"); !strings.HasPrefix(got, "network-sniffer") {
			t.Errorf("the right one: %q", got)
		}
		if got := c.ask("hello"); got != "Received message: hello\r\n" {
			t.Errorf("then: %q", got)
		}
		if n := b.srv.Counters(); n.Commands != 1 || n.ClosedPassword != 0 {
			t.Errorf("%+v", n)
		}
	})
}

func TestPasswordIsAskedThreeTimes(t *testing.T) {
	var events []string
	inBubble(t, Config{Password: secret, OnEvent: func(text string) { events = append(events, text) }}, func(b bubble) {
		c := b.connect(true)
		c.take()
		c.send("stats\r\nquit\r\nhelp\r\nopen sesame\r\nhelp\r\n")
		<-c.end
		if got := c.take(); got != "Wrong password.\r\nPassword: Wrong password.\r\nPassword: Wrong password. Goodbye.\r\n" {
			t.Errorf("got %q", got)
		}
		if n := b.srv.Counters(); n.Commands != 0 || n.ClosedPassword != 1 {
			t.Errorf("%+v", n)
		}
		if len(events) != 3 || strings.Contains(strings.Join(events, ""), "help") {
			t.Errorf("the log says %q", events)
		}
	})
}

// Who does not say the password does not keep a place; Enter alone is no attempt.
func TestPasswordHasItsTime(t *testing.T) {
	inBubble(t, Config{Password: secret}, func(b bubble) {
		in := b.connect(true)
		in.ask("open sesame")
		in.take()
		c := b.connect(true)
		c.take()
		for range MaxAttempts {
			if got := c.ask(""); got != "Password: " {
				t.Errorf("Enter alone: %q", got)
			}
		}
		time.Sleep(LoginTimeout)
		if got := c.take(); got != "No password within 1m0s. Goodbye.\r\n" {
			t.Errorf("got %q", got)
		}
		<-c.end
		if got := in.ask("hello"); got != "Received message: hello\r\n" {
			t.Errorf("who said it: %q", got)
		}
		if n := b.srv.Counters(); n.ClosedPassword != 1 {
			t.Errorf("%+v", n)
		}
	})
}

// A person that pressed Enter before the console asked anything is asked once.
func TestPasswordAfterEnter(t *testing.T) {
	inBubble(t, Config{Password: secret}, func(b bubble) {
		c := b.open(PortConsole, true, nil)
		c.send("\r\n")
		beginning()
		if got := c.take(); got != probe+"Password: " {
			t.Errorf("got %q", got)
		}
	})
}

func TestPasswordOfAProgram(t *testing.T) {
	inBubble(t, Config{Password: secret}, func(b bubble) {
		if _, got := b.program("open sesame\nbooks --json\n"); got != "{\"topic\":\"books\"}\n" {
			t.Errorf("got %q", got)
		}
		c, got := b.program("books --json\nopen sesame\nbooks --json\n")
		if got != "Wrong password. Goodbye.\r\n" {
			t.Errorf("without it: %q", got)
		}
		<-c.end
	})
}

// Who is not allowed is not answered and has no session.
func TestAllow(t *testing.T) {
	var allowed sync.Map
	srv, address := listen(t, Config{Allow: func(c net.Conn) bool { _, ok := allowed.Load(c.RemoteAddr().String()); return ok }})
	conn, err := net.DialTimeout("tcp", address, patience)
	if err == nil {
		defer conn.Close()
		var b []byte
		if b, err = io.ReadAll(conn); len(b) > 0 {
			t.Errorf("got %q", b)
		}
	}
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Error(err)
	}
	if n := srv.Counters(); n.RefusedAllow != 1 || n.Sessions != 0 {
		t.Errorf("%+v", n)
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
			inBubble(t, tt.cfg, func(b bubble) {
				first := b.connect(true)
				b.connect(true)
				if got := b.connect(true).take(); got != tt.want {
					t.Errorf("the third client reads %q, want %q", got, tt.want)
				}
				if n := b.srv.Counters(); n.RefusedFull+n.RefusedAddress != 1 || n.Sessions != 2 {
					t.Errorf("%+v", n)
				}
				first.ask("quit")
				<-first.end
				time.Sleep(linger)
				synctest.Wait()
				if got := b.connect(true).take(); !strings.Contains(got, Product) {
					t.Errorf("after one left, the next reads %q", got)
				}
			})
		})
	}
}

// OnAccept comes before the first byte, with the client's view of the addresses turned round.
func TestOnAcceptComesFirst(t *testing.T) {
	type ends struct{ local, remote netip.AddrPort }
	accepted, release := make(chan ends, 1), make(chan struct{})
	srv, address := listen(t, Config{OnAccept: func(local, remote netip.AddrPort) {
		accepted <- ends{local, remote}
		<-release
	}})
	c := dial(t, address)
	c.send("version\n")
	got := <-accepted
	if got.local.String() != c.conn.RemoteAddr().String() || got.remote.String() != c.conn.LocalAddr().String() {
		t.Errorf("OnAccept got %v, the client is %v to %v", got, c.conn.LocalAddr(), c.conn.RemoteAddr())
	}
	for _, s := range srv.open() {
		s.mu.Lock()
		if len(s.text) != 0 {
			t.Errorf("%q waits to be sent before OnAccept returned", s.text)
		}
		s.mu.Unlock()
	}
	close(release)
	c.until(Product)
}

func TestCloseSaysGoodbye(t *testing.T) {
	inBubble(t, Config{}, func(b bubble) {
		reading, paused, new := b.connect(true), b.connect(true), b.open(PortConsole, true, nil)
		paused.ask("pause")
		reading.take()
		paused.take()
		b.srv.Close()
		for _, c := range []*pipeClient{reading, paused, new} {
			if got := c.take(); got != stopping {
				t.Errorf("got %q, want %q", got, stopping)
			}
		}
		b.srv.Close() // again, which does nothing
		if got := b.srv.Counters().SessionsOpen; got != 0 {
			t.Errorf("%d sessions open after Close", got)
		}
		l := &flakyListener{closed: make(chan struct{})}
		if err := b.srv.Serve(l, PortConsole); !errors.Is(err, ErrClosed) {
			t.Errorf("Serve after Close: %v, want %v", err, ErrClosed)
		}
	})
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

// An accept that fails is counted and does not end the service.
func TestAcceptErrors(t *testing.T) {
	srv := server(Config{})
	ours, theirs := net.Pipe()
	l := &flakyListener{conns: []net.Conn{nil, nil, theirs}, closed: make(chan struct{})}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l, PortConsole) }()
	go io.WriteString(ours, "version\nquit\n")
	if b, err := io.ReadAll(ours); err != nil || !strings.HasPrefix(string(b), Product) {
		t.Errorf("answered %q, %v", b, err)
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
