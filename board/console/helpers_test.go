package console

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"network-sniffer/decode"
)

// patience bounds what a test waits for on a loaded machine; nothing depends on its length.
const patience = 30 * time.Second

type fakeSource struct{}

func (fakeSource) Info() Info {
	return Info{
		Device:     "porch",
		Interfaces: []string{"eth0", "wan"},
		Filter:     "tcp port 443",
		Database:   "connected",
		Notes:      []string{"hardware flow offload is on"},
	}
}

func (fakeSource) Stats(dst []byte) []byte { return append(dst, "rows 12\nlost 0\n"...) }
func (fakeSource) Uplink(dst []byte) []byte {
	return append(dst, "state: waiting\nlast error: \x1b[2J\n"...)
}
func (fakeSource) Spool(dst []byte) []byte { return append(dst, "tier 1: /tmp/spool\n"...) }

// infoSource shows a given Info and Stats.
type infoSource struct {
	fakeSource
	info  Info
	stats string
}

func (s infoSource) Info() Info              { return s.info }
func (s infoSource) Stats(dst []byte) []byte { return append(dst, s.stats...) }

// newTCPPacket returns a packet whose line contains "443 TCP" and the port.
func newTCPPacket(srcPort uint16) decode.Packet {
	return decode.Packet{Head: decode.Head{
		Time:       1_700_000_000_000_000_000,
		Valid:      decode.HasIP | decode.HasAddresses | decode.HasProtocol | decode.HasPorts | decode.HasTCP,
		WireLength: 60,
		IPVersion:  4,
		Protocol:   6,
		SrcIP:      [16]byte{192, 168, 1, 20},
		DstIP:      [16]byte{142, 250, 74, 36},
		SrcPort:    srcPort,
		DstPort:    443,
	}}
}

// startServer serves on a free port until the test ends.
func startServer(t testing.TB, cfg Config) *Server {
	t.Helper()
	cfg.Listen = "127.0.0.1:0"
	if cfg.Source == nil {
		cfg.Source = fakeSource{}
	}
	srv := New(cfg)
	if err := srv.Listen(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(context.Background()) }()
	t.Cleanup(func() {
		srv.Close()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return srv
}

// client is a TCP client whose every operation ends the test after patience.
type client struct {
	t    testing.TB
	conn *net.TCPConn
	r    *bufio.Reader
}

func dial(t testing.TB, srv *Server) *client {
	t.Helper()
	conn, err := net.DialTimeout("tcp", srv.Addr().String(), patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return &client{t, conn.(*net.TCPConn), bufio.NewReader(conn)}
}

// dialIn is dial past the greeting: the session is attached once a command was answered.
func dialIn(t testing.TB, srv *Server) *client {
	t.Helper()
	c := dial(t, srv)
	c.send("hello\r\n")
	c.until("Received message: hello")
	return c
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Fatalf("sending %q: %v", text, err)
	}
}

// until reads lines up to one that contains want, which it returns; every line has to end in CR LF.
func (c *client) until(want string) string {
	c.t.Helper()
	var seen strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		seen.WriteString(line)
		if err != nil {
			c.t.Fatalf("waiting for %q: %v after %q", want, err, seen.String())
		}
		if !strings.HasSuffix(line, "\r\n") {
			c.t.Fatalf("line %q does not end in CR LF", line)
		}
		if strings.Contains(line, want) {
			return strings.TrimSuffix(line, "\r\n")
		}
	}
}

// rest reads to the end of the connection.
func (c *client) rest() string {
	c.t.Helper()
	b, err := io.ReadAll(c.r)
	if err != nil {
		c.t.Fatalf("reading to the end: %v after %q", err, b)
	}
	return string(b)
}

// pipeConn gives net.Pipe the addresses of a TCP connection.
type pipeConn struct {
	net.Conn
	remote *net.TCPAddr
}

func (pipeConn) LocalAddr() net.Addr    { return &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 8000} }
func (c pipeConn) RemoteAddr() net.Addr { return c.remote }

// bubble is a server on the fake clock of testing/synctest: sleeping moves the clock, it does not wait.
type bubble struct {
	t   *testing.T
	srv *Server
}

// inBubble runs f with a server that has a hub and no listener.
func inBubble(t *testing.T, cfg Config, f func(b bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if cfg.Source == nil {
			cfg.Source = fakeSource{}
		}
		b := bubble{t, New(cfg)}
		var hub sync.WaitGroup
		hub.Go(func() { b.srv.hub.run(b.srv.stop) })
		f(b)
		b.srv.Close()
		hub.Wait()
	})
}

// pipeClient is a client in a bubble.
type pipeClient struct {
	bubble
	conn net.Conn
	mu   sync.Mutex
	got  strings.Builder
	end  chan struct{} // closed when the server closed the connection
}

// connect starts a session. A client that does not read never takes a byte off the connection.
func (b bubble) connect(reads bool) *pipeClient {
	ours, theirs := net.Pipe()
	b.srv.start(pipeConn{theirs, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 40000}})
	c := &pipeClient{bubble: b, conn: ours, end: make(chan struct{})}
	if reads {
		go c.collect()
	}
	synctest.Wait()
	return c
}

func (c *pipeClient) collect() {
	defer close(c.end)
	buf := make([]byte, 4096)
	for {
		n, err := c.conn.Read(buf)
		c.mu.Lock()
		c.got.Write(buf[:n])
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// take returns what arrived since the last call, once nothing moves any more.
func (c *pipeClient) take() string {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	text := c.got.String()
	c.got.Reset()
	return text
}

// ask sends a line and returns the answer.
func (c *pipeClient) ask(line string) string {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, line+"\r\n"); err != nil {
		c.t.Fatalf("sending %q: %v", line, err)
	}
	return c.take()
}

// offer shows n packets through a Tap and flushes it.
func offer(tap *Tap, n int) {
	for i := range n {
		p := newTCPPacket(uint16(1 + i))
		tap.Offer(&p)
	}
	tap.Flush()
}

// settle lets the hub finish its round and its pause.
func settle() {
	time.Sleep(2 * hubPace)
	synctest.Wait()
}

// checkBalance holds the two sums of Counters against what was offered.
func checkBalance(t *testing.T, srv *Server, offered uint64) {
	t.Helper()
	c := srv.Counters()
	if got := c.TapHanded + c.TapFull + c.TapBusy + c.TapUncopied + c.TapAbandoned; got != offered {
		t.Errorf("taps account for %d of %d packets: %+v", got, offered, c)
	}
	if got := c.PacketsShown + c.NotShownRate + c.NotShownQueue + c.NotShownMissed + c.NotShownPaused + c.NotShownClosed; got != c.PacketsDue {
		t.Errorf("sessions account for %d of %d packets: %+v", got, c.PacketsDue, c)
	}
}

// needTool returns the path of a program, or skips; with SNIFFER_TEST_REQUIRE=1 its absence is a failure.
func needTool(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range strings.Split(os.Getenv("PATH"), ":") {
		path := fmt.Sprintf("%s/%s", dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path
		}
	}
	if os.Getenv("SNIFFER_TEST_REQUIRE") == "1" {
		t.Fatalf("%s is not installed and SNIFFER_TEST_REQUIRE=1", name)
	}
	t.Skipf("%s is not installed", name)
	return ""
}

// logged is a message that reached OnMessage.
type logged struct {
	from netip.AddrPort
	text string
}
