package telnet

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"network-sniffer/board/testbed/mutation"
)

// reference separates data from commands in a whole stream, by RFC 854's own words: look for the next IAC and take away what
// belongs to it.
func reference(stream []byte) (data []byte, interrupts int) {
	for len(stream) > 0 {
		at := bytes.IndexByte(stream, commandIAC)
		if at < 0 {
			return append(data, stream...), interrupts
		}
		data, stream = append(data, stream[:at]...), stream[at+1:]
		for inside := false; len(stream) > 0; {
			verb := stream[0]
			stream = stream[1:]
			switch {
			case verb == commandSB:
				inside = true
			case verb == commandIAC && !inside:
				data = append(data, commandIAC)
			case verb == commandIAC: // a doubled byte of the subnegotiation
			case verb >= commandWILL && verb <= commandDONT:
				inside = false
				stream = stream[min(1, len(stream)):]
			default:
				inside = false
				if verb == commandIP || verb == commandBRK || verb == commandAbort || verb == commandEOF {
					interrupts++
				}
			}
			if !inside {
				break
			}
			// What follows belongs to the subnegotiation, up to the next command.
			end := bytes.IndexByte(stream, commandIAC)
			if end < 0 {
				return data, interrupts
			}
			stream = stream[end+1:]
		}
	}
	return data, interrupts
}

// FuzzPeer and TestMutated: see checkPeer.
func FuzzPeer(f *testing.F) {
	for _, row := range serverTable {
		f.Add([]byte(row.sent), uint16(len(row.sent)/2), row.offers, false)
	}
	for _, row := range clientTable {
		f.Add([]byte(row.sent), uint16(1), false, true)
	}
	f.Fuzz(func(t *testing.T, sent []byte, cut uint16, offers, client bool) {
		checkPeer(t, sent, int(cut), offers, client)
	})
}

func TestMutated(t *testing.T) {
	source := mutation.Source{Corpus: mutation.Corpus(t, "FuzzPeer"), Longest: 300, Few: 20_000, Words: []string{
		iacWill + echo, iacDo + echo, iacDont + echo, iacDo + sga, iacDont + sga, iacWill + sga, iacWill + ttype,
		iacWont + ttype, iacWill + naws, iacSB + ttype + "\x00", iacSB + ttype + "\x01", iacSB + naws, "\x00\x50\x00\x18",
		iacSB, iacSE, "\xff", "\xff\xff", "\xff\xf4", "\xff\xf6", iacDo + "\x06", iacDo + "\x22", iacWill + newenv,
		iacWill + naws + iacSB + naws + "\x01\xf4\x01\xf4" + iacSE, iacSB + naws + "\x00\x14\x00\x05" + iacSE, strings.Repeat("x", 64),
		iacDo + "\x31" + iacDo + "\x32" + iacDo + "\x33" + iacDo + "\x34" + iacDo + "\x35" + iacDo + "\x36" + iacDo + "\x37",
		iacWill + "\x31" + iacWill + "\x32" + iacWill + "\x33" + iacWill + "\x34" + iacWill + "\x35" + iacWill + "\x36",
	}}
	for _, row := range serverTable {
		source.Corpus = append(source.Corpus, []byte(row.sent))
	}
	for _, row := range clientTable {
		source.Corpus = append(source.Corpus, []byte(row.sent))
	}
	editing, sized, named := 0, 0, 0
	mutation.Run(t, source, func(random *rand.Rand, sent []byte) {
		p := checkPeer(t, sent, random.IntN(len(sent)+1), random.IntN(2) == 0, random.IntN(4) == 0)
		if columns, _ := p.Size(); columns > 0 {
			sized++
		}
		if p.Terminal() != "" {
			named++
		}
		if p.Editing() {
			editing++
		}
	})
	if editing == 0 || sized == 0 || named == 0 {
		t.Errorf("%d peers edit, %d know the size and %d the terminal", editing, sized, named)
	}
}

// checkPeer: both ends take any bytes, cut anywhere. What is data does not depend on the cut and is the reference's, what
// the peers know is within its bounds and the same for every cut, and what waits to be sent stays short. It returns a peer
// that took all.
func checkPeer(t *testing.T, sent []byte, cut int, offers, client bool) *Peer {
	t.Helper()
	newPeer := func() *Peer {
		if client {
			return clientPeer("xterm", 80, 24)
		}
		return serverPeer(offers, offers)
	}
	whole, split := newPeer(), newPeer()
	data, interrupts := reference(sent)
	var got []byte
	stopped := 0
	for _, b := range sent {
		switch whole.Step(b) {
		case Data:
			got = append(got, b)
		case Interrupt:
			stopped++
		}
	}
	if !bytes.Equal(got, data) || stopped != interrupts {
		t.Fatalf("data %q with %d interrupts, want %q with %d", got, stopped, data, interrupts)
	}
	// A second end answers on the way: at the cut, and after each byte behind it.
	at := min(cut, len(sent))
	first := feedCut(split, string(sent[:at]), at+1)
	second := feed(split, string(sent[at:]))
	if first.data+second.data != string(data) {
		t.Fatalf("cut at %d: data %q and %q, want %q", at, first.data, second.data, data)
	}
	limit := 54
	if client {
		limit = 107
	}
	if reply := whole.AppendReply(nil); len(reply) > limit || len(first.reply) > limit {
		t.Fatalf("%d and %d bytes wait", len(reply), len(first.reply))
	}
	if len(second.reply) > 50*(len(sent)-at)+limit {
		t.Fatalf("%d bytes answer %d", len(second.reply), len(sent)-at)
	}
	if again := split.AppendReply(nil); len(again) > 0 {
		t.Fatalf("the reply %q was not forgotten", again)
	}
	columns, rows := whole.Size()
	if columns != second.columns || rows != second.rows || whole.Terminal() != second.terminal ||
		whole.Editing() != second.editing || whole.Spoke() != second.spoke {
		t.Fatalf("cut at %d: the ends know different things", at)
	}
	if columns != 0 && (columns < minColumns || columns > maxColumns) || rows != 0 && (rows < minRows || rows > maxRows) {
		t.Fatalf("window of %d × %d", columns, rows)
	}
	odd := func(r rune) bool { return r <= ' ' || r > '~' }
	if name := whole.Terminal(); len(name) > terminalBytes || strings.ContainsFunc(name, odd) {
		t.Fatalf("terminal %q", name)
	}
	// Whatever was left open, escaped data arrives behind an end of it: the second, should the first complete a doubled byte.
	message := []byte("hello\xff\xfb\x01\xff")
	got = got[:0]
	for _, b := range AppendEscaped([]byte(iacSE+iacSE), message) {
		if whole.Step(b) == Data {
			got = append(got, b)
		}
	}
	if !bytes.HasSuffix(got, message) {
		t.Fatalf("%q arrives as %q", message, got)
	}
	return whole
}
