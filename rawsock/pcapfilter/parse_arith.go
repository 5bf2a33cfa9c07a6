package pcapfilter

// relation parses two values and the comparison between them.
func (p *parser) relation() (node, error) {
	if err := p.term(); err != nil {
		return nil, err
	}
	start := p.peek().pos
	left, err := p.arith(0)
	if err != nil {
		return nil, err
	}
	op := p.peek()
	if !op.is(tokSymbol, "=", "!=", "<", "<=", ">", ">=") {
		return nil, p.errorf(op.pos, nil, "=, !=, <, <=, > or >=", "%s stands where a comparison belongs", op.shown())
	}
	p.take()
	right, err := p.arith(0)
	if err != nil {
		return nil, err
	}
	return &relationNode{pos(start), op.text, left, right}, nil
}

// levels are the precedences of the binary operators, as in C.
var levels = map[string]int{
	"|": 1, "^": 2, "&": 3, "<<": 4, ">>": 4, "+": 5, "-": 5, "*": 6, "/": 6, "%": 6,
}

// arith parses operators that bind tighter than the level above.
func (p *parser) arith(above int) (arith, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	left, err := p.unary()
	for err == nil {
		op := p.peek()
		level := levels[op.text]
		if op.kind != tokSymbol || level <= above {
			break
		}
		p.take()
		var right arith
		if right, err = p.arith(level); err == nil {
			left, err = p.binary(op, left, right)
		}
	}
	return left, err
}

// binary builds one operation and refuses what has two readings.
func (p *parser) binary(op token, left, right arith) (arith, error) {
	if err := p.term(); err != nil {
		return nil, err
	}
	if inner, grouped := regrouped(op.text, left); grouped {
		return nil, p.errorf(op.pos, nil, "parentheses around one of them", "libpcap does not group %q and %q as C does", inner, op.text)
	}
	return &binaryArith{pos: pos(left.at()), op: op.text, left: left, right: right}, nil
}

// isContested tells the operators that libpcap's grammar gives no precedence.
func isContested(op string) bool { return op == "%" || op == "^" }

// regrouped tells whether libpcap gives an operation another left operand than C, and returns the
// operator that takes part of it. Without a precedence an operator takes all that stands to its right,
// and is taken by every operator to its left.
func regrouped(op string, left arith) (string, bool) {
	switch l := left.(type) {
	case *binaryArith:
		if l.closed {
			return "", false
		}
		if isContested(op) || isContested(l.op) {
			return l.op, true
		}
		return regrouped(op, l.right)
	case *negArith:
		if l.closed {
			return "", false
		}
		if isContested(op) {
			return "-", true
		}
		return regrouped(op, l.operand)
	}
	return "", false
}

func (p *parser) unary() (arith, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	t := p.peek()
	switch {
	case p.accept("-"):
		operand, err := p.unary()
		return &negArith{pos: pos(t.pos), operand: operand}, err
	case p.accept("("):
		a, err := p.arith(0)
		if err == nil {
			err = p.expect(")")
		}
		switch a := a.(type) {
		case *binaryArith:
			a.closed = true
		case *negArith:
			a.closed = true
		}
		return a, err
	case t.kind == tokNumber:
		p.take()
		return &numberArith{pos(t.pos), t.num}, nil
	case t.is(tokKeyword, "len"):
		p.take()
		return &lengthArith{pos(t.pos)}, nil
	case t.kind == tokKeyword && protocolWords[t.text] && p.after(1).is(tokSymbol, "["):
		return p.load()
	}
	return nil, p.errorf(t.pos, nil, "a number, len or an access such as tcp[13]", "%s is no number", t.shown())
}

func (p *parser) load() (arith, error) {
	proto := p.take()
	p.take()
	index, err := p.arith(0)
	if err != nil {
		return nil, err
	}
	size := 1
	if p.accept(":") {
		t := p.take()
		if t.kind != tokNumber || t.num != 1 && t.num != 2 && t.num != 4 {
			return nil, p.errorf(t.pos, nil, "1, 2 or 4", "%s is no size of a field", t.shown())
		}
		size = int(t.num)
	}
	if err := p.expect("]"); err != nil {
		return nil, err
	}
	return &loadArith{pos: pos(proto.pos), proto: proto.text, index: index, size: size}, nil
}
