package uplink

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
)

// sslRequest asks the server for TLS (PostgreSQL documentation, "Message Formats", SSLRequest: the length of
// the message and a number that is no protocol version).
var sslRequest = [8]byte{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f}

// alpnProtocol is what PostgreSQL is called in ALPN. A direct connection has to agree on it, so that it cannot
// be led to a server of another protocol (PostgreSQL documentation, "SSL Session Encryption").
const alpnProtocol = "postgresql"

// tlsClient encrypts connections as libpq's options ask for. It reads the certificates for every connection, so
// that renewed ones are used and missing ones only have to be put in place.
type tlsClient struct {
	config pq.Config
	mode   pq.SSLMode        // require, verify-ca or verify-full
	names  map[string]string // the host's name, by the address that lib/pq dials
}

func newTLSClient(config pq.Config, mode pq.SSLMode) *tlsClient {
	t := &tlsClient{config: config, mode: mode, names: map[string]string{}}
	add := func(host string, hostaddr netip.Addr, port uint16) {
		dialed := host
		if hostaddr.IsValid() {
			dialed = hostaddr.String()
			if host == "localhost" && !hostaddr.IsLoopback() {
				host = "" // lib/pq's word for a host that nobody gave: many a certificate has that name
			}
		}
		address := net.JoinHostPort(dialed, strconv.Itoa(int(port)))
		if _, known := t.names[address]; !known {
			t.names[address] = host
		}
	}
	add(config.Host, config.Hostaddr, config.Port)
	for _, m := range config.Multi {
		add(m.Host, m.Hostaddr, m.Port)
	}
	return t
}

// secure asks the server at address for TLS and does the handshake. It closes c when that fails. asked is set when
// the server asks for a client certificate and there is none.
func (t *tlsClient) secure(ctx context.Context, c net.Conn, address string, asked *bool) (_ net.Conn, err error) {
	defer func() {
		if err != nil {
			_ = c.Close()
		}
	}()
	host := t.names[address]
	config, err := t.clientConfig(host, asked)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		if err := c.SetDeadline(deadline); err != nil { // lib/pq takes it back at the end
			return nil, err
		}
	}
	if t.config.SSLNegotiation != pq.SSLNegotiationDirect {
		if err := requestTLS(c, address); err != nil {
			return nil, err
		}
	}
	encrypted := tls.Client(c, config)
	if err := encrypted.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("TLS with %s: %w", address, explainCertificate(err, host))
	}
	return encrypted, nil
}

// requestTLS reads the one byte of the answer and nothing behind it: what somebody slipped in there in plain
// text must not be taken for a part of the encrypted session (CVE-2021-23222).
func requestTLS(c net.Conn, address string) error {
	if _, err := c.Write(sslRequest[:]); err != nil {
		return fmt.Errorf("ask %s for TLS: %w", address, err)
	}
	var answer [1]byte
	if _, err := io.ReadFull(c, answer[:]); err != nil {
		return fmt.Errorf("%s does not answer whether it speaks TLS; is a PostgreSQL server there?: %w", address, err)
	}
	switch answer[0] {
	case 'S':
		return nil
	case 'N':
		return fmt.Errorf("%s does not speak TLS; set ssl=on in its postgresql.conf, or, where nobody can listen or "+
			"interfere on the way, sslmode=disable in the database URL: %w", address, pq.ErrSSLNotSupported)
	case 'E':
		// Its text is not shown: whoever sent it has proved nothing (CVE-2024-10977).
		return fmt.Errorf("%s answers the question for TLS with an error; its own log says which: %w", address, pq.ErrSSLNotSupported)
	}
	return fmt.Errorf("%s answers the question for TLS with %q, as no PostgreSQL server does; check the port: %w",
		address, answer[0], pq.ErrSSLNotSupported)
}

// clientConfig is made for a server called host.
func (t *tlsClient) clientConfig(host string, asked *bool) (*tls.Config, error) {
	roots, err := t.roots()
	if err != nil {
		return nil, err
	}
	certificate, err := t.certificate(roots)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{
		// VerifyConnection does it: crypto/tls knows no verify-ca, and no verification without SNI.
		InsecureSkipVerify: true,
		VerifyConnection:   func(s tls.ConnectionState) error { return t.verify(s, host, roots) },
		// Not by Certificates: of these crypto/tls sends only what the server's list of authorities names, and the
		// list leaves out the intermediate ones.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			*asked = *asked || len(certificate.Certificate) == 0
			return certificate, nil
		},
		MinVersion: cmp.Or(tlsVersions[t.config.SSLMinProtocolVersion], tls.VersionTLS12),
		MaxVersion: tlsVersions[t.config.SSLMaxProtocolVersion], // 0: the newest
		// The connection is for bulk: small records first would only cost.
		DynamicRecordSizingDisabled: true,
	}
	if t.config.SSLSNI {
		config.ServerName = host // crypto/tls sends no addresses, as RFC 6066 section 3 asks for
	}
	if t.config.SSLNegotiation == pq.SSLNegotiationDirect {
		config.NextProtos = []string{alpnProtocol}
	}
	return config, nil
}

var tlsVersions = map[pq.SSLProtocolVersion]uint16{
	pq.SSLProtocolVersionTLS10: tls.VersionTLS10,
	pq.SSLProtocolVersionTLS11: tls.VersionTLS11,
	pq.SSLProtocolVersionTLS12: tls.VersionTLS12,
	pq.SSLProtocolVersionTLS13: tls.VersionTLS13,
}

// verify judges the server's certificate as the mode asks for (PostgreSQL documentation, "SSL Support", table
// "SSL Mode Descriptions"). require is verify-ca where there is a root certificate, as in libpq.
func (t *tlsClient) verify(s tls.ConnectionState, host string, roots trust) error {
	if t.config.SSLNegotiation == pq.SSLNegotiationDirect && s.NegotiatedProtocol != alpnProtocol {
		return fmt.Errorf("it did not agree to speak %s, as a server with sslnegotiation=direct has to; "+
			"PostgreSQL can do that since version 17", alpnProtocol)
	}
	if t.mode == pq.SSLModeRequire && !roots.named {
		return nil
	}
	options := x509.VerifyOptions{Roots: roots.pool, Intermediates: x509.NewCertPool()}
	for _, c := range s.PeerCertificates[1:] {
		options.Intermediates.AddCert(c)
	}
	if t.mode == pq.SSLModeVerifyFull {
		// A zone names a link of this machine, which no certificate can know.
		options.DNSName, _, _ = strings.Cut(host, "%")
		if host == "" {
			return errors.New("sslmode=verify-full needs the name of the server: give it as host beside hostaddr")
		}
	}
	_, err := s.PeerCertificates[0].Verify(options)
	return err
}

// explainCertificate says in words why the handshake failed, and what to do.
func explainCertificate(err error, host string) error {
	var (
		invalid x509.CertificateInvalidError
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		system  x509.SystemRootsError
		record  tls.RecordHeaderError
	)
	now := time.Now().UTC().Truncate(time.Second)
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && now.Before(invalid.Cert.NotBefore):
		return fmt.Errorf("the certificate is not valid before %v, and the clock of this device says %v; "+
			"set the clock (NTP), then it goes on by itself: %w", invalid.Cert.NotBefore.UTC(), now, err)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("the certificate expired at %v, and the clock of this device says %v; "+
			"renew the certificate on the server: %w", invalid.Cert.NotAfter.UTC(), now, err)
	case errors.As(err, &name):
		return fmt.Errorf("the certificate is not for %q but for %s; write the name of the certificate in the database URL "+
			"(with hostaddr= for the address), or give the server a certificate for %q: %w",
			host, certificateNames(name.Certificate), host, err)
	case errors.As(err, &unknown), errors.As(err, &system):
		return fmt.Errorf("nobody who is trusted here has signed the certificate; name the file with the certificate "+
			"of its authority by sslrootcert= in the database URL: %w", err)
	case errors.As(err, &record):
		return fmt.Errorf("what it sent is not TLS: %w", err)
	case errors.Is(err, io.EOF):
		return fmt.Errorf("it closed the connection in the middle of the handshake: %w", err)
	}
	return err
}

// certificateNames is what a certificate is for, for people.
func certificateNames(c *x509.Certificate) string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return "no name at all (it has no subjectAltName)"
	}
	const most = 8
	if len(names) > most {
		names = append(names[:most], "…")
	}
	return strings.Join(names, ", ")
}

// explain adds what this side knows to an error of the whole attempt: what the server thinks of a client
// certificate is told only after the handshake, in TLS 1.3 by an alert and by PostgreSQL as an error of the login.
func (a *attempt) explain(err error) error {
	var alert *net.OpError
	refused := errors.As(err, &alert) && alert.Op == "remote error"
	switch {
	case a.asked && (refused || pq.As(err, pqerror.InvalidAuthorizationSpecification) != nil):
		return fmt.Errorf("%w; the server asks for a client certificate, and there is none: name one by sslcert= and sslkey= "+
			"in the database URL", err)
	case refused:
		return fmt.Errorf("the server broke off the TLS connection; its log says more: %w", err)
	}
	return err
}
