// Package password knows who may use a console that asks: it checks what was typed against the hash in a file, makes such
// hashes, and slows down who guesses.
//
// The file holds one line: argon2id in the PHC string format, as Hash and `argon2 -e` write it, or bcrypt as `htpasswd -B` does.
package password

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// ErrHash is a file that holds no hash that can be used. The message says what is wrong with it and what to do.
var ErrHash = errors.New("no usable password hash")

// advice ends the messages about files.
const advice = "make one with: sniffer password > FILE; chmod 600 FILE"

// maxFileBytes is far more than one line can have.
const maxFileBytes = 4 << 10

// Checker knows the hash of one password. Its methods may be called by several goroutines.
type Checker struct {
	argon  argonHash
	bcrypt []byte // not nil: the hash is this one
}

// Load reads the file with the hash. Others must not have access to the file: who can read the hash guesses at home.
func Load(path string) (*Checker, error) {
	// Without waiting for a writer, should it be a FIFO.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("password file: %w; %s", err, advice)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("password file: %w", err)
	}
	if mode := info.Mode(); !mode.IsRegular() {
		return nil, fmt.Errorf("password file %s: %w: it is no regular file; %s", path, ErrHash, advice)
	} else if mode.Perm()&0o007 != 0 {
		return nil, fmt.Errorf("password file %s: %w: everybody has access to it (mode %04o); "+
			"chmod 600 %s, or 640 with the daemon's group", path, ErrHash, mode.Perm(), path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("password file: %w", err)
	}
	c, err := parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("password file %s: %w", path, err)
	}
	return c, nil
}

// parse reads what a file holds.
func parse(text string) (*Checker, error) {
	line, more, _ := strings.Cut(text, "\n")
	line = strings.TrimSuffix(line, "\r")
	switch {
	case text == "":
		return nil, fmt.Errorf("%w: it is empty; %s", ErrHash, advice)
	case len(text) > maxFileBytes || more != "":
		return nil, fmt.Errorf("%w: it holds more than one line; %s", ErrHash, advice)
	case strings.HasPrefix(line, "$argon2id$"):
		hash, err := parseArgon(line)
		if err != nil {
			return nil, err
		}
		return &Checker{argon: hash}, nil
	case strings.HasPrefix(line, "$argon2"):
		return nil, fmt.Errorf("%w: of the argon2 family only argon2id is taken; %s", ErrHash, advice)
	case strings.HasPrefix(line, "$2"):
		if err := checkBcrypt(line); err != nil {
			return nil, err
		}
		return &Checker{bcrypt: []byte(line)}, nil
	case strings.Contains(line, ":$"):
		return nil, fmt.Errorf("%w: it names a user, as htpasswd does; leave the name and the colon out", ErrHash)
	}
	// The line is not shown: it may be the password itself.
	return nil, fmt.Errorf("%w: it begins neither with $argon2id$ nor with $2a$, $2b$ or $2y$ (bcrypt); %s", ErrHash, advice)
}

// one attempt at a time is checked in the whole process: a check takes memory and a second of a slow processor.
var one sync.Mutex

// Check tells whether an attempt is the password. How long it takes does not depend on how much of it is right. It waits
// for other checks in the process. Of bcrypt's passwords the first 72 bytes count.
func (c *Checker) Check(attempt []byte) bool {
	one.Lock()
	defer one.Unlock()
	if c.bcrypt != nil {
		return bcrypt.CompareHashAndPassword(c.bcrypt, attempt) == nil
	}
	h := &c.argon
	// What the check took is given back before the next one: left to the collector, that of four of them would stand beside
	// the recorder on a small router.
	defer debug.FreeOSMemory()
	key := argon2.IDKey(attempt, h.salt, h.time, h.memory, h.threads, uint32(len(h.key)))
	return subtle.ConstantTimeCompare(key, h.key) == 1
}
