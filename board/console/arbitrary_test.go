package console

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"network-sniffer/board/testbed/mutation"
)

// halfPipe is the server's end of a connection whose client can close its sending side alone.
type halfPipe struct {
	pipeConn
	mu    sync.Mutex
	ended bool
}

func (c *halfPipe) endInput() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	c.Conn.SetReadDeadline(time.Now())
}

func (c *halfPipe) SetReadDeadline(at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return nil
	}
	return c.Conn.SetReadDeadline(at)
}

func (c *halfPipe) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended && errors.Is(err, os.ErrDeadlineExceeded) {
		err = io.EOF
	}
	return n, err
}

// converse connects to a server of its own, sends the pieces with a pause before each but the first, closes the sending side,
// and returns all that was answered until the server stopped, and what it counted.
func converse(t *testing.T, pieces [][]byte, pause time.Duration) (answer []byte, c Counters) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv := server(Config{Push: new(forgetfulPusher), RingBytes: 1, FrameBytes: 256})
		tap := srv.NewTap()
		ours, theirs := net.Pipe()
		conn := &halfPipe{pipeConn: pipeConn{theirs, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 40000}}}
		srv.start(conn, PortConsole)
		answered := make(chan []byte)
		go func() {
			all, err := io.ReadAll(ours)
			if err != nil {
				t.Error(err)
			}
			answered <- all
		}()
		for i, p := range pieces {
			if i > 0 {
				time.Sleep(pause)
			}
			if _, err := ours.Write(p); err != nil {
				break // the server has closed
			}
		}
		conn.endInput()
		synctest.Wait()
		offer(tap, 3)
		time.Sleep(time.Minute) // for commands that had to wait
		srv.Close()
		answer, c = <-answered, srv.Counters()
		ours.Close()
	})
	return answer, c
}

// split cuts bytes into pieces of n.
func split(sent []byte, n int) (pieces [][]byte) {
	for piece := range slices.Chunk(sent, n) {
		pieces = append(pieces, piece)
	}
	return pieces
}

// TestArbitraryConnections plays whole connections, from the first byte to the end of the input: how a program's bytes are
// cut up by the network changes nothing in what it is answered, of what begins as another protocol nothing is executed and
// nothing is answered, and however slowly bytes come, the session ends.
func TestArbitraryConnections(t *testing.T) {
	source := typed()
	source.Longest, source.Few = 2*LineBytes, 300
	source.Corpus = append(source.Corpus, []byte(strings.Repeat("x", LineBytes+1)+"\n"))
	var foreigners, tooLong uint64
	mutation.Run(t, source, func(random *rand.Rand, sent []byte) {
		answer, c := converse(t, [][]byte{sent}, 0)
		tooLong += c.LinesTooLong
		if protocol := foreign(commandsOf(sent, false)); protocol != "" {
			foreigners++
			if len(answer) > 0 || c.Commands+c.Messages+c.Marks+c.Pushed+c.PushRefused+c.PacketsShown > 0 || c.ClosedForeign != 1 {
				t.Fatalf("%s is answered %q, and counted %+v", protocol, answer, c)
			}
		}
		if other, d := converse(t, split(sent, 1+random.IntN(3)), 0); !bytes.Equal(other, answer) || c != d {
			t.Fatalf("in pieces it is answered\n%q, counted %+v, else\n%q, %+v", other, d, answer, c)
		}
		pause := []time.Duration{openingPause / 2, openingPause * 2, openingSilence * 2}[random.IntN(3)]
		_, d := converse(t, split(sent, 1+random.IntN(len(sent)+1)), pause)
		if c.SessionsOpen != 0 || d.SessionsOpen != 0 {
			t.Fatalf("sessions stay open: %+v, %+v", c, d)
		}
	})
	if foreigners == 0 || tooLong == 0 {
		t.Errorf("%d connections were of another protocol, %d lines too long", foreigners, tooLong)
	}
}
