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
	switch w := p.peek(); {
	case w.is(tokKeyword, "src", "dst", "host", "net", "port", "portrange", "proto"):
		q := p.qualifiers(proto)
		n, err := p.values(q)
		return n, q, err
	case w.is(tokKeyword, "broadcast", "multicast"):
		p.take()
		return &castNode{pos(t.pos), proto, w.text == "multicast"}, nil, nil
	case proto != "":
		if w.is(tokKeyword, unsupported) {
			break
		}
		return &protoNode{pos(t.pos), proto}, nil, nil
	case w.is(tokKeyword, "less", "greater"):
		p.take()
		n := p.take()
		if n.kind != tokNumber {
			return nil, nil, p.errorf(n.pos, nil, "a length in bytes", "%s is no number", n.shown())
		}
		op := map[string]string{"less": "<=", "greater": ">="}[w.text]
		return &relationNode{pos(t.pos), op, &lengthArith{pos(t.pos)}, &numberArith{pos(n.pos), n.num}}, nil, nil
	case w.is(tokKeyword, "vlan"):
		p.take()
		id, err := p.identifier()
		return &vlanNode{pos(t.pos), id}, nil, err
	case w.is(tokKeyword, "inbound", "outbound"):
		p.take()
		return &directionNode{pos(t.pos), w.text == "outbound"}, nil, nil
	}
	w := p.peek()
	return nil, nil, p.errorf(w.pos, p.kindOf(w), "a primitive such as tcp, host 192.0.2.1 or port 80", "%s begins no term", p.shown(w))
}

// identifier parses an optional number, possibly in parentheses; it returns -1 for none.
func (p *parser) identifier() (int64, error) {
	n := 0
	for p.after(n).is(tokSymbol, "(") {
		n++
	}
	if p.after(n).kind != tokNumber {
		return -1, nil
	}
	for range n {
		p.take()
	}
	id := int64(p.take().num)
	for range n {
		if err := p.expect(")"); err != nil {
			return 0, err
		}
	}
	return id, nil
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
