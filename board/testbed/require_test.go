//go:build linux

package testbed

import (
	"os"
	"strings"
	"testing"
)

func TestNeed(t *testing.T) {
	const absent = "no-such-program-anywhere"
	cases := []struct {
		name          string
		required      string
		need          func(t testing.TB)
		skips, fails  bool
		reasonMatches string
	}{
		{"present tool", "", func(t testing.TB) { NeedTool(t, "sh") }, false, false, ""},
		{"present tool, required", "1", func(t testing.TB) { NeedTool(t, "sh") }, false, false, ""},
		{"absent tool", "", func(t testing.TB) { NeedTool(t, absent) }, true, false, absent},
		{"absent tool, required", "1", func(t testing.TB) { NeedTool(t, absent) }, false, true, absent},
		{"absent tool, required by another value", "0", func(t testing.TB) { NeedTool(t, absent) }, true, false, absent},
	}
	if os.Geteuid() != 0 {
		cases = append(cases, cases[2], cases[3])
		for i, name := range []string{"no root", "no root, required"} {
			row := &cases[len(cases)-2+i]
			row.name, row.need, row.reasonMatches = name, NeedRoot, "root"
		}
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(requireVariable, c.required)
			r := record(t, c.need)
			if (r.skipped != "") != c.skips || (r.failed != "") != c.fails {
				t.Errorf("skipped %q, failed %q", r.skipped, r.failed)
			}
			if !strings.Contains(r.skipped+r.failed, c.reasonMatches) {
				t.Errorf("reason %q does not name %q", r.skipped+r.failed, c.reasonMatches)
			}
		})
	}
}
