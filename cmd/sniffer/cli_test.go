package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"network-sniffer/board/config"
	"network-sniffer/board/testbed"
	"network-sniffer/decode"
	"network-sniffer/uplink/schema"
	"network-sniffer/uplink/spool"
)

// result is what a command left behind.
type result struct {
	status    int
	out, errs string
}

// sniffer runs a command line in this process, without the SNIFFER_ variables of whoever runs the test.
func sniffer(t *testing.T, args ...string) result {
	t.Helper()
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "SNIFFER_") && !strings.HasPrefix(name, "SNIFFER_TEST_") {
			t.Setenv(name, "")
		}
	}
	return snifferAsIs(args...)
}

// snifferAsIs takes the environment as the test set it.
func snifferAsIs(args ...string) result {
	var out, errs bytes.Buffer
	status := dispatch(args, &out, &errs)
	return result{status, out.String(), errs.String()}
}

// closedPort is a port of 127.0.0.1 that nobody listens on.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

func TestExitStatus(t *testing.T) {
	dir := t.TempDir()
	for _, row := range []struct {
		name   string
		args   []string
		status int
		out    string // part of standard output; empty: it is empty
		errs   string // part of standard error; empty: it is empty
	}{
		{"nothing", nil, 2, "", "Usage: sniffer COMMAND"},
		{"help", []string{"help"}, 0, "Usage: sniffer COMMAND", ""},
		{"-h", []string{"-h"}, 0, "Usage: sniffer COMMAND", ""},
		{"--help", []string{"--help"}, 0, "Usage: sniffer COMMAND", ""},
		{"unknown command", []string{"sniff"}, 2, "", `"sniff" is no command`},
		{"version", []string{"version"}, 0, "sniffer " + version, ""},
		{"one argument too many", []string{"version", "please"}, 2, "", `"please" is one argument too many`},
		{"unknown flag", []string{"run", "--colour"}, 2, "", "Try: sniffer run --help"},
		{"flag of another command", []string{"filter", "--spool-dir", "x"}, 2, "", "spool-dir"},
		{"flag without its value", []string{"run", "--filter"}, 2, "", "flag needs an argument"},
		{"bad value", []string{"run", "--spool-size", "much"}, 2, "", "write it like 64M"},
		{"switch with its value behind a space", []string{"run", "--promiscuous", "false"}, 2, "", `"false" is one argument too many`},
		{"run takes no argument", []string{"run", "eth0"}, 2, "", `"eth0" is one argument too many`},
		{"read without a file", []string{"read"}, 2, "", "which file?"},
		{"read of two files", []string{"read", "a", "b"}, 2, "", `"b" is one argument too many`},
		{"read of a file that is not there", []string{"read", dir + "/none.pcap"}, 1, "", "none.pcap: no such file"},
		{"read in an unknown format", []string{"read", "--format", "xml", dir + "/none.pcap"}, 2, "", "none of text, json and csv"},
		{"schema without an action", []string{"schema"}, 2, "", "one of print, apply, check and retention"},
		{"schema with an unknown action", []string{"schema", "drop"}, 2, "", `"drop" is none of print, apply, check and retention`},
		{"schema from a version of the future", []string{"schema", "print", "--from", "99"}, 2, "", "0 (an empty database) to"},
		{"retention without days", []string{"schema", "retention"}, 2, "", "--keep-days 1 to"},
		{"days to keep of another action", []string{"schema", "apply", "--keep-days", "3"}, 2, "", "--keep-days is no option of apply"},
		{"schema without a database", []string{"schema", "apply"}, 2, "", "SNIFFER_DATABASE_URL"},
		{"schema with a URL of another kind", []string{"schema", "check", "--database-url", "mysql://h/d"}, 2, "", "postgres://USER@HOST"},
		{"schema of a server that is not there", []string{"schema", "check", "--database-url", "postgres://u@127.0.0.1:" + closedPort(t) + "/d"}, 1, "", "connection refused"},
		{"spool without an action", []string{"spool"}, 2, "", "one of list, dump, verify and drop"},
		{"spool with an unknown action", []string{"spool", "eat"}, 2, "", `"eat" is none of list, dump, verify and drop`},
		{"spool list of a segment", []string{"spool", "list", "x"}, 2, "", `"x" is one argument too many`},
		{"spool list with a flag of another action", []string{"spool", "list", "--oldest", "1"}, 2, "", "--oldest is not for list"},
		{"spool dump in an unknown format", []string{"spool", "dump", "--format", "xml"}, 2, "", "none of text, json and csv"},
		{"spool dump that is not there", []string{"spool", "dump", "--spool-dir", dir + "/none"}, 1, "", "no such file"},
		{"spool verify that is not there", []string{"spool", "verify", "--spool-dir", dir + "/none"}, 1, "", "no such file"},
		{"spool drop that is not there", []string{"spool", "drop", "--all", "--yes", "--spool-dir", dir + "/none"}, 1, "", "no such file"},
		{"spool drop of what", []string{"spool", "drop", "--yes"}, 2, "", "--oldest N or --all"},
		{"spool drop of both", []string{"spool", "drop", "--all", "--oldest", "2"}, 2, "", "--oldest N or --all"},
		{"spool that is not there", []string{"spool", "list", "--spool-dir", dir + "/none"}, 1, "", "no such file"},
		{"console of two", []string{"console", "a", "b"}, 2, "", `"b" is one argument too many`},
		{"console on no port", []string{"console", "router:http"}, 2, "", "number from 1 to 65535"},
		{"console that is not there", []string{"console", closedPort(t)}, 1, "", "connection refused"},
		{"filter for an unknown link", []string{"filter", "--link-type", "ATM", "tcp"}, 2, "", "EN10MB, RAW"},
		{"filter that nothing matches", []string{"filter", "tcp and arp"}, 2, "", "at once"},
		{"read with a filter that nothing matches", []string{"read", "--filter", "tcp and arp", "x.pcap"}, 2, "", "at once"},
		{"filter that returns nothing", []string{"filter", "--snaplen", "0", "tcp"}, 2, "", "between 1 and 262144"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := sniffer(t, row.args...)
			if got.status != row.status {
				t.Errorf("exit status %d, want %d", got.status, row.status)
			}
			for _, text := range []struct{ where, got, want string }{{"standard output", got.out, row.out}, {"standard error", got.errs, row.errs}} {
				if !strings.Contains(text.got, text.want) || text.want == "" && text.got != "" {
					t.Errorf("%s:\n%s\nwant: %q", text.where, text.got, text.want)
				}
			}
		})
	}
}

// TestHelp: every command tells all it can be told, under both names, and nothing more is needed to ask.
func TestHelp(t *testing.T) {
	load := []config.Option{config.Filter, config.DatabaseURL, config.DeviceName, config.DeviceID}
	upload := append([]config.Option{config.UplinkRate, config.UplinkFormat}, load...)
	check := slices.Concat([]config.Option{config.Interface, config.SpoolDir, config.SpoolSize}, config.Capture, config.Uplink, load)
	for _, row := range []struct {
		name    string
		options []config.Option
		own     []string
	}{
		{"run", slices.Concat([]config.Option{config.Promiscuous, config.LogLevel}, config.Console, check), nil},
		{"read", upload, []string{"--format FORMAT", "--quiet", "default: text"}},
		{"filter", nil, []string{"--link-type TYPE", "--snaplen BYTES", "--live", "LINUX_SLL2, NULL, LOOP", "  -d\n", "  -dd\n", "  -ddd\n"}},
		{"schema", []config.Option{config.DatabaseURL}, []string{"print|apply|check|retention", "--from VERSION", "--keep-days N", "--dry-run", "--json"}},
		{"spool", []config.Option{config.SpoolDir, config.SpoolOverflowDir},
			[]string{"--json", "--format FORMAT", "--rows N", "  -n N\n", "--oldest N", "--all", "--yes", "list|dump|verify|drop", "Examples:",
				"spool drop --oldest 100", "spool list --json"}},
		{"check", slices.Concat(check, config.Console), []string{"--json", "[INTERFACE]..."}},
		{"fields", nil, []string{"--json", "--reasons"}},
		{"console", nil, []string{"[HOST:PORT]", "Ctrl-]", "Examples:", "echo stats | sniffer console router:8000"}},
		{"password", nil, []string{"twice", "sniffer password > FILE"}},
		{"version", nil, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := sniffer(t, row.name, "--help")
			if got.status != 0 || got.errs != "" {
				t.Errorf("exit status %d, standard error %q", got.status, got.errs)
			}
			want := append([]string{"Usage: sniffer " + row.name}, row.own...)
			for _, o := range row.options {
				want = append(want, "  --"+o.Name, o.Environment(), o.Help)
			}
			for _, text := range want {
				if !strings.Contains(got.out, text) {
					t.Errorf("the help lacks %q:\n%s", text, got.out)
				}
			}
			if n := strings.Count(got.out, "SNIFFER_"); n != len(row.options) {
				t.Errorf("%d variables, want %d:\n%s", n, len(row.options), got.out)
			}
			if !strings.Contains(sniffer(t, "help").out, "  "+row.name+" ") {
				t.Error("`sniffer help` does not list it")
			}
			if again := sniffer(t, row.name, "-h"); again != got {
				t.Errorf("-h says something else: %+v", again)
			}
		})
	}
	if n := len(commands()); n != 10 {
		t.Errorf("%d commands, the table above has 10", n)
	}
}

// TestFields: every field and every reason is told, to people and to programs.
func TestFields(t *testing.T) {
	for _, row := range []struct {
		flag  string
		names []string
	}{{"", nil}, {"--reasons", nil}} {
		for _, c := range decode.Columns {
			if row.flag == "" {
				row.names = append(row.names, c.Name)
			}
		}
		for r := decode.NoReason + 1; r < decode.Reasons && row.flag != ""; r++ {
			row.names = append(row.names, r.String())
		}
		args := append([]string{"fields"}, strings.Fields(row.flag)...)
		table := sniffer(t, args...)
		if table.status != 0 || table.errs != "" {
			t.Fatalf("%v: %+v", args, table)
		}
		var list []map[string]string
		if err := json.Unmarshal([]byte(sniffer(t, append(args, "--json")...).out), &list); err != nil || len(list) != len(row.names) {
			t.Fatalf("%v --json: %d entries, want %d; %v", args, len(list), len(row.names), err)
		}
		lines := strings.Split(table.out, "\n")
		for i, name := range row.names {
			if list[i]["name"] != name || list[i]["meaning"] == "" || row.flag == "" && (list[i]["when"] == "" || list[i]["source"] == "") {
				t.Errorf("entry %d is %v, want %s with all that belongs to it", i, list[i], name)
			}
			line := lines[i]
			if row.flag == "" {
				line = lines[i+1] // behind the headings
			}
			if !strings.HasPrefix(line, name+" ") || !strings.Contains(line, list[i]["meaning"]) {
				t.Errorf("line %q, want %s", line, name)
			}
		}
	}
}

// TestHelpWithAWrongEnvironment: who asks how to write it has written it wrong.
func TestHelpWithAWrongEnvironment(t *testing.T) {
	sniffer(t) // empties the variables
	t.Setenv("SNIFFER_SPOOL_SIZE", "much")
	if got := snifferAsIs("run", "--help"); got.status != 0 || !strings.Contains(got.out, "SNIFFER_SPOOL_SIZE") {
		t.Errorf("%+v, want the help", got)
	}
	got := snifferAsIs("run")
	if got.status != 2 || !strings.Contains(got.errs, "SNIFFER_SPOOL_SIZE") || !strings.Contains(got.errs, "64M") {
		t.Errorf("%+v, want status 2, the variable and how to write it", got)
	}
}

// TestFlagsAndArguments: flags may stand anywhere, until "--".
func TestFlagsAndArguments(t *testing.T) {
	plain := sniffer(t, "filter", "-ddd", "tcp port 80")
	if plain.status != 0 || plain.out == "" {
		t.Fatalf("%+v", plain)
	}
	minus := sniffer(t, "filter", "-ddd", "ip[8] = 255 -1")
	for _, row := range []struct {
		name string
		args []string
		want result
	}{
		{"flag behind the argument", []string{"tcp port 80", "-ddd"}, plain},
		{"flag between the arguments", []string{"tcp", "-ddd", "port", "80"}, plain},
		{"flag with a value behind", []string{"-ddd", "tcp", "port", "80", "--link-type", "en10mb"}, plain},
		{"two dashes", []string{"--ddd", "tcp port 80"}, plain},
		{"-- before the argument", []string{"-ddd", "--", "tcp port 80"}, plain},
		{"-- behind the first argument", []string{"-ddd", "tcp", "--", "port", "80"}, plain},
		{"what follows -- is no flag", []string{"-ddd", "ip[8] =", "255", "--", "-1"}, minus},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := sniffer(t, append([]string{"filter"}, row.args...)...); got != row.want {
				t.Errorf("%+v\nwant %+v", got, row.want)
			}
		})
	}
	if got := sniffer(t, "filter", "--", "-ddd"); got.status != 2 {
		t.Errorf("-- -ddd: %+v, want a mistake in the expression", got)
	}
}

func TestFilterCommand(t *testing.T) {
	for _, row := range []struct {
		name string
		args []string
		want string
	}{
		{"in words by default", []string{"--snaplen", "96", "arp"}, "(000) ldh      [12]\n(001) jeq      #0x806           jt 2\tjf 3\n(002) ret      #96\n(003) ret      #0\n"},
		{"-d", []string{"-d", "--snaplen", "96", "arp"}, "(000) ldh      [12]\n(001) jeq      #0x806           jt 2\tjf 3\n(002) ret      #96\n(003) ret      #0\n"},
		{"-dd", []string{"-dd", "arp"}, "{ 0x28, 0, 0, 0x0000000c },\n{ 0x15, 0, 1, 0x00000806 },\n{ 0x6, 0, 0, 0x00040000 },\n{ 0x6, 0, 0, 0x00000000 },\n"},
		{"-ddd", []string{"-ddd", "arp"}, "4\n40 0 0 12\n21 0 1 2054\n6 0 0 262144\n6 0 0 0\n"},
		{"as with tcpdump, -d counts", []string{"-d", "arp", "-d"}, "{ 0x28, 0, 0, 0x0000000c },\n{ 0x15, 0, 1, 0x00000806 },\n" +
			"{ 0x6, 0, 0, 0x00040000 },\n{ 0x6, 0, 0, 0x00000000 },\n"},
		{"and the most is -ddd", []string{"-d", "-dd", "-ddd", "arp"}, "4\n40 0 0 12\n21 0 1 2054\n6 0 0 262144\n6 0 0 0\n"},
		{"no expression takes all", []string{"-ddd"}, "1\n6 0 0 262144\n"},
		{"another link type", []string{"-ddd", "--link-type", "ipv4", "ip"}, "1\n6 0 0 262144\n"},
		{"PPP", []string{"-d", "--link-type", "PPP", "ip6"}, "(000) ldh      [2]\n(001) jeq      #0x57            jt 2\tjf 3\n(002) ret      #262144\n(003) ret      #0\n"},
		{"cooked", []string{"-d", "--link-type", "LINUX_SLL", "arp"}, "(000) ldh      [14]\n(001) jeq      #0x806           jt 2\tjf 3\n(002) ret      #262144\n(003) ret      #0\n"},
		{"cooked, second version", []string{"-d", "--link-type", "linux_sll2", "ifindex 7"}, "(000) ld       [4]\n(001) jeq      #0x7             jt 2\tjf 3\n(002) ret      #262144\n(003) ret      #0\n"},
		{"cooked and live", []string{"--live", "--link-type", "LINUX_SLL2", "arp"}, "(000) ld       [proto]\n(001) jeq      #0x806           jt 2\tjf 3\n(002) ret      #262144\n(003) ret      #0\n"},
		{"live", []string{"--live", "outbound"}, "(000) ld       [type]\n(001) jeq      #0x4             jt 2\tjf 3\n(002) ret      #262144\n(003) ret      #0\n"},
		{"BSD loopback", []string{"-d", "--link-type", "LOOP", "ip"}, "(000) ld       [0]\n(001) jeq      #0x2             jt 2\tjf 3\n(002) ret      #262144\n(003) ret      #0\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := sniffer(t, append([]string{"filter"}, row.args...)...); got != (result{0, row.want, ""}) {
				t.Errorf("%+v\nwant %q", got, row.want)
			}
		})
	}
}

// TestFilterLooksNamesUp: of a host, and of a network mask as tcpdump does without an interface.
func TestFilterLooksNamesUp(t *testing.T) {
	for expr, want := range map[string]string{
		"ip host localhost": " 2130706433\n", // 127.0.0.1
		"ip broadcast":      "\n32 0 0 30\n", // the destination
	} {
		if got := sniffer(t, "filter", "-ddd", expr); got.status != 0 || got.errs != "" || !strings.Contains(got.out, want) {
			t.Errorf("%s: %+v, want %q in it", expr, got, want)
		}
	}
	const unknown = "tcp and host nosuch.invalid"
	for _, args := range [][]string{
		{"filter", unknown},
		{"run", "--interface", "lo", "--spool-dir", filepath.Join(t.TempDir(), "spool"), "--filter", unknown},
		{"read", writePcap(t, 1), "--filter", unknown},
	} {
		got := sniffer(t, args...)
		if got.status != 2 || got.out != "" || !strings.Contains(got.errs, "unknown name") || !strings.HasSuffix(got.errs, "\n"+unknown+"\n             ^\n") {
			t.Errorf("%v: status %d, out %q, errors:\n%s", args, got.status, got.out, got.errs)
		}
	}
}

// TestBadExpression: every command that takes one says where it is wrong, before it does anything.
func TestBadExpression(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	file := writePcap(t, 1)
	for _, args := range [][]string{
		{"filter", "tcp prt 80"},
		{"run", "--interface", "lo", "--spool-dir", dir, "--filter", "tcp prt 80"},
		{"read", file, "--filter", "tcp prt 80"},
		{"read", "--format", "csv", file, "--filter", "tcp prt 80"},
		{"read", file, "--filter", "tcp prt 80", "--database-url", "postgres://u@127.0.0.1:" + closedPort(t) + "/d"},
	} {
		got := sniffer(t, args...)
		if got.status != 2 || got.out != "" || !strings.Contains(got.errs, "column 5") || !strings.HasSuffix(got.errs, "\ntcp prt 80\n    ^\n") {
			t.Errorf("%v: status %d, out %q, errors:\n%s", args, got.status, got.out, got.errs)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%v made a spool", args)
			os.RemoveAll(dir)
		}
	}
}

func TestSchemaPrint(t *testing.T) {
	got := sniffer(t, "schema", "print")
	if got.status != 0 || got.errs != "" {
		t.Errorf("exit status %d, %s", got.status, got.errs)
	}
	for _, want := range []string{"ON_ERROR_STOP", "CREATE SCHEMA", "sniffer.packets", "COMMIT;"} {
		if !strings.Contains(got.out, want) {
			t.Errorf("the script lacks %q", want)
		}
	}
}

// TestSchemaCommands walks a database from empty to applied, and sees damage.
func TestSchemaCommands(t *testing.T) {
	testbed.NeedPostgres(t)
	url := testbed.SharedPostgres(t).NewDatabase(t)
	db := testbed.DB(t, url)
	drop := func(statement string) func() {
		return func() {
			if _, err := db.Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, step := range []struct {
		name   string
		before func()
		action string
		status int
		want   string // on standard output, or error when the status is not 0
	}{
		{"nothing is there", nil, "check", 1, "schema apply"},
		{"it is made", nil, "apply", 0, fmt.Sprintf("from version 0 to %d", schema.Version)},
		{"it is there", nil, "check", 0, fmt.Sprintf("in version %d", schema.Version)},
		{"it is not made twice", nil, "apply", 0, "nothing to do"},
		{"what a device needs not", drop("GRANT UPDATE ON sniffer.devices TO sniffer_device"), "check", 0, "REVOKE UPDATE ON sniffer.devices FROM sniffer_device"},
		{"a right is missing", drop("REVOKE SELECT ON sniffer.books FROM sniffer_reader"), "check", 0, "GRANT SELECT ON sniffer.books TO sniffer_reader"},
		{"rows have no partition", drop("INSERT INTO sniffer.packets (ts, device_id, interface) VALUES ('1970-01-02Z', 7, 'wan'), ('1970-01-02Z', 7, 'wan')"), "check", 0, "sniffer.packets_default has 8192 bytes"},
		{"what would go", nil, "retention --keep-days 30 --dry-run", 0, "1970-01-02  2 rows would be deleted\n2 rows of 1 days would be deleted"},
		{"it goes", nil, "retention --keep-days 30", 0, "1970-01-02  2 rows deleted\n2 rows of 1 days deleted"},
		{"it is gone", nil, "retention --keep-days 30 --json", 0, ""},
		{"in JSON", nil, "check --json", 0, fmt.Sprintf(`{"version":%d,"needs":%[1]d,"missing_grants":["SELECT ON sniffer.books TO sniffer_reader"]`, schema.Version)},
		{"a view is missing", drop("DROP VIEW sniffer.packets_readable"), "check", 1, "sniffer.packets_readable"},
		{"all is gone", drop("DROP SCHEMA sniffer CASCADE"), "check", 1, "schema apply"},
	} {
		if step.before != nil {
			step.before()
		}
		got := sniffer(t, append([]string{"schema", "--database-url", url}, strings.Fields(step.action)...)...)
		text, other := got.out, got.errs
		if step.status != 0 {
			text, other = other, text
		}
		if got.status != step.status || !strings.Contains(text, step.want) || other != "" {
			t.Errorf("%s: %+v, want %d and %q", step.name, got, step.status, step.want)
		}
	}
	t.Setenv("SNIFFER_DATABASE_URL", url)
	if got := snifferAsIs("schema", "apply"); got.status != 0 || !strings.Contains(got.out, fmt.Sprintf("from version 0 to %d", schema.Version)) {
		t.Errorf("with the URL in the environment: %+v", got)
	}
}

func TestCheck(t *testing.T) {
	testbed.NeedRoot(t)
	dir := filepath.Join(t.TempDir(), "spool")
	got := sniffer(t, "check", "lo", "--spool-dir", dir, "--device-id", deviceID, "--device-name", "router")
	if got.status != 0 || got.errs != "" {
		t.Fatalf("exit status %d, %s", got.status, got.errs)
	}
	for _, want := range []string{"router, " + deviceID + " from --device-id", "lo is up", "spool     " + dir, "database  none",
		"loopback, ARPHRD 772", "link type 1, Ethernet (EN10MB)", "a ring of ", "offloads  lo: ", "clock     lo: ", "kernel    Linux ", "rights    CAP_NET_RAW",
		"time      the machine's clock is ",
		"console   listens at 127.0.0.1:8000, [::1]:8000; this machine alone reaches it; nobody is asked for a password"} {
		if !strings.Contains(got.out, want) {
			t.Errorf("the output lacks %q:\n%s", want, got.out)
		}
	}
	if strings.Count(got.out, "\n") != strings.Count(got.out, "ok   ") {
		t.Errorf("a line that is not ok:\n%s", got.out)
	}
}

// TestCheckFindings: each check can fail, alone, and the status says so.
func TestCheckFindings(t *testing.T) {
	testbed.NeedRoot(t)
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	file := writePcap(t, 1) // a spool cannot be below a file
	url := "postgres://u:topsecret@127.0.0.1:" + closedPort(t) + "/d"
	for _, row := range []struct {
		name    string
		args    []string
		subject string // empty: nothing is wrong
		text    string
	}{
		{"all is well", []string{"lo"}, "", ""},
		{"by flag", []string{"--interface", "lo"}, "", ""},
		{"interface", []string{"sn-none0"}, "interface", "no such interface"},
		{"one interface of two", []string{"--interface", "lo,sn-none0"}, "interface", "sn-none0"},
		{"one of two arguments", []string{"lo", "sn-none0"}, "interface", "sn-none0"},
		{"every interface", []string{"any"}, "", ""},
		{"every interface and one more", []string{"any", "lo"}, "options", "name no other beside it"},
		{"a ring that is none", []string{"lo", "--ring-size", "1M", "--ring-block", "1M"}, "options", "lower --ring-block"},
		{"a word that this link type has not", []string{"any", "--filter", "ether host 02:00:00:00:00:01"}, "interface", "column 1"},
		{"filter", []string{"lo", "--filter", "tcp prt 80"}, "interface", "column 5"},
		{"a console for others, taken or not", []string{"lo", "--console-listen", busy.Addr().String() + ",lan0:8000"}, "", ""},
		{"password", []string{"lo", "--console-password-file", file}, "console", "sniffer password"},
		{"password beside a capture", []string{"lo", "--console-password-file", file, "--pcap-listen", ":8001"}, "console", "leave it out"},
		{"spool", []string{"lo", "--spool-dir", file + "/spool"}, "spool", "--spool-dir"},
		{"second tier", []string{"lo", "--spool-overflow-dir", t.TempDir()}, "", ""},
		{"second tier that is not mounted", []string{"lo", "--spool-overflow-dir", t.TempDir() + "/usb"}, "overflow", "mount the medium"},
		{"second tier below a file", []string{"lo", "--spool-overflow-dir", file + "/usb"}, "overflow", "--spool-overflow-dir"},
		{"database", []string{"lo", "--database-url", url}, "database", "connection refused"},
		{"database URL", []string{"lo", "--database-url", "mysql://h/d"}, "database", "postgres://USER@HOST"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := sniffer(t, append([]string{"check", "--json", "--spool-dir", t.TempDir()}, row.args...)...)
			var findings []struct {
				Subject string
				OK      bool
				Text    string
			}
			if err := json.Unmarshal([]byte(got.out), &findings); err != nil {
				t.Fatalf("%v in:\n%s", err, got.out)
			}
			if len(findings) < 5 {
				t.Errorf("%d findings, want at least one each of device, memory, interface, spool and database", len(findings))
			}
			bad := 0
			for _, f := range findings {
				if f.OK {
					continue
				}
				bad++
				if f.Subject != row.subject || !strings.Contains(f.Text, row.text) {
					t.Errorf("%s: %s, want %q", f.Subject, f.Text, row.text)
				}
			}
			if want := min(len(row.subject), 1); bad != want || got.status != want {
				t.Errorf("%d findings are bad, exit status %d, want %d", bad, got.status, want)
			}
			if strings.Contains(got.out+got.errs, "topsecret") {
				t.Errorf("the password is shown:\n%s%s", got.out, got.errs)
			}
		})
	}
}

// TestRunRefuses: what cannot be carried out is said at once, and nothing stays behind: the spool can be opened.
func TestRunRefuses(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	file := writePcap(t, 1)
	many := make([]string, 65)
	for i := range many {
		many[i] = "eth" + strconv.Itoa(i)
	}
	for _, row := range []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"bad filter", []string{"--filter", "tcp prt 80"}, 2, "column 5"},
		{"URL of another database", []string{"--database-url", "mysql://u:topsecret@h/d"}, 2, "postgres://USER@HOST:5432/DATABASE"},
		{"URL that does not parse", []string{"--database-url", "postgres://u:topsecret@h:%zz/d"}, 2, "it does not parse"},
		{"busy console port", []string{"--console-listen", busy.Addr().String()}, 1, "--console-listen"},
		{"console on an address of nobody", []string{"--console-listen", "192.0.2.1:8000"}, 1, "--console-listen"},
		{"console on a host's name", []string{"--console-listen", "localhost:8000"}, 2, "127.0.0.1:8000,[::1]:8000"},
		{"capture beside a password", []string{"--pcap-listen", "127.0.0.1:0", "--console-password-file", file}, 2, "leave it out"},
		{"no file of the password", []string{"--console-password-file", file + ".none"}, 1, "sniffer password"},
		{"capture on a busy port", []string{"--pcap-listen", busy.Addr().String()}, 1, "--pcap-listen"},
		{"spool below a file", []string{"--spool-dir", file + "/spool"}, 1, "not a directory"},
		{"spool too small", []string{"--spool-size", "1K"}, 1, "spool"},
		{"any and another one", []string{"--interface", "any"}, 2, "name no other beside it"},
		{"too many workers in all", []string{"--interface", strings.Join(many[:10], ","), "--workers", "8"}, 1, "11 interfaces of 8 workers each, at most 64"},
		{"a ring of fewer blocks than it takes", []string{"--ring-size", "3M", "--ring-block", "1M"}, 2, "raise --ring-size"},
		{"a host that is not known", []string{"--filter", "host nosuch.invalid"}, 2, "column 6"},
		{"both tiers in one directory", []string{"--spool-dir", file + "/spool", "--spool-overflow-dir", file + "/./spool"}, 2, "--spool-overflow-dir is the spool's own"},
		{"a rate that is none", []string{"--uplink-rate", "fast"}, 2, "500K"},
		{"sampling of nothing", []string{"--sample", "0"}, 2, "write 10"},
		{"too many interfaces", []string{"--interface", strings.Join(many, ",")}, 1, "66 interfaces, at most 64"},
		{"no UUID", []string{"--device-id", "router-1"}, 2, "uuidgen"},
		{"unknown option", []string{"--colour", "red"}, 2, "colour"},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			got := sniffer(t, append([]string{"run", "--interface", "lo", "--console-listen", "127.0.0.1:0", "--spool-dir", dir}, row.args...)...)
			if got.status != row.status || got.out != "" || !strings.Contains(got.errs, row.want) {
				t.Errorf("exit status %d, want %d, out %q, errors:\n%s\nwant %q", got.status, row.status, got.out, got.errs, row.want)
			}
			if strings.Contains(got.errs, "topsecret") {
				t.Errorf("the password is shown:\n%s", got.errs)
			}
			s, err := spool.Open(spool.Disk{}, dir, spool.MinLimit)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestSecretInArguments: every command that takes the URL warns of a password that ps(1) shows, and shows it
// itself nowhere. From the environment there is nothing to warn of.
func TestSecretInArguments(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	url := "postgres://u:topsecret@127.0.0.1:" + closedPort(t) + "/d"
	file := writePcap(t, 3)
	for _, args := range [][]string{
		// The busy port ends run after the point where it warns.
		{"run", "--interface", "lo", "--console-listen", busy.Addr().String(), "--spool-dir", t.TempDir()},
		{"read", file, "--quiet"},
		{"schema", "check"},
		{"check", "sn-none0", "--spool-dir", t.TempDir()},
	} {
		t.Run(args[0], func(t *testing.T) {
			told := sniffer(t, append(args, "--database-url", url)...)
			if told.status != 1 || !strings.Contains(told.errs, "command line") || !strings.Contains(told.errs, "SNIFFER_DATABASE_URL") {
				t.Errorf("exit status %d without a warning:\n%s", told.status, told.errs)
			}
			t.Setenv("SNIFFER_DATABASE_URL", url)
			kept := snifferAsIs(args...)
			if kept.status != 1 || strings.Contains(kept.errs, "command line") {
				t.Errorf("exit status %d with a warning about the environment:\n%s", kept.status, kept.errs)
			}
			for _, text := range []string{told.out, told.errs, kept.out, kept.errs} {
				if strings.Contains(text, "topsecret") {
					t.Errorf("the password is shown:\n%s", text)
				}
			}
		})
	}
}
