package main

import (
	"os"
	"os/signal"

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

// hideInput stops a terminal from showing what is typed, until restore. Ctrl-C and Ctrl-\ restore it, too, and end the process.
func hideInput(f *os.File) (restore func(), err error) {
	fd := int(f.Fd())
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, os.NewSyscallError("ioctl TCGETS", err)
	}
	hidden := *before
	hidden.Lflag &^= unix.ECHO
	// What was typed before the question is not the answer: TCSETSF forgets it.
	if err := unix.IoctlSetTermios(fd, unix.TCSETSF, &hidden); err != nil {
		return nil, os.NewSyscallError("ioctl TCSETSF", err)
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	done := make(chan struct{})
	show := func() { unix.IoctlSetTermios(fd, unix.TCSETS, before) }
	go func() {
		select {
		case s := <-signals:
			show()
			if s == unix.SIGQUIT {
				s = unix.SIGINT // of the other one Go makes pages of goroutines
			}
			signal.Reset(s)
			unix.Kill(unix.Getpid(), s.(unix.Signal)) // as if nobody had caught it
		case <-done:
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
		show()
	}, nil
}
