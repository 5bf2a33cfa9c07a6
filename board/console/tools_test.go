package console

import (
	"context"
	"net"
	"os/exec"
	"strings"
	"testing"
)

// expectScript drives the telnet program on a pseudo terminal as a person would.
const expectScript = `
set timeout 30
proc want {text} {
	expect {
		$text {}
		timeout { puts "\nTIMEOUT waiting for $text"; exit 2 }
		eof { puts "\nEOF waiting for $text"; exit 3 }
	}
}
spawn [lindex $argv 0] 127.0.0.1 [lindex $argv 1]
want "network-sniffer"
want "Type help"
send "help\r"
want "show this list"
send "hello router\r"
want "Received message: hello router"
send "pause\r"
want "Paused"
send "resume\r"
want "Resumed"
send "stats\r"
want "rows 12"
send [lindex $argv 2]
want "Goodbye."
expect {
	"closed by foreign host" {}
	timeout { puts "\nTIMEOUT waiting for the end"; exit 2 }
}
expect eof
lassign [wait] pid id failed status
exit [expr {$failed ? 4 : 0}]
`

func TestTelnetProgram(t *testing.T) {
	expect, telnet := needTool(t, "expect"), needTool(t, "telnet")
	srv := startServer(t, Config{})
	_, port, _ := net.SplitHostPort(srv.Addr().String())
	for _, tt := range []struct{ name, bye string }{{"quit", "quit\r"}, {"Ctrl-C", "\x03"}} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, expect, "-f", "-", telnet, port, tt.bye)
			cmd.Stdin = strings.NewReader(expectScript)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("expect: %v\n%s", err, out)
			}
		})
	}
}

func TestNetcatScript(t *testing.T) {
	nc := needTool(t, "nc")
	srv := startServer(t, Config{})
	_, port, _ := net.SplitHostPort(srv.Addr().String())
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	// The traditional nc has no -N; it closes its sending side by itself.
	sh := `echo stats | "$0" -N 127.0.0.1 "$1" || echo stats | "$0" 127.0.0.1 "$1"`
	out, err := exec.CommandContext(ctx, needTool(t, "sh"), "-c", sh, nc, port).Output()
	if err != nil {
		t.Fatalf("nc: %v\n%s", err, out)
	}
	for _, want := range []string{"network-sniffer", "rows 12\r\n", "This session: 0 packets shown"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the script does not get %q but\n%s", want, out)
		}
	}
}
