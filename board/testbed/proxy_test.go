//go:build linux

package testbed

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

const patience = 20 * time.Second

// shortly is how long a test listens to be told that nothing comes.
const shortly = 50 * time.Millisecond

// lineServer answers every line "x\n" with "re:x\n", and keeps what it got.
type lineServer struct {
	listener net.Listener
	got      chan string // one connection's lines when it has ended, and how
}

func newLineServer(t *testing.T, network, address string) *lineServer {
	t.Helper()
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	s := &lineServer{listener: listener, got: make(chan string, 64)}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	return s
}

func (s *lineServer) serve(conn net.Conn) {
	defer conn.Close()
	var all, line []byte
	one := make([]byte, 1)
	for {
		if _, err := conn.Read(one); err != nil {
			if errors.Is(err, syscall.ECONNRESET) {
				all = append(all, "<reset>"...)
			}
			s.got <- string(all)
			return
		}
		all, line = append(all, one...), append(line, one...)
		if one[0] == '\n' {
			conn.Write(append([]byte("re:"), line...))
			line = line[:0]
		}
	}
}

func (s *lineServer) dial() (net.Conn, error) {
	return net.Dial(s.listener.Addr().Network(), s.listener.Addr().String())
}

func newTestProxy(t *testing.T) (*Proxy, *lineServer) {
	t.Helper()
	server := newLineServer(t, "tcp", "127.0.0.1:0")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return NewProxy(t, listener, server.dial), server
}

func connect(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	conn, err := net.Dial(p.Addr().Network(), p.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return conn
}

func say(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
}

func hear(t *testing.T, conn net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		t.Fatalf("heard %q, %v, want %q", got[:n], err, want)
	}
}

// silent fails the test unless nothing comes and the connection stays open.
func silent(t *testing.T, conn net.Conn) {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(shortly))
	n, err := conn.Read(make([]byte, 1))
	if timeout, ok := errors.AsType[net.Error](err); n != 0 || !ok || !timeout.Timeout() {
		t.Fatalf("read %d bytes, %v, want silence", n, err)
	}
	conn.SetReadDeadline(time.Now().Add(patience))
}

// ends returns the error with which the connection ends, before anything is heard.
func ends(t *testing.T, conn net.Conn) error {
	t.Helper()
	n, err := conn.Read(make([]byte, 1))
	if timeout, ok := errors.AsType[net.Error](err); n != 0 || err == nil || ok && timeout.Timeout() {
		t.Fatalf("read %d bytes, %v, want the end", n, err)
	}
	return err
}

func TestProxyPasses(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ name, network, front, back string }{
		{"TCP", "tcp", "127.0.0.1:0", "127.0.0.1:0"},
		{"unix", "unix", filepath.Join(dir, "front"), filepath.Join(dir, "back")},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := newLineServer(t, c.network, c.back)
			listener, err := net.Listen(c.network, c.front)
			if err != nil {
				t.Fatal(err)
			}
			p := NewProxy(t, listener, server.dial)
			conn := connect(t, p)
			if got := Await(t, p.Accepted(), patience, "connection"); got != 1 {
				t.Errorf("first connection has number %d", got)
			}
			say(t, conn, "hello\n")
			hear(t, conn, "re:hello\n")
			// The server's last words come after the client has ended its own.
			say(t, conn, "last\n")
			conn.(interface{ CloseWrite() error }).CloseWrite()
			rest, err := io.ReadAll(conn)
			if string(rest) != "re:last\n" || err != nil {
				t.Errorf("rest %q, %v", rest, err)
			}
			if got := Await(t, server.got, patience, "end at the server"); got != "hello\nlast\n" {
				t.Errorf("server got %q", got)
			}
			Eventually(t, patience, "no open connection", func() (bool, string) { return p.Stats().Open == 0, "open" })
			want := ProxyStats{Accepted: 1, ToServer: 11, ToClient: 17}
			if got := p.Stats(); got != want {
				t.Errorf("stats %+v, want %+v", got, want)
			}
		})
	}
}

func TestProxyWelcome(t *testing.T) {
	p, _ := newTestProxy(t)
	old := connect(t, p)
	say(t, old, "a\n")
	hear(t, old, "re:a\n")

	p.SetWelcome(Refuse)
	// The reset may come before connect has returned.
	refused, err := net.Dial("tcp", p.Addr().String())
	if err == nil {
		defer refused.Close()
		refused.SetDeadline(time.Now().Add(patience))
		err = ends(t, refused)
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("refused with %v, want a reset", err)
	}
	p.SetWelcome(Hang)
	hung := connect(t, p)
	for range 3 {
		Await(t, p.Accepted(), patience, "connection")
	}
	say(t, hung, "b\n")
	silent(t, hung)

	p.SetWelcome(Pass)
	silent(t, hung)
	say(t, old, "c\n")
	hear(t, old, "re:c\n")
	fresh := connect(t, p)
	say(t, fresh, "d\n")
	hear(t, fresh, "re:d\n")

	p.Reset()
	for _, conn := range []net.Conn{old, hung, fresh} {
		if err := ends(t, conn); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("ended with %v, want a reset", err)
		}
	}
	if got := p.Stats(); got.Accepted != 4 || got.Refused != 1 || got.Open != 0 {
		t.Errorf("stats %+v, want 4 accepted, 1 refused, 0 open", got)
	}
}

func TestProxyUnreachableTarget(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := NewProxy(t, listener, func() (net.Conn, error) { return nil, errors.New("nobody there") })
	if err := ends(t, connect(t, p)); !errors.Is(err, io.EOF) {
		t.Errorf("ended with %v, want EOF", err)
	}
	if got := p.Stats(); got.Unreachable != 1 || got.Open != 0 {
		t.Errorf("stats %+v, want 1 unreachable, 0 open", got)
	}
}

func TestProxyHold(t *testing.T) {
	for _, c := range []struct {
		name     string
		held     Direction
		atServer int64 // bytes of "b\n" that get there
	}{{"to server", ToServer, 0}, {"to client", ToClient, 2}, {"both", Both, 0}} {
		t.Run(c.name, func(t *testing.T) {
			p, server := newTestProxy(t)
			conn := connect(t, p)
			say(t, conn, "a\n")
			hear(t, conn, "re:a\n")
			p.Hold(c.held)
			say(t, conn, "b\n")
			silent(t, conn)
			Eventually(t, patience, "the bytes at the server", func() (bool, string) {
				got := p.Stats().ToServer
				return got == 2+c.atServer, fmt.Sprintf("%d, want %d", got, 2+c.atServer)
			})
			p.Hold(0)
			hear(t, conn, "re:b\n")
			conn.Close()
			if got := Await(t, server.got, patience, "end at the server"); got != "a\nb\n" {
				t.Errorf("server got %q", got)
			}
		})
	}
}

// TestProxyHidesTheEnd: while everything is held, the server does not learn that its client is gone.
func TestProxyHidesTheEnd(t *testing.T) {
	for _, c := range []struct {
		name string
		end  ending
	}{{"close", orderly}, {"reset", abort}} {
		t.Run(c.name, func(t *testing.T) {
			p, server := newTestProxy(t)
			conn := connect(t, p)
			say(t, conn, "a\n")
			hear(t, conn, "re:a\n")
			p.Hold(Both)
			closeConn(conn, c.end)
			select {
			case got := <-server.got:
				t.Errorf("the connection ended at the server with %q", got)
			case <-time.After(shortly):
			}
			p.Hold(0)
			Await(t, server.got, patience, "end at the server")
		})
	}
}

func TestProxyReset(t *testing.T) {
	p, server := newTestProxy(t)
	conn := connect(t, p)
	say(t, conn, "a\n")
	hear(t, conn, "re:a\n")
	p.Reset()
	if err := ends(t, conn); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("client ended with %v, want a reset", err)
	}
	if got := Await(t, server.got, patience, "end at the server"); got != "a\n<reset>" {
		t.Errorf("server got %q, want a reset after the line", got)
	}
	again := connect(t, p)
	say(t, again, "b\n")
	hear(t, again, "re:b\n")
}

// TestProxyCutAfter cuts at every byte of a conversation, and lets the next connection pass.
func TestProxyCutAfter(t *testing.T) {
	const text = "one\ntwo\n"
	p, server := newTestProxy(t)
	for n := range len(text) + 1 {
		cut := p.CutAfter(int64(n))
		conn := connect(t, p)
		io.WriteString(conn, text)
		Await(t, cut, patience, "cut")
		got := Await(t, server.got, patience, "end at the server")
		if want := text[:n]; got != want && got != want+"<reset>" {
			t.Errorf("after %d bytes the server has %q, want %q", n, got, want)
		}
		if _, err := io.ReadAll(conn); err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("after %d bytes the client sees %v", n, err)
		}
		next := connect(t, p)
		say(t, next, "next\n")
		hear(t, next, "re:next\n")
		next.Close()
		Await(t, server.got, patience, "end of the next connection at the server")
	}
	if got := p.Stats().FaultsStruck; got != len(text)+1 {
		t.Errorf("%d faults struck, want %d", got, len(text)+1)
	}
	conn := connect(t, p)
	p.CutAfter(1)
	p.Disarm()
	say(t, conn, "free\n")
	hear(t, conn, "re:free\n")
}

func TestProxyFreezeAfter(t *testing.T) {
	p, server := newTestProxy(t)
	conn := connect(t, p)
	frozen := p.FreezeAfter(4)
	say(t, conn, "one\ntwo\n")
	Await(t, frozen, patience, "freeze")
	silent(t, conn) // the answer to the first line included
	conn.Close()
	select {
	case got := <-server.got:
		t.Errorf("the connection ended at the server with %q", got)
	case <-time.After(shortly):
	}
	next := connect(t, p)
	say(t, next, "three\n")
	hear(t, next, "re:three\n")
	p.Reset()
	got := []string{Await(t, server.got, patience, "end"), Await(t, server.got, patience, "other end")}
	if got[0] != "one\n<reset>" && got[1] != "one\n<reset>" {
		t.Errorf("server got %q, want one of them to be the frozen line and a reset", got)
	}
}

// TestProxySwallowAfter sends the pattern in one and in several writes.
func TestProxySwallowAfter(t *testing.T) {
	for _, c := range []struct {
		name   string
		writes []string
	}{
		{"at once", []string{"COMMIT\n"}},
		{"with more before", []string{"and now COMMIT\n"}},
		{"in two writes", []string{"COM", "MIT\n"}},
		{"byte by byte", []string{"C", "O", "M", "M", "I", "T", "\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, server := newTestProxy(t)
			conn := connect(t, p)
			swallowed := p.SwallowAfter([]byte("COMMIT"))
			passed := p.Watch([]byte("COMMIT"))
			never := p.Watch([]byte("ROLLBACK"))
			say(t, conn, "BEGIN\n")
			hear(t, conn, "re:BEGIN\n")
			sent := "BEGIN\n"
			for _, write := range c.writes {
				sent += write
				say(t, conn, write)
				Eventually(t, patience, "the write at the server", func() (bool, string) {
					return p.Stats().ToServer == int64(len(sent)), "less"
				})
			}
			Await(t, passed, patience, "pattern seen")
			Await(t, swallowed, patience, "answer swallowed")
			if err := ends(t, conn); !errors.Is(err, io.EOF) {
				t.Errorf("client ended with %v, want EOF", err)
			}
			got := Await(t, server.got, patience, "end at the server")
			if got != sent && got != sent+"<reset>" {
				t.Errorf("server got %q, want %q", got, sent)
			}
			if stats := p.Stats(); stats.Swallowed == 0 || stats.ToClient != int64(len("re:BEGIN\n")) || stats.FaultsStruck != 1 {
				t.Errorf("stats %+v", stats)
			}
			select {
			case <-never:
				t.Error("a pattern was seen that nobody sent")
			default:
			}
			again := connect(t, p)
			say(t, again, "COMMIT\n")
			hear(t, again, "re:COMMIT\n")
		})
	}
}

func TestProxyWatchIsNotOlderThanItself(t *testing.T) {
	p, _ := newTestProxy(t)
	conn := connect(t, p)
	say(t, conn, "COMMIT\n")
	hear(t, conn, "re:COMMIT\n")
	seen := p.Watch([]byte("COMMIT"))
	say(t, conn, "x\n")
	hear(t, conn, "re:x\n")
	select {
	case <-seen:
		t.Error("an old pattern was seen")
	default:
	}
}

func TestProxyDelay(t *testing.T) {
	p, _ := newTestProxy(t)
	conn := connect(t, p)
	p.Delay(shortly)
	start := time.Now()
	say(t, conn, "a\n")
	hear(t, conn, "re:a\n")
	if took := time.Since(start); took < 2*shortly {
		t.Errorf("there and back in %v, with %v each way", took, shortly)
	}
	p.Delay(time.Hour) // Close does not wait for it
	say(t, conn, "b\n")
	silent(t, conn)
}

func TestProxyCarriesMuch(t *testing.T) {
	sink, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	received := make(chan []byte, 1)
	go func() {
		conn, err := sink.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		all, _ := io.ReadAll(conn)
		received <- all
	}()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := NewProxy(t, listener, func() (net.Conn, error) { return net.Dial("tcp", sink.Addr().String()) })
	conn := connect(t, p)
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	if _, err := conn.Write(sent); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if got := Await(t, received, patience, "all bytes"); !bytes.Equal(got, sent) {
		t.Errorf("%d bytes arrived changed, want %d", len(got), len(sent))
	}
}
