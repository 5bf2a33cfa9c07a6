package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"network-sniffer/board/console/telnet"
)

// escapeKey is Ctrl-], telnet's own.
const escapeKey = 0x1d

// visit is a person at a terminal with the console at the other end. Until the server offers to edit the line, and again should
// it take that back, the terminal's driver does; then every key goes to the server as it is pressed.
type visit struct {
	conn     net.Conn
	address  string
	keys     *os.File
	screen   *os.File
	errs     io.Writer
	keyboard keyboard
	left     atomic.Bool // the person ended it

	mu   sync.Mutex // peer: what is received and a window that changes
	peer telnet.Peer
}

func newVisit(conn net.Conn, address string, keys, screen *os.File, errs io.Writer) *visit {
	v := &visit{conn: conn, address: address, keys: keys, screen: screen, errs: errs, keyboard: keyboard{fd: int(keys.Fd())}}
	v.peer = telnet.Client(os.Getenv("TERM"), func() (columns, rows int) {
		columns, rows, err := term.GetSize(int(screen.Fd()))
		if err != nil {
			return 0, 0
		}
		return columns, rows
	})
	return v
}

// run ends with the connection. Every goroutine leaves the terminal as it was, also in a panic.
func (v *visit) run() error {
	defer v.keyboard.restore()
	fmt.Fprintf(v.errs, "Connected to %s; Ctrl-] leaves.\n", v.address)
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGWINCH, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGTSTP, unix.SIGCONT)
	defer signal.Stop(signals)
	go v.heed(signals)
	go v.send()
	fresh, err := v.receive()
	v.keyboard.restore()
	if !fresh {
		fmt.Fprintln(v.errs)
	}
	switch {
	case v.left.Load():
		fmt.Fprintln(v.errs, "Connection closed.")
		return nil
	case err != nil:
		return lost(v.address, err)
	}
	fmt.Fprintf(v.errs, "Connection closed by %s.\n", v.address)
	return nil
}

// receive puts what the server sends on the screen, as telnet does, until the connection ends; fresh tells that the cursor stands
// at the beginning of a line then.
func (v *visit) receive() (fresh bool, err error) {
	fresh = true
	buf := make([]byte, 4096)
	var text, reply []byte
	for {
		n, ended := v.conn.Read(buf)
		if text, reply, err = v.take(text[:0], reply[:0], buf[:n]); err != nil {
			return fresh, err
		}
		if len(reply) > 0 {
			if _, err := (patientWriter{v.conn}).Write(reply); err != nil {
				return fresh, err
			}
		}
		if len(text) > 0 {
			fresh = text[len(text)-1] == '\n'
			if _, err := v.screen.Write(text); err != nil {
				return fresh, err
			}
		}
		switch {
		case errors.Is(ended, io.EOF):
			return fresh, nil
		case ended != nil:
			return fresh, ended
		}
	}
}

// take separates text from telnet's commands. The keyboard follows what was agreed before the server hears of the agreement: no
// key is echoed twice.
func (v *visit) take(text, reply, received []byte) ([]byte, []byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, b := range received {
		// A NUL is nothing to a terminal (RFC 854, The NVT Printer), and behind a CR it stands for nothing at all.
		if v.peer.Step(b) == telnet.Data && b != 0 {
			text = append(text, b)
		}
	}
	return text, v.peer.AppendReply(reply), v.keyboard.raw(v.peer.Editing())
}

// send gives the server what is typed, until Ctrl-] or the end of the input.
func (v *visit) send() {
	defer v.keyboard.restore()
	buf := make([]byte, 1024)
	var out []byte
	for {
		n, err := v.keys.Read(buf)
		typed, _, leave := bytes.Cut(buf[:n], []byte{escapeKey})
		out = telnet.AppendEscaped(out[:0], typed)
		if v.keyboard.isRaw() {
			out = bytes.ReplaceAll(out, []byte{'\r'}, []byte{'\r', 0}) // the key Enter (RFC 854, The NVT Keyboard)
		}
		if _, broken := (patientWriter{v.conn}).Write(out); broken != nil {
			return // receive learns of it, too
		}
		switch {
		case leave:
			v.left.Store(true)
			v.conn.Close()
			return
		case err != nil:
			endInput(v.conn)
			return
		}
	}
}

// heed follows the signals. One that ends the program does so by its own effect, so that a shell sees what happened.
func (v *visit) heed(signals <-chan os.Signal) {
	defer v.keyboard.restore()
	for s := range signals {
		switch s {
		case unix.SIGWINCH:
			v.tellSize()
		case unix.SIGTSTP:
			v.keyboard.restore()
			unix.Kill(os.Getpid(), unix.SIGSTOP)
		case unix.SIGCONT:
			v.resume()
		default:
			v.keyboard.restore()
			signal.Reset(s)
			unix.Kill(os.Getpid(), s.(unix.Signal))
		}
	}
}

// resume takes the terminal back from the shell, whose window may be another one meanwhile.
func (v *visit) resume() {
	v.keyboard.resume()
	v.mu.Lock()
	v.keyboard.raw(v.peer.Editing()) // a terminal that is gone is told of by reading from it
	v.mu.Unlock()
	v.tellSize()
}

func (v *visit) tellSize() {
	v.mu.Lock()
	message := v.peer.AppendSize(nil)
	v.mu.Unlock()
	if len(message) > 0 {
		(patientWriter{v.conn}).Write(message) // receive learns that it failed
	}
}
