package savefile

import (
	"io"
	"testing"
)

// endless is a header, then the same records for ever.
type endless struct {
	header, records []byte
	next            []byte
}

func newEndless(header, records []byte) *endless {
	return &endless{header: header, records: records, next: header}
}

func (e *endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(e.next) == 0 {
			e.next = e.records
		}
		copied := copy(p[n:], e.next)
		n += copied
		e.next = e.next[copied:]
	}
	return n, nil
}

const benchmarkLength = 128 // a usual snap length

// streams are what both formats are measured with.
var streams = []struct {
	name   string
	reader func() io.Reader
	writer func() (*Writer, error)
}{
	{
		"pcap",
		func() io.Reader {
			return newEndless(littleEndian().pcapHeader(magicNanoseconds, 4, 0, 1).buf,
				littleEndian().record(1700000000, 1, 1500, string(make([]byte, benchmarkLength))).buf)
		},
		func() (*Writer, error) { return NewPcapWriter(io.Discard), nil },
	},
	{
		"pcapng",
		func() io.Reader {
			header := littleEndian().section().describe(1, 0, func(o *builder) { o.option(9, "\x09") })
			records := littleEndian().enhanced(0, 1700000000e9, 1500, string(make([]byte, benchmarkLength)),
				func(o *builder) { o.u16(2, 4).u32(5).option(0, "") })
			return newEndless(header.buf, records.block(blockStatistics, func(body *builder) { body.u32(0, 0, 0) }).buf)
		},
		func() (*Writer, error) { return NewPcapngWriter(io.Discard, Section{}) },
	},
}

func TestNothingIsAllocatedPerFrame(t *testing.T) {
	for _, stream := range streams {
		t.Run(stream.name, func(t *testing.T) {
			r, err := NewReader(stream.reader())
			if err != nil {
				t.Fatal(err)
			}
			var f Frame
			if allocations := testing.AllocsPerRun(5000, func() {
				if err := r.Next(&f); err != nil || len(f.Data) != benchmarkLength {
					t.Fatal(len(f.Data), err)
				}
			}); allocations != 0 {
				t.Errorf("Next allocates %v times per frame", allocations)
			}

			w, err := stream.writer()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.AddInterface(Interface{LinkType: 1}); err != nil {
				t.Fatal(err)
			}
			if allocations := testing.AllocsPerRun(5000, func() {
				if err := w.WriteFrame(&f); err != nil {
					t.Fatal(err)
				}
			}); allocations != 0 {
				t.Errorf("WriteFrame allocates %v times per frame", allocations)
			}
		})
	}
}

func BenchmarkNext(b *testing.B) {
	for _, stream := range streams {
		b.Run(stream.name, func(b *testing.B) {
			r, err := NewReader(stream.reader())
			if err != nil {
				b.Fatal(err)
			}
			var f Frame
			b.SetBytes(benchmarkLength)
			b.ReportAllocs()
			for b.Loop() {
				if err := r.Next(&f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkWriteFrame(b *testing.B) {
	for _, stream := range streams {
		b.Run(stream.name, func(b *testing.B) {
			w, err := stream.writer()
			if err != nil {
				b.Fatal(err)
			}
			if _, err := w.AddInterface(Interface{LinkType: 1}); err != nil {
				b.Fatal(err)
			}
			f := Frame{Data: make([]byte, benchmarkLength), Time: 1700000000e9, WireLength: 1500, LinkType: 1}
			b.SetBytes(benchmarkLength)
			b.ReportAllocs()
			for b.Loop() {
				if err := w.WriteFrame(&f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
