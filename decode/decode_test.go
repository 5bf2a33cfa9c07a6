package decode

import (
	"flag"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
)

// meta is what the kernel would say of s.
func (s *sample) meta(wire int) Meta {
	return Meta{Time: 1e18, WireLength: uint32(wire), LinkType: s.link, VLANTPID: s.tpid, VLANTCI: s.tci, Interface: 3,
		Direction: Unknown}
}

// expected is what s decodes to when captured of its wire bytes are there.
func (s *sample) expected(wire, captured int) Packet {
	p := Packet{Head: s.want, Inner: s.inner}
	p.Name.Length = uint8(copy(p.Name.Bytes[:], s.title))
	p.ALPN.Length = uint8(copy(p.ALPN.Bytes[:], s.alpn))
	for i, a := range strings.Fields(s.answers) {
		var v uint8
		p.Answers.List[i], v = parseAddress(a)
		p.Answers.Count++
		if v == 6 {
			p.Answers.Wide |= 1 << i
		}
	}
	if s.assigned != "" {
		p.Assigned.IP, p.Assigned.Version = parseAddress(s.assigned)
	}
	p.Time, p.Interface = 1e18, 3
	m := s.meta(wire)
	p.WireLength, p.CapturedLength = onWire(&m), uint32(captured)
	if p.Direction == In && s.link != LinkLinuxSLL && s.link != LinkLinuxSLL2 {
		p.Direction = Unknown
	}
	return p
}

// parseAddress gives an address in the form of Head.SrcIP, and its version.
func parseAddress(s string) (b [16]byte, version uint8) {
	a := netip.MustParseAddr(s)
	copy(b[:], a.AsSlice())
	if a.Is4() {
		return b, 4
	}
	return b, 6
}

// onWire is the length of a frame with the tag that the kernel took out.
func onWire(m *Meta) uint32 {
	if m.VLANTPID != 0 {
		return m.WireLength + 4
	}
	return m.WireLength
}

// reason is what s stops with when captured bytes are there.
func (s *sample) reason(captured int) Reason {
	for _, c := range s.cuts {
		if captured < c.below {
			return c.reason
		}
	}
	return s.want.DecodeError
}

// only returns p with every field zeroed that belongs to none of the groups g.
func only(p Packet, g Fields) Packet {
	q := Packet{Head: Head{Time: p.Time, WireLength: p.WireLength, CapturedLength: p.CapturedLength, Interface: p.Interface,
		Direction: p.Direction, WireSegments: p.WireSegments, DecodeError: p.DecodeError, Valid: p.Valid & g}}
	if g.Has(HasMAC) {
		q.SrcMAC = p.SrcMAC
	}
	if g.Has(HasDstMAC) {
		q.DstMAC = p.DstMAC
	}
	if g.Has(HasEtherType) {
		q.EtherType = p.EtherType
	}
	if g.Has(HasVLAN) {
		q.VLANID = p.VLANID
	}
	if g.Has(HasInnerVLAN) {
		q.InnerVLANID = p.InnerVLANID
	}
	if g.Has(HasPPPoE) {
		q.PPPoESession = p.PPPoESession
	}
	if g.Has(HasAddresses) {
		q.SrcIP, q.DstIP = p.SrcIP, p.DstIP
	}
	if g.Has(HasIP) {
		q.IPVersion, q.TTL, q.TrafficClass = p.IPVersion, p.TTL, p.TrafficClass
	}
	if g.Has(HasProtocol) {
		q.Protocol = p.Protocol
	}
	if g.Has(HasIPID) {
		q.IPID = p.IPID
	}
	if g.Has(HasFragment) {
		q.FragmentOffset = p.FragmentOffset
	}
	if g.Has(HasPorts) {
		q.SrcPort, q.DstPort = p.SrcPort, p.DstPort
	}
	if g.Has(HasTCP) {
		q.SeqNumber, q.AckNumber, q.Flags, q.WindowSize = p.SeqNumber, p.AckNumber, p.Flags, p.WindowSize
	}
	if g.Has(HasMSS) {
		q.MSS = p.MSS
	}
	if g.Has(HasWindowScale) {
		q.WindowScale = p.WindowScale
	}
	if g.Has(HasTimestamps) {
		q.TSValue, q.TSEcho = p.TSValue, p.TSEcho
	}
	if g.Has(HasICMP) {
		q.ICMPType, q.ICMPCode = p.ICMPType, p.ICMPCode
	}
	if g.Has(HasARP) {
		q.ARPOperation = p.ARPOperation
	}
	if g.Has(HasPayload) {
		q.PayloadLength = p.PayloadLength
	}
	if g.Has(HasTCPOptions) {
		q.TCPOptions = p.TCPOptions
	}
	if g.Has(HasSACK) {
		q.SACKBlocks = p.SACKBlocks
	}
	if g.Has(HasName) {
		q.Name, q.NameKind = p.Name, p.NameKind
	}
	if g.Has(HasTunnel) {
		q.Tunnel = p.Tunnel
	}
	if g.Has(HasInner) {
		q.Inner.IPVersion, q.Inner.SrcIP, q.Inner.DstIP = p.Inner.IPVersion, p.Inner.SrcIP, p.Inner.DstIP
	}
	if g.Has(HasInnerPorts) {
		q.Inner.SrcPort, q.Inner.DstPort = p.Inner.SrcPort, p.Inner.DstPort
	}
	if g.Has(HasInnerProtocol) {
		q.Inner.Protocol = p.Inner.Protocol
	}
	if g.Has(HasTunnelKey) {
		q.TunnelKey = p.TunnelKey
	}
	if g.Has(HasSPI) {
		q.SPI = p.SPI
	}
	if g.Has(HasIGMP) {
		q.IGMPType = p.IGMPType
	}
	if g.Has(HasVRRP) {
		q.VRRPID, q.VRRPPriority = p.VRRPID, p.VRRPPriority
	}
	if g.Has(HasDNS) {
		q.DNSType = p.DNSType
	}
	if g.Has(HasDNSResponse) {
		q.DNSRCode, q.DNSAnswers = p.DNSRCode, p.DNSAnswers
	}
	if g.Has(HasAnswers) {
		q.Answers = p.Answers
	}
	if g.Has(HasTLS) {
		q.TLSVersion = p.TLSVersion
	}
	if g.Has(HasALPN) {
		q.ALPN = p.ALPN
	}
	if g.Has(HasHTTP) {
		q.HTTPMethod = p.HTTPMethod
	}
	if g.Has(HasDHCP) {
		q.DHCPType = p.DHCPType
	}
	if g.Has(HasAssigned) {
		q.Assigned = p.Assigned
	}
	if g.Has(HasNTP) {
		q.NTPMode = p.NTPMode
	}
	return q
}

// firstOf takes from p the answers that a frame cut shorter does not have: those it has come first in it.
func firstOf(p Packet, n uint8) Packet {
	for i := n; i < p.Answers.Count; i++ {
		p.Answers.List[i] = [16]byte{}
		p.Answers.Wide &^= 1 << i
	}
	p.Answers.Count = min(n, p.Answers.Count)
	return p
}

// show is what of a packet is not zero, and the columns whose groups are valid.
func show(p Packet) string {
	q := p
	for g := Fields(1); g < AllFields; g <<= 1 {
		all := p
		all.Valid = g
		if lone := only(all, g); lone != only(Packet{Head: Head{Time: p.Time, WireLength: p.WireLength, CapturedLength: p.CapturedLength,
			Interface: p.Interface, Direction: p.Direction, WireSegments: p.WireSegments, DecodeError: p.DecodeError, Valid: g}}, g) {
			q.Valid |= g // vouched for or not
		}
	}
	var names []byte
	for i := range Columns {
		if g := Columns[i].Group; g != 0 && p.Valid.Has(g) {
			names = append(append(names, ' '), Columns[i].Name...)
		}
	}
	return string(q.AppendJSON(nil, "", "")) + " valid:" + string(names)
}

// dirty is what a reused Packet may hold before Decode.
func dirty() Packet {
	var p Packet
	p.Valid = AllFields
	p.DecodeError, p.WireSegments, p.MSS, p.VLANID, p.PayloadLength, p.Protocol = BadIHL, 9, 9, 9, 9, 9
	p.NameKind, p.Tunnel, p.HTTPMethod = 9, 9, 9
	p.Inner.IPVersion, p.Inner.Protocol, p.Inner.SrcPort = 9, 9, 9
	p.Name.Length, p.ALPN.Length, p.Answers.Count, p.Answers.Wide, p.Assigned.Version = 255, 63, maxAnswers, 255, 6
	for _, b := range [][]byte{p.SrcIP[:], p.DstIP[:], p.Inner.SrcIP[:], p.Inner.DstIP[:], p.Name.Bytes[:], p.ALPN.Bytes[:],
		p.Answers.List[0][:], p.Answers.List[maxAnswers-1][:], p.Assigned.IP[:]} {
		for i := range b {
			b[i] = 0xff
		}
	}
	return p
}

func TestDecode(t *testing.T) {
	for i := range samples {
		s := &samples[i]
		t.Run(s.name, func(t *testing.T) {
			m := s.meta(len(s.data))
			got := dirty()
			Decode(&got, &m, s.data)
			if want := s.expected(len(s.data), len(s.data)); got != want {
				t.Errorf("got  %s\nwant %s", show(got), show(want))
			}
		})
	}
}

// Every frame cut at every byte, once by the snap length and once on the wire itself: what is still there
// decodes as before, and the reason names the header that was cut.
func TestEveryTruncation(t *testing.T) {
	for i := range samples {
		s := &samples[i]
		if s.lone { // TestRestOfFrame and TestTruncatedPPP cut these
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			for n := range s.data {
				for _, wire := range []int{len(s.data), n} {
					m := s.meta(wire)
					got := dirty()
					// A slice without room behind it, so that a read past the cut panics.
					Decode(&got, &m, s.data[:n:n])
					want := firstOf(only(s.expected(wire, n), got.Valid), got.Answers.Count)
					want.DecodeError = s.reason(n)
					if n < s.headerOfLink() {
						want.Direction = Unknown
					}
					if got != want {
						t.Fatalf("cut at %d of %d on the wire:\ngot  %s\nwant %s", n, wire, show(got), show(want))
					}
				}
			}
		})
	}
}

func (s *sample) headerOfLink() int {
	if len(s.cuts) > 0 && s.cuts[0].reason == TruncatedLink {
		return s.cuts[0].below
	}
	return 0
}

// What a cut leaves valid must grow with every byte: nothing is known only of the shorter frame.
func TestTruncationIsMonotonic(t *testing.T) {
	for i := range samples {
		s := &samples[i]
		var last Fields
		for n := 0; n <= len(s.data); n++ {
			m := s.meta(len(s.data))
			var p Packet
			Decode(&p, &m, s.data[:n:n])
			if !p.Valid.Has(last) {
				t.Errorf("%s: valid %b at %d bytes and %b at one less", s.name, p.Valid, n, last)
			}
			last = p.Valid
		}
	}
}

func TestTruncatedPPP(t *testing.T) {
	frame := octets("ff03 0021 45 00 0014 0001 0000 40 3b 0000", fourFrom, fourTo)
	for _, c := range []struct {
		name string
		n    int
		want Reason
	}{
		{"nothing", 0, TruncatedPPP},
		{"an address byte looks like a protocol of one byte", 1, NoReason},
		{"address and control", 2, TruncatedPPP},
		{"half a protocol", 3, TruncatedPPP},
		{"no packet", 4, TruncatedIPv4},
		{"a byte less than the header", 23, TruncatedIPv4},
		{"whole", 24, NoReason},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := Meta{LinkType: LinkPPP, WireLength: uint32(len(frame))}
			var p Packet
			if Decode(&p, &m, frame[:c.n:c.n]); p.DecodeError != c.want {
				t.Errorf("got %v, want %v", p.DecodeError, c.want)
			}
		})
	}
}

// A length field of 0 makes the frame's own length count, also the part that was not captured, but not
// what an outer header leaves out.
func TestRestOfFrame(t *testing.T) {
	ip := octets("45 00 0000 0007 0000 40 06 0000", fourFrom, fourTo, tcpPlain)
	six := func(next string) []byte { return octets("60000000 0000", next, "40", sixFrom, sixTo, tcpPlain) }
	join := func(head string, b []byte) []byte { return append(octets(head), b...) }
	for _, c := range []struct {
		name string
		link LinkType
		data []byte
		wire int
		want uint32
		err  Reason
	}{
		{"ipv4, all captured", LinkIPv4, append(ip, "abc"...), 43, 3, NoReason},
		{"ipv4, snapped", LinkIPv4, ip, 40 + 70000, 70000, NoReason},
		{"ipv4, wire length unknown", LinkIPv4, append(ip, "abc"...), 0, 3, NoReason},
		{"ipv4, snapped in pppoe", LinkEthernet, join(eth+"8864 11 00 0001 0034 0021", ip), 1500, 10, NoReason},
		{"ipv4, snapped in pppoe that claims more than there is", LinkEthernet, join(eth+"8864 11 00 0001 ffff 0021", ip), 22 + 40 + 5, 5, NoReason},
		{"ipv4 in 802.3", LinkEthernet, append(join(eth+"0031 aaaa03 000000 0800", ip), "abcdef"...), 68, 1, NoReason},
		{"ipv6, longer than its field", LinkIPv6, six("06"), 60 + 70000, 70000, NoReason},
		{"ipv6, shorter", LinkIPv6, six("06"), 60 + 1000, 0, TruncatedTCP},
		{"ipv6, jumbo option too short to be one", LinkIPv6,
			octets("60000000 0000 00 40", sixFrom, sixTo, "0600 c204 0000ffff", tcpPlain), 68, 0, TruncatedExtension},
		{"ipv6, option runs out of its header", LinkIPv6,
			octets("60000000 0000 00 40", sixFrom, sixTo, "0600 05ff 00000000", tcpPlain), 68, 0, TruncatedExtension},
		{"ipv6, jumbo option of 4 GiB", LinkIPv6,
			octets("60000000 0000 00 40", sixFrom, sixTo, "0600 c204 ffffffff", tcpPlain), 68, maxJumbo - 28, NoReason},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := Meta{LinkType: c.link, WireLength: uint32(c.wire)}
			var p Packet
			Decode(&p, &m, c.data)
			if p.PayloadLength != c.want || p.DecodeError != c.err {
				t.Errorf("payload %d, %v; want %d, %v", p.PayloadLength, p.DecodeError, c.want, c.err)
			}
		})
	}
}

func TestWireSegments(t *testing.T) {
	const total = 65*256 + 5 // 0x4105
	tcp := octets(eth, "0800 45 00 4105 1234 4000 40 06 0000", fourFrom, fourTo, tcpPlain)
	for _, c := range []struct {
		name string
		data []byte
		wire uint32
		want uint16
	}{
		{"merged tcp", tcp, 14 + total, (total - 40 + 1447) / 1448},
		{"merged udp", octets(eth, "0800 45 00 2000 1234 4000 40 11 0000", fourFrom, fourTo, "d903 0009 1fec 0000"), 14 + 0x2000, 6},
		{"merged tcp over ipv6", octets(eth, "86dd 60000000 2000 06 40", sixFrom, sixTo, tcpPlain), 54 + 0x2000, 6},
		{"the wire was as short as it may be", tcp, 1526, 0},
		{"a large frame of little", octets(eth, "0800 45 00 0028 1234 4000 40 06 0000", fourFrom, fourTo, tcpPlain), 9000, 0},
		{"a full frame", octets(eth, "0800 45 00 05dc 1234 4000 40 06 0000", fourFrom, fourTo, tcpPlain), 1514, 0},
		{"fragment", octets(eth, "0800 45 00 4105 1234 2000 40 06 0000", fourFrom, fourTo, tcpPlain), 14 + total, 0},
		{"another protocol", octets(eth, "0800 45 00 4105 1234 4000 40 2f 0000", fourFrom, fourTo, tcpPlain), 14 + total, 0},
		{"more than the field holds", octets("60000000 0000 00 40", sixFrom, sixTo, "0600 c204 7fffffff", tcpPlain), 68, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := Meta{LinkType: LinkEthernet, WireLength: c.wire}
			if c.data[0]>>4 == 6 {
				m = Meta{LinkType: LinkIPv6, WireLength: 1 << 31}
				c.want = 65535
			}
			var p Packet
			if Decode(&p, &m, c.data); p.WireSegments != c.want {
				t.Errorf("got %d, want %d (%+v)", p.WireSegments, c.want, p)
			}
		})
	}
}

func TestDirection(t *testing.T) {
	cooked := octets("0004 0001 0006 020000000001 0000 88e5")
	for _, c := range []struct {
		name string
		meta Direction
		data []byte
		want Direction
	}{
		{"the kernel knows better", Other, cooked, Other},
		{"the header knows", Unknown, cooked, Out},
		{"the header says nonsense", Unknown, octets("0007 0001 0006 020000000001 0000 88e5"), Unknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := Meta{LinkType: LinkLinuxSLL, Direction: c.meta}
			var p Packet
			if Decode(&p, &m, c.data); p.Direction != c.want {
				t.Errorf("got %v, want %v", p.Direction, c.want)
			}
		})
	}
}

// How long the tests below look, and where they begin: -mutations 100000000 -seed 7 -timeout 2h is an evening's work.
var (
	mutations = flag.Int("mutations", 200_000, "frames that TestMutatedFrames and TestSlowAgrees change")
	seed      = flag.Uint64("seed", 1, "of the changes")
)

// Frames with random bytes changed reach branches that no table thought of; what holds for all is checked.
func TestMutatedFrames(t *testing.T) {
	random := rand.New(rand.NewPCG(*seed, 2))
	reasons := map[Reason]int{}
	for range *mutations {
		s := &samples[random.IntN(len(samples))]
		data := append([]byte(nil), s.data...)
		for range random.IntN(4) {
			if len(data) > 0 {
				data[random.IntN(len(data))] = byte(random.Uint32())
			}
		}
		n := random.IntN(len(data) + 1)
		m := s.meta(len(data))
		checkDecode(t, &m, data[:n:n])
		var p Packet
		Decode(&p, &m, data[:n:n])
		reasons[p.DecodeError]++
	}
	for r := range Reason(Reasons) {
		if reasons[r] == 0 {
			t.Errorf("no frame stopped with %v", r)
		}
	}
}

// checkDecode holds of every frame: nothing of a reused packet shines through, what no group vouches for is
// zero, and a reason has a name.
func checkDecode(t *testing.T, m *Meta, data []byte) {
	t.Helper()
	var p Packet
	Decode(&p, m, data)
	again := dirty()
	Decode(&again, m, data)
	if p != again {
		t.Fatalf("a reused packet differs:\n%s\n%s", show(p), show(again))
	}
	if o := only(p, p.Valid); p != o {
		t.Fatalf("a field outside every group:\n%s\n%s", show(p), show(o))
	}
	if p.DecodeError >= Reasons {
		t.Fatalf("reason %d", p.DecodeError)
	}
	if p.CapturedLength != uint32(len(data)) || p.WireLength != onWire(m) || p.Time != m.Time {
		t.Fatalf("meta was lost: %+v", p)
	}
	if p.Valid.Has(HasInnerVLAN) && !p.Valid.Has(HasVLAN) || p.Valid.Has(HasTCP) && !p.Valid.Has(HasPorts) ||
		p.Valid.Has(HasPorts) && !p.Valid.Has(HasProtocol) || p.Valid.Has(HasIP) != (p.IPVersion != 0) {
		t.Fatalf("groups contradict each other: %+v", p)
	}
	if p.Valid.Has(HasFragment) && p.FragmentOffset != 0 && p.Valid&(HasPorts|HasICMP) != 0 {
		t.Fatalf("a transport header in a later fragment: %+v", p)
	}
}

func TestDecodeDoesNotAllocate(t *testing.T) {
	var p Packet
	metas := make([]Meta, len(samples))
	for i := range samples {
		metas[i] = samples[i].meta(len(samples[i].data))
	}
	if n := testing.AllocsPerRun(100, func() {
		for i := range samples {
			Decode(&p, &metas[i], samples[i].data)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestReasons(t *testing.T) {
	seen := map[string]bool{}
	for r := range Reason(Reasons) {
		name := r.String()
		if name == "" || name == "unknown_reason" || seen[name] {
			t.Errorf("reason %d has the name %q", r, name)
		}
		seen[name] = true
		if got, ok := ReasonByName(name); !ok || got != r {
			t.Errorf("ReasonByName(%q) = %d, %v; want %d", name, got, ok, r)
		}
	}
	if got := Reason(Reasons).String(); got != "unknown_reason" {
		t.Errorf("a reason of the future is called %q", got)
	}
	if _, ok := ReasonByName("unknown_reason"); ok {
		t.Error("unknown_reason is a reason")
	}
}

// The numbers are in stored segments: this table only ever grows.
func TestReasonNumbers(t *testing.T) {
	for i, name := range []string{"none", "unknown_link_type", "truncated_link", "truncated_vlan", "too_many_tags",
		"truncated_llc", "truncated_pppoe", "bad_pppoe", "truncated_ppp", "truncated_mpls", "too_many_labels", "truncated_arp",
		"bad_arp", "bad_ip_version", "truncated_ipv4", "truncated_ipv4_option", "bad_ihl", "bad_total_length", "truncated_ipv6",
		"truncated_extension", "too_many_extensions", "truncated_tcp", "truncated_tcp_option", "bad_data_offset",
		"bad_tcp_option", "truncated_udp", "bad_udp_length", "truncated_udp_lite", "truncated_sctp", "truncated_dccp",
		"truncated_icmp", "truncated_icmpv6"} {
		if got := Reason(i).String(); got != name {
			t.Errorf("reason %d is %s, was %s", i, got, name)
		}
	}
}
