package password

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// Bounds of what is checked: a file from a server would take a router's memory, or minutes.
const (
	maxMemory  = 32 << 10 // KiB
	maxTime    = 16       // passes over the memory
	maxThreads = 4
	maxCost    = 12 // of bcrypt, 2 to the power of it rounds
	// RFC 9106, section 3.1, allows salts from 8 bytes on and keys from 4.
	minSalt, maxSalt = 8, 64
	minKey, maxKey   = 16, 64
)

// What Hash uses. OWASP's Password Storage Cheat Sheet lists pairs of memory and passes that it holds to be equally
// strong; this is the one with the least memory, because a router has 64 MiB in all and the check must fit beside the
// recorder.
const (
	hashMemory  = 7 << 10 // KiB
	hashTime    = 5
	hashThreads = 1
	hashSalt    = 16 // bytes, RFC 9106, section 3.1
	hashKey     = 32
)

// The length of a password that Hash takes, in bytes. A console's line ends at 1024.
const (
	MinBytes = 8
	MaxBytes = 256
)

// ErrPassword is a password that Hash does not take; the message says why.
var ErrPassword = errors.New("this password cannot be used")

// argonHash is argon2id's parameters and result.
type argonHash struct {
	memory, time uint32 // KiB and passes
	threads      uint8
	salt, key    []byte
}

var argonLine = regexp.MustCompile(`^\$argon2id\$v=([0-9]{1,9})\$m=([0-9]{1,9}),t=([0-9]{1,9}),p=([0-9]{1,9})` +
	`\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$`)

// parseArgon reads a line of the PHC string format.
func parseArgon(line string) (h argonHash, err error) {
	part := argonLine.FindStringSubmatch(line)
	if part == nil {
		return h, fmt.Errorf("%w: it is not $argon2id$v=19$m=…,t=…,p=…$SALT$HASH; %s", ErrHash, advice)
	}
	if part[1] != strconv.Itoa(argon2.Version) {
		return h, fmt.Errorf("%w: argon2 version %s is not %d; %s", ErrHash, part[1], argon2.Version, advice)
	}
	number := func(i int) int {
		n, _ := strconv.Atoi(part[i]) // at most nine digits
		return n
	}
	memory, time, threads := number(2), number(3), number(4)
	switch {
	case threads < 1 || threads > maxThreads:
		return h, fmt.Errorf("%w: p=%d is not 1 to %d threads; %s", ErrHash, threads, maxThreads, advice)
	case time < 1 || time > maxTime:
		return h, fmt.Errorf("%w: t=%d is not 1 to %d passes; %s", ErrHash, time, maxTime, advice)
	case memory < 8*threads || memory > maxMemory: // RFC 9106, section 3.1: at least 8 KiB a thread
		return h, fmt.Errorf("%w: m=%d is not %d to %d KiB; %s", ErrHash, memory, 8*threads, maxMemory, advice)
	}
	h = argonHash{memory: uint32(memory), time: uint32(time), threads: uint8(threads)}
	if h.salt, err = unpack(part[5], "salt", minSalt, maxSalt); err != nil {
		return h, err
	}
	h.key, err = unpack(part[6], "hash", minKey, maxKey)
	return h, err
}

// unpack decodes a part of the line.
func unpack(text, name string, least, most int) ([]byte, error) {
	b, err := base64.RawStdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%w: its %s is no base64: %v; %s", ErrHash, name, err, advice)
	}
	if len(b) < least || len(b) > most {
		return nil, fmt.Errorf("%w: its %s has %d bytes, not %d to %d; %s", ErrHash, name, len(b), least, most, advice)
	}
	return b, nil
}

var bcryptLine = regexp.MustCompile(`^\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}$`)

// checkBcrypt tells whether a line can be compared with.
func checkBcrypt(line string) error {
	if !bcryptLine.MatchString(line) {
		return fmt.Errorf("%w: it is not $2b$COST$ (or $2a$, $2y$) and 53 characters, as bcrypt writes it; %s", ErrHash, advice)
	}
	cost, err := bcrypt.Cost([]byte(line))
	if err != nil {
		return fmt.Errorf("%w: %v; %s", ErrHash, err, advice)
	}
	if cost > maxCost {
		return fmt.Errorf("%w: its cost %d is more than %d: a router would take too long; %s", ErrHash, cost, maxCost, advice)
	}
	return nil
}

// Hash returns the line for the file, without its end.
func Hash(password []byte) (string, error) {
	if err := acceptable(password); err != nil {
		return "", err
	}
	salt := make([]byte, hashSalt)
	rand.Read(salt) // never fails
	key := argon2.IDKey(password, salt, hashTime, hashMemory, hashThreads, hashKey)
	pack := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, hashMemory, hashTime, hashThreads, pack(salt), pack(key)), nil
}

// acceptable refuses what nobody can type at the console, and what is guessed at once.
func acceptable(password []byte) error {
	text := string(password)
	switch {
	case len(password) < MinBytes:
		return fmt.Errorf("%w: it has %d bytes, the least is %d", ErrPassword, len(password), MinBytes)
	case len(password) > MaxBytes:
		return fmt.Errorf("%w: it has %d bytes, the most is %d", ErrPassword, len(password), MaxBytes)
	case strings.ContainsFunc(text, unprintable):
		return fmt.Errorf("%w: it holds a character that cannot be typed at the console", ErrPassword)
	case strings.TrimSpace(text) != text:
		return fmt.Errorf("%w: it begins or ends with a space, which is easily lost", ErrPassword)
	}
	return nil
}

// unprintable: what the console's line editor does not let into a line, and bytes that are no UTF-8.
func unprintable(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }
