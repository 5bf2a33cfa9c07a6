package savefile

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestHostileFiles(t *testing.T) {
	const ngHeader = 28 + 20 // what ngWith lays out
	tests := []struct {
		name   string
		build  func(*builder) *builder
		frames int
		kind   error
		offset int64
		text   string // part of the message
	}{
		{"empty", func(b *builder) *builder { return b }, 0, ErrTruncated, 0, "empty"},
		{"three bytes", func(b *builder) *builder { return b.text("abc") }, 0, ErrTruncated, 0, "3 of 24 bytes"},
		{"something else", func(b *builder) *builder { return b.text("GIF89a") }, 0, ErrFormat, 0, "editcap"},
		{"gzip", func(b *builder) *builder { return b.raw(0x1f, 0x8b, 8, 0) }, 0, ErrFormat, 0, "gzip -dc"},
		{"zstandard", func(b *builder) *builder { return b.raw(0x28, 0xb5, 0x2f, 0xfd) }, 0, ErrFormat, 0, "zstd -dc"},

		{"pcap header cut", func(b *builder) *builder { return b.u32(0xa1b2c3d4).u16(2, 4) }, 0, ErrTruncated, 0, "8 of 24 bytes"},
		{"pcap version", func(b *builder) *builder { return b.u32(0xa1b2c3d4).u16(3, 0).u32(0, 0, 0, 1) }, 0, ErrFormat, 0, "version 3.0"},
		{"pcap frame too long", func(b *builder) *builder {
			return b.pcapHeader(0xa1b2c3d4, 4, 0, 1).record(1, 0, 3, "abc").u32(1, 0, MaxFrame+1, MaxFrame+1)
		}, 1, ErrFormat, 24 + 19, "262145"},
		{"pcap frame of 4 GiB", func(b *builder) *builder {
			return b.pcapHeader(0xa1b2c3d4, 4, 0, 1).u32(1, 0, 0xffffffff, 0xffffffff)
		}, 0, ErrFormat, 24, "4294967295"},
		{"pcap frame cut", func(b *builder) *builder {
			return b.pcapHeader(0xa1b2c3d4, 4, 0, 1).u32(1, 0, 100, 100).text("abc")
		}, 0, ErrTruncated, 24, "19 of 116 bytes"},

		{"section of no byte order", func(b *builder) *builder { return b.u32(0x0a0d0d0a, 28, 0x1a2b3c4e, 1, 0, 0, 28) }, 0, ErrFormat, 0, "byte-order"},
		{"section version", func(b *builder) *builder {
			return b.block(0x0a0d0d0a, func(body *builder) { body.u32(0x1a2b3c4d).u16(2, 0).u64(0) })
		}, 0, ErrFormat, 0, "version 2.0"},
		{"section without a body", func(b *builder) *builder { return b.u32(0x0a0d0d0a, 12, 0x1a2b3c4d, 12) }, 0, ErrFormat, 0, "too short"},
		{"section without its fields", func(b *builder) *builder { return b.u32(0x0a0d0d0a, 20, 0x1a2b3c4d, 0, 20) }, 0, ErrFormat, 0, "too short"},
		{"section cut", func(b *builder) *builder { return b.u32(0x0a0d0d0a, 28) }, 0, ErrTruncated, 0, "8 of 12 bytes"},
		{"second section of another version", func(b *builder) *builder {
			return ngWith(b).enhanced(0, 0, 1, "a", nil).block(0x0a0d0d0a, func(body *builder) { body.u32(0x1a2b3c4d).u16(9, 1).u64(0) })
		}, 1, ErrFormat, ngHeader + 36, "version 9.1"},

		{"block of length 0", func(b *builder) *builder { return ngWith(b).u32(99, 0, 0) }, 0, ErrFormat, ngHeader, "length of 0"},
		{"block of length 11", func(b *builder) *builder { return ngWith(b).u32(99, 11, 11) }, 0, ErrFormat, ngHeader, "length of 11"},
		{"block beyond the limit", func(b *builder) *builder { return ngWith(b).u32(99, MaxBlock+1) }, 0, ErrFormat, ngHeader, "16777217"},
		{"block of 4 GiB", func(b *builder) *builder { return ngWith(b).u32(99, 0xffffffff) }, 0, ErrFormat, ngHeader, "4294967295"},
		{"block cut", func(b *builder) *builder { return ngWith(b).u32(99, 1<<20, 0) }, 0, ErrTruncated, ngHeader, "12 of 1048576 bytes"},
		{"block header cut", func(b *builder) *builder { return ngWith(b).u32(99) }, 0, ErrTruncated, ngHeader, "4 of 8 bytes"},
		{"lengths differ", func(b *builder) *builder {
			return ngWith(b).enhanced(0, 0, 1, "a", nil).u32(99, 16, 0, 20)
		}, 1, ErrFormat, ngHeader + 36, "begins with a length of 16 and ends with 20"},

		{"interface without its fields", func(b *builder) *builder { return b.section().u32(1, 16, 1, 16) }, 0, ErrFormat, 28, "too short"},
		{"time resolution of two bytes", func(b *builder) *builder {
			return b.section().describe(1, 0, func(o *builder) { o.option(9, "\x06\x00") })
		}, 0, ErrFormat, 28, "option 9 has 2 bytes instead of 1"},
		{"time offset of four bytes", func(b *builder) *builder {
			return b.section().describe(1, 0, func(o *builder) { o.option(14, "\x00\x00\x00\x00") })
		}, 0, ErrFormat, 28, "option 14 has 4 bytes instead of 8"},
		{"option longer than its block", func(b *builder) *builder {
			return b.section().describe(1, 0, func(o *builder) { o.u16(2, 5).text("abcd") })
		}, 0, ErrFormat, 28, "option 2 has 5 bytes in a block with 4 left"},
		{"frame option longer than its block", func(b *builder) *builder {
			return ngWith(b).enhanced(0, 0, 1, "a", func(o *builder) { o.u16(2, 65535) })
		}, 0, ErrFormat, ngHeader, "option 2 has 65535 bytes in a block with 0 left"},

		{"frame without its fields", func(b *builder) *builder { return ngWith(b).u32(6, 28, 0, 0, 0, 0, 28) }, 0, ErrFormat, ngHeader, "too short"},
		{"frame longer than its block", func(b *builder) *builder { return ngWith(b).u32(6, 36, 0, 0, 0, 5, 5, 0, 36) }, 0, ErrFormat, ngHeader, "frame of 5 bytes in a block with room for 4"},
		{"frame beyond the limit", func(b *builder) *builder {
			return ngWith(b).enhanced(0, 0, 0, string(make([]byte, MaxFrame+1)), nil)
		}, 0, ErrFormat, ngHeader, "limit 262144"},
		{"frame of 4 GiB", func(b *builder) *builder {
			return ngWith(b).u32(6, 36, 0, 0, 0, 0xffffffff, 0xffffffff, 0, 36)
		}, 0, ErrFormat, ngHeader, "4294967295"},
		{"frame of an unknown interface", func(b *builder) *builder { return ngWith(b).enhanced(1, 0, 1, "a", nil) }, 0, ErrFormat, ngHeader, "interface 1 in a section that described 1"},
		{"frame of interface 2^32-1", func(b *builder) *builder { return ngWith(b).enhanced(0xffffffff, 0, 1, "a", nil) }, 0, ErrFormat, ngHeader, "interface 4294967295"},
		{"frame of the interface of an earlier section", func(b *builder) *builder {
			return ngWith(b).section().enhanced(0, 0, 1, "a", nil)
		}, 0, ErrFormat, ngHeader + 28, "interface 0 in a section that described 0"},
		{"simple packet before an interface", func(b *builder) *builder { return b.section().simple(1, "a") }, 0, ErrFormat, 28, "described 0"},
		{"simple packet without its fields", func(b *builder) *builder { return ngWith(b).u32(3, 12, 12) }, 0, ErrFormat, ngHeader, "too short"},
		{"simple packet beyond the limit", func(b *builder) *builder {
			return ngWith(b).simple(MaxFrame+1, string(make([]byte, MaxFrame+1)))
		}, 0, ErrFormat, ngHeader, "limit 262144"},

		{"one interface too many", func(b *builder) *builder {
			b.section()
			for range MaxInterfaces + 1 {
				b.describe(1, 0, nil)
			}
			return b
		}, 0, ErrFormat, 28 + 20*MaxInterfaces, "more than 4096 interfaces"},
		{"too much text in the interfaces", func(b *builder) *builder {
			b.section()
			for range MaxInterfaceText/60000 + 1 {
				b.describe(1, 0, func(o *builder) { o.option(2, strings.Repeat("n", 60000)) })
			}
			return b
		}, 0, ErrFormat, 28 + 60024*(MaxInterfaceText/60000), "1048576 bytes together"},
	}
	for _, test := range tests {
		for _, order := range bothOrders {
			t.Run(test.name+"/"+order.name, func(t *testing.T) {
				r, err := NewReader(bytes.NewReader(test.build(order.new()).buf))
				var frames []Frame
				if err == nil {
					frames, err = readAll(r)
				}
				e := asError(t, err, test.kind)
				if len(frames) != test.frames || e.Offset != test.offset || !strings.Contains(err.Error(), test.text) {
					t.Errorf("%d frames and %v, want %d frames and an error at offset %d with %q", len(frames), err, test.frames, test.offset, test.text)
				}
				if r == nil {
					return
				}
				if again := r.Next(&Frame{}); again != err {
					t.Errorf("a further call returned %v, want the same error", again)
				}
			})
		}
	}
}

// variety is a file with every kind of block or record, and where each of them begins.
func variety(ng bool, b *builder) (file []byte, frameEnds []int, starts map[int]bool) {
	starts = map[int]bool{}
	add := func(isFrame bool, step func()) {
		starts[len(b.buf)] = true
		step()
		if isFrame {
			frameEnds = append(frameEnds, len(b.buf))
		}
	}
	if !ng {
		b.pcapHeader(0xa1b23c4d, 4, 0, 1)
		add(true, func() { b.record(1, 2, 60, "abc") })
		add(true, func() { b.record(3, 4, 0, "") })
		add(true, func() { b.record(5, 6, 60, strings.Repeat("x", 60)) })
		starts[len(b.buf)] = true
		return b.buf, frameEnds, starts
	}
	b.section()
	add(false, func() {
		b.describe(1, 96, func(o *builder) { o.option(2, "eth0").option(9, "\x09").option(11, "\x00ip").option(0, "") })
	})
	add(true, func() { b.enhanced(0, 7, 60, "abc", func(o *builder) { o.u16(2, 4).u32(2).option(0, "") }) })
	add(false, func() { b.block(5, func(body *builder) { body.u32(0, 0, 0) }) })
	add(true, func() { b.simple(3, "abc") })
	add(false, func() { b.section() })
	add(false, func() { b.describe(1, 0, nil) })
	add(true, func() { b.block(2, func(body *builder) { body.u16(0, 0).u32(0, 9, 2, 2).text("ab") }) })
	starts[len(b.buf)] = true
	return b.buf, frameEnds, starts
}

// A file may end after any byte: whole frames come out, and only an end between records is clean.
func TestCutAfterEveryByte(t *testing.T) {
	for _, format := range []struct {
		name string
		ng   bool
	}{{"pcap", false}, {"pcapng", true}} {
		for _, order := range bothOrders {
			t.Run(format.name+"/"+order.name, func(t *testing.T) {
				file, frameEnds, starts := variety(format.ng, order.new())
				for cut := range len(file) + 1 {
					whole := 0
					for _, end := range frameEnds {
						if end <= cut {
							whole++
						}
					}
					r, err := NewReader(bytes.NewReader(file[:cut]))
					var frames []Frame
					if err == nil {
						frames, err = readAll(r)
					}
					if len(frames) != whole {
						t.Fatalf("cut at %d: %d frames, want %d", cut, len(frames), whole)
					}
					if starts[cut] {
						if err != nil {
							t.Fatalf("cut at %d, between records: %v", cut, err)
						}
						continue
					}
					e := asError(t, err, ErrTruncated)
					if e.Offset+e.Read != int64(cut) || e.Want <= e.Read {
						t.Fatalf("cut at %d: offset %d, %d of %d bytes read", cut, e.Offset, e.Read, e.Want)
					}
				}
			})
		}
	}
}

// What a source delivers in one piece or byte by byte is the same file.
func TestSourceInPieces(t *testing.T) {
	for _, ng := range []bool{false, true} {
		file, _, _ := variety(ng, littleEndian())
		var want []Frame
		for _, source := range []io.Reader{
			bytes.NewReader(file),
			iotest.OneByteReader(bytes.NewReader(file)),
			iotest.HalfReader(bytes.NewReader(file)),
			iotest.DataErrReader(bytes.NewReader(file)),
		} {
			r, err := NewReader(source)
			if err != nil {
				t.Fatal(err)
			}
			frames, err := readAll(r)
			if err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = frames
			}
			expectFrames(t, frames, want)
		}
	}
}

func TestSourceFails(t *testing.T) {
	broken := errors.New("disk on fire")
	for _, ng := range []bool{false, true} {
		file, _, starts := variety(ng, littleEndian())
		for cut := range len(file) {
			r, err := NewReader(io.MultiReader(bytes.NewReader(file[:cut]), iotest.ErrReader(broken)))
			if err == nil {
				_, err = readAll(r)
			}
			e := asError(t, err, broken)
			if e.Offset+e.Read != int64(cut) || starts[cut] && e.Read != 0 {
				t.Fatalf("failing at %d: offset %d, %d bytes read", cut, e.Offset, e.Read)
			}
			if errors.Is(err, ErrTruncated) || errors.Is(err, ErrFormat) {
				t.Fatalf("failing at %d: %v blames the file", cut, err)
			}
		}
	}
	// A source that never delivers is an error, not a loop.
	_, err := NewReader(iotest.ErrReader(nil))
	asError(t, err, io.ErrNoProgress)

	// Half a compressed file is half a file, even where the half ends between two records.
	file, _, _ := variety(true, littleEndian())
	r, err := NewReader(io.MultiReader(bytes.NewReader(file), iotest.ErrReader(io.ErrUnexpectedEOF)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = readAll(r)
	asError(t, err, ErrTruncated)
}

// A header that announces what is not there costs what is there.
func TestMemoryFollowsTheBytes(t *testing.T) {
	const bound = 1024
	tests := []struct {
		name string
		file *builder
	}{
		{"pcap", littleEndian().pcapHeader(0xa1b2c3d4, 4, 0, 1).u32(1, 0, MaxFrame, MaxFrame).text("abc")},
		{"pcapng", ngWith(littleEndian()).u32(6, MaxFrame+32, 0, 0, 0, MaxFrame, MaxFrame).text("abc")},
		{"skipped block", ngWith(littleEndian()).u32(99, MaxBlock).text("abc")},
		{"comments of a frame", ngWith(littleEndian()).u32(6, MaxBlock, 0, 0, 0, 0, 0).u16(1, 65535).text("abc")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, err := NewReader(bytes.NewReader(test.file.buf))
			if err != nil {
				t.Fatal(err)
			}
			_, err = readAll(r)
			asError(t, err, ErrTruncated)
			if got := cap(r.in.data); got > bound {
				t.Errorf("the frame buffer has %d bytes after a file of %d, want at most %d", got, len(test.file.buf), bound)
			}
		})
	}
}
