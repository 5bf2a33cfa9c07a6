package uplink

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/lib/pq"
)

// trust is whom a client believes.
type trust struct {
	named        bool           // there is a root certificate of libpq's
	pool         *x509.CertPool // nil: the system's
	certificates []*x509.Certificate
}

// postgresFile is where libpq looks for a file that no option names; empty without a home directory.
func postgresFile(name string) string {
	home, err := os.UserHomeDir()
	if err != nil {
		account, err := user.Current()
		if err != nil || account.HomeDir == "" {
			return ""
		}
		home = account.HomeDir
	}
	return filepath.Join(home, ".postgresql", name)
}

// missing reports whether there is no such file; below something that is no directory there is none either.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// roots reads sslrootcert: the system's certificates with "system", and also, as lib/pq does it but not libpq,
// where neither the option nor ~/.postgresql/root.crt is there.
func (t *tlsClient) roots() (trust, error) {
	name := t.config.SSLRootCert
	switch {
	case name == "system":
		return trust{named: true}, nil
	case t.config.SSLInline && name == "":
		return trust{}, nil
	}
	data := []byte(name)
	if t.config.SSLInline {
		name = "the text in the URL"
	} else {
		isDefault := name == ""
		if isDefault {
			name = postgresFile("root.crt")
		}
		var err error
		data, err = os.ReadFile(name)
		// libpq lets sslmode=require pass without the file.
		if missing(err) && (isDefault || t.mode == pq.SSLModeRequire) {
			return trust{}, nil
		}
		if err != nil {
			return trust{}, fmt.Errorf("sslrootcert: %w", err)
		}
	}
	roots := trust{named: true, pool: x509.NewCertPool()}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return trust{}, fmt.Errorf("sslrootcert: %s: %w", name, err)
		}
		roots.pool.AddCert(c)
		roots.certificates = append(roots.certificates, c)
	}
	if len(roots.certificates) == 0 {
		return trust{}, fmt.Errorf("sslrootcert: %s holds no certificate in PEM form", name)
	}
	return roots, nil
}

// certificate reads sslcert and sslkey, by default ~/.postgresql/postgresql.crt and .key. Without the first file there
// is no client certificate, and the one returned is empty.
func (t *tlsClient) certificate(roots trust) (*tls.Certificate, error) {
	certFile, keyFile := t.config.SSLCert, t.config.SSLKey
	certPEM, keyPEM := []byte(certFile), []byte(keyFile)
	if t.config.SSLInline {
		if certFile == "" {
			return &tls.Certificate{}, nil
		}
		certFile, keyFile = "the text in the URL", "the text in the URL"
	} else {
		if certFile == "" {
			certFile = postgresFile("postgresql.crt")
		}
		if keyFile == "" {
			keyFile = postgresFile("postgresql.key")
		}
		var err error
		certPEM, err = os.ReadFile(certFile)
		if missing(err) {
			return &tls.Certificate{}, nil
		}
		if err != nil {
			return nil, fmt.Errorf("sslcert: %w", err)
		}
		if keyPEM, err = readKey(keyFile); err != nil {
			return nil, fmt.Errorf("sslkey: %w", err)
		}
	}
	if block, _ := pem.Decode(keyPEM); block != nil && (block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "") {
		return nil, fmt.Errorf("sslkey: %s is encrypted; store it without a passphrase, readable by its owner alone", keyFile)
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("sslcert %s with sslkey %s: %w", certFile, keyFile, err)
	}
	roots.complete(&pair)
	return &pair, nil
}

// complete adds the intermediate certificates that lead from the client's to a root, as OpenSSL and with it libpq does.
func (r trust) complete(pair *tls.Certificate) {
	last, err := x509.ParseCertificate(pair.Certificate[len(pair.Certificate)-1])
	if err != nil {
		return // the server will say what it thinks of it
	}
	for range r.certificates { // a ring of them must not be followed for ever
		i := slices.IndexFunc(r.certificates, func(c *x509.Certificate) bool {
			return bytes.Equal(c.RawSubject, last.RawIssuer) && !bytes.Equal(c.RawSubject, c.RawIssuer)
		})
		if i < 0 {
			return
		}
		last = r.certificates[i]
		pair.Certificate = append(pair.Certificate, last.Raw)
	}
}

// readKey reads a private key that others cannot read. As libpq demands, it has mode 0600, or 0640 where root owns
// it, or less (PostgreSQL documentation, "SSL Support", "Client Certificates").
func readKey(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	allowed := fs.FileMode(0o600)
	if sys, ok := info.Sys().(*syscall.Stat_t); ok && sys.Uid == 0 {
		allowed = 0o640
	}
	if mode := info.Mode().Perm(); mode&^allowed != 0 {
		return nil, fmt.Errorf("%s has mode %#o, so that others could read the key; at most %#o is allowed: chmod %o %s",
			name, mode, allowed, allowed, name)
	}
	return io.ReadAll(f)
}
