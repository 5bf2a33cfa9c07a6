//go:build linux

package pcapfilter

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// headerLink is the length of an Ethernet header without tags.
const headerLink = 14

// makeChain makes a frame with up to most headers between the network header and the last protocol, some of which
// are cut short.
func makeChain(r *rand.Rand, most int) []byte {
	frame := append(append([]byte(nil), pick(r, poolMAC)...), pick(r, poolMAC)...)
	six := r.IntN(2) == 0
	var between []byte // the numbers of the headers, the last protocol at the end
	for range r.IntN(most + 1) {
		between = append(between, pick(r, []byte{protoHopByHop, protoRouting, protoDestOpts, protoFrag6, protoAH, protoAH}))
	}
	between = append(between, pick(r, []byte{protoTCP, protoUDP, protoESP, 59, protoICMPv6}))
	if six {
		frame = binary.BigEndian.AppendUint16(frame, etherIPv6)
		frame = append(frame, 0x60, 0, 0, 0, 0, 0, between[0], 64)
		frame = append(frame, random(r, 32)...)
	} else {
		options := r.IntN(3)
		frame = binary.BigEndian.AppendUint16(frame, etherIP)
		frame = append(frame, 0x45+byte(options), 0, 0, 0, 0, 0, 0, 0, 64, between[0])
		frame = append(frame, random(r, 10+4*options)...)
	}
	for i, number := range between[:len(between)-1] {
		length := byte(r.IntN(3))
		bytes := (int(length) + 1) * 8
		switch number {
		case protoAH:
			bytes = (int(length) + 2) * 4
		case protoFrag6:
			length, bytes = 0, 8
		}
		frame = append(frame, between[i+1], length)
		frame = append(frame, random(r, bytes-2)...)
	}
	frame = append(frame, random(r, 20)...)
	if r.IntN(5) == 0 {
		frame = frame[:1+r.IntN(len(frame))]
	}
	return frame
}

// walk reads a chain the slow way, with the loop. It returns whether a number is in it and how many headers stand
// before, and whether an authentication header stands before another one that is passed, which
// libpcap gets wrong.
func walk(frame []byte, number byte, etherType uint16) (found bool, passed int, behindAH bool) {
	if len(frame) < headerLink || binary.BigEndian.Uint16(frame[12:]) != etherType {
		return false, 0, false
	}
	at, place := headerLink+header6, headerLink+nextHeader6
	if etherType == etherIP {
		place = headerLink + protocol4
		if place >= len(frame) {
			return false, 0, false
		}
		at = headerLink + int(frame[headerLink]&0xf)*4
	}
	if place >= len(frame) {
		return false, 0, false
	}
	next := frame[place]
	seenAH := false
	for {
		if next == number {
			return true, passed, behindAH
		}
		var more, unit int
		switch {
		case next == protoAH:
			more, unit = 2, 4
		case etherType == etherIPv6 && (next == protoHopByHop || next == protoDestOpts || next == protoRouting || next == protoFrag6):
			more, unit = 1, 8
		default:
			return false, passed, behindAH
		}
		behindAH = behindAH || seenAH
		seenAH = seenAH || next == protoAH
		if at+1 >= len(frame) {
			return false, passed, behindAH
		}
		next = frame[at]
		at += (int(frame[at+1]) + more) * unit
		passed++
	}
}

func TestProtochain(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 302))
	var frames [][]byte
	for range 6000 {
		frames = append(frames, makeChain(r, 2))
	}
	for range 3000 {
		frames = append(frames, makeChain(r, maxChain+2))
	}
	k := newKernelRunner(t)
	for _, row := range []struct {
		expr      string
		number    byte
		four, six bool
	}{
		{"ip protochain 6", 6, true, false},
		{"ip6 protochain 6", 6, false, true},
		{`protochain \tcp`, 6, true, true},
		{"protochain 17", 17, true, true},
		{`ip6 protochain \ipv6-frag`, protoFrag6, false, true},
		{"protochain ipv6-nonxt", 59, true, true},
		{`protochain \ah`, protoAH, true, true},
		{"ip6 protochain 0", 0, false, true},
	} {
		b := compileBoth(t, Ethernet, []string{row.expr})[0]
		if b.err != nil || !b.taken {
			t.Fatalf("%s: ours: %v; taken by tcpdump: %v", row.expr, b.err, b.taken)
		}
		machine := raw(t, b.ours)
		if err := k.attach(machine); err != nil {
			t.Fatalf("%s: the kernel refuses the program: %v", row.expr, err)
		}
		ours, compared, matched, tooLong := runner(t, machine), 0, 0, 0
		for i, frame := range frames {
			four, passed4, wrong4 := walk(frame, row.number, etherIP)
			six, passed6, wrong6 := walk(frame, row.number, etherIPv6)
			passed := max(passed4, passed6)
			found := four && row.four || six && row.six
			if found && passed > maxChain {
				tooLong++
			}
			want := found && passed <= maxChain
			got := ours(frame) != 0
			if got != want {
				t.Fatalf("%s: frame %d, % x: got %v, want %v", row.expr, i, frame, got, want)
			}
			if inKernel := i%10 == 0; inKernel && k.accepts(t, frame) != want {
				t.Fatalf("%s: frame %d, % x: the kernel does not say %v", row.expr, i, frame, want)
			}
			if got {
				matched++
			}
			if passed > maxChain || wrong4 || wrong6 {
				continue
			}
			compared++
			if theirs := interpret(t, b.theirs, frame, metadata{}) != 0; got != theirs {
				t.Fatalf("%s: frame %d, % x: got %v, tcpdump says %v", row.expr, i, frame, got, theirs)
			}
		}
		if matched < 100 || compared < len(frames)/2 {
			t.Errorf("%s: %d of %d frames match, %d compared with tcpdump: the test proves little", row.expr, matched, len(frames), compared)
		}
		t.Logf("%s: %d instructions, %d of %d frames match, %d compared with tcpdump, %d chains beyond the bound", row.expr, len(b.ours), matched, len(frames), compared, tooLong)
	}
}

// Behind a tag that a live program finds at run time the chain stands where the shift says.
func TestProtochainBehindLiveTag(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 303))
	prog, err := Compile("vlan and protochain 6", Options{LinkType: Ethernet, Live: true})
	if err != nil {
		t.Fatal(err)
	}
	machine := raw(t, prog)
	matched := 0
	for range 2000 {
		frame := makeChain(r, 3)
		four, _, _ := walk(frame, protoTCP, etherIP)
		six, _, _ := walk(frame, protoTCP, etherIPv6)
		want := four || six
		if got := interpret(t, machine, frame, metadata{tagged: true}) != 0; got != want {
			t.Fatalf("tag in the metadata: % x: got %v, want %v", frame, got, want)
		}
		if len(frame) > 12 {
			tagged := append(append(append([]byte(nil), frame[:12]...), 0x81, 0x00, 0x00, 0x05), frame[12:]...)
			if got := interpret(t, machine, tagged, metadata{}) != 0; got != want {
				t.Fatalf("tag in the bytes: % x: got %v, want %v", tagged, got, want)
			}
		}
		if want {
			matched++
		}
	}
	if matched < 200 {
		t.Errorf("only %d frames match", matched)
	}
}
