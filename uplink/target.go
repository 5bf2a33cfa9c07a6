package uplink

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/lib/pq"
)

// ErrURL: the database URL cannot be used.
var ErrURL = errors.New("database URL")

// Target is a database as the user named it.
type Target struct {
	dsn string
	// Name is the target without secrets, for people: user@host:port/database.
	Name string
	// Warning is what a person should know about the URL; empty when all is well.
	Warning string
}

// ParseTarget checks a database URL (postgres://user@host:port/database?…). Without an sslmode of its own a
// URL gets verify-full, or disable when the server is on this machine; weaker modes are used with a warning.
func ParseTarget(raw string) (Target, error) {
	u, err := url.Parse(raw)
	if err != nil {
		// The error of url.Parse repeats the URL, and with it the password.
		return Target{}, fmt.Errorf("uplink: %w: it does not parse; write postgres://USER@HOST:5432/DATABASE", ErrURL)
	}
	if u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return Target{}, fmt.Errorf("uplink: %w: it must begin with postgres://, as in postgres://USER@HOST:5432/DATABASE", ErrURL)
	}
	// Where the server is, is decided by URL, environment and service file together, as lib/pq does it.
	config, err := pq.NewConfig(raw)
	if err != nil {
		return Target{}, fmt.Errorf("uplink: %w: %s", ErrURL, withoutSecret(err.Error(), u))
	}
	local, mode := isLocal(config), string(config.SSLMode)
	q := u.Query()
	t := Target{}
	switch {
	case mode == "" && local:
		q.Set("sslmode", "disable")
	case mode == "":
		q.Set("sslmode", "verify-full")
	case mode != "verify-full" && !local:
		t.Warning = fmt.Sprintf("sslmode=%s does not prove who the server at %s is; verify-full does", mode, config.Host)
	}
	if q.Get("fallback_application_name") == "" {
		q.Set("fallback_application_name", "sniffer")
	}
	u.RawQuery = q.Encode()
	t.dsn = u.String()
	t.Name = fmt.Sprintf("%s@%s/%s", config.User, net.JoinHostPort(config.Host, fmt.Sprint(config.Port)), config.Database)
	if strings.HasPrefix(config.Host, "/") {
		t.Name = fmt.Sprintf("%s@%s/%s", config.User, config.Host, config.Database)
	}
	return t, nil
}

// HasPassword reports whether a URL holds a password, which on a command line everybody can read.
func HasPassword(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil {
		return false
	}
	_, ok := u.User.Password()
	return ok || u.Query().Has("password")
}

// isLocal reports whether every server of the configuration is on this machine.
func isLocal(c pq.Config) bool {
	if !localHost(c.Host, c.Hostaddr) {
		return false
	}
	for _, m := range c.Multi {
		if !localHost(m.Host, m.Hostaddr) {
			return false
		}
	}
	return true
}

// localHost judges one server; hostaddr, where it is given, is what lib/pq connects to.
func localHost(host string, hostaddr netip.Addr) bool {
	if hostaddr.IsValid() {
		return hostaddr.IsLoopback()
	}
	if host == "" || host == "localhost" || strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.IsLoopback()
}

func withoutSecret(text string, u *url.URL) string {
	for _, secret := range []string{u.Query().Get("password"), password(u)} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "…")
			text = strings.ReplaceAll(text, url.QueryEscape(secret), "…")
		}
	}
	return text
}

func password(u *url.URL) string {
	p, _ := u.User.Password()
	return p
}
