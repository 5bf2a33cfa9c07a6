package pcapfilter

import (
	"strconv"
	"strings"

	"golang.org/x/net/bpf"
)

// span is a range of ports and the transports they are looked for in; transport 0 means all three.
type span struct {
	first, last uint32
	transport   uint32
}

// port lowers "port" and "portrange".
func (low *lowering) port(n *addrNode) (cond, error) {
	want, ok := map[string]uint32{"": 0, "tcp": protoTCP, "udp": protoUDP, "sctp": protoSCTP}[n.proto]
	if !ok {
		return nil, low.errorf(n.at(), nil, "tcp, udp, sctp or nothing before port", "%q has no ports", n.proto)
	}
	ports, err := low.span(n)
	if err != nil {
		return nil, err
	}
	if want != 0 {
		if ports.transport != 0 && ports.transport != want {
			return nil, low.errorf(n.at(), nil, "its number", "%s has no port in %s, only in another transport", n.value.shown(), n.proto)
		}
		ports.transport = want
	}
	l := &low.link
	transport := func(offset uint32) cond {
		is := func(number uint32) cond { return l.field(offset, 1, bpf.JumpEqual, number) }
		if ports.transport != 0 {
			return is(ports.transport)
		}
		return or(is(protoSCTP), is(protoTCP), is(protoUDP))
	}
	six := and(low.isIP6(), transport(nextHeader6), n.sides(
		func() cond { return ports.within(l.loadShifted(l.network+header6, 2)) },
		func() cond { return ports.within(l.loadShifted(l.network+header6+2, 2)) }))
	behind4 := func(offset uint32) []bpf.Instruction {
		return append(l.headerLength4(), bpf.LoadIndirect{Off: l.network + offset, Size: 2})
	}
	four := and(low.isIP(), transport(protocol4), low.notLaterFragment(), n.sides(
		func() cond { return ports.within(behind4(0)) },
		func() cond { return ports.within(behind4(2)) }))
	return or(six, four), nil
}

// within compares the 16 bits that code loads.
func (s span) within(code []bpf.Instruction) cond {
	if s.first == s.last {
		return &test{code: code, jump: bpf.JumpEqual, val: s.first}
	}
	return and(
		&test{code: code, jump: bpf.JumpGreaterOrEqual, val: s.first},
		not(&test{code: code, jump: bpf.JumpGreaterThan, val: s.last}))
}

// span reads the value of "port" or "portrange".
func (low *lowering) span(n *addrNode) (span, error) {
	t := n.value
	switch t.kind {
	case tokNumber:
		if t.num > 0xffff {
			return span{}, low.errorf(n.at(), nil, "0 to 65535", "%d is no port", t.num)
		}
		return span{t.num, t.num, 0}, nil
	case tokWord:
	default:
		return span{}, low.errorf(n.at(), nil, "a number or the name of a service", "%s is an address, no port", t.shown())
	}
	if n.kind == "port" {
		return low.service(t, t.text)
	}
	// The first dash ends the first port, as in libpcap: a name with a dash cannot begin a range.
	from, to, two := strings.Cut(t.text, "-")
	if !two {
		return span{}, low.errorf(t.pos, nil, "a range such as ssh-http", "%s is no range", t.shown())
	}
	first, err := low.service(t, from)
	if err != nil {
		return first, err
	}
	last, err := low.service(t, to)
	if first.transport != last.transport {
		first.transport = 0
	}
	return span{min(first.first, last.first), max(first.last, last.last), first.transport}, err
}

// service reads the name of one port, or its number in decimal.
func (low *lowering) service(t token, text string) (span, error) {
	if s, ok := services[text]; ok {
		port := uint32(s.port)
		return span{port, port, map[transports]uint32{tcp: protoTCP, udp: protoUDP}[s.on]}, nil
	}
	if text != "" && strings.Trim(text, "0123456789") == "" {
		v, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return span{}, low.errorf(t.pos, nil, "0 to 65535", "%s is no port", text)
		}
		return span{uint32(v), uint32(v), 0}, nil
	}
	return span{}, low.errorf(t.pos, ErrUnknownName, "its number", "no service is called %q", text)
}
