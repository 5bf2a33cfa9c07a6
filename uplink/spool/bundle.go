package spool

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"sync"
)

// A bundle is one file with many whole segments, for a long backlog: a quiet router seals a segment of 700 bytes
// a second, which costs a block and an entry in memory each.
//
//	magic (8 bytes)
//	chunks        of heads (prefix and header of each segment, as in a segment file) and of bodies
//	directory     where the chunks are, how long the heads and bodies are
//	directory     the same again
//	trailer       where the directory is, and what is told of the bundle without it
//	trailer       the same again
//
// The heads of all segments, one after the other, are cut into chunks of headChunk bytes, the bodies into chunks
// of bodyChunk. Each chunk is compressed by itself (RFC 1951) where that makes it shorter, and has a checksum of
// its own: a wrong byte costs the segments that are in its chunk. Heads are apart from bodies, so that a body that is
// lost leaves a header that counts its rows. All numbers are little endian.
//
// Measured on an AMD EPYC core with records as uplink makes them (BenchmarkPack, TestMemory): packing costs 450 ns a row where
// segments hold 3,500 rows and makes 25 bytes of 77, 830 ns where they hold 10 and makes 44 of 95, headers included; that is
// why nothing is packed when it is sealed. Unpacking costs 240 and 460 ns. A backlog of 100,000 segments takes
// 0.3 MB of memory in 43 bundles, and 8 MB of disk where files of their own took 400.
const (
	bundleMagic  = "SNIFBUN1"
	trailerMagic = "SNIFBNX1"
	trailerSize  = 64
	chunkRecord  = 13
)

// chunk is a piece of a bundle. One of the same length packed and unpacked is stored as it is.
type chunk struct {
	offset      int64
	packed, raw uint32
	sum         uint32 // CRC-32C of the packed bytes
}

// segmentRecord says where a segment is in the heads and bodies of its bundle.
type segmentRecord struct {
	head, body         int64 // offsets in the unpacked streams
	headSize, bodySize uint32
	rows               uint32
	tombstone          bool
}

// directory is the table of contents of a bundle.
type directory struct {
	heads, bodies []chunk
	segments      []segmentRecord
}

// trailer is what is known of a bundle without its directory.
type trailer struct {
	directory, sum uint32 // length and CRC-32C of the directory
	count          uint32 // segments
	tombstones     uint32
	first, last    uint64 // ordinals in the first tier of the segments that it was made of
	written        int64  // Unix nanoseconds
	headBytes      uint32 // packed heads: about what stays when the rows are given up
	raw            uint32 // heads and bodies before they were packed
}

func (t *trailer) append(b []byte) []byte {
	le := binary.LittleEndian
	start := len(b)
	b = append(b, trailerMagic...)
	for _, v := range []uint32{t.directory, t.sum, t.count, t.tombstones, t.headBytes, t.raw} {
		b = le.AppendUint32(b, v)
	}
	b = le.AppendUint64(b, t.first)
	b = le.AppendUint64(b, t.last)
	b = le.AppendUint64(b, uint64(t.written))
	b = append(b, make([]byte, trailerSize-4-(len(b)-start))...)
	return le.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

func parseTrailer(b []byte) (trailer, bool) {
	le := binary.LittleEndian
	if len(b) != trailerSize || string(b[:8]) != trailerMagic ||
		crc32.Checksum(b[:trailerSize-4], castagnoli) != le.Uint32(b[trailerSize-4:]) {
		return trailer{}, false
	}
	t := trailer{
		directory: le.Uint32(b[8:]), sum: le.Uint32(b[12:]), count: le.Uint32(b[16:]), tombstones: le.Uint32(b[20:]),
		headBytes: le.Uint32(b[24:]), raw: le.Uint32(b[28:]),
		first: le.Uint64(b[32:]), last: le.Uint64(b[40:]), written: int64(le.Uint64(b[48:])),
	}
	return t, t.count > 0 && t.count <= maxBundled && t.tombstones <= t.count && t.directory <= maxDirectory
}

// parseDirectory reads a table of contents whose checksum was right, and takes nothing in it for granted: chunks and
// segments fill their streams without gaps.
func parseDirectory(b []byte, count uint32) (*directory, error) {
	c := &cursor{b: b}
	d := &directory{}
	var heads, bodies int64
	offset := int64(len(bundleMagic))
	for range c.count(maxChunks) {
		r := c.take(chunkRecord)
		k := chunk{offset: offset, packed: binary.LittleEndian.Uint32(r[1:]), raw: binary.LittleEndian.Uint32(r[5:]),
			sum: binary.LittleEndian.Uint32(r[9:])}
		offset += int64(k.packed)
		list, size, total := &d.heads, uint32(headChunk), &heads
		if r[0] != 0 {
			list, size, total = &d.bodies, bodyChunk, &bodies
		}
		// Only the last chunk of a stream may be shorter: a place is found by division.
		full := len(*list) == 0 || (*list)[len(*list)-1].raw == size
		if c.bad || r[0] > 1 || k.raw == 0 || k.raw > size || k.packed > k.raw || !full {
			return nil, fmt.Errorf("%w: the directory's chunks", ErrBroken)
		}
		*list = append(*list, k)
		*total += int64(k.raw)
	}
	d.segments = make([]segmentRecord, 0, min(count, maxBundled))
	var s segmentRecord
	for range count {
		s.headSize, s.bodySize = uint32(c.count(prefixSize+maxHeader)), uint32(c.count(MaxBody))
		s.rows, s.tombstone = c.u32(), c.take(1)[0] != 0
		if c.bad || s.headSize < prefixSize {
			return nil, fmt.Errorf("%w: the directory's segments", ErrBroken)
		}
		d.segments = append(d.segments, s)
		s.head += int64(s.headSize)
		s.body += int64(s.bodySize)
	}
	if c.bad || len(c.b) != 0 || s.head != heads || s.body != bodies {
		return nil, fmt.Errorf("%w: the directory does not add up", ErrBroken)
	}
	return d, nil
}

// end is where the chunks end in the file.
func (d *directory) end() int64 {
	end := int64(len(bundleMagic))
	for _, list := range [][]chunk{d.heads, d.bodies} {
		if len(list) > 0 {
			k := list[len(list)-1]
			end = max(end, k.offset+int64(k.packed))
		}
	}
	return end
}

// readTrailer reads what is told at the end of a bundle, and the size of the file.
func readTrailer(fs FS, path string) (t trailer, size int64, err error) {
	head, size, err := fs.ReadHead(path, len(bundleMagic))
	if err != nil {
		return trailer{}, 0, fmt.Errorf("spool: read %s: %w", path, err)
	}
	if string(head) != bundleMagic || size < int64(len(bundleMagic))+2*trailerSize || size > maxBundleFile {
		return trailer{}, size, fmt.Errorf("spool: %s: %w: it is no bundle of %d bytes", path, ErrBroken, size)
	}
	b := make([]byte, 2*trailerSize)
	if err := fs.ReadAt(path, b, size-2*trailerSize); err != nil {
		return trailer{}, size, fmt.Errorf("spool: read %s: %w", path, shortIsBroken(err))
	}
	t, ok := parseTrailer(b[trailerSize:])
	if !ok {
		t, ok = parseTrailer(b[:trailerSize])
	}
	if !ok || int64(len(bundleMagic))+2*int64(t.directory)+2*trailerSize > size {
		return trailer{}, size, fmt.Errorf("spool: %s: %w: the trailer does not hold", path, ErrBroken)
	}
	return t, size, nil
}

// shortIsBroken: a file that is shorter than it told is wrong, whatever the medium says later.
func shortIsBroken(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return err
}

// readDirectory reads the table of contents, from its second place when the first does not hold.
func readDirectory(fs FS, path string, t *trailer, size int64) (*directory, error) {
	var first error
	for _, copies := range []int64{1, 2} {
		at := size - 2*trailerSize - copies*int64(t.directory)
		b := make([]byte, t.directory)
		if err := fs.ReadAt(path, b, at); err != nil {
			return nil, fmt.Errorf("spool: read %s: %w", path, shortIsBroken(err))
		}
		err := fmt.Errorf("%w: wrong checksum of the directory", ErrBroken)
		if crc32.Checksum(b, castagnoli) == t.sum {
			var d *directory
			if d, err = parseDirectory(b, t.count); err == nil && d.end() == size-2*trailerSize-2*int64(t.directory) {
				return d, nil
			} else if err == nil {
				err = fmt.Errorf("%w: the chunks do not fill the file", ErrBroken)
			}
		}
		if first == nil {
			first = err
		}
	}
	return nil, fmt.Errorf("spool: %s: %w", path, first)
}

// packer is the memory that compressing takes: 0.8 MB, which the garbage collector takes back between bundles.
type packer struct {
	deflate *flate.Writer
	out     bytes.Buffer
}

var packers = sync.Pool{New: func() any {
	deflate, _ := flate.NewWriter(io.Discard, flate.BestSpeed) // the level is a valid one
	return &packer{deflate: deflate}
}}

// bundleWriter writes a bundle piece by piece.
type bundleWriter struct {
	file       File
	pack       *packer
	size       int64
	heads      []byte // that do not fill a chunk yet
	bodies     []byte
	chunks     []byte // of the directory
	segments   []byte
	chunkCount uint64
	raw        int64 // bytes of heads and bodies so far
	trailer    trailer
}

// newBundleWriter begins a bundle. After an error, of any call but finish, the file is the caller's to close.
func newBundleWriter(file File) (*bundleWriter, error) {
	w := &bundleWriter{file: file, pack: packers.Get().(*packer)}
	return w, w.write([]byte(bundleMagic))
}

func (w *bundleWriter) write(b []byte) error {
	w.size += int64(len(b))
	_, err := w.file.Write(b)
	return err
}

// add takes a segment: prefix and header in one piece, and the body.
func (w *bundleWriter) add(head, body []byte, rows uint64, tombstone bool) error {
	w.segments = binary.AppendUvarint(w.segments, uint64(len(head)))
	w.segments = binary.AppendUvarint(w.segments, uint64(len(body)))
	w.segments = binary.AppendUvarint(w.segments, min(rows, 1<<32-1))
	w.segments = append(w.segments, 0)
	if tombstone {
		w.segments[len(w.segments)-1] = 1
		w.trailer.tombstones++
	}
	w.trailer.count++
	w.raw += int64(len(head) + len(body))
	if err := w.stream(&w.heads, head, headChunk, 0); err != nil {
		return err
	}
	return w.stream(&w.bodies, body, bodyChunk, 1)
}

// stream collects bytes and writes whole chunks.
func (w *bundleWriter) stream(pending *[]byte, b []byte, size int, kind byte) error {
	for len(b) > 0 {
		n := min(len(b), size-len(*pending))
		*pending = append(*pending, b[:n]...)
		b = b[n:]
		if len(*pending) == size {
			if err := w.flush(pending, kind); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *bundleWriter) flush(pending *[]byte, kind byte) error {
	raw := *pending
	if len(raw) == 0 {
		return nil
	}
	out := &w.pack.out
	out.Reset()
	w.pack.deflate.Reset(out)
	// Writing to a buffer does not fail.
	_, _ = w.pack.deflate.Write(raw)
	_ = w.pack.deflate.Close()
	packed := out.Bytes()
	if len(packed) >= len(raw) {
		packed = raw
	}
	le := binary.LittleEndian
	w.chunks = append(w.chunks, kind)
	w.chunks = le.AppendUint32(w.chunks, uint32(len(packed)))
	w.chunks = le.AppendUint32(w.chunks, uint32(len(raw)))
	w.chunks = le.AppendUint32(w.chunks, crc32.Checksum(packed, castagnoli))
	w.chunkCount++
	if kind == 0 {
		w.trailer.headBytes += uint32(len(packed))
	}
	*pending = raw[:0]
	return w.write(packed)
}

// finish writes what is left, syncs and closes. first and last are the ordinals that the bundle stands for.
func (w *bundleWriter) finish(first, last uint64, written int64) error {
	err := errors.Join(w.flush(&w.heads, 0), w.flush(&w.bodies, 1))
	dir := binary.AppendUvarint(nil, w.chunkCount)
	dir = slices.Concat(dir, w.chunks, w.segments)
	t := &w.trailer
	t.first, t.last, t.written, t.raw = first, last, written, uint32(w.raw)
	t.directory, t.sum = uint32(len(dir)), crc32.Checksum(dir, castagnoli)
	tail := t.append(nil)
	for _, b := range [][]byte{dir, dir, tail, tail} {
		if err == nil {
			err = w.write(b)
		}
	}
	if err == nil {
		err = w.file.Sync()
	}
	packers.Put(w.pack)
	w.pack = nil
	return errors.Join(err, w.file.Close())
}

// bundleReader reads segments of a bundle, and keeps the chunks that it was in last: neighbours share them.
type bundleReader struct {
	fs           FS
	path         string
	dir          *directory
	heads        unpacked
	bodies       unpacked
	packed       []byte
	compressed   bytes.Reader
	decompressor io.ReadCloser
}

// unpacked is a chunk as it was before it was packed.
type unpacked struct {
	number int // in its stream; -1: none
	raw    []byte
}

func newBundleReader(fs FS, path string, dir *directory) *bundleReader {
	return &bundleReader{fs: fs, path: path, dir: dir, heads: unpacked{number: -1}, bodies: unpacked{number: -1}}
}

// openBundle reads trailer and directory.
func openBundle(fs FS, path string) (*bundleReader, trailer, int64, error) {
	t, size, err := readTrailer(fs, path)
	if err != nil {
		return nil, t, size, err
	}
	dir, err := readDirectory(fs, path, &t, size)
	if err != nil {
		return nil, t, size, err
	}
	return newBundleReader(fs, path, dir), t, size, nil
}

// header reads the header of segment i.
func (r *bundleReader) header(i int) (Header, error) {
	s := &r.dir.segments[i]
	b, err := r.append(nil, &r.heads, r.dir.heads, headChunk, s.head, int64(s.headSize))
	if err != nil {
		return Header{}, err
	}
	h, n, err := parseHead(b)
	if err == nil && (n != int(s.bodySize) || h.Rows != uint64(s.rows) && s.rows != 1<<32-1) {
		err = fmt.Errorf("%w: the directory tells another body", ErrBroken)
	}
	if err != nil {
		return Header{}, fmt.Errorf("spool: %s: segment %d: %w", r.path, i, err)
	}
	return h, nil
}

// file reads segment i as its file was, into buf, which may grow; head is how much of it stands before the body.
// When only the body is wrong the header is returned beside errBody.
func (r *bundleReader) file(i int, buf []byte) (h Header, head int, file []byte, err error) {
	s := &r.dir.segments[i]
	buf = slices.Grow(buf[:0], int(s.headSize)+int(s.bodySize))
	if buf, err = r.append(buf, &r.heads, r.dir.heads, headChunk, s.head, int64(s.headSize)); err != nil {
		return Header{}, 0, buf[:0], err
	}
	if h, _, err = parseHead(buf); err != nil {
		return Header{}, 0, buf[:0], fmt.Errorf("spool: %s: segment %d: %w", r.path, i, err)
	}
	if buf, err = r.append(buf, &r.bodies, r.dir.bodies, bodyChunk, s.body, int64(s.bodySize)); err != nil {
		if errors.Is(err, ErrBroken) {
			err = fmt.Errorf("%w: %w", errBody, err)
		}
		return h, int(s.headSize), buf[:0], err
	}
	if _, _, err = parseFile(buf); err != nil {
		return h, int(s.headSize), buf[:0], fmt.Errorf("spool: %s: segment %d: %w", r.path, i, err)
	}
	return h, int(s.headSize), buf, nil
}

// append unpacks n bytes of a stream from the offset behind dst.
func (r *bundleReader) append(dst []byte, u *unpacked, chunks []chunk, size, offset, n int64) ([]byte, error) {
	for n > 0 {
		i := int(offset / size)
		if u.number != i {
			u.number = -1
			if err := r.unpack(u, &chunks[i]); err != nil {
				return dst, err
			}
			u.number = i
		}
		b := u.raw[offset%size:]
		b = b[:min(n, int64(len(b)))]
		dst = append(dst, b...)
		offset += int64(len(b))
		n -= int64(len(b))
	}
	return dst, nil
}

func (r *bundleReader) unpack(u *unpacked, k *chunk) error {
	r.packed = slices.Grow(r.packed[:0], int(k.packed))[:k.packed]
	if err := r.fs.ReadAt(r.path, r.packed, k.offset); err != nil {
		return fmt.Errorf("spool: read %s: %w", r.path, shortIsBroken(err))
	}
	if crc32.Checksum(r.packed, castagnoli) != k.sum {
		return fmt.Errorf("spool: %s: %w: wrong checksum of a chunk", r.path, ErrBroken)
	}
	u.raw = slices.Grow(u.raw[:0], int(k.raw))[:k.raw]
	if k.packed == k.raw {
		copy(u.raw, r.packed)
		return nil
	}
	r.compressed.Reset(r.packed)
	if r.decompressor == nil {
		r.decompressor = flate.NewReader(&r.compressed)
	} else if err := r.decompressor.(flate.Resetter).Reset(&r.compressed, nil); err != nil {
		return fmt.Errorf("spool: %s: %w", r.path, err)
	}
	if _, err := io.ReadFull(r.decompressor, u.raw); err != nil {
		return fmt.Errorf("spool: %s: %w: a chunk does not unpack: %w", r.path, ErrBroken, err)
	}
	return nil
}
