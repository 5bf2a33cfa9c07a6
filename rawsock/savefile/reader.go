package savefile

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
)

// Reader reads a capture file. It is for one goroutine.
type Reader struct {
	in         source
	interfaces []Interface
	clocks     []clock // beside interfaces
	text       int     // bytes in the names and filters of interfaces
	err        error   // what ended the file; Next repeats it

	ng        bool // pcapng
	bigEndian bool // of the file, in pcapng of the section

	pcap    pcapVariant
	section int // pcapng: index of the current section's interface 0
	left    int // pcapng: bytes of the current block's body that are not yet read
}

// NewReader recognises the format from the first bytes of r and reads the file's header. It reads ahead
// of what it returns. A file that is empty or ends in its header is ErrTruncated; anything but pcap and
// pcapng is ErrFormat.
func NewReader(r io.Reader) (*Reader, error) {
	reader := &Reader{in: newSource(r)}
	if err := reader.readHeader(); err != nil {
		if err == io.EOF {
			err = &Error{Want: pcapHeaderLength, kind: ErrTruncated, problem: "the file is empty: the capture never started or its buffer was never flushed"}
		}
		return nil, err
	}
	return reader, nil
}

func (r *Reader) readHeader() error {
	r.in.begin(pcapHeaderLength)
	magic, err := r.in.peek(4)
	if err != nil {
		return err
	}
	number := binary.LittleEndian.Uint32(magic)
	if number == blockSection {
		r.ng = true
		_, err := r.readBlock(nil)
		return err
	}
	variant, known := pcapVariants[number]
	if !known {
		variant, known = pcapVariants[bits.ReverseBytes32(number)]
		r.bigEndian = true
	}
	if !known {
		return r.in.invalid("neither pcap nor pcapng: it begins with %x; %s", magic, adviceFor(magic))
	}
	r.pcap = variant
	return r.readPcapHeader()
}

// adviceFor names what people most often hand over instead.
func adviceFor(magic []byte) string {
	for _, known := range []struct{ magic, tool string }{
		{"\x1f\x8b", "gzip -dc"},
		{"\x28\xb5\x2f\xfd", "zstd -dc"},
		{"\xfd7zX", "xz -dc"},
		{"\x04\x22\x4d\x18", "lz4 -dc"},
	} {
		if len(magic) >= len(known.magic) && string(magic[:len(known.magic)]) == known.magic {
			return fmt.Sprintf("it is compressed: unpack it first (%s)", known.tool)
		}
	}
	return "convert it first (editcap -F pcapng)"
}

// Next reads the next frame into f. It returns io.EOF at a clean end, and otherwise an *Error that matches
// ErrTruncated, ErrFormat or the underlying error; f.Data is then no longer valid. After an error every
// further call returns the same one.
func (r *Reader) Next(f *Frame) error {
	if r.err != nil {
		return r.err
	}
	if !r.ng {
		r.err = r.readRecord(f)
		return r.err
	}
	for {
		isFrame, err := r.readBlock(f)
		if err != nil {
			r.err = err
			return err
		}
		if isFrame {
			return nil
		}
	}
}

// Interfaces returns what the file said about its interfaces so far: exactly one for pcap, and for pcapng
// those of all sections in the order of the file, growing while Next reads. The Reader owns the slice.
func (r *Reader) Interfaces() []Interface { return r.interfaces }

func (r *Reader) uint16(b []byte) uint16 {
	v := binary.LittleEndian.Uint16(b)
	if r.bigEndian {
		return bits.ReverseBytes16(v)
	}
	return v
}

func (r *Reader) uint32(b []byte) uint32 {
	v := binary.LittleEndian.Uint32(b)
	if r.bigEndian {
		return bits.ReverseBytes32(v)
	}
	return v
}

func (r *Reader) uint64(b []byte) uint64 {
	v := binary.LittleEndian.Uint64(b)
	if r.bigEndian {
		return bits.ReverseBytes64(v)
	}
	return v
}
