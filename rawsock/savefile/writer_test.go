package savefile

import (
	"bytes"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
)

// written is a file of two interfaces with frames of every direction and padding.
func written(t testing.TB, w *Writer) (frames []Frame) {
	t.Helper()
	for _, i := range []Interface{
		{Name: "br-lan", LinkType: LinkTypeEthernet, SnapLength: 128, Filter: "not tcp port 5432"},
		{Name: "wan ü", LinkType: LinkTypeEthernet, SnapLength: 96},
	} {
		if _, err := w.AddInterface(i); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 12 {
		data := make([]byte, 60+n)
		for i := range data {
			data[i] = byte(i * n)
		}
		frames = append(frames, Frame{
			Data:       data,
			Time:       1767225600_000000001 + int64(n)*123456789,
			WireLength: uint32(len(data) + n*100),
			LinkType:   LinkTypeEthernet,
			Interface:  n % 2,
			Direction:  uint8(n % 6),
		})
	}
	for i := range frames {
		if err := w.WriteFrame(&frames[i]); err != nil {
			t.Fatal(err)
		}
	}
	return frames
}

func TestRoundTripPcapng(t *testing.T) {
	var file bytes.Buffer
	w, err := NewPcapngWriter(&file, Section{Hardware: "a router", OS: "Linux", Application: "sniffer"})
	if err != nil {
		t.Fatal(err)
	}
	want := written(t, w)
	if err := w.WriteStatistics(Statistics{Interface: 1, Time: want[11].Time, Received: 1 << 40, Dropped: 7}); err != nil {
		t.Fatal(err)
	}
	if file.Len() != 0 {
		t.Errorf("%d bytes went out before Flush", file.Len())
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readAll(r)
	if err != nil {
		t.Fatal(err)
	}
	expectFrames(t, got, want)
	interfaces := []Interface{
		{Name: "br-lan", LinkType: LinkTypeEthernet, SnapLength: 128, Filter: "not tcp port 5432"},
		{Name: "wan ü", LinkType: LinkTypeEthernet, SnapLength: 96},
	}
	if !slices.Equal(r.Interfaces(), interfaces) {
		t.Errorf("interfaces %+v, want %+v", r.Interfaces(), interfaces)
	}
}

func TestRoundTripPcap(t *testing.T) {
	var file bytes.Buffer
	w := NewPcapWriter(&file)
	want := written(t, w)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readAll(r)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		want[i].Interface, want[i].Direction = 0, DirectionUnknown
	}
	expectFrames(t, got, want)
	if i := (Interface{LinkType: LinkTypeEthernet, SnapLength: 128}); len(r.Interfaces()) != 1 || r.Interfaces()[0] != i {
		t.Errorf("interfaces %+v, want %+v", r.Interfaces(), i)
	}
}

// The borders of what the formats hold come back as they were.
func TestRoundTripAtTheLimits(t *testing.T) {
	text := strings.Repeat("x", MaxText)
	long := Frame{Data: bytes.Repeat([]byte("long"), MaxFrame/4), WireLength: math.MaxUint32, LinkType: 65535, Direction: DirectionUnknown}
	tests := []struct {
		name  string
		ng    bool
		iface Interface
		last  int64
	}{
		{"pcap", false, Interface{LinkType: 65535, SnapLength: MaxFrame}, math.MaxUint32*1e9 + 999999999},
		{"pcapng", true, Interface{LinkType: 65535, SnapLength: math.MaxUint32, Name: text, Filter: text}, math.MaxInt64},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var file bytes.Buffer
			w := NewPcapWriter(&file)
			if test.ng {
				var err error
				if w, err = NewPcapngWriter(&file, Section{text, text, text}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := w.AddInterface(test.iface); err != nil {
				t.Fatal(err)
			}
			first, last := long, long
			first.Time, last.Time = 0, test.last
			want := []Frame{first, {LinkType: 65535, Direction: DirectionUnknown}, last}
			for i := range want {
				if err := w.WriteFrame(&want[i]); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			r, err := NewReader(&file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := readAll(r)
			if err != nil {
				t.Fatal(err)
			}
			expectFrames(t, got, want)
			if r.Interfaces()[0] != test.iface {
				t.Error("the interface came back changed")
			}
		})
	}
}

func TestWriterRaisesTheWireLength(t *testing.T) {
	for _, ng := range []bool{false, true} {
		var file bytes.Buffer
		w := NewPcapWriter(&file)
		if ng {
			var err error
			if w, err = NewPcapngWriter(&file, Section{}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.AddInterface(Interface{LinkType: 1}); err != nil {
			t.Fatal(err)
		}
		if err := w.WriteFrame(&Frame{Data: []byte("abcd"), WireLength: 3, LinkType: 1}); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		// The bytes are looked at, since the Reader would raise the length as well.
		if lengths := littleEndian().u32(4, 4).text("abcd").buf; !bytes.Contains(file.Bytes(), lengths) {
			t.Errorf("no lengths of 4 and 4 before the data in %x", file.Bytes())
		}
	}
}

func TestWriterRefuses(t *testing.T) {
	long := strings.Repeat("x", MaxText+1)
	fill := func(w *Writer) error {
		for range MaxInterfaces {
			if _, err := w.AddInterface(Interface{LinkType: 1}); err != nil {
				return err
			}
		}
		return nil
	}
	tests := []struct {
		name     string
		pcap, ng error
		do       func(*Writer) error
	}{
		{"frame of an unknown interface", ErrFrame, ErrFrame, func(w *Writer) error { return w.WriteFrame(&Frame{LinkType: 1, Interface: 1}) }},
		{"frame of a negative interface", ErrFrame, ErrFrame, func(w *Writer) error { return w.WriteFrame(&Frame{LinkType: 1, Interface: -1}) }},
		{"frame of another link type", ErrFrame, ErrFrame, func(w *Writer) error { return w.WriteFrame(&Frame{LinkType: 101}) }},
		{"frame too long", ErrFrame, ErrFrame, func(w *Writer) error { return w.WriteFrame(&Frame{LinkType: 1, Data: make([]byte, MaxFrame+1)}) }},
		{"frame before 1970", ErrFrame, ErrFrame, func(w *Writer) error { return w.WriteFrame(&Frame{LinkType: 1, Time: -1}) }},
		{"frame after 2106", ErrFrame, nil, func(w *Writer) error { return w.WriteFrame(&Frame{LinkType: 1, Time: 4294967296e9}) }},
		{"second link type", ErrFrame, nil, func(w *Writer) error { _, err := w.AddInterface(Interface{LinkType: 101}); return err }},
		{"longer snap length", ErrFrame, nil, func(w *Writer) error { _, err := w.AddInterface(Interface{LinkType: 1}); return err }},
		{"name too long", nil, ErrFrame, func(w *Writer) error {
			_, err := w.AddInterface(Interface{LinkType: 1, SnapLength: 96, Name: long})
			return err
		}},
		{"filter too long", nil, ErrFrame, func(w *Writer) error {
			_, err := w.AddInterface(Interface{LinkType: 1, SnapLength: 96, Filter: long})
			return err
		}},
		{"too many interfaces", ErrFrame, ErrFrame, fill},
		{"too much text", nil, ErrFrame, func(w *Writer) error {
			for range MaxInterfaceText/MaxText + 1 {
				if _, err := w.AddInterface(Interface{LinkType: 1, SnapLength: 96, Filter: long[:MaxText]}); err != nil {
					return err
				}
			}
			return nil
		}},
		{"statistics", errors.ErrUnsupported, nil, func(w *Writer) error { return w.WriteStatistics(Statistics{}) }},
		{"statistics of an unknown interface", errors.ErrUnsupported, ErrFrame, func(w *Writer) error { return w.WriteStatistics(Statistics{Interface: 1}) }},
		{"statistics before 1970", errors.ErrUnsupported, ErrFrame, func(w *Writer) error { return w.WriteStatistics(Statistics{Time: -1}) }},
	}
	for _, test := range tests {
		for _, ng := range []bool{false, true} {
			name, want := "/pcap", test.pcap
			if ng {
				name, want = "/pcapng", test.ng
			}
			t.Run(test.name+name, func(t *testing.T) {
				var file bytes.Buffer
				w := NewPcapWriter(&file)
				if ng {
					var err error
					if w, err = NewPcapngWriter(&file, Section{}); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := w.AddInterface(Interface{LinkType: 1, SnapLength: 128}); err != nil {
					t.Fatal(err)
				}
				before := len(w.buf)
				err := test.do(w)
				if !errors.Is(err, want) {
					t.Fatalf("error %v, want %v", err, want)
				}
				if want != nil && !strings.HasPrefix(test.name, "too m") && len(w.buf) != before {
					t.Error("something was written all the same")
				}
				// The file is whole and the Writer goes on.
				if err := w.WriteFrame(&Frame{LinkType: 1, Data: []byte("last")}); err != nil {
					t.Fatal(err)
				}
				if err := w.Flush(); err != nil {
					t.Fatal(err)
				}
				r, err := NewReader(&file)
				if err != nil {
					t.Fatal(err)
				}
				frames, err := readAll(r)
				if err != nil || string(frames[len(frames)-1].Data) != "last" {
					t.Errorf("read back %d frames and %v", len(frames), err)
				}
			})
		}
	}
	if _, err := NewPcapngWriter(io.Discard, Section{OS: long}); !errors.Is(err, ErrFrame) {
		t.Errorf("section with a long text: %v, want %v", err, ErrFrame)
	}
}

// wholeRecords fails the test when a prefix of the stream that ends with a Write is not a file of its own.
type wholeRecords struct {
	t      *testing.T
	stream bytes.Buffer
	writes int
	short  int // the longest of those that are shorter than the longest frame
}

func (w *wholeRecords) Write(p []byte) (int, error) {
	w.writes++
	if len(p) < MaxFrame {
		w.short = max(w.short, len(p))
	}
	w.stream.Write(p)
	r, err := NewReader(bytes.NewReader(w.stream.Bytes()))
	if err == nil {
		_, err = readAll(r)
	}
	if err != nil {
		w.t.Errorf("after write %d: %v", w.writes, err)
	}
	return len(p), nil
}

func TestEveryWriteIsWholeRecords(t *testing.T) {
	for _, row := range []struct {
		room int
		open func(io.Writer) (*Writer, error)
	}{
		{writeBuffer, func(out io.Writer) (*Writer, error) { return NewPcapWriter(out), nil }},
		{writeBuffer, func(out io.Writer) (*Writer, error) { return NewPcapngWriter(out, Section{}) }},
		{4096, func(out io.Writer) (*Writer, error) { return NewPcapngStream(out, Section{}, 4096) }},
	} {
		out := &wholeRecords{t: t}
		w, err := row.open(out)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.AddInterface(Interface{LinkType: 1}); err != nil {
			t.Fatal(err)
		}
		sizes := []int{1500, 60, 0, row.room / 4, row.room - 44, MaxFrame, 61, row.room - 128, 1499}
		for range 5 {
			for _, size := range sizes {
				if err := w.WriteFrame(&Frame{LinkType: 1, Data: make([]byte, size)}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if out.writes < 20 {
			t.Errorf("%d writes, too few to show anything", out.writes)
		}
		if out.short > row.room {
			t.Errorf("a write of %d bytes, want at most %d", out.short, row.room)
		}
		if got, bound := cap(w.buf), 2*MaxFrame; got > bound {
			t.Errorf("the buffer has %d bytes, want at most %d", got, bound)
		}
	}
}

// failing takes limit bytes, then fails or, without an error, writes short.
type failing struct {
	limit int
	err   error
	calls int
}

func (f *failing) Write(p []byte) (int, error) {
	f.calls++
	n := min(len(p), f.limit)
	f.limit -= n
	if n < len(p) {
		return n, f.err
	}
	return n, nil
}

func TestWriterKeepsItsError(t *testing.T) {
	broken := errors.New("no space left")
	for _, test := range []struct {
		name      string
		err, want error
	}{{"error", broken, broken}, {"short write", nil, io.ErrShortWrite}} {
		t.Run(test.name, func(t *testing.T) {
			out := &failing{limit: 2*writeBuffer + 100, err: test.err}
			w, err := NewPcapngWriter(out, Section{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.AddInterface(Interface{LinkType: 1}); err != nil {
				t.Fatal(err)
			}
			f := Frame{LinkType: 1, Data: make([]byte, 1500)}
			var first error
			for range 100 {
				if first = w.WriteFrame(&f); first != nil {
					break
				}
			}
			if !errors.Is(first, test.want) {
				t.Fatalf("error %v, want %v", first, test.want)
			}
			calls := out.calls
			_, errAdd := w.AddInterface(Interface{LinkType: 1})
			for _, err := range []error{w.WriteFrame(&f), w.Flush(), w.WriteStatistics(Statistics{}), errAdd} {
				if err != first {
					t.Errorf("a further call returned %v, want the same error", err)
				}
			}
			if out.calls != calls {
				t.Error("the Writer wrote on after an error")
			}
		})
	}
}
