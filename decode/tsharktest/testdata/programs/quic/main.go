// Command quic speaks QUIC and TLS as Go's packages do, to be captured.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"time"

	quicgo "github.com/quic-go/quic-go"
	"golang.org/x/net/quic"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var err error
	switch os.Args[1] {
	case "serve":
		err = serve(ctx, os.Args[2], os.Args[3], os.Args[4])
	case "quic":
		err = dial(ctx, os.Args[2], os.Args[3], "h3")
	case "serve2":
		err = serve2(ctx, os.Args[2], os.Args[3], os.Args[4])
	case "v2":
		err = dial2(ctx, os.Args[2], os.Args[3])
	case "long":
		// A long list, so that the ClientHello needs more than one datagram.
		names := []string{"h3"}
		for i := range 40 {
			names = append(names, fmt.Sprintf("example-protocol-number-%d", i))
		}
		err = dial(ctx, os.Args[2], os.Args[3], names...)
	case "tls":
		var c *tls.Conn
		if c, err = tls.Dial("tcp", os.Args[2], config(os.Args[3], "h2", "http/1.1")); err == nil {
			err = c.Close()
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func config(name string, protocols ...string) *tls.Config {
	return &tls.Config{ServerName: name, NextProtos: protocols, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}
}

func serve(ctx context.Context, address, certificate, key string) error {
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return err
	}
	c := config("", "h3")
	c.MinVersion = tls.VersionTLS13
	c.Certificates = []tls.Certificate{pair}
	e, err := quic.Listen("udp", address, &quic.Config{TLSConfig: c, RequireAddressValidation: true})
	if err != nil {
		return err
	}
	for {
		conn, err := e.Accept(ctx)
		if err != nil {
			return err
		}
		go func() {
			s, err := conn.AcceptStream(ctx)
			if err == nil {
				s.Write([]byte("hello"))
				s.Close()
			}
		}()
	}
}

func dial(ctx context.Context, address, name string, protocols ...string) error {
	c := config(name, protocols...)
	c.MinVersion = tls.VersionTLS13
	e, err := quic.Listen("udp", ":0", nil)
	if err != nil {
		return err
	}
	conn, err := e.Dial(ctx, "udp", address, &quic.Config{TLSConfig: c})
	if err != nil {
		return err
	}
	s, err := conn.NewStream(ctx)
	if err != nil {
		return err
	}
	s.Write([]byte("hello"))
	s.Flush()
	s.Read(make([]byte, 10))
	conn.Close()
	return nil
}

// version2 is RFC 9369, which golang.org/x/net does not speak.
func version2() *quicgo.Config { return &quicgo.Config{Versions: []quicgo.Version{quicgo.Version2}} }

func serve2(ctx context.Context, address, certificate, key string) error {
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return err
	}
	c := config("", "h3")
	c.Certificates = []tls.Certificate{pair}
	l, err := quicgo.ListenAddr(address, c, version2())
	if err != nil {
		return err
	}
	for {
		conn, err := l.Accept(ctx)
		if err != nil {
			return err
		}
		go func() {
			s, err := conn.AcceptStream(ctx)
			if err == nil {
				s.Write([]byte("hello"))
				s.Close()
			}
		}()
	}
}

func dial2(ctx context.Context, address, name string) error {
	conn, err := quicgo.DialAddr(ctx, address, config(name, "h3"), version2())
	if err != nil {
		return err
	}
	s, err := conn.OpenStreamSync(ctx)
	if err != nil {
		return err
	}
	s.Write([]byte("hello"))
	s.Read(make([]byte, 10))
	return conn.CloseWithError(0, "")
}
