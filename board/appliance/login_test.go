package appliance

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"network-sniffer/board/console/password"
)

func passwordFile(t *testing.T, secret string) string {
	t.Helper()
	line, err := password.Hash([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte(line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestLogin: who guesses waits longer each time, and others do not.
func TestLogin(t *testing.T) {
	const secret = "correct horse battery"
	path := passwordFile(t, secret)
	synctest.Test(t, func(t *testing.T) {
		l, err := newLogin(path)
		if err != nil {
			t.Fatal(err)
		}
		guesser, owner := netip.MustParseAddr("192.168.1.66"), netip.MustParseAddr("192.168.1.2")
		for i, row := range []struct {
			from    netip.Addr
			attempt string
			want    bool
			wait    time.Duration
		}{
			{guesser, "horse", false, 0},
			{guesser, "", false, time.Second},
			{owner, secret, true, 0},
			{guesser, secret + " ", false, 2 * time.Second},
			{guesser, secret, true, 4 * time.Second},
			{guesser, "horse", false, 0}, // the right one made good for those before
		} {
			begin := time.Now()
			if got := l.judge(row.from, []byte(row.attempt)) == ""; got != row.want || time.Since(begin) != row.wait {
				t.Errorf("attempt %d: %v after %v, want %v after %v", i+1, got, time.Since(begin), row.want, row.wait)
			}
		}
		for range password.LockAfter - 1 {
			l.judge(guesser, nil)
		}
		begin := time.Now()
		if got := l.judge(guesser, []byte(secret)); !strings.Contains(got, "for 14m55s.") || time.Since(begin) != 0 {
			t.Errorf("a guesser is told %q after %v", got, time.Since(begin))
		}
		// An end does not wait for anybody.
		l.judge(owner, nil)
		ended := make(chan string)
		go func() { ended <- l.judge(owner, []byte(secret)) }()
		synctest.Wait()
		begin = time.Now()
		l.close()
		if <-ended == "" || time.Since(begin) != 0 {
			t.Errorf("an attempt went on for %v after the end", time.Since(begin))
		}
	})
}

func TestLoginWithoutFile(t *testing.T) {
	l, err := newLogin("")
	if l != nil || err != nil {
		t.Errorf("%v, error %v, want nobody to be asked", l, err)
	}
	l.close()
	if l, err := newLogin(filepath.Join(t.TempDir(), "none")); l != nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, error %v, want ErrNotExist", l, err)
	}
}
