package pcapfilter

import (
	"flag"
	"math/rand/v2"
	"strings"
	"testing"
)

var mutatedExpressions = flag.Int("mutated-expressions", 600, "how many changed expressions are compared with tcpdump")

// documented are parts of the messages for what is refused here and taken by tcpdump, as the package comment says.
var documented = []string{
	"is no protocol number", "no packet has a byte", "names of", "does not group",
	"division by zero", "leaves nothing of 32 bits", "is no IPv4 address",
}

// mutate changes a word or two of an expression: one goes, comes twice, changes places with another or becomes
// one of another expression.
func mutate(r *rand.Rand, words, pool []string) []string {
	words = append([]string(nil), words...)
	for range 1 + r.IntN(2) {
		i, j := r.IntN(len(words)), r.IntN(len(words))
		switch r.IntN(5) {
		case 0:
			if len(words) > 1 {
				words = append(words[:i], words[i+1:]...)
			}
		case 1:
			words = append(words[:i+1], words[i:]...)
		case 2:
			words[i], words[j] = words[j], words[i]
		case 3:
			words[i] = pick(r, pool)
		case 4:
			words = append(words[:i+1], words[i:]...)
			words[i] = pick(r, pool)
		}
	}
	return words
}

// TestMutatedExpressions asks both compilers about expressions that a person may have mistyped: nearly right, most of
// them wrong. Both take them or both refuse them, and what both take means the same.
func TestMutatedExpressions(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 9))
	var all [][]string
	var pool []string
	for _, expr := range append(append([]string(nil), everyday...), refused...) {
		for _, mark := range [...]string{"(", ")", "[", "]", "!", "&&", "||"} {
			expr = strings.ReplaceAll(expr, mark, " "+mark+" ")
		}
		words := strings.Fields(expr)
		all, pool = append(all, words), append(pool, words...)
	}
	var exprs []string
	for range *mutatedExpressions {
		exprs = append(exprs, strings.Join(mutate(r, pick(r, all), pool), " "))
	}
	frames := makeFrames(300)
	taken, excused := 0, 0
	for _, b := range compileBoth(t, Ethernet, exprs, "-O") {
		switch {
		case b.taken && b.err == nil:
			taken++
			agree(t, b, frames)
		case b.taken && isDocumented(b.err):
			excused++
		case b.taken || b.err == nil:
			t.Errorf("%s\nours: %v; taken by tcpdump: %v", b.expr, b.err, b.taken)
		}
	}
	t.Logf("%d expressions, %d taken by both, %d by tcpdump alone and documented", len(exprs), taken, excused)
	if taken < len(exprs)/20 || excused > len(exprs)/50 {
		t.Errorf("the comparison proves little")
	}
}

func isDocumented(err error) bool {
	for _, part := range documented {
		if strings.Contains(err.Error(), part) {
			return true
		}
	}
	return false
}
