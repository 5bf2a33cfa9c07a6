package crashtest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// message is one message of PostgreSQL's protocol ("Frontend/Backend Protocol", "Message Formats" in its manual).
type message struct {
	fromServer bool
	kind       byte   // 0: the start-up packet, which has none
	raw        []byte // all of it, valid during the call
}

// body is what follows the kind and the length.
func (m message) body() []byte {
	if m.kind == 0 {
		return m.raw[4:]
	}
	return m.raw[5:]
}

// relay joins each of its clients to a server by a connection of its own, message by message. handle is called for each
// and passes it on, or does not; an error of it ends the connection on both sides.
type relay struct {
	listener net.Listener
	dial     func() (net.Conn, error)
	handle   func(*link, message) error
	accepted atomic.Int64 // connections
	working  sync.WaitGroup

	mu     sync.Mutex
	closed bool
	links  map[*link]struct{}
}

// link is one connection through a relay.
type link struct {
	client, server net.Conn
	rows           atomic.Bool // between COPY and the answer to COMMIT or ROLLBACK: this is a transaction of rows
}

// errCut ends a connection that is to be cut.
var errCut = errors.New("cut by the relay")

func newRelay(listener net.Listener, dial func() (net.Conn, error), handle func(*link, message) error) *relay {
	r := &relay{listener: listener, dial: dial, handle: handle, links: map[*link]struct{}{}}
	r.working.Go(r.accept)
	return r
}

func (r *relay) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.accepted.Add(1)
		r.working.Go(func() { r.serve(client) })
	}
}

func (r *relay) serve(client net.Conn) {
	defer client.Close()
	server, err := r.dial()
	if err != nil {
		return
	}
	defer server.Close()
	l := &link{client: client, server: server}
	r.mu.Lock()
	late := r.closed
	r.links[l] = struct{}{}
	r.mu.Unlock()
	if late {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.pump(l, server, true)
		l.end()
	}()
	r.pump(l, client, false)
	l.end()
	<-done
	r.mu.Lock()
	delete(r.links, l)
	r.mu.Unlock()
}

// end closes both sides: what waits on either of them returns.
func (l *link) end() {
	l.client.Close()
	l.server.Close()
}

// close ends everything and returns when nothing runs any more.
func (r *relay) close() {
	r.listener.Close()
	r.mu.Lock()
	r.closed = true
	for l := range r.links {
		l.end()
	}
	r.mu.Unlock()
	r.working.Wait()
}

// reset ends all connections.
func (r *relay) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for l := range r.links {
		l.end()
	}
}

func (r *relay) pump(l *link, from io.Reader, fromServer bool) {
	buffer := make([]byte, 0, 64<<10)
	for first := !fromServer; ; first = false {
		m, err := readMessage(from, buffer, first)
		if err != nil {
			return
		}
		buffer = m.raw
		m.fromServer = fromServer
		if r.handle(l, m) != nil {
			return
		}
	}
}

// readMessage reads one message into buffer, grown when it is too small.
func readMessage(from io.Reader, buffer []byte, startup bool) (message, error) {
	head := 5
	if startup {
		head = 4
	}
	buffer = append(buffer[:0], make([]byte, head)...)
	if _, err := io.ReadFull(from, buffer); err != nil {
		return message{}, err
	}
	m := message{}
	if !startup {
		m.kind = buffer[0]
	}
	rest := int(binary.BigEndian.Uint32(buffer[head-4:])) - 4
	if rest < 0 || rest > 64<<20 {
		return message{}, errors.New("no message of PostgreSQL")
	}
	buffer = append(buffer, make([]byte, rest)...)
	_, err := io.ReadFull(from, buffer[head:])
	m.raw = buffer
	return m, err
}

// pass sends a message on.
func (l *link) pass(m message) error {
	to := l.server
	if m.fromServer {
		to = l.client
	}
	_, err := to.Write(m.raw)
	return err
}

// refuse answers a query as a server does that refuses it, and stays in the failed transaction. A fatal refusal ends
// the connection.
func (l *link) refuse(state, text string, fatal bool) error {
	severity := "ERROR"
	if fatal {
		severity = "FATAL"
	}
	fields := "S" + severity + "\x00V" + severity + "\x00C" + state + "\x00M" + text + "\x00\x00"
	answer := binary.BigEndian.AppendUint32([]byte{'E'}, uint32(4+len(fields)))
	answer = append(answer, fields...)
	if !fatal {
		answer = append(answer, 'Z', 0, 0, 0, 5, 'E')
	}
	if _, err := l.client.Write(answer); err != nil || fatal {
		return errors.Join(err, errCut)
	}
	return nil
}

// moment is a place in the life of a transaction of rows.
type moment string

const (
	nowhere      moment = ""
	copyBegins   moment = "COPY"
	copyAgain    moment = "COPY of rare rows" // which have columns that others have not
	copyReady    moment = "COPY accepted"
	copyData     moment = "rows"
	copyDone     moment = "end of rows"
	copyTaken    moment = "rows taken"
	ledgerBegins moment = "ledger"
	commitBegins moment = "COMMIT"
	commitDone   moment = "COMMIT done"
)

// moment says where a message stands. It is called once for each message.
func (l *link) moment(m message) moment {
	statement := !m.fromServer && (m.kind == 'Q' || m.kind == 'P')
	switch {
	case statement && bytes.Contains(m.body(), []byte("COPY sniffer.packets")):
		if l.rows.Swap(true) {
			return copyAgain
		}
		return copyBegins
	case !l.rows.Load():
		return nowhere
	case statement && bytes.Contains(m.body(), []byte("INSERT INTO sniffer.segments")):
		return ledgerBegins
	case statement && bytes.HasPrefix(bytes.TrimLeft(m.body(), "\x00"), []byte("COMMIT")):
		return commitBegins
	case !m.fromServer && m.kind == 'd':
		return copyData
	case !m.fromServer && m.kind == 'c':
		return copyDone
	case m.fromServer && m.kind == 'G':
		return copyReady
	case m.fromServer && m.kind == 'C' && bytes.HasPrefix(m.body(), []byte("COPY ")):
		return copyTaken
	case m.fromServer && m.kind == 'C' && bytes.HasPrefix(m.body(), []byte("COMMIT")):
		l.rows.Store(false)
		return commitDone
	case m.fromServer && m.kind == 'C' && bytes.HasPrefix(m.body(), []byte("ROLLBACK")):
		l.rows.Store(false)
	}
	return nowhere
}
