package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// FS is what the spool asks of a file system. Disk is the real one; tests put faults between.
type FS interface {
	MakeDir(dir string) error
	List(dir string) ([]string, error)
	// WriteSynced makes or truncates a file, writes head and parts, and syncs it.
	WriteSynced(path string, head []byte, parts ...[]byte) error
	Rename(from, to string) error
	Remove(path string) error
	SyncDir(dir string) error
	// ReadFile reads a file of at most limit bytes into buf, which it may grow.
	ReadFile(path string, buf []byte, limit int64) ([]byte, error)
	// ReadHead reads at most n bytes from the beginning, and tells the size of the file.
	ReadHead(path string, n int) ([]byte, int64, error)
	// Create makes or truncates a file that is written piece by piece.
	Create(path string) (File, error)
	// ReadAt fills buf from the offset; a file that ends before is io.ErrUnexpectedEOF.
	ReadAt(path string, buf []byte, offset int64) error
}

// File is a file being written.
type File interface {
	io.WriteCloser
	Sync() error
}

// Disk is the operating system's file system.
type Disk struct{}

// MakeDir makes the directory, readable by its owner alone: segments hold what crossed the network.
func (Disk) MakeDir(dir string) error { return os.MkdirAll(dir, 0o700) }

// List returns the names in a directory.
func (Disk) List(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

// newFile: a link that waits there is no file of the spool. The administrator's command writes as root into a directory that
// belongs to the daemon.
const newFile = os.O_WRONLY | os.O_CREATE | os.O_TRUNC | syscall.O_NOFOLLOW

// WriteSynced writes a whole file and syncs it.
func (Disk) WriteSynced(path string, head []byte, parts ...[]byte) error {
	f, err := os.OpenFile(path, newFile, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(head)
	for _, p := range parts {
		if err == nil {
			_, err = f.Write(p)
		}
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Rename renames a file.
func (Disk) Rename(from, to string) error { return os.Rename(from, to) }

// Remove removes a file.
func (Disk) Remove(path string) error { return os.Remove(path) }

// SyncDir makes renames in a directory durable.
func (Disk) SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// ReadFile reads a whole file.
func (Disk) ReadFile(path string, buf []byte, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return buf[:0], err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return buf[:0], err
	}
	if info.Size() > limit {
		return buf[:0], fmt.Errorf("%w: %d bytes, at most %d", ErrBroken, info.Size(), limit)
	}
	if int64(cap(buf)) < info.Size() {
		buf = make([]byte, info.Size())
	}
	buf = buf[:info.Size()]
	_, err = io.ReadFull(f, buf)
	return buf, err
}

// ReadHead reads the beginning of a file.
func (Disk) ReadHead(path string, n int) ([]byte, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	b := make([]byte, min(int64(n), info.Size()))
	_, err = io.ReadFull(f, b)
	return b, info.Size(), err
}

// Create makes or truncates a file, readable by its owner alone.
func (Disk) Create(path string) (File, error) {
	f, err := os.OpenFile(path, newFile, 0o600)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// ReadAt fills buf from the middle of a file.
func (Disk) ReadAt(path string, buf []byte, offset int64) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.ReadAt(buf, offset)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// ErrLocked: another process has the spool.
var ErrLocked = errors.New("another sniffer uses this spool")

// takeLock keeps two daemons from one directory. The kernel gives the lock free when the process ends,
// however it ends (flock(2)).
func takeLock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("spool: open the lock: %w (name another directory with --spool-dir)", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("spool: %s: %w: stop it or name another directory with --spool-dir", dir, ErrLocked)
		}
		return nil, fmt.Errorf("spool: lock %s: %w", dir, err)
	}
	return f, nil
}
