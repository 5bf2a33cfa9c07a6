package spool

import (
	"errors"
	"testing"
)

// TestWalkEnds: what Walk shows is what Inspect lists, and an error of who looks ends it at once.
func TestWalkEnds(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(Disk{}, dir, MinLimit)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for n := uint64(1); n <= 5; n++ {
		if err := s.Seal(&Header{Sequence: n, Rows: n}, []byte("rows")); err != nil {
			t.Fatal(err)
		}
	}
	infos, err := Inspect(Disk{}, dir)
	if err != nil || len(infos) != 5 {
		t.Fatalf("%d segments, error %v", len(infos), err)
	}
	enough := errors.New("enough")
	for most := 1; most <= 6; most++ {
		seen := 0
		err := Walk(Disk{}, []string{dir}, func(i Info) error {
			if i.Path != infos[seen].Path || i.Header.Sequence != uint64(seen+1) {
				t.Errorf("segment %d is %s, sequence %d", seen, i.Path, i.Header.Sequence)
			}
			if seen++; seen == most {
				return enough
			}
			return nil
		})
		if seen != min(most, 5) || errors.Is(err, enough) != (most <= 5) {
			t.Errorf("asked for %d, saw %d, error %v", most, seen, err)
		}
	}
	if err := Walk(Disk{}, []string{dir + "/none"}, func(Info) error { return nil }); err == nil {
		t.Error("a directory that is not there has segments")
	}
}
