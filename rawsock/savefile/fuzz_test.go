package savefile

import (
	"bytes"
	"errors"
	"io"
	"math"
	"slices"
	"testing"
	"testing/iotest"
)

// FuzzReader holds for every input: each frame consumes bytes, memory stays in proportion to the input,
// the error is one of the three there are and remains, delivery in pieces changes nothing, and what was
// read can be written and read again.
func FuzzReader(f *testing.F) {
	for _, order := range bothOrders {
		for _, ng := range []bool{false, true} {
			file, _, _ := variety(ng, order.new())
			f.Add(file)
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := NewReader(bytes.NewReader(file))
		if err != nil {
			expectKnown(t, err)
			return
		}
		frames, err := readCarefully(t, r)
		if err != io.EOF {
			expectKnown(t, err)
		}
		if got, bound := cap(r.in.data), 2*len(file)+64; got > bound {
			t.Fatalf("the frame buffer has %d bytes after a file of %d", got, len(file))
		}

		pieces, errNew := NewReader(iotest.OneByteReader(bytes.NewReader(file)))
		if errNew != nil {
			t.Fatalf("byte by byte: %v", errNew)
		}
		again, errAgain := readAll(pieces)
		if (errAgain == nil) != (err == io.EOF) || errAgain != nil && errAgain.Error() != err.Error() {
			t.Fatalf("byte by byte: %v, in one piece: %v", errAgain, err)
		}
		expectFrames(t, again, frames)
		expectRoundTrip(t, frames, r.Interfaces())
	})
}

func readCarefully(t *testing.T, r *Reader) ([]Frame, error) {
	var frames []Frame
	for {
		before := r.in.offset()
		f := Frame{Interface: -1}
		if err := r.Next(&f); err != nil {
			if again := r.Next(&f); again != err {
				t.Fatalf("%v, then %v", err, again)
			}
			return frames, err
		}
		if r.in.offset()-before < int64(16+len(f.Data)) {
			t.Fatalf("a frame of %d bytes took %d", len(f.Data), r.in.offset()-before)
		}
		if f.Interface < 0 || f.Interface >= len(r.Interfaces()) {
			t.Fatalf("interface %d of %d", f.Interface, len(r.Interfaces()))
		}
		if f.LinkType != r.Interfaces()[f.Interface].LinkType || int64(f.WireLength) < int64(len(f.Data)) || f.Direction > DirectionUnknown || len(f.Data) > MaxFrame {
			t.Fatalf("%+v", f)
		}
		f.Data = slices.Clone(f.Data)
		frames = append(frames, f)
	}
}

func expectKnown(t *testing.T, err error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || errors.Is(err, ErrFormat) == errors.Is(err, ErrTruncated) {
		t.Fatalf("%v (%T)", err, err)
	}
}

func expectRoundTrip(t *testing.T, frames []Frame, interfaces []Interface) {
	t.Helper()
	var file bytes.Buffer
	w, err := NewPcapngWriter(&file, Section{})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range interfaces {
		if len(i.Name) > MaxText || len(i.Filter) > MaxText {
			return
		}
		if _, err := w.AddInterface(i); err != nil {
			t.Fatal(err)
		}
	}
	var kept []Frame
	for _, frame := range frames {
		err := w.WriteFrame(&frame)
		if refused := errors.Is(err, ErrFrame); refused != (frame.Time < 0) || !refused && err != nil {
			t.Fatalf("%+v: %v", frame, err)
		}
		if err == nil {
			kept = append(kept, frame)
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
	expectFrames(t, got, kept)
	if !slices.Equal(r.Interfaces(), interfaces) {
		t.Fatalf("interfaces %+v, want %+v", r.Interfaces(), interfaces)
	}
}

// FuzzClock compares the clock with the one of numbers of any size.
func FuzzClock(f *testing.F) {
	f.Add(uint8(6), int64(0), uint64(1700000000123456))
	f.Add(uint8(0x80|40), int64(-1), uint64(math.MaxUint64))
	f.Add(uint8(127), int64(math.MinInt64), uint64(1))
	f.Fuzz(func(t *testing.T, resolution uint8, offset int64, ticks uint64) {
		c := newClock(resolution, offset)
		if got, want := c.nanoseconds(ticks), slowNanoseconds(resolution, offset, ticks); got != want {
			t.Fatalf("%d ns, want %d", got, want)
		}
	})
}
