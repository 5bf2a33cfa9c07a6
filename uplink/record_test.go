package uplink

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"network-sniffer/board/testbed"
	"network-sniffer/decode"
)

// allFields are the groups that decode has. A new one needs a place in the record: TestRecordAllFields fails
// until it has one.
const allFields = decode.AllFields

func fullPacket() decode.Packet {
	p := decode.Packet{Head: decode.Head{
		Time: -5, Valid: allFields, WireLength: 1<<32 - 1, CapturedLength: 1<<32 - 2, PayloadLength: 1<<32 - 3,
		SeqNumber: 1<<32 - 4, AckNumber: 1<<32 - 5, TSValue: 1<<32 - 6, TSEcho: 1<<32 - 7, IPID: 1<<32 - 8,
		SrcMAC: [6]byte{1, 2, 3, 4, 5, 6}, DstMAC: [6]byte{7, 8, 9, 10, 11, 12},
		EtherType: 65535, VLANID: 4095, InnerVLANID: 4094, PPPoESession: 65534, FragmentOffset: 65528,
		SrcPort: 65533, DstPort: 65532, WindowSize: 65531, MSS: 65530, ARPOperation: 65529, WireSegments: 65527,
		Interface: 255, Direction: decode.Unknown, IPVersion: 6, Protocol: 255, TTL: 254, TrafficClass: 253, Flags: 252,
		WindowScale: 251, ICMPType: 250, ICMPCode: 249, DecodeError: decode.Reasons - 1,
		SPI: 1<<32 - 9, TunnelKey: 1<<32 - 10, DNSType: 65526, DNSAnswers: 65525, TLSVersion: 65524, TCPOptions: 248,
		SACKBlocks: 247, IGMPType: 246, VRRPID: 245, VRRPPriority: 244, Tunnel: decode.Tunnels - 1,
		NameKind: decode.NameKinds - 1, DNSRCode: 243, HTTPMethod: decode.Methods - 1, DHCPType: 242, NTPMode: 241,
	}}
	p.Inner = decode.Inner{SrcPort: 65523, DstPort: 65522, IPVersion: 6, Protocol: 240}
	p.Name.Length = uint8(len(p.Name.Bytes))
	p.ALPN.Length = uint8(len(p.ALPN.Bytes))
	p.Answers.Count, p.Answers.Wide = uint8(len(p.Answers.List)), 255
	p.Assigned.Version = 6
	texts := [][]byte{p.Name.Text(), p.ALPN.Text()}
	for n, text := range texts {
		for i := range text {
			text[i] = byte(' ' + (n+i)%95)
		}
	}
	for i := range p.SrcIP {
		p.SrcIP[i], p.DstIP[i] = byte(i+1), byte(100+i)
		p.Inner.SrcIP[i], p.Inner.DstIP[i], p.Assigned.IP[i] = byte(i+2), byte(101+i), byte(50+i)
		for n := range p.Answers.List {
			p.Answers.List[n][i] = byte(n + 3*i)
		}
	}
	return p
}

func TestRecordAllFields(t *testing.T) {
	p := fullPacket()
	b := appendRecord(make([]byte, 0, maxRecord), &p)
	if len(b) > maxRecord {
		t.Fatalf("the longest record has %d bytes, maxRecord is %d", len(b), maxRecord)
	}
	var got decode.Packet
	rest, err := parseRecord(append(b, 1, 2, 3), &got)
	if err != nil || got != p || len(rest) != 3 {
		t.Fatalf("got  %+v, %d bytes left, %v\nwant %+v", got, len(rest), err, p)
	}
}

// TestRecordKeepsPackets: whatever decode makes of a frame of any kind, cut anywhere, comes back as it was.
func TestRecordKeepsPackets(t *testing.T) {
	var frame, b []byte
	for n, kind := range testbed.AllKinds() {
		frame = testbed.BuildFrame(frame, uint32(n), kind, testbed.FrameConfig{})
		for cut := range frame {
			var p, got decode.Packet
			decode.Decode(&p, &decode.Meta{Time: 1e18, WireLength: uint32(len(frame)), LinkType: decode.LinkEthernet, Interface: 3, Direction: decode.Out}, frame[:cut])
			b = appendRecord(make([]byte, 0, maxRecord), &p)
			rest, err := parseRecord(b, &got)
			if err != nil || len(rest) != 0 || got != p {
				t.Fatalf("%v cut at %d: got  %+v, %v\nwant %+v", kind, cut, got, err, p)
			}
		}
	}
}

// inFormat1 makes a record of format 1 of one that has both MAC addresses or neither, and none of the later groups.
func inFormat1(b []byte) []byte {
	groups := binary.LittleEndian.Uint32(b)
	fields := groups & recordFields
	fields = fields&1 | fields>>2<<1
	binary.LittleEndian.PutUint32(b, groups&^recordFields|fields)
	return b
}

// TestRecordFormat1: what a program of before the upgrade left in the spool is read as it was meant.
func TestRecordFormat1(t *testing.T) {
	full := fullPacket()
	full.Valid &= 1<<(groups1+1) - 1
	cooked := full
	cooked.DstMAC = [6]byte{}
	cooked.Valid &^= decode.HasDstMAC
	plain := decode.Packet{Head: decode.Head{Valid: decode.HasIP | decode.HasAddresses | decode.HasPayload, IPVersion: 4, PayloadLength: 9}}
	for _, want := range []decode.Packet{full, cooked, plain} {
		zero := func() decode.Packet { // of what the old groups do not hold
			var p decode.Packet
			if _, err := parseRecord(appendRecord(make([]byte, 0, maxRecord), &want), &p); err != nil {
				t.Fatal(err)
			}
			return p
		}()
		old := want
		if old.Valid.Has(decode.HasMAC) {
			old.Valid |= decode.HasDstMAC // one group for both, zeros where there was none
		}
		b := inFormat1(appendRecord(make([]byte, 0, maxRecord), &old))
		var got decode.Packet
		rest, err := parseRecord1(append(b, 7), &got)
		if err != nil || len(rest) != 1 || got != zero {
			t.Errorf("got  %+v, %v\nwant %+v", got.Head, err, zero.Head)
		}
		for n := range b {
			if _, err := parseRecord1(b[:n], &got); !errors.Is(err, errRecord) {
				t.Fatalf("the first %d of %d bytes: %v", n, len(b), err)
			}
		}
	}
	later := make([]byte, recordBase)
	binary.LittleEndian.PutUint32(later, 1<<groups1)
	var p decode.Packet
	if _, err := parseRecord1(later, &p); !errors.Is(err, errRecord) {
		t.Errorf("a group that format 1 did not have: %v", err)
	}
}

func TestRecordCutOff(t *testing.T) {
	p := fullPacket()
	b := appendRecord(make([]byte, 0, maxRecord), &p)
	for n := range b {
		var got decode.Packet
		if _, err := parseRecord(b[:n], &got); !errors.Is(err, errRecord) {
			t.Fatalf("the first %d of %d bytes: %v", n, len(b), err)
		}
	}
}

func FuzzRecord(f *testing.F) {
	p := fullPacket()
	f.Add(appendRecord(make([]byte, 0, maxRecord), &p))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		var p decode.Packet
		rest, err := parseRecord(b, &p)
		if err != nil {
			return
		}
		if len(rest) >= len(b) {
			t.Fatalf("%d bytes left of %d", len(rest), len(b))
		}
		// A second reading of what a second writing gives is the same packet.
		var again decode.Packet
		if _, err := parseRecord(appendRecord(make([]byte, 0, maxRecord), &p), &again); err != nil {
			t.Fatal(err)
		}
		p.WireSegments, again.WireSegments = max(p.WireSegments, 1), max(again.WireSegments, 1)
		if p.Valid.Has(decode.HasAddresses) && p.IPVersion != 6 {
			clear(p.SrcIP[4:]) // a wide address without IPv6 is what nobody writes
			clear(p.DstIP[4:])
		}
		if p != again {
			t.Fatalf("%+v\n%+v", p, again)
		}
	})
}

// TestRecordingAllocatesNothing: decode, record and rows, the whole way of a packet in this process.
func TestRecordingAllocatesNothing(t *testing.T) {
	frame := testbed.BuildFrame(nil, 1, testbed.TCPSYN, testbed.FrameConfig{})
	meta := decode.Meta{Time: 1e18, WireLength: uint32(len(frame)), LinkType: decode.LinkEthernet}
	var p, again decode.Packet
	records := make([]byte, 0, maxRecord)
	text := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(1000, func() {
		decode.Decode(&p, &meta, frame)
		records = appendRecord(records[:0], &p)
		if _, err := parseRecord(records, &again); err != nil {
			t.Fatal(err)
		}
		text = appendTextRow(text[:0], rareRow, &again, "1\teth0\t")
		text = appendBinaryRow(text[:0], rareRow, &again, "eth0")
	}); n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
}

// mix is a batch of packets of all kinds.
func mix() []decode.Packet {
	r := rand.New(rand.NewPCG(1, 2))
	kinds := testbed.AllKinds()
	packets := make([]decode.Packet, 1024)
	var frame []byte
	for i := range packets {
		frame = testbed.BuildFrame(frame, r.Uint32N(testbed.NumberLimit), kinds[i%len(kinds)], testbed.FrameConfig{})
		decode.Decode(&packets[i], &decode.Meta{Time: 1e18 + int64(i), WireLength: uint32(len(frame)), LinkType: decode.LinkEthernet}, frame)
	}
	return packets
}

func BenchmarkAppendRecord(b *testing.B) {
	packets := mix()
	buf := make([]byte, 0, 1024*maxRecord)
	b.ReportAllocs()
	bytes := 0
	for i := 0; b.Loop(); i++ {
		if i%1024 == 0 {
			buf = buf[:0]
		}
		n := len(buf)
		buf = appendRecord(buf, &packets[i%1024])
		bytes += len(buf) - n
	}
	b.ReportMetric(float64(bytes)/float64(b.N), "bytes/record")
}

func BenchmarkParseRecord(b *testing.B) {
	packets := mix()
	buf := make([]byte, 0, 1024*maxRecord)
	for i := range packets {
		buf = appendRecord(buf, &packets[i])
	}
	b.ReportAllocs()
	var p decode.Packet
	rest := buf
	for b.Loop() {
		if len(rest) == 0 {
			rest = buf
		}
		var err error
		if rest, err = parseRecord(rest, &p); err != nil {
			b.Fatal(err)
		}
	}
}
