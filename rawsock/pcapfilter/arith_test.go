package pcapfilter

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestOperatorsGroupAsInTcpdump compares the value of operators in a row, without parentheses. Where libpcap groups
// otherwise than C the row is refused.
func TestOperatorsGroupAsInTcpdump(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 4))
	refused := 0
	var exprs []string
	for range 400 {
		var b strings.Builder
		for i := range 2 + r.IntN(4) {
			if i > 0 {
				b.WriteString(pick(r, []string{" + ", " - ", " * ", " / ", " & ", " | ", " << ", " >> ", " % ", " ^ "}))
			}
			if r.IntN(8) == 0 {
				b.WriteByte('-')
			}
			fmt.Fprint(&b, 1+r.IntN(20))
		}
		val, err := valueOf(t, b.String())
		if err != nil {
			if isDocumented(err) {
				refused++
				continue
			}
			t.Fatalf("%s: %v", b.String(), err)
		}
		exprs = append(exprs, fmt.Sprintf("%s = %d", b.String(), val))
	}
	frame := make([]byte, 60)
	for _, b := range compileBoth(t, Ethernet, exprs, "-O") {
		if b.err != nil || !b.taken {
			t.Errorf("%s: ours: %v; taken by tcpdump: %v", b.expr, b.err, b.taken)
			continue
		}
		if runner(t, b.theirs)(frame) == 0 {
			t.Errorf("%s: to tcpdump it is something else", b.expr)
		}
	}
	t.Logf("%d rows of operators, %d refused", len(exprs), refused)
	if len(exprs) < 100 || refused < 50 {
		t.Error("the comparison proves little")
	}
}

// valueOf computes arithmetic of constants.
func valueOf(t *testing.T, text string) (uint32, error) {
	t.Helper()
	s := source(text)
	tokens, err := lex(s)
	if err != nil {
		t.Fatal(err)
	}
	p := &parser{source: s, tokens: tokens, closing: matchParentheses(tokens)}
	a, err := p.arith(0)
	if err != nil {
		return 0, err
	}
	low, err := newLowering(s, Options{LinkType: Ethernet})
	if err != nil {
		t.Fatal(err)
	}
	if a, err = low.fold(a); err != nil {
		return 0, err
	}
	return a.(*numberArith).val, nil
}
