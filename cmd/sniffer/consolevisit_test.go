package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"network-sniffer/board/console/telnet"
	"network-sniffer/board/testbed"
)

// fakeConsole is a server that answers to telnet as the console does, and tells what it learned: "told …" of the terminal,
// "key …" of every byte typed.
type fakeConsole struct {
	plain bool // it offers nothing
	ended chan<- string
}

// serve ends with the connection, or when "q" is typed; what ended it is told. The end of the input, too, gets a goodbye, which
// nobody reads if both directions were closed.
func (f fakeConsole) serve(conn *net.TCPConn) error {
	conn.SetDeadline(time.Now().Add(patience))
	var p telnet.Peer
	var out []byte
	if f.plain {
		out = append(out, "hello from a plain server\r\n"...)
	} else {
		out = p.AppendOffer(p.AppendProbe(out))
	}
	buf := make([]byte, 512)
	for {
		if _, err := conn.Write(out); err != nil && !errors.Is(err, unix.EPIPE) && !errors.Is(err, unix.ECONNRESET) {
			return err
		}
		n, err := conn.Read(buf)
		if errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET) {
			conn.Write([]byte("Goodbye."))
			f.ended <- "end of input"
			return nil
		}
		if err != nil {
			return err
		}
		out = out[:0]
		for _, b := range buf[:n] {
			switch p.Step(b) {
			case telnet.Data:
				if b == 'q' {
					_, err := conn.Write([]byte("Goodbye."))
					f.ended <- "q"
					return err
				}
				out = fmt.Appendf(out, "key %q\r\n", []byte{b})
			case telnet.Changed:
				if columns, rows := p.Size(); p.Editing() && columns > 0 && p.Terminal() != "" {
					out = fmt.Appendf(out, "told \xff\xff %s %d %d\r\x00\n", p.Terminal(), columns, rows)
				}
			}
		}
		out = p.AppendReply(out)
	}
}

// pty is a pseudo terminal: the test has the keyboard and the screen, the program the other end.
type pty struct {
	keys     *os.File
	terminal *os.File

	mu     sync.Mutex
	screen strings.Builder
	more   chan struct{}
}

func openPTY(t *testing.T) *pty {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keys.Close() })
	number, err := unix.IoctlGetInt(int(keys.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(keys.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	p := &pty{keys: keys, terminal: terminal, more: make(chan struct{}, 1)}
	p.resize(t, 100, 30)
	go p.watch()
	return p
}

// watch reads the screen until the terminal is closed.
func (p *pty) watch() {
	buf := make([]byte, 4096)
	for {
		n, err := p.keys.Read(buf)
		p.mu.Lock()
		p.screen.Write(buf[:n])
		p.mu.Unlock()
		select {
		case p.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (p *pty) resize(t *testing.T, columns, rows uint16) {
	t.Helper()
	if err := unix.IoctlSetWinsize(int(p.terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: rows}); err != nil {
		t.Fatal(err)
	}
}

func (p *pty) press(t *testing.T, keys string) {
	t.Helper()
	if _, err := p.keys.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

// text is what the screen has shown since clear.
func (p *pty) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.screen.String()
}

func (p *pty) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.screen.Reset()
}

// await returns when the screen has shown the text.
func (p *pty) await(t *testing.T, text string) {
	t.Helper()
	timeout := time.After(patience)
	for {
		shown := p.text()
		if strings.Contains(shown, text) {
			return
		}
		select {
		case <-p.more:
		case <-timeout:
			t.Fatalf("the screen does not show %q but %q", text, shown)
		}
	}
}

// mode returns the settings of the terminal.
func (p *pty) mode(t *testing.T) unix.Termios {
	t.Helper()
	mode, err := unix.IoctlGetTermios(int(p.terminal.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *mode
}

func isRaw(mode unix.Termios) bool { return mode.Lflag&(unix.ICANON|unix.ECHO|unix.ISIG) == 0 }

// visiting starts `sniffer console` in a terminal of 100 columns and 30 rows, on a fake console.
func visiting(t *testing.T, plain bool) (p *pty, program *testbed.Process, usual unix.Termios, ended <-chan string) {
	t.Helper()
	why := make(chan string, 1)
	port := oneClient(t, fakeConsole{plain, why}.serve)
	p, program, usual = startInPTY(t, exec.Command(binary, "console", port), "xterm-256color")
	p.await(t, "Connected to 127.0.0.1:"+port+"; Ctrl-] leaves.\r\n")
	return p, program, usual, why
}

// startInPTY starts a command at a terminal of the given type.
func startInPTY(t *testing.T, cmd *exec.Cmd, terminal string) (p *pty, program *testbed.Process, usual unix.Termios) {
	t.Helper()
	p = openPTY(t)
	usual = p.mode(t)
	if isRaw(usual) {
		t.Fatal("the terminal is raw from the beginning")
	}
	cmd.Env = append(os.Environ(), "TERM="+terminal)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.terminal, p.terminal, p.terminal
	return p, testbed.StartProcess(t, cmd), usual
}

// TestConsoleVisit: each way to leave, and what the terminal is like afterwards.
func TestConsoleVisit(t *testing.T) {
	for _, row := range []struct {
		name     string
		keys     string
		signal   unix.Signal
		status   string // of the program; empty: success
		ended    string // what the server saw
		farewell string
	}{
		{"Ctrl-]", "x\x1dlost", 0, "", "end of input", "Connection closed.\r\n"},
		{"the server ends it", "q", 0, "", "q", "Goodbye.\r\nConnection closed by 127.0.0.1:"},
		{"SIGTERM", "", unix.SIGTERM, "signal: terminated", "end of input", ""},
		{"SIGHUP", "", unix.SIGHUP, "signal: hangup", "end of input", ""},
		{"SIGINT", "", unix.SIGINT, "signal: interrupt", "end of input", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p, program, usual, ended := visiting(t, false)
			p.await(t, "told \xff xterm-256color 100 30\r\n")
			if !isRaw(p.mode(t)) {
				t.Error("the server edits, and the terminal is not raw")
			}
			p.press(t, "\r")
			p.await(t, `key "\r"`+"\r\nkey \"\\x00\"")
			p.press(t, "\x03é")
			p.await(t, `key "\x03"`+"\r\n"+`key "\xc3"`+"\r\n"+`key "\xa9"`)
			p.resize(t, 132, 40)
			program.Signal(t, unix.SIGWINCH)
			p.await(t, "told \xff xterm-256color 132 40\r\n")
			p.press(t, row.keys)
			if row.signal != 0 {
				program.Signal(t, row.signal)
			}
			status := ""
			if err := program.Err(); err != nil {
				status = err.Error()
			}
			if status != row.status {
				t.Errorf("ended with %q, want %q", status, row.status)
			}
			if got := testbed.Await(t, ended, patience, "end of the session"); got != row.ended {
				t.Errorf("the server saw %q, want %q", got, row.ended)
			}
			p.await(t, row.farewell)
			if p.mode(t) != usual {
				t.Error("the terminal is not as it was")
			}
		})
	}
}

// TestConsoleVisitStopped: the shell gets its terminal back while the program is stopped, and the program resumes where it was,
// in a window of another size.
func TestConsoleVisitStopped(t *testing.T) {
	p, program, usual, ended := visiting(t, false)
	p.await(t, "told \xff xterm-256color 100 30\r\n")
	program.Signal(t, unix.SIGTSTP)
	stopped := make(chan error, 1)
	go func() { stopped <- unix.Waitid(unix.P_PID, program.PID(), nil, unix.WSTOPPED|unix.WNOWAIT, nil) }()
	if err := testbed.Await(t, stopped, patience, "stop of the program"); err != nil {
		t.Fatal(err)
	}
	if p.mode(t) != usual {
		t.Error("while it is stopped, the terminal is not as it was")
	}
	p.resize(t, 90, 25)
	program.Signal(t, unix.SIGCONT)
	p.await(t, "told \xff xterm-256color 90 25\r\n")
	if !isRaw(p.mode(t)) {
		t.Error("it goes on without its keys")
	}
	p.press(t, "q")
	if err := program.Err(); err != nil || testbed.Await(t, ended, patience, "end of the session") != "q" {
		t.Errorf("it ends with %v", err)
	}
	if p.mode(t) != usual {
		t.Error("the terminal is not as it was")
	}
}

// TestConsoleVisitPlain: with a server that offers nothing the terminal's own driver edits and echoes.
func TestConsoleVisitPlain(t *testing.T) {
	for _, row := range []struct{ name, keys, ended, farewell string }{
		{"end of input", "\x04", "end of input", "Goodbye.\r\nConnection closed by 127.0.0.1:"},
		{"Ctrl-] and Enter", "\x1d\r", "end of input", "Connection closed.\r\n"},
		{"the server ends it", "q\r", "q", "Goodbye.\r\nConnection closed by 127.0.0.1:"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p, program, usual, ended := visiting(t, true)
			p.await(t, "hello from a plain server\r\r\n") // the driver adds a CR
			p.press(t, "ab\x7fc\r")                       // the driver takes the b back
			p.await(t, "key \"a\"\r\r\nkey \"c\"\r\r\nkey \"\\n\"\r\r\n")
			if p.mode(t) != usual {
				t.Error("the terminal's mode was changed")
			}
			p.press(t, row.keys)
			if err := program.Err(); err != nil {
				t.Errorf("ended with %v", err)
			}
			if got := testbed.Await(t, ended, patience, "end of the session"); got != row.ended {
				t.Errorf("the server saw %q, want %q", got, row.ended)
			}
			p.await(t, row.farewell)
			if p.mode(t) != usual {
				t.Error("the terminal is not as it was")
			}
		})
	}
}

// TestConsoleVisitRecorder: the whole way, from a packet to a person's screen and from the keyboard to the recorder.
func TestConsoleVisitRecorder(t *testing.T) {
	testbed.NeedRoot(t)
	ns := testbed.NewNamespace(t, "visit")
	recorder := startRecorder(t, ns, t.TempDir(), "", "--interface", "lo", "--console-listen", "127.0.0.1:8000")
	p, program, usual := startInPTY(t, ns.Command(binary, "console"), "vt100")
	p.await(t, "Type help for the commands.\r\n")
	p.await(t, "sniffer> ")
	p.clear()
	p.press(t, "wat\t")
	p.await(t, "watch ")
	p.press(t, "udp port 9999\r")
	conn, err := ns.Dial("udp", "127.0.0.1:9999")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	testbed.Eventually(t, patience, "packet on the screen", func() (bool, string) {
		conn.Write([]byte("hello")) // nobody listens: every other one is an error
		shown := p.text()
		return strings.Contains(shown, conn.LocalAddr().String()+" → 127.0.0.1:9999 UDP len 5"), shown
	})
	p.clear()
	p.press(t, "\x1b[A")
	p.await(t, "watch udp port 9999")
	p.press(t, "\x03quit\r")
	p.await(t, "Goodbye.\r\nConnection closed by 127.0.0.1:8000.\r\n")
	if err := program.Err(); err != nil {
		t.Errorf("it ends with %v", err)
	}
	if p.mode(t) != usual {
		t.Error("the terminal is not as it was")
	}
	asked := ns.Command(binary, "console")
	asked.Stdin = strings.NewReader("version\n")
	if out, err := asked.CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "network-sniffer "+version) {
		t.Errorf("asked for its version it says %q, %v", out, err)
	}
	if err := recorder.Stop(t, unix.SIGTERM); err != nil {
		t.Errorf("the recorder: %v", err)
	}
}

// faultyConn reads what a server sends to begin with, and then panics.
type faultyConn struct {
	net.Conn
	server *strings.Reader
	mode   func()
}

func (c faultyConn) Read(b []byte) (int, error) {
	if c.server.Len() == 0 {
		c.mode()
		panic("out of order")
	}
	return c.server.Read(b)
}

// TestConsoleVisitPanics: even then the terminal is handed back.
func TestConsoleVisitPanics(t *testing.T) {
	p := openPTY(t)
	usual := p.mode(t)
	ours, theirs := net.Pipe()
	defer ours.Close()
	go io.Copy(io.Discard, theirs)
	defer theirs.Close()
	var server telnet.Peer
	conn := faultyConn{ours, strings.NewReader(string(server.AppendOffer(nil))), func() {
		if !isRaw(p.mode(t)) {
			t.Error("the server edits, and the terminal is not raw")
		}
	}}
	defer func() {
		if recover() == nil {
			t.Error("it did not panic")
		}
		if p.mode(t) != usual {
			t.Error("the terminal is not as it was")
		}
	}()
	newVisit(conn, "router:8000", p.terminal, p.terminal, io.Discard).run()
}
