package uplink

import (
	"context"
	"database/sql/driver"
	"fmt"
	"net"
	"time"

	"github.com/lib/pq"
)

// connector opens lib/pq's sessions on connections of the dialer. Where the target asks for TLS without second
// thoughts, the dialer's side does the TLS and lib/pq speaks plain text above it: lib/pq keeps the connection
// that it encrypted to itself, and binary COPY needs it.
type connector struct {
	config pq.Config
	dialer *dialer
	tls    *tlsClient // nil: no TLS, or that of lib/pq
	opaque bool       // lib/pq encrypts, where the server wants it
}

func newConnector(t Target, d *dialer) (*connector, error) {
	config, err := pq.NewConfig(t.dsn)
	if err != nil {
		return nil, fmt.Errorf("uplink: %w: %w", ErrURL, err)
	}
	c := &connector{config: config, dialer: d}
	switch mode := t.mode; mode {
	case pq.SSLModeDisable:
	case pq.SSLModeRequire, pq.SSLModeVerifyCA, pq.SSLModeVerifyFull:
		c.tls = newTLSClient(config, mode)
		c.config.SSLMode = pq.SSLModeDisable
	default: // allow and prefer try one way and then the other: that stays with lib/pq
		c.opaque = config.SSLMode != pq.SSLModeDisable // lib/pq encrypts nothing on a unix socket
	}
	if config.ConnectTimeout <= 0 {
		// Each server gets its share, so that a silent one does not use up the time of the others.
		c.config.ConnectTimeout = connectTimeout / time.Duration(1+len(config.Multi))
	}
	return c, nil
}

// Connect opens a session. What the server or TLS refuses is said with what to do about it.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	lib, err := pq.NewConnectorConfig(c.config)
	if err != nil {
		return nil, err
	}
	attempt := &attempt{connector: c}
	lib.Dialer(attempt)
	session, err := lib.Connect(ctx)
	if err != nil {
		attempt.leave()
		return nil, attempt.explain(err)
	}
	attempt.over = true
	if c.opaque {
		c.dialer.speak(nil)
	} else {
		c.dialer.speak(attempt.conn)
	}
	return session, nil
}

// Driver is part of driver.Connector.
func (c *connector) Driver() driver.Driver { return pq.Driver{} }

// attempt is the dialer of one session. lib/pq uses it once for each server until one lets it in; later it
// opens with it the connections that cancel a statement.
type attempt struct {
	connector *connector
	conn      net.Conn // the latest, until a session is open
	over      bool     // a session is open, on conn
	asked     bool     // a server asked for a client certificate, and there is none
}

// leave closes the latest connection. lib/pq forgets those on which allow and prefer tried their first way.
func (a *attempt) leave() {
	if a.conn != nil {
		_ = a.conn.Close()
		a.conn = nil
	}
}

// Dial is part of lib/pq's interface; it calls DialContext.
func (a *attempt) Dial(network, address string) (net.Conn, error) {
	return a.DialTimeout(network, address, connectTimeout)
}

// DialTimeout is part of lib/pq's interface; it calls DialContext.
func (a *attempt) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return a.DialContext(ctx, network, address)
}

// DialContext connects, and encrypts where that is not lib/pq's business.
func (a *attempt) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if !a.over {
		a.leave()
	}
	c, err := a.connector.dialer.DialContext(ctx, network, address)
	if err == nil && a.connector.tls != nil && network != "unix" {
		c, err = a.connector.tls.secure(ctx, c, address, &a.asked)
	}
	if err != nil {
		return nil, err
	}
	if !a.over {
		a.conn = c
	}
	return c, nil
}
