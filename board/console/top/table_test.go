package top

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"unsafe"

	"network-sniffer/decode"
)

// seen is the truth about a row.
type seen struct{ packets, bytes, lane0, lane1 uint64 }

// oracle counts everything, slowly, under the words that a person would use.
type oracle map[string]*seen

func (o oracle) add(name string, bytes uint32, lane int) {
	s := o[name]
	if s == nil {
		s = new(seen)
		o[name] = s
	}
	s.packets++
	s.bytes += uint64(bytes)
	if lane == 0 {
		s.lane0 += uint64(bytes)
	} else {
		s.lane1 += uint64(bytes)
	}
}

// drawn are random packets, some of whose values come far more often than others.
type drawn struct {
	random *rand.Rand
	many   *rand.Zipf
}

func newDrawn(seed uint64, values uint64) *drawn {
	random := rand.New(rand.NewPCG(seed, 6))
	return &drawn{random, rand.NewZipf(random, 1.2, 2, values-1)}
}

func (d *drawn) host() netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], 10<<24+uint32(d.many.Uint64()))
	return netip.AddrFrom4(b)
}

// TestAgainstTruth compares every kind of table with one that has a row for everything.
func TestAgainstTruth(t *testing.T) {
	const packets = 12_000
	// The number of values that a kind can have: below and far above the rows that a table has.
	for _, values := range []uint64{100, 100_000} {
		for kind := Hosts; kind <= Names; kind++ {
			t.Run(fmt.Sprintf("%s of %d", kind, values), func(t *testing.T) {
				draw, table, truth := newDrawn(uint64(kind), values), New(kind), oracle{}
				var all, weights uint64
				for range packets {
					client, port, size := draw.host(), uint16(1024+draw.many.Uint64()%60_000), 60+uint32(draw.random.IntN(1400))
					server := netip.MustParseAddr("192.0.2.1")
					name := fmt.Sprintf("host%d.example.org", draw.many.Uint64())
					back := draw.random.IntN(2)
					p := packet(6, netip.AddrPortFrom(client, 61_000).String(), netip.AddrPortFrom(server, port).String(), size)
					if back == 1 {
						p.SrcIP, p.DstIP, p.SrcPort, p.DstPort = p.DstIP, p.SrcIP, p.DstPort, p.SrcPort
					}
					all += uint64(size)
					weights += uint64(size)
					switch kind {
					case Hosts:
						weights += uint64(size)
						truth.add(client.String(), size, back)
						truth.add(server.String(), size, 1-back)
					case Ports:
						// The lower of the two, unless the other is known: 61000 is not, and above all others.
						truth.add(fmt.Sprint("TCP/", port), size, back)
					case Protocols:
						p.Protocol, p.Valid = byte(150+port%100), p.Valid&^decode.HasPorts
						truth.add(fmt.Sprint("protocol ", p.Protocol), size, 0)
					case Conversations:
						truth.add(fmt.Sprintf("%s:61000 %s:%d", client, server, port), size, back)
					case Names:
						weights += 1 - uint64(size)
						p.Valid |= decode.HasName
						p.NameKind = decode.NameDNS
						p.Name.Length = uint8(copy(p.Name.Bytes[:], name))
						truth.add(name, size, 0)
					}
					table.Add(p)
				}
				check(t, table)
				compare(t, table, truth, all, weights, packets)
			})
		}
	}
}

// compare holds what a table tells against the truth.
func compare(t *testing.T, table *Table, truth oracle, all, weights uint64, packets uint64) {
	t.Helper()
	told := parse(t, table, Entries)
	if told.Packets != packets || told.Bytes != all || told.Without != 0 {
		t.Errorf("%d packets, %d bytes, %d without, want %d, %d, none", told.Packets, told.Bytes, told.Without, packets, all)
	}
	if want := min(len(truth), Entries); len(told.Rows) != want {
		t.Errorf("%d rows, want %d", len(told.Rows), want)
	}
	whole := told.RowsGivenUp == 0
	if whole != (len(truth) <= Entries) {
		t.Errorf("%d rows given up of %d", told.RowsGivenUp, len(truth))
	}
	there := map[string]bool{}
	before := ^uint64(0)
	for _, r := range told.Rows {
		var name string
		lane0, lane1 := r.Bytes, uint64(0)
		switch table.kind {
		case Hosts:
			name, lane0, lane1 = r.IP, r.BytesOut, r.BytesIn
		case Ports:
			name, lane0, lane1 = fmt.Sprint("TCP/", r.Port), r.BytesTo, r.BytesFrom
		case Protocols:
			name = r.ProtocolName
		case Conversations:
			name = fmt.Sprintf("%s:%d %s:%d", r.SrcIP, r.SrcPort, r.DstIP, r.DstPort)
			lane0, lane1 = r.BytesForward, r.BytesBack
		case Names:
			name = r.Name
		}
		is := truth[name]
		if is == nil || there[name] {
			t.Errorf("a row %q that nothing, or another row, stands for", name)
			continue
		}
		there[name] = true
		if r.Bytes != lane0+lane1 || lane0 > is.lane0 || lane1 > is.lane1 || r.Packets > is.packets {
			t.Errorf("%q: %+v is more than the truth %+v", name, r, is)
		}
		weight, unsure, was := r.Bytes, r.BytesUnsure, is.bytes
		if table.kind == Names {
			weight, unsure, was = r.Packets, r.PacketsUnsure, is.packets
		}
		if weight+unsure < was || unsure > weights/Entries {
			t.Errorf("%q: %d and up to %d more, of %d in all; the truth is %d", name, weight, unsure, weights, was)
		}
		if whole && (weight != was || unsure != 0) {
			t.Errorf("%q: %d, unsure %d, of %d though no row was given up", name, weight, unsure, was)
		}
		if weight > before {
			t.Errorf("%q has more than the row above", name)
		}
		before = weight
	}
	for name, is := range truth {
		was := is.bytes
		if table.kind == Names {
			was = is.packets
		}
		if was > weights/Entries && !there[name] {
			t.Errorf("%q has %d of %d and no row", name, was, weights)
		}
	}
}

// check looks for what must hold inside a table at any time.
func check(t *testing.T, table *Table) {
	t.Helper()
	indexed, steps := 0, 0
	for at, number := range table.index {
		if number == 0 {
			continue
		}
		indexed++
		home := int(table.entries[number-1].hash % slots)
		for ; home != at; home = (home + 1) % slots {
			if steps++; table.index[home] == 0 {
				t.Fatalf("entry %d cannot be found: there is a hole before its place", number-1)
			}
		}
	}
	if indexed != table.used {
		t.Errorf("%d entries in the index, %d in use", indexed, table.used)
	}
	// At a quarter full a search takes 0.17 steps on average (Knuth 3, §6.4); one that takes 4 means a bad hash.
	if steps > 4*Entries {
		t.Errorf("%d steps to find %d entries", steps, indexed)
	}
	for at := range table.used {
		if got := table.entries[table.heap[at]].at; int(got) != at {
			t.Errorf("entry %d is at %d in the heap and believes %d", table.heap[at], at, got)
		}
		if at > 0 && table.weightAt(at) < table.weightAt((at-1)/2) {
			t.Errorf("the heap is out of order at %d", at)
		}
	}
}

// A million hosts that come once each push nobody out who takes a part of the traffic, and cost neither memory nor order.
func TestFlood(t *testing.T) {
	if size := unsafe.Sizeof(Table{}); size > 128<<10 {
		t.Errorf("a table takes %d bytes", size)
	}
	const flood = 1_000_000 // hosts: two runs, two of them in a packet
	table := New(Hosts)
	real := packet(6, "192.168.1.20:51544", "192.168.1.20:51544", 1500)
	var p decode.Packet
	address(&p, netip.MustParseAddr("2001:db8::"), netip.MustParseAddr("2001:db8::"))
	p.WireLength = 60
	allocations := testing.AllocsPerRun(1, func() {
		for i := range uint64(flood / 4) {
			binary.BigEndian.PutUint64(p.SrcIP[8:], 2*i+uint64(table.packets)<<32)
			p.DstIP = p.SrcIP
			p.DstIP[4]++
			table.Add(&p)
			if i%100 == 0 {
				table.Add(real)
			}
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
	check(t, table)
	told := parse(t, table, 1)
	if r := told.Rows[0]; r.IP != "192.168.1.20" || r.BytesUnsure > told.Bytes*2/Entries {
		t.Errorf("%+v", r)
	}
	if told.RowsGivenUp == 0 {
		t.Error("no row was given up")
	}
}

// Long names with the same end are told apart, and shown by it.
func TestLongNames(t *testing.T) {
	end := strings.Repeat("x", 200) + ".example.org"
	table := New(Names)
	for _, name := range []string{"a." + end, "b." + end, "b." + end, end[len(end)-textBytes:]} {
		table.Add(named(decode.NameTLS, name))
	}
	told := parse(t, table, 10)
	if len(told.Rows) != 3 || told.Rows[0].Packets != 2 || told.Rows[1].Packets != 1 || told.Rows[2].Packets != 1 {
		t.Fatalf("%+v", told.Rows)
	}
	cut, whole := 0, 0
	for _, r := range told.Rows {
		switch r.Name {
		case "…" + end[len(end)-textBytes:]:
			cut++
		case end[len(end)-textBytes:]:
			whole++
		}
	}
	if cut != 2 || whole != 1 {
		t.Errorf("%+v", told.Rows)
	}
}

// A name is as the packet has it, also where JSON has an escape for it.
func TestNamesInJSON(t *testing.T) {
	table := New(Names)
	table.Add(named(decode.NameLLDP, `"attic" \010 <b>`))
	if r := parse(t, table, 1).Rows[0]; r.Name != `"attic" \010 <b>` || r.NameKind != "lldp" {
		t.Errorf("%+v", r)
	}
}

func TestKind(t *testing.T) {
	for k := Hosts; k <= Names; k++ {
		if got, ok := ParseKind(k.String()); got != k || !ok {
			t.Errorf("%q is %v, %v", k, got, ok)
		}
	}
	for _, word := range []string{"", "host", "HOSTS", "unknown"} {
		if k, ok := ParseKind(word); ok {
			t.Errorf("%q is %v", word, k)
		}
	}
}
