package console

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"network-sniffer/board/console/telnet"
	"network-sniffer/decode"
)

// patience bounds what a test waits for on a loaded machine; nothing depends on its length.
const patience = 30 * time.Second

// fakeSource is a recorder that says the same every time.
type fakeSource struct{ info Info }

var porch = fakeSource{Info{
	Device:     "porch",
	Interfaces: []string{"eth0", "wan"},
	Filter:     "tcp port 443",
	Database:   "connected",
	Notes:      []string{"hardware flow offload is on"},
}}

var topicNames = [...]string{"stats", "books", "uplink", "spool", "interfaces"}

func (s fakeSource) Info() Info { return s.info }
func (s fakeSource) Report(dst []byte, topic Topic, form Form) []byte {
	if form.JSON {
		return fmt.Appendf(dst, "{\"topic\":%q}\n", topicNames[topic])
	}
	return fmt.Appendf(dst, "about %s\nerror: \x1b[2J\n", topicNames[topic])
}
func (s fakeSource) Mark(from netip.AddrPort, text string) error {
	if text == "refuse" {
		return fmt.Errorf("16 marks \x1bwait")
	}
	return nil
}

// tcpFrame makes an IPv4 packet without a link header: a SYN from 192.168.1.20 and this port to port 443.
func tcpFrame(srcPort uint16) []byte {
	b := make([]byte, 40)
	b[0], b[8], b[9] = 0x45, 64, 6
	binary.BigEndian.PutUint16(b[2:], 40)
	copy(b[12:], []byte{192, 168, 1, 20, 142, 250, 74, 36})
	binary.BigEndian.PutUint16(b[20:], srcPort)
	binary.BigEndian.PutUint16(b[22:], 443)
	b[32], b[33] = 5<<4, flagSYN
	return b
}

var rawMeta = decode.Meta{Time: 1_700_000_000_000_000_000, WireLength: 40, LinkType: decode.LinkRaw}

// offer shows n packets through a Tap, from the ports 1, 2, 3 …, and flushes it.
func offer(tap *Tap, n int) {
	for i := range n {
		tap.Offer(&rawMeta, 1, tcpFrame(uint16(1+i)))
	}
	tap.Flush()
}

// server makes one that was started.
func server(cfg Config) *Server {
	if cfg.Source == nil {
		cfg.Source = porch
	}
	s := New(cfg)
	s.Start()
	return s
}

// bubble is a server on the fake clock of testing/synctest: sleeping moves the clock, it does not wait.
type bubble struct {
	t   *testing.T
	srv *Server
}

// inBubble runs f with a server that has no listener.
func inBubble(t *testing.T, cfg Config, f func(b bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := bubble{t, server(cfg)}
		defer b.srv.Close()
		f(b)
	})
}

// pipeConn gives net.Pipe the addresses of a TCP connection.
type pipeConn struct {
	net.Conn
	remote *net.TCPAddr
}

func (pipeConn) LocalAddr() net.Addr    { return &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 8000} }
func (c pipeConn) RemoteAddr() net.Addr { return c.remote }

// pipeClient is a client in a bubble.
type pipeClient struct {
	bubble
	conn net.Conn
	peer *telnet.Peer // the client is a telnet
	mu   sync.Mutex
	got  []byte
	end  chan struct{} // closed when the server closed the connection
}

// open connects a client that says nothing yet. One that does not read never takes a byte off the connection.
func (b bubble) open(port Port, reads bool, peer *telnet.Peer) *pipeClient {
	ours, theirs := net.Pipe()
	go b.srv.start(pipeConn{theirs, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 40000}}, port)
	c := &pipeClient{bubble: b, conn: ours, peer: peer, end: make(chan struct{})}
	if reads {
		go c.collect()
	}
	synctest.Wait()
	return c
}

// connect is open for a person without telnet, who has been greeted.
func (b bubble) connect(reads bool) *pipeClient {
	c := b.open(PortConsole, reads, nil)
	beginning()
	return c
}

// telnet is open for a person with a telnet, who has been greeted.
func (b bubble) telnet(terminal string, columns, rows int) *pipeClient {
	peer := telnet.Client(terminal, func() (int, int) { return columns, rows })
	c := b.open(PortConsole, true, &peer)
	beginning()
	return c
}

// beginning lets the time pass in which a client may show what it is.
func beginning() {
	time.Sleep(openingSilence + 2*probeTimeout + time.Millisecond)
	synctest.Wait()
}

func (c *pipeClient) collect() {
	defer close(c.end)
	buf := make([]byte, 4096)
	for {
		n, err := c.conn.Read(buf)
		text := buf[:n]
		if c.peer != nil {
			text = c.telnetText(text)
		}
		c.mu.Lock()
		c.got = append(c.got, text...)
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// telnetText takes the commands out of what arrived and answers them.
func (c *pipeClient) telnetText(in []byte) (data []byte) {
	var reply []byte
	for _, b := range in {
		if c.peer.Step(b) == telnet.Data {
			data = append(data, b)
		}
		reply = c.peer.AppendReply(reply)
	}
	if len(reply) > 0 {
		go c.conn.Write(reply) // the server may be writing, too
	}
	return data
}

// take returns what arrived since the last call, once nothing moves any more.
func (c *pipeClient) take() string {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	text := string(c.got)
	c.got = c.got[:0]
	return text
}

func (c *pipeClient) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Fatalf("sending %q: %v", text, err)
	}
}

// ask sends a line and returns the answer.
func (c *pipeClient) ask(line string) string {
	c.t.Helper()
	c.send(line + "\r\n")
	return c.take()
}

// program sends text at once and returns what it is answered, until the server has nothing more to do.
func (b bubble) program(text string) (*pipeClient, string) {
	b.t.Helper()
	c := b.open(PortConsole, true, nil)
	c.send(text)
	time.Sleep(2 * openingPause)
	return c, c.take()
}

// settle lets the hub finish its round and its pause.
func settle() {
	time.Sleep(2 * hubPace)
	synctest.Wait()
}

// checkTaps holds the sum of Counters about the Taps against what was offered.
func checkTaps(t *testing.T, srv *Server, offered uint64) {
	t.Helper()
	c := srv.Counters()
	if got := c.TapHanded + c.TapFull + c.TapBusy + c.TapUncopied; got != offered {
		t.Errorf("taps account for %d of %d packets: %+v", got, offered, c)
	}
}

// accounted is how many packets the streams have accounted for.
func accounted(c Counters) uint64 {
	return c.PacketsShown + c.NotMatched + c.NotShownRate + c.NotShownMissed + c.NotShownPaused + c.NotShownClosed
}

// checkDue holds the sum about the streams against what was due.
func checkDue(t *testing.T, srv *Server, due uint64) {
	t.Helper()
	if c := srv.Counters(); accounted(c) != due {
		t.Errorf("streams account for %d of %d packets: %+v", accounted(c), due, c)
	}
}

// listen serves on a free port of loopback until the test ends.
func listen(t testing.TB, cfg Config) (*Server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := server(cfg)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l, PortConsole) }()
	t.Cleanup(func() {
		srv.Close()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return srv, l.Addr().String()
}

// client is a TCP client whose every operation ends the test after patience.
type client struct {
	t    testing.TB
	conn *net.TCPConn
	r    *bufio.Reader
}

func dial(t testing.TB, address string) *client {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return &client{t, conn.(*net.TCPConn), bufio.NewReader(conn)}
}

// meet connects a client that has begun before the server looks at it: on a machine that is busy elsewhere, a program might
// be late and taken for a person.
func meet(t testing.TB, cfg Config, begin func(c *client)) (*Server, *client) {
	t.Helper()
	begun := make(chan struct{})
	cfg.OnAccept = func(_, _ netip.AddrPort) { <-begun }
	srv, address := listen(t, cfg)
	defer close(begun)
	c := dial(t, address)
	begin(c)
	return srv, c
}

// all sends what a client has to say, and that it is all.
func all(text string) func(c *client) {
	return func(c *client) {
		c.t.Helper()
		c.send(text)
		c.conn.CloseWrite()
	}
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
