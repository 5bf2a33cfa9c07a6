package pcapfilter

import (
	"fmt"
	"strings"

	"golang.org/x/net/bpf"
)

// FormatD writes a program as "tcpdump -d" does: one line per instruction, jumps with absolute
// targets.
func FormatD(prog []bpf.Instruction) string {
	var b strings.Builder
	for i, ins := range assemble(prog) {
		op, operand := image(i, ins)
		if ins.Op&classMask == classJump && ins.Op != opJumpAlways {
			fmt.Fprintf(&b, "(%03d) %-8s %-16s jt %d\tjf %d\n", i, op, operand, i+1+int(ins.Jt), i+1+int(ins.Jf))
		} else {
			fmt.Fprintf(&b, "(%03d) %-8s %s\n", i, op, operand)
		}
	}
	return b.String()
}

// FormatDD writes a program as "tcpdump -dd" does: one C initializer per line.
func FormatDD(prog []bpf.Instruction) string {
	var b strings.Builder
	for _, ins := range assemble(prog) {
		fmt.Fprintf(&b, "{ 0x%x, %d, %d, 0x%08x },\n", ins.Op, ins.Jt, ins.Jf, ins.K)
	}
	return b.String()
}

// FormatDDD writes a program as "tcpdump -ddd" does: the number of instructions and then one
// per line, in decimal.
func FormatDDD(prog []bpf.Instruction) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d\n", len(prog))
	for _, ins := range assemble(prog) {
		fmt.Fprintf(&b, "%d %d %d %d\n", ins.Op, ins.Jt, ins.Jf, ins.K)
	}
	return b.String()
}

// assemble returns the machine code. An instruction that has none, which Compile never makes,
// appears as an operation that no machine knows.
func assemble(prog []bpf.Instruction) []bpf.RawInstruction {
	raw := make([]bpf.RawInstruction, len(prog))
	for i, ins := range prog {
		var err error
		if raw[i], err = ins.Assemble(); err != nil {
			raw[i] = bpf.RawInstruction{Op: 0xffff}
		}
	}
	return raw
}

// The parts of an operation code that decide its shape (linux/bpf_common.h).
const (
	classMask    = 0x07
	classALU     = 0x04
	classJump    = 0x05
	opJumpAlways = 0x05
	operandX     = 0x08
)

// plain holds the operations whose operand is a format of K alone.
var plain = map[uint16]struct{ name, operand string }{
	0x00: {"ld", "#0x%x"}, 0x01: {"ldx", "#0x%x"}, 0x60: {"ld", "M[%d]"}, 0x61: {"ldx", "M[%d]"},
	0x20: {"ld", "[%d]"}, 0x28: {"ldh", "[%d]"}, 0x30: {"ldb", "[%d]"},
	0x40: {"ld", "[x + %d]"}, 0x48: {"ldh", "[x + %d]"}, 0x50: {"ldb", "[x + %d]"},
	0x80: {"ld", "#pktlen"}, 0xb1: {"ldxb", "4*([%d]&0xf)"},
	0x02: {"st", "M[%d]"}, 0x03: {"stx", "M[%d]"},
	0x06: {"ret", "#%d"}, 0x16: {"ret", ""}, 0x07: {"tax", ""}, 0x87: {"txa", ""}, 0x84: {"neg", ""},
	0x04: {"add", "#%d"}, 0x14: {"sub", "#%d"}, 0x24: {"mul", "#%d"}, 0x34: {"div", "#%d"}, 0x94: {"mod", "#%d"},
	0x64: {"lsh", "#%d"}, 0x74: {"rsh", "#%d"}, 0x44: {"or", "#0x%x"}, 0x54: {"and", "#0x%x"}, 0xa4: {"xor", "#0x%x"},
	0x15: {"jeq", "#0x%x"}, 0x25: {"jgt", "#0x%x"}, 0x35: {"jge", "#0x%x"}, 0x45: {"jset", "#0x%x"},
}

// extensions names the loads above extensionBase that Linux answers from a packet's metadata, in
// steps of four (linux/filter.h, SKF_AD_*).
var extensions = [...]string{
	"proto", "type", "ifidx", "nla", "nlan", "mark", "queue", "hatype", "rxhash", "cpu", "xor_x", "vlan_tci", "vlanp", "poff", "random", "vlan_tpid",
}

const extensionBase = 0xfffff000

// image returns the two columns that describe the instruction at index i.
func image(i int, ins bpf.RawInstruction) (op, operand string) {
	if ins.Op == opJumpAlways {
		return "ja", fmt.Sprint(i + 1 + int(int32(ins.K)))
	}
	code := ins.Op
	inX := (code&classMask == classALU || code&classMask == classJump) && code&operandX != 0
	if inX {
		code &^= operandX
	}
	p, ok := plain[code]
	if !ok || inX && p.operand == "" {
		return "unimp", fmt.Sprintf("0x%x", ins.Op)
	}
	if inX {
		return p.name, "x"
	}
	switch {
	case !strings.Contains(p.operand, "%"):
		return p.name, p.operand
	case strings.Contains(p.operand, "%x"):
		return p.name, fmt.Sprintf(p.operand, ins.K)
	}
	if p.operand == "[%d]" && ins.K >= extensionBase {
		if n := ins.K - extensionBase; n%4 == 0 && int(n/4) < len(extensions) {
			return p.name, "[" + extensions[n/4] + "]"
		}
	}
	return p.name, fmt.Sprintf(p.operand, int32(ins.K))
}
