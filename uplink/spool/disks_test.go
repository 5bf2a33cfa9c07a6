package spool

import (
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// tempDir is on tmpfs where there is one: the tests sync often, and mean no disk.
func tempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "spool-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// memory is a file system that knows what a power cut may take back: a synced file's bytes are safe, and of
// the changes to names since the last SyncDir any number of the newest may be undone.
type memory struct {
	files map[string][]byte
	past  []change // since the directory was synced, oldest first
	space int64    // bytes of whole blocks; 0: no end
}

// change is what a directory held before one of its names, or a file that was not synced yet, changed.
type change struct {
	dir   string
	files map[string][]byte
}

func newMemory() *memory { return &memory{files: map[string][]byte{}} }

func (m *memory) used() int64 {
	var n int64
	for _, b := range m.files {
		n += charge(int64(len(b)))
	}
	return n
}

func fails(op, path string, err error) error { return &os.PathError{Op: op, Path: path, Err: err} }

func (m *memory) change(path string) {
	c := change{filepath.Dir(path), map[string][]byte{}}
	for p, b := range m.files {
		if filepath.Dir(p) == c.dir {
			c.files[p] = b
		}
	}
	m.past = append(m.past, c)
}

// states are what a power cut may leave: of the changes in each directory any number of the newest is undone, while in the
// others none is, or all are.
func (m *memory) states() []map[string][]byte {
	states := []map[string][]byte{m.files}
	for _, c := range m.past {
		one, all := maps.Clone(m.files), map[string][]byte{}
		maps.DeleteFunc(one, func(p string, _ []byte) bool { return filepath.Dir(p) == c.dir })
		maps.Copy(one, c.files)
		maps.Copy(all, one)
		seen := map[string]bool{c.dir: true}
		for _, other := range m.past { // oldest first: the first of each directory undoes all
			if !seen[other.dir] {
				seen[other.dir] = true
				maps.DeleteFunc(all, func(p string, _ []byte) bool { return filepath.Dir(p) == other.dir })
				maps.Copy(all, other.files)
			}
		}
		if states = append(states, one); len(seen) > 1 {
			states = append(states, all)
		}
	}
	return states
}

// move gives the files of a directory another one.
func (m *memory) move(from, to string) {
	for p, b := range m.files {
		if filepath.Dir(p) == from {
			delete(m.files, p)
			m.files[filepath.Join(to, filepath.Base(p))] = b
		}
	}
}

func (m *memory) MakeDir(string) error { return nil }

func (m *memory) List(dir string) ([]string, error) {
	var names []string
	for path := range m.files {
		if filepath.Dir(path) == dir {
			names = append(names, filepath.Base(path))
		}
	}
	return names, nil
}

func (m *memory) WriteSynced(path string, head []byte, parts ...[]byte) error {
	m.change(path)
	b := slices.Concat(append([][]byte{head}, parts...)...)
	delete(m.files, path)
	if m.space > 0 {
		if free := max(m.space-m.used(), 0); charge(int64(len(b))) > free {
			m.files[path] = b[:free/blockSize*blockSize]
			return fails("write", path, syscall.ENOSPC)
		}
	}
	m.files[path] = b
	return nil
}

func (m *memory) Rename(from, to string) error {
	b, ok := m.files[from]
	if !ok {
		return fails("rename", from, syscall.ENOENT)
	}
	m.change(from)
	delete(m.files, from)
	m.files[to] = b
	return nil
}

func (m *memory) Remove(path string) error {
	if _, ok := m.files[path]; !ok {
		return fails("remove", path, syscall.ENOENT)
	}
	m.change(path)
	delete(m.files, path)
	return nil
}

func (m *memory) SyncDir(dir string) error {
	m.past = slices.DeleteFunc(m.past, func(c change) bool { return c.dir == dir })
	return nil
}

func (m *memory) ReadFile(path string, buf []byte, limit int64) ([]byte, error) {
	b, ok := m.files[path]
	if !ok {
		return buf[:0], fails("open", path, syscall.ENOENT)
	}
	if int64(len(b)) > limit {
		return buf[:0], ErrBroken
	}
	return append(buf[:0], b...), nil
}

func (m *memory) ReadHead(path string, n int) ([]byte, int64, error) {
	b, ok := m.files[path]
	if !ok {
		return nil, 0, fails("open", path, syscall.ENOENT)
	}
	return slices.Clone(b[:min(n, len(b))]), int64(len(b)), nil
}

func (m *memory) Create(path string) (File, error) {
	m.change(path)
	m.files[path] = nil
	return &memoryFile{m, path}, nil
}

func (m *memory) ReadAt(path string, buf []byte, offset int64) error {
	b, ok := m.files[path]
	if !ok {
		return fails("open", path, syscall.ENOENT)
	}
	if offset > int64(len(b)) || copy(buf, b[offset:]) < len(buf) {
		return fails("read", path, io.ErrUnexpectedEOF)
	}
	return nil
}

// memoryFile is a file being written: until it is synced, any number of its newest pieces may be undone.
type memoryFile struct {
	m    *memory
	path string
}

func (f *memoryFile) Write(b []byte) (int, error) {
	f.m.change(f.path)
	was := f.m.files[f.path]
	if f.m.space > 0 && f.m.used()-charge(int64(len(was)))+charge(int64(len(was)+len(b))) > f.m.space {
		return 0, fails("write", f.path, syscall.ENOSPC)
	}
	f.m.files[f.path] = slices.Concat(was, b)
	return len(b), nil
}

func (f *memoryFile) Sync() error { return nil }

func (f *memoryFile) Close() error { return nil }

// faulty asks before each operation whether it may go on.
type faulty struct {
	FS
	before func(op, path string) error
}

// torn, as the answer to a write, lets so many bytes through before it fails.
type torn struct {
	bytes int
	error
}

func (t torn) Unwrap() error { return t.error }

func (f *faulty) ask(op, path string) error {
	if f.before == nil {
		return nil
	}
	if err := f.before(op, path); err != nil {
		return fails(op, path, err)
	}
	return nil
}

func (f *faulty) MakeDir(dir string) error {
	if err := f.ask("mkdir", dir); err != nil {
		return err
	}
	return f.FS.MakeDir(dir)
}

func (f *faulty) List(dir string) ([]string, error) {
	if err := f.ask("list", dir); err != nil {
		return nil, err
	}
	return f.FS.List(dir)
}

func (f *faulty) WriteSynced(path string, head []byte, parts ...[]byte) error {
	if err := f.ask("write", path); err != nil {
		if t := (torn{}); errors.As(err, &t) {
			b := slices.Concat(append([][]byte{head}, parts...)...)
			_ = f.FS.WriteSynced(path, b[:min(t.bytes, len(b))])
		}
		return err
	}
	return f.FS.WriteSynced(path, head, parts...)
}

func (f *faulty) Rename(from, to string) error {
	if err := f.ask("rename", from); err != nil {
		return err
	}
	return f.FS.Rename(from, to)
}

func (f *faulty) Remove(path string) error {
	if err := f.ask("remove", path); err != nil {
		return err
	}
	return f.FS.Remove(path)
}

func (f *faulty) SyncDir(dir string) error {
	if err := f.ask("syncdir", dir); err != nil {
		return err
	}
	return f.FS.SyncDir(dir)
}

func (f *faulty) ReadFile(path string, buf []byte, limit int64) ([]byte, error) {
	if err := f.ask("read", path); err != nil {
		return buf[:0], err
	}
	return f.FS.ReadFile(path, buf, limit)
}

func (f *faulty) ReadHead(path string, n int) ([]byte, int64, error) {
	if err := f.ask("readhead", path); err != nil {
		return nil, 0, err
	}
	return f.FS.ReadHead(path, n)
}

func (f *faulty) Create(path string) (File, error) {
	if err := f.ask("create", path); err != nil {
		return nil, err
	}
	file, err := f.FS.Create(path)
	return &faultyFile{file, f, path}, err
}

func (f *faulty) ReadAt(path string, buf []byte, offset int64) error {
	if err := f.ask("readat", path); err != nil {
		return err
	}
	return f.FS.ReadAt(path, buf, offset)
}

type faultyFile struct {
	File
	f    *faulty
	path string
}

func (f *faultyFile) Write(b []byte) (int, error) {
	if err := f.f.ask("append", f.path); err != nil {
		return 0, err
	}
	return f.File.Write(b)
}

// Sync, when it fails with torn, leaves so many bytes of the file.
func (f *faultyFile) Sync() error {
	err := f.f.ask("sync", f.path)
	if t := (torn{}); errors.As(err, &t) {
		b, readErr := f.f.FS.ReadFile(f.path, nil, 1<<30)
		if readErr == nil {
			_ = f.f.FS.WriteSynced(f.path, b[:min(t.bytes, len(b))])
		}
	}
	if err != nil {
		return err
	}
	return f.File.Sync()
}

// segmentFiles lists the paths of what the spool could hand out.
func segmentFiles(t testing.TB, fs FS, dir string) []string {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, name := range names {
		if strings.HasSuffix(name, suffix) || strings.HasSuffix(name, bundleSuffix) {
			paths = append(paths, filepath.Join(dir, name))
		}
	}
	slices.Sort(paths)
	return paths
}

// alter rewrites a file behind the spool's back.
func alter(t testing.TB, fs FS, path string, change func([]byte) []byte) {
	t.Helper()
	b, err := fs.ReadFile(path, nil, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	if err := fs.WriteSynced(path, change(b)); err != nil {
		t.Fatal(err)
	}
}
