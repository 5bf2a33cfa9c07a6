package spool

import (
	"fmt"
	"path/filepath"
	"slices"
)

// Info is one segment as Inspect finds it.
type Info struct {
	Ref
	Path   string
	Header Header
	Err    error // the header could not be read, or the file has not the size that it tells
}

// Inspect lists a spool's segments, oldest first, without taking or changing anything: it works beside a
// running daemon. A segment that is sent meanwhile may be missing or show an error.
func Inspect(fs FS, dir string) ([]Info, error) {
	names, err := fs.List(dir)
	if err != nil {
		return nil, fmt.Errorf("spool: list %s: %w", dir, err)
	}
	slices.Sort(names)
	var infos []Info
	for _, name := range names {
		ordinal, ok := ordinalOf(name, suffix)
		if !ok {
			continue
		}
		i := Info{Ref: Ref{Ordinal: ordinal}, Path: filepath.Join(dir, name)}
		i.Header, i.Size, i.Err = readHeader(fs, i.Path)
		infos = append(infos, i)
	}
	return infos, nil
}

// Header reads a segment's header.
func (s *Spool) Header(r Ref) (Header, error) {
	h, _, err := s.readHeader(r.Ordinal)
	return h, err
}
