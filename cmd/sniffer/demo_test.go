package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"network-sniffer/board/testbed"
)

// demo is cmd/demo.sh with a state directory and a network of its own: what `make run` does, touching no port and
// no file of the machine.
type demo struct {
	state string
	ns    *testbed.Namespace
}

// newDemo gives the state directory a parent that user postgres cannot enter, and a name that scripts stumble
// over, unless plain is asked for.
func newDemo(t *testing.T, plain bool) demo {
	t.Helper()
	testbed.NeedRoot(t)
	testbed.NeedPostgres(t)
	dir, name, mode := t.TempDir(), "it's a state", os.FileMode(0o700)
	if plain {
		name, mode = "state", 0o755
	}
	for _, path := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	return demo{filepath.Join(dir, name), testbed.NewNamespace(t, "demo")}
}

func demoScript(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../demo.sh")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// command runs a program inside the namespace with the demo's environment, and nobody else's SNIFFER_ variables.
func (d demo) command(environment []string, name string, args ...string) *exec.Cmd {
	command := d.ns.Command(name, args...)
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "SNIFFER_") && !strings.HasPrefix(pair, "PG") {
			command.Env = append(command.Env, pair)
		}
	}
	command.Env = append(command.Env, "SNIFFER_LOCAL="+d.state, "SNIFFER_BINARY="+binary, "SNIFFER_DEVICE_ID="+deviceID)
	command.Env = append(command.Env, environment...)
	return command
}

// start runs the script and returns when the recorder is ready.
func (d demo) start(t *testing.T, environment ...string) *testbed.Process {
	t.Helper()
	p := testbed.StartProcess(t, d.command(environment, demoScript(t), "--interface", "lo"))
	p.WaitOutput(t, "Ctrl-C ends it.", patience)
	p.WaitOutput(t, "msg=ready", patience)
	return p
}

// line is the first line of an output with a prefix, as a user would copy it.
func line(t *testing.T, output, prefix string) string {
	t.Helper()
	for l := range strings.Lines(output) {
		if strings.HasPrefix(l, prefix) {
			return strings.TrimSpace(l)
		}
	}
	t.Fatalf("no line begins with %q:\n%s", prefix, output)
	return ""
}

// shell runs a copied line, and returns what it printed and the error.
func (d demo) shell(text string, environment ...string) (string, error) {
	out, err := d.command(environment, "sh", "-c", text).CombinedOutput()
	return string(out), err
}

// count asks for the number of rows, through the copied psql line. The schema is made when the recorder connects,
// and not before.
func (d demo) count(t *testing.T, psql string, environment ...string) (rows int) {
	t.Helper()
	connect, _, _ := strings.Cut(psql, " -c ")
	testbed.Eventually(t, patience, "an answer to "+connect, func() (bool, string) {
		out, err := d.shell(connect+` -Atc 'SELECT count(*) FROM sniffer.packets'`, environment...)
		if err == nil {
			rows, err = strconv.Atoi(strings.TrimSpace(out))
		}
		return err == nil, out
	})
	return rows
}

// awaitRows pings until there are more rows than before, checks that the copied psql line shows some, and returns
// their number.
func (d demo) awaitRows(t *testing.T, psql string, before int, environment ...string) (rows int) {
	t.Helper()
	if err := d.ns.Ping("127.0.0.1", patience); err != nil {
		t.Fatal(err)
	}
	testbed.Eventually(t, patience, "more rows", func() (bool, string) {
		rows = d.count(t, psql, environment...)
		return rows > before, strconv.Itoa(rows)
	})
	if out, err := d.shell(psql, environment...); err != nil || !strings.Contains(out, "127.0.0.1") {
		t.Errorf("%s: %v\n%s", psql, err, out)
	}
	return rows
}

// processes are those whose command line holds text, such as the server of a state directory.
func processes(text string) []int {
	dirs, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is well-formed: no error
	var pids []int
	for _, path := range dirs {
		command, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(command), text) {
			continue // or it ended meanwhile
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

// checkGone: the server and the recorder of the demo ended with it.
func (d demo) checkGone(t *testing.T) {
	t.Helper()
	if pids := processes(d.state + "/pg"); len(pids) != 0 {
		t.Errorf("PostgreSQL is left behind: processes %v", pids)
	}
}

// stopped sends a signal, as a terminal does, and checks a clean end.
func (d demo) stopped(t *testing.T, p *testbed.Process, sig syscall.Signal) {
	t.Helper()
	// A terminal sends Ctrl-C to the whole group. The recorder hears of it once, from the script: a second signal would end it without its books.
	if err := syscall.Kill(-p.PID(), sig); err != nil {
		t.Fatal(err)
	}
	testbed.Await(t, p.Done(), patience, "the end of the demo")
	if err := p.Err(); err != nil {
		t.Errorf("after %v: %v\n%s", sig, err, p.Output())
	}
	if books := line(t, p.Output(), "lo: received "); !strings.Contains(books, "= rows ") || strings.Contains(books, "DO NOT BALANCE") {
		t.Errorf("the books: %s", books)
	}
	d.checkGone(t)
}

// TestDemo is a user's life with `make run`: the first time, Ctrl-C, a crash of everything, and again. The rows
// stay.
func TestDemo(t *testing.T) {
	for _, tool := range []string{"telnet", "expect", "psql", "setsid", "setpriv", "flock"} {
		testbed.NeedTool(t, tool)
	}
	d := newDemo(t, false)

	first := d.start(t)
	telnet := line(t, first.Output(), "  telnet ")
	const talk = `set timeout 25
spawn -noecho {*}$argv
expect "help" {} timeout { exit 1 } eof { exit 2 }
send "stats\r"
expect "This session:" {} timeout { exit 3 } eof { exit 4 }
send "quit\r"
expect eof {} timeout { exit 5 }
`
	script := filepath.Join(filepath.Dir(d.state), "talk.exp")
	if err := os.WriteFile(script, []byte(talk), 0o600); err != nil {
		t.Fatal(err)
	}
	d.ns.Run(t, "expect", append([]string{script}, strings.Fields(telnet)...)...)
	psql := line(t, first.Output(), "  PGPASSFILE=")
	rows := d.awaitRows(t, psql, 0)

	other := testbed.StartProcess(t, d.command(nil, demoScript(t), "--interface", "lo", "--console-listen", "127.0.0.1:8001"))
	testbed.Await(t, other.Done(), patience, "the end of a second run on the same state")
	if err := other.Err(); err == nil || !strings.Contains(other.Output(), "another run keeps its database") || !strings.Contains(other.Output(), "SNIFFER_LOCAL") {
		t.Errorf("a second run beside the first: %v\n%s", err, other.Output())
	}
	rows = d.awaitRows(t, psql, rows) // the refused run has not stopped the database
	d.stopped(t, first, syscall.SIGINT)

	second := d.start(t)
	if n := d.count(t, line(t, second.Output(), "  PGPASSFILE=")); n < rows {
		t.Errorf("%d rows in the second run, %d in the first: the database was not kept", n, rows)
	}
	rows = d.awaitRows(t, line(t, second.Output(), "  PGPASSFILE="), rows)
	// SIGKILL for all: a power cut. postmaster.pid stays.
	if err := second.Stop(t, syscall.SIGKILL); err == nil {
		t.Error("SIGKILL, and the script ended well")
	}
	for _, pid := range append(processes(d.state+"/pg"), processes(binary)...) {
		_ = syscall.Kill(pid, syscall.SIGKILL) // or it ended with its master
	}
	testbed.Eventually(t, patience, "the end of the killed", func() (bool, string) {
		return len(processes(d.state+"/pg"))+len(processes(binary)) == 0, "they run"
	})
	if _, err := os.Stat(d.state + "/pg/postmaster.pid"); err != nil {
		t.Errorf("the crash was none: %v", err)
	}

	// Somebody has taken the port meanwhile.
	taken, err := d.ns.Listen("tcp", "127.0.0.1:54320")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	third := d.start(t)
	psql = line(t, third.Output(), "  PGPASSFILE=")
	if !strings.Contains(psql, "-p 54321 ") {
		t.Errorf("not the next port: %s", psql)
	}
	if n := d.count(t, psql); n < rows {
		t.Errorf("%d rows after the crash, %d before", n, rows)
	}
	d.awaitRows(t, psql, rows)
	d.stopped(t, third, syscall.SIGTERM)

	// A recorder that refuses ends the database with it, and its status is the script's.
	refused := testbed.StartProcess(t, d.command(nil, demoScript(t), "--interface", "lo", "--filter", "tcp prt 80"))
	testbed.Await(t, refused.Done(), patience, "the end of a run with a bad filter")
	var exit *exec.ExitError
	if err := refused.Err(); !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(refused.Output(), "column 5") {
		t.Errorf("a bad filter: %v\n%s", err, refused.Output())
	}
	d.checkGone(t)
}

// TestDemoSignalBeforeTheRecorder: who does not wait for the first start gets no recorder and leaves no server.
func TestDemoSignalBeforeTheRecorder(t *testing.T) {
	for _, row := range []struct {
		name  string
		group bool // as from a terminal: what the script is waiting for gets it too
		sig   syscall.Signal
	}{
		{"SIGTERM", false, syscall.SIGTERM},
		{"Ctrl-C", true, syscall.SIGINT},
	} {
		t.Run(row.name, func(t *testing.T) {
			d := newDemo(t, false)
			p := testbed.StartProcess(t, d.command(nil, demoScript(t), "--interface", "lo"))
			p.WaitOutput(t, "making a private PostgreSQL", patience)
			to := p.PID()
			if row.group {
				to = -to
			}
			if err := syscall.Kill(to, row.sig); err != nil {
				t.Fatal(err)
			}
			testbed.Await(t, p.Done(), patience, "the end of the demo")
			var exit *exec.ExitError
			if err := p.Err(); !errors.As(err, &exit) || exit.ExitCode() != 130 {
				t.Errorf("%v, want exit status 130\n%s", err, p.Output())
			}
			if strings.Contains(p.Output(), "msg=") || strings.Contains(p.Output(), "Ctrl-C ends it") {
				t.Errorf("the recorder was started:\n%s", p.Output())
			}
			d.checkGone(t)
		})
	}
}

// TestDemoWithADatabase: with a URL no PostgreSQL is made or started.
func TestDemoWithADatabase(t *testing.T) {
	d := newDemo(t, false)
	url := "SNIFFER_DATABASE_URL=" + testbed.SharedPostgres(t).NewDatabase(t)
	p := d.start(t, url, "SNIFFER_CONSOLE_LISTEN=[::1]:8023")
	if telnet := line(t, p.Output(), "  telnet "); telnet != "telnet ::1 8023" {
		t.Errorf("the console is said to be at %q", telnet)
	}
	d.awaitRows(t, line(t, p.Output(), "  psql "), 0, url)
	d.stopped(t, p, syscall.SIGTERM)
	for _, name := range []string{"pg", "lock", "password"} {
		if _, err := os.Stat(filepath.Join(d.state, name)); err == nil {
			t.Errorf("%s was made", name)
		}
	}
}

// TestDemoWithoutPostgres: nothing is installed and nothing can be: rows stay in the spool, and the script says so.
func TestDemoWithoutPostgres(t *testing.T) {
	d := newDemo(t, false)
	// `ip netns exec` gives the command mounts of its own.
	const hide = `[ ! -d /usr/lib/postgresql ] || mount -t tmpfs none /usr/lib/postgresql
		[ ! -e /usr/bin/apt-get ] || mount --bind /dev/null /usr/bin/apt-get
		exec "$0" "$@"`
	p := testbed.StartProcess(t, d.command(nil, "sh", "-c", hide, demoScript(t), "--interface", "lo"))
	p.WaitOutput(t, "PostgreSQL cannot be had here: rows stay in the spool, "+d.state+"/spool", patience)
	p.WaitOutput(t, "msg=ready", patience)
	if err := d.ns.Ping("127.0.0.1", patience); err != nil {
		t.Fatal(err)
	}
	d.stopped(t, p, syscall.SIGTERM)
	if len(inspect(t, d.state+"/spool")) == 0 {
		t.Error("the spool is empty")
	}
}

// TestDemoInContainer: root without CAP_DAC_READ_SEARCH, as container engines give it.
func TestDemoInContainer(t *testing.T) {
	d := newDemo(t, true)
	testbed.NeedTool(t, "setpriv")
	p := testbed.StartProcess(t, d.command(nil, "setpriv", "--bounding-set", "-dac_read_search", "--inh-caps", "-dac_read_search", "--",
		demoScript(t), "--interface", "lo"))
	p.WaitOutput(t, "msg=ready", patience)
	d.awaitRows(t, line(t, p.Output(), "  PGPASSFILE="), 0)
	d.stopped(t, p, syscall.SIGTERM)
}

// TestDemoWithoutTheProgram says what to do, before it makes a database.
func TestDemoWithoutTheProgram(t *testing.T) {
	state := t.TempDir()
	command := exec.Command(demoScript(t))
	command.Env = append(os.Environ(), "SNIFFER_LOCAL="+state, "SNIFFER_BINARY="+state+"/none")
	out, err := command.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "make build") {
		t.Errorf("%v: %s", err, out)
	}
	if entries, err := os.ReadDir(state); err != nil || len(entries) != 0 {
		t.Errorf("%v was made, error %v", entries, err)
	}
}
