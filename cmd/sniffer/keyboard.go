package main

import (
	"fmt"
	"sync"

	"golang.org/x/term"
)

// keyboard is the terminal a person types at: in its usual mode, where its driver edits lines and echoes, or raw, where each key
// comes at once and unseen.
type keyboard struct {
	fd int

	mu     sync.Mutex
	usual  *term.State // the mode to go back to, while it is raw
	handed bool        // back to whoever had it before: raw does nothing
}

// raw changes the mode, unless it is that already.
func (k *keyboard) raw(on bool) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if on == (k.usual != nil) || k.handed {
		return nil
	}
	if !on {
		return k.back()
	}
	usual, err := term.MakeRaw(k.fd)
	if err != nil {
		return fmt.Errorf("make the terminal raw: %w", err)
	}
	k.usual = usual
	return nil
}

func (k *keyboard) isRaw() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.usual != nil
}

// restore hands the terminal back as it was found: until resume, it stays so.
func (k *keyboard) restore() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.handed = true
	k.back() // a terminal that has hung up needs no mode
}

// resume takes the terminal again, in its usual mode.
func (k *keyboard) resume() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.handed = false
	k.back()
}

// back leaves the raw mode. The mutex is held.
func (k *keyboard) back() error {
	if k.usual == nil {
		return nil
	}
	err := term.Restore(k.fd, k.usual)
	k.usual = nil
	if err != nil {
		return fmt.Errorf("restore the terminal: %w", err)
	}
	return nil
}
