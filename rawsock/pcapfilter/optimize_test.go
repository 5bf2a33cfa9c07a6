package pcapfilter

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/bpf"
)

// unoptimized compiles without the optimizer. The program may be too long for the kernel.
func unoptimized(t testing.TB, expr string, o Options) []bpf.Instruction {
	t.Helper()
	g, err := translate(expr, o)
	if err != nil {
		t.Fatal(err)
	}
	g.unmask()
	return emit(g, false)
}

// cutFrames adds some of the frames again, cut behind every byte.
func cutFrames(frames [][]byte, every int) [][]byte {
	all := slices.Clone(frames)
	for i := 0; i < len(frames); i += every {
		for n := range min(len(frames[i]), 90) {
			all = append(all, frames[i][:n])
		}
	}
	return all
}

// encapsulated makes an expression in which words move the headers and keep places in scratch memory, on some
// ways and not on others.
func encapsulated(r *rand.Rand) string {
	text := generate(r, 1)
	for range 1 + r.IntN(4) {
		word := pick(r, []string{"vlan", "vlan 5", "mpls", "mpls 5", "pppoes", "geneve", "geneve 7", "vxlan", "ip6 protochain 6", "protochain 17",
			"ip protochain 50", "llc", "iso", "stp", "arp"})
		switch r.IntN(4) {
		case 0:
			text = "(" + text + pick(r, []string{") and ", ") or ", ") and not ", ") or not "}) + word
		case 1:
			text = word + pick(r, []string{" and ", " or "}) + "not (" + text + ")"
		default:
			text = word + pick(r, []string{" and (", " and (", " or ("}) + text + pick(r, []string{")", ") or ", ") and "})
			if !strings.HasSuffix(text, ")") {
				text += "(" + generate(r, 1) + ")"
			}
		}
	}
	return text
}

// The optimizer changes no verdict, whatever the frame and wherever it ends.
func TestOptimizerKeepsEveryVerdict(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 2026))
	exprs := append(append([]string(nil), everyday...), lists...)
	for range 150 {
		exprs = append(exprs, generate(r, 4), encapsulated(r))
	}
	compared, before, after := 0, 0, 0
	for _, link := range []LinkType{Ethernet, Raw, PPP, Null, LinuxSLL, LinuxSLL2} {
		frames := cutFrames(makeLinkFrames(link, 200), 25)
		for i, expr := range exprs {
			o := Options{LinkType: link, Live: i%3 == 0}
			if n := keepsVerdicts(t, r, expr, o, frames); n > 0 {
				compared++
				before += n
				after += len(compiled(t, expr, o))
			}
		}
	}
	t.Logf("%d programs; %d instructions became %d", compared, before, after)
	if compared < 3*len(exprs) || after > before*3/4 {
		t.Errorf("%d programs of %d expressions on 6 link types: the comparison proves little", compared, len(exprs))
	}
}

func compiled(t *testing.T, expr string, o Options) []bpf.Instruction {
	t.Helper()
	prog, err := Compile(expr, o)
	if err != nil {
		t.Fatal(err)
	}
	return prog
}

// keepsVerdicts compares the program of an expression with the one made without the optimizer and returns the
// length of that one, or 0 for an expression that the link type does not take.
func keepsVerdicts(t *testing.T, r *rand.Rand, expr string, o Options, frames [][]byte) int {
	t.Helper()
	if _, err := Compile(expr, o); err != nil {
		return 0
	}
	optimized, plain := compiled(t, expr, o), unoptimized(t, expr, o)
	if len(optimized) > len(plain) {
		t.Errorf("%+v: %s: %d instructions, without the optimizer %d", o, expr, len(optimized), len(plain))
	}
	rawOptimized, rawPlain := raw(t, optimized), raw(t, plain)
	runOptimized, runPlain := runner(t, rawOptimized), runner(t, rawPlain)
	for _, frame := range frames {
		got, want, meta := uint32(0), uint32(0), metadata{}
		if o.Live {
			meta = metadata{tagged: r.IntN(2) == 0, tci: pick(r, []uint16{5, 100, 0xa005})}
			meta.outgoing, meta.protocol = r.IntN(2) == 0, pick(r, []uint16{etherIP, etherIPv6, 4})
			got, want = interpret(t, rawOptimized, frame, meta), interpret(t, rawPlain, frame, meta)
		} else {
			got, want = runOptimized(frame), runPlain(frame)
		}
		if got != want {
			t.Errorf("%+v: %s: % x, %+v: got %d, without the optimizer %d\n%swithout:\n%s",
				o, expr, frame, meta, got, want, FormatD(optimized), FormatD(plain))
			break
		}
	}
	return len(plain)
}

// What the passes make of a program, one row for each thing that they know.
func TestOptimizer(t *testing.T) {
	for _, row := range []struct{ name, expr, want string }{
		{"a test that is decided goes away", "ip and ip", `
			ldh [12]
			jeq #0x800 jt 2 jf 3
			ret #262144
			ret #0`},
		{"a fact holds across other tests", "ip and len > 60 and not ip6 and not arp", `
			ldh [12]
			jeq #0x800 jt 2 jf 5
			ld #pktlen
			jge #0x3d jt 4 jf 5
			ret #262144
			ret #0`},
		{"tests between are passed where all values that are left go the same way", "proto 6 or 17 and (proto 6 or 17 or ip6)", `
			ldh [12]
			jeq #0x800 jt 2 jf 4
			ldb [23]
			jeq #0x6 jt 11 jf 10
			jeq #0x86dd jt 5 jf 12
			ldb [20]
			jeq #0x6 jt 11 jf 7
			jeq #0x2c jt 8 jf 10
			ldb [54]
			jeq #0x6 jt 11 jf 10
			jeq #0x11 jt 11 jf 12
			ret #262144
			ret #0`},
		{"masks become ranges, and ranges that touch become one", "ip src net 10 or 11", `
			ldh [12]
			jeq #0x800 jt 2 jf 6
			ld [26]
			jge #0xa000000 jt 4 jf 6
			jgt #0xbffffff jt 6 jf 5
			ret #262144
			ret #0`},
		{"a range that reaches the largest value needs one comparison", "ether[14] & 0xf0 = 0xf0", `
			ldb [14]
			jge #0xf0 jt 2 jf 3
			ret #262144
			ret #0`},
		{"a bit is tested in place", "ether[14] & 4 = 4", `
			ldb [14]
			jset #0x4 jt 2 jf 3
			ret #262144
			ret #0`},
		{"one load for a list", "ether src 02:00:00:00:00:01 or 02:00:00:00:00:03", `
			ld [8]
			jeq #0x1 jt 3 jf 2
			jeq #0x3 jt 3 jf 6
			ldh [6]
			jeq #0x200 jt 5 jf 6
			ret #262144
			ret #0`},
		{"a list of both ends: the first two loads may reject, what follows is sorted", "ip host 10.0.0.1 or 10.0.0.3 or 10.0.0.5", `
			ldh [12]
			jeq #0x800 jt 2 jf 12
			ld [26]
			jeq #0xa000001 jt 11 jf 4
			ld [30]
			jeq #0xa000001 jt 11 jf 6
			jeq #0xa000003 jt 11 jf 7
			jeq #0xa000005 jt 11 jf 8
			ld [26]
			jeq #0xa000003 jt 11 jf 10
			jeq #0xa000005 jt 11 jf 12
			ret #262144
			ret #0`},
		{"where a hit rejects, all of it is", "ip and not host 10.0.0.1 and not host 10.0.0.3", `
			ldh [12]
			jeq #0x800 jt 2 jf 9
			ld [26]
			jeq #0xa000001 jt 9 jf 4
			jeq #0xa000003 jt 9 jf 5
			ld [30]
			jeq #0xa000001 jt 9 jf 7
			jeq #0xa000003 jt 9 jf 8
			ret #262144
			ret #0`},
		{"a load that may reject stays, though nobody reads it", "ether[60] & 0 = 0", `
			ldb [60]
			ret #262144`},
		{"one that a later load makes needless does not", "ether[60] & 0 = 0 and ether[61] = 1", `
			ldb [61]
			jeq #0x1 jt 2 jf 3
			ret #262144
			ret #0`},
		{"and none does where every frame is rejected", "ether[60] = 1 and ether[60] = 2", `
			ret #0`},
		{"a comparison with a constant in A is turned round", "60 < len", `
			ld #pktlen
			jge #0x3d jt 2 jf 3
			ret #262144
			ret #0`},
		{"a value waits in X instead of scratch memory", "ether[0] > ether[1]", `
			ldb [1]
			tax
			ldb [0]
			jgt x jt 4 jf 5
			ret #262144
			ret #0`},
		{"constants are folded through the registers", "ether[len - len + 3] = 4", `
			ldb [3]
			jeq #0x4 jt 2 jf 3
			ret #262144
			ret #0`},
		{"equal tails stand once", "ip and ether[60] = 1 or arp and ether[60] = 1", `
			ldh [12]
			jeq #0x800 jt 3 jf 2
			jeq #0x806 jt 3 jf 6
			ldb [60]
			jeq #0x1 jt 5 jf 6
			ret #262144
			ret #0`},
		{"equal comparisons behind different loads stand once", "src net 10", `
			ldh [12]
			jeq #0x800 jt 2 jf 4
			ld [26]
			jge #0xa000000 jt 8 jf 10
			jeq #0x806 jt 6 jf 5
			jeq #0x8035 jt 6 jf 10
			ld [28]
			jge #0xa000000 jt 8 jf 10
			jge #0xb000000 jt 10 jf 9
			ret #262144
			ret #0`},
	} {
		prog, err := Compile(row.expr, Options{LinkType: Ethernet})
		if err != nil {
			t.Fatal(err)
		}
		var got, want []string
		for line := range strings.Lines(FormatD(prog)) {
			got = append(got, strings.Join(strings.Fields(line)[1:], " "))
		}
		for line := range strings.Lines(strings.TrimSpace(row.want)) {
			want = append(want, strings.TrimSpace(line))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %s: got\n%s\nwant\n%s", row.name, row.expr, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}
