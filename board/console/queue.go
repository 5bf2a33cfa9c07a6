package console

import (
	"time"

	"network-sniffer/decode"
)

// queue is what waits for a session's writer; session.mu guards it.
type queue struct {
	ring   [queuePackets]decode.Packet
	head   int // index of the oldest
	n      int
	bucket bucket

	skipped uint64    // packets not shown and not yet told
	since   time.Time // when skipped began to count
	paused  bool
	passed  uint64 // packets that went by while paused

	shown, hidden uint64 // of the whole session, for stats
}

// push appends as many of packets as the rate and the room allow and returns how many it took, and how many of
// the others had no room.
func (q *queue) push(packets []decode.Packet, now time.Time) (took, noRoom int) {
	fit := min(len(packets), queuePackets-q.n)
	took = q.bucket.take(now, fit)
	for i := range packets[:took] {
		q.ring[(q.head+q.n)%queuePackets] = packets[i]
		q.n++
	}
	return took, len(packets) - fit
}

// pop moves the oldest packets to dst and returns how many.
func (q *queue) pop(dst []decode.Packet) int {
	n := min(len(dst), q.n)
	for i := range dst[:n] {
		dst[i] = q.ring[q.head]
		q.head = (q.head + 1) % queuePackets
	}
	q.n -= n
	return n
}

// clear forgets what waits and returns how many packets that were.
func (q *queue) clear() uint64 {
	n := uint64(q.n)
	q.n = 0
	return n
}

// skip counts n packets that will not be shown.
func (q *queue) skip(n uint64, now time.Time) {
	if n == 0 {
		return
	}
	if q.skipped == 0 {
		q.since = now
	}
	q.skipped += n
	q.hidden += n
}

// noteIn is how long until a note of the skipped packets is due.
func (q *queue) noteIn(now time.Time) time.Duration { return noteEvery - now.Sub(q.since) }

// appendNote tells of the skipped packets and forgets them.
func (q *queue) appendNote(dst []byte) []byte {
	if q.skipped == 0 {
		return dst
	}
	dst = append(dst, "… "...)
	dst = append(dst, counted(q.skipped)...)
	dst = append(dst, " not shown\r\n"...)
	q.skipped = 0
	return dst
}
