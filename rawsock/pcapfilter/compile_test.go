package pcapfilter

import (
	"errors"
	"fmt"
	"net/netip"
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

// hosts makes a list of n addresses from 10.0.0.0 on, every second one, so that they make no range.
func hosts(n int) string {
	var b strings.Builder
	b.WriteString("host 10.0.0.0")
	for i := 2; i < 2*n; i += 2 {
		fmt.Fprintf(&b, " or 10.0.%d.%d", i>>8, i&0xff)
	}
	return b.String()
}

// ports makes a list of n ports, no two of them neighbours.
func ports(n int) string {
	var b strings.Builder
	b.WriteString("dst port 1")
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, " or %d", 1+3*i)
	}
	return b.String()
}

// Long programs have targets that a conditional jump cannot reach.
func TestFarJumps(t *testing.T) {
	for _, expr := range []string{
		hosts(420),
		"not (" + hosts(420) + ") and ip",
		"tcp and (" + hosts(400) + ") or arp",
		"(" + hosts(300) + ") and not (" + hosts(290) + ") and ip or ip6",
		"len > ip[0] and (" + hosts(400) + ") or ip6",
	} {
		prog, err := Compile(expr, Options{LinkType: Ethernet})
		if err != nil {
			t.Fatal(err)
		}
		far := 0
		for _, ins := range prog {
			switch ins.(type) {
			case bpf.Jump, bpf.RetConstant:
				far++ // two of them end the program
			}
		}
		if far <= 2 {
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
	for _, last := range []int{0, 1, 2, 256, 578, 580, 598, 600, 798, 800, 838, 840} {
		for _, proto := range []byte{protoTCP, protoUDP} {
			frame := append(make([]byte, 12), 0x08, 0x00, 0x45)
			frame = append(frame, make([]byte, 40)...)
			frame[23] = proto
			copy(frame[26:], []byte{10, 0, byte(last >> 8), byte(last)})
			frames = append(frames, frame)
			back := append([]byte(nil), frame...)
			copy(back[26:], []byte{192, 0, 2, 1})
			copy(back[30:], []byte{10, 0, byte(last >> 8), byte(last)})
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
		g := newGraph(nil, c, 1)
		g.unmask()
		return interpret(t, raw(t, emit(g, false)), frame, metadata{}) != 0
	}
	return evaluate(tree)
}

// longest returns how many instructions the longest way through a program has.
func longest(prog []bpf.RawInstruction) int {
	steps := make([]int, len(prog))
	for i := len(prog) - 1; i >= 0; i-- {
		switch ins := prog[i]; {
		case ins.Op&classMask == 0x06: // ret
			steps[i] = 1
		case ins.Op == opJumpAlways:
			steps[i] = 1 + steps[i+1+int(ins.K)]
		case ins.Op&classMask == classJump:
			steps[i] = 1 + max(steps[i+1+int(ins.Jt)], steps[i+1+int(ins.Jf)])
		default:
			steps[i] = 1 + steps[i+1]
		}
	}
	return steps[0]
}

// A list of hosts is searched: a frame that is not in it costs few comparisons, where libpcap makes all.
func TestLongestWay(t *testing.T) {
	for _, row := range []struct {
		expr string
		most int
	}{{hosts(10), 30}, {hosts(200), 50}, {hosts(1000), 60}, {ports(1000), 60}} {
		prog, err := Compile(row.expr, Options{LinkType: Ethernet})
		if err != nil {
			t.Fatal(err)
		}
		if got := longest(raw(t, prog)); got > row.most {
			t.Errorf("%.30s…: %d of %d instructions are run, want at most %d", row.expr, got, len(prog), row.most)
		} else {
			t.Logf("%.30s…: at most %d of %d instructions are run", row.expr, got, len(prog))
		}
	}
}

func TestProgramTooLong(t *testing.T) {
	prog, err := Compile(hosts(1500), Options{LinkType: Ethernet})
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
		{sum(9, 1), nil},
		{sum(11, 1), ErrTooLong},
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
		g := &graph{}
		add := func(code []bpf.Instruction, jump bpf.JumpTest, val uint32, yes, no *block) *block {
			return g.add(&block{code: code, branch: (&test{jump: jump, val: val}).branch(), yes: yes, no: no})
		}
		reject, accept := g.add(&block{}), g.add(&block{result: 7})
		over := add(loads, bpf.JumpEqual, 3, accept, reject)
		ends := add(loads[:1], bpf.JumpEqual, 1, accept, reject)
		g.entry = add(loads[:1], bpf.JumpGreaterThan, 1, over, ends)
		machine := raw(t, emit(g, false))
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
	for i, expr := range everyday {
		f.Add(expr, uint16([...]LinkType{Raw, PPP, LinuxSLL2}[i%3]), true)
	}
	for _, expr := range []string{
		`tcp[tcpflags] & (tcp-syn|tcp-ack) != 0 and not protochain \ah`, "gateway a or b and ip broadcast", "net lan or host a", "ether host b",
		"byte 3 | 4 or byte 2 > 1", "portrange ssh-http or \\80", "len % 2 ^ 3 = (1 | 2 ^ 3)", "not host a and b or not ::1",
	} {
		f.Add(expr, uint16(Ethernet), false)
	}
	frames := makeFrames(40)
	names := &Names{
		Host: func(name string) ([]netip.Addr, error) {
			if len(name) > 3 {
				return nil, errors.New("no such host")
			}
			return []netip.Addr{netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("2001:db8::1")}, nil
		},
		Ether:   func(name string) ([6]byte, bool) { return [6]byte{2, 0, 0, 0, 0, 1}, len(name) < 3 },
		Network: func(name string) (netip.Prefix, bool) { return netip.MustParsePrefix("10.0.0.0/8"), len(name) < 4 },
	}
	f.Fuzz(func(t *testing.T, expr string, link uint16, live bool) {
		prog, err := Compile(expr, Options{LinkType: LinkType(link), Live: live, Names: names, Netmask: netip.MustParsePrefix("10.1.0.0/16")})
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Column < 1 || e.Column > len([]rune(expr))+1 || e.Message == "" {
				t.Fatalf("%q: %#v", expr, err)
			}
			e.Caret()
			return
		}
		machine := raw(t, prog)
		if err := check(machine); err != nil {
			t.Fatalf("%q: %v\n%s", expr, err, FormatD(prog))
		}
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
		{"Hosts1000", hosts(1000)},
		{"Ports2000", ports(2000)},
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
