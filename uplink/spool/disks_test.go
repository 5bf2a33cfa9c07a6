package spool

import (
	"errors"
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
	past  []map[string][]byte // the names before each change since the last SyncDir, oldest first
	space int64               // bytes of whole blocks; 0: no end
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

func (m *memory) change() { m.past = append(m.past, maps.Clone(m.files)) }

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
	m.change()
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
	m.change()
	delete(m.files, from)
	m.files[to] = b
	return nil
}

func (m *memory) Remove(path string) error {
	if _, ok := m.files[path]; !ok {
		return fails("remove", path, syscall.ENOENT)
	}
	m.change()
	delete(m.files, path)
	return nil
}

func (m *memory) SyncDir(string) error {
	m.past = nil
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

// segmentFiles lists the paths of what the spool could hand out.
func segmentFiles(t testing.TB, fs FS, dir string) []string {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, name := range names {
		if strings.HasSuffix(name, suffix) {
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
