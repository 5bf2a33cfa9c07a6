package decode

import "testing"

func FuzzDecode(f *testing.F) {
	links := [...]LinkType{LinkNull, LinkEthernet, LinkPPP, LinkRaw, LinkLinuxSLL, LinkIPv4, LinkIPv6, LinkLinuxSLL2}
	for i := range samples {
		s := &samples[i]
		f.Add(uint16(s.link), s.tpid, s.tci, uint32(len(s.data)), s.data)
	}
	f.Fuzz(func(t *testing.T, link, tpid, tci uint16, wire uint32, data []byte) {
		m := Meta{Time: 1, WireLength: wire, LinkType: LinkType(link), VLANTPID: tpid, VLANTCI: tci, Direction: Unknown}
		checkDecode(t, &m, data)
		for _, m.LinkType = range links {
			checkDecode(t, &m, data)
			checkCut(t, &m, data)
		}
	})
}

// checkCut compares a frame with its first half: what is known of both is the same.
func checkCut(t *testing.T, m *Meta, data []byte) {
	t.Helper()
	cut := data[: len(data)/2 : len(data)/2]
	n := *m
	n.WireLength = max(n.WireLength, uint32(len(data)))
	var whole, half Packet
	Decode(&whole, &n, data)
	Decode(&half, &n, cut)
	if len(cut) <= 2 && m.LinkType == LinkPPP {
		return // the first byte of an address looks like a protocol
	}
	if half.Valid&^whole.Valid != 0 {
		t.Fatalf("only the half is valid:\n%s\n%s", show(whole), show(half))
	}
	want := firstOf(only(whole, half.Valid), half.Answers.Count)
	want.CapturedLength, want.DecodeError, want.Direction = half.CapturedLength, half.DecodeError, half.Direction
	want.WireSegments = half.WireSegments
	if half != want {
		t.Fatalf("the half says otherwise:\n%s\n%s", show(half), show(want))
	}
}

func FuzzFormats(f *testing.F) {
	for i := range samples {
		s := &samples[i]
		f.Add(int64(1e18), uint16(s.link), uint8(s.want.Direction), s.data, "router", "eth0")
	}
	f.Add(int64(-1), uint16(1), uint8(9), []byte{}, "\xff\x00\u0085\u202e\U000e0001\ufffd", "a\"b,c\r\n\x1b[2J\\")
	f.Fuzz(func(t *testing.T, at int64, link uint16, direction uint8, data []byte, device, iface string) {
		m := Meta{Time: at, WireLength: uint32(len(data)), LinkType: LinkType(link), Direction: Direction(direction)}
		var p Packet
		Decode(&p, &m, data)
		checkFormats(t, &p, device, iface)
		// What no frame decodes to must be safe too: packets also come back from storage.
		p.Valid, p.IPVersion, p.DecodeError = ^p.Valid, direction, Reason(direction)
		checkFormats(t, &p, device, iface)
	})
}
