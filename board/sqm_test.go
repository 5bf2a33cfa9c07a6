package board

import (
	"slices"
	"testing"
)

func TestWANUpload(t *testing.T) {
	const queue = "config queue 'eth1'\n\toption enabled '1'\n\toption interface 'wan'\n"
	for _, row := range []struct {
		name, text string
		rate       int64 // 0: not known
		iface      string
	}{
		{"as LuCI writes it", queue + "\toption download '85000'\n\toption upload '10000'\n\toption qdisc 'cake'\n", 1_250_000, "wan"},
		{"without quotes", "config queue\noption enabled 1\noption interface pppoe-wan\noption upload 800\n", 100_000, "pppoe-wan"},
		{"double quotes, comment, carriage return", "config queue \"q\"\r\n option enabled \"1\" # yes\r\n" +
			" option interface \"wan\"\r\n#option upload '1'\r\n option upload \"1\"'6'00\r\n", 200_000, "wan"},
		{"the slowest of those that are enabled", queue + "option upload 8000\n" +
			"config queue\noption enabled 1\noption interface lte\noption upload 4000\n" +
			"config queue\noption enabled 0\noption interface old\noption upload 80\n", 500_000, "lte"},
		{"the last of an option written twice", queue + "option upload 8000\noption upload 1600\n", 200_000, "wan"},
		{"not enabled", "config queue\noption interface wan\noption upload 8000\n", 0, ""},
		{"not shaped", queue + "option upload '0'\n", 0, ""},
		{"no number", queue + "option upload 'fast'\n", 0, ""},
		{"negative", queue + "option upload '-8'\n", 0, ""},
		{"beyond any line", queue + "option upload '9000000000000000000'\n", 0, ""},
		{"no upload", queue, 0, ""},
		{"another kind of section", "config global\noption enabled 1\noption interface wan\noption upload 8000\n", 0, ""},
		{"outside of a section", "option enabled 1\noption upload 8000\n", 0, ""},
		{"a quote that is not closed", queue + "option upload '8000\n", 0, ""},
		{"an option of two words and one of four", queue + "option upload\noption upload 8 000\n", 0, ""},
		{"empty", "", 0, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			rate, iface, ok := tree(t, map[string]string{"etc/config/sqm": row.text}).WANUpload()
			if rate != row.rate || iface != row.iface || ok != (row.rate > 0) {
				t.Errorf("%d bytes/s of %q, %v; want %d of %q", rate, iface, ok, row.rate, row.iface)
			}
		})
	}
	if rate, _, ok := At(t.TempDir()).WANUpload(); ok {
		t.Errorf("%d bytes/s without SQM", rate)
	}
}

func TestUCIWords(t *testing.T) {
	for _, row := range []struct {
		line string
		want []string
		ok   bool
	}{
		{"", nil, true},
		{" \t ", nil, true},
		{"# all of it", nil, true},
		{"option a b", []string{"option", "a", "b"}, true},
		{"option a ''", []string{"option", "a", ""}, true},
		{`option a 'it is "x" # y'`, []string{"option", "a", `it is "x" # y`}, true},
		{`option a "a \"b\" \\ c"`, []string{"option", "a", `a "b" \ c`}, true},
		{`option a 'back\slash'`, []string{"option", "a", `back\slash`}, true},
		{`option a b\ c`, []string{"option", "a", "b c"}, true},
		{"option a b#c", []string{"option", "a", "b#c"}, true},
		{"option a 'b'\"c\"d", []string{"option", "a", "bcd"}, true},
		{"option a 'b", []string{"option", "a", "b"}, false},
		{`option a "b\"`, []string{"option", "a", `b"`}, false},
	} {
		if got, ok := uciWords(row.line); !slices.Equal(got, row.want) || ok != row.ok {
			t.Errorf("%q is %q, %v; want %q, %v", row.line, got, ok, row.want, row.ok)
		}
	}
}
