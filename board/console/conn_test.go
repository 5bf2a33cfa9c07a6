package console

import (
	"io"
	"net"
	"testing"
)

// Who closes its sending side at once, as nc does without an input, gets its capture all the same.
func TestCaptureOfWhoSaysNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := server(Config{})
	defer srv.Close()
	go srv.Serve(l, PortCapture)
	c := dial(t, l.Addr().String())
	c.conn.CloseWrite()
	begin := make([]byte, 4)
	if _, err := io.ReadFull(c.r, begin); err != nil || string(begin) != "\x0a\x0d\x0d\x0a" {
		t.Errorf("got %q, %v", begin, err)
	}
}
