package top

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strconv"
	"time"
)

// heaviest returns the n rows that had the most of what the kind is weighed in, the most first. They are compared by what
// was surely theirs; those that are equal in this stand in the order of their keys.
func (t *Table) heaviest(n int) []*entry {
	rows := make([]*entry, t.used)
	for i := range rows {
		rows[i] = &t.entries[i]
	}
	slices.SortFunc(rows, func(a, b *entry) int {
		return cmp.Or(-cmp.Compare(a.weight-a.err, b.weight-b.err), slices.Compare(a.name(), b.name()))
	})
	return rows[:min(max(n, 0), len(rows))]
}

func sum(pair [2]uint64) uint64 { return pair[0] + pair[1] }

// rate is how much of n there was in a second, and whether that can be said.
func rate(n uint64, over time.Duration) (float64, bool) {
	if over <= 0 {
		return 0, false
	}
	return float64(n) / over.Seconds(), true
}

// label is what a row is of, for people. A conversation's is in two parts, which may stand below each other; others have
// the last alone.
func (t *Table) label(e *entry) (first, last string) {
	name := e.name()
	switch t.kind {
	case Hosts:
		return "", hostOf(name).String()
	case Ports:
		return "", portLabel(name)
	case Conversations:
		return talkLabel(name)
	case Names:
		return "", nameOf(name)
	}
	return "", string(name)
}

// portOf is what a service's key holds.
func portOf(name []byte) (protocol uint8, port uint16) {
	return name[0], binary.BigEndian.Uint16(name[1:])
}

// portLabel is as in "TCP/443 https".
func portLabel(name []byte) string {
	protocol, port := portOf(name)
	b := strconv.AppendUint(append(appendProtocol(nil, protocol), '/'), uint64(port), 10)
	if _, known := lookup(protocol, port); known != "" {
		b = append(append(b, ' '), known...)
	}
	return string(b)
}

// talkLabel is as in "192.168.1.20:51544 ↔" and "142.250.74.36:443 TCP".
func talkLabel(name []byte) (first, last string) {
	a, b := sides(name)
	has := name[2]
	if has&talkPorts != 0 {
		first, last = a.String(), b.String()
	} else {
		first, last = a.Addr().String(), b.Addr().String()
	}
	switch {
	case has&talkARP != 0:
		last += " ARP"
	case has&talkProtocol != 0:
		last += " " + string(appendProtocol(nil, name[1]))
	}
	return first + " ↔", last
}
