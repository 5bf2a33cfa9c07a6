package telnet

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// clientPeer returns a client's end in a window of the given size.
func clientPeer(terminal string, columns, rows int) *Peer {
	p := Client(terminal, func() (int, int) { return columns, rows })
	return &p
}

// clientTable is what servers send, and what a client makes of it: an XTERM of 255 columns and 24 rows.
var clientTable = []struct {
	name, sent string
	want       record
}{
	{"echo and go-ahead", iacWill + echo + iacWill + sga,
		record{spoke: true, editing: true, reply: iacDo + echo + iacDo + sga, events: []Event{Changed, Changed}}},
	{"echo alone", iacWill + echo, record{spoke: true, reply: iacDo + echo, events: []Event{Changed}}},
	{"echo given up", iacWill + echo + iacWill + sga + iacWont + echo,
		record{spoke: true, reply: iacDo + echo + iacDo + sga + iacDont + echo, events: []Event{Changed, Changed, Changed}}},
	{"our go-ahead", iacDo + sga, record{spoke: true, reply: iacWill + sga, events: []Event{Changed}}},
	{"our echo", iacDo + echo, record{spoke: true, reply: iacWont + echo}},
	{"window", iacDo + naws,
		record{spoke: true, reply: iacWill + naws + iacSB + naws + "\x00\xff\xff\x00\x18" + iacSE, events: []Event{Changed}}},
	{"window asked for again", iacDo + naws + iacDo + naws,
		record{spoke: true, reply: iacWill + naws + iacSB + naws + "\x00\xff\xff\x00\x18" + iacSE, events: []Event{Changed}}},
	{"the server's window", iacWill + naws, record{spoke: true, reply: iacDont + naws}},
	{"terminal", iacDo + ttype + sendTType,
		record{spoke: true, reply: iacWill + ttype + iacSB + ttype + "\x00XTERM" + iacSE, events: []Event{Changed}}},
	{"terminal asked for twice", iacDo + ttype + sendTType + sendTType,
		record{spoke: true, reply: iacWill + ttype + strings.Repeat(iacSB+ttype+"\x00XTERM"+iacSE, 2), events: []Event{Changed}}},
	{"terminal asked for before it was agreed", sendTType, record{spoke: true}},
	{"the server's terminal", iacWill + ttype + iacSB + ttype + "\x00VT100" + iacSE, record{spoke: true, reply: iacDont + ttype}},
	{"data with a doubled 255", "a\xff\xffb", record{data: "a\xffb"}},
}

func TestClient(t *testing.T) {
	for _, row := range clientTable {
		t.Run(row.name, func(t *testing.T) {
			want := row.want
			want.terminal = "xterm" // its own
			if got := feed(clientPeer("xterm", 255, 24), row.sent); !equal(got, want) {
				t.Errorf("got  %#v\nwant %#v", got, want)
			}
		})
	}
}

func TestClientTells(t *testing.T) {
	for _, row := range []struct {
		name, terminal string
		columns, rows  int
		want           string // of the terminal
		size           string
	}{
		{"usual", "xterm-256color", 80, 24, "XTERM-256COLOR", "\x00\x50\x00\x18"},
		{"nothing known", "", 0, 0, "UNKNOWN", "\x00\x00\x00\x00"},
		{"controls and blanks", "\x1b[2J x\xff", 1, 1, "[2JX", "\x00\x01\x00\x01"},
		{"long", strings.Repeat("ab", 100), 65535, 65535, strings.Repeat("AB", 20), strings.Repeat("\xff\xff", 4)},
		{"out of range", "vt100", 1 << 20, -1, "VT100", "\xff\xff\xff\xff\x00\x00"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := clientPeer(row.terminal, row.columns, row.rows)
			if got := p.AppendSize(nil); len(got) != 0 {
				t.Errorf("%q before the server asked", got)
			}
			want := iacWill + ttype + iacWill + naws + iacSB + ttype + "\x00" + row.want + iacSE + iacSB + naws + row.size + iacSE
			if got := feedCut(p, iacDo+ttype+iacDo+naws+sendTType, 100); got.reply != want {
				t.Errorf("got  %q\nwant %q", got.reply, want)
			}
			if got := string(p.AppendSize(nil)); got != iacSB+naws+row.size+iacSE {
				t.Errorf("the changed window: %q", got)
			}
			if p.client && len(want) > 107 {
				t.Errorf("%d bytes wait at once", len(want))
			}
		})
	}
}

// TestBothEnds: a server's and a client's end, with bytes on the way in both directions, delivered in any order, agree and fall
// silent. Both ask for things meanwhile (crossing requests), and each gives up and takes up options as other implementations do.
func TestBothEnds(t *testing.T) {
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 1))
		server, client := new(Peer), clientPeer("vt220", 132, 50)
		var toServer, toClient []byte
		deliver := func(p *Peer, in, out *[]byte) {
			n := random.IntN(len(*in) + 1)
			for _, b := range (*in)[:n] {
				if p.Step(b) == Data {
					t.Fatalf("seed %d: data", seed)
				}
			}
			*in = (*in)[n:]
			*out = p.AppendReply(*out)
		}
		for range 40 {
			switch random.IntN(6) {
			case 0:
				toClient = server.AppendProbe(toClient)
			case 1:
				toClient = server.AppendOffer(toClient)
			case 2: // as PuTTY opens; the second time it says nothing new
				toServer = client.request(client.request(toServer, us, optionWindowSize), him, optionEcho)
			case 3:
				toServer = client.request(client.request(toServer, us, optionTerminalType), him, optionGoAhead)
			case 4:
				deliver(server, &toServer, &toClient)
			case 5:
				deliver(client, &toClient, &toServer)
			}
		}
		toClient = server.AppendOffer(server.AppendProbe(toClient))
		for rounds := 0; len(toServer)+len(toClient) > 0; rounds++ {
			if rounds > 1000 {
				t.Fatalf("seed %d: they do not stop talking: %q, %q", seed, toServer, toClient)
			}
			deliver(server, &toServer, &toClient)
			deliver(client, &toClient, &toServer)
		}
		columns, rows := server.Size()
		if !server.Editing() || !client.Editing() || server.Terminal() != "vt220" || columns != 132 || rows != 50 {
			t.Fatalf("seed %d: editing %v and %v, terminal %q of %d × %d", seed, server.Editing(), client.Editing(),
				server.Terminal(), columns, rows)
		}
	}
}
