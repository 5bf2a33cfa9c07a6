package appliance

import (
	"net/netip"
	"time"

	"network-sniffer/board/console/password"
)

// login is who may try the console's password, and who knows it.
type login struct {
	checker *password.Checker
	limiter password.Limiter
	stop    chan struct{} // closed when the console ends
}

// newLogin reads the file; nil where nobody is asked.
func newLogin(path string) (*login, error) {
	if path == "" {
		return nil, nil
	}
	checker, err := password.Load(path)
	if err != nil {
		return nil, err
	}
	return &login{checker: checker, stop: make(chan struct{})}, nil
}

// judge is console.Config.Password: it looks at an attempt after the time that the address has to wait for its failures.
func (l *login) judge(from netip.Addr, attempt []byte) (refusal string) {
	const wrong = "Wrong password."
	wait, locked := l.limiter.Wait(from, time.Now())
	if locked {
		return "Too many wrong passwords: none is looked at for " + max(wait, time.Second).Round(time.Second).String() + "."
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.stop:
		return wrong
	}
	if !l.checker.Check(attempt) {
		return wrong
	}
	l.limiter.Succeeded(from)
	return ""
}

// close ends every wait.
func (l *login) close() {
	if l != nil {
		close(l.stop)
	}
}
