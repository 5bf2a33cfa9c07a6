package push

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"network-sniffer/board/testbed/mutation"
	"network-sniffer/decode"
)

const (
	ends = `"src_ip":"192.168.1.20","dst_ip":"142.250.74.36","src_port":51544,"dst_port":443`
	tcp  = `"seq_number":1,"ack_number":4294967295,"flags":18,"window_size":64240`
)

// tcpPacket is what {ends,tcp} is.
func tcpPacket() (p decode.Packet) {
	p.Valid = decode.HasAddresses | decode.HasPorts | decode.HasTCP | decode.HasProtocol
	p.Direction, p.IPVersion, p.Protocol = decode.Unknown, 4, 6
	copy(p.SrcIP[:], []byte{192, 168, 1, 20})
	copy(p.DstIP[:], []byte{142, 250, 74, 36})
	p.SrcPort, p.DstPort, p.SeqNumber, p.AckNumber, p.Flags, p.WindowSize = 51544, 443, 1, 4294967295, 18, 64240
	return p
}

func with(change func(*decode.Packet)) decode.Packet {
	p := tcpPacket()
	change(&p)
	return p
}

func bare(p *decode.Packet) {
	p.Valid = decode.HasAddresses | decode.HasPorts
	p.Protocol, p.SeqNumber, p.AckNumber, p.Flags, p.WindowSize = 0, 0, 0, 0, 0
}

var taken = []struct {
	name, line string
	want       decode.Packet
}{
	{"all eight", `{` + ends + `,` + tcp + `}`, tcpPacket()},
	{"any order, any space", " \t{ \"window_size\" :64240 ,\r\n" + ends + `, "flags":18,"ack_number":4294967295,"seq_number":1 } `, tcpPacket()},
	{"names of flags", `{` + ends + `,` + strings.Replace(tcp, "18", `"ACK,SYN"`, 1) + `}`, tcpPacket()},
	{"all flags", `{` + ends + `,` + strings.Replace(tcp, "18", `"FIN,SYN,RST,PSH,ACK,URG,ECE,CWR"`, 1) + `}`, with(func(p *decode.Packet) { p.Flags = 255 })},
	{"no flag by name", `{` + ends + `,` + strings.Replace(tcp, "18", `""`, 1) + `}`, with(func(p *decode.Packet) { p.Flags = 0 })},
	{"no flag", `{` + ends + `,` + strings.Replace(tcp, "18", `0`, 1) + `}`, with(func(p *decode.Packet) { p.Flags = 0 })},
	{"addresses and ports", `{` + ends + `}`, with(bare)},
	{"null is not there", `{` + ends + `,"seq_number":null,"ack_number":null,"flags":null,"window_size":null,"ts":null}`, with(bare)},
	{"a time in words", `{` + ends + `,"ts":"2026-11-24T16:04:05.000000009+01:00"}`, with(func(p *decode.Packet) {
		bare(p)
		p.Time = time.Date(2026, 11, 24, 15, 4, 5, 9, time.UTC).UnixNano()
	})},
	{"a time as a number", `{` + ends + `,"ts":1764000000000000001}`, with(func(p *decode.Packet) { bare(p); p.Time = 1764000000000000001 })},
	{"IPv6", `{"src_ip":"2001:db8::1","dst_ip":"fe80::2","src_port":0,"dst_port":65535}`, with(func(p *decode.Packet) {
		bare(p)
		p.IPVersion, p.SrcIP, p.DstIP = 6, netip.MustParseAddr("2001:db8::1").As16(), netip.MustParseAddr("fe80::2").As16()
		p.SrcPort, p.DstPort = 0, 65535
	})},
	{"IPv4 inside IPv6 stays IPv6", `{"src_ip":"::ffff:192.0.2.1","dst_ip":"::1","src_port":1,"dst_port":2}`, with(func(p *decode.Packet) {
		bare(p)
		p.IPVersion, p.SrcIP, p.DstIP = 6, netip.MustParseAddr("::ffff:192.0.2.1").As16(), netip.MustParseAddr("::1").As16()
		p.SrcPort, p.DstPort = 1, 2
	})},
	{"escapes in name and value", `{"\u0073rc_ip":"192\u002E168.1.20",` + ends[len(`"src_ip":"192.168.1.20",`):] + `}`, with(bare)},
}

func TestTaken(t *testing.T) {
	var p decode.Packet // reused
	for _, tt := range taken {
		t.Run(tt.name, func(t *testing.T) {
			if err := Parse([]byte(tt.line), &p); err != nil {
				t.Fatal(err)
			}
			if p != tt.want {
				t.Errorf("%+v\nwant %+v", p.Head, tt.want.Head)
			}
		})
	}
}

var refused = []struct{ name, line, want string }{
	{"nothing", ``, `byte 1: the line ends where a JSON object like {"src_ip":"192.0.2.1",…} has to be`},
	{"words", `hello`, `byte 1: there is 'h' where a JSON object`},
	{"an array", `[{` + ends + `}]`, `byte 1: there is '[' where a JSON object`},
	{"no end", `{` + ends, `the line ends where a comma or the closing brace has to be`},
	{"behind the end", `{` + ends + `} {}`, `there is '{' where the end of the line behind the object has to be`},
	{"a comma too many", `{` + ends + `,}`, `there is '}' where a field's name in quotation marks has to be`},
	{"a comma first", `{,` + ends + `}`, `byte 2: there is ',' where a field's name`},
	{"a bare name", `{src_ip:1}`, `byte 2: there is 's' where a field's name in quotation marks has to be`},
	{"no colon", `{"src_ip" "192.0.2.1"}`, `byte 11: there is '"' where a colon behind src_ip has to be`},
	{"no value", `{"src_ip":}`, `there is '}' where a number, a string or null has to be`},
	{"no end of a string", `{"src_ip":"192.`, `the line ends where a character of a string or its closing quotation mark has to be`},
	{"a control character", "{\"src_ip\":\"1\x1b[2J\"}", `there is '\x1b' where a character of a string`},
	{"a bad escape", `{"src_ip":"\x"}`, `there is 'x' where the rest of an escape sequence has to be`},
	{"half an escape", `{"src_ip":"\u00`, `there is '0' where the rest of an escape sequence has to be`},
	{"a leading zero", `{"src_port":0443}`, `there is '4' where a comma or the closing brace has to be`},
	{"a sign", `{"src_port":+443}`, `there is '+' where a number, a string or null has to be`},
	{"a sign alone", `{"src_port":-}`, `there is '}' where a digit has to be`},
	{"a dot alone", `{"src_port":1.}`, `there is '}' where a digit has to be`},
	{"an exponent alone", `{"src_port":1e}`, `there is '}' where a digit has to be`},
	{"not a number", `{"src_port":nan}`, `there is 'n' where a number, a string or null has to be`},

	{"the interface", `{"interface":"eth0",` + ends + `}`, `"interface": is not taken from a client; leave it out: the fields are ts, src_ip, dst_ip,`},
	{"another case", `{"SRC_IP":"192.0.2.1"}`, `"SRC_IP": is not taken from a client`},
	{"a name that acts on terminals", `{"\u001b[2J\u202e":1}`, `"\x1b[2J\u202e": is not taken`},
	{"a long name", `{"` + strings.Repeat("a", 900) + `":1}`, `"` + strings.Repeat("a", 48) + `"…: is not taken`},
	{"twice", `{` + ends + `,"dst_port":80}`, `dst_port: comes twice; give it once`},
	{"null and a value", `{"dst_port":null,` + ends + `}`, `dst_port: comes twice; give it once`},

	{"no source", `{"dst_ip":"192.0.2.1","src_port":1,"dst_port":2}`, `src_ip: is missing: addresses and ports have to be there`},
	{"no destination", `{"src_ip":"192.0.2.1","src_port":1,"dst_port":2}`, `dst_ip: is missing`},
	{"no source port", `{"src_ip":"192.0.2.1","dst_ip":"192.0.2.1","dst_port":2}`, `src_port: is missing`},
	{"no destination port", `{"src_ip":"192.0.2.1","dst_ip":"192.0.2.1","src_port":2,"dst_port":null}`, `dst_port: is missing`},
	{"nothing in it", `{}`, `src_ip: is missing`},
	{"two versions", `{"src_ip":"192.0.2.1","dst_ip":"2001:db8::1","src_port":1,"dst_port":2}`,
		`dst_ip: 2001:db8::1 and src_ip 192.0.2.1 are of two IP versions: give two addresses of one`},
	{"a name for an address", `{"src_ip":"localhost"}`, `src_ip: "localhost" is no IP address; write it like "192.0.2.1" or "2001:db8::1"`},
	{"a zone", `{"dst_ip":"fe80::1%eth0"}`, `dst_ip: "fe80::1%eth0" has a zone, which is the sender's own; leave it out from the % on`},
	{"a number for an address", `{"src_ip":3232235777}`, `src_ip: 3232235777 is no IP address`},
	{"a network", `{"src_ip":"192.0.2.0/24"}`, `src_ip: "192.0.2.0/24" is no IP address`},
	{"an octal address", `{"src_ip":"192.0.2.01"}`, `src_ip: "192.0.2.01" is no IP address`},
	{"a port too many", `{"src_port":65536}`, `src_port: 65536 is no whole number from 0 to 65535`},
	{"a port below", `{"src_port":-1}`, `src_port: -1 is no whole number from 0 to 65535`},
	{"a fraction", `{"src_port":443.0}`, `src_port: 443.0 is no whole number from 0 to 65535`},
	{"an exponent", `{"src_port":1e2}`, `src_port: 1e2 is no whole number from 0 to 65535`},
	{"a long number", `{"seq_number":` + strings.Repeat("9", 100) + `}`, `seq_number: ` + strings.Repeat("9", 48) + `… is no whole number from 0 to 4294967295`},
	{"a number in quotation marks", `{"window_size":"1"}`, `window_size: "1" is no whole number from 0 to 65535; write it without quotation marks`},
	{"true", `{"dst_port":true}`, `dst_port: true is no whole number`},
	{"false", `{"ts":false}`, `ts: false is no time`},
	{"an array of flags", `{"flags":["SYN"]}`, `flags: an array is no whole number from 0 to 255`},
	{"an object", `{"flags":{"SYN":1}}`, `flags: an object is no whole number from 0 to 255`},
	{"a ninth flag", `{"flags":256}`, `flags: 256 is no whole number from 0 to 255`},
	{"an unknown flag", `{"flags":"SYN,NS"}`, `flags: "SYN,NS" has a flag that TCP has not; write names of FIN, SYN, RST, PSH, ACK, URG, ECE, CWR like "SYN,ACK", or their byte, 18`},
	{"half a header", `{` + ends + `,"flags":2,"window_size":3}`,
		`seq_number: is missing: a TCP header has it where it has flags and window_size; give seq_number and ack_number, or none of the four`},
	{"a time of day", `{"ts":"15:04:05"}`, `ts: "15:04:05" is no time; write it like "2026-11-24T15:04:05.123456789Z", or as nanoseconds since 1970`},
	{"a time without a zone", `{"ts":"2026-11-24T15:04:05"}`, `ts: "2026-11-24T15:04:05" is no time`},
	{"seconds", `{"ts":1764000000.5}`, `ts: 1764000000.5 is no time`},
	{"the epoch", `{"ts":0}`, `ts: 0 is no time`},
	{"the epoch in words", `{"ts":"1970-01-01T00:00:00Z"}`, `ts: "1970-01-01T00:00:00Z" is out of range; write a time between 1970 and 2262`},
	{"too late", `{"ts":"2300-01-01T00:00:00Z"}`, `ts: "2300-01-01T00:00:00Z" is out of range`},
	{"too late for a number", `{"ts":9223372036854775808}`, `ts: 9223372036854775808 is no time`},
	{"too long", `{` + ends + strings.Repeat(" ", MaxLine) + `}`, ` bytes, at most 1024 are read`},
}

func TestRefused(t *testing.T) {
	for _, tt := range refused {
		t.Run(tt.name, func(t *testing.T) {
			p := tcpPacket()
			err := Parse([]byte(tt.line), &p)
			if e := (*Error)(nil); !errors.As(err, &e) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
			if p != (decode.Packet{}) {
				t.Errorf("a packet is left: %+v", p.Head)
			}
		})
	}
}

// TestJSONComesBack: the fields that this product's own JSON has of a captured packet, and its time, can be pushed.
func TestJSONComesBack(t *testing.T) {
	frame := []byte{0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 192, 168, 1, 20, 142, 250, 74, 36,
		0xc9, 0x58, 1, 0xbb, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0x50, 0x12, 0xfa, 0xf0, 0, 0, 0, 0}
	at := time.Date(2026, 11, 24, 15, 4, 5, 123456789, time.UTC).UnixNano()
	var captured, pushed decode.Packet
	decode.Decode(&captured, &decode.Meta{Time: at, WireLength: 40, LinkType: decode.LinkRaw}, frame)
	var all map[string]json.RawMessage
	if err := json.Unmarshal(captured.AppendJSON(nil, "router", "eth0"), &all); err != nil {
		t.Fatal(err)
	}
	some := map[string]json.RawMessage{}
	for _, f := range fields {
		if all[f.name] == nil {
			t.Fatalf("the record has no %s: %s", f.name, all)
		}
		some[f.name] = all[f.name]
	}
	line, err := json.Marshal(some)
	if err != nil {
		t.Fatal(err)
	}
	if err := Parse(line, &pushed); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if want := with(func(p *decode.Packet) { p.Time = at }); pushed != want {
		t.Errorf("%s: %+v, want %+v", line, pushed.Head, want.Head)
	}
}

func TestAppendUnderstood(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{`{` + ends + `,` + tcp + `}`,
			"Understood: 192.168.1.20:51544 → 142.250.74.36:443 TCP [SYN,ACK] seq 1 ack 4294967295 win 64240\n"},
		{`{` + ends + `}`, "Understood: 192.168.1.20:51544 → 142.250.74.36:443 IPv4\n"},
		{`{"src_ip":"2001:db8::1","dst_ip":"fe80::2","src_port":1,"dst_port":2,"ts":"2026-11-24T16:04:05.5+01:00"}`,
			"Understood: [2001:db8::1]:1 → [fe80::2]:2 IPv6 at 2026-11-24T15:04:05.5Z\n"},
	} {
		var p decode.Packet
		if err := Parse([]byte(tt.line), &p); err != nil {
			t.Fatal(err)
		}
		if got := string(AppendUnderstood([]byte("before "), &p)); got != "before "+tt.want {
			t.Errorf("%s: %q, want %q", tt.line, got, tt.want)
		}
	}
}

// seeds are the tables' lines.
func seeds() (lines [][]byte) {
	for _, tt := range taken {
		lines = append(lines, []byte(tt.line))
	}
	for _, tt := range refused {
		lines = append(lines, []byte(tt.line))
	}
	return append(lines, []byte(`{`+ends+`,"ts":"\ud83d\ude00\ud83d\u0041\udead"}`), []byte(`{"\b\b`), []byte(`{"\u000X"`))
}

// FuzzParse and TestMutated: see checkParse.
func FuzzParse(f *testing.F) {
	for _, line := range seeds() {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line []byte) { checkParse(t, line) })
}

func TestMutated(t *testing.T) {
	source := mutation.Source{Corpus: seeds(), Longest: MaxLine + 1, Few: 10_000, Words: []string{
		`"src_ip":`, `"dst_ip":`, `"src_port":`, `"dst_port":`, `"seq_number":`, `"ack_number":`, `"flags":`, `"window_size":`, `"ts":`,
		`"2001:db8::1"`, `"192.0.2.1"`, `"SYN,ACK"`, `"2026-11-24T15:04:05Z"`, "65535", "65536", "4294967296", "1e3", "0.5", "-1",
		"null", "true", "{", "}", "[", "]", `,"x":`, `\u0000`, `\ud83d`, `\"`, "\u202e", "\x00",
	}}
	whole, parts := 0, 0
	mutation.Run(t, source, func(_ *rand.Rand, line []byte) {
		if checkParse(t, line) {
			whole++
		} else {
			parts++
		}
	})
	if whole == 0 || parts == 0 {
		t.Errorf("%d lines were taken and %d refused", whole, parts)
	}
}

// checkParse compares with encoding/json, and wants every answer to be one printable line. It returns whether the line was
// taken.
func checkParse(t *testing.T, line []byte) bool {
	t.Helper()
	var p decode.Packet
	err := Parse(line, &p)
	want, ok := slowParse(line)
	if ok != (err == nil) || p != want {
		t.Fatalf("%q: error %v, %+v\nencoding/json: %v, %+v", line, err, p.Head, ok, want.Head)
	}
	text := string(AppendUnderstood(nil, &p))
	if err != nil {
		text = err.Error() + "\n"
	}
	text, whole := strings.CutSuffix(text, "\n")
	odd := func(r rune) bool { return !unicode.IsPrint(r) }
	if !whole || !utf8.ValidString(text) || strings.ContainsFunc(text, odd) || len(text) > 400 {
		t.Fatalf("%q is answered %q", line, text)
	}
	return err == nil
}
