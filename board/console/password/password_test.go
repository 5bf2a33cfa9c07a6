package password

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Lines that other programs made: Debian 12's argon2 (the reference implementation), htpasswd of Apache 2.4 and crypt(3) of
// libxcrypt through Python 3.11.
const (
	argonVector  = "$argon2id$v=19$m=1024,t=2,p=1$c29tZXNhbHQxMjM0NTY3OA$mxcSbmr/D6/SjFQHrbYAXfGQAcpkbEI+GffVDdMLDRY"
	bcryptVector = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"
)

var vectors = []struct{ name, line, password string }{
	{"argon2 -id -t 2 -m 10", argonVector, "correct horse"},
	{"argon2 -id -t 5 -k 7168",
		"$argon2id$v=19$m=7168,t=5,p=1$c29tZXNhbHQxMjM0NTY3OA$PGbh0aICDlrsCpvC9k/6A8RmqFJVaorrKWblUAsdVmQ", "correct horse"},
	{"argon2 -id -m 12 -p 4",
		"$argon2id$v=19$m=4096,t=1,p=4$c29tZXNhbHQxMjM0NTY3OA$ioiAvFatJZahgesDGs0qZZbLARnSP82AaK/PQ4E1RxU", "correct horse"},
	{"argon2 -id -l 16, not in ASCII", "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$hWIu+a/RuPWtsifjQimudg", "pässwörd 密码"},
	{"htpasswd -nbBC 5", "$2y$05$J9JepJicBmajlxHhvQWaQ.Ri0IZ2gqG5ekRXljweQ8jxK.HNlshW2", "correct horse"},
	{"crypt, 2b", bcryptVector, "correct horse"},
	{"crypt, 2a", "$2a$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e", "correct horse"},
	{"crypt, the 73rd byte does not count",
		"$2b$04$abcdefghijklmnopqrstuuBzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe", strings.Repeat("a", 72)},
}

func TestVectors(t *testing.T) {
	for _, row := range vectors {
		t.Run(row.name, func(t *testing.T) {
			c, err := Load(file(t, row.line+"\n", 0o600))
			if err != nil {
				t.Fatal(err)
			}
			if !c.Check([]byte(row.password)) {
				t.Error("the password is refused")
			}
			rest := row.password[1:]
			for _, wrong := range []string{"", rest, "X" + rest, strings.ToUpper(row.password), row.line} {
				if c.Check([]byte(wrong)) {
					t.Errorf("%q is taken", wrong)
				}
			}
		})
	}
}

func TestHash(t *testing.T) {
	password := []byte("a horse, a horse")
	line, err := Hash(password)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Load(file(t, line+"\n", 0o600))
	if err != nil {
		t.Fatal(err)
	}
	if !c.Check(password) || c.Check(append(password, '!')) {
		t.Errorf("%s: the password is refused, or a longer one taken", line)
	}
	if again, err := Hash(password); err != nil || again == line {
		t.Errorf("the same salt twice, %v", err)
	}
}

func TestHashRefuses(t *testing.T) {
	for _, row := range []struct{ name, password, want string }{
		{"nothing", "", "it has 0 bytes"},
		{"short", "1234567", "it has 7 bytes"},
		{"long", strings.Repeat("x", MaxBytes+1), "it has 257 bytes"},
		{"a tab", "correct\thorse", "cannot be typed"},
		{"no UTF-8", "correct\xffhorse", "cannot be typed"},
		{"a space before", " correct horse", "easily lost"},
	} {
		line, err := Hash([]byte(row.password))
		if !errors.Is(err, ErrPassword) || !strings.Contains(err.Error(), row.want) || line != "" {
			t.Errorf("%s: %q, %v", row.name, line, err)
		}
	}
	for _, least := range []string{"12345678", strings.Repeat("x", MaxBytes), "größer als ß"} {
		if _, err := Hash([]byte(least)); err != nil {
			t.Errorf("%q: %v", least, err)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	argon := func(old, new string) string { return strings.Replace(argonVector, old, new, 1) }
	for _, row := range []struct{ name, text, want string }{
		{"empty", "", "it is empty"},
		{"an empty line", "\n", "it begins neither"},
		{"two lines", argonVector + "\n" + bcryptVector + "\n", "more than one line"},
		{"an empty second line", argonVector + "\n\n", "more than one line"},
		{"megabytes", strings.Repeat("$", 1<<20), "more than one line"},
		{"the password itself", "correct horse\n", "it begins neither"},
		{"htpasswd with its user", "admin:" + bcryptVector, "leave the name"},
		{"argon2i", argon("argon2id", "argon2i"), "only argon2id"},
		{"argon2d", argon("argon2id", "argon2d"), "only argon2id"},
		{"an old version", argon("v=19", "v=16"), "version 16 is not 19"},
		{"no version", argon("v=19$", ""), "it is not $argon2id$v=19"},
		{"order", argon("m=1024,t=2", "t=2,m=1024"), "it is not $argon2id$v=19"},
		{"a sign", argon("t=2", "t=-2"), "it is not $argon2id$v=19"},
		{"a number beyond 32 bits", argon("t=2", "t=99999999999"), "it is not $argon2id$v=19"},
		{"spaces", " " + argonVector, "it begins neither"},
		{"something behind it", argonVector + " x", "it is not $argon2id$v=19"},
		{"too much memory", argon("m=1024", "m=32769"), "m=32769 is not 8 to 32768 KiB"},
		{"too little memory", argon("m=1024,t=2,p=1", "m=31,t=2,p=4"), "m=31 is not 32 to"},
		{"too many passes", argon("t=2", "t=17"), "t=17 is not 1 to 16"},
		{"no pass", argon("t=2", "t=0"), "t=0 is not 1 to 16"},
		{"too many threads", argon("p=1", "p=5"), "p=5 is not 1 to 4"},
		{"no thread", argon("p=1", "p=0"), "p=0 is not 1 to 4"},
		{"a short salt", argon("c29tZXNhbHQxMjM0NTY3OA", "c29tZXNhbA"), "its salt has 7 bytes"},
		{"a long salt", argon("c29tZXNhbHQxMjM0NTY3OA", strings.Repeat("AAAA", 22)), "its salt has 66 bytes"},
		{"a short hash", argonVector[:strings.LastIndexByte(argonVector, '$')+1] + "AAAA", "its hash has 3 bytes"},
		{"bits left over", argonVector[:len(argonVector)-1] + "Z", "its hash is no base64"},
		{"half a base64", argonVector[:len(argonVector)-2], "its hash is no base64"},
		{"bcrypt, cut", bcryptVector[:59], "53 characters"},
		{"bcrypt of another kind", strings.Replace(bcryptVector, "2b", "2x", 1), "53 characters"},
		{"bcrypt, too dear", "$2b$13$abcdefghijklmnopqrstuufJyGQz74MaXA58G4n4SAlu8WLjGODFe", "cost 13 is more than 12"},
		{"bcrypt, cost 0", strings.Replace(bcryptVector, "04", "00", 1), "cost"},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := file(t, row.text, 0o600)
			c, err := Load(path)
			if !errors.Is(err, ErrHash) || c != nil {
				t.Fatalf("%v, %v", c, err)
			}
			text := err.Error()
			if !strings.Contains(text, row.want) || !strings.Contains(text, path) || strings.Contains(text, "horse") {
				t.Errorf("%v, want %q", err, row.want)
			}
		})
	}
}

func TestLoadTakes(t *testing.T) {
	for _, row := range []struct {
		name, text string
		mode       fs.FileMode
	}{
		{"no line end", argonVector, 0o600},
		{"CR LF", argonVector + "\r\n", 0o600},
		{"read by the group", argonVector + "\n", 0o640},
		{"never written again", argonVector + "\n", 0o400},
	} {
		if c, err := Load(file(t, row.text, row.mode)); err != nil || !c.Check([]byte("correct horse")) {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

func TestLoadLooksAtTheFile(t *testing.T) {
	for _, mode := range []fs.FileMode{0o604, 0o602, 0o601, 0o644, 0o666} {
		path := file(t, argonVector, mode)
		if _, err := Load(path); !errors.Is(err, ErrHash) || !strings.Contains(err.Error(), "chmod 600 "+path) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	missing := filepath.Join(t.TempDir(), "password")
	if _, err := Load(missing); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("no file: %v", err)
	}
	if _, err := Load(t.TempDir()); !errors.Is(err, ErrHash) || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("a folder: %v", err)
	}
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(fifo); !errors.Is(err, ErrHash) || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("a FIFO without a writer: %v", err)
	}
}

// TestCheckOneAtATime: checks hold the process' lock.
func TestCheckOneAtATime(t *testing.T) {
	for _, line := range []string{argonVector, bcryptVector} {
		c, err := parse(line)
		if err != nil {
			t.Fatal(err)
		}
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				default:
					c.Check([]byte("battery staple"))
				}
			}
		}()
		held := false
		for end := time.Now().Add(30 * time.Second); !held && time.Now().Before(end); {
			if held = !one.TryLock(); !held {
				one.Unlock()
			}
		}
		close(stop)
		<-stopped
		if !held {
			t.Errorf("%.10s: two checks can run at the same time", line)
		}
	}
}

// TestCheckGivesBack: what a check took of memory is free behind it, before another one takes as much.
func TestCheckGivesBack(t *testing.T) {
	line, err := Hash([]byte("correct horse"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := parse(line)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	if !c.Check([]byte("correct horse")) {
		t.Error("the password is not taken")
	}
	runtime.ReadMemStats(&after)
	if after.TotalAlloc-before.TotalAlloc < hashMemory<<10 {
		t.Errorf("a check takes %d bytes: nothing is measured", after.TotalAlloc-before.TotalAlloc)
	}
	if after.HeapAlloc > before.HeapAlloc+hashMemory<<10/2 {
		t.Errorf("%d bytes are left behind a check", after.HeapAlloc-before.HeapAlloc)
	}
}

// FuzzParse: whatever a file holds, it is refused with ErrHash or what it asks of the machine is within the bounds.
func FuzzParse(f *testing.F) {
	for _, row := range vectors {
		f.Add([]byte(row.line))
	}
	f.Add([]byte("$argon2id$v=19$m=0,t=0,p=0$$"))
	f.Add([]byte("$2b$99$"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parse(string(text))
		if err != nil {
			if !errors.Is(err, ErrHash) || c != nil {
				t.Fatalf("%q: %v, %v", text, c, err)
			}
			return
		}
		line := bytes.TrimRight(text, "\r\n")
		if h := c.argon; c.bcrypt == nil {
			if h.memory < 8 || h.memory > maxMemory || h.time < 1 || h.time > maxTime ||
				h.threads < 1 || h.threads > maxThreads || len(h.salt) < minSalt || len(h.key) < minKey || len(line) > 512 {
				t.Fatalf("%q is taken", text)
			}
		} else if len(line) != 60 || line[4] > '1' || line[4] == '1' && line[5] > '2' {
			t.Fatalf("%q is taken", text)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	line, err := Hash([]byte("correct horse"))
	if err != nil {
		b.Fatal(err)
	}
	dearest := strings.Replace(bcryptVector, "$04$", "$12$", 1)
	for _, row := range []struct{ name, line string }{{"argon2id", line}, {"bcrypt12", dearest}} {
		b.Run(row.name, func(b *testing.B) {
			c, err := parse(row.line)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				c.Check([]byte("battery staple"))
			}
		})
	}
}

// file writes a file of the test.
func file(t *testing.T, text string, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // the umask is not asked
		t.Fatal(err)
	}
	return path
}
