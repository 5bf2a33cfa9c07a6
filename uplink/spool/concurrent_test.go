package spool

import (
	"errors"
	"sync"
	"testing"
)

// TestConcurrent: one goroutine seals, one uploads, one looks on. With -race this is about memory; without,
// about the books.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	const segments = 3000
	w := newWorld(t, Disk{}, smallLimit)
	w.mustOpen()
	defer w.close()
	s := w.spool
	done := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		defer close(done)
		for n := range uint64(segments) {
			h, body := segment(key{1, n + 1}, int(n%7)*100)
			if err := s.Seal(h, body); err != nil {
				t.Errorf("segment %d: %v", n, err)
				return
			}
		}
	})
	group.Go(func() {
		var buf []byte
		for sealing := true; sealing; {
			select {
			case <-s.Changed():
			case <-done:
				sealing = false
			}
			for {
				refs := s.Pin(3, 1<<20)
				if len(refs) == 0 {
					break
				}
				for _, r := range refs {
					h, body, grown, err := s.Load(r, buf)
					buf = grown
					if err != nil {
						t.Errorf("load: %v", err)
						return
					}
					w.commit(h, body)
				}
				if refs[0].Ordinal%3 != 0 { // now and then the result stays unknown, and is sent again
					if err := s.Sent(refs); err != nil {
						t.Errorf("sent: %v", err)
						return
					}
				} else {
					s.Unpin(refs)
					if err := s.Sent(refs[:1]); err != nil {
						t.Errorf("sent: %v", err)
						return
					}
				}
			}
		}
	})
	group.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if st := s.Stats(); st.Bytes > st.Limit {
				t.Errorf("%d of %d bytes", st.Bytes, st.Limit)
				return
			}
			infos, err := Inspect(Disk{}, w.dir)
			if err != nil {
				t.Errorf("inspect: %v", err)
				return
			}
			for _, i := range infos {
				if errors.Is(i.Err, ErrBroken) {
					t.Errorf("inspect: %v", i.Err)
					return
				}
			}
		}
	})
	group.Wait()
	if t.Failed() {
		return
	}
	for n := range uint64(segments) {
		w.sealed[key{1, n + 1}] = n%7*100 + 2
	}
	w.drain()
	w.balance()
}

// TestConcurrentTiers: while one seals and one uploads, the spool packs, moves to the second tier and drops, as fast as it
// can. With -race this is about memory; without, about the books.
func TestConcurrentTiers(t *testing.T) {
	t.Parallel()
	const segments = 1500
	w := newWorld(t, Disk{}, 2*smallLimit).withOverflow(8 * smallLimit)
	w.overflow.After = 0
	w.mustOpen()
	defer func() { w.close() }()
	s := w.spool
	sealed := make(chan struct{})
	var group, looking sync.WaitGroup
	group.Go(func() {
		defer close(sealed)
		for n := range uint64(segments) {
			h, body := segment(key{1, n + 1}, int(n%7)*100)
			if err := s.Seal(h, body); err != nil {
				t.Errorf("segment %d: %v", n, err)
				return
			}
		}
	})
	group.Go(func() {
		var buf []byte
		for sealing := true; sealing; {
			select {
			case <-sealed:
				sealing = false
			default:
			}
			for n := 0; ; n++ {
				s.Uplink(n%4 != 0)
				refs := s.Pin(3, 1<<20)
				if len(refs) == 0 {
					break
				}
				for _, r := range refs {
					h, body, grown, err := s.Load(r, buf)
					if buf = grown; err != nil {
						t.Errorf("load: %v", err)
						return
					}
					w.commit(h, body)
				}
				if n%3 == 0 { // the result stays unknown
					s.Unpin(refs)
				} else if err := s.Sent(refs); err != nil {
					t.Errorf("sent: %v", err)
					return
				}
			}
		}
	})
	done := make(chan struct{})
	for range 2 {
		looking.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				s.tend()
				if n%50 == 49 {
					s.tending.Lock()
					if _, err := s.discard(2); err != nil {
						t.Errorf("discard: %v", err)
					}
					s.tending.Unlock()
				}
				if st := s.Stats(); st.Bytes > st.Limit || st.Overflow.Bytes > st.Overflow.Limit {
					t.Errorf("over the limit: %+v", st)
				}
			}
		})
	}
	group.Wait()
	close(done)
	looking.Wait()
	if t.Failed() {
		return
	}
	for n := range uint64(segments) {
		w.sealed[key{1, n + 1}] = n%7*100 + 2
	}
	w.balance()
	w.drain()
	w.balance()
}

// TestChanged: one token for any number of segments, and none without.
func TestChanged(t *testing.T) {
	w := newWorld(t, newMemory(), smallLimit)
	w.mustOpen()
	defer w.close()
	token := func() bool {
		select {
		case <-w.spool.Changed():
			return true
		default:
			return false
		}
	}
	if token() {
		t.Error("a token before anything was sealed")
	}
	w.mustSeal(1)
	w.mustSeal(1)
	if !token() || token() {
		t.Error("two segments gave no token, or more than one")
	}
}
