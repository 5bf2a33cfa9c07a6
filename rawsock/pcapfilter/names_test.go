package pcapfilter

import (
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// namesDir makes a directory with the files of names, whose contents hostsFile and the others are.
func namesDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"hosts":     hostsFile,
		"ethers":    ethersFile,
		"networks":  networksFile,
		"services":  readFile(t, "/etc/services"),
		"protocols": readFile(t, "/etc/protocols"),
		// Without a DNS a name that is not in the files is unknown at once.
		"nsswitch.conf": "hosts: files\nnetworks: files\nethers: files\nservices: files\nprotocols: files\n",
		"host.conf":     "multi on\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Skip(err)
	}
	return string(b)
}

const (
	hostsFile    = "10.1.2.3 one\n10.1.9.9 two\n192.0.2.1 two # a comment\n2001:db8::1 six\n198.51.100.7 mixed\nfe80::1 mixed\n"
	ethersFile   = "# a comment\n02:00:00:00:00:01 one\n2:0:0:0:0:2 two # another\n02:01:00:00:00:01 six\nnonsense bad\n"
	networksFile = "default 0.0.0.0\nlan 10.1.0.0 home\nexact 192.0.2.255\nshort 10\nbad 1.2.3.4.5\nworse 1.2.x.4\n"
)

// testNames answers as the resolver would from the files of namesDir.
func testNames(t *testing.T, dir string) *Names {
	t.Helper()
	n := systemNames(dir, time.Minute)
	n.Host = func(name string) ([]netip.Addr, error) {
		var addrs []netip.Addr
		for _, fields := range readNames(filepath.Join(dir, "hosts")) {
			if slices.Contains(fields[1:], name) {
				addrs = append(addrs, netip.MustParseAddr(fields[0]))
			}
		}
		if len(addrs) == 0 {
			return nil, errNoHost
		}
		return addrs, nil
	}
	return n
}

var errNoHost = errors.New("not in the file")

// TestNamesMeanTheSameAsToTcpdump runs tcpdump with the test's files in place of /etc, which a mount namespace of its
// own makes possible for root.
func TestNamesMeanTheSameAsToTcpdump(t *testing.T) {
	path := oracle(t)
	dir := namesDir(t)
	inNamespace := func(args ...string) ([]byte, error) {
		return exec.Command("unshare", append([]string{"-m", "sh", "-c", `mount --bind "$0" /etc && exec "$@"`, dir}, args...)...).Output()
	}
	if _, err := inNamespace("true"); err != nil {
		if os.Getenv("SNIFFER_TEST_REQUIRE") == "1" {
			t.Fatal(err)
		}
		t.Skip("no mount namespace: ", err)
	}
	// The order of the addresses is the resolver's. It shows only where a frame ends between them.
	frames := makeFrames(2500)
	for i := range frames {
		frames[i] = append(frames[i], make([]byte, 80)...)
	}
	for _, row := range []struct {
		expr  string
		taken bool
	}{
		{"host one", true},
		{"host two", true},
		{"host six", true},
		{"host mixed", true},
		{"src host two and not dst host one", true},
		{"dst two or one", true},
		{"src and dst host two", true},
		{"ip host mixed", true},
		{"ip6 host mixed", true},
		{"arp host one", true},
		{"rarp src two", true},
		{"ether host one", true},
		{"ether src two", true},
		{"ether dst host six", true},
		{"net exact", true},
		{"ip host six", false},
		{"ip6 host one", false},
		{"tcp host one", false},
		{"host three", false},
		{"ether host mixed", false},
		{"ether host bad", false},
		{"net default", false},
		{"net nosuch", false},
		{"ip6 net exact", false},
		{"tcp net exact", false},
		{"ether net exact", false},
	} {
		b := both{expr: row.expr}
		b.ours, b.err = Compile(row.expr, Options{LinkType: Ethernet, Names: testNames(t, dir)})
		out, err := inNamespace(path, "-O", "-ddd", "-y", "EN10MB", "--", row.expr)
		if b.taken = err == nil; b.taken != row.taken || (b.err == nil) != row.taken {
			t.Errorf("%s: ours: %v; taken by tcpdump: %v; want %v", row.expr, b.err, b.taken, row.taken)
			continue
		}
		if !row.taken {
			continue
		}
		b.theirs = parseDDD(t, string(out))
		if n := agree(t, b, frames); n == 0 || n == len(frames) {
			t.Errorf("%s matches %d of %d frames: the comparison proves nothing", row.expr, n, len(frames))
		}
	}
}

// What Debian's libpcap does not do, or does to one address where the manual page says a network.
func TestNamesBeyondTcpdump(t *testing.T) {
	names := testNames(t, namesDir(t))
	frames := makeFrames(2500)
	for _, row := range []struct{ expr, written string }{
		{"net lan", "net 10.1"},
		{"src net home", "src net 10.1"},
		{"net short", "net 10"},
		{"gateway one", "ether host 02:00:00:00:00:01 and not host 10.1.2.3"},
		{"gateway two", "ether host 02:00:00:00:00:02 and not (host 10.1.9.9 or host 192.0.2.1)"},
		{"ip gateway two or one", "(ether host 02:00:00:00:00:02 and not (ip host 10.1.9.9 or ip host 192.0.2.1)) or (ether host 02:00:00:00:00:01 and not ip host 10.1.2.3)"},
		{"not gateway one", "not (ether host 02:00:00:00:00:01 and not host 10.1.2.3)"},
		{"arp host mixed", "arp host 198.51.100.7"},
	} {
		written, err := Compile(row.written, Options{LinkType: Ethernet})
		if err != nil {
			t.Fatal(err)
		}
		ours, err := Compile(row.expr, Options{LinkType: Ethernet, Names: names})
		if n := agree(t, both{expr: row.expr, ours: ours, err: err, theirs: raw(t, written), taken: true}, frames); n == 0 || n == len(frames) {
			t.Errorf("%s matches %d of %d frames: the comparison proves nothing", row.expr, n, len(frames))
		}
	}
}

func TestNamesThatAreNotKnown(t *testing.T) {
	names := testNames(t, namesDir(t))
	for _, row := range []struct {
		expr   string
		column int
		want   string
		kind   error
	}{
		{"tcp and host nosuch", 14, `no address is known of the host "nosuch" (unknown name: not in the file)`, errNoHost},
		{"host nosuch", 6, `no address is known of the host "nosuch" (unknown name: not in the file)`, ErrUnknownName},
		{"ip6 host one", 10, `the host "one" has no address that "ip6" asks for (unknown name)`, ErrUnknownName},
		{"net nosuch", 5, `no network is called "nosuch" (unknown name); expected a network such as 192.0.2.0/24`, ErrUnknownName},
		{"ether host mixed", 12, `no link-layer address is known of the host "mixed" (unknown name); expected a name in ethers(5)`, ErrUnknownName},
		{"gateway mixed", 9, `no link-layer address is known of the host "mixed" (unknown name); expected a name in ethers(5)`, ErrUnknownName},
		{"gateway six", 9, `the host "six" has no IPv4 address (unknown name)`, ErrUnknownName},
		{"tcp host one", 10, `"tcp" has no hosts with names; expected ip, ip6, arp, rarp or nothing before it`, nil},
	} {
		_, err := Compile(row.expr, Options{LinkType: Ethernet, Names: names})
		var e *Error
		if !errors.As(err, &e) || e.Column != row.column || !strings.HasSuffix(e.Error(), ": "+row.want) || row.kind != nil && !errors.Is(err, row.kind) {
			t.Errorf("%s: got %v; want column %d: %s", row.expr, err, row.column, row.want)
		}
	}
}

// Without a function the names of its kind are refused; without Names all are.
func TestNamesThatAreNotLookedUp(t *testing.T) {
	for _, expr := range []string{"host one", "net lan", "ether host one", "gateway one", `host \tcp`} {
		for _, names := range []*Names{nil, {}} {
			if _, err := Compile(expr, Options{LinkType: Ethernet, Names: names}); !errors.Is(err, ErrUnsupported) {
				t.Errorf("%s, %v: got %v, want ErrUnsupported", expr, names, err)
			}
		}
	}
}

func TestSystemNames(t *testing.T) {
	names := SystemNames(10 * time.Second)
	addrs, err := names.Host("localhost")
	if err != nil || !slices.Contains(addrs, netip.MustParseAddr("127.0.0.1")) {
		t.Errorf("localhost: %v, %v", addrs, err)
	}
	if !slices.IsSortedFunc(addrs, netip.Addr.Compare) {
		t.Errorf("the addresses are in no order: %v", addrs)
	}
	names.Ether("nosuch")
	if network, ok := names.Network("nosuch.invalid"); ok {
		t.Errorf("a network that is not there: %v", network)
	}
	if _, err := Compile("host localhost", Options{LinkType: Ethernet, Names: names}); err != nil {
		t.Error(err)
	}
}

// A name that was found stays found after the deadline, and nothing is asked any more.
func TestSystemNamesAfterTheDeadline(t *testing.T) {
	h := &hostCache{until: time.Now().Add(-time.Second), found: map[string]hostAnswer{
		"known": {addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}},
	}}
	if addrs, err := h.lookup("known"); err != nil || len(addrs) != 1 {
		t.Errorf("known: %v, %v", addrs, err)
	}
	if addrs, err := h.lookup("www.example.org"); err == nil {
		t.Errorf("asked after the deadline: %v", addrs)
	}
}

// Debian's files are the source of the tables.
func TestTablesAgreeWithDebian(t *testing.T) {
	ports := map[string]service{}
	for _, fields := range readNames("/etc/services") {
		number, transport, _ := strings.Cut(fields[1], "/")
		on := map[string]transports{"tcp": tcp, "udp": udp}[transport]
		for _, name := range append([]string{fields[0]}, fields[2:]...) {
			if on == 0 {
				continue
			}
			port, err := number16(number)
			if err != nil {
				t.Fatal(err)
			}
			if s, ok := ports[name]; ok && s.port != port {
				continue // the first line counts
			}
			ports[name] = service{port, ports[name].on | on}
		}
	}
	if len(ports) < 300 {
		t.Skip("the services(5) of this system is not Debian's")
	}
	for name, want := range ports {
		if got, ok := services[name]; !ok || got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	if len(services) != len(ports) {
		t.Errorf("the table has %d names, services(5) %d", len(services), len(ports))
	}
}

func number16(text string) (uint16, error) {
	v, err := number(text)
	return uint16(v), err
}
