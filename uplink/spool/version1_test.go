package spool

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// The files below testdata/version1 were sealed by the last program that wrote headers of version 1: "run" is a whole
// run of two interfaces with losses and pending packets, "tombstone" is one that stands for five segments.

func version1(t *testing.T, name string) (dir string) {
	t.Helper()
	dir = tempDir(t)
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "version1", name))); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestVersion1Headers(t *testing.T) {
	const second = 1_000_000_000
	const begin = 1_790_000_000 * second
	wan := Coverage{Interface: "wan", Filter: "not port 22", SnapLength: 2560, SampleRate: 1, Old: true}
	lan := Coverage{Interface: "br-lan", Index: 1, SnapLength: 256, SampleRate: 1, Old: true}
	interval := func(c Coverage, from, to int64, received, rows, pending uint64, losses ...Loss) []Coverage {
		c.From, c.To, c.Received, c.Rows, c.Pending, c.Losses = begin+from*second, begin+to*second, received, rows, pending, losses
		return []Coverage{c}
	}
	want := [][]Coverage{
		interval(wan, 0, 1, 15, 10, 3, Loss{"ring_full", 2}),
		interval(lan, 0, 1, 4, 4, 0),
		interval(wan, 1, 2, 4, 5, 2),
		interval(wan, 2, 3, 2, 3, 0, Loss{"left_in_ring", 1}),
		interval(lan, 1, 3, 0, 0, 0),
		nil,
	}
	infos, err := Inspect(Disk{}, version1(t, "run"))
	if err != nil || len(infos) != len(want) {
		t.Fatalf("%d segments, %v", len(infos), err)
	}
	for i, info := range infos {
		h := info.Header
		if info.Err != nil || h.Sequence != uint64(i+1) || h.Last != h.Sequence || h.Final != (i == 5) || h.Tombstone {
			t.Errorf("segment %d: %+v, %v", i, h, info.Err)
		}
		if !reflect.DeepEqual(h.Coverage, want[i]) {
			t.Errorf("segment %d:\n%+v, want\n%+v", i, h.Coverage, want[i])
		}
		again, err := parseHeader(appendHeader(nil, &h))
		if err != nil || !reflect.DeepEqual(again, h) {
			t.Errorf("segment %d, written as of today: %+v, %v", i, again, err)
		}
	}
	infos, err = Inspect(Disk{}, version1(t, "tombstone"))
	if err != nil || len(infos) != 1 || infos[0].Err != nil {
		t.Fatalf("%+v, %v", infos, err)
	}
	tombstone := wan
	tombstone.Filter = "tcp"
	coverage := interval(tombstone, 80, 100, 52, 0, 2, Loss{"ring_full", 10}, Loss{LossFull, 40})
	if h := infos[0].Header; !h.Tombstone || h.Sequence != 3 || h.Last != 7 || !reflect.DeepEqual(h.Coverage, coverage) {
		t.Errorf("tombstone: %+v", h)
	}
}

// TestVersion1Spool: a spool that an older program filled goes on: its segments are loaded, and given up for newer ones
// with their counts.
func TestVersion1Spool(t *testing.T) {
	dir := version1(t, "run")
	s, err := open(Disk{}, dir, smallLimit, Overflow{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	refs := s.Pin(MaxPin, MaxBody)
	var rows uint64
	for _, r := range refs {
		h, body, _, err := s.Load(r, nil)
		if err != nil || (len(body) > 0) != (h.Rows > 0) {
			t.Fatalf("%d bytes, %v", len(body), err)
		}
		rows += h.Rows
	}
	if len(refs) != 6 || rows != 22 {
		t.Errorf("%d segments with %d rows", len(refs), rows)
	}
	s.Unpin(refs)
	if err := s.Break(refs[0]); err != nil {
		t.Fatal(err)
	}
	h, err := s.Header(refs[0])
	if err != nil || !h.Tombstone {
		t.Fatalf("%+v, %v", h, err)
	}
	c := h.Coverage[0]
	if !c.Old || c.Pending != 3 || c.PendingChange != 0 || c.Received != 15 || c.Rows != 0 {
		t.Errorf("buried: %+v", c)
	}
	next := Header{Device: h.Device, Run: h.Run, Sequence: 2, Last: 2, Coverage: []Coverage{{
		Interface: "wan", From: c.To, To: c.To + 1, Received: 2, Losses: []Loss{{LossFull, 4}},
		Filter: c.Filter, SnapLength: c.SnapLength, SampleRate: 1, Old: true, Pending: 1,
	}}}
	if !h.absorb(&next) || len(h.Coverage) != 1 || h.Coverage[0].Pending != 1 || h.Coverage[0].Received != 17 {
		t.Errorf("absorbed: %+v", h.Coverage)
	}
}

// TestVersion1Damage: a wrong byte in an old header is noticed like one in a new one.
func TestVersion1Damage(t *testing.T) {
	whole, err := os.ReadFile(filepath.Join("testdata", "version1", "tombstone", "0000000000000000.segment"))
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		b := append([]byte(nil), whole...)
		b[n] ^= flagVersion2
		if _, _, err := parseFile(b); !errors.Is(err, ErrBroken) {
			t.Fatalf("byte %d: %v", n, err)
		}
		if _, _, err := parseFile(whole[:n]); !errors.Is(err, ErrBroken) {
			t.Fatalf("cut off at byte %d: %v", n, err)
		}
	}
}
