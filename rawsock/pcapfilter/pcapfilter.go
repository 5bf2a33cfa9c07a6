// Package pcapfilter compiles pcap-filter(7) expressions to classic BPF without libpcap.
//
// A compilation runs through six stages, each in files of its own:
//
//	text ──lex──▶ tokens ──parse──▶ tree ──lower──▶ condition ──graph──▶ blocks ──optimize──▶ blocks ──emit──▶ program
//
// The lower stage alone knows protocols and link types; everything after it knows only loads and
// comparisons.
//
// The package speaks the language of pcap-filter(7) for its link types. The verdict on a frame is that of
// libpcap 1.10.3, which Debian 12 has, except where the manual page leaves something open or libpcap does
// not do what it says. Of the language:
//
//   - A load beyond the end of the frame rejects the frame, whatever the rest of the expression
//     says, as in libpcap: "not tcp[100] = 1" does not match a frame that ends before that byte.
//     The optimizer keeps to that for every frame; libpcap's drops and moves loads, so that it
//     accepts some frames that are cut short and its own program without optimizer (-O) rejects.
//   - An access such as tcp[13] holds its protocol wherever it stands. libpcap up to 1.10 drops the
//     test in the right operand of an operator.
//   - "%" and "^" have no precedence in libpcap's grammar. A row of operators that it groups otherwise
//     than C is refused: "len % 2 + 1" wants parentheses, "1 + len % 2" does not.
//   - Names of ports and protocols are those of Debian 12's services(5) and protocols(5). A service with an
//     entry for TCP alone is TCP alone. Names of hosts and networks are looked up by Options.Names, and any of
//     a host's addresses matches. A network's name stands for all its addresses, and not, as in libpcap, for its
//     first one. "gateway" is there, which Debian builds libpcap without.
//   - "protochain" follows up to 8 headers, and rejects a frame where the protocol comes later: libpcap
//     follows any number with a jump back, which the kernel does not run. Behind an authentication header libpcap
//     goes on at a wrong place.
//   - "byte N & V" and "byte N | V" test the byte. libpcap forgets to load it.
//   - Numbers that no frame carries are refused: protocols above 255, EtherTypes and ports above 65535 (behind a
//     backslash libpcap takes the low 16 bits), constant offsets of 1 GiB, shifts by 32, division by zero. So
//     is a leading zero in an IPv4 address, which some readers take for octal.
//
// Of the link layers and encapsulations:
//
//   - "vlan", "mpls", "pppoes", "geneve" and "vxlan" move the headers for everything to the right of the
//     word, whatever joins it, as in libpcap: behind "geneve or" an "ip" looks inside GENEVE too.
//   - A word asks for the header in force: behind "pppoes" there are no Ethernet addresses, behind "mpls" nothing
//     but IPv4 and IPv6. Such an expression is refused.
//   - The family word of Null is read in either byte order, and IPv6 has the numbers of Linux, NetBSD, FreeBSD
//     and Darwin. libpcap knows the byte order of the file, and Linux's number only where there is no file.
//   - Behind either cooked header the words of IEEE 802.2 look into its header, and those of OSI behind it. libpcap
//     1.10.3 does the first for LinuxSLL alone and the second for neither.
//   - Inside GENEVE and VXLAN everything is counted from the frame inside. libpcap 1.10.3 keeps the labels of an
//     MPLS stack outside in force, and the place of the OSI header on the link outside.
//   - "vxlan" is newer than libpcap 1.10.3. It asks for UDP to port 4789 and the flag of RFC 7348, and leaves
//     the reserved flags alone.
//   - "inbound", "outbound" and "ifindex" ask what the frame came with, inside an encapsulation too.
//
// Two corners depend on who runs the program: a computed shift by 32 or more and a computed offset
// of 2 GiB or more. Constant ones are refused.
package pcapfilter

import (
	"net/netip"

	"golang.org/x/net/bpf"
)

// Options says what the program will run on.
type Options struct {
	LinkType

	// SnapLength is what the program returns for a frame it accepts, in bytes; 0 means
	// DefaultSnapLength.
	SnapLength uint32

	// Live is set for a program that Linux runs on a packet socket. The kernel takes the outer VLAN
	// tag out of a received frame, so the first "vlan" looks at the kernel's metadata and then at the
	// bytes, and "inbound", "outbound" and "ifindex" become available.
	//
	// With LinuxSLL and LinuxSLL2, which mean the same then, the socket is of type SOCK_DGRAM: the bytes begin at
	// the network header, and the protocol, the direction, the interface and the VLAN tag are the kernel's
	// metadata. Nothing is known there of the link-layer header, so words that ask for it are refused,
	// and lengths count without it.
	//
	// A live program loads kernel extensions that the virtual machine of golang.org/x/net/bpf does not have.
	Live bool

	// Names looks up the names of hosts and networks. Without it they are refused.
	Names *Names

	// Netmask is an IPv4 address of the interface with the length of its network, for "ip broadcast".
	// Only the length counts. Without it that primitive is refused; 0.0.0.0/0 stands for an interface
	// without an address, where the limited broadcast addresses alone match.
	Netmask netip.Prefix

	// MustMatch refuses an expression whose terms contradict each other, such as "tcp and arp", as tcpdump does. What is
	// found is what leaves the optimizer nothing but a reject.
	MustMatch bool
}

// Compile translates a pcap-filter(7) expression. The program returns the snap length for a frame
// that matches and 0 for any other; an expression of white space alone matches every frame.
//
// The error is an *Error. It wraps ErrUnsupported when the language has the word and this package
// does not, ErrUnknownName when nothing knows a name, ErrTooLong when a limit of this package or of the kernel is
// exceeded, and ErrMatchesNothing when Options ask for that; any other is a mistake in the expression.
func Compile(expr string, o Options) ([]bpf.Instruction, error) {
	g, err := translate(expr, o)
	if err != nil {
		return nil, err
	}
	g.optimize()
	if o.MustMatch && g.entry.ends() && g.entry.result == 0 {
		return nil, source(expr).errorf(0, ErrMatchesNothing, "", "no packet of link type %s can be all of this at once", nameOf(o.LinkType))
	}
	prog := emit(g, true)
	if len(prog) > MaxInstructions {
		prog = emit(g, false)
	}
	if len(prog) > MaxInstructions {
		return nil, source(expr).errorf(0, ErrTooLong, "", "the program has %d instructions, the kernel takes %d: "+
			"use nets instead of hosts or fewer terms", len(prog), MaxInstructions)
	}
	return prog, nil
}

// translate runs the stages in front of the optimizer.
func translate(expr string, o Options) (*graph, error) {
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
		return newGraph(nil, constant(true), accept), nil
	}
	c, err := low.lower(tree)
	if err != nil {
		return nil, err
	}
	return newGraph(low.prologue(), c, accept), nil
}
