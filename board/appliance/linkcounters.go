package appliance

import (
	"network-sniffer/rawsock"
	"network-sniffer/uplink"
)

// linkCounters adds up what an interface counts by itself, from the moment that its socket is about to be opened.
// It belongs to one goroutine. A nil one knows nothing.
type linkCounters struct {
	reader *rawsock.CounterReader
	index  int              // of the interface
	seen   rawsock.Counters // when it was read last
	sum    uplink.LinkCounts
}

// begin takes the counters' state before the socket is opened.
func (l *linkCounters) begin(index int) {
	if l == nil {
		return
	}
	seen, err := l.reader.Read(index)
	l.index, l.seen, l.sum = index, seen, uplink.LinkCounts{Known: err == nil}
}

// read returns what was counted since begin. It is not known of an interface that is gone.
func (l *linkCounters) read() uplink.LinkCounts {
	if l == nil || !l.sum.Known {
		return uplink.LinkCounts{}
	}
	now, err := l.reader.Read(l.index)
	if err != nil {
		return uplink.LinkCounts{}
	}
	l.sum.Received += since(now.Received, l.seen.Received)
	l.sum.Sent += since(now.Sent, l.seen.Sent)
	l.sum.Dropped += since(now.ReceiveDropped, l.seen.ReceiveDropped)
	l.seen = now
	return l.sum
}

// since is how much a counter grew; one that is smaller than before was reset by its driver.
func since(now, before uint64) uint64 {
	if now < before {
		return now
	}
	return now - before
}
