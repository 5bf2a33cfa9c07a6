package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// sendPatience bounds how long a server may take nothing of what is sent to it: a person has long given up, and a program wants
// to know.
const sendPatience = time.Minute

// patientWriter gives up on a server that takes nothing for sendPatience, and ends the connection.
type patientWriter struct {
	net.Conn
}

func (w patientWriter) Write(b []byte) (int, error) {
	if err := w.SetWriteDeadline(time.Now().Add(sendPatience)); err != nil {
		return 0, err
	}
	n, err := w.Conn.Write(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		w.Close()
	}
	return n, err
}

// pipe copies as nc does: bytes as they are in both directions, until the server ends the connection. The end of the input is
// told to it (half-close), so that it can finish its answer.
func pipe(conn net.Conn, address string, in io.Reader, out io.Writer) error {
	unread := make(chan error, 1) // what is wrong with the input
	go func() {
		// A server that ends the connection before it has read everything may still be saying why: it is heard out.
		_, err := io.Copy(patientWriter{conn}, in)
		if broken := (*net.OpError)(nil); errors.As(err, &broken) {
			err = nil
		}
		unread <- err
		endInput(conn)
	}()
	_, err := io.Copy(out, conn)
	if err == nil {
		select {
		case err = <-unread:
		default: // there is more, which the server did not want
		}
	}
	return lost(address, err)
}

// endInput tells the server that nothing more will be sent. A connection that is gone already needs no telling.
func endInput(conn net.Conn) {
	if c, ok := conn.(interface{ CloseWrite() error }); ok {
		c.CloseWrite()
	}
}

// lost names the connection in an error of the network: others, of a file or a terminal, name their own.
func lost(address string, err error) error {
	broken := (*net.OpError)(nil)
	switch {
	case !errors.As(err, &broken):
		return err
	case errors.Is(err, net.ErrClosed): // by patientWriter
		return fmt.Errorf("%s took nothing for %v", address, sendPatience)
	}
	return fmt.Errorf("the connection to %s broke: %w", address, err)
}
