package telnet

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// Sequences of the tables, named as RFC 854 names them.
const (
	iacWill = "\xff\xfb"
	iacWont = "\xff\xfc"
	iacDo   = "\xff\xfd"
	iacDont = "\xff\xfe"
	iacSB   = "\xff\xfa"
	iacSE   = "\xff\xf0"

	echo   = "\x01"
	sga    = "\x03"
	ttype  = "\x18"
	naws   = "\x1f"
	tspeed = "\x20"
	newenv = "\x27"

	sendTType = iacSB + ttype + "\x01" + iacSE
	probe     = iacDo + ttype
	offer     = iacWill + echo + iacWill + sga + iacDo + naws
)

// record is what a peer made of bytes.
type record struct {
	data, reply    string
	events         []Event // all but Data and Nothing
	editing, spoke bool
	columns, rows  int
	terminal       string
}

// feed gives bytes to a peer, and takes the reply after each of them.
func feed(p *Peer, sent string) record {
	return feedCut(p, sent, 1)
}

// feedCut takes the reply after every n bytes, and at the end.
func feedCut(p *Peer, sent string, n int) record {
	var r record
	var data, reply []byte
	for i := range len(sent) {
		switch e := p.Step(sent[i]); e {
		case Nothing:
		case Data:
			data = append(data, sent[i])
		default:
			r.events = append(r.events, e)
		}
		if (i+1)%n == 0 || i+1 == len(sent) {
			reply = p.AppendReply(reply)
		}
	}
	r.data, r.reply = string(data), string(reply)
	r.editing, r.spoke, r.terminal = p.Editing(), p.Spoke(), p.Terminal()
	r.columns, r.rows = p.Size()
	return r
}

func equal(a, b record) bool {
	return a.data == b.data && a.reply == b.reply && slices.Equal(a.events, b.events) && a.editing == b.editing &&
		a.spoke == b.spoke && a.columns == b.columns && a.rows == b.rows && a.terminal == b.terminal
}

// serverPeer returns a server's end that has probed and offered what the row wants.
func serverPeer(probes, offers bool) *Peer {
	p := new(Peer)
	if probes {
		p.AppendProbe(nil)
	}
	if offers {
		p.AppendOffer(nil)
	}
	return p
}

// serverTable is what clients send, and what a server makes of it.
var serverTable = []struct {
	name           string
	probes, offers bool
	sent           string
	want           record
}{
	{"data", false, false, "one\r\ntwo\x00\xc3\xa9", record{data: "one\r\ntwo\x00\xc3\xa9"}},
	{"IAC IAC is a byte", false, false, "a\xff\xffb", record{data: "a\xffb"}},
	{"commands that ask for nothing", false, false, "a\xff\xf1\xff\xf2\xff\xf5\xff\xf9\xff\xed\xff\xefb",
		record{data: "ab", spoke: true}},
	{"a command that is none", false, false, "a\xff\x01b", record{data: "ab"}},
	{"an end of nothing", false, false, "a" + iacSE + "b", record{data: "ab", spoke: true}},
	{"IP", false, false, "a\xff\xf4b", record{data: "ab", spoke: true, events: []Event{Interrupt}}},
	{"BRK", false, false, "\xff\xf3", record{spoke: true, events: []Event{Interrupt}}},
	{"ABORT", false, false, "\xff\xee", record{spoke: true, events: []Event{Interrupt}}},
	{"EOF", false, false, "\xff\xec", record{spoke: true, events: []Event{Interrupt}}},
	{"AYT", false, false, "\xff\xf6a", record{data: "a", spoke: true, events: []Event{Hello}}},
	{"EC", false, false, "ab\xff\xf7c", record{data: "abc", spoke: true, events: []Event{EraseChar}}},
	{"EL", false, false, "ab\xff\xf8c", record{data: "abc", spoke: true, events: []Event{EraseLine}}},

	// ECHO and SUPPRESS-GO-AHEAD of ours: the client agrees, refuses, insists, asks by itself and gives up.
	{"offer agreed", false, true, iacDo + echo + iacDo + sga,
		record{spoke: true, editing: true, events: []Event{Changed, Changed}}},
	{"offer refused", false, true, iacDont + echo + iacDont + sga + iacWont + naws,
		record{spoke: true, events: []Event{Changed, Changed, Changed}}},
	{"half of the offer agreed", false, true, iacDo + echo + iacDont + sga,
		record{spoke: true, events: []Event{Changed, Changed}}},
	{"agreed again and again", false, true, iacDo + echo + iacDo + echo + iacDo + echo,
		record{spoke: true, events: []Event{Changed}}},
	{"refused again and again", false, true, iacDont + echo + iacDont + echo, record{spoke: true, events: []Event{Changed}}},
	{"the client asks first", false, false, iacDo + echo + iacDo + sga,
		record{spoke: true, editing: true, reply: iacWill + echo + iacWill + sga, events: []Event{Changed, Changed}}},
	{"the client asks twice", false, false, iacDo + echo + iacDo + echo,
		record{spoke: true, reply: iacWill + echo, events: []Event{Changed}}},
	{"refused, then asked for", false, true, iacDont + echo + iacDo + echo + iacDo + sga,
		record{spoke: true, editing: true, reply: iacWill + echo, events: []Event{Changed, Changed, Changed}}},
	{"given up", false, true, iacDo + echo + iacDo + sga + iacDont + echo,
		record{spoke: true, reply: iacWont + echo, events: []Event{Changed, Changed, Changed}}},
	{"DONT of what is off", false, false, iacDont + echo + iacDont + sga + iacDont + "\x22", record{spoke: true}},
	{"WONT of what is off", false, false, iacWont + ttype + iacWont + naws + iacWont + "\x22", record{spoke: true}},

	// The client's SUPPRESS-GO-AHEAD.
	{"WILL SGA", false, false, iacWill + sga, record{spoke: true, reply: iacDo + sga, events: []Event{Changed}}},
	{"WILL SGA again", false, false, iacWill + sga + iacWill + sga,
		record{spoke: true, reply: iacDo + sga, events: []Event{Changed}}},
	{"WILL and WONT SGA", false, false, iacWill + sga + iacWont + sga,
		record{spoke: true, reply: iacDo + sga + iacDont + sga, events: []Event{Changed, Changed}}},

	// The terminal.
	{"probe answered", true, false, iacWill + ttype, record{spoke: true, reply: sendTType, events: []Event{Changed}}},
	{"probe refused", true, false, iacWont + ttype, record{spoke: true, events: []Event{Changed}}},
	{"probe taken for text", true, false, "hello\n", record{data: "hello\n"}},
	{"terminal told", true, false, iacWill + ttype + iacSB + ttype + "\x00XTERM-256COLOR" + iacSE,
		record{spoke: true, reply: sendTType, terminal: "xterm-256color", events: []Event{Changed, Changed}}},
	{"terminal told without being asked for", false, false, iacSB + ttype + "\x00XTERM" + iacSE, record{spoke: true}},
	{"terminal told after it was given up", true, false, iacWill + ttype + iacWont + ttype + iacSB + ttype + "\x00XTERM" + iacSE,
		record{spoke: true, reply: sendTType + iacDont + ttype, events: []Event{Changed, Changed}}},
	{"terminal told twice", true, false, iacWill + ttype + strings.Repeat(iacSB+ttype+"\x00vt100"+iacSE, 2),
		record{spoke: true, reply: sendTType, terminal: "vt100", events: []Event{Changed, Changed}}},
	{"terminal with escapes, controls and blanks", true, false,
		iacWill + ttype + iacSB + ttype + "\x00x\x1b[2J\a\x7f t\xc3\xa9\xff\xff~" + iacSE,
		record{spoke: true, reply: sendTType, terminal: "x[2jt~", events: []Event{Changed, Changed}}},
	{"terminal of controls alone", true, false, iacWill + ttype + iacSB + ttype + "\x00\x1b\r\n" + iacSE,
		record{spoke: true, reply: sendTType, events: []Event{Changed}}},
	{"the longest terminal", true, false, iacWill + ttype + iacSB + ttype + "\x00" + strings.Repeat("y", 62) + iacSE,
		record{spoke: true, reply: sendTType, terminal: strings.Repeat("y", 40), events: []Event{Changed, Changed}}},
	{"a subnegotiation too long", true, false, iacWill + ttype + iacSB + ttype + "\x00" + strings.Repeat("y", 63) + iacSE + "a",
		record{data: "a", spoke: true, reply: sendTType, events: []Event{Changed}}},
	{"a client that asks for our terminal", true, false, iacWill + ttype + sendTType,
		record{spoke: true, reply: sendTType, events: []Event{Changed}}},
	{"a client that wants our terminal", false, false, iacDo + ttype, record{spoke: true, reply: iacWont + ttype}},

	// The window.
	{"window told", false, true, iacWill + naws + iacSB + naws + "\x00\x78\x00\x28" + iacSE,
		record{spoke: true, columns: 120, rows: 40, events: []Event{Changed, Changed}}},
	{"window told by itself", false, false, iacWill + naws + iacSB + naws + "\x00\x50\x00\x18" + iacSE,
		record{spoke: true, reply: iacDo + naws, columns: 80, rows: 24, events: []Event{Changed, Changed}}},
	{"window with a doubled 255", false, true, iacWill + naws + iacSB + naws + "\x00\xff\xff\x00\xff\xff" + iacSE,
		record{spoke: true, columns: 255, rows: 255, events: []Event{Changed, Changed}}},
	{"window changed", false, true,
		iacWill + naws + iacSB + naws + "\x00\x50\x00\x18" + iacSE + iacSB + naws + "\x01\x00\x00\x19" + iacSE,
		record{spoke: true, columns: 256, rows: 25, events: []Event{Changed, Changed, Changed}}},
	{"window told again", false, true, iacWill + naws + strings.Repeat(iacSB+naws+"\x00\x50\x00\x18"+iacSE, 2),
		record{spoke: true, columns: 80, rows: 24, events: []Event{Changed, Changed}}},
	{"window of nothing", false, true, iacWill + naws + iacSB + naws + "\x00\x00\x00\x00" + iacSE,
		record{spoke: true, events: []Event{Changed}}},
	{"window too large", false, true, iacWill + naws + iacSB + naws + "\xff\xff\xff\xff\xff\xff\xff\xff" + iacSE,
		record{spoke: true, events: []Event{Changed}}},
	{"the smallest window", false, true, iacWill + naws + iacSB + naws + "\x00\x14\x00\x05" + iacSE,
		record{spoke: true, columns: 20, rows: 5, events: []Event{Changed, Changed}}},
	{"the largest window", false, true, iacWill + naws + iacSB + naws + "\x01\xf4\x01\xf4" + iacSE,
		record{spoke: true, columns: 500, rows: 500, events: []Event{Changed, Changed}}},
	{"a window just too small", false, true, iacWill + naws + iacSB + naws + "\x00\x13\x00\x04" + iacSE,
		record{spoke: true, events: []Event{Changed}}},
	{"columns without rows", false, true, iacWill + naws + iacSB + naws + "\x00\x50\x00\x00" + iacSE,
		record{spoke: true, columns: 80, events: []Event{Changed, Changed}}},
	{"window of three bytes", false, true, iacWill + naws + iacSB + naws + "\x00\x50\x00" + iacSE,
		record{spoke: true, events: []Event{Changed}}},
	{"window told without being asked for", false, false, iacSB + naws + "\x00\x50\x00\x18" + iacSE, record{spoke: true}},
	{"a client that wants our window", false, false, iacDo + naws, record{spoke: true, reply: iacWont + naws}},

	// Refusals.
	{"refused once for either end", false, false, strings.Repeat(iacDo+"\x22"+iacWill+"\x22", 3),
		record{spoke: true, reply: iacWont + "\x22" + iacDont + "\x22"}},
	{"the highest option", false, false, iacDo + "\xff" + iacWill + "\xff",
		record{spoke: true, reply: iacWont + "\xff" + iacDont + "\xff"}},
	{"the client echoes", false, false, iacWill + echo + iacWill + echo, record{spoke: true, reply: iacDont + echo}},
	{"a timing mark is answered each time", false, false, strings.Repeat("\xff\xf4"+iacDo+"\x06", 2),
		record{spoke: true, reply: strings.Repeat(iacWont+"\x06", 2), events: []Event{Interrupt, Interrupt}}},
	{"option in a word", false, false, "ab" + iacWill + "\x22cd", record{data: "abcd", spoke: true, reply: iacDont + "\x22"}},
	{"option between CR and LF", false, false, "a\r" + iacWill + "\x22\nb",
		record{data: "a\r\nb", spoke: true, reply: iacDont + "\x22"}},

	// Subnegotiations.
	{"of an unknown option", false, false, "a" + iacSB + "\x22xterm\nquit\n" + iacSE + "b", record{data: "ab", spoke: true}},
	{"empty", false, false, "a" + iacSB + iacSE + "b", record{data: "ab", spoke: true}},
	{"of an option alone", true, true, iacSB + ttype + iacSE + iacSB + naws + iacSE + "b", record{data: "b", spoke: true}},
	{"a doubled 255 before SE", false, false, "a" + iacSB + naws + "\xff\xff\xf0" + iacSE + "b", record{data: "ab", spoke: true}},
	{"broken off by a command", false, false, "a" + iacSB + ttype + iacWill + "\x22b",
		record{data: "ab", spoke: true, reply: iacDont + "\x22"}},
	{"broken off by IP", false, false, "a" + iacSB + ttype + "\x00x\xff\xf4b",
		record{data: "ab", spoke: true, events: []Event{Interrupt}}},
	{"broken off by another", true, false, iacWill + ttype + iacSB + ttype + "\x00vt" + iacSB + ttype + "\x00xterm" + iacSE,
		record{spoke: true, reply: sendTType, terminal: "xterm", events: []Event{Changed, Changed}}},
	{"never ended", false, false, "a" + iacSB + strings.Repeat("xyz\n", 1000), record{data: "a", spoke: true}},
	{"never ended, and interrupted", false, false, iacSB + strings.Repeat("xyz\n", 1000) + "\xff\xf4a",
		record{data: "a", spoke: true, events: []Event{Interrupt}}},

	// What known clients open with.
	{"PuTTY", false, false,
		iacWill + naws + iacWill + tspeed + iacWill + ttype + iacWill + newenv + iacDo + echo + iacWill + sga + iacDo + sga,
		record{spoke: true, editing: true, events: []Event{Changed, Changed, Changed, Changed, Changed},
			reply: iacDo + naws + iacDont + tspeed + iacDo + ttype + sendTType + iacDont + newenv + iacWill + echo + iacDo + sga +
				iacWill + sga}},
	{"inetutils on port 23", false, false,
		iacDo + sga + iacWill + ttype + iacWill + naws + iacWill + tspeed + iacWill + "\x21" + iacWill + "\x22" + iacWill + newenv +
			iacDo + "\x05" + iacWill + "\x23",
		record{spoke: true, events: []Event{Changed, Changed, Changed},
			reply: iacWill + sga + iacDo + ttype + sendTType + iacDo + naws + iacDont + tspeed + iacDont + "\x21" + iacDont + "\x22" +
				iacDont + newenv + iacWont + "\x05" + iacDont + "\x23"}},
	{"inetutils, probed and offered", true, true,
		iacWill + ttype + iacDo + echo + iacDo + sga + iacWill + naws + iacSB + naws + "\x00\x64\x00\x1e" + iacSE +
			iacSB + ttype + "\x00XTERM" + iacSE,
		record{spoke: true, editing: true, reply: sendTType, columns: 100, rows: 30, terminal: "xterm",
			events: []Event{Changed, Changed, Changed, Changed, Changed, Changed}}},
}

func TestServer(t *testing.T) {
	for _, row := range serverTable {
		t.Run(row.name, func(t *testing.T) {
			if got := feed(serverPeer(row.probes, row.offers), row.sent); !equal(got, row.want) {
				t.Errorf("got  %#v\nwant %#v", got, row.want)
			}
		})
	}
}

// TestEverySplit: where the reads end changes nothing but when the answers go. With the answers taken once at the end, one that
// was overtaken by a later one to the same option is not sent.
func TestEverySplit(t *testing.T) {
	for _, row := range serverTable {
		t.Run(row.name, func(t *testing.T) {
			for cut := range min(len(row.sent), 200) {
				p := serverPeer(row.probes, row.offers)
				first := feedCut(p, row.sent[:cut], cut+1)
				got := feedCut(p, row.sent[cut:], len(row.sent))
				got.data = first.data + got.data
				got.events = append(first.events, got.events...)
				if reply := first.reply + got.reply; len(reply) > len(row.want.reply) {
					t.Errorf("cut at %d: %q is sent, more than %q", cut, reply, row.want.reply)
				}
				got.reply = row.want.reply
				if !equal(got, row.want) {
					t.Errorf("cut at %d: got %#v", cut, got)
				}
			}
		})
	}
}

// TestLastWordCounts: of the answers that wait, one for each option and end is left: that of its last state.
func TestLastWordCounts(t *testing.T) {
	for _, row := range []struct{ name, sent, want string }{
		{"on and off", iacDo + echo + iacDont + echo, iacWont + echo},
		{"on, off and on", iacDo + echo + iacDont + echo + iacDo + echo, iacWill + echo},
		{"both ends", iacDo + sga + iacWill + sga + iacWont + sga, iacWill + sga + iacDont + sga},
		{"the terminal is not asked for", iacWill + ttype + iacWont + ttype, iacDont + ttype},
		{"a timing mark", strings.Repeat(iacDo+"\x06", 100), iacWont + "\x06"},
		{"on and off 10,000 times", strings.Repeat(iacDo+echo+iacDont+echo, 10_000), iacWont + echo},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := feedCut(new(Peer), row.sent, len(row.sent)); got.reply != row.want {
				t.Errorf("%q, want %q", got.reply, row.want)
			}
		})
	}
}

// TestProbeAndOffer: nothing is asked for twice, nor what the client said first.
func TestProbeAndOffer(t *testing.T) {
	var p Peer
	for _, step := range []struct{ what, got, want string }{
		{"probe", string(p.AppendProbe(nil)), probe},
		{"second probe", string(p.AppendProbe(nil)), ""},
		{"offer", string(p.AppendOffer(nil)), offer},
		{"second offer", string(p.AppendOffer(nil)), ""},
	} {
		if step.got != step.want {
			t.Errorf("%s: %q, want %q", step.what, step.got, step.want)
		}
	}
	p = Peer{}
	feed(&p, iacWill+ttype+iacDo+echo)
	if got := string(p.AppendOffer(p.AppendProbe(nil))); got != iacWill+sga+iacDo+naws {
		t.Errorf("after the client asked for ECHO and told of its TTYPE: %q", got)
	}
	p = Peer{}
	p.AppendOffer(nil)
	feed(&p, iacDont+echo)
	if got := string(p.AppendOffer(nil)); got != iacWill+echo {
		t.Errorf("what was refused may be offered again: %q", got)
	}
	p = Peer{}
	for _, b := range []byte(iacDo + echo + iacDont + echo) {
		p.Step(b)
	}
	if got := string(p.AppendOffer(nil)); got != iacWont+echo+offer {
		t.Errorf("the answer that waits goes first: %q", got)
	}
}

// TestStorm: a megabyte of requests and a reader that takes the answers seldom, or after each byte.
func TestStorm(t *testing.T) {
	var sent []byte
	for i := 0; len(sent) < 1<<20; i++ {
		sent = append(sent, 0xff, 0xfb+byte(i%4), byte(i/4))
	}
	for _, every := range []int{1, 3, 4096, len(sent)} {
		var p Peer
		p.AppendOffer(p.AppendProbe(nil))
		times := map[[3]byte]int{}
		for i, b := range sent {
			if p.Step(b) == Data {
				t.Fatalf("byte %d is data", i)
			}
			if (i+1)%every != 0 {
				continue
			}
			reply := p.AppendReply(nil)
			if len(reply) > 64 {
				t.Fatalf("%d bytes wait", len(reply))
			}
			reply = bytes.ReplaceAll(reply, []byte(sendTType), nil)
			for ; len(reply) >= 3; reply = reply[3:] {
				times[[3]byte(reply)]++
			}
			if len(reply) > 0 {
				t.Fatalf("odd reply %q", reply)
			}
		}
		known := 0
		for answer, n := range times {
			switch answer[2] {
			case optionEcho, optionGoAhead, optionTerminalType, optionWindowSize, optionTimingMark:
				known++
			default:
				if n > 1 {
					t.Errorf("every %d: %q is said %d times", every, answer, n)
				}
			}
		}
		if others := len(times) - known; every <= 3 && others != 2*256-2*5 {
			t.Errorf("every %d: %d refusals of others", every, others)
		}
	}
}

func TestEscaped(t *testing.T) {
	for _, row := range []struct{ data, want string }{
		{"", ""}, {"abc", "abc"}, {"\xff", "\xff\xff"}, {"a\xff\xffb", "a\xff\xff\xff\xffb"}, {"\xfe\xff", "\xfe\xff\xff"},
	} {
		if got := string(AppendEscaped([]byte("<"), []byte(row.data))); got != "<"+row.want {
			t.Errorf("%q becomes %q", row.data, got)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	row := serverTable[len(serverTable)-1]
	buf := make([]byte, 0, 256)
	if n := testing.AllocsPerRun(100, func() {
		var p Peer
		buf = p.AppendOffer(p.AppendProbe(buf[:0]))
		for i := range len(row.sent) {
			p.Step(row.sent[i])
			buf = p.AppendReply(buf[:0])
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkStep(b *testing.B) {
	text := bytes.Repeat([]byte("filter tcp port 443\r\n"), 100)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		var p Peer
		for _, c := range text {
			if p.Step(c) != Data {
				b.Fatal("not data")
			}
		}
	}
}
