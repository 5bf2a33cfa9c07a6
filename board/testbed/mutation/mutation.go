// Package mutation feeds a check with inputs that it makes by changing those of a corpus. It knows nothing of the code it
// tries, which Go's fuzzer does, and is ten to a hundred times as quick for it: the fuzzer finds the ways into the code, and
// what it found goes into the corpus here.
package mutation

import (
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// How long the tests look, and where they begin: -mutations 100000000 -seed 7 -timeout 2h is an evening's work.
var (
	mutations = flag.Int("mutations", 0, "inputs that each TestMutated makes; 0: as many as take part of a second")
	seed      = flag.Uint64("seed", 1, "of the inputs")
)

// Source is what inputs are made of.
type Source struct {
	Corpus  [][]byte // one at least; not written to
	Words   []string // worth having in an input
	Longest int      // bytes of an input
	Few     int      // inputs of a usual test run
}

// Run calls check with one input after another. It is check's until it returns, and random decides what else there is to
// choose. An input that fails or panics is written to the log of the test.
func Run(t *testing.T, s Source, check func(random *rand.Rand, input []byte)) {
	t.Helper()
	var (
		n     = *mutations
		m     = newMaker(s, *seed)
		begun = time.Now()
		done  = 0
	)
	if n == 0 {
		n = s.Few
	}
	defer func() { // check may have ended the test, or panicked
		if done < n {
			t.Errorf("input %d of -seed %d is %q", done, *seed, m.input)
		}
	}()
	for ; done < n; done++ {
		m.next()
		if check(m.Rand, m.input); t.Failed() {
			t.FailNow()
		}
	}
	t.Logf("%d inputs in %v", done, time.Since(begun).Round(time.Millisecond))
}

// Corpus returns what the files in testdata/fuzz/TARGET have of bytes and strings.
func Corpus(t testing.TB, target string) (all [][]byte) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "fuzz", target, "*"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s has no corpus: %v", target, err)
	}
	for _, path := range paths {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(file)) {
			literal, isBytes := strings.CutPrefix(strings.TrimSpace(line), "[]byte(")
			if !isBytes {
				if literal, isBytes = strings.CutPrefix(literal, "string("); !isBytes {
					continue
				}
			}
			text, err := strconv.Unquote(strings.TrimSuffix(literal, ")"))
			if err != nil {
				t.Fatalf("%s: %s: %v", path, line, err)
			}
			all = append(all, []byte(text))
		}
	}
	return all
}

// maker makes inputs.
type maker struct {
	*rand.Rand
	Source
	input []byte // the last one
	piece []byte // on its way into it
}

func newMaker(s Source, seed uint64) *maker {
	return &maker{Rand: rand.New(rand.NewPCG(seed, 8000)), Source: s}
}

// next changes an entry of the corpus, or once in a while the input before it.
func (m *maker) next() {
	if m.IntN(8) > 0 {
		m.input = append(m.input[:0], m.entry()...)
	}
	for range m.IntN(6) {
		m.change()
	}
	m.input = m.input[:min(len(m.input), m.Longest)]
}

func (m *maker) entry() []byte { return m.Corpus[m.IntN(len(m.Corpus))] }

// edges are numbers at which code changes its mind.
var edges = [...]byte{0, 1, '\t', '\n', '\r', 0x1b, ' ', '"', '0', '\\', 0x7e, 0x7f, 0x80, 0x9f, 0xa0, 0xbf, 0xc2, 0xe2, 0xf0,
	0xf4, 0xfe, 0xff}

// change is one change.
func (m *maker) change() {
	at := m.IntN(len(m.input) + 1)
	if at == len(m.input) { // only what comes in has a place there
		m.insert(at)
		return
	}
	switch m.IntN(8) {
	case 0:
		m.input[at] ^= 1 << m.IntN(8)
	case 1:
		m.input[at] = byte(m.Uint32())
	case 2:
		m.input[at] = edges[m.IntN(len(edges))]
	case 3:
		m.input[at] += byte(1 + 254*m.IntN(2))
	case 4:
		m.insert(at)
	case 5: // bytes go
		m.input = append(m.input[:at], m.input[min(len(m.input), at+1+m.IntN(16)):]...)
	case 6: // bytes are written over
		m.take()
		copy(m.input[at:], m.piece)
	case 7: // bytes come again
		m.piece = append(m.piece[:0], m.input[at:min(len(m.input), at+1+m.IntN(8))]...)
		for range 1 + m.IntN(8) {
			m.put(at)
		}
	}
}

// insert puts a word, or a piece of another entry, there.
func (m *maker) insert(at int) {
	if len(m.Words) > 0 && m.IntN(2) == 0 {
		m.piece = append(m.piece[:0], m.Words[m.IntN(len(m.Words))]...)
	} else {
		m.take()
	}
	m.put(at)
}

// take takes a piece of another entry.
func (m *maker) take() {
	other := m.entry()
	from := m.IntN(len(other) + 1)
	m.piece = append(m.piece[:0], other[from:min(len(other), from+1+m.IntN(32))]...)
}

// put makes room for the piece; what does not fit is cut off the input's end.
func (m *maker) put(at int) {
	n := len(m.input)
	m.input = append(m.input, m.piece...)
	copy(m.input[at+len(m.piece):], m.input[at:n])
	copy(m.input[at:], m.piece)
}
