package uplink

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"network-sniffer/board/testbed"
)

func TestParseTarget(t *testing.T) {
	for _, row := range []struct {
		name, url, want string // want: in the connection string
		warns, bad      bool
	}{
		{"far host", "postgres://u@db.example.net/d", "sslmode=verify-full", false, false},
		{"loopback name", "postgres://u@localhost/d", "sslmode=disable", false, false},
		{"loopback address", "postgres://u@127.0.0.1:5433/d", "sslmode=disable", false, false},
		{"loopback v6", "postgres://u@[::1]/d", "sslmode=disable", false, false},
		{"unix socket", "postgres://u@/d?host=/run/postgresql", "host=%2Frun", false, false},
		{"own choice", "postgres://u@db.example.net/d?sslmode=require", "sslmode=require", true, false},
		{"own choice at home", "postgres://u@localhost/d?sslmode=require", "sslmode=require", false, false},
		{"postgresql scheme", "postgresql://u@localhost/d", "sslmode=disable", false, false},
		{"hostaddr elsewhere", "postgres://u@localhost/d?hostaddr=192.0.2.7", "sslmode=verify-full", false, false},
		{"one of two elsewhere", "postgres://u@localhost,db.example.net/d", "sslmode=verify-full", false, false},
		{"socket and elsewhere", "postgres://u@/d?host=/run/postgresql,db.example.net", "sslmode=verify-full", false, false},
		{"socket and elsewhere, own choice", "postgres://u@/d?host=/run/postgresql,db.example.net&sslmode=require", "sslmode=require", true, false},
		{"two servers with ports", "postgres://u@one.example.net:1,two.example.net:2/d", "port=1%2C2", false, false},
		{"two servers, one port", "postgres://u@one.example.net,two.example.net:2/d?sslmode=verify-ca", "port=5432%2C2", true, false},
		{"two servers without ports", "postgres://u@one.example.net,two.example.net", "host=one.example.net%2Ctwo.example.net", false, false},
		{"two addresses", "postgres://u@[2001:db8::1]:1,[2001:db8::2]:2?sslmode=require", "host=2001%3Adb8%3A%3A1%2C2001%3Adb8%3A%3A2", true, false},
		{"v6 without a port", "postgres://u@[::1]/d", "host=%3A%3A1", false, false},
		{"v6 with a zone", "postgres://u@[fe80::1%25eth0]/d", "host=fe80%3A%3A1%25eth0", false, false},
		{"bad escape among two", "postgres://u:geheim@one%zz,two/d", "", false, true},
		{"another scheme", "mysql://u:geheim@localhost/d", "", false, true},
		{"no URL", "host=localhost password=geheim", "", false, true},
		{"does not parse", "postgres://u:geheim@local host/%zz", "", false, true},
		{"bad option", "postgres://u:geheim@localhost/d?sslmode=geheim", "", false, true},
		{"bad port", "postgres://u:geheim@localhost:99999/d", "", false, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			target, err := ParseTarget(row.url)
			if row.bad {
				if !errors.Is(err, ErrURL) {
					t.Fatalf("error %v", err)
				}
				if strings.Contains(err.Error(), "u:geheim") {
					t.Errorf("the error tells the password: %v", err)
				}
				return
			}
			if err != nil || !strings.Contains(target.dsn, row.want) || (target.Warning != "") != row.warns {
				t.Errorf("%q, warning %q, %v; want %s", target.dsn, target.Warning, err, row.want)
			}
		})
	}
	t.Setenv("PGHOST", "db.example.net")
	if target, err := ParseTarget("postgres://u@/d"); err != nil || !strings.Contains(target.dsn, "sslmode=verify-full") {
		t.Errorf("a far host in the environment: %q, %v", target.dsn, err)
	}
	t.Setenv("PGSSLMODE", "require")
	if target, err := ParseTarget("postgres://u@/d"); err != nil || target.Warning == "" || strings.Contains(target.dsn, "verify-full") {
		t.Errorf("a weak mode in the environment: %q, warning %q, %v", target.dsn, target.Warning, err)
	}
	target, err := ParseTarget("postgres://u:geheim@db.example.net/d?password=geheim")
	if err != nil || strings.Contains(target.Name+target.Warning, "geheim") || target.Name != "u@db.example.net:5432/d" {
		t.Errorf("name %q, %v", target.Name, err)
	}
	for _, format := range []string{"%v", "%+v", "%#v"} {
		text := fmt.Sprintf(format, target) + fmt.Sprintf(format, UploaderConfig{Target: target})
		if strings.Contains(text, "geheim") {
			t.Errorf("printing tells the password: %s", text)
		}
	}
	for url, has := range map[string]bool{
		"postgres://u@h/d": false, "postgres://u:p@h/d": true, "postgres://u@h/d?password=p": true, "%": false,
		"postgres://u:p@h:1,g:2/d": true, "postgres://u@h/d?sslinline=true&sslkey=k": true, "postgres://u@h/d?sslkey=/k": false,
	} {
		if HasPassword(url) != has {
			t.Errorf("HasPassword(%q) is %v", url, !has)
		}
	}
}

// TestDeadAddress: the first address of a server that has two does not use up the time of the second.
func TestDeadAddress(t *testing.T) {
	d := &dialer{timeout: patience}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	const addresses = 600
	began := time.Now()
	// Nobody accepts on a listener whose queue is full; a connection to it is never answered.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) { err = unix.Listen(int(fd), 0) }); err != nil {
		t.Fatal(err)
	}
	fill, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer fill.Close()
	if _, err := d.dialOne(ctx, l.Addr().(*net.TCPAddr).AddrPort(), addresses); err == nil {
		t.Fatal("the connection was answered")
	}
	if ctx.Err() != nil {
		t.Errorf("one of %d addresses took the whole time: %v", addresses, time.Since(began))
	}
}

// TestDialerTellsFirst: the address pair is told before the first packet leaves, and it is the real one.
func TestDialerTellsFirst(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		accepted := make(chan net.Conn, 1)
		go func() {
			if c, err := l.Accept(); err == nil {
				accepted <- c
			}
		}()
		var told, ended []Connection
		d := &dialer{timeout: patience,
			opening: func(c Connection) {
				if len(accepted) > 0 {
					t.Error("the connection was there before it was told")
				}
				told = append(told, c)
			},
			closed: func(c Connection) { ended = append(ended, c) },
		}
		c, err := d.DialContext(context.Background(), "tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		peer := testbed.Await(t, accepted, patience, "the connection")
		if len(told) != 1 || told[0].Local.String() != peer.RemoteAddr().String() || told[0].Remote.String() != l.Addr().String() {
			t.Errorf("told %v, the peer sees %v", told, peer.RemoteAddr())
		}
		c.Close()
		c.Close()
		peer.Close()
		if len(ended) != 1 || ended[0] != told[0] {
			t.Errorf("closed %v", ended)
		}
		// A connection that fails is closed too.
		l.Close()
		if _, err := d.DialContext(context.Background(), "tcp", l.Addr().String()); err == nil {
			t.Error("connected to nobody")
		}
		if len(told) != 2 || len(ended) != 2 || ended[1] != told[1] {
			t.Errorf("of a failed connection: told %v, closed %v", told, ended)
		}
	}
}

// TestSilentPeer: calls end after the time-out.
func TestSilentPeer(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	d := &dialer{timeout: 50 * time.Millisecond}
	c := d.keep(ours, Connection{})
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a silent peer: %v", err)
	}
	if _, err := c.Write(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a peer that does not read: %v", err)
	}
	d.abort()
	if _, err := c.Write([]byte{1}); !errors.Is(err, errAborted) {
		t.Errorf("a write on a connection that was given up: %v", err)
	}
}
