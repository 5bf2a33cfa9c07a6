package uplink

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"network-sniffer/board/testbed"
	"network-sniffer/decode"
	"network-sniffer/uplink/spool"
)

// randomPacket is a packet with the given groups and anything in them that decode may write; one in eight numbers is
// at an end of its range.
func randomPacket(r *rand.Rand, groups decode.Fields) decode.Packet {
	number := func(limit uint64) uint64 {
		switch r.IntN(16) {
		case 0:
			return 0
		case 1:
			return limit
		}
		return r.Uint64N(limit + 1)
	}
	u8, u16 := func() uint8 { return uint8(number(255)) }, func() uint16 { return uint16(number(65535)) }
	u32 := func() uint32 { return uint32(number(1<<32 - 1)) }
	version := func() uint8 { return uint8(4 + 2*r.IntN(2)) }
	address := func(a *[16]byte, version uint8) {
		*a = [16]byte{}
		for i := range a[:addressSize(version)] {
			a[i] = u8()
		}
	}
	text := func(t []byte) uint8 {
		n := number(uint64(len(t)))
		for i := range t[:n] {
			t[i] = byte(' ' + r.IntN(95))
			if r.IntN(8) == 0 {
				t[i] = '\\'
			}
		}
		return uint8(n)
	}
	p := fullPacket()
	p.Time = r.Int64() - r.Int64()
	p.Valid = groups
	p.WireLength, p.CapturedLength, p.PayloadLength = u32(), u32(), u32()
	p.SeqNumber, p.AckNumber, p.TSValue, p.TSEcho, p.IPID, p.SPI, p.TunnelKey = u32(), u32(), u32(), u32(), u32(), u32(), u32()
	p.EtherType, p.PPPoESession, p.FragmentOffset, p.SrcPort, p.DstPort = u16(), u16(), u16(), u16(), u16()
	p.WindowSize, p.MSS, p.ARPOperation, p.DNSType, p.DNSAnswers, p.TLSVersion = u16(), u16(), u16(), u16(), u16(), u16()
	p.VLANID, p.InnerVLANID, p.WireSegments = uint16(number(4095)), uint16(number(4095)), uint16(number(65535))
	if p.WireSegments == 1 || r.IntN(2) == 0 {
		p.WireSegments = 0
	}
	p.Direction, p.IPVersion = decode.Direction(r.IntN(6)), version()
	p.Protocol, p.TTL, p.TrafficClass, p.Flags, p.WindowScale, p.ICMPType, p.ICMPCode = u8(), u8(), u8(), u8(), u8(), u8(), u8()
	p.TCPOptions, p.SACKBlocks, p.IGMPType, p.VRRPID, p.VRRPPriority = decode.Options(u8()), u8(), u8(), u8(), u8()
	p.DNSRCode, p.DHCPType, p.NTPMode = u8(), u8(), u8()
	p.Tunnel, p.NameKind = decode.Tunnel(number(uint64(decode.Tunnels)-1)), decode.NameKind(number(uint64(decode.NameKinds)-1))
	p.HTTPMethod, p.DecodeError = decode.Method(number(uint64(decode.Methods)-1)), decode.Reason(number(uint64(decode.Reasons)-1))
	if r.IntN(2) == 0 {
		p.DecodeError = 0
	}
	for i := range p.SrcMAC {
		p.SrcMAC[i], p.DstMAC[i] = u8(), u8()
	}
	address(&p.SrcIP, p.IPVersion)
	address(&p.DstIP, p.IPVersion)
	p.Inner.SrcPort, p.Inner.DstPort, p.Inner.IPVersion, p.Inner.Protocol = u16(), u16(), version(), u8()
	address(&p.Inner.SrcIP, p.Inner.IPVersion)
	address(&p.Inner.DstIP, p.Inner.IPVersion)
	p.Assigned.Version = version()
	address(&p.Assigned.IP, p.Assigned.Version)
	p.Name.Length, p.ALPN.Length = text(p.Name.Bytes[:]), text(p.ALPN.Bytes[:])
	p.Answers.Count, p.Answers.Wide = uint8(1+r.IntN(len(p.Answers.List))), u8()
	for i := range p.Answers.List {
		address(&p.Answers.List[i], uint8(4+2*(p.Answers.Wide>>i&1)))
	}
	// Once through the record: what is not valid is gone.
	var kept decode.Packet
	if _, err := parseRecord(appendRecord(make([]byte, 0, maxRecord), &p), &kept); err != nil {
		panic(err)
	}
	return kept
}

// randomGroups are groups of which each is there as often as not.
func randomGroups(r *rand.Rand) decode.Fields { return decode.Fields(r.Uint64()) & decode.AllFields }

// checkCommonRecord holds the short way of a record to its row against the long one.
func checkCommonRecord(t *testing.T, record []byte, shift int64) {
	t.Helper()
	origin := originColumns(FormatBinary, 1<<62+5, "eth0")
	var p decode.Packet
	rest, err := parseRecord(record, &p)
	if err != nil {
		t.Fatalf("%x: %v", record, err)
	}
	p.Time += shift
	if c := classOf(&p); c != commonRow {
		t.Fatalf("%x: the record is taken for a common row's, the packet for class %d", record, c)
	}
	want := appendBinaryRow([]byte("in front"), commonRow, &p, origin)
	got, left := appendCommonRecord(append(make([]byte, 0, maxRow), "in front"...), record, origin, shift)
	if !bytes.Equal(got, want) || len(left) != len(rest) {
		t.Fatalf("%+v\ngot  %x, %d bytes left\nwant %x, %d", p.Head, got, len(left), want, len(rest))
	}
}

// TestCommonRecord: every set of common groups becomes the same row on both ways.
func TestCommonRecord(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	taken := 0
	for range 20_000 {
		p := randomPacket(r, randomGroups(r)&commonFields)
		if p.DecodeError != 0 || p.Valid.Has(decode.HasAddresses) && !p.Valid.Has(decode.HasIP) {
			p.DecodeError = 0
			p.IPVersion = 0 // ARP's addresses are IPv4's
			p.SrcIP, p.DstIP = [16]byte{}, [16]byte{}
		}
		record := append(appendRecord(make([]byte, 0, 2*maxRecord), &p), make([]byte, maxCommonRecord)...)
		if !isCommonRecord(record) {
			t.Fatalf("%+v is not taken for a common row", p.Head)
		}
		checkCommonRecord(t, record, 0)
		taken++
	}
	full := fullPacket()
	full.Valid, full.DecodeError = commonFields, 0
	record := append(appendRecord(make([]byte, 0, 2*maxRecord), &full), make([]byte, maxCommonRecord)...)
	if n := len(record) - maxCommonRecord; n != maxCommonRecord {
		t.Errorf("the longest common record has %d bytes, maxCommonRecord is %d", n, maxCommonRecord)
	}
	checkCommonRecord(t, record, -7_000_000_001)
}

func FuzzCommonRecord(f *testing.F) {
	p := fullPacket()
	p.Valid, p.DecodeError = commonFields, 0
	f.Add(appendRecord(make([]byte, 0, maxRecord), &p), int64(0))
	f.Add(make([]byte, maxCommonRecord), int64(-1))
	f.Fuzz(func(t *testing.T, record []byte, shift int64) {
		if isCommonRecord(record) {
			checkCommonRecord(t, record, shift)
		}
	})
}

// TestLongestRow: a message never has less room than the next row takes.
func TestLongestRow(t *testing.T) {
	p := fullPacket()
	for i := range p.Name.Bytes {
		p.Name.Bytes[i] = '\\'
	}
	for i := range p.ALPN.Bytes {
		p.ALPN.Bytes[i] = '\\'
	}
	name := string(bytes.Repeat([]byte{'\\'}, maxText))
	for _, format := range []Format{FormatBinary, FormatText} {
		w := copyWriter{}
		w.reset(nil, format)
		before := len(w.message)
		w.class = rareRow
		w.row(&p, originColumns(format, 1<<63-1, name))
		if n := len(w.message) - before; n > maxRow || n < 1000 {
			t.Errorf("%v: the longest row has %d bytes, maxRow is %d", format, n, maxRow)
		}
	}
	if n := len(appendBinaryRow(nil, commonRow, &p, "")) + 2; n > maxCommonRow {
		t.Errorf("a common row has up to %d bytes, maxCommonRow is %d", n, maxCommonRow)
	}
}

// plainTCP are packets as most traffic has them: TCP over IPv4 with timestamps.
func plainTCP() []decode.Packet {
	packets := make([]decode.Packet, 1024)
	r := rand.New(rand.NewPCG(5, 6))
	var frame []byte
	for i := range packets {
		p := &packets[i]
		frame = testbed.BuildFrame(frame, r.Uint32N(testbed.NumberLimit), testbed.TCPData, testbed.FrameConfig{})
		decode.Decode(p, &decode.Meta{Time: 1.7e18 + int64(i), WireLength: uint32(len(frame)), LinkType: decode.LinkEthernet}, frame)
		p.Valid |= decode.HasTimestamps
		p.TSValue, p.TSEcho = r.Uint32(), r.Uint32()
	}
	return packets
}

// countingSink throws rows away and says what it is expected to say.
type countingSink struct {
	writer *copyWriter
	begun  []string
	bytes  int
}

func (s *countingSink) begin(query string) error { s.begun = append(s.begun, query); return nil }
func (s *countingSink) write(message []byte) error {
	s.bytes += len(message)
	return nil
}
func (s *countingSink) finish(message []byte) (uint64, error) {
	return s.writer.pending, s.write(message)
}
func (s *countingSink) abandon() {}

// segmentOf is the header of a segment with so many rows of interface 0.
func segmentOf(rows int) *spool.Header {
	return &spool.Header{Device: [16]byte{0x8e, 1, 2}, Run: [16]byte{9}, Sequence: 1, Format: recordFormat, Rows: uint64(rows),
		FirstTime: 1e18, LastTime: 1e18, SealedAt: 1e18,
		Coverage: []spool.Coverage{{Interface: "eth0", From: 1e18, To: 1e18 + 1, Received: uint64(rows), Rows: uint64(rows)}}}
}

// bodyOf is the records of packets.
func bodyOf(packets []decode.Packet) []byte {
	b := make([]byte, 0, len(packets)*maxRecord)
	for i := range packets {
		b = appendRecord(b, &packets[i])
	}
	return b
}

// TestWritingAllocatesNothing: of the rows of a segment none costs an allocation, however many there are.
func TestWritingAllocatesNothing(t *testing.T) {
	packets := mix()
	body, h := bodyOf(packets), segmentOf(len(packets))
	for _, format := range []Format{FormatBinary, FormatText} {
		var w copyWriter
		sink := countingSink{writer: &w, begun: make([]string, 0, 1000)}
		w.reset(&sink, format)
		if n := testing.AllocsPerRun(100, func() {
			if err := w.segment(h, body, 0); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%v: %v allocations for %d rows", format, n, len(packets))
		}
	}
}

// BenchmarkRows is the way from the bytes of records to the messages of rows, without what sends them.
func BenchmarkRows(b *testing.B) {
	for _, load := range []struct {
		name    string
		packets []decode.Packet
	}{{"tcp", plainTCP()}, {"mix", mix()}} {
		body, h := bodyOf(load.packets), segmentOf(len(load.packets))
		for _, format := range []Format{FormatBinary, FormatText} {
			b.Run(load.name+"/"+format.String(), func(b *testing.B) {
				var w copyWriter
				sink := countingSink{writer: &w}
				w.reset(&sink, format)
				b.ReportAllocs()
				rows := 0
				for b.Loop() {
					if err := w.segment(h, body, 0); err != nil {
						b.Fatal(err)
					}
					rows += len(load.packets)
				}
				if _, err := w.finish(); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rows), "ns/row")
				b.ReportMetric(float64(sink.bytes)/float64(rows), "bytes/row")
			})
		}
	}
}
