package spool

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"testing"
	"time"
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

// household makes records as uplink/record.go lays them out, of some TCP connections with time stamps: what differs from
// packet to packet is time, lengths, sequence and acknowledgement numbers, IP identification and the time stamps.
func household(rng *rand.Rand, b []byte, rows int) []byte {
	le := binary.LittleEndian
	type flow struct {
		client, server, macs uint64
		seq, ack, stamp      uint32
		ports                uint32
	}
	flows := make([]flow, 24)
	for i := range flows {
		flows[i] = flow{rng.Uint64() & 0xffff_00a8c0, rng.Uint64(), rng.Uint64N(6), rng.Uint32(), rng.Uint32(), rng.Uint32(), 443<<16 | rng.Uint32N(1<<16)}
	}
	at := uint64(1_790_000_000_000_000_000)
	for range rows {
		f := &flows[rng.IntN(len(flows))]
		at += rng.Uint64N(800_000)
		length := uint32(66)
		if rng.IntN(3) > 0 {
			length = 1514
		}
		b = le.AppendUint32(b, 0x0123_4fff)
		b = append(b, 1)
		b = le.AppendUint64(b, at)
		b = le.AppendUint32(b, length)
		b = le.AppendUint32(b, min(length, 256))
		b = append(b, 0x02, 0x11, 0x22, 0x33, 0x44, byte(f.macs), 0x02, 0x11, 0x22, 0x33, 0x44, 0xff)
		b = le.AppendUint16(b, 0x800)
		b = le.AppendUint32(b, uint32(f.client))
		b = le.AppendUint32(b, uint32(f.server))
		b = append(b, 64, 0, 6)
		b = le.AppendUint32(b, uint32(rng.IntN(1<<16)))
		b = le.AppendUint32(b, f.ports)
		b = le.AppendUint32(b, f.seq)
		b = le.AppendUint32(b, f.ack)
		b = append(b, 0x10)
		b = le.AppendUint16(b, 501)
		b = le.AppendUint32(b, f.stamp)
		b = le.AppendUint32(b, f.stamp-17)
		b = le.AppendUint32(b, length-66)
		f.seq += length - 66
		f.stamp += uint32(rng.IntN(5))
	}
	return b
}

// BenchmarkSealRows seals segments of 3,500 rows on tmpfs.
func BenchmarkSealRows(b *testing.B) {
	const rows = 3500
	s, err := open(Disk{}, tempDir(b), 64<<20, Overflow{}, time.Now)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	body := household(rand.New(rand.NewPCG(1, 2)), nil, rows)
	h, _ := segment(key{1, 0}, 0)
	b.ReportAllocs()
	for b.Loop() {
		h.Sequence++
		if err := s.Seal(h, body); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}

// BenchmarkPack packs segments of so many rows, and reads them back.
func BenchmarkPack(b *testing.B) {
	for _, rows := range []int{10, 3500} {
		fs := newMemory()
		rng := rand.New(rand.NewPCG(1, 2))
		var heads, bodies [][]byte
		var raw, total int64
		for n := uint64(1); raw < 2<<20; n++ {
			h, _ := segment(key{1, n}, 0)
			body := household(rng, nil, rows)
			h.Rows = uint64(rows)
			head := appendFile(nil, h, body)
			heads, bodies = append(heads, head), append(bodies, body)
			raw += int64(len(head) + len(body))
			total += int64(rows)
		}
		var size int64
		b.Run(fmt.Sprintf("pack/%d", rows), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				file, _ := Disk{}.Create(filepath.Join(tempDir(b), "b"))
				w, err := newBundleWriter(file)
				if err != nil {
					b.Fatal(err)
				}
				for i := range heads {
					if err := w.add(heads[i], bodies[i], uint64(rows), false); err != nil {
						b.Fatal(err)
					}
				}
				if err := w.finish(0, uint64(len(heads)-1), 0); err != nil {
					b.Fatal(err)
				}
				size = w.size
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(total), "ns/row")
			b.ReportMetric(float64(raw)/float64(size), "ratio")
			b.ReportMetric(float64(size)/float64(total), "bytes/row")
		})
		file, _ := fs.Create("b")
		w, _ := newBundleWriter(file)
		for i := range heads {
			if err := w.add(heads[i], bodies[i], uint64(rows), false); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.finish(0, uint64(len(heads)-1), 0); err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("unpack/%d", rows), func(b *testing.B) {
			b.ReportAllocs()
			r, _, _, err := openBundle(fs, "b")
			if err != nil {
				b.Fatal(err)
			}
			var buf []byte
			for b.Loop() {
				for i := range heads {
					if _, _, buf, err = r.file(i, buf); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(total), "ns/row")
		})
	}
}

// TestMemory: what the spool keeps in memory is small however long the backlog is: many small segments, or many rows.
func TestMemory(t *testing.T) {
	tests := []struct {
		name           string
		segments, rows int
	}{
		{"20,000 segments", 20_000, 5},
		{"200,000 rows", 60, 3500},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			segments := tt.segments / thin()
			if *modelActions > 0 {
				segments *= 5 // 100,000 segments, and a million rows
			}
			s, err := open(Disk{}, tempDir(t), 256<<20, Overflow{}, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			body := household(rand.New(rand.NewPCG(1, 2)), nil, tt.rows)
			heap := func() int64 {
				runtime.GC()
				runtime.GC() // what pools held
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				return int64(m.HeapAlloc)
			}
			before := heap()
			h, _ := segment(key{1, 0}, 0)
			h.Rows = uint64(tt.rows)
			for n := range segments {
				h.Sequence, h.Last = uint64(n)+1, uint64(n)+1
				if err := s.Seal(h, body); err != nil {
					t.Fatal(err)
				}
				if n%looseLeast == 0 {
					s.tend()
				}
			}
			refs := s.Pin(MaxPin, 4<<20)
			for _, r := range refs {
				if _, _, _, err := s.Load(r, nil); err != nil {
					t.Fatal(err)
				}
			}
			used := heap() - before
			st := s.Stats()
			if used > 2<<20 {
				t.Errorf("%d bytes are in use", used)
			}
			t.Logf("%d segments in %d bundles and %d bytes: %d bytes in memory", st.Segments, st.Bundles, st.Bytes, used)
			runtime.KeepAlive(s)
		})
	}
}
