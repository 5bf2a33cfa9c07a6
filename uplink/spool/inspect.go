package spool

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
)

// Info is one segment as Inspect finds it.
type Info struct {
	Ref
	Path   string // of the file that it is in
	Bundle string // the same when that holds many segments, else empty
	Number int    // in the bundle, from 0
	Tier   int    // 1, or 2 for the overflow
	Header Header
	// Err: the header could not be read, or the file has not the size that it tells; of Verify, any checksum. With a
	// bundle of which nothing can be told it stands for all of it, and Number is -1.
	Err error
}

// Inspect lists the segments of a spool's directory and, when it is given too, of its overflow directory, without taking
// or changing anything: it works beside a running daemon. Within a directory they come oldest first; what is in the
// overflow is older. A segment that is sent meanwhile may be missing or show an error.
//
// All of a long outage together takes much memory; Walk shows one after the other.
func Inspect(fs FS, dirs ...string) ([]Info, error) {
	var infos []Info
	err := Walk(fs, dirs, func(i Info) error {
		infos = append(infos, i)
		return nil
	})
	return infos, err
}

// Walk calls visit for each segment that Inspect would list. An error of visit ends it and is returned.
func Walk(fs FS, dirs []string, visit func(Info) error) error {
	return walk(fs, dirs, func(_ *bundleReader, i Info) error { return visit(i) })
}

// Verify reads everything and tells every checksum that does not fit, and everything that cannot be read, in Info.Err;
// what is right is reported too, without. Nothing is changed; beside a running daemon what is sent meanwhile may
// show as missing (os.ErrNotExist).
func Verify(fs FS, dirs []string, report func(Info)) error {
	var buf []byte
	return walk(fs, dirs, func(r *bundleReader, i Info) error {
		if i.Err == nil {
			_, _, buf, i.Err = readInfo(fs, r, i, buf)
		}
		report(i)
		return nil
	})
}

// Read reads a segment that Inspect or Verify listed, checked. Nothing is changed.
func Read(fs FS, i Info) (h Header, body []byte, err error) {
	var r *bundleReader
	if i.Bundle != "" {
		if r, _, _, err = openBundle(fs, i.Bundle); err != nil {
			return Header{}, nil, err
		}
	}
	h, body, _, err = readInfo(fs, r, i, nil)
	if err == nil && (h.Device != i.Header.Device || h.Run != i.Header.Run || h.Sequence != i.Header.Sequence) {
		// A bundle was written anew, or absorbed the next.
		return Header{}, nil, fmt.Errorf("spool: %s: %w", i.Path, ErrGone)
	}
	return h, body, err
}

func readInfo(fs FS, r *bundleReader, i Info, buf []byte) (Header, []byte, []byte, error) {
	if r != nil {
		if i.Number < 0 || i.Number >= len(r.dir.segments) {
			return Header{}, nil, buf, fmt.Errorf("spool: %s: segment %d: %w", i.Path, i.Number, ErrGone)
		}
		h, head, buf, err := r.file(i.Number, buf)
		if err != nil {
			return h, nil, buf, err
		}
		return h, buf[head:], buf, nil
	}
	buf, err := fs.ReadFile(i.Path, buf, maxFile)
	if err != nil {
		return Header{}, nil, buf, fmt.Errorf("spool: read %s: %w", i.Path, err)
	}
	h, body, err := parseFile(buf)
	if err != nil {
		err = fmt.Errorf("spool: %s: %w", i.Path, err)
	}
	return h, body, buf, err
}

// walk goes over all segments, of the second directory first. For one in a bundle the reader is given.
func walk(fs FS, dirs []string, yield func(*bundleReader, Info) error) error {
	if len(dirs) == 0 || len(dirs) > 2 {
		return fmt.Errorf("spool: %d directories to look into, it takes the spool's and maybe the overflow's", len(dirs))
	}
	for k := len(dirs) - 1; k >= 0; k-- {
		if err := walkDir(fs, dirs[k], k+1, yield); err != nil {
			return err
		}
	}
	return nil
}

func walkDir(fs FS, dir string, tier int, yield func(*bundleReader, Info) error) error {
	names, err := fs.List(dir)
	if err != nil {
		return fmt.Errorf("spool: list %s: %w", dir, err)
	}
	slices.Sort(names)
	var next, last uint64 // the next ordinal in tier 2; what the newest bundle in tier 1 stands for
	bundled := false
	for _, name := range names {
		path := filepath.Join(dir, name)
		if number, ok := ordinalOf(name, bundleSuffix); ok {
			first := number
			if tier == 2 {
				first = tierTwo | next
			}
			t, n, err := walkBundle(fs, path, first, tier, yield)
			if err != nil {
				return err
			}
			next += uint64(n)
			if bundled = bundled || n > 0; n > 0 {
				last = t.last
			}
			continue
		}
		ordinal, ok := ordinalOf(name, suffix)
		// What a bundle holds is there twice for a moment.
		if !ok || tier == 2 || bundled && ordinal <= last {
			continue
		}
		i := Info{Ref: Ref{Ordinal: ordinal}, Path: path, Tier: tier}
		i.Header, i.Size, i.Err = readHeader(fs, i.Path)
		if err := yield(nil, i); err != nil {
			return err
		}
	}
	return nil
}

// walkBundle goes over the segments of a bundle and returns its trailer and how many there are.
func walkBundle(fs FS, path string, first uint64, tier int, yield func(*bundleReader, Info) error) (trailer, int, error) {
	r, t, size, err := openBundle(fs, path)
	info := Info{Ref: Ref{Ordinal: first, Size: size}, Path: path, Bundle: path, Number: -1, Tier: tier}
	if err != nil {
		info.Err = err
		return t, 0, yield(nil, info)
	}
	for i := range r.dir.segments {
		s := &r.dir.segments[i]
		info.Ordinal, info.Number = first+uint64(i), i
		info.Size = int64(s.headSize) + int64(s.bodySize)
		info.Header, info.Err = r.header(i)
		if info.Err != nil && !errors.Is(info.Err, errBody) {
			info.Header = Header{Rows: uint64(s.rows), Tombstone: s.tombstone}
		}
		if err := yield(r, info); err != nil {
			return t, i, err
		}
	}
	return t, len(r.dir.segments), nil
}
