package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// module is the root of every import path of this repository.
const module = "network-sniffer"

// listed is what `go list -json` says of a package.
type listed struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

// rule says what the product's files of a package may know. A name that ends in "/..." stands for the package
// and everything below it.
type rule struct {
	name string   // without the module
	may  []string // packages of this module
	bare bool     // beyond it, the standard library and golang.org/x/net/bpf alone
}

// rules has a row for every package: a new one has to be given its place.
var rules = []rule{
	{name: "cmd/...", may: []string{"board/...", "rawsock/...", "decode", "uplink/..."}},
	{name: "board"},
	{name: "board/config"},
	{name: "board/appliance", may: []string{"board", "board/config", "board/console/...", "rawsock/...", "decode", "uplink/..."}},
	{name: "board/console/frame", may: []string{"decode", "rawsock/pcapfilter", "rawsock/machine", "rawsock/savefile"}},
	{name: "board/console/lineedit", may: []string{"board/console/text"}, bare: true},
	{name: "board/console/text", bare: true},
	{name: "board/console/push", may: []string{"decode"}},
	{name: "board/console", may: []string{"board/console/...", "decode", "rawsock/pcapfilter", "rawsock/savefile"}},
	{name: "board/console/guard", bare: true},
	{name: "board/console/password"},
	{name: "board/console/top", may: []string{"decode"}},
	{name: "board/console/telnet", bare: true},
	{name: "board/testbed/..."},
	{name: "rawsock", may: []string{"rawsock/..."}},
	{name: "rawsock/pcapfilter", bare: true},
	{name: "rawsock/pcapfilter/tcpdumptest", may: []string{"rawsock/pcapfilter", "rawsock/savefile"}}, // tests alone, too
	{name: "rawsock/machine", bare: true},
	{name: "rawsock/savefile"},
	{name: "decode", bare: true},
	{name: "decode/tsharktest", may: []string{"decode", "rawsock/savefile"}}, // tests alone, which nothing can import
	{name: "uplink", may: []string{"decode", "uplink/..."}},
	{name: "uplink/schema"},
	{name: "uplink/spool", bare: true},
	{name: "uplink/crashtest", may: []string{"decode", "uplink/..."}}, // tests alone, which nothing can import
	{name: "buildroot/...", may: []string{"board/...", "rawsock/...", "decode", "uplink/..."}},
}

// testbedPackage stands below the tests of every package, and below nothing else.
const testbedPackage = "board/testbed"

// matches says whether a pattern of a rule stands for a package.
func matches(pattern, name string) bool {
	above, all := strings.CutSuffix(pattern, "/...")
	return name == above || all && strings.HasPrefix(name, above+"/")
}

// violations returns a sentence for each import that breaks a rule.
func violations(packages []listed) []string {
	var broken []string
	for _, p := range packages {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		at := slices.IndexFunc(rules, func(r rule) bool { return matches(r.name, name) })
		if at < 0 {
			broken = append(broken, fmt.Sprintf("%q has no place in the house: give it a rule, or move it to one of the rooms", name))
			continue
		}
		r := rules[at]
		for _, path := range p.Imports {
			known, ours := strings.CutPrefix(path, module+"/")
			switch {
			case ours && matches(testbedPackage+"/...", known):
				broken = append(broken, fmt.Sprintf("%s imports %s: only tests may", name, known))
			case ours && !slices.ContainsFunc(r.may, func(pattern string) bool { return matches(pattern, known) }):
				broken = append(broken, fmt.Sprintf("%s imports %s: it may know %s of this module", name, known, orNothing(r.may)))
			case !ours && r.bare && !standard(path) && path != "golang.org/x/net/bpf":
				broken = append(broken, fmt.Sprintf("%s imports %s: it may know the standard library and golang.org/x/net/bpf", name, path))
			}
		}
		// A test may look sideways, never up to those who use its package.
		for _, path := range slices.Concat(p.TestImports, p.XTestImports) {
			known, ours := strings.CutPrefix(path, module+"/")
			if !ours || known == name || slices.ContainsFunc(r.may, func(pattern string) bool { return matches(pattern, known) }) {
				continue
			}
			if matches("cmd/...", known) || known == "board/appliance" {
				broken = append(broken, fmt.Sprintf("a test of %s imports %s, which stands above it", name, known))
			}
			if matches(testbedPackage+"/...", name) {
				broken = append(broken, fmt.Sprintf("a test of %s imports %s: it may know nothing of this module", name, known))
			}
		}
	}
	return broken
}

func orNothing(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

// standard says whether an import path is the standard library's: those of others begin with a domain.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

// foreign returns the modules of a go.mod that the product does without: others' tools for what is written here.
func foreign(gomod string) []string {
	var found []string
	for line := range strings.Lines(gomod) {
		line, _, _ = strings.Cut(line, "//")
		for _, word := range strings.Fields(line) {
			if name := strings.ToLower(word); strings.Contains(name, "/gopacket") || strings.Contains(name, "jackc/pgx") {
				found = append(found, word)
			}
		}
	}
	return found
}

func TestImports(t *testing.T) {
	command := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	command.Dir = "../.."
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	// Each rule without a pattern names a package that exists: a renamed one does not lose its rule unseen.
	for _, r := range rules {
		if !strings.HasSuffix(r.name, "/...") && !slices.ContainsFunc(packages, func(p listed) bool { return p.ImportPath == path.Join(module, r.name) }) {
			t.Errorf("there is a rule for %s, and no such package", r.name)
		}
	}
	for _, sentence := range violations(packages) {
		t.Error(sentence)
	}
}

func TestModules(t *testing.T) {
	text, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(text), "module "+module+"\n") {
		t.Errorf("go.mod does not begin with the module's name")
	}
	for _, name := range foreign(string(text)) {
		t.Errorf("go.mod needs %s: decoding and PostgreSQL are done without it", name)
	}
}

// TestTopLevel: six rooms, and what the build makes (bin).
func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir("../..")
	if err != nil {
		t.Fatal(err)
	}
	rooms := []string{"board", "buildroot", "cmd", "decode", "rawsock", "uplink"}
	for _, e := range entries {
		if name := e.Name(); e.IsDir() && !strings.HasPrefix(name, ".") && name != "bin" && !slices.Contains(rooms, name) {
			t.Errorf("the folder %s is none of the rooms %s", name, strings.Join(rooms, ", "))
		}
	}
}

// TestViolationsAreSeen: made-up packages, each with one import.
func TestViolationsAreSeen(t *testing.T) {
	for _, row := range []struct {
		name     string
		from, to string // to without the module, or a whole path with a "!" before it
		test     bool
		want     string // empty: allowed
	}{
		{"a command may know a room", "cmd/sniffer", "uplink/spool", false, ""},
		{"a room may know its own part", "rawsock", "rawsock/pcapfilter", false, ""},
		{"the uplink may know packets", "uplink", "decode", false, ""},
		{"the console may know filters", "board/console", "rawsock/pcapfilter", false, ""},
		{"decode may know the standard library", "decode", "!net/netip", false, ""},
		{"filters may know bpf", "rawsock/pcapfilter", "!golang.org/x/net/bpf", false, ""},
		{"tests may stand on the testbed", "rawsock", "board/testbed", true, ""},
		{"tests may look sideways", "uplink/schema", "decode", true, ""},
		{"a test outside of its package", "rawsock", "rawsock", true, ""},
		{"siblings: rawsock", "rawsock", "decode", false, "rawsock imports decode: it may know rawsock/..."},
		{"siblings: decode", "decode", "rawsock", false, "decode imports rawsock: it may know nothing"},
		{"siblings: board", "board", "board/config", false, "board imports board/config: it may know nothing"},
		{"siblings: uplink", "uplink", "rawsock/savefile", false, "uplink imports rawsock/savefile: it may know decode, uplink/..."},
		{"up: config", "board/config", "board", false, "board/config imports board: it may know nothing"},
		{"up: uplink", "uplink", "board/appliance", false, "uplink imports board/appliance"},
		{"up: console", "board/console", "board/appliance", false, "board/console imports board/appliance"},
		{"console and rings", "board/console", "rawsock", false, "board/console imports rawsock:"},
		{"a part knows its room", "rawsock/pcapfilter", "rawsock", false, "rawsock/pcapfilter imports rawsock: it may know nothing"},
		{"savefile and filters", "rawsock/savefile", "rawsock/pcapfilter", false, "rawsock/savefile imports rawsock/pcapfilter"},
		{"spool and packets", "uplink/spool", "decode", false, "uplink/spool imports decode: it may know nothing"},
		{"the product on the testbed", "cmd/sniffer", "board/testbed", false, "cmd/sniffer imports board/testbed: only tests may"},
		{"the product on a part of the testbed", "decode", "board/testbed/mutation", false,
			"decode imports board/testbed/mutation: only tests may"},
		{"the testbed on the product", "board/testbed", "uplink", false, "board/testbed imports uplink: it may know nothing"},
		{"the testbed's test on the product", "board/testbed", "uplink", true, "a test of board/testbed imports uplink"},
		{"a test looks up", "uplink", "board/appliance", true, "a test of uplink imports board/appliance, which stands above it"},
		{"the comparison with tshark may write files", "decode/tsharktest", "rawsock/savefile", true, ""},
		{"the product on the comparison with tshark", "cmd/sniffer", "decode/tsharktest", false, "cmd/sniffer imports decode/tsharktest: it may know"},
		{"decode and others", "decode", "!github.com/lib/pq", false, "decode imports github.com/lib/pq"},
		{"decode and the kernel", "decode", "!golang.org/x/sys/unix", false, "decode imports golang.org/x/sys/unix"},
		{"spool and others", "uplink/spool", "!golang.org/x/sys/unix", false, "uplink/spool imports golang.org/x/sys/unix"},
		{"filters and the rest of x/net", "rawsock/pcapfilter", "!golang.org/x/net/ipv4", false, "rawsock/pcapfilter imports golang.org/x/net/ipv4"},
		{"a seventh room", "helpers", "decode", false, `"helpers" has no place`},
		{"a new part of a room", "board/led", "!os", false, `"board/led" has no place`},
		{"the top level", "", "!os", false, "has no place"},
	} {
		t.Run(row.name, func(t *testing.T) {
			to, whole := strings.CutPrefix(row.to, "!")
			if !whole {
				to = path.Join(module, to)
			}
			p := listed{ImportPath: path.Join(module, row.from)}
			if row.test {
				p.XTestImports = []string{"testing", to}
			} else {
				p.Imports = []string{"fmt", to}
			}
			got := violations([]listed{p})
			switch {
			case row.want == "" && len(got) != 0:
				t.Errorf("%q, and it is allowed", got)
			case row.want != "" && (len(got) != 1 || !strings.Contains(got[0], row.want)):
				t.Errorf("%q, want %q alone", got, row.want)
			}
			p.TestImports, p.XTestImports = p.XTestImports, nil
			if inside := violations([]listed{p}); !slices.Equal(inside, got) {
				t.Errorf("in a test of the package itself %q", inside)
			}
		})
	}
}

func TestForeignModulesAreSeen(t *testing.T) {
	for _, row := range []struct {
		name, gomod string
		want        []string
	}{
		{"none", "module m\n\nrequire github.com/lib/pq v1.12.3\n", nil},
		{"in a comment", "require (\n\tgithub.com/lib/pq v1.12.3 // not jackc/pgx\n)\n", nil},
		{"direct", "require github.com/gopacket/gopacket v1.3.0\n", []string{"github.com/gopacket/gopacket"}},
		{"the older name, indirect", "require (\n\tgithub.com/google/gopacket v1.1.19 // indirect\n)\n", []string{"github.com/google/gopacket"}},
		{"pgx", "require (\n\tgithub.com/jackc/pgx/v5 v5.7.0\n)\n", []string{"github.com/jackc/pgx/v5"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := foreign(row.gomod); !slices.Equal(got, row.want) {
				t.Errorf("%q, want %q", got, row.want)
			}
		})
	}
}
