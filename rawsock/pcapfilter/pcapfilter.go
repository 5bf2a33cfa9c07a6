// Package pcapfilter compiles pcap-filter(7) expressions to classic BPF without libpcap.
//
// A compilation runs through five stages, each in files of its own:
//
//	text ──lex──▶ tokens ──parse──▶ tree ──lower──▶ condition ──graph──▶ blocks ──emit──▶ program
//
// The lower stage alone knows protocols and link types; everything after it knows only loads and
// comparisons. An optimizer would work on the blocks.
//
// The package speaks the everyday part of the language and refuses the rest with ErrUnsupported:
// an accepted expression means what pcap-filter(7) says. Four things that the manual page leaves
// open, or libpcap does otherwise, are decided here:
//
//   - A load beyond the end of the frame rejects the frame, whatever the rest of the expression
//     says, as in libpcap: "not tcp[100] = 1" does not match a frame that ends before that byte.
//   - A service name stands for its number on every transport, except where IANA gave the number
//     to different services per transport (exec, biff, login, who, shell, syslog).
//   - An access such as tcp[13] holds its protocol wherever it stands. libpcap up to 1.10 drops the
//     test in the right operand of an operator.
//   - "%" and "^" next to another operator want parentheses, because libpcap up to 1.10 groups
//     them otherwise than C.
//
// Two corners depend on who runs the program: a computed shift by 32 or more and a computed offset
// of 2 GiB or more. Constant ones are refused.
package pcapfilter

import "golang.org/x/net/bpf"

// LinkType is a LINKTYPE_ number as in the header of a pcap file: what the first byte of a frame is.
type LinkType uint16

// The link types Compile knows; any other is refused with ErrUnsupported.
const (
	Ethernet LinkType = 1   // Ethernet II header first
	Raw      LinkType = 101 // IPv4 or IPv6 header first, told apart by the version
	IPv4     LinkType = 228 // IPv4 header first
	IPv6     LinkType = 229 // IPv6 header first
)

// Options says what the program will run on.
type Options struct {
	LinkType

	// SnapLength is what the program returns for a frame it accepts, in bytes; 0 means
	// DefaultSnapLength.
	SnapLength uint32

	// Live is set for a program that Linux runs on a packet socket. The kernel takes the outer VLAN
	// tag out of a received frame, so the first "vlan" looks at the kernel's metadata and then at the
	// bytes, and "inbound" and "outbound" become available. A live program loads kernel extensions
	// that the virtual machine of golang.org/x/net/bpf does not have.
	Live bool
}

// Compile translates a pcap-filter(7) expression. The program returns the snap length for a frame
// that matches and 0 for any other; an expression of white space alone matches every frame.
//
// The error is an *Error. It wraps ErrUnsupported when the language has the word and this package
// does not, and ErrTooLong when a limit of this package or of the kernel is exceeded; any other is
// a mistake in the expression.
func Compile(expr string, o Options) ([]bpf.Instruction, error) {
	accept := o.SnapLength
	if accept == 0 {
		accept = DefaultSnapLength
	}
	s := source(expr)
	low, err := newLowering(s, o)
	if err != nil {
		return nil, err
	}
	tokens, err := lex(s)
	if err != nil {
		return nil, err
	}
	tree, err := parse(s, tokens)
	if err != nil {
		return nil, err
	}
	if tree == nil {
		return []bpf.Instruction{bpf.RetConstant{Val: accept}}, nil
	}
	c, err := low.lower(tree)
	if err != nil {
		return nil, err
	}
	prog := emit(low.prologue(), newGraph(c, accept))
	if len(prog) > MaxInstructions {
		return nil, s.errorf(0, ErrTooLong, "", "the program has %d instructions, the kernel takes %d: use nets instead of hosts or fewer terms", len(prog), MaxInstructions)
	}
	return prog, nil
}
