package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"network-sniffer/board/testbed"
)

// screen is a program in a pseudo terminal under expect(1), whose user is the test.
type screen struct {
	orders  *os.File
	answers *bufio.Reader
}

const (
	screenColumns, screenRows = 132, 40
	// expectPatience ends before that of the reader of its answers.
	expectPatience = patience - 5*time.Second
)

// openScreen starts a program in a namespace, in a terminal of the type that TERM names.
func openScreen(t *testing.T, ns *testbed.Namespace, terminal string, program ...string) *screen {
	t.Helper()
	expect := testbed.NeedTool(t, "expect")
	args := []string{"-f", "testdata/terminal.exp", fmt.Sprint(int(expectPatience.Seconds())), fmt.Sprint(screenColumns), fmt.Sprint(screenRows)}
	cmd := ns.Command(expect, append(args, program...)...)
	cmd.Env = append(os.Environ(), "TERM="+terminal, "LC_ALL=C.UTF-8")
	ordered, orders, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer ordered.Close()
	answers, answered, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer answered.Close()
	cmd.Stdin, cmd.Stdout = ordered, answered
	testbed.StartProcess(t, cmd)
	t.Cleanup(func() { orders.Close(); answers.Close() })
	if err := answers.SetReadDeadline(time.Now().Add(5 * patience)); err != nil {
		t.Fatal(err)
	}
	return &screen{orders, bufio.NewReader(answers)}
}

func (s *screen) order(t *testing.T, word, bytes string) {
	t.Helper()
	if _, err := fmt.Fprintf(s.orders, "%s %s\n", word, hex.EncodeToString([]byte(bytes))); err != nil {
		t.Fatal(err)
	}
}

// answer is what the program wrote since the answer before.
func (s *screen) answer(t *testing.T, waited string) string {
	t.Helper()
	line, err := s.answers.ReadString('\n')
	if err != nil {
		t.Fatalf("expect says nothing, while waiting for %s: %v", waited, err)
	}
	word, digits, _ := strings.Cut(strings.TrimSpace(line), " ")
	shown, err := hex.DecodeString(digits)
	if err != nil {
		t.Fatalf("expect says %q: %v", line, err)
	}
	if word != "ok" {
		t.Fatalf("%s, while waiting for %s; the terminal was sent %q", word, waited, shown)
	}
	return string(shown)
}

// press types.
func (s *screen) press(t *testing.T, keys string) { t.Helper(); s.order(t, "press", keys) }

// await waits for bytes, and returns all that came up to their end since the last time.
func (s *screen) await(t *testing.T, bytes string) string {
	t.Helper()
	s.order(t, "await", bytes)
	return s.answer(t, fmt.Sprintf("%q", bytes))
}

// end waits until the program has ended, and returns what it wrote before.
func (s *screen) end(t *testing.T) string {
	t.Helper()
	s.order(t, "end", "")
	return s.answer(t, "the end of the program")
}

// rows is what stands on a terminal that was sent something, a row each, however long. It knows what the console and its line
// editor send: CR, LF, BS, and of ECMA-48 CUP to the first row, CUF, CUB, ED, EL and SGR.
func rows(sent string) []string {
	var all []string
	var row []rune
	column := 0
	input := []rune(sent)
	for i := 0; i < len(input); i++ {
		switch c := input[i]; c {
		case '\r':
			column = 0
		case '\b':
			column = max(0, column-1)
		case '\n':
			all = append(all, strings.TrimRight(string(row), " "))
			row, column = nil, 0
		case 0x07, 0:
		case 0x1b:
			n := 0
			for i += 2; i < len(input) && (input[i] < 0x40 || input[i] > 0x7e); i++ {
				if input[i] >= '0' && input[i] <= '9' {
					n = 10*n + int(input[i]-'0')
				}
			}
			if i == len(input) {
				break
			}
			switch input[i] {
			case 'C':
				column += max(1, n)
			case 'D':
				column = max(0, column-max(1, n))
			case 'K':
				row = row[:min(len(row), column)]
			case 'H', 'J':
				all, row, column = nil, nil, 0
			}
		default:
			for len(row) <= column {
				row = append(row, ' ')
			}
			row[column] = c
			column++
		}
	}
	return append(all, strings.TrimRight(string(row), " "))
}
