package uplink

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"network-sniffer/board/testbed"
)

// message is one of the protocol.
func message(kind byte, body string) string {
	return string(binary.BigEndian.AppendUint32([]byte{kind}, uint32(4+len(body)))) + body
}

// What a server says.
var (
	copyIn       = message('G', "\x01\x00\x02\x00\x01\x00\x01")
	copied       = message('C', "COPY 5\x00")
	ready        = message('Z', "T")
	failed       = message('Z', "E")
	noTable      = message('E', "SERROR\x00VERROR\x00C42P01\x00Mno such table\x00Ddetail\x00?unknown\x00\x00")
	goingAway    = message('E', "SFATAL\x00C57P01\x00Mgoing away\x00\x00")
	notice       = message('N', "SNOTICE\x00C00000\x00Mlook\x00\x00")
	setting      = message('S', "TimeZone\x00UTC\x00")
	notification = message('A', "\x00\x00\x00\x01channel\x00\x00")
)

// script is what a server answers to the messages of one COPY. An answer that ends in closing closes the connection;
// after failed it throws away what belongs to the COPY, as PostgreSQL does.
type script struct{ query, data, done, fail string }

const closing = "\x00close"

// wireServer is the other end of a COPY.
type wireServer struct {
	net.Conn
	scripts []script     // one a COPY, the last for all that follow
	rows    bytes.Buffer // the bodies of CopyData
	kinds   []byte       // of the messages that came
}

func (s *wireServer) serve() {
	defer s.Close()
	head := make([]byte, 5)
	copies, deaf := -1, false
	for {
		if _, err := io.ReadFull(s, head); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(head[1:])-4)
		if _, err := io.ReadFull(s, body); err != nil {
			return
		}
		s.kinds = append(s.kinds, head[0])
		if head[0] == 'Q' {
			copies, deaf = min(copies+1, len(s.scripts)-1), false
		}
		if deaf {
			continue
		}
		var answer string
		switch say := s.scripts[copies]; head[0] {
		case 'Q':
			answer = say.query
		case 'd':
			answer = say.data
			s.rows.Write(body)
		case 'c':
			answer = say.done
		case 'f':
			answer = say.fail
		}
		answer, closes := strings.CutSuffix(answer, closing)
		if _, err := io.WriteString(s, answer); err != nil || closes {
			return
		}
		deaf = strings.HasSuffix(answer, failed)
	}
}

// wireCopyTo lets a COPY speak to a server, through the deadlines of a real connection.
func wireCopyTo(t *testing.T, s *wireServer, timeout time.Duration) (*wireCopy, <-chan struct{}) {
	t.Helper()
	client, server := net.Pipe()
	s.Conn = server
	d := &dialer{timeout: timeout}
	c := d.keep(client, Connection{})
	t.Cleanup(func() { c.Close(); server.Close() })
	ended := make(chan struct{})
	go func() {
		s.serve()
		close(ended)
	}()
	return &wireCopy{conn: c}, ended
}

// rowsMessage is a message with room for the sink, as copyWriter makes it.
func rowsMessage(rows string) []byte { return append(make([]byte, copyHead), rows...) }

// runCopy is a whole COPY of two messages.
func runCopy(c *wireCopy) (uint64, error) {
	if err := c.begin("COPY t FROM STDIN"); err != nil {
		return 0, err
	}
	if err := c.write(rowsMessage("first ")); err != nil {
		return 0, err
	}
	return c.finish(rowsMessage("last "))
}

// good is a COPY in which all goes well.
var good = script{query: notice + setting + copyIn, data: notice + notification, done: notice + copied + setting + ready}

func TestWireCopy(t *testing.T) {
	s := &wireServer{scripts: []script{good}}
	c, ended := wireCopyTo(t, s, ioTimeout)
	for range 2 {
		if n, err := runCopy(c); err != nil || n != 5 {
			t.Fatalf("%d rows, %v", n, err)
		}
	}
	c.conn.Close()
	testbed.Await(t, ended, patience, "the server's end")
	if got := s.rows.String(); got != "first last first last " || string(s.kinds) != "QddcQddc" {
		t.Errorf("the server got %q in %q", got, s.kinds)
	}
}

// TestWireRefusals: what a server says against a COPY comes back as lib/pq would tell it, and the connection is good
// for another.
func TestWireRefusals(t *testing.T) {
	for _, row := range []struct {
		name   string
		script script
		binary bool // it is binary that the server refuses
	}{
		{"at once", script{query: noTable + failed}, false},
		{"in the rows", script{query: copyIn, data: noTable + failed}, false},
		{"at the end", script{query: copyIn, done: noTable + failed}, false},
		{"text", script{query: message('G', "\x00\x00\x01\x00\x00"), fail: noTable + failed}, true},
		{"text in a column", script{query: message('G', "\x01\x00\x02\x00\x01\x00\x00"), fail: noTable + failed}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := &wireServer{scripts: []script{row.script, good}}
			c, _ := wireCopyTo(t, s, ioTimeout)
			_, err := runCopy(c)
			if row.binary {
				if !errors.Is(err, errNoBinary) {
					t.Errorf("%v", err)
				}
			} else if e := pq.As(err, pqerror.UndefinedTable); e == nil || e.Severity != "ERROR" ||
				e.Message != "no such table" || e.Detail != "detail" {
				t.Errorf("%v: %+v", err, e)
			}
			c.abandon() // nothing is left to abandon
			if n, err := runCopy(c); err != nil || n != 5 {
				t.Errorf("the next COPY: %d rows, %v", n, err)
			}
		})
	}
}

// TestWireAbandon: a COPY that cannot be finished leaves the connection ready for the rollback.
func TestWireAbandon(t *testing.T) {
	s := &wireServer{scripts: []script{{query: copyIn, fail: noTable + failed}, good}}
	c, _ := wireCopyTo(t, s, ioTimeout)
	if err := c.begin("COPY t FROM STDIN"); err != nil {
		t.Fatal(err)
	}
	if err := c.write(rowsMessage("first ")); err != nil {
		t.Fatal(err)
	}
	c.abandon()
	if n, err := runCopy(c); err != nil || n != 5 {
		t.Errorf("the next COPY: %d rows, %v", n, err)
	}
}

// TestWireSurprises: after anything that is no answer to COPY the connection is closed, for nobody knows what would
// come next, and nothing waits for ever.
func TestWireSurprises(t *testing.T) {
	for _, row := range []struct {
		name   string
		script script
		want   error
	}{
		{"another protocol", script{query: "HTTP/1.1 400 Bad Request\r\n\r\n"}, errProtocol},
		{"COPY OUT", script{query: message('H', "\x01\x00\x00")}, errProtocol},
		{"rows", script{query: message('T', "\x00\x00")}, errProtocol},
		{"no COPY", script{query: message('C', "COPY 0\x00") + ready}, errProtocol},
		{"nothing", script{query: ready}, errProtocol},
		{"a short CopyInResponse", script{query: message('G', "\x01")}, errProtocol},
		{"a CopyInResponse without its columns", script{query: message('G', "\x01\x00\x09")}, errProtocol},
		{"a length of 3", script{query: "G\x00\x00\x00\x03"}, errProtocol},
		{"a giant length", script{query: copyIn, data: "E\x7f\xff\xff\xff"}, errProtocol},
		{"a negative length", script{query: copyIn, data: "N\xff\xff\xff\xff"}, errProtocol},
		{"half a header", script{query: "G\x00" + closing}, nil},
		{"half a message", script{query: copyIn, data: "E\x00\x00\x00\x09SER" + closing}, nil},
		{"a header alone", script{query: copyIn, done: "C\x00\x00\x00\x09" + closing}, nil},
		{"an end", script{query: copyIn, done: closing}, nil},
		{"an end in the rows", script{query: copyIn, data: closing}, nil},
		{"another command's end", script{query: copyIn, done: message('C', "INSERT 0 5\x00") + ready}, errProtocol},
		{"no number of rows", script{query: copyIn, done: message('C', "COPY -1\x00") + ready}, errProtocol},
		{"no end of the command", script{query: copyIn, done: ready}, errProtocol},
		{"two ends", script{query: copyIn, done: copied + copied + ready}, errProtocol},
		{"an end after an error", script{query: copyIn, done: noTable + copied + ready}, errProtocol},
		{"no transaction", script{query: copyIn, done: copied + message('Z', "I")}, errProtocol},
		{"a ReadyForQuery without a state", script{query: copyIn, done: copied + message('Z', "")}, errProtocol},
		{"silence", script{}, os.ErrDeadlineExceeded},
		{"silence at the end", script{query: copyIn}, os.ErrDeadlineExceeded},
		{"silence after an error", script{query: copyIn, done: noTable}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			timeout := ioTimeout
			if strings.HasPrefix(row.name, "silence") {
				timeout = 50 * time.Millisecond
			}
			s := &wireServer{scripts: []script{row.script}}
			c, ended := wireCopyTo(t, s, timeout)
			n, err := runCopy(c)
			if err == nil || row.want != nil && !errors.Is(err, row.want) {
				t.Errorf("%d rows, %v; want %v", n, err, row.want)
			}
			c.abandon() // nothing is left to abandon
			if _, err := c.conn.Write([]byte{0}); !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("the connection is open: %v", err)
			}
			testbed.Await(t, ended, patience, "the server's end")
		})
	}
}

// TestWireLastWords: the reason that a server gives before it closes the connection is the error, not the broken
// connection that a write runs into.
func TestWireLastWords(t *testing.T) {
	s := &wireServer{scripts: []script{{query: copyIn, data: goingAway + closing}}}
	c, ended := wireCopyTo(t, s, ioTimeout)
	if err := c.begin("COPY t FROM STDIN"); err != nil {
		t.Fatal(err)
	}
	if err := c.write(rowsMessage("first ")); err != nil {
		t.Fatal(err)
	}
	testbed.Await(t, ended, patience, "the server's end")
	if _, err := c.finish(rowsMessage("last ")); pq.As(err, pqerror.AdminShutdown) == nil {
		t.Errorf("%v", err)
	}
}

// TestWireNobodyReads: a server that takes no rows holds nobody up longer than the connection's deadline.
func TestWireNobodyReads(t *testing.T) {
	client, server := net.Pipe()
	defer server.Close()
	d := &dialer{timeout: 50 * time.Millisecond}
	c := &wireCopy{conn: d.keep(client, Connection{})}
	go func() {
		_, _ = io.CopyN(io.Discard, server, int64(len("COPY t FROM STDIN")+6))
		_, _ = io.WriteString(server, copyIn)
	}()
	if n, err := runCopy(c); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d rows, %v", n, err)
	}
}

func FuzzMessageReader(f *testing.F) {
	for _, s := range []string{copyIn, copied + ready, noTable, notice + setting + notification, "E\x7f\xff\xff\xff",
		"G\x00\x00\x00\x03"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var m messageReader
		r := bytes.NewReader(b)
		for {
			kind, body, err := m.next(r)
			if err != nil {
				break
			}
			if kind == noticeResponse || kind == parameterStatus || kind == notificationResponse || len(body) > maxMessage {
				t.Fatalf("message %q of %d bytes", kind, len(body))
			}
			if kind == errorResponse && pq.As(serverError(body)) == nil {
				t.Fatal("the error is not lib/pq's")
			}
			if kind == copyInResponse && checkCopyIn(body) == nil && len(body) < 3 {
				t.Fatal("a short CopyInResponse is taken")
			}
			if _, err := rowsOf(body); err == nil && !strings.HasPrefix(string(body), "COPY ") {
				t.Fatalf("%q is taken for the end of a COPY", body)
			}
		}
		if cap(m.buf) > maxMessage {
			t.Fatalf("a buffer of %d bytes", cap(m.buf))
		}
	})
}
