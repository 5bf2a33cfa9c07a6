package spool

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func patience(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// TestDiscard drops the oldest without a daemon and through one. What was sealed is counted, whatever became of it.
func TestDiscard(t *testing.T) {
	t.Parallel()
	for _, running := range []bool{false, true} {
		w := newWorld(t, Disk{}, MinLimit).withOverflow(1 << 20)
		w.mustOpen()
		for range 40 {
			w.mustSeal(100)
		}
		if err := w.spool.Preserve(); err != nil { // a bundle
			t.Fatal(err)
		}
		for range 10 {
			w.mustSeal(50)
		}
		w.close()
		if running {
			s, err := OpenWithOverflow(w.fs, w.dir, w.limit, w.overflow)
			if err != nil {
				t.Fatal(err)
			}
			w.spool = s
		}
		for _, tt := range []struct {
			segments int
			want     DiscardResult
		}{{15, DiscardResult{15, 1500}}, {30, DiscardResult{30, 2750}}, {0, DiscardResult{5, 250}}, {0, DiscardResult{}}} {
			got, err := Discard(patience(t), w.fs, w.dir, w.overflow, tt.segments)
			if err != nil || got != tt.want {
				t.Fatalf("running %t: %d segments: %+v, %v, want %+v", running, tt.segments, got, err, tt.want)
			}
		}
		if w.spool == nil {
			w.mustOpen()
		} else if got := w.spool.Stats().Discarded; got != 4500 {
			t.Errorf("the daemon counts %d rows, want 4500", got)
		}
		w.balance()
		w.drain()
		w.balance()
		if got := w.lost(LossDiscarded); got != 4500 {
			t.Errorf("running %t: the ledger counts %d discarded rows, want 4500", running, got)
		}
		w.close()
	}
}

// TestDiscardUnanswered: who asks is told when nobody answers, takes the request back, and a request that stayed is no order
// to the next process.
func TestDiscardUnanswered(t *testing.T) {
	w := newWorld(t, Disk{}, smallLimit)
	w.mustOpen() // nobody tends it
	w.mustSeal(100)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Discard(ctx, w.fs, w.dir, Overflow{}, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	request := filepath.Join(w.dir, requestName)
	if _, err := os.Stat(request); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the request is still there: %v", err)
	}
	if err := os.WriteFile(request, []byte("0011223344556677 0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.close()
	w.mustOpen()
	defer w.close()
	w.spool.tend()
	if got := w.spool.Stats().Discarded; got != 0 {
		t.Errorf("an old request dropped %d rows", got)
	}
	if _, err := Discard(ctx, w.fs, filepath.Join(w.dir, "missing"), Overflow{}, 0); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of a directory that is not there: %v", err)
	}
}

// TestReadAndVerify: what Inspect lists can be read, in files, bundles and both tiers; Verify tells what is wrong.
func TestReadAndVerify(t *testing.T) {
	w := newWorld(t, Disk{}, 8*smallLimit).withOverflow(1 << 20)
	w.mustOpen()
	defer w.close()
	for range 20 {
		w.mustSeal(300)
	}
	if err := w.spool.Preserve(); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		w.mustSeal(rowsFor(2))
	}
	w.spool.tend() // bundles of the first tier
	w.mustSeal(3)
	if st := w.spool.Stats(); st.Bundles < 2 {
		t.Fatalf("%+v: this tests no bundles", st)
	}
	seen := map[key]bool{}
	for n, i := range w.infos() {
		h, body, err := Read(w.fs, i)
		if err != nil || i.Err != nil {
			t.Fatalf("%+v: %v", i, err)
		}
		w.commit(h, body)
		seen[keyOf(&h)] = true
		if tier := 1; n < 20 {
			tier = 2
			if i.Tier != tier || i.Bundle == "" || !inTierTwo(i.Ordinal) {
				t.Errorf("%+v, want one of tier %d", i, tier)
			}
		}
	}
	if len(seen) != 121 {
		t.Errorf("%d segments, want 121", len(seen))
	}
	verify := func() (right int, wrong []Info) {
		if err := Verify(w.fs, []string{w.dir, w.overflow.Dir}, func(i Info) {
			if i.Err == nil {
				right++
			} else {
				wrong = append(wrong, i)
			}
		}); err != nil {
			t.Fatal(err)
		}
		return right, wrong
	}
	if right, wrong := verify(); right != 121 || len(wrong) != 0 {
		t.Fatalf("%d right, wrong %+v", right, wrong)
	}
	bundle := segmentFiles(t, w.fs, w.overflow.Dir)[0]
	r, _, _, err := openBundle(w.fs, bundle)
	if err != nil {
		t.Fatal(err)
	}
	at := r.dir.bodies[0].offset
	alter(t, w.fs, bundle, func(b []byte) []byte { b[at] ^= 1; return b })
	right, wrong := verify()
	want := lost(r.dir, at)
	if len(wrong) != want || right != 121-want || want == 0 {
		t.Fatalf("%d right, %d wrong, want %d wrong", right, len(wrong), want)
	}
	for _, i := range wrong {
		if !errors.Is(i.Err, ErrBroken) || i.Bundle != bundle || i.Header.Rows != 300 {
			t.Errorf("%+v", i)
		}
	}
	// These, and no others, are given up.
	w.ledger = map[key]Header{}
	w.drain()
	w.balance()
	if got := w.lost(LossBroken); got != uint64(300*want) {
		t.Errorf("%d rows count as broken, want %d", got, 300*want)
	}
	if err := Verify(w.fs, nil, func(Info) {}); err == nil {
		t.Error("nothing to verify is no error")
	}
}
