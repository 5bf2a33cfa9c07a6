package console

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"network-sniffer/board/console/frame"
	"network-sniffer/decode"
)

// A ring beside the plainest thing that does the same: everything that was ever put, of which a reader gets what is not
// overwritten, in order, and hears how many are missing between.
func TestRingAgainstAList(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	type kept struct {
		frame frame.Frame
		index uint64
	}
	for round := range 200 {
		const longest = 300
		r := newRing(1+rng.IntN(8<<10), longest)
		var all []kept
		index := uint64(0)
		readers := make([]cursor, 3)
		for range 300 {
			var records []byte
			for range rng.IntN(5) {
				data := make([]byte, rng.IntN(longest+1))
				for i := range data {
					data[i] = byte(rng.Uint32())
				}
				m := decode.Meta{Time: rng.Int64(), WireLength: rng.Uint32(), LinkType: decode.LinkType(rng.Uint32()), VLANTPID: uint16(rng.Uint32()),
					VLANTCI: uint16(rng.Uint32()), Interface: uint8(rng.Uint32()), Direction: decode.Direction(rng.IntN(6))}
				f := frame.Frame{Meta: m, Index: rng.Int32(), Data: data}
				records = appendRecord(append(records, make([]byte, recordSize(len(data)))...)[:len(records)], &f.Meta, f.Index, f.Data)
				all = append(all, kept{f, index})
				index++
			}
			missed := uint64(rng.IntN(3))
			r.put(records, missed)
			index += missed
			c := &readers[rng.IntN(len(readers))]
			if rng.IntN(10) == 0 {
				before := c.index
				if got := r.skip(c); got != index-before {
					t.Fatalf("round %d: skip passed %d packets, want %d", round, got, index-before)
				}
			}
			for range rng.IntN(20) {
				before := c.index
				var f frame.Frame
				gap, ok := r.next(c, &f)
				if !ok {
					if gap != index-before || c.index != index {
						t.Fatalf("round %d: at the end %d missed, want %d", round, gap, index-before)
					}
					break
				}
				at := before + gap
				var want *kept
				for i := range all {
					if all[i].index == at {
						want = &all[i]
					} else if all[i].index > before && all[i].index < at && want == nil && r.holds(all[i].index) {
						t.Fatalf("round %d: packet %d is there and was left out", round, all[i].index)
					}
				}
				if want == nil || want.frame.Meta != f.Meta || want.frame.Index != f.Index || !bytes.Equal(want.frame.Data, f.Data) {
					t.Fatalf("round %d: packet %d is %+v, want %+v", round, at, f, want)
				}
			}
		}
	}
}

// holds looks through the whole ring.
func (r *ring) holds(index uint64) bool {
	var c cursor
	var f frame.Frame
	for {
		if _, ok := r.next(&c, &f); !ok {
			return false
		}
		if c.index-1 == index {
			return true
		}
	}
}

func TestRingDoesNotAllocate(t *testing.T) {
	r := newRing(64<<10, 256)
	record := appendRecord(make([]byte, 0, 1024), &rawMeta, 1, tcpFrame(1))
	var c cursor
	var f frame.Frame
	if got := testing.AllocsPerRun(1000, func() {
		r.put(record, 0)
		if _, ok := r.next(&c, &f); !ok {
			t.Fatal("it is gone")
		}
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// firstFrame is the frame at a cursor.
func firstFrame(r *ring, c *cursor) (f frame.Frame, ok bool) {
	_, ok = r.next(c, &f)
	return f, ok
}
