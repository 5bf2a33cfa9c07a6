package uplink

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lib/pq"

	"network-sniffer/board/testbed"
)

// door is what a client meets: the answer to SSLRequest (none with direct), then TLS, then a server that lets
// everybody in.
type door struct {
	answer string
	direct bool
	config *tls.Config
	port   int
	// entered receives the TLS state of each client that was let in.
	entered chan tls.ConnectionState
}

func (d *door) open(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.port, d.entered = l.Addr().(*net.TCPAddr).Port, make(chan tls.ConnectionState, 8)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var serving sync.WaitGroup
		defer serving.Wait()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(patience))
				_ = d.admit(c) // what it is for the client is what the test looks at
			})
		}
	}()
	t.Cleanup(func() {
		l.Close()
		testbed.Await(t, done, patience, "the end of the server")
	})
}

func (d *door) admit(c net.Conn) error {
	if !d.direct {
		if _, err := io.ReadFull(c, make([]byte, 8)); err != nil {
			return err
		}
		if _, err := io.WriteString(c, d.answer); err != nil || d.config == nil {
			return err
		}
	}
	s := tls.Server(c, d.config)
	if err := s.Handshake(); err != nil {
		return err
	}
	var length [4]byte
	if _, err := io.ReadFull(s, length[:]); err != nil {
		return err
	}
	if _, err := io.CopyN(io.Discard, s, int64(binary.BigEndian.Uint32(length[:]))-4); err != nil {
		return err
	}
	d.entered <- s.ConnectionState()
	// AuthenticationOk and ReadyForQuery.
	if _, err := s.Write([]byte{'R', 0, 0, 0, 8, 0, 0, 0, 0, 'Z', 0, 0, 0, 5, 'I'}); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, s)
	return err
}

// papers are the certificates of the tests, and where they lie.
type papers struct {
	dir                 string
	authority, stranger *testbed.Authority
	root                string // of authority
	client, clientKey   string
	right, foreign      tls.Certificate
}

func newPapers(t *testing.T) *papers {
	t.Helper()
	// Nothing of ~/.postgresql of whoever runs the test.
	p := &papers{dir: t.TempDir()}
	t.Setenv("HOME", p.dir)
	p.authority, p.stranger = testbed.NewAuthority(t, "test", nil), testbed.NewAuthority(t, "stranger", nil)
	p.root = p.write(t, "test-root.crt", p.authority.Certificate, 0o644)
	own := p.authority.IssueNow(t, "router")
	p.client, p.clientKey = p.write(t, "router.crt", own.Certificate, 0o644), p.write(t, "router.key", own.Key, 0o600)
	p.right = pair(t, p.authority.IssueNow(t, "db.example.net", "127.0.0.1"))
	p.foreign = pair(t, p.stranger.IssueNow(t, "db.example.net", "127.0.0.1"))
	return p
}

func (p *papers) write(t *testing.T, name string, content []byte, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(path, content, 0o600), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
	return path
}

func pair(t *testing.T, c testbed.Certificate) tls.Certificate {
	t.Helper()
	p, err := tls.X509KeyPair(c.Certificate, c.Key)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// connect opens one session as an uploader does.
func connect(t *testing.T, address string) (*dialer, error) {
	t.Helper()
	target, err := ParseTarget(address)
	if err != nil {
		t.Fatal(err)
	}
	d := &dialer{timeout: patience}
	c, err := newConnector(target, d)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	session, err := c.Connect(ctx)
	if err == nil {
		t.Cleanup(func() { session.Close() })
	}
	return d, err
}

// at writes the URL of a server called db.example.net.
func (d *door) at(options string) string {
	return fmt.Sprintf("postgres://u:geheim@db.example.net:%d/d?hostaddr=127.0.0.1&%s", d.port, options)
}

func TestServerCertificate(t *testing.T) {
	p := newPapers(t)
	now := time.Now()
	expired := pair(t, p.authority.Issue(t, now.AddDate(0, 0, -3), now.AddDate(0, 0, -2), "db.example.net"))
	future := pair(t, p.authority.Issue(t, now.AddDate(0, 0, 2), now.AddDate(0, 0, 3), "db.example.net"))
	other := pair(t, p.authority.IssueNow(t, "db.example.org", "192.0.2.9"))
	nameless := pair(t, p.authority.IssueNow(t, "::1"))
	nowhere := filepath.Join(p.dir, "nowhere.crt")
	noPEM := p.write(t, "no.pem", []byte("hello"), 0o644)

	ca, full := "sslmode=verify-ca&sslrootcert="+p.root, "sslmode=verify-full&sslrootcert="+p.root
	for _, row := range []struct {
		name, options string
		certificate   tls.Certificate
		want          string // in the error; empty: let in
	}{
		{"verify-full", full, p.right, ""},
		{"verify-full, another name", full, other, `is not for "db.example.net" but for db.example.org, 192.0.2.9`},
		{"verify-full, an address alone", full, nameless, "but for ::1"},
		{"verify-full, unknown authority", full, p.foreign, "sslrootcert="},
		{"verify-full, expired", full, expired, "expired at"},
		{"verify-full, not valid yet", full, future, "the clock of this device says " + now.UTC().Format("2006-01-02")},
		{"verify-full, the system's authorities", "sslmode=verify-full&sslrootcert=system", p.right, "sslrootcert="},
		{"verify-full without a file", "sslmode=verify-full", p.right, "sslrootcert="},
		{"verify-full, file missing", "sslmode=verify-full&sslrootcert=" + nowhere, p.right, nowhere},
		{"verify-full, no certificate in the file", "sslmode=verify-full&sslrootcert=" + noPEM, p.right, "no certificate"},
		{"verify-ca", ca, p.right, ""},
		{"verify-ca, another name", ca, other, ""},
		{"verify-ca, unknown authority", ca, p.foreign, "sslrootcert="},
		{"verify-ca, expired", ca, expired, "expired at"},
		{"verify-ca, file missing", "sslmode=verify-ca&sslrootcert=" + nowhere, p.right, nowhere},
		{"require", "sslmode=require", p.foreign, ""},
		{"require, expired", "sslmode=require", expired, ""},
		{"require with a root, as verify-ca", "sslmode=require&sslrootcert=" + p.root, p.foreign, "sslrootcert="},
		{"require with a root, another name", "sslmode=require&sslrootcert=" + p.root, other, ""},
		{"require, file missing", "sslmode=require&sslrootcert=" + nowhere, p.foreign, ""},
		{"inline", "sslmode=verify-full&sslinline=true&sslrootcert=" + url.QueryEscape(string(p.authority.Certificate)), p.right, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			d := &door{answer: "S", config: &tls.Config{Certificates: []tls.Certificate{row.certificate}}}
			d.open(t)
			dialer, err := connect(t, d.at(row.options))
			if row.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				testbed.Await(t, d.entered, patience, "the client")
				if c, ok := dialer.stream(); !ok {
					t.Error("there is no stream")
				} else if _, encrypted := c.(*tls.Conn); !encrypted {
					t.Errorf("the stream is a %T", c)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "geheim") {
				t.Errorf("error %v\nwant %q in it", err, row.want)
			}
			if len(d.entered) > 0 {
				t.Error("the client spoke to a server that it does not trust")
			}
			if _, ok := dialer.stream(); ok {
				t.Error("there is a stream")
			}
		})
	}
	t.Run("root certificate in its usual place", func(t *testing.T) {
		p.write(t, ".postgresql/root.crt", p.authority.Certificate, 0o644)
		d := &door{answer: "S", config: &tls.Config{Certificates: []tls.Certificate{p.right}}}
		d.open(t)
		if _, err := connect(t, d.at("sslmode=verify-full")); err != nil {
			t.Error(err)
		}
		d.config.Certificates[0] = p.foreign
		if _, err := connect(t, d.at("sslmode=require")); err == nil {
			t.Error("require does not use it")
		}
	})
	t.Run("address without a name", func(t *testing.T) {
		d := &door{answer: "S", config: &tls.Config{Certificates: []tls.Certificate{p.right}}}
		d.open(t)
		if _, err := connect(t, fmt.Sprintf("postgres://u@127.0.0.1:%d/d?%s", d.port, full)); err != nil {
			t.Error(err)
		}
		if s := testbed.Await(t, d.entered, patience, "the client"); s.ServerName != "" {
			t.Errorf("the client named the server %q in SNI", s.ServerName)
		}
	})
}

// TestSeveralServers: each has a certificate for its own name.
func TestSeveralServers(t *testing.T) {
	p := newPapers(t)
	bad := &door{answer: "S", config: &tls.Config{Certificates: []tls.Certificate{p.right}}}
	second := pair(t, p.authority.IssueNow(t, "second.example.net"))
	good := &door{answer: "S", config: &tls.Config{Certificates: []tls.Certificate{second}}}
	bad.open(t)
	good.open(t)
	address := func(first, second string) string {
		return fmt.Sprintf("postgres://u:geheim@%s:%d,%s:%d/d?hostaddr=127.0.0.1,127.0.0.1&sslmode=verify-full&sslrootcert=%s",
			first, bad.port, second, good.port, p.root)
	}
	if _, err := connect(t, address("first.example.net", "second.example.net")); err != nil {
		t.Fatal(err)
	}
	if s := testbed.Await(t, good.entered, patience, "the client"); s.ServerName != "second.example.net" {
		t.Errorf("the client named the server %q in SNI", s.ServerName)
	}
	if len(bad.entered) > 0 {
		t.Error("the first server has no certificate for its name")
	}
	_, err := connect(t, address("first.example.net", "third.example.net"))
	if err == nil || !strings.Contains(err.Error(), `not for "first.example.net"`) ||
		!strings.Contains(err.Error(), `not for "third.example.net"`) {
		t.Errorf("error %v", err)
	}
}

func TestServerWithoutTLS(t *testing.T) {
	p := newPapers(t)
	for _, row := range []struct {
		name, answer, want string
		not                bool // pq.ErrSSLNotSupported
	}{
		{"no", "N", "ssl=on", false},
		{"error", "EFATAL: some text\x00", "its own log", false},
		{"not PostgreSQL", "HTTP/1.1 400 Bad Request\r\n", `'H'`, false},
		{"closed", "", "is a PostgreSQL server there?", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			d := &door{answer: row.answer}
			d.open(t)
			_, err := connect(t, d.at("sslmode=require"))
			if err == nil || !strings.Contains(err.Error(), row.want) || errors.Is(err, pq.ErrSSLNotSupported) == row.not ||
				strings.Contains(err.Error(), "some text") {
				t.Errorf("error %v\nwant %q in it", err, row.want)
			}
		})
	}
	t.Run("plain text behind the answer", func(t *testing.T) {
		// A man in the middle lets the client in before it has even begun to encrypt.
		d := &door{answer: "SR\x00\x00\x00\x08\x00\x00\x00\x00Z\x00\x00\x00\x05I",
			config: &tls.Config{Certificates: []tls.Certificate{p.right}}}
		d.open(t)
		_, err := connect(t, d.at("sslmode=verify-full&sslrootcert="+p.root))
		if err == nil || !strings.Contains(err.Error(), "not TLS") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("silent", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // the kernel accepts, and nobody ever speaks
		d := &door{port: l.Addr().(*net.TCPAddr).Port}
		_, err = connect(t, d.at("sslmode=require&connect_timeout=1"))
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
}

func TestNegotiation(t *testing.T) {
	p := newPapers(t)
	full := "sslmode=verify-full&sslrootcert=" + p.root
	for _, row := range []struct {
		name, options string
		door          door
		want          string // in the error; empty: let in
		check         func(tls.ConnectionState) bool
	}{
		{"name in SNI", full, door{}, "", func(s tls.ConnectionState) bool {
			return s.ServerName == "db.example.net" && s.NegotiatedProtocol == ""
		}},
		{"no SNI", full + "&sslsni=0", door{}, "", func(s tls.ConnectionState) bool { return s.ServerName == "" }},
		{"direct", full + "&sslnegotiation=direct", door{direct: true, config: &tls.Config{NextProtos: []string{"postgresql"}}}, "",
			func(s tls.ConnectionState) bool { return s.NegotiatedProtocol == "postgresql" }},
		{"direct to who knows whom", full + "&sslnegotiation=direct", door{direct: true}, "did not agree", nil},
		{"newest version", full, door{}, "", func(s tls.ConnectionState) bool { return s.Version == tls.VersionTLS13 }},
		{"at most 1.2", full + "&ssl_max_protocol_version=TLSv1.2", door{}, "",
			func(s tls.ConnectionState) bool { return s.Version == tls.VersionTLS12 }},
		{"at least 1.3", full + "&ssl_min_protocol_version=TLSv1.3",
			door{config: &tls.Config{MaxVersion: tls.VersionTLS12}}, "protocol version", nil},
		{"1.1 by default", full,
			door{config: &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}}, "protocol version", nil},
		{"1.1 by choice", full + "&ssl_min_protocol_version=TLSv1.1",
			door{config: &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}}, "",
			func(s tls.ConnectionState) bool { return s.Version == tls.VersionTLS11 }},
	} {
		t.Run(row.name, func(t *testing.T) {
			d := &row.door
			d.answer = "S"
			if d.config == nil {
				d.config = &tls.Config{}
			}
			d.config.Certificates = []tls.Certificate{p.right}
			d.open(t)
			_, err := connect(t, d.at(row.options))
			if row.want != "" {
				if err == nil || !strings.Contains(err.Error(), row.want) {
					t.Errorf("error %v\nwant %q in it", err, row.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if s := testbed.Await(t, d.entered, patience, "the client"); !row.check(s) {
				t.Errorf("version %#x, name %q, protocol %q", s.Version, s.ServerName, s.NegotiatedProtocol)
			}
		})
	}
}

func TestClientCertificate(t *testing.T) {
	p := newPapers(t)
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(p.authority.Certificate)
	base := "sslmode=require&"
	own := base + "sslcert=" + p.client + "&sslkey=" + p.clientKey

	strange := p.stranger.IssueNow(t, "router")
	strangeCert, strangeKey := p.write(t, "strange.crt", strange.Certificate, 0o644), p.write(t, "strange.key", strange.Key, 0o600)
	loose := p.write(t, "loose.key", []byte(nil), 0o644)
	encrypted := p.write(t, "encrypted.key", pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{1}}), 0o600)
	// A certificate of an authority below, which the client's root file leads to.
	middle := testbed.NewAuthority(t, "middle", p.authority)
	below := middle.IssueNow(t, "router")
	belowCert, belowKey := p.write(t, "below.crt", below.Certificate, 0o644), p.write(t, "below.key", below.Key, 0o600)
	chain := p.write(t, "chain.crt", append(append([]byte{}, p.authority.Certificate...), middle.Certificate...), 0o644)

	for _, row := range []struct {
		name, options string
		want          string // in the error; empty: let in, as "router"
	}{
		{"own", own, ""},
		{"none", base, "name one by sslcert="},
		{"file missing", base + "sslcert=/nowhere", "name one by sslcert="},
		{"key missing", base + "sslcert=" + p.client + "&sslkey=/nowhere", "/nowhere"},
		{"key that others can read", base + "sslcert=" + p.client + "&sslkey=" + loose, "chmod"},
		{"key encrypted", base + "sslcert=" + p.client + "&sslkey=" + encrypted, "passphrase"},
		{"key of another", base + "sslcert=" + p.client + "&sslkey=" + strangeKey, "private key does not match"},
		{"unknown to the server", base + "sslcert=" + strangeCert + "&sslkey=" + strangeKey, "its log says more"},
		{"below another authority", base + "sslcert=" + belowCert + "&sslkey=" + belowKey, "its log says more"},
		{"below another authority, with the way up",
			base + "sslcert=" + belowCert + "&sslkey=" + belowKey + "&sslrootcert=" + chain, ""},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(fmt.Sprintf("%s %s", row.name, tls.VersionName(version)), func(t *testing.T) {
				d := &door{answer: "S", config: &tls.Config{Certificates: []tls.Certificate{p.right}, MaxVersion: version,
					ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: trusted}}
				d.open(t)
				_, err := connect(t, d.at(row.options))
				if row.want != "" {
					if err == nil || !strings.Contains(err.Error(), row.want) {
						t.Errorf("error %v\nwant %q in it", err, row.want)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				s := testbed.Await(t, d.entered, patience, "the client")
				if s.PeerCertificates[0].Subject.CommonName != "router" {
					t.Errorf("the server sees %v", s.PeerCertificates[0].Subject)
				}
			})
		}
	}
	t.Run("in its usual place", func(t *testing.T) {
		d := &door{answer: "S", config: &tls.Config{Certificates: []tls.Certificate{p.right},
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: trusted}}
		d.open(t)
		for from, to := range map[string]string{p.client: "postgresql.crt", p.clientKey: "postgresql.key"} {
			content, err := os.ReadFile(from)
			if err != nil {
				t.Fatal(err)
			}
			p.write(t, ".postgresql/"+to, content, 0o600)
		}
		if _, err := connect(t, d.at("sslmode=require")); err != nil {
			t.Error(err)
		}
	})
}

// TestHostaddrAlone: an address without a name is no proof for a certificate of "localhost", as lib/pq would have it.
func TestHostaddrAlone(t *testing.T) {
	for _, row := range []struct{ options, dialed, want string }{
		{"hostaddr=192.0.2.1", "192.0.2.1:5432", ""},
		{"hostaddr=192.0.2.1&port=6432", "192.0.2.1:6432", ""},
		{"hostaddr=192.0.2.1&host=db.example.net", "192.0.2.1:5432", "db.example.net"},
		{"hostaddr=127.0.0.1&sslmode=verify-full", "127.0.0.1:5432", "localhost"},
		{"host=192.0.2.1", "192.0.2.1:5432", "192.0.2.1"},
	} {
		target, err := ParseTarget("postgres:///d?user=u&" + row.options)
		if err != nil {
			t.Fatal(err)
		}
		c, err := newConnector(target, &dialer{})
		if err != nil {
			t.Fatal(err)
		}
		if name, known := c.tls.names[row.dialed]; !known || name != row.want {
			t.Errorf("%s: the server is to prove that it is %q, want %q; %v", row.options, name, row.want, c.tls.names)
		}
	}
}

// TestSecondWay: the connection on which allow or prefer tried the other way first is closed when it is left, for each
// would stay in the capture's filter, and on the server, for ever.
func TestSecondWay(t *testing.T) {
	newPapers(t)
	for _, mode := range []string{"prefer", "allow"} {
		t.Run(mode, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			done := make(chan struct{})
			go func() { // the server takes neither TLS nor plain text
				defer close(done)
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					_ = c.SetDeadline(time.Now().Add(patience))
					_, _ = io.ReadFull(c, make([]byte, 8))
					_, _ = io.WriteString(c, "N")
					c.Close()
				}
			}()
			d := &door{port: l.Addr().(*net.TCPAddr).Port}
			dialer, err := connect(t, d.at("sslmode="+mode))
			if err == nil {
				t.Fatal("the server let the client in")
			}
			if len(dialer.open) != 0 {
				t.Errorf("%d connections are left open", len(dialer.open))
			}
			l.Close()
			testbed.Await(t, done, patience, "the end of the server")
		})
	}
	// With a session at the end: that is the one connection which stays.
	testbed.NeedPostgres(t)
	for _, mode := range []string{"prefer", "disable"} {
		dialer, err := connect(t, strings.Replace(testbed.SharedPostgres(t).TCPURL("postgres"), "disable", mode, 1))
		if err != nil {
			t.Fatal(err)
		}
		if len(dialer.open) != 1 {
			t.Errorf("%s: %d connections are open, want the session's", mode, len(dialer.open))
		}
	}
}

// TestLibEncrypts: where lib/pq does the TLS, there is no stream to speak on.
func TestLibEncrypts(t *testing.T) {
	p := newPapers(t)
	d := &door{answer: "S", config: &tls.Config{Certificates: []tls.Certificate{p.right}}}
	d.open(t)
	dialer, err := connect(t, d.at("sslmode=prefer"))
	if err != nil {
		t.Fatal(err)
	}
	testbed.Await(t, d.entered, patience, "the client")
	if _, ok := dialer.stream(); ok {
		t.Error("there is a stream below an encryption that is not ours")
	}
}
