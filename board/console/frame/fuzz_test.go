package frame

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"network-sniffer/decode"
)

// FuzzFrame: whatever a frame holds and an expression asks, there is a verdict, a dump of printable lines and a stream that can
// be read, in which nothing but a tag was added.
func FuzzFrame(f *testing.F) {
	f.Add("tcp port 443", uint16(decode.LinkEthernet), uint16(0x8100), uint16(5), uint32(60), sequence(60))
	f.Add("vlan 5 and ip6", uint16(decode.LinkLinuxSLL2), uint16(0x88a8), uint16(5), uint32(19), sequence(19))
	f.Add("not inbound", uint16(decode.LinkRaw), uint16(1), uint16(0), uint32(math.MaxUint32), []byte{})
	f.Add("len > 1", uint16(decode.LinkPPP), uint16(1), uint16(0), uint32(0), sequence(11))
	f.Fuzz(func(t *testing.T, expr string, link, tpid, tci uint16, length uint32, data []byte) {
		fr := &Frame{Meta: decode.Meta{LinkType: decode.LinkType(link), VLANTPID: tpid, VLANTCI: tci, WireLength: length}, Data: data}
		if filter, err := Compile(expr); err == nil {
			filter.Match(fr)
		}
		for line := range strings.Lines(string(AppendHex(nil, fr))) {
			line, whole := strings.CutSuffix(line, "\n")
			if !whole || len(line) > 79 || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Fatalf("a line of the dump: %q", line)
			}
		}
		var out bytes.Buffer
		c, err := NewCapture(&out, "", func(uint8) string { return "" })
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Frame(fr); err != nil {
			t.Fatal(err)
		}
		if err := c.Flush(); err != nil {
			t.Fatal(err)
		}
		frames := read(t, out.Bytes())
		if more := len(frames[0].Data) - len(data); len(frames) != 1 || more != 0 && more != tagLength {
			t.Fatalf("%d frames, %d bytes more", len(frames), more)
		}
	})
}
