package savefile

import (
	"encoding/binary"
	"errors"
	"io"
	"testing"
)

// builder lays out files byte by byte, in either byte order and without the Writer, so that Reader and
// Writer cannot share a mistake.
type builder struct {
	order binary.AppendByteOrder
	buf   []byte
}

func littleEndian() *builder { return &builder{order: binary.LittleEndian} }
func bigEndian() *builder    { return &builder{order: binary.BigEndian} }

// bothOrders is the loop of every test whose input has a byte order.
var bothOrders = []struct {
	name string
	new  func() *builder
}{{"little-endian", littleEndian}, {"big-endian", bigEndian}}

func (b *builder) u16(vs ...uint16) *builder {
	for _, v := range vs {
		b.buf = b.order.AppendUint16(b.buf, v)
	}
	return b
}

func (b *builder) u32(vs ...uint32) *builder {
	for _, v := range vs {
		b.buf = b.order.AppendUint32(b.buf, v)
	}
	return b
}

func (b *builder) u64(v uint64) *builder {
	b.buf = b.order.AppendUint64(b.buf, v)
	return b
}

func (b *builder) raw(p ...byte) *builder {
	b.buf = append(b.buf, p...)
	return b
}

func (b *builder) text(s string) *builder { return b.raw([]byte(s)...) }

func (b *builder) pad() *builder {
	for len(b.buf)%4 != 0 {
		b.buf = append(b.buf, 0)
	}
	return b
}

func (b *builder) pcapHeader(magic uint32, minor uint16, snapLength, linkType uint32) *builder {
	return b.u32(magic).u16(2, minor).u32(0, 0, snapLength, linkType)
}

func (b *builder) record(seconds, fraction, wire uint32, data string) *builder {
	return b.u32(seconds, fraction, uint32(len(data)), wire).text(data)
}

// block appends a block around the body that fill lays out in the same byte order.
func (b *builder) block(kind uint32, fill func(*builder)) *builder {
	body := &builder{order: b.order}
	fill(body)
	body.pad()
	length := uint32(len(body.buf) + 12)
	return b.u32(kind, length).raw(body.buf...).u32(length)
}

func (b *builder) section() *builder {
	return b.block(0x0a0d0d0a, func(body *builder) { body.u32(0x1a2b3c4d).u16(1, 0).u64(1<<64 - 1) })
}

func (b *builder) option(code uint16, value string) *builder {
	return b.u16(code, uint16(len(value))).text(value).pad()
}

func (b *builder) describe(linkType uint16, snapLength uint32, options func(*builder)) *builder {
	return b.block(1, func(body *builder) {
		body.u16(linkType, 0).u32(snapLength)
		if options != nil {
			options(body)
		}
	})
}

func (b *builder) enhanced(id uint32, ticks uint64, wire uint32, data string, options func(*builder)) *builder {
	return b.block(6, func(body *builder) {
		body.u32(id, uint32(ticks>>32), uint32(ticks), uint32(len(data)), wire).text(data).pad()
		if options != nil {
			options(body)
		}
	})
}

func (b *builder) simple(wire uint32, data string) *builder {
	return b.block(3, func(body *builder) { body.u32(wire).text(data) })
}

// ngWith is a section with one Ethernet interface and no options.
func ngWith(b *builder) *builder { return b.section().describe(1, 0, nil) }

// readAll reads r to its end. The frames have their own copy of the data; the error is nil at io.EOF.
func readAll(r *Reader) ([]Frame, error) {
	var frames []Frame
	for {
		var f Frame
		if err := r.Next(&f); err == io.EOF {
			return frames, nil
		} else if err != nil {
			return frames, err
		}
		f.Data = append([]byte{}, f.Data...)
		frames = append(frames, f)
	}
}

// expectFrames compares the whole frames, the data as a string.
func expectFrames(t *testing.T, got, want []Frame) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d frames, want %d", len(got), len(want))
	}
	for i := range got {
		g, w := got[i], want[i]
		gotData, wantData := string(g.Data), string(w.Data)
		g.Data, w.Data = nil, nil
		if gotData != wantData {
			t.Errorf("frame %d: data %x, want %x", i, gotData, wantData)
		}
		if g.Time != w.Time || g.WireLength != w.WireLength || g.LinkType != w.LinkType || g.Interface != w.Interface || g.Direction != w.Direction {
			t.Errorf("frame %d: %+v, want %+v", i, g, w)
		}
	}
}

// asError asserts that err is an *Error of the kind and returns it.
func asError(t *testing.T, err, kind error) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || !errors.Is(err, kind) {
		t.Fatalf("error %v (%T), want an *Error of %v", err, err, kind)
	}
	return e
}
