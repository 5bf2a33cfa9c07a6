package spool

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"
)

// bundleOf makes a bundle of segments whose heads and bodies take several chunks, every other body of noise.
func bundleOf(t testing.TB, fs FS, path string, segments int) (heads []Header, bodies [][]byte) {
	t.Helper()
	file, err := fs.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := newBundleWriter(file)
	if err != nil {
		t.Fatal(err)
	}
	noise := rand.NewChaCha8([32]byte{1})
	for n := range segments {
		h, body := segment(key{1, uint64(n) + 1}, 100+n%7*100)
		if n%2 == 1 {
			_, _ = noise.Read(body)
		}
		if err := w.add(appendFile(nil, h, body), body, h.Rows, false); err != nil {
			t.Fatal(err)
		}
		heads, bodies = append(heads, *h), append(bodies, body)
	}
	if err := w.finish(5, 5+uint64(segments)-1, 7); err != nil {
		t.Fatal(err)
	}
	return heads, bodies
}

func TestBundleRoundTrip(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 300} {
		fs := newMemory()
		heads, bodies := bundleOf(t, fs, "b", n)
		r, tr, size, err := openBundle(fs, "b")
		if err != nil || int(tr.count) != n || tr.first != 5 || tr.last != 5+uint64(n)-1 || tr.written != 7 || size != int64(len(fs.files["b"])) {
			t.Fatalf("%+v, %d bytes, %v", tr, size, err)
		}
		var buf []byte
		for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(n)[:max(n/raced, min(n, 2))] {
			h, err := r.header(i)
			if err != nil || !reflect.DeepEqual(h, heads[i]) {
				t.Fatalf("header %d: %+v, %v", i, h, err)
			}
			h, head, file, err := r.file(i, buf)
			if buf = file; err != nil || !reflect.DeepEqual(h, heads[i]) || !bytes.Equal(file[head:], bodies[i]) {
				t.Fatalf("segment %d: %v", i, err)
			}
		}
	}
}

// wholeOrTold reads everything of what may be a bundle. What is handed out is right, whatever was done to the file.
func wholeOrTold(t *testing.T, b []byte, heads []Header, bodies [][]byte) (right, headers int) {
	t.Helper()
	fs := newMemory()
	fs.files["b"] = b
	r, _, _, err := openBundle(fs, "b")
	if err != nil {
		if !errors.Is(err, ErrBroken) {
			t.Fatalf("%v, want ErrBroken", err)
		}
		return 0, 0
	}
	for i := range r.dir.segments {
		h, head, file, err := r.file(i, nil)
		switch {
		case err == nil && (i >= len(heads) || !reflect.DeepEqual(h, heads[i]) || !bytes.Equal(file[head:], bodies[i])):
			t.Fatalf("segment %d is wrong, and nothing tells", i)
		case err == nil:
			right++
			headers++
		case !errors.Is(err, ErrBroken):
			t.Fatalf("segment %d: %v, want ErrBroken", i, err)
		case errors.Is(err, errBody):
			headers++
			if !reflect.DeepEqual(h, heads[i]) {
				t.Fatalf("segment %d: the header is wrong, and nothing tells", i)
			}
		}
	}
	return right, headers
}

// TestBundleDamage changes each byte, and cuts at each. A byte costs no more than the segments of its chunk.
func TestBundleDamage(t *testing.T) {
	t.Parallel()
	fs := newMemory()
	const segments = 60
	heads, bodies := bundleOf(t, fs, "b", segments)
	whole := fs.files["b"]
	r, _, size, err := openBundle(fs, "b")
	if err != nil {
		t.Fatal(err)
	}
	if len(r.dir.bodies) < 3 {
		t.Fatalf("%d chunks of bodies: this tests nothing", len(r.dir.bodies))
	}
	// Of the chunks one byte in a few stands for all: what guards them is one checksum each.
	step := func(n int) int {
		if n > len(bundleMagic) && int64(n) < r.dir.end() {
			return 97 * thin()
		}
		return 1 + 4*(thin()-1)
	}
	for n := 0; n < len(whole); n += step(n) {
		b := bytes.Clone(whole)
		b[n] ^= byte(1 + n%255)
		right, headers := wholeOrTold(t, b, heads, bodies)
		switch {
		case n < len(bundleMagic):
			if right != 0 {
				t.Fatalf("byte %d: the magic is wrong, and %d segments are right", n, right)
			}
		case int64(n) >= r.dir.end():
			// Directory and trailer are there twice.
			if right != segments {
				t.Fatalf("byte %d of %d: %d segments are right, want all", n, size, right)
			}
		default:
			if want := segments - lost(r.dir, int64(n)); right != want || headers != segments && headers != right {
				t.Fatalf("byte %d: %d segments are right, want %d; %d headers", n, right, want, headers)
			}
		}
	}
	for n := 0; n < len(whole); n += step(n) {
		if right, _ := wholeOrTold(t, whole[:n:n], heads, bodies); right != 0 {
			t.Fatalf("cut off at byte %d: %d segments are right", n, right)
		}
	}
	if right, _ := wholeOrTold(t, append(bytes.Clone(whole), 0), heads, bodies); right != 0 {
		t.Fatalf("a byte more: %d segments are right", right)
	}
}

// lost is how many segments have a part in the chunk that the byte is in.
func lost(d *directory, at int64) (n int) {
	count := func(chunks []chunk, size int64, from func(*segmentRecord) (int64, int64)) {
		for k, c := range chunks {
			if at < c.offset || at >= c.offset+int64(c.packed) {
				continue
			}
			first := int64(k) * size
			for i := range d.segments {
				if begin, end := from(&d.segments[i]); begin < first+int64(c.raw) && end > first {
					n++
				}
			}
		}
	}
	count(d.heads, headChunk, func(s *segmentRecord) (int64, int64) { return s.head, s.head + int64(s.headSize) })
	count(d.bodies, bodyChunk, func(s *segmentRecord) (int64, int64) { return s.body, s.body + int64(s.bodySize) })
	return n
}

// FuzzBundle: no file makes the reader panic, take more memory than a bundle may, or hand out rows whose checksum is wrong.
func FuzzBundle(f *testing.F) {
	fs := newMemory()
	bundleOf(f, fs, "b", 3)
	f.Add(fs.files["b"])
	bundleOf(f, fs, "b", 40)
	f.Add(fs.files["b"])
	f.Add([]byte(bundleMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		fs := newMemory()
		fs.files["b"] = b
		r, tr, size, err := openBundle(fs, "b")
		if err != nil {
			if !errors.Is(err, ErrBroken) {
				t.Fatalf("%v, want ErrBroken", err)
			}
			return
		}
		if int(tr.count) != len(r.dir.segments) || size != int64(len(b)) {
			t.Fatalf("%+v, %d segments in %d bytes", tr, len(r.dir.segments), size)
		}
		var buf []byte
		for i := range r.dir.segments {
			var err error
			if _, _, buf, err = r.file(i, buf); err != nil && !errors.Is(err, ErrBroken) {
				t.Fatalf("segment %d: %v, want ErrBroken", i, err)
			}
		}
	})
}

// FuzzDirectory: what a writer with the right checksums could tell is not believed either.
func FuzzDirectory(f *testing.F) {
	fs := newMemory()
	for _, n := range []int{1, 3, 40} {
		bundleOf(f, fs, "b", n)
		_, tr, size, err := openBundle(fs, "b")
		if err != nil {
			f.Fatal(err)
		}
		at := size - 2*trailerSize - int64(tr.directory)
		f.Add(fs.files["b"][at:at+int64(tr.directory)], tr.count)
	}
	f.Fuzz(func(t *testing.T, b []byte, count uint32) {
		d, err := parseDirectory(b, count)
		if err != nil {
			if !errors.Is(err, ErrBroken) {
				t.Fatalf("%v, want ErrBroken", err)
			}
			return
		}
		var heads, bodies int64
		for i := range d.segments {
			heads += int64(d.segments[i].headSize)
			bodies += int64(d.segments[i].bodySize)
		}
		for _, c := range d.heads {
			heads -= int64(c.raw)
		}
		for _, c := range d.bodies {
			bodies -= int64(c.raw)
		}
		if heads != 0 || bodies != 0 || len(d.segments) != int(count) {
			t.Fatalf("%d segments, want %d; %d and %d bytes stand in no chunk", len(d.segments), count, heads, bodies)
		}
	})
}
