package telnet

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"network-sniffer/board/testbed"
)

// patience bounds what a test waits for on a loaded machine; nothing depends on its length.
const patience = 30 * time.Second

// typing opens telnet in a terminal of 100 columns and 30 rows, types, changes the window and interrupts.
const typing = `
set timeout 30
proc want {text} {
	expect {
		-ex $text {}
		timeout { puts "\nTIMEOUT waiting for $text"; exit 2 }
		eof { puts "\nEOF waiting for $text"; exit 3 }
	}
}
set stty_init "rows 30 columns 100"
spawn [lindex $argv 0] 127.0.0.1 [lindex $argv 1]
want "terminal xterm-256color, 100 x 30, editing →"
send "h\u00e9llo\r"
want "\[h\u00e9llo\]"
stty rows 40 columns 132 < $spawn_out(slave,name)
exec kill -WINCH [exp_pid]
want "132 x 40"
send "\x03"
want "byte 3"
send "q"
expect {
	"closed by foreign host" {}
	timeout { puts "\nTIMEOUT waiting for the end"; exit 2 }
}
expect eof
lassign [wait] pid id failed status
exit [expr {$failed ? 4 : 0}]
`

// serve is a server that probes, offers, and shows what it understood; "q" ends it.
func serve(conn net.Conn) error {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	var p Peer
	send := func(text []byte) bool {
		_, err := conn.Write(text)
		return err == nil
	}
	if !send(p.AppendProbe(nil)) {
		return fmt.Errorf("the probe is not taken")
	}
	var told, line []byte
	buf := make([]byte, 512)
	for offered := false; ; {
		n, err := conn.Read(buf)
		if err != nil {
			return fmt.Errorf("%w, having told %q", err, told)
		}
		for _, b := range buf[:n] {
			var text []byte
			switch event := p.Step(b); {
			case event == Data && b == 'q':
				return nil
			case event == Data && b == 3:
				text = []byte("byte 3\r\n")
			case event == Data && b == '\r':
				text = fmt.Appendf(nil, "[%s]\r\n", line)
			case event == Data && b != 0 && b != '\n':
				line = append(line, b)
			case event == Changed && p.Spoke() && !offered:
				offered = true
				text = p.AppendOffer(nil)
			case event == Changed:
				columns, rows := p.Size()
				if columns > 0 && p.Terminal() != "" && p.Editing() {
					text = fmt.Appendf(nil, "terminal %s, %d x %d, editing →\r\n", p.Terminal(), columns, rows)
				}
			}
			told = append(told, text...)
			if !send(p.AppendReply(text)) {
				return fmt.Errorf("the client does not read")
			}
		}
	}
}

// TestTelnetProgram: Debian's telnet, which on a port that is not 23 begins nothing by itself.
func TestTelnetProgram(t *testing.T) {
	expect, telnet := testbed.NeedTool(t, "expect"), testbed.NeedTool(t, "telnet")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	served := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			served <- err
			return
		}
		served <- serve(conn)
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	cmd := exec.CommandContext(t.Context(), expect, "-f", "-", telnet, port)
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "LC_ALL=C.UTF-8")
	cmd.Stdin = strings.NewReader(typing)
	out, err := cmd.CombinedOutput()
	if err != nil {
		l.Close()
		t.Errorf("expect: %v\n%s", err, out)
	}
	if err := <-served; err != nil {
		t.Errorf("the server: %v", err)
	}
}
