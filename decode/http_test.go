package decode

import "strings"

// webFrame is an IPv4 packet to TCP port 80 with this payload.
func webFrame(payload string) []byte {
	b := octets("45 00 0000 1234 4000 40 06 0000", fourFrom, fourTo, "c938 0050 00000001 00000002 50 18 1000 0000 0000")
	b[2], b[3] = byte((len(b)+len(payload))>>8), byte(len(b)+len(payload))
	return append(b, payload...)
}

// ssdpFrame is an IPv4 packet to UDP port 1900 with this payload.
func ssdpFrame(payload string) []byte {
	b := octets("45 00 0000 1234 4000 40 11 0000", fourFrom, fourTo, "d903 076c 0000 0000")
	b[2], b[3] = byte((len(b)+len(payload))>>8), byte(len(b)+len(payload))
	b[24], b[25] = byte((8+len(payload))>>8), byte(8+len(payload))
	return append(b, payload...)
}

var httpSamples = httpTable()

// httpTable makes samples of the rows below: the payload counts from its first byte that makes it a message of
// this kind (the method's space, as a rule), and is read to the end of read, from where on more bytes change
// nothing.
func httpTable() []sample {
	var samples []sample
	for _, r := range []struct {
		name   string
		ssdp   bool
		starts string // what the payload must have to be read at all; empty: it is not
		read   string // and then, up to here
		rest   string
		method Method
		title  string
		reason Reason
	}{
		{name: "http get", starts: "GET ", read: "/ HTTP/1.1\r\nUser-Agent: x\r\nHost: example.net\r\n", rest: "Accept: */*\r\n\r\n",
			method: 1, title: "example.net"},
		{name: "http 1.0 with a port, in small letters, between white space", starts: "HEAD ",
			read: "/a?b=c d HTTP/1.0\nhOsT: \t 192.0.2.1:8080 \t\n", method: 2, title: "192.0.2.1:8080"},
		{name: "http connect", starts: "CONNECT ", read: "example.net:443 HTTP/1.1\r\nHost:example.net:443\r\n", rest: "\r\n", method: 6,
			title: "example.net:443"},
		{name: "http with the longest method", starts: "UNSUBSCRIBE ", read: "/e HTTP/1.1\r\nHOST: [2001:db8::1]\r\n", method: 13,
			title: "[2001:db8::1]"},
		{name: "http without a host", starts: "GET ", read: "/ HTTP/1.0\r\nHosts: a\r\nHos: t\r\n\r\n", rest: "Host: body\r\n", method: 1},
		{name: "http with an empty host", starts: "GET ", read: "/ HTTP/1.1\r\nHost: \r\n", rest: "Host: second\r\n", method: 1},
		{name: "http with two hosts", starts: "PUT ", read: "/ HTTP/1.1\r\nHost: one\r\n", rest: "Host: two\r\n\r\n", method: 4, title: "one"},
		{name: "http host with bytes that are not text", starts: "GET ", read: "/ HTTP/1.1\r\nHost: a\\b\xff c\r\r\n", method: 1,
			title: `a\092b\255 c\013`},
		{name: "http host longer than a name", starts: "POST ", read: "/ HTTP/1.1\r\nHost: " + strings.Repeat("h", 254) + "\xff\r\n", method: 3,
			title: strings.Repeat("h", 254), reason: NameTooLong},
		{name: "http goes on in the next segment", starts: "GET ", read: "/ HTTP/1.1\r\nUser-Agent: x\r\n", method: 1, reason: TruncatedHTTP},
		{name: "http that is no request line", starts: "GET ", read: "some rest\r\n", rest: "Host: a\r\n\r\n", method: 1, reason: BadHTTP},
		{name: "http without a target", starts: "GET ", read: "HTTP/1.1\r\n", rest: "Host: a\r\n\r\n", method: 1, reason: BadHTTP},
		{name: "http 0.9", starts: "GET ", read: "/\r\n", method: 1, reason: BadHTTP},
		{name: "http 2.0", starts: "GET ", read: "/ HTTP/2.0\r\n", rest: "Host: a\r\n", method: 1, reason: BadHTTP},
		{name: "http host with a space before the colon", starts: "GET ", read: "/ HTTP/1.1\r\nHost : a\r\n", rest: "Host: b\r\n", method: 1,
			reason: BadHTTP},
		{name: "http host behind more white space than is trimmed", starts: "GET ",
			read: "/ HTTP/1.1\r\nHost:" + strings.Repeat(" ", maxHTTPSpace+1) + "a\r\n", method: 1, reason: BadHTTP},
		{name: "http host in front of more white space than is trimmed", starts: "GET ",
			read: "/ HTTP/1.1\r\nHost:a" + strings.Repeat("\t", maxHTTPSpace+1) + "\r\n", method: 1, reason: BadHTTP},
		{name: "http host between as much white space as is trimmed", starts: "GET ",
			read:   "/ HTTP/1.1\r\nHost:" + strings.Repeat(" ", maxHTTPSpace) + "a" + strings.Repeat(" ", maxHTTPSpace) + "\r\n",
			method: 1, title: "a"},
		{name: "http host on the last line that is looked at", starts: "GET ",
			read: "/ HTTP/1.1\r\n" + strings.Repeat("a\n", maxHTTPLines-1) + "Host: a\n", method: 1, title: "a"},
		{name: "http host on the line behind it", starts: "GET ", read: "/ HTTP/1.1\r\n" + strings.Repeat("a\n", maxHTTPLines),
			rest: "Host: a\n\n", method: 1, reason: TooManyHTTPLines},
		{name: "http host behind more bytes than are looked at", starts: "GET ", read: strings.Repeat("a", maxHTTPBytes-3),
			rest: " HTTP/1.1\r\nHost: a\r\n\r\n", method: 1, reason: TooManyHTTPLines},
		{name: "an http response", rest: "HTTP/1.1 200 OK\r\nHost: a\r\n\r\n"},
		{name: "http body", rest: "and a second part, Host: a\r\n"},
		{name: "http method in small letters", rest: "get / HTTP/1.1\r\nHost: a\r\n"},
		{name: "http method of another kind", rest: "BREW / HTTP/1.1\r\nHost: a\r\n"},

		{name: "ssdp search", ssdp: true, starts: "M-SEARCH ",
			read:   "* HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: urn:dial-multiscreen-org:service:dial:1\r\n",
			rest:   "\r\n",
			method: 10, title: "urn:dial-multiscreen-org:service:dial:1"},
		{name: "ssdp announcement", ssdp: true, starts: "NOTIFY ",
			read: "* HTTP/1.1\r\nST: no\r\nnt: upnp:rootdevice\r\n", rest: "NTS: ssdp:alive\r\n\r\n", method: 11, title: "upnp:rootdevice"},
		{name: "ssdp answer", ssdp: true, starts: "HTTP/1.1 200", read: " OK\r\nCACHE-CONTROL: max-age=1800\r\nST: ssdp:all\r\n",
			title: "ssdp:all"},
		{name: "ssdp search for nothing", ssdp: true, starts: "M-SEARCH ", read: "* HTTP/1.1\r\n\r\n", method: 10},
		{name: "ssdp search that ends early", ssdp: true, starts: "M-SEARCH ", read: "* HTTP/1.1\r\nST: ssdp:all", method: 10,
			reason: TruncatedHTTP},
		{name: "ssdp search with a space before the colon", ssdp: true, starts: "M-SEARCH ", read: "* HTTP/1.1\r\nST\t: a\r\n",
			method: 10, reason: BadHTTP},
		{name: "ssdp search without a version", ssdp: true, starts: "M-SEARCH ", read: "*\r\n", rest: "ST: a\r\n", method: 10,
			reason: BadHTTP},
		{name: "ssdp answer of an error", ssdp: true, rest: "HTTP/1.1 404 Not Found\r\nST: a\r\n"},
		{name: "http on the port of ssdp", ssdp: true, rest: "GET / HTTP/1.1\r\nHost: a\r\nST: a\r\n"},
	} {
		payload := r.starts + r.read + r.rest
		s := sample{name: r.name, link: LinkIPv4, title: r.title}
		s.want = Head{Valid: onIPv4 | HasPorts | HasPayload, IPVersion: 4, IPID: 0x1234, TTL: 64, SrcIP: ip4From, DstIP: ip4To,
			PayloadLength: uint32(len(payload)), HTTPMethod: r.method, DecodeError: r.reason}
		if r.method != 0 {
			s.want.Valid |= HasHTTP
		}
		if r.title != "" {
			s.want.Valid |= HasName
		}
		if r.ssdp {
			s.data = ssdpFrame(payload)
			s.want.Protocol, s.want.SrcPort, s.want.DstPort = protoUDP, 55555, 1900
			s.cuts = []cut{{20, TruncatedIPv4}, {28, TruncatedUDP}}
		} else {
			s.data = webFrame(payload)
			s.want.Valid |= HasTCP
			s.want.Protocol, s.want.SrcPort, s.want.DstPort = protoTCP, 51512, 80
			s.want.SeqNumber, s.want.AckNumber, s.want.Flags, s.want.WindowSize = 1, 2, 0x18, 4096
			s.cuts = []cut{{20, TruncatedIPv4}, {40, TruncatedTCP}}
		}
		if r.title != "" && r.ssdp {
			s.want.NameKind = NameSSDP
		} else if r.title != "" {
			s.want.NameKind = NameHTTP
		}
		if len(s.data) > mergedWire {
			// As long as this only where a host merges, which a cut of the wire takes away.
			s.lone = true
			s.want.WireSegments = uint16((len(payload) + mergedSegment - 1) / mergedSegment)
		}
		if r.starts != "" {
			head := len(s.data) - len(payload)
			s.cuts = append(s.cuts, cut{head + len(r.starts), NoReason}, cut{head + len(r.starts+r.read), TruncatedHTTP})
		}
		samples = append(samples, s)
	}
	return samples
}
