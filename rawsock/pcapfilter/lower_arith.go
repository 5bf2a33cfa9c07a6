package pcapfilter

import "golang.org/x/net/bpf"

// relation lowers a comparison. All the protocols that its accesses name are tested before
// any of them loads.
func (low *lowering) relation(n *relationNode) (cond, error) {
	left, err := low.fold(n.left)
	if err != nil {
		return nil, err
	}
	right, err := low.fold(n.right)
	if err != nil {
		return nil, err
	}
	guards, err := low.guards(left, nil)
	if err != nil {
		return nil, err
	}
	if guards, err = low.guards(right, guards); err != nil {
		return nil, err
	}
	t := &test{}
	invert := false
	switch n.op {
	case "=":
		t.jump = bpf.JumpEqual
	case "!=":
		t.jump, invert = bpf.JumpEqual, true
	case ">":
		t.jump = bpf.JumpGreaterThan
	case "<=":
		t.jump, invert = bpf.JumpGreaterThan, true
	case ">=":
		t.jump = bpf.JumpGreaterOrEqual
	case "<":
		t.jump, invert = bpf.JumpGreaterOrEqual, true
	}
	if l, ok := left.(*numberArith); ok {
		if r, ok := right.(*numberArith); ok {
			return constant(compare(t.jump, l.val, r.val) != invert), nil
		}
	}
	if r, ok := right.(*numberArith); ok {
		t.val = r.val
		t.code, err = low.evaluate(left, nil, 0)
	} else {
		t.useX = true
		t.code, err = low.operands(left, right, nil, 0)
	}
	if err != nil {
		return nil, err
	}
	var c cond = t
	if invert {
		c = not(c)
	}
	return and(append(guards, c)...), nil
}

func compare(jump bpf.JumpTest, a, b uint32) bool {
	switch jump {
	case bpf.JumpEqual:
		return a == b
	case bpf.JumpGreaterThan:
		return a > b
	}
	return a >= b
}

var operators = map[string]bpf.ALUOp{
	"+": bpf.ALUOpAdd, "-": bpf.ALUOpSub, "*": bpf.ALUOpMul, "/": bpf.ALUOpDiv, "%": bpf.ALUOpMod, "&": bpf.ALUOpAnd, "|": bpf.ALUOpOr,
	"^": bpf.ALUOpXor, "<<": bpf.ALUOpShiftLeft, ">>": bpf.ALUOpShiftRight,
}

// fold computes what is constant, modulo 2 to the 32nd, and refuses what has no value.
func (low *lowering) fold(a arith) (arith, error) {
	switch a := a.(type) {
	case *loadArith:
		index, err := low.fold(a.index)
		if err != nil {
			return nil, err
		}
		// Behind a shifted header the index waits in a slot.
		return &loadArith{a.pos, a.proto, index, a.size, max(slots(index), 1)}, nil
	case *negArith:
		// 0 - x: the virtual machine of golang.org/x/net/bpf cannot negate.
		return low.fold(&binaryArith{pos: a.pos, op: "-", left: &numberArith{a.pos, 0}, right: a.operand})
	case *binaryArith:
		left, err := low.fold(a.left)
		if err != nil {
			return nil, err
		}
		right, err := low.fold(a.right)
		if err != nil {
			return nil, err
		}
		folded := &binaryArith{pos: a.pos, op: a.op, left: left, right: right}
		r, ok := right.(*numberArith)
		if !ok {
			folded.slots = max(slots(left), slots(right))
			if slots(left) == slots(right) {
				folded.slots++
			}
			return folded, nil
		}
		folded.slots = slots(left)
		switch {
		case r.val == 0 && (a.op == "/" || a.op == "%"):
			return nil, low.errorf(r.at(), nil, "another divisor", "division by zero")
		case r.val > 31 && (a.op == "<<" || a.op == ">>"):
			return nil, low.errorf(r.at(), nil, "0 to 31", "a shift by %d leaves nothing of 32 bits", r.val)
		}
		if l, ok := left.(*numberArith); ok {
			return &numberArith{a.pos, compute(a.op, l.val, r.val)}, nil
		}
		return folded, nil
	}
	return a, nil
}

// slots is how many scratch slots the evaluation of a folded value takes.
func slots(a arith) int {
	switch a := a.(type) {
	case *loadArith:
		return a.slots
	case *binaryArith:
		return a.slots
	}
	return 0
}

func compute(op string, a, b uint32) uint32 {
	switch op {
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	case "/":
		return a / b
	case "%":
		return a % b
	case "&":
		return a & b
	case "|":
		return a | b
	case "^":
		return a ^ b
	case "<<":
		return a << b
	}
	return a >> b
}

// accessible4 are the protocols whose bytes are read behind an IPv4 header.
var accessible4 = map[string]uint32{
	"tcp": protoTCP, "udp": protoUDP, "sctp": protoSCTP, "icmp": protoICMP, "igmp": protoIGMP, "igrp": protoIGRP,
	"pim": protoPIM, "vrrp": protoVRRP, "carp": protoVRRP,
}

// guards appends the conditions under which the accesses of a value make sense.
func (low *lowering) guards(a arith, guards []cond) ([]cond, error) {
	switch a := a.(type) {
	case *binaryArith:
		guards, err := low.guards(a.left, guards)
		if err != nil {
			return nil, err
		}
		return low.guards(a.right, guards)
	case *loadArith:
		number, transport := accessible4[a.proto]
		if transport {
			// Behind an IPv4 header alone: the place of what follows an IPv6 header is not fixed.
			guards = append(guards, low.isIP())
		}
		guards, err := low.guards(a.index, guards)
		if err != nil {
			return nil, err
		}
		if transport {
			return append(guards, low.link.field(protocol4, 1, bpf.JumpEqual, number), low.notLaterFragment()), nil
		}
		switch a.proto {
		case "ether":
			if low.link.cooked() {
				return nil, low.errorf(a.at(), nil, "ip[], tcp[] or another header",
					"the kernel takes the link-layer header of this link away before the filter runs")
			}
			return guards, nil
		case "ip", "ip6", "arp", "rarp", "atalk", "decnet", "lat", "sca", "moprc", "mopdl":
			c, err := low.protocol(a.at(), a.proto)
			return append(guards, c), err
		case "icmp6":
			// Unlike icmp6 alone, nothing behind a fragment header: the offset would be another.
			return append(guards, low.isIP6(), low.link.field(nextHeader6, 1, bpf.JumpEqual, protoICMPv6)), nil
		}
		return nil, low.errorf(a.at(), nil, "", "the header of %q has no accessible bytes", a.proto)
	}
	return guards, nil
}

// evaluate appends code that leaves a value in A. It uses the scratch slots from depth on and X.
func (low *lowering) evaluate(a arith, code []bpf.Instruction, depth int) ([]bpf.Instruction, error) {
	switch a := a.(type) {
	case *numberArith:
		return append(code, bpf.LoadConstant{Dst: bpf.RegA, Val: a.val}), nil
	case *lengthArith:
		return append(code, bpf.LoadExtension{Num: bpf.ExtLen}), nil
	case *loadArith:
		return low.access(a, code, depth)
	case *binaryArith:
		if r, ok := a.right.(*numberArith); ok {
			code, err := low.evaluate(a.left, code, depth)
			return append(code, bpf.ALUOpConstant{Op: operators[a.op], Val: r.val}), err
		}
		code, err := low.operands(a.left, a.right, code, depth)
		return append(code, bpf.ALUOpX{Op: operators[a.op]}), err
	}
	panic("pcapfilter: a value the lower stage does not know")
}

// operands appends code that leaves left in A and right in X. The one that takes more slots goes
// first, while all of them are free; the order changes no verdict, because whatever fails in
// either rejects the frame.
func (low *lowering) operands(left, right arith, code []bpf.Instruction, depth int) ([]bpf.Instruction, error) {
	first, second := right, left
	if slots(left) > slots(right) {
		first, second = left, right
	}
	code, err := low.evaluate(first, code, depth)
	if err != nil {
		return nil, err
	}
	code = append(code, bpf.StoreScratch{Src: bpf.RegA, N: depth})
	if code, err = low.evaluate(second, code, depth+1); err != nil {
		return nil, err
	}
	if first == right {
		return append(code, bpf.LoadScratch{Dst: bpf.RegX, N: depth}), nil
	}
	return append(code, bpf.TAX{}, bpf.LoadScratch{Dst: bpf.RegA, N: depth}), nil
}

// access appends code that loads proto[index:size] into A.
func (low *lowering) access(a *loadArith, code []bpf.Instruction, depth int) ([]bpf.Instruction, error) {
	l := &low.link
	index, fixed := a.index.(*numberArith)
	if fixed && index.val > maxOffset {
		return nil, low.errorf(index.at(), nil, "an offset into the packet", "no packet has a byte %d", index.val)
	}
	switch a.proto {
	case "ether":
		if fixed {
			return append(code, l.header.load(index.val, a.size)...), nil
		}
		code, err := low.evaluate(a.index, code, depth)
		if l.header.slot != 0 {
			code = append(code, bpf.LoadScratch{Dst: bpf.RegX, N: l.header.slot}, bpf.ALUOpX{Op: bpf.ALUOpAdd})
		}
		return append(code, bpf.TAX{}, bpf.LoadIndirect{Off: l.header.offset, Size: a.size}), err
	case "ip", "ip6", "arp", "rarp", "atalk", "decnet", "lat", "sca", "moprc", "mopdl", "icmp6":
		base := l.network
		if a.proto == "icmp6" {
			base += header6
		}
		if fixed {
			return append(code, l.loadShifted(base+index.val, a.size)...), nil
		}
		code, err := low.evaluate(a.index, code, depth)
		if l.shifted {
			code = append(code, bpf.LoadScratch{Dst: bpf.RegX, N: shiftSlot}, bpf.ALUOpX{Op: bpf.ALUOpAdd})
		}
		return append(code, bpf.TAX{}, bpf.LoadIndirect{Off: base, Size: a.size}), err
	}
	if fixed {
		code = append(code, l.headerLength4()...)
		return append(code, bpf.LoadIndirect{Off: l.network + index.val, Size: a.size}), nil
	}
	code, err := low.evaluate(a.index, code, depth)
	if l.shifted {
		// The header length is computed in A, so the index waits in scratch memory.
		code = append(code, bpf.StoreScratch{Src: bpf.RegA, N: depth})
		code = append(code, l.headerLength4()...)
		code = append(code, bpf.LoadScratch{Dst: bpf.RegA, N: depth})
	} else {
		code = append(code, l.headerLength4()...)
	}
	return append(code, bpf.ALUOpX{Op: bpf.ALUOpAdd}, bpf.TAX{}, bpf.LoadIndirect{Off: l.network, Size: a.size}), err
}
