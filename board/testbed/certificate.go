//go:build linux

package testbed

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"
)

// Authority signs certificates for a test.
type Authority struct {
	// Certificate is the authority's own, in PEM form.
	Certificate []byte

	parsed *x509.Certificate
	key    *ecdsa.PrivateKey
}

// Certificate is a certificate with its private key, both in PEM form.
type Certificate struct {
	Certificate, Key []byte
}

// NewAuthority makes an authority that trusts itself, or that signer, unless it is nil, has put in charge. It is
// valid for ten years around today.
func NewAuthority(t testing.TB, name string, signer *Authority) *Authority {
	t.Helper()
	now := time.Now()
	a := &Authority{parsed: &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: now.AddDate(-5, 0, 0), NotAfter: now.AddDate(5, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}}
	a.key = newKey(t)
	if signer == nil {
		signer = a
	}
	a.Certificate = signer.sign(t, a.parsed, a.key)
	block, _ := pem.Decode(a.Certificate)
	var err error
	if a.parsed, err = x509.ParseCertificate(block.Bytes); err != nil {
		t.Fatal(err)
	}
	return a
}

// Issue makes a certificate for clients and servers. The first name is also its common name; names that are
// addresses become such.
func (a *Authority) Issue(t testing.TB, from, to time.Time, names ...string) Certificate {
	t.Helper()
	c := &x509.Certificate{
		Subject: pkix.Name{CommonName: names[0]}, NotBefore: from, NotAfter: to,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, name)
		}
	}
	key := newKey(t)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return Certificate{a.sign(t, c, key), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})}
}

// IssueNow makes a certificate that is valid today.
func (a *Authority) IssueNow(t testing.TB, names ...string) Certificate {
	t.Helper()
	return a.Issue(t, time.Now().AddDate(0, 0, -1), time.Now().AddDate(0, 0, 1), names...)
}

func (a *Authority) sign(t testing.TB, c *x509.Certificate, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	der, err := x509.CreateCertificate(rand.Reader, c, a.parsed, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
