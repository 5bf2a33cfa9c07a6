package pcapfilter

import (
	"net/netip"
	"strings"

	"golang.org/x/net/bpf"
)

// lowering turns the tree into a condition. It walks the tree in the order of the text, because
// "vlan" moves the headers for everything behind it.
type lowering struct {
	source
	link    linkLayer
	names   *Names
	netmask netip.Prefix
}

func newLowering(s source, o Options) (*lowering, error) {
	link, ok := newLinkLayer(o.LinkType, o.Live)
	if !ok {
		return nil, s.errorf(0, ErrUnsupported, "one of "+strings.Join(LinkTypeNames(), ", "), "link type %s", nameOf(o.LinkType))
	}
	return &lowering{source: s, link: link, names: o.Names, netmask: o.Netmask}, nil
}

func (low *lowering) lower(n node) (cond, error) {
	c, err := low.lowerNode(n)
	if err == nil && low.link.misfit != "" {
		err = low.errorf(n.at(), nil, "", "%s", low.link.misfit)
	}
	return c, err
}

func (low *lowering) lowerNode(n node) (cond, error) {
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
	case *encapsulationNode:
		return low.encapsulation(n)
	case *llcNode:
		return low.llc(n)
	case *interfaceNode:
		return low.interfaceIndex(n)
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
	if len(low.link.slots) == 0 {
		return nil
	}
	code := []bpf.Instruction{bpf.LoadConstant{Dst: bpf.RegA}}
	for _, slot := range low.link.slots {
		code = append(code, bpf.StoreScratch{Src: bpf.RegA, N: slot})
	}
	return code
}

// encapsulation lowers a header that moves those behind it.
func (low *lowering) encapsulation(n *encapsulationNode) (cond, error) {
	switch n.word {
	case "mpls":
		return low.mpls(n)
	case "pppoes":
		return low.pppoes(n)
	case "geneve":
		return low.geneve(n)
	}
	return low.vxlan(n)
}

// value lowers a value by the kind of its qualifiers.
func (low *lowering) value(n *addrNode) (cond, error) {
	switch {
	case n.kind == "proto" && (n.proto == "iso" || n.proto == "isis"):
		return low.osiProto(n)
	case n.proto == "decnet" && n.kind != "proto":
		return low.decnet(n)
	}
	switch n.kind {
	case "port", "portrange":
		return low.port(n)
	case "proto":
		return low.proto(n)
	case "protochain":
		return low.protochain(n)
	}
	switch {
	case n.value.kind == tokWord:
		return low.named(n)
	case n.kind == "gateway":
		return nil, low.errorf(n.at(), nil, "the name of a host, whose two addresses are looked up", "%s is an address", n.value.shown())
	case n.value.kind == tokAddr6:
		return low.literal6(n)
	case n.value.kind == tokMAC:
		return low.hardware(n)
	}
	return low.literal4(n)
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
