package crashtest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"network-sniffer/uplink/spool"
)

// outage is what a child does before it finds a database.
type outage string

const (
	there        outage = ""         // it is there at once
	awayBundle   outage = "bundle"   // segments come until the spool packs them into a bundle
	awayOverflow outage = "overflow" // the spool preserves them on the second tier
)

// point is a place in the code where a recorder dies, and what has to come before.
type point struct {
	name string
	away outage
}

// The points at which a recorder dies, in the order of a segment's life.
var points = []point{
	{name: "segment: nothing written"},
	{name: "segment: half written"},
	{name: "segment: written and synced"},
	{name: "segment: renamed"},
	{name: "segment: directory synced"},
	{name: "COPY sent"},
	{name: "COPY accepted"},
	{name: "rows sent"},
	{name: "end of rows sent"},
	{name: "rows taken"},
	{name: "COPY of rare rows sent"},
	{name: "ledger to be sent"},
	{name: "ledger sent"},
	{name: "COMMIT to be sent"},
	{name: "COMMIT sent"},
	{name: "COMMIT done, answer on its way"},
	{name: "COMMIT answered"},
	{name: "segment: to be removed"},
	{name: "segment: removed"},
	{name: "removals: directory synced"},
	{"bundle: nothing written", awayBundle},
	{"bundle: half written", awayBundle},
	{"bundle: written and synced", awayBundle},
	{"bundle: renamed", awayBundle},
	{"bundle: directory synced", awayBundle},
	{"original: to be removed", awayBundle},
	{"original: removed", awayBundle},
	{"bundle: to be removed", awayBundle},
	{"bundle: removed", awayBundle},
	{"overflow: nothing written", awayOverflow},
	{"overflow: half written", awayOverflow},
	{"overflow: written and synced", awayOverflow},
	{"overflow: renamed", awayOverflow},
	{"overflow: directory synced", awayOverflow},
	{"original: to be removed", awayOverflow},
	{"original: removed", awayOverflow},
	{"overflow: to be removed", awayOverflow},
	{"overflow: removed", awayOverflow},
}

// before and after name the points around the messages of a transaction.
var (
	before = map[moment]string{
		copyReady: "COPY accepted", copyTaken: "rows taken", ledgerBegins: "ledger to be sent",
		commitBegins: "COMMIT to be sent", commitDone: "COMMIT done, answer on its way",
	}
	after = map[moment]string{
		copyBegins: "COPY sent", copyAgain: "COPY of rare rows sent", copyData: "rows sent", copyDone: "end of rows sent",
		ledgerBegins: "ledger sent",
		commitBegins: "COMMIT sent", commitDone: "COMMIT answered",
	}
)

// killer ends its own process, as nothing but the kernel can, when it comes to a point for the nth time.
type killer struct {
	mu    sync.Mutex
	point string // empty: none of them
	left  int
	tell  func(line string) // returns when the parent can read the line, whatever happens then
}

// at is called where a point is; when it is the one, it does not return.
func (k *killer) at(point string) {
	if k.due(point) {
		k.die(point)
	}
}

func (k *killer) due(point string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if point != k.point {
		return false
	}
	k.left--
	return k.left == 0
}

func (k *killer) die(point string) {
	k.tell("at " + point)
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// pointFS is the disk, with points around what the spool does there.
type pointFS struct {
	spool.FS
	killer   *killer
	overflow string             // directory of the second tier
	sealed   func(spool.Header) // hears of each segment when a crash of this process cannot undo it any more
	away     outage             // which bundle is awaited
	bundled  func()             // it has its name, and the first file that it was made of is gone

	mu      sync.Mutex
	bundle  bool            // one of the kind that is awaited has its name
	renamed map[string]bool // kinds of files with a new name since their directory was synced
	removed bool            // a segment was, since then
	sending bool            // what is removed was sent: before, it was bundled
}

// kind is what the points call a file: segment, bundle or overflow, which is a bundle of the second tier; empty for others.
func (f *pointFS) kind(path string) string {
	name := filepath.Base(path)
	switch {
	case strings.HasSuffix(name, ".bundle") && filepath.Dir(path) == f.overflow:
		return "overflow"
	case strings.HasSuffix(name, ".bundle"):
		return "bundle"
	case strings.HasSuffix(name, ".segment"), strings.HasPrefix(name, "aside-"):
		return "segment"
	}
	return ""
}

func (f *pointFS) WriteSynced(path string, head []byte, parts ...[]byte) error {
	kind := f.kind(path)
	f.killer.at(kind + ": nothing written")
	if f.killer.due(kind + ": half written") {
		whole := slices.Concat(append([][]byte{head}, parts...)...)
		if err := f.FS.WriteSynced(path, whole[:len(whole)/2]); err != nil {
			return err
		}
		f.killer.die(kind + ": half written")
	}
	err := f.FS.WriteSynced(path, head, parts...)
	f.killer.at(kind + ": written and synced")
	return err
}

func (f *pointFS) Create(path string) (spool.File, error) {
	file, err := f.FS.Create(path)
	if err != nil {
		return nil, err
	}
	kind := "bundle" // nothing else is written piece by piece
	if filepath.Dir(path) == f.overflow {
		kind = "overflow"
	}
	f.killer.at(kind + ": nothing written")
	return &pointFile{file, f.killer, kind}, nil
}

// pointFile is a file that is written piece by piece.
type pointFile struct {
	spool.File
	killer *killer
	kind   string
}

func (f *pointFile) Write(b []byte) (int, error) {
	if f.killer.due(f.kind + ": half written") {
		if n, err := f.File.Write(b[:len(b)/2]); err != nil {
			return n, err
		}
		f.killer.die(f.kind + ": half written")
	}
	return f.File.Write(b)
}

func (f *pointFile) Sync() error {
	err := f.File.Sync()
	f.killer.at(f.kind + ": written and synced")
	return err
}

func (f *pointFS) Rename(from, to string) error {
	if err := f.FS.Rename(from, to); err != nil {
		return err
	}
	kind := f.kind(to)
	switch kind {
	case "":
		return nil
	case "segment":
		if h, ok := headerOf(f.FS, to); ok && !h.Tombstone {
			f.sealed(h)
		}
	}
	f.mu.Lock()
	f.renamed[kind] = true
	f.bundle = f.bundle || kind == string(f.away)
	f.mu.Unlock()
	f.killer.at(kind + ": renamed")
	return nil
}

func (f *pointFS) Remove(path string) error {
	kind := f.kind(path)
	if strings.HasPrefix(filepath.Base(path), "aside-") {
		return f.FS.Remove(path) // an earlier process died before it had its name
	}
	f.mu.Lock()
	if kind != "" && !f.sending && f.bundle {
		kind = "original"
	}
	f.mu.Unlock()
	f.killer.at(kind + ": to be removed")
	err := f.FS.Remove(path)
	f.mu.Lock()
	f.removed = f.removed || kind == "segment"
	f.mu.Unlock()
	f.killer.at(kind + ": removed")
	if kind == "original" {
		f.bundled()
	}
	return err
}

func (f *pointFS) SyncDir(dir string) error {
	err := f.FS.SyncDir(dir)
	f.mu.Lock()
	var done []string
	for _, kind := range []string{"segment", "bundle", "overflow"} {
		if f.renamed[kind] && (kind == "overflow") == (dir == f.overflow) {
			done = append(done, kind+": directory synced")
			delete(f.renamed, kind)
		}
	}
	if f.removed && dir != f.overflow {
		done = append(done, "removals: directory synced")
		f.removed = false
	}
	f.mu.Unlock()
	for _, point := range done {
		f.killer.at(point)
	}
	return err
}

// send tells that the upload begins.
func (f *pointFS) send() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sending = true
}

// oneFile is a directory of which only one file is seen.
type oneFile struct {
	spool.FS
	name string
}

func (f oneFile) List(string) ([]string, error) { return []string{f.name}, nil }

// headerOf reads a segment's header as any other program would.
func headerOf(fs spool.FS, path string) (spool.Header, bool) {
	infos, err := spool.Inspect(oneFile{fs, filepath.Base(path)}, filepath.Dir(path))
	if err != nil || len(infos) != 1 || infos[0].Err != nil {
		return spool.Header{}, false
	}
	return infos[0].Header, true
}
