//go:build linux

package testbed

import (
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCertificates: what an authority signs is trusted for its names and its time, also below another authority.
func TestCertificates(t *testing.T) {
	root := NewAuthority(t, "root", nil)
	middle := NewAuthority(t, "middle", root)
	pool, chain := x509.NewCertPool(), x509.NewCertPool()
	pool.AppendCertsFromPEM(root.Certificate)
	chain.AppendCertsFromPEM(middle.Certificate)
	from := time.Now().Add(-time.Hour)
	issued := middle.Issue(t, from, from.Add(2*time.Hour), "db.example.net", "192.0.2.1")
	pair, err := tls.X509KeyPair(issued.Certificate, issued.Key)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name string
		at   time.Time
		ok   bool
	}{
		{"db.example.net", from.Add(time.Hour), true},
		{"192.0.2.1", from.Add(time.Hour), true},
		{"other.example.net", from.Add(time.Hour), false},
		{"db.example.net", from.Add(-time.Minute), false},
		{"db.example.net", from.Add(3 * time.Hour), false},
	} {
		_, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: row.name, Roots: pool, Intermediates: chain, CurrentTime: row.at})
		if (err == nil) != row.ok {
			t.Errorf("%s at %v: %v", row.name, row.at, err)
		}
	}
}

// TestPostgresWithTLS: a server with a certificate of the test's accepts who trusts it.
func TestPostgresWithTLS(t *testing.T) {
	authority := NewAuthority(t, "test", nil)
	pg := StartPostgres(t, TLS(authority.IssueNow(t, "127.0.0.1"), authority))
	root := filepath.Join(t.TempDir(), "root.crt")
	if err := os.WriteFile(root, authority.Certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	url := strings.Replace(pg.TCPURL("postgres"), "sslmode=disable", "sslmode=verify-full&sslrootcert="+root, 1)
	db, err := sql.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if n := QueryInt(t, db, "SELECT ssl::int FROM pg_stat_ssl WHERE pid = pg_backend_pid()"); n != 1 {
		t.Error("the connection is not encrypted")
	}
}
