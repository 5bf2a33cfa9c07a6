package pcapfilter

// node is one place of the parsed expression. Every node knows where it began, so that the lower
// stage can point at what it refuses.
type node interface{ at() int }

type pos int

func (p pos) at() int { return int(p) }

type (
	// logicNode joins two expressions; both operators have the same precedence and group to the left.
	logicNode struct {
		pos
		or          bool
		left, right node
	}

	notNode struct {
		pos
		operand node
	}

	// protoNode is a protocol alone: "tcp".
	protoNode struct {
		pos
		proto string
	}

	// addrNode is a value under its qualifiers: "tcp dst port 80".
	addrNode struct {
		pos
		qualifiers
		value token
		mask  token // dotted, a number after "/", or tokEnd for none
	}

	// castNode is "broadcast" or "multicast", proto empty for none.
	castNode struct {
		pos
		proto     string
		multicast bool
	}

	// vlanNode is "vlan".
	vlanNode struct {
		pos
		identifier
	}

	// encapsulationNode is a header that moves those behind it: "mpls", "pppoes", "geneve" or "vxlan", with
	// its label, session or network.
	encapsulationNode struct {
		pos
		identifier
		word string
	}

	// llcNode is "llc" with a type, tokEnd for any.
	llcNode struct {
		pos
		kind token
	}

	// interfaceNode is "ifindex".
	interfaceNode struct {
		pos
		index uint32
	}

	directionNode struct {
		pos
		outbound bool
	}

	// relationNode compares two values. op is one of = != < <= > >=.
	relationNode struct {
		pos
		op          string
		left, right arith
	}
)

// identifier is the number of one VLAN, label, session or network, or -1 for any.
type identifier struct {
	id   int64
	idAt int // where it stands in the source
}

// qualifiers say how to read a value. An empty proto, dir or kind means the manual page's default.
type qualifiers struct {
	proto string // a protocol word
	dir   string // src, dst, or, and
	kind  string // host, net, port, portrange, gateway, proto, protochain
}

// arith is a 32-bit unsigned value.
type arith interface{ at() int }

type (
	numberArith struct {
		pos
		val uint32
	}

	// lengthArith is the length of the frame on the wire, in bytes.
	lengthArith struct{ pos }

	// loadArith is proto[index:size].
	loadArith struct {
		pos
		proto string
		index arith
		size  int // 1, 2 or 4 bytes
		slots int // scratch slots its evaluation takes; the lower stage knows
	}

	binaryArith struct {
		pos
		op          string
		left, right arith
		closed      bool // stands in parentheses
		slots       int  // scratch slots its evaluation takes; the lower stage knows
	}

	negArith struct {
		pos
		operand arith
		closed  bool
	}
)
