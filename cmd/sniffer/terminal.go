package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// terminal tells whether a person is at the other end of a file. /dev/null is a character device too: only a terminal has
// termios(3).
func terminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
