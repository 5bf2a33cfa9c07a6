package guard

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"network-sniffer/board/testbed/mutation"
)

// The reference judges a text as a whole, by regular expressions of what guard.go's first page says. A byte is the rune
// of its number.
var (
	opens = regexp.MustCompile(`(?s)^(?:[\x03\x04\x08\t\n\x0c\x7f]|\r\x00?)*` +
		`(?:$|\x1b|[ -~]|[\x{c2}-\x{f4}](?:$|[\x{80}-\x{bf}])|\x{ff}(?:$|[\x{ec}-\x{fe}]))`)
	commands = regexp.MustCompile(`(?s)\x{ff}(?:$|\x{ff}|[\x{fb}-\x{fe}](?:$|.)|` +
		`\x{fa}(?:[^\x{ff}]|\x{ff}[\x{ff}\x{fa}])*` + // a subnegotiation, and how it ends
		`(?:\x{ff}?$|\x{ff}[\x{fb}-\x{fe}](?:$|.)|\x{ff}[^\x{fa}-\x{ff}])|[^\x{fa}-\x{ff}])`)
	lines     = regexp.MustCompile(`[^\r\n]+[\r\n]?`)
	requests  = regexp.MustCompile(`^[A-Z-]{3,}[ \t]+(?:/|[A-Za-z0-9_-]+:/)`)
	versioned = regexp.MustCompile(`^[ \t]*[^ \t]+[ \t]+[^ \t]+[ \t]+(HTTP|RTSP|SIP)/[0-9]`)
	field     = func() *regexp.Regexp {
		var names []string
		for _, name := range fields {
			if strings.HasSuffix(name, "-") {
				name += "[a-z0-9_-]*"
			}
			names = append(names, name)
		}
		return regexp.MustCompile(`(?i)^(?:` + strings.Join(names, "|") + `):`)
	}()
	entries = func() []*regexp.Regexp {
		var patterns []*regexp.Regexp
		for _, e := range table {
			pattern := strings.ReplaceAll(regexp.QuoteMeta(runes([]byte(e.begin))), "#", "[0-9A-Fa-f]")
			patterns = append(patterns, regexp.MustCompile("^(?:"+pattern+")"))
		}
		return patterns
	}()
)

func runes(bytes []byte) string {
	var s strings.Builder
	for _, b := range bytes {
		s.WriteRune(rune(b))
	}
	return s.String()
}

// reference returns what a text is; "binary" is whatever its first bytes say it is.
func reference(sent []byte) string {
	all := runes(sent)
	if !opens.MatchString(all) {
		return "binary"
	}
	text := commands.ReplaceAllStringFunc(all, func(command string) string {
		if command == "\u00ff\u00ff" {
			return "\u00ff"
		}
		return ""
	})
	text = strings.ReplaceAll(text, "\r\x00", "\r")
	for i, line := range lines.FindAllString(text, -1) {
		if kept(field, line) {
			return "HTTP"
		}
		if i > 0 {
			continue
		}
		if kept(requests, line) {
			return "HTTP"
		}
		for i, e := range entries {
			if e.MatchString(line) {
				return table[i].name
			}
		}
		if found := versioned.FindStringSubmatch(line); found != nil {
			return found[1]
		}
	}
	return ""
}

// kept tells whether a pattern matches within what is kept of a line.
func kept(pattern *regexp.Regexp, line string) bool {
	at := pattern.FindStringIndex(line)
	return at != nil && len([]rune(line[:at[1]])) <= beginBytes
}

// seeds are the tables' rows.
func seeds() (all [][]byte) {
	for _, row := range foreigners {
		all = append(all, []byte(row.sent))
	}
	for _, row := range guests {
		all = append(all, []byte(row.sent))
	}
	return all
}

// FuzzGuard and TestMutated: see check.
func FuzzGuard(f *testing.F) {
	for _, sent := range seeds() {
		f.Add(sent)
	}
	f.Fuzz(func(t *testing.T, sent []byte) { check(t, sent[:min(len(sent), 1024)]) })
}

func TestMutated(t *testing.T) {
	source := mutation.Source{Corpus: seeds(), Longest: 120, Few: 1000, Words: []string{
		"\r\n", "\r\x00", "\n", "Host: x", "GET /", " HTTP/1.1", "POST ", "Content-", "Origin:",
		"\xff\xfa", "\xff\xf0", "\xff\xff", "\xff\xfd\x01", "\xff\xfb", "SSH-", "0032git-", "*1\r", "help\n", "x-", ":", "\xc3\xa9",
	}}
	guests := 0
	taken := map[string]int{}
	mutation.Run(t, source, func(_ *rand.Rand, sent []byte) {
		if protocol := check(t, sent); protocol == "" {
			guests++
		} else {
			taken[protocol]++
		}
	})
	if guests == 0 || taken["HTTP"] == 0 || len(taken) < 10 {
		t.Errorf("%d inputs are a console's, the others %v", guests, taken)
	}
}

// check: the guard decides as the reference does, at the same byte. It returns what the guard takes the input for.
func check(t *testing.T, sent []byte) (protocol string) {
	t.Helper()
	var g Guard
	for i, b := range sent {
		if protocol = g.Step(b); protocol == "" {
			continue
		}
		want := reference(sent[:i+1])
		if want == "" || want != "binary" && protocol != want {
			t.Fatalf("%q is taken for %q, the reference says %q", sent[:i+1], protocol, want)
		}
		sent = sent[:i]
		break
	}
	if want := reference(sent); want != "" {
		t.Fatalf("%q is %s, and the guard did not say so", sent, want)
	}
	return protocol
}
