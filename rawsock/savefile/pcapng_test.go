package savefile

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestReadPcapng(t *testing.T) {
	// 0x60000 with the low half set: both halves of the time matter.
	const ticks = 0x0006_0a24_1817_4600
	plain := func(data string, time int64) Frame {
		return Frame{Data: []byte(data), Time: time, WireLength: uint32(len(data)), LinkType: 1, Direction: DirectionUnknown}
	}
	tests := []struct {
		name       string
		build      func(*builder) *builder
		interfaces []Interface
		want       []Frame
	}{
		{
			name:  "section alone",
			build: func(b *builder) *builder { return b.section() },
		},
		{
			name: "microseconds unless the interface says otherwise, every padding",
			build: func(b *builder) *builder {
				ngWith(b)
				for _, data := range []string{"", "a", "ab", "abc", "abcd"} {
					b.enhanced(0, ticks, uint32(len(data)), data, nil)
				}
				return b
			},
			interfaces: []Interface{{LinkType: 1}},
			want: []Frame{
				plain("", ticks*1000), plain("a", ticks*1000), plain("ab", ticks*1000), plain("abc", ticks*1000), plain("abcd", ticks*1000),
			},
		},
		{
			name: "wire length below the captured length is raised",
			build: func(b *builder) *builder {
				return ngWith(b).enhanced(0, 1, 2, "abc", nil)
			},
			interfaces: []Interface{{LinkType: 1}},
			want:       []Frame{plain("abc", 1000)},
		},
		{
			name: "interface options",
			build: func(b *builder) *builder {
				b.section().describe(113, 96, func(o *builder) {
					o.option(2, "br-lan").option(3, "a description").option(11, "\x00tcp port 80").option(9, "\x09").option(0, "")
				})
				b.describe(1, 0, func(o *builder) { o.option(2, "eth0\x00\x00").option(11, "\x01\x06\x00").option(2, "second name") })
				b.describe(1, 0, func(o *builder) { o.option(11, "").option(2, "") })
				return b.enhanced(0, ticks, 1500, "abc", nil).enhanced(1, ticks, 3, "abc", nil)
			},
			interfaces: []Interface{{Name: "br-lan", LinkType: 113, SnapLength: 96, Filter: "tcp port 80"}, {Name: "eth0", LinkType: 1}, {LinkType: 1}},
			want: []Frame{
				{Data: []byte("abc"), Time: ticks, WireLength: 1500, LinkType: 113, Direction: DirectionUnknown},
				{Data: []byte("abc"), Time: ticks * 1000, WireLength: 3, LinkType: 1, Interface: 1, Direction: DirectionUnknown},
			},
		},
		{
			name: "resolution of a power of two, offset before 1970",
			build: func(b *builder) *builder {
				b.section().describe(1, 0, func(o *builder) {
					o.option(9, "\x94")
					o.u16(14, 8).u64(1<<64 - 100)
				})
				return b.enhanced(0, 3<<20|1<<19, 3, "abc", nil)
			},
			interfaces: []Interface{{LinkType: 1}},
			want:       []Frame{plain("abc", -96_500000000)},
		},
		{
			name: "options behind the end of options are not read",
			build: func(b *builder) *builder {
				return ngWith(b).enhanced(0, 1, 1, "a", func(o *builder) { o.option(0, "").u16(2, 4).u32(2) })
			},
			interfaces: []Interface{{LinkType: 1}},
			want:       []Frame{plain("a", 1000)},
		},
		{
			name: "flags among comments",
			build: func(b *builder) *builder {
				return ngWith(b).enhanced(0, 1, 1, "a", func(o *builder) {
					o.option(1, strings.Repeat("comment", 9000)).u16(2, 4).u32(0xffff0002).option(1, "x").option(0, "")
				})
			},
			interfaces: []Interface{{LinkType: 1}},
			want:       []Frame{{Data: []byte("a"), Time: 1000, WireLength: 1, LinkType: 1, Direction: DirectionOut}},
		},
		{
			name: "flags of another length are none",
			build: func(b *builder) *builder {
				return ngWith(b).enhanced(0, 1, 1, "a", func(o *builder) { o.option(2, "\x02\x00").option(0, "") })
			},
			interfaces: []Interface{{LinkType: 1}},
			want:       []Frame{plain("a", 1000)},
		},
		{
			name: "obsolete packet block",
			build: func(b *builder) *builder {
				return ngWith(b).block(2, func(body *builder) {
					body.u16(0, 9).u32(ticks>>32, ticks&0xffffffff, 3, 60).text("abc").pad().u16(2, 4).u32(1).option(0, "")
				})
			},
			interfaces: []Interface{{LinkType: 1}},
			want:       []Frame{{Data: []byte("abc"), Time: ticks * 1000, WireLength: 60, LinkType: 1, Direction: DirectionIn}},
		},
		{
			name: "simple packets end at the wire length, the snap length or the block",
			build: func(b *builder) *builder {
				return b.section().describe(1, 6, nil).simple(3, "abc").simple(1500, "abcdef").simple(1500, "abcd")
			},
			interfaces: []Interface{{LinkType: 1, SnapLength: 6}},
			want: []Frame{
				{Data: []byte("abc"), WireLength: 3, LinkType: 1, Direction: DirectionUnknown},
				{Data: []byte("abcdef"), WireLength: 1500, LinkType: 1, Direction: DirectionUnknown},
				{Data: []byte("abcd"), WireLength: 1500, LinkType: 1, Direction: DirectionUnknown},
			},
		},
		{
			name: "other blocks are passed over",
			build: func(b *builder) *builder {
				filler := func(body *builder) { body.raw(make([]byte, 100)...) }
				b.section().block(4, filler).describe(1, 0, nil)
				for _, kind := range []uint32{5, 10, 0xbad, 0x40000bad, 0x7fffffff, 0} {
					b.block(kind, filler)
				}
				return b.enhanced(0, 1, 3, "abc", nil).block(9, func(*builder) {})
			},
			interfaces: []Interface{{LinkType: 1}},
			want:       []Frame{plain("abc", 1000)},
		},
		{
			name: "sections number their interfaces anew and choose their byte order",
			build: func(b *builder) *builder {
				b.section().describe(1, 0, nil).describe(101, 0, nil).enhanced(1, 1, 1, "a", nil)
				other := littleEndian()
				if b.order.String() == other.order.String() {
					other = bigEndian()
				}
				other.section().describe(276, 0, func(o *builder) { o.option(9, "\x09") }).enhanced(0, 5, 1, "b", nil)
				return b.raw(other.buf...).section().describe(113, 0, nil).simple(1, "c")
			},
			interfaces: []Interface{{LinkType: 1}, {LinkType: 101}, {LinkType: 276}, {LinkType: 113}},
			want: []Frame{
				{Data: []byte("a"), Time: 1000, WireLength: 1, LinkType: 101, Interface: 1, Direction: DirectionUnknown},
				{Data: []byte("b"), Time: 5, WireLength: 1, LinkType: 276, Interface: 2, Direction: DirectionUnknown},
				{Data: []byte("c"), WireLength: 1, LinkType: 113, Interface: 3, Direction: DirectionUnknown},
			},
		},
		{
			name: "length without the padding",
			build: func(b *builder) *builder {
				return ngWith(b).u32(6, 35, 0, 0, 1, 3, 3).text("abc").raw(0).u32(35).enhanced(0, 2, 1, "d", nil)
			},
			interfaces: []Interface{{LinkType: 1}},
			want:       []Frame{plain("abc", 1000), plain("d", 2000)},
		},
		{
			name: "longest frame",
			build: func(b *builder) *builder {
				return ngWith(b).enhanced(0, 1, MaxFrame, string(make([]byte, MaxFrame)), nil)
			},
			interfaces: []Interface{{LinkType: 1}},
			want:       []Frame{plain(string(make([]byte, MaxFrame)), 1000)},
		},
	}
	for _, test := range tests {
		for _, order := range bothOrders {
			t.Run(test.name+"/"+order.name, func(t *testing.T) {
				r, err := NewReader(bytes.NewReader(test.build(order.new()).buf))
				if err != nil {
					t.Fatal(err)
				}
				frames, err := readAll(r)
				if err != nil {
					t.Fatal(err)
				}
				expectFrames(t, frames, test.want)
				if !slices.Equal(r.Interfaces(), test.interfaces) {
					t.Errorf("interfaces %+v, want %+v", r.Interfaces(), test.interfaces)
				}
			})
		}
	}
}

func TestDirections(t *testing.T) {
	tests := []struct {
		name  string
		flags uint32
		want  uint8
	}{
		{"nothing known", 0, DirectionUnknown},
		{"inbound", 1, DirectionIn},
		{"outbound", 2, DirectionOut},
		{"reserved direction", 3, DirectionUnknown},
		{"unicast", 1 << 2, DirectionIn},
		{"multicast", 2 << 2, DirectionMulticast},
		{"broadcast", 3 << 2, DirectionBroadcast},
		{"promiscuous", 4 << 2, DirectionOther},
		{"inbound unicast", 1<<2 | 1, DirectionIn},
		{"inbound multicast", 2<<2 | 1, DirectionMulticast},
		{"inbound broadcast", 3<<2 | 1, DirectionBroadcast},
		{"inbound promiscuous", 4<<2 | 1, DirectionOther},
		{"inbound, reserved reception type", 7<<2 | 1, DirectionIn},
		{"outbound broadcast", 3<<2 | 2, DirectionOut},
		{"check sequence length and link errors beside it", 0xff00_01e0 | 2<<2 | 1, DirectionMulticast},
	}
	for _, test := range tests {
		if got := directionOf(test.flags); got != test.want {
			t.Errorf("%s: direction %d, want %d", test.name, got, test.want)
		}
	}
	for direction := range DirectionUnknown + 3 {
		if got := directionOf(flagsOf(direction)); got != min(direction, DirectionUnknown) {
			t.Errorf("direction %d comes back as %d", direction, got)
		}
	}
}
