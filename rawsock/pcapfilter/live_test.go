package pcapfilter

import (
	"encoding/binary"
	"testing"

	"golang.org/x/net/bpf"
)

// received is what the kernel hands over of a frame: the outer tag moves from the bytes to the metadata.
func received(frame []byte) ([]byte, metadata) {
	if len(frame) < 18 {
		return frame, metadata{}
	}
	switch binary.BigEndian.Uint16(frame[12:]) {
	case etherVLAN, etherQinQ, etherQinQ9:
		stripped := append(append([]byte(nil), frame[:12]...), frame[16:]...)
		return stripped, metadata{tagged: true, tci: binary.BigEndian.Uint16(frame[14:])}
	}
	return frame, metadata{}
}

// A live program must say of a received frame, and of one sent with its tag in the bytes, what
// the program for files says of the frame on the wire. That holds where "vlan" is always
// reached and neither what stands before it nor an "ether" access looks behind the addresses.
func TestLiveAgreesWithTheWire(t *testing.T) {
	frames := makeFrames(4000)
	for _, expr := range []string{
		"vlan", "not vlan", "vlan 5", "not vlan 100", "vlan and ip", "vlan 5 and tcp", "vlan and tcp port 80 or 443", "vlan and udp port 53", "vlan and portrange 20-80",
		"vlan and host 10.1.2.3", "vlan and net 2001:db8::/32", "vlan and arp", "vlan and arp host 192.0.2.1", "vlan 5 or vlan 100", "vlan and vlan", "vlan 5 and vlan 100",
		"vlan and vlan and ip", "vlan and vlan and tcp[13] & 2 != 0", "vlan and ip[0] & 0xf > 5", "vlan and ip[ip[0] & 15] > 3", "vlan and tcp[13] & 2 != 0",
		"vlan and tcp[ip[0] & 7:2] > 3", "vlan and udp[0:2] = udp[2:2]", "vlan and icmp[0] = 8", "vlan and icmp6[0] = 128", "vlan and icmp6[ip6[7] & 3] > 3",
		"vlan or ip", "vlan 1 or udp", "vlan or tcp port 22", "vlan and not tcp", "ether host 02:00:00:00:00:01 and vlan and ip", "not multicast and vlan 100 and ip6",
		"vlan and ip multicast", "vlan and ip6 multicast", "vlan and (ip[8] + ip[9]) * (ip[1] - ip[2]) > 1000",
		"vlan and " + sum(0, 1) + " > ip[1] * 2048", "vlan and " + sum(6, 1) + " > ip[1] * 2048", "vlan and " + sum(2, 30) + " > ip[1] * 8192",
	} {
		wire, err := Compile(expr, Options{LinkType: Ethernet})
		if err != nil {
			t.Fatal(err)
		}
		live, err := Compile(expr, Options{LinkType: Ethernet, Live: true})
		if err != nil {
			t.Fatal(err)
		}
		rawWire, rawLive := raw(t, wire), raw(t, live)
		matched := 0
		for i, frame := range frames {
			want := interpret(t, rawWire, frame, metadata{})
			if want != 0 {
				matched++
			}
			if got := interpret(t, rawLive, frame, metadata{}); got != want && len(frame) >= 14 {
				t.Errorf("%s: frame %d with its tag in the bytes: got %d, want %d\n%s", expr, i, got, want, FormatD(live))
				break
			}
			stripped, meta := received(frame)
			if got := interpret(t, rawLive, stripped, meta); got != want && len(frame) >= 18 {
				t.Errorf("%s: frame %d with its tag in the metadata: got %d, want %d\n%s", expr, i, got, want, FormatD(live))
				break
			}
		}
		if matched == 0 || matched == len(frames) {
			t.Errorf("%s matches %d of %d frames: the comparison proves nothing", expr, matched, len(frames))
		}
	}
}

// What stands before "vlan" sees the frame as the kernel shows it, which is why a live program
// finds here what the bytes on the wire cannot have.
func TestLiveBeforeVLAN(t *testing.T) {
	frame := append(make([]byte, 12), 0x08, 0x00, 0x45)
	frame = append(frame, make([]byte, 40)...)
	prog, err := Compile("ip and vlan 5", Options{LinkType: Ethernet, Live: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		meta metadata
		want uint32
	}{
		{metadata{tagged: true, tci: 0xa005}, DefaultSnapLength},
		{metadata{tagged: true, tci: 6}, 0},
		{metadata{}, 0},
	} {
		if got := interpret(t, raw(t, prog), frame, row.meta); got != row.want {
			t.Errorf("%+v: got %d, want %d", row.meta, got, row.want)
		}
	}
}

func TestLiveDirection(t *testing.T) {
	for _, row := range []struct {
		expr    string
		link    LinkType
		out, in uint32
	}{
		{"outbound", Ethernet, DefaultSnapLength, 0},
		{"inbound", Ethernet, 0, DefaultSnapLength},
		{"not inbound", Raw, DefaultSnapLength, 0},
	} {
		prog, err := Compile(row.expr, Options{LinkType: row.link, Live: true})
		if err != nil {
			t.Fatal(err)
		}
		if got := interpret(t, raw(t, prog), []byte{0x45}, metadata{outgoing: true}); got != row.out {
			t.Errorf("%s, sent: got %d, want %d", row.expr, got, row.out)
		}
		if got := interpret(t, raw(t, prog), []byte{0x45}, metadata{}); got != row.in {
			t.Errorf("%s, received: got %d, want %d", row.expr, got, row.in)
		}
	}
}

// Every path to the scratch word of the shift must write it first, or the kernel refuses the program.
func TestLiveWritesTheShiftFirst(t *testing.T) {
	prog, err := Compile("tcp or vlan and ip", Options{LinkType: Ethernet, Live: true})
	if err != nil {
		t.Fatal(err)
	}
	if prog[1] != (bpf.StoreScratch{Src: bpf.RegA, N: shiftSlot}) {
		t.Errorf("the program does not begin with the shift:\n%s", FormatD(prog))
	}
}
