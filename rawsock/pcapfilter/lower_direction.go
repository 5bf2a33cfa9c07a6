package pcapfilter

import "golang.org/x/net/bpf"

// packetOutgoing is PACKET_OUTGOING of packet(7), and the packet type of cooked headers.
const packetOutgoing = 4

// direction lowers "inbound" and "outbound".
func (low *lowering) direction(n *directionNode) (cond, error) {
	var load bpf.Instruction
	switch {
	case low.link.live:
		load = bpf.LoadExtension{Num: bpf.ExtType}
	case low.link.outer == LinuxSLL:
		load = bpf.LoadAbsolute{Off: 0, Size: 2}
	case low.link.outer == LinuxSLL2:
		load = bpf.LoadAbsolute{Off: 10, Size: 1}
	default:
		return nil, low.errorf(n.at(), nil, "",
			"a saved frame of link type %s does not say in which direction it went", nameOf(low.link.outer))
	}
	out := &test{code: []bpf.Instruction{load}, jump: bpf.JumpEqual, val: packetOutgoing}
	if n.outbound {
		return out, nil
	}
	return not(out), nil
}

// interfaceIndex lowers "ifindex".
func (low *lowering) interfaceIndex(n *interfaceNode) (cond, error) {
	var load bpf.Instruction
	switch {
	case low.link.live:
		load = bpf.LoadExtension{Num: bpf.ExtInterfaceIndex}
	case low.link.outer == LinuxSLL2:
		load = bpf.LoadAbsolute{Off: 4, Size: 4}
	default:
		return nil, low.errorf(n.at(), nil, "",
			"a saved frame of link type %s does not say through which interface it went", nameOf(low.link.outer))
	}
	return &test{code: []bpf.Instruction{load}, jump: bpf.JumpEqual, val: n.index}, nil
}
