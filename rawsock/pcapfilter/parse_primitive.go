package pcapfilter

// primitive parses a term that begins with a keyword.
func (p *parser) primitive() (node, *qualifiers, error) {
	if err := p.term(); err != nil {
		return nil, nil, err
	}
	t := p.peek()
	if t.kind != tokKeyword {
		return nil, nil, p.errorf(t.pos, nil, "a primitive such as tcp, host 192.0.2.1 or port 80", "%s begins no term", t.shown())
	}
	proto := ""
	if protocolWords[t.text] {
		proto = p.take().text
	}
	if err := p.foreign(); err != nil {
		return nil, nil, err
	}
	switch w := p.peek(); {
	case w.is(tokKeyword, "src", "dst", "host", "net", "port", "portrange", "proto", "protochain", "gateway"):
		q := p.qualifiers(proto)
		n, err := p.values(q)
		return n, q, err
	case w.is(tokKeyword, "broadcast", "multicast"):
		p.take()
		return &castNode{pos(t.pos), proto, w.text == "multicast"}, nil, nil
	case proto != "":
		return &protoNode{pos(t.pos), proto}, nil, nil
	case w.is(tokKeyword, "less", "greater"):
		p.take()
		n, err := p.number("a length in bytes")
		op := map[string]string{"less": "<=", "greater": ">="}[w.text]
		return &relationNode{pos(t.pos), op, &lengthArith{pos(t.pos)}, n}, nil, err
	case w.is(tokKeyword, "byte"):
		n, err := p.byteRelation()
		return n, nil, err
	case w.is(tokKeyword, "vlan"):
		p.take()
		id, err := p.identifier()
		return &vlanNode{pos(t.pos), id}, nil, err
	case w.is(tokKeyword, "mpls", "pppoes", "geneve", "vxlan"):
		p.take()
		id, err := p.identifier()
		return &encapsulationNode{pos(t.pos), id, w.text}, nil, err
	case w.is(tokKeyword, "pppoed"):
		p.take()
		return &protoNode{pos(t.pos), w.text}, nil, nil
	case w.is(tokKeyword, "llc"):
		p.take()
		n := &llcNode{pos: pos(t.pos)}
		if kind := p.peek(); kind.kind == tokWord || kind.is(tokKeyword, "rnr") {
			n.kind = p.take()
		}
		return n, nil, nil
	case w.is(tokKeyword, "ifindex"):
		p.take()
		n, err := p.number("the number of an interface")
		if err != nil {
			return nil, nil, err
		}
		return &interfaceNode{pos(t.pos), n.val}, nil, nil
	case w.is(tokKeyword, "inbound", "outbound"):
		p.take()
		return &directionNode{pos(t.pos), w.text == "outbound"}, nil, nil
	}
	w := p.peek()
	return nil, nil, p.errorf(w.pos, nil, "a primitive such as tcp, host 192.0.2.1 or port 80", "%s begins no term", w.shown())
}

// byteRelation parses "byte" with an offset, one of = < > & | and a value. The manual page has lost
// the word. With & and | the result is compared with zero.
func (p *parser) byteRelation() (node, error) {
	at := pos(p.take().pos)
	index, err := p.number("an offset in bytes")
	if err != nil {
		return nil, err
	}
	op := p.take()
	if !op.is(tokSymbol, "=", "<", ">", "&", "|") {
		return nil, p.errorf(op.pos, nil, "=, <, >, & or |", "%s stands where an operator belongs", op.shown())
	}
	val, err := p.number("a value")
	if err != nil {
		return nil, err
	}
	load := &loadArith{pos: at, proto: "ether", index: index, size: 1}
	if op.is(tokSymbol, "&", "|") {
		return &relationNode{at, "!=", &binaryArith{pos: at, op: op.text, left: load, right: val}, &numberArith{at, 0}}, nil
	}
	return &relationNode{at, op.text, load, val}, nil
}

func (p *parser) number(expected string) (*numberArith, error) {
	t := p.take()
	if t.kind != tokNumber {
		return nil, p.errorf(t.pos, nil, expected, "%s is no number", t.shown())
	}
	return &numberArith{pos(t.pos), t.num}, nil
}

// foreign refuses a word for links of other kinds.
func (p *parser) foreign() error {
	t := p.peek()
	if kind := foreign[t.text]; t.kind == tokKeyword && kind != "" {
		return p.errorf(t.pos, nil, "", "%q is for %s, and no link type here is of that kind", t.text, kind)
	}
	return nil
}

// identifier parses an optional number, possibly in parentheses.
func (p *parser) identifier() (identifier, error) {
	n := 0
	for p.after(n).is(tokSymbol, "(") {
		n++
	}
	if p.after(n).kind != tokNumber {
		return identifier{id: -1}, nil
	}
	for range n {
		p.take()
	}
	t := p.take()
	for range n {
		if err := p.expect(")"); err != nil {
			return identifier{}, err
		}
	}
	return identifier{int64(t.num), t.pos}, nil
}

// qualifiers parses the direction and the kind of a value; at least one of them is there.
func (p *parser) qualifiers(proto string) *qualifiers {
	q := &qualifiers{proto: proto}
	if d := p.peek(); d.is(tokKeyword, "src", "dst") {
		p.take()
		q.dir = d.text
		// "src or dst" is one direction; in "src 192.0.2.1 or dst …" the word is not next.
		op, other := p.peek(), p.after(1)
		if op.is(tokSymbol, "and", "or") && other.is(tokKeyword, "src", "dst") && other.text != d.text {
			p.take()
			p.take()
			q.dir = op.text
		}
		if !p.peek().is(tokKeyword, "host", "net", "port", "portrange") {
			return q
		}
	}
	q.kind = p.take().text
	return q
}
