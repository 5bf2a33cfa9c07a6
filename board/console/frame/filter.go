package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/net/bpf"

	"network-sniffer/decode"
	"network-sniffer/rawsock/machine"
	"network-sniffer/rawsock/pcapfilter"
)

// The bounds of a Filter: what a session may cost in memory (8 bytes for an instruction and link type), and how long its
// Match may take (about 1 ns for an instruction). Compile refuses what is beyond them with pcapfilter.ErrTooLong.
const (
	MaxExpression   = 1024 // bytes
	maxInstructions = 2048
)

// Filter is a compiled expression. The nil Filter matches every frame. A Filter does not change: any number of goroutines
// may use it.
type Filter struct {
	expr string
	// For frames of each link type that a packet socket delivers; nil: none of them can match.
	ethernet, raw, cooked *machine.Program
}

// compiling is held while an expression is compiled: a long one that repeats "protochain" takes 24 MiB of short-lived memory
// and 40 ms of a server's processor, ten times that of a router's, before it is refused. Sessions take turns.
var compiling sync.Mutex

// Compile translates a pcap-filter(7) expression with the meaning that it has for a capture that goes on: see
// pcapfilter.Options.Live. White space alone makes a nil Filter. Names of hosts and networks are not looked up, and there
// is no "ip broadcast", for which one would have to know the network of every interface.
//
// The expression is compiled for each link type that a packet socket delivers. Where a word makes no sense on one of
// them, such as "ether host" on a tunnel, or terms contradict each other there, such as "arp", no frame of that link type
// matches, not even when the word stands behind a "not". When all link types refuse it, the error is that of Ethernet: a
// *pcapfilter.Error, or one that wraps pcapfilter.ErrTooLong.
func Compile(expr string) (*Filter, error) {
	expr = strings.Trim(expr, " \t\r\n\v\f")
	switch {
	case expr == "":
		return nil, nil
	case len(expr) > MaxExpression:
		return nil, fmt.Errorf("filter: an expression of %d bytes (%w); the console takes %d: use nets instead of hosts",
			len(expr), pcapfilter.ErrTooLong, MaxExpression)
	}
	compiling.Lock()
	defer compiling.Unlock()
	f := &Filter{expr: expr}
	var refused error // by Ethernet
	for _, link := range []struct {
		kind    pcapfilter.LinkType
		program **machine.Program
	}{
		{pcapfilter.Ethernet, &f.ethernet}, {pcapfilter.Raw, &f.raw}, {pcapfilter.LinuxSLL2, &f.cooked},
	} {
		program, err := compileFor(link.kind, expr)
		if errors.Is(err, pcapfilter.ErrTooLong) {
			return nil, err
		}
		if err != nil && link.kind == pcapfilter.Ethernet {
			refused = err
		}
		*link.program = program
	}
	if f.ethernet == nil && f.raw == nil && f.cooked == nil {
		return nil, refused
	}
	return f, nil
}

func compileFor(link pcapfilter.LinkType, expr string) (*machine.Program, error) {
	instructions, err := pcapfilter.Compile(expr, pcapfilter.Options{LinkType: link, Live: true, MustMatch: true})
	if err != nil {
		return nil, err
	}
	if len(instructions) > maxInstructions {
		return nil, fmt.Errorf("filter: a program of %d instructions (%w); the console takes %d: use fewer terms",
			len(instructions), pcapfilter.ErrTooLong, maxInstructions)
	}
	code, err := bpf.Assemble(instructions)
	if err != nil {
		return nil, fmt.Errorf("filter: assemble %q: %w", expr, err)
	}
	program, err := machine.New(code)
	if err != nil {
		return nil, fmt.Errorf("filter: check the program of %q: %w", expr, err)
	}
	return program, nil
}

// Match reports whether the filter takes the frame, as the filter of a packet socket would. That one sees the whole frame:
// here a load behind the captured bytes refuses it. Match allocates nothing.
func (f *Filter) Match(fr *Frame) bool {
	if f == nil {
		return true
	}
	data, length := fr.Data, fr.Meta.WireLength
	beside := machine.Metadata{
		Kind:  uint8(fr.Meta.Direction),
		Index: uint32(fr.Index),
		TPID:  fr.Meta.VLANTPID,
		TCI:   fr.Meta.VLANTCI,
	}
	var program *machine.Program
	switch fr.Meta.LinkType {
	case decode.LinkEthernet:
		program = f.ethernet
	case decode.LinkRaw:
		program = f.raw
	case decode.LinkLinuxSLL2:
		if len(data) < cookedHeader {
			return false
		}
		// The filter of such a socket runs on the bytes behind the header; what is in it, the kernel knows.
		program = f.cooked
		beside.Protocol = binary.BigEndian.Uint16(data)
		beside.Index = binary.BigEndian.Uint32(data[4:])
		beside.Hardware = binary.BigEndian.Uint16(data[8:])
		beside.Kind = data[10]
		data, length = data[cookedHeader:], length-min(length, cookedHeader)
	}
	return program != nil && program.Run(data, length, &beside) != 0
}

// String is the expression without white space around it; "" for the nil Filter.
func (f *Filter) String() string {
	if f == nil {
		return ""
	}
	return f.expr
}
