//go:build unix

package console

import (
	"syscall"
	"testing"
)

// Telnet's Synch sends DM as urgent data, which has to stay where it is in the stream.
func TestUrgentDataStaysInline(t *testing.T) {
	_, c := meet(t, Config{}, func(c *client) {
		c.send("a\xff")
		raw, err := c.conn.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var sendErr error
		if err := raw.Control(func(fd uintptr) {
			_, sendErr = syscall.SendmsgN(int(fd), []byte{242}, nil, nil, syscall.MSG_OOB)
		}); err != nil || sendErr != nil {
			t.Fatal(err, sendErr)
		}
		c.send("\xf4b\n") // out of line, the DM would be gone and this byte be IP: the end
	})
	if got, want := c.until("Received"), "Received message: a\\xf4b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
