package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"network-sniffer/board/testbed"
)

// TestNames: what a client looks up, asks for and connects to is in the rows, in full although most frames are
// captured up to their headers only.
func TestNames(t *testing.T) {
	testbed.NeedRoot(t)
	testbed.NeedPostgres(t)
	topology := testbed.Router(t, testbed.Quiet(), testbed.NoOffloads())
	url := testbed.SharedPostgres(t).NewDatabase(t)
	recorder := startRecorder(t, topology.Router, t.TempDir(), url, "--interface", topology.LanPort)
	long := strings.Repeat("a-long-label-that-fills-the-header-bytes.", 5) + "example"

	answerDNS(t, topology.Wan)
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return topology.Lan.DialContext(ctx, network, testbed.WanHostIPv4+":53")
	}}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if got, err := resolver.LookupNetIP(ctx, "ip4", long+"."); err != nil || fmt.Sprint(got) != "[198.51.100.7 198.51.100.8]" {
		t.Fatalf("looked up %v, %v", got, err)
	}

	web, err := topology.Wan.Listen("tcp", testbed.WanHostIPv4+":80")
	if err != nil {
		t.Fatal(err)
	}
	body := strings.Repeat("x", 20_000)
	server := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) })}
	go server.Serve(web)
	defer server.Close()
	transport := http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return topology.Lan.DialContext(ctx, network, testbed.WanHostIPv4+":80")
	}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, "PUT", "http://www.example:80/"+strings.Repeat("path/", 100), nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(response.Body); err != nil || string(got) != body {
		t.Fatalf("read %d bytes, %v", len(got), err)
	}
	response.Body.Close()

	secure, err := topology.Wan.Listen("tcp", "["+testbed.WanHostIPv6+"]:443")
	if err != nil {
		t.Fatal(err)
	}
	go func() { // reads the hello and hangs up
		if conn, err := secure.Accept(); err == nil {
			conn.Read(make([]byte, 4096))
			conn.Close()
		}
	}()
	defer secure.Close()
	conn, err := topology.Lan.DialContext(ctx, "tcp", "["+testbed.WanHostIPv6+"]:443")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client := tls.Client(conn, &tls.Config{ServerName: long, NextProtos: []string{"h2", "http/1.1"},
		CurvePreferences: []tls.CurveID{tls.X25519}}) // a hello that fits one segment
	if err := client.HandshakeContext(ctx); err == nil {
		t.Fatal("the handshake succeeded with nobody")
	}

	db := testbed.DB(t, url)
	for _, c := range []struct{ name, where string }{
		{"query", `name_kind = 'dns' AND name = $1 AND dns_type = 1 AND dns_rcode IS NULL AND direction = 'in'`},
		{"response", `name_kind = 'dns' AND name = $1 AND dns_type = 1 AND dns_rcode = 0 AND dns_answers = 2
			AND dns_addresses = '{198.51.100.7,198.51.100.8}' AND captured_length > 256`},
		{"hello", `name_kind = 'tls' AND name = $1 AND tls_version = 772 AND alpn = 'h2,http/1.1' AND captured_length > 256`},
		{"request", `$1 <> '' AND name_kind = 'http' AND name = 'www.example:80' AND http_method = 'PUT' AND captured_length > 256`},
		{"bulk", `$1 <> '' AND src_port = 80 AND wire_length > 1000 AND captured_length = 256 AND name IS NULL AND decode_error IS NULL`},
	} {
		testbed.Eventually(t, patience, "the row of the "+c.name, func() (bool, string) {
			var n int
			err := db.QueryRow(`SELECT count(*) FROM sniffer.packets_readable WHERE `+c.where, long).Scan(&n)
			return err == nil && n > 0, fmt.Sprint(n, err)
		})
	}
	if err := recorder.Stop(t, syscall.SIGTERM); err != nil {
		t.Fatalf("the recorder ended with %v", err)
	}
	checkBooks(t, db)
	if n := testbed.QueryInt(t, db, `SELECT count(*) FROM sniffer.packets WHERE decode_error IS NOT NULL`); n != 0 {
		t.Errorf("%d packets did not decode", n)
	}
}

// answerDNS answers each query in the namespace with two addresses until the test ends.
func answerDNS(t *testing.T, ns *testbed.Namespace) {
	t.Helper()
	conn, err := ns.ListenPacket("udp", testbed.WanHostIPv4+":53")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { conn.Close(); <-done })
	go func() {
		defer close(done)
		for {
			b := make([]byte, 1500)
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if err := m.Unpack(b[:n]); err != nil || len(m.Questions) != 1 {
				t.Errorf("query: %v", err)
				return
			}
			m.Response, m.Additionals = true, nil
			for _, a := range [][4]byte{{198, 51, 100, 7}, {198, 51, 100, 8}} {
				m.Answers = append(m.Answers, dnsmessage.Resource{
					Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET, TTL: 60},
					Body:   &dnsmessage.AResource{A: a}})
			}
			out, err := m.Pack()
			if err != nil {
				t.Errorf("response: %v", err)
				return
			}
			if _, err := conn.WriteTo(out, from); err != nil {
				return
			}
		}
	}()
}
