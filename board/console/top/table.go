// Package top finds what takes the most of the traffic, in memory that does not grow: hosts, services, protocols,
// conversations and names.
//
// The method is Space-Saving (A. Metwally, D. Agrawal, A. El Abbadi, "Efficient Computation of Frequent and Top-k Elements
// in Data Streams", ICDT 2005). A table has room for Entries rows. What has a row is counted exactly; what has none takes
// the row with the least weight, and that weight becomes the bound of what the newcomer may have had before. So
//
//	bytes of a row ≤ the truth ≤ bytes of the row + its error,   error ≤ all bytes counted / Entries
//
// and whatever has more than a share of 1/Entries of all bytes has a row, in whichever order the packets come. (Rows of
// hosts are counted twice a packet. Names are weighed in packets, and everything above holds with packets for bytes.)
package top

import (
	"bytes"
	"hash/maphash"

	"network-sniffer/decode"
)

// Bounds of a table, which takes less than 128 KiB whatever the traffic is.
const (
	// Entries is how many rows are counted at once. Full: the row with the least weight is given up for the new one, and
	// the new one's error says how much may be missing.
	Entries = 512
	// slots of the index of rows: a quarter of them is taken at most, so that a search ends soon.
	slots = 4 * Entries
	// keyBytes of what a row is of. Longer: only a name can be, see appendName.
	keyBytes = 160
)

// entry is a row as it is counted.
type entry struct {
	hash    uint64
	weight  uint64    // at least as much as the truth: orders the heap
	err     uint64    // how much of the weight is that of rows that were given up for this one
	packets [2]uint64 // since the row is there, for each of its lanes
	bytes   [2]uint64
	at      uint16 // in the heap
	length  uint8  // of the key
	key     [keyBytes]byte
}

func (e *entry) name() []byte { return e.key[:e.length] }

// Table counts packets of one kind of row. It belongs to one goroutine, and Add allocates nothing.
type Table struct {
	kind Kind
	seed maphash.Seed // nobody can choose addresses that fall into one place

	packets, bytes uint64 // of all packets that were added
	without        uint64 // packets of these that have no row of this kind
	skipped        uint64
	givenUp        uint64 // rows

	used    int
	entries [Entries]entry
	heap    [Entries]uint16 // entries by weight, the least one first: a binary heap
	index   [slots]uint16   // 1 + the number of an entry, at its hash or behind; 0: empty
}

// New returns an empty table.
func New(k Kind) *Table { return &Table{kind: k, seed: maphash.MakeSeed()} }

// Reset forgets everything.
func (t *Table) Reset() { *t = Table{kind: t.kind, seed: t.seed} }

// Skipped tells of packets that should have been counted and were not looked at.
func (t *Table) Skipped(n uint64) { t.skipped += n }

// Add counts a packet.
func (t *Table) Add(p *decode.Packet) {
	t.packets++
	t.bytes += uint64(p.WireLength)
	var k key
	switch t.kind {
	case Hosts:
		t.addHosts(p)
		return
	case Ports:
		k.port(p)
	case Protocols:
		k.protocol(p)
	case Conversations:
		k.conversation(p)
	case Names:
		k.name(p, t.seed)
	}
	t.count(&k, p)
}

func (t *Table) addHosts(p *decode.Packet) {
	var k key
	k.host(p, &p.SrcIP)
	t.count(&k, p)
	if k.n > 0 && p.SrcIP != p.DstIP { // a host that talks to itself took part once
		k = key{lane: 1}
		k.host(p, &p.DstIP)
		t.count(&k, p)
	}
}

// count adds the packet to the row of a key.
func (t *Table) count(k *key, p *decode.Packet) {
	if k.n == 0 {
		t.without++
		return
	}
	weight := uint64(p.WireLength)
	if t.kind == Names {
		weight = 1
	}
	e := t.row(k.bytes[:k.n])
	e.weight += weight
	e.packets[k.lane]++
	e.bytes[k.lane] += uint64(p.WireLength)
	t.sink(int(e.at))
}

// row returns the entry of a key: the one that it has, an unused one, or the one with the least weight.
func (t *Table) row(name []byte) *entry {
	hash := maphash.Bytes(t.seed, name)
	at := int(hash % slots)
	for ; t.index[at] != 0; at = (at + 1) % slots {
		if e := &t.entries[t.index[at]-1]; e.hash == hash && bytes.Equal(e.name(), name) {
			return e
		}
	}
	number := t.used
	if number < Entries {
		// Nothing is lighter than what has no weight yet.
		t.used++
		t.heap[number] = uint16(number)
		t.entries[number].at = uint16(number)
		t.raise(number)
	} else {
		number = int(t.heap[0])
		t.forget(uint16(number) + 1)
		t.givenUp++
		for at = int(hash % slots); t.index[at] != 0; at = (at + 1) % slots { // what stood in the way may have moved
		}
	}
	e := &t.entries[number]
	e.hash, e.err = hash, e.weight
	e.packets, e.bytes = [2]uint64{}, [2]uint64{}
	e.length = uint8(copy(e.key[:], name))
	t.index[at] = uint16(number) + 1
	return e
}

// forget takes an entry out of the index, and moves up those that stand behind it because they found their place taken
// (D. E. Knuth, The Art of Computer Programming 3, §6.4, algorithm R).
func (t *Table) forget(number uint16) {
	hole := int(t.entries[number-1].hash % slots)
	for t.index[hole] != number {
		hole = (hole + 1) % slots
	}
	for at := (hole + 1) % slots; t.index[at] != 0; at = (at + 1) % slots {
		home := int(t.entries[t.index[at]-1].hash % slots)
		if (at-home+slots)%slots >= (at-hole+slots)%slots {
			t.index[hole] = t.index[at]
			hole = at
		}
	}
	t.index[hole] = 0
}

// sink puts an entry that became heavier into its place in the heap.
func (t *Table) sink(at int) {
	for {
		least := at
		for child := 2*at + 1; child <= 2*at+2 && child < t.used; child++ {
			if t.weightAt(child) < t.weightAt(least) {
				least = child
			}
		}
		if least == at {
			return
		}
		t.swap(at, least)
		at = least
	}
}

// raise puts an entry that was added at the end into its place.
func (t *Table) raise(at int) {
	for at > 0 && t.weightAt(at) < t.weightAt((at-1)/2) {
		t.swap(at, (at-1)/2)
		at = (at - 1) / 2
	}
}

func (t *Table) weightAt(at int) uint64 { return t.entries[t.heap[at]].weight }

func (t *Table) swap(a, b int) {
	t.heap[a], t.heap[b] = t.heap[b], t.heap[a]
	t.entries[t.heap[a]].at, t.entries[t.heap[b]].at = uint16(a), uint16(b)
}
