package tcpdumptest

import (
	"flag"
	"slices"
	"strings"
	"testing"

	"network-sniffer/rawsock/pcapfilter"
)

var (
	expressions = flag.Int("expressions", 1000, "expressions that the grammar makes")
	seed        = flag.Uint64("seed", 1, "of the expressions that the grammar makes, and of the frames")
	files       = flag.String("lists", "testdata/expressions.txt testdata/refusals.txt", "files of expressions, with spaces between")
	told        = flag.Int("told", 60, "differences that are printed")
	every       = flag.Bool("every", false, "try each expression of testdata on every link type")
)

const (
	// generatedFrames is how many frames of each link type every expression meets, beside the captured ones and its own.
	generatedFrames = 600

	// The lists hold at least so many expressions, and at least so many that tcpdump refuses.
	listed, listedRefused = 1500, 300
)

func newLaboratory(t *testing.T) *laboratory {
	lab := &laboratory{tcpdump: newTcpdump(t), frames: corpus(t)}
	lab.options.Names = pcapfilter.SystemNames(askTime)
	for i := range links {
		l := &links[i]
		lab.frames[l.number] = append(lab.frames[l.number], generated(l, generatedFrames, *seed)...)
	}
	return lab
}

// TestSameAsTcpdump compares the lists, and as many expressions of the grammar as the flag says.
func TestSameAsTcpdump(t *testing.T) {
	lab := newLaboratory(t)
	var lists []subject
	for path := range strings.FieldsSeq(*files) {
		lists = append(lists, readList(t, path, *every)...)
	}
	results := lab.compareAll(t, slices.Concat(lists, sentences(*expressions, *seed)))

	var s summary
	for i, r := range results {
		s.add(r, i < len(lists))
		if r.problem != "" && s.wrong <= *told {
			t.Errorf("%s: %s\n%s", r.link.name, r.expr, r.problem)
		}
		if r.refusal == nil && r.optimizedRefusal == rejects && !r.empty {
			t.Errorf("%s: %s: tcpdump finds that nothing can match, ours does not", r.link.name, r.expr)
		}
		if testing.Verbose() && r.weak() {
			t.Logf("weak: %s: %s: %d of %d frames", r.link.name, r.expr, r.matched, r.frames)
		}
	}
	t.Logf("%d expressions of the lists, of which tcpdump refuses %d; with the generated ones and the link types %d cases",
		len(s.listed), len(s.refused), len(results))
	t.Logf("%d cases taken by both and %d refused by both, %d otherwise and not in the table", s.taken, s.refusedByBoth, s.wrong)
	t.Logf("%d can say one thing alone; of the other %d, %d were seen to say both (%.1f%%)",
		s.constant, s.taken-s.constant, s.told, s.share())
	t.Logf("%d frames judged, %d of them by the kernel too; %d, cut short, as tcpdump's optimized program alone does",
		s.frames, s.kernel, s.lenient)
	t.Logf("%d are found to match nothing by both, %d by us alone", s.empty[0], s.empty[1])
	if len(s.listed) < listed || len(s.refused) < listedRefused {
		t.Errorf("the lists want %d expressions, and %d that tcpdump refuses", listed, listedRefused)
	}
	if s.share() < 90 {
		t.Errorf("only %.1f%% of the expressions tell frames apart: the comparison proves too little", s.share())
	}
	checkMet(t, s.met, false)
	compareLengths(t, results)
}

// summary is what comparing came to.
type summary struct {
	listed, refused                             map[string]bool
	taken, refusedByBoth, constant, told, wrong int
	frames, kernel, lenient                     int
	empty                                       [2]int // found to match nothing by both, by us alone
	met                                         map[string]int
}

func (s *summary) add(r *result, inList bool) {
	if s.met == nil {
		s.listed, s.refused, s.met = map[string]bool{}, map[string]bool{}, map[string]int{}
	}
	if inList {
		s.listed[r.expr] = true
		if r.plainRefusal != "" {
			s.refused[r.expr] = true
		}
	}
	for _, name := range r.met {
		s.met[name]++
	}
	s.frames, s.kernel, s.lenient = s.frames+r.frames, s.kernel+r.kernel, s.lenient+r.lenient
	switch {
	case r.problem != "":
		s.wrong++
	case r.refusal != nil && r.plainRefusal != "":
		s.refusedByBoth++
	case r.refusal == nil && r.plainRefusal == "":
		s.taken++
		switch {
		case r.empty && r.optimizedRefusal == rejects:
			s.empty[0]++
		case r.empty:
			s.empty[1]++
		}
		if r.constant() {
			s.constant++
		} else if r.told() {
			s.told++
		}
	}
}

// share is how many of a hundred expressions that can say both were seen to.
func (s *summary) share() float64 { return 100 * float64(s.told) / float64(max(1, s.taken-s.constant)) }
