package uplink

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/lib/pq"
)

// ErrURL: the database URL cannot be used.
var ErrURL = errors.New("database URL")

// Target is a database as the user named it.
type Target struct {
	dsn   string
	mode  pq.SSLMode
	hosts []string // where the servers are, in the order in which they are tried: addresses, names, directories of sockets
	// Name is the target without secrets, for people: user@host:port/database.
	Name string
	// Warning is what a person should know about the URL; empty when all is well.
	Warning string
}

// ParseTarget checks a database URL (postgres://user@host:port/database?…). Without an sslmode of its own a
// URL gets verify-full, or disable when the server is on this machine; weaker modes are used with a warning.
//
// As with libpq a URL may name several servers (host1:5432,host2:5432), which are tried one after the other.
func ParseTarget(raw string) (Target, error) {
	raw = splitServers(raw)
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
	q := u.Query()
	t := Target{mode: config.SSLMode, hosts: hosts(config)}
	if isSocket(config.Host) && !config.Hostaddr.IsValid() {
		// lib/pq takes a first server on a unix socket for a reason to encrypt nothing to all the others.
		t.mode = pq.SSLMode(q.Get("sslmode"))
	}
	switch local := isLocal(config); {
	case t.mode == "" && local:
		t.mode = pq.SSLModeDisable
	case t.mode == "":
		t.mode = pq.SSLModeVerifyFull
	case t.mode != pq.SSLModeVerifyFull && !local:
		t.Warning = fmt.Sprintf("sslmode=%s does not prove who the server at %s is; verify-full does",
			t.mode, strings.Join(t.hosts, ", "))
	}
	q.Set("sslmode", string(t.mode))
	if q.Get("fallback_application_name") == "" {
		q.Set("fallback_application_name", "sniffer")
	}
	u.RawQuery = q.Encode()
	t.dsn = u.String()
	t.Name = fmt.Sprintf("%s@%s/%s", config.User, net.JoinHostPort(config.Host, fmt.Sprint(config.Port)), config.Database)
	if isSocket(config.Host) {
		t.Name = fmt.Sprintf("%s@%s/%s", config.User, config.Host, config.Database)
	}
	return t, nil
}

// splitServers moves the servers of a URL into its options host and port when they are several or an IPv6 address:
// of these net/url, and lib/pq with it, understands only some. What it does not understand it leaves alone.
func splitServers(raw string) string {
	scheme, rest, _ := strings.Cut(raw, "://")
	end := strings.IndexAny(rest+"/", "/?")
	authority, tail := rest[:end], rest[end:]
	at := strings.LastIndexByte(authority, '@') + 1
	if !strings.ContainsAny(authority[at:], ",[") {
		return raw
	}
	var hosts, ports []string
	given := false
	for server := range strings.SplitSeq(authority[at:], ",") {
		host, port, err := net.SplitHostPort(server)
		if err != nil {
			host, port = server, ""
		}
		if host, err = url.PathUnescape(strings.Trim(host, "[]")); err != nil {
			return raw
		}
		given = given || port != ""
		hosts, ports = append(hosts, host), append(ports, cmp.Or(port, "5432"))
	}
	options := url.Values{"host": {strings.Join(hosts, ",")}}
	if given {
		options.Set("port", strings.Join(ports, ","))
	}
	path, query, _ := strings.Cut(tail, "?")
	return scheme + "://" + authority[:at] + path + "?" + options.Encode() + "&" + query
}

// HasPassword reports whether a URL holds a password or a private key, which on a command line everybody can read.
func HasPassword(raw string) bool {
	u, err := url.Parse(splitServers(raw))
	if err != nil {
		return false
	}
	_, ok := u.User.Password()
	inline, _ := strconv.ParseBool(u.Query().Get("sslinline"))
	return ok || u.Query().Has("password") || inline && u.Query().Has("sslkey")
}

// String is the name: the rest may hold a password.
func (t Target) String() string { return t.Name }

// GoString is the name, too.
func (t Target) GoString() string { return t.Name }

// isLocal reports whether every server of the configuration is on this machine.
func isLocal(c pq.Config) bool {
	return !slices.ContainsFunc(hosts(c), func(h string) bool { return !localHost(h) })
}

// hosts returns where lib/pq connects to: for each server its hostaddr, or else its host.
func hosts(c pq.Config) []string {
	all := make([]string, 0, 1+len(c.Multi))
	for _, m := range append([]pq.ConfigMultihost{{Host: c.Host, Hostaddr: c.Hostaddr}}, c.Multi...) {
		if m.Hostaddr.IsValid() {
			all = append(all, m.Hostaddr.String())
		} else {
			all = append(all, m.Host)
		}
	}
	return all
}

// isSocket reports whether a host is the directory of a unix socket, or an abstract one.
func isSocket(host string) bool { return strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") }

// localHost judges one server.
func localHost(host string) bool {
	if host == "" || host == "localhost" || isSocket(host) {
		return true
	}
	addr, err := netip.ParseAddr(host)
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
