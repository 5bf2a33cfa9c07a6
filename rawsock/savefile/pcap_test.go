package savefile

import (
	"bytes"
	"testing"
)

func TestReadPcap(t *testing.T) {
	tests := []struct {
		name  string
		build func(*builder) *builder
		iface Interface
		want  []Frame
	}{
		{
			name:  "no frame at all",
			build: func(b *builder) *builder { return b.pcapHeader(0xa1b2c3d4, 4, 65535, 1) },
			iface: Interface{LinkType: 1, SnapLength: 65535},
		},
		{
			name: "microseconds",
			build: func(b *builder) *builder {
				return b.pcapHeader(0xa1b2c3d4, 4, 128, 1).record(1700000000, 123456, 1500, "abc").record(1700000001, 0, 0, "")
			},
			iface: Interface{LinkType: 1, SnapLength: 128},
			want: []Frame{
				{Data: []byte("abc"), Time: 1700000000_123456000, WireLength: 1500, LinkType: 1, Direction: DirectionUnknown},
				{Time: 1700000001_000000000, LinkType: 1, Direction: DirectionUnknown},
			},
		},
		{
			name: "nanoseconds, to the last second of the format",
			build: func(b *builder) *builder {
				return b.pcapHeader(0xa1b23c4d, 4, 0, 276).record(4294967295, 999999999, 3, "abc")
			},
			iface: Interface{LinkType: 276},
			want:  []Frame{{Data: []byte("abc"), Time: 4294967295_999999999, WireLength: 3, LinkType: 276, Direction: DirectionUnknown}},
		},
		{
			name: "fraction beyond a second is carried",
			build: func(b *builder) *builder {
				return b.pcapHeader(0xa1b2c3d4, 4, 0, 1).record(4294967295, 4294967295, 1, "a")
			},
			iface: Interface{LinkType: 1},
			want:  []Frame{{Data: []byte("a"), Time: 4294967295*1e9 + 4294967295*1e3, WireLength: 1, LinkType: 1, Direction: DirectionUnknown}},
		},
		{
			name: "length of the frame check sequence beside the link type",
			build: func(b *builder) *builder {
				return b.pcapHeader(0xa1b2c3d4, 4, 0, 0x24000001).record(1, 0, 1, "a")
			},
			iface: Interface{LinkType: 1},
			want:  []Frame{{Data: []byte("a"), Time: 1e9, WireLength: 1, LinkType: 1, Direction: DirectionUnknown}},
		},
		{
			name: "wire length below the captured length is raised",
			build: func(b *builder) *builder {
				return b.pcapHeader(0xa1b2c3d4, 4, 0, 1).record(1, 0, 2, "abc")
			},
			iface: Interface{LinkType: 1},
			want:  []Frame{{Data: []byte("abc"), Time: 1e9, WireLength: 3, LinkType: 1, Direction: DirectionUnknown}},
		},
		{
			name: "version 2.2 has the wire length first",
			build: func(b *builder) *builder {
				return b.pcapHeader(0xa1b2c3d4, 2, 0, 1).u32(1, 0, 60, 3).text("abc")
			},
			iface: Interface{LinkType: 1},
			want:  []Frame{{Data: []byte("abc"), Time: 1e9, WireLength: 60, LinkType: 1, Direction: DirectionUnknown}},
		},
		{
			name: "version 2.3 has either order",
			build: func(b *builder) *builder {
				return b.pcapHeader(0xa1b2c3d4, 3, 0, 1).u32(1, 0, 60, 3).text("abc").u32(2, 0, 3, 60).text("def")
			},
			iface: Interface{LinkType: 1},
			want: []Frame{
				{Data: []byte("abc"), Time: 1e9, WireLength: 60, LinkType: 1, Direction: DirectionUnknown},
				{Data: []byte("def"), Time: 2e9, WireLength: 60, LinkType: 1, Direction: DirectionUnknown},
			},
		},
		{
			name: "modified records tell the direction",
			build: func(b *builder) *builder {
				b.pcapHeader(0xa1b2cd34, 4, 0, 1)
				for _, kind := range []byte{0, 1, 2, 3, 4, 5, 255} {
					b.u32(1, 5, 1, 1, 77).u16(0x0800).raw(kind, 0).text("a")
				}
				return b
			},
			iface: Interface{LinkType: 1},
			want: []Frame{
				{Data: []byte("a"), Time: 1_000005000, WireLength: 1, LinkType: 1, Direction: DirectionIn},
				{Data: []byte("a"), Time: 1_000005000, WireLength: 1, LinkType: 1, Direction: DirectionBroadcast},
				{Data: []byte("a"), Time: 1_000005000, WireLength: 1, LinkType: 1, Direction: DirectionMulticast},
				{Data: []byte("a"), Time: 1_000005000, WireLength: 1, LinkType: 1, Direction: DirectionOther},
				{Data: []byte("a"), Time: 1_000005000, WireLength: 1, LinkType: 1, Direction: DirectionOut},
				{Data: []byte("a"), Time: 1_000005000, WireLength: 1, LinkType: 1, Direction: DirectionUnknown},
				{Data: []byte("a"), Time: 1_000005000, WireLength: 1, LinkType: 1, Direction: DirectionUnknown},
			},
		},
		{
			name: "longest frame",
			build: func(b *builder) *builder {
				return b.pcapHeader(0xa1b2c3d4, 4, 0, 1).record(1, 0, 300000, string(make([]byte, MaxFrame)))
			},
			iface: Interface{LinkType: 1},
			want:  []Frame{{Data: make([]byte, MaxFrame), Time: 1e9, WireLength: 300000, LinkType: 1, Direction: DirectionUnknown}},
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
				if got := r.Interfaces(); len(got) != 1 || got[0] != test.iface {
					t.Errorf("interfaces %+v, want %+v", got, test.iface)
				}
			})
		}
	}
}
