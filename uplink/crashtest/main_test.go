package crashtest

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"network-sniffer/board/testbed"
)

var (
	killCount  = flag.Int("kills", 0, "SIGKILLs of the recorder; 0: each named point twice and 20 at random moments")
	faultCount = flag.Int("faults", 0, "immediate stops of the server, kills of its backends, and answers swallowed, each; 0: 20")
	seed       = flag.Uint64("seed", 0, "of the random moments; 0: another one each time")
)

const (
	// patience is how long an event may take on a machine that is busy with something else.
	patience = 120 * time.Second
	// atOnce is how many tests wait for their servers at the same time: they wait more than they work.
	atOnce = "16"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		runChild(text) // until it is killed
	}
	flag.Parse()
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	set := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { set[f.Name] = true })
	if !set["test.parallel"] {
		if err := flag.Set("test.parallel", atOnce); err != nil {
			panic(err)
		}
	}
	code := testbed.Main(m)
	summary.print(os.Stdout)
	os.Exit(code)
}

// random returns the numbers of one test, the same for the same seed.
func random(t *testing.T, stream uint64) *rand.Rand {
	t.Logf("seed %d", *seed)
	return rand.New(rand.NewPCG(*seed, stream))
}

// result is one line of the table at the end.
type result struct {
	scenario string
	struck   int // kills or faults
	tally
	rows, ledger int64 // in the database: packets, and segments in the ledger
	losses       int64
	verdict      string
}

type table struct {
	mu      sync.Mutex
	results []result
}

var summary table

func (s *table) add(t *testing.T, r result) {
	r.verdict = "balance"
	if t.Failed() {
		r.verdict = "FAILED"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.results = append(s.results, r)
}

func (s *table) print(w io.Writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.results) == 0 {
		return
	}
	const line = "%-38s %7v %9v %9v %9v %8v %7v %9v  %v\n"
	fmt.Fprintf(w, "\n"+line, "scenario", "struck", "segments", "rows", "confirmed", "resent", "known", "losses", "books")
	fmt.Fprintln(w, strings.Repeat("-", 118))
	for _, r := range s.results {
		fmt.Fprintf(w, line, r.scenario, r.struck, r.ledger, r.rows, r.confirmed, max(0, r.copies-r.commits), r.known, r.losses,
			r.verdict)
	}
	fmt.Fprintf(w, "seed %d\n", *seed)
}
