package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"network-sniffer/board/console/password"
	"network-sniffer/board/testbed"
)

// TestPasswordFromPipe: one line in, one hash out, which is the password's.
func TestPasswordFromPipe(t *testing.T) {
	for _, row := range []struct{ name, in, password, want string }{
		{"a line", "correct horse\n", "correct horse", ""},
		{"no line end", "correct horse", "correct horse", ""},
		{"CR LF", "correct horse\r\n", "correct horse", ""},
		{"two lines", "correct horse\nbattery\n", "correct horse", ""},
		{"nothing", "", "", "EOF"},
		{"an empty line", "\n", "", "it has 0 bytes"},
		{"too short", "horse\n", "", "it has 5 bytes"},
		{"megabytes", strings.Repeat("x", 1<<20), "", "the most is 256"},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "in")
			if err := os.WriteFile(path, []byte(row.in), 0o600); err != nil {
				t.Fatal(err)
			}
			in, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			var out, errs bytes.Buffer
			err = hashPassword(in, &out, &errs)
			if row.want != "" {
				if err == nil || !strings.Contains(err.Error(), row.want) || out.Len() > 0 {
					t.Errorf("%v, printed %q", err, out.String())
				}
				return
			}
			if err != nil || errs.Len() > 0 {
				t.Fatalf("%v, said %q", err, errs.String())
			}
			checkHash(t, out.String(), row.password)
		})
	}
}

// checkHash uses what was printed as a password file.
func checkHash(t *testing.T, line, typed string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hash")
	if err := os.WriteFile(path, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	checker, err := password.Load(path)
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	if !checker.Check([]byte(typed)) {
		t.Errorf("%q is not the hash of %q", line, typed)
	}
}

// TestPasswordOnTerminal: nothing that is typed is shown, and the terminal is as before whatever happens.
func TestPasswordOnTerminal(t *testing.T) {
	for _, row := range []struct {
		name    string
		answers []string // each behind its question
		state   string   // how the process ended
		said    string
	}{
		{"twice the same", []string{"correct horse\n", "correct horse\n"}, "exit status 0", ""},
		{"CR, as the key sends", []string{"correct horse\r", "correct horse\r"}, "exit status 0", ""},
		{"a slip", []string{"correct horse\n", "correct house\n"}, "exit status 1", "the two passwords differ"},
		{"Ctrl-C", []string{"correct horse\n", "cor\x03"}, "signal: interrupt", ""},
		{"Ctrl-\\", []string{"correct horse\n", "cor\x1c"}, "signal: interrupt", ""},
		{"Ctrl-D", []string{"\x04"}, "exit status 1", "EOF"},
	} {
		t.Run(row.name, func(t *testing.T) {
			master, slave := openTerminal(t)
			before, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			command := exec.CommandContext(t.Context(), binary, "password")
			command.Stdin, command.Stdout, command.Stderr = slave, &out, slave
			command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			shown := make(chan string, 64) // reads; more than this test makes
			go func() {
				for buf := make([]byte, 1024); ; {
					n, err := master.Read(buf)
					if err != nil {
						return
					}
					shown <- string(buf[:n])
				}
			}()
			screen := ""
			until := func(text string) {
				t.Helper()
				for !strings.HasSuffix(screen, text) {
					screen += testbed.Await(t, shown, patience, text)
				}
			}
			questions := []string{"Password: ", "The same again: "}
			for i, answer := range row.answers {
				until(questions[i])
				if _, err := io.WriteString(master, answer); err != nil {
					t.Fatal(err)
				}
			}
			command.Wait()
			fmt.Fprint(slave, "the end")
			until("the end")
			if state := command.ProcessState.String(); state != row.state {
				t.Errorf("%s, want %s", state, row.state)
			}
			if strings.Contains(screen, "cor") || !strings.Contains(screen, row.said) {
				t.Errorf("the screen: %q", screen)
			}
			after, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
			if err != nil {
				t.Fatal(err)
			}
			if *after != *before {
				t.Errorf("the terminal was %+v and is %+v", before, after)
			}
			if row.state == "exit status 0" {
				checkHash(t, out.String(), "correct horse")
			} else if out.Len() > 0 {
				t.Errorf("printed %q", out.String())
			}
		})
	}
}

// openTerminal returns both ends of a new pseudo-terminal (pty(7)).
func openTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	return master, slave
}
