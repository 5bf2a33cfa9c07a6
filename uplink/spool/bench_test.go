package spool

import (
	"testing"
)

const benchBody = 256 << 10

// BenchmarkSeal seals into a spool that is full: each segment makes an older one give way.
func BenchmarkSeal(b *testing.B) {
	s, err := Open(Disk{}, tempDir(b), 16*MaxBody)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	body := make([]byte, benchBody)
	h, _ := segment(key{1, 0}, 0)
	b.SetBytes(benchBody)
	b.ReportAllocs()
	for b.Loop() {
		h.Sequence++
		if err := s.Seal(h, body[:benchBody/2], body[benchBody/2:]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	s, err := Open(Disk{}, tempDir(b), MinLimit)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	h, _ := segment(key{1, 1}, 0)
	if err := s.Seal(h, make([]byte, benchBody)); err != nil {
		b.Fatal(err)
	}
	refs := s.Pin(1, 1)
	var buf []byte
	b.SetBytes(benchBody)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, buf, err = s.Load(refs[0], buf); err != nil {
			b.Fatal(err)
		}
	}
}

// TestLoadAllocations: a segment costs a few small allocations, its body none.
func TestLoadAllocations(t *testing.T) {
	w := newWorld(t, Disk{}, 1<<30)
	w.mustOpen()
	defer w.close()
	w.mustSeal(20_000)
	refs := w.spool.Pin(1, 1)
	var buf []byte
	n := testing.AllocsPerRun(100, func() {
		_, _, grown, err := w.spool.Load(refs[0], buf)
		if err != nil {
			t.Fatal(err)
		}
		if buf != nil && &grown[0] != &buf[0] {
			t.Fatal("the buffer was large enough, and was not used")
		}
		buf = grown
	})
	if n > 24 {
		t.Errorf("%v allocations for one segment", n)
	}
}
