package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"network-sniffer/board/config"
	"network-sniffer/board/testbed"
)

func TestConsoleAddress(t *testing.T) {
	for _, row := range []struct{ text, want string }{
		{"", "127.0.0.1:8000"},
		{"router", "router:8000"},
		{"192.168.1.1", "192.168.1.1:8000"},
		{"router:8001", "router:8001"},
		{"router:", "router:8000"},
		{":8001", "127.0.0.1:8001"},
		{"8001", "127.0.0.1:8001"},
		{"::1", "[::1]:8000"},
		{"[::1]", "[::1]:8000"},
		{"[::1]:8001", "[::1]:8001"},
		{"fe80::1%br-lan", "[fe80::1%br-lan]:8000"},
		{"[fe80::1%br-lan]:8001", "[fe80::1%br-lan]:8001"},
	} {
		if got, err := consoleAddress(row.text); err != nil || got != row.want {
			t.Errorf("%q is %q, %v; want %q", row.text, got, err, row.want)
		}
	}
	for _, row := range []struct{ text, want string }{
		{"0", "no port"},
		{"65536", "no port"},
		{"99999999999999999999", "no port"},
		{"router:telnet", "no port"},
		{"[::1", "[ADDRESS]:PORT"},
		{"[::1]8000", "[ADDRESS]:PORT"},
		{"[router]:8000", "no IPv6 address"},
		{"[192.168.1.1]", "no IPv6 address"},
		{"[]", "no IPv6 address"},
		{"1:2:3", "no IPv6 address"},
		{"::1:8000:", "no IPv6 address"},
	} {
		if got, err := consoleAddress(row.text); !errors.Is(err, config.ErrUsage) || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%q is %q, %v; want %q", row.text, got, err, row.want)
		}
	}
}

// dialed wraps an error as net.Dialer does.
func dialed(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }

func TestConsoleAdvice(t *testing.T) {
	for _, row := range []struct {
		name string
		err  error
		want string
	}{
		{"refused", dialed(os.NewSyscallError("connect", unix.ECONNREFUSED)), "does its --console-listen hold router:8000?"},
		{"no route", dialed(os.NewSyscallError("connect", unix.EHOSTUNREACH)), "the network between"},
		{"no network", dialed(os.NewSyscallError("connect", unix.ENETUNREACH)), "the network between"},
		{"timeout", dialed(os.ErrDeadlineExceeded), "within 10s"},
		{"timeout of the kernel", dialed(os.NewSyscallError("connect", unix.ETIMEDOUT)), "firewall"},
		{"no such name", dialed(&net.DNSError{Err: "no such host", Name: "router", IsNotFound: true}), "check the name"},
		{"no name server", dialed(&net.DNSError{Err: "i/o timeout", Name: "router", IsTimeout: true}), "name servers"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := withAdvice("router:8000", row.err)
			if !errors.Is(got, row.err) || !strings.Contains(got.Error(), row.want) || !strings.HasPrefix(got.Error(), row.err.Error()) {
				t.Errorf("%v", got)
			}
		})
	}
	if err := dialed(unix.EACCES); withAdvice("router:8000", err) != err {
		t.Error("there is advice for what it knows nothing of")
	}
}

// oneClient listens on a free port and gives the first connection to serve.
func oneClient(t *testing.T, serve func(*net.TCPConn) error) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			defer conn.Close()
			err = serve(conn.(*net.TCPConn))
		}
		served <- err
	}()
	t.Cleanup(func() {
		l.Close()
		if err := testbed.Await(t, served, patience, "end of the server"); err != nil {
			t.Errorf("the server: %v", err)
		}
	})
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}

// allBytes has every byte, telnet's own and line ends among them.
var allBytes = func() (all []byte) {
	for i := range 256 {
		all = append(all, byte(i))
	}
	return bytes.Repeat(all, 1000)
}()

// TestConsolePipe: bytes pass as they are in both directions, and the end of the input is told while the answer is still awaited.
func TestConsolePipe(t *testing.T) {
	port := oneClient(t, func(conn *net.TCPConn) error {
		question, err := io.ReadAll(conn)
		if err != nil {
			return err
		}
		if !bytes.Equal(question, allBytes) {
			return fmt.Errorf("%d other bytes", len(question))
		}
		_, err = conn.Write(allBytes)
		return err
	})
	var answer, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), binary, "console", port)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(allBytes), &answer, &errs
	if err := cmd.Run(); err != nil || errs.Len() > 0 {
		t.Errorf("%v: %s", err, &errs)
	}
	if !bytes.Equal(answer.Bytes(), allBytes) {
		t.Errorf("%d other bytes", answer.Len())
	}
}

// TestConsolePipeEnds: the server ends it, whatever is still to be typed.
func TestConsolePipeEnds(t *testing.T) {
	for _, row := range []struct {
		name   string
		serve  func(*net.TCPConn) error
		status int
		out    string
		errs   string
	}{
		{"in order", func(conn *net.TCPConn) error {
			if _, err := io.ReadFull(conn, make([]byte, len("stats\n"))); err != nil {
				return err
			}
			_, err := conn.Write([]byte("Too many sessions.\r\n"))
			return err
		}, 0, "Too many sessions.\r\n", ""},
		{"broken", func(conn *net.TCPConn) error {
			if _, err := io.ReadFull(conn, make([]byte, len("stats\n"))); err != nil {
				return err
			}
			if err := conn.SetLinger(0); err != nil { // RST instead of FIN
				return err
			}
			return conn.Close()
		}, 1, "", "broke"},
	} {
		t.Run(row.name, func(t *testing.T) {
			port := oneClient(t, row.serve)
			input, typist, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer typist.Close() // the input does not end before the program does
			defer input.Close()
			if _, err := typist.WriteString("stats\n"); err != nil {
				t.Fatal(err)
			}
			var out, errs bytes.Buffer
			cmd := exec.CommandContext(t.Context(), binary, "console", ":"+port)
			cmd.Stdin, cmd.Stdout, cmd.Stderr = input, &out, &errs
			if err := cmd.Run(); cmd.ProcessState.ExitCode() != row.status {
				t.Errorf("%v", err)
			}
			if out.String() != row.out || !strings.Contains(errs.String(), row.errs) || row.errs == "" && errs.Len() > 0 {
				t.Errorf("out %q, errors %q", &out, &errs)
			}
		})
	}
}

func TestConsoleRefused(t *testing.T) {
	port := closedPort(t)
	for _, address := range []string{port, "127.0.0.1:" + port, "localhost:" + port} {
		got := sniffer(t, "console", address)
		refused := strings.Contains(got.errs, "refused") && strings.Contains(got.errs, "--console-listen")
		if got.status != 1 || got.out != "" || !refused {
			t.Errorf("%s: %+v", address, got)
		}
	}
}

// TestConsoleWithoutNetwork: in a namespace that holds nothing but its loopback interface.
func TestConsoleWithoutNetwork(t *testing.T) {
	testbed.NeedRoot(t)
	ns := testbed.NewNamespace(t, "alone")
	for _, address := range []string{"192.0.2.1", "[2001:db8::1]:8000"} {
		cmd := ns.Command(binary, "console", address)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "the network between") {
			t.Errorf("%s: %v: %s", address, err, out)
		}
	}
}
