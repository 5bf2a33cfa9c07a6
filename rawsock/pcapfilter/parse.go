package pcapfilter

import (
	"strconv"
	"strings"
)

// parser walks the tokens once, left to right; it looks ahead to tell a parenthesis around
// arithmetic from one around a list of values or an expression.
type parser struct {
	source
	tokens  []token
	next    int
	closing []int // for each "(" the index of its ")", 0 for none
	depth   int
	terms   int
}

// parse returns the tree of an expression, nil for an empty one.
func parse(s source, tokens []token) (node, error) {
	p := &parser{source: s, tokens: tokens, closing: matchParentheses(tokens)}
	if p.peek().kind == tokEnd {
		return nil, nil
	}
	n, _, err := p.expression()
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != tokEnd {
		if t.text == ")" {
			return nil, p.errorf(t.pos, nil, "", "nothing was opened that this parenthesis closes")
		}
		return nil, p.errorf(t.pos, nil, `"and", "or" or the end`, "%s does not follow from what stands before it", t.shown())
	}
	return n, nil
}

func matchParentheses(tokens []token) []int {
	closing := make([]int, len(tokens))
	var open []int
	for i, t := range tokens {
		switch {
		case t.kind != tokSymbol:
		case t.text == "(":
			open = append(open, i)
		case t.text == ")" && len(open) > 0:
			closing[open[len(open)-1]] = i
			open = open[:len(open)-1]
		}
	}
	return closing
}

func (p *parser) peek() token { return p.tokens[p.next] }

// after returns the token n places further, the end when there is none.
func (p *parser) after(n int) token {
	return p.tokens[min(p.next+n, len(p.tokens)-1)]
}

func (p *parser) take() token {
	t := p.tokens[p.next]
	if t.kind != tokEnd {
		p.next++
	}
	return t
}

func (t token) is(kind tokenKind, texts ...string) bool {
	if t.kind != kind {
		return false
	}
	for _, text := range texts {
		if t.text == text {
			return true
		}
	}
	return false
}

func (p *parser) accept(text string) bool {
	if p.peek().is(tokSymbol, text) {
		p.next++
		return true
	}
	return false
}

func (p *parser) expect(text string) error {
	if t := p.peek(); !p.accept(text) {
		return p.errorf(t.pos, nil, `"`+text+`"`, "%s stands where %q belongs", t.shown(), text)
	}
	return nil
}

// enter counts one level of nesting; the caller calls leave when it is done.
func (p *parser) enter() error {
	if p.depth++; p.depth > maxNesting {
		return p.errorf(p.peek().pos, ErrTooLong, "", "more than %d parentheses, negations or indexes inside each other", maxNesting)
	}
	return nil
}

func (p *parser) leave() { p.depth-- }

// term counts one primitive.
func (p *parser) term() error {
	if p.terms++; p.terms > maxTerms {
		return p.errorf(p.peek().pos, ErrTooLong, "", "the expression has more than %d terms", maxTerms)
	}
	return nil
}

// expression parses terms joined by and/or. With the tree it returns the qualifiers that a bare
// value behind it would repeat, nil for none.
func (p *parser) expression() (node, *qualifiers, error) {
	left, q, err := p.operand(nil)
	for err == nil && p.peek().is(tokSymbol, "and", "or") {
		op := p.take()
		var right node
		right, q, err = p.operand(q)
		left = &logicNode{pos(op.pos), op.text == "or", left, right}
	}
	return left, q, err
}

// operand parses one term. A bare value takes the qualifiers q of the term before it.
func (p *parser) operand(q *qualifiers) (node, *qualifiers, error) {
	if err := p.enter(); err != nil {
		return nil, nil, err
	}
	defer p.leave()
	t := p.peek()
	switch {
	case p.startsRelation():
		n, err := p.relation()
		return n, nil, err
	case p.startsValue():
		n, err := p.values(q)
		return n, q, err
	case p.accept("not"):
		n, q, err := p.operand(q)
		return &notNode{pos(t.pos), n}, q, err
	case p.accept("("):
		n, _, err := p.expression()
		if err == nil {
			err = p.expect(")")
		}
		return n, q, err
	}
	return p.primitive()
}

// startsRelation tells whether arithmetic begins here.
func (p *parser) startsRelation() bool {
	t := p.peek()
	switch {
	case t.is(tokKeyword, "len"), t.is(tokSymbol, "-"):
		return true
	case t.kind == tokKeyword && protocolWords[t.text]:
		return p.after(1).is(tokSymbol, "[")
	case t.kind == tokNumber:
		return p.after(1).isOperator()
	case t.is(tokSymbol, "("):
		end := p.closing[p.next]
		return end > 0 && p.tokens[end+1].isOperator()
	}
	return false
}

func (t token) isOperator() bool {
	return t.is(tokSymbol, "+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", "=", "!=", "<", "<=", ">", ">=")
}

// startsValue tells whether a value without qualifiers of its own begins here, possibly negated or
// in parentheses.
func (p *parser) startsValue() bool {
	i := p.next
	for p.tokens[i].is(tokSymbol, "(", "not") {
		i++
	}
	switch p.tokens[i].kind {
	case tokWord, tokDotted, tokAddr6, tokMAC:
		return true
	case tokNumber:
		for i++; p.tokens[i].is(tokSymbol, ")"); i++ {
		}
		return !p.tokens[i].isOperator()
	}
	return false
}

// values parses what may stand behind qualifiers: a value, its negation, or a list of values joined
// by and/or in parentheses.
func (p *parser) values(q *qualifiers) (node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	t := p.peek()
	switch {
	case p.accept("not"):
		n, err := p.values(q)
		return &notNode{pos(t.pos), n}, err
	case p.accept("("):
		left, err := p.values(q)
		for err == nil && p.peek().is(tokSymbol, "and", "or") {
			op := p.take()
			var right node
			right, err = p.values(q)
			left = &logicNode{pos(op.pos), op.text == "or", left, right}
		}
		if err == nil {
			err = p.expect(")")
		}
		return left, err
	}
	return p.value(q)
}

func (p *parser) value(q *qualifiers) (node, error) {
	if err := p.term(); err != nil {
		return nil, err
	}
	t := p.peek()
	switch t.kind {
	case tokWord, tokNumber, tokDotted, tokAddr6, tokMAC:
	default:
		expected := "an address, a number or a name"
		if t.kind == tokKeyword {
			expected += "; the name " + t.written + ` is written \` + t.written
		}
		return nil, p.errorf(t.pos, nil, expected, "%s is no value", t.shown())
	}
	if q == nil {
		expected := `"host", "net", "port" or "proto" before it`
		if word := strings.ToLower(t.text); word != t.text && keywords[word] != "" {
			expected += ", or " + strconv.Quote(word) + " in small letters"
		}
		return nil, p.errorf(t.pos, nil, expected, "it is not said what %s is", t.shown())
	}
	p.take()
	if slash := p.peek(); slash.is(tokSymbol, "/") && t.kind == tokNumber && q.kind == "net" {
		return nil, p.errorf(t.pos, nil, "an address with dots, such as 10.0/16", "%s has no prefix length", t.shown())
	}
	n := &addrNode{pos: pos(t.pos), qualifiers: *q, value: t, mask: token{kind: tokEnd}}
	if t.kind != tokDotted && t.kind != tokAddr6 {
		return n, nil
	}
	switch m := p.peek(); {
	case m.is(tokSymbol, "/"):
		p.take()
		if n.mask = p.take(); n.mask.kind != tokNumber {
			return nil, p.errorf(n.mask.pos, nil, "the number of leading one bits", "%s is no prefix length", n.mask.shown())
		}
	case m.is(tokKeyword, "mask") && t.kind == tokDotted:
		p.take()
		if n.mask = p.take(); n.mask.kind != tokDotted {
			return nil, p.errorf(n.mask.pos, nil, "a mask such as 255.255.0.0", "%s is no mask", n.mask.shown())
		}
	}
	return n, nil
}
