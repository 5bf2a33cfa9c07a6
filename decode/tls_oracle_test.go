package decode

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// clientRecord is the first record that a client of crypto/tls sends.
func clientRecord(t *testing.T, config *tls.Config) []byte {
	t.Helper()
	client, server := net.Pipe()
	go func() {
		_ = tls.Client(client, config).Handshake() // it fails when the server goes
		client.Close()
	}()
	defer server.Close()
	_ = server.SetDeadline(time.Now().Add(10 * time.Second))
	b := make([]byte, 5)
	if _, err := io.ReadFull(server, b); err != nil {
		t.Fatal(err)
	}
	b = append(b, make([]byte, be16(b[3:]))...)
	if _, err := io.ReadFull(server, b[5:]); err != nil {
		t.Fatal(err)
	}
	return b
}

// clientQUIC is the hello that a QUIC client of crypto/tls sends.
func clientQUIC(t *testing.T, config *tls.Config) []byte {
	t.Helper()
	q := tls.QUICClient(&tls.QUICConfig{TLSConfig: config})
	q.SetTransportParameters(make([]byte, 40))
	if err := q.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	for {
		switch e := q.NextEvent(); e.Kind {
		case tls.QUICWriteData:
			return slices.Clone(e.Data)
		case tls.QUICNoEvent:
			t.Fatal("no hello")
		}
	}
}

// one is a connection whose other side has sent b and nothing else.
type one struct {
	net.Conn
	b *strings.Reader
}

func (c one) Read(b []byte) (int, error)      { return c.b.Read(b) }
func (c one) Write(b []byte) (int, error)     { return len(b), nil }
func (c one) Close() error                    { return nil }
func (c one) SetDeadline(time.Time) error     { return nil }
func (c one) SetReadDeadline(time.Time) error { return nil }

// serverReads is what a server of crypto/tls reads from a ClientHello, or nil when it refuses it.
func serverReads(record []byte) (info *tls.ClientHelloInfo) {
	enough := errors.New("enough")
	_ = tls.Server(one{b: strings.NewReader(string(record))}, &tls.Config{
		MinVersion: tls.VersionTLS10,
		GetConfigForClient: func(i *tls.ClientHelloInfo) (*tls.Config, error) {
			info = i
			return nil, enough
		}}).Handshake()
	return info
}

// differs says where p is not what crypto/tls read.
func differs(p *Packet, info *tls.ClientHelloInfo) string {
	if got := string(p.Name.Text()); got != info.ServerName {
		return "name " + got + ", not " + info.ServerName
	}
	if got := string(p.ALPN.Text()); got != strings.Join(info.SupportedProtos, ",") {
		return "protocols " + got + ", not " + strings.Join(info.SupportedProtos, ",")
	}
	var highest uint16
	for _, v := range info.SupportedVersions {
		if v>>8 == 3 {
			highest = max(highest, v)
		}
	}
	if highest != p.TLSVersion && highest != 0 {
		return "version " + tls.VersionName(p.TLSVersion) + ", not " + tls.VersionName(highest)
	}
	return ""
}

var clientConfigs = []struct {
	name   string
	config tls.Config
}{
	{"as it is", tls.Config{ServerName: "www.example.com"}},
	{"no name", tls.Config{InsecureSkipVerify: true}},
	{"protocols", tls.Config{ServerName: "a.example", NextProtos: []string{"h2", "http/1.1", "acme-tls/1"}}},
	{"tls 1.3 alone", tls.Config{ServerName: "xn--bcher-kva.example", MinVersion: tls.VersionTLS13,
		NextProtos: []string{"h3"}}},
	{"tls 1.2 at most", tls.Config{ServerName: "old.example", MaxVersion: tls.VersionTLS12}},
	{"tls 1.0 to 1.1", tls.Config{ServerName: "older.example", MinVersion: tls.VersionTLS10,
		MaxVersion: tls.VersionTLS11}},
	{"tls 1.0", tls.Config{ServerName: "oldest.example", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}},
	{"post-quantum key share", tls.Config{ServerName: "pq.example", CurvePreferences: []tls.CurveID{tls.X25519MLKEM768,
		tls.X25519}}},
	{"classic key share", tls.Config{ServerName: "classic.example", CurvePreferences: []tls.CurveID{tls.X25519}}},
	{"a long name", tls.Config{ServerName: strings.Repeat("label.", 40) + "example"}},
}

func TestRealClients(t *testing.T) {
	for i := range clientConfigs {
		c := &clientConfigs[i]
		t.Run(c.name, func(t *testing.T) {
			record := clientRecord(t, &c.config)
			var p Packet
			p.tls(record)
			if p.DecodeError != NoReason || !p.Valid.Has(HasTLS) || p.Valid.Has(HasName) && p.NameKind != NameTLS {
				t.Fatal(show(p))
			}
			info := serverReads(record)
			if info == nil {
				t.Fatal("crypto/tls does not read its own hello")
			}
			if d := differs(&p, info); d != "" {
				t.Error(d)
			}
			if string(p.Name.Text()) != c.config.ServerName {
				t.Errorf("name %q", p.Name.Text())
			}
		})
	}
}

func TestRealQUICClients(t *testing.T) {
	for _, c := range []struct {
		name   string
		curves []tls.CurveID
	}{
		{"in one packet", []tls.CurveID{tls.X25519}},
		{"too long for a packet of 1200 bytes", []tls.CurveID{tls.X25519MLKEM768, tls.X25519}},
	} {
		t.Run(c.name, func(t *testing.T) {
			hello := clientQUIC(t, &tls.Config{ServerName: "quic.example", NextProtos: []string{"h3"},
				MinVersion:       tls.VersionTLS13,
				CurvePreferences: c.curves})
			for _, version := range []uint32{quicVersion1, quicVersion2} {
				i := initial{version: version, to: quicID, size: 1, frames: cryptoFrame(0, hello[:min(len(hello), 1150)])}
				i.frames = append(i.frames, make([]byte, 1160-len(i.frames))...)
				data := quicDatagram(51512, 443, i.seal())
				var p Packet
				Decode(&p, &Meta{LinkType: LinkIPv4, WireLength: uint32(len(data))}, data)
				want := NoReason
				if len(hello) > 1150 {
					want = TruncatedTLS
				}
				if p.DecodeError != want || len(hello) <= 1150 && (string(p.Name.Text()) != "quic.example" ||
					string(p.ALPN.Text()) != "h3" || p.TLSVersion != 0x0304) {
					t.Errorf("%d bytes: %s", len(hello), show(p))
				}
			}
		})
	}
}

// A hello with bytes changed that crypto/tls still reads reads the same here. It does not hold the other way round:
// crypto/tls looks into what is skipped here.
func TestChangedHellos(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	hellos := [][]byte{helloOfTLS13}
	for i := range clientConfigs {
		if b := clientRecord(t, &clientConfigs[i].config); len(b) < 700 {
			hellos = append(hellos, b)
		}
	}
	read := 0
	for range 20_000 {
		b := slices.Clone(hellos[random.IntN(len(hellos))])
		for range 1 + random.IntN(3) {
			b[5+random.IntN(len(b)-5)] = byte(random.Uint32())
		}
		info := serverReads(b)
		if info == nil || b[9] != 3 || b[10] > 3 { // above TLS 1.2 crypto/tls takes legacy_version for that
			continue
		}
		read++
		var p Packet
		p.tls(b)
		if strings.ContainsFunc(info.ServerName+strings.Join(info.SupportedProtos, ""), func(r rune) bool {
			return r < ' ' || r > '~' || r == '\\' || r == ','
		}) || p.DecodeError == NameTooLong {
			continue // escaped here
		}
		if d := differs(&p, info); d != "" || p.DecodeError != NoReason {
			t.Fatalf("%s, %v\n%x", d, p.DecodeError, b)
		}
	}
	if read < 1000 {
		t.Errorf("crypto/tls read %d hellos only", read)
	}
}

func TestAES(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for range 1000 {
		var key, block, want [16]byte
		for i := range key {
			key[i], block[i] = byte(random.Uint32()), byte(random.Uint32())
		}
		newAES(key[:]).Encrypt(want[:], block[:])
		var k aes128
		k.expand(key[:])
		a, b, c, d := k.encrypt(be32(block[0:]), be32(block[4:]), be32(block[8:]), be32(block[12:]))
		if got := [4]uint32{a, b, c, d}; got != [4]uint32{be32(want[0:]), be32(want[4:]), be32(want[8:]), be32(want[12:])} {
			t.Fatalf("key %x, block %x: got %x, want %x", key, block, got, want)
		}
	}
}
