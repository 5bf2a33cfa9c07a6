package mutation

import (
	"bytes"
	"slices"
	"testing"
)

var source = Source{Corpus: [][]byte{[]byte("first"), nil, []byte("the second")}, Words: []string{"word"}, Longest: 40}

// inputs are the first n of a seed.
func inputs(seed uint64, n int) (all [][]byte) {
	m := newMaker(source, seed)
	for range n {
		m.next()
		all = append(all, bytes.Clone(m.input))
	}
	return all
}

func TestInputs(t *testing.T) {
	const n = 10_000
	all := inputs(1, n)
	if !slices.EqualFunc(all, inputs(1, n), bytes.Equal) {
		t.Error("the same seed makes other inputs")
	}
	if slices.EqualFunc(all, inputs(2, n), bytes.Equal) {
		t.Error("another seed makes the same inputs")
	}
	longest, unchanged, words, spliced := 0, 0, 0, 0
	distinct := map[string]bool{}
	for _, in := range all {
		longest = max(longest, len(in))
		distinct[string(in)] = true
		if slices.ContainsFunc(source.Corpus, func(c []byte) bool { return bytes.Equal(c, in) }) {
			unchanged++
		}
		if bytes.Contains(in, []byte("word")) {
			words++
		}
		if bytes.Contains(in, []byte("fir")) && bytes.Contains(in, []byte("sec")) {
			spliced++
		}
	}
	if longest != source.Longest {
		t.Errorf("the longest has %d bytes, want %d", longest, source.Longest)
	}
	if len(distinct) < n/2 || unchanged < n/20 || words < n/20 || spliced < n/200 {
		t.Errorf("of %d inputs %d differ, %d are as in the corpus, %d have a word, %d two pieces",
			n, len(distinct), unchanged, words, spliced)
	}
	if string(source.Corpus[0]) != "first" || string(source.Corpus[2]) != "the second" {
		t.Errorf("the corpus has become %q", source.Corpus)
	}
}

func TestCorpus(t *testing.T) {
	want := [][]byte{[]byte("a\x00\xff"), []byte("→"), []byte("behind")}
	if got := Corpus(t, "FuzzNothing"); !slices.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("%q, want %q", got, want)
	}
}
