package rawsock

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"testing"

	"golang.org/x/net/bpf"
)

// slowHash reads a frame the slow and obvious way and returns what SampleFlow divides by the rate, or that chance decides.
func slowHash(link LinkType, frame []byte) (hash uint32, chance bool) {
	u16 := func(at int) int { return int(binary.BigEndian.Uint16(frame[at:])) }
	u32 := func(at int) uint32 { return binary.BigEndian.Uint32(frame[at:]) }
	noIP := func() (uint32, bool) {
		if link != LinkEthernet || len(frame) < 12 {
			return 0, true
		}
		return finish((u32(2)+shiftAddress)*(u32(8)+shiftAddress), 0, protocolNone), false
	}
	at, version := 0, 0
	switch link {
	case LinkEthernet:
		for at = 14; ; at += 4 {
			if len(frame) < at {
				return noIP()
			}
			kind := u16(at - 2)
			if kind == etherPPPoE {
				if len(frame) < at+8 {
					return noIP()
				}
				version = map[int]int{pppIPv4: 4, pppIPv6: 6}[u16(at+6)]
				at += 8
				break
			}
			if kind == etherLLDP && at == 14 {
				return finish((u32(2)+shiftAddress)*(u32(8)+shiftAddress), 0, protocolLLDP), false
			}
			version = map[int]int{etherIPv4: 4, etherIPv6: 6}[kind]
			if kind != etherVLAN && kind != etherQinQ && kind != etherOldQ || at == 22 {
				break
			}
		}
	case LinkRaw:
		if len(frame) > 0 {
			version = int(frame[0] >> 4)
		}
	}
	var addresses uint32
	var protocol byte
	ports := 0
	switch {
	case version == 4 && len(frame) >= at+20:
		addresses = (u32(at+12) + shiftAddress) * (u32(at+16) + shiftAddress)
		protocol = frame[at+9]
		if fragment := u16(at + 6); fragment&0x3fff == 0 {
			ports = at + int(frame[at]&15)*4
		}
	case version == 6 && len(frame) >= at+40:
		word := func(at int) (sum uint32) {
			for i, w := range weights {
				sum += u32(at+4*i) * w
			}
			return sum + shiftAddress
		}
		addresses = word(at+8) * word(at+24)
		protocol = frame[at+6]
		ports = at + 40
	default:
		return noIP()
	}
	var transport uint32
	switch protocol {
	case 6, 17, 33, 132, 136:
		if ports > 0 && len(frame) >= ports+4 {
			transport = (uint32(u16(ports)) + shiftPort) * (uint32(u16(ports+2)) + shiftPort) * weights[3]
		}
	}
	return finish(addresses, transport, uint32(protocol)), false
}

func finish(addresses, transport, protocol uint32) uint32 {
	h := addresses + transport + protocol
	h = (h ^ h>>16) * weights[0]
	h = (h ^ h>>13) * weights[1]
	return h ^ h>>16
}

func sampler(t testing.TB, link LinkType, s Sampling) func([]byte) int {
	t.Helper()
	p, err := Program(link, Parts{Sampling: s}, []bpf.Instruction{bpf.RetConstant{Val: 1 << 16}})
	if err != nil {
		t.Fatal(err)
	}
	return kernelFilter(t, p)
}

// sampleFrames are frames of every shape that the sampler tells apart, with random addresses and ports.
func sampleFrames(r *rand.Rand) (frames [][]byte) {
	v4 := func() netip.Addr {
		return netip.AddrFrom4([4]byte{10, byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())})
	}
	v6 := func() netip.Addr {
		a := [16]byte{0x20, 1, 0xd, 0xb8}
		binary.BigEndian.PutUint64(a[8:], r.Uint64())
		return netip.AddrFrom16(a)
	}
	port := func(a netip.Addr) netip.AddrPort { return netip.AddrPortFrom(a, uint16(r.Uint32())) }
	links4 := [][]byte{ether(etherIPv4), ether(etherVLAN, etherIPv4), ether(etherQinQ, etherVLAN, etherIPv4), pppoe(pppIPv4), pppoe(pppIPv4, etherOldQ),
		ether(etherVLAN, etherVLAN, etherVLAN, etherIPv4)}
	links6 := [][]byte{ether(etherIPv6), ether(etherVLAN, etherIPv6), pppoe(pppIPv6, etherVLAN, etherVLAN)}
	for _, protocol := range []byte{6, 17, 33, 132, 136, 1, 47, 58, 0, 44} {
		for _, l := range links4 {
			f := segmentFrame(l, port(v4()), port(v4()), protocol)
			frames = append(frames, f)
			fragment := append([]byte(nil), f...)
			fragment[len(l)+6] = []byte{0x20, 0x40, 0x1f}[r.IntN(3)]
			options := append([]byte(nil), f...)
			options[len(l)] = 0x45 + byte(r.IntN(11))
			frames = append(frames, fragment, options)
		}
		for _, l := range links6 {
			frames = append(frames, segmentFrame(l, port(v6()), port(v6()), protocol))
		}
	}
	for _, kind := range []uint16{0x0806, etherLLDP, 0x0026} {
		frames = append(frames, append(ether(kind), make([]byte, 46)...))
	}
	for _, f := range frames {
		for i := range 12 {
			f[i] = byte(r.Uint32())
		}
	}
	return frames
}

// TestSampleAgrees runs the program in the kernel over frames of every shape, and over every beginning of them.
func TestSampleAgrees(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 3))
	for _, rate := range []uint32{2, 3, 10} {
		ethernet, raw := sampler(t, LinkEthernet, Sampling{Rate: rate}), sampler(t, LinkRaw, Sampling{Rate: rate})
		kept, all, chances := 0, 0, 0
		check := func(run func([]byte) int, link LinkType, frame []byte) {
			t.Helper()
			got := run(frame)
			hash, chance := slowHash(link, frame)
			all++
			if chance {
				chances++
				if got != 0 && got != len(frame) {
					t.Errorf("link type %d, % x: %d bytes kept", link, frame, got)
				}
				return
			}
			want := 0
			if hash%rate == 0 {
				want = len(frame)
				kept++
			}
			if got != want {
				t.Fatalf("link type %d, 1 of %d, % x: kept %d bytes, want %d", link, rate, frame, got, want)
			}
		}
		for range 20 {
			for _, f := range sampleFrames(r) {
				check(ethernet, LinkEthernet, f)
				check(raw, LinkRaw, f[14:])
			}
		}
		for _, f := range sampleFrames(r) {
			for n := 1; n < len(f); n++ {
				check(ethernet, LinkEthernet, f[:n])
				check(raw, LinkRaw, f[:n])
			}
		}
		if kept < (all-chances)/int(2*rate) || kept > (all-chances)*2/3 || chances == 0 {
			t.Errorf("1 of %d: %d frames, %d of them kept, %d left to chance: the test proves little", rate, all, kept, chances)
		}
	}
}

// TestSampleSymmetry: both directions of a flow, on every kind of link, share one fate; another port may have another.
func TestSampleSymmetry(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const rate = 4
	ethernet, raw := sampler(t, LinkEthernet, Sampling{Rate: rate}), sampler(t, LinkRaw, Sampling{Rate: rate})
	fates := [2]int{}
	for range 500 {
		a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(r.Uint32())}), uint16(r.Uint32()))
		b := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(r.Uint32())}), uint16(r.Uint32()))
		var seen []bool
		for _, ends := range [][2]netip.AddrPort{{a, b}, {b, a}} {
			for _, link := range [][]byte{ether(etherIPv4), ether(etherVLAN, etherIPv4), pppoe(pppIPv4)} {
				seen = append(seen, ethernet(segmentFrame(link, ends[0], ends[1], 6)) > 0)
			}
			seen = append(seen, raw(segmentFrame(nil, ends[0], ends[1], 6)) > 0)
		}
		for _, s := range seen {
			if s != seen[0] {
				t.Fatalf("%v and %v: %v", a, b, seen)
			}
		}
		if seen[0] {
			fates[1]++
		} else {
			fates[0]++
		}
	}
	if fates[1] < 500/rate/2 || fates[1] > 500/rate*2 {
		t.Errorf("%d of 500 flows kept, want about one in %d", fates[1], rate)
	}
}

// TestSampleShare: of the sets of flows that a router sees, the share that is kept is one in so many, within four standard
// deviations of a fair coin. TestSampleAgrees ties slowHash to the program.
func TestSampleShare(t *testing.T) {
	flow := func(a, b uint32, p, q uint16, protocol byte) []byte {
		addr := func(v uint32) netip.Addr { return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, v))) }
		return segmentFrame(nil, netip.AddrPortFrom(addr(a), p), netip.AddrPortFrom(addr(b), q), protocol)
	}
	flow6 := func(a, b uint64, p, q uint16) []byte {
		addr := func(v uint64) netip.Addr {
			x := [16]byte{0x20, 1, 0xd, 0xb8}
			binary.BigEndian.PutUint64(x[8:], v)
			return netip.AddrFrom16(x)
		}
		return segmentFrame(nil, netip.AddrPortFrom(addr(a), p), netip.AddrPortFrom(addr(b), q), 6)
	}
	const lan, server = 0xc0a80114, 0xc6336407
	const flows = 60000
	r := rand.New(rand.NewPCG(7, 7))
	for _, set := range []struct {
		name string
		make func(i int) []byte
	}{
		{"one client, sequential ports, one server", func(i int) []byte { return flow(lan, server, uint16(i), 443, 6) }},
		{"one client, every second port", func(i int) []byte { return flow(lan, server+uint32(i/30000), uint16(2*i), 443, 6) }},
		{"one client, sequential servers", func(i int) []byte { return flow(lan, server+uint32(i), 40000, 443, 6) }},
		{"sequential clients, one server", func(i int) []byte { return flow(0x0a000000+uint32(i), server, 40000, 80, 6) }},
		{"many clients at one server's port", func(i int) []byte { return flow(0x0a000000+uint32(i/200), server, uint16(32768+i%200), 53, 17) }},
		{"pairs of neighbours", func(i int) []byte { return flow(0x0a000000+uint32(2*i), 0x0a000001+uint32(2*i), 5353, 5353, 17) }},
		{"a port scan", func(i int) []byte { return flow(lan, server, 55555, uint16(i), 6) }},
		{"pings of a net", func(i int) []byte { return flow(lan, 0x0a000000+uint32(i), 0, 0, 1) }},
		{"both ends random", func(i int) []byte { return flow(r.Uint32(), r.Uint32(), uint16(r.Uint32()), uint16(r.Uint32()), 6) }},
		{"IPv6, sequential interface identifiers", func(i int) []byte { return flow6(uint64(i), 1, 40000, 443) }},
		{"IPv6, sequential prefixes", func(i int) []byte { return flow6(uint64(i)<<32, 1, 40000, 443) }},
		{"IPv6, sequential ports", func(i int) []byte { return flow6(7, 1, uint16(i), 443) }},
	} {
		for _, rate := range []uint32{2, 3, 10, 100, 1000} {
			t.Run(fmt.Sprintf("%s, 1 of %d", set.name, rate), func(t *testing.T) {
				kept := 0
				for i := range flows {
					if hash, _ := slowHash(LinkRaw, set.make(i)); hash%rate == 0 {
						kept++
					}
				}
				p := 1 / float64(rate)
				if off := (float64(kept) - flows*p) / math.Sqrt(flows*p*(1-p)); math.Abs(off) > 4 {
					t.Errorf("%d of %d flows kept, %.1f standard deviations from fair", kept, flows, off)
				}
			})
		}
	}
}

func TestSamplePacket(t *testing.T) {
	const frames, rate = 4000, 4
	run := sampler(t, LinkEthernet, Sampling{Rate: rate, By: SamplePacket})
	for name, frame := range map[string][]byte{
		"tcp": segmentFrame(ether(etherIPv4), netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("192.0.2.2:2"), 6),
		"arp": append(ether(0x0806), make([]byte, 28)...),
	} {
		kept := 0
		for range frames {
			if run(frame) > 0 {
				kept++
			}
		}
		// Six standard deviations: one run in 500 million is further off.
		if off := (float64(kept) - frames/rate) / math.Sqrt(frames*0.25*0.75); math.Abs(off) > 6 {
			t.Errorf("%s: %d of %d kept, want one in %d", name, kept, frames, rate)
		}
	}
}

// TestProgramOrder: own traffic is rejected whatever the sampling says, and a sampled frame is cut as its names ask.
func TestProgramOrder(t *testing.T) {
	own := netip.MustParseAddrPort("192.0.2.1:8000")
	p, err := Program(LinkEthernet, Parts{
		Own: Own{Listeners: []netip.AddrPort{own}}, Sampling: Sampling{Rate: 2}, Names: &someNames, Long: longSnap,
	}, []bpf.Instruction{bpf.RetConstant{Val: shortSnap}})
	if err != nil {
		t.Fatal(err)
	}
	if len(p) > 265 {
		t.Errorf("%d instructions for all parts, want at most 265", len(p))
	}
	run := kernelFilter(t, p)
	lengths := map[int]int{}
	for port := range uint16(400) {
		client := netip.AddrPortFrom(netip.MustParseAddr("192.0.2.7"), 10000+port)
		if n := run(segmentFrame(ether(etherIPv4), client, own, 6)); n != 0 {
			t.Fatalf("own traffic: %d bytes", n)
		}
		lengths[run(carrying(ether(etherIPv4), false, 17, 10000+port, 53, 0, 1))]++
		lengths[run(carrying(ether(etherIPv4), false, 17, 10000+port, 54, 0, 1))]++
	}
	for _, n := range []int{shortSnap, longSnap} {
		if got := lengths[n]; got < 130 || got > 270 {
			t.Errorf("%d of 400 frames were cut to %d bytes, want about half: %v", got, n, lengths)
		}
	}
}

func TestProgramRefuses(t *testing.T) {
	for name, program := range map[string][]bpf.Instruction{
		"two lengths": {bpf.LoadExtension{Num: bpf.ExtLen}, bpf.JumpIf{Cond: bpf.JumpEqual, Val: 60, SkipTrue: 1}, bpf.RetConstant{Val: 64}, bpf.RetConstant{Val: 128}},
		"computed":    {bpf.LoadExtension{Num: bpf.ExtLen}, bpf.RetA{}},
	} {
		if _, err := Program(LinkEthernet, Parts{Sampling: Sampling{Rate: 2}}, program); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
