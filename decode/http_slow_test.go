package decode

import (
	"bufio"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	slowMethod  = regexp.MustCompile(`^[A-Z-]+`)
	slowRequest = regexp.MustCompile(`(?s)^[^ ]+ .+ HTTP/1\.[01]$`)
)

// slowHTTP reads an HTTP request, or an SSDP message.
func slowHTTP(b string, ssdp bool) slowPacket {
	s := slowPacket{kind: NameHTTP, dhcp: -1}
	field := "host"
	s.method = slowMethod.FindString(b)
	if !slices.Contains(methodNames[1:], s.method) || !strings.HasPrefix(b[len(s.method):], " ") {
		s.method = ""
	}
	if ssdp {
		s.kind, field = NameSSDP, "st"
		if s.method == "NOTIFY" {
			field = "nt"
		} else if s.method != "M-SEARCH" {
			s.method = ""
		}
	}
	response := ssdp && strings.HasPrefix(b, "HTTP/1.1 200")
	if s.method == "" && !response {
		return s
	}
	s.reason = TruncatedHTTP
	if len(b) > maxHTTPBytes {
		b = b[:maxHTTPBytes]
		s.reason = TooManyHTTPLines
	}
	lines := strings.Split(b, "\n")
	lines = lines[:len(lines)-1] // what no line feed ends
	for i, line := range lines {
		line = strings.TrimSuffix(line, "\r")
		name, value, colon := strings.Cut(line, ":")
		switch {
		case i == 0 && !response && !slowRequest.MatchString(line):
			s.reason = BadHTTP
			return s
		case i == 0:
		case i > maxHTTPLines:
			s.reason = TooManyHTTPLines
			return s
		case line == "":
			s.reason = NoReason
			return s
		case len(line) > len(field) && strings.EqualFold(line[:len(field)], field) && strings.ContainsAny(line[len(field):][:1], " \t"):
			s.reason = BadHTTP
			return s
		case colon && len(name) == len(field) && strings.EqualFold(name, field):
			s.title = strings.Trim(value, " \t")
			s.reason = NoReason
			front := len(value) - len(strings.TrimLeft(value, " \t"))
			if front > maxHTTPSpace || len(value)-front-len(s.title) > maxHTTPSpace {
				s.title = ""
				s.reason = BadHTTP
			}
			return s
		}
	}
	if len(lines) > maxHTTPLines {
		s.reason = TooManyHTTPLines
	}
	return s
}

func FuzzHTTP(f *testing.F) {
	seeds(f, httpSamples, 40, "http")
	seeds(f, httpSamples, 28, "ssdp")
	f.Fuzz(func(t *testing.T, b []byte) {
		var web, search Packet
		web.http(b)
		checkSlow(t, web, slowHTTP(string(b), false))
		search.ssdp(b)
		checkSlow(t, search, slowHTTP(string(b), true))
		checkNetHTTP(t, &web, string(b))
	})
}

// checkNetHTTP compares with net/http where its rules are ours: no folded lines, no bare carriage returns, and
// a target that does not name a host itself.
func checkNetHTTP(t *testing.T, p *Packet, b string) {
	t.Helper()
	if p.Valid&HasHTTP == 0 || p.DecodeError != NoReason || strings.Contains(strings.ReplaceAll(b, "\r\n", ""), "\r") ||
		strings.Contains(b, "\n ") || strings.Contains(b, "\n\t") {
		return
	}
	request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(b)))
	if err != nil || request.URL.Host != "" || p.HTTPMethod.String() == "CONNECT" {
		return
	}
	checkSlow(t, *p, slowPacket{kind: NameHTTP, title: request.Host, method: request.Method, dhcp: -1})
}
