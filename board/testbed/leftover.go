//go:build linux

package testbed

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ownPrefix begins every name this process gives to a namespace or directory: whose they are stays
// readable after a crash.
func ownPrefix() string { return fmt.Sprintf("sn-%d-", os.Getpid()) }

// leftovers returns the entries of dir that a test binary made which no longer runs.
func leftovers(dir string) []string {
	paths, _ := filepath.Glob(filepath.Join(dir, "sn-*")) // the pattern is well-formed: no error
	gone := paths[:0]
	for _, path := range paths {
		fields := strings.SplitN(filepath.Base(path), "-", 3)
		if len(fields) != 3 {
			continue
		}
		pid, err := strconv.Atoi(fields[1])
		if err != nil || pid <= 0 {
			continue
		}
		if errors.Is(unix.Kill(pid, 0), unix.ESRCH) {
			gone = append(gone, path)
		}
	}
	return gone
}
