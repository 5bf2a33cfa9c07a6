package decode

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// A recorder is overrun by the frames that cost most, not by the usual ones. BenchmarkWorstCase sets the dearest
// frames that a sender can write beside the usual frames of their size; TestLoopsAreBounded says without a clock that
// the constants in decode.go are what ends every loop.

// sizes are the classes of frames that are compared: from one of them to the next, exclusive.
var sizes = [...]int{64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536}

// className names the class that begins with sizes[i].
var className = [len(sizes) - 1]string{"64-127", "128-255", "256-511", "512-1023", "1024-2047", "2048-4095", "4096-8191",
	"8192-16383", "16384-32767", "32768-65535"}

// variants is how many frames of one kind are decoded in turn. They are many, lest the processor learn by heart which
// way every branch goes, and together no larger than its cache.
func variants(size int) int { return max(16, min(256, 512<<10/size)) }

// kind is frames of one kind and one size class.
type kind struct {
	name   string
	frames [][]byte
	cost   float64 // nanoseconds a frame
}

// measure sets the cost: the least of several rounds, because what else runs on the machine only ever adds.
func (k *kind) measure() {
	const rounds, decoded = 16, 1024
	var p Packet
	times := decoded / len(k.frames)
	best := time.Duration(1 << 62)
	for range rounds {
		start := time.Now()
		for range times {
			for _, f := range k.frames {
				m := Meta{Time: 1, WireLength: uint32(len(f)), LinkType: LinkEthernet}
				Decode(&p, &m, f)
			}
		}
		best = min(best, time.Since(start))
	}
	k.cost = float64(best.Nanoseconds()) / float64(times*len(k.frames))
}

// kinds builds the frames of a table for one class, each behind the headers given, and measures them, the dearest
// first. Of those behind it only the cost is kept.
func kinds(table []pattern, heads []wrapper, low, high int) []kind {
	var all []kind
	for i := range table {
		g := &table[i]
		for _, w := range heads {
			k := kind{name: g.name + w.name, frames: make([][]byte, variants(high))}
			for v := range k.frames {
				f := g.frame(rand.New(rand.NewPCG(uint64(i), uint64(v))), w, high-1)
				if f == nil {
					k.frames = nil
					break
				}
				k.frames[v] = append(f, make([]byte, max(0, low-len(f)))...)
			}
			if k.frames == nil {
				continue
			}
			k.measure()
			at, _ := slices.BinarySearchFunc(all, k.cost, func(x kind, cost float64) int { return cmp.Compare(cost, x.cost) })
			all = slices.Insert(all, at, k)
			for j := 1; j < len(all); j++ {
				all[j].frames = nil
			}
			if g.whole != nil {
				break
			}
		}
	}
	return all
}

// BenchmarkWorstCase has a row for each size class: ns/op is the dearest frame, ns-median the usual one, x-median
// their ratio. The names of the dearest are logged. QUIC Initials, which have to be decrypted, have a row of their own.
func BenchmarkWorstCase(b *testing.B) {
	for i, name := range className {
		low, high := sizes[i], sizes[i+1]
		b.Run(name, func(b *testing.B) {
			usual := kinds(usualPatterns, wrappers[:1], low, high)
			hostile := kinds(hostilePatterns, wrappers, low, high)
			median := usual[len(usual)/2].cost
			for _, k := range hostile[:3] {
				b.Logf("%s: %.0f ns, %.1f × %.0f", k.name, k.cost, k.cost/median, median)
			}
			decodeInTurn(b, &hostile[0])
			b.ReportMetric(median, "ns-median")
			b.ReportMetric(hostile[0].cost/median, "x-median")
		})
	}
	b.Run("quic", func(b *testing.B) {
		for i := range quicPatterns {
			k := kinds(quicPatterns[i:i+1], wrappers[:1], 1200, 1500)[0]
			b.Run(k.name, func(b *testing.B) { decodeInTurn(b, &k) })
		}
	})
}

// decodeInTurn decodes the frames of k in turn.
func decodeInTurn(b *testing.B, k *kind) {
	var p Packet
	n := 0
	for b.Loop() {
		f := k.frames[n%len(k.frames)]
		m := Meta{Time: 1, WireLength: uint32(len(f)), LinkType: LinkEthernet}
		Decode(&p, &m, f)
		n++
	}
}
