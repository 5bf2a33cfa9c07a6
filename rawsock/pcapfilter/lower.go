package pcapfilter

import "golang.org/x/net/bpf"

// lowering turns the tree into a condition. It walks the tree in the order of the text, because
// "vlan" moves the headers for everything behind it.
type lowering struct {
	source
	link linkLayer
}

func newLowering(s source, o Options) (*lowering, error) {
	low := &lowering{source: s, link: linkLayer{kind: o.LinkType, live: o.Live}}
	switch o.LinkType {
	case Ethernet:
		low.link.typeOffset, low.link.network = 12, 14
	case Raw, IPv4, IPv6:
	default:
		return nil, s.errorf(0, ErrUnsupported, "link type 1, 101, 228 or 229", "link type %d", o.LinkType)
	}
	return low, nil
}

func (low *lowering) lower(n node) (cond, error) {
	switch n := n.(type) {
	case *logicNode:
		left, err := low.lower(n.left)
		if err != nil {
			return nil, err
		}
		right, err := low.lower(n.right)
		if n.or {
			return or(left, right), err
		}
		return and(left, right), err
	case *notNode:
		c, err := low.lower(n.operand)
		return not(c), err
	case *protoNode:
		return low.protocol(n.at(), n.proto)
	case *addrNode:
		return low.value(n)
	case *castNode:
		return low.cast(n)
	case *vlanNode:
		return low.vlan(n)
	case *directionNode:
		return low.direction(n)
	case *relationNode:
		return low.relation(n)
	}
	panic("pcapfilter: a node the lower stage does not know")
}

// prologue is what a program runs before its first test. The kernel refuses programs that may read
// scratch memory before it is written, and the text "tcp or vlan and ip" has such a path.
func (low *lowering) prologue() []bpf.Instruction {
	if !low.link.shifted {
		return nil
	}
	return []bpf.Instruction{
		bpf.LoadConstant{Dst: bpf.RegA},
		bpf.StoreScratch{Src: bpf.RegA, N: shiftSlot},
	}
}

// value lowers a value by the kind of its qualifiers.
func (low *lowering) value(n *addrNode) (cond, error) {
	switch n.kind {
	case "port", "portrange":
		return low.port(n)
	case "proto":
		return low.proto(n)
	}
	switch n.value.kind {
	case tokNumber, tokDotted:
		return low.host4(n)
	case tokAddr6:
		return low.host6(n)
	case tokMAC:
		return low.hardware(n)
	}
	return nil, low.errorf(n.at(), ErrUnsupported, "an address", "names of hosts and networks are not looked up, give the address of %s", n.value.shown())
}

// sides joins the tests of the source and the destination as the direction asks.
func (q *qualifiers) sides(src, dst func() cond) cond {
	switch q.dir {
	case "src":
		return src()
	case "dst":
		return dst()
	case "and":
		return and(src(), dst())
	}
	return or(src(), dst())
}
