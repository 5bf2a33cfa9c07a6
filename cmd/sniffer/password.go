package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"network-sniffer/board/console/password"
)

const passwordNotes = `
On a terminal it asks twice and shows nothing of what is typed; otherwise the password is the first line of standard input.
The hash is for --console-password-file, and none but the daemon may read it:

  (umask 077 && sniffer password > FILE)
`

// maxTyped bounds what is read: two lines that password.Hash takes, and enough for it to refuse longer ones.
const maxTyped = 4 * password.MaxBytes

// errTwice is a second try that differs from the first.
var errTwice = errors.New("the two passwords differ; nothing was printed")

// passwordCommand prints a hash of standard input.
func passwordCommand(args []string, out, errs io.Writer) error {
	flags, _, err := parse("password", args, out, errs, nil)
	if err != nil {
		return err
	}
	if err := arguments(flags, 0, 0); err != nil {
		return err
	}
	return hashPassword(os.Stdin, out, errs)
}

// hashPassword reads a password, twice from a person, and prints its hash.
func hashPassword(in *os.File, out, errs io.Writer) error {
	r := bufio.NewReader(io.LimitReader(in, maxTyped))
	var typed []byte
	if terminal(in) {
		restore, err := hideInput(in)
		if err != nil {
			return fmt.Errorf("the terminal would show the password: %w", err)
		}
		defer restore()
		if typed, err = askFor(r, errs, "Password: "); err != nil {
			return err
		}
		again, err := askFor(r, errs, "The same again: ")
		if err != nil {
			return err
		}
		if !bytes.Equal(typed, again) {
			return errTwice
		}
	} else {
		var err error
		if typed, err = readPassword(r); err != nil {
			return err
		}
	}
	line, err := password.Hash(typed)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, line)
	return err
}

// askFor asks a person whose terminal does not show what is typed, the line end among it.
func askFor(r *bufio.Reader, errs io.Writer, question string) ([]byte, error) {
	fmt.Fprint(errs, question)
	defer fmt.Fprintln(errs)
	return readPassword(r)
}

// readPassword reads a line; the last one may have no end.
func readPassword(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadBytes('\n')
	if err != nil && (!errors.Is(err, io.EOF) || len(line) == 0) {
		return nil, fmt.Errorf("reading the password from standard input: %w", err)
	}
	return bytes.TrimRight(line, "\r\n"), nil
}
