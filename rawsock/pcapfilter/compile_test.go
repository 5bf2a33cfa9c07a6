package pcapfilter

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/net/bpf"
)

func TestEmptyExpression(t *testing.T) {
	for _, row := range []struct {
		expr string
		o    Options
		want uint32
	}{
		{"", Options{LinkType: Ethernet}, 262144},
		{" \t\r\n", Options{LinkType: IPv6, Live: true}, 262144},
		{"", Options{LinkType: Raw, SnapLength: 96}, 96},
	} {
		got, err := Compile(row.expr, row.o)
		if want := []bpf.Instruction{bpf.RetConstant{Val: row.want}}; err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q, %+v: got %v, %v; want %v", row.expr, row.o, got, err, want)
		}
	}
}

func TestSnapLengthIsReturned(t *testing.T) {
	prog, err := Compile("ip", Options{LinkType: Ethernet, SnapLength: 128})
	if err != nil {
		t.Fatal(err)
	}
	if got := interpret(t, raw(t, prog), append(make([]byte, 12), 0x08, 0x00), metadata{}); got != 128 {
		t.Errorf("got %d, want 128", got)
	}
}

// hosts makes a list of n addresses from 10.0.0.0 on.
func hosts(n int) string {
	var b strings.Builder
	b.WriteString("host 10.0.0.0")
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, " or 10.0.%d.%d", i>>8, i&0xff)
	}
	return b.String()
}

// Long programs have targets that a conditional jump cannot reach.
func TestFarJumps(t *testing.T) {
	for _, expr := range []string{
		hosts(220),
		"not (" + hosts(220) + ") and ip",
		"tcp and (" + hosts(200) + ") or arp",
		"(" + hosts(100) + ") and not (" + hosts(90) + ") and ip",
		"len > ip[0] and (" + hosts(200) + ")",
	} {
		prog, err := Compile(expr, Options{LinkType: Ethernet})
		if err != nil {
			t.Fatal(err)
		}
		far := 0
		for _, ins := range prog {
			if _, ok := ins.(bpf.Jump); ok {
				far++
			}
		}
		if far == 0 {
			t.Errorf("%.40s…: %d instructions without a far jump: the test proves nothing", expr, len(prog))
		}
		run := runner(t, raw(t, prog))
		for i, frame := range hostFrames() {
			if got, want := run(frame) != 0, slowly(t, expr, frame); got != want {
				t.Errorf("%.40s…: frame %d: got %v, want %v", expr, i, got, want)
			}
		}
	}
}

// hostFrames are IPv4 frames from and to addresses around the ends of the lists.
func hostFrames() [][]byte {
	var frames [][]byte
	for _, last := range []int{0, 1, 89, 90, 99, 100, 127, 199, 200, 219, 220, 255} {
		for _, proto := range []byte{protoTCP, protoUDP} {
			frame := append(make([]byte, 12), 0x08, 0x00, 0x45)
			frame = append(frame, make([]byte, 40)...)
			frame[23] = proto
			copy(frame[26:], []byte{10, 0, 0, byte(last)})
			frames = append(frames, frame)
			back := append([]byte(nil), frame...)
			copy(back[26:], []byte{192, 0, 2, 1})
			copy(back[30:], []byte{10, 0, 0, byte(last)})
			frames = append(frames, back)
		}
	}
	return append(frames, append(make([]byte, 12), append([]byte{0x08, 0x06}, make([]byte, 40)...)...))
}

// slowly evaluates the tree of an expression: every list is cut into programs of one term.
func slowly(t *testing.T, expr string, frame []byte) bool {
	t.Helper()
	s := source(expr)
	tokens, err := lex(s)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := parse(s, tokens)
	if err != nil {
		t.Fatal(err)
	}
	var evaluate func(n node) bool
	evaluate = func(n node) bool {
		switch n := n.(type) {
		case *logicNode:
			if left := evaluate(n.left); left == n.or {
				return left
			}
			return evaluate(n.right)
		case *notNode:
			return !evaluate(n.operand)
		}
		low, err := newLowering(s, Options{LinkType: Ethernet})
		if err != nil {
			t.Fatal(err)
		}
		c, err := low.lower(n)
		if err != nil {
			t.Fatal(err)
		}
		return interpret(t, raw(t, emit(nil, newGraph(c, 1))), frame, metadata{}) != 0
	}
	return evaluate(tree)
}

func TestProgramTooLong(t *testing.T) {
	prog, err := Compile(hosts(1000), Options{LinkType: Ethernet})
	if !errors.Is(err, ErrTooLong) || prog != nil {
		t.Errorf("got %d instructions and %v, want ErrTooLong", len(prog), err)
	}
}

// sum makes arithmetic of operations inside each other on both sides, depth levels of them around
// chains of length operands.
func sum(depth, length int) string {
	if depth == 0 {
		return "ip[8]" + strings.Repeat(" + tcp[ip[0] & 7]", length-1)
	}
	return "((" + sum(depth-1, length) + ") - (" + sum(depth-1, length) + ") * 3)"
}

func TestArithmeticFitsInScratchMemory(t *testing.T) {
	for _, row := range []struct {
		expr  string
		limit error
	}{
		{sum(0, 1), nil},
		{sum(0, 100), nil},
		{sum(6, 1), nil},
		{sum(5, 4), nil},
		{"tcp[" + strings.Repeat("tcp[1] + tcp[", 20) + "2" + strings.Repeat("]", 21), nil},
		{sum(9, 1), ErrTooLong},
		{sum(0, 5000), ErrTooLong},
	} {
		prog, err := Compile("tcp and "+row.expr+" > 2000", Options{LinkType: Ethernet})
		if !errors.Is(err, row.limit) {
			t.Errorf("%.60q: %v", row.expr, err)
			continue
		}
		for i, ins := range prog {
			if s, ok := ins.(bpf.StoreScratch); ok && (s.N < 0 || s.N >= shiftSlot) {
				t.Errorf("%.60q: instruction %d stores in slot %d", row.expr, i, s.N)
			}
		}
	}
}

// The reach of a conditional jump, one instruction at a time: a block jumps over n instructions to
// both ends of the program.
func TestReachOfJumps(t *testing.T) {
	for n := 240; n < 270; n++ {
		loads := make([]bpf.Instruction, n)
		for i := range loads {
			loads[i] = bpf.LoadAbsolute{Off: 0, Size: 1}
		}
		reject, accept := &block{}, &block{result: 7}
		over := &block{test: test{code: loads, jump: bpf.JumpEqual, val: 3}, yes: accept, no: reject}
		ends := &block{test: test{code: loads[:1], jump: bpf.JumpEqual, val: 1}, yes: accept, no: reject}
		entry := &block{test: test{code: loads[:1], jump: bpf.JumpGreaterThan, val: 1}, yes: over, no: ends}
		g := &graph{blocks: []*block{reject, accept, over, ends, entry}, entry: entry}
		g.markUsed()
		machine := raw(t, emit(nil, g))
		for first, want := range []uint32{0, 7, 0, 7} {
			if got := interpret(t, machine, []byte{byte(first)}, metadata{}); got != want {
				t.Errorf("%d instructions between, byte %d: got %d, want %d", n, first, got, want)
			}
		}
	}
}

// Constants leave nothing behind but the verdict.
func TestConstantExpressions(t *testing.T) {
	for _, row := range []struct {
		expr string
		link LinkType
		want uint32
	}{
		{"1 = 1", Ethernet, DefaultSnapLength},
		{"1 != 1", Ethernet, 0},
		{"1 > 2 and tcp", Ethernet, 0},
		{"not 1 > 2 or tcp", Ethernet, DefaultSnapLength},
		{"arp", Raw, 0},
		{"not rarp", IPv4, DefaultSnapLength},
		{"ip", IPv4, DefaultSnapLength},
		{"ip6", IPv4, 0},
		{"2 * 3 + 4 << 1 = 20", IPv6, DefaultSnapLength},
		{"-1 = 0xffffffff", IPv6, DefaultSnapLength},
	} {
		got, err := Compile(row.expr, Options{LinkType: row.link})
		if want := []bpf.Instruction{bpf.RetConstant{Val: row.want}}; err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, %v; want %v", row.expr, got, err, want)
		}
	}
}

func FuzzCompile(f *testing.F) {
	for i, expr := range append(append([]string(nil), everyday...), refused...) {
		f.Add(expr, uint16(Ethernet), i%2 == 0)
	}
	for _, d := range differences {
		f.Add(d.expr, uint16(Raw), true)
	}
	frames := makeFrames(40)
	f.Fuzz(func(t *testing.T, expr string, link uint16, live bool) {
		prog, err := Compile(expr, Options{LinkType: LinkType(link), Live: live})
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Column < 1 || e.Column > len([]rune(expr))+1 || e.Message == "" {
				t.Fatalf("%q: %#v", expr, err)
			}
			e.Caret()
			return
		}
		if len(prog) > MaxInstructions {
			t.Fatalf("%q: %d instructions", expr, len(prog))
		}
		machine := raw(t, prog)
		if !live {
			if _, err := bpf.NewVM(prog); err != nil {
				t.Fatalf("%q: %v\n%s", expr, err, FormatD(prog))
			}
		}
		for _, frame := range frames {
			if got := interpret(t, machine, frame, metadata{}); got != 0 && got != DefaultSnapLength {
				t.Fatalf("%q returns %d\n%s", expr, got, FormatD(prog))
			}
		}
		if strings.Contains(FormatD(prog), "unimp") {
			t.Fatalf("%q: an instruction without a name\n%s", expr, FormatD(prog))
		}
	})
}

func BenchmarkCompile(b *testing.B) {
	for _, row := range []struct{ name, expr string }{
		{"Port", "tcp port 443 and not host 192.0.2.1"},
		{"Hosts200", hosts(200)},
	} {
		b.Run(row.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Compile(row.expr, Options{LinkType: Ethernet, Live: true}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
