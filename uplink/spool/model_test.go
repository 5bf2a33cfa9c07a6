package spool

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestModel does random things to a small spool and keeps the obvious books beside it: a set of what was
// sealed, and a ledger. Corrupting touches bodies alone: what a header said is gone with it.
func TestModel(t *testing.T) {
	tests := []struct {
		name    string
		fs      FS
		actions int
	}{
		{"memory", newMemory(), 100_000},
		{"disk", Disk{}, 20_000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { runModel(t, tt.fs, tt.actions) })
	}
}

func runModel(t *testing.T, fs FS, actions int) {
	rng := rand.New(rand.NewPCG(1, uint64(actions)))
	w := newWorld(t, fs, smallLimit)
	w.mustOpen()
	defer func() { w.close() }()
	var pinned []Ref
	var dropped, broken, unknown, full uint64
	lostBefore := uint64(0)
	unpin := func() { w.spool.Unpin(pinned); pinned = nil }
	for n := range actions {
		if m, ok := fs.(*memory); ok {
			m.past = nil
		}
		switch p := rng.IntN(100); {
		case p < 45:
			rows := rng.IntN(40)
			if rng.IntN(3) == 0 {
				rows = rng.IntN(2000)
			}
			old := w.spool.Stats()
			before := slices.Clone(w.spool.entries)
			err := w.seal(rows)
			now := w.spool.Stats()
			switch {
			case errors.Is(err, ErrFull):
				full++
				if now.DroppedRows != old.DroppedRows {
					t.Fatalf("action %d: rows were dropped for a segment that was then refused", n)
				}
			case err != nil:
				t.Fatalf("action %d: %v", n, err)
			default:
				oldestFirst(t, before, w.spool)
			}
		case p < 46:
			w.newRun()
		case p < 60:
			unpin()
			pinned = w.spool.Pin(rng.IntN(MaxPin+4), int64(rng.IntN(100_000)))
		case p < 70: // the commit's result stays unknown
			if err := w.upload(pinned); err == nil {
				unknown += uint64(len(pinned))
			} else if !errors.Is(err, ErrBroken) {
				t.Fatalf("action %d: %v", n, err)
			}
		case p < 85:
			err := w.upload(pinned)
			if err == nil {
				err = w.spool.Sent(pinned)
			}
			if err != nil && !errors.Is(err, ErrBroken) {
				t.Fatalf("action %d: %v", n, err)
			}
			unpin()
		case p < 93:
			unpin()
		case p < 97:
			paths := segmentFiles(t, fs, w.dir)
			if len(paths) == 0 {
				continue
			}
			alter(t, fs, paths[rng.IntN(len(paths))], func(b []byte) []byte {
				h, _, _ := parsePrefix(b)
				if body := b[prefixSize+h:]; len(body) > 0 {
					body[rng.IntN(len(body))] ^= byte(1 + rng.IntN(255))
				}
				return b
			})
		case p < 98:
			dropped += w.spool.Stats().DroppedRows
			broken += w.spool.Stats().BrokenRows
			pinned = nil
			w.close()
			w.mustOpen()
		}
		if n%8 == 0 {
			w.bounded()
		}
		if n%1000 == 0 {
			w.balance()
			// What the database has need not be weighed again.
			for k, h := range w.ledger {
				if h.Run[0] == w.run && h.Last+200 > w.next || slices.ContainsFunc(heads(t, w), func(i Info) bool { return keyOf(&i.Header) == k }) {
					continue
				}
				lostBefore += lossOf(&h, LossFull)
				for s := h.Sequence; s <= h.Last; s++ {
					delete(w.sealed, key{h.Run[0], s})
				}
				delete(w.ledger, k)
			}
		}
	}
	dropped += w.spool.Stats().DroppedRows
	broken += w.spool.Stats().BrokenRows
	w.drain()
	w.balance()
	if dropped == 0 || broken == 0 || unknown == 0 || lostBefore == 0 {
		t.Errorf("the actions did not try everything: %d rows dropped, %d broken, %d commits unknown, %d in the ledger", dropped, broken, unknown, lostBefore)
	}
	if lost := lostBefore + w.lost(LossFull); lost > dropped {
		t.Errorf("the headers tell %d dropped rows, the counter %d", lost, dropped)
	}
	t.Logf("dropped %d rows, broken %d, commits unknown %d, refused %d", dropped, broken, unknown, full)
}

func heads(t *testing.T, w *world) []Info {
	infos, err := Inspect(w.fs, w.dir)
	if err != nil {
		t.Fatal(err)
	}
	return infos
}

func lossOf(h *Header, reason string) uint64 {
	var n uint64
	for _, c := range h.Coverage {
		for _, l := range c.Losses {
			if l.Reason == reason {
				n += l.Packets
			}
		}
	}
	return n
}

// oldestFirst: of the segments older than the newest that was dropped, only those kept their rows that are
// pinned, or that take one block, which a tombstone takes too.
func oldestFirst(t *testing.T, before []entry, s *Spool) {
	t.Helper()
	var newest uint64
	for _, e := range before {
		if now := s.find(e.ordinal); !e.tombstone && (now == nil || now.tombstone) {
			newest = e.ordinal
		}
	}
	for _, e := range s.entries {
		if e.ordinal < newest && !e.tombstone && !e.pinned && charge(e.size) > blockSize {
			t.Fatalf("segment %d was dropped, and the older %d keeps its rows", newest, e.ordinal)
		}
	}
}
