package text

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"network-sniffer/board/testbed/mutation"
)

// safeTable is text of packets and clients, and what a terminal is sent of it.
var safeTable = []struct{ name, in, want string }{
	{"nothing", "", ""},
	{"letters", "hello, world", "hello, world"},
	{"other scripts", "größe → 漢字 ✓", "größe → 漢字 ✓"},
	{"backslash", `a\x1b`, `a\x1b`},
	{"escape sequence", "\x1b[31mred\x07", `\x1b[31mred\x07`},
	{"line ends and tab", "a\r\n\tb", `a\x0d\x0a\x09b`},
	{"NUL and DEL", "\x00\x7f", `\x00\x7f`},
	{"not UTF-8", "a\xff\xc3(", `a\xff\xc3(`},
	{"overlong slash", "\xc0\xaf", `\xc0\xaf`},
	{"surrogate", "\xed\xa0\x80", `\xed\xa0\x80`},
	{"cut off", "a\xe2\x86", `a\xe2\x86`},
	{"U+FFFD itself", "\ufffd", "\ufffd"},
	{"C1 control", "\u009b1m", `\u009b1m`},
	{"bidirectional override", "\u202eabc", `\u202eabc`},
	{"odd space", "a\u00a0b\u2028", `a\u00a0b\u2028`},
	{"soft hyphen and byte order mark", "\u00ad\ufeff", `\u00ad\ufeff`},
	{"tag character", "\U000e0001", `\U000e0001`},
	{"combining mark", "e\u0301", "e\u0301"},
}

func TestAppendSafe(t *testing.T) {
	for _, row := range safeTable {
		t.Run(row.name, func(t *testing.T) {
			if got := string(AppendSafe([]byte("> "), []byte(row.in))); got != "> "+row.want {
				t.Errorf("got %q, want %q", got, "> "+row.want)
			}
		})
	}
}

func TestAppendLines(t *testing.T) {
	for _, row := range []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"a line", "a\n", "a\r\n"},
		{"the end is missing", "a\nb", "a\r\nb\r\n"},
		{"empty lines", "\n\na\n", "\r\n\r\na\r\n"},
		{"CR is no end", "a\r\nb\rc\n", "a\\x0d\r\nb\\x0dc\r\n"},
		{"escape sequence", "state\nlast error: \x1b[2J\n", "state\r\nlast error: \\x1b[2J\r\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := string(AppendLines([]byte("> "), []byte(row.in))); got != "> "+row.want {
				t.Errorf("got %q, want %q", got, "> "+row.want)
			}
		})
	}
}

func TestOneLine(t *testing.T) {
	for in, want := range map[string]string{"": "-", "-": "-", "br-lan": "br-lan", "e\x1b0\n": `e\x1b0\x0a`} {
		if got := OneLine(in); got != want {
			t.Errorf("OneLine(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0 packets", 1: "1 packet", 2: "2 packets", math.MaxUint64: "18446744073709551615 packets",
	} {
		if got := Count(n, "packet"); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	in := []byte("192.168.1.20 → 漢字 e\u0301 \x1b[31m \u202e")
	var dst [256]byte
	allocs := testing.AllocsPerRun(100, func() {
		safe := AppendSafe(dst[:0], in)
		Clip(safe, safe, Width(safe)-1)
		AppendLines(dst[:0], in)
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// FuzzSafe and TestMutated: see check.
func FuzzSafe(f *testing.F) {
	for i, row := range safeTable {
		f.Add([]byte(row.in), i)
	}
	f.Fuzz(check)
}

func TestMutated(t *testing.T) {
	source := mutation.Source{Corpus: mutation.Corpus(t, "FuzzSafe"), Longest: 200, Few: 20_000, Words: []string{
		"\x1b[2J", "\u009b", "\u202e", "\u00ad", "\ufeff", "\u2028", "\ufffd", "\U000e0001", "漢", "\u0301", "😀",
		"\xed\xa0\x80", "\r\n", `\x1b`,
	}}
	for _, row := range safeTable {
		source.Corpus = append(source.Corpus, []byte(row.in))
	}
	mutation.Run(t, source, func(random *rand.Rand, in []byte) { check(t, in, random.IntN(30)-1) })
}

// check: what comes out is printable, its bytes bounded, safe already, and cutting it keeps to the cells asked for.
func check(t *testing.T, in []byte, cells int) {
	t.Helper()
	safe := AppendSafe(nil, in)
	if len(safe) > 4*len(in) {
		t.Fatalf("%d bytes become %d", len(in), len(safe))
	}
	checkSafe(t, safe)
	if again := AppendSafe(nil, safe); !bytes.Equal(again, safe) {
		t.Fatalf("safe text %q becomes %q", safe, again)
	}
	// Without the escapes, what is left was there: printable characters are neither changed nor moved.
	kept := strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, string(in))
	for _, r := range string(safe) {
		if len(kept) > 0 && strings.HasPrefix(kept, string(r)) {
			kept = kept[utf8.RuneLen(r):]
		}
	}
	if kept != "" {
		t.Fatalf("%q has lost %q as %q", in, kept, safe)
	}
	for line := range bytes.SplitSeq(AppendLines(nil, in), []byte("\r\n")) {
		checkSafe(t, line)
	}
	checkClip(t, safe, cells)
}

func checkSafe(t *testing.T, safe []byte) {
	t.Helper()
	if !utf8.Valid(safe) {
		t.Fatalf("%q is not UTF-8", safe)
	}
	for _, r := range string(safe) {
		if !unicode.IsPrint(r) {
			t.Fatalf("%q contains %U", safe, r)
		}
	}
}

func BenchmarkAppendSafe(b *testing.B) {
	for _, row := range []struct{ name, in string }{
		{"ASCII", "192.168.1.20:51544 > 142.250.74.36:443 TCP [SYN,ACK] seq 1 ack 2 win 4096 len 1460"},
		{"wide", strings.Repeat("漢字", 20)},
		{"hostile", strings.Repeat("\x1b[31m\u202e", 10)},
	} {
		b.Run(row.name, func(b *testing.B) {
			in := []byte(row.in)
			var dst [1024]byte
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				AppendSafe(dst[:0], in)
			}
		})
	}
}
