package tcpdumptest

import (
	"os"
	"strings"
	"testing"
)

// subject is an expression for a link type.
type subject struct {
	link *link
	expr string
}

// others is how many link types beside Ethernet an expression for all of them is tried on, in turn.
const others = 1

// readList reads a file of expressions, one a line. A line "[EN10MB RAW]" names the link types of those that
// follow, "[*]" means all: Ethernet and, unless every is set, one of the others, in turn. What begins with "# " is a
// comment. An expression stands once.
func readList(t testing.TB, path string, every bool) []subject {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var subjects []subject
	var under []*link // nil: all
	seen := map[string]int{}
	for i, line := range strings.Split(string(text), "\n") {
		inner, isSection := strings.CutPrefix(line, "[")
		switch {
		case line == "" || line == "#" || strings.HasPrefix(line, "# "):
		case isSection && strings.HasSuffix(line, "]"):
			if under = nil; inner == "*]" {
				continue
			}
			for name := range strings.FieldsSeq(strings.TrimSuffix(inner, "]")) {
				l := linkNamed(name)
				if l == nil {
					t.Fatalf("%s:%d: no link type is called %s", path, i+1, name)
				}
				under = append(under, l)
			}
		default:
			if at := seen[line]; at != 0 {
				t.Errorf("%s:%d: %s stands in line %d already", path, i+1, line, at)
			}
			seen[line] = i + 1
			on := under
			if on == nil {
				on = allLinks(len(seen), every)
			}
			for _, l := range on {
				subjects = append(subjects, subject{l, line})
			}
		}
	}
	return subjects
}

// allLinks are Ethernet and every other link type, or those whose turn it is at the n-th expression.
func allLinks(n int, every bool) []*link {
	all := []*link{&links[0]}
	for i := range links[1:] {
		if every || (n*others+i)%(len(links)-1) < others {
			all = append(all, &links[1+i])
		}
	}
	return all
}
