package tsharktest

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"net"
	"testing"
)

// hellos are ClientHello messages that Go's own TLS writes.
type hellos struct {
	stream [][]byte // handshake messages for TCP
	quic   [][]byte // with the transport parameters that QUIC asks for
}

// newHellos makes them for every mixture of server name, protocols and versions.
func newHellos(t *testing.T) *hellos {
	t.Helper()
	h := &hellos{}
	g := newGenerator(99, nil)
	for range 8 {
		for _, protocols := range [][]string{nil, {"h2", "http/1.1"}, {"h3"}, {"acme-tls/1"}, {"a,b", `c\d`}} {
			for _, versions := range [][2]uint16{{tls.VersionTLS12, tls.VersionTLS13}, {tls.VersionTLS10, tls.VersionTLS12}, {tls.VersionTLS13, tls.VersionTLS13}} {
				c := &tls.Config{ServerName: g.host(), NextProtos: protocols, MinVersion: versions[0], MaxVersion: versions[1], Rand: random{g.Rand}}
				if g.one(6) {
					c.ServerName, c.InsecureSkipVerify = "", true
				}
				h.stream = append(h.stream, streamHello(t, c))
				if versions[1] == tls.VersionTLS13 {
					c.MinVersion = tls.VersionTLS13
					h.quic = append(h.quic, quicHello(t, c))
				}
			}
		}
	}
	return h
}

// random is randomness that is the same each time.
type random struct{ *rand.Rand }

func (r random) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return len(b), nil
}

// recorder is a connection that keeps the first thing written to it, and is closed then.
type recorder struct {
	net.Conn
	first []byte
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.first == nil {
		r.first = append([]byte(nil), b...)
	}
	return 0, net.ErrClosed
}

func streamHello(t *testing.T, c *tls.Config) []byte {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	r := &recorder{Conn: near}
	_ = tls.Client(r, c).Handshake() // fails as soon as the hello is written
	if len(r.first) < 10 || r.first[0] != 22 || r.first[5] != 1 {
		t.Fatalf("no ClientHello: %x", r.first)
	}
	return r.first[5:]
}

func quicHello(t *testing.T, c *tls.Config) []byte {
	t.Helper()
	q := tls.QUICClient(&tls.QUICConfig{TLSConfig: c})
	q.SetTransportParameters([]byte{4, 4, 0x80, 1, 0, 0}) // initial_max_data, RFC 9000 §18.2
	if err := q.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	for e := q.NextEvent(); e.Kind != tls.QUICNoEvent; e = q.NextEvent() {
		if e.Kind == tls.QUICWriteData {
			return append([]byte(nil), e.Data...)
		}
	}
	t.Fatal("no ClientHello for QUIC")
	return nil
}

// record is the handshake message in one TLS record.
func record(message []byte) []byte { return octets(22, 3, 1, length16(message)) }

// clientHello is Go's, or one by hand with what Go never sends.
func (g generator) clientHello() []byte {
	if g.one(3) {
		return pick(g, g.hellos.stream...)
	}
	return g.ownHello(false)
}

// grease is a value that nothing has, RFC 8701.
func (g generator) grease() uint16 { return 0x0a0a + uint16(g.IntN(16))*0x1010 }

// ownHello is a ClientHello (RFC 8446 §4.1.2) with extensions in any order, and without any at times.
func (g generator) ownHello(quic bool) []byte {
	extension := func(kind uint16, parts ...any) []byte { return octets(kind, length16(parts...)) }
	legacy := pick[uint16](g, 0x0303, 0x0303, 0x0302, 0x0301)
	if quic {
		legacy = 0x0303
	}
	body := octets(legacy, g.bytes(32), length8(g.bytes(32*g.IntN(2))), length16(g.grease(), uint16(0x1301), uint16(0x002f)), length8(0))
	extensions := [][]byte{extension(g.grease()), extension(10, length16(g.grease(), uint16(29))), extension(13, length16(uint16(0x0403)))}
	if !g.one(5) {
		extensions = append(extensions, extension(0, length16(0, length16(pick(g, g.host(), g.host(), g.labelOrOdd())))))
	}
	if !g.one(3) {
		var list []byte
		for range 1 + g.IntN(3) + g.IntN(2)*g.IntN(20) { // some lists have no room in a record
			list = octets(list, length8(pick(g, "h2", "http/1.1", "h3", "hq-29", "spdy/3.1", "x,y", g.labelOrOdd())))
		}
		extensions = append(extensions, extension(16, length16(list)))
	}
	if quic || !g.one(3) {
		versions := octets(g.grease())
		if quic || g.one(2) {
			versions = octets(versions, uint16(0x0304))
		}
		extensions = append(extensions, extension(43, length8(versions, uint16(0x0303))))
	}
	if quic {
		extensions = append(extensions, extension(57, 4, 4, 0x80, 1, 0, 0))
	}
	g.Shuffle(len(extensions), func(i, j int) { extensions[i], extensions[j] = extensions[j], extensions[i] })
	if g.one(4) {
		extensions = append(extensions, extension(21, make([]byte, g.IntN(200)))) // padding
	}
	if quic || !g.one(12) {
		var all []byte
		for _, e := range extensions {
			all = append(all, e...)
		}
		body = octets(body, length16(all))
	}
	return octets(1, length24(body))
}
