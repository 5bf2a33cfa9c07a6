//go:build linux

package testbed

import (
	"archive/tar"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// postgresInstall is a PostgreSQL on this machine and the user that runs it.
type postgresInstall struct {
	bin      string
	uid, gid int
	drop     bool // we are root, which the server refuses to be
}

var findPostgres = sync.OnceValues(func() (postgresInstall, error) {
	bin, err := postgresBin("/usr/lib/postgresql/*/bin")
	if err != nil {
		return postgresInstall{}, err
	}
	install := postgresInstall{bin: bin, uid: os.Getuid(), gid: os.Getgid()}
	if os.Geteuid() != 0 {
		return install, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.Atoi(account.Uid)
		gid, gidErr := strconv.Atoi(account.Gid)
		if uidErr == nil && gidErr == nil {
			install.uid, install.gid, install.drop = uid, gid, true
			return install, nil
		}
	}
	return postgresInstall{}, errors.New("testbed: PostgreSQL does not run as root, and there is no user postgres or nobody: add one")
})

// postgresBin returns the directory with the newest server: Debian keeps one per major version, other
// systems have one on the PATH.
func postgresBin(pattern string) (string, error) {
	dirs, _ := filepath.Glob(pattern) // the pattern is well-formed: no error
	dirs = slices.DeleteFunc(dirs, func(dir string) bool {
		_, err := exec.LookPath(filepath.Join(dir, "initdb"))
		return err != nil
	})
	if len(dirs) > 0 {
		return slices.MaxFunc(dirs, func(a, b string) int { return cmp.Compare(majorVersion(a), majorVersion(b)) }), nil
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	return "", errors.New("testbed: needs a PostgreSQL server: install the package postgresql")
}

// majorVersion reads /usr/lib/postgresql/15/bin as 15; 9.6 comes before 10.
func majorVersion(dir string) float64 {
	version, _ := strconv.ParseFloat(filepath.Base(filepath.Dir(dir)), 64)
	return version
}

func (i postgresInstall) program(name string) string { return filepath.Join(i.bin, name) }

func (i postgresInstall) attributes() *syscall.SysProcAttr {
	if !i.drop {
		return &syscall.SysProcAttr{}
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(i.uid), Gid: uint32(i.gid)}}
}

// removeDeadDirs takes away what killed test binaries left behind.
var removeDeadDirs = sync.OnceFunc(func() {
	for _, root := range dirCandidates(false) {
		for _, path := range leftovers(root) {
			os.RemoveAll(path)
		}
	}
})

// dirCandidates are the places for a data directory, best first. Memory is ten times faster to fill than a
// disk, but no place for a server that shall be durable, and may be small; a TMPDIR is somebody's wish.
func dirCandidates(durable bool) []string {
	disks := []string{os.TempDir(), "/tmp", "/var/tmp"}
	const memory = "/dev/shm"
	var space unix.Statfs_t
	if durable || os.Getenv("TMPDIR") != "" || unix.Statfs(memory, &space) != nil ||
		uint64(space.Bavail)*uint64(space.Bsize) < memoryForData {
		return append(disks, memory)
	}
	return append([]string{memory}, disks...)
}

// makeDir makes a directory that belongs to the server's user, in a place this user can reach, and with a
// short name: a unix socket's path has at most 107 bytes, unix(7).
func (i postgresInstall) makeDir(durable bool) (string, error) {
	removeDeadDirs()
	candidates := dirCandidates(durable)
	for _, root := range candidates {
		if i.drop && !othersReach(root) {
			continue
		}
		dir, err := os.MkdirTemp(root, ownPrefix()+"pg-")
		if err != nil {
			continue
		}
		if len(dir) > 80 {
			os.Remove(dir)
			continue
		}
		// Clients of any user reach the socket; the data below is private.
		if err := errors.Join(os.Chmod(dir, 0o755), os.Chown(dir, i.uid, i.gid)); err != nil {
			os.Remove(dir)
			return "", fmt.Errorf("testbed: directory of PostgreSQL: %w", err)
		}
		return dir, nil
	}
	return "", fmt.Errorf("testbed: no directory that uid %d can reach among %v: set TMPDIR to one", i.uid, candidates)
}

// othersReach says whether everybody may enter dir and all directories above.
func othersReach(dir string) bool {
	for {
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
		dir = filepath.Dir(dir)
	}
}

// makeData fills dir, which does not exist, with a fresh data directory.
func (i postgresInstall) makeData(dir string) error {
	template, err := postgresTemplate()
	if err != nil {
		return err
	}
	size, err := template.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("testbed: copy the PostgreSQL template: %w", err)
	}
	if err := i.unpack(io.NewSectionReader(template, 0, size), dir); err != nil {
		return fmt.Errorf("testbed: copy the PostgreSQL template: %w", err)
	}
	return nil
}

// postgresTemplate is the result of initdb, made once per process: an archive in a file that has no name
// any more, so that it goes away with the process, however that ends.
var postgresTemplate = sync.OnceValues(func() (*os.File, error) {
	install, err := findPostgres()
	if err != nil {
		return nil, err
	}
	dir, err := install.makeDir(false)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	data := filepath.Join(dir, "data")
	initdb := exec.Command(install.program("initdb"), "-D", data, "-U", Superuser, "-A", "trust",
		"-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
	initdb.Dir = dir
	initdb.Env = []string{"LC_ALL=C", "TZ=UTC", "PATH=/usr/bin:/bin"}
	initdb.SysProcAttr = install.attributes()
	if output, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("testbed: %s: %w:\n%s", initdb, err, output)
	}
	archive, err := os.CreateTemp(dir, "template-")
	if err != nil {
		return nil, fmt.Errorf("testbed: PostgreSQL template: %w", err)
	}
	writer := tar.NewWriter(archive)
	if err := errors.Join(writer.AddFS(os.DirFS(data)), writer.Close()); err != nil {
		archive.Close()
		return nil, fmt.Errorf("testbed: PostgreSQL template: %w", err)
	}
	return archive, nil
})

// unpack writes the directories and files of an archive below dir and gives them to the server's user,
// who alone may read them, as the server demands.
func (i postgresInstall) unpack(archive io.Reader, dir string) error {
	if err := i.own(dir, os.Mkdir(dir, 0o700)); err != nil {
		return err
	}
	reader := tar.NewReader(archive)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !filepath.IsLocal(header.Name) {
			return fmt.Errorf("entry %q leaves the directory", header.Name)
		}
		path := filepath.Join(dir, header.Name)
		switch {
		case header.Name == "." || header.Name == "./":
		case header.FileInfo().IsDir():
			err = i.own(path, os.Mkdir(path, 0o700))
		case header.FileInfo().Mode().IsRegular():
			err = i.own(path, writeFile(path, reader))
		default:
			err = fmt.Errorf("entry %q is neither file nor directory: %w", header.Name, fs.ErrInvalid)
		}
		if err != nil {
			return err
		}
	}
}

func writeFile(path string, content io.Reader) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Close())
}

// own gives a path just made to the server's user; made is the error of making it.
func (i postgresInstall) own(path string, made error) error {
	if made != nil || !i.drop {
		return made
	}
	return os.Lchown(path, i.uid, i.gid)
}
